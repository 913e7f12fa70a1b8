"""Second looks: each decides on what it saw, so that two processes may look at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.store.entries import UNKNOWN, Due, Settlement, State
from tests.store.entries import Book, open_book
from tests.store.stock import Stock


@pytest.fixture
async def book(stock: Stock) -> Book:
    return await open_book(stock)


async def in_doubt(book: Book) -> None:
    """A call whose write has an unknown outcome, due for its first look."""
    claim = await book.one()
    await book.ledger.settle([Settlement(claim, State.SENDING, UNKNOWN, not_before=book.stock.clock.now())])


async def test_a_lease_that_ran_out_is_an_unknown_outcome_to_be_looked_for_later(book: Book) -> None:
    await book.one()
    book.move(121)
    assert await book.doubts.expire_claims(first_look_s=180) == 1
    assert await book.doubts.expire_claims(first_look_s=180) == 0
    assert await book.doubts.unknown() == []
    book.move(181)
    assert len(await book.doubts.unknown()) == 1


async def test_a_lease_that_still_runs_is_left_alone(book: Book) -> None:
    await book.one()
    book.move(119)
    assert await book.doubts.expire_claims(first_look_s=0) == 0


async def test_an_entry_is_sent_again_only_after_two_looks_that_found_nothing(book: Book) -> None:
    await in_doubt(book)
    (entry,) = await book.doubts.unknown()
    assert await book.doubts.missed(entry, look_gap_s=60)
    assert (await book.states(), await book.doubts.unknown()) == ({"sending": 1}, [])
    book.move(61)
    (entry,) = await book.doubts.unknown()
    assert await book.doubts.missed(entry, look_gap_s=60)
    assert await book.states() == {"new": 1}
    assert (await book.entry()).looks == 0


async def test_what_a_backfill_sent_in_vain_is_sent_again_by_the_regular_runs(book: Book) -> None:
    await book.collect("1", lane=Due.BACKFILL)
    entries = await book.ledger.new(1, lane=Due.BACKFILL)
    (claim,) = await book.ledger.claim(entries, "t", lease_s=1, sent_at=book.stock.clock.now())
    await book.ledger.settle([Settlement(claim, State.SENDING, UNKNOWN, not_before=book.stock.clock.now())])
    (entry,) = await book.doubts.unknown()
    await book.doubts.missed(entry, look_gap_s=60, looks_needed=1)
    assert len(await book.ledger.new(1)) == 1


async def test_two_processes_that_look_at_once_count_one_look(book: Book) -> None:
    await in_doubt(book)
    (entry,) = await book.doubts.unknown()
    assert [await book.doubts.missed(entry, look_gap_s=60) for _ in range(2)] == [True, False]
    assert await book.states() == {"sending": 1}


async def test_who_finds_it_wins_over_who_missed_it(book: Book) -> None:
    await in_doubt(book)
    (entry,) = await book.doubts.unknown()
    assert await book.doubts.found(entry, crm_id="11", shown="x y", heal_at=None, topic_at=None)
    assert not await book.doubts.missed(entry, look_gap_s=60, looks_needed=1)
    assert not await book.doubts.park(entry, "not visible")
    assert ((await book.entry()).crm_id, await book.states()) == ("11", {"done": 1})


async def test_an_old_look_cannot_touch_a_newer_claim(book: Book) -> None:
    await in_doubt(book)
    (entry,) = await book.doubts.unknown()
    assert await book.doubts.missed(entry, look_gap_s=60, looks_needed=1)
    (claim,) = await book.claim()
    assert not await book.doubts.missed(entry, look_gap_s=60, looks_needed=1)
    assert not await book.doubts.found(entry, crm_id="9", shown=None, heal_at=None, topic_at=None)
    assert await book.done(claim) == []


async def test_the_counting_of_looks_begins_again_with_each_send(book: Book) -> None:
    await in_doubt(book)
    for _ in range(2):
        book.move(61)
        (entry,) = await book.doubts.unknown()
        await book.doubts.missed(entry, look_gap_s=60)
    (claim,) = await book.claim()
    await book.ledger.settle([Settlement(claim, State.SENDING, UNKNOWN, not_before=book.stock.clock.now())])
    (entry,) = await book.doubts.unknown()
    assert (entry.looks, entry.sends) == (0, 2)
    await book.doubts.missed(entry, look_gap_s=60)
    assert await book.states() == {"sending": 1}


async def test_doubles_are_looked_for_when_due_and_not_before_the_entry_is_done(book: Book) -> None:
    claim = await book.one()
    now = book.stock.clock.now()
    settlement = Settlement(claim, State.DONE, crm_id="11", heal_at=now + timedelta(seconds=900))
    await book.ledger.settle([settlement])
    assert await book.doubts.to_heal() == []
    book.move(901)
    (entry,) = await book.doubts.to_heal()
    await book.doubts.healed(entry, next_at=book.stock.clock.now() + timedelta(days=1))
    assert await book.doubts.to_heal() == []
    book.move(86_401)
    (entry,) = await book.doubts.to_heal()
    assert entry.heal_no == 1
    await book.doubts.healed(entry, next_at=None)
    book.move(86_401)
    assert await book.doubts.to_heal() == []


async def test_the_copy_that_stays_may_be_another_one_and_shows_what_it_shows(book: Book) -> None:
    await book.done(await book.one())
    entry = await book.entry()
    await book.doubts.replaced(entry, crm_id="12", shown=None, topic_at=book.stock.clock.now())
    (again,) = await book.doubts.topics()
    assert (again.crm_id, again.shown) == ("12", None)


async def test_a_topic_is_asked_for_at_its_times_and_put_off_when_nobody_answers(book: Book) -> None:
    claim = await book.one()
    now = book.stock.clock.now()
    await book.ledger.settle([Settlement(claim, State.DONE, crm_id="11", shown="a b", topic_at=now)])
    (entry,) = await book.doubts.topics()
    await book.doubts.ask_at(entry, now + timedelta(seconds=30))
    assert (await book.doubts.topics(), (await book.entry()).topic_no) == ([], 0)
    book.move(31)
    (entry,) = await book.doubts.topics()
    await book.doubts.asked(entry, next_at=None)
    entry = await book.entry()
    assert (entry.topic_no, entry.shown, await book.doubts.topics()) == (1, "a b", [])


async def test_the_next_thing_due_is_the_earliest_of_all(book: Book) -> None:
    assert await book.doubts.next_due() is None
    await book.collect("1", "2", "3", "4")
    claims = await book.claim(lease_s=500)
    now = book.stock.clock.now()
    waits = [timedelta(seconds=seconds) for seconds in (400, 300, 200)]
    await book.ledger.settle([Settlement(claims[0], State.RETRY, "busy", not_before=now + waits[0])])
    assert await book.doubts.next_due() == now + waits[0]
    await book.ledger.settle([Settlement(claims[1], State.DONE, crm_id="1", heal_at=now + waits[1])])
    assert await book.doubts.next_due() == now + waits[1]
    await book.ledger.settle([Settlement(claims[2], State.DONE, crm_id="2", topic_at=now + waits[2])])
    assert await book.doubts.next_due() == now + waits[2]


async def test_looks_stay_within_one_company(book: Book, stock: Stock) -> None:
    await in_doubt(book)
    other = await open_book(stock, "2")
    book.move(1000)
    assert await other.doubts.unknown() == []
    assert await other.doubts.expire_claims(first_look_s=0) == 0
    assert await other.doubts.next_due() is None
    assert len(await book.doubts.unknown()) == 1
