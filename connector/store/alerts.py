"""What is wrong with an installation as a whole, who was told of it, and what its last self-test found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import ColumnElement, Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.store.database import Database
from connector.store.entries import Due, State, ledger
from connector.store.operations import FINISHED
from connector.store.tables import Alert, Run, SelfTest, table_of

alerts = table_of(Alert)
self_tests = table_of(SelfTest)
runs = table_of(Run)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one kind of trouble stands: on or over `since` then; `told` are the ways by which people know it to be on.

    `reason` is ids and numbers only. `failure` is why the last try to tell of a change did not succeed.
    """

    kind: str
    is_on: bool
    reason: str
    since: datetime
    told: frozenset[str] = frozenset()
    told_at: datetime | None = None
    failure: str = ""
    attempts: int = 0
    not_before: datetime | None = None

    def untold(self, ways: Collection[str]) -> set[str]:
        """The ways by which people have to be told of how it stands now."""
        return {way for way in ways if (way in self.told) != self.is_on}


@dataclass(frozen=True, slots=True)
class SelfTested:
    """What a self-test found: the areas that failed, and what is amiss in sentences."""

    at: datetime
    failed: Sequence[str]
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Queue:
    """When the oldest event that is due was seen, whether a retry is late, and when a run last went through."""

    oldest: datetime | None
    retry_is_late: bool
    finished_at: datetime | None


class Alerts:
    """Alerts and self-tests of all installations."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Times are the clock's."""
        self._db, self._clock = db, clock

    # how things stand

    async def standing(self, installation_id: str) -> dict[str, Standing]:
        """Every kind of trouble that has been there, by its kind."""
        query = select(alerts).where(alerts.c.installation_id == installation_id)
        rows = await self._db.read(lambda db: db.execute(query).all())
        return {row.kind: _standing(row) for row in rows}

    async def set_standing(self, installation_id: str, troubles: Mapping[str, str]) -> None:
        """Write down what is wrong now: these kinds, each with its reason; all others are over."""
        now = self._clock.now()
        mine = alerts.c.installation_id == installation_id

        def work(db: Connection) -> None:
            known = {row.kind: row for row in db.execute(select(alerts).where(mine))}
            for kind, reason in troubles.items():
                row = known.get(kind)
                if row is None:
                    fresh = {"installation_id": installation_id, "kind": kind, **_turned(now, is_on=True)}
                    db.execute(alerts.insert(), fresh | {"reason": reason, "told": "[]"})
                elif not row.is_on:
                    values = _turned(now, is_on=True) | {"reason": reason}
                    db.execute(update(alerts).where(mine, alerts.c.kind == kind).values(**values))
                elif row.reason != reason:
                    db.execute(update(alerts).where(mine, alerts.c.kind == kind).values(reason=reason))
            over = [kind for kind, row in known.items() if row.is_on and kind not in troubles]
            if over:
                values = _turned(now, is_on=False)
                db.execute(update(alerts).where(mine, alerts.c.kind.in_(over)).values(**values))

        await self._db.write(work)

    # telling

    async def take(self, installation_id: str, one: Standing, *, until: datetime) -> bool:
        """Take the right to tell of a change until then; False when another process has it, or it has changed."""
        statement = (
            update(alerts)
            .where(*self._as_seen(installation_id, one), alerts.c.attempts == one.attempts)
            .values(attempts=one.attempts + 1, not_before=until)
        )
        return await self._db.write(lambda db: db.execute(statement).rowcount) == 1

    async def told(
        self,
        installation_id: str,
        one: Standing,
        ways: Collection[str],
        *,
        failure: str,
        again_at: datetime | None,
    ) -> None:
        """Write down by which ways people know now; `again_at` is when the others are tried again."""
        know = one.told | set(ways) if one.is_on else one.told - set(ways)
        values: dict[str, object] = {
            "told": orjson.dumps(sorted(know)).decode(), "failure": failure, "not_before": again_at,
        }  # fmt: skip
        if ways:
            values["told_at"] = self._clock.now()
        if again_at is None:
            values["attempts"] = 0
        statement = update(alerts).where(*self._as_seen(installation_id, one)).values(**values)
        await self._db.write(lambda db: db.execute(statement) and None)

    def _as_seen(self, installation_id: str, one: Standing) -> tuple[ColumnElement[bool], ...]:
        return (
            alerts.c.installation_id == installation_id, alerts.c.kind == one.kind, alerts.c.is_on == one.is_on,
            alerts.c.since == one.since,
        )  # fmt: skip

    # self-tests

    async def self_test(self, installation_id: str) -> SelfTested | None:
        """What the last self-test found; None while none has run."""
        query = select(self_tests).where(self_tests.c.installation_id == installation_id)
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        if row is None:
            return None
        found = orjson.loads(row.found)
        failed = found.get("failed", ()) if isinstance(found, dict) else ()
        return SelfTested(row.at, [str(one) for one in failed], orjson.loads(row.problems))

    async def keep_self_test(
        self, installation_id: str, *, failed: Sequence[str], problems: Sequence[str]
    ) -> None:
        """Keep what a self-test has just found instead of what the one before it found."""
        values = {
            "at": self._clock.now(), "problems": orjson.dumps(list(problems)).decode(),
            "found": orjson.dumps({"failed": list(failed)}).decode(),
        }  # fmt: skip

        def work(db: Connection) -> None:
            insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
            row = {"installation_id": installation_id, **values}
            db.execute(
                insert(self_tests)
                .values(row)
                .on_conflict_do_update(index_elements=["installation_id"], set_=values)
            )

        await self._db.write(work)

    # what alerts are told by

    async def queue(self, installation_id: str, before: datetime) -> Queue:
        """How long what is due waits, as far as it was due `before`."""
        mine = ledger.c.installation_id == installation_id
        oldest = (
            select(ledger.c.seen_at)
            .where(mine, ledger.c.state == State.NEW, ledger.c.lane == Due.LIVE)
            .order_by(ledger.c.id)
            .limit(1)
        )
        late = select(ledger.c.id).where(mine, ledger.c.state == State.RETRY, ledger.c.not_before < before)
        finished = (
            select(runs.c.ended_at)
            .where(runs.c.installation_id == installation_id, runs.c.outcome == FINISHED)
            .order_by(runs.c.id.desc())
            .limit(1)
        )
        return await self._db.read(
            lambda db: Queue(db.scalar(oldest), db.scalar(late.limit(1)) is not None, db.scalar(finished))
        )


def _turned(now: datetime, *, is_on: bool) -> dict[str, object]:
    return {"is_on": is_on, "since": now, "failure": "", "attempts": 0, "not_before": None}


def _standing(row: Row[tuple[object, ...]]) -> Standing:
    kept = {name: row._mapping[name] for name in Standing.__slots__ if name != "told"}
    return Standing(**kept | {"told": frozenset(orjson.loads(row._mapping["told"]))})
