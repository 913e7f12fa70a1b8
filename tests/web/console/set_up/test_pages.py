"""The guided set-up and the settings it consists of: each step saved, checked by the vendor, and taken back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.errors import Misconfigured
from connector.store.audit import SETTINGS
from tests.serving import Served, served
from tests.web.agents import Agent, Shown, sign_in
from tests.world import ADMIN_TOKEN, PASSWORD, SYSTEM, USER, World, ago

PERSON = {"name": "Łucja Żak", "phones": ["+48601000001"], "emails": ["lucja@example.com"]}
CARD = {"name": "Łucja", "surname": "Żak", "phone_number": "601000001", "email": "lucja@example.com"}
ACCOUNT = {"vendor": "thulium", "system": SYSTEM, "user": USER, "password": PASSWORD}


@pytest.fixture
async def here(world: World) -> AsyncIterator[Served]:
    async with served(world) as here:
        yield here


@pytest.fixture
async def admin(here: Served) -> Agent:
    """The administrator of an installation that is new: nothing is connected, nothing is on."""
    arrival = await here.service.install_token(ADMIN_TOKEN)
    tenant = await here.service.tenant(arrival.installation_id)
    return await sign_in(here, tenant, arrival.user_id, "Adam Admin", is_admin=True)


async def pressed(admin: Agent, page: str, action: str, **fields: str) -> Shown:
    """Fill the form of a page that is sent to `action` and press its button."""
    shown = await admin.open(admin.console(page))
    assert shown.status == 200, shown.text
    return await admin.press(admin.console(action), shown.form(admin.console(action)) | fields)


async def settings(admin: Agent) -> Any:
    return (await admin.here.service.tenant(admin.tenant.id)).settings


async def connect(admin: Agent) -> Shown:
    return await pressed(admin, "settings/set-up/contact-centre", "settings/centre", **ACCOUNT)


async def test_a_new_installation_is_led_through_seven_steps(admin: Agent) -> None:
    shown = await admin.open(admin.console("settings/set-up"))
    assert "The connector is switched off" in shown.text
    assert shown.text.count("open") >= 5
    assert "Go on: Contact centre" in shown.text

    await connect(admin)
    shown = await admin.open(admin.console("settings/set-up"))
    assert "Go on: Special fields" in shown.text


async def test_each_step_shows_the_way_and_stands_by_itself_in_both_languages(admin: Agent) -> None:
    await connect(admin)
    for step in ("pipedrive", "contact-centre", "special-fields", "agents", "activities", "records", "test"):
        for language in ("en", "pl"):
            shown = await admin.open(admin.console(f"settings/set-up/{step}"), language)
            assert shown.status == 200, shown.text
            assert shown.page.count('aria-current="step"') == 1
            assert len(shown.page) < 60_000
    for page in ("settings", "settings/special-fields", "settings/agents", "settings/deals"):
        assert (await admin.open(admin.console(page))).status == 200


async def test_the_contact_centre_is_tried_before_it_is_saved(admin: Agent) -> None:
    refused = await pressed(
        admin,
        "settings/set-up/contact-centre",
        "settings/centre",
        **ACCOUNT | {"password": "not-the-password"},
    )
    assert refused.status == 422
    assert "does not know this user with this password" in refused.text
    # What was typed stays, but for the password, and the way back to the step.
    again = refused.form(admin.console("settings/centre"))
    assert (again["system"], again["user"], again["step"]) == (SYSTEM, USER, "contact-centre")
    assert "not-the-password" not in refused.page
    assert await admin.here.service.installations.centres(admin.tenant.id) == []

    nonsense = await pressed(admin, "settings", "settings/centre", **ACCOUNT | {"system": "../x"})
    assert nonsense.status == 422
    assert "letters and digits" in nonsense.text

    done = await connect(admin)
    assert done.path.startswith(admin.console("settings/set-up/contact-centre"))
    assert "The contact centre is connected." in done.text
    (centre,) = await admin.here.service.installations.centres(admin.tenant.id)
    assert (centre.system, centre.user, centre.password) == (SYSTEM, USER, PASSWORD)
    assert PASSWORD not in done.page


async def test_rights_that_are_missing_are_listed(admin: Agent, world: World) -> None:
    async with world.http.post(
        f"{world.thulium}/_sandbox/users", json={"login": USER, "rights": {"*": ["*"], "chats": []}}
    ) as answer:
        assert answer.status < 300
    done = await connect(admin)
    assert "Rights that are missing: 1." in done.text
    assert re.search(r"chats missing chats", done.text)


async def fall_back_on(admin: Agent, user_id: str) -> None:
    """Have a user own what is nobody's, unasked."""
    settings_ = (await settings(admin)).model_copy(update={"fallback_owner": user_id})
    tenant = await admin.here.service.tenant(admin.tenant.id)
    await admin.here.service.installations.set_settings(
        tenant.id, settings_, seen_version=tenant.installed.settings_version
    )


async def test_check_now_calls_both_vendors_and_lists_what_is_amiss(admin: Agent, world: World) -> None:
    await connect(admin)
    before = len(await world.calls("thulium"))
    done = await pressed(admin, "settings", "settings/check")
    assert len(await world.calls("thulium")) > before
    assert "Agents without a Pipedrive user: " in done.text

    await fall_back_on(admin, admin.tenant.installed.owner_user_id)
    done = await pressed(admin, "settings", "settings/check")
    assert "Both sides were asked, and all works." in done.text, done.text

    await fall_back_on(admin, "999")
    done = await pressed(admin, "settings/set-up/pipedrive", "settings/check")
    assert done.path.startswith(admin.console("settings/set-up/pipedrive"))
    assert "is no active user of Pipedrive" in done.text


async def test_who_looks_at_the_lookup_password_is_noted(admin: Agent) -> None:
    await connect(admin)
    (centre,) = await admin.here.service.installations.centres(admin.tenant.id)
    assert centre.lookup_password not in (await admin.open(admin.console("settings"))).page
    shown = await pressed(admin, "settings", "settings/lookup")
    assert centre.lookup_password in shown.page
    assert f"/lookup/{centre.hook_path}" in shown.page
    newest = (await admin.tenant.audit.entries())[0]
    assert (newest.action, newest.by) == ("reveal", f"user:{admin.tenant.installed.owner_user_id}")


async def test_time_zone_and_numbers_are_saved_or_the_mistake_is_shown(admin: Agent) -> None:
    given = {"zone": "Europe/Vilnius", "phone_region": "lt", "dial_out_prefix": "0"}
    done = await pressed(admin, "settings/set-up/activities", "settings/times", **given)
    assert done.path.startswith(admin.console("settings/set-up/activities"))
    saved = await settings(admin)
    assert (saved.zone, saved.phone_region, saved.dial_out_prefix) == ("Europe/Vilnius", "LT", "0")
    newest = (await admin.tenant.audit.entries())[0]
    assert (newest.action, newest.name) == (SETTINGS, "Adam Admin")

    wrong = {"zone": "Mars/Base", "phone_region": "QQ", "dial_out_prefix": "abc"}
    refused = await pressed(admin, "settings", "settings/times", **wrong)
    assert refused.status == 422
    for said in ("no such time zone", "no such country", "up to six"):
        assert said in refused.text
    assert refused.form(admin.console("settings/times")) | wrong == refused.form(
        admin.console("settings/times")
    )
    assert await settings(admin) == saved


async def test_a_new_token_is_taken_only_for_the_same_company(admin: Agent, world: World) -> None:
    companies = [{"name": "Druga", "users": [{"name": "B", "email": "b@example.com", "admin": True, "api_token": "second"}]}]  # fmt: skip
    async with world.http.post(f"{world.pipedrive}/_sandbox/seed", json={"companies": companies}) as answer:
        assert answer.status < 300
    for token, said in (("nobodys", "does not know this token"), ("second", "of another company")):
        refused = await pressed(admin, "settings", "settings/token", token=token)
        assert refused.status == 422
        assert said in refused.text
    assert len(await admin.here.service.installations.all()) == 1
    done = await pressed(admin, "settings", "settings/token", token=ADMIN_TOKEN)
    assert "Pipedrive is connected again." in done.text


async def test_the_special_fields_are_found_or_made_and_can_be_chosen(admin: Agent) -> None:
    await connect(admin)
    done = await pressed(admin, "settings/set-up/special-fields", "settings/special-fields/make")
    assert "The fields are in Pipedrive" in done.text
    made = (await settings(admin)).special_fields
    assert all((made.person_centre_id, made.organization_centre_link, made.deal_marker))
    again = await pressed(admin, "settings/special-fields", "settings/special-fields/make")
    assert "The fields are in Pipedrive" in again.text
    assert (await settings(admin)).special_fields == made

    twice = {"organization_centre_id": str(made.person_centre_id)}
    refused = await pressed(admin, "settings/special-fields", "settings/special-fields", **twice)
    assert refused.status == 422
    assert "This field is chosen twice." in refused.text
    unknown = await pressed(admin, "settings/special-fields", "settings/special-fields", deal_marker="0" * 40)
    assert "This field is not in Pipedrive any more." in unknown.text
    chosen = {"person_centre_link": "", "customer_pipedrive_link": "Pipedrive"}
    done = await pressed(admin, "settings/set-up/special-fields", "settings/special-fields", **chosen)
    assert done.path.startswith(admin.console("settings/set-up/special-fields"))
    saved = (await settings(admin)).special_fields
    assert (saved.person_centre_id, saved.person_centre_link) == (made.person_centre_id, None)
    assert saved.customer_pipedrive_link == "Pipedrive"


async def field_of(admin: Agent, login: str) -> str:
    """The field in which the user of an agent is chosen."""
    form = (await admin.open(admin.console("settings/agents"))).form(admin.console("settings/agents"))
    (field,) = [name.replace("agent", "user") for name, value in form.items() if value == login]
    return field


async def test_agents_are_mapped_by_e_mail_or_by_hand_and_those_who_left_are_marked(
    admin: Agent, world: World
) -> None:
    await connect(admin)
    owner = admin.tenant.installed.owner_user_id
    chosen = {await field_of(admin, "anna.nowak"): owner, "fallback": owner}
    done = await pressed(admin, "settings/set-up/agents", "settings/agents", **chosen)
    assert done.path.startswith(admin.console("settings/set-up/agents"))
    saved = await settings(admin)
    assert (saved.agent_users, saved.fallback_owner) == ({"anna.nowak": owner}, owner)
    assert "Everything has an owner." in (await admin.open(admin.console("settings/agents"))).text

    chosen = {await field_of(admin, "anna.nowak"): "", "fallback": "nobody"}
    await pressed(admin, "settings/agents", "settings/agents", **chosen)
    saved = await settings(admin)
    assert (saved.agent_users, saved.fallback_owner) == ({}, None)
    assert (
        "Agents and users were read anew."
        in (await pressed(admin, "settings/agents", "settings/agents/read")).text
    )


async def test_an_agent_in_the_settings_whom_nobody_knows_is_shown_and_can_be_taken_out(admin: Agent) -> None:
    await connect(admin)
    tenant = await admin.here.service.tenant(admin.tenant.id)
    owner = tenant.installed.owner_user_id
    document = tenant.settings.model_copy(update={"agent_users": {"gone.agent": owner}})
    await admin.here.service.installations.set_settings(
        tenant.id, document, seen_version=tenant.installed.settings_version
    )
    shown = await admin.open(admin.console("settings/agents"))
    assert "gone.agent" in shown.text
    assert "not found" in shown.text
    await pressed(admin, "settings/agents", "settings/agents", **{await field_of(admin, "gone.agent"): ""})
    assert (await settings(admin)).agent_users == {}


async def test_deals_begin_where_an_administrator_says(admin: Agent) -> None:
    await connect(admin)
    shown = await admin.open(admin.console("settings/deals"))
    places = re.findall(r'<option value="(\d+/\d+)"', shown.page)
    assert places
    given = {"place": places[1], "visible": "all", "mirror_group": "Szanse"}
    done = await pressed(admin, "settings/deals", "settings/deals", **given)
    assert "The rules for deals are saved." in done.text
    deals = (await settings(admin)).deals
    assert f"{deals.pipeline}/{deals.stage}" == places[1]
    assert (deals.visible, deals.mirror_group) == ("all", "Szanse")

    # The set-up asks for the place alone, and leaves the rest.
    await pressed(admin, "settings/set-up/activities", "settings/deals", place="")
    deals = (await settings(admin)).deals
    assert (deals.pipeline, deals.stage, deals.visible, deals.mirror_group) == (None, None, "all", "Szanse")
    refused = await pressed(admin, "settings/deals", "settings/deals", place="999/1")
    assert refused.status == 422
    assert "not in Pipedrive any more" in refused.text


async def test_the_rules_for_activities_are_saved_from_the_step(admin: Agent) -> None:
    await connect(admin)
    done = await pressed(
        admin, "settings/set-up/activities", "settings/set-up/activities", minimum_seconds="7"
    )
    assert "The rules are saved." in done.text
    assert (await settings(admin)).calls.minimum_seconds == 7
    refused = await pressed(
        admin, "settings/set-up/activities", "settings/set-up/activities", minimum_seconds="soon"
    )
    assert refused.status == 422
    assert "Write whole seconds" in refused.text
    assert (await settings(admin)).calls.minimum_seconds == 7


async def test_links_are_learnt_from_the_addresses_of_real_records(admin: Agent, world: World) -> None:
    await connect(admin)
    made = await world.happen("customer", **CARD)
    call = await world.happen("call", number="601000001")
    base = "https://demo.example.com/panel/v2"
    given = {
        "customer": f"{base}/customers/{made['id']}/card?tab=7000",
        "ticket": "",
        "call": f"{base}/calls?id={call['id']}",
        "chat": f"{base}/chats/{{id}}",
    }
    done = await pressed(admin, "settings/set-up/records", "settings/set-up/records/links", **given)
    assert "The links are saved." in done.text, done.text
    links = (await settings(admin)).links
    assert links.customer == f"{base}/customers/{{id}}/card?tab=7000"
    assert links.call == f"{base}/calls?id={{id}}"
    assert (links.ticket, links.chat) == (None, f"{base}/chats/{{id}}")

    wrong = {
        "customer": f"{base}/customers/987654",
        "ticket": "not an address",
        "call": "https://demo.example.com/",
    }
    refused = await pressed(admin, "settings/set-up/records", "settings/set-up/records/links", **wrong)
    assert refused.status == 422
    for said in ("has no such record", "This is no web address", "no number in this address"):
        assert said in refused.text
    assert (await settings(admin)).links == links


async def test_a_first_load_is_counted_and_nothing_is_written(admin: Agent, world: World) -> None:
    await connect(admin)
    await world.seed_pipedrive(persons=[PERSON])
    await world.happen("customer", **CARD | {"surname": "Nowy", "phone_number": "601000777", "email": ""})
    await pressed(admin, "settings/set-up/records", "settings/set-up/records/preview", **{"from": "centre"})
    for _ in range(100):
        shown = await admin.open(admin.console("settings/set-up/records"))
        if "Records:" in shown.text:
            break
        await asyncio.sleep(0.05)
    assert "From the contact centre to Pipedrive. Records:" in shown.text
    assert "made on the other side" in shown.text
    assert [row["name"] for row in await world.records("person")] == ["Łucja Żak"]
    assert (await settings(admin)).contacts.sync == "off"


async def test_records_are_left_or_kept_the_same(admin: Agent) -> None:
    await connect(admin)
    done = await pressed(admin, "settings/set-up/records", "settings/set-up/records", sync="on")
    assert "They will be kept the same." in done.text
    assert (await settings(admin)).contacts.sync == "on"
    done = await pressed(admin, "settings/set-up/records", "settings/set-up/records", sync="off")
    assert "They are left as they are." in done.text
    assert (await settings(admin)).contacts.sync == "off"


async def test_one_real_event_is_tried_and_written_once_before_anything_is_switched_on(
    admin: Agent, world: World
) -> None:
    await connect(admin)
    await world.seed_pipedrive(persons=[PERSON])
    await world.happen("customer", **CARD)
    await world.happen("call", number="601000001", at=ago().isoformat(), talk=1)
    await world.happen("call", number="601000999", at=ago().isoformat(), talk=1)
    shown = await pressed(admin, "settings/set-up/test", "settings/set-up/test")
    assert "Inbound call, answered" in shown.text
    assert "Waits for the customer to appear in Pipedrive." in shown.text
    assert await world.activities() == []
    action = admin.console("settings/set-up/test/write")
    form = shown.form(action)
    for _ in range(2):
        done = await admin.press(action, form)
        assert "It is in Pipedrive, as one completed activity." in done.text, done.text
        assert re.search(r'href="https://przyklad\.pipedrive\.com/activities/\d+"', done.page)
    (activity,) = await world.activities()
    assert activity["done"]
    assert (await admin.tenant.audit.entries())[0].action == "test"

    done = await pressed(admin, "settings/set-up/test", "settings/set-up/test/switch", act="on")
    assert done.path.startswith(admin.console())
    tenant = await admin.here.service.tenant(admin.tenant.id)
    assert tenant.installed.runs
    await admin.here.jobs.catch_up()
    assert len(await world.activities()) == 1
    counts = await tenant.ledger.counts()
    assert (counts["done"], counts["waiting"]) == (1, 1)


async def test_a_test_of_somebody_unknown_says_what_it_waits_for_and_can_be_tried_again(
    admin: Agent, world: World
) -> None:
    await connect(admin)
    await world.seed_pipedrive(persons=[{"name": "Ktoś", "phones": ["+48601000555"]}])
    await world.happen("call", number="601000555", at=ago().isoformat(), talk=1)
    unknown = await world.happen("call", number="601000001", at=ago().isoformat(), talk=1)
    shown = await pressed(admin, "settings/set-up/test", "settings/set-up/test")
    action = admin.console("settings/set-up/test/write")
    form = shown.form(action) | {"event": str(unknown["id"])}
    done = await admin.press(action, form)
    assert "Its customer is not in Pipedrive yet" in done.text, done.text
    gone = await admin.press(action, form | {"event": "987654"})
    assert "Look for the newest ones again" in gone.text.replace("look for", "Look for"), gone.text
    assert await world.activities() == []

    await world.seed_pipedrive(persons=[PERSON])
    await admin.tenant.index.begin_anew()
    done = await admin.press(action, form)
    assert "It is in Pipedrive" in done.text, done.text
    assert len(await world.activities()) == 1


async def test_it_is_switched_on_only_with_both_sides_connected_and_can_be_switched_off(admin: Agent) -> None:
    refused = await pressed(admin, "settings/set-up/test", "settings/set-up/test/switch", act="on")
    assert "Connect Pipedrive and a contact centre first." in refused.text
    assert not (await settings(admin)).switched_on
    await connect(admin)
    await pressed(admin, "settings/set-up/test", "settings/set-up/test/switch", act="on")
    assert (await settings(admin)).switched_on
    off = await pressed(admin, "settings/set-up/test", "settings/set-up/test/switch", act="off")
    assert "It is switched off" in off.text
    assert not (await settings(admin)).switched_on


async def test_two_administrators_do_not_overwrite_each_other(admin: Agent) -> None:
    shown = await admin.open(admin.console("settings"))
    action = admin.console("settings/times")
    form = shown.form(action)
    await admin.press(action, form | {"zone": "Europe/Vilnius"})
    late = await admin.press(action, form | {"zone": "Europe/Berlin"})
    assert "Somebody else has changed the settings meanwhile" in late.text
    assert (await settings(admin)).zone == "Europe/Vilnius"


async def test_a_form_of_the_set_up_leads_nowhere_else(admin: Agent) -> None:
    shown = await admin.open(admin.console("settings/set-up/pipedrive"))
    action = admin.console("settings/times")
    form = (await admin.open(admin.console("settings"))).form(action)
    for step in ("https://example.com", "../../me", "x"):
        done = await admin.press(action, form | {"step": step})
        assert done.path.startswith(admin.console("settings") + "?said=")
        form = (await admin.open(admin.console("settings"))).form(action)
    assert shown.status == 200


async def test_what_pipedrive_does_not_answer_is_said_and_nothing_is_lost(admin: Agent, world: World) -> None:
    await connect(admin)
    await world.fault("pipedrive", "status_before", path="/api/v2/personFields", status=500, times=50)
    shown = await admin.open(admin.console("settings/set-up/special-fields"))
    assert shown.status == 503
    assert "does not answer as it should" in shown.text
    assert (await admin.open(admin.console("settings/set-up/records"))).status == 200


async def test_nothing_is_tried_of_an_installation_that_is_gone(admin: Agent) -> None:
    await admin.here.service.delete(admin.tenant.id)
    with pytest.raises(Misconfigured):
        await admin.here.service.tenant(admin.tenant.id)
    assert (await admin.open(admin.console("settings/set-up"))).status == 401


async def test_passwords_of_a_contact_centre_cannot_be_guessed_at_will(admin: Agent) -> None:
    address = admin.console("settings/centre")
    fields = (await admin.open(admin.console("settings"))).form(address) | ACCOUNT
    said = [(await admin.press(address, fields | {"password": f"guess {n}"})).status for n in range(14)]
    assert said[:10] == [422] * 10
    assert 429 in said[10:]
