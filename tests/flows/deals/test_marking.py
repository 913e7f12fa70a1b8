"""The field for markers: there for the first deal, made once, and not asked for in vain at each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.flows.contacts.linking import keep_special_fields
from connector.flows.deals.marking import marks_deals
from connector.flows.deals.opening import Result
from tests.flows.deals.counter import Counter, open_counter

CREATE = {"method": "POST", "path": "^/api/v2/deals$"}
FIELDS, MAKE = "GET /api/v2/dealFields", "POST /api/v2/dealFields"


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    """One where nobody has made fields, and whose customer is in step."""
    async with open_counter(tmp_path, fields=False) as counter:
        yield counter


def markers(counter: Counter) -> list[str]:
    """The fields that could be for markers."""
    fields = counter.day.company.fields["deal"].values()
    return [one["field_code"] for one in fields if one["field_name"] == "Connector reference"]


async def test_the_first_deal_has_the_field_made_and_carries_its_marker(counter: Counter) -> None:
    assert (await counter.press()).result is Result.MADE
    [code] = markers(counter)
    [row] = await (await counter.tenant()).deals.of_ticket(counter.ticket)
    assert counter.deal()["custom_fields"] == {code: row.marker}


async def test_further_deals_ask_for_no_field(counter: Counter) -> None:
    await counter.press()
    await counter.tab()
    counter.forget_calls()
    assert (await counter.press(2, title="Okna")).result is Result.MADE
    assert counter.calls() == ["POST /api/v2/deals"]
    assert counter.deals()[1]["custom_fields"].keys() == {*markers(counter)}


async def test_two_deals_and_the_night_at_once_make_one_field(counter: Counter) -> None:
    tenant = await counter.tenant()
    await asyncio.gather(
        counter.press(),
        counter.press(source="form/a", ticket_key=None, title="Okna"),
        keep_special_fields(tenant, counter.service.installations),
    )
    assert len(markers(counter)) == 1
    assert [[*one["custom_fields"]] for one in counter.deals()] == [markers(counter)] * 2


async def test_another_process_finds_the_field_by_its_name(counter: Counter) -> None:
    await counter.press()
    async with counter.day.connector() as other:
        elsewhere = Counter(counter.day, other, counter.tenant_id, counter.customer, counter.ticket)
        assert (await elsewhere.press(2, title="Okna")).result is Result.MADE
    assert [[*one["custom_fields"]] for one in counter.deals()] == [markers(counter)] * 2


async def test_the_settings_name_the_field_after_a_night(counter: Counter) -> None:
    assert not marks_deals(await counter.tenant())
    await counter.press()
    tenant = await counter.tenant()
    assert marks_deals(tenant)
    await keep_special_fields(tenant, counter.service.installations)
    assert [(await counter.tenant()).settings.special_fields.deal_marker] == markers(counter)


async def test_a_plan_that_allows_no_more_fields_is_asked_once_a_day(counter: Counter) -> None:
    counter.day.company.caps["custom_fields"] = 0
    assert (await counter.press()).result is Result.MADE
    assert (await counter.press(2, title="Okna")).result is Result.MADE
    assert counter.calls().count(MAKE) == 1
    del counter.day.company.caps["custom_fields"]
    await counter.day.move(86_401)
    assert (await counter.press(3, title="Drzwi")).result is Result.MADE
    assert [len(one["custom_fields"]) for one in counter.deals()] == [0, 0, 1]


async def test_whoever_may_make_no_fields_is_refused_once(tmp_path: Path) -> None:
    async with open_counter(tmp_path, admin=False) as counter:
        assert (await counter.press()).result is Result.MADE
        assert (await counter.press(2, title="Okna")).result is Result.MADE
        assert counter.calls().count(MAKE) == counter.calls().count(FIELDS) == 1


async def test_a_field_whose_making_has_no_answer_is_found_later_and_not_made_twice(counter: Counter) -> None:
    counter.day.fault("pipedrive", method="POST", path="dealFields", kind="reset_after")
    assert (await counter.press()).result is Result.MADE
    await counter.day.move(181)
    assert (await counter.press(2, title="Okna")).result is Result.MADE
    assert len(markers(counter)) == 1
    assert [len(one["custom_fields"]) for one in counter.deals()] == [0, 1]


async def test_what_was_sent_without_a_marker_is_sent_again_and_known_without_one(counter: Counter) -> None:
    """The late effect of the first is found by its title, for it carries no marker."""
    counter.day.fault("pipedrive", method="POST", path="dealFields", kind="reset_before")
    counter.day.fault("pipedrive", **CREATE, kind="reset_before")
    assert (await counter.press()).result is Result.IN_DOUBT
    await counter.settle()
    assert not counter.deal()["custom_fields"]


async def test_pipedrive_that_is_down_has_the_deal_wait_for_its_field(counter: Counter) -> None:
    counter.day.fault("pipedrive", method="GET", path="dealFields", kind="burst_429", times=None)
    assert (await counter.press()).result is Result.WAITS
    counter.day.mend()
    await counter.settle()
    assert [*counter.deal()["custom_fields"]] == markers(counter)
