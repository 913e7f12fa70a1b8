"""Calls as they go on, as the database keeps them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.records import Call, CallResult, Direction
from connector.store.audit import By
from connector.store.devices import Devices
from connector.store.entries import Observed
from connector.store.installations import Installed
from connector.store.ledger import Ledger
from connector.store.live_calls import LiveCall, LiveCalls, Order, State
from connector.store.suppressed import Suppressed
from tests.store.stock import Stock
from tests.store.test_plans import overheard

CENTRE, ANNA, JAN = "thulium:demo", "anna", "jan"
NUMBER = "+48601000001"
DOER = By("agent:thulium:demo/anna", "anna")


OURS = "1"


@pytest.fixture
async def installed(stock: Stock) -> Installed:
    return await stock.installed(OURS)


@pytest.fixture
def calls(stock: Stock, installed: Installed) -> LiveCalls:
    return LiveCalls(stock.db, stock.vault, installed.keys, OURS, stock.clock)


def order(calls: LiveCalls, order_id: str = "o", number: str = NUMBER, **changes: object) -> Order:
    made = Order(order_id, number, calls.keys.key(number), "+48…", ("deal", "7"), "link")
    return replace(made, **changes)  # type: ignore[arg-type]


async def begun(calls: LiveCalls, order_id: str = "o", agent: str = ANNA, number: str = NUMBER) -> LiveCall:
    found = await calls.begin(CENTRE, agent, order(calls, order_id, number), DOER)
    assert found is not None
    assert found[1]
    return found[0]


async def test_an_order_is_kept_whole_and_its_number_sealed(stock: Stock, calls: LiveCalls) -> None:
    call = await begun(calls)
    assert await calls.named([call.id]) == [call]
    assert (call.number, call.state, call.record_entity, call.record_id) == (
        NUMBER,
        State.DIALLING,
        "deal",
        "7",
    )
    assert call.whose == "thulium:demo/anna"
    assert b"601000001" not in stock.words()


async def test_of_orders_that_come_together_only_one_is_dialled(calls: LiveCalls) -> None:
    found = await asyncio.gather(*(calls.begin(CENTRE, ANNA, order(calls), DOER) for _ in range(8)))
    assert sorted(one[1] for one in found if one is not None) == [False] * 7 + [True]
    assert len({one[0].id for one in found if one is not None}) == 1


async def test_the_order_of_another_agent_or_installation_is_another(stock: Stock, calls: LiveCalls) -> None:
    others = LiveCalls(stock.db, stock.vault, calls.keys, "another", stock.clock)
    first, second, third = await begun(calls), await begun(calls, agent=JAN), await begun(others)
    assert len({first.id, second.id, third.id}) == 3
    assert await others.named([first.id]) == []
    assert await others.change(first.id, lambda one: replace(one, reason="x")) is None
    assert await others.told(CENTRE, ANNA, "x", first.id, datetime(2000, 1, 1, tzinfo=UTC)) == [third]
    await others.purge()
    assert len(await calls.going()) == 2


async def test_a_change_is_kept_once_and_only_if_it_is_one(calls: LiveCalls) -> None:
    call = await begun(calls)
    changed = await calls.change(call.id, lambda one: replace(one, state=State.IN_CALL, external_id="1.1"))
    assert changed is not None
    assert await calls.named([call.id]) == [changed]
    assert await calls.change(call.id, lambda one: replace(one, state=State.IN_CALL)) is None
    assert await calls.change("nothing", lambda one: replace(one, state=State.ENDED)) is None


async def test_a_call_that_is_told_of_twice_is_taken_in_once(stock: Stock, calls: LiveCalls) -> None:
    async def take_in(agent: str) -> LiveCall:
        return await calls.take_in(
            CENTRE, agent, "in", number=NUMBER, key="k", external_id="1.1", at=stock.clock.now(), state=State.RINGING_YOU
        )  # fmt: skip

    found = await asyncio.gather(*(take_in(ANNA) for _ in range(4)), take_in(JAN))
    assert len({one.id for one in found}) == 2
    assert {one.agent for one in await calls.told(CENTRE, None, "1.1", "", stock.clock.now())} == {ANNA, JAN}


async def test_calls_are_found_by_id_by_what_we_gave_the_dial_and_by_agent_and_time(
    stock: Stock, calls: LiveCalls
) -> None:
    call, now = await begun(calls), stock.clock.now()
    assert await calls.told(CENTRE, ANNA, "?", "", now - timedelta(minutes=1)) == [call]
    assert await calls.told(CENTRE, ANNA, "?", "", now + timedelta(minutes=1)) == []
    assert await calls.told(CENTRE, None, "?", call.id, now) == [call]
    assert await calls.told("thulium:other", ANNA, "?", call.id, now - timedelta(minutes=1)) == []

    async def dialled(**changes: object) -> list[LiveCall]:
        asked = {
            "agents": {ANNA}, "keys": {call.number_key}, "external_ids": set[str](), "since": now - timedelta(minutes=1),
            "until": now + timedelta(minutes=1),
        }  # fmt: skip
        return await calls.dialled(CENTRE, **asked | changes)  # type: ignore[arg-type]

    assert await dialled() == [call]
    assert (
        await dialled(keys={"other"})
        == await dialled(agents={JAN})
        == await dialled(until=now - timedelta(1))
        == []
    )


async def test_the_activity_of_a_call_is_that_of_its_event(stock: Stock, calls: LiveCalls) -> None:
    call = await begun(calls)
    await calls.change(call.id, lambda one: replace(one, external_id="1.1"))
    event = Call(
        "1.1", Direction.OUTBOUND, CallResult.ANSWERED, stock.clock.now(), "391", NUMBER, 9, 5, agent_id=ANNA
    )
    ledger = Ledger(stock.db, stock.vault, calls.keys, OURS, stock.clock)
    await ledger.collect(CENTRE, [Observed(event, NUMBER)])
    (entry,) = await ledger.new(5)
    await ledger.adopt({entry.marker: "77"})
    (now,) = await calls.latest(CENTRE, ANNA, 5)
    assert now.activity_id == "77"


async def test_the_newest_come_first_and_no_more_than_were_asked_for(stock: Stock, calls: LiveCalls) -> None:
    ids = []
    for n in range(4):
        ids.append((await begun(calls, f"o{n}", number=f"+4860100000{n}")).id)
        stock.clock.move_to(timedelta(seconds=5 * (n + 1)))
    assert [one.id for one in await calls.latest(CENTRE, ANNA, 3)] == ids[:0:-1]


async def test_the_number_of_somebody_who_was_erased_is_not_kept(stock: Stock, calls: LiveCalls) -> None:
    await Suppressed(stock.db, calls.keys, OURS, stock.clock).add([calls.keys.key(NUMBER)])
    call = await begun(calls)
    assert (call.number, call.number_key) == ("", "")


async def test_an_agent_listens_with_a_device_that_was_not_revoked(stock: Stock, calls: LiveCalls) -> None:
    whose = f"{CENTRE}/{ANNA}"
    assert not await calls.has_listeners()
    devices = Devices(stock.db, stock.clock)
    paired, _ = await devices.pair(OURS, whose, user_id=None, name="T", client="terminal", origin="")
    assert await calls.has_listeners()
    assert await calls.has_listeners(whose)
    assert not await calls.has_listeners(f"{CENTRE}/{JAN}")
    await devices.revoke(OURS, paired.id)
    assert not await calls.has_listeners(whose)


async def test_whatever_is_asked_while_a_phone_rings_is_answered_from_an_index(
    stock: Stock, calls: LiveCalls
) -> None:
    now, key = stock.clock.now(), calls.keys.key(NUMBER)
    with overheard() as heard:
        call = await begun(calls)
        await calls.change(call.id, lambda one: replace(one, state=State.IN_CALL))
        await calls.told(CENTRE, ANNA, "1.1", call.id, now)
        await calls.dialled(CENTRE, agents={ANNA}, keys={key}, external_ids={"1.1"}, since=now, until=now)
        await calls.going()
        await calls.named([call.id])
        await calls.latest(CENTRE, ANNA, 20)
        await calls.has_listeners(f"{CENTRE}/{ANNA}")
    with closing(sqlite3.connect(stock.path)) as db:
        steps = [
            step[3]
            for statement, parameters in heard
            for step in db.execute(f"EXPLAIN QUERY PLAN {statement}", [str(one) for one in parameters])
            if " live_call" in step[3] or " device" in step[3]
        ]
    assert [
        step for step in steps if "SCAN" in step or step.endswith("(installation_id=? AND connection=?)")
    ] == []
    assert len(steps) >= 10
