"""What keeps the service itself in order: webhooks received, tokens spent, runs, heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import orjson
from sqlalchemy import ColumnElement, Connection, delete, func, not_, or_, select, update

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.grants import installations
from connector.store.tables import Delivery, Heartbeat, Run, Spent, table_of
from connector.store.vault import Vault

deliveries = table_of(Delivery)
spent = table_of(Spent)
runs = table_of(Run)
heartbeat = table_of(Heartbeat)

#: The outcome of a run that went through, of one that has not ended, and of one whose process ended first.
FINISHED = "finished"
RUNNING = "running"
CUT_OFF = "cut off"


def _insert(db: Connection, *, rows: list[dict[str, object]]) -> None:
    db.execute(deliveries.insert(), rows)


@dataclass(frozen=True, slots=True)
class Received:
    """A stored webhook that waits to be worked on."""

    id: int
    installation_id: str
    source: str
    content_type: str
    body: bytes
    received_at: datetime


class Deliveries:
    """Webhooks word for word: stored before they are acknowledged, worked on later."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        """Bodies are sealed: they carry personal data."""
        self._db, self._vault, self._clock = db, vault, clock
        self._arriving: list[tuple[dict[str, object], asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def store(self, installation_id: str, source: str, content_type: str, body: bytes) -> None:
        """Keep one delivery; durable when this returns. Those that arrive while one commit runs share the next."""
        row = {
            "installation_id": installation_id, "source": source, "content_type": content_type,
            "body_sealed": self._vault.seal(body), "received_at": self._clock.now(),
            "not_before": None, "done_at": None, "reason": "",
        }  # fmt: skip
        stored = asyncio.get_running_loop().create_future()
        self._arriving.append((row, stored))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_arriving())
        await stored

    async def _store_arriving(self) -> None:
        while self._arriving:
            batch, self._arriving = self._arriving, []
            rows = [row for row, _ in batch]
            failure: Exception | None = None
            try:
                await self._db.write(partial(_insert, rows=rows))
            except Exception as error:  # noqa: BLE001  # the senders must not be told that it was stored
                failure = error
            for _, stored in batch:
                if stored.done():
                    continue
                if failure is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(failure)
        self._storing = None

    async def waiting_for(self) -> list[str]:
        """Installations that have deliveries to be worked on now."""
        query = select(deliveries.c.installation_id).where(*self._waiting()).distinct()
        return list(await self._db.read(lambda db: db.scalars(query).all()))

    async def waiting(self, installation_id: str | None = None, limit: int = 500) -> list[Received]:
        """Deliveries to be worked on now, of one installation or of all, oldest first."""
        mine = () if installation_id is None else (deliveries.c.installation_id == installation_id,)
        query = select(deliveries).where(*self._waiting(), *mine).order_by(deliveries.c.id).limit(limit)
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [
            Received(
                row.id, row.installation_id, row.source, row.content_type, self._vault.open(row.body_sealed),
                row.received_at,
            )
            for row in rows
        ]  # fmt: skip

    def _waiting(self) -> tuple[ColumnElement[bool], ...]:
        put_off = deliveries.c.not_before > self._clock.now()
        return deliveries.c.done_at.is_(None), or_(deliveries.c.not_before.is_(None), not_(put_off))

    async def put_off(self, ids: list[int], until: datetime) -> None:
        """Leave deliveries open, to be worked on after `until`."""
        statement = update(deliveries).where(deliveries.c.id.in_(any_of(ids))).values(not_before=until)
        await self._db.write(lambda db: db.execute(statement) and None)

    async def done(self, ids: list[int], reason: str = "") -> None:
        """Close deliveries."""
        statement = update(deliveries).where(deliveries.c.id.in_(any_of(ids)))
        done_at = self._clock.now()
        await self._db.write(lambda db: db.execute(statement.values(done_at=done_at, reason=reason)) and None)

    async def purge(self, days: int) -> None:
        """Drop closed deliveries older than `days`."""
        old = deliveries.c.done_at < self._clock.now() - timedelta(days=days)
        await self._db.write(lambda db: db.execute(delete(deliveries).where(old)) and None)


class Spending:
    """Pipedrive tokens an installation has spent, added up over all processes."""

    def __init__(self, db: Database, installation_id: str) -> None:
        """Count for one installation."""
        self._db, self._installation_id = db, installation_id

    async def add(self, day: date, amounts: Mapping[str, int]) -> int:
        """Add tokens by operation to `day` and answer that day's total."""

        def work(db: Connection) -> int:
            for operation, tokens in amounts.items():
                where = (spent.c.installation_id == self._installation_id, spent.c.day == day)
                mine = (*where, spent.c.operation == operation)
                if not db.execute(update(spent).where(*mine).values(tokens=spent.c.tokens + tokens)).rowcount:
                    row = {"installation_id": self._installation_id, "day": day, "operation": operation}
                    db.execute(spent.insert(), {**row, "tokens": tokens})
            total = select(func.coalesce(func.sum(spent.c.tokens), 0)).where(
                spent.c.installation_id == self._installation_id, spent.c.day == day
            )
            return int(db.scalar(total) or 0)

        return await self._db.write(work)

    async def total(self) -> int:
        """All tokens ever counted."""
        query = select(func.coalesce(func.sum(spent.c.tokens), 0)).where(
            spent.c.installation_id == self._installation_id
        )
        return int(await self._db.read(lambda db: db.scalar(query)) or 0)


class Operations:
    """Runs and heartbeats."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Times are the clock's."""
        self._db, self._clock = db, clock

    async def begin_run(self, installation_id: str, cause: str) -> int:
        """Write down that a run begins; answers its number."""
        row = {
            "installation_id": installation_id, "cause": cause, "started_at": self._clock.now(), "ended_at": None,
            "counts": "{}", "outcome": RUNNING,
        }  # fmt: skip
        return await self._db.write(
            lambda db: int(db.execute(runs.insert().returning(runs.c.id), row).scalar_one())
        )

    async def end_run(self, run_id: int, counts: Mapping[str, int], outcome: str) -> None:
        """Write down how a run ended."""
        values = {
            "ended_at": self._clock.now(),
            "counts": orjson.dumps({str(name): number for name, number in counts.items()}).decode(),
            "outcome": outcome,
        }
        await self._db.write(
            lambda db: db.execute(update(runs).where(runs.c.id == run_id).values(**values)) and None
        )

    async def end_lost(self) -> None:
        """Write down that runs were cut off which no process ended; one that still runs elsewhere corrects that."""
        values = {"outcome": CUT_OFF, "ended_at": self._clock.now()}
        lost = update(runs).where(runs.c.ended_at.is_(None), runs.c.outcome == RUNNING)
        await self._db.write(lambda db: db.execute(lost.values(**values)) and None)

    async def last_run(self, installation_id: str) -> tuple[datetime, str] | None:
        """When the newest run began and how it ended."""
        query = (
            select(runs.c.started_at, runs.c.outcome)
            .where(runs.c.installation_id == installation_id)
            .order_by(runs.c.id.desc())
            .limit(1)
        )
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else (row[0], row[1])

    async def last_begun(self, installation_id: str, cause: str) -> datetime | None:
        """When the newest run of that cause began."""
        query = (
            select(runs.c.started_at)
            .where(runs.c.installation_id == installation_id, runs.c.cause == cause)
            .order_by(runs.c.id.desc())
            .limit(1)
        )
        return await self._db.read(lambda db: db.scalar(query))

    async def last_finished(self) -> dict[str, datetime]:
        """When the last run of each installation that had one go through ended."""
        # One step back in an index for each, where a grouping would read all runs there are.
        last = (
            select(runs.c.ended_at)
            .where(runs.c.installation_id == installations.c.id, runs.c.outcome == FINISHED)
            .order_by(runs.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        rows = await self._db.read(lambda db: db.execute(select(installations.c.id, last)).all())
        return {installation_id: at for installation_id, at in rows if at is not None}

    async def purge(self, days: int) -> None:
        """Drop runs and days of spending older than `days`."""
        before = self._clock.now() - timedelta(days=days)

        def work(db: Connection) -> None:
            db.execute(delete(runs).where(runs.c.started_at < before))
            db.execute(delete(spent).where(spent.c.day < before.date()))

        await self._db.write(work)

    async def last_beat(self, installation_id: str) -> datetime | None:
        """When an installation was last kept up with; None for one that is new here."""
        query = select(heartbeat.c.at).where(heartbeat.c.installation_id == installation_id)
        return await self._db.read(lambda db: db.scalar(query))

    async def beat(self, installation_ids: Collection[str]) -> None:
        """Move the heartbeats of these installations to now."""
        now = self._clock.now()

        def work(db: Connection) -> None:
            for installation_id in installation_ids:
                mine = heartbeat.c.installation_id == installation_id
                if not db.execute(update(heartbeat).where(mine).values(at=now)).rowcount:
                    db.execute(heartbeat.insert(), {"installation_id": installation_id, "at": now})

        await self._db.write(work)
