"""Each event once; a claim for one writer; a cursor that only goes forward."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from connector.records import EventKind, Unreadable
from connector.store.entries import Due, Observed, Settlement, State, Verdict
from connector.store.ledger import waiting_keys
from tests.store.entries import CENTRE, CHANNEL, Book, open_book
from tests.store.stock import Stock


@pytest.fixture
async def book(stock: Stock) -> Book:
    return await open_book(stock)


async def test_an_event_is_kept_once_however_often_it_is_seen(book: Book) -> None:
    assert await book.collect("1", "2", "1") == 2
    assert await book.collect("2", "3") == 1
    assert await book.states() == {"new": 3}


async def test_two_writers_who_see_the_same_page_at_once_keep_each_event_once(book: Book) -> None:
    refs = [str(n) for n in range(50)]
    counts = await asyncio.gather(*(book.collect(*refs) for _ in range(8)))
    assert sum(counts) == 50
    assert await book.states() == {"new": 50}


async def test_the_same_id_at_another_contact_centre_or_company_is_another_event(
    book: Book, stock: Stock
) -> None:
    other = await open_book(stock, "2")
    await book.collect("1")
    await other.collect("1")
    await book.ledger.collect("thulium:other", [book.call("1")])
    assert (await book.states(), await other.states()) == ({"new": 2}, {"new": 1})
    assert len(set(await book.column("marker"))) == 3


async def test_an_event_of_the_wrong_shape_is_parked_with_its_reason(book: Book) -> None:
    wrong = Unreadable(EventKind.CALL, "1", book.stock.clock.now(), "no start", raw="{}")
    await book.ledger.collect(CENTRE, [Observed(wrong), book.call("2")])
    assert await book.states() == {"new": 1, "parked": 1}
    assert await book.column("reason") == ["no start", ""]


async def test_what_was_collected_can_be_read_back_word_for_word(book: Book) -> None:
    seen = book.call("1")
    await book.ledger.collect(CENTRE, [seen])
    (entry,) = await book.ledger.new(9)
    assert entry.event == seen.event


async def test_a_cursor_moves_only_forward(book: Book) -> None:
    now = book.stock.clock.now()
    for at in (now, now - timedelta(hours=1), now - timedelta(days=9)):
        await book.ledger.collect(CENTRE, [], cursor_to=(CHANNEL, at))
    assert await book.ledger.cursor(CENTRE, CHANNEL) == now
    await book.ledger.collect(CENTRE, [], cursor_to=(CHANNEL, now + timedelta(seconds=1)))
    assert await book.ledger.cursor(CENTRE, CHANNEL) == now + timedelta(seconds=1)
    assert await book.ledger.cursor(CENTRE, "chat") is None


async def test_a_page_that_cannot_be_stored_moves_no_cursor(book: Book) -> None:
    broken = Observed(book.call("1").event, customer_id=object())  # type: ignore[arg-type]  # what no driver can bind
    with pytest.raises(Exception, match="type"):
        await book.ledger.collect(CENTRE, [broken], cursor_to=(CHANNEL, book.stock.clock.now()))
    assert await book.ledger.cursor(CENTRE, CHANNEL) is None
    assert await book.states() == {}


async def test_of_two_claims_of_an_entry_one_gets_it(book: Book) -> None:
    await book.collect(*(str(n) for n in range(20)))
    both = await asyncio.gather(book.claim(token="a"), book.claim(token="b"))
    claimed = [claim.entry.id for claims in both for claim in claims]
    assert len(claimed) == len(set(claimed)) == 20


async def test_a_claim_counts_sends_and_claims_and_keeps_the_first_time_of_sending(book: Book) -> None:
    claim = await book.one()
    first = await book.column("first_sent_at")
    await book.ledger.settle(
        [Settlement(claim, State.RETRY, "busy", not_before=book.stock.clock.now(), failed=True)]
    )
    book.move(60)
    assert await book.ledger.promote() == 1
    (again,) = await book.claim()
    assert (claim.number, again.number) == (1, 2)
    assert await book.column("first_sent_at") == first
    entry = await book.entry()
    assert (entry.sends, entry.attempts, entry.claim_no) == (2, 1, 2)


async def test_a_claim_given_back_was_never_sent(book: Book) -> None:
    claim = await book.one()
    await book.ledger.give_back([claim])
    assert await book.states() == {"new": 1}
    entry = await book.entry()
    assert (entry.sends, entry.claim_no) == (0, 1)


async def test_only_the_last_claim_can_be_given_back_or_settled(book: Book) -> None:
    claim = await book.one()
    await book.ledger.give_back([claim])
    (second,) = await book.claim()
    await book.ledger.give_back([claim])
    assert await book.states() == {"sending": 1}
    assert await book.done(second) == []
    await book.ledger.give_back([second])
    assert await book.states() == {"done": 1}


async def test_a_settlement_that_comes_too_late_is_reported_and_its_activity_looked_for(book: Book) -> None:
    claim = await book.one()
    await book.doubts.expire_claims(first_look_s=0)
    book.move(200)
    assert await book.doubts.expire_claims(first_look_s=0) == 1
    late = Settlement(claim, State.DONE, crm_id="11")
    assert await book.ledger.settle([late]) == [late]
    assert await book.states() == {"sending": 1}
    assert (await book.column("heal_at"))[0] is not None


async def test_a_settlement_that_comes_twice_is_not_late(book: Book) -> None:
    claim = await book.one()
    await book.done(claim)
    assert await book.done(claim) == []


async def test_a_late_settlement_among_others_does_not_hold_them_up(book: Book) -> None:
    await book.collect("1", "2", "3")
    claims = await book.claim()
    stolen = claims[1]
    await book.ledger.give_back([stolen])
    settlements = [Settlement(claim, State.DONE, crm_id=str(n)) for n, claim in enumerate(claims)]
    assert await book.ledger.settle(settlements) == [settlements[1]]
    assert await book.states() == {"done": 2, "new": 1}


async def test_a_renewed_claim_does_not_run_out(book: Book) -> None:
    await book.one()
    for _ in range(3):
        book.move(100)
        await book.ledger.renew(["t"], lease_s=120)
        assert await book.doubts.expire_claims(first_look_s=0) == 0
    await book.ledger.renew(["another"], lease_s=9999)
    book.move(121)
    assert await book.doubts.expire_claims(first_look_s=0) == 1


async def test_a_verdict_touches_only_what_is_still_new(book: Book) -> None:
    await book.collect("1", "2")
    entries = await book.ledger.new(9)
    await book.ledger.claim(entries[:1], "t", lease_s=9, sent_at=book.stock.clock.now())
    await book.ledger.record([Verdict(entry.id, State.SKIPPED, "no rule") for entry in entries])
    assert await book.states() == {"sending": 1, "skipped": 1}


async def test_retries_come_back_when_their_time_has_come(book: Book) -> None:
    claim = await book.one()
    at = book.stock.clock.now() + timedelta(seconds=60)
    await book.ledger.settle([Settlement(claim, State.RETRY, "busy", not_before=at, failed=True)])
    assert await book.ledger.promote() == 0
    book.move(61)
    assert await book.ledger.promote() == 1
    assert await book.states() == {"new": 1}


async def test_waiting_and_undecided_entries_of_a_subject_are_woken_and_no_others(
    book: Book, stock: Stock
) -> None:
    calls = [
        book.call("1", number="+48601000001"),
        book.call("2", customer="7"),
        book.call("3", customer="8"),
    ]
    await book.ledger.collect(CENTRE, calls)
    other = await open_book(stock, "2")
    await other.ledger.collect(CENTRE, [book.call("2", customer="7")])
    for one in (book, other):
        entries = await one.ledger.new(9)
        states = [State.WAITING, State.UNDECIDED, State.WAITING]
        await one.ledger.record(
            [Verdict(entry.id, state, "x") for entry, state in zip(entries, states, strict=False)]
        )
    key = book.ledger.keys.key("+48601000001")
    assert await book.ledger.wake() == 0
    assert await book.ledger.wake(keys=[key], customer_ids=["7"]) == 2
    assert await book.states() == {"new": 2, "waiting": 1}
    assert await other.states() == {"waiting": 1}
    assert await book.ledger.wake_all() == 1


async def test_an_entry_wakes_by_a_key_of_its_customer_for_as_long_as_it_waits(
    book: Book, stock: Stock
) -> None:
    other = await open_book(stock, "2")
    for one in (book, other):
        await one.collect("1", "2")
        entries = await one.ledger.new(9)
        await one.ledger.record(
            [Verdict(entry.id, State.WAITING, "x", keys=["a", "b"]) for entry in entries[:1]]
        )
        await one.ledger.record([Verdict(entries[1].id, State.UNDECIDED, "x")])
    assert await book.ledger.wake(keys=["c"]) == 0
    assert await book.ledger.wake(keys=["b", "c"]) == 1
    assert await book.states() == {"new": 1, "undecided": 1}
    assert await other.states() == {"waiting": 1, "undecided": 1}
    # Nobody matches after all: it waits for the same keys.
    (entry,) = await book.ledger.new(9)
    await book.ledger.record([Verdict(entry.id, State.WAITING, "x", keys=["a", "b"])])
    assert await book.ledger.wake(keys=["a"]) == 1

    for one in (book, other):
        await one.ledger.purge(30)
    rows = await stock.db.read(lambda db: db.execute(select(waiting_keys.c.installation_id)).scalars().all())
    assert rows == ["2", "2"], "what waits no more is waited for by nothing"


async def test_a_backfill_and_the_regular_runs_do_not_take_each_others_entries(book: Book) -> None:
    await book.collect("1")
    await book.collect("2", lane=Due.BACKFILL)
    assert [entry.external_id for entry in await book.ledger.new(9)] == ["1"]
    assert [entry.external_id for entry in await book.ledger.new(9, lane=Due.BACKFILL)] == ["2"]


async def test_the_wait_of_an_entry_ends_before_its_payload_goes(book: Book) -> None:
    await book.collect("1", "2", "3")
    entries = await book.ledger.new(9)
    await book.ledger.record([Verdict(entries[0].id, State.WAITING, "nobody")])
    await book.ledger.claim(entries[1:2], "t", lease_s=9, sent_at=book.stock.clock.now())
    book.move(31 * 86_400)
    await book.collect("4")
    await book.ledger.purge(30)
    assert await book.states() == {"skipped": 1, "sending": 1, "new": 2}
    assert await book.column("reason") == ["expired", "", "", ""]
    sealed = [payload is not None for payload in await book.column("payload_sealed")]
    assert sealed == [False, True, True, True], "what is still to be written keeps its contents"
    assert await book.ledger.wake_all() == 0


async def test_parked_entries_are_tried_again_as_long_as_they_have_their_contents(book: Book) -> None:
    await book.collect("1", "2")
    entries = await book.ledger.new(9)
    await book.ledger.record([Verdict(entry.id, State.PARKED, "type") for entry in entries])
    assert await book.ledger.retry_parked([entries[0].id]) == 1
    assert await book.states() == {"new": 1, "parked": 1}
    book.move(31 * 86_400)
    await book.ledger.purge(30)
    assert await book.ledger.retry_parked() == 0


async def test_a_parked_entry_of_a_backfill_is_written_by_the_regular_runs(book: Book) -> None:
    await book.collect("1", lane=Due.BACKFILL)
    (entry,) = await book.ledger.new(1, lane=Due.BACKFILL)
    await book.ledger.record([Verdict(entry.id, State.PARKED, "type")])
    await book.ledger.retry_parked()
    assert len(await book.ledger.new(1)) == 1


async def test_parked_entries_are_found_by_their_reason(book: Book) -> None:
    await book.collect("1", "2", "3")
    entries = await book.ledger.new(9)
    await book.ledger.record(
        [Verdict(one.id, State.PARKED, why) for one, why in zip(entries, "abb", strict=True)]
    )
    await book.ledger.retry_parked([entries[2].id])
    assert await book.doubts.parked(["b", "c"]) == [entries[1].id]
    assert await book.doubts.parked([]) == []


@pytest.mark.parametrize("before", ["new", "waiting", "parked"])
async def test_what_pipedrive_has_is_adopted_whatever_the_ledger_thought(book: Book, before: str) -> None:
    await book.collect("1")
    (entry,) = await book.ledger.new(1)
    if before != "new":
        await book.ledger.record([Verdict(entry.id, State(before), "x")])
    assert await book.ledger.adopt({entry.marker: "77"}) == 1
    assert (await book.states(), (await book.entry()).crm_id) == ({"done": 1}, "77")
    assert await book.adopted() == 0


async def test_what_is_being_sent_is_not_adopted_but_settled_or_looked_for(book: Book) -> None:
    claim = await book.one()
    assert await book.ledger.adopt({claim.entry.marker: "77"}) == 0
    assert await book.done(claim, "77") == []
    assert await book.adopted() == 0


async def test_what_is_adopted_before_it_is_collected_is_never_written(book: Book, stock: Stock) -> None:
    marker = book.ledger.keys.marker(CENTRE, EventKind.CALL, "1")
    assert await book.ledger.adopt({marker: "77"}) == 0
    assert await book.ledger.adopt({marker: "77"}) == 0
    await book.collect("1", "2")
    assert await book.states() == {"done": 1, "new": 1}
    assert await book.adopted() == 0, "nothing is left to be looked up for each page"
    other = await open_book(stock, "2")
    await other.collect("1")
    assert await other.states() == {"new": 1}
