"""How a load writes a batch: linked or made under claims, merged, and settled together.

Whatever is sent is first noted as sent, and comes to its next stage only when what came of it is kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from connector.contact_settings import Policy
from connector.errors import (
    ConnectorError,
    Forbidden,
    PlanLimit,
    Retryable,
    UnknownField,
    UnknownOutcome,
)
from connector.flows.contacts.asking import ask_about_fields
from connector.flows.contacts.comparing import Facts, Plan, new_base
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    client,
    indexed_centre,
    write_crm,
)
from connector.flows.contacts.linking import extras
from connector.flows.contacts.planning import (
    NOT_THERE,
    Both,
    Case,
    Fate,
    Pairing,
    both_sides,
    compare,
    outline,
    paired,
)
from connector.flows.contacts.staging import Ground, Sent, blank, pack_sent, put_crm, with_values
from connector.flows.contacts.work import reader_of
from connector.flows.contacts.writing import overwrote, write_to_pipedrive
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as index_crm
from connector.flows.worker import HALTING
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.store.bindings import Bond, InStep
from connector.store.changes import Wrote
from connector.store.dirty import Side
from connector.store.loads import Move, Stage

#: A contact centre is written so many customers a request; Pipedrive reads so many persons by their ids.
SERIES = 100
#: What concerns the whole load and not the record at hand.
STOPPING = (*HALTING, PlanLimit, Forbidden, UnknownField)
_MOST_PROBLEMS = 1000
_ASKING = (Policy.ASK, Policy.NEWEST)

T = TypeVar("T")
Item = TypeVar("Item")


@dataclass(slots=True)
class Tally:
    """What a load has done so far; `halted` is why it cannot go on, `trouble` what may pass by itself."""

    counts: Counter[str]
    problems: list[Mapping[str, str]]
    limits: Mapping[str, int]
    halted: ConnectorError | None = None
    trouble: Retryable | None = None
    over: bool = False
    moved: int = 0

    def room(self, what: str, wanted: int) -> int:
        """How many of so many more may be `made` or `changed`; notes where the preview counted fewer."""
        left = max(self.limits.get(what, 0) - self.counts[what], 0)
        self.over = self.over or left < wanted
        return min(left, wanted)

    def refuse(self, entity: str, record_id: str, reason: str) -> None:
        """Note a record that is left to a person."""
        self.counts["refused"] += 1
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append({"entity": entity, "id": record_id, "reason": reason})


@dataclass(slots=True)
class Writer:
    """Writes the batches of one load."""

    ground: Ground
    run_id: int
    tally: Tally

    # stages

    async def move(
        self, kind: Kind, cases: Sequence[Case], stage: Stage, wait_s: float | None = None
    ) -> None:
        """Bring records to another stage; those in doubt are looked for after so many seconds."""
        tenant = self.ground.tenant
        until = None if wait_s is None else tenant.clock.now() + timedelta(seconds=wait_s)
        if cases:
            ids = [case.id for case in cases]
            await tenant.loads.advance(self.ground.load.id, [Move(self.ground.own(kind), ids, stage, until)])
            self.tally.moved += len(cases) if stage is not Stage.NEW else 0

    async def leave(self, kind: Kind, cases: Sequence[Case]) -> None:
        """Settle those for which nothing is written: left out, doubles of others, and questions to a person."""
        tenant, tally = self.ground.tenant, self.tally
        asks = kind.asks_of_centre if self.ground.side is Side.CENTRE else kind.asks_of_crm
        asked = {case.id: (case.candidates, {"why": case.reason}) for case in cases if case.fate is Fate.ASK}
        await tenant.questions.ask_each(asks, asked)
        for case in cases:
            tally.counts[case.fate] += 1
            if case.fate is Fate.LEAVE:
                tally.counts[f"{Fate.LEAVE}: {case.reason}"] += 1
        await self.move(kind, cases, Stage.DONE)

    # pairs

    async def link(self, kind: Kind, cases: Sequence[Case]) -> list[Both]:
        """Pair records with the counterparts that were found; answers those that are to be merged."""
        if not cases:
            return []
        ground, tenant = self.ground, self.ground.tenant
        bound = await tenant.bindings.link_all(
            [case.bound for case in cases if case.bound is not None], at=tenant.clock.now()
        )
        # One that was sent without an answer and is found now was made by us.
        sources = [self._source(case) for case in cases]
        claims = await tenant.creations.of(kind.entity, ground.other_side, sources)
        made = [one for one, source in zip(bound, sources, strict=True) if source in claims]
        await self._note_made(
            kind, [(self._record_id(kind, one.centre_id, one.crm_id), one.centre_id, {}) for one in made]
        )
        await tenant.creations.settle(kind.entity, ground.other_side, list(claims))
        self.tally.counts["made"] += len(made)
        self.tally.counts["linked"] += len(bound) - len(made)
        pairs: list[Case] = []
        doubles: list[Case] = []
        for case, one in zip(cases, bound, strict=True):
            case.bound = one
            (pairs if one.state is Bond.BOUND else doubles).append(case)
            case.fate = case.fate if one.state is Bond.BOUND else Fate.DOUBLE
        await self.leave(kind, doubles)
        await self._announce(kind, pairs)
        return await self.with_counterparts(kind, pairs)

    async def with_counterparts(self, kind: Kind, cases: Sequence[Case]) -> list[Both]:
        """Pairs with both records; those whose counterpart is gone are left alone."""
        found = await both_sides(self.ground, kind, cases)
        alone = [case for case, both in zip(cases, found, strict=True) if both is None]
        for case in alone:
            case.fate, case.reason = Fate.LEAVE, NOT_THERE
        await self.leave(kind, alone)
        return [both for both in found if both is not None]

    async def make(self, kind: Kind, cases: Sequence[Case]) -> list[Both]:
        """Make counterparts, each once: claimed, sent, bound. What was sent without an answer stays in doubt."""
        ground, tenant = self.ground, self.ground.tenant
        cases = cases[: self.tally.room("made", len(cases))]
        if not cases:
            return []
        side, lease = ground.other_side, tenant.service.lease
        plans = dict(zip((case.id for case in cases), await outline(ground, kind, cases), strict=True))
        at = await tenant.pipedrive.server_time()
        sources = [self._source(case) for case in cases]
        free = await tenant.creations.claim(kind.entity, side, sources, server_time=at, lease_s=lease)
        await self.move(kind, cases, Stage.SENT, lease)
        ours = [case for case in cases if self._source(case) in free]
        sent = await self._send_new(kind, [(case, plans[case.id][0]) for case in ours])
        failed = [
            (case, error) for case, error in zip(ours, sent, strict=True) if isinstance(error, ConnectorError)
        ]
        await self._failed(kind, failed, claimed=True)
        made = [
            (case, done)
            for case, done in zip(ours, sent, strict=True)
            if not isinstance(done, ConnectorError)
        ]
        return await self._bind_made(kind, made, plans)

    async def _send_new(
        self, kind: Kind, todo: Sequence[tuple[Case, Plan]]
    ) -> list[CrmRecord | CentreRecord | ConnectorError]:
        tenant, api = self.ground.tenant, self.ground.centre.api
        if self.ground.side is Side.CENTRE:
            return [*await _each(todo, lambda one: write_crm(tenant, kind, None, one[1].body, Lane.BACKFILL))]
        if kind is COMPANIES:

            async def company(one: tuple[Case, Plan]) -> CentreRecord:
                made = await api.create_company(one[1].values)
                return await _read_or(api.company(made), with_values(blank(kind, made), one[1].values))

            return [*await _each(todo, company)]

        async def some(part: Sequence[tuple[Case, Plan]]) -> Sequence[str | ConnectorError]:
            return await api.create_customers([plan.values for _, plan in part])

        answers: list[CrmRecord | CentreRecord | ConnectorError] = []
        parts = list(_parts(todo, SERIES))
        for part, answer in zip(parts, await _each(parts, some), strict=True):
            each = [answer for _ in part] if isinstance(answer, ConnectorError) else answer
            answers += [
                made if isinstance(made, ConnectorError) else with_values(blank(kind, made), plan.values)
                for (_, plan), made in zip(part, each, strict=True)
            ]
        return answers

    async def _bind_made(
        self,
        kind: Kind,
        made: Sequence[tuple[Case, CrmRecord | CentreRecord]],
        plans: Mapping[str, tuple[Plan, Mapping[str, str | None]]],
    ) -> list[Both]:
        """Keep what was made: staged, indexed, noted, bound with its base; only then is it no longer looked for."""
        if not made:
            return []
        ground, tenant = self.ground, self.ground.tenant
        reader, problems = await reader_of(tenant, kind)
        home = ground.centre.id
        crm_made = [one for _, one in made if isinstance(one, Person | Organization)]
        centre_made = [one for _, one in made if not isinstance(one, Person | Organization)]
        await put_crm(ground, kind.crm, crm_made)
        await index_crm(tenant, [indexed_crm(tenant, one) for one in crm_made])
        await tenant.index.put([indexed_centre(tenant, kind, home, one) for one in centre_made])
        wanted = []
        for case, one in made:
            other_id = one.id if isinstance(one, Person | Organization) else f"{home}/{one.id}"
            record = case.record if isinstance(one, Person | Organization) else one
            pair = paired(ground, kind, case.id, record, other_id)
            wanted.append(pair)
            case.bound = pair
        notes = [
            (
                self._record_id(kind, pair.centre_id, pair.crm_id),
                pair.centre_id,
                self._sent(plans[case.id][0]),
            )
            for (case, _), pair in zip(made, wanted, strict=True)
        ]
        await self._note_made(kind, notes)
        bound = await tenant.bindings.link_all(wanted, at=tenant.clock.now())
        pairs: list[Both] = []
        steps: list[InStep] = []
        awaited: dict[str, bytes] = {}
        for (case, one), pair in zip(made, bound, strict=True):
            plan, known = plans[case.id]
            centre, crm = _halves(case.record, one)
            to_crm, to_centre = (known, {}) if ground.side is Side.CENTRE else ({}, known)
            facts = Facts(centre, crm, to_crm, to_centre, extras(tenant, kind, centre, crm))
            base = new_base(reader, facts, facts, plan, None)
            said = [
                {"field": problem.field, "reason": problem.reason} for problem in (*problems, *plan.problems)
            ]
            if ground.side is Side.PIPEDRIVE and kind is CUSTOMERS:
                awaited[pair.centre_id] = pack_sent(Sent(centre, base, said))
                case.awaited = True
            else:
                steps.append(InStep(pair, base, said))
            case.bound = replace(pair, base=base)
            pairs.append((case, case.bound, centre, crm))
        await tenant.bindings.in_step(steps, at=tenant.clock.now())
        await tenant.loads.await_back(ground.load.id, kind.centre, awaited)
        await tenant.creations.settle(
            kind.entity, ground.other_side, [self._source(case) for case, _ in made]
        )
        self.tally.counts["made"] += len(made)
        await self._announce(kind, [case for case, _ in made])
        return pairs

    def _source(self, case: Case) -> str:
        return case.id if self.ground.side is Side.CENTRE else f"{self.ground.centre.id}/{case.id}"

    def _record_id(self, _kind: Kind, centre_id: str, crm_id: str) -> str:
        return crm_id if self.ground.side is Side.CENTRE else centre_id

    def _sent(self, plan: Plan) -> Mapping[str, object]:
        return plan.body if self.ground.side is Side.CENTRE else plan.values

    async def _note_made(self, kind: Kind, made: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
        side = self.ground.other_side
        await self._note(
            [Wrote(kind.entity, side, one, centre_id, "create", {}, sent) for one, centre_id, sent in made]
        )

    async def _note(self, wrote: Sequence[Wrote]) -> None:
        await self.ground.tenant.changes.note(self.run_id, self.ground.load.cause, wrote)

    async def _announce(self, kind: Kind, cases: Sequence[Case]) -> None:
        """New pairs: nobody need be asked about them any more, and their events may be written."""
        tenant = self.ground.tenant
        bound = [case.bound for case in cases if case.bound is not None]
        await tenant.questions.void(kind.asks_of_centre, [one.centre_id for one in bound])
        await tenant.questions.void(kind.asks_of_crm, [one.crm_id for one in bound])
        if kind is CUSTOMERS:
            await tenant.ledger.wake(customer_ids=[one.centre_id.rpartition("/")[2] for one in bound])

    async def _failed(
        self, kind: Kind, failed: Sequence[tuple[Case, ConnectorError]], *, claimed: bool
    ) -> None:
        """What was certainly not done is done later or left to a person; what may have been is looked for."""
        tenant, tally = self.ground.tenant, self.tally
        unknown = [case for case, error in failed if isinstance(error, UnknownOutcome)]
        refused: list[Case] = []
        later: list[Case] = []
        for case, error in failed:
            if isinstance(error, STOPPING):
                tally.halted = error
                later.append(case)
            elif isinstance(error, Retryable):
                tally.trouble = error
                later.append(case)
            elif not isinstance(error, UnknownOutcome):
                tally.refuse(self.ground.own(kind), case.id, str(error))
                refused.append(case)
        if claimed and failed:
            side, wait = self.ground.other_side, timedelta(seconds=tenant.service.first_look)
            sources = [self._source(case) for case in unknown]
            for making in (await tenant.creations.of(kind.entity, side, sources)).values():
                await tenant.creations.doubt(making, look_at=tenant.clock.now() + wait)
            gone = [self._source(case) for case in (*later, *refused)]
            await tenant.creations.settle(kind.entity, side, gone)
        await self.move(kind, unknown, Stage.SENT, tenant.service.first_look)
        await self.move(kind, later, Stage.NEW)
        await self.move(kind, refused, Stage.REFUSED)

    # merging

    async def merge(self, kind: Kind, pairs: Sequence[Both]) -> None:
        """Write what differs between the records of pairs, and what was in step is the base of both."""
        if not pairs:
            return
        pairings = await self._with_lists_anew(kind, await compare(self.ground, kind, pairs))
        todo, rest = self._within_limits(pairings)
        await self.move(kind, [one.case for one in todo], Stage.SENT, self.ground.tenant.service.lease)
        written = await self._write_crm(kind, todo)
        written = await self._write_centre(kind, written)
        await self._keep(kind, [*rest, *written])

    async def _with_lists_anew(self, kind: Kind, pairings: list[Pairing]) -> list[Pairing]:
        """Read the lists again that would be replaced (10 tokens for 100): somebody may have added to them."""
        replacing = {one.facts.crm.id: one for one in pairings if one.plan.replaces_lists}
        if not replacing:
            return pairings
        api = client(self.ground.tenant, Lane.BACKFILL)
        fresh: list[Both] = []
        for ids in _parts(list(replacing), SERIES):
            async for page in api.persons(ids=ids):
                fresh += [
                    (replacing[one.id].case, replacing[one.id].bound, replacing[one.id].facts.centre, one)
                    for one in page if not one.is_deleted and one.id in replacing
                ]  # fmt: skip
        there = {crm.id for _, _, _, crm in fresh}
        gone = [one.case for crm_id, one in replacing.items() if crm_id not in there]
        for case in gone:
            case.fate, case.reason = Fate.LEAVE, NOT_THERE
        await self.leave(kind, gone)
        rest = [one for one in pairings if not one.plan.replaces_lists]
        return rest + await compare(self.ground, kind, fresh)

    def _within_limits(self, pairings: Sequence[Pairing]) -> tuple[list[Pairing], list[Pairing]]:
        """Those to be written, as far as the preview counted them, and those that are in step already."""
        rest = [one for one in pairings if not one.plan.body and not one.plan.values]
        wanted = [one for one in pairings if one.plan.body or one.plan.values]
        todo: list[Pairing] = []
        writes = 0
        for one in wanted:
            times = bool(one.plan.body) + bool(one.plan.values)
            if self.tally.room("changed", writes + times) < writes + times:
                break
            writes += times
            todo.append(one)
        return todo, rest

    async def _write_crm(self, kind: Kind, todo: Sequence[Pairing]) -> list[Pairing]:
        tenant = self.ground.tenant
        wanted = [one for one in todo if one.plan.body]

        async def write(one: Pairing) -> CrmRecord:
            return await write_to_pipedrive(tenant, kind, one.bound.crm_id, one.plan, Lane.BACKFILL)

        failed: dict[str, ConnectorError] = {}
        notes: list[Wrote] = []
        for one, answer in zip(wanted, await _each(wanted, write), strict=True):
            if isinstance(answer, ConnectorError):
                failed[one.case.id] = answer
                continue
            one.crm = answer
            before, after = one.plan.body_before, one.plan.body
            notes.append(
                Wrote(kind.entity, Side.PIPEDRIVE, answer.id, one.bound.centre_id, "update", before, after)
            )
        await self._note(notes)
        self.tally.counts["changed"] += len(notes)
        await self._failed(
            kind, [(one.case, failed[one.case.id]) for one in wanted if one.case.id in failed], claimed=False
        )
        return [one for one in todo if one.case.id not in failed]

    async def _write_centre(self, kind: Kind, todo: Sequence[Pairing]) -> list[Pairing]:
        api = self.ground.centre.api
        wanted = [one for one in todo if one.plan.values]
        answers: list[CentreRecord | ConnectorError] = []
        if kind is COMPANIES:

            async def company(one: Pairing) -> CentreRecord:
                record = one.facts.centre
                await api.update_company(record.id, one.plan.values)
                return await _read_or(api.company(record.id), with_values(record, one.plan.values))

            answers = await _each(wanted, company)
        else:

            async def some(part: Sequence[Pairing]) -> Sequence[ConnectorError | None]:
                return await api.update_customers([(one.facts.centre.id, one.plan.values) for one in part])

            parts = list(_parts(wanted, SERIES))
            for part, answer in zip(parts, await _each(parts, some), strict=True):
                each = [answer for _ in part] if isinstance(answer, ConnectorError) else answer
                answers += [
                    error or with_values(one.facts.centre, one.plan.values)
                    for one, error in zip(part, each, strict=True)
                ]
        failed: dict[str, ConnectorError] = {}
        notes: list[Wrote] = []
        for one, done in zip(wanted, answers, strict=True):
            if isinstance(done, ConnectorError):
                failed[one.case.id] = done
                continue
            one.centre, key = done, one.bound.centre_id
            notes.append(
                Wrote(kind.entity, Side.CENTRE, key, key, "update", one.plan.values_before, one.plan.values)
            )
        await self._note(notes)
        self.tally.counts["changed"] += len(notes)
        await self._failed(
            kind, [(one.case, failed[one.case.id]) for one in wanted if one.case.id in failed], claimed=False
        )
        return [one for one in todo if one.case.id not in failed]

    async def _keep(self, kind: Kind, pairings: Sequence[Pairing]) -> None:
        """Keep what both sides hold now; what was written to a contact centre in series is read back in the end."""
        ground, tenant = self.ground, self.ground.tenant
        reader, problems = await reader_of(tenant, kind)
        asks = any(pair.rule.conflict in _ASKING for pair in reader.pairs)
        steps: list[InStep] = []
        awaited: dict[str, bytes] = {}
        done: list[Case] = []
        for one in pairings:
            before = one.facts
            centre, crm = one.centre or before.centre, one.crm or before.crm
            after = replace(before, centre=centre, crm=crm, extras=extras(tenant, kind, centre, crm))
            base = new_base(reader, before, after, one.plan, one.bound.base)
            said = [
                {"field": problem.field, "reason": problem.reason}
                for problem in (*problems, *one.plan.problems)
            ]
            replaced = overwrote(reader, before, after) if one.plan.replaces_lists else None
            if asks:
                self.tally.counts["asked about fields"] += await ask_about_fields(
                    tenant, one.bound, reader, one.plan
                )
            if kind is CUSTOMERS and (one.plan.values or one.case.awaited):
                awaited[one.bound.centre_id] = pack_sent(Sent(centre, base, said, replaced))
            else:
                steps.append(InStep(one.bound, base, said, replaced))
            done.append(one.case)
        await tenant.bindings.in_step(steps, at=tenant.clock.now())
        changed = [one for one in pairings if one.crm is not None]
        await index_crm(tenant, [indexed_crm(tenant, one.crm) for one in changed if one.crm is not None])
        await tenant.index.put(
            [indexed_centre(tenant, kind, ground.centre.id, one.centre) for one in pairings if one.centre]
        )
        await tenant.loads.await_back(ground.load.id, kind.centre, awaited)
        await self.move(kind, [case for case in done if case.id not in awaited], Stage.DONE)
        self.tally.moved += len(awaited)


def _halves(
    record: CentreRecord | CrmRecord, made: CentreRecord | CrmRecord
) -> tuple[CentreRecord, CrmRecord]:
    if isinstance(made, Person | Organization) and not isinstance(record, Person | Organization):
        return record, made
    if isinstance(record, Person | Organization) and not isinstance(made, Person | Organization):
        return made, record
    raise TypeError("a pair has one record of each side")


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


async def _each(items: Sequence[Item], send: Callable[[Item], Awaitable[T]]) -> list[T | ConnectorError]:
    """Send all at once, as fast as the other side's limits let them pass; each answers for itself."""

    async def one(item: Item) -> T | ConnectorError:
        try:
            return await send(item)
        except ConnectorError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]


async def _read_or(reading: Awaitable[CentreRecord | None], sent: CentreRecord) -> CentreRecord:
    """What was just written as it is now; as it was sent where it cannot be read at this moment."""
    try:
        return await reading or sent
    except ConnectorError:
        return sent
