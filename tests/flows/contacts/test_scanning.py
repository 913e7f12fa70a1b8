"""What webhooks did not tell, a scan finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flows.contacts.both_sides import CENTRE, COMPANY
from tests.flows.contacts.histories import Habits, Player, opened


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with opened(tmp_path, Habits()) as player:
        yield player


async def test_a_new_company_without_people_is_found_though_its_webhook_was_lost(player: Player) -> None:
    company = player.sides.make(CENTRE, COMPANY, {"name": "Próba sp. z o.o."})
    player.sides.told.clear()
    await player.scan(0, 0)
    await player.work(0, 0)
    assert player.sides.counterpart(company) is not None
    await player.scan(0, 0)
    assert not await (await player.tenant()).dirty.waiting()
