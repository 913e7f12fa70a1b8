"""People who were erased and stay away: keyed hashes of their numbers, addresses and records, which nothing is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.tables import SuppressedKey, table_of
from connector.store.vault import SubjectKeys

suppressed = table_of(SuppressedKey)

#: Why an event of somebody who was erased is left out.
ERASED_ON_REQUEST = "erased on request"


def suppressed_among(db: Connection, installation_id: str, keys: Collection[str]) -> set[str]:
    """Those of these keys that are to stay away."""
    if not keys:
        return set()
    query = select(suppressed.c.key).where(
        suppressed.c.key.in_(any_of(keys)), suppressed.c.installation_id == installation_id
    )
    return set(db.scalars(query))


def record_key(keys: SubjectKeys, entity: str, record_id: str) -> str:
    """What stands for a record: a customer or company by its key, a person or organization by its id."""
    return keys.key(f"{entity} {record_id}")


class Suppressed:
    """Who stays away from one installation."""

    def __init__(self, db: Database, keys: SubjectKeys, installation_id: str, clock: Clock) -> None:
        """`keys` are the installation's own."""
        self._db, self.keys, self._clock = db, keys, clock
        self._installation_id = installation_id
        self._mine = suppressed.c.installation_id == installation_id

    def record(self, entity: str, record_id: str) -> str:
        """What stands for a record, see `record_key`."""
        return record_key(self.keys, entity, record_id)

    async def among(self, keys: Iterable[str]) -> set[str]:
        """Those of these keys that are to stay away."""
        wanted = set(keys)
        if not wanted:
            return set()
        return await self._db.read(lambda db: suppressed_among(db, self._installation_id, wanted))

    async def add(self, keys: Iterable[str]) -> None:
        """Have these stay away, together until one of them is let back; with what was erased with one of them before."""
        since, wanted = self._clock.now(), set(keys)
        rows = [
            {"key": key, "installation_id": self._installation_id, "since": since} for key in sorted(wanted)
        ]

        def work(db: Connection) -> None:
            insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
            statement = insert(suppressed)
            before = db.scalars(
                select(suppressed.c.since).where(self._mine, suppressed.c.key.in_(any_of(wanted)))
            ).all()
            db.execute(
                update(suppressed)
                .where(self._mine, suppressed.c.since.in_(any_of(before)))
                .values(since=since)
            )
            db.execute(
                statement.on_conflict_do_update(
                    index_elements=["key", "installation_id"], set_={"since": statement.excluded.since}
                ),
                rows,
            )

        if rows:
            await self._db.write(work)

    async def let_back(self, keys: Iterable[str]) -> int:
        """Let those return who have one of these keys, with all that was erased together with it; answers how many keys."""
        wanted = any_of(set(keys))

        def work(db: Connection) -> int:
            times = db.scalars(
                select(suppressed.c.since).where(self._mine, suppressed.c.key.in_(wanted))
            ).all()
            return db.execute(
                delete(suppressed).where(self._mine, suppressed.c.since.in_(any_of(times)))
            ).rowcount

        return await self._db.write(work)

    async def erasures(self) -> list[datetime]:
        """When somebody was erased who still stays away, the latest first."""
        query = (
            select(suppressed.c.since).where(self._mine).group_by(suppressed.c.since)
            .order_by(func.max(suppressed.c.since).desc())
        )  # fmt: skip
        return list(await self._db.read(lambda db: db.scalars(query).all()))
