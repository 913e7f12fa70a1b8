"""A ticket's page: its deal is made once, the ticket shows it, and another one is an explicit second step."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from connector.flows.deals.back_linking import GIVEN_UP
from tests.flows.looking import forget_calls, tell
from tests.serving import Served
from tests.web.agents import CONNECTION, Agent, an_agent
from tests.web.embed.test_customer import TWO_ORGANIZATIONS, a_company, a_customer, alive
from tests.world import World


@pytest.fixture
async def agent(open_: Served) -> Agent:
    return await an_agent(open_, special_fields={"ticket_deal_link": "Pipedrive"})


async def a_ticket(world: World, customer: int | None, subject: str = "Nowe licencje") -> int:
    who = {"customer_id": customer} if customer is not None else {}
    made = await world.happen("ticket", subject=subject, body="Dzień dobry", **who)
    return int(made["id"])


async def comments(agent: Agent, ticket: int) -> list[dict[str, Any]]:
    url = f"{agent.world.thulium}/_sandbox/events"
    async with agent.world.http.get(url) as answer:
        rows = await answer.json()
    return [row for row in rows if row["type"] == "COMMENT"]


async def test_a_deal_is_made_from_a_ticket_with_its_subject_as_title(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    form = await agent.open(page)
    assert form.fields["title"] == "Nowe licencje"
    assert "gets the deal’s address" in form.text
    made = await agent.press(page, form.fields)
    [deal] = await alive(agent.world, "deal")
    assert (made.path, deal["title"]) == (page, "Nowe licencje")
    assert "This ticket has its deal in Pipedrive" in made.text
    assert f".pipedrive.com/deal/{deal['id']}" in made.page
    assert "Its address" in made.text
    assert "All deals of this customer" in made.text


async def test_pressed_twice_in_two_tabs_one_deal_is_made(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    form = (await agent.open(page)).fields
    first, second = await asyncio.gather(agent.press(page, form), agent.press(page, form))
    assert first.status == second.status == 200
    assert len(await alive(agent.world, "deal")) == 1


async def test_another_deal_is_a_step_of_its_own(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    made = await agent.press(page, (await agent.open(page)).fields)
    assert "<select" not in made.page
    assert f'href="{page}?another=1"' in made.page
    form = (await agent.open(f"{page}?another=1")).fields
    assert form["place"] == "2"
    both = await agent.press(page, form | {"title": "Szkolenie"})
    assert {one["title"] for one in await alive(agent.world, "deal")} == {"Nowe licencje", "Szkolenie"}
    assert both.text.count("Its address") == 2


async def test_a_deal_that_was_deleted_in_pipedrive_makes_room_for_a_new_one(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    await agent.press(page, (await agent.open(page)).fields)
    [deal] = await alive(agent.world, "deal")
    await agent.world.edit(entity="deal", action="delete", id=deal["id"])
    tenant = await agent.here.service.tenant(agent.tenant.id)
    await tenant.deals.gone(str(deal["id"]))
    shown = await agent.open(page)
    assert "It was deleted in Pipedrive. You can make a new one." in shown.text
    await agent.press(page, shown.fields)
    assert len(await alive(agent.world, "deal")) == 1


async def test_a_ticket_without_a_customer_says_what_to_do(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, None))
    shown = await agent.open(page)
    assert "This ticket has no customer." in shown.text
    assert "Choose or enter the customer on the ticket" in shown.text
    assert "<select" not in shown.page
    assert "no such ticket" in (await agent.open(agent.page("tickets", 999999))).text


async def test_a_lost_answer_is_said_and_the_page_follows_by_itself(agent: Agent) -> None:
    customer = await a_customer(agent.world)
    page = agent.page("customers", customer)
    await agent.press(page, (await agent.open(page)).fields)
    page = agent.page("tickets", await a_ticket(agent.world, customer))
    form = (await agent.open(page)).fields
    await agent.world.fault("pipedrive", "reset_after", path="/api/v2/deals", method="POST")
    await agent.world.fault(
        "pipedrive", "status_before", path="/api/v2/deals", method="GET", times=None, status=503
    )
    doubtful = await agent.press(page, form)
    assert "Looking…" in doubtful.text
    assert 'http-equiv="refresh"' in doubtful.page
    assert "<select" not in doubtful.page


async def test_a_link_that_cannot_be_written_is_said_with_what_to_do(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    form = (await agent.open(page)).fields
    for method in ("PUT", "POST"):
        await agent.world.fault(
            "thulium", "status_before", path="/api/tickets", method=method, times=None, status=503
        )
    made = await agent.press(page, form)
    assert "Its address is being written into the ticket." in made.text
    tenant = await agent.here.service.tenant(agent.tenant.id)
    [row] = await tenant.deals.of_ticket(f"{CONNECTION}/{page.rpartition('/')[2]}")
    assert await tenant.deals.not_linked(row, GIVEN_UP, again_at=None)
    shown = await agent.open(page, "pl")
    assert "zgłoszenie jej nie pokazuje" in shown.text
    assert "Contact center nie przyjęło linku. Wklej adres szansy sprzedaży do zgłoszenia." in shown.text


async def test_who_of_several_is_meant_is_chosen_with_the_deal(agent: Agent) -> None:
    world = agent.world
    await world.seed_pipedrive(
        persons=[{"name": name, "phones": ["+48601000001"]} for name in ("Adam Próba", "Ewa Próba")]
    )
    page = agent.page("tickets", await a_ticket(world, await a_customer(world, name="A.")))
    asked = await agent.press(page, (await agent.open(page)).fields)
    assert (asked.status, "Several in Pipedrive could be this customer." in asked.text) == (422, True)
    assert await alive(world, "deal") == []
    unchosen = await agent.press(page, asked.fields)
    assert "Choose which one it is." in unchosen.text
    ewa = next(one for one in await alive(world, "person") if one["name"] == "Ewa Próba")
    made = await agent.press(page, unchosen.fields | {"person": str(ewa["id"])})
    [deal] = await alive(world, "deal")
    assert deal["person_id"] == ewa["id"]
    assert "This ticket has its deal in Pipedrive" in made.text


async def test_which_organization_a_company_is_is_chosen_with_the_deal_of_its_ticket(agent: Agent) -> None:
    world = agent.world
    await world.seed_pipedrive(organizations=TWO_ORGANIZATIONS)
    page = agent.page("tickets", await a_ticket(world, await a_company(world)))
    asked = await agent.press(page, (await agent.open(page)).fields)
    assert (asked.status, "None of them: add a new organization" in asked.text) == (422, True)
    first, _ = await alive(world, "organization")
    made = await agent.press(page, asked.fields | {"person": str(first["id"])})
    [deal] = await alive(world, "deal")
    assert (deal["org_id"], deal["person_id"]) == (first["id"], None)
    assert "This ticket has its deal in Pipedrive" in made.text


async def test_a_refusal_is_said_at_the_ticket_until_it_is_mended(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    form = (await agent.open(page)).fields | {"value": "7"}
    await tell(agent.world, "pipedrive", "company", caps={"open_deals": 0})
    refused = await agent.press(page, form)
    assert "Your Pipedrive plan allows no more open deals." in refused.text
    assert refused.fields["value"] == "7"
    assert "Plan Pipedrive nie pozwala na więcej otwartych szans" in (await agent.open(page, "pl")).text
    await tell(agent.world, "pipedrive", "company", caps={})
    assert "This ticket has its deal" in (await agent.press(page, refused.fields)).text


async def test_a_ticket_that_is_looked_at_all_the_time_costs_no_list_each_time(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    await agent.press(page, (await agent.open(page)).fields)
    await agent.open(page)
    await forget_calls(agent.world, "pipedrive")
    for _ in range(10):
        await agent.open(page)
    lists = [call for call in await agent.world.calls("pipedrive") if call["path"] == "/api/v2/deals"]
    assert len(lists) <= 1


async def test_a_ticket_is_known_by_one_number_alone(agent: Agent) -> None:
    ticket = await a_ticket(agent.world, await a_customer(agent.world))
    page = agent.page("tickets", ticket)
    await agent.press(page, (await agent.open(page)).fields)
    shown = await agent.open(agent.page("tickets", f"0{ticket}"))
    assert not shown.fields
    assert "no such ticket" in shown.text
    assert (await agent.open(agent.page("tickets", ".."))).status == 404


async def test_a_ticket_of_three_deals_is_shown_by_one_list(agent: Agent) -> None:
    page = agent.page("tickets", await a_ticket(agent.world, await a_customer(agent.world)))
    await agent.press(page, (await agent.open(page)).fields)
    for title in ("Drugi", "Trzeci"):
        form = (await agent.open(f"{page}?another=1")).fields
        await agent.press(page, form | {"title": title})
    agent.here.service.clock.move_to(timedelta(minutes=2))
    await agent.open(page)
    agent.here.service.clock.move_to(timedelta(minutes=4))
    await forget_calls(agent.world, "pipedrive")
    shown = await agent.open(page)
    assert all(title in shown.text for title in ("Nowe licencje", "Drugi", "Trzeci"))
    asked = [call["path"] for call in await agent.world.calls("pipedrive") if "/deals" in call["path"]]
    assert asked == ["/api/v2/deals"]
