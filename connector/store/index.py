"""The index: which record of either side has this number, address or name, and which deals are open.

It holds keyed hashes and ids, never a number or a name. It is filled by lists, kept by webhooks and sweeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, delete, exists, func, select, update

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.suppressed import suppressed_among
from connector.store.tables import Binding, IndexedKey, IndexedRecord, IndexPass, table_of
from connector.store.vault import SubjectKeys

records = table_of(IndexedRecord)
keys_of = table_of(IndexedKey)
passes = table_of(IndexPass)
bindings = table_of(Binding)


class Entity(StrEnum):
    """The kinds of record the index follows: three of Pipedrive's, and customers and companies by their keys."""

    PERSON = "person"
    ORGANIZATION = "organization"
    DEAL = "deal"
    CUSTOMER = "customer"
    COMPANY = "company"


#: Those of Pipedrive, read by lists and told of by its webhooks.
OF_PIPEDRIVE = (Entity.PERSON, Entity.ORGANIZATION, Entity.DEAL)


@dataclass(frozen=True, slots=True)
class Indexable:
    """A record to be indexed; `subjects` are what it is found by, normalised; `gone` removes it.

    An organization or company is found by its name, every record also by the one that it names as its counterpart.
    """

    entity: Entity
    crm_id: str
    subjects: tuple[str, ...] = ()
    person_id: str | None = None
    organization_id: str | None = None
    owner_id: str | None = None
    update_time: datetime | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record, usually a person, that a number or address may belong to."""

    person_id: str
    organization_id: str | None


@dataclass(frozen=True, slots=True)
class OpenDeal:
    """An open deal of a person or organization."""

    id: str
    owner_id: str | None


@dataclass(frozen=True, slots=True)
class Pass:
    """How complete one entity's index is."""

    filled_at: datetime | None = None
    swept_until: datetime | None = None
    census_at: datetime | None = None
    census_no: int = 0


#: Whose members name a record of this kind as theirs.
_MEMBERS = {Entity.ORGANIZATION: Entity.PERSON, Entity.COMPANY: Entity.CUSTOMER}

# Built once: a look-up then costs the query alone.
_WANTED: BindParameter[Sequence[str]] = bindparam("wanted", expanding=True)
_KEYED: Select[*tuple[str, ...]] = (
    select(keys_of.c.key, keys_of.c.crm_id)
    .where(
        keys_of.c.key.in_(_WANTED),
        keys_of.c.installation_id == bindparam("installation"),
        keys_of.c.entity == bindparam("entity"),
    )
    .order_by(keys_of.c.crm_id)
)
_PEOPLE: Select[*tuple[str, ...]] = select(records.c.crm_id, records.c.organization_id).where(
    records.c.installation_id == bindparam("installation"),
    records.c.entity == bindparam("entity"),
    records.c.crm_id.in_(_WANTED),
)
_OPEN_DEALS: Select[*tuple[str, ...]] = (
    select(records.c.person_id, records.c.crm_id, records.c.owner_id)
    .where(
        records.c.installation_id == bindparam("installation"),
        records.c.entity == Entity.DEAL,
        records.c.person_id.in_(_WANTED),
    )
    .order_by(records.c.crm_id)
)


class Index:
    """The index of one installation."""

    def __init__(self, db: Database, keys: SubjectKeys, installation_id: str, clock: Clock) -> None:
        """`keys` are the installation's own."""
        self._db, self._keys, self._clock = db, keys, clock
        self._installation_id = installation_id
        self._mine = records.c.installation_id == installation_id

    async def put(self, batch: Sequence[Indexable]) -> list[str]:
        """Store records as they are now; answers the keys that persons gained or lost (waiting events may match now).

        A record that was read before the one that is stored, as on a page that came late, is left out.
        """
        if not batch:
            return []
        hashed = {(item.entity, item.crm_id): {self._keys.key(s) for s in item.subjects}
                  for item in batch if not item.gone}  # fmt: skip

        def work(db: Connection) -> list[str]:
            changed: dict[Entity, list[str]] = {}
            for entity in Entity:
                if not (part := [item for item in batch if item.entity is entity]):
                    continue
                put = self._replace(db, entity, part)
                if put and entity is not Entity.DEAL:
                    changed[entity] = self._replace_keys(db, entity, [item.crm_id for item in put], hashed)
                if member := _MEMBERS.get(entity):
                    self._leave(db, member, [item.crm_id for item in put if item.gone])
            return changed.get(Entity.PERSON, [])

        return await self._db.write(work)

    def _replace(self, db: Connection, entity: Entity, part: Sequence[Indexable]) -> list[Indexable]:
        """Put those that are not older than what is stored, and answer them."""
        own = (self._mine, records.c.entity == entity)
        query = select(records.c.crm_id, records.c.seen_in, records.c.update_time).where(
            *own, records.c.crm_id.in_(any_of(item.crm_id for item in part))
        )
        stored = {row.crm_id: row for row in db.execute(query)}
        part = [i for i in part if i.crm_id not in stored or not _is_older(i, stored[i.crm_id].update_time)]
        db.execute(delete(records).where(*own, records.c.crm_id.in_(any_of(item.crm_id for item in part))))
        rows = {
            item.crm_id: {
                "installation_id": self._installation_id, "entity": entity, "crm_id": item.crm_id,
                "person_id": item.person_id, "organization_id": item.organization_id, "owner_id": item.owner_id,
                "update_time": item.update_time,
                "seen_in": stored[item.crm_id].seen_in if item.crm_id in stored else 0,
            }
            for item in part if not item.gone
        }  # fmt: skip
        if rows:
            db.execute(records.insert(), list(rows.values()))
        return part

    def _replace_keys(
        self,
        db: Connection,
        entity: Entity,
        ids: Collection[str],
        hashed: Mapping[tuple[Entity, str], set[str]],
    ) -> list[str]:
        own = (keys_of.c.installation_id == self._installation_id, keys_of.c.entity == entity)
        query = select(keys_of.c.crm_id, keys_of.c.key).where(*own, keys_of.c.crm_id.in_(any_of(ids)))
        before = set(db.execute(query).all())
        wanted = {key for crm_id in ids for key in hashed.get((entity, crm_id), ())}
        gone = suppressed_among(db, self._installation_id, wanted)
        after = {
            (crm_id, key) for crm_id in ids for key in hashed.get((entity, crm_id), ()) if key not in gone
        }
        for crm_id, key in before - after:
            db.execute(delete(keys_of).where(*own, keys_of.c.crm_id == crm_id, keys_of.c.key == key))
        if fresh := after - before:
            rows = [
                {"installation_id": self._installation_id, "key": key, "entity": entity, "crm_id": crm_id}
                for crm_id, key in fresh
            ]
            db.execute(keys_of.insert(), rows)
        return list({key for _, key in before ^ after})

    def _leave(self, db: Connection, member: Entity, gone: list[str]) -> None:
        """Pipedrive may go on naming a deleted organization of its persons; nothing can hang on it."""
        if gone:
            members = (
                records.c.entity.in_((member, Entity.DEAL)),
                records.c.organization_id.in_(any_of(gone)),
            )
            db.execute(update(records).where(self._mine, *members).values(organization_id=None))

    async def candidates(
        self, keys: Collection[str], entity: Entity = Entity.PERSON
    ) -> dict[str, list[Candidate]]:
        """All persons (or records of another kind) of each key, for a whole batch at once."""
        if not keys:
            return {}
        values = {"installation": self._installation_id, "entity": entity}

        def work(db: Connection) -> dict[str, list[Candidate]]:
            # Two queries, as a join of the two might begin with all records there are.
            keyed = db.execute(_KEYED, values | {"wanted": list(keys)}).all()
            ids = list({crm_id for _, crm_id in keyed})
            rows = db.execute(_PEOPLE, values | {"wanted": ids}).all() if ids else ()
            people = {one: Candidate(one, organization_id) for one, organization_id in rows}
            found: dict[str, list[Candidate]] = {}
            for key, crm_id in keyed:
                if crm_id in people:
                    found.setdefault(key, []).append(people[crm_id])
            return found

        return await self._db.read(work)

    async def people(self, ids: Collection[str], entity: Entity = Entity.PERSON) -> dict[str, Candidate]:
        """The indexed persons (or records of another kind) among `ids`."""
        rows = await self._rows(_PEOPLE, ids, entity=entity)
        return {record_id: Candidate(record_id, organization_id) for record_id, organization_id in rows}

    async def members(self, entity: Entity, organization_id: str) -> list[str]:
        """The persons of an organization, or the customers of a company."""
        query = select(records.c.crm_id).where(
            self._mine, records.c.entity == entity, records.c.organization_id == organization_id
        )
        return list(await self._db.read(lambda db: db.scalars(query).all()))

    async def ids(self, entity: Entity) -> list[str]:
        """The ids of all records of a kind."""
        query = select(records.c.crm_id).where(self._mine, records.c.entity == entity)
        return list(await self._db.read(lambda db: db.scalars(query).all()))

    async def unpaired(self, entity: Entity, limit: int) -> list[str]:
        """Ids of some records of a kind that have no pair."""
        side = bindings.c.centre_id if entity in (Entity.CUSTOMER, Entity.COMPANY) else bindings.c.crm_id
        pair = Entity.CUSTOMER if entity in (Entity.CUSTOMER, Entity.PERSON) else Entity.COMPANY
        paired = exists().where(
            bindings.c.installation_id == self._installation_id, bindings.c.entity == pair,
            side == records.c.crm_id,
        )  # fmt: skip
        query = select(records.c.crm_id).where(self._mine, records.c.entity == entity, ~paired).limit(limit)
        return await self._db.read(lambda db: list(db.scalars(query).all()))

    async def open_deals(self, person_ids: Collection[str]) -> dict[str, list[OpenDeal]]:
        """Open deals of each person."""
        found: dict[str, list[OpenDeal]] = {}
        for person_id, deal_id, owner_id in await self._rows(_OPEN_DEALS, person_ids):
            found.setdefault(person_id, []).append(OpenDeal(deal_id, owner_id))
        return found

    async def _rows(
        self, query: Select[*tuple[str, ...]], wanted: Collection[str], **more: str
    ) -> Sequence[Row[*tuple[str, ...]]]:
        if not wanted:
            return ()
        values = {"installation": self._installation_id, "wanted": list(wanted), **more}
        return await self._db.read(lambda db: db.execute(query, values).all())

    async def progress(self, entity: str) -> Pass:
        """How complete the index of an entity is, or of one contact centre's part of it (`customer thulium:acme`)."""
        query = select(
            passes.c.filled_at, passes.c.swept_until, passes.c.census_at, passes.c.census_no
        ).where(passes.c.installation_id == self._installation_id, passes.c.entity == entity)
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return Pass() if row is None else Pass(*row)

    async def note(self, entity: str, **values: datetime | int) -> None:
        """Write down progress (`filled_at`, `swept_until`, `census_at`, `census_no`)."""
        where = (passes.c.installation_id == self._installation_id, passes.c.entity == entity)

        def work(db: Connection) -> None:
            if not db.execute(update(passes).where(*where).values(**values)).rowcount:
                row = {"installation_id": self._installation_id, "entity": entity, "census_no": 0}
                db.execute(passes.insert(), row | values)

        await self._db.write(work)

    async def begin_anew(self) -> None:
        """Have persons and customers read again from the start, as when numbers are to be read in another way."""
        read_so = (passes.c.entity == Entity.PERSON) | passes.c.entity.startswith(Entity.CUSTOMER)
        where = (passes.c.installation_id == self._installation_id, read_so)
        await self._db.write(
            lambda db: db.execute(update(passes).where(*where).values(filled_at=None)) and None
        )

    async def unseen(self, entity: Entity, census_no: int) -> list[str]:
        """Ids that a census of everything did not meet."""
        query = select(records.c.crm_id).where(
            self._mine, records.c.entity == entity, records.c.seen_in != census_no
        )
        return list(await self._db.read(lambda db: db.scalars(query).all()))

    async def met(self, entity: Entity, ids: Iterable[str], census_no: int) -> None:
        """Write down that a census met these ids."""
        statement = (
            update(records)
            .where(self._mine, records.c.entity == entity, records.c.crm_id.in_(any_of(ids)))
            .values(seen_in=census_no)
        )
        await self._db.write(lambda db: db.execute(statement) and None)

    async def size(self) -> dict[str, int]:
        """Number of records by entity."""
        query = select(records.c.entity, func.count()).where(self._mine).group_by(records.c.entity)
        return await self._db.read(lambda db: dict(db.execute(query).all()))


def _is_older(item: Indexable, stored: datetime | None) -> bool:
    return item.update_time is not None and stored is not None and item.update_time < stored
