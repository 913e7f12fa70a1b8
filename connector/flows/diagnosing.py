"""A file for whoever looks for a mistake: how an installation is set up and doing, without anybody's data.

What other systems said is free text that may hold anything: of it only words stay that are our own.
"""

from __future__ import annotations

import platform
import re
import zipfile
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from io import BytesIO

import orjson
from sqlalchemy.engine import make_url

from connector import __version__
from connector.flows.tenant import Tenant
from connector.i18n import sentences
from connector.installation_settings import InstallationSettings
from connector.phone import prefix_of
from connector.store.alerts import Alerts
from connector.store.events import Events
from connector.store.figures import Figures
from connector.store.installations import Installations

_RUNS, _REASONS, _DAYS = 50, 30, 14
_PACKAGES = ("aiohttp", "sqlalchemy", "pydantic", "cryptography", "phonenumbers", "apscheduler")
#: Of the service's settings, those that are numbers, switches or words of ours.
_SERVICE = (
    "pipedrive_connections", "pipedrive_timeout", "pipedrive_daily_share", "pipedrive_burst",
    "thulium_requests_per_second", "thulium_connections", "thulium_timeout", "sync_interval", "sync_jitter",
    "sweep_interval", "sweep_interval_without_hooks", "lease", "first_look", "look_gap", "healing_looks",
    "retry_waits", "retry_limit", "topic_waits", "clock_control", "smtp_security", "log_level",
)  # fmt: skip
_HIDDEN = "***"
_WORD = re.compile(r"[^\W\d_]+")
_SHORT_NUMBER = 999
_LONGEST_PREFIX = len("+4870")


class Diagnosis:
    """Puts the file together."""

    def __init__(self, installations: Installations, alerts: Alerts, figures: Figures) -> None:
        """From what is kept; neither vendor is called."""
        self._installations, self._alerts, self._figures = installations, alerts, figures

    async def bundle(self, tenant: Tenant) -> bytes:
        """The file, a zip of JSON documents."""
        now = tenant.clock.now()
        parts: dict[str, object] = {
            "about": _about(tenant, now), "settings": masked_settings(tenant.settings),
            "state": await self._state(tenant), "counts": await self._counts(tenant),
            "runs": await self._runs(tenant), "alerts": await self._troubles(tenant),
            "budget": await self._budget(tenant, now), "problems": await self._problems(tenant),
        }  # fmt: skip
        written = BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
            for name, part in parts.items():
                file.writestr(f"{name}.json", orjson.dumps(part, option=_JSON, default=str))
        return written.getvalue()

    async def _state(self, tenant: Tenant) -> dict[str, object]:
        installed, hooks = tenant.installed, await self._installations.hooks(tenant.id)
        centres = await self._installations.centres(tenant.id)
        return {
            "state": installed.state, "reason": scrubbed(installed.reason), "runs": installed.runs,
            "settings_version": installed.settings_version, "hooks": sorted(hooks),
            "centres": [
                {"vendor": one.vendor, "state": one.state, "reason": scrubbed(one.reason),
                 "told_at_once": one.subscription_id is not None}
                for one in centres
            ],
        }  # fmt: skip

    async def _counts(self, tenant: Tenant) -> dict[str, object]:
        return {
            "events": await self._figures.open_entries(tenant.id), "index": await tenant.index.size(),
            "pairs": await tenant.bindings.counts(), "cases": await tenant.questions.counts(),
            "away": len(await tenant.suppressed.erasures()),
        }  # fmt: skip

    async def _runs(self, tenant: Tenant) -> list[dict[str, object]]:
        return [
            {
                "id": one.id, "cause": scrubbed(one.cause), "started_at": one.started_at, "ended_at": one.ended_at,
                "outcome": scrubbed(one.outcome), "counts": {scrubbed(name): n for name, n in one.counts.items()},
            }
            for one in await self._figures.runs(tenant.id, limit=_RUNS)
        ]  # fmt: skip

    async def _troubles(self, tenant: Tenant) -> dict[str, object]:
        tested = await self._alerts.self_test(tenant.id)
        standing = await self._alerts.standing(tenant.id)
        return {
            "self_test": None if tested is None else {
                "at": tested.at, "failed": list(tested.failed), "problems": [*map(scrubbed, tested.problems)],
            },
            "troubles": [
                {"kind": one.kind, "is_on": one.is_on, "since": one.since, "told_at": one.told_at,
                 "told": sorted(one.told), "failure": scrubbed(one.failure), "attempts": one.attempts}
                for one in standing.values()
            ],
        }  # fmt: skip

    async def _budget(self, tenant: Tenant, now: datetime) -> dict[str, object]:
        days = await self._figures.tokens(tenant.id, (now - timedelta(days=_DAYS)).date())
        return {
            "share": tenant.pipedrive.allowance,
            "tokens": {str(day): spent for day, spent in sorted(days.items())},
        }

    async def _problems(self, tenant: Tenant) -> dict[str, object]:
        failures = await Events(tenant.ledger).failures()
        failing = await tenant.dirty.failing(_REASONS)
        return {
            "events": [{"reason": scrubbed(one.reason), "count": one.count} for one in failures[:_REASONS]],
            "records": [{"reason": scrubbed(one.reason), "attempts": one.attempts} for one in failing],
        }


_JSON = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def _about(tenant: Tenant, now: datetime) -> dict[str, object]:
    service = tenant.service
    return {
        "at": now, "connector": __version__, "python": platform.python_version(), "system": platform.system(),
        "database": make_url(service.database_url).get_backend_name(),
        "packages": {name: version(name) for name in _PACKAGES},
        "installation": tenant.id, "public_https": service.public.scheme == "https",
        "has_app": bool(service.pipedrive_client_id), "has_mail_server": bool(service.smtp_host),
        "service": {name: getattr(service, name) for name in _SERVICE},
    }  # fmt: skip


def masked_settings(settings: InstallationSettings) -> dict[str, object]:
    """The settings with whatever may name somebody hidden, and as long as it is."""
    document = settings.model_dump(mode="json")
    agents = list(document["agent_users"].values())
    document["agent_users"] = {f"agent {number}": user for number, user in enumerate(agents, 1)}
    document["ignored_numbers"] = [_HIDDEN] * len(document["ignored_numbers"])
    # A long one may be somebody's number.
    document["dialling"]["refused"] = [
        one if len(prefix_of(one) or "") <= _LONGEST_PREFIX else _HIDDEN for one in settings.dialling.refused
    ]
    document["dial_out_prefix"] = _hidden(document["dial_out_prefix"])
    document["links"] = {name: _hidden(link) for name, link in document["links"].items()}
    document["queues"] = [rule | {"name": _hidden(rule["name"])} for rule in document["queues"]]
    document["alerts"]["emails"] = [_HIDDEN] * len(document["alerts"]["emails"])
    document["alerts"]["webhook"] = _hidden(document["alerts"]["webhook"])
    for records in ("customers", "companies"):
        part = document["contacts"][records]
        for row in part["fields"]:
            row["default"] = _hidden(row["default"])
            row["values"] = {f"value {n}": _HIDDEN for n, _ in enumerate(row["values"], 1)}
        for way in ("to_pipedrive", "to_centre"):
            if part[way] is not None:
                part[way] |= {
                    name: [_HIDDEN] * len(part[way][name]) for name in ("types", "groups", "labels")
                }
    for name, field in document["special_fields"].items():
        # Those of Pipedrive are codes; those of the contact centre have names that somebody chose.
        if name.startswith(("customer_", "ticket_")):
            document["special_fields"][name] = _hidden(field)
    document["deals"]["mirror_group"] = _hidden(document["deals"]["mirror_group"])
    return document


def _hidden(value: object) -> object:
    return _HIDDEN if value else value


def scrubbed(text: str) -> str:
    """A reason without anything but words of ours, marks and numbers of three digits."""
    known = _vocabulary()
    kept: list[str] = []
    for token in text.split():
        words = _WORD.findall(token)
        number = token.strip(".,:;()'\"")
        is_short = number.isascii() and number.isdigit() and int(number) <= _SHORT_NUMBER
        is_ours = (
            bool(words)
            and "@" not in token
            and not any(map(str.isdigit, token))
            and all(word.lower() in known for word in words)
        )
        shown = token if is_ours or is_short or not any(map(str.isalnum, token)) else _HIDDEN
        kept.append(shown)
    return " ".join(kept)


@cache
def _vocabulary() -> frozenset[str]:
    """All words of our own sentences, in lower case."""
    return frozenset(word.lower() for sentence in sentences() for word in _WORD.findall(sentence))
