"""Settings, fields and credentials that change while customers are kept in step: nothing is emptied, nothing stays behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from connector.app import Service
from connector.store.dirty import Urgency
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.looking import forget_calls, tell
from tests.world import ADMIN_TOKEN, World

MAPPED = [
    {"centre": "name", "pipedrive": "name"},
    *({"centre": one, "pipedrive": one, "conflict": "union"} for one in ("phones", "emails")),
    {"centre": "custom:Segment", "pipedrive": "custom:Segment"},
]


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def change_settings(desk: Desk, **changes: Any) -> None:
    tenant = await desk.tenant()
    document = tenant.settings.model_dump(mode="json") | changes
    settings = type(tenant.settings).model_validate(document)
    seen = tenant.installed.settings_version
    assert await desk.service.installations.set_settings(tenant.id, settings, seen_version=seen)


async def with_a_segment(desk: Desk) -> int:
    """A customer whose segment is kept in a custom field of Pipedrive."""
    await tell(
        desk.world, "pipedrive", "seed", fields=[{"entity": "person", "name": "Segment", "type": "varchar"}]
    )
    await desk.world.seed_centre(customer_fields=[{"name": "Segment"}])
    contacts: Any = (await desk.tenant()).settings.contacts.model_dump(mode="json")
    contacts["customers"]["fields"] = MAPPED
    await change_settings(desk, contacts=contacts)
    card = {"name": "Jan", "surname": "Próba", "phone_number": "601000001", "custom_fields": {"Segment": "A"}}
    made: int = (await desk.world.happen("customer", **card))["id"]
    await desk.push_customer(made)
    return made


async def delete_field(desk: Desk, name: str) -> None:
    fields = await (await desk.tenant()).pipedrive.fields("person")
    code = next(one.code for one in fields if one.name == name)
    url = f"{desk.world.pipedrive}/api/v2/personFields/{code}"
    async with desk.world.http.delete(url, headers={"x-api-token": ADMIN_TOKEN}) as answer:
        assert answer.status == 200


async def segment(desk: Desk) -> object:
    [customer] = await desk.customers()
    return customer["custom_fields"].get("Segment")


async def test_a_custom_field_that_is_deleted_in_pipedrive_empties_nothing(desk: Desk) -> None:
    await with_a_segment(desk)
    await delete_field(desk, "Segment")
    [person] = await desk.persons()
    await desk.world.edit(entity="person", action="change", id=person["id"], changes={"name": "Jan Nowak"})
    await desk.push_person(person["id"])
    [customer] = await desk.customers()
    assert customer["surname"] == "Nowak"
    assert await segment(desk) == "A"


async def test_a_custom_field_that_is_made_anew_is_filled_and_empties_nothing(desk: Desk) -> None:
    made = await with_a_segment(desk)
    await delete_field(desk, "Segment")
    fields = [{"entity": "person", "name": name, "type": "varchar"} for name in ("Inne", "Segment")]
    await tell(desk.world, "pipedrive", "seed", fields=fields)
    (await desk.tenant()).contacts.fields.clear()
    await desk.world.happen("customer", customer_id=made, surname="Nowak")
    await desk.push_customer(made)
    [person] = await desk.persons()
    assert await segment(desk) == "A"
    assert "A" in person["custom_fields"].values()


async def test_a_mapped_or_special_field_that_vanished_does_not_refuse_new_records(desk: Desk) -> None:
    await with_a_segment(desk)
    await delete_field(desk, "Segment")
    card = {"name": "Ewa", "surname": "Próba", "phone_number": "601000002", "custom_fields": {"Segment": "B"}}
    made = (await desk.world.happen("customer", **card))["id"]
    await desk.push_customer(made)
    assert sorted(one["name"] for one in await desk.persons()) == ["Ewa Próba", "Jan Próba"]


async def test_numbers_that_are_to_be_read_otherwise_are_not_rewritten(desk: Desk) -> None:
    card = {"name": "Jan", "surname": "Próba", "phone_number": "601000001"}
    made = (await desk.world.happen("customer", **card))["id"]
    await desk.push_customer(made)
    await change_settings(desk, phone_region="DE")
    await forget_calls(desk.world, "pipedrive")
    await desk.scan()
    await desk.push_customer(made)
    assert [call for call in await desk.world.calls("pipedrive") if call["method"] != "GET"] == []
    await desk.world.happen("customer", customer_id=made, surname="Nowak")
    await desk.push_customer(made)
    [person] = await desk.persons()
    assert person["name"] == "Jan Nowak"
    assert [entry["value"] for entry in person["phones"]] == ["+48601000001"]


@pytest.mark.parametrize("again", [Urgency.HOOK, Urgency.SWEEP])
async def test_what_was_refused_is_tried_again_whoever_marks_it_next(desk: Desk, again: Urgency) -> None:
    await desk.world.fault("pipedrive", "status_before", status=400, method="POST", path="persons")
    made = (await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001"))["id"]
    await desk.push_customer(made, urgency=Urgency.BUTTON)
    assert await desk.persons() == []
    await desk.push_customer(made, urgency=again)
    assert len(await desk.persons()) == 1


async def test_a_dead_password_of_the_contact_centre_puts_off_records_and_ends_no_turn(desk: Desk) -> None:
    await desk.world.fault("thulium", "unauthorised", path="customers", times=None)
    made = (await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001"))["id"]
    await desk.push_customer(made)
    [failing] = await (await desk.tenant()).dirty.failing()
    assert "thulium:demo" in failing.reason
    await desk.world.mend("thulium")
    desk.service.clock.move_to(timedelta(minutes=5))
    await desk.work()
    assert len(await desk.persons()) == 1


async def test_what_cannot_be_carried_over_is_not_asked_for_night_after_night(desk: Desk) -> None:
    made = await with_a_segment(desk)
    await desk.world.happen("customer", customer_id=made, custom_fields={"Segment": "x" * 300})
    await desk.push_customer(made)
    await forget_calls(desk.world, "pipedrive")
    assert not await desk.scan()
    assert await desk.world.calls("pipedrive") == []
