"""What one run wrote, as far as it can be taken back: found by the claims it wrote under, which name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from connector.records import Event
from connector.store.database import any_of
from connector.store.entries import COLUMNS, TAKEN_BACK, Due, Entry, Observed, State, claims_of, ledger
from connector.store.ledger import Ledger
from connector.store.operations import RUNNING
from connector.store.tables import Run, table_of

runs = table_of(Run)

#: So long after a run's end what it sent without an answer may be found and settled.
_SETTLED_WITHIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Sent:
    """An entry that a run wrote, with its trace; `heal_at` is when a double of it is looked for, if at all."""

    entry: Entry
    trace: Mapping[str, object]
    heal_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunWrote:
    """How many activities of a run stand, and how many were taken back and could be written again."""

    standing: int
    taken_back: int
    is_under_way: bool


class Withdrawals:
    """The activities that the runs of one installation wrote."""

    def __init__(self, ledger_: Ledger) -> None:
        """Share the ledger's database, keys and clock."""
        self._ledger, self._db = ledger_, ledger_.db

    async def wrote(self, run_id: int) -> RunWrote | None:
        """What stands of a run; None for a run that is not known, or not any more."""

        def work(db: Connection) -> RunWrote | None:
            if (run := self._run(db, run_id)) is None:
                return None
            standing, taken_back = (
                db.scalar(select(func.count()).where(*self._of(run), *which)) or 0
                for which in (_standing(), _taken_back())
            )
            return RunWrote(standing, taken_back, run.outcome == RUNNING)

        return await self._db.read(work)

    async def standing(self, run_id: int, *, after: int = 0, limit: int = 50) -> list[Sent]:
        """What a run wrote and is done, by row id, above the row `after`."""
        query = select(*COLUMNS, ledger.c.trace, ledger.c.heal_at).order_by(ledger.c.id).limit(limit)

        def work(db: Connection) -> list[Sent]:
            if (run := self._run(db, run_id)) is None:
                return []
            rows = db.execute(query.where(*self._of(run), *_standing(), ledger.c.id > after))
            return [
                Sent(self._ledger.entry(row[:-2]), orjson.loads(row.trace) if row.trace else {}, row.heal_at)  # type: ignore[arg-type]  # a row without its last two columns
                for row in rows
            ]

        return await self._db.read(work)

    async def take_back(self, entries: Sequence[Entry], reason: str) -> int:
        """Leave out entries whose activities are gone, until somebody orders otherwise."""
        if not entries:
            return 0
        statement = (
            update(ledger)
            .where(self._ledger.mine, ledger.c.id.in_(any_of(entry.id for entry in entries)))
            .where(ledger.c.state == State.DONE)
            .values(state=State.SKIPPED, reason=reason, topic_at=None, not_before=None)
        )
        return await self._db.write(lambda db: db.execute(statement).rowcount)

    async def write_again(self, run_id: int, observe: Callable[[Event], Observed]) -> int:
        """Have what was taken back of a run decided anew, as if it had never been sent; answers how many entries that is."""

        def read(db: Connection) -> list[Entry]:
            if (run := self._run(db, run_id)) is None:
                return []
            query = select(*COLUMNS).where(*self._of(run), *_taken_back())
            return [self._ledger.entry(row) for row in db.execute(query)]

        entries = await self._db.read(read)
        fresh = {
            "state": State.NEW, "lane": Due.LIVE, "reason": "", "owner": None, "sends": 0, "looks": 0, "attempts": 0,
            "topic_no": 0, "heal_no": 0, "first_sent_at": None, "last_sent_at": None, "crm_id": None, "shown": None,
            "settled_at": None, "trace": None,
        }  # fmt: skip
        statements = [
            update(ledger)
            .where(ledger.c.id == entry.id, ledger.c.state == State.SKIPPED)
            .values(**fresh, **self._ledger.subjects(observe(entry.event)))
            for entry in entries
            if entry.event is not None
        ]
        return await self._db.write(lambda db: sum(db.execute(one).rowcount for one in statements))

    def _run(self, db: Connection, run_id: int) -> Row[int, datetime, datetime | None, str] | None:
        query = select(runs.c.id, runs.c.started_at, runs.c.ended_at, runs.c.outcome)
        mine = runs.c.installation_id == self._ledger.installation_id
        return db.execute(query.where(runs.c.id == run_id, mine)).one_or_none()

    def _of(self, run: Row[int, datetime, datetime | None, str]) -> tuple[ColumnElement[bool], ...]:
        # Said in so many words, it lets the index of what was settled answer.
        until = (run.ended_at or self._ledger.clock.now()) + _SETTLED_WITHIN
        return (
            self._ledger.mine, ledger.c.settled_at.is_not(None), ledger.c.settled_at.between(run.started_at, until),
            ledger.c.owner.startswith(claims_of(run.id), autoescape=True),
        )  # fmt: skip


def _standing() -> tuple[ColumnElement[bool], ...]:
    return ledger.c.state == State.DONE, ledger.c.crm_id.is_not(None)


def _taken_back() -> tuple[ColumnElement[bool], ...]:
    return (
        ledger.c.state == State.SKIPPED, ledger.c.reason.startswith(TAKEN_BACK),
        ledger.c.payload_sealed.is_not(None),
    )  # fmt: skip
