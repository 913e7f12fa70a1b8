"""What a backfill brings back, and what it leaves to the regular runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.flows.collecting import follow_settings
from connector.flows.sync import backfill
from connector.pipedrive.budget import Budget
from connector.records import Window
from tests.flows.desk import ACTIVITIES, Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def bring(desk: Desk, *, days: int = 4) -> Counter[str]:
    """A backfill of the last days."""
    now = desk.day.clock.now()
    return await backfill(await desk.tenant(), Window(now - timedelta(days=days), now), budget=Budget(1000))


async def test_what_a_backfill_sent_without_an_answer_is_still_to_write_and_a_run_writes_it(
    desk: Desk,
) -> None:
    desk.call(at=(desk.day.system.now() - timedelta(days=3)).isoformat())
    desk.day.fault("pipedrive", kind="reset_before", **ACTIVITIES)
    assert (await bring(desk))["still_to_write"] == 1
    await desk.settle()
    assert (await desk.states(), len(desk.day.written())) == ({"done": 1}, 1)


async def set_up(desk: Desk, **settings: object) -> int:
    """Save other settings, as the command line does; gives how many events are decided anew by them."""
    before = await desk.tenant()
    tenant = await desk.day.set_up(desk.service, before, **settings)
    if tenant.settings.phone_region != before.settings.phone_region:
        await tenant.index.begin_anew()
    return await follow_settings(tenant, before.settings)


async def left_out(desk: Desk) -> None:
    """Two calls that a first setting left out: a number that is none in Germany, and a rule."""
    await set_up(desk, phone_region="DE", chats={"type": None})
    desk.call(number="601000001")
    desk.day.happen("chat", customer_id=None, email="jan@example.com", messages=[{"text": "x"}], close=True)
    await desk.settle()
    assert await desk.states() == {"skipped": 2}
    person = desk.person()["id"]
    changes = {"emails": [{"value": "jan@example.com"}]}
    await desk.day.world.edit(entity="person", action="change", id=person, changes=changes)


async def test_what_the_first_settings_left_out_is_decided_by_the_mended_ones(desk: Desk) -> None:
    await left_out(desk)
    assert await set_up(desk) == 2
    await desk.sweep()
    await desk.settle()
    assert (await desk.states(), len(desk.day.written())) == ({"done": 2}, 2)


async def test_settings_that_leave_nothing_out_have_nothing_decided_anew(desk: Desk) -> None:
    await left_out(desk)
    assert await set_up(desk, phone_region="DE", chats={"type": None}, language="pl") == 0
    assert await desk.states() == {"skipped": 2}


async def test_what_waits_under_a_wrong_number_finds_its_person_by_the_right_one(desk: Desk) -> None:
    await set_up(desk, phone_region="DE")
    desk.call(number="42 123 45 67")
    await desk.settle()
    assert await desk.states() == {"waiting": 1}
    changes = {"phones": [{"value": "+48 42 123 45 67"}]}
    await desk.day.world.edit(entity="person", action="change", id=desk.person()["id"], changes=changes)
    assert await set_up(desk) == 1
    await desk.sweep()
    await desk.settle()
    assert await desk.states() == {"done": 1}


async def test_a_backfill_decides_anew_what_was_left_out_and_nothing_else(desk: Desk) -> None:
    await left_out(desk)
    tenant = await desk.day.set_up(desk.service, await desk.tenant())
    await tenant.index.begin_anew()
    await bring(desk)
    assert (await desk.states(), len(desk.day.written())) == ({"done": 2}, 2)
    assert (await bring(desk))["done"] == 0
    assert len(desk.day.written()) == 2
