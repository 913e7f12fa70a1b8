"""A first load of one side into the other: read once, previewed, then written batch by batch until all is done.

It may be stopped or killed at any time. What it had sent then is looked for before anything is sent again, and the rest
goes on where it was. A load writes what its preview counted, and a twentieth more; beyond that it pauses.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from connector.errors import ConnectorError, Misconfigured, Retryable
from connector.flows.contacts.comparing import as_read_back
from connector.flows.contacts.creating import BEFORE, LOOKS
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, CentreRecord, Kind, client, indexed_centre
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.load_merging import merge
from connector.flows.contacts.load_pairing import link, make, with_counterparts
from connector.flows.contacts.load_writing import SERIES, Tally, Writer
from connector.flows.contacts.planning import Case, Fate, apart, decide
from connector.flows.contacts.previewing import PAGE, estimate, limits, preview
from connector.flows.contacts.staging import (
    Ground,
    put_centre,
    put_crm,
    read_both,
    read_centre_side,
    read_changes,
    refresh,
    unpack_sent,
)
from connector.flows.contacts.work import reader_of
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as index_crm
from connector.flows.indexing import ensure
from connector.flows.tenant import Centre, Tenant
from connector.flows.worker import retry_wait
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.records import Customer
from connector.store.bindings import InStep
from connector.store.creations import Making
from connector.store.dirty import Mark, Side, Urgency
from connector.store.installations import Installations
from connector.store.loads import Item, Loaded, Move, Phase, Stage
from connector.store.operations import FINISHED, Operations

log = structlog.get_logger()

#: A preview that is older is made anew.
_PREVIEW_HOLDS = timedelta(hours=24)
_PATIENCE = 5
_NAP = 0.25
_SINGLES = 50

Say = Callable[[Mapping[str, object]], None]


class _Pause(Exception):  # named after what happens
    """The load stops here for now; the message says why."""


def home_of(tenant: Tenant) -> Centre:
    """The contact centre that a load is of; Misconfigured where none is connected."""
    home = next(iter(tenant.centres.values()), None)
    if home is None:
        raise Misconfigured("No contact centre is connected: connector centre connect.")
    return home


async def claimed(tenant: Tenant, load: Loaded) -> None:
    """Have a load for this process; waits as long as one that was killed may still seem to be alive."""
    give_up = tenant.clock.now() + timedelta(seconds=tenant.service.lease + 1)
    while not await tenant.loads.claim(load.id, lease_s=tenant.service.lease):
        if tenant.clock.now() > give_up:
            raise Retryable(
                f"{load.cause} is being worked on by another process; wait until it ends or stop it"
            )
        await tenant.clock.sleep(min(_NAP, tenant.service.lease / 2))


async def previewed(tenant: Tenant, source: Side, say: Say, *, anew: bool = False) -> Loaded:
    """The open load of this side with a preview that holds; reads and counts where there is none, or `anew`.

    One that was begun keeps what it has done: only what is left is counted. Misconfigured while one of the other side
    is open.
    """
    load = await tenant.loads.open()
    if load is not None and load.source != source and load.state in (Phase.RUNNING, Phase.PAUSED):
        raise Misconfigured(
            f"{load.cause}, from {load.source}, has not ended: go on with it, or end it by starting with --restart."
        )
    if load is not None and load.state in (Phase.READING, Phase.PREVIEWED):
        if not anew and load.source == source and _holds(tenant, load):
            return load
        await claimed(tenant, load)
        await tenant.loads.drop(load.id, Phase.DROPPED, "a newer preview was made")
        load = None
    if load is not None and not anew:
        return load
    if load is None:
        version = tenant.installed.settings_version
        load = await tenant.loads.begin(source, settings_version=version)
    await claimed(tenant, load)
    try:
        return await _count(tenant, load, say)
    finally:
        await tenant.loads.release(load.id)


def _holds(tenant: Tenant, load: Loaded) -> bool:
    read_at = load.read_at
    return (
        load.state is Phase.PREVIEWED and load.settings_version == tenant.installed.settings_version
        and read_at is not None and tenant.clock.now() - read_at < _PREVIEW_HOLDS
    )  # fmt: skip


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
        await claimed(tenant, load)
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
    await claimed(tenant, load)
    run_id = load.run_id or await operations.begin_run(tenant.id, "load")
    now = tenant.clock.now()
    await tenant.loads.note(
        load.id, state=Phase.RUNNING, reason="", run_id=run_id, started_at=load.started_at or now
    )
    allowed = load.preview.get("limits")
    tally = Tally(
        Counter(load.counts), list(load.problems), dict(allowed) if isinstance(allowed, dict) else {}
    )
    ground = Ground(tenant, load, home_of(tenant))
    loading = Loading(ground, Writer(ground, run_id, tally), stopping, say)
    reason = "it was stopped"
    try:
        reason = await loading.run()
    finally:
        await loading.note(state=Phase.PAUSED, reason=reason)
        await tenant.loads.release(load.id)
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
            await self._read_back()
        except _Pause as pause:
            reason = str(pause)
        except ConnectorError as error:
            reason = str(error)
        else:
            return ""
        if not self.stopping.is_set():
            try:
                await self._read_back()
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
        tenant, own = self.ground.tenant, self.ground.own(kind)
        tally, fruitless = self.writer.tally, 0
        while True:
            await self._breathe(kind)
            await self._settle_doubts(kind)
            items = await tenant.loads.take(self.ground.load.id, own, PAGE)
            if items:
                before = tally.moved
                await self._batch(kind, items)
                self._stop_if_halted()
                fruitless = 0 if tally.moved > before else fruitless + 1
                if fruitless > _PATIENCE:
                    raise _Pause(str(tally.trouble or "nothing could be done"))
                if fruitless:
                    await self._rest(retry_wait(fruitless - 1, tenant.service))
                continue
            due = await tenant.loads.next_due(self.ground.load.id, own)
            if due is None:
                return
            await self._rest((due - tenant.clock.now()).total_seconds() + 0.001)

    async def _breathe(self, kind: Kind) -> None:
        """Between two batches: keep the load, say how far it is, and stop where that is asked."""
        tenant, load = self.ground.tenant, self.ground.load
        if self.stopping.is_set():
            raise _Pause("it was stopped")
        if not await tenant.loads.claim(load.id, lease_s=tenant.service.lease):
            raise _Pause("another process has taken it over")
        await self.note()
        self.say({"doing": f"loading, {self.ground.own(kind)}", **_plain(self.writer.tally.counts)})

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
            await tenant.loads.claim(self.ground.load.id, lease_s=tenant.service.lease)
            await tenant.clock.sleep(min(left, _NAP))

    async def _batch(self, kind: Kind, items: Sequence[Item]) -> None:
        tenant, writer = self.ground.tenant, self.writer
        async with tenant.contacts.making:
            await ensure(tenant, no_older_than=tenant.sweep_every)
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

    # what is in doubt

    async def _settle_doubts(self, kind: Kind) -> None:
        """Look for what was sent and not settled, once its time has come; what is known again is decided anew."""
        tenant, load, own = self.ground.tenant, self.ground.load, self.ground.own(kind)
        while items := await tenant.loads.due(load.id, own, PAGE):
            sources = {item.id: self._source(item.id) for item in items}
            claims = await tenant.creations.of(kind.entity, self.ground.other_side, list(sources.values()))
            making = [item for item in items if sources[item.id] in claims]
            changing = [item for item in items if sources[item.id] not in claims]
            await self._read_again(kind, changing)
            await self._move(kind, [item.id for item in changing], Stage.NEW)
            if making:
                await self._look_for(kind, making, claims)

    def _source(self, record_id: str) -> str:
        return record_id if self.ground.side is Side.CENTRE else f"{self.ground.centre.id}/{record_id}"

    async def _move(
        self, kind: Kind, ids: Sequence[str], stage: Stage, until: datetime | None = None
    ) -> None:
        move = Move(self.ground.own(kind), ids, stage, until)
        await self.ground.tenant.loads.advance(self.ground.load.id, [move])

    async def _look_for(self, kind: Kind, items: Sequence[Item], claims: Mapping[str, Making]) -> None:
        """Look for records that may have been made: by what changed in Pipedrive, or in the contact centre's list."""
        tenant = self.ground.tenant
        if self.ground.side is Side.CENTRE:
            since = min(claims[self._source(item.id)].server_time for item in items) - BEFORE
            await read_changes(self.ground, since)
        else:
            await read_centre_side(self.ground, [kind])
        cases = await decide(self.ground, kind, items)
        missing = [case for case in cases if case.fate is Fate.MAKE]
        found = [case.id for case in cases if case.fate is not Fate.MAKE]
        await self._move(kind, found, Stage.NEW)
        again: list[str] = []
        once_more: list[str] = []
        look_at = tenant.clock.now() + timedelta(seconds=tenant.service.look_gap)
        for case in missing:
            claim = claims[self._source(case.id)]
            if claim.looks + 1 < LOOKS:
                await tenant.creations.not_found(claim, look_at=look_at)
                once_more.append(case.id)
            else:
                again.append(case.id)
        await self._move(kind, once_more, Stage.SENT, look_at)
        await tenant.creations.settle(
            kind.entity, self.ground.other_side, [self._source(one) for one in again]
        )
        await self._move(kind, again, Stage.NEW)

    async def _read_again(self, kind: Kind, items: Sequence[Item]) -> None:
        """Read pairs again of which it is not known whether a change arrived (10 tokens for 100)."""
        ground, tenant = self.ground, self.ground.tenant
        cases = [case for case in await decide(ground, kind, items) if case.bound is not None]
        bound = [case.bound for case in cases if case.bound is not None]
        api = client(tenant, Lane.BACKFILL)
        ids = [one.crm_id for one in bound]
        for begin in range(0, len(ids), SERIES):
            part = ids[begin : begin + SERIES]
            pages = api.persons(ids=part) if kind is CUSTOMERS else api.organizations(ids=part)
            async for page in pages:
                records: list[Person | Organization] = [*page]
                await put_crm(ground, kind.crm, records)
                await index_crm(tenant, [indexed_crm(tenant, one) for one in records])
        staged = await tenant.loads.get(ground.load.id, kind.centre, [one.centre_id for one in bound])
        keys = [key for key, item in staged.items() if item.stage is not Stage.AWAITED]
        if len(keys) > _SINGLES:
            await read_centre_side(ground, [kind])
            return
        for key in keys:
            record = await _one(ground, kind, key.rpartition("/")[2])
            if record is not None:
                await put_centre(ground, kind, [record])

    # what the contact centre made of what it was sent

    async def _read_back(self) -> None:
        """Read what was written in series, with one list, and keep it as the base; who is missing is looked at later."""
        ground, tenant = self.ground, self.ground.tenant
        load, entity = ground.load, CUSTOMERS.centre
        if not await tenant.loads.awaited(load.id, entity, 1):
            return
        self.say({"doing": "reading back what was written"})
        async for page in ground.centre.api.customers():
            await self._settle_read([one for one in page if not one.is_company])
            await tenant.loads.claim(load.id, lease_s=tenant.service.lease)
        while missing := await tenant.loads.awaited(load.id, entity, PAGE):
            marks = [Mark(CUSTOMERS.entity, Side.CENTRE, item.id) for item in missing]
            await tenant.dirty.mark(marks, urgency=Urgency.LOAD, cause=load.cause)
            await tenant.loads.advance(load.id, [Move(entity, [item.id for item in missing], Stage.DONE)])

    async def _settle_read(self, page: Sequence[Customer]) -> None:
        ground, tenant, entity = self.ground, self.ground.tenant, CUSTOMERS.centre
        records = {f"{ground.centre.id}/{one.id}": one for one in page}
        staged = await tenant.loads.get(ground.load.id, entity, list(records))
        awaited = {key: item for key, item in staged.items() if item.stage is Stage.AWAITED}
        bound = await tenant.bindings.of_centre(CUSTOMERS.entity, list(awaited))
        reader, _ = await reader_of(tenant, CUSTOMERS)
        steps = []
        for key, item in awaited.items():
            if key in bound:
                sent = unpack_sent(entity, item.packed)
                base = as_read_back(reader, sent.record, records[key], sent.base)
                steps.append(InStep(bound[key], base, sent.problems, sent.overwrote))
        await tenant.bindings.in_step(steps, at=tenant.clock.now())
        await tenant.index.put(
            [indexed_centre(tenant, CUSTOMERS, ground.centre.id, records[key]) for key in awaited]
        )
        await tenant.loads.advance(ground.load.id, [Move(entity, list(awaited), Stage.DONE)])


async def _one(ground: Ground, kind: Kind, record_id: str) -> CentreRecord | None:
    api = ground.centre.api
    return await (api.customer(record_id) if kind is CUSTOMERS else api.company(record_id))
