"""Lists of the contact centre that are slow, repeat themselves, come out of order or move while they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.records import EventKind
from tests.flows.desk import NUMBER, Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


def many(desk: Desk, number: int) -> None:
    """So many calls, and as many tickets, within the last half hour."""
    now = desk.day.system.now()
    for n in range(number):
        at = (now - timedelta(seconds=1800 * (n + 1) / number)).isoformat()
        desk.day.happen("call", number=NUMBER, at=at)
        desk.day.happen("ticket", **{"from": NUMBER, "body": f"list {n} z {now}.", "at": at})


def switch(desk: Desk, **switches: object) -> None:
    desk.day.system.switches.set_all(switches)


async def test_lists_that_come_twice_and_shuffled_double_nothing(desk: Desk) -> None:
    switch(desk, repeat_lists=True)
    many(desk, 130)
    await desk.settle()
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_slow_contact_centre_only_takes_longer(desk: Desk) -> None:
    switch(desk, slow=0.02)
    many(desk, 20)
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_contact_centre_slower_than_we_wait_is_read_when_it_recovers(tmp_path: Path) -> None:
    async with open_desk(tmp_path, thulium_timeout=0.05) as desk:
        many(desk, 3)
        switch(desk, slow=0.1)
        await desk.run()
        assert desk.day.counts["unread"] == 1
        assert await desk.states() == {}
        switch(desk, slow=0.0)
        await desk.settle()
        assert not desk.day.wrong()


@pytest.mark.parametrize("moves", [1, 3])
async def test_a_ticket_that_moves_while_it_is_being_listed_is_not_missed(desk: Desk, moves: int) -> None:
    many(desk, 230)
    switch(desk, moving_tickets=moves)
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_list_that_never_stops_moving_is_read_once_it_does(desk: Desk) -> None:
    many(desk, 230)
    switch(desk, moving_tickets=-1)
    await desk.run()
    await desk.day.move(1800)
    await desk.run()
    switch(desk, moving_tickets=0)
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_page_that_fails_in_the_middle_leaves_the_cursor_where_it_was(desk: Desk) -> None:
    many(desk, 120)
    tenant = await desk.tenant()
    (centre,) = tenant.centres
    await desk.run()
    before = await tenant.ledger.cursor(centre, EventKind.CALL)
    await desk.day.move(1800)
    many(desk, 120)
    desk.day.fault("thulium", kind="status_before", status=500, times=4, nth=2, path="/connections\\?")
    await desk.run()
    assert await tenant.ledger.cursor(centre, EventKind.CALL) == before
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_chat_open_for_three_days_is_written_once_when_it_ends(desk: Desk) -> None:
    long = str(
        desk.day.happen("chat", email="jan@example.com", agent="anna", messages=[{"text": "Cześć"}])["id"]
    )
    began = desk.day.system.now()
    await desk.day.world.edit(
        entity="person",
        action="change",
        id=desk.person()["id"],
        changes={"emails": [{"value": "jan@example.com"}]},
    )
    await desk.sweep()
    tenant = await desk.tenant()
    (centre,) = tenant.centres
    for _ in range(12):
        await desk.day.move(6 * 3600)
        desk.day.happen(
            "chat", email="jan@example.com", agent="anna", messages=[{"text": "Krótko"}], close=True
        )
        await desk.run()
        cursor = await tenant.ledger.cursor(centre, EventKind.CHAT)
        assert cursor is not None
        assert cursor <= began
    assert desk.day.copies([f"/chats/{long}/end"]) == {f"/chats/{long}/end": 0}
    desk.day.happen("chat_close", conversation_id=long)
    await desk.day.move(60)
    await desk.settle()
    assert await desk.states() == {"done": 13}
    assert not desk.day.wrong()


async def test_a_chat_nobody_ever_closes_is_parked_after_a_month_and_lets_the_cursor_go(desk: Desk) -> None:
    desk.day.happen("chat", email="jan@example.com", agent="anna", messages=[{"text": "Cześć"}])
    began = desk.day.system.now()
    await desk.run()
    await desk.day.move(31 * 86_400)
    await desk.run()
    assert await desk.states() == {"parked": 1}
    await desk.run()
    tenant = await desk.tenant()
    cursor = await tenant.ledger.cursor(next(iter(tenant.centres)), EventKind.CHAT)
    assert cursor is not None
    assert cursor > began


async def test_a_month_without_the_service_is_caught_up_with(desk: Desk) -> None:
    for _ in range(15):
        desk.call()
        desk.day.happen("ticket", **{"from": NUMBER, "body": f"list {desk.day.system.now()}."})
        await desk.day.move(2 * 86_400)
    await desk.settle()
    assert not desk.day.wrong()
