"""A preview of rows that are not saved does what saving them does, on real records, and writes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from connector.app import Service
from connector.contact_settings import Contacts, FieldMapping
from connector.flows.contacts.foreseeing_fields import foresee
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.pairing import pair_up
from connector.flows.contacts.previewing_fields import Becomes, Preview, preview_fields
from connector.flows.contacts.scanning import scan
from connector.flows.indexing import ensure
from connector.pipedrive.records import Field
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.looking import forget, tell, writes
from tests.world import World

FIELDS: list[dict[str, Any]] = [
    {"centre": "name", "pipedrive": "name"},
    {"centre": "phones", "pipedrive": "phones", "conflict": "union"},
    {"centre": "emails", "pipedrive": "emails", "conflict": "union"},
]


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def previewed(desk: Desk, *rows: dict[str, Any], **asked: Any) -> Preview:
    customers = {"fields": [*FIELDS, *rows]} | asked.pop("customers", {})
    contacts = Contacts.model_validate({"sync": "on", "customers": customers})
    return await preview_fields(await desk.tenant(), contacts, CUSTOMERS, **asked)


async def standing(desk: Desk) -> object:
    tenant = await desk.tenant()
    return (
        await desk.world.records("person"), await desk.world.cards(), await tenant.bindings.latest("customer", 9),
        await tenant.index.size(), await tenant.dirty.waiting(), await tenant.questions.counts(),
    )  # fmt: skip


async def a_pair(desk: Desk, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await desk.world.happen(
        "customer", name="Jan", surname="Próba", phone_number="601000001", **more
    )
    await desk.push_customer(made["id"])
    return made


async def test_a_pair_in_step_stays_as_it_is(desk: Desk) -> None:
    made = await a_pair(desk)
    [one] = (await previewed(desk)).records
    assert (one.becomes, one.centre_id) == (Becomes.UNCHANGED, f"thulium:demo/{made['id']}")
    assert all(
        line.centre == line.centre_after and line.pipedrive == line.pipedrive_after for line in one.lines
    )


SEGMENT = {
    "centre": "custom:Segment", "pipedrive": "custom:Segment", "way": "to_pipedrive",
    "values": {"A": "Key account"}, "default": "Regular",
}  # fmt: skip
NUMBER = {"centre": "external_id", "pipedrive": "custom:Number", "conflict": "fill_empty"}


async def special_fields(desk: Desk) -> None:
    fields = [
        {"entity": "person", "name": "Segment", "type": "enum", "options": ["Key account", "Regular"]},
        {"entity": "person", "name": "Number", "type": "varchar"},
    ]
    await tell(desk.world, "pipedrive", "seed", fields=fields)
    await desk.world.seed_centre(customer_fields=[{"name": "Segment"}])


async def test_rows_show_before_and_after_as_saving_them_does_and_nothing_is_written(desk: Desk) -> None:
    await special_fields(desk)
    made = await a_pair(desk, custom_fields={"Segment": "A"}, identifier="K-7")
    await forget(desk.world)
    before = await standing(desk)
    [one] = (await previewed(desk, SEGMENT, NUMBER)).records
    assert await writes(desk.world) == []
    assert await standing(desk) == before
    assert (one.becomes, one.writes) == (Becomes.CHANGED, (False, True))
    told = {line.rule.centre: (line.centre, line.pipedrive, line.pipedrive_after) for line in one.lines}
    assert told["custom:Segment"] == (("A",), (), ("Key account",))
    assert told["external_id"] == (("K-7",), (), ("K-7",))
    # What is saved then does just that.
    tenant = await desk.tenant()
    contacts = tenant.settings.contacts.model_dump(mode="json")
    contacts["customers"]["fields"] = [*FIELDS, SEGMENT, NUMBER]
    settings = tenant.settings.model_copy(update={"contacts": Contacts.model_validate(contacts)})
    seen = tenant.installed.settings_version
    assert await desk.service.installations.set_settings(tenant.id, settings, seen_version=seen)
    await desk.push_customer(made["id"])
    [person] = await desk.persons()
    assert {"K-7", 1} <= set(person["custom_fields"].values())
    [after] = (await previewed(desk, SEGMENT, NUMBER)).records
    assert after.becomes is Becomes.UNCHANGED


async def test_a_row_that_cannot_be_carried_over_says_why_and_writes_nothing(desk: Desk) -> None:
    await special_fields(desk)
    await a_pair(desk, custom_fields={"Segment": "Z"})
    found = await previewed(desk, SEGMENT, {"centre": "group", "pipedrive": "custom:Gone"})
    [line] = [line for line in found.records[0].lines if line.rule.centre == "custom:Segment"]
    assert line.reason.startswith("It is none of the choices")
    assert line.pipedrive_after == line.pipedrive == ()
    assert [problem.field for problem in found.problems] == ["group=custom:Gone"]


async def test_what_a_person_is_asked_about_is_shown_so(desk: Desk) -> None:
    await special_fields(desk)
    await a_pair(desk, identifier="K-7")
    [person] = await desk.persons()
    await desk.world.edit(entity="person", action="change", id=person["id"], changes={"name": "Ewa Inna"})
    asking = {"centre": "external_id", "pipedrive": "name", "conflict": "ask"}
    customers = {"fields": [*FIELDS[1:], asking]}
    [one] = (await previewed(desk, customers=customers)).records
    [line] = [line for line in one.lines if line.rule.conflict == "ask"]
    assert (line.asked, line.centre_after, line.pipedrive_after) == (True, ("K-7",), ("Ewa Inna",))
    assert (await (await desk.tenant()).questions.counts()) == {}


async def test_a_customer_without_a_pair_shows_the_person_that_would_be_made(desk: Desk) -> None:
    made = await desk.world.happen("customer", name="Ewa", surname="Nowa", phone_number="601000002")
    found = await previewed(desk, named=str(made["id"]))
    [one] = found.records
    assert (one.becomes, one.name, one.writes) == (Becomes.MADE, "Ewa Nowa", (False, True))
    told = {line.rule.centre: line.pipedrive_after for line in one.lines}
    assert told == {"name": ("Ewa Nowa",), "phones": ("+48601000002",), "emails": ()}
    assert await desk.persons() == []


async def test_a_customer_who_is_known_in_pipedrive_shows_as_linked(desk: Desk) -> None:
    person = await desk.world.edit(
        entity="person", action="create",
        changes={"name": "Ewa Nowa", "phones": [{"value": "+48 601 000 002"}, {"value": "+48601000009"}]},
    )  # fmt: skip
    await desk.push_person(person["id"])
    [card] = await desk.customers()
    tenant = await desk.tenant()
    await tenant.bindings.unbind(f"thulium:demo/{card['customer_id']}")
    [one] = (await previewed(desk, named="601 000 002")).records
    assert (one.becomes, one.crm_id) == (Becomes.LINKED, str(person["id"]))


async def test_who_does_not_take_part_is_left_out_with_the_reason(desk: Desk) -> None:
    made = await desk.world.happen("customer", name="Ewa", surname="Nowa", email="ewa@example.com")
    scope = {"to_pipedrive": {"groups": ["Sales"]}}
    [one] = (await previewed(desk, named="ewa@example.com", customers=scope)).records
    assert (one.becomes, one.centre_id) == (Becomes.LEFT_OUT, f"thulium:demo/{made['id']}")
    assert one.reason == "its group is not among those chosen"


async def test_with_one_direction_off_a_person_without_a_pair_is_shown(desk: Desk) -> None:
    person = await desk.world.edit(
        entity="person",
        action="create",
        changes={"name": "Ewa Nowa", "emails": [{"value": "ewa@example.com"}]},
    )
    tenant = await desk.tenant()
    await ensure(tenant, no_older_than=timedelta())
    [one] = (await previewed(desk, customers={"to_pipedrive": None})).records
    assert (one.becomes, one.crm_id, one.writes) == (Becomes.MADE, str(person["id"]), (True, False))
    assert {line.rule.centre: line.centre_after for line in one.lines}["emails"] == ("ewa@example.com",)
    assert await desk.customers() == []


async def test_before_anybody_was_met_the_contact_centre_is_asked_for_some(desk: Desk) -> None:
    await desk.world.happen("customer", name="Ewa", surname="Nowa", email="ewa@example.com")
    [one] = (await previewed(desk)).records
    assert (one.becomes, one.name) == (Becomes.MADE, "Ewa Nowa")


async def test_one_record_without_a_pair_is_shown_beside_the_pairs(desk: Desk) -> None:
    await a_pair(desk)
    for number in (2, 3):
        await desk.world.happen(
            "customer", name="Ewa", surname=f"Nowa{number}", phone_number=f"60100000{number}"
        )
    assert [one.becomes for one in (await previewed(desk)).records] == [Becomes.UNCHANGED, Becomes.MADE]
    tenant = await desk.tenant()
    for centre in tenant.centres.values():
        await scan(tenant, centre)
    await forget(desk.world)
    assert [one.becomes for one in (await previewed(desk)).records] == [Becomes.UNCHANGED, Becomes.MADE]
    # Whom the index knows is not looked for in the contact centre's list.
    assert not [call for call in await desk.world.calls("thulium") if call["path"].endswith("/customers")]


async def test_nobody_of_that_address_or_number_is_an_empty_preview(desk: Desk) -> None:
    assert (await previewed(desk, named="nobody@example.com")).records == []
    assert [one.becomes for one in (await previewed(desk, named="777")).records] == [Becomes.GONE]


def pairs_of(*rows: dict[str, Any]) -> list[Any]:
    fields = [Field("a" * 40, "Segment", "varchar", True, {}), Field("b" * 40, "Other", "varchar", True, {})]
    return pair_up([FieldMapping.model_validate(row) for row in rows], fields, company=False)[0]


def test_what_a_change_of_rows_touches_is_told_apart() -> None:
    name = {"centre": "name", "pipedrive": "name"}
    group = {"centre": "group", "pipedrive": "custom:Segment"}
    constant = {
        "centre": "type", "pipedrive": "custom:Other", "transform": "constant", "default": "x", "way": "to_pipedrive",
    }  # fmt: skip
    before = pairs_of(name, group, constant)
    same = foresee(before, pairs_of(name, group | {"pipedrive": "custom:" + "a" * 40}, constant))
    assert (len(same.later), same.rows) == (1, 1)  # the same field by its code
    assert foresee(before, before).rows == 0
    other = foresee(before, pairs_of(name | {"conflict": "newest"}, group | {"centre": "owner", "pipedrive": "custom:Segment"}, constant | {"default": "y"}))  # fmt: skip
    assert [rule.centre for rule in other.meeting] == ["owner"]
    assert [rule.centre for rule in other.later] == ["name"]
    assert [rule.centre for rule in other.constants] == ["type"]
    assert [rule.centre for rule in other.ended] == ["group"]
    new = foresee([], pairs_of(name | {"only_on_create": True}))
    assert (len(new.later), len(new.meeting)) == (1, 0)
