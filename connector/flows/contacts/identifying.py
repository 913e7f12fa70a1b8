"""Which record of the other side is the same customer or company: found in the index, decided, never guessed.

In order: the id that either of the two names, a unique e-mail address, a unique number; companies have a unique name
instead. What a person decided for a case holds for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.flows.contacts.kinds import (
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    indexed_centre,
    read_centre,
    read_crm,
    stated_centre_id,
    stated_crm_id,
)
from connector.flows.indexed import indexed_crm
from connector.flows.tenant import Tenant
from connector.names import same_name
from connector.records import Customer
from connector.store.bindings import Bond, Bound
from connector.store.dirty import Side
from connector.store.index import Candidate, Indexable
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


async def find_person(
    tenant: Tenant, kind: Kind, connection: str, record: CentreRecord, *, insist: bool = False
) -> Identity:
    """The person or organization that a record of a contact centre is; `insist` looks also for one that is to stay alone."""
    key = f"{connection}/{record.id}"
    stated = stated_crm_id(tenant, record)
    naming = [f"id:{record.id}"]
    ids = await _candidates(
        tenant, kind, Side.CENTRE, indexed_centre(tenant, kind, connection, record), naming, stated
    )
    return await _decide(tenant, kind, Side.CENTRE, key, ids, record, insist=insist)


async def find_customer(
    tenant: Tenant, kind: Kind, connection: str, record: CrmRecord, *, insist: bool = False
) -> Identity:
    """The customer or company of a contact centre that a record of Pipedrive is; `insist` as above."""
    stated = stated_centre_id(tenant, kind, record)
    own = f"{connection}/{stated}" if stated else None
    naming = [f"pipedrive:{record.id}"]
    ids = await _candidates(tenant, kind, Side.PIPEDRIVE, indexed_crm(tenant, record), naming, own)
    ids = [(how, [one for one in found if one.rpartition("/")[0] == connection]) for how, found in ids]
    return await _decide(tenant, kind, Side.PIPEDRIVE, record.id, ids, record, insist=insist)


async def _candidates(
    tenant: Tenant, kind: Kind, side: Side, own: Indexable, naming: Sequence[str], stated: str | None
) -> list[tuple[str, list[str]]]:
    """Records of the other side, by each way in turn."""
    other = kind.crm if side is Side.CENTRE else kind.centre
    key = tenant.ledger.keys.key
    ways = {
        "id": naming,
        "email": [subject for subject in own.subjects if "@" in subject],
        "number": [subject for subject in own.subjects if subject.startswith("+")],
        "name": [subject for subject in own.subjects if subject.startswith("name:")],
    }
    keys = {how: [key(subject) for subject in subjects] for how, subjects in ways.items()}
    found = await tenant.index.candidates({one for some in keys.values() for one in some}, other)
    ids = {how: _ids(found, some) for how, some in keys.items()}
    if stated is not None and stated in await tenant.index.people([stated], other):
        ids["id"] = list(dict.fromkeys([*ids["id"], stated]))
    if side is Side.CENTRE and kind is CUSTOMERS:
        ids |= await _kept_decisions(tenant, keys)
    return list(ids.items())


def _ids(found: Mapping[str, Sequence[Candidate]], keys: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(candidate.person_id for key in keys for candidate in found.get(key, ())))


async def _kept_decisions(tenant: Tenant, keys: dict[str, list[str]]) -> dict[str, list[str]]:
    """Numbers and addresses of which a person said whose they always are."""
    decided = await tenant.questions.of(QuestionKind.SUBJECT, [*keys["email"], *keys["number"]])
    kept: dict[str, list[str]] = {}
    for how in ("email", "number"):
        said = [one.decision.get("person") for key in keys[how] if (one := decided.get(key)) and one.decision]
        if persons := [str(person) for person in said if person]:
            kept[how] = list(dict.fromkeys(persons))
    return kept


async def _decide(
    tenant: Tenant,
    kind: Kind,
    side: Side,
    own_id: str,
    ways: Sequence[tuple[str, list[str]]],
    record: CentreRecord | CrmRecord,
    *,
    insist: bool,
) -> Identity:
    asks = kind.asks_of_centre if side is Side.CENTRE else kind.asks_of_crm
    asked = (await tenant.questions.of(asks, [own_id])).get(own_id)
    decision = asked.decision if asked is not None else None
    if decision is not None and asked is not None:
        said = str(decision.get("choose", ""))
        if said == IGNORE and not insist:
            return LeftAlone()
        if said == NEW:
            return Nobody()
        if said in asked.candidates:
            return Same(
                said, "a person's decision", alias=bool(await _taken(tenant, kind, side, said, own_id))
            )
    for how, ids in ways:
        if len(ids) > 1:
            return Unclear(tuple(ids), f"{len(ids)} have this {how}")
        if ids:
            return await _one(tenant, kind, side, own_id, ids[0], how, record)
    return Nobody()


async def _one(
    tenant: Tenant,
    kind: Kind,
    side: Side,
    own_id: str,
    found: str,
    how: str,
    record: CentreRecord | CrmRecord,
) -> Identity:
    taken = await _taken(tenant, kind, side, found, own_id)
    if taken is None:
        return Same(found, how)
    # Somebody else's already. The same name as well means that one of the two was entered twice.
    other = await (read_crm if side is Side.CENTRE else read_centre)(tenant, kind, found)
    if other is not None and same_name(_name(record), _name(other)) and side is Side.CENTRE:
        return Same(found, how, alias=True)
    return Unclear((found,), f"the one with this {how} belongs to {taken} already")


async def _taken(tenant: Tenant, kind: Kind, side: Side, found: str, own_id: str) -> str | None:
    """Who the record that was found is paired with already, if that is another."""
    if side is Side.CENTRE:
        connection = own_id.rpartition("/")[0]
        pairs = (await tenant.bindings.of_crm(kind.entity, [found])).get(found, [])
        return next(
            (one.centre_id for one in pairs if _holds(one, connection) and one.centre_id != own_id), None
        )
    bound = (await tenant.bindings.of_centre(kind.entity, [found])).get(found)
    if bound is None or bound.state is Bond.GONE or bound.crm_id == own_id:
        return None
    return bound.crm_id


def _holds(bound: Bound, connection: str) -> bool:
    return bound.state is Bond.BOUND and bound.connection == connection


def _name(record: CentreRecord | CrmRecord) -> str:
    return f"{record.first_name} {record.last_name}" if isinstance(record, Customer) else record.name
