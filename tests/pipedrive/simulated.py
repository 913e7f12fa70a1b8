"""A simulated Pipedrive on a real socket, with the judge of every request in front of it, and our client on it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from yarl import URL

from connector.clock import Clock
from connector.pipedrive import oauth
from connector.pipedrive.budget import Governor
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.credentials import Credentials
from connector.pipedrive.records import Tokens
from connector.sandbox.pipedrive.app import WORLD, create_app
from connector.sandbox.pipedrive.config import demo_config
from connector.settings import Settings
from tests.contract.checker import Checker
from tests.pipedrive.conftest import Spending, Vault


@dataclass
class Simulated:
    """The simulator, its controls and what a client of it needs."""

    origin: str
    session: ClientSession
    settings: Settings
    clock: Clock
    users: list[int]
    store: Vault
    credentials: Credentials
    governor: Governor
    spending: Spending
    pipedrive: Pipedrive
    checker: Checker = field(repr=False)

    async def control(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        """Give the simulator an order, or look into it."""
        async with self.session.request(method, f"{self.origin}/_sandbox/{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            found: object = await answer.json() if answer.status != 204 else None
            return found

    async def fault(self, kind: str, **rule: object) -> None:
        """Have the next matching call go wrong."""
        await self.control("POST", "faults", {"kind": kind, **rule})

    async def calls(self) -> list[str]:
        """Method and path of each API call since the simulator began."""
        log = await self.control("GET", "calls")
        assert isinstance(log, list)
        return [f"{call['method']} {call['path'].partition('?')[0]}" for call in log]

    def another(self) -> "Simulated":
        """A second process on the same grant: it shares the stored tokens and nothing else."""
        return _client(
            self.origin, self.session, self.settings, self.clock, self.users, self.store, self.checker
        )


@asynccontextmanager
async def simulated(
    clock: Clock | None = None,
    *,
    personal: bool = False,
    settings: Mapping[str, object] | None = None,
    **config: object,
) -> AsyncIterator[Simulated]:
    """Start a simulator on the same clock, install the app as its first user (or take a personal token) and judge all that is said."""
    checker = Checker()
    app: web.Application = create_app(demo_config(**config), middlewares=[checker.middleware])
    async with TestServer(app) as server, ClientSession() as session:
        origin = str(server.make_url("/")).rstrip("/")
        clock = clock or Clock()
        clock.on_move(lambda: setattr(app[WORLD].clock, "offset", clock.offset))
        given = Settings.model_validate(
            {
                "public_url": "http://127.0.0.1:9",
                "trusted_hosts": (f"{server.host}:{server.port}",),
                "pipedrive_oauth_url": origin,
                "pipedrive_api_url": origin,
                "pipedrive_client_id": "demo-client",
                "pipedrive_client_secret": "demo-secret",
                "pipedrive_timeout": 2,
                **(settings or {}),
            }
        )
        users = await _users(session, origin)
        tokens = (
            oauth.personal(given, "demo-api-token")
            if personal
            else await install(session, given, users[0], clock.now())
        )
        one = _client(origin, session, given, clock, users, Vault(tokens, clock), checker)
        yield one
        await one.governor.close()
        checker.assert_clean()


async def install(session: ClientSession, settings: Settings, user: int, now: datetime) -> Tokens:
    """Go through the consent page as a person does, and trade the code."""
    form = {
        "client_id": settings.pipedrive_client_id,
        "redirect_uri": oauth.redirect_uri(settings),
        "state": "s",
        "user": str(user),
        "decision": "allow",
    }
    async with session.get(oauth.authorize_url(settings, "s")) as page:
        assert page.status == 200
    async with session.post(
        f"{settings.pipedrive_oauth_url}/oauth/authorize", data=form, allow_redirects=False
    ) as answer:
        back = URL(answer.headers["Location"])
    assert back.query["state"] == "s"
    return await oauth.exchange_code(session, settings, back.query["code"], now)


async def _users(session: ClientSession, origin: str) -> list[int]:
    async with session.get(f"{origin}/_sandbox/companies") as answer:
        return [user["id"] for user in (await answer.json())[0]["users"]]


def _client(
    origin: str,
    session: ClientSession,
    settings: Settings,
    clock: Clock,
    users: list[int],
    store: Vault,
    checker: Checker,
) -> Simulated:
    spending = Spending()
    governor = Governor(clock, settings, spending)
    credentials = Credentials(store, session, clock, settings)
    pipedrive = Pipedrive(session, credentials, governor, clock, settings)
    return Simulated(
        origin, session, settings, clock, users, store, credentials, governor, spending, pipedrive, checker
    )
