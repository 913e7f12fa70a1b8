"""Cases that only a person decides: shown with what both vendors hold now, and worked on as soon as they are decided.

Names and numbers are read for the showing alone; nothing of them is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connector.errors import Misconfigured, NotFound
from connector.flows.contacts.identifying import IGNORE, NEW
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    KINDS,
    CentreRecord,
    CrmRecord,
    Kind,
    name_of,
    read_centre,
    read_crm,
)
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.pairing import Pair
from connector.flows.contacts.pushing import Pushed, push
from connector.flows.contacts.reading import Reader
from connector.flows.contacts.work import reader_of
from connector.flows.indexed import indexed_crm, store
from connector.flows.tenant import Tenant
from connector.pipedrive.records import Organization, Person
from connector.records import Company, Customer
from connector.store.bindings import Bond
from connector.store.dirty import Mark, Side, Urgency
from connector.store.operations import Operations
from connector.store.questions import Asked
from connector.store.questions import Kind as Asks

#: Of a case with more candidates the first are shown; all of them may be chosen.
MOST_SHOWN = 10
_AT_ONCE = timedelta()
CENTRE, PIPEDRIVE = "centre", "pipedrive"
PERSON, ORGANIZATION = "person:", "organization:"

_OF_CENTRE = {Asks.CUSTOMER: CUSTOMERS, Asks.COMPANY: COMPANIES}
_OF_CRM = {Asks.PERSON: CUSTOMERS, Asks.ORGANIZATION: COMPANIES}
_MOVED = "Both sides have changed since this was asked, so that neither value can be chosen any more; it is compared again."


@dataclass(slots=True)
class _Reads:
    """Records as they are now, each read once."""

    tenant: Tenant
    _kept: dict[tuple[Side, str, str], CentreRecord | CrmRecord | None] = field(default_factory=dict)

    async def read(self, kind: Kind, side: Side, record_id: str) -> CentreRecord | CrmRecord | None:
        key = (side, kind.entity, record_id)
        if key not in self._kept:
            reading = read_centre if side is Side.CENTRE else read_crm
            self._kept[key] = await reading(self.tenant, kind, record_id)
        return self._kept[key]

    async def shown(self, kind: Kind, side: Side, record_id: str) -> dict[str, object]:
        """What tells a person who a record is."""
        record = await self.read(kind, side, record_id)
        if record is None:
            return {"id": record_id, "gone": True}
        found: dict[str, object] = {"id": record_id, "name": name_of(record)}
        if not isinstance(record, Customer | Person):
            return found
        found |= {"phones": list(record.phones), "emails": list(record.emails)}
        if isinstance(record, Person) and record.org_id is not None:
            organization = await self.read(COMPANIES, Side.PIPEDRIVE, record.org_id)
            found["organization"] = {
                "id": record.org_id,
                "name": name_of(organization) if organization else "",
            }
        elif isinstance(record, Customer) and record.company_id is not None:
            key = f"{record_id.rpartition('/')[0]}/{record.company_id}"
            company = await self.read(COMPANIES, Side.CENTRE, key)
            found["company"] = {"id": key, "name": name_of(company) if company else ""}
        return found


async def questions(tenant: Tenant, *, limit: int) -> list[dict[str, object]]:
    """Open cases, oldest first, with what both sides hold now (1 token a record of Pipedrive)."""
    return await looked_at(tenant, await tenant.questions.open(limit))


async def looked_at(tenant: Tenant, cases: Sequence[Asked]) -> list[dict[str, object]]:
    """These cases with what both sides hold now (1 token a record of Pipedrive)."""
    reads = _Reads(tenant)
    return [await _shown(reads, asked) for asked in cases]


async def _shown(reads: _Reads, asked: Asked) -> dict[str, object]:
    shown: dict[str, object] = {"id": asked.id, "kind": asked.kind, "asked": asked.asked_at}
    if asked.kind is Asks.FIELD:
        return shown | await _field(reads, asked)
    kind, side = _asked_of(asked)
    others = Side.PIPEDRIVE if side is not Side.PIPEDRIVE else Side.CENTRE
    shown["why"] = str(asked.detail.get("why", ""))
    shown["about"] = (
        "the number or address that all candidates have" if side is None
        else await reads.shown(kind, side, asked.subject)
    )  # fmt: skip
    candidates = [await reads.shown(kind, others, one) for one in asked.candidates[:MOST_SHOWN]]
    for one in candidates:
        if side is not None and (holder := await _holder(reads.tenant, kind, side, asked, str(one["id"]))):
            one["belongs_to"] = holder
    shown["candidates"] = candidates
    if side is None:
        shown["choices"] = [*(PERSON + one for one in asked.candidates), f"{ORGANIZATION}ID", IGNORE]
    else:
        shown["choices"] = [*asked.candidates, NEW, IGNORE]
    return shown


def _asked_of(asked: Asked) -> tuple[Kind, Side | None]:
    """The kind of record that a case is about, and its side; None for a number or address."""
    if asked.kind in _OF_CENTRE:
        return _OF_CENTRE[asked.kind], Side.CENTRE
    if asked.kind in _OF_CRM:
        return _OF_CRM[asked.kind], Side.PIPEDRIVE
    return CUSTOMERS, None


async def _holder(tenant: Tenant, kind: Kind, side: Side, asked: Asked, candidate: str) -> str | None:
    """Who a candidate is paired with already."""
    if side is Side.PIPEDRIVE:
        bound = (await tenant.bindings.of_centre(kind.entity, [candidate])).get(candidate)
        return (
            bound.crm_id if bound and bound.state is not Bond.GONE and bound.crm_id != asked.subject else None
        )
    pairs = (await tenant.bindings.of_crm(kind.entity, [candidate])).get(candidate, [])
    return next(
        (one.centre_id for one in pairs if one.state is Bond.BOUND and one.centre_id != asked.subject), None
    )


# a field


async def _field(reads: _Reads, asked: Asked) -> dict[str, object]:
    both = await _both(reads, asked)
    shown: dict[str, object] = {
        "why": "both sides changed it", "field": asked.detail.get("field"), "choices": [CENTRE, PIPEDRIVE],
        "about": {CENTRE: asked.detail.get("pair"), PIPEDRIVE: asked.detail.get("person")},
    }  # fmt: skip
    if both is None:
        return shown | {"void": True}
    reader, pair, centre, crm = both
    shown["values"] = {CENTRE: reader.text(pair, centre), PIPEDRIVE: reader.text(pair, crm)}
    return shown | ({"void": True} if _has_moved(asked, both) else {})


_Both = tuple[Reader, Pair, CentreRecord, CrmRecord]


async def _both(reads: _Reads, asked: Asked) -> _Both | None:
    """Both records of a case about a field; None when one is gone, or the field is no longer kept the same."""
    kind = KINDS[asked.subject.partition(":")[0]]
    reader, _ = await reader_of(reads.tenant, kind)
    pair = next((one for one in reader.pairs if one.key == asked.detail.get("field")), None)
    centre = await reads.read(kind, Side.CENTRE, str(asked.detail.get("pair")))
    crm = await reads.read(kind, Side.PIPEDRIVE, str(asked.detail.get("person")))
    if (
        pair is None
        or not isinstance(centre, Customer | Company)
        or not isinstance(crm, Person | Organization)
    ):
        return None
    return reader, pair, centre, crm


def _has_moved(asked: Asked, both: _Both) -> bool:
    reader, pair, centre, crm = both
    held = (reader.held(pair, centre) or "", reader.held(pair, crm) or "")
    return held != (asked.detail.get(CENTRE), asked.detail.get(PIPEDRIVE))


# decisions


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a decision: whether it was kept, what was worked on by it, how many events are decided anew."""

    kept: bool
    reason: str = ""
    pushed: Pushed | None = None
    events: int = 0

    def report(self, tenant: Tenant) -> dict[str, object]:
        """The same as one JSON object."""
        found: dict[str, object] = {"decided": self.kept, "events_decided_anew": self.events}
        if self.reason:
            found["reason"] = self.reason
        return found | (self.pushed.report(tenant) if self.pushed is not None else {})


async def answer(tenant: Tenant, operations: Operations, question_id: int, choice: str) -> Answered:
    """Keep what a person decided and work on what waited for it; Misconfigured where it is no choice of that case."""
    asked = await tenant.questions.find(question_id)
    if asked is None:
        raise Misconfigured(
            f"There is no question {question_id}; connector undecided shows those that are open."
        )
    if asked.kind is Asks.FIELD:
        return await _answer_field(tenant, operations, asked, choice)
    kind, side = _asked_of(asked)
    if side is None:
        return await _answer_subject(tenant, asked, choice)
    chosen = _chosen(asked, choice)
    if chosen not in (NEW, IGNORE):
        holder = await _holder(tenant, kind, side, asked, chosen)
        if holder is not None and side is Side.PIPEDRIVE:
            raise Misconfigured(
                f"{chosen} belongs to {kind.crm} {holder} already. Merge the two in Pipedrive, or choose {IGNORE}."
            )
    await tenant.questions.decide(asked.id, {"choose": chosen})
    if chosen == IGNORE:
        return Answered(True)
    return Answered(True, pushed=await push(tenant, operations, kind, side, asked.subject))


def _chosen(asked: Asked, choice: str) -> str:
    """The candidate that is meant, which may be named without its contact centre."""
    if choice in (NEW, IGNORE) or choice in asked.candidates:
        return choice
    short = [one for one in asked.candidates if one.rpartition("/")[2] == choice]
    if len(short) != 1:
        raise _no_choice(choice, [*asked.candidates, NEW, IGNORE])
    return short[0]


def _no_choice(choice: str, choices: Sequence[str]) -> Misconfigured:
    return Misconfigured(f"{choice!r} is no choice here; choose one of {', '.join(choices)}.")


async def _answer_field(tenant: Tenant, operations: Operations, asked: Asked, choice: str) -> Answered:
    if choice not in (CENTRE, PIPEDRIVE):
        raise _no_choice(choice, (CENTRE, PIPEDRIVE))
    kind, key = KINDS[asked.subject.partition(":")[0]], str(asked.detail.get("pair"))
    both = await _both(_Reads(tenant), asked)
    if both is None or _has_moved(asked, both):
        await tenant.questions.void(Asks.FIELD, [asked.subject])
        mark = Mark(kind.entity, Side.CENTRE, key)
        if in_step(tenant):
            await tenant.dirty.mark([mark], urgency=Urgency.HOOK, cause="questions")
        return Answered(False, _MOVED)
    await tenant.questions.decide(asked.id, {"choose": choice})
    return Answered(True, pushed=await push(tenant, operations, kind, Side.CENTRE, key))


async def _answer_subject(tenant: Tenant, asked: Asked, choice: str) -> Answered:
    """Whose a number or address always is; its events, and the customers that waited for the same, are decided anew."""
    decision = await _whose(tenant, asked, choice)
    await tenant.questions.decide(asked.id, decision)
    await tenant.whose(older_than=_AT_ONCE)
    events = await tenant.ledger.wake(keys=[asked.subject])
    if in_step(tenant):
        about = {*asked.candidates}
        marks = [
            Mark(CUSTOMERS.entity, Side.CENTRE, one.subject)
            for one in await tenant.questions.open()
            if one.kind is Asks.CUSTOMER and about.intersection(one.candidates)
        ]
        await tenant.dirty.mark(marks, urgency=Urgency.HOOK, cause="questions")
    return Answered(True, events=events)


async def _whose(tenant: Tenant, asked: Asked, choice: str) -> Mapping[str, object]:
    if choice == IGNORE:
        return {IGNORE: True}
    is_organization = choice.startswith(ORGANIZATION)
    record_id = choice.removeprefix(ORGANIZATION).removeprefix(PERSON)
    if not (record_id.isascii() and record_id.isdigit()):
        raise _no_choice(choice, [*(PERSON + one for one in asked.candidates), f"{ORGANIZATION}ID", IGNORE])
    kind = COMPANIES if is_organization else CUSTOMERS
    record = await read_crm(tenant, kind, record_id)
    if record is None:
        raise NotFound(f"Pipedrive has no {kind.crm} {record_id}, or the user of the sync may not see it")
    await store(tenant, [indexed_crm(tenant, record)])
    return {str(kind.crm): record_id}
