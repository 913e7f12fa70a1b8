"""What webhooks did not tell, a scan finds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flows.contacts.both_sides import CENTRE, COMPANY, CUSTOMER, PIPEDRIVE
from tests.flows.contacts.histories import Player, opened
from tests.flows.contacts.steps import Habits


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with opened(tmp_path, Habits()) as player:
        yield player


async def test_a_new_company_without_people_is_found_though_its_webhook_was_lost(player: Player) -> None:
    company = player.sides.make(CENTRE, COMPANY, {"name": "Próba sp. z o.o."})
    player.sides.told.clear()
    await player.scan()
    await player.work()
    assert player.sides.counterpart(company) is not None
    await player.scan()
    assert not await (await player.tenant()).dirty.waiting()


async def test_a_person_whose_company_was_deleted_unheard_becomes_a_customer_all_the_same(
    player: Player,
) -> None:
    organization = player.sides.make(PIPEDRIVE, COMPANY, {"name": "Próba sp. z o.o."})
    await player.deliver()
    company = player.sides.counterpart(organization)
    assert company is not None
    player.sides.delete(company)
    values = {
        "first": "Jan", "name": "Próba", "phones": ["+48 601 000 001"], "emails": [], "company": organization[2],
    }  # fmt: skip
    person = player.sides.make(PIPEDRIVE, CUSTOMER, values)
    await player.deliver()
    assert player.sides.counterpart(person) is None
    await player.scan()
    await player.work()
    await player.pass_time(2 * 86_400)
    await player.work()
    assert player.sides.counterpart(person) is not None
