"""Records that somebody or something hinted at: what they are is read again before anything is written.

A mark says only that a record has to be looked at. Marking again counts `seq` up, and a mark is cleared only if it
still is the one that was worked on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, text, update

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.tables import FAILING, DirtyRecord, table_of

dirty = table_of(DirtyRecord)


class Side(StrEnum):
    """Where a record is."""

    CENTRE = "centre"
    PIPEDRIVE = "pipedrive"


class Urgency(IntEnum):
    """Who waits for it: lower goes first."""

    BUTTON = 0
    HOOK = 1
    SWEEP = 2
    LOAD = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """A record to be marked; `seen` are fields whose change was told first-hand, with the time (`*`: any field)."""

    entity: str
    side: Side
    record_id: str
    seen: Mapping[str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark that this process is working on."""

    entity: str
    side: Side
    record_id: str
    seq: int
    urgency: Urgency
    cause: str
    marked_at: datetime
    attempts: int
    reason: str
    seen: Mapping[str, datetime]


class Dirty:
    """The marks of one installation."""

    def __init__(self, db: Database, installation_id: str, clock: Clock) -> None:
        """Claims carry a name of their own, so that another process's are not cleared."""
        self._db, self._installation_id, self._clock = db, installation_id, clock
        self._owner = uuid.uuid4().hex[:12]
        self._mine = dirty.c.installation_id == installation_id

    async def mark(self, marks: Iterable[Mark], *, urgency: Urgency, cause: str) -> int:
        """Have records looked at, the more urgent mark counting; answers how many there are."""
        wanted = {(str(mark.entity), str(mark.side), mark.record_id): mark for mark in marks}
        now = self._clock.now()

        def work(db: Connection) -> None:
            ids = any_of({record_id for _, _, record_id in wanted})
            query = select(dirty).where(self._mine, dirty.c.record_id.in_(ids))
            known = {(row.entity, row.side, row.record_id): row for row in db.execute(query)}
            for key in wanted.keys() & known.keys():
                self._mark_again(db, wanted[key], known[key], urgency, cause, now)
            if fresh := [self._fresh(wanted[key], urgency, cause, now) for key in wanted if key not in known]:
                db.execute(dirty.insert(), fresh)

        if wanted:
            await self._db.write(work)
        return len(wanted)

    def _fresh(self, mark: Mark, urgency: Urgency, cause: str, now: datetime) -> dict[str, object]:
        return {
            "installation_id": self._installation_id, "entity": mark.entity, "side": mark.side,
            "record_id": mark.record_id, "seq": 1, "lane": urgency, "cause": cause, "marked_at": now,
            "seen": orjson.dumps(_told(mark)).decode(), "not_before": None, "attempts": 0, "reason": "",
            "owner": None, "lease_until": None,
        }  # fmt: skip

    def _mark_again(
        self, db: Connection, mark: Mark, known: Row[tuple[object, ...]], urgency: Urgency, cause: str,
        now: datetime,
    ) -> None:  # fmt: skip
        where = self._of(mark.entity, mark.side, mark.record_id)
        # One that was refused begins anew with whoever marks it next, for whom it is then counted.
        refused = known.not_before is not None and known.not_before - now > _PUT_OFF_FOR_LONG
        better = urgency <= known.lane or refused
        seen = orjson.dumps(orjson.loads(known.seen) | _told(mark)).decode()
        values: dict[str, object] = {"seq": dirty.c.seq + 1, "seen": seen}
        if better:
            # Whoever waits now waits for a fresh try, whatever failed before.
            values |= {"lane": urgency, "cause": cause, "not_before": None, "attempts": 0}
        db.execute(update(dirty).where(*where).values(**values))

    async def find(self, mark: Mark) -> Marked | None:
        """A mark as it stands; None when the record is not marked."""
        query = select(dirty).where(*self._of(mark.entity, mark.side, mark.record_id))
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else _marked(row)

    async def seen(self, entity: str, side: Side, record_id: str) -> Mapping[str, datetime]:
        """What was told first-hand of a record that is marked; nothing when it is not."""
        marked = await self.find(Mark(entity, side, record_id))
        return {} if marked is None else marked.seen

    async def take(
        self, limit: int, *, lease_s: float, without: Sequence[str] = (), only: Mark | None = None
    ) -> list[Marked]:
        """Claim what is due, most urgent and oldest first, but for causes that are paused; or `only` this record."""
        now = self._clock.now()
        free = or_(dirty.c.lease_until.is_(None), dirty.c.lease_until < now)
        due = or_(dirty.c.not_before.is_(None), dirty.c.not_before <= now)
        # A button is never paused.
        paused = and_(dirty.c.cause.in_(any_of(without)), dirty.c.lane != Urgency.BUTTON)
        # Companies come before their people.
        order = (dirty.c.lane, dirty.c.entity, dirty.c.marked_at, dirty.c.record_id)
        chosen = (self._mine,) if only is None else self._of(only.entity, only.side, only.record_id)
        query = select(dirty).where(*chosen, free, due, ~paused).order_by(*order).limit(limit)

        def work(db: Connection) -> list[Marked]:
            taken = [_marked(row) for row in db.execute(query)]
            values = {"owner": self._owner, "lease_until": now + timedelta(seconds=lease_s)}
            for one in taken:
                db.execute(
                    update(dirty).where(*self._of(one.entity, one.side, one.record_id)).values(**values)
                )
            return taken

        return await self._db.write(work)

    async def clear(self, done: Sequence[Marked]) -> None:
        """Take marks away, ours and those that nobody holds; one that was marked again meanwhile stays and is free again."""

        def work(db: Connection) -> None:
            for one in done:
                where = self._of(one.entity, one.side, one.record_id)
                ours = dirty.c.owner == self._owner
                as_done = (or_(ours, dirty.c.owner.is_(None)), dirty.c.seq == one.seq)
                if not db.execute(delete(dirty).where(*where, *as_done)).rowcount:
                    free = update(dirty).where(*where, ours)
                    db.execute(free.values(owner=None, lease_until=None, attempts=0))

        if done:
            await self._db.write(work)

    async def put_off(self, one: Marked, reason: str, until: datetime | None, *, failed: bool = True) -> None:
        """Leave a record marked, to be looked at again at `until` (None: when it is marked again)."""
        values = {
            "owner": None, "lease_until": None, "reason": reason, "attempts": one.attempts + failed,
            "not_before": until or _NEVER,
        }  # fmt: skip
        where = (*self._of(one.entity, one.side, one.record_id), dirty.c.seq == one.seq)

        def work(db: Connection) -> None:
            if not db.execute(update(dirty).where(*where).values(**values)).rowcount:
                again = self._of(one.entity, one.side, one.record_id)
                db.execute(update(dirty).where(*again).values(owner=None, lease_until=None))

        await self._db.write(work)

    async def give_back(self, taken: Sequence[Marked]) -> None:
        """Free marks that were not worked on."""

        def work(db: Connection) -> None:
            for one in taken:
                where = (*self._of(one.entity, one.side, one.record_id), dirty.c.owner == self._owner)
                db.execute(update(dirty).where(*where).values(owner=None, lease_until=None))

        if taken:
            await self._db.write(work)

    async def next_due(self, *, without: Sequence[str] = ()) -> datetime | None:
        """When the next one is due; None when nothing is waiting."""
        paused = and_(dirty.c.cause.in_(any_of(without)), dirty.c.lane != Urgency.BUTTON)
        # What somebody is working on is due when that lease has run out.
        due = func.coalesce(dirty.c.lease_until, dirty.c.not_before, dirty.c.marked_at)
        query = select(func.min(due)).where(self._mine, ~paused)
        return await self._db.read(lambda db: db.scalar(query))

    async def waiting(self) -> dict[str, int]:
        """How many marks there are of each cause."""
        query = select(dirty.c.cause, func.count()).where(self._mine).group_by(dirty.c.cause)
        return await self._db.read(lambda db: dict(db.execute(query).all()))

    async def of_cause(self, cause: str, limit: int) -> list[Marked]:
        """Some of the marks of a cause, those that go first."""
        order = (dirty.c.lane, dirty.c.entity, dirty.c.marked_at, dirty.c.record_id)
        query = select(dirty).where(self._mine, dirty.c.cause == cause).order_by(*order).limit(limit)
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [_marked(row) for row in rows]

    async def failing(self, limit: int = 200) -> list[Marked]:
        """Marks that could not be worked on, with their reasons."""
        failed = (text(FAILING), dirty.c.reason != "")
        query = select(dirty).where(self._mine, *failed).order_by(dirty.c.marked_at).limit(limit)
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [_marked(row) for row in rows]

    async def sizes(self) -> tuple[int, int]:
        """How many records are marked, and how many of them were worked on in vain."""
        marked = select(func.count()).select_from(dirty).where(self._mine)
        failed = marked.where(text(FAILING), dirty.c.reason != "")
        return await self._db.read(lambda db: (db.scalar(marked) or 0, db.scalar(failed) or 0))

    def _of(self, entity: str, side: str, record_id: str) -> tuple[ColumnElement[bool], ...]:
        return (self._mine, dirty.c.entity == entity, dirty.c.side == side, dirty.c.record_id == record_id)


_PUT_OFF_FOR_LONG = timedelta(hours=3)
#: Far enough to mean "when a person or an edit says so".
_NEVER = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


def _told(mark: Mark) -> dict[str, str]:
    return {name: at.isoformat() for name, at in (mark.seen or {}).items()}


def _marked(row: Row[tuple[object, ...]]) -> Marked:
    kept = row._mapping
    seen = {name: datetime.fromisoformat(at) for name, at in orjson.loads(kept["seen"]).items()}
    return Marked(
        entity=kept["entity"], side=Side(kept["side"]), record_id=kept["record_id"], seq=kept["seq"],
        urgency=Urgency(kept["lane"]), cause=kept["cause"], marked_at=kept["marked_at"],
        attempts=kept["attempts"], reason=kept["reason"], seen=seen,
    )  # fmt: skip
