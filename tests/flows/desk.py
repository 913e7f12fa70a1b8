"""One connected installation with one customer, and calls in its first runs: what the tests of the flows act on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector.app import Service
from connector.flows.indexing import ensure
from connector.flows.sync import sync
from connector.flows.tenant import Tenant
from connector.sandbox.pipedrive.config import Config
from tests.bad_days.days import Day, open_day

NUMBER = "+48 601 000 001"
ACTIVITIES = {"method": "POST", "path": "^/api/v2/activities$"}
#: An answer that does not come, while the effect lands when the test says so.
LATE = {"kind": "late_effect", "hold_seconds": 0.01, "seconds": 3600}


@dataclass
class Desk:
    day: Day
    service: Service
    tenant_id: str

    async def tenant(self) -> Tenant:
        return await self.service.tenant(self.tenant_id)

    def call(self, **details: object) -> str:
        """A call of the customer five minutes ago; gives its id."""
        at = (self.day.system.now() - timedelta(minutes=5)).isoformat()
        return str(self.day.happen("call", **{"number": NUMBER, "at": at, **details})["id"])

    async def run(self) -> None:
        """One run of the flow, and no more."""
        self.day.counts += await sync(await self.tenant())

    async def settle(self) -> None:
        await self.day.settle(self.service, self.tenant_id)

    async def sweep(self) -> None:
        """What the scheduler does every half an hour without webhooks."""
        await self.day.move(1800)
        await ensure(await self.tenant(), no_older_than=timedelta())

    async def states(self) -> dict[str, int]:
        """Entries by state, empty ones left out."""
        counts = await (await self.tenant()).ledger.counts()
        return {str(state): number for state, number in counts.items() if number}

    def note(self) -> str:
        """The note of the only activity."""
        (row,) = self.day.written()
        return str(row["note"])

    def person(self) -> dict[str, Any]:
        return next(iter(self.day.company.persons.records.values()))


@asynccontextmanager
async def open_desk(
    folder: Path,
    *,
    pipedrive: Config | None = None,
    persons: list[dict[str, object]] | None = None,
    admin: bool = True,
    now: datetime | None = None,
    **changes: object,
) -> AsyncIterator[Desk]:
    """A desk whose waits are the product's own, at a hundred times the speed."""
    waits = {
        "lease": 120, "first_look": 180, "look_gap": 60, "healing_looks": (900, 86400), "retry_waits": (30, 120),
        "topic_waits": (1800, 7200, 28800, 86400), "pipedrive_timeout": 2, "thulium_timeout": 2, **changes,
    }  # fmt: skip
    async with open_day(folder, pipedrive=pipedrive, waits=waits) as day:
        people = [{"name": "Jan Próba", "phones": [NUMBER]}] if persons is None else persons
        await day.world.seed_pipedrive(persons=people)
        if now is not None:
            await day.move((now - day.clock.now()).total_seconds())
        async with day.connector() as service:
            tenant = await day.install(service, day.system.now() - timedelta(hours=1), admin=admin)
            yield Desk(day, service, tenant.id)
