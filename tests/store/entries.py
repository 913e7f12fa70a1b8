"""A ledger with calls in it, for the tests beside this file."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from connector.records import Call, CallResult, Direction, EventKind
from connector.store.doubts import Doubts
from connector.store.entries import Claim, Due, Entry, Observed, Settlement, State
from connector.store.ledger import Ledger
from connector.store.tables import Adopted, LedgerEntry, table_of
from tests.store.stock import Stock

table, adopted = table_of(LedgerEntry), table_of(Adopted)

CENTRE = "thulium:demo"
LEASE = 120.0


class Book:
    """The ledger of one company, and shorthands for what its tests do again and again."""

    def __init__(self, stock: Stock, ledger: Ledger) -> None:
        self.stock, self.ledger, self.doubts = stock, ledger, Doubts(ledger)

    def call(self, ref: str, *, customer: str | None = None, number: str | None = None) -> Observed:
        event = Call(
            ref, Direction.INBOUND, CallResult.ANSWERED, self.stock.clock.now() - timedelta(minutes=5), "601000001",
            "221234567", 70, 60,
        )  # fmt: skip
        return Observed(event, number=number, customer_id=customer)

    async def collect(self, *refs: str, lane: Due = Due.LIVE) -> int:
        return await self.ledger.collect(CENTRE, [self.call(ref) for ref in refs], lane=lane)

    async def claim(self, *, token: str = "t", lease_s: float = LEASE) -> list[Claim]:
        entries = await self.ledger.new(1000)
        return await self.ledger.claim(entries, token, lease_s=lease_s, sent_at=self.stock.clock.now())

    async def one(self) -> Claim:
        """The claim of a single call."""
        await self.collect("1")
        (claim,) = await self.claim()
        return claim

    async def done(self, claim: Claim, crm_id: str = "11") -> list[Settlement]:
        return await self.ledger.settle([Settlement(claim, State.DONE, crm_id=crm_id)])

    async def states(self) -> dict[str, int]:
        return {str(state): number for state, number in (await self.ledger.counts()).items() if number}

    async def column(self, name: str) -> list[object]:
        query = select(table.c[name]).order_by(table.c.id)
        return list(await self.stock.db.read(lambda db: db.scalars(query).all()))

    async def adopted(self) -> int | None:
        """How many activities are remembered whose events are not known yet."""
        query = select(func.count()).select_from(adopted)
        return await self.stock.db.read(lambda db: db.scalar(query))

    async def entry(self) -> Entry:
        """The only entry, whatever its state."""
        (entry,) = await self.doubts._due(limit=2)
        return entry

    def move(self, seconds: float) -> None:
        self.stock.clock.move_to(self.stock.clock.offset + timedelta(seconds=seconds))


async def open_book(stock: Stock, company: str = "1") -> Book:
    keys = (await stock.installed(company)).keys
    return Book(stock, Ledger(stock.db, stock.vault, keys, company, stock.clock))


CHANNEL = str(EventKind.CALL)
