"""Writes whose answer was lost: what arrived is our own, whatever was edited since, and is made only once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.app import Service
from tests.flows.contacts.both_sides import CENTRE, COMPANY, CUSTOMER, PIPEDRIVE, Ref
from tests.flows.contacts.histories import Player, opened
from tests.flows.contacts.pairs import open_desk
from tests.flows.contacts.steps import Habits
from tests.flows.looking import tell
from tests.world import World


@pytest.fixture
async def player(tmp_path: Path) -> AsyncIterator[Player]:
    async with opened(tmp_path, Habits()) as player:
        yield player


def a_customer(player: Player) -> Ref:
    values = {"first": "Jan", "name": "Próba", "phones": ["601 000 001"], "emails": [], "company": None}
    return player.sides.make(CENTRE, CUSTOMER, values)


async def test_who_edits_again_after_a_lost_answer_is_not_overwritten_by_the_first_edit(
    player: Player,
) -> None:
    customer = a_customer(player)
    await player.deliver()
    player.sides.change(customer, "name", "Pierwsza")
    player.sides.change(customer, "phones", ["601 000 001", "601 000 002"])
    player.day.fault("pipedrive", kind="status_after", method="PATCH")
    await player.deliver()
    player.sides.change(customer, "name", "Druga")
    player.sides.change(customer, "phones", ["601 000 001"])
    await player.quiet()
    person = player.sides.counterpart(customer)
    assert person is not None
    assert player.sides.name(customer) == player.sides.name(person) == "Jan Druga"
    assert player.sides.lists(customer, "phones") == ["601000001"]


@pytest.mark.parametrize(
    ("kind", "rule", "values", "there"),
    [
        ("date", {}, ("30.11.2026", "31.12.2026", "24.12.2026"), "2026-12-24"),
        ("varchar", {"values": {"Z": "Gold", "S": "Silver"}}, ("A", "Z", "S"), "Silver"),
        ("varchar", {"transform": "upper"}, ("a", "b", "c"), "C"),
        ("varchar", {"transform": "upper", "default": "none"}, ("a", "", "c"), "C"),
    ],
)
async def test_an_edit_after_a_lost_answer_is_kept_also_where_the_value_is_written_otherwise(
    world: World, service: Service, kind: str, rule: dict[str, Any], values: tuple[str, ...], there: str
) -> None:
    await tell(world, "pipedrive", "seed", fields=[{"entity": "person", "name": "Field", "type": kind}])
    await world.seed_centre(customer_fields=[{"name": "Field"}])
    rows = [
        {"centre": "name", "pipedrive": "name"},
        {"centre": "custom:Field", "pipedrive": "custom:Field", **rule},
    ]
    first, second, third = values
    async with open_desk(world, service, customers={"fields": rows}) as desk:
        card = {"name": "Jan", "surname": "Próba", "phone_number": "601000001"}
        made = (await world.happen("customer", **card, custom_fields={"Field": first}))["id"]
        await desk.push_customer(made)
        await world.happen("customer", customer_id=made, custom_fields={"Field": second})
        await world.fault("pipedrive", "status_after", method="PATCH")
        await desk.push_customer(made)
        await world.happen("customer", customer_id=made, custom_fields={"Field": third})
        service.clock.move_to(timedelta(minutes=5))
        await desk.push_customer(made)
        [customer], [person] = await desk.customers(), await desk.persons()
        assert customer["custom_fields"]["Field"] == third
        assert there in person["custom_fields"].values()


async def test_edits_of_both_sides_are_kept_when_the_write_of_one_of_them_was_not_done(
    player: Player,
) -> None:
    customer = a_customer(player)
    await player.deliver()
    person = player.sides.counterpart(customer)
    assert person is not None
    player.sides.change(customer, "phones", ["601 000 001", "601 000 002"])
    player.sides.change(person, "name", "Druga")
    player.day.fault("pipedrive", kind="status_before", method="PATCH")
    await player.deliver()
    await player.quiet()
    assert player.sides.name(customer) == player.sides.name(person) == "Jan Druga"
    assert player.sides.lists(customer, "phones") == ["601000001", "601000002"]


async def test_who_edits_a_customer_whose_person_was_made_without_an_answer_is_not_overwritten(
    player: Player,
) -> None:
    customer = a_customer(player)
    player.day.fault("pipedrive", kind="status_after", method="POST")
    await player.deliver()
    player.sides.change(customer, "name", "Druga")
    player.sides.change(customer, "phones", ["601 000 003"])
    await player.quiet()
    [person] = player.sides.alive(PIPEDRIVE, CUSTOMER)
    assert player.sides.name(customer) == player.sides.name(person) == "Jan Druga"
    assert player.sides.lists(customer, "phones") == ["601000003"]


async def test_an_address_that_is_replaced_after_a_creation_without_an_answer_goes_on_the_other_side(
    player: Player,
) -> None:
    values = {"first": "Jan", "name": "Próba", "phones": [], "emails": ["a@example.com"], "company": None}
    person = player.sides.make(PIPEDRIVE, CUSTOMER, values)
    player.day.fault("thulium", kind="status_after", method="POST")
    await player.deliver()
    [customer] = player.sides.alive(CENTRE, CUSTOMER)
    player.sides.change(customer, "emails", ["b@example.com"])
    await player.quiet()
    assert player.sides.lists(person, "emails") == player.sides.lists(customer, "emails") == ["b@example.com"]


async def test_a_company_made_without_an_answer_is_known_by_its_card_and_makes_no_second_organization(
    player: Player,
) -> None:
    organization = player.sides.make(PIPEDRIVE, COMPANY, {"name": "Pierwsza sp. z o.o."})
    player.day.fault("thulium", kind="status_after", method="POST")
    await player.deliver()
    player.sides.change(organization, "name", "Druga sp. z o.o.")
    await player.quiet()
    [company] = player.sides.alive(CENTRE, COMPANY)
    assert player.sides.alive(PIPEDRIVE, COMPANY) == [organization]
    assert player.sides.name(company) == player.sides.name(organization) == "Druga sp. z o.o."


async def test_what_was_made_without_an_answer_of_one_that_is_deleted_does_not_bring_it_back(
    player: Player,
) -> None:
    customer = a_customer(player)
    organization = player.sides.make(PIPEDRIVE, COMPANY, {"name": "Pierwsza sp. z o.o."})
    player.day.fault("pipedrive", kind="status_after", method="POST")
    player.day.fault("thulium", kind="status_after", method="POST")
    await player.deliver()
    player.sides.delete(customer)
    player.sides.delete(organization)
    player.odd.update(player._people() + player._companies())
    await player.quiet()
    assert player.sides.alive(CENTRE, CUSTOMER) == player.sides.alive(PIPEDRIVE, COMPANY) == []
    assert len(player.sides.alive(PIPEDRIVE, CUSTOMER)) == len(player.sides.alive(CENTRE, COMPANY)) == 1
