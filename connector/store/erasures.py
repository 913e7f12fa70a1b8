"""What is kept of one person, found by keyed hashes, and its erasure; what was written elsewhere is only listed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, false, func, or_, select, update

from connector.store.bindings import CUSTOMER, Bond
from connector.store.database import Database, any_of
from connector.store.entries import State, ledger
from connector.store.index import Entity
from connector.store.questions import Kind as QuestionKind
from connector.store.suppressed import ERASED_ON_REQUEST
from connector.store.tables import (
    Binding,
    Change,
    Creation,
    Delivery,
    DirtyRecord,
    IndexedKey,
    LiveCall,
    OpenedDeal,
    Question,
    Staged,
    WaitingKey,
    table_of,
)

bindings, changes, creations = table_of(Binding), table_of(Change), table_of(Creation)
deliveries, dirty, indexed = table_of(Delivery), table_of(DirtyRecord), table_of(IndexedKey)
opened, questions, staged = table_of(OpenedDeal), table_of(Question), table_of(Staged)
waiting_keys, live = table_of(WaitingKey), table_of(LiveCall)

WEBHOOKS = "webhooks worked on"
#: A row is named by no more values than this in one statement.
_PART = 5_000
_UNWRITTEN = (State.NEW, State.WAITING, State.UNDECIDED, State.RETRY, State.PARKED)
_OF_RECORDS = (QuestionKind.CUSTOMER, QuestionKind.PERSON)
_VALUES = (bindings.c.base, bindings.c.overwrote, bindings.c.sent)


@dataclass(slots=True)
class Person:
    """Whose data is meant: the keys of numbers and addresses, and the records on both sides that are surely theirs.

    Customers are known by their keys (`thulium:acme/7`), persons by their ids in Pipedrive. `shared` says that several
    have the key that was asked for, so that nothing but what carries it is theirs for sure.
    """

    keys: frozenset[str]
    customers: frozenset[str] = frozenset()
    persons: frozenset[str] = frozenset()
    shared: bool = False

    @property
    def records(self) -> set[str]:
        """The records of both sides."""
        return {*self.customers, *self.persons}


@dataclass(slots=True)
class Kept:
    """What is kept of a person: counts by what it is; ids in Pipedrive of what was written there, the latest last."""

    counts: dict[str, int] = field(default_factory=dict)
    activities: list[str] = field(default_factory=list)
    persons: list[str] = field(default_factory=list)
    deals: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing of this person; webhooks are counted whosever they are."""
        return not any(number for name, number in self.counts.items() if name != WEBHOOKS)


@dataclass(frozen=True, slots=True)
class _Place:
    """Rows of a table that hold something of a person: they are deleted, or get these values."""

    name: str
    table: Table
    where: ColumnElement[bool]
    values: Mapping[str, object] | None = None


class Erasures:
    """Finds and erases people of one installation."""

    def __init__(self, db: Database, installation_id: str) -> None:
        """Work on one installation's rows only."""
        self._db, self._installation_id = db, installation_id

    async def find(self, keys: Collection[str]) -> Person:
        """Whom these keys belong to, with all other keys that nobody else has."""

        def work(db: Connection) -> Person:
            own = self._who_has(db, keys)
            customers = {crm_id for entity, crm_id in own if entity == Entity.CUSTOMER}
            persons = {crm_id for entity, crm_id in own if entity == Entity.PERSON}
            customers |= self._customers_of_events(db, keys)
            of_pairs = select(bindings.c.centre_id, bindings.c.crm_id).where(
                bindings.c.installation_id == self._installation_id, bindings.c.entity == CUSTOMER,
                or_(bindings.c.centre_id.in_(any_of(customers)), bindings.c.crm_id.in_(any_of(persons))),
            )  # fmt: skip
            pairs = db.execute(of_pairs).all()
            persons |= {pair.crm_id for pair in pairs}
            paired = {pair.centre_id for pair in pairs}
            of_company = any(entity in (Entity.COMPANY, Entity.ORGANIZATION) for entity, _ in own)
            if of_company or len(persons) > 1 or _are_several(customers, paired):
                return Person(frozenset(keys), shared=True)
            customers |= paired
            more = self._keys_of(db, customers | persons) - set(keys)
            records = customers | persons
            alone_theirs = {
                key for key in more if {crm_id for _, crm_id in self._who_has(db, [key])} <= records
            }
            return Person(frozenset({*keys, *alone_theirs}), frozenset(customers), frozenset(persons))

        return await self._db.read(work)

    def _who_has(self, db: Connection, keys: Collection[str]) -> list[tuple[str, str]]:
        query = select(indexed.c.entity, indexed.c.crm_id).where(
            indexed.c.key.in_(any_of(keys)), indexed.c.installation_id == self._installation_id
        )
        return [(row.entity, row.crm_id) for row in db.execute(query)]

    def _keys_of(self, db: Connection, records: Iterable[str]) -> set[str]:
        query = select(indexed.c.key).where(
            indexed.c.crm_id.in_(any_of(records)), indexed.c.installation_id == self._installation_id,
            indexed.c.entity.in_((Entity.CUSTOMER, Entity.PERSON)),
        )  # fmt: skip
        return set(db.scalars(query))

    def _customers_of_events(self, db: Connection, keys: Collection[str]) -> set[str]:
        found = set[str]()
        # By the ids of the events, which an index tells: asked for customers SQLite would read the whole ledger.
        for part in _parts(sorted(self._with_keys(db, keys))):
            query = select(ledger.c.connection, ledger.c.customer_id).where(
                ledger.c.id.in_(any_of(part)), ledger.c.customer_id.is_not(None)
            )
            found |= {f"{connection}/{customer_id}" for connection, customer_id in db.execute(query)}
        return found

    def _with_keys(self, db: Connection, keys: Collection[str]) -> set[int]:
        """The events of these numbers and addresses."""
        mine, found = ledger.c.installation_id == self._installation_id, set[int]()
        for column in (ledger.c.number_key, ledger.c.email_key):
            query = select(ledger.c.id).where(mine, column.is_not(None), column.in_(any_of(keys)))
            found |= set(db.scalars(query))
        return found

    async def kept(self, person: Person) -> Kept:
        """What is kept of a person; nothing is changed. Takes a second or two where the ledger is long."""
        return await self._db.read(lambda db: self._count(db, person))

    async def erase(self, person: Person) -> Kept:
        """Erase what is kept of a person, and answer what that was; ids of what was written in Pipedrive stay."""

        def work(db: Connection) -> Kept:
            found = self._count(db, person)
            entries = self._entries(db, person)
            for part in _parts(entries):
                rows = ledger.c.id.in_(any_of(part))
                waits = waiting_keys.c.entry_id.in_(any_of(part))
                ours = waiting_keys.c.installation_id == self._installation_id
                db.execute(delete(waiting_keys).where(ours, waits))
                gone = {
                    "payload_sealed": None, "number_key": None, "email_key": None, "customer_id": None, "trace": None,
                    "topic_at": None,
                }  # fmt: skip
                db.execute(update(ledger).where(rows).values(**gone))
                left_out = {"state": State.SKIPPED, "reason": ERASED_ON_REQUEST, "not_before": None}
                db.execute(update(ledger).where(rows, ledger.c.state.in_(_UNWRITTEN)).values(**left_out))
            for place in self._places(person):
                where = self._of_us(place)
                if place.values is None:
                    db.execute(delete(place.table).where(where))
                else:
                    db.execute(update(place.table).where(where).values(**place.values))
            return found

        return await self._db.write(work)

    # what belongs to a person

    def _count(self, db: Connection, person: Person) -> Kept:
        kept, entries = Kept(), self._entries(db, person)
        kept.customers, kept.persons = sorted(person.customers), sorted(person.persons)
        with_contents = 0
        for part in _parts(entries):
            query = select(ledger.c.crm_id, ledger.c.payload_sealed.is_not(None)).where(
                ledger.c.id.in_(any_of(part))
            )
            for crm_id, has_contents in db.execute(query.order_by(ledger.c.occurred_at)):
                with_contents += bool(has_contents)
                if crm_id is not None:
                    kept.activities.append(crm_id)
        deals = select(opened.c.deal_id).where(self._opened(person), opened.c.deal_id.is_not(None))
        kept.deals = sorted(set(db.scalars(deals)))
        kept.counts = {"events": len(entries), "contents of events": with_contents} | {
            place.name: db.scalar(select(func.count()).select_from(place.table).where(self._of_us(place)))
            or 0
            for place in self._places(person)
        }
        return kept

    def _entries(self, db: Connection, person: Person) -> list[int]:
        """The events of a person, each of the three ways by an index of its own."""
        mine = ledger.c.installation_id == self._installation_id
        found = self._with_keys(db, person.keys)
        for customer in person.customers:
            connection, _, customer_id = customer.rpartition("/")
            # Asked for the connection too, SQLite would take the index that begins with it.
            of_customer = select(ledger.c.id, ledger.c.connection).where(
                mine, ledger.c.customer_id == customer_id, ledger.c.customer_id.is_not(None)
            )
            found |= {row.id for row in db.execute(of_customer) if row.connection == connection}
        noted = select(waiting_keys.c.entry_id).where(
            waiting_keys.c.installation_id == self._installation_id,
            waiting_keys.c.key.in_(any_of(person.keys)),
        )
        if not person.shared:
            found |= set(db.scalars(noted))
        return sorted(found)

    def _places(self, person: Person) -> list[_Place]:
        """Where else something of a person is kept, and what becomes of it."""
        records, customers = any_of(person.records), any_of(person.customers)
        pairs = and_(
            bindings.c.entity == CUSTOMER,
            or_(bindings.c.centre_id.in_(customers), bindings.c.crm_id.in_(any_of(person.persons))),
            or_(*(column.is_not(None) for column in _VALUES), bindings.c.state != Bond.GONE),
        )
        in_index = or_(
            indexed.c.key.in_(any_of(person.keys)),
            and_(indexed.c.crm_id.in_(records), indexed.c.entity.in_((Entity.CUSTOMER, Entity.PERSON))),
        )
        replaced = or_(changes.c.centre_id.in_(customers), changes.c.record_id.in_(records))
        fields = [
            questions.c.subject.startswith(f"{CUSTOMER}:{one}|", autoescape=True) for one in person.customers
        ]
        cases = or_(
            and_(questions.c.kind == QuestionKind.SUBJECT, questions.c.subject.in_(any_of(person.keys))),
            and_(questions.c.kind.in_(_OF_RECORDS), questions.c.subject.in_(records)),
            and_(questions.c.kind == QuestionKind.FIELD, or_(false(), *fields)),
        )
        being_made = and_(creations.c.sent.is_not(None), creations.c.source_id.in_(any_of(_sources(person))))
        of_load = and_(staged.c.entity.in_((Entity.CUSTOMER, Entity.PERSON)), staged.c.record_id.in_(records))
        persons = any_of(person.persons)
        seen = or_(
            live.c.number_key.in_(any_of(person.keys)), live.c.person_id.in_(persons),
            and_(live.c.record_entity == Entity.PERSON, live.c.record_id.in_(persons)),
        )  # fmt: skip
        # Whose they are is not told apart; they are kept for some days and not needed any more.
        worked_on = and_(deliveries.c.done_at.is_not(None), func.length(deliveries.c.body_sealed) > 0)
        gone = {"base": None, "overwrote": None, "sent": None, "problems": "[]", "state": Bond.GONE}
        return [
            _Place("keys by which events wait", waiting_keys, waiting_keys.c.key.in_(any_of(person.keys))),
            _Place("keys in the index", indexed, in_index),
            _Place("pairs", bindings, pairs, gone),
            _Place("overwritten values", changes, and_(changes.c.entity == CUSTOMER, replaced)),
            _Place(
                "records to be looked at",
                dirty,
                and_(dirty.c.entity == CUSTOMER, dirty.c.record_id.in_(records)),
            ),
            _Place(
                "records being made",
                creations,
                and_(creations.c.entity == CUSTOMER, being_made),
                {"sent": None},
            ),
            _Place("cases to be decided", questions, cases),
            _Place("records of a first load", staged, of_load),
            _Place("calls that agents saw", live, seen),
            _Place(WEBHOOKS, deliveries, worked_on, {"body_sealed": b""}),
        ]

    def _opened(self, person: Person) -> ColumnElement[bool]:
        return and_(
            opened.c.installation_id == self._installation_id,
            or_(
                opened.c.customer_id.in_(any_of(person.customers)),
                opened.c.person_id.in_(any_of(person.persons)),
            ),
        )

    def _of_us(self, place: _Place) -> ColumnElement[bool]:
        return and_(place.table.c.installation_id == self._installation_id, place.where)


def _are_several(customers: Collection[str], paired: Collection[str]) -> bool:
    """Whether these are more than one in some contact centre; the `paired` are all one person's."""
    each = [one.rpartition("/")[0] for one in {*customers} - {*paired}]
    each += {one.rpartition("/")[0] for one in paired}
    return len(each) > len(set(each))


def _sources(person: Person) -> set[str]:
    """What a record of theirs may be made for: a customer, or a person together with a contact centre."""
    connections = {customer.rpartition("/")[0] for customer in person.customers}
    return {*person.customers, *(f"{one}/{person_id}" for one in connections for person_id in person.persons)}


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + _PART] for start in range(0, len(ids), _PART)]
