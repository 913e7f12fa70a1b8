"""Works through the marks: the most urgent first, a few at a time, and each failure blocks only its own record."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from connector.errors import ConnectorError, Retryable, UnknownOutcome
from connector.flows.contacts.reconciling import reconcile
from connector.flows.contacts.work import Braked, Work
from connector.flows.tenant import Tenant
from connector.flows.worker import HALTING, retry_wait
from connector.store.bindings import Bond
from connector.store.dirty import Marked, Urgency
from connector.store.operations import FINISHED, Operations

log = structlog.get_logger()

_BATCH = 50
_AT_ONCE = 4
#: What a person asks for is never paused, nor what has to be made for it, such as the company of a customer.
BUTTON = "button"
HOUR = timedelta(hours=1)
#: What a person lets go may take a while to be written.
_RELEASED_FOR = timedelta(days=1)
#: What was refused is tried again after a day, and after twice as long each time, unless somebody edits it.
_REFUSED, _REFUSED_AT_MOST = timedelta(days=1), timedelta(days=30)
#: Of all pairs, so many may be written in an hour from one cause before a person has to look.
_SHARE = 0.05


@dataclass(slots=True)
class Brake:
    """How many writes each cause may still make; counted anew whenever what was counted last is used up."""

    tenant: Tenant
    _left: dict[str, int] = field(default_factory=dict)
    _counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def allow(self, cause: str, urgency: Urgency, times: int = 1) -> bool:
        """Whether a cause may write that often; a button always may, and a load is held to its own preview."""
        if urgency in (Urgency.BUTTON, Urgency.LOAD) or cause == BUTTON:
            return True
        async with self._counting:
            if self._left.get(cause, 0) < times:
                self._left[cause] = await allowance(self.tenant, cause)
            if self._left[cause] >= times:
                self._left[cause] -= times
                return True
            if cause not in await paused(self.tenant):
                changes = self.tenant.changes
                await changes.pull_brake(cause, await changes.written(cause, within=HOUR))
                log.warning("brake pulled", installation=self.tenant.id, cause=cause)
        return False


async def paused(tenant: Tenant) -> list[str]:
    """Causes that wait for a person."""
    return [one.cause for one in await tenant.changes.braked() if one.released_at is None]


async def limit_of(tenant: Tenant) -> int:
    """How many writes an hour of one cause are usual."""
    counts = await tenant.bindings.counts()
    pairs = sum(states.get(Bond.BOUND, 0) for states in counts.values())
    return max(tenant.settings.contacts.brake, int(pairs * _SHARE))


async def allowance(tenant: Tenant, cause: str) -> int:
    """How many writes a cause has left: of the hour, or of what a person let go within the last day."""
    changes, now = tenant.changes, tenant.clock.now()
    left = await limit_of(tenant) - await changes.written(cause, within=HOUR)
    for one in await changes.braked():
        if one.cause == cause and one.released_at is not None and now - one.released_at < _RELEASED_FOR:
            left = max(left, one.allowance - await changes.written(cause, within=now - one.released_at))
    return left


@asynccontextmanager
async def at_work(tenant: Tenant, operations: Operations, *, cause: str = "contacts") -> AsyncIterator[Work]:
    """One turn; its run is opened by the first write and ended with the turn."""
    run_ids: list[int] = []
    opening = asyncio.Lock()

    async def run() -> int:
        async with opening:
            if not run_ids:
                run_ids.append(await operations.begin_run(tenant.id, cause))
        return run_ids[0]

    work = Work(tenant, Brake(tenant).allow, run)
    outcome = "failed"
    try:
        yield work
        outcome = FINISHED
    except ConnectorError as error:
        outcome = f"{type(error).__name__}: {error}"
        raise
    finally:
        if run_ids:
            await operations.end_run(run_ids[0], work.counts, outcome)


async def work_through(tenant: Tenant, operations: Operations, *, limit: int | None = None) -> Counter[str]:
    """Work on all marks that are due, or on `limit` of them; answers counts by outcome.

    An error of the whole company or its credentials ends the turn and is raised; what was not worked on is given back.
    """
    async with at_work(tenant, operations) as work:
        while limit is None or limit > 0:
            size = _BATCH if limit is None else min(limit, _BATCH)
            taken = await tenant.dirty.take(size, lease_s=tenant.service.lease, without=await paused(tenant))
            if not taken:
                break
            limit = None if limit is None else limit - len(taken)
            await work_on(work, taken)
    return work.counts


async def work_on(work: Work, taken: Sequence[Marked]) -> None:
    """Work on a batch, a few at a time; companies stand before their people."""
    halted: list[ConnectorError] = []
    waiting = list(reversed(taken))
    done: list[Marked] = []

    async def one_after_another() -> None:
        while waiting and not halted:
            marked = waiting.pop()
            try:
                if await _one(work, marked):
                    done.append(marked)
            except HALTING as error:
                halted.append(error)
                waiting.append(marked)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(one_after_another())
    finally:
        await work.tenant.dirty.clear(done)
        cleared = {id(one) for one in done}
        await work.tenant.dirty.give_back([one for one in taken if id(one) not in cleared])
    if halted:
        raise halted[0]


async def _one(work: Work, marked: Marked) -> bool:
    """Work on one record; answers whether its mark may go. Raises what concerns the whole company."""
    tenant = work.tenant
    now = tenant.clock.now()
    try:
        await reconcile(work, marked)
    except HALTING:
        raise
    except Braked:
        await tenant.dirty.put_off(marked, "paused by the brake", now, failed=False)
        return False
    except UnknownOutcome as error:
        # What was sent may still arrive: it is read again after that.
        until = now + timedelta(seconds=tenant.service.first_look)
        await tenant.dirty.put_off(marked, str(error), until)
    except Retryable as error:
        until = now + timedelta(seconds=error.after or retry_wait(marked.attempts, tenant.service))
        await tenant.dirty.put_off(marked, str(error), until)
    except ConnectorError as error:
        # Perhaps a right is missing, or the company it names was deleted: that may have changed by tomorrow.
        work.counts["refused"] += 1
        until = now + min(_REFUSED * 2 ** min(marked.attempts, 10), _REFUSED_AT_MOST)
        await tenant.dirty.put_off(marked, str(error), until)
    except Exception as error:  # a mistake of ours must not stop the other records
        log.exception(
            "record not kept in step", installation=tenant.id, entity=marked.entity, side=marked.side
        )
        work.counts["broken"] += 1
        await tenant.dirty.put_off(marked, f"a mistake in the connector: {type(error).__name__}", None)
    else:
        work.counts["looked at"] += 1
        return True
    return False
