"""What a load has read waits sealed, at stages that outlive a restart; one process has a load at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.store.loads import Loaded, Loads, Move, Phase, Stage
from tests.store.stock import Stock


@pytest.fixture
async def loads(stock: Stock) -> Loads:
    await stock.installed("1")
    return Loads(stock.db, stock.vault, "1", stock.clock)


async def begun(loads: Loads, source: str = "centre") -> Loaded:
    load = await loads.begin(source, settings_version=1)
    assert load is not None
    return load


async def test_records_wait_sealed_until_the_load_ends(stock: Stock, loads: Loads) -> None:
    load = await begun(loads)
    await loads.put(load.id, "customer", {"a/1": b"Jan", "a/2": b"Ewa"}, Stage.NEW)
    assert b"Jan" not in stock.words()
    assert [item.packed for item in await loads.take(load.id, "customer", 5)] == [b"Jan", b"Ewa"]
    await loads.drop(load.id, Phase.FINISHED)
    assert await loads.get(load.id, "customer", ["a/1", "a/2"]) == {}
    ended = await loads.last()
    assert ended is not None
    assert ended.state is Phase.FINISHED
    assert await loads.open() is None


async def test_what_is_read_again_keeps_its_stage(loads: Loads) -> None:
    load = await begun(loads)
    await loads.put(load.id, "customer", {"a/1": b"old", "a/2": b"old"}, Stage.NEW)
    await loads.advance(load.id, [Move("customer", ["a/1"], Stage.DONE)])
    await loads.put(load.id, "customer", {"a/1": b"new", "a/2": b"new"}, Stage.NEW)
    assert [item.id for item in await loads.take(load.id, "customer", 5)] == ["a/2"]
    found = await loads.get(load.id, "customer", ["a/1"])
    assert (found["a/1"].stage, found["a/1"].packed) == (Stage.DONE, b"new")


async def test_what_waits_to_be_read_back_is_kept_as_it_was_sent(loads: Loads) -> None:
    load = await begun(loads, "pipedrive")
    await loads.await_back(load.id, "customer", {"a/1": b"sent"})
    await loads.put(load.id, "customer", {"a/1": b"read"}, Stage.HELD)
    [item] = await loads.awaited(load.id, "customer", 5)
    assert item.packed == b"sent"
    assert await loads.is_awaited("customer", "a/1")
    await loads.drop(load.id, Phase.DROPPED)
    assert not await loads.is_awaited("customer", "a/1")


async def test_what_was_sent_is_due_when_its_time_has_come(stock: Stock, loads: Loads) -> None:
    load = await begun(loads)
    await loads.put(load.id, "customer", {"a/1": b"", "a/2": b""}, Stage.NEW)
    now = stock.clock.now()
    past, future = now - timedelta(seconds=1), now + timedelta(hours=1)
    await loads.advance(
        load.id,
        [Move("customer", ["a/1"], Stage.SENT, past), Move("customer", ["a/2"], Stage.SENT, future)],
    )
    assert [item.id for item in await loads.due(load.id, "customer", 5)] == ["a/1"]
    assert await loads.next_due(load.id, "customer") == past


async def test_only_one_process_has_a_load(stock: Stock, loads: Loads) -> None:
    load = await begun(loads)
    other = Loads(stock.db, stock.vault, "1", stock.clock)
    assert await loads.claim(load.id, lease_s=60)
    assert not await other.claim(load.id, lease_s=60)
    assert await loads.claim(load.id, lease_s=-1)
    assert await other.claim(load.id, lease_s=60)
    await other.release(load.id)
    assert await loads.claim(load.id, lease_s=60)


async def test_only_who_has_a_load_keeps_it_or_lets_it_go(stock: Stock, loads: Loads) -> None:
    load = await begun(loads)
    other = Loads(stock.db, stock.vault, "1", stock.clock)
    assert not await loads.hold(load.id, lease_s=60)
    assert await loads.claim(load.id, lease_s=60)
    await other.release(load.id)
    assert not await other.claim(load.id, lease_s=60)
    assert not await other.hold(load.id, lease_s=60)
    assert await loads.hold(load.id, lease_s=-1)
    assert await other.claim(load.id, lease_s=60)
    assert not await loads.hold(load.id, lease_s=60)
    await other.drop(load.id, Phase.FINISHED)
    assert not await loads.claim(load.id, lease_s=60)


async def test_one_load_is_open_at_a_time(stock: Stock, loads: Loads) -> None:
    load = await begun(loads)
    other = Loads(stock.db, stock.vault, "1", stock.clock)
    assert await other.begin("pipedrive", settings_version=1) is None
    await loads.drop(load.id, Phase.DROPPED)
    assert await other.begin("pipedrive", settings_version=1) is not None


async def test_the_loads_of_two_companies_are_apart(stock: Stock, loads: Loads) -> None:
    await stock.installed("2")
    theirs = Loads(stock.db, stock.vault, "2", stock.clock)
    load = await begun(loads)
    await loads.put(load.id, "customer", {"a/1": b"Jan"}, Stage.NEW)
    assert await theirs.open() is None
    assert await theirs.take(load.id, "customer", 5) == []


async def test_a_preview_that_nobody_goes_on_with_is_forgotten(stock: Stock, loads: Loads) -> None:
    load = await begun(loads)
    await loads.put(load.id, "customer", {"a/1": b"Jan"}, Stage.NEW)
    await loads.purge(30)
    assert await loads.open() is not None
    stock.clock.move_to(timedelta(days=3))
    await loads.purge(30)
    assert await loads.open() is None
    assert await loads.get(load.id, "customer", ["a/1"]) == {}
