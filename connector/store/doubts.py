"""Entries whose write ended in doubt, may exist twice, show less than is known by now, or were parked too early.

Every change compares what it saw (claim, number of looks) so that two processes may work here at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, bindparam, func, select, update

from connector.store.database import any_of
from connector.store.entries import COLUMNS, ERASED, UNKNOWN, Due, Entry, State, ledger
from connector.store.ledger import Ledger

_LATEST = 500


class Doubts:
    """Second looks at one installation's ledger."""

    def __init__(self, ledger_: Ledger) -> None:
        """Share the ledger's database, keys and clock."""
        self._ledger, self._db, self._clock = ledger_, ledger_.db, ledger_.clock

    async def expire_claims(self, *, first_look_s: float) -> int:
        """Turn claims whose lease ran out into unknown outcomes, to be looked for `first_look_s` later."""
        now = self._clock.now()
        # The request may have left as late as the end of the lease; a late settlement must not win any more.
        statement = (
            update(ledger)
            .where(self._ledger.mine, ledger.c.state == State.SENDING, ledger.c.reason == "")
            .where(ledger.c.lease_until < now)
            .values(
                reason=UNKNOWN,
                claim_no=ledger.c.claim_no + 1,
                lease_until=None,
                not_before=now + timedelta(seconds=first_look_s),
            )
        )
        return await self._db.write(lambda db: db.execute(statement).rowcount)

    async def unknown(self, limit: int = 5000) -> list[Entry]:
        """Entries of unknown outcome whose next look is due."""
        return await self._due(
            ledger.c.state == State.SENDING,
            ledger.c.reason == UNKNOWN,
            ledger.c.not_before <= self._clock.now(),
            limit=limit,
        )

    async def found(
        self,
        entry: Entry,
        *,
        crm_id: str,
        shown: str | None,
        heal_at: datetime | None,
        topic_at: datetime | None,
    ) -> bool:
        """The looked-for activity exists and shows this."""
        return await self._change(
            entry, state=State.DONE, crm_id=crm_id, reason="", not_before=None, settled_at=self._clock.now(),
            shown=shown, heal_at=heal_at, topic_at=topic_at,
        )  # fmt: skip

    async def missed(self, entry: Entry, *, look_gap_s: float, looks_needed: int = 2) -> bool:
        """One more look found nothing; after `looks_needed` of them a regular run may send the entry again."""
        if entry.looks + 1 >= looks_needed and entry.event is None:
            return await self.park(entry, ERASED)
        if entry.looks + 1 >= looks_needed:
            again = {"state": State.NEW, "lane": Due.LIVE}
            return await self._change(entry, **again, reason="", looks=0, not_before=None, owner=None)
        later = self._clock.now() + timedelta(seconds=look_gap_s)
        return await self._change(entry, looks=entry.looks + 1, not_before=later)

    async def park(self, entry: Entry, reason: str) -> bool:
        """Leave the entry to a person."""
        return await self._change(entry, state=State.PARKED, reason=reason, not_before=None)

    async def _change(self, entry: Entry, **values: object) -> bool:
        statement = (
            update(ledger)
            .where(
                ledger.c.id == entry.id, ledger.c.claim_no == entry.claim_no, ledger.c.looks == entry.looks
            )
            .where(ledger.c.state == State.SENDING)
            .values(**values)
        )
        return await self._db.write(lambda db: db.execute(statement).rowcount) == 1

    async def to_heal(self, limit: int = 5000) -> list[Entry]:
        """Entries that were sent more than once and are due for a look for doubles."""
        return await self._due(
            ledger.c.heal_at <= self._clock.now(), ledger.c.state == State.DONE, limit=limit
        )

    async def healed(self, entry: Entry, *, next_at: datetime | None) -> None:
        """Write down that doubles were looked for, and when to look again."""
        statement = (
            update(ledger)
            .where(ledger.c.id == entry.id)
            .values(heal_at=next_at, heal_no=ledger.c.heal_no + 1)
        )
        await self._db.write(lambda db: db.execute(statement) and None)

    async def replaced(
        self, entry: Entry, *, crm_id: str, shown: str | None, topic_at: datetime | None
    ) -> None:
        """Write down that another activity stays than the one we knew, and what it shows."""
        statement = update(ledger).where(ledger.c.id == entry.id)
        await self._db.write(
            lambda db: db.execute(statement.values(crm_id=crm_id, shown=shown, topic_at=topic_at)) and None
        )

    async def topics(self, limit: int = 500) -> list[Entry]:
        """Calls whose missing topic or note is to be asked for again."""
        return await self._due(
            ledger.c.topic_at <= self._clock.now(), ledger.c.state == State.DONE, limit=limit
        )

    async def asked(
        self, entry: Entry, *, next_at: datetime | None, shown: str | None = None, reason: str | None = None
    ) -> None:
        """Write down that a topic was asked for, what the activity shows now, and when to ask again."""
        values = {"shown": shown, "reason": reason}
        statement = (
            update(ledger)
            .where(ledger.c.id == entry.id)
            .values(
                topic_at=next_at,
                topic_no=ledger.c.topic_no + 1,
                **{name: value for name, value in values.items() if value is not None},
            )
        )
        await self._db.write(lambda db: db.execute(statement) and None)

    async def ask_at(self, entry: Entry, at: datetime) -> None:
        """Put off asking for a topic, because nobody answered."""
        statement = update(ledger).where(ledger.c.id == entry.id).values(topic_at=at)
        await self._db.write(lambda db: db.execute(statement) and None)

    async def next_due(self) -> datetime | None:
        """When the next look, healing, retry or topic is due, if any is."""
        mine = self._ledger.mine
        columns: Sequence[object] = (
            select(func.min(ledger.c.not_before)).where(
                mine, ledger.c.state.in_([State.SENDING, State.RETRY])
            ),
            select(func.min(ledger.c.lease_until)).where(mine, ledger.c.state == State.SENDING),
            *(
                # Said in so many words, it lets an index of these few rows answer.
                select(func.min(at)).where(mine, ledger.c.state == State.DONE, at.is_not(None))
                for at in (ledger.c.heal_at, ledger.c.topic_at)
            ),
        )
        times = await self._db.read(lambda db: [db.scalar(query) for query in columns])  # type: ignore[call-overload]
        return min((at for at in times if at is not None), default=None)

    async def written_for_another(self, user_id: str) -> str | None:
        """The activity that was last written for somebody else than this user, as far as the latest tell."""
        query = (
            select(ledger.c.crm_id, ledger.c.trace)
            .where(self._ledger.mine, ledger.c.state == State.DONE, ledger.c.lane == bindparam("lane"))
            .where(ledger.c.crm_id.is_not(None), ledger.c.trace.is_not(None))
            .order_by(ledger.c.id.desc())
            .limit(_LATEST)
        )

        def look(db: Connection) -> str | None:
            for lane in Due:
                for crm_id, trace in db.execute(query, {"lane": lane}):
                    if orjson.loads(trace).get("owner") != user_id:
                        return str(crm_id)
            return None

        return await self._db.read(look)

    async def left_to_a_person(self) -> list[dict[str, object]]:
        """Parked entries: row id, event, its time, and the reason."""
        of = ledger.c
        query = (
            select(of.id, of.connection, of.kind, of.external_id, of.occurred_at, of.reason)
            .where(self._ledger.mine, of.state == State.PARKED)
            .order_by(of.id)
        )
        return await self._db.read(lambda db: [dict(row) for row in db.execute(query).mappings()])

    async def parked(self, reasons: Collection[str]) -> list[int]:
        """Row ids of entries that are parked for one of these reasons."""
        query = select(ledger.c.id).where(
            self._ledger.mine, ledger.c.state == State.PARKED, ledger.c.reason.in_(any_of(reasons))
        )
        return list(await self._db.read(lambda db: db.scalars(query).all()))

    async def _due(self, *where: object, limit: int) -> list[Entry]:
        query = select(*COLUMNS).where(self._ledger.mine, *where).order_by(ledger.c.id).limit(limit)  # type: ignore[arg-type]
        return await self._db.read(lambda db: [self._ledger.entry(row) for row in db.execute(query)])
