"""What a backfill brings back, and what it leaves to the regular runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

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
