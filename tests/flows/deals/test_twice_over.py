"""The same deal wanted twice, from two places or by two requests: whoever was first makes it, the other is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from connector.flows.deals import reasons
from connector.flows.deals.opening import Opened, Result, deals_of_ticket
from connector.store.opened import State
from tests.flows.deals.counter import Counter

CREATE = {"method": "POST", "path": "^/api/v2/deals$"}


async def fill_in(counter: Counter, form: str, **changes: Any) -> Opened:
    """A customer's form is sent."""
    return await counter.press(source=f"form/{form}", ticket_key=None, **changes)


def another_ticket(counter: Counter) -> Counter:
    made = counter.day.happen("ticket", customer_id=7, subject="Dach przecieka")
    return replace(counter, ticket=f"thulium:demo/{made['id']}")


async def test_another_form_asks_while_the_first_deal_is_in_doubt(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="late_effect", hold_seconds=0.01, seconds=3600)
    assert (await fill_in(counter, "a")).result is Result.IN_DOUBT
    for asked in (await fill_in(counter, "b", title=" nowy DACH "), await counter.press()):
        assert (asked.result, asked.reason, asked.deal_id) == (
            Result.SAME_TITLE,
            reasons.SAME_UNDER_WAY,
            None,
        )
    await counter.day.faults("pipedrive").land()
    await counter.settle()
    assert len(counter.deals()) == 1


async def test_two_forms_at_once_make_one_deal_and_ask_about_the_other(counter: Counter) -> None:
    opened = await asyncio.gather(*(fill_in(counter, form) for form in "abc"))
    assert sorted(one.result for one in opened) == [Result.MADE, Result.SAME_TITLE, Result.SAME_TITLE]
    assert len(counter.deals()) == 1


async def test_what_is_under_way_does_not_ask_whoever_means_another_or_has_another_title(
    counter: Counter,
) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="reset_before")
    assert (await fill_in(counter, "a")).result is Result.IN_DOUBT
    assert (await fill_in(counter, "b", same_title_is_meant=True)).result is Result.MADE
    assert (await fill_in(counter, "c", title="Okna")).result is Result.MADE


async def test_a_deal_that_waited_and_found_its_like_says_so_on_the_ticket(counter: Counter) -> None:
    counter.day.fault("pipedrive", method="GET", path="^/api/v2/deals$", kind="burst_429", times=None)
    assert (await counter.press()).result is Result.WAITS
    person = counter.persons()[0]["id"]
    counter.day.mend()
    await counter.day.move(200)
    counter.edit("deal", "create", changes={"title": "Nowy dach", "person_id": person})
    await counter.look()
    [row] = await deals_of_ticket(await counter.tenant(), counter.ticket)
    assert (row.state, row.reason) == (State.REFUSED, reasons.SAME_TITLE)


async def test_two_tickets_at_once_by_one_key_are_told_that_it_is_used(counter: Counter) -> None:
    other = another_ticket(counter)
    opened = await asyncio.gather(counter.press(request_key="k"), other.press(request_key="k", title="Okna"))
    told = {one.result: one.reason for one in opened}
    assert told.keys() == {Result.MADE, Result.REFUSED}, "whichever of them was first"
    assert told[Result.REFUSED] == reasons.USED_KEY
    assert len(counter.deals()) == 1


async def test_a_deal_that_another_process_made_since_the_list_was_kept_is_asked_about(
    counter: Counter,
) -> None:
    await counter.tab()
    async with counter.day.connector() as other:
        elsewhere = replace(counter, service=other)
        made = await fill_in(elsewhere, "a")
        asked = await fill_in(counter, "b")
    assert (asked.result, asked.deal_id) == (Result.SAME_TITLE, made.deal_id)


async def test_a_deal_of_another_process_that_the_list_knows_costs_no_second_list(counter: Counter) -> None:
    async with counter.day.connector() as other:
        await fill_in(replace(counter, service=other), "a")
    await counter.tab()
    counter.forget_calls()
    assert (await fill_in(counter, "b")).result is Result.SAME_TITLE
    assert counter.calls() == []


async def test_a_request_that_means_another_of_the_title_costs_no_list(counter: Counter) -> None:
    await counter.press(request_key="a")
    counter.forget_calls()
    again = await counter.press(2, request_key="b", same_title_is_meant=True)
    assert again.result is Result.MADE
    assert counter.calls() == ["POST /api/v2/deals"]
