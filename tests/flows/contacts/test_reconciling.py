"""One edit, one write, and then silence; in both directions, companies before their people."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connector.app import Service
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.looking import forget, writes
from tests.world import World


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def test_a_new_customer_becomes_a_person_with_numbers_addresses_and_company(desk: Desk) -> None:
    company = await desk.world.happen("company", name="Próba sp. z o.o.")
    made = await desk.world.happen(
        "customer", name="Jan", surname="Żółć", phone_number=["601000001", "22 123 45 67"],
        email=["jan@example.com"], company_id=company["id"],
    )  # fmt: skip
    counts = await desk.push_customer(made["id"])
    assert counts["made in Pipedrive"] == 2, counts
    [person] = await desk.persons()
    [organization] = await desk.organizations()
    assert person["name"] == "Jan Żółć"
    assert {entry["value"] for entry in person["phones"]} == {"+48601000001", "+48221234567"}
    assert [entry["value"] for entry in person["emails"]] == ["jan@example.com"]
    assert (person["org_id"], organization["name"]) == (organization["id"], "Próba sp. z o.o.")
    tenant = await desk.tenant()
    code = tenant.settings.special_fields.person_centre_id
    assert person["custom_fields"][code] == made["id"]


async def test_a_new_person_becomes_a_customer_with_his_name_split(desk: Desk) -> None:
    made = await desk.world.edit(
        entity="person", action="create",
        changes={"name": "Anna Maria Próba", "phones": [{"value": "+48 601 000 002"}], "emails": [{"value": "Anna@Example.com"}]},
    )  # fmt: skip
    await desk.push_person(made["id"])
    [customer] = await desk.customers()
    assert (customer["name"], customer["surname"]) == ("Anna Maria", "Próba")
    assert customer["phones"] == ["601000002"]
    assert customer["emails"] == ["anna@example.com"]


async def test_an_edit_in_the_contact_centre_is_one_write_in_pipedrive_and_then_silence(desk: Desk) -> None:
    made = await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    await desk.push_customer(made["id"])
    [person] = await desk.persons()
    await desk.world.happen("customer", customer_id=made["id"], surname="Nowak")
    await forget(desk.world)
    await desk.push_customer(made["id"])
    assert await writes(desk.world) == [f"pipedrive PATCH /api/v2/persons/{person['id']}"]
    await forget(desk.world)
    await desk.push_person(person["id"])
    await desk.push_customer(made["id"])
    assert await writes(desk.world) == []
    [person] = await desk.persons()
    assert person["name"] == "Jan Nowak"


async def test_an_edit_in_pipedrive_is_one_write_in_the_contact_centre_and_then_silence(desk: Desk) -> None:
    made = await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    await desk.push_customer(made["id"])
    [person] = await desk.persons()
    phones = [{"value": "+48 601-000-001"}, {"value": "+48 601 000 009"}]
    await desk.world.edit(entity="person", action="change", id=person["id"], changes={"phones": phones})
    await forget(desk.world)
    await desk.push_person(person["id"])
    assert await writes(desk.world) == [f"thulium PUT /demo/api/customers/{made['id']}"]
    await forget(desk.world)
    await desk.push_customer(made["id"])
    await desk.push_person(person["id"])
    assert await writes(desk.world) == []
    [customer] = await desk.customers()
    assert customer["phones"] == ["601000001", "601000009"]


async def test_edits_of_different_fields_on_both_sides_are_both_kept(desk: Desk) -> None:
    made = await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    await desk.push_customer(made["id"])
    [person] = await desk.persons()
    await desk.world.edit(entity="person", action="change", id=person["id"], changes={"name": "Jan Nowak"})
    await desk.world.happen("customer", customer_id=made["id"], phone_number=["601000001", "601000002"])
    await desk.push_customer(made["id"])
    [person], [customer] = await desk.persons(), await desk.customers()
    assert person["name"] == "Jan Nowak"
    assert customer["surname"] == "Nowak"
    assert {entry["value"] for entry in person["phones"]} == {"+48601000001", "+48601000002"}
    assert set(customer["phones"]) == {"601000001", "601000002"}


async def test_what_was_deleted_on_one_side_stays_on_the_other_and_does_not_come_back(desk: Desk) -> None:
    made = await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    await desk.push_customer(made["id"])
    [person] = await desk.persons()
    await desk.world.edit(entity="person", action="delete", id=person["id"])
    await desk.push_person(person["id"])
    await desk.world.happen("customer", customer_id=made["id"], surname="Nowak")
    await desk.push_customer(made["id"])
    assert await desk.persons() == []
    assert len(await desk.customers()) == 1
    await desk.world.edit(entity="person", action="restore", id=person["id"])
    await desk.push_person(person["id"])
    [person] = await desk.persons()
    assert person["name"] == "Jan Nowak"
