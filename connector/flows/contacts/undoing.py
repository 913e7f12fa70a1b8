"""A run is taken back, newest write first: what it overwrote is given back where nobody has edited it since.

The connector never deletes: records that the run made are parted from their counterparts, stay so, and are listed for a
person. Each write is marked as it is taken back, so that an undo that was cut short goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.contact_settings import CUSTOM
from connector.errors import ConnectorError, Misconfigured
from connector.flows.contacts.identifying import IGNORE
from connector.flows.contacts.kinds import (
    KINDS,
    CentreRecord,
    CrmRecord,
    Kind,
    read_centre,
    read_crm,
    update_in_centre,
    write_crm,
)
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.pairing import Pair
from connector.flows.contacts.pushing import let_go, take
from connector.flows.contacts.reading import Reader
from connector.flows.contacts.restoring import Restored, as_body, flat, restore
from connector.flows.contacts.values import written_names
from connector.flows.contacts.work import Work, reader_of
from connector.flows.contacts.working import at_work
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as put_crm
from connector.flows.tenant import Tenant
from connector.flows.worker import HALTING
from connector.pipedrive.records import Organization, Person
from connector.store.bindings import Bond, Bound, InStep
from connector.store.changes import Undoable, Wrote
from connector.store.dirty import Mark, Side, Urgency
from connector.store.operations import Operations

CAUSE = "undo"
EDITED = "edited since"
GONE = "the record is gone"
_PAGE = 200


@dataclass(slots=True)
class Undone:
    """What came of an undo; `stopped` says why it did not get to the end, so that it has to be run again."""

    records: int = 0
    fields: int = 0
    left: list[dict[str, str]] = field(default_factory=list)
    parted: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    stopped: str = ""

    def report(self) -> dict[str, object]:
        """The same as one JSON object."""
        found: dict[str, object] = {
            "records_written_back": self.records, "fields_written_back": self.fields, "left_as_they_are": self.left,
            "made_by_the_run_and_kept": self.parted, "failed": self.failed,
        }  # fmt: skip
        return found | ({"stopped": self.stopped} if self.stopped else {})


async def undo(tenant: Tenant, operations: Operations, run_id: int) -> Undone:
    """Take back what a run wrote; Misconfigured when there is nothing of it that could be."""
    done, below = Undone(), None
    if not (page := await tenant.changes.of_run(run_id, limit=_PAGE)):
        raise Misconfigured(
            f"Run {run_id} wrote nothing that can be taken back; connector undo lists those that did."
        )
    async with at_work(tenant, operations, cause=CAUSE) as work:
        while page:
            for one in page:
                try:
                    await _take_back(work, one, done)
                except HALTING as error:
                    done.stopped = str(error)
                    return done
                except ConnectorError as error:
                    done.failed.append(_of(one.wrote) | {"reason": str(error)})
            below = page[-1].id
            page = await tenant.changes.of_run(run_id, below=below, limit=_PAGE)
    return done


def _of(wrote: Wrote) -> dict[str, str]:
    kind = KINDS[wrote.entity]
    return {str(kind.centre if wrote.side == Side.CENTRE else kind.crm): wrote.record_id}


async def _take_back(work: Work, one: Undoable, done: Undone) -> None:
    tenant, kind = work.tenant, KINDS[one.wrote.entity]
    bound = (await tenant.bindings.of_centre(kind.entity, [one.wrote.centre_id])).get(one.wrote.centre_id)
    marks = [Mark(kind.entity, Side(one.wrote.side), one.wrote.record_id)]
    if bound is not None:
        marks = [
            Mark(kind.entity, Side.CENTRE, bound.centre_id),
            Mark(kind.entity, Side.PIPEDRIVE, bound.crm_id),
        ]
    # Whatever a webhook tells of our own writing waits until the pair is in step again as it is then.
    taken = await take(tenant, marks)
    try:
        async with tenant.contacts.lock(kind.entity, one.wrote.centre_id):
            if one.wrote.kind == "create":
                await _part(tenant, kind, one.wrote, bound, done)
            else:
                await _write_back(work, kind, one.wrote, bound, done)
    except BaseException:
        await let_go(tenant, taken)
        raise
    await tenant.dirty.clear(taken)
    await tenant.changes.undone(one.id)


async def _part(tenant: Tenant, kind: Kind, wrote: Wrote, bound: Bound | None, done: Undone) -> None:
    """Part a record that we made from its counterpart for good, unless a person pushes one of the two."""
    is_ours = wrote.side == Side.CENTRE or (bound is not None and bound.crm_id == wrote.record_id)
    shown = _of(wrote)
    crm_id = bound.crm_id if bound is not None else wrote.record_id if wrote.side == Side.PIPEDRIVE else ""
    if crm_id:
        shown["page"] = tenant.record_page(kind.crm, crm_id)
    if bound is not None and bound.state is not Bond.GONE and is_ours:
        await tenant.questions.settle(kind.asks_of_centre, [bound.centre_id], {"choose": IGNORE})
        await tenant.questions.settle(kind.asks_of_crm, [bound.crm_id], {"choose": IGNORE})
        await tenant.bindings.unbind(bound.centre_id, entity=kind.entity)
    done.parted.append(shown)


async def _write_back(work: Work, kind: Kind, wrote: Wrote, bound: Bound | None, done: Undone) -> None:
    tenant, in_pipedrive = work.tenant, wrote.side == Side.PIPEDRIVE
    record = await (read_crm if in_pipedrive else read_centre)(tenant, kind, wrote.record_id)
    if record is None:
        done.left.append(_of(wrote) | {"reason": GONE})
        return
    before, after = (flat(wrote.before), flat(wrote.after)) if in_pipedrive else (wrote.before, wrote.after)
    found = restore(before, after, record, tenant.phones)
    done.left += [_of(wrote) | {"field": name, "reason": EDITED} for name in found.edited]
    if found.fields:
        record = await _write(work, kind, wrote, found)
        done.records += 1
        done.fields += len(found.fields)
    await _settle(tenant, kind, wrote, bound, record, [*found.fields, *found.already])


async def _write(work: Work, kind: Kind, wrote: Wrote, found: Restored) -> CentreRecord | CrmRecord:
    """Write the fields back and answer the record as it is then."""
    tenant = work.tenant
    record: CentreRecord | CrmRecord | None
    if wrote.side == Side.PIPEDRIVE:
        body, instead = found.body(), as_body(found.instead_of)
        record = await write_crm(tenant, kind, wrote.record_id, body)
        await put_crm(tenant, [indexed_crm(tenant, record)])
        written: Mapping[str, object] = body
    else:
        values = {
            name: value if isinstance(value, tuple) else str(value) for name, value in found.fields.items()
        }
        await update_in_centre(tenant, kind, wrote.record_id, values)
        record = await read_centre(tenant, kind, wrote.record_id)
        written, instead = values, found.instead_of
    note = Wrote(kind.entity, wrote.side, wrote.record_id, wrote.centre_id, "update", instead, written)
    await work.note(CAUSE, [note])
    if record is None:
        raise Misconfigured(GONE)
    return record


async def _settle(
    tenant: Tenant,
    kind: Kind,
    wrote: Wrote,
    bound: Bound | None,
    record: CentreRecord | CrmRecord,
    fields: Sequence[str],
) -> None:
    """Take what both sides now hold in these fields as in step, so that nothing flows again."""
    if bound is None or bound.state is not Bond.BOUND:
        return
    centre: CentreRecord | None
    crm: CrmRecord | None
    if isinstance(record, Person | Organization):
        crm, centre = record, await read_centre(tenant, kind, bound.centre_id)
    else:
        centre, crm = record, await read_crm(tenant, kind, bound.crm_id)
    if centre is None or crm is None or crm.id != bound.crm_id:
        return
    reader, _ = await reader_of(tenant, kind)
    base = _base(reader, bound, centre, crm, _pairs_of(reader, wrote.side, fields))
    now = tenant.clock.now()
    await tenant.bindings.in_step([InStep(bound, base, bound.problems)], at=now)
    if in_step(tenant) and not all(reader.is_as_before(one, base) for one in (centre, crm)):
        # Another field was edited, and may have been marked when we took the mark.
        again = Mark(kind.entity, Side.CENTRE, bound.centre_id)
        await tenant.dirty.mark([again], urgency=Urgency.SWEEP, cause=CAUSE)


def _pairs_of(reader: Reader, side: str, fields: Sequence[str]) -> Sequence[Pair]:
    """The rows of the mapping that written fields are of."""
    if side == Side.PIPEDRIVE:
        codes = {name.removeprefix(CUSTOM) for name in fields}
        return [pair for pair in reader.pairs if pair.code in codes]
    return [pair for pair in reader.pairs if not {*fields}.isdisjoint(written_names(pair))]


def _base(
    reader: Reader, bound: Bound, centre: CentreRecord, crm: CrmRecord, pairs: Sequence[Pair]
) -> dict[str, list[object]]:
    base = {key: list(halves) for key, halves in (bound.base or {}).items()}
    return base | {pair.key: [reader.held(pair, centre), reader.held(pair, crm)] for pair in pairs}
