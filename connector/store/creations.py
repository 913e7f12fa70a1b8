"""Records on their way to the other side: claimed before they are sent, and kept until it is known what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import ColumnElement, Connection, Row, delete, select, update

from connector.clock import Clock
from connector.store.bindings import Base
from connector.store.database import Database, any_of
from connector.store.tables import Creation, table_of

creations = table_of(Creation)


@dataclass(frozen=True, slots=True)
class Making:
    """A record that is, or may have been, made on `side` for `source_id` of the other side.

    `server_time` is Pipedrive's own time at the claim; `looks` counts how often nothing was found; `sent` is the base
    of the pair as it will be once it is made, where that is known.
    """

    entity: str
    side: str
    source_id: str
    claim_no: int
    server_time: datetime
    sent_at: datetime
    looks: int
    lease_until: datetime
    not_before: datetime | None
    sent: Base | None = None

    @property
    def look_at(self) -> datetime:
        """When it may be looked for: nobody is sending it then any more, and a late answer has come."""
        return max(self.lease_until, self.not_before or self.lease_until)


class Creations:
    """The records that one installation is making."""

    def __init__(self, db: Database, installation_id: str, clock: Clock) -> None:
        """Work on one installation's rows only."""
        self._db, self._installation_id, self._clock = db, installation_id, clock
        self._mine = creations.c.installation_id == installation_id

    async def claim(
        self,
        entity: str,
        side: str,
        sources: Sequence[str],
        *,
        server_time: datetime,
        lease_s: float,
        sent: Mapping[str, Base] | None = None,
    ) -> set[str]:
        """Claim what shall be made; answers for which sources nobody else has: only those may be sent."""
        now = self._clock.now()
        rows = [
            {
                "installation_id": self._installation_id, "entity": entity, "side": side, "source_id": source,
                "claim_no": 1, "lease_until": now + timedelta(seconds=lease_s), "server_time": server_time,
                "sent_at": now, "looks": 0, "not_before": None, "sent": _packed((sent or {}).get(source)),
            }
            for source in sources
        ]  # fmt: skip

        def work(db: Connection) -> set[str]:
            own = (self._mine, creations.c.entity == entity, creations.c.side == side)
            taken = set(
                db.scalars(select(creations.c.source_id).where(*own, creations.c.source_id.in_(sources)))
            )
            free = [row for row in rows if row["source_id"] not in taken]
            if free:
                db.execute(creations.insert(), free)
            return {str(row["source_id"]) for row in free}

        return await self._db.write(work)

    async def find(self, entity: str, side: str, source_id: str) -> Making | None:
        """What is being made for this source, if anything."""
        query = select(creations).where(*self._of(entity, side, source_id))
        row = await self._db.read(lambda db: db.execute(query).one_or_none())
        return None if row is None else _making(row)

    async def of(self, entity: str, side: str, sources: Sequence[str]) -> dict[str, Making]:
        """What is being made for each of these sources that something is made for."""
        own = (self._mine, creations.c.entity == entity, creations.c.side == side)
        query = select(creations).where(*own, creations.c.source_id.in_(any_of(sources)))
        if not sources:
            return {}
        rows = await self._db.read(lambda db: db.execute(query).all())
        return {row.source_id: _making(row) for row in rows}

    async def doubt(self, making: Making, *, look_at: datetime) -> None:
        """No answer came: it is looked for from `look_at` on."""
        await self._change(making, lease_until=self._clock.now(), not_before=look_at)

    async def not_found(self, making: Making, *, look_at: datetime) -> None:
        """It was looked for once more and is not there."""
        await self._change(making, looks=making.looks + 1, not_before=look_at)

    async def renew(
        self, making: Making, *, server_time: datetime, lease_s: float, sent: Base | None = None
    ) -> bool:
        """Claim once more what two looks did not find; False when somebody else was faster."""
        now = self._clock.now()
        return await self._change(
            making, claim_no=making.claim_no + 1, looks=0, not_before=None, server_time=server_time, sent_at=now, sent=_packed(sent),
            lease_until=now + timedelta(seconds=lease_s),
        )  # fmt: skip

    async def settle(self, entity: str, side: str, sources: Sequence[str]) -> None:
        """These are made, or were certainly not: nothing is in doubt any more."""
        own = (self._mine, creations.c.entity == entity, creations.c.side == side)
        where = (*own, creations.c.source_id.in_(sources))
        if sources:
            await self._db.write(lambda db: db.execute(delete(creations).where(*where)) and None)

    async def _change(self, making: Making, **values: object) -> bool:
        where = (
            *self._of(making.entity, making.side, making.source_id),
            creations.c.claim_no == making.claim_no,
        )
        return bool(
            await self._db.write(
                lambda db: db.execute(update(creations).where(*where).values(**values)).rowcount
            )
        )

    def _of(self, entity: str, side: str, source_id: str) -> tuple[ColumnElement[bool], ...]:
        return (
            self._mine, creations.c.entity == entity, creations.c.side == side, creations.c.source_id == source_id
        )  # fmt: skip


def _making(row: Row[tuple[object, ...]]) -> Making:
    kept = row._mapping
    fields = {name: kept[name] for name in Making.__slots__}
    return Making(**fields | {"sent": orjson.loads(kept["sent"]) if kept["sent"] else None})


def _packed(sent: Base | None) -> str | None:
    return None if sent is None else orjson.dumps(sent).decode()
