"""Every state in which an agent can meet our pages, one after the other: judged by the tests, and taken by the pictures.

A walk leads a page from state to state and names each; that it is the one that is named is seen by what it says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from playwright.async_api import Locator, Page, expect

from connector.flows.contacts.answering import answer
from connector.flows.contacts.identifying import IGNORE
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.deals import reasons
from connector.flows.deals.back_linking import GIVEN_UP
from connector.i18n import translator
from connector.store.opened import OpenedRow
from tests.browser.stage import TWINS, Stage
from tests.flows.looking import tell
from tests.web.agents import CONNECTION

#: Nobody else on the stage has these numbers.
_NUMBERS, _TWINS = count(602_000_001), iter(TWINS)
_SUBJECT = "Nowe licencje dla biura"


@dataclass(frozen=True)
class Walk:
    """One agent's page on the stage, in one language."""

    page: Page
    there: Stage
    language: str

    def words(self, english: str) -> str:
        """What we say so in English, as the page says it."""
        return translator(self.language)(english)

    @property
    def make(self) -> Locator:
        return self.page.locator("form.deal button.button")

    def press_for(self, order: str) -> Locator:
        return self.page.locator(f"form:has(input[value={order}]) button")

    async def says(self, english: str) -> None:
        """Wait until the page says so."""
        await expect(self.page.get_by_role("main")).to_contain_text(self.words(english))

    async def comes_to_say(self, english: str) -> None:
        """Load the page again until it says so, sooner than it would by itself."""
        for _ in range(100):
            await self.page.reload()
            if self.words(english) in await self.page.get_by_role("main").inner_text():
                return
        await self.says(english)

    async def open(self, kind: str, record: object, more: str = "", *, says: str = "") -> None:
        """Open a page, and wait until it says so, if anything."""
        home = f"{self.there.connector}/embed/{(await self.there.tenant()).id}/{CONNECTION}"
        await self.page.goto(f"{home}/{kind}/{record}{more}")
        if says:
            await self.says(says)

    async def press(self, button: Locator, *, says: str) -> None:
        """Press a button, and wait until the page says so."""
        await button.click()
        await self.says(says)

    # the world

    async def customer(self, surname: str, **more: object) -> int:
        details = {"name": "Jan", "surname": surname, "phone_number": str(next(_NUMBERS)), **more}
        return int((await self.there.world.happen("customer", **details))["id"])

    async def twin(self) -> int:
        """One whose number two persons have."""
        return await self.customer("Bliźniak", name="A.", phone_number=next(_TWINS))

    async def ticket(self, customer: int | None, subject: str = _SUBJECT) -> int:
        who = {} if customer is None else {"customer_id": customer}
        made = await self.there.world.happen("ticket", subject=subject, body="Dzień dobry", **who)
        return int(made["id"])

    async def unpaid(self, *, deals: int | None) -> None:
        """Let the plan allow so many open deals."""
        caps = {} if deals is None else {"open_deals": deals}
        await tell(self.there.world, "pipedrive", "company", caps=caps)

    async def silent(self, side: str, path: str, method: str = "GET") -> None:
        """Have one kind of call fail from now on."""
        await self.there.world.fault(side, "status_before", path=path, method=method, times=None, status=503)

    async def answerless(self) -> None:
        """Have a deal be made without an answer, and not be found."""
        await self.there.world.fault("pipedrive", "reset_after", path="/api/v2/deals", method="POST")
        await self.silent("pipedrive", "/api/v2/deals")

    async def alive(self, entity: str, **is_so: object) -> dict[str, Any]:
        """The one record in Pipedrive of which this is so."""
        found = [
            one
            for one in await self.there.world.records(entity)
            if not one["is_deleted"] and all(one[name] == value for name, value in is_so.items())
        ]
        [record] = found
        return record

    async def without(self, deal: dict[str, Any]) -> None:
        """Delete a deal in Pipedrive, whose webhook says so."""
        await self.there.world.edit(entity="deal", action="delete", id=deal["id"])
        await (await self.there.tenant()).deals.gone(str(deal["id"]))

    async def missing(self, person: int) -> None:
        """Have a person not be found any more."""
        path = f"/api/v2/persons/{person}$"
        await self.there.world.fault(
            "pipedrive", "status_before", path=path, method="GET", times=None, status=404
        )

    async def mended(self) -> None:
        """Let all calls work, and a while pass."""
        for side in ("pipedrive", "thulium"):
            await self.there.world.mend(side)
        await self.there.later(400)

    async def row(self, ticket: int) -> OpenedRow:
        """What was opened from a ticket."""
        [row] = await (await self.there.tenant()).deals.of_ticket(f"{CONNECTION}/{ticket}")
        return row

    async def leave_out(self, customer: int) -> None:
        """Decide, as the administrator does, that a customer stays out."""
        tenant, key = await self.there.tenant(), f"{CONNECTION}/{customer}"
        asked = (await tenant.questions.of(CUSTOMERS.asks_of_centre, [key]))[key]
        await answer(tenant, self.there.service.operations, asked.id, IGNORE)


async def of_tickets(page: Page, there: Stage, language: str) -> AsyncIterator[str]:
    """A ticket's page."""
    walk = Walk(page, there, language)
    await walk.open(
        "tickets", await walk.ticket(None, "Anonimowe zapytanie"), says="This ticket has no customer."
    )
    yield "ticket-without-customer"
    await walk.open("tickets", 999_999, says="The contact centre has no such ticket")
    yield "ticket-unknown"
    for part in (_of_made_deals, _of_several, _of_refusals, _of_waiting, _of_links):
        async for state in part(walk):
            yield state


async def _of_made_deals(walk: Walk) -> AsyncIterator[str]:
    page, customer = walk.page, await walk.customer("Zamawiający")
    ticket = await walk.ticket(customer)
    await walk.open("tickets", ticket, says="New deal from this ticket")
    yield "ticket-new-deal"
    await page.locator("#title").fill("")
    await page.locator("#value").fill("1,2,3")
    await walk.press(walk.make, says="Look at the marked fields.")
    yield "ticket-errors"
    await page.locator("#title").fill(_SUBJECT)
    await page.locator("#value").fill("")
    await page.locator("input[name=form]").first.evaluate("e => { e.value = 'of yesterday' }")
    await walk.press(walk.make, says="This page was open too long.")
    yield "ticket-open-too-long"
    await walk.press(walk.make, says="This ticket has its deal in Pipedrive")
    yield "ticket-made"
    await walk.open("tickets", ticket, "?another=1")
    await expect(walk.make).to_be_visible()
    yield "ticket-another"
    await walk.press(walk.make, says="A deal of this title was made a few minutes ago.")
    yield "ticket-same-title"
    await walk.make.click()
    await expect(page.locator(".opened li")).to_have_count(2)
    yield "ticket-two-deals"
    await walk.silent("pipedrive", "/api/v2/deals")
    await walk.there.later(60)
    await walk.open("tickets", ticket, says="Deals cannot be shown just now.")
    yield "ticket-deals-not-shown"
    await walk.mended()
    await walk.silent("thulium", f"/api/tickets/{ticket}")
    await walk.open("tickets", ticket, says="Deals cannot be shown just now.")
    yield "ticket-not-shown"
    await walk.mended()


async def _of_several(walk: Walk) -> AsyncIterator[str]:
    customer = await walk.twin()
    await walk.open("tickets", await walk.ticket(customer))
    await walk.press(walk.make, says="Several in Pipedrive could be this customer.")
    yield "ticket-several"
    await walk.press(walk.make, says="Choose which one it is.")
    yield "ticket-none-chosen"
    await walk.leave_out(customer)
    await walk.open("tickets", await walk.ticket(customer))
    await expect(walk.page.locator("input[name=person]")).to_have_count(3)
    yield "ticket-left-out"


async def _of_refusals(walk: Walk) -> AsyncIterator[str]:
    customer = await walk.customer("Oszczędny")
    ticket = await walk.ticket(customer)
    await walk.open("tickets", ticket)
    await walk.unpaid(deals=0)
    await walk.press(walk.make, says=reasons.MANY_DEALS)
    yield "ticket-refused-by-plan"
    await walk.open("tickets", ticket, says=reasons.MANY_DEALS)
    yield "ticket-refused-before"
    await walk.unpaid(deals=None)
    await walk.press(walk.make, says="This ticket has its deal in Pipedrive")
    deal = await walk.alive("deal", id=int((await walk.row(ticket)).deal_id or 0))
    await walk.without(deal)
    await walk.there.later(10)
    await walk.open("tickets", ticket, says="It was deleted in Pipedrive. You can make a new one.")
    yield "ticket-deal-deleted"
    await walk.there.later(120)
    await walk.missing(deal["person_id"])
    await walk.open("tickets", ticket)
    await expect(walk.make).to_be_visible()
    yield "ticket-person-gone"
    await walk.mended()


async def _of_waiting(walk: Walk) -> AsyncIterator[str]:
    customer = await walk.customer("Cierpliwy")
    ticket = await walk.ticket(customer, "Przedłużenie umowy")
    await walk.open("tickets", ticket)
    await walk.silent("thulium", f"/api/customers/{customer}")
    await walk.press(walk.make, says="The deal could not be made just now.")
    yield "ticket-waits"
    await walk.mended()
    await walk.comes_to_say("This ticket has its deal in Pipedrive")
    await walk.open("tickets", second := await walk.ticket(customer, "Aparaty biurkowe"))
    await walk.answerless()
    await walk.press(walk.make, says="Looking…")
    yield "ticket-looking"
    tenant = await walk.there.tenant()
    assert await tenant.deals.refuse(await walk.row(second), reasons.UNKNOWN)
    for side in ("pipedrive", "thulium"):
        await walk.there.world.mend(side)
    await walk.open("tickets", second, says="It is not known whether the deal was made.")
    yield "ticket-not-known"
    await walk.mended()


async def _of_links(walk: Walk) -> AsyncIterator[str]:
    ticket = await walk.ticket(await walk.customer("Niepołączony"))
    await walk.open("tickets", ticket)
    for method in ("PUT", "POST"):
        await walk.silent("thulium", f"/api/tickets/{ticket}", method)
    await walk.press(walk.make, says="Its address is being written into the ticket.")
    yield "ticket-link-due"
    tenant = await walk.there.tenant()
    assert await tenant.deals.not_linked(await walk.row(ticket), GIVEN_UP, again_at=None)
    await walk.open("tickets", ticket, says="Its address could not be written into the ticket.")
    yield "ticket-not-linked"
    await walk.mended()


async def of_customers(page: Page, there: Stage, language: str) -> AsyncIterator[str]:
    """A customer's page, and the form of a new deal."""
    walk = Walk(page, there, language)
    await walk.open("customers", 999_999, says="The contact centre has no such customer")
    yield "customer-unknown"
    for part in (_of_choosing, _of_adding, _of_forms):
        async for state in part(walk):
            yield state


async def _of_choosing(walk: Walk) -> AsyncIterator[str]:
    customer = await walk.twin()
    await walk.open("customers", customer, says="Not in Pipedrive yet")
    await walk.press(walk.press_for("add"), says="Several in Pipedrive could be this customer")
    yield "customer-several"
    await walk.open("customers", customer, "/new-deal")
    await expect(walk.page.locator("input[name=person]")).to_have_count(3)
    yield "new-deal-several"
    await walk.leave_out(customer)
    await walk.open("customers", customer, says="Left out")
    yield "customer-left-out"


async def _of_adding(walk: Walk) -> AsyncIterator[str]:
    world, surname = walk.there.world, {"en": "Zmienny", "pl": "Odmienny"}[walk.language]
    customer = await walk.customer(surname)
    await walk.open("customers", customer, says="Not in Pipedrive yet")
    yield "customer-not-in-pipedrive"
    await walk.silent("thulium", f"/api/customers/{customer}")
    await walk.press(walk.press_for("add"), says="It could not be finished just now.")
    yield "customer-waits"
    await walk.mended()
    await walk.open("customers", customer)
    await walk.press(walk.press_for("add"), says="The customer is in Pipedrive now.")
    yield "customer-added"
    deals = [
        {"title": "Abonament roczny", "value": 1200, "currency": "PLN"},
        {"title": "Aparaty biurkowe", "value": 5100, "currency": "PLN", "status": "lost"},
        {"title": "Rozszerzenie abonamentu", "value": 2400.5, "currency": "EUR", "status": "won"},
    ]
    await world.seed_pipedrive(deals=[{"person": f"Jan {surname}"} | deal for deal in deals])
    await walk.there.later(60)
    await walk.open("customers", customer)
    await expect(walk.page.locator("svg.place.ended")).to_have_count(2)
    yield "customer-deals"
    await walk.there.later(60)
    await walk.silent("pipedrive", "/api/v2/deals")
    await walk.open("customers", customer, says="Deals cannot be shown just now.")
    yield "customer-deals-not-shown"
    await walk.mended()
    person = await walk.alive("person", name=f"Jan {surname}")
    # Its webhook has not come yet.
    await walk.missing(person["id"])
    await walk.open("customers", customer, says="This customer’s person is gone from Pipedrive")
    yield "customer-person-gone"
    await world.mend("pipedrive")
    await world.edit(entity="person", action="delete", id=person["id"])
    await walk.press(walk.press_for("add"), says="The customer is in Pipedrive now.")
    yield "customer-added-anew"
    await walk.silent("thulium", "/api/customers")
    await walk.open("customers", await walk.customer("Niewidoczny"), says="Deals cannot be shown just now.")
    yield "customer-not-shown"
    await walk.mended()


async def _of_forms(walk: Walk) -> AsyncIterator[str]:
    customer, page = await walk.customer("Handlowy"), walk.page
    await walk.open("customers", customer, "/new-deal")
    await expect(walk.make).to_be_visible()
    yield "new-deal"
    await page.locator("#title").fill("")
    await page.locator("#value").fill("a lot")
    await walk.press(walk.make, says="Look at the marked fields.")
    yield "new-deal-errors"
    await walk.open("customers", customer, "/new-deal")
    await page.locator("#title").fill("Audyt łącza")
    await walk.press(walk.make, says="The deal is in Pipedrive.")
    yield "customer-deal-made"
    made = page.url
    await walk.open("customers", customer, "/new-deal")
    await page.locator("#title").fill("Audyt łącza")
    await walk.press(walk.make, says="A deal of this title was made a few minutes ago.")
    yield "new-deal-same-title"
    await walk.unpaid(deals=0)
    await walk.press(walk.make, says=reasons.MANY_DEALS)
    yield "new-deal-refused-by-plan"
    await walk.unpaid(deals=None)
    await walk.answerless()
    await page.locator("#title").fill("Szkolenie")
    await walk.press(walk.make, says="Looking…")
    yield "customer-looking"
    await walk.mended()
    await walk.comes_to_say("The deal is in Pipedrive.")
    await walk.without(await walk.alive("deal", title="Audyt łącza"))
    await page.goto(made)
    await walk.says("The deal was deleted in Pipedrive.")
    yield "customer-deal-deleted"
