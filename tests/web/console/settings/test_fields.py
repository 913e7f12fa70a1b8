"""Settings, Fields: rows are added and taken out, tried on real records, and no mistake is saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from connector.flows.indexing import ensure
from tests.flows.looking import tell
from tests.serving import served
from tests.web.agents import Agent, Shown, an_admin
from tests.world import World

PAGE = "settings/fields"


@pytest.fixture
async def admin(world: World) -> AsyncIterator[Agent]:
    async with served(world) as here:
        yield await an_admin(here)


async def pressed(agent: Agent, shown: Shown, do: str, place: str = PAGE, **changes: str) -> Shown:
    fields = shown.form(agent.console(place)) | changes | {"do": do}
    return await agent.press(agent.console(place), {k: v for k, v in fields.items() if v != "\0"})


async def settings_of(agent: Agent) -> Any:
    return (await agent.here.service.tenant(agent.tenant.id)).settings.contacts


async def test_the_form_shows_the_rows_that_are_set(admin: Agent) -> None:
    shown = await admin.open(admin.console(PAGE))
    assert shown.status == 200
    fields = shown.form(admin.console(PAGE))
    assert [fields[f"centre_{n}"] for n in range(4)] == ["name", "phones", "emails", "company"]
    assert fields["pipedrive_3"] == "organization"
    assert (fields["conflict_1"], fields["removals_1"], "sync" in fields) == ("union", "on", False)


async def version_of(agent: Agent) -> int:
    return (await agent.here.service.tenant(agent.tenant.id)).installed.settings_version


async def special_fields(agent: Agent) -> None:
    """Fields of their own on both sides."""
    fields = [
        {"entity": "person", "name": "Segment", "type": "enum", "options": ["Key account", "Regular"]},
        {"entity": "person", "name": "Points", "type": "double"},
        {"entity": "person", "name": "Price", "type": "monetary"},
    ]
    await tell(agent.world, "pipedrive", "seed", fields=fields)
    await agent.world.seed_centre(customer_fields=[{"name": "Segment"}])
    await agent.world.happen(
        "customer", name="Ewa", surname="Nowa", phone_number="601000002", custom_fields={"Segment": "A"}
    )


def row(number: int, **parts: str) -> dict[str, str]:
    """A row as it is typed."""
    whole = {
        "centre": "custom:Segment",
        "pipedrive": "custom:Segment",
        "way": "to_pipedrive",
        "conflict": "pipedrive",
    }
    return {f"{part}_{number}": value for part, value in (whole | parts).items()}


async def test_saving_what_stands_there_changes_nothing(admin: Agent) -> None:
    before = await version_of(admin)
    shown = await admin.open(admin.console(PAGE))
    after = await pressed(admin, shown, "review")
    assert "Nothing was changed." in after.text
    assert await version_of(admin) == before


async def test_rows_are_added_and_removed_without_losing_what_was_typed(admin: Agent) -> None:
    shown = await admin.open(admin.console(PAGE))
    shown = await pressed(admin, shown, "add", conflict_0="newest")
    fields = shown.form(admin.console(PAGE))
    assert (fields["conflict_0"], fields["centre_4"], fields["pipedrive_4"]) == ("newest", "", "")
    shown = await pressed(admin, shown, "remove_1")
    fields = shown.form(admin.console(PAGE))
    assert "centre_1" not in fields
    assert fields["conflict_0"] == "newest"
    assert (await settings_of(admin)).customers.fields[0].conflict == "pipedrive"


async def test_both_systems_own_fields_can_be_chosen_by_their_names(admin: Agent) -> None:
    await special_fields(admin)
    shown = await admin.open(admin.console(PAGE))
    assert shown.page.count('<option value="custom:Segment">Segment</option>') == 8  # each row, each side
    assert '<option value="custom:Price" disabled>Price (cannot be written)</option>' in shown.page


async def test_a_row_is_saved_after_what_it_touches_was_said(admin: Agent) -> None:
    await special_fields(admin)
    shown = await admin.open(admin.console(PAGE))
    asked = await pressed(
        admin, shown, "review", sync="on", **row(4, values="A = Key account\nB = Regular", default="Regular")
    )
    assert "New, or another field: Segment – Segment. Compared anew: 0 pairs" in asked.text
    assert "Both sides are kept the same from now on." in asked.text
    assert "After 200 writes within an hour it pauses" in asked.text
    assert len((await settings_of(admin)).customers.fields) == 4
    saved = await pressed(admin, asked, "save")
    assert "The fields are saved as version" in saved.text
    contacts = await settings_of(admin)
    assert contacts.sync == "on"
    rule = contacts.customers.fields[4]
    assert (rule.centre, rule.pipedrive, rule.default) == ("custom:Segment", "custom:Segment", "Regular")
    assert rule.values == {"A": "Key account", "B": "Regular"}
    tenant = await admin.here.service.tenant(admin.tenant.id)
    assert ("Adam Admin", "settings") in [(one.name, one.action) for one in await tenant.audit.entries()]


@pytest.mark.parametrize(
    ("typed", "control", "said"),
    [
        (row(4, pipedrive="custom:Gone"), "pipedrive_4", "Pipedrive has no custom field “Gone”"),
        (row(4, pipedrive="custom:Price"), "pipedrive_4", "which the connector cannot write"),
        (row(4, centre="custom:", other="Gone"), "centre_4", "No record of the contact centre shows"),
        (row(4, centre=""), "centre_4", "Choose a field, or remove the row."),
        (row(4, values="A = Nothing"), "values_4", "“Nothing” is none of the choices"),
        (row(4, values="A"), "values_4", "“A” is no pair."),
        (row(4, values="A = Regular\nA = Key account"), "values_4", "stands in two lines"),
        (row(4, default="Nothing"), "default_4", "does not take “Nothing”"),
        (row(4, pipedrive="custom:Points", transform="date"), "transform_4", "never takes what this writes"),
        (row(4, pipedrive="custom:Points", transform="label"), "transform_4", "Only a field with choices has labels"),
        (row(4, transform="constant"), "default_4", "Write the value that is always sent."),
        (row(4, transform="constant", default="Regular", way="both"), "way_4", "can only go one way"),
        (row(4, conflict="union"), "conflict_4", "Only phone numbers and email addresses"),
        (row(4, conflict="nobody"), "conflict_4", "This cannot be used here."),
        (row(4, pipedrive="organization"), "pipedrive_4", "The company goes with the organization"),
        (row(4, centre="phones"), "pipedrive_4", "Phone numbers go with phone numbers"),
        (row(4, pipedrive="name"), "pipedrive_4", "Two rows write this field"),
        (row(4, pipedrive="name"), "pipedrive_0", "Two rows write this field"),
        (row(4, pipedrive="surname"), "pipedrive_4", "There is no such field."),
        ({"brake": "0"}, "brake", "Write a whole number of 1 or more."),
        ({"undo_days": "1000"}, "undo_days", "Write a whole number from 1 to 365."),
        ({"to_pipedrive_owners": "nobody"}, "to_pipedrive_owners", "There is no agent “nobody”."),
        ({"to_centre_owners": "nobody@example.com"}, "to_centre_owners", "There is no active user"),
        ({"to_centre_after": "yesterday"}, "to_centre_after", "Write a day and a time"),
    ],
)  # fmt: skip
async def test_a_mistake_is_said_at_its_control_and_not_saved(
    admin: Agent, typed: dict[str, str], control: str, said: str
) -> None:
    await special_fields(admin)
    before = await version_of(admin)
    shown = await admin.open(admin.console(PAGE))
    for do in ("review", "save", "preview"):
        after = await pressed(admin, shown, do, **typed)
        assert after.status == 422
        told = after.page.partition(f'id="{control}-told">')[2].partition("</p>")[0]
        assert said in told.replace("&#39;", "'"), told
    assert await version_of(admin) == before


async def test_a_special_field_that_no_record_shows_is_saved_by_who_is_sure(admin: Agent) -> None:
    await special_fields(admin)
    shown = await admin.open(admin.console(PAGE))
    shown = await pressed(admin, shown, "review", **row(4, centre="custom:", other="Region"))
    assert "The field is there, though it is empty everywhere" in shown.text
    asked = await pressed(admin, shown, "review", sure_4="on")
    assert asked.status == 200
    await pressed(admin, asked, "save")
    assert (await settings_of(admin)).customers.fields[4].centre == "custom:Region"


async def test_a_field_that_has_vanished_is_named_as_soon_as_the_page_is_opened(world: World) -> None:
    rows = [
        {"centre": f"custom:{name}", "pipedrive": f"custom:{name}", "way": "to_pipedrive"}
        for name in ("Segment", "Branch")
    ]
    await tell(
        world, "pipedrive", "seed", fields=[{"entity": "person", "name": "Segment", "type": "varchar"}]
    )
    async with served(world) as here:
        admin = await an_admin(here, contacts={"customers": {"fields": rows}})
        shown = await admin.open(admin.console(PAGE))
        assert shown.status == 200
        assert shown.text.count("Pipedrive has no custom field “Branch”") == 1
        # No record of the contact centre shows either field: who saved them was sure.
        assert "No record of the contact centre shows" not in shown.text
        assert "Not saved" not in shown.text
        tried = await pressed(admin, shown, "preview")
        assert "Not saved. To be corrected: 1" in tried.text


async def test_a_preview_hides_personal_data_until_it_is_asked_for(admin: Agent) -> None:
    await special_fields(admin)
    shown = await admin.open(admin.console(PAGE))
    before = await admin.world.records("person")
    seen = await pressed(admin, shown, "preview", **row(4, values="A = Key account"))
    assert "E** N**" in seen.text or "E*** N***" in seen.text
    assert "Ewa Nowa" not in seen.page
    assert "would be made" in seen.text
    open_ = await pressed(admin, seen, "unmask")
    assert "Ewa Nowa" in open_.text
    assert "Key account" in open_.text
    assert await admin.world.records("person") == before
    tenant = await admin.here.service.tenant(admin.tenant.id)
    last = (await tenant.audit.entries())[0]
    assert last.action == "reveal"
    assert "Ewa" not in str(last.detail)


async def test_a_preview_says_in_words_why_a_person_is_asked(world: World) -> None:
    await world.seed_pipedrive(
        persons=[{"name": name, "phones": ["+48601000002"]} for name in ("Ewa Stara", "Ewa Młoda")]
    )
    async with served(world) as here:
        admin = await an_admin(here, contacts={"customers": {"to_pipedrive": {}}})
        await special_fields(admin)
        await ensure(admin.tenant, no_older_than=timedelta(0))
        seen = await pressed(admin, await admin.open(admin.console(PAGE)), "preview", named="601000002")
        assert "several could be meant: 2 have the same number, address or name" in seen.text


async def test_fields_that_cannot_be_read_are_told_and_nothing_is_saved(admin: Agent) -> None:
    await admin.world.fault("pipedrive", "status_before", path="/api/v2/personFields", status=500, times=20)
    before = await version_of(admin)
    shown = await admin.open(admin.console(PAGE))
    assert "does not answer as it should" in shown.text
    after = await pressed(admin, shown, "review", conflict_0="newest")
    assert (after.status, after.form(admin.console(PAGE))["conflict_0"]) == (503, "newest")
    assert await version_of(admin) == before


async def test_settings_that_were_saved_meanwhile_are_not_overwritten(admin: Agent) -> None:
    shown = await admin.open(admin.console(PAGE))
    tenant = await admin.here.service.tenant(admin.tenant.id)
    changed = tenant.settings.model_copy(update={"payload_days": 7})
    assert await admin.here.service.installations.set_settings(
        tenant.id, changed, seen_version=tenant.installed.settings_version
    )
    after = await pressed(admin, shown, "save", conflict_0="newest")
    assert after.status == 409
    assert "Somebody else has changed the settings meanwhile." in after.text
    assert after.form(admin.console(PAGE))["conflict_0"] == "newest"
    assert (await settings_of(admin)).customers.fields[0].conflict == "pipedrive"


async def test_who_takes_part_is_written_in_words_and_kept_as_ids(admin: Agent) -> None:
    shown = await admin.open(admin.console(PAGE))
    typed = {
        "to_pipedrive_groups": "Sales\nPartners",
        "to_pipedrive_after": "2026-11-01T00:00",
        "to_centre_on": "\0",
    }
    asked = await pressed(admin, shown, "review", **typed)
    assert "Which records take part changes. Pairs stay pairs." in asked.text
    await pressed(admin, asked, "save")
    customers = (await settings_of(admin)).customers
    assert customers.to_centre is None
    assert customers.to_pipedrive.groups == ("Sales", "Partners")
    assert customers.to_pipedrive.created_after.isoformat() == "2026-10-31T23:00:00+00:00"
    again = (await admin.open(admin.console(PAGE))).form(admin.console(PAGE))
    assert (again["to_pipedrive_groups"], again["to_pipedrive_after"]) == (
        "Sales\nPartners",
        "2026-11-01T00:00",
    )


async def test_companies_have_a_page_of_their_own(admin: Agent) -> None:
    place = "settings/fields/companies"
    shown = await admin.open(admin.console(place))
    asked = await pressed(
        admin, shown, "review", place,
        **row(1, centre="tax_id", pipedrive="website", way="to_pipedrive"),
    )  # fmt: skip
    saved = await pressed(admin, asked, "save", place)
    assert saved.path.startswith(admin.console(place))
    contacts = await settings_of(admin)
    assert [rule.centre for rule in contacts.companies.fields] == ["name", "tax_id"]
    assert contacts.companies.to_pipedrive.reachable is False
    assert len(contacts.customers.fields) == 4
