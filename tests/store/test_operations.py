import asyncio
import sqlite3
from datetime import date, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from connector.store.operations import Deliveries, Operations, Spending
from tests.store.stock import Stock

DAY = date(2026, 11, 16)


def deliveries_of(stock: Stock) -> Deliveries:
    return Deliveries(stock.db, stock.vault, stock.clock)


async def test_a_webhook_is_durable_word_for_word_when_storing_returns(stock: Stock) -> None:
    deliveries = deliveries_of(stock)
    body = bytes(range(256))
    await deliveries.store("1", "thulium:demo", "text/plain", body)
    with sqlite3.connect(stock.path) as elsewhere:
        assert elsewhere.execute("select count(*) from delivery").fetchone() == (1,)
    (received,) = await deliveries.waiting()
    assert (received.installation_id, received.source, received.content_type) == (
        "1",
        "thulium:demo",
        "text/plain",
    )
    assert received.body == body
    assert body not in stock.words()


async def test_webhooks_that_come_together_are_all_stored_in_order(stock: Stock) -> None:
    deliveries = deliveries_of(stock)
    await asyncio.gather(*(deliveries.store("1", "pipedrive", "", b"%d" % n) for n in range(300)))
    received = await deliveries.waiting(limit=1000)
    assert [one.body for one in received] == [b"%d" % n for n in range(300)]
    assert len(await deliveries.waiting(limit=7)) == 7


async def test_a_webhook_that_could_not_be_stored_is_not_acknowledged(stock: Stock) -> None:
    deliveries = deliveries_of(stock)
    with sqlite3.connect(stock.path) as elsewhere:
        elsewhere.execute("alter table delivery rename to elsewhere")
    with pytest.raises(OperationalError):
        await deliveries.store("1", "pipedrive", "", b"{}")
    with sqlite3.connect(stock.path) as elsewhere:
        elsewhere.execute("alter table elsewhere rename to delivery")
    await deliveries.store("1", "pipedrive", "", b"{}")
    assert len(await deliveries.waiting()) == 1


async def test_a_sender_who_hangs_up_takes_nobody_elses_webhook_with_him(stock: Stock) -> None:
    deliveries = deliveries_of(stock)
    impatient = asyncio.create_task(deliveries.store("1", "pipedrive", "", b"1"))
    patient = asyncio.create_task(deliveries.store("1", "pipedrive", "", b"2"))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert {one.body for one in await deliveries.waiting()} == {b"1", b"2"}


async def test_closed_webhooks_are_kept_for_a_while_and_open_ones_until_they_are_done(stock: Stock) -> None:
    deliveries = deliveries_of(stock)
    for n in range(2):
        await deliveries.store("1", "pipedrive", "", b"%d" % n)
    first, _ = await deliveries.waiting()
    await deliveries.done([first.id], "no active installation")
    await deliveries.purge(days=7)
    assert _count(stock, "delivery") == 2
    stock.clock.move_to(timedelta(days=8))
    await deliveries.purge(days=7)
    assert [one.body for one in await deliveries.waiting()] == [b"1"]
    assert _count(stock, "delivery") == 1


async def test_a_webhook_that_was_put_off_waits_until_its_time_and_holds_up_no_other(stock: Stock) -> None:
    deliveries = deliveries_of(stock)
    for installation in ("1", "1", "2"):
        await deliveries.store(installation, "pipedrive", "", b"{}")
    first, second = await deliveries.waiting("1")
    await deliveries.put_off([first.id], stock.clock.now() + timedelta(minutes=5))
    assert await deliveries.waiting("1") == [second]
    assert sorted(await deliveries.waiting_for()) == ["1", "2"]
    await deliveries.done([second.id])
    assert await deliveries.waiting_for() == ["2"]
    stock.clock.move_to(timedelta(minutes=6))
    assert await deliveries.waiting("1") == [first]


def _count(stock: Stock, table: str) -> int:
    with sqlite3.connect(stock.path) as elsewhere:
        return int(elsewhere.execute(f"select count(*) from {table}").fetchone()[0])  # noqa: S608


async def test_spending_adds_up_by_day_and_installation(stock: Stock) -> None:
    mine, theirs = Spending(stock.db, "1"), Spending(stock.db, "2")
    assert await mine.add(DAY, {"POST /a": 5, "GET /b": 10}) == 15
    assert await mine.add(DAY, {"POST /a": 5}) == 20
    assert await mine.add(DAY + timedelta(days=1), {"POST /a": 5}) == 5
    assert await theirs.add(DAY, {"POST /a": 1}) == 1
    assert (await mine.total(), await theirs.total()) == (25, 1)


async def test_spending_of_several_processes_is_one_sum(stock: Stock) -> None:
    spenders = [Spending(stock.db, "1") for _ in range(20)]
    totals = await asyncio.gather(*(one.add(DAY, {"POST /a": 5}) for one in spenders))
    assert sorted(totals) == list(range(5, 105, 5))


async def test_the_last_run_is_told_with_its_outcome(stock: Stock) -> None:
    operations = Operations(stock.db, stock.clock)
    assert await operations.last_run("1") is None
    for outcome in ("finished", "Unreachable: nobody there"):
        run = await operations.begin_run("1", "schedule")
        assert (await operations.last_run("1") or ("", ""))[1] == "running"
        await operations.end_run(run, {"done": 3}, outcome)
    await operations.begin_run("2", "schedule")
    assert (await operations.last_run("1") or ("", ""))[1] == "Unreachable: nobody there"


async def test_a_heartbeat_is_each_installations_own(stock: Stock) -> None:
    operations = Operations(stock.db, stock.clock)
    assert await operations.last_beat("1") is None
    await operations.beat(["1", "2"])
    first = await operations.last_beat("1")
    assert first is not None
    stock.clock.move_to(timedelta(hours=1))
    await operations.beat(["1"])
    assert (await operations.last_beat("1") or first) - first >= timedelta(hours=1)
    assert (await operations.last_beat("2") or first) - first < timedelta(minutes=1)
    await operations.beat([])
