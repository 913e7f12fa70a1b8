"""Runs of the activity flow: one at a time for an installation, each written down, every one cut short at a stop."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError, Unauthorised
from connector.flows.collecting import OVERLAP
from connector.flows.recovering import recover
from connector.flows.sync import add_topics, clear_doubts, sync
from connector.flows.tenant import Tenant, Tenants
from connector.metrics import Metrics
from connector.store.entries import State
from connector.store.installations import Installations
from connector.store.operations import FINISHED, Operations

log = structlog.get_logger()

_LIVE_DELAY_S = 2.0


class Runs:
    """What this process does for each installation's events."""

    def __init__(
        self, tenants: Tenants, installations: Installations, operations: Operations, metrics: Metrics
    ) -> None:
        """`tenants` answers the installations as they are set up now."""
        self._tenants, self._installations = tenants, installations
        self._operations, self._metrics = operations, metrics
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._recovering: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._recovered: set[str] = set()
        self._awaited: set[str] = set()
        self._told: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[Counter[str]]] = set()
        self._stopping = False

    async def sync(
        self,
        tenant: Tenant,
        *,
        cause: str = "schedule",
        back: timedelta = OVERLAP,
        after_others: bool = False,
    ) -> Counter[str]:
        """Run the activity flow once; answers its counts.

        While another run of the installation is under way nothing is done, or, `after_others`, its end awaited.
        """
        turn = self._turns[tenant.id]
        if turn.locked() and not after_others:
            return Counter()
        async with turn:
            if self._stopping:
                return Counter()
            # A task of its own, so that a stop cuts the run short and not whoever asked for it.
            run = asyncio.create_task(self._run(tenant, cause, back))
            self._under_way.add(run)
            run.add_done_callback(self._under_way.discard)
            return await run

    async def _run(self, tenant: Tenant, cause: str, back: timedelta) -> Counter[str]:
        run_id = await self._operations.begin_run(tenant.id, cause)
        counts, outcome = Counter[str](), "failed"
        try:
            await self.recover(tenant)
            with self._metrics.runs.labels(tenant.id).time():
                counts = await sync(tenant, back=back)
            outcome = FINISHED
            if tenant.installed.reason:
                await self._installations.set_reason(tenant.id, "")
        except ConnectorError as error:
            outcome = f"{type(error).__name__}: {error}"
            report(tenant, "sync", error)
            if isinstance(error, Unauthorised):
                # It is tried again at each run: a refusal may pass. Until then the installation says what to do.
                await self._installations.set_reason(tenant.id, f"Pipedrive refuses the token: {error}")
        except asyncio.CancelledError:
            outcome = "stopped"
            if not self._stopping:
                raise
        except Exception as error:  # a mistake of ours must not stop the other installations
            outcome = f"a mistake in the connector: {type(error).__name__}"
            log.exception("run broke", installation=tenant.id)
        finally:
            await self._operations.end_run(run_id, counts, outcome)
        self.count(tenant, counts)
        log.info("run ended", installation=tenant.id, cause=cause, outcome=outcome, **counts)
        return counts

    async def look(self, tenant: Tenant) -> None:
        """Catch up after a rest, then do what came due since the last run: looks, retries, late topics."""
        await self.recover(tenant)
        due = await tenant.doubts.next_due()
        if due is None or due > tenant.clock.now():
            return
        self.count(tenant, await clear_doubts(tenant))
        await tenant.ledger.promote()
        if (await tenant.ledger.counts())[State.NEW]:
            await self.sync(tenant, cause="second look")
        else:
            self.count(tenant, await add_topics(tenant))

    async def recover(self, tenant: Tenant) -> None:
        """Learn once what happened while nobody was here; nothing is written before that is known."""
        async with self._recovering[tenant.id]:
            if tenant.id not in self._recovered:
                await recover(tenant, self._operations)
                self._recovered.add(tenant.id)

    async def beat(self) -> None:
        """Note that all that were caught up with still are."""
        await self._operations.beat(list(self._recovered))

    def forget(self, installation_id: str) -> None:
        """An installation is gone; should it come back, it has a rest behind it."""
        self._recovered.discard(installation_id)

    def count(self, tenant: Tenant, counts: Counter[str]) -> None:
        """Add outcomes to the metrics."""
        for name, number in counts.items():
            self._metrics.outcomes.labels(tenant.id, name).inc(number)

    def sync_soon(self, tenant: Tenant) -> None:
        """Near real time: one run for all that arrives within a moment."""
        if tenant.id not in self._awaited and not self._stopping:
            self._awaited.add(tenant.id)
            told = asyncio.create_task(self._sync_awaited(tenant.id, tenant.clock))
            self._told.add(told)
            told.add_done_callback(self._told.discard)

    async def _sync_awaited(self, installation_id: str, clock: Clock) -> None:
        try:
            await clock.sleep(_LIVE_DELAY_S)
            # A run under way may have read the contact centre too early to know of this event.
            async with self._turns[installation_id]:
                pass
        finally:
            self._awaited.discard(installation_id)
        # Settings may have changed since the event was told.
        for tenant in await self._tenants():
            if tenant.id == installation_id and tenant.installed.runs:
                await self.sync(tenant, cause="webhook", after_others=True)

    async def idle(self) -> None:
        """Wait until no run is under way."""
        for turn in list(self._turns.values()):
            async with turn:
                pass

    async def stop(self) -> None:
        """Begin no run any more, and end those under way: what is being sent is finished, the rest given back."""
        self._stopping = True
        for run in self._under_way:
            run.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for told in self._told:
            told.cancel()
        await asyncio.gather(*self._told, return_exceptions=True)


def report(tenant: Tenant, job: str, error: ConnectorError) -> None:
    """Say in the log what failed for an installation."""
    log.warning("job failed", job=job, installation=tenant.id, error=type(error).__name__, message=str(error))
