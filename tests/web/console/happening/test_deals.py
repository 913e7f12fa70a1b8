"""Deals in the console: where each came from, how it stands, and a link that is written once more."""

from __future__ import annotations

from connector.store.opened import Link
from tests.serving import Served
from tests.web.agents import CONNECTION, Agent, an_admin


async def opened(admin: Agent, ticket: str | None, deal: str = "501", *, failed: bool = False) -> None:
    """A deal that was opened from a ticket, or from a customer's form."""
    deals = admin.tenant.deals
    source = f"ticket {ticket}" if ticket else f"form {deal}"
    row, _ = await deals.claim(
        source, 1, customer_id=f"{CONNECTION}/7", ticket_id=ticket, made_by=f"{CONNECTION}/anna.nowak",
        request_key=None, body={"title": "Tajne <b>"}, lease_s=60,
    )  # fmt: skip
    armed = await deals.arm(
        row, body={}, person_id="12", organization_id=None, server_time=row.server_time, lease_s=60
    )
    assert armed is not None
    assert await deals.settle(armed, deal, heal_at=None)
    if failed:
        made = await deals.find(source, 1)
        assert made is not None
        assert await deals.not_linked(made, "The contact centre did not take the link.", again_at=None)


async def a_ticket(admin: Agent) -> str:
    ticket = await admin.world.happen("ticket", sender="jan@example.com", subject="Oferta")
    return f"{CONNECTION}/{ticket['id']}"


async def test_without_deals_the_list_says_where_they_come_from(open_: Served) -> None:
    admin = await an_admin(open_)
    assert "Agents open them from a ticket" in (await admin.open(admin.console("deals"))).text


async def test_a_deal_shows_from_what_and_by_whom_it_was_opened(open_: Served) -> None:
    admin = await an_admin(open_, links={"ticket": "https://centre.example.com/t/{id}"})
    await opened(admin, f"{CONNECTION}/9")
    shown = await admin.open(admin.console("deals"))
    assert "Deal 501 made" in shown.text
    assert "Ticket 9" in shown.text
    assert 'href="https://centre.example.com/t/9"' in shown.page
    assert ".pipedrive.com/deal/501" in shown.page
    assert ".pipedrive.com/person/12" in shown.page
    assert "Tajne" not in shown.page


async def test_only_those_that_need_attention_are_shown_when_asked_for(open_: Served) -> None:
    admin = await an_admin(open_)
    await opened(admin, f"{CONNECTION}/9", "501")
    await opened(admin, f"{CONNECTION}/10", "502", failed=True)
    page = admin.console("deals")
    assert (await admin.open(page)).page.count('<th scope="row"') == 2
    some = await admin.open(page + "?show=attention")
    assert some.page.count('<th scope="row"') == 1
    assert "Deal 502 not linked" in some.text


async def test_a_link_that_was_given_up_is_written_once_more(open_: Served) -> None:
    admin = await an_admin(open_, special_fields={"ticket_deal_link": "Pipedrive"})
    ticket = await a_ticket(admin)
    await opened(admin, ticket, failed=True)
    link = admin.console("deals/link")
    form = (await admin.open(admin.console("deals"))).form(link)
    after = await admin.press(link, form)
    assert "The ticket shows the deal’s address now." in after.text
    (row,) = await admin.tenant.deals.of_ticket(ticket)
    assert row.link_state in (Link.FIELD, Link.COMMENT)
    again = await admin.press(link, form)
    assert "need not be written any more" in again.text
    assert next(iter(await admin.tenant.audit.entries())).action == "link"


async def test_a_contact_centre_that_still_refuses_is_tried_by_itself(open_: Served) -> None:
    admin = await an_admin(open_)
    ticket = await a_ticket(admin)
    await opened(admin, ticket, failed=True)
    await open_.world.fault("thulium", "status_before", status=500, times=None)
    link = admin.console("deals/link")
    after = await admin.press(link, (await admin.open(admin.console("deals"))).form(link))
    assert "It is tried again by itself." in after.text
    (row,) = await admin.tenant.deals.of_ticket(ticket)
    assert row.link_state is Link.DUE


async def test_a_ticket_that_is_gone_is_said(open_: Served) -> None:
    admin = await an_admin(open_)
    await opened(admin, f"{CONNECTION}/999999", failed=True)
    link = admin.console("deals/link")
    after = await admin.press(link, (await admin.open(admin.console("deals"))).form(link))
    assert "has no such ticket any more" in after.text
