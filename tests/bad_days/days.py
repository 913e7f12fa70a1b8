"""A small working day on both simulators, run through whatever goes wrong, and the count of what came of it.

The simulators are compared with each other, never with our ledger: each event has a name of its own that a link or
the text carries into the note of its activity.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from aiohttp import ClientSession, web

from connector.app import Service
from connector.clock import Clock
from connector.errors import ConnectorError, Retryable, Unauthorised
from connector.flows.sync import add_topics, clear_doubts, sync
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings
from connector.sandbox.faults import Faults, Rule, read_rule
from connector.sandbox.pipedrive import oauth
from connector.sandbox.pipedrive.app import FAULTS as PIPEDRIVE_FAULTS
from connector.sandbox.pipedrive.app import WORLD
from connector.sandbox.pipedrive.app import create_app as create_pipedrive
from connector.sandbox.pipedrive.config import Config, demo_config
from connector.sandbox.pipedrive.state import Company
from connector.sandbox.thulium.app import FAULTS as THULIUM_FAULTS
from connector.sandbox.thulium.app import create_app as create_thulium
from connector.sandbox.thulium.control import SYSTEMS
from connector.sandbox.thulium.events import HAPPENINGS
from connector.sandbox.thulium.seed import load
from connector.sandbox.thulium.state import System
from connector.sandbox.thulium.truth import facts
from connector.sandbox.thulium.wire import Body
from connector.store.migrations import migrate
from tests.world import PASSWORD, SYSTEM, USER, World, listening

#: Links carry the id of a call or chat into the note; messages are told apart by their own words.
LINKS = {
    "call": "https://centre.example.com/calls/{id}/end",
    "chat": "https://centre.example.com/chats/{id}/end",
}


SIDES = ("pipedrive", "thulium")


async def look_again(tenant: Tenant) -> Counter[str]:
    """All that comes due after a write, as between two runs."""
    return await clear_doubts(tenant) + await add_topics(tenant)


class QuickClock(Clock):
    """Time that runs `speed` times as fast as it does outside, and jumps where it is told to."""

    def __init__(self, speed: float = 100) -> None:
        super().__init__()
        self._speed = speed
        self._began = datetime.now(UTC)

    def now(self) -> datetime:
        return self._began + (datetime.now(UTC) - self._began) * self._speed + self.offset

    async def sleep(self, seconds: float) -> None:
        deadline = self.now() + timedelta(seconds=seconds)
        while (left := (deadline - self.now()).total_seconds()) > 0:  # noqa: ASYNC110  # a jump is noticed soon
            await asyncio.sleep(min(left / self._speed, 0.005))


@dataclass
class Day:
    """Both simulators at hand, not only through their sockets, and a connector's database between them."""

    world: World
    pipedrive: web.Application
    thulium: web.Application
    clock: QuickClock = field(default_factory=QuickClock)
    counts: Counter[str] = field(default_factory=Counter)
    land_after: float = 600

    @property
    def company(self) -> Company:
        return next(iter(self.pipedrive[WORLD].companies.values()))

    @property
    def system(self) -> System:
        return self.thulium[SYSTEMS][SYSTEM]

    def faults(self, side: str) -> Faults:
        return self.pipedrive[PIPEDRIVE_FAULTS] if side == "pipedrive" else self.thulium[THULIUM_FAULTS]

    def fault(self, side: str, **rule: object) -> Rule:
        return self.faults(side).add(read_rule(rule))

    def mend(self) -> None:
        for side in SIDES:
            self.faults(side).rules.clear()

    async def move(self, seconds: float) -> None:
        """Let time pass, everywhere at once; effects that come late land before a while longer than `land_after`."""
        if seconds > self.land_after:
            for side in SIDES:
                await self.faults(side).land()
        self.clock.move_to(self.clock.offset + timedelta(seconds=seconds))
        ahead = self.clock.now() - datetime.now(UTC)
        self.pipedrive[WORLD].clock.offset = self.system.clock.offset = ahead

    def happen(self, what: str, **details: object) -> dict[str, object]:
        return HAPPENINGS[what](self.system, Body(details))

    def seed(self, **body: object) -> dict[str, object]:
        return load(self.system, Body(body))

    @asynccontextmanager
    async def connector(self, **changes: object) -> AsyncIterator[Service]:
        async with self.world.connector(self.clock, **changes) as service:
            yield service

    # a person who does what the product asks of them

    def code(self, service: Service, *, admin: bool = True) -> str:
        """What a user's consent gives."""
        pipedrive = self.pipedrive[WORLD]
        user = next(user for user in self.company.users.values() if user.admin is admin)
        redirect = f"{service.settings.public_url}/oauth/callback"
        return oauth.issue_code(pipedrive, pipedrive.apps["demo-client"], user, redirect)

    async def install(self, service: Service, since: datetime, *, admin: bool = True) -> Tenant:
        """Install in the browser and connect the contact centre, again and again until it works."""
        for _ in range(8):
            try:
                arrival = await service.install_code(self.code(service, admin=admin))
                await service.connect_centre(
                    arrival.installation_id, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD, since=since
                )  # fmt: skip
                break
            except ConnectorError as error:
                await self.move(wait_of(error))
        else:
            raise AssertionError("the installation never succeeded")
        tenant = await service.tenant(arrival.installation_id)
        return await self.set_up(service, tenant)

    async def set_up(self, service: Service, tenant: Tenant, **settings: object) -> Tenant:
        """Set the installation's settings, with links that name each call and chat."""
        document = InstallationSettings.model_validate({"links": LINKS, **settings})
        seen = tenant.installed.settings_version
        assert await service.installations.set_settings(tenant.id, document, seen_version=seen)
        return await service.tenant(tenant.id)

    async def reconnect(self, service: Service) -> None:
        try:
            await service.install_code(self.code(service))
        except ConnectorError as error:
            await self.move(wait_of(error))

    async def settle(self, service: Service, tenant_id: str, *, rounds: int = 120) -> None:
        """Do as the scheduler does, time passing in between, until nothing is under way or due."""
        whole = True
        for _ in range(rounds):
            tenant = await service.tenant(tenant_id)
            try:
                counts = await (sync(tenant) if whole else look_again(tenant))
            except Unauthorised:
                await self.reconnect(service)
                whole = True
                continue
            except ConnectorError as error:
                await self.move(wait_of(error))
                whole = True
                continue
            self.counts += counts
            states, due = await tenant.ledger.counts(), await tenant.doubts.next_due()
            if counts["unread"] or (whole and states["new"]):
                # The run halted, or could not read: the next one comes after half an hour.
                await self.move(1800)
            elif states["new"] or states["retry"]:
                await self.until(due or self.clock.now())
                whole = True
            elif due is not None:
                await self.until(due)
                whole = False
            else:
                return
        raise AssertionError(f"never quiet: {await tenant.ledger.counts()}")

    async def until(self, due: datetime) -> None:
        await self.move(max(300.0, (due - self.clock.now()).total_seconds() + 1))

    # what came of it

    def written(self) -> list[dict[str, Any]]:
        return [row for row in self.company.activities.records.values() if not row["is_deleted"]]

    def names(self, since: datetime | None = None) -> list[str]:
        """What stands in the note of each event that happened."""
        found = []
        for fact in facts(self.system, since, None):
            if fact["kind"] == "message":
                if fact["type"] != "COMMENT":
                    found.append(fact["text"])
            else:
                found.append(f"/{fact['kind']}s/{fact['id']}/end")
        return found

    def copies(self, names: list[str] | None = None) -> dict[str, int]:
        """How many living activities each event has."""
        notes = [row["note"] or "" for row in self.written()]
        return {name: sum(name in note for note in notes) for name in names or self.names()}

    def wrong(self) -> list[str]:
        """Events that do not have exactly one activity, and activities of no event."""
        copies = self.copies()
        found = [f"{count} of {name}" for name, count in copies.items() if count != 1]
        if len(self.written()) > len(copies):
            found.append(f"{len(self.written())} activities of {len(copies)} events")
        return found


def wait_of(error: ConnectorError) -> float:
    return (error.after or 60.0) + 1 if isinstance(error, Retryable) else 60.0


@cache
def empty_database() -> Path:
    """A migrated database to copy: migrating one takes longer than a whole day of ours."""
    path = Path(mkdtemp(prefix="connector-test-")) / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@asynccontextmanager
async def open_day(
    folder: Path, *, pipedrive: Config | None = None, waits: Mapping[str, object] | None = None
) -> AsyncIterator[Day]:
    """Both simulators, listening, and a fresh database."""
    crm, centre = create_pipedrive(pipedrive or demo_config(limits=False)), create_thulium()
    async with listening(crm) as crm_url, listening(centre) as centre_url, ClientSession() as http:
        world = World(crm_url, centre_url, http, folder / "connector.db", waits or {})
        shutil.copy(empty_database(), world.database)
        yield Day(world, crm, centre)
