"""First loads that a person begins in the service: one at a time for an installation, stopped with it, resumed by a person."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from connector.errors import ConnectorError
from connector.flows.contacts.load_progress import AtWork
from connector.flows.contacts.loading import previewed, restart, run_load, tie_together
from connector.flows.tenant import Tenant
from connector.runs import report
from connector.store.dirty import Side
from connector.store.installations import Installations
from connector.store.operations import Operations

log = structlog.get_logger()

#: What is being sent is settled within this, or looked for when the load goes on.
_SETTLED_WITHIN_S = 5.0

Flow = Callable[[Tenant, AtWork], Awaitable[None]]


class FirstLoads:
    """The first loads of this process."""

    def __init__(self, installations: Installations, operations: Operations) -> None:
        """Begin none yet."""
        self._installations, self._operations = installations, operations
        self._at_work: dict[str, AtWork] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    def of(self, installation_id: str) -> AtWork | None:
        """The one that is under way, or was last."""
        return self._at_work.get(installation_id)

    def preview(self, tenant: Tenant, source: Side) -> bool:
        """Begin to count what a load of this side would do, or has left to do; False while another is under way."""

        async def count(tenant: Tenant, work: AtWork) -> None:
            await previewed(tenant, source, work.say, anew=True)

        return self._begin(tenant, AtWork(writes=False), count)

    def start(self, tenant: Tenant, source: Side) -> bool:
        """Begin or go on to write; where no preview holds any more, one is made and nothing is written."""
        return self._begin(
            tenant, AtWork(writes=True), lambda tenant, work: self._write(tenant, source, work)
        )

    async def _write(self, tenant: Tenant, source: Side, work: AtWork) -> None:
        before = await tenant.loads.open()
        load = await previewed(tenant, source, work.say)
        if before is None or load.id != before.id:
            work.anew = True
            return
        if not work.stopping.is_set():
            tied = await tie_together(tenant, self._installations, load)
            await run_load(tied, self._operations, load, work.stopping, work.say)

    def stop_one(self, installation_id: str) -> bool:
        """Have what is being sent settled, and then stop; a count is cut short. Answers whether one was under way."""
        work, task = self._at_work.get(installation_id), self._tasks.get(installation_id)
        if work is None or task is None or work.ended:
            return False
        work.stopping.set()
        if not work.writes:
            task.cancel()
        return True

    async def end(self, tenant: Tenant) -> bool:
        """End the open load for good; False while it is under way, here or in another process."""
        work, load = self._at_work.get(tenant.id), await tenant.loads.open()
        if work is not None and not work.ended:
            return False
        if load is not None:
            if not await tenant.loads.claim(load.id, lease_s=tenant.service.lease):
                return False
            await restart(tenant)
        return True

    def _begin(self, tenant: Tenant, work: AtWork, flow: Flow) -> bool:
        before = self._at_work.get(tenant.id)
        if self._stopping or (before is not None and not before.ended):
            return False
        self._at_work[tenant.id] = work
        self._tasks[tenant.id] = asyncio.create_task(self._run(tenant, work, flow))
        return True

    async def _run(self, tenant: Tenant, work: AtWork, flow: Flow) -> None:
        try:
            await flow(tenant, work)
        except ConnectorError as error:
            work.trouble = str(error)
            report(tenant, "load", error)
        except Exception as error:  # a mistake of ours is said on the page, and why in the log
            work.trouble = f"a mistake in the connector: {type(error).__name__}"
            log.exception("load broke", installation=tenant.id)
        finally:
            work.ended = True
            del self._tasks[tenant.id]

    async def stop(self) -> None:
        """Begin nothing more, and let those under way settle what they have sent."""
        self._stopping = True
        for installation_id in list(self._tasks):
            self.stop_one(installation_id)
        if self._tasks:
            tasks = list(self._tasks.values())
            _, late = await asyncio.wait(tasks, timeout=_SETTLED_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
