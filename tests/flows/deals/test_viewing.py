"""A customer's deals as an agent sees them: which, in what order, how true, and for how many calls."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.flows.deals.catalogue import catalogue, keep_catalogue
from connector.flows.deals.viewing import Viewer
from tests.flows.deals.counter import Counter, open_counter

LIST = "GET /api/v2/deals"


def add(counter: Counter, title: str, **changes: object) -> dict[str, Any]:
    person = counter.persons()[0]["id"]
    made: dict[str, Any] = counter.edit(
        "deal", "create", changes={"title": title, "person_id": person, **changes}
    )
    return made


async def test_a_customer_who_is_not_in_step_has_no_deals_and_costs_no_call(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        shown = await counter.tab()
        assert (shown.pair, shown.person_link, list(shown.deals)) == (None, None, [])
        assert counter.calls() == []


async def test_open_deals_come_first_then_the_newest_with_stage_owner_and_link(counter: Counter) -> None:
    for title, status in (("stary", "open"), ("wygrany", "won"), ("nowy", "open"), ("przegrany", "lost")):
        add(counter, title, status=status, stage_id=3, value=100, currency="EUR")
        await counter.day.move(60)
    shown = await counter.tab()
    assert [deal.title for deal in shown.deals] == ["nowy", "stary", "przegrany", "wygrany"]
    first = shown.deals[0]
    assert (first.place, first.places, first.status) == (3, 5, "open")
    assert (first.value, first.currency, first.link) == (Decimal(100), "EUR", counter.page(3))
    assert first.owner
    assert first.stage
    assert shown.totals == {"EUR": Decimal(200)}
    assert shown.person_link == f"https://{counter.day.company.domain}.pipedrive.com/person/1"


async def test_archived_and_deleted_deals_are_not_shown(counter: Counter) -> None:
    for title in ("w archiwum", "usunięty"):
        add(counter, title)
    counter.edit("deal", "change", id=1, changes={"is_archived": True})
    counter.edit("deal", "delete", id=2)
    assert list((await counter.tab()).deals) == []


async def test_an_agent_sees_own_deals_and_those_of_the_whole_company(counter: Counter) -> None:
    mine, other = list(counter.day.company.users)[:2]
    whole = int((await catalogue(await counter.tenant())).whole_company)
    for title, owner, visible in (("mój", mine, 1), ("cudzy", other, 1), ("wspólny", other, whole)):
        add(counter, title, owner_id=owner, visible_to=visible)
    shown = await counter.tab(Viewer(str(mine), sees_all=False))
    assert {deal.title: deal.mine for deal in shown.deals} == {"mój": True, "wspólny": False}
    assert shown.hidden == 1
    stranger = await counter.tab(Viewer(None, sees_all=False))
    assert ([deal.title for deal in stranger.deals], stranger.hidden) == (["wspólny"], 2)
    assert (await counter.tab()).hidden == 0


async def test_an_admin_may_show_all_deals_to_everybody(tmp_path: Path) -> None:
    async with open_counter(tmp_path, deals={"visible": "all"}) as counter:
        add(counter, "cudzy", visible_to=1)
        assert (await counter.tab(Viewer(None, sees_all=False))).hidden == 0


async def test_ten_agents_who_open_a_card_at_once_cost_one_call(counter: Counter) -> None:
    await counter.tab()
    await counter.day.move(60)
    counter.forget_calls()
    await asyncio.gather(*(counter.tab(fresh=False) for _ in range(10)))
    assert counter.calls() == [LIST]
    await counter.day.move(6)
    await counter.tab(fresh=False)
    assert counter.calls() == [LIST, LIST]


async def test_a_companys_card_shows_the_deals_of_its_organization(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        counter.day.seed(companies=[{"company_id": 5, "name": "Dachy Próba sp. z o.o."}])
        counter.customer = f"thulium:demo/{counter.day.system.companies[5].card.customer_id}"
        await counter.put_in_step()
        counter.edit("deal", "create", changes={"title": "firmowy", "org_id": 1})
        shown = await counter.tab()
        assert [deal.title for deal in shown.deals] == ["firmowy"]
        assert str(shown.person_link).endswith("/organization/1")


async def test_a_stage_that_is_new_is_read_when_a_deal_is_met_in_it(counter: Counter) -> None:
    await counter.tab()
    company = counter.day.company
    row = dict(company.stages.records[1]) | {"id": company.stages.next_id, "name": "Nowiutki", "order_nr": 9}
    company.stages.add(row)
    add(counter, "nowy", stage_id=row["id"])
    await counter.day.move(120)
    assert (await counter.tab()).deals[0].stage == "Nowiutki"


async def test_the_catalogue_is_at_hand_before_a_tab_is_opened(tmp_path: Path) -> None:
    fields = {"customer_deals_page": "Pipedrive"}
    async with open_counter(tmp_path, special_fields=fields) as counter:
        for _ in range(3):
            await keep_catalogue(await counter.tenant())
        # Whose browser opens a tab is looked up among them.
        assert (await counter.tenant()).directory.read_at is not None
        counter.forget_calls()
        await counter.tab()
        assert counter.calls() == [LIST]
        await counter.day.move(3600)
        counter.forget_calls()
        await keep_catalogue(await counter.tenant())
        assert "GET /api/v2/stages" not in counter.calls()  # nobody has asked for it
        counter.forget_calls()
        await counter.tab(fresh=False)
        assert [call for call in counter.calls() if "token" not in call] == [LIST]
        counter.forget_calls()
        await keep_catalogue(await counter.tenant())
        assert len(counter.calls()) == 4
        # A week-end later nobody waits for it either.
        await counter.day.move(60 * 3600)
        await keep_catalogue(await counter.tenant())
        counter.forget_calls()
        await counter.tab(fresh=False)
        assert [call for call in counter.calls() if "token" not in call] == [LIST]


async def test_renamed_moved_won_and_revalued_deals_show_so(counter: Counter) -> None:
    add(counter, "nazwa")
    await counter.tab()
    counter.edit(
        "deal", "change", id=1, changes={"title": "inna", "stage_id": 2, "status": "won", "value": 9}
    )
    await counter.day.move(6)
    [deal] = (await counter.tab(fresh=False)).deals
    assert (deal.title, deal.place, deal.status, deal.value) == ("inna", 2, "won", Decimal(9))
