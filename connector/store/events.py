"""Events as administrators look at them: the newest first, by kind, state, time, reason or customer, a page at a time.

The ledger may have a million rows: each question is answered by steps in an index, one for each kind and state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, union_all

from connector.records import EventKind
from connector.store.database import any_of
from connector.store.entries import COLUMNS, UNSEEN, Entry, State, ledger
from connector.store.ledger import Ledger

#: So many of the latest failures of a kind are looked at to name their reasons.
LATEST = 1_000
#: So many events of one customer are looked through.
MOST_OF_ONE = 2_000
#: So many failed ones are tried again by one order.
MOST_AT_ONCE = 5_000
_PART = 500

_MORE = (
    ledger.c.reason, ledger.c.trace, ledger.c.not_before, ledger.c.lane, ledger.c.seen_at, ledger.c.settled_at,
    ledger.c.topic_at, ledger.c.heal_at, (ledger.c.payload_sealed.is_(None)).label("is_purged"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class About:
    """Whose events are looked for: keyed hashes of a number or an address, or the id that a contact centre gave him."""

    number_keys: tuple[str, ...] = ()
    email_key: str | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are looked at; `reason` is what `reason_id` gives for it."""

    kinds: tuple[EventKind, ...] = tuple(EventKind)
    states: tuple[State, ...] = tuple(State)
    since: datetime | None = None
    until: datetime | None = None
    about: About | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the next one begins after this event."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Looked:
    """One event with all that is kept of it."""

    entry: Entry
    reason: str
    trace: dict[str, object] = field(default_factory=dict)
    not_before: datetime | None = None
    lane: str = "live"
    seen_at: datetime | None = None
    settled_at: datetime | None = None
    topic_at: datetime | None = None
    heal_at: datetime | None = None
    is_purged: bool = False

    @property
    def place(self) -> Place:
        """Its place in the list."""
        return Place(self.entry.occurred_at, self.entry.id)


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason for which events failed, and how many of the latest did."""

    reason: str
    count: int

    @property
    def id(self) -> str:
        """What names it in an address."""
        return reason_id(self.reason)


def reason_id(reason: str) -> str:
    """A short name of a reason: addresses carry no text of other systems."""
    return hashlib.sha256(reason.encode()).hexdigest()[:12]


class Events:
    """The events of one installation."""

    def __init__(self, ledger_: Ledger) -> None:
        """Read what the ledger keeps."""
        self._ledger, self._db, self._mine = ledger_, ledger_.db, ledger_.mine

    async def page(self, wanted: Wanted, *, after: Place | None = None, limit: int = 50) -> list[Looked]:
        """So many events, newest first, of those that come `after` a place in the list."""
        reason = await self._reason(wanted)
        if wanted.reason is not None and reason is None:
            return []

        def work(db: Connection) -> list[Looked]:
            places = self._places(db, wanted, reason, after, limit)
            rows = self._rows(db, [row_id for _, row_id in places])
            return [rows[row_id] for _, row_id in places if row_id in rows]

        return await self._db.read(work)

    async def one(self, entry_id: int) -> Looked | None:
        """One event."""
        return (await self._db.read(lambda db: self._rows(db, [entry_id]))).get(entry_id)

    async def some(self, ids: Collection[int]) -> list[Looked]:
        """These events, as far as there are any."""
        return list((await self._db.read(lambda db: self._rows(db, list(ids)))).values())

    async def failures(self, kinds: Collection[EventKind] = tuple(EventKind)) -> list[Failure]:
        """Why the latest failed, the most frequent reason first."""
        parts = [
            select(ledger.c.reason)
            .where(self._mine, ledger.c.kind == kind, ledger.c.state == State.PARKED)
            .order_by(ledger.c.occurred_at.desc())
            .limit(LATEST)
            .subquery()
            for kind in kinds
        ]
        latest = union_all(*(select(part.c.reason) for part in parts)).subquery()
        count = func.count()
        query = select(latest.c.reason, count).group_by(latest.c.reason).order_by(count.desc())
        return [Failure(*row) for row in await self._db.read(lambda db: db.execute(query).all())]

    async def failed(self, wanted: Wanted) -> list[int]:
        """Ids of the failed ones among these that can be tried again without looking at each, the latest first."""
        reason = await self._reason(wanted)
        if wanted.reason is not None and reason is None:
            return []
        only = Wanted(wanted.kinds, (State.PARKED,), wanted.since, wanted.until, wanted.about, wanted.reason)

        def work(db: Connection) -> list[int]:
            places = self._places(db, only, reason, None, MOST_AT_ONCE)
            found: list[int] = []
            for start in range(0, len(places), _PART):
                ids = any_of(row_id for _, row_id in places[start : start + _PART])
                found += db.scalars(
                    select(ledger.c.id).where(ledger.c.id.in_(ids), ledger.c.reason != UNSEEN)
                )
            return found

        return await self._db.read(work)

    async def waiting_for(self, keys: Collection[str]) -> dict[str, list[int]]:
        """Undecided events of these numbers or addresses, by their keys, some of each."""
        found: dict[str, list[int]] = {}
        for column in (ledger.c.number_key, ledger.c.email_key):
            query = (
                select(column, ledger.c.id)
                .where(self._mine, column.in_(any_of(keys)), ledger.c.state == State.UNDECIDED)
                .limit(MOST_OF_ONE)
            )
            for key, row_id in await self._db.read(lambda db, query=query: db.execute(query).all()):  # type: ignore[misc]
                found.setdefault(key, []).append(row_id)
        return found

    async def _reason(self, wanted: Wanted) -> str | None:
        """The reason that is meant, if the latest failures know it."""
        if wanted.reason is None:
            return None
        known = await self.failures(wanted.kinds)
        return next((one.reason for one in known if one.id == wanted.reason), None)

    def _places(
        self, db: Connection, wanted: Wanted, reason: str | None, after: Place | None, limit: int
    ) -> list[tuple[datetime, int]]:
        where = [] if reason is None else [ledger.c.reason == reason]
        if wanted.since is not None:
            where.append(ledger.c.occurred_at >= wanted.since)
        if wanted.until is not None:
            where.append(ledger.c.occurred_at < wanted.until)
        if after is not None:
            of = ledger.c
            where.append(of.occurred_at <= after.at)
            where.append(or_(of.occurred_at < after.at, of.id < after.id))
        newest = (ledger.c.occurred_at.desc(), ledger.c.id.desc())
        if wanted.about is not None:
            subjects = self._subjects(wanted.about)
            parts = [
                select(ledger.c.occurred_at, ledger.c.id, ledger.c.kind, ledger.c.state)
                .where(self._mine, subject, *where)
                .order_by(*newest)
                .limit(MOST_OF_ONE)
                for subject in subjects
            ]
            kinds, states = set(map(str, wanted.kinds)), set(map(str, wanted.states))
            found = {
                (row.occurred_at, row.id)
                for part in parts
                for row in db.execute(part)
                if row.kind in kinds and row.state in states
            }
            return sorted(found, reverse=True)[:limit]
        steps = [
            select(ledger.c.occurred_at, ledger.c.id)
            .where(self._mine, ledger.c.kind == kind, ledger.c.state == state, *where)
            .order_by(*newest)
            .limit(limit)
            for kind in wanted.kinds
            for state in wanted.states
        ]
        rows = [(row.occurred_at, row.id) for step in steps for row in db.execute(step)]
        return sorted(rows, reverse=True)[:limit]

    def _subjects(self, about: About) -> list[ColumnElement[bool]]:
        """One condition for each, since each has an index of its own."""
        found: list[ColumnElement[bool]] = [ledger.c.number_key == key for key in about.number_keys]
        if about.email_key is not None:
            found.append(ledger.c.email_key == about.email_key)
        if about.customer_id is not None:
            connection, slash, own = about.customer_id.rpartition("/")
            named = ledger.c.customer_id == own
            found.append(and_(named, ledger.c.connection == connection) if slash else named)
        return found

    def _rows(self, db: Connection, ids: Sequence[int]) -> dict[int, Looked]:
        if not ids:
            return {}
        # The empty text keeps SQLite from taking an installation for a narrower choice than fifty ids.
        mine = ledger.c.installation_id.concat("") == self._ledger.installation_id
        query = select(*COLUMNS, *_MORE).where(ledger.c.id.in_(any_of(ids)), mine)
        return {row.id: self._looked(row) for row in db.execute(query)}

    def _looked(self, row: Row[*tuple[object, ...]]) -> Looked:
        entry = self._ledger.entry(row[: len(COLUMNS)])  # type: ignore[arg-type]  # the first columns are an entry's
        reason, trace, *more = row[len(COLUMNS) :]
        found: dict[str, object] = {}
        with suppress(ValueError):
            found = orjson.loads(str(trace)) if trace else {}
        return Looked(entry, str(reason), found, *more)  # type: ignore[arg-type]  # _MORE and Looked are in step
