"""Runs of the activity flow: one at a time for an installation, each written down, every one cut short at a stop.

A backfill is a run of its own kind, beside those of what happens now: it may take hours.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import cast

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError, Unauthorised
from connector.flows.collecting import OVERLAP
from connector.flows.contacts.undoing import undo
from connector.flows.estimating import Estimate, count_period
from connector.flows.recovering import recover
from connector.flows.running import Progress, Running, Undoing, cause_of
from connector.flows.sync import add_topics, backfill, clear_doubts, sync
from connector.flows.tenant import Tenant, Tenants
from connector.flows.undoing import Withdrawn, take_back
from connector.metrics import Metrics
from connector.pipedrive.budget import Budget, Lane
from connector.records import Window
from connector.store.audit import Doer
from connector.store.entries import State
from connector.store.installations import Installations
from connector.store.operations import FINISHED, Operations

log = structlog.get_logger()

_LIVE_DELAY_S = 2.0
_UNDOINGS_KEPT = 100

#: What a run does with the installation, how far it is, and what it pays from.
Flow = Callable[[Tenant, Progress, Budget], Awaitable[object]]


async def _sync(tenant: Tenant, progress: Progress, _budget: Budget, *, back: timedelta) -> None:
    await sync(tenant, back=back, counts=progress.counts)


class Runs:
    """What this process does for each installation's events."""

    def __init__(
        self, tenants: Tenants, installations: Installations, operations: Operations, metrics: Metrics
    ) -> None:
        """`tenants` answers the installations as they are set up now."""
        self._tenants, self._installations = tenants, installations
        self._operations, self._metrics = operations, metrics
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._backfill_turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: dict[int, Running] = {}
        self._undoings: dict[tuple[str, int], Undoing] = {}
        self._withdrawals: dict[tuple[str, int], Withdrawn] = {}
        self._estimates: dict[str, Estimate] = {}
        self._estimating: dict[str, asyncio.Task[None]] = {}
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
            return await self._start(tenant, cause, partial(_sync, back=back))

    async def begin(self, tenant: Tenant) -> int | None:
        """Begin the activity flow because a person asks for it, without waiting for its end.

        Answers the run's number; None while another is under way.
        """
        return await self._begin(self._turns[tenant.id], tenant, "button", partial(_sync, back=OVERLAP))

    async def begin_backfill(self, tenant: Tenant, window: Window, tokens: int) -> int | None:
        """Begin to bring a past period for so many tokens at most, beside the runs of what happens now.

        Answers the run's number; None while another backfill is under way.
        """

        async def bring(tenant: Tenant, progress: Progress, budget: Budget) -> None:
            await backfill(tenant, window, budget=budget, progress=progress)

        turn = self._backfill_turns[tenant.id]
        return await self._begin(turn, tenant, cause_of(window), bring, tokens)

    async def _begin(
        self, turn: asyncio.Lock, tenant: Tenant, cause: str, flow: Flow, tokens: int = sys.maxsize
    ) -> int | None:
        if turn.locked() or self._stopping:
            return None
        await turn.acquire()
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = self._start(tenant, cause, flow, tokens, begun)
        task.add_done_callback(lambda _: turn.release())
        either: list[asyncio.Future[int] | asyncio.Task[Counter[str]]] = [task, begun]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not begun.done():
            await task
        return begun.result()

    def _start(
        self,
        tenant: Tenant,
        cause: str,
        flow: Flow,
        tokens: int = sys.maxsize,
        begun: asyncio.Future[int] | None = None,
    ) -> asyncio.Task[Counter[str]]:
        task = asyncio.create_task(self._run(tenant, cause, flow, Budget(tokens), begun))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _run(
        self, tenant: Tenant, cause: str, flow: Flow, budget: Budget, begun: asyncio.Future[int] | None
    ) -> Counter[str]:
        task = cast("asyncio.Task[Counter[str]]", asyncio.current_task())
        run_id = await self._operations.begin_run(tenant.id, cause)
        running = self._running[run_id] = Running(run_id, tenant.id, cause, task)
        if begun is not None and not begun.cancelled():
            begun.set_result(run_id)
        progress, outcome = running.progress, "failed"
        try:
            paying = replace(tenant.paying(Lane.ACTIVITIES, budget), run_id=run_id)
            await self.recover(paying)
            with self._metrics.runs.labels(tenant.id).time():
                await flow(paying, progress, budget)
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
            if not (self._stopping or running.stopped):
                raise
        except Exception as error:  # a mistake of ours must not stop the other installations
            outcome = f"a mistake in the connector: {type(error).__name__}"
            log.exception("run broke", installation=tenant.id)
        finally:
            counts = +progress.counts
            await self._operations.end_run(run_id, counts | {"tokens": budget.spent}, outcome)
            del self._running[run_id]
        self.count(tenant, counts)
        log.info(
            "run ended", installation=tenant.id, cause=cause, outcome=outcome, tokens=budget.spent, **counts
        )
        return counts

    def running(self, installation_id: str) -> list[Running]:
        """The runs of an installation that are under way in this process."""
        return [one for one in self._running.values() if one.installation_id == installation_id]

    def stop_run(self, installation_id: str, run_id: int) -> bool:
        """Cut a run short because a person wants it; answers whether it was under way here."""
        running = self._running.get(run_id)
        if running is None or running.installation_id != installation_id:
            return False
        running.stopped = True
        running.task.cancel()
        return True

    def undo(self, tenant: Tenant, run_id: int) -> bool:
        """Begin to take back what a run wrote on customers and companies; False while that is under way already."""
        standing = self._undoings.get((tenant.id, run_id))
        if self._stopping or (standing is not None and standing.is_under_way):
            return False
        if len(self._undoings) >= _UNDOINGS_KEPT:
            self._undoings.pop(next(iter(self._undoings)))
        undoing = self._undoings[tenant.id, run_id] = Undoing()
        self._keep(self._take_back(tenant, run_id, undoing))
        return True

    async def _take_back(self, tenant: Tenant, run_id: int, undoing: Undoing) -> None:
        try:
            undoing.undone = await undo(tenant, self._operations, run_id)
        except ConnectorError as error:
            undoing.problem = str(error)
            report(tenant, "undo", error)
        except BaseException as error:
            undoing.problem = f"a mistake in the connector: {type(error).__name__}"
            if isinstance(error, asyncio.CancelledError):
                undoing.problem = "the connector was stopped; take it back once more"
                raise
            log.exception("undo broke", installation=tenant.id, run=run_id)

    def undoing(self, installation_id: str, run_id: int) -> Undoing | None:
        """What came of the last taking back of a run that this process began."""
        return self._undoings.get((installation_id, run_id))

    def withdraw(self, tenant: Tenant, run_id: int, doer: Doer) -> bool:
        """Begin to take back the activities of a run; False while that is under way already."""
        standing = self._withdrawals.get((tenant.id, run_id))
        if self._stopping or (standing is not None and not standing.ended):
            return False
        if len(self._withdrawals) >= _UNDOINGS_KEPT:
            self._withdrawals.pop(next(iter(self._withdrawals)))
        withdrawn = self._withdrawals[tenant.id, run_id] = Withdrawn()
        self._keep(self._withdraw(tenant, run_id, doer, withdrawn))
        return True

    async def _withdraw(self, tenant: Tenant, run_id: int, doer: Doer, withdrawn: Withdrawn) -> None:
        try:
            await take_back(tenant, run_id, doer, withdrawn)
        except ConnectorError as error:
            withdrawn.stopped = str(error)
            report(tenant, "undo", error)
        except Exception as error:
            withdrawn.stopped = f"a mistake in the connector: {type(error).__name__}"
            log.exception("undo broke", installation=tenant.id, run=run_id)
        finally:
            withdrawn.ended = True

    def withdrawal(self, installation_id: str, run_id: int) -> Withdrawn | None:
        """How far the last taking back of a run's activities is that this process began."""
        return self._withdrawals.get((installation_id, run_id))

    def estimate(self, tenant: Tenant, window: Window) -> None:
        """Begin to count what a backfill of a period would bring, instead of the count made before."""
        if (before := self._estimating.get(tenant.id)) is not None:
            before.cancel()
        estimate = self._estimates[tenant.id] = Estimate(window)
        self._estimating[tenant.id] = self._keep(self._count_period(tenant, estimate))

    async def _count_period(self, tenant: Tenant, estimate: Estimate) -> None:
        try:
            await count_period(tenant, estimate)
        except ConnectorError as error:
            estimate.problem = str(error)
            report(tenant, "estimate", error)
        except Exception as error:
            estimate.problem = f"a mistake in the connector: {type(error).__name__}"
            log.exception("estimate broke", installation=tenant.id)

    def estimated(self, installation_id: str) -> Estimate | None:
        """The count of a past period that was asked for last."""
        return self._estimates.get(installation_id)

    def _keep(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Have it done in the background, until a stop."""
        task = asyncio.create_task(work)
        self._told.add(task)
        task.add_done_callback(self._told.discard)
        return task

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
        self._estimates.pop(installation_id, None)

    def count(self, tenant: Tenant, counts: Counter[str]) -> None:
        """Add outcomes to the metrics."""
        for name, number in counts.items():
            self._metrics.outcomes.labels(tenant.id, name).inc(number)

    def sync_soon(self, tenant: Tenant) -> None:
        """Near real time: one run for all that arrives within a moment."""
        if tenant.id not in self._awaited and not self._stopping:
            self._awaited.add(tenant.id)
            self._keep(self._sync_awaited(tenant.id, tenant.clock))

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
        for turn in [*self._turns.values(), *self._backfill_turns.values()]:
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
