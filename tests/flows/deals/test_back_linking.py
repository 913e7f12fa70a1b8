"""The deal's address comes into the ticket: by its field, by a comment, late, or it is said that it could not be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connector.flows.deals import back_linking
from connector.flows.deals.back_linking import link_back, try_links_again
from connector.flows.deals.opening import deals_of_ticket
from connector.store.opened import Link, OpenedRow
from tests.flows.deals.counter import FIELD, Counter, open_counter

FILL = {"method": "PUT", "path": r"^/demo/api/tickets/\d+$"}
COMMENT = {"method": "POST", "path": r"^/demo/api/tickets/\d+/comment$"}


async def row_of(counter: Counter) -> OpenedRow:
    [row] = await deals_of_ticket(await counter.tenant(), counter.ticket)
    return row


async def test_without_a_link_field_the_address_is_a_comment_once(tmp_path: Path) -> None:
    async with open_counter(tmp_path, field=False) as counter:
        opened = await counter.press()
        assert opened.back_link is Link.COMMENT
        await counter.settle()
        assert [str(opened.link) in one for one in counter.comments()] == [True]


async def test_a_field_that_keeps_nothing_gives_way_to_a_comment(counter: Counter) -> None:
    switches, fields = counter.day.system.switches, counter.day.system.ticket_fields
    fields[FIELD].read_only = True
    switches.read_only_ticket_fields = "ignore"
    opened = await counter.press()
    assert opened.back_link is Link.COMMENT
    assert [str(opened.link) in one for one in counter.comments()] == [True]
    assert not counter.link()


async def test_deal_1_is_not_taken_for_deal_12(tmp_path: Path) -> None:
    async with open_counter(tmp_path, field=False) as counter:
        page = counter.page(12)
        counter.day.happen(
            "ticket_message",
            ticket_id=counter.ticket_in_centre().ticket_id,
            type="COMMENT",
            body=f"{page} (the deal in Pipedrive)",
        )
        assert (await counter.press()).back_link is Link.COMMENT
        assert len(counter.comments()) == 2


async def test_a_lost_answer_makes_no_second_comment(tmp_path: Path) -> None:
    async with open_counter(tmp_path, field=False) as counter:
        counter.day.fault("thulium", **COMMENT, kind="reset_after")
        assert (await counter.press()).back_link is Link.DUE
        await counter.settle()
        assert len(counter.comments()) == 1
        assert (await row_of(counter)).link_state is Link.COMMENT


async def test_a_contact_centre_that_is_down_gets_the_link_when_it_is_back(counter: Counter) -> None:
    rule = counter.day.fault("thulium", kind="status_before", status=502, times=None)
    opened = await counter.press()
    assert (opened.result, opened.back_link) == ("made", Link.DUE)
    assert (await row_of(counter)).link_reason == back_linking.NOT_TAKEN
    await counter.day.move(60)
    await counter.look()
    assert counter.link() is None
    counter.day.faults("thulium").rules.remove(rule)
    await counter.settle()
    assert counter.link() == opened.link
    assert (await row_of(counter)).link_reason == ""


async def test_a_contact_centre_that_is_down_is_asked_for_three_links_and_the_rest_waits(
    counter: Counter,
) -> None:
    rule = counter.day.fault("thulium", kind="status_before", status=502, times=None)
    for n in range(1, 7):
        await counter.press(n, title=f"Dach {n}")
    await counter.day.move(60)
    counter.forget_calls()
    tenant = await counter.tenant()
    counts = await link_back(tenant)
    assert counts == {Link.DUE: 6}
    attempts = [row.link_attempts for row in await deals_of_ticket(tenant, counter.ticket)]
    assert sorted(attempts) == [1, 1, 1, 2, 2, 2]
    assert await tenant.deals.links_due() == []
    counter.day.faults("thulium").rules.remove(rule)
    await counter.settle()
    states = {row.link_state for row in await deals_of_ticket(tenant, counter.ticket)}
    assert states == {Link.FIELD, Link.COMMENT}


async def test_a_contact_centre_that_hangs_does_not_keep_the_agent_waiting(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_linking, "_SECONDS", 0.05)
    counter.day.fault("thulium", kind="timeout_before", seconds=1.5)
    opened = await asyncio.wait_for(counter.press(), 1)
    assert (opened.result, opened.back_link) == ("made", Link.DUE)
    await counter.settle()
    assert counter.link() == opened.link


async def test_what_cannot_be_linked_is_given_up_after_the_last_retry_and_says_so(tmp_path: Path) -> None:
    async with open_counter(tmp_path, waits={"retry_limit": 3}) as counter:
        counter.day.fault("thulium", kind="status_before", status=502, times=None)
        await counter.press()
        await counter.settle()
        row = await row_of(counter)
        assert (row.link_state, row.link_reason) == (Link.FAILED, back_linking.GIVEN_UP)
        # Each night it is tried once more, and once the contact centre takes it the ticket has it.
        tenant = await counter.tenant()
        await try_links_again(tenant)
        await link_back(tenant)
        assert (await row_of(counter)).link_state is Link.FAILED
        counter.day.mend()
        await try_links_again(tenant)
        await link_back(tenant)
        assert (await row_of(counter)).link_state is Link.FIELD
        assert counter.link() == counter.page(counter.deal()["id"])


async def test_a_ticket_that_is_gone_is_said_at_once(counter: Counter) -> None:
    counter.day.system.tickets.clear()
    assert (await counter.press()).back_link is Link.FAILED
    assert (await row_of(counter)).link_reason == back_linking.NO_TICKET


async def test_two_processes_write_one_comment(tmp_path: Path) -> None:
    async with open_counter(tmp_path, field=False) as counter:
        rule = counter.day.fault("thulium", kind="status_before", status=502, times=None)
        await counter.press()
        counter.day.faults("thulium").rules.remove(rule)
        await counter.day.move(200)
        tenant = await counter.tenant()
        counts = await asyncio.gather(*(link_back(tenant) for _ in range(3)))
        assert sum(one[Link.COMMENT] for one in counts) == 1
        assert len(counter.comments()) == 1
