"""What we wrote on records of either side, with what it overwrote; and the brake on causes that write too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.store.database import Database
from connector.store.tables import Brake, Change, table_of
from connector.store.vault import Vault

changes = table_of(Change)
brakes = table_of(Brake)


@dataclass(frozen=True, slots=True)
class Wrote:
    """One write: `before` and `after` hold the written fields as they were and as they were sent."""

    entity: str
    side: str
    record_id: str
    centre_id: str
    kind: str
    before: Mapping[str, object]
    after: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Undoable:
    """A write that can be taken back."""

    id: int
    wrote: Wrote


@dataclass(frozen=True, slots=True)
class Written:
    """One write as a history shows it; `before` and `after` only where values were asked for."""

    id: int
    run_id: int
    cause: str
    at: datetime
    side: str
    kind: str
    undone_at: datetime | None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Braked:
    """A paused cause: since when, how many writes it had made within the hour before, whether it was let go."""

    cause: str
    tripped_at: datetime
    writes: int
    released_at: datetime | None
    allowance: int


class Changes:
    """The writes of one installation."""

    def __init__(self, db: Database, vault: Vault, installation_id: str, clock: Clock) -> None:
        """Values are sealed: they are personal data."""
        self._db, self._vault, self._clock = db, vault, clock
        self._installation_id = installation_id
        self._mine = changes.c.installation_id == installation_id

    async def note(self, run_id: int, cause: str, wrote: Sequence[Wrote]) -> None:
        """Write down what was written."""
        rows = [
            {
                "installation_id": self._installation_id, "run_id": run_id, "cause": cause, "at": self._clock.now(),
                "entity": one.entity, "side": one.side, "record_id": one.record_id, "centre_id": one.centre_id,
                "kind": one.kind, "undone_at": None,
                "values_sealed": self._vault.seal(
                    orjson.dumps({"before": dict(one.before), "after": dict(one.after)}, default=list)
                ),
            }
            for one in wrote
        ]  # fmt: skip
        if rows:
            await self._db.write(lambda db: db.execute(changes.insert(), rows) and None)

    async def written(self, cause: str, *, within: timedelta) -> int:
        """How many writes a cause has made within that time."""
        since = self._clock.now() - within
        query = select(func.count()).where(self._mine, changes.c.cause == cause, changes.c.at > since)
        return await self._db.read(lambda db: db.scalar(query) or 0)

    async def written_pairs(self, cause: str, *, within: timedelta) -> tuple[int, int]:
        """The same, and how many pairs they were on."""
        since = self._clock.now() - within
        query = select(func.count(), func.count(func.distinct(changes.c.centre_id)))
        where = (self._mine, changes.c.cause == cause, changes.c.at > since)
        writes, pairs = await self._db.read(lambda db: db.execute(query.where(*where)).one())
        return int(writes), int(pairs)

    async def of_run(self, run_id: int, *, below: int | None = None, limit: int = 500) -> list[Undoable]:
        """What a run wrote and nobody took back, newest first, as far as it came before the write `below`."""
        query = (
            select(changes)
            .where(self._mine, changes.c.run_id == run_id, changes.c.undone_at.is_(None))
            .order_by(changes.c.id.desc())
            .limit(limit)
        )  # fmt: skip
        if below is not None:
            query = query.where(changes.c.id < below)
        rows = await self._db.read(lambda db: db.execute(query).all())
        found = []
        for row in rows:
            values = orjson.loads(self._vault.open(row.values_sealed))
            wrote = Wrote(
                row.entity,
                row.side,
                row.record_id,
                row.centre_id,
                row.kind,
                values["before"],
                values["after"],
            )
            found.append(Undoable(row.id, wrote))
        return found

    async def of_pair(
        self, entity: str, centre_id: str, *, with_values: bool = False, limit: int = 50
    ) -> list[Written]:
        """What was written on both records of a pair, newest first; values are unsealed only where they are asked for."""
        names = ["id", "run_id", "cause", "at", "side", "kind", "undone_at"]
        columns = [changes.c[name] for name in names + ["values_sealed"] * with_values]
        query = (
            select(*columns)
            .where(self._mine, changes.c.entity == entity, changes.c.centre_id == centre_id)
            .order_by(changes.c.id.desc())
            .limit(limit)
        )
        rows = await self._db.read(lambda db: db.execute(query).all())
        found = []
        for row in rows:
            kept = dict(row._mapping)
            sealed = kept.pop("values_sealed", None)
            values = {} if sealed is None else orjson.loads(self._vault.open(sealed))
            found.append(Written(**kept, before=values.get("before"), after=values.get("after")))
        return found

    async def undone(self, change_id: int) -> None:
        """Note that a write was taken back."""
        statement = update(changes).where(self._mine, changes.c.id == change_id)
        now = self._clock.now()
        await self._db.write(lambda db: db.execute(statement.values(undone_at=now)) and None)

    async def runs(self, limit: int = 50) -> list[Mapping[str, object]]:
        """Runs that wrote something that can still be undone, newest first."""
        query = (
            select(
                changes.c.run_id, changes.c.cause, func.min(changes.c.at).label("began"), func.count().label("writes"),
            )
            .where(self._mine, changes.c.undone_at.is_(None))
            .group_by(changes.c.run_id, changes.c.cause)
            .order_by(changes.c.run_id.desc())
            .limit(limit)
        )  # fmt: skip
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [
            {"run": row.run_id, "cause": row.cause, "began": row.began, "writes": row.writes} for row in rows
        ]

    async def purge(self, days: int) -> None:
        """Forget writes older than that, and what they overwrote."""
        old = (self._mine, changes.c.at < self._clock.now() - timedelta(days=days))
        await self._db.write(lambda db: db.execute(delete(changes).where(*old)) and None)

    # the brake

    async def braked(self) -> list[Braked]:
        """Causes that the brake has stopped, those too that were let go since."""
        query = (
            select(brakes).where(brakes.c.installation_id == self._installation_id).order_by(brakes.c.cause)
        )
        rows = await self._db.read(lambda db: db.execute(query).all())
        return [Braked(row.cause, row.tripped_at, row.writes, row.released_at, row.allowance) for row in rows]

    async def pull_brake(self, cause: str, writes: int) -> None:
        """Pause a cause."""
        row = {
            "installation_id": self._installation_id, "cause": cause, "tripped_at": self._clock.now(),
            "writes": writes, "released_at": None, "allowance": 0,
        }  # fmt: skip
        changed = {name: row[name] for name in ("tripped_at", "writes", "released_at", "allowance")}
        keys = ["installation_id", "cause"]

        def work(db: Connection) -> None:
            insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
            db.execute(insert(brakes).values(row).on_conflict_do_update(index_elements=keys, set_=changed))

        await self._db.write(work)

    async def release_brake(self, cause: str, allowance: int) -> bool:
        """Let a paused cause make so many writes more; answers whether it was paused."""
        where = (
            brakes.c.installation_id == self._installation_id, brakes.c.cause == cause, brakes.c.released_at.is_(None)
        )  # fmt: skip
        values = {"released_at": self._clock.now(), "allowance": allowance}
        return bool(
            await self._db.write(
                lambda db: db.execute(update(brakes).where(*where).values(**values)).rowcount
            )
        )
