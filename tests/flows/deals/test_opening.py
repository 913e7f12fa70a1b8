"""Opening a deal: what is written, what is asked first, and what an agent is told when it cannot be."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connector.flows.contacts.answering import answer
from connector.flows.deals import reasons
from connector.flows.deals.opening import Result, choose_person, deals_of_ticket
from connector.sandbox.pipedrive.app import WORLD
from connector.sandbox.pipedrive.deals import add_pipeline
from connector.store.opened import Link, State
from tests.flows.deals.counter import NUMBER, Counter, open_counter

CREATE = {"method": "POST", "path": "^/api/v2/deals$"}


async def test_a_deal_is_made_with_person_stage_owner_and_value_and_the_ticket_holds_its_address(
    counter: Counter,
) -> None:
    users = counter.day.company.users.values()
    owner = next(user.id for user in users if not user.admin and user.active)
    opened = await counter.press(stage_id="3", owner_id=str(owner), value=Decimal("1234.10"), currency="eur")
    assert (opened.result, opened.back_link) == (Result.MADE, Link.FIELD)
    deal = counter.deal()
    assert (deal["title"], deal["stage_id"], deal["owner_id"]) == ("Nowy dach", 3, owner)
    assert (deal["value"], deal["currency"]) == (1234.1, "EUR")
    assert deal["person_id"] == counter.persons()[0]["id"]
    assert counter.link() == opened.link == counter.page(opened.deal_id)


async def test_a_deal_after_a_look_at_the_tab_costs_one_write(counter: Counter) -> None:
    await counter.tab()
    counter.forget_calls()
    await counter.press()
    assert counter.calls() == ["POST /api/v2/deals"]


async def test_the_organization_of_the_person_goes_along(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        organization = counter.edit("organization", "create", changes={"name": "Dachy Próba"})
        counter.edit("person", "create", changes={
            "name": "Jan Próba", "phones": [{"value": NUMBER}], "org_id": organization["id"]})  # fmt: skip
        assert (await counter.press()).result is Result.MADE
        assert counter.deal()["org_id"] == organization["id"]


async def test_a_companys_own_record_gets_a_deal_of_its_organization_alone(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        counter.day.seed(companies=[{"company_id": 5, "name": "Dachy Próba sp. z o.o."}])
        card = counter.day.system.companies[5].card.customer_id
        opened = await counter.press(customer_key=f"thulium:demo/{card}")
        assert opened.result is Result.MADE
        assert (counter.deal()["person_id"], counter.persons()) == (None, [])
        assert counter.deal()["org_id"] in counter.day.company.organizations.records


async def test_a_customer_who_is_not_in_step_is_put_into_pipedrive_first(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        assert (await counter.press()).result is Result.MADE
        assert counter.deal()["person_id"] == counter.persons()[0]["id"]


async def test_pressing_twice_at_once_in_two_tabs_and_later_makes_one_deal(counter: Counter) -> None:
    opened = await asyncio.gather(*(counter.press() for _ in range(4)))
    assert sorted(one.result for one in opened) == [Result.MADE, *3 * [Result.THERE]]
    assert {one.deal_id for one in opened} == {str(counter.deal()["id"])}
    assert (await counter.press(title="Inny")).result is Result.THERE


async def test_pressing_twice_at_once_for_one_not_in_step_makes_one_person_and_one_deal(
    tmp_path: Path,
) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        await asyncio.gather(*(counter.press() for _ in range(3)))
        assert (len(counter.deals()), len(counter.persons())) == (1, 1)


async def test_another_deal_needs_the_first_to_stand_and_its_address_is_a_comment(counter: Counter) -> None:
    assert (await counter.press(2)).reason == reasons.BEFORE_FIRST
    await counter.press()
    first = counter.link()
    other = await counter.press(2, title="Okna")
    assert (other.result, other.back_link) == (Result.MADE, Link.COMMENT)
    assert counter.link() == first
    assert [str(other.link) in one for one in counter.comments()] == [True]
    rows = await deals_of_ticket(await counter.tenant(), counter.ticket)
    assert [(row.ordinal, row.state) for row in rows] == [(1, State.MADE), (2, State.MADE)]


async def test_an_equal_open_title_of_the_last_minutes_asks_first(counter: Counter) -> None:
    first = await counter.press()
    asked = await counter.press(2, title=" nowy DACH ")
    assert (asked.result, asked.link) == (Result.SAME_TITLE, first.link)
    assert (await counter.press(2, title=" nowy DACH ", same_title_is_meant=True)).result is Result.MADE
    assert len(counter.deals()) == 2


async def test_an_equal_title_that_is_closed_or_old_does_not_ask(counter: Counter) -> None:
    await counter.press()
    counter.edit("deal", "change", id=1, changes={"status": "lost"})
    await counter.day.move(601)
    assert (await counter.press(2)).result is Result.MADE
    await counter.day.move(1200)
    assert (await counter.press(3)).result is Result.MADE


async def test_several_who_could_be_the_customer_are_asked_about_and_the_choice_goes_on(
    tmp_path: Path,
) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        for name in ("Jan Inny", "Anna Inna"):
            counter.edit("person", "create", changes={"name": name, "phones": [{"value": NUMBER}]})
        opened = await counter.press()
        assert opened.result is Result.SEVERAL
        tenant, operations = await counter.tenant(), counter.service.operations
        [asked] = await tenant.questions.open()
        chosen = asked.candidates[1]
        wrong = await choose_person(tenant, operations, counter.order(), asked, "999")
        assert wrong.result is Result.SEVERAL
        both = [choose_person(tenant, operations, counter.order(), asked, chosen) for _ in range(2)]
        assert sorted(one.result for one in await asyncio.gather(*both)) == [Result.MADE, Result.THERE]
        assert str(counter.deal()["person_id"]) == chosen


async def test_a_customer_who_is_to_be_left_alone_gets_no_deal(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        for name in ("Jan Inny", "Anna Inna"):
            counter.edit("person", "create", changes={"name": name, "phones": [{"value": NUMBER}]})
        await counter.press()
        tenant, operations = await counter.tenant(), counter.service.operations
        [asked] = await tenant.questions.open()
        await answer(tenant, operations, asked.id, "ignore")
        opened = await counter.press()
        assert (opened.result, opened.reason) == (Result.REFUSED, reasons.LEFT_ALONE)
        # Somebody may think better of it.
        assert (await choose_person(tenant, operations, counter.order(), asked, "new")).result is Result.MADE


async def test_a_ticket_without_a_customer_or_with_one_that_is_gone_says_so(counter: Counter) -> None:
    assert (await counter.press(customer_key=None)).reason == reasons.NO_CUSTOMER
    opened = await counter.press(customer_key="thulium:demo/999")
    assert (opened.result, opened.reason) == (Result.NO_CUSTOMER, reasons.CUSTOMER_GONE)
    assert (await counter.press()).result is Result.MADE


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"title": "  "}, reasons.NO_TITLE),
        ({"title": "x" * 256}, reasons.LONG_TITLE),
        ({"currency": "zloty"}, reasons.BAD_CURRENCY),
        ({"value": Decimal("NaN")}, reasons.BAD_VALUE),
        ({"value": Decimal("1234567890123.4567")}, reasons.BAD_VALUE),
        ({"stage_id": "99"}, reasons.NO_STAGE),
        ({"stage_id": "6", "pipeline_id": "1"}, reasons.OTHER_STAGE),
        ({"pipeline_id": "99"}, reasons.NO_PIPELINE),
        ({"owner_id": "99"}, reasons.NO_OWNER),
        ({"owner_id": "me"}, reasons.NO_OWNER),
    ],
)
async def test_what_pipedrive_cannot_take_is_said_before_or_after_it_was_asked(
    counter: Counter, wanted: dict[str, Any], reason: str
) -> None:
    add_pipeline(counter.day.company, "Serwis", ["Nowe"], "2026-01-01T00:00:00Z")
    for _ in range(2):  # first nothing is known of Pipedrive, then all
        opened = await counter.press(**wanted)
        assert (opened.result, opened.reason) == (Result.REFUSED, reason)
        await counter.tab()
    assert not counter.deals()
    assert (await counter.press()).result is Result.MADE


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "daily_429"}, reasons.NO_REQUESTS),
        ({"kind": "html_403"}, reasons.BLOCKED),
        ({"kind": "unauthorised", "times": 2}, reasons.NO_ACCESS),
        ({"kind": "status_before", "status": 403}, reasons.NO_RIGHT),
        ({"kind": "status_before", "status": 402}, reasons.CLOSED),
    ],
)
async def test_what_is_in_the_way_is_said_and_the_place_stays_free(
    counter: Counter, fault: dict[str, object], reason: str
) -> None:
    counter.day.fault("pipedrive", **CREATE, **fault)
    opened = await counter.press()
    assert (opened.result, opened.reason) == (Result.REFUSED, reason)
    [row] = await deals_of_ticket(await counter.tenant(), counter.ticket)
    assert (row.state, row.reason, row.body) == (State.REFUSED, reason, None)
    assert not counter.deals()


async def test_a_plan_that_allows_no_more_open_deals_is_explained(counter: Counter) -> None:
    counter.day.company.caps["open_deals"] = 0
    opened = await counter.press()
    assert (opened.result, opened.reason) == (Result.REFUSED, reasons.MANY_DEALS)
    counter.day.company.caps.clear()
    assert (await counter.press()).result is Result.MADE


async def test_a_person_who_was_deleted_unheard_is_made_anew_and_gets_the_deal(counter: Counter) -> None:
    counter.edit("person", "delete", id=counter.persons()[0]["id"])
    assert (await counter.press()).result is Result.MADE
    assert counter.deal()["person_id"] == counter.persons()[0]["id"]


async def test_a_person_who_was_merged_unheard_passes_the_deal_on(counter: Counter) -> None:
    phones = [{"value": NUMBER}]
    survivor = counter.edit("person", "create", changes={"name": "Jan Próba", "phones": phones})
    counter.edit("person", "merge", id=counter.persons()[0]["id"], into=survivor["id"])
    await counter.day.move(60)
    assert (await counter.press()).result is Result.MADE
    assert counter.deal()["person_id"] == survivor["id"]


async def test_an_organization_that_was_deleted_unheard_is_left_out(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        organization = counter.edit("organization", "create", changes={"name": "Dachy Próba"})
        counter.edit("person", "create", changes={
            "name": "Jan Próba", "phones": [{"value": NUMBER}], "org_id": organization["id"]})  # fmt: skip
        await counter.put_in_step()
        counter.edit("organization", "delete", id=organization["id"])
        assert (await counter.press()).result is Result.MADE
        assert counter.deal()["org_id"] is None


async def test_a_marker_field_that_was_deleted_does_not_stop_a_deal(counter: Counter) -> None:
    fields = counter.day.company.fields["deal"]
    code = (await counter.tenant()).settings.special_fields.deal_marker
    assert code is not None
    fields.pop(code, None)
    assert (await counter.press()).result is Result.MADE
    assert not counter.deal()["custom_fields"]


async def test_a_request_that_is_sent_again_by_its_key_has_its_deal(counter: Counter) -> None:
    first = await counter.press(request_key="a")
    assert first.result is Result.MADE
    again = await counter.press(2, title="Okna", request_key="a")
    assert (again.result, again.deal_id) == (Result.THERE, first.deal_id)
    other = await counter.press(source="form/1", title="Okna", request_key="a")
    assert (other.result, other.reason) == (Result.REFUSED, reasons.USED_KEY)
    assert len(counter.deals()) == 1


async def test_a_deal_from_a_form_has_no_link_back(counter: Counter) -> None:
    opened = await counter.press(source="form/abc", ticket_key=None)
    assert (opened.result, opened.back_link) == (Result.MADE, Link.NONE)
    assert (counter.link(), counter.comments()) == (None, [])


async def test_a_deal_that_a_lost_database_made_is_known_by_its_marker(counter: Counter) -> None:
    first = await counter.press()
    tenant = await counter.tenant()
    await counter.service.db.write(lambda db: db.execute(text("DELETE FROM opened_deal")) and None)
    tenant.deals_at_hand.lists.clear()
    again = await counter.press(title="Inaczej")
    assert (again.result, again.deal_id) == (Result.THERE, first.deal_id)
    assert len(counter.deals()) == 1


async def test_the_app_without_the_right_to_deals_says_whom_to_ask(counter: Counter) -> None:
    app = counter.day.pipedrive[WORLD].apps["demo-client"]
    app.scopes = app.scopes.replace("deals:full", "deals:read")
    counter.day.pipedrive[WORLD].access.clear()
    opened = await counter.press()
    assert (opened.result, opened.reason) == (Result.REFUSED, reasons.NO_RIGHT)
    assert not counter.deals()
