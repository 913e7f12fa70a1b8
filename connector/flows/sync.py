"""One run of the whole activity flow for an installation: clear what is in doubt, read, write, add late topics.

It may be cancelled at any time: what was sent is then settled, what was not begun is given back, and what was not
read in full is read again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import structlog

from connector.errors import BudgetSpent, ConnectorError, Misconfigured, Unauthorised
from connector.flows.activities import Writing
from connector.flows.collecting import OVERLAP, collect, collect_period
from connector.flows.indexing import ensure
from connector.flows.running import Progress
from connector.flows.tenant import Tenant
from connector.flows.topics import add_late_topics
from connector.flows.verifying import heal, verify
from connector.pipedrive.budget import Budget, Lane
from connector.records import Window
from connector.store.entries import Due, State

log = structlog.get_logger()

#: Reading that takes longer than this goes on while what it found is written.
_HEAD_START_S = 0.05


async def sync(
    tenant: Tenant, *, back: timedelta = OVERLAP, counts: Counter[str] | None = None
) -> Counter[str]:
    """Run the flow once; answers `counts`, which are added to as it goes, by outcome.

    Where there is much to read, as after a rest, writing overlaps it. Misconfigured while the installation is switched off.
    """
    if not tenant.settings.switched_on:
        raise Misconfigured(
            f"{tenant.installed.name} is switched off: connector switch on, or the console's set-up."
        )
    counts = Counter() if counts is None else counts
    counts.update(await clear_doubts(tenant))
    reading = asyncio.create_task(_read(tenant, back, counts))
    try:
        await asyncio.wait([reading], timeout=_HEAD_START_S)
        if not reading.done():
            try:
                await write(tenant, Lane.ACTIVITIES, counts)
            except ConnectorError:
                # What ails Pipedrive is no reason to know less of the contact centre.
                await reading
                raise
        await reading
    finally:
        if reading.cancel():
            await asyncio.wait([reading])
    await write(tenant, Lane.ACTIVITIES, counts)
    counts.update(await add_topics(tenant))
    return counts


async def _read(tenant: Tenant, back: timedelta, counts: Counter[str]) -> None:
    """Read every contact centre; one that fails does not hold up the others."""
    for centre in tenant.centres.values():
        try:
            counts["collected"] += await collect(tenant, centre, back=back)
        except ConnectorError as error:
            counts["unread"] += 1
            await centre.note(str(error))
            log.warning(
                "contact centre not read", installation=tenant.id, connection=centre.id, error=str(error)
            )
        else:
            await centre.note("")


async def backfill(
    tenant: Tenant, window: Window, *, budget: Budget, progress: Progress | None = None
) -> Counter[str]:
    """Bring a past period, paying all that it asks of Pipedrive from `budget`; answers the counts of `progress`.

    What that does not reach stays for the next backfill. It is counted as `still_to_write`, as is what was sent without
    an answer, which the regular runs look for.
    """
    progress = progress or Progress()
    counts = progress.counts
    for number, centre in enumerate(tenant.centres.values()):

        def reached(share: float, fresh: int, *, before: int = number) -> None:
            counts["collected"] += fresh
            progress.read = (before + share) / len(tenant.centres)

        await collect_period(tenant, centre, window, reached)
    await write(tenant.paying(Lane.BACKFILL, budget), Lane.BACKFILL, counts)
    states = await tenant.ledger.counts(window)
    counts["still_to_write"] = states[State.NEW] + states[State.SENDING]
    return counts


async def clear_doubts(tenant: Tenant) -> Counter[str]:
    """Verify unknown outcomes and heal doubles that are due; who comes meanwhile waits for its turn."""
    async with tenant.looking:
        counts = await verify(tenant)
        counts["healed"] += await heal(tenant)
        return counts


async def add_topics(tenant: Tenant) -> Counter[str]:
    """Add late topics that are due, one pass at a time: a contact centre that hangs holds up nothing else."""
    async with tenant.asking:
        return await add_late_topics(tenant)


async def write(tenant: Tenant, lane: Lane, counts: Counter[str]) -> None:
    """Write what is new, if there is anything, and count it: an idle run costs no token."""
    await tenant.ledger.promote()
    due = Due.BACKFILL if lane is Lane.BACKFILL else Due.LIVE
    if not await tenant.ledger.new(1, lane=due):
        return
    writing = Writing(tenant, lane, counts=counts)
    try:
        await ensure(tenant, no_older_than=tenant.sweep_every)
        await writing.run()
    except BudgetSpent as error:
        if due is Due.LIVE:
            raise
        writing.halted_by = error
    if writing.halted_by is not None:
        log.warning("run halted", installation=tenant.id, error=str(writing.halted_by))
        if isinstance(writing.halted_by, Unauthorised | Misconfigured):
            raise writing.halted_by
