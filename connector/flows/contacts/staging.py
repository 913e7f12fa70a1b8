"""A load's one reading of both sides: every record goes into the index, and is staged for what is done with it then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import orjson

from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    CentreRecord,
    CrmRecord,
    Kind,
    indexed_centre,
)
from connector.flows.contacts.scanning import read_all
from connector.flows.indexing import Met, ensure, fill, sweep
from connector.flows.indexing import Record as Listed
from connector.flows.tenant import Centre, Tenant
from connector.pipedrive.records import Deal, Entry, Organization, Person
from connector.records import Company, Customer, Values
from connector.store.dirty import Side
from connector.store.index import Entity
from connector.store.loads import Loaded, Stage

Record = CentreRecord | CrmRecord

#: A contact centre is written so many customers a request; Pipedrive reads so many persons by their ids.
SERIES = 100

_CUSTOM = "custom:"
_TYPES: dict[str, type[Record]] = {
    Entity.CUSTOMER: Customer, Entity.COMPANY: Company, Entity.PERSON: Person, Entity.ORGANIZATION: Organization
}  # fmt: skip
_TIMES = ("updated_at", "add_time", "update_time")
_LISTS = ("phones", "emails", "label_ids")
_ENTRIES = ("phone_entries", "email_entries")
#: A reading that is older is brought up to date before anything is written.
_FRESH = timedelta(hours=1)
#: Lists of changes begin this much before the reading, since clocks differ.
_OVERLAP = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a load stands on: from which side it is, and the contact centre that it is of."""

    tenant: Tenant
    load: Loaded
    centre: Centre

    @property
    def side(self) -> Side:
        """Where the records that are loaded come from."""
        return Side(self.load.source)

    @property
    def other_side(self) -> Side:
        """Where they are loaded to."""
        return Side.PIPEDRIVE if self.side is Side.CENTRE else Side.CENTRE

    def own(self, kind: Kind) -> Entity:
        """What the records of a kind that are loaded are called."""
        return kind.centre if self.side is Side.CENTRE else kind.crm

    def other(self, kind: Kind) -> Entity:
        """What their counterparts are called."""
        return kind.crm if self.side is Side.CENTRE else kind.centre

    def source(self, record_id: str) -> str:
        """What the claim of the counterpart that is made for a record is known by."""
        return record_id if self.side is Side.CENTRE else f"{self.centre.id}/{record_id}"


def pack(record: Record) -> bytes:
    """A record as JSON."""
    return orjson.dumps(record)


def unpack(entity: str, packed: bytes) -> Record:
    """The record that was packed."""
    row = orjson.loads(packed)
    for name in _TIMES:
        if row.get(name) is not None:
            row[name] = datetime.fromisoformat(row[name])
    for name in _LISTS:
        if name in row:
            row[name] = tuple(row[name])
    for name in _ENTRIES:
        if name in row:
            row[name] = tuple(Entry(**entry) for entry in row[name])
    return _TYPES[entity](**row)


@dataclass(frozen=True, slots=True)
class Sent:
    """What was written to the contact centre and is yet to be read back, and the base as far as it is known before."""

    record: CentreRecord
    base: Mapping[str, Sequence[object]]
    problems: Sequence[Mapping[str, str]] = ()
    overwrote: Mapping[str, object] | None = None


def pack_sent(sent: Sent) -> bytes:
    """The same as JSON."""
    return orjson.dumps(sent)


def unpack_sent(entity: str, packed: bytes) -> Sent:
    """What was packed so."""
    row = orjson.loads(packed)
    record = unpack(entity, orjson.dumps(row["record"]))
    if isinstance(record, Person | Organization):
        raise TypeError(f"{entity} is no record of a contact centre")
    return Sent(record, row["base"], row["problems"], row["overwrote"])


def with_values(record: CentreRecord, values: Values) -> CentreRecord:
    """A record of the contact centre once these values are written, as far as we know before it is read back."""
    custom = dict(record.custom) | {
        name.removeprefix(_CUSTOM): value for name, value in values.items() if name.startswith(_CUSTOM)
    }
    own = {name: value or _nothing(value) for name, value in values.items() if hasattr(record, name)}
    return replace(record, custom=custom, **own)  # type: ignore[arg-type]


def _nothing(value: object) -> object:
    return () if isinstance(value, tuple) else ""


def blank(kind: Kind, record_id: str) -> CentreRecord:
    """A record of the contact centre of which nothing but the id is known."""
    return Customer(record_id, "", "") if kind is CUSTOMERS else Company(record_id, "")


# reading


async def read_both(ground: Ground) -> None:
    """Read both sides once, each record into the index and to the stage (10 tokens for 500)."""
    for entity in (Entity.ORGANIZATION, Entity.PERSON):
        await fill(ground.tenant, entity, _stager(ground, entity))
    await ensure(ground.tenant, no_older_than=ground.tenant.sweep_every)
    await read_centre_side(ground)
    await ground.tenant.loads.note(ground.load.id, read_at=ground.tenant.clock.now())


async def refresh(ground: Ground) -> None:
    """Bring an old reading up to date: by what Pipedrive lists as changed, and by the contact centre's whole lists."""
    read_at, now = ground.load.read_at, ground.tenant.clock.now()
    if read_at is not None and now - read_at > _FRESH:
        await read_changes(ground, read_at - _OVERLAP)
        await read_centre_side(ground)
        await ground.tenant.loads.note(ground.load.id, read_at=now)


async def read_changes(ground: Ground, since: datetime) -> None:
    """Stage and index what Pipedrive lists as changed since then."""
    for entity in (Entity.ORGANIZATION, Entity.PERSON):
        await sweep(ground.tenant, entity, since=since, met=_stager(ground, entity))


async def read_centre_side(ground: Ground, kinds: Sequence[Kind] = (COMPANIES, CUSTOMERS)) -> None:
    """Stage and index everything of the contact centre, companies' own customer records left out."""
    tenant, centre = ground.tenant, ground.centre
    async with tenant.contacts.scanning:
        for kind in kinds:

            async def met(records: Sequence[CentreRecord], kind: Kind = kind) -> None:
                own = [one for one in records if not (isinstance(one, Customer) and one.is_company)]
                await put_centre(ground, kind, own)

            await read_all(tenant, centre, kind, met)


async def put_centre(ground: Ground, kind: Kind, records: Sequence[CentreRecord]) -> None:
    """Stage and index records of the contact centre."""
    tenant, home = ground.tenant, ground.centre.id
    await tenant.index.put([indexed_centre(tenant, kind, home, record) for record in records])
    stage = Stage.NEW if ground.side is Side.CENTRE else Stage.HELD
    packed = {f"{home}/{record.id}": pack(record) for record in records}
    await tenant.loads.put(ground.load.id, kind.centre, packed, stage)


async def put_crm(ground: Ground, entity: Entity, records: Sequence[CrmRecord]) -> None:
    """Stage records of Pipedrive."""
    stage = Stage.NEW if ground.side is Side.PIPEDRIVE else Stage.HELD
    packed = {record.id: pack(record) for record in records if not record.is_deleted}
    await ground.tenant.loads.put(ground.load.id, entity, packed, stage)


def _stager(ground: Ground, entity: Entity) -> Met:
    async def met(records: Sequence[Listed]) -> None:
        await put_crm(ground, entity, [one for one in records if not isinstance(one, Deal)])

    return met
