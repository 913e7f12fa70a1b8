"""A customer's page: how he stands, his deals, adding him to Pipedrive, and new deals; only for who has signed in."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from connector.flows.contacts.answering import answer
from connector.flows.contacts.identifying import IGNORE
from tests.at_work import until
from tests.flows.looking import forget_calls, tell
from tests.serving import Served
from tests.web.agents import Agent, an_agent, sign_in
from tests.world import World


@pytest.fixture
async def agent(open_: Served) -> Agent:
    return await an_agent(open_)


async def a_customer(world: World, **details: object) -> int:
    made = await world.happen(
        "customer", **{"name": "Jan", "surname": "Próba", "phone_number": "601000001", **details}
    )
    return int(made["id"])


async def somebody_left_alone(agent: Agent) -> str:
    """The page of a customer who could be two persons, and of whom a person decided that he stays out."""
    await agent.world.seed_pipedrive(
        persons=[{"name": name, "phones": ["+48601000001"]} for name in ("Jan Próba", "Janina Próba")]
    )
    page = agent.page("customers", await a_customer(agent.world))
    await agent.press(page, (await agent.open(page)).fields)
    tenant = await agent.here.service.tenant(agent.tenant.id)
    [asked] = await tenant.questions.open()
    await answer(tenant, agent.here.service.operations, asked.id, IGNORE)
    return page


async def alive(world: World, entity: str) -> list[dict[str, Any]]:
    return [one for one in await world.records(entity) if not one["is_deleted"]]


async def test_a_customer_who_is_not_in_pipedrive_is_added_by_one_press(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    shown = await agent.open(page)
    assert (shown.status, "Not in Pipedrive yet" in shown.text) == (200, True)
    assert await alive(agent.world, "person") == []

    pressed = await agent.press(page, shown.fields)
    [person] = await alive(agent.world, "person")
    assert "The customer is in Pipedrive now." in pressed.text
    assert "Jan Próba" in pressed.text
    assert f".pipedrive.com/person/{person['id']}" in pressed.page
    assert pressed.path.startswith(f"{page}?said=")


async def test_a_result_that_is_loaded_again_presses_nothing_again(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    pressed = await agent.press(page, (await agent.open(page)).fields)
    calls = len([one for one in await agent.world.calls("pipedrive") if one["method"] == "POST"])
    again = await agent.open(pressed.path)
    assert "The customer is in Pipedrive now." in again.text
    assert "is in Pipedrive now" not in (await agent.open(page)).text
    assert len([one for one in await agent.world.calls("pipedrive") if one["method"] == "POST"]) == calls


async def test_a_customers_deals_stand_in_a_table_open_ones_first(agent: Agent) -> None:
    world = agent.world
    page = agent.page("customers", await a_customer(world))
    await agent.press(page, (await agent.open(page)).fields)
    assert "No deals yet." in (await agent.open(page)).text
    await world.seed_pipedrive(
        deals=[
            {"title": "Old", "person": "Jan Próba", "status": "won", "value": 10, "currency": "EUR"},
            {"title": "<b>Licences</b>", "person": "Jan Próba", "value": 1200.5, "currency": "PLN"},
        ]
    )
    await agent.forget()
    shown = await agent.open(page, "pl")
    assert shown.text.index("<b>Licences</b>") < shown.text.index("Old")
    assert "1\xa0200,50\xa0zł" in shown.page
    bars = re.findall(r'class="(place[^"]*)" role="img" aria-label="etap \d\sz\s\d"', shown.page)
    assert bars == ["place", "place ended"], "of one that has ended, how far it came"
    assert "otwarta" in shown.text
    assert "wygrana" in shown.text


async def test_of_several_who_could_be_meant_the_agent_chooses_one(agent: Agent) -> None:
    world = agent.world
    await world.seed_pipedrive(
        persons=[
            {"name": "Jan Próba", "phones": ["+48601000001"]},
            {"name": "Janina Próba", "phones": ["+48601000001"]},
        ]
    )
    page = agent.page("customers", await a_customer(world))
    pressed = await agent.press(page, (await agent.open(page)).fields)
    assert "Several in Pipedrive could be this customer" in pressed.text
    assert "Janina Próba" in pressed.text
    [_, second] = await alive(world, "person")
    chosen = await agent.press(page, pressed.fields | {"person": str(second["id"])})
    assert "both sides belong together now" in chosen.text
    assert f"/person/{second['id']}" in chosen.page
    assert len(await alive(world, "person")) == 2


async def a_company(world: World, **details: object) -> int:
    """A company's own customer record."""
    made = await world.happen("company", name="Dachy Próba sp. z o.o.", **details)
    return int(made["customer_id"])


TWO_ORGANIZATIONS = [
    {"name": "Dachy Próba sp. z o.o.", "address": {"value": "Łódź"}},
    {"name": "DACHY PRÓBA Sp. z o.o.", "address": {"value": "Radom"}},
]


async def test_of_several_organizations_the_agent_chooses_the_one_that_a_companys_own_card_is(
    agent: Agent,
) -> None:
    world = agent.world
    await world.seed_pipedrive(organizations=TWO_ORGANIZATIONS)
    page = agent.page("customers", await a_company(world))
    pressed = await agent.press(page, (await agent.open(page)).fields)
    assert "Several in Pipedrive could be this customer" in pressed.text
    assert "None of them: add a new organization" in pressed.text
    _, second = await alive(world, "organization")
    assert f"/organization/{second['id']}" in pressed.page
    chosen = await agent.press(page, pressed.fields | {"person": str(second["id"])})
    assert "both sides belong together now" in chosen.text
    assert f"/organization/{second['id']}" in chosen.page
    assert (len(await alive(world, "organization")), await alive(world, "person")) == (2, [])


async def test_a_companys_own_card_may_become_an_organization_of_its_own(agent: Agent) -> None:
    world = agent.world
    await world.seed_pipedrive(organizations=TWO_ORGANIZATIONS)
    page = agent.page("customers", await a_company(world))
    pressed = await agent.press(page, (await agent.open(page)).fields)
    made = await agent.press(page, pressed.fields | {"person": "new"})
    assert "both sides belong together now" in made.text
    assert (len(await alive(world, "organization")), await alive(world, "person")) == (3, [])


async def test_which_organization_a_companys_own_card_is_is_chosen_with_the_deal(agent: Agent) -> None:
    world = agent.world
    await world.seed_pipedrive(organizations=TWO_ORGANIZATIONS)
    page = agent.page("customers", await a_company(world)) + "/new-deal"
    asked = await agent.press(page, (await agent.open(page)).fields | {"title": "Dach"})
    assert (asked.status, "None of them: add a new organization" in asked.text) == (422, True)
    assert "Żadna z nich: dodaj nową firmę" in (await agent.open(page, "pl")).text
    assert "Choose which one it is." in (await agent.press(page, asked.fields)).text
    _, second = await alive(world, "organization")
    await agent.press(page, asked.fields | {"person": str(second["id"])})
    [deal] = await alive(world, "deal")
    assert (deal["org_id"], deal["person_id"]) == (second["id"], None)


async def test_who_was_left_alone_may_be_chosen_after_all(agent: Agent) -> None:
    world, page = agent.world, await somebody_left_alone(agent)
    shown = await agent.open(page)
    assert "Somebody decided that this customer stays out of Pipedrive." in shown.text
    assert "Janina Próba" in shown.text
    [_, second] = await alive(world, "person")
    chosen = await agent.press(page, shown.fields | {"person": str(second["id"])})
    assert "both sides belong together now" in chosen.text
    assert f"/person/{second['id']}" in chosen.page
    assert len(await alive(world, "person")) == 2


async def test_a_customer_who_is_left_alone_gets_a_deal_once_it_is_chosen_who_it_is(agent: Agent) -> None:
    world, page = agent.world, await somebody_left_alone(agent)
    form = (await agent.open(f"{page}/new-deal")).fields
    assert "Choose which one it is." in (await agent.press(f"{page}/new-deal", form)).text
    [_, second] = await alive(world, "person")
    both = [agent.press(f"{page}/new-deal", form | {"person": str(second["id"])}) for _ in range(2)]
    assert ["The deal is in Pipedrive." in one.text for one in await asyncio.gather(*both)] == [True, True]
    assert [one["person_id"] for one in await alive(world, "deal")] == [second["id"]]


async def test_a_deal_of_a_customer_who_is_not_in_step_adds_him_first(agent: Agent) -> None:
    world = agent.world
    page = agent.page("customers", await a_customer(world))
    form = await agent.open(f"{page}/new-deal")
    assert "not linked yet: found in Pipedrive or added there first, in the same step" in form.text
    wanted = form.fields | {"title": "Licences", "value": "1 200,50", "currency": "pln"}
    made = await agent.press(f"{page}/new-deal", wanted)
    [person], [deal] = await alive(world, "person"), await alive(world, "deal")
    assert "The deal is in Pipedrive." in made.text
    assert (deal["title"], deal["value"], deal["currency"]) == ("Licences", 1200.5, "PLN")
    assert (deal["person_id"], str(deal["owner_id"])) == (person["id"], agent.tenant.installed.owner_user_id)
    assert str(deal["stage_id"]) == wanted["stage"]

    # Pressed once more, in the same tab or another one.
    assert "The deal is in Pipedrive." in (await agent.press(f"{page}/new-deal", wanted)).text
    assert len(await alive(world, "deal")) == 1


async def test_a_form_that_was_open_for_long_is_sent_without_reading_the_catalogue_again(
    agent: Agent,
) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    await agent.press(page, (await agent.open(page)).fields)
    form = (await agent.open(f"{page}/new-deal")).fields | {"title": "Licences"}
    agent.here.service.clock.move_to(timedelta(minutes=11))
    await forget_calls(agent.world, "pipedrive")
    made = await agent.press(f"{page}/new-deal", form)
    assert "The deal is in Pipedrive." in made.text
    asked = {call["path"].rpartition("/")[2] for call in await agent.world.calls("pipedrive")}
    assert "deals" in asked
    assert asked.isdisjoint({"pipelines", "stages"}), asked


async def test_errors_stand_beside_their_fields_and_what_was_written_is_kept(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world)) + "/new-deal"
    form = (await agent.open(page)).fields
    shown = await agent.press(
        page, form | {"title": " ", "value": "<lots>", "currency": "zł", "stage": "999"}
    )
    assert shown.status == 422
    assert 'aria-describedby="title-told"' in shown.page
    assert "Write a title for the deal." in shown.text
    assert "This stage is no longer in Pipedrive." in shown.text
    assert "Write the value in figures" in shown.text
    assert "Write the currency in three letters" in shown.text
    assert 'value="&lt;lots&gt;"' in shown.page
    assert await alive(agent.world, "deal") == []


async def test_an_equal_title_is_asked_about_and_made_if_it_is_meant(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world)) + "/new-deal"
    for _ in range(2):
        form = (await agent.open(page)).fields | {"title": "Licences"}
        shown = await agent.press(page, form)
    assert (shown.status, "A deal of this title was made a few minutes ago." in shown.text) == (422, True)
    assert len(await alive(agent.world, "deal")) == 1
    meant = await agent.press(page, shown.fields | {"same_title": "meant"})
    assert "The deal is in Pipedrive." in meant.text
    assert len(await alive(agent.world, "deal")) == 2


async def test_what_pipedrive_refuses_is_said_and_the_form_is_kept(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    await agent.press(page, (await agent.open(page)).fields)
    form = (await agent.open(f"{page}/new-deal")).fields | {"title": "Licences", "value": "7"}
    await tell(agent.world, "pipedrive", "company", caps={"open_deals": 0})
    shown = await agent.press(f"{page}/new-deal", form)
    assert (shown.status, "The deal was not made." in shown.text) == (422, True)
    assert "plan" in shown.text
    assert shown.fields["value"] == "7"


async def test_what_was_written_is_kept_where_pipedrive_is_down(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world)) + "/new-deal"
    form = (await agent.open(page)).fields | {"title": "Licences", "value": "7"}
    agent.here.service.clock.move_to(timedelta(minutes=2))
    await agent.world.fault("pipedrive", "status_before", path="/", status=503, times=None)
    shown = await agent.press(page, form)
    assert "Pipedrive or the contact centre does not answer." in shown.text
    assert (shown.fields["title"], shown.fields["value"]) == ("Licences", "7")
    assert "without a name" not in shown.text
    await agent.world.mend("pipedrive")
    agent.here.service.clock.move_to(timedelta(minutes=7))
    made = await agent.press(page, shown.fields)
    assert "The deal is in Pipedrive." in made.text
    assert len(await alive(agent.world, "deal")) == 1


async def test_a_lost_answer_is_looked_for_and_the_page_follows(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    await agent.press(page, (await agent.open(page)).fields)
    form = (await agent.open(f"{page}/new-deal")).fields | {"title": "Licences"}
    await agent.world.fault("pipedrive", "reset_after", path="/api/v2/deals", method="POST")
    await agent.world.fault(
        "pipedrive", "status_before", path="/api/v2/deals", method="GET", status=503, times=None
    )
    shown = await agent.press(f"{page}/new-deal", form)
    assert "Looking…" in shown.text
    assert 'data-again="' in shown.page
    await agent.world.mend("pipedrive")
    agent.here.service.clock.move_to(timedelta(minutes=5))

    async def found() -> bool:
        return "The deal is in Pipedrive." in (await agent.open(shown.path)).text

    await until(found)
    assert len(await alive(agent.world, "deal")) == 1


# who may come in


async def test_a_stranger_is_shown_the_way_to_sign_in_and_nothing_else(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    agent.cookie = ""
    shown = await agent.open(page)
    assert (shown.status, "Sign in to see deals here" in shown.text) == (401, True)
    assert "Próba" not in shown.page
    for unknown in ("/embed/999/thulium:demo/customers/1", page.replace("thulium:demo", "thulium:other")):
        other = await agent.open(unknown)
        assert (other.status, "Sign in to see deals here" in other.text) == (401, True)


async def test_only_the_contact_centre_of_the_address_may_frame_the_page(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    for cookie in (agent.cookie, ""):
        agent.cookie = cookie
        policy = (await agent.open(page)).headers["Content-Security-Policy"]
        assert f"frame-ancestors {agent.world.thulium}" in policy
    assert "frame-ancestors 'none'" in (await agent.open("/embed/sign-in")).headers["Content-Security-Policy"]


async def test_a_form_of_another_page_or_site_is_not_followed(agent: Agent) -> None:
    world = agent.world
    page, other = [
        agent.page("customers", await a_customer(world, phone_number=n)) for n in ("601000001", "601000002")
    ]
    theirs = (await agent.open(other)).fields
    assert "This page was open too long." in (await agent.press(page, theirs)).text
    own = (await agent.open(page)).fields
    elsewhere = await agent.press(page, own, **{"Sec-Fetch-Site": "cross-site"})
    assert "This page was open too long." in elsewhere.text
    assert await alive(world, "person") == []


async def test_deals_of_others_are_hidden_unless_the_whole_company_may_see_them(open_: Served) -> None:
    agent = await an_agent(open_)
    world = open_.world
    page = agent.page("customers", await a_customer(world))
    await agent.press(page, (await agent.open(page)).fields)
    await world.seed_pipedrive(
        deals=[
            {"title": "Mine", "person": "Jan Próba", "visible_to": 1},
            {"title": "Everybody’s", "person": "Jan Próba", "visible_to": 3},
        ]
    )
    await agent.forget()
    guest = await sign_in(open_, agent.tenant, None)
    shown = await guest.open(page)
    assert "Everybody’s" in shown.text
    assert "Mine" not in shown.page
    assert "Not shown: 1" in shown.text


async def test_an_equal_title_is_asked_about_without_telling_of_a_deal_that_is_hidden(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    await agent.press(page, (await agent.open(page)).fields)
    [person] = await alive(agent.world, "person")
    await agent.world.edit(
        entity="deal", action="create",
        changes={"title": "Tajna", "person_id": person["id"], "visible_to": 1},
    )  # fmt: skip
    await agent.forget()
    other = await sign_in(agent.here, agent.tenant, None)
    form = (await other.open(page + "/new-deal")).fields
    assert form["owner"] == "", "an agent who is no user makes nobody the owner unasked"
    unowned = await other.press(page + "/new-deal", form)
    assert "Choose an owner." in unowned.text
    owned = form | {"owner": str(agent.tenant.installed.owner_user_id)}
    asked = await other.press(page + "/new-deal", owned | {"title": "tajna"})
    assert "A deal of this title" in asked.text
    assert "pipedrive.com/deal/" not in asked.page


async def test_ten_agents_who_open_a_card_at_once_cost_two_calls(agent: Agent) -> None:
    page = agent.page("customers", await a_customer(agent.world))
    await agent.press(page, (await agent.open(page)).fields)
    agent.here.service.clock.move_to(timedelta(minutes=2))
    await forget_calls(agent.world, "pipedrive")
    shown = await asyncio.gather(*(agent.open(page) for _ in range(10)))
    assert {one.status for one in shown} == {200}
    asked = [call["path"] for call in await agent.world.calls("pipedrive")]
    assert sum("/persons/" in path for path in asked) == 1, asked
    assert asked.count("/api/v2/deals") == 1, asked
