"""What is due on cards is found at once, however many cards hold our page."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

from connector.store.cards import Cards
from tests.store.stock import Stock
from tests.store.test_plans import overheard

ONE, TWO = "thulium:acme/1", "thulium:acme/2"


async def test_a_card_is_met_once(stock: Stock) -> None:
    cards = Cards(stock.db, "77", stock.clock)
    assert await cards.meet([ONE, TWO])
    assert not await cards.meet([ONE])
    assert {*await cards.due_pages(10)} == {ONE, TWO}
    await cards.pages_written({ONE: None}, stock.clock.now())
    assert await cards.due_pages(10) == [TWO]
    assert not await cards.meet([ONE])
    assert [*await cards.pages([ONE, TWO])] == [ONE]


async def test_another_installation_sees_nothing(stock: Stock) -> None:
    await Cards(stock.db, "77", stock.clock).meet([ONE])
    other = Cards(stock.db, "78", stock.clock)
    assert await other.due_pages(10) == []
    assert await other.next_due() is None
    assert await other.meet([ONE])


async def test_what_is_put_off_comes_later_or_when_it_is_met_again(stock: Stock) -> None:
    cards, now = Cards(stock.db, "77", stock.clock), stock.clock.now()
    await cards.meet([ONE, TWO])
    await cards.put_off_pages([ONE], now + timedelta(minutes=5))
    await cards.put_off_pages([TWO], None)
    assert await cards.due_pages(10) == []
    assert await cards.next_due() == now + timedelta(minutes=5)
    assert await cards.meet([TWO])
    assert await cards.due_pages(10) == [TWO]


async def test_a_change_while_a_card_is_compared_is_not_forgotten(stock: Stock) -> None:
    cards = Cards(stock.db, "77", stock.clock)
    await cards.mirror_again([ONE])
    as_of = stock.clock.now()
    await cards.mirror_again([ONE])
    await cards.mirrored(ONE, as_of)
    assert await cards.due_mirrors(10) == [ONE]
    await cards.mirrored(ONE, stock.clock.now())
    assert await cards.due_mirrors(10) == []


async def test_it_is_known_which_cards_show_a_deal(stock: Stock) -> None:
    cards = Cards(stock.db, "77", stock.clock)
    await cards.shows(ONE, added=["5", "6"])
    await cards.shows(TWO, added=["5"])
    await cards.shows(ONE, added=["5"], removed=["6"])
    assert await cards.showing(["5", "6"]) == {"5": {ONE, TWO}}


async def test_what_is_due_is_answered_from_an_index(stock: Stock) -> None:
    cards = Cards(stock.db, "77", stock.clock)
    with overheard() as heard:
        await cards.next_due()
        await cards.due_pages(10)
        await cards.due_mirrors(10)
        await cards.meet([ONE])
        await cards.showing(["5"])
    with closing(sqlite3.connect(stock.path)) as db:
        steps = [
            step[3]
            for statement, parameters in heard
            if statement.startswith("SELECT")
            for step in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    searches = [step for step in steps if " card" in step or "mirrored_deal" in step]
    assert {"ix_card_page", "ix_card_mirror"} <= {word for step in searches for word in step.split()}
    assert [step for step in searches if step.startswith("SCAN card")] == []
    assert all("TEMP B-TREE" not in step for step in steps)
