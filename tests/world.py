"""Both simulators and the connector on real sockets in one process: what most tests act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.typedefs import Middleware

from connector.app import Service, open_service
from connector.clock import Clock
from connector.flows.sync import sync
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings
from connector.sandbox.pipedrive.app import create_app as create_pipedrive
from connector.sandbox.pipedrive.config import Config as PipedriveConfig
from connector.sandbox.pipedrive.config import demo_config
from connector.sandbox.thulium.app import Config as ThuliumConfig
from connector.sandbox.thulium.app import create_app as create_thulium
from connector.sandbox.thulium.phones import Engine
from connector.settings import Settings
from tests import compiled

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
ADMIN_TOKEN = "demo-api-token"
SYSTEM, USER, PASSWORD = "demo", "connector", "demo-password"

#: The product's waits, a thousand times shorter.
SHORT_WAITS = {
    "lease": 0.6, "first_look": 0.03, "look_gap": 0.01, "healing_looks": (0.05, 0.5), "retry_waits": (0.01,),
    "topic_waits": (1800, 7200), "thulium_requests_per_second": 0, "thulium_connections": 8,
    "pipedrive_timeout": 0.25, "thulium_timeout": 0.25, "log_level": "ERROR",
}  # fmt: skip


@asynccontextmanager
async def listening(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Serve `app` on a port of loopback, any one unless told which; gives its origin."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class World:
    """Two vendors, a database file and a way to open the connector on them."""

    pipedrive: str
    thulium: str
    http: ClientSession
    database: Path
    waits: Mapping[str, object] = field(default_factory=dict)

    def settings(self, **changes: object) -> Settings:
        """The settings of a connector that works on these simulators."""
        hosts = tuple(origin.removeprefix("http://") for origin in (self.pipedrive, self.thulium))
        values: dict[str, Any] = {
            "database_url": f"sqlite:///{self.database}", "secret_keys": (KEY,), "trusted_hosts": hosts,
            "pipedrive_client_id": "demo-client", "pipedrive_client_secret": "demo-secret",
            "pipedrive_oauth_url": self.pipedrive, "pipedrive_api_url": self.pipedrive,
            "thulium_url": self.thulium + "/{system}", **SHORT_WAITS, **self.waits, **changes,
        }  # fmt: skip
        return Settings(_env_file=None, **values)

    @asynccontextmanager
    async def connector(self, clock: Clock | None = None, **changes: object) -> AsyncIterator[Service]:
        """The connector, open on this world's database."""
        database = {"database_url": f"{compiled.SQLITE}:///{self.database}"}
        async with open_service(self.settings(**database | changes), clock) as service:
            yield service

    async def happen(self, what: str, **details: object) -> Any:
        """Have something happen in the contact centre now."""
        return await self._post(f"{self.thulium}/_sandbox/happen", {"what": what, **details})

    async def seed_centre(self, **body: object) -> Any:
        """Load a past into the contact centre."""
        return await self._post(f"{self.thulium}/_sandbox/seed", body)

    async def seed_pipedrive(self, **body: object) -> Any:
        """Load records into Pipedrive's first company."""
        return (await self._post(f"{self.pipedrive}/_sandbox/seed", body))["companies"][0]

    async def edit(self, **body: object) -> Any:
        """Act as a person in Pipedrive."""
        return await self._post(f"{self.pipedrive}/_sandbox/edit", body)

    async def fault(self, side: str, kind: str, **details: object) -> None:
        """Break `side` ("pipedrive" or "thulium") on request."""
        await self._post(f"{getattr(self, side)}/_sandbox/faults", {"kind": kind, **details})

    async def mend(self, side: str) -> None:
        """Take all faults of a side away."""
        async with self.http.delete(f"{getattr(self, side)}/_sandbox/faults") as answer:
            answer.raise_for_status()

    async def calls(self, side: str) -> list[dict[str, Any]]:
        """The API calls a side has received."""
        calls: list[dict[str, Any]] = await self._get(f"{getattr(self, side)}/_sandbox/calls")
        return calls

    async def activities(self, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Activities in Pipedrive's first company."""
        rows = await self._get(f"{self.pipedrive}/_sandbox/activities")
        return [row for row in rows if deleted or not row["is_deleted"]]

    async def records(self, entity: str) -> list[dict[str, Any]]:
        """Persons or organizations in Pipedrive's first company, deleted ones too."""
        rows: list[dict[str, Any]] = await self._get(f"{self.pipedrive}/_sandbox/records?entity={entity}")
        return rows

    async def cards(self) -> list[dict[str, Any]]:
        """Customers of the contact centre, cards of companies among them."""
        rows: list[dict[str, Any]] = await self._get(f"{self.thulium}/_sandbox/cards")
        return rows

    async def events(self) -> list[dict[str, Any]]:
        """What truly happened in the contact centre, comments left out."""
        rows = await self._get(f"{self.thulium}/_sandbox/events")
        return [row for row in rows if row["type"] != "COMMENT"]

    async def _post(self, url: str, body: Mapping[str, object]) -> Any:
        async with self.http.post(url, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def _get(self, url: str) -> Any:
        async with self.http.get(url) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()


@asynccontextmanager
async def open_world(
    tmp_path: Path,
    *,
    pipedrive: PipedriveConfig | None = None,
    thulium: ThuliumConfig | None = None,
    middlewares: Sequence[Middleware] = (),
    engine: Engine | None = None,
    **waits: object,
) -> AsyncIterator[World]:
    """Start both simulators; `middlewares` see all that reaches Pipedrive, `engine` makes the phones ring."""
    async with (
        listening(create_pipedrive(pipedrive or demo_config(limits=False), middlewares)) as crm,
        listening(create_thulium(thulium, engine=engine)) as centre,
        ClientSession() as http,
    ):
        yield World(crm, centre, http, tmp_path / "connector.db", waits)


async def install(service: Service, *, since: datetime | None = None, **settings: object) -> Tenant:
    """Install by personal token, connect the contact centre as of `since`, switch it on, and give the tenant."""
    arrival = await service.install_token(ADMIN_TOKEN)
    await service.connect_centre(
        arrival.installation_id, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD, since=since
    )
    await switch_on(service, arrival.installation_id, **settings)
    return await service.tenant(arrival.installation_id)


async def switch_on(service: Service, installation_id: str, **settings: object) -> None:
    """Let an installation run by itself, with these settings in place of those it began with, if any are given."""
    tenant = await service.tenant(installation_id)
    document = (
        InstallationSettings.model_validate({"switched_on": True} | settings)
        if settings
        else tenant.settings.model_copy(update={"switched_on": True})
    )
    assert await service.installations.set_settings(
        tenant.id, document, seen_version=tenant.installed.settings_version
    )


async def settle_down(service: Service, tenant: Tenant, *, rounds: int = 40) -> Counter[str]:
    """Run the flow until nothing is under way any more."""
    total: Counter[str] = Counter()
    for _ in range(rounds):
        total += await sync(await service.tenant(tenant.id))
        counts = await tenant.ledger.counts()
        if not counts["new"] and not counts["retry"] and not counts["sending"]:
            break
        await service.clock.sleep(0.03)
    return total


def ago(**amount: float) -> datetime:
    """A moment before now."""
    return datetime.now(UTC) - timedelta(**amount)
