"""Deals whose fate is not known: looked for by their marker, sent again only when they are certainly not there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connector.flows.deals import reasons
from connector.flows.deals.opening import Result, deals_of_ticket
from connector.store.opened import State
from tests.flows.deals.counter import Counter, open_counter

CREATE = {"method": "POST", "path": "^/api/v2/deals$"}
#: An answer that does not come, while the effect lands when the test says so.
LATE = {"kind": "late_effect", "hold_seconds": 0.01, "seconds": 3600}


async def until(happens: Callable[[], bool]) -> None:
    while not happens():  # noqa: ASYNC110  # simulators tell nobody
        await asyncio.sleep(0.01)


def writes(counter: Counter) -> int:
    return counter.calls().count("POST /api/v2/deals")


async def test_a_lost_answer_is_looked_for_at_once_and_makes_no_second_deal(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="reset_after")
    opened = await counter.press()
    assert (opened.result, opened.deal_id) == (Result.MADE, str(counter.deal()["id"]))
    assert counter.link() == opened.link
    assert writes(counter) == 1


async def test_what_is_not_there_at_once_is_in_doubt_until_two_later_looks(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="reset_before")
    opened = await counter.press()
    assert (opened.result, opened.reason) == (Result.IN_DOUBT, reasons.LOOKING)
    for wait in (0, 100, 90, 40):  # neither before three minutes nor by one look alone
        await counter.day.move(wait)
        await counter.look()
        assert (await counter.press()).result is Result.IN_DOUBT
        assert writes(counter) == 1
    await counter.day.move(70)
    await counter.look()
    assert writes(counter) == 2
    assert counter.link() == counter.page(counter.deal()["id"])


async def test_a_press_sends_again_what_two_looks_did_not_find(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="status_before", status=502)
    await counter.press()
    await counter.day.move(200)
    assert (await counter.press()).result is Result.IN_DOUBT
    await counter.day.move(70)
    opened = await asyncio.gather(*(counter.press() for _ in range(3)))
    results = [one.result for one in opened]
    assert results.count(Result.MADE) == 1, results
    assert set(results) <= {Result.MADE, Result.THERE, Result.IN_DOUBT}
    assert (len(counter.deals()), writes(counter)) == (1, 2)


async def test_an_effect_that_lands_before_the_second_look_is_found(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, **LATE)
    assert (await counter.press()).result is Result.IN_DOUBT
    await counter.day.faults("pipedrive").land()
    opened = await counter.press()
    assert (opened.result, opened.deal_id) == (Result.THERE, str(counter.deal()["id"]))
    assert writes(counter) == 1


async def test_an_effect_that_lands_after_it_was_sent_again_is_taken_away(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, **LATE)
    await counter.press()
    for wait in (200, 100):
        await counter.day.move(wait)
        await counter.look()
    sent_again = counter.deal()["id"]
    await counter.day.faults("pipedrive").land()
    assert len(counter.deals()) == 2
    await counter.day.move(1000)
    await counter.look()
    assert counter.deal()["id"] == sent_again
    assert counter.link() == counter.page(sent_again)


async def test_a_double_that_somebody_has_edited_stays(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, **LATE)
    await counter.press()
    for wait in (200, 100):
        await counter.day.move(wait)
        await counter.look()
    await counter.day.faults("pipedrive").land()
    await counter.day.move(300)
    counter.edit("deal", "change", id=2, changes={"value": 5})
    await counter.day.move(700)
    await counter.look()
    assert len(counter.deals()) == 2


async def test_a_second_deal_after_the_first_lost_its_answer_is_told_from_it(counter: Counter) -> None:
    await counter.press()
    counter.day.fault("pipedrive", **CREATE, kind="reset_before")
    other = await counter.press(2, same_title_is_meant=True)
    assert other.result is Result.IN_DOUBT
    await counter.settle()
    assert len(counter.deals()) == 2
    rows = await deals_of_ticket(await counter.tenant(), counter.ticket)
    assert len({row.deal_id for row in rows}) == 2


async def test_a_process_that_dies_between_claim_and_send_is_gone_on_for(counter: Counter) -> None:
    """The claim stands, not a byte has left: the job goes on with it, with what the agent wanted."""
    tenant = await counter.tenant()
    order = counter.order()
    await tenant.deals.claim(
        order.source, 1, customer_id=counter.customer, ticket_id=counter.ticket, made_by=None, request_key=None,
        body={"deal": {"title": "Nowy dach"}}, lease_s=120,
    )  # fmt: skip
    assert (await counter.press()).result is Result.IN_DOUBT
    await counter.look()
    assert not counter.deals()
    await counter.day.move(130)
    await counter.look()
    assert counter.deal()["title"] == "Nowy dach"
    assert counter.link() == counter.page(counter.deal()["id"])


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_process_that_dies_between_send_and_settle_makes_no_second_deal(
    counter: Counter, arrived: bool
) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="timeout_after" if arrived else "timeout_before", seconds=1)
    press = asyncio.create_task(counter.press())
    await until(lambda: bool(writes(counter)))
    press.cancel()
    await asyncio.gather(press, return_exceptions=True)
    counter.day.mend()
    await asyncio.sleep(0.05)
    await counter.look()
    assert len(counter.deals()) == arrived
    await counter.settle()
    assert (len(counter.deals()), writes(counter)) == (1, 1 if arrived else 2)
    assert counter.link() == counter.page(counter.deal()["id"])


async def test_a_claim_that_ran_out_is_not_taken_over_without_a_look(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="timeout_after", seconds=1)
    press = asyncio.create_task(counter.press())
    await until(lambda: bool(counter.deals()))
    press.cancel()
    await asyncio.gather(press, return_exceptions=True)
    await counter.day.move(130)
    opened = await counter.press()
    assert (opened.result, writes(counter)) == (Result.THERE, 1)


async def test_a_connection_that_is_refused_waits_and_the_deal_is_made_by_itself(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="burst_429", times=4)
    opened = await counter.press()
    assert (opened.result, opened.reason) == (Result.WAITS, reasons.WAITING)
    await counter.day.move(150)
    await counter.look()
    assert counter.link() == counter.page(counter.deal()["id"])
    assert (await counter.press()).result is Result.THERE


async def test_what_waits_for_an_hour_is_given_up_and_may_be_pressed_again(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="burst_429", times=None)
    await counter.press()
    await counter.day.move(3700)
    await counter.look()
    [row] = await deals_of_ticket(await counter.tenant(), counter.ticket)
    assert (row.state, row.reason) == (State.REFUSED, reasons.GAVE_UP)
    counter.day.mend()
    await counter.day.move(60)
    assert (await counter.press()).result is Result.MADE


async def test_a_customer_in_doubt_is_waited_for_and_the_deal_follows(tmp_path: Path) -> None:
    async with open_counter(tmp_path, in_step=False) as counter:
        counter.day.fault("pipedrive", method="POST", path="^/api/v2/persons$", kind="reset_after")
        opened = await counter.press()
        assert (opened.result, opened.reason) == (Result.WAITS, reasons.CUSTOMER_WAITS)
        await counter.settle()
        assert (len(counter.deals()), len(counter.persons())) == (1, 1)
        assert counter.link() == counter.page(counter.deal()["id"])


async def test_without_a_marker_field_a_lost_deal_is_known_by_what_it_says(tmp_path: Path) -> None:
    async with open_counter(tmp_path) as counter:
        tenant = await counter.tenant()
        code = tenant.settings.special_fields.deal_marker
        tenant.deals_at_hand.unmarked.add(str(code))
        await counter.press()
        counter.day.fault("pipedrive", **CREATE, kind="reset_after")
        opened = await counter.press(2, same_title_is_meant=True)
        assert (opened.result, opened.deal_id) == (Result.MADE, "2")
        counter.day.fault("pipedrive", **CREATE, kind="reset_before")
        assert (await counter.press(3, same_title_is_meant=True)).result is Result.IN_DOUBT
        await counter.settle()
        assert len(counter.deals()) == 3


async def test_a_deal_of_another_owner_that_nobody_can_look_for_is_not_sent_again(tmp_path: Path) -> None:
    async with open_counter(tmp_path, admin=False) as counter:
        admin = next(user.id for user in counter.day.company.users.values() if user.admin)
        counter.day.fault("pipedrive", **CREATE, kind="reset_before")
        await counter.press(owner_id=str(admin))
        await counter.settle()
        [row] = await deals_of_ticket(await counter.tenant(), counter.ticket)
        assert (row.state, row.reason, writes(counter)) == (State.REFUSED, reasons.OUT_OF_SIGHT, 1)


async def test_a_deal_in_doubt_whose_person_was_merged_is_found_at_the_survivor(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, **LATE)
    await counter.press()
    await counter.day.faults("pipedrive").land()
    phones = [{"value": "+48 601 000 001"}]
    survivor = counter.edit("person", "create", changes={"name": "Jan Próba", "phones": phones})
    first = counter.persons()[0]["id"]
    counter.edit("person", "merge", id=first, into=survivor["id"])
    tenant = await counter.tenant()
    await tenant.bindings.follow_merge(str(first), into=str(survivor["id"]))
    await counter.settle()
    assert writes(counter) == 1
    assert counter.deal()["person_id"] == survivor["id"]


async def test_what_is_in_doubt_for_an_hour_is_sent_a_few_times_and_then_given_up(counter: Counter) -> None:
    counter.day.fault("pipedrive", **CREATE, kind="status_before", status=500, times=None)
    await counter.press()
    for _ in range(60):
        await counter.look()
        await counter.day.move(100)
    [row] = await deals_of_ticket(await counter.tenant(), counter.ticket)
    assert (row.state, row.reason) == (State.REFUSED, reasons.UNKNOWN)
    assert 5 <= writes(counter) <= 12
    counter.day.mend()
    await counter.day.move(200)
    assert (await counter.press()).result is Result.MADE


async def test_sends_of_what_is_in_doubt_come_at_growing_waits(tmp_path: Path) -> None:
    async with open_counter(tmp_path, waits={"retry_waits": (30, 600, 1800)}) as counter:
        counter.day.fault("pipedrive", **CREATE, kind="status_before", status=500, times=None)
        await counter.press()
        sent: list[int] = []
        for minute in range(60):
            await counter.look()
            sent += [minute] * (writes(counter) - len(sent) - 1)
            await counter.day.move(60)
        gaps = [later - earlier for earlier, later in zip([0, *sent], sent, strict=False)]
        assert len(gaps) >= 3
        assert gaps == sorted(gaps)
        assert gaps[-1] > 2 * gaps[0]


async def test_what_may_not_be_looked_for_within_an_hour_is_given_up(counter: Counter) -> None:
    await counter.tab()
    counter.day.fault("pipedrive", **CREATE, kind="reset_before")
    counter.day.fault(
        "pipedrive", method="GET", path="^/api/v2/deals$", kind="status_before", status=403, times=None
    )
    assert (await counter.press()).result is Result.IN_DOUBT
    for _ in range(20):
        await counter.day.move(200)
        await counter.look()
    [row] = await deals_of_ticket(await counter.tenant(), counter.ticket)
    assert (row.state, row.reason, writes(counter)) == (State.REFUSED, reasons.UNKNOWN, 1)
    assert counter.calls().count("GET /api/v2/deals") < 25


async def test_one_deal_that_cannot_be_looked_for_does_not_stop_the_healing_of_others(
    counter: Counter,
) -> None:
    """The double of the second deal goes though the customer of the first cannot be asked about."""
    person = {"customer_id": 8, "name": "Ewa", "surname": "Inna", "phone_number": ["+48 601 000 002"]}
    counter.day.seed(customers=[person])
    made = counter.day.happen("ticket", customer_id=8, subject="x")
    other = replace(counter, customer="thulium:demo/8", ticket=f"thulium:demo/{made['id']}")
    await other.put_in_step()
    for one in (counter, other):
        counter.day.fault("pipedrive", **CREATE, **LATE)
        await one.press()
    for wait in (200, 100, 100):
        await counter.day.move(wait)
        await counter.look()
    await counter.day.faults("pipedrive").land()
    assert len(counter.deals()) == 4
    await counter.day.move(1000)
    counter.day.fault(
        "pipedrive", method="GET", path="^/api/v2/deals$", kind="status_before", status=403, times=1
    )
    await counter.look()
    assert len(counter.deals()) == 3
    await counter.look()
    assert len(counter.deals()) == 3  # it was put off
    await counter.day.move(1000)
    await counter.look()
    assert len(counter.deals()) == 2
