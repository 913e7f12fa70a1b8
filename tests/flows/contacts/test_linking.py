"""The fields that tie both sides together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from connector.app import Service
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.pushing import prepared
from tests.flows.contacts.pairs import Desk, open_desk
from tests.world import ADMIN_TOKEN, World, install


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def test_special_fields_are_made_once_and_kept_whatever_they_are_renamed_to(desk: Desk) -> None:
    tenant = await desk.tenant()
    before = tenant.settings.special_fields
    assert before.person_centre_id
    assert before.organization_centre_link
    url = f"{desk.world.pipedrive}/api/v2/personFields/{before.person_centre_id}"
    headers = {"x-api-token": ADMIN_TOKEN}
    async with desk.world.http.patch(url, json={"field_name": "Nr klienta"}, headers=headers) as answer:
        assert answer.status == 200
    assert await keep_special_fields(tenant, desk.service.installations) == []
    assert (await desk.tenant()).settings.special_fields == before


async def test_a_special_field_that_was_deleted_is_made_anew(desk: Desk) -> None:
    tenant = await desk.tenant()
    before = tenant.settings.special_fields
    url = f"{desk.world.pipedrive}/api/v2/personFields/{before.person_centre_id}"
    async with desk.world.http.delete(url, headers={"x-api-token": ADMIN_TOKEN}) as answer:
        assert answer.status == 200
    await keep_special_fields(tenant, desk.service.installations)
    after = (await desk.tenant()).settings.special_fields
    assert after.person_centre_id not in (None, before.person_centre_id)
    assert after.person_centre_link == before.person_centre_link


async def test_one_click_leads_from_the_card_to_the_person_and_back(desk: Desk) -> None:
    tenant = await desk.tenant()
    special = {"customer_pipedrive_id": "Pipedrive ID", "customer_pipedrive_link": "Pipedrive"}
    settings = tenant.settings.model_copy(
        update={
            "special_fields": tenant.settings.special_fields.model_copy(update=special),
            "links": tenant.settings.links.model_copy(
                update={"customer": "https://demo.example.com/panel/{id}"}
            ),
        }
    )
    seen = tenant.installed.settings_version
    assert await desk.service.installations.set_settings(tenant.id, settings, seen_version=seen)
    made = await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    await desk.push_customer(made["id"])
    [person], [card] = await desk.persons(), await desk.customers()
    assert str(card["custom_fields"]["Pipedrive ID"]) == str(person["id"])
    assert card["custom_fields"]["Pipedrive"].endswith(f".pipedrive.com/person/{person['id']}")
    assert f"https://demo.example.com/panel/{made['id']}" in person["custom_fields"].values()


async def test_a_field_that_cannot_be_filled_is_tried_once_and_stops_nothing(desk: Desk) -> None:
    async with desk.world.http.post(
        f"{desk.world.thulium}/_sandbox/switches", json={"read_only_customer_fields": "ignore"}
    ) as answer:
        assert answer.status == 200
    tenant = await desk.tenant()
    special = tenant.settings.special_fields.model_copy(update={"customer_pipedrive_link": "Pipedrive"})
    settings = tenant.settings.model_copy(update={"special_fields": special})
    seen = tenant.installed.settings_version
    assert await desk.service.installations.set_settings(tenant.id, settings, seen_version=seen)
    made = await desk.world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    await desk.push_customer(made["id"])
    await desk.push_customer(made["id"])
    await desk.scan()
    put = ("PUT", f"/demo/api/customers/{made['id']}")
    calls = await desk.world.calls("thulium")
    assert [(call["method"], call["path"]) for call in calls].count(put) == 1


async def test_a_user_who_may_make_no_fields_is_asked_for_them_once_a_day(
    world: World, service: Service
) -> None:
    tenant = await install(service)
    await world.fault("pipedrive", "status_before", status=403, times=None, method="POST", path="Fields")
    for _ in range(3):
        await prepared(await service.tenant(tenant.id), service.installations)
    refused = [
        call
        for call in await world.calls("pipedrive")
        if call["method"] == "POST" and "Fields" in call["path"]
    ]
    assert len(refused) == 5
    await world.mend("pipedrive")
    assert not await prepared(await service.tenant(tenant.id), service.installations)
    service.clock.move_to(timedelta(days=1, minutes=1))
    assert await prepared(await service.tenant(tenant.id), service.installations)
    assert (await service.tenant(tenant.id)).settings.special_fields.person_centre_id
