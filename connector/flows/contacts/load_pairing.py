"""How the records of a load find their counterparts: those that are there are linked, the others made under a claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connector.contact_settings import Way
from connector.errors import ConnectorError
from connector.flows.contacts.basing import new_base
from connector.flows.contacts.comparing import Facts, Plan
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    indexed_centre,
    write_crm,
)
from connector.flows.contacts.linking import extras
from connector.flows.contacts.load_writing import Writer, each, parts_of, read_or
from connector.flows.contacts.planning import NOT_THERE, Both, Case, Fate, both_sides, outline, paired
from connector.flows.contacts.staging import Sent, blank, pack_sent, put_crm, with_values
from connector.flows.contacts.unanswered import creation_sent, with_creation
from connector.flows.contacts.work import reader_of
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as index_crm
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Organization, Person
from connector.store.bindings import Bond, Bound, InStep
from connector.store.dirty import Side
from connector.store.loads import Stage


async def link(writer: Writer, kind: Kind, cases: Sequence[Case]) -> list[Both]:
    """Pair records with the counterparts that were found; answers those that are to be merged."""
    if not cases:
        return []
    ground, tenant = writer.ground, writer.ground.tenant
    bound = await tenant.bindings.link_all(
        [case.bound for case in cases if case.bound is not None], at=tenant.clock.now()
    )
    # One that was sent without an answer and is found now was made by us.
    sources = [writer.ground.source(case.id) for case in cases]
    claims = await tenant.creations.of(kind.entity, ground.other_side, sources)
    made = [one for one, source in zip(bound, sources, strict=True) if source in claims]
    await writer.note_made(
        kind, [(writer.record_id(one.centre_id, one.crm_id), one.centre_id, {}) for one in made]
    )
    writer.tally.counts["made"] += len(made)
    writer.tally.counts["linked"] += len(bound) - len(made)
    pairs: list[Case] = []
    doubles: list[Case] = []
    for case, one in zip(cases, bound, strict=True):
        case.bound = one
        (pairs if one.state is Bond.BOUND else doubles).append(case)
        case.fate = case.fate if one.state is Bond.BOUND else Fate.DOUBLE
    await writer.leave(kind, doubles)
    await writer.announce(kind, pairs)
    return await with_counterparts(writer, kind, pairs)


async def with_counterparts(writer: Writer, kind: Kind, cases: Sequence[Case]) -> list[Both]:
    """Pairs with both records; those whose counterpart is gone are left alone."""
    found = await both_sides(writer.ground, kind, cases)
    alone = [case for case, both in zip(cases, found, strict=True) if both is None]
    for case in alone:
        case.fate, case.reason = Fate.LEAVE, NOT_THERE
    await writer.leave(kind, alone)
    return await _as_sent(writer, kind, [both for both in found if both is not None])


async def _as_sent(writer: Writer, kind: Kind, pairs: Sequence[Both]) -> list[Both]:
    """The pairs, those of which one was made without an answer with the base that it was made with."""
    tenant = writer.ground.tenant
    met = [case for case, bound, _, _ in pairs if bound.base is None]
    sources = [writer.ground.source(case.id) for case in met]
    claims = await tenant.creations.of(kind.entity, writer.ground.other_side, sources)
    reader, _ = await reader_of(tenant, kind)
    found: list[Both] = []
    for case, bound, centre, crm in pairs:
        claim = claims.get(writer.ground.source(case.id)) if bound.base is None else None
        if claim is not None:
            case.claimed = True
            if claim.sent is not None:
                bound = replace(bound, base=with_creation(reader, centre, claim.sent))  # noqa: PLW2901
        found.append((case, bound, centre, crm))
    return found


async def make(writer: Writer, kind: Kind, cases: Sequence[Case]) -> list[Both]:
    """Make counterparts, each once: claimed, sent, bound. What was sent without an answer stays in doubt."""
    ground, tenant = writer.ground, writer.ground.tenant
    cases = cases[: writer.tally.room("made", len(cases))]
    if not cases:
        return []
    side, lease = ground.other_side, tenant.service.lease
    plans = dict(zip((case.id for case in cases), await outline(ground, kind, cases), strict=True))
    at = await tenant.pipedrive.server_time()
    sources = [writer.ground.source(case.id) for case in cases]
    reader, _ = await reader_of(tenant, kind)
    way = Way.TO_PIPEDRIVE if side is Side.PIPEDRIVE else Way.TO_CENTRE
    will_be = {
        writer.ground.source(case.id): creation_sent(reader, case.record, way, plans[case.id][0])
        for case in cases
    }
    free = await tenant.creations.claim(
        kind.entity, side, sources, server_time=at, lease_s=lease, sent=will_be
    )
    await writer.move(kind, cases, Stage.SENT, lease)
    ours = [case for case in cases if writer.ground.source(case.id) in free]
    sent = await _send_new(writer, kind, [(case, plans[case.id][0]) for case in ours])
    await writer.failed(kind, [*zip(ours, sent, strict=True)], claimed=True)
    made = [
        (case, done) for case, done in zip(ours, sent, strict=True) if not isinstance(done, ConnectorError)
    ]
    return await _bind_made(writer, kind, made, plans)


async def _send_new(
    writer: Writer, kind: Kind, todo: Sequence[tuple[Case, Plan]]
) -> list[CrmRecord | CentreRecord | ConnectorError]:
    tenant, api = writer.ground.tenant, writer.ground.centre.api
    if writer.ground.side is Side.CENTRE:
        return [*await each(todo, lambda one: write_crm(tenant, kind, None, one[1].body, Lane.BACKFILL))]
    if kind is COMPANIES:

        async def company(one: tuple[Case, Plan]) -> CentreRecord:
            made = await api.create_company(one[1].values)
            return await read_or(api.company(made), with_values(blank(kind, made), one[1].values))

        return [*await each(todo, company)]

    async def some(part: Sequence[tuple[Case, Plan]]) -> Sequence[str | ConnectorError]:
        return await api.create_customers([plan.values for _, plan in part])

    answers: list[CrmRecord | CentreRecord | ConnectorError] = []
    parts = list(parts_of(todo))
    for part, answer in zip(parts, await each(parts, some), strict=True):
        outcomes = [answer for _ in part] if isinstance(answer, ConnectorError) else answer
        answers += [
            made if isinstance(made, ConnectorError) else with_values(blank(kind, made), plan.values)
            for (_, plan), made in zip(part, outcomes, strict=True)
        ]
    return answers


async def _bind_made(
    writer: Writer,
    kind: Kind,
    made: Sequence[tuple[Case, CrmRecord | CentreRecord]],
    plans: Mapping[str, tuple[Plan, Mapping[str, str | None]]],
) -> list[Both]:
    """Keep what was made: staged, indexed, noted, bound with its base; only then is it no longer looked for."""
    if not made:
        return []
    ground, tenant = writer.ground, writer.ground.tenant
    await _stage_made(writer, kind, [one for _, one in made])
    wanted = [_paired_with(writer, kind, case, one) for case, one in made]
    notes = [
        (writer.record_id(pair.centre_id, pair.crm_id), pair.centre_id, _sent(writer, plans[case.id][0]))
        for (case, _), pair in zip(made, wanted, strict=True)
    ]
    await writer.note_made(kind, notes)
    bound = await tenant.bindings.link_all(wanted, at=tenant.clock.now())
    reader, problems = await reader_of(tenant, kind)
    pairs: list[Both] = []
    steps: list[InStep] = []
    awaited: dict[str, bytes] = {}
    for (case, one), pair in zip(made, bound, strict=True):
        plan, known = plans[case.id]
        centre, crm = _halves(case.record, one)
        to_crm, to_centre = (known, {}) if ground.side is Side.CENTRE else ({}, known)
        facts = Facts(centre, crm, to_crm, to_centre, extras(tenant, kind, centre, crm))
        base = new_base(reader, facts, facts, plan, None)
        said = [{"field": problem.field, "reason": problem.reason} for problem in (*problems, *plan.problems)]
        case.awaited = ground.side is Side.PIPEDRIVE and kind is CUSTOMERS
        if case.awaited:
            awaited[pair.centre_id] = pack_sent(Sent(centre, base, said))
        else:
            steps.append(InStep(pair, base, said))
        case.bound = replace(pair, base=base)
        pairs.append((case, case.bound, centre, crm))
    await tenant.bindings.in_step(steps, at=tenant.clock.now())
    await tenant.loads.await_back(ground.load.id, kind.centre, awaited)
    await tenant.creations.settle(
        kind.entity, ground.other_side, [writer.ground.source(case.id) for case, _ in made]
    )
    writer.tally.counts["made"] += len(made)
    await writer.announce(kind, [case for case, _ in made])
    return pairs


async def _stage_made(writer: Writer, kind: Kind, made: Sequence[CrmRecord | CentreRecord]) -> None:
    """Index what was made; what Pipedrive answered is staged as well, since others may turn out to be the same."""
    ground, tenant = writer.ground, writer.ground.tenant
    in_crm = [one for one in made if isinstance(one, Person | Organization)]
    in_centre = [one for one in made if not isinstance(one, Person | Organization)]
    await put_crm(ground, kind.crm, in_crm)
    await index_crm(tenant, [indexed_crm(tenant, one) for one in in_crm])
    await tenant.index.put([indexed_centre(tenant, kind, ground.centre.id, one) for one in in_centre])


def _paired_with(writer: Writer, kind: Kind, case: Case, made: CrmRecord | CentreRecord) -> Bound:
    if isinstance(made, Person | Organization):
        return paired(writer.ground, kind, case.id, case.record, made.id)
    return paired(writer.ground, kind, case.id, made, f"{writer.ground.centre.id}/{made.id}")


def _sent(writer: Writer, plan: Plan) -> Mapping[str, object]:
    return plan.body if writer.ground.side is Side.CENTRE else plan.values


def _halves(
    record: CentreRecord | CrmRecord, made: CentreRecord | CrmRecord
) -> tuple[CentreRecord, CrmRecord]:
    if isinstance(made, Person | Organization) and not isinstance(record, Person | Organization):
        return record, made
    if isinstance(record, Person | Organization) and not isinstance(made, Person | Organization):
        return made, record
    raise TypeError("a pair has one record of each side")
