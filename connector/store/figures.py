"""What the console shows of an installation as a whole: numbers of events, tokens, runs and deals.

Every question is answered from an index, however long the ledger is: by kind and state, or by the time of settling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import orjson
from sqlalchemy import Connection, Row, and_, func, or_, select, text

from connector.clock import Clock
from connector.records import EventKind, Window
from connector.store.bindings import Bond
from connector.store.database import Database
from connector.store.entries import Due, State, ledger
from connector.store.opened import Link, OpenedRow
from connector.store.opened import State as DealState
from connector.store.tables import ODD, Binding, Change, OpenedDeal, Run, SelfTest, Spent, table_of

runs = table_of(Run)
spent = table_of(Spent)
changes = table_of(Change)
self_tests = table_of(SelfTest)
opened = table_of(OpenedDeal)
bindings = table_of(Binding)

#: What is not done and not left out; of each no more than `MOST` are counted.
OPEN_STATES = (State.WAITING, State.UNDECIDED, State.PARKED, State.RETRY, State.NEW, State.SENDING)
MOST = 10_000
_LATEST = 300
#: A deal that is under way for longer than this needs somebody to look.
_SLOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Day:
    """Events that happened within one day: those that are done by kind, and how many failed."""

    window: Window
    done: Mapping[EventKind, int]
    failed: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it is written down; its counts come when it has ended."""

    id: int
    cause: str
    started_at: datetime
    ended_at: datetime | None
    counts: Mapping[str, int]
    outcome: str


@dataclass(frozen=True, slots=True)
class SettledRow:
    """An event whose writing ended at a time."""

    id: int
    kind: EventKind
    state: State
    occurred_at: datetime
    settled_at: datetime
    crm_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Tested:
    """What the last self-test found; no problems: all was well."""

    at: datetime
    problems: Sequence[str]


class Figures:
    """Reads for every installation; writes nothing."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Times are the clock's."""
        self._db, self._clock = db, clock

    # events

    async def open_entries(self, installation_id: str) -> dict[State, int]:
        """How many events are in each open state, `MOST` at most."""

        def work(db: Connection) -> dict[State, int]:
            found = {}
            for state in OPEN_STATES:
                some = (
                    select(ledger.c.state)
                    .where(ledger.c.installation_id == installation_id, ledger.c.state == state)
                    .limit(MOST)
                )
                found[state] = db.scalar(select(func.count()).select_from(some.subquery())) or 0
            return found

        return await self._db.read(work)

    async def days(self, installation_id: str, days: Sequence[Window]) -> list[Day]:
        """What happened on each of these days, and stands in Pipedrive or failed."""

        def count(db: Connection, kind: EventKind, state: State, window: Window) -> int:
            query = select(func.count()).where(
                ledger.c.installation_id == installation_id, ledger.c.kind == kind, ledger.c.state == state,
                ledger.c.occurred_at >= window.since, ledger.c.occurred_at < window.until,
            )  # fmt: skip
            return db.scalar(query) or 0

        def work(db: Connection) -> list[Day]:
            return [
                Day(
                    window,
                    {kind: count(db, kind, State.DONE, window) for kind in EventKind},
                    sum(count(db, kind, State.PARKED, window) for kind in EventKind),
                )
                for window in days
            ]

        return await self._db.read(work)

    async def delays(self, installation_id: str) -> list[float]:
        """Seconds from event to activity of those done last, shortest first; backfills do not count."""
        query = (
            select(ledger.c.occurred_at, ledger.c.settled_at, ledger.c.state, ledger.c.lane)
            .where(ledger.c.installation_id == installation_id, ledger.c.settled_at.is_not(None))
            .order_by(ledger.c.settled_at.desc())
            .limit(_LATEST)
        )
        rows = await self._db.read(lambda db: db.execute(query).all())
        return sorted(
            (row.settled_at - row.occurred_at).total_seconds()
            for row in rows
            if row.state == State.DONE and row.lane == Due.LIVE
        )

    async def settled(
        self, installation_id: str, within: Window, *, limit: int, skip: int = 0
    ) -> list[SettledRow]:
        """Events whose writing ended within that time, the latest first."""
        query = (
            select(*(ledger.c[name] for name in SettledRow.__slots__))
            .where(
                ledger.c.installation_id == installation_id, ledger.c.settled_at.is_not(None),
                ledger.c.settled_at >= within.since, ledger.c.settled_at <= within.until,
            )
            .order_by(ledger.c.settled_at.desc())
            .limit(limit)
            .offset(skip)
        )  # fmt: skip
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [
            SettledRow(
                row.id, EventKind(row.kind), State(row.state), row.occurred_at, row.settled_at, row.crm_id, row.reason
            )
            for row in rows
        ]  # fmt: skip

    # tokens

    async def tokens(self, installation_id: str, since: date) -> dict[date, int]:
        """Pipedrive tokens by day, in UTC as Pipedrive counts them."""
        query = (
            select(spent.c.day, func.sum(spent.c.tokens))
            .where(spent.c.installation_id == installation_id, spent.c.day >= since)
            .group_by(spent.c.day)
        )
        return {day: int(tokens) for day, tokens in await self._db.read(lambda db: db.execute(query).all())}

    # runs

    async def runs(self, installation_id: str, *, limit: int, before: int | None = None) -> list[RunRow]:
        """Runs, the newest first; `before` goes on from the last number of the page before."""
        query = select(runs).where(runs.c.installation_id == installation_id)
        if before is not None:
            query = query.where(runs.c.id < before)
        query = query.order_by(runs.c.id.desc()).limit(limit)
        return [_run(row) for row in await self._db.read(lambda db: db.execute(query).all())]

    async def run(self, installation_id: str, run_id: int) -> RunRow | None:
        """One run; None where the installation has none of that number."""
        query = select(runs).where(runs.c.installation_id == installation_id, runs.c.id == run_id)
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else _run(row)

    async def undoable(self, installation_id: str, run_id: int) -> int:
        """How many writes of a run on customers and companies can still be taken back."""
        query = select(func.count()).where(
            changes.c.installation_id == installation_id,
            changes.c.run_id == run_id,
            changes.c.undone_at.is_(None),
        )
        return await self._db.read(lambda db: db.scalar(query) or 0)

    # the rest

    async def lacking(self, installation_id: str) -> int:
        """How many pairs of customers and companies there are of which a field is not carried over."""
        query = select(func.count()).where(
            bindings.c.installation_id == installation_id, text(f"({ODD})"), bindings.c.problems != "[]",
            bindings.c.state == Bond.BOUND,
        )  # fmt: skip
        return await self._db.read(lambda db: db.scalar(query) or 0)

    async def self_test(self, installation_id: str) -> Tested | None:
        """What the last self-test found; None while none has run."""
        query = select(self_tests.c.at, self_tests.c.problems).where(
            self_tests.c.installation_id == installation_id
        )
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else Tested(row.at, [str(one) for one in orjson.loads(row.problems)])

    async def deals(
        self, installation_id: str, *, attention: bool, limit: int, skip: int = 0
    ) -> list[OpenedRow]:
        """Deals that were opened here, the newest first, without what was sent; or only those that need somebody to look."""
        columns = [opened.c[name] for name in OpenedRow.__slots__ if name != "body"]
        query = select(*columns).where(opened.c.installation_id == installation_id)
        if attention:
            slow = and_(opened.c.state == DealState.SENDING, opened.c.made_at < self._clock.now() - _SLOW)
            query = query.where(
                or_(opened.c.link_state == Link.FAILED, opened.c.state == DealState.REFUSED, slow)
            )
        query = query.order_by(opened.c.made_at.desc()).limit(limit).offset(skip)
        return [_deal(row) for row in await self._db.read(lambda db: db.execute(query).all())]


def _run(row: Row[tuple[object, ...]]) -> RunRow:
    kept = row._mapping
    fields = {name: kept[name] for name in RunRow.__slots__ if name != "counts"}
    return RunRow(**fields | {"counts": orjson.loads(kept["counts"])})


def _deal(row: Row[tuple[object, ...]]) -> OpenedRow:
    fields = dict(row._mapping)
    read = {
        "body": None, "state": DealState(fields["state"]), "link_state": Link(fields["link_state"]),
    }  # fmt: skip
    return OpenedRow(**fields | read)
