"""Events as they are looked at: in order, page by page, and each question answered from an index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from connector.records import EventKind
from connector.store.entries import State
from connector.store.events import About, Events, Place, Wanted, reason_id
from tests.store.entries import CENTRE, Book, open_book
from tests.store.stock import Stock
from tests.store.test_plans import overheard, plans

Ask = Callable[[Events], Awaitable[object]]
SHOWN = "ix_ledger_shown (installation_id=? AND kind=? AND state=?"

ASKED: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "the newest": (lambda events: events.page(Wanted()), (SHOWN,)),
    "the newest of a state": (lambda events: events.page(Wanted(states=(State.DONE,))), (SHOWN,)),
    "why the latest failed": (lambda events: events.failures(), (SHOWN,)),
    "all of a customer": (
        lambda events: events.page(Wanted(about=About(("k",), "e", f"{CENTRE}/7"))),
        ("ix_ledger_number", "ix_ledger_email", "ix_ledger_customer"),
    ),
    "what waits for a number": (lambda events: events.waiting_for(["k"]), ("ix_ledger_number", "ix_ledger_email")),
}  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
async def test_an_index_answers(stock: Stock, asked: str) -> None:
    book = await a_book(stock, 60)
    ask, indexes = ASKED[asked]
    with overheard() as heard:
        await ask(Events(book.ledger))
    steps = [step for step in plans(stock, heard) if "INTEGER PRIMARY KEY (rowid=?)" not in step]
    assert steps
    assert all(any(index in step for index in indexes) for step in steps), steps
    assert all(any(index in step for step in steps) for index in indexes), steps


async def a_book(stock: Stock, count: int) -> Book:
    book = await open_book(stock)
    calls = [book.call(str(n), customer=str(n % 2), number=f"+4860100000{n % 3}") for n in range(count)]
    await book.ledger.collect(CENTRE, calls)
    return book


async def test_pages_follow_each_other_without_a_gap_or_a_double(stock: Stock) -> None:
    book = await a_book(stock, 7)
    events, seen, after = Events(book.ledger), list[str](), None
    while page := await events.page(Wanted(), after=after, limit=3):
        seen += [one.entry.external_id for one in page]
        after = page[-1].place
    assert seen == sorted(seen, key=int, reverse=True)
    assert len(seen) == 7


async def test_a_customer_is_found_by_any_of_his_subjects(stock: Stock) -> None:
    book = await a_book(stock, 6)
    events, key = Events(book.ledger), book.ledger.keys.key

    async def found(about: About, **wanted: object) -> set[str]:
        page = await events.page(Wanted(about=about, **wanted))  # type: ignore[arg-type]
        return {one.entry.external_id for one in page}

    assert await found(About((key("+48601000001"),))) == {"1", "4"}
    assert await found(About(customer_id="0")) == {"0", "2", "4"}
    assert await found(About(customer_id=f"{CENTRE}/1")) == {"1", "3", "5"}
    assert await found(About(customer_id="thulium:other/1")) == set()
    assert await found(About(customer_id="0"), kinds=(EventKind.CHAT,)) == set()
    assert await found(About(customer_id="0"), states=(State.DONE,)) == set()


async def test_a_reason_is_named_without_its_words(stock: Stock) -> None:
    book = await a_book(stock, 2)
    events = Events(book.ledger)
    assert await events.failures() == []
    assert await events.page(Wanted(states=(State.PARKED,), reason=reason_id("x"))) == []
    assert await events.failed(Wanted(reason=reason_id("x"))) == []
    assert await events.page(Wanted(), after=Place(stock.clock.now(), 10**18), limit=1) != []
