"""Records that nobody would enter on purpose: each has an outcome that an admin can read, and nothing else stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.app import Service
from connector.store.dirty import Marked
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.looking import tell
from tests.world import ADMIN_TOKEN, World

FIELDS = [
    *({"centre": one, "pipedrive": one, "conflict": "union"} for one in ("phones", "emails")),
    {"centre": "name", "pipedrive": "name"},
    {"centre": "custom:Źródło", "pipedrive": "custom:Źródło"},
    {"centre": "custom:Urodziny", "pipedrive": "custom:Urodziny", "transform": "date"},
    {"centre": "custom:Punkty", "pipedrive": "custom:Punkty"},
    {"centre": "custom:Nieznane", "pipedrive": "custom:Nieznane"},
]


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def a_customer(desk: Desk, **card: object) -> int:
    values = {"name": "Jan", "surname": "Próba", "phone_number": "601000001", **card}
    made: int = (await desk.world.happen("customer", **values))["id"]
    return made


async def reasons(desk: Desk) -> list[str]:
    failing: list[Marked] = await (await desk.tenant()).dirty.failing()
    return [one.reason for one in failing]


async def problems(desk: Desk, customer_id: int) -> dict[str, str]:
    key = f"thulium:demo/{customer_id}"
    bound = (await (await desk.tenant()).bindings.of_centre("customer", [key]))[key]
    return {one["field"]: one["reason"] for one in bound.problems}


async def test_a_customer_without_a_name_is_left_out_until_he_has_one(desk: Desk) -> None:
    made = await a_customer(desk, name="", surname="601000001")
    counts = await desk.push_customer(made)
    assert counts["left out"] == 1
    assert await desk.persons() == []
    await desk.world.happen("customer", customer_id=made, surname="Próba")
    await desk.push_customer(made)
    assert [one["name"] for one in await desk.persons()] == ["Próba"]


async def test_what_is_no_number_and_no_address_stays_where_it_is(desk: Desk) -> None:
    await tell(desk.world, "thulium", "switches", second_email=True)
    made = await a_customer(
        desk,
        phone_number=["601000001", "pytać o Zosię", "w. 12"],
        email=["jan.example.com", "jan@example.com"],
    )
    await desk.push_customer(made)
    [person] = await desk.persons()
    assert [entry["value"] for entry in person["phones"]] == ["+48601000001"]
    assert [entry["value"] for entry in person["emails"]] == ["jan@example.com"]
    phones = [*person["phones"], {"value": "wewn. 7"}, {"value": "+48601000002"}]
    await desk.world.edit(entity="person", action="change", id=person["id"], changes={"phones": phones})
    await desk.push_person(person["id"])
    [customer] = await desk.customers()
    assert customer["phones"] == ["601000001", "pytaćoZosię", "w.12", "601000002"]
    assert await reasons(desk) == []


async def test_two_persons_with_one_address_are_a_question_and_nobody_is_guessed(desk: Desk) -> None:
    for name in ("Jan Próba", "Ewa Próba"):
        changes = {"name": name, "emails": [{"value": "dom@example.com"}], "phones": []}
        await desk.world.edit(entity="person", action="create", changes=changes)
    tenant = await desk.tenant()
    await tenant.index.begin_anew()
    made = await a_customer(desk, email="dom@example.com")
    counts = await desk.push_customer(made)
    assert counts["asked"] == 1
    [question] = await tenant.questions.open()
    assert (question.subject, len(question.candidates)) == (f"thulium:demo/{made}", 2)
    assert len(await desk.persons()) == 2


async def test_a_company_without_people_is_kept_in_step_all_the_same(desk: Desk) -> None:
    made = await desk.world.happen("company", name="Pusta sp. z o.o.")
    await desk.push_company(made["id"])
    assert [one["name"] for one in await desk.organizations()] == ["Pusta sp. z o.o."]


@pytest.mark.parametrize("long_names", ["cut", "refused"])
async def test_a_name_of_300_characters_is_cut_or_refused_and_never_goes_back_and_forth(
    desk: Desk, long_names: str
) -> None:
    await tell(desk.world, "pipedrive", "company", long_names=long_names)
    made = await a_customer(desk, name="Jan", surname="Ż" * 300)
    other = await a_customer(desk, surname="Inny", phone_number="601000002")
    await desk.push_customer(made)
    await desk.push_customer(other)
    names = sorted(one["name"] for one in await desk.persons())
    if long_names == "refused":
        assert names == ["Jan Inny"]
        [reason] = await reasons(desk)
        assert "Ż" not in reason
        return
    assert len(names) == 2
    long = next(one for one in await desk.persons() if len(one["name"]) == 255)
    before = await desk.world.cards()
    await desk.push_person(long["id"])
    await desk.push_customer(made)
    assert await desk.world.cards() == before


async def custom_fields(desk: Desk) -> None:
    fields: list[dict[str, object]] = [
        {"name": "Źródło", "type": "enum", "options": ["Targi", "Polecenie"]},
        {"name": "Urodziny", "type": "date"},
        {"name": "Punkty", "type": "double"},
    ]
    await tell(desk.world, "pipedrive", "seed", fields=[{"entity": "person", **field} for field in fields])
    await desk.world.seed_centre(
        customer_fields=[{"name": f["centre"].removeprefix("custom:")} for f in FIELDS[3:]]
    )
    tenant = await desk.tenant()
    contacts: Any = tenant.settings.contacts.model_dump(mode="json")
    contacts["customers"]["fields"] = FIELDS
    settings = type(tenant.settings).model_validate(
        tenant.settings.model_dump(mode="json") | {"contacts": contacts}
    )
    seen = tenant.installed.settings_version
    assert await desk.service.installations.set_settings(tenant.id, settings, seen_version=seen)


async def test_custom_fields_of_the_wrong_kind_are_told_and_the_rest_goes_through(desk: Desk) -> None:
    await custom_fields(desk)
    values = {"Źródło": "Internet", "Urodziny": "wiosną", "Punkty": "stokroć", "Nieznane": "x"}
    made = await a_customer(desk, custom_fields=values)
    await desk.push_customer(made)
    [person] = await desk.persons()
    assert person["name"] == "Jan Próba"
    told = await problems(desk, made)
    assert set(told) == {f"{one['centre']}={one['pipedrive']}" for one in FIELDS[3:]}
    assert not any(value in reason for value in ("Internet", "wiosną", "stokroć") for reason in told.values())
    await desk.world.happen(
        "customer",
        customer_id=made,
        custom_fields={"Źródło": "targi", "Urodziny": "31.12.1990", "Punkty": "1 234,5"},
    )
    await desk.push_customer(made)
    [person] = await desk.persons()
    assert set(person["custom_fields"].values()) >= {"1990-12-31", 1234.5}
    assert set(await problems(desk, made)) == {"custom:Nieznane=custom:Nieznane"}


async def test_a_field_that_vanishes_meanwhile_is_left_out_and_the_rest_goes_through(desk: Desk) -> None:
    await custom_fields(desk)
    made = await a_customer(desk, custom_fields={"Punkty": "5"})
    await desk.push_customer(made)
    tenant = await desk.tenant()
    field = next(one for one in await tenant.pipedrive.fields("person") if one.name == "Punkty")
    url = f"{desk.world.pipedrive}/api/v2/personFields/{field.code}"
    async with desk.world.http.delete(url, headers={"x-api-token": ADMIN_TOKEN}) as answer:
        assert answer.status == 200
    await desk.world.happen("customer", customer_id=made, surname="Nowak", custom_fields={"Punkty": "6"})
    await desk.push_customer(made)
    assert [one["name"] for one in await desk.persons()] == ["Jan Nowak"]
    assert await reasons(desk) == []


async def test_a_person_who_became_invisible_is_unlinked_and_comes_back_with_his_pair(desk: Desk) -> None:
    made = await a_customer(desk)
    await desk.push_customer(made)
    [person] = await desk.persons()
    tenant = await desk.tenant()
    await desk.world.fault(
        "pipedrive", "status_before", status=404, path=f"persons/{person['id']}", method="GET"
    )
    await desk.world.happen("customer", customer_id=made, surname="Nowak")
    counts = await desk.push_customer(made)
    assert counts["made in Pipedrive"] == 0
    assert (await tenant.bindings.counts())["customer"] == {"gone": 1}
    await desk.push_person(person["id"])
    assert [one["name"] for one in await desk.persons()] == ["Jan Nowak"]
    assert (await tenant.bindings.counts())["customer"] == {"bound": 1}


async def test_a_duplicate_name_that_the_contact_centre_refuses_is_told_and_stops_nobody_else(
    desk: Desk,
) -> None:
    await tell(desk.world, "thulium", "switches", unique_names=True)
    await a_customer(desk)
    for name, phone in (("Jan Próba", "+48601000007"), ("Ewa Próba", "+48601000008")):
        changes = {"name": name, "phones": [{"value": phone}]}
        made = await desk.world.edit(entity="person", action="create", changes=changes)
        await desk.push_person(made["id"])
    assert sorted(one["surname"] + one["name"] for one in await desk.customers()) == ["PróbaEwa", "PróbaJan"]
    [reason] = await reasons(desk)
    assert "uplicat" in reason
    assert "Jan" not in reason
