"""The address of our page stands where agents press it, and writing it looks like nobody's edit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.app import Service
from connector.errors import Retryable, UnknownOutcome
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.pushing import push
from connector.flows.contacts.scanning import scan
from connector.flows.deals.addresses import customer_page, keep_pages, ticket_page, write_due_pages
from connector.flows.following import follow_hint
from connector.flows.installing import keep_subscriptions
from connector.flows.tenant import Tenant
from connector.records import Hint
from connector.sandbox.thulium.state import Customer
from connector.store.dirty import Side
from tests.at_work import until
from tests.bad_days.days import Day, QuickClock, open_day
from tests.flows.looking import subscriptions, tell
from tests.serving import Served, free_port
from tests.world import ago, install

CARD, TICKET = "Karta w Pipedrive", "Szansa"
FIELDS = {"customer_deals_page": CARD, "ticket_deals_page": TICKET}
CENTRE = "thulium:demo"


@dataclass
class Office:
    day: Day
    service: Service
    tenant_id: str

    async def tenant(self) -> Tenant:
        return await self.service.tenant(self.tenant_id)

    def card(self, customer_id: int) -> Customer:
        return self.day.system.customers[customer_id]

    def page(self, customer_id: int) -> object:
        return self.card(customer_id).custom_fields.get(CARD)

    async def night(self) -> None:
        """A pass over everything, at the night's time or not."""
        tenant = await self.tenant()
        await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=tenant.clock.now())

    async def hint(self, kind: str, ref: object, customer_id: str | None = None) -> bool:
        """What a webhook of the contact centre tells now."""
        tenant = await self.tenant()
        told = Hint(kind, str(ref), tenant.clock.now(), f"{kind} {ref}", customer_id)
        return await follow_hint(tenant, CENTRE, told)

    def forget_calls(self) -> None:
        for side in ("pipedrive", "thulium"):
            self.day.faults(side).forget_calls()

    def calls(self, side: str = "thulium") -> list[str]:
        return [f"{one.method} {one.target.partition('?')[0]}" for one in self.day.faults(side).log]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_day(tmp_path, waits={"pipedrive_timeout": 2, "thulium_timeout": 2}) as day:
        # The vendor's clock and ours go alike: which change is whose is told by them.
        day.clock = QuickClock(1)
        old = (day.system.now() - timedelta(days=300)).isoformat()
        day.seed(
            customers=[
                {"customer_id": n, "name": "Jan", "surname": f"Próba {n}", "phone_number": [f"60100000{n}"],
                 "updated_at": old} for n in (1, 2, 3)
            ],
            customer_fields=[{"name": CARD, "type": "link", "read_only": True}, {"name": "Uwagi"}],
            ticket_fields=[{"name": TICKET, "type": "link"}],
        )  # fmt: skip
        here = f"127.0.0.1:{free_port()}"
        vendors = (origin.removeprefix("http://") for origin in (day.world.pipedrive, day.world.thulium))
        async with day.connector(public_url=f"http://{here}", trusted_hosts=(*vendors, here)) as service:
            tenant = await day.install(service, day.system.now() - timedelta(hours=1))
            await day.set_up(service, tenant, special_fields=FIELDS)
            office = Office(day, service, tenant.id)
            office.forget_calls()
            yield office


async def set_up(office: Office, **settings: Any) -> None:
    await office.day.set_up(office.service, await office.tenant(), **settings)


async def test_the_night_writes_the_address_on_every_card_and_touches_nothing_else(office: Office) -> None:
    before = {n: (office.card(n).surname, office.card(n).phones) for n in (1, 2, 3)}
    office.card(2).custom_fields["Uwagi"] = "dzwonić rano"
    await office.night()
    tenant = await office.tenant()
    assert [office.page(n) for n in (1, 2, 3)] == [customer_page(tenant, f"{CENTRE}/{n}") for n in (1, 2, 3)]
    assert office.page(1) == f"{tenant.service.public_url}/embed/{tenant.id}/thulium:demo/customers/1"
    assert office.card(2).custom_fields["Uwagi"] == "dzwonić rano"
    assert {n: (office.card(n).surname, office.card(n).phones) for n in (1, 2, 3)} == before
    assert office.calls().count("PUT /demo/api/batch/customers") == 1
    assert office.calls("pipedrive") == []


async def test_a_card_that_holds_the_address_is_not_written_again(office: Office) -> None:
    await office.night()
    office.forget_calls()
    await office.day.move(86_400)
    await office.night()
    assert [call for call in office.calls() if not call.startswith("GET")] == []


async def test_what_somebody_emptied_is_filled_the_next_night(office: Office) -> None:
    await office.night()
    office.card(2).custom_fields[CARD] = ""
    await office.day.move(86_400)
    await office.night()
    assert office.page(2) == customer_page(await office.tenant(), f"{CENTRE}/2")


async def test_there_is_one_pass_a_night(office: Office) -> None:
    tenant = await office.tenant()
    night = tenant.clock.now() - timedelta(hours=1)
    await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=night)
    office.forget_calls()
    await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=night)
    assert office.calls() == []


async def test_a_new_name_of_the_field_does_not_wait_for_the_night(office: Office) -> None:
    tenant = await office.tenant()
    night = tenant.clock.now() - timedelta(hours=1)
    await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=night)
    await set_up(office, special_fields={"customer_deals_page": "Uwagi"})
    tenant = await office.tenant()
    await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=night)
    assert office.card(1).custom_fields["Uwagi"] == customer_page(tenant, f"{CENTRE}/1")


async def test_without_a_field_or_a_public_address_nothing_is_done(office: Office) -> None:
    await set_up(office, special_fields={})
    await office.night()
    assert not await office.hint("customer", 1)
    assert office.calls() == []


async def test_history_is_still_history_when_we_wrote_on_its_cards(office: Office) -> None:
    """A customer from before the account was connected comes by a load, not because we wrote on his card."""
    await office.night()
    await set_up(office, special_fields=FIELDS, contacts={"sync": "on"})
    tenant = await office.tenant()
    assert not await office.hint("customer", 1)
    await scan(tenant, tenant.centres[CENTRE])
    assert not await tenant.dirty.waiting()


async def test_an_edit_after_our_writing_counts(office: Office) -> None:
    await set_up(office, special_fields=FIELDS, contacts={"sync": "on"})
    await office.night()
    await office.day.move(3600)
    office.day.happen("customer", customer_id=1, surname="Nowy")
    assert await office.hint("customer", 1)
    tenant = await office.tenant()
    assert sum((await tenant.dirty.waiting()).values()) == 1
    await scan(tenant, tenant.centres[CENTRE])
    assert sum((await tenant.dirty.waiting()).values()) == 1


async def test_an_edit_two_minutes_after_our_writing_is_no_echo(office: Office) -> None:
    await set_up(office, special_fields=FIELDS, contacts={"sync": "on"})
    await office.night()
    await office.day.move(120)
    office.day.happen("customer", customer_id=1, surname="Nowy")
    tenant = await office.tenant()
    await scan(tenant, tenant.centres[CENTRE])
    assert sum((await tenant.dirty.waiting()).values()) == 1
    assert await office.hint("customer", 1)


async def test_an_edit_before_our_writing_is_no_echo(office: Office) -> None:
    await set_up(office, special_fields=FIELDS, contacts={"sync": "on"})
    await office.night()
    tenant = await office.tenant()
    before = tenant.clock.now() - timedelta(seconds=100)
    assert await follow_hint(tenant, CENTRE, Hint("customer", "1", before, "customer 1", None))


async def test_a_whole_minute_is_an_echo_of_what_was_written_in_it(office: Office) -> None:
    await set_up(office, special_fields=FIELDS, contacts={"sync": "on"})
    await office.night()
    tenant = await office.tenant()
    written = (await tenant.cards.pages([f"{CENTRE}/1"]))[f"{CENTRE}/1"].at
    at = written.replace(second=0, microsecond=0)
    assert not await follow_hint(tenant, CENTRE, Hint("customer", "1", at, "customer 1", None))


async def test_one_with_a_pair_is_compared_however_soon_after_our_writing(office: Office) -> None:
    await set_up(office, special_fields=FIELDS, contacts={"sync": "on"})
    await push(await office.tenant(), office.service.operations, CUSTOMERS, Side.CENTRE, f"{CENTRE}/1")
    await office.night()
    office.day.happen("customer", customer_id=1, surname="Nowy")
    assert await office.hint("customer", 1)
    assert not await office.hint("customer", 2)


async def test_a_customer_who_appears_gets_the_address_and_his_echo_writes_nothing(office: Office) -> None:
    assert await office.hint("customer", 3)
    await write_due_pages(await office.tenant())
    assert office.page(3) == customer_page(await office.tenant(), f"{CENTRE}/3")
    assert office.page(1) is None
    office.forget_calls()
    assert not await office.hint("customer", 3)
    await write_due_pages(await office.tenant())
    assert office.calls() == []


async def test_many_who_appear_are_written_at_once(office: Office) -> None:
    for n in (1, 2, 3):
        await office.hint("customer", n)
    await write_due_pages(await office.tenant())
    assert [call for call in office.calls() if not call.startswith("GET")] == [
        "PUT /demo/api/batch/customers"
    ]
    assert all(office.page(n) for n in (1, 2, 3))


async def test_a_new_ticket_and_its_customer_get_their_addresses(office: Office) -> None:
    ref = office.day.happen("ticket", customer_id=2, subject="Dach przecieka")["id"]
    assert await office.hint("ticket", ref, "2")
    tenant = await office.tenant()
    await write_due_pages(tenant)
    ticket = office.day.system.tickets[int(str(ref))]
    assert ticket.custom_fields[TICKET] == ticket_page(tenant, f"{CENTRE}/{ref}")
    assert str(ticket.custom_fields[TICKET]).endswith(f"/thulium:demo/tickets/{ref}")
    assert office.page(2) == customer_page(tenant, f"{CENTRE}/2")
    assert await tenant.cards.next_due() is None
    assert office.calls("pipedrive") == []


async def test_tickets_that_no_webhook_told_of_get_theirs_at_night(office: Office) -> None:
    ref = office.day.happen("ticket", customer_id=2, subject="Dach przecieka")["id"]
    await office.night()
    ticket = office.day.system.tickets[int(str(ref))]
    assert ticket.custom_fields[TICKET] == ticket_page(await office.tenant(), f"{CENTRE}/{ref}")
    await office.day.move(86_400)
    office.forget_calls()
    await office.night()
    assert [call for call in office.calls() if not call.startswith("GET")] == []


async def test_tickets_that_are_refused_keep_no_other_from_its_address(office: Office) -> None:
    refs = [office.day.happen("ticket", customer_id=2, subject=f"Dach {n}")["id"] for n in range(5)]
    for ref in refs[2:]:
        office.day.fault(
            "thulium", method="PUT", path=f"tickets/{ref}$", kind="status_before", status=422, times=None
        )
    await office.night()
    tickets = [office.day.system.tickets[int(str(ref))] for ref in refs]
    assert [bool(one.custom_fields.get(TICKET)) for one in tickets] == [True, True, False, False, False]


async def test_a_night_that_got_no_answers_for_tickets_begins_again(office: Office) -> None:
    for n in range(5):
        office.day.happen("ticket", customer_id=2, subject=f"Dach {n}")
    office.day.fault("thulium", method="PUT", path="tickets/", kind="reset_before", times=None)
    with pytest.raises((UnknownOutcome, Retryable)):
        await office.night()
    office.day.mend()
    tenant = await office.tenant()
    night = tenant.clock.now() - timedelta(hours=1)
    await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=night)
    assert all(one.custom_fields.get(TICKET) for one in office.day.system.tickets.values())


async def test_new_tickets_of_a_contact_centre_that_is_down_wait_after_three(office: Office) -> None:
    for n in range(10):
        ref = office.day.happen("ticket", customer_id=2, subject=f"Dach {n}")["id"]
        await office.hint("ticket", ref)
    office.day.fault("thulium", kind="status_before", status=500, times=None)
    office.forget_calls()
    tenant = await office.tenant()
    await write_due_pages(tenant)
    assert len({call for call in office.calls() if "/tickets/" in call}) == 3
    assert await tenant.cards.due_pages(100) == []
    office.day.mend()
    await office.day.move(301)
    await write_due_pages(tenant)
    assert all(one.custom_fields.get(TICKET) for one in office.day.system.tickets.values())


async def test_a_contact_centre_that_is_down_is_tried_again(office: Office) -> None:
    await office.hint("customer", 3)
    office.day.fault("thulium", kind="burst_429", times=None)
    tenant = await office.tenant()
    await write_due_pages(tenant)
    office.day.mend()
    assert await tenant.cards.due_pages(10) == []
    await office.day.move(600)
    await write_due_pages(tenant)
    assert office.page(3) == customer_page(tenant, f"{CENTRE}/3")


async def test_a_lost_answer_is_no_second_write_and_no_edit(office: Office) -> None:
    await set_up(office, special_fields=FIELDS, contacts={"sync": "on"})
    office.day.fault("thulium", kind="reset_after", path="batch/customers", times=1)
    await office.night()
    assert all(office.page(n) for n in (1, 2, 3))
    assert not await office.hint("customer", 1)
    await office.day.move(86_400)
    office.forget_calls()
    await office.night()
    assert [call for call in office.calls() if not call.startswith("GET")] == []


async def test_one_that_is_refused_keeps_no_other_from_its_address(office: Office) -> None:
    for n in (1, 99):
        await office.hint("customer", n)
    await write_due_pages(await office.tenant())
    assert office.page(1) == customer_page(await office.tenant(), f"{CENTRE}/1")
    assert await (await office.tenant()).cards.next_due() is None


async def test_a_field_that_is_not_there_is_asked_for_once_a_night(office: Office) -> None:
    await set_up(office, special_fields={"customer_deals_page": "Nie ma takiego"})
    tenant = await office.tenant()
    night = tenant.clock.now() - timedelta(hours=1)
    await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=night)
    assert not any(card.custom_fields for card in office.day.system.customers.values())
    asked = [call for call in office.calls() if call.startswith("PUT")]
    assert 1 <= len(asked) <= 2 * len(office.day.system.customers)
    office.forget_calls()
    await keep_pages(tenant, tenant.centres[CENTRE], no_older_than=night)
    assert office.calls() == []


async def test_the_webhooks_are_wanted_for_the_addresses_alone(open_: Served) -> None:
    """Over real sockets: a customer is entered, and within moments his card holds the address."""
    await tell(
        open_.world, "thulium", "seed", customer_fields=[{"name": CARD, "type": "link", "read_only": True}]
    )
    tenant = await install(open_.service, since=ago(hours=1), special_fields={"customer_deals_page": CARD})
    await keep_subscriptions(tenant, open_.service.installations)
    assert await subscriptions(open_.world) == 1
    ref = (await open_.world.happen("customer", surname="Próba"))["id"]

    async def written() -> bool:
        (card,) = [one for one in await open_.world.cards() if one["customer_id"] == ref]
        return str(card["custom_fields"].get(CARD)).endswith(f"/thulium:demo/customers/{ref}")

    await until(written)
