"""Customers and companies kept in step, and what we write on their cards: one worker at a time for an installation.

It is woken by webhooks, sweeps and people.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable
from datetime import datetime, timedelta

import structlog

from connector.errors import ConnectorError
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.working import paused, work_through
from connector.flows.deals.addresses import write_due_pages
from connector.flows.deals.mirroring import mirror_due
from connector.flows.tenant import Tenant, Tenants
from connector.metrics import Metrics
from connector.runs import report
from connector.store.operations import Operations

log = structlog.get_logger()

#: After an error of the whole company, nothing is tried for so long unless somebody asks for it.
_REST = timedelta(minutes=1)
#: So many records are worked on with the settings as they were at the beginning.
_A_TURN = 200


class Keeper:
    """What this process does to keep both sides of each installation the same."""

    def __init__(self, tenants: Tenants, operations: Operations, metrics: Metrics) -> None:
        """`tenants` answers the installations as they are set up now."""
        self._tenants, self._operations, self._metrics = tenants, operations, metrics
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._awaited: set[str] = set()
        self._resting: dict[str, datetime] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopping = False

    def soon(self, tenant: Tenant) -> None:
        """Have an installation's marks worked on; those that come while that is under way are seen to as well."""
        if tenant.id in self._awaited or self._stopping:
            return
        self._awaited.add(tenant.id)
        task = asyncio.create_task(self._work(tenant.id))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def look(self, tenant: Tenant) -> None:
        """Work on what came due; nothing while it rests after an error."""
        until = self._resting.get(tenant.id)
        now = tenant.clock.now()
        if (until is None or now >= until) and await self._is_more_due(tenant):
            self.soon(tenant)

    async def _work(self, installation_id: str) -> None:
        async with self._turns[installation_id]:
            self._awaited.discard(installation_id)
            tenant = next((one for one in await self._tenants() if one.id == installation_id), None)
            if tenant is None or not tenant.installed.runs or self._stopping:
                return
            counts = Counter[str]()
            well = await _tried(tenant, "pages", write_due_pages(tenant))
            well &= await _tried(tenant, "mirror", mirror_due(tenant))
            if in_step(tenant):
                well &= await _tried(tenant, "contacts", self._keep_in_step(tenant, counts))
            if not well:
                self._resting[tenant.id] = tenant.clock.now() + _REST
            else:
                self._resting.pop(tenant.id, None)
                if await self._is_more_due(tenant):
                    # In a turn of its own: settings may have changed, or the brake been pulled.
                    asyncio.get_running_loop().call_soon(self.soon, tenant)
            for name, number in counts.items():
                self._metrics.contacts.labels(tenant.id, name).inc(number)
            if counts:
                log.info("contacts kept in step", installation=tenant.id, **counts)

    async def _keep_in_step(self, tenant: Tenant, counts: Counter[str]) -> None:
        counts.update(await work_through(tenant, self._operations, limit=_A_TURN))

    async def _is_more_due(self, tenant: Tenant) -> bool:
        times = [await tenant.cards.next_due()]
        if in_step(tenant):
            times.append(await tenant.dirty.next_due(without=await paused(tenant)))
        return any(at is not None and at <= tenant.clock.now() for at in times)

    async def idle(self) -> None:
        """Wait until no installation is being worked on."""
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def stop(self) -> None:
        """Begin nothing more and cut short what is under way: what was sent and not settled is looked for later."""
        self._stopping = True
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


async def _tried(tenant: Tenant, job: str, work: Awaitable[None]) -> bool:
    """Do it; answers whether it did not fail, which is said in the log."""
    try:
        await work
    except ConnectorError as error:
        report(tenant, job, error)
    except Exception:
        log.exception("job broke", job=job, installation=tenant.id)
    else:
        return True
    return False
