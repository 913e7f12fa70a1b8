"""First loads: what was counted, how far one is, and its records as its one reading found them, sealed."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.tables import Load, Staged, table_of
from connector.store.vault import Vault

loads = table_of(Load)
staged = table_of(Staged)

_DROPPED_AT_ONCE = 2000
_PREVIEWS_KEPT = timedelta(days=2)


class Phase(StrEnum):
    """How far a load is."""

    READING = "reading"
    PREVIEWED = "previewed"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    DROPPED = "dropped"


#: Those that may still write something.
OPEN = (Phase.READING, Phase.PREVIEWED, Phase.RUNNING, Phase.PAUSED)


class Stage(StrEnum):
    """Where a staged record is: new ones are to be loaded, held ones are the other side's, to be compared with.

    Sent ones are in doubt until they are settled; awaited ones were written and are yet to be read back.
    """

    NEW = "new"
    HELD = "held"
    SENT = "sent"
    AWAITED = "awaited"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Loaded:
    """One load; `preview` and `counts` are what its preview counted and what was done."""

    id: int
    source: str
    state: Phase
    reason: str
    settings_version: int
    preview: Mapping[str, object]
    counts: Mapping[str, int]
    problems: Sequence[Mapping[str, str]]
    run_id: int | None
    begun_at: datetime
    read_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def cause(self) -> str:
        """What its writes are noted under."""
        return f"load {self.id}"


@dataclass(frozen=True, slots=True)
class Move:
    """Staged records of one kind that come to another stage; `until` is when those in doubt are looked for."""

    entity: str
    ids: Sequence[str]
    stage: Stage
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A staged record, unsealed."""

    id: str
    stage: Stage
    packed: bytes


class Loads:
    """The loads of one installation."""

    def __init__(self, db: Database, vault: Vault, installation_id: str, clock: Clock) -> None:
        """A load belongs to one process at a time, which this object stands for."""
        self._db, self._vault, self._clock = db, vault, clock
        self._installation_id = installation_id
        self._owner = uuid.uuid4().hex[:12]
        self._mine = loads.c.installation_id == installation_id
        self._staged = staged.c.installation_id == installation_id

    async def begin(self, source: str, *, settings_version: int) -> Loaded | None:
        """A new load, which reads first; None while another is open."""
        row = {
            "installation_id": self._installation_id, "source": source, "state": Phase.READING, "reason": "",
            "settings_version": settings_version, "preview": "{}", "counts": "{}", "problems": "[]",
            "begun_at": self._clock.now(),
        }  # fmt: skip
        under_way = select(loads.c.id).where(self._mine, loads.c.state.in_(OPEN))

        def work(db: Connection) -> Loaded | None:
            if db.scalar(under_way.limit(1)) is not None:
                return None
            return _loaded(db.execute(loads.insert().returning(loads), row).one())

        return await self._db.write(work)

    async def open(self) -> Loaded | None:
        """The load that has not ended, if there is one."""
        return await self._one(loads.c.state.in_(OPEN))

    async def last(self) -> Loaded | None:
        """The newest load."""
        return await self._one()

    async def find(self, load_id: int) -> Loaded | None:
        """One load."""
        return await self._one(loads.c.id == load_id)

    async def _one(self, *where: ColumnElement[bool]) -> Loaded | None:
        query = select(loads).where(self._mine, *where).order_by(loads.c.id.desc()).limit(1)
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else _loaded(row)

    async def claim(self, load_id: int, *, lease_s: float) -> bool:
        """Take an open load for this process; False while another has it, and once it has ended."""
        free = or_(
            loads.c.owner.is_(None), loads.c.owner == self._owner, loads.c.lease_until.is_(None),
            loads.c.lease_until < self._clock.now(),
        )  # fmt: skip
        return await self._lease(load_id, free, self._owner, lease_s)

    async def hold(self, load_id: int, *, lease_s: float) -> bool:
        """Keep a load for longer; False when another process has taken it over meanwhile, or it has ended."""
        return await self._lease(load_id, loads.c.owner == self._owner, self._owner, lease_s)

    async def release(self, load_id: int) -> None:
        """Let another process have a load, if this one has it."""
        await self._lease(load_id, loads.c.owner == self._owner, None, None)

    async def _lease(
        self, load_id: int, where: ColumnElement[bool], owner: str | None, lease_s: float | None
    ) -> bool:
        until = None if lease_s is None else self._clock.now() + timedelta(seconds=lease_s)
        of_load = (self._mine, loads.c.id == load_id, loads.c.state.in_(OPEN))
        statement = update(loads).where(*of_load, where).values(owner=owner, lease_until=until)
        return bool(await self._db.write(lambda db: db.execute(statement).rowcount))

    async def note(self, load_id: int, **values: object) -> None:
        """Write down how far a load is."""
        ready = {
            name: orjson.dumps(value).decode() if name in ("preview", "counts", "problems") else value
            for name, value in values.items()
        }
        statement = update(loads).where(self._mine, loads.c.id == load_id).values(**ready)
        await self._db.write(lambda db: db.execute(statement) and None)

    async def drop(self, load_id: int, phase: Phase, reason: str = "") -> None:
        """End a load; what it staged is erased."""
        of_load = and_(self._staged, staged.c.load_id == load_id)
        chosen = select(staged.c.entity, staged.c.record_id).where(of_load).limit(_DROPPED_AT_ONCE)

        def some(db: Connection) -> int:
            rows = db.execute(chosen).all()
            for entity in {row.entity for row in rows}:
                ids = any_of(row.record_id for row in rows if row.entity == entity)
                db.execute(
                    delete(staged).where(of_load, staged.c.entity == entity, staged.c.record_id.in_(ids))
                )
            return len(rows)

        while await self._db.write(some):
            pass
        now = self._clock.now()
        await self.note(load_id, state=phase, reason=reason, ended_at=now, owner=None, lease_until=None)

    async def purge(self, days: int) -> None:
        """End loads that nobody goes on with: previews two days old, and what was begun so many days ago."""
        now = self._clock.now()
        idle = or_(loads.c.lease_until.is_(None), loads.c.lease_until < now)
        previews = loads.c.state.in_((Phase.READING, Phase.PREVIEWED))
        old = or_(
            and_(previews, loads.c.begun_at < now - _PREVIEWS_KEPT),
            loads.c.begun_at < now - timedelta(days=days),
        )
        query = select(loads.c.id).where(self._mine, loads.c.state.in_(OPEN), idle, old)
        for load_id in await self._db.read(lambda db: db.scalars(query).all()):
            await self.drop(load_id, Phase.DROPPED, "nobody went on with it")

    # what was staged

    async def put(self, load_id: int, entity: str, packed: Mapping[str, bytes], stage: Stage) -> None:
        """Stage records; those that are staged already become what they are now, at the stage they had.

        What waits to be read back is kept as it was sent.
        """
        rest = staged.c.state != Stage.AWAITED
        await self._put(load_id, entity, packed, stage, ("payload_sealed",), rest)

    async def await_back(self, load_id: int, entity: str, packed: Mapping[str, bytes]) -> None:
        """Keep what was sent of these records until it is read back."""
        await self._put(load_id, entity, packed, Stage.AWAITED, ("payload_sealed", "state", "until"), None)

    async def _put(
        self, load_id: int, entity: str, packed: Mapping[str, bytes], stage: Stage, fresh: Sequence[str],
        where: ColumnElement[bool] | None,
    ) -> None:  # fmt: skip
        rows = [
            {
                "installation_id": self._installation_id, "load_id": load_id, "entity": entity, "record_id": record_id,
                "state": stage, "until": None, "payload_sealed": self._vault.seal(plain),
            }
            for record_id, plain in packed.items()
        ]  # fmt: skip

        def work(db: Connection) -> None:
            insert = (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(staged)
            keys = ["installation_id", "load_id", "entity", "record_id"]
            values = {name: insert.excluded[name] for name in fresh}
            db.execute(insert.on_conflict_do_update(index_elements=keys, set_=values, where=where), rows)

        if rows:
            await self._db.write(work)

    async def take(self, load_id: int, entity: str, limit: int, *, after: str = "") -> list[Item]:
        """The next records that are to be loaded, in the order of their ids as text."""
        return await self._items(load_id, entity, Stage.NEW, limit, staged.c.record_id > after)

    async def awaited(self, load_id: int, entity: str, limit: int) -> list[Item]:
        """Some of those that were written and not read back."""
        return await self._items(load_id, entity, Stage.AWAITED, limit)

    async def due(self, load_id: int, entity: str, limit: int) -> list[Item]:
        """Those in doubt whose time to be looked for has come."""
        return await self._items(load_id, entity, Stage.SENT, limit, staged.c.until <= self._clock.now())

    async def get(self, load_id: int, entity: str, ids: Collection[str]) -> dict[str, Item]:
        """The staged records among these."""
        if not ids:
            return {}
        where = self._of(load_id, entity), staged.c.record_id.in_(any_of(ids))
        query = select(staged.c.record_id, staged.c.state, staged.c.payload_sealed).where(*where)
        rows = await self._db.read(lambda db: db.execute(query).all())
        return {row.record_id: self._item(row) for row in rows}

    async def next_due(self, load_id: int, entity: str) -> datetime | None:
        """When the next one in doubt is to be looked for; None when none is."""
        query = select(staged.c.until).where(self._of(load_id, entity), staged.c.state == Stage.SENT)
        query = query.order_by(staged.c.until).limit(1)
        return await self._db.read(lambda db: db.scalar(query))

    async def advance(self, load_id: int, moves: Sequence[Move]) -> None:
        """Move staged records on, all at once."""

        def work(db: Connection) -> None:
            for move in moves:
                if move.ids:
                    where = self._of(load_id, move.entity), staged.c.record_id.in_(any_of(move.ids))
                    db.execute(update(staged).where(*where).values(state=move.stage, until=move.until))

        await self._db.write(work)

    async def is_awaited(self, entity: str, record_id: str) -> bool:
        """Whether a load has written this record and is yet to read back what the other side made of it."""
        under_way = select(loads.c.id).where(self._mine, loads.c.state.in_(OPEN))
        where = (self._staged, staged.c.load_id.in_(under_way), staged.c.entity == entity)
        this = (staged.c.record_id == record_id, staged.c.state == Stage.AWAITED)
        query = select(func.count()).where(*where, *this)
        return bool(await self._db.read(lambda db: db.scalar(query)))

    async def _items(
        self, load_id: int, entity: str, stage: Stage, limit: int, *more: ColumnElement[bool]
    ) -> list[Item]:
        columns = (staged.c.record_id, staged.c.state, staged.c.payload_sealed)
        where = (self._of(load_id, entity), staged.c.state == stage, *more)
        query = select(*columns).where(*where).order_by(staged.c.record_id).limit(limit)
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [self._item(row) for row in rows]

    def _item(self, row: Row[str, str, bytes]) -> Item:
        kept = row._mapping
        return Item(kept["record_id"], Stage(kept["state"]), self._vault.open(kept["payload_sealed"]))

    def _of(self, load_id: int, entity: str) -> ColumnElement[bool]:
        return and_(self._staged, staged.c.load_id == load_id, staged.c.entity == entity)


def _loaded(row: Row[tuple[object, ...]]) -> Loaded:
    kept = row._mapping
    read = {name: orjson.loads(kept[name]) for name in ("preview", "counts", "problems")}
    plain = {name: kept[name] for name in Loaded.__slots__ if name not in read and name != "state"}
    return Loaded(**plain, **read, state=Phase(kept["state"]))
