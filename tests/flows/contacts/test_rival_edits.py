"""Edits that come close to writes of ours: what was added is not lost, what was taken away does not come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.app import Service
from tests.at_work import until
from tests.flows.contacts.both_sides import CENTRE, CUSTOMER, PIPEDRIVE, Ref
from tests.flows.contacts.histories import Player, opened
from tests.flows.contacts.pairs import open_desk
from tests.flows.contacts.steps import Habits
from tests.world import World


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with opened(tmp_path, Habits()) as player:
        yield player


async def a_pair(player: Player) -> tuple[Ref, Ref]:
    values = {
        "first": "Jan",
        "name": "Próba",
        "phones": ["601 000 001"],
        "emails": ["jan@example.com"],
        "company": None,
    }
    customer = player.sides.make(CENTRE, CUSTOMER, values)
    await player.deliver()
    await player.deliver()
    person = player.sides.counterpart(customer)
    assert person is not None
    return customer, person


async def test_a_number_that_we_wrote_and_a_person_replaced_in_the_same_second_stays_replaced(
    player: Player,
) -> None:
    customer, person = await a_pair(player)
    player.sides.change(customer, "phones", ["601 000 002"])
    await player.deliver()
    player.sides.change(person, "phones", ["+48 601 000 003"])
    await player.quiet()
    assert player.sides.lists(person, "phones") == ["+48 601 000 003"]
    assert player.sides.lists(customer, "phones") == ["601000003"]
    assert person[0] == PIPEDRIVE


async def test_a_pair_begun_from_pipedrive_waits_for_whoever_works_on_it_and_is_then_as_it_is(
    world: World, service: Service
) -> None:
    async with open_desk(world, service) as desk:
        customer = await world.happen("customer", name="Jan", surname="Stary", phone_number="601000001")
        key = f"thulium:demo/{customer['id']}"
        changes = {"name": "Jan Nowy", "phones": [{"value": "+48601000001"}]}
        person = await world.edit(entity="person", action="create", changes=changes)
        tenant = await desk.tenant()
        async with tenant.contacts.lock("customer", key):
            task = asyncio.create_task(desk.push_person(person["id"]))
            await until(lambda: tenant.bindings.persons([key]))
            await world.edit(
                entity="person", action="change", id=person["id"], changes={"name": "Jan Nowszy"}
            )
            await asyncio.wait([task], timeout=0.05)
            [card] = await desk.customers()
            assert card["surname"] == "Stary"
        await task
        [card] = await desk.customers()
        assert card["surname"] == "Nowszy"
