"""How the pairs of a load are merged: what differs is written, and what both sides hold then is their base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector.errors import ConnectorError
from connector.flows.contacts.asking import ask_about_fields
from connector.flows.contacts.basing import new_base
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    client,
    indexed_centre,
)
from connector.flows.contacts.linking import extras
from connector.flows.contacts.load_writing import Writer, each, parts_of, read_or
from connector.flows.contacts.planning import NOT_THERE, Both, Case, Fate, Pairing, compare
from connector.flows.contacts.staging import Sent, pack_sent, put_crm, with_values
from connector.flows.contacts.unanswered import update_sent
from connector.flows.contacts.work import reader_of
from connector.flows.contacts.writing import overwrote, write_to_pipedrive
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as index_crm
from connector.pipedrive.budget import Lane
from connector.store.bindings import InStep
from connector.store.changes import Wrote
from connector.store.dirty import Side
from connector.store.loads import Stage


async def merge(writer: Writer, kind: Kind, pairs: Sequence[Both]) -> None:
    """Write what differs between the records of pairs, and what was in step is the base of both."""
    if not pairs:
        return
    pairings = await _with_lists_anew(writer, kind, await compare(writer.ground, kind, pairs))
    todo, rest, beyond = _within_limits(writer, pairings)
    await writer.move(kind, [one.case for one in beyond], Stage.NEW)
    await writer.move(kind, [one.case for one in todo], Stage.SENT, writer.ground.tenant.service.lease)
    reader, _ = await reader_of(writer.ground.tenant, kind)
    sent = [
        (one.bound, update_sent(reader, one.facts, one.plan)) for one in todo if one.bound.base is not None
    ]
    await writer.ground.tenant.bindings.send(sent)
    in_crm = await _write_crm(writer, kind, todo)
    written = await _write_centre(writer, kind, in_crm)
    # What Pipedrive holds now is not written once more when the contact centre's half is tried again.
    missed = [one.crm for one in in_crm if one.crm is not None and one not in written]
    await put_crm(writer.ground, kind.crm, missed)
    await _keep(writer, kind, [*rest, *written])


async def _with_lists_anew(writer: Writer, kind: Kind, pairings: list[Pairing]) -> list[Pairing]:
    """Read the lists again that would be replaced (10 tokens for 100): somebody may have added to them."""
    replacing = {one.facts.crm.id: one for one in pairings if one.plan.replaces_lists}
    if not replacing:
        return pairings
    api = client(writer.ground.tenant, Lane.BACKFILL)
    fresh: list[Both] = []
    for ids in parts_of(list(replacing)):
        async for page in api.persons(ids=ids):
            fresh += [
                (replacing[one.id].case, replacing[one.id].bound, replacing[one.id].facts.centre, one)
                for one in page if not one.is_deleted and one.id in replacing
            ]  # fmt: skip
    there = {crm.id for _, _, _, crm in fresh}
    gone = [one.case for crm_id, one in replacing.items() if crm_id not in there]
    for case in gone:
        case.fate, case.reason = Fate.LEAVE, NOT_THERE
    await writer.leave(kind, gone)
    rest = [one for one in pairings if not one.plan.replaces_lists]
    return rest + await compare(writer.ground, kind, fresh)


def _within_limits(
    writer: Writer, pairings: Sequence[Pairing]
) -> tuple[list[Pairing], list[Pairing], list[Pairing]]:
    """Those to be written, those that are in step already, and those beyond what the preview counted."""
    rest = [one for one in pairings if not one.plan.body and not one.plan.values]
    wanted = [one for one in pairings if one.plan.body or one.plan.values]
    todo: list[Pairing] = []
    writes = 0
    for one in wanted:
        times = bool(one.plan.body) + bool(one.plan.values)
        if writer.tally.room("changed", writes + times) < writes + times:
            break
        writes += times
        todo.append(one)
    return todo, rest, wanted[len(todo) :]


async def _write_crm(writer: Writer, kind: Kind, todo: Sequence[Pairing]) -> list[Pairing]:
    tenant = writer.ground.tenant
    wanted = [one for one in todo if one.plan.body]

    async def write(one: Pairing) -> CrmRecord:
        return await write_to_pipedrive(tenant, kind, one.bound.crm_id, one.plan, Lane.BACKFILL)

    answers = await each(wanted, write)
    failed = set[str]()
    notes: list[Wrote] = []
    for one, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, ConnectorError):
            failed.add(one.case.id)
            continue
        one.crm = answer
        before, after = one.plan.body_before, one.plan.body
        notes.append(
            Wrote(kind.entity, Side.PIPEDRIVE, answer.id, one.bound.centre_id, "update", before, after)
        )
    await writer.note(notes)
    writer.tally.counts["changed"] += len(notes)
    cases = [one.case for one in wanted]
    await writer.failed(kind, [*zip(cases, answers, strict=True)], claimed=False)
    return [one for one in todo if one.case.id not in failed]


async def _write_centre(writer: Writer, kind: Kind, todo: Sequence[Pairing]) -> list[Pairing]:
    api = writer.ground.centre.api
    wanted = [one for one in todo if one.plan.values]
    answers: list[CentreRecord | ConnectorError] = []
    if kind is COMPANIES:

        async def company(one: Pairing) -> CentreRecord:
            record = one.facts.centre
            await api.update_company(record.id, one.plan.values)
            return await read_or(api.company(record.id), with_values(record, one.plan.values))

        answers = await each(wanted, company)
    else:

        async def some(part: Sequence[Pairing]) -> Sequence[ConnectorError | None]:
            return await api.update_customers([(one.facts.centre.id, one.plan.values) for one in part])

        parts = list(parts_of(wanted))
        for part, answer in zip(parts, await each(parts, some), strict=True):
            outcomes = [answer for _ in part] if isinstance(answer, ConnectorError) else answer
            answers += [
                error or with_values(one.facts.centre, one.plan.values)
                for one, error in zip(part, outcomes, strict=True)
            ]
    failed = set[str]()
    notes: list[Wrote] = []
    for one, done in zip(wanted, answers, strict=True):
        if isinstance(done, ConnectorError):
            failed.add(one.case.id)
            continue
        one.centre, key = done, one.bound.centre_id
        notes.append(
            Wrote(kind.entity, Side.CENTRE, key, key, "update", one.plan.values_before, one.plan.values)
        )
    await writer.note(notes)
    writer.tally.counts["changed"] += len(notes)
    cases = [one.case for one in wanted]
    await writer.failed(kind, [*zip(cases, answers, strict=True)], claimed=False)
    return [one for one in todo if one.case.id not in failed]


async def _keep(writer: Writer, kind: Kind, pairings: Sequence[Pairing]) -> None:
    """Keep what both sides hold now; what was written to a contact centre in series is read back in the end."""
    ground, tenant = writer.ground, writer.ground.tenant
    reader, problems = await reader_of(tenant, kind)
    steps: list[InStep] = []
    awaited: dict[str, bytes] = {}
    done: list[Case] = []
    for one in pairings:
        before = one.facts
        centre, crm = one.centre or before.centre, one.crm or before.crm
        after = replace(before, centre=centre, crm=crm, extras=extras(tenant, kind, centre, crm))
        base = new_base(reader, before, after, one.plan, one.bound.base)
        said = [
            {"field": problem.field, "reason": problem.reason} for problem in (*problems, *one.plan.problems)
        ]
        replaced = overwrote(reader, before, after) if one.plan.replaces_lists else None
        if kind is CUSTOMERS and (one.plan.values or one.case.awaited):
            awaited[one.bound.centre_id] = pack_sent(Sent(centre, base, said, replaced))
        else:
            steps.append(InStep(one.bound, base, said, replaced))
        done.append(one.case)
    asked = await ask_about_fields(tenant, reader, [(one.bound, one.plan) for one in pairings])
    writer.tally.counts["asked about fields"] += asked
    await tenant.bindings.in_step(steps, at=tenant.clock.now())
    found = [ground.source(one.case.id) for one in pairings if one.case.claimed]
    await tenant.creations.settle(kind.entity, ground.other_side, found)
    changed = [one for one in pairings if one.crm is not None]
    await index_crm(tenant, [indexed_crm(tenant, one.crm) for one in changed if one.crm is not None])
    await tenant.index.put(
        [indexed_centre(tenant, kind, ground.centre.id, one.centre) for one in pairings if one.centre]
    )
    await tenant.loads.await_back(ground.load.id, kind.centre, awaited)
    await writer.move(kind, [case for case in done if case.id not in awaited], Stage.DONE)
    writer.tally.moved += len(awaited)
