"""How a simulated Pipedrive is set up."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sandbox.wire import Object

PLANS = ("lite", "growth", "premium", "ultimate")
PLAN_MULTIPLIER = dict(zip(PLANS, (1, 2, 5, 7), strict=True))
APP_BURST = dict(zip(PLANS, (80, 160, 400, 480), strict=True))
PERSONAL_BURST = dict(zip(PLANS, (20, 40, 100, 120), strict=True))
SEARCH_BURST = 10
BURST_SECONDS = 2

SCOPES = (
    "base deals:full contacts:full activities:full users:read webhooks:full contact-fields:full deal-fields:full "
    "search:read recents:read admin phone-integration"
)


@dataclass
class App:
    """A registered app. `redirect_uri` None accepts any callback; `scopes` are set here, never in the authorize URL."""

    client_id: str = "demo-client"
    secret: str = "demo-secret"
    name: str = "Contact centre connector"
    redirect_uri: str | None = None
    scopes: str = SCOPES


@dataclass(frozen=True)
class Config:
    """Settings of one simulator.

    `plan` is that of companies which name none. `limits` False switches the burst limits off, `daily_limit` False the
    daily budget; spending is counted either way. `companies` are made at the start, in the form of
    `POST /_sandbox/seed`; when `api_domain` is None, tokens name the origin they were asked from. `hook_retries` are
    the vendor's pauses in seconds before the second, third and fourth attempt, each times `hook_time_scale`.
    `search_delay_seconds` is how long the search index lags behind.
    """

    plan: str = "growth"
    limits: bool = True
    daily_limit: bool = True
    latency_ms: float = 0
    apps: tuple[App, ...] = (App(),)
    companies: tuple[Object, ...] = ()
    api_domain: str | None = None
    hook_retries: tuple[float, ...] = (3, 30, 150)
    hook_time_scale: float = 1
    hook_timeout_seconds: float = 10
    search_delay_seconds: float = 0


DEMO_COMPANY: Object = {
    "name": "Przykład sp. z o.o.",
    "domain": "przyklad",
    "currency": "PLN",
    "users": [
        {"name": "Łucja Żak", "email": "lucja.zak@example.com", "admin": True, "api_token": "demo-api-token"},
        {"name": "Michał Ćwik", "email": "michal.cwik@example.com"},
        {"name": "Anna Gęś", "email": "anna.ges@example.com"},
    ],
}


def demo_config(**changes: object) -> Config:
    """Give the settings of `python -m connector.sandbox.pipedrive`: one company, an admin and two users."""
    return Config(**{"companies": (DEMO_COMPANY,), **changes})  # type: ignore[arg-type]
