"""Which record of the other side is the same customer or company: found in the index, decided, never guessed.

In order: the id that either of the two names, a unique e-mail address, a unique number; companies have a unique name
instead. What a person decided for a case holds for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from connector.flows.contacts.kinds import (
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    indexed_centre,
    name_of,
    read_centre,
    read_crm,
    stated_centre_id,
    stated_crm_id,
)
from connector.flows.indexed import indexed_crm
from connector.flows.tenant import Tenant
from connector.names import same_name
from connector.records import Company
from connector.store.bindings import Bond
from connector.store.dirty import Side
from connector.store.index import Candidate, Indexable
from connector.store.questions import Asked
from connector.store.questions import Kind as QuestionKind

NEW = "new"
IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Same:
    """This record of the other side is meant; `alias` when it has a pair already and is the same all the same."""

    record_id: str
    how: str
    alias: bool = False


@dataclass(frozen=True, slots=True)
class Nobody:
    """The other side has no such record."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A person decided that this record stays by itself."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Several could be meant: a person has to say which."""

    candidates: tuple[str, ...]
    why: str


Identity = Same | Nobody | LeftAlone | Unclear


def is_ignored(asked: Asked) -> bool:
    """Whether a person decided that the record of a case stays by itself."""
    return asked.decision is not None and asked.decision.get("choose") == IGNORE


Record = CentreRecord | CrmRecord
#: Reads a record of the other side, whose name is compared; None when it is not there.
Read = Callable[[str], Awaitable[Record | None]]


async def find_person(
    tenant: Tenant, kind: Kind, connection: str, record: CentreRecord, *, insist: bool = False
) -> Identity:
    """The person or organization that a record of a contact centre is; `insist` looks also for one that is to stay alone."""
    key = f"{connection}/{record.id}"

    async def read(found: str) -> Record | None:
        return await read_crm(tenant, kind, found)

    known = await person_stated(tenant, connection, record)
    stated = {key: known} if known else {}
    return (await find_persons(tenant, kind, {key: record}, read, insist=insist, stated=stated))[key]


async def person_stated(tenant: Tenant, connection: str, record: CentreRecord) -> str | None:
    """The id in Pipedrive that a record names; a company without a special field for it by its own customer record."""
    by_itself = stated_crm_id(tenant, record)
    if by_itself or not isinstance(record, Company) or record.customer_id is None:
        return by_itself
    if tenant.settings.special_fields.customer_pipedrive_id is not None:
        return None
    card = await read_centre(tenant, CUSTOMERS, f"{connection}/{record.customer_id}")
    return stated_crm_id(tenant, card) if card is not None else None


async def find_customer(
    tenant: Tenant, kind: Kind, connection: str, record: CrmRecord, *, insist: bool = False
) -> Identity:
    """The customer or company of a contact centre that a record of Pipedrive is; `insist` as above."""
    return (await find_customers(tenant, kind, connection, [record], insist=insist))[record.id]


async def find_persons(
    tenant: Tenant, kind: Kind, records: Mapping[str, CentreRecord], read: Read, *, insist: bool = False,
    stated: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Identity]:  # fmt: skip
    """The same for a batch, by the records' keys: what is asked of the index is asked for all of them at once.

    `stated` are ids in Pipedrive that records are known to name elsewhere than in themselves.
    """
    sought = {
        key: _Sought(
            indexed_centre(tenant, kind, key.rpartition("/")[0], record), record,
            f"id:{record.id}" if _ids_are_unique(tenant) else None,
            stated.get(key) or stated_crm_id(tenant, record),
        )
        for key, record in records.items()
    }  # fmt: skip
    ways = await _candidates(tenant, kind, Side.CENTRE, sought)
    return await _decide(tenant, kind, Side.CENTRE, sought, ways, read, insist=insist)


async def find_customers(
    tenant: Tenant, kind: Kind, connection: str, records: Sequence[CrmRecord], *, insist: bool = False
) -> dict[str, Identity]:
    """The customers or companies of a contact centre that records of Pipedrive are, by the ids of these."""
    sought = {}
    for record in records:
        stated = stated_centre_id(tenant, kind, record)
        own = f"{connection}/{stated}" if stated and _ids_are_unique(tenant) else None
        sought[record.id] = _Sought(indexed_crm(tenant, record), record, f"pipedrive:{record.id}", own)
    ways = await _candidates(tenant, kind, Side.PIPEDRIVE, sought)
    there = {
        own_id: [(how, [one for one in found if one.rpartition("/")[0] == connection]) for how, found in of]
        for own_id, of in ways.items()
    }
    return await _decide(tenant, kind, Side.PIPEDRIVE, sought, there, None, insist=insist)


def _ids_are_unique(tenant: Tenant) -> bool:
    """Whether an id in Pipedrive's field says who is meant: it does not say in which of several contact centres."""
    return len(tenant.centres) <= 1


@dataclass(frozen=True, slots=True)
class _Sought:
    """A record whose counterpart is looked for: by its subjects, by who names it, and by whom it names."""

    own: Indexable
    record: Record
    naming: str | None
    stated: str | None


_Ways = Sequence[tuple[str, list[str]]]
#: What a person said of numbers and addresses, by their keys.
_Decisions = Mapping[str, Mapping[str, object]]


async def _candidates(
    tenant: Tenant, kind: Kind, side: Side, sought: Mapping[str, _Sought]
) -> dict[str, _Ways]:
    """Records of the other side for each, by each way in turn."""
    other = kind.crm if side is Side.CENTRE else kind.centre
    keys = {own_id: _keys(tenant, one) for own_id, one in sought.items()}
    every = {key for ways in keys.values() for some in ways.values() for key in some}
    found = await tenant.index.candidates(every, other)
    there = await tenant.index.people([one.stated for one in sought.values() if one.stated], other)
    decided: _Decisions = {}
    if side is Side.CENTRE and kind is CUSTOMERS:
        subjects = [key for ways in keys.values() for how in ("email", "number") for key in ways[how]]
        decided = await _decisions(tenant, subjects)
    answer: dict[str, _Ways] = {}
    for own_id, ways in keys.items():
        # What was said to be nobody's, or a whole organization's, tells nothing of who somebody is.
        open_ = {how: [key for key in some if key not in decided] for how, some in ways.items()}
        ids = {how: _ids(found, some) for how, some in open_.items()}
        stated = sought[own_id].stated
        if stated is not None and stated in there:
            ids["id"] = list(dict.fromkeys([*ids["id"], stated]))
        answer[own_id] = list((ids | _as_said(decided, ways)).items())
    return answer


def _keys(tenant: Tenant, one: _Sought) -> dict[str, list[str]]:
    subjects = one.own.subjects
    ways = {
        "id": [one.naming] if one.naming else [],
        "email": [subject for subject in subjects if "@" in subject],
        "number": [subject for subject in subjects if subject.startswith("+")],
        "name": [subject for subject in subjects if subject.startswith("name:")],
    }
    return {how: list(map(tenant.ledger.keys.key, some)) for how, some in ways.items()}


def _ids(found: Mapping[str, Sequence[Candidate]], keys: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(candidate.person_id for key in keys for candidate in found.get(key, ())))


async def _decisions(tenant: Tenant, subjects: Sequence[str]) -> _Decisions:
    """What was decided of numbers and addresses; what names a person who is gone is no decision any more."""
    asked = await tenant.questions.of(QuestionKind.SUBJECT, subjects)
    decided = {key: one.decision for key, one in asked.items() if one.decision is not None}
    alive = await tenant.index.people({str(said["person"]) for said in decided.values() if "person" in said})
    return {
        key: said for key, said in decided.items() if "person" not in said or str(said["person"]) in alive
    }


def _as_said(decided: _Decisions, keys: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Persons of whom it was said that a number or address is always theirs."""
    said = {
        how: [str(one["person"]) for key in keys[how] if "person" in (one := decided.get(key, {}))]
        for how in ("email", "number")
    }
    return {how: list(dict.fromkeys(persons)) for how, persons in said.items() if persons}


async def _decide(
    tenant: Tenant,
    kind: Kind,
    side: Side,
    sought: Mapping[str, _Sought],
    ways: Mapping[str, _Ways],
    read: Read | None,
    *,
    insist: bool,
) -> dict[str, Identity]:
    asks = kind.asks_of_centre if side is Side.CENTRE else kind.asks_of_crm
    asked = await tenant.questions.of(asks, list(sought))
    decided: dict[str, Identity] = {}
    found: dict[str, tuple[str, str]] = {}
    for own_id, of in ways.items():
        answer = _as_decided(asked.get(own_id), insist=insist) or _by_the_first_way(of)
        if isinstance(answer, Same):
            found[own_id] = (answer.record_id, answer.how)
        decided[own_id] = answer
    asks_there = kind.asks_of_crm if side is Side.CENTRE else kind.asks_of_centre
    cases = await tenant.questions.of(asks_there, [other for other, _ in found.values()])
    for own_id, (other, how) in list(found.items()):
        held = _held_by_a_case(cases.get(other), own_id, other, insist=insist)
        if held is not None and how != _BY_A_PERSON:
            decided[own_id] = held
            del found[own_id]
    holders = await _holders(tenant, kind, side, [other for other, _ in found.values()])
    for own_id, (other, how) in found.items():
        connection = own_id.rpartition("/")[0]
        taken = next((by for of, by in holders.get(other, ()) if of == connection and by != own_id), None)
        if taken is None:
            continue
        if how == _BY_A_PERSON:
            decided[own_id] = Same(other, how, alias=True)
            continue
        # Somebody else's already. The same name as well means that one of the two was entered twice.
        twin = await read(other) if read is not None else None
        if twin is not None and same_name(name_of(sought[own_id].record), name_of(twin)):
            decided[own_id] = Same(other, how, alias=True)
        else:
            decided[own_id] = Unclear((other,), f"the one with this {how} belongs to {taken} already")
    return decided


_BY_A_PERSON = "a person's decision"


def _as_decided(asked: Asked | None, *, insist: bool) -> Identity | None:
    """What a person decided of a case, as far as it can still be meant."""
    if asked is None or asked.decision is None:
        return None
    if is_ignored(asked):
        return None if insist else LeftAlone()
    said = str(asked.decision.get("choose", ""))
    if said == NEW:
        return Nobody()
    return Same(said, _BY_A_PERSON) if said in asked.candidates else None


def _held_by_a_case(case: Asked | None, own_id: str, other: str, *, insist: bool) -> Identity | None:
    """What a case of the other record says of this one, which may be the only one to see it but not the only one it could be."""
    if case is None:
        return None
    if case.decision is None:
        several = own_id in case.candidates and len(case.candidates) > 1
        return Unclear((other,), f"{len(case.candidates)} could be {other}") if several else None
    return LeftAlone() if is_ignored(case) and not insist else None


def _by_the_first_way(ways: _Ways) -> Identity:
    for how, ids in ways:
        if len(ids) > 1:
            return Unclear(tuple(ids), f"{len(ids)} have this {how}")
        if ids:
            return Same(ids[0], how)
    return Nobody()


async def _holders(
    tenant: Tenant, kind: Kind, side: Side, found: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Who each record of the other side is paired with, and in which contact centre where that matters."""
    if side is Side.CENTRE:
        of_crm = await tenant.bindings.of_crm(kind.entity, found)
        return {
            crm_id: [(one.connection, one.centre_id) for one in pairs if one.state is Bond.BOUND]
            for crm_id, pairs in of_crm.items()
        }
    of_centre = await tenant.bindings.of_centre(kind.entity, found)
    return {key: [("", one.crm_id)] for key, one in of_centre.items() if one.state is not Bond.GONE}
