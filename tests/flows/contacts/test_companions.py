"""What concerns several records at once: two contact centres, aliases, companies that are refused, records that come back."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.app import Service
from connector.flows.indexing import census
from connector.sandbox.thulium.app import Config as ThuliumConfig
from connector.store.dirty import Mark, Side, Urgency
from tests.bad_days.days import empty_database
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.looking import HastyClock
from tests.world import PASSWORD, USER, World, open_world

CARD = {"name": "Jan", "surname": "Próba", "phone_number": "601000001"}


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def test_ids_of_two_contact_centres_do_not_make_strangers_one(tmp_path: Path) -> None:
    config = ThuliumConfig(systems=("demo", "beta"))
    async with open_world(tmp_path, thulium=config, pipedrive_timeout=5.0, thulium_timeout=5.0) as world:
        shutil.copy(empty_database(), world.database)
        async with world.connector(HastyClock()) as service, open_desk(world, service) as desk:
            await service.connect_centre(
                desk.tenant_id, vendor="thulium", system="beta", user=USER, password=PASSWORD
            )
            made = (await world.happen("customer", **CARD))["id"]
            await desk.push_customer(made)
            stranger = {"name": "Ewa", "surname": "Inna", "phone_number": "601000009"}
            other = await world.happen("customer", system="beta", **stranger)
            assert other["id"] == made
            mark = Mark("customer", Side.CENTRE, f"thulium:beta/{made}")
            await (await desk.tenant()).dirty.mark([mark], urgency=Urgency.HOOK, cause="test")
            await desk.work()
            assert sorted(one["name"] for one in await desk.persons()) == ["Ewa Inna", "Jan Próba"]


async def test_an_alias_takes_the_place_of_its_twin_who_is_gone(desk: Desk) -> None:
    first = (await desk.world.happen("customer", **CARD))["id"]
    await desk.push_customer(first)
    second = (await desk.world.happen("customer", **CARD))["id"]
    await desk.push_customer(second)
    tenant = await desk.tenant()
    assert (await tenant.bindings.counts())["customer"] == {"alias": 1, "bound": 1}
    await desk.world.happen("customer_deleted", customer_id=first)
    await desk.push_customer(first)
    await desk.world.happen("customer", customer_id=second, surname="Nowak")
    await desk.push_customer(second)
    [person] = await desk.persons()
    assert person["name"] == "Jan Nowak"


async def test_a_company_that_is_refused_holds_up_none_of_its_people(desk: Desk) -> None:
    company = await desk.world.happen("company", name="Próba sp. z o.o.")
    await desk.world.fault(
        "pipedrive", "status_before", status=400, method="POST", path="organizations", times=None
    )
    made = (await desk.world.happen("customer", **CARD, company_id=company["id"]))["id"]
    await desk.push_customer(made)
    assert [one["name"] for one in await desk.persons()] == ["Jan Próba"]
    tenant = await desk.tenant()
    assert [one.entity for one in await tenant.dirty.failing()] == ["company"]
    await desk.world.mend("pipedrive")
    await desk.push_company(company["id"])
    [person], [organization] = await desk.persons(), await desk.organizations()
    assert person["org_id"] == organization["id"]


async def test_a_merge_that_nobody_told_of_is_found_out_by_the_next_edit(desk: Desk) -> None:
    made = (await desk.world.happen("customer", **CARD))["id"]
    await desk.push_customer(made)
    [person] = await desk.persons()
    other = await desk.world.edit(
        entity="person", action="create", changes={"name": "Jan P.", "emails": [{"value": "jan@example.com"}]}
    )
    await desk.world.edit(entity="person", action="merge", id=person["id"], into=other["id"])
    tenant = await desk.tenant()
    await tenant.index.begin_anew()
    await desk.world.happen("customer", customer_id=made, email="jan@example.com")
    await desk.push_customer(made)
    key = f"thulium:demo/{made}"
    bound = (await tenant.bindings.of_centre("customer", [key]))[key]
    assert (bound.crm_id, bound.state) == (str(other["id"]), "bound")


async def test_an_organization_that_went_without_a_word_is_found_out_by_the_census(desk: Desk) -> None:
    company = await desk.world.happen("company", name="Próba sp. z o.o.")
    await desk.push_company(company["id"])
    [organization] = await desk.organizations()
    tenant = await desk.tenant()
    await desk.world.edit(entity="organization", action="delete", id=organization["id"])
    await tenant.index.note("organization", census_at=tenant.clock.now().replace(year=2000))
    await census(tenant)
    assert (await tenant.bindings.counts())["company"] == {"gone": 1}


async def test_a_company_linked_from_pipedrives_side_is_known_by_its_own_card(desk: Desk) -> None:
    company = await desk.world.happen("company", name="Próba sp. z o.o.")
    made = await desk.world.edit(entity="organization", action="create", changes={"name": "Próba"})
    await desk.push_organization(made["id"])
    tenant = await desk.tenant()
    card = f"thulium:demo/{company['customer_id']}"
    assert await tenant.bindings.whose([card]) == ({}, {card: str(made["id"])})
