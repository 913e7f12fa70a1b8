"""A first load of one side into the other: read once, previewed, then written batch by batch until all is done.

It may be stopped or killed at any time. What it had sent then is looked for before anything is sent again, and the rest
goes on where it was. A load writes what its preview counted, and a twentieth more; beyond that it pauses.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from connector.errors import ConnectorError, Misconfigured, Retryable
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, Kind
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.load_merging import merge
from connector.flows.contacts.load_pairing import link, make, with_counterparts
from connector.flows.contacts.load_settling import Say, read_back, settle_doubts
from connector.flows.contacts.load_writing import STOPPING, Tally, Writer
from connector.flows.contacts.planning import Case, Fate, apart, decide
from connector.flows.contacts.previewing import PAGE, estimate, limits, preview
from connector.flows.contacts.staging import (
    Ground,
    read_both,
    refresh,
)
from connector.flows.indexing import ensure
from connector.flows.tenant import Centre, Tenant
from connector.flows.worker import retry_wait
from connector.store.dirty import Side
from connector.store.installations import Installations
from connector.store.loads import OPEN, Item, Loaded, Phase, Stage
from connector.store.operations import FINISHED, Operations

log = structlog.get_logger()

#: Loads that may have written something already.
_BEGUN = (Phase.RUNNING, Phase.PAUSED)
#: A preview that is older is made anew.
_PREVIEW_HOLDS = timedelta(hours=24)
_PATIENCE = 5
_LEAST = 10
#: So often a load looks itself for what others change in Pipedrive: what it has written is listed with it.
_SWEEP = timedelta(hours=2)
_NAP = 0.25


class _Pause(Exception):  # named after what happens
    """The load stops here for now; the message says why."""


def home_of(tenant: Tenant) -> Centre:
    """The contact centre that a load is of; Misconfigured where none is connected."""
    home = next(iter(tenant.centres.values()), None)
    if home is None:
        raise Misconfigured("No contact centre is connected: connector centre connect.")
    return home


@asynccontextmanager
async def _held(tenant: Tenant, load: Loaded) -> AsyncIterator[Loaded]:
    """Have a load for this process until the end; it is given as it is then.

    Waits as long as one that was killed may still seem to be alive.
    """
    give_up = tenant.clock.now() + timedelta(seconds=tenant.service.lease + 1)
    while not await tenant.loads.claim(load.id, lease_s=tenant.service.lease):
        if (await _again(tenant, load)).state not in OPEN:
            raise Retryable(f"{load.cause} has been ended by another process; start again")
        if tenant.clock.now() > give_up:
            raise Retryable(
                f"{load.cause} is being worked on by another process; wait until it ends or stop it"
            )
        await tenant.clock.sleep(min(_NAP, tenant.service.lease / 2))
    holding = asyncio.create_task(_hold(tenant, load))
    try:
        yield await _again(tenant, load)
    finally:
        holding.cancel()
        await tenant.loads.release(load.id)


async def _hold(tenant: Tenant, load: Loaded) -> None:
    """Keep a load for this process as long as it is at work."""
    while await tenant.loads.hold(load.id, lease_s=tenant.service.lease):
        await tenant.clock.sleep(tenant.service.lease / 4)


async def previewed(tenant: Tenant, source: Side, say: Say, *, anew: bool = False) -> Loaded:
    """The open load of this side with a preview that holds; reads and counts where there is none, or `anew`.

    One that was begun keeps what it has done: only what is left is counted. Misconfigured while one of the other side
    is open.
    """
    load = await tenant.loads.open()
    if load is not None:
        _check_side(load, source)
        if not anew and holds(tenant, load, source):
            return load
    if load is not None and load.state not in _BEGUN:
        async with _held(tenant, load) as there:
            # Another process may have gone on with it while this one waited.
            _check_side(there, source)
            if not anew and holds(tenant, there, source):
                return there
            if there.state not in _BEGUN:
                await tenant.loads.drop(load.id, Phase.DROPPED, "a newer preview was made")
                load = None
    if load is None:
        version = tenant.installed.settings_version
        load = await tenant.loads.begin(source, settings_version=version)
        if load is None:
            raise Retryable("Another process has just begun a load; wait until it ends or stop it")
    async with _held(tenant, load) as there:
        return await _count(tenant, there, say)


def _check_side(load: Loaded, source: Side) -> None:
    if load.source != source and load.state in _BEGUN:
        raise Misconfigured(
            f"{load.cause}, from {load.source}, has not ended: go on with it, or end it by starting with --restart."
        )


def holds(tenant: Tenant, load: Loaded, source: Side) -> bool:
    """Whether a load of this side can be gone on with as it was counted."""
    if load.state is not Phase.PREVIEWED:
        return load.source == source and load.state in _BEGUN
    read_at, version = load.read_at, tenant.installed.settings_version
    fresh = read_at is not None and tenant.clock.now() - read_at < _PREVIEW_HOLDS
    return load.source == source and load.settings_version == version and fresh


async def _count(tenant: Tenant, load: Loaded, say: Say) -> Loaded:
    ground = Ground(tenant, load, home_of(tenant))
    if load.state is Phase.READING:
        say({"doing": "reading both sides"})
        await read_both(ground)
    say({"doing": "counting"})
    found = await preview(ground)
    counted = {
        "records": found.records, "counts": _plain(found.counts), "reasons": _plain(found.reasons),
        "writes": _plain(found.writes), "estimate": estimate(ground, found),
        "examples": {str(fate): some for fate, some in found.examples.items()},
    }  # fmt: skip
    state = Phase.PREVIEWED if load.state is Phase.READING else load.state
    done = {name: load.counts.get(name, 0) for name in ("made", "changed")}
    allowed = {name: done[name] + more for name, more in limits(found.writes).items()}
    if not await tenant.loads.hold(load.id, lease_s=tenant.service.lease):
        raise Retryable(f"{load.cause} was taken over by another process; wait until it ends or stop it")
    await tenant.loads.note(load.id, preview=counted | {"limits": allowed}, state=state)
    return await _again(tenant, load)


async def _again(tenant: Tenant, load: Loaded) -> Loaded:
    found = await tenant.loads.find(load.id)
    return load if found is None else found


def _plain(counts: Mapping[str, int]) -> dict[str, int]:
    return {str(name): number for name, number in counts.items() if number}


async def restart(tenant: Tenant) -> None:
    """End the open load, if there is one; what it has written stays."""
    if (load := await tenant.loads.open()) is not None:
        async with _held(tenant, load):
            await tenant.loads.drop(load.id, Phase.DROPPED, "ended by a person")


async def tie_together(tenant: Tenant, installations: Installations, load: Loaded) -> Tenant:
    """See to the fields that tie both sides together; answers the tenant as it is set up then."""
    for problem in await keep_special_fields(tenant, installations):
        log.warning("special field missing", installation=tenant.id, reason=problem)
    installed = next(one for one in await installations.all() if one.id == tenant.id)
    await tenant.loads.note(load.id, settings_version=installed.settings_version)
    return replace(tenant, installed=installed)


async def run_load(
    tenant: Tenant, operations: Operations, load: Loaded, stopping: asyncio.Event, say: Say
) -> Loaded:
    """Write what is left of a previewed load; answers it finished, or paused with its reason.

    All writes are noted under one run, however often the load is resumed.
    """
    async with _held(tenant, load) as there:
        run_id = there.run_id or await operations.begin_run(tenant.id, "load")
        started_at = there.started_at or tenant.clock.now()
        await tenant.loads.note(load.id, state=Phase.RUNNING, reason="", run_id=run_id, started_at=started_at)
        allowed = there.preview.get("limits")
        most = dict(allowed) if isinstance(allowed, dict) else {}
        tally = Tally(Counter(there.counts), list(there.problems), most)
        ground = Ground(tenant, there, home_of(tenant))
        loading = Loading(ground, Writer(ground, run_id, tally), stopping, say)
        reason = ""
        try:
            reason = await loading.run()
        except BaseException as error:
            reason = f"it broke off: {type(error).__name__}"
            raise
        finally:
            # Whoever has taken it over meanwhile writes down what becomes of it.
            if await tenant.loads.hold(load.id, lease_s=tenant.service.lease):
                await loading.note(state=Phase.PAUSED, reason=reason)
                await operations.end_run(run_id, tally.counts, reason or FINISHED)
                if not reason:
                    await tenant.loads.drop(load.id, Phase.FINISHED)
    return await _again(tenant, load)


@dataclass(slots=True)
class Loading:
    """One load at work in this process."""

    ground: Ground
    writer: Writer
    stopping: asyncio.Event
    say: Say

    async def run(self) -> str:
        """Go on until all is done; answers an empty text then, or why the load pauses."""
        try:
            await refresh(self.ground)
            for kind in (COMPANIES, CUSTOMERS):
                await self._load(kind)
            await read_back(self.ground, self.say)
        except _Pause as pause:
            reason = str(pause)
        except ConnectorError as error:
            reason = str(error)
        else:
            return ""
        if not self.stopping.is_set():
            try:
                await read_back(self.ground, self.say)
            except ConnectorError as error:
                log.warning("not read back", installation=self.ground.tenant.id, error=str(error))
        return reason

    async def note(self, **more: object) -> None:
        """Write down how far the load is."""
        tally = self.writer.tally
        await self.ground.tenant.loads.note(
            self.ground.load.id, counts=_plain(tally.counts), problems=tally.problems, **more
        )

    async def _load(self, kind: Kind) -> None:
        """Load one kind to its end; trouble that may pass is waited for a few times."""
        tenant, own = self.ground.tenant, self.ground.own(kind)
        tally, fruitless = self.writer.tally, 0
        while True:
            await self._breathe(kind)
            before, due = tally.moved, None
            try:
                await settle_doubts(self.ground, kind)
                items = await tenant.loads.take(self.ground.load.id, own, self._size(kind))
                if items:
                    await self._batch(kind, items)
                else:
                    due = await tenant.loads.next_due(self.ground.load.id, own)
                    if due is None:
                        return
            except STOPPING:
                raise
            except Retryable as error:
                tally.trouble = error
            self._stop_if_halted()
            if due is not None:
                await self._rest((due - tenant.clock.now()).total_seconds() + 0.001)
                continue
            fruitless = 0 if tally.moved > before else fruitless + 1
            if fruitless > _PATIENCE:
                raise _Pause(str(tally.trouble or "nothing could be done"))
            if fruitless:
                asked = tally.trouble.after if tally.trouble is not None else None
                await self._rest(max(asked or 0.0, retry_wait(fruitless - 1, tenant.service)))

    async def _breathe(self, kind: Kind) -> None:
        """Between two batches: keep the load, say how far it is, and stop where that is asked."""
        tenant, load = self.ground.tenant, self.ground.load
        if self.stopping.is_set():
            raise _Pause("it was stopped")
        if not await tenant.loads.hold(load.id, lease_s=tenant.service.lease):
            raise _Pause("another process has taken it over")
        await self.note()
        self.say({"doing": f"loading, {self.ground.own(kind)}", **_plain(self.writer.tally.counts)})

    def _size(self, kind: Kind) -> int:
        """How many records make a batch: no more than both sides take while its claims hold."""
        tenant, there = self.ground.tenant, self.ground.centre.api.pace
        # Companies of a contact centre are written and read one by one.
        paces = (tenant.pipedrive.pace, there / 2 if there and kind is COMPANIES else None)
        most = [int(pace * tenant.service.lease / 4) for pace in paces if pace is not None]
        return min(PAGE, max(_LEAST, min(most, default=PAGE)))

    def _stop_if_halted(self) -> None:
        tally = self.writer.tally
        if tally.halted is not None:
            raise _Pause(str(tally.halted))
        if tally.over:
            raise _Pause(
                "it would write more than its preview counted: look at a new preview (--preview), then start it again"
            )

    async def _rest(self, seconds: float) -> None:
        """Wait, but not longer than until somebody asks it to stop."""
        tenant = self.ground.tenant
        until = tenant.clock.now() + timedelta(seconds=seconds)
        while (left := (until - tenant.clock.now()).total_seconds()) > 0:
            if self.stopping.is_set():
                raise _Pause("it was stopped")
            await tenant.clock.sleep(min(left, _NAP))

    async def _batch(self, kind: Kind, items: Sequence[Item]) -> None:
        tenant, writer = self.ground.tenant, self.writer
        async with tenant.contacts.making:
            await ensure(tenant, no_older_than=_SWEEP)
            now, _ = apart(await decide(self.ground, kind, items))
            by: dict[Fate, list[Case]] = {fate: [case for case in now if case.fate is fate] for fate in Fate}
            await writer.leave(kind, [*by[Fate.LEAVE], *by[Fate.DOUBLE], *by[Fate.ASK]])
            pairs = await with_counterparts(writer, kind, by[Fate.MERGE])
            pairs += await link(writer, kind, by[Fate.LINK])
            pairs += await make(writer, kind, by[Fate.MAKE])
        if writer.tally.halted is None:
            await merge(writer, kind, pairs)
        else:
            # Those that were made are kept already; what is left to write of them comes with the next start.
            await writer.move(kind, [case for case, *_ in pairs], Stage.NEW)
