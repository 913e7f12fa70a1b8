"""Cards and tickets of the contact centre that we write on: the address of our page, and the mirror of deals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.clock import Clock
from connector.store.database import Database, any_of
from connector.store.tables import Card, MirroredDeal, table_of

cards = table_of(Card)
mirrored = table_of(MirroredDeal)


@dataclass(frozen=True, slots=True)
class Page:
    """When the address of our page began to be written; `changed_before` is known of what a nightly pass wrote."""

    at: datetime
    changed_before: datetime | None


class Cards:
    """What one installation writes on cards and tickets; customers and tickets are known by their keys."""

    def __init__(self, db: Database, installation_id: str, clock: Clock) -> None:
        """Work on one installation's rows only."""
        self._db, self._installation_id, self._clock = db, installation_id, clock
        self._mine = cards.c.installation_id == installation_id

    # the address of our page

    async def meet(self, keys: Collection[str]) -> bool:
        """Have the page's address written on those that were never seen to; answers whether there are any."""
        known = await self._db.read(
            lambda db: set(db.scalars(select(cards.c.record_id).where(self._mine, _among(keys), _SEEN_TO)))
        )
        fresh = set(keys) - known
        if fresh:
            await self._put(fresh, page_due_at=self._clock.now())
        return bool(fresh)

    async def due_pages(self, limit: int) -> list[str]:
        """Those whose page's address is due, the longest waiting first."""
        return await self._due("page_due_at", limit)

    async def put_off_pages(self, keys: Collection[str], until: datetime | None) -> None:
        """Try these again later, or only when they are met again."""
        await self._put(keys, page_due_at=until)

    async def pages_written(self, keys: Mapping[str, datetime | None], at: datetime) -> None:
        """Write down that the address stands on these, each with when others had changed it before, where that is known.

        `at` is when the write began.
        """
        values = {"page_due_at": None, "page_at": at}
        await self._put_each({key: {**values, "changed_before": before} for key, before in keys.items()})

    async def pages(self, keys: Collection[str]) -> dict[str, Page]:
        """What was written on each of these, where it was."""
        query = select(cards.c.record_id, cards.c.page_at, cards.c.changed_before).where(
            self._mine, _among(keys), cards.c.page_at.is_not(None)
        )
        rows = await self._db.read(lambda db: db.execute(query).all()) if keys else ()
        return {key: Page(at, before) for key, at, before in rows}

    async def put_off(self, connection: str, until: datetime) -> None:
        """Have all that is due on the cards and tickets of one contact centre wait."""
        theirs = (self._mine, cards.c.record_id.startswith(f"{connection}/", autoescape=True))
        now = self._clock.now()

        def work(db: Connection) -> None:
            for due in (cards.c.page_due_at, cards.c.mirror_due_at):
                db.execute(update(cards).where(*theirs, due <= now).values({due: until}))

        await self._db.write(work)

    async def forget(self, keys: Collection[str]) -> None:
        """Keep no more of these, such as tickets that hold their address."""
        where = (self._mine, _among(keys))
        await self._db.write(lambda db: db.execute(delete(cards).where(*where)) and None)

    # the mirror of deals

    async def mirror_again(self, keys: Collection[str], at: datetime | None = None) -> None:
        """Have the deals on these cards compared with Pipedrive, now or from `at` on."""
        await self._put(keys, mirror_due_at=at or self._clock.now())

    async def due_mirrors(self, limit: int) -> list[str]:
        """Cards to be compared, the longest waiting first."""
        return await self._due("mirror_due_at", limit)

    async def showing(self, deals: Collection[str]) -> dict[str, set[str]]:
        """The cards that show each of these deals."""
        query = select(mirrored.c.deal_id, mirrored.c.customer_id).where(
            mirrored.c.installation_id == self._installation_id, mirrored.c.deal_id.in_(any_of(deals))
        )
        found: dict[str, set[str]] = {}
        for deal_id, key in await self._db.read(lambda db: db.execute(query).all()) if deals else ():
            found.setdefault(deal_id, set()).add(key)
        return found

    async def shows(self, key: str, *, added: Iterable[str] = (), removed: Iterable[str] = ()) -> None:
        """Write down which deals a card shows from now on, and which no longer."""
        rows, removed = [self._row(deal_id=deal_id, customer_id=key) for deal_id in added], list(removed)
        if not rows and not removed:
            return
        gone = (
            mirrored.c.installation_id == self._installation_id, mirrored.c.customer_id == key,
            mirrored.c.deal_id.in_(any_of(removed)),
        )  # fmt: skip

        def work(db: Connection) -> None:
            db.execute(delete(mirrored).where(*gone))
            if rows:
                db.execute(_insert(db, mirrored).on_conflict_do_nothing(), rows)

        await self._db.write(work)

    async def mirrored(self, key: str, as_of: datetime) -> None:
        """Write down that a card shows what Pipedrive held then."""
        where = (self._mine, cards.c.record_id == key, cards.c.mirror_due_at <= as_of)
        done = update(cards).where(*where).values(mirror_due_at=None)
        await self._db.write(lambda db: db.execute(done) and None)

    async def next_due(self) -> datetime | None:
        """When something is due next."""
        # A question each, so that each is answered from the index of the few that are due.
        first = [
            select(func.min(due)).where(self._mine, due.is_not(None)).scalar_subquery()
            for due in (cards.c.page_due_at, cards.c.mirror_due_at)
        ]
        times = await self._db.read(lambda db: db.execute(select(*first)).one())
        return min((at for at in times if at is not None), default=None)

    async def _due(self, column: str, limit: int) -> list[str]:
        due = cards.c[column]
        query = (
            select(cards.c.record_id).where(self._mine, due <= self._clock.now()).order_by(due).limit(limit)
        )
        return list(await self._db.read(lambda db: db.scalars(query).all()))

    async def _put(self, keys: Collection[str], **values: datetime | None) -> None:
        await self._put_each(dict.fromkeys(keys, values))

    async def _put_each(self, values: Mapping[str, Mapping[str, datetime | None]]) -> None:
        """Put the same columns of many cards."""
        rows = [self._row(record_id=key, **some) for key, some in values.items()]

        def work(db: Connection) -> None:
            statement = _insert(db, cards)
            changed = {
                name: statement.excluded[name] for name in rows[0].keys() - {"installation_id", "record_id"}
            }
            index = [cards.c.installation_id, cards.c.record_id]
            db.execute(statement.on_conflict_do_update(index_elements=index, set_=changed), rows)

        if rows:
            await self._db.write(work)

    def _row(self, **values: object) -> dict[str, object]:
        return {"installation_id": self._installation_id, **values}


#: Tickets that hold their address are forgotten; a customer is kept, for his card tells of every change.
_SEEN_TO = cards.c.page_at.is_not(None) | cards.c.page_due_at.is_not(None)


def _among(keys: Collection[str]) -> ColumnElement[bool]:
    return cards.c.record_id.in_(any_of(keys))


def _insert(db: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if db.dialect.name == "postgresql" else sqlite.insert(table)
