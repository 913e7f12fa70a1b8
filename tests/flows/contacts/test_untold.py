"""Nobody told us of a record that is there already: it is found before another one is made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from connector.app import Service
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.looking import forget_calls
from tests.world import World


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def lists_of(world: World, kind: str) -> int:
    """How many lists of a kind Pipedrive was asked for since the calls were forgotten."""
    return sum(
        call["path"] == f"/api/v2/{kind}" and call["method"] == "GET"
        for call in await world.calls("pipedrive")
    )


async def test_a_person_whose_webhook_was_lost_is_not_made_again(desk: Desk) -> None:
    there = await desk.world.edit(
        entity="person", action="create", changes={"name": "Jan Próba", "phones": [{"value": "+48601000001"}]}
    )
    made = await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    desk.service.clock.move_to(timedelta(minutes=1))
    counts = await desk.push_customer(made["id"])
    assert counts["linked"] == 1, counts
    assert [person["id"] for person in await desk.persons()] == [there["id"]]


async def test_several_persons_whose_webhooks_were_lost_are_asked_about(desk: Desk) -> None:
    for name in ("Piotr Próba", "Paweł Próba"):
        await desk.world.edit(
            entity="person", action="create", changes={"name": name, "phones": [{"value": "+48601000001"}]}
        )
    made = await desk.world.happen("customer", name="P.", surname="Próba", phone_number="601000001")
    desk.service.clock.move_to(timedelta(minutes=1))
    counts = await desk.push_customer(made["id"])
    # And neither of them is taken for him from their side.
    assert counts["asked"] >= 1, counts
    assert counts["linked"] == 0, counts
    assert len(await desk.persons()) == 2
    assert len(await desk.customers()) == 1


async def test_an_organization_whose_webhook_was_lost_is_not_made_again(desk: Desk) -> None:
    there = await desk.world.edit(entity="organization", action="create", changes={"name": "Próba"})
    company = await desk.world.happen("company", name="Próba sp. z o.o.")
    desk.service.clock.move_to(timedelta(minutes=1))
    await desk.push_company(company["id"])
    assert [one["id"] for one in await desk.organizations()] == [there["id"]]


async def test_many_who_are_made_at_once_are_looked_for_by_one_list(desk: Desk) -> None:
    made = [
        await desk.world.happen("customer", name=f"Jan {n}", surname="Próba", phone_number=f"60100000{n}")
        for n in range(1, 4)
    ]
    await desk.push_customer(made[0]["id"])
    await forget_calls(desk.world, "pipedrive")
    for one in made[1:]:
        await desk.push_customer(one["id"])
    assert len(await desk.persons()) == 3
    assert await lists_of(desk.world, "persons") == 0


@pytest.mark.parametrize("of", [{"phone_number": "601000001"}, {"email": "jan@example.com"}])
async def test_a_customer_whose_webhook_was_lost_is_not_made_again(desk: Desk, of: dict[str, str]) -> None:
    stranger = await desk.world.edit(
        entity="person", action="create", changes={"name": "Ewa Inna", "phones": [{"value": "+48601000009"}]}
    )
    await desk.push_person(stranger["id"])
    there = await desk.world.happen("customer", name="Jan", surname="Próba", **of)
    person = await desk.world.edit(
        entity="person", action="create",
        changes={
            "name": "Jan Próba", "phones": [{"value": "+48 601 000 001"}], "emails": [{"value": "jan@example.com"}],
        },
    )  # fmt: skip
    counts = await desk.push_person(person["id"])
    assert counts["linked"] == 1, counts
    assert there["id"] in [one["customer_id"] for one in await desk.customers()]
    assert len(await desk.customers()) == 2
