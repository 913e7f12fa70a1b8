"""Deals inside the contact centre, in a frame of another site: as an agent meets them."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Frame, FrameLocator, Page, async_playwright, expect

from connector.i18n import translator
from connector.store.access import Who
from tests.browser.conftest import NO_COOKIES_OF_OTHERS, launch
from tests.browser.stage import Stage, looking, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAB = 'iframe[title="Szanse sprzedaży"]'


async def a_ticket(there: Stage, subject: str, **customer: Any) -> str:
    """A customer's ticket, as the contact centre's page that shows ours beside it."""
    made = await there.world.happen("customer", **customer)
    ticket = await there.world.happen("ticket", customer_id=made["id"], subject=subject, body="Dzień dobry")
    await there.write_pages()
    return f"{there.centre}tickets/{ticket['id']}"


async def deals(there: Stage, title: str) -> list[dict[str, Any]]:
    return [
        one for one in await there.world.records("deal") if one["title"] == title and not one["is_deleted"]
    ]


async def sign_in_by_pop_up(page: Page, frame: FrameLocator, *, user: str = "Łucja Żak") -> None:
    async with page.expect_popup() as opened:
        await frame.get_by_role("link", name=re.compile("Sign in|Zaloguj")).click()
    popup = await opened.value
    with_pipedrive = popup.get_by_role("link", name=re.compile("Pipedrive"))
    await with_pipedrive.click()
    async with popup.expect_event("close"):
        await popup.get_by_role("button", name="Allow and install").click()


def ours(page: Page) -> Frame:
    """Our page in the one of the contact centre."""
    (frame,) = [one for one in page.frames if "/embed/" in one.url]
    return frame


async def makes_a_deal_in_the_frame(
    browser: Browser, there: Stage, subject: str, *, language: str = "en", **customer: Any
) -> None:
    _ = translator(language)
    company = await there.world.happen("company", name=f"{customer['surname']} sp. z o.o.")
    ticket = await a_ticket(there, subject, company_id=company["id"], **customer)
    async with looking(browser, language) as look:
        page = look.page
        await page.goto(ticket)
        frame = page.frame_locator(TAB)
        await expect(frame.get_by_role("heading", level=1)).to_have_text(_("Sign in to see deals here"))
        await sign_in_by_pop_up(page, frame)
        await expect(frame.get_by_role("heading", level=1)).to_have_text(_("New deal from this ticket"))
        await look.judge("the form", ours(page))
        await expect(frame.locator("#title")).to_have_value(subject)
        [stage] = await frame.locator("#stage").select_option(index=1)
        await frame.locator("#value").fill("2 400,50")
        await frame.locator("#currency").fill("PLN")
        await frame.get_by_role("button", name=_("Make the deal")).click()
        await expect(frame.get_by_role("heading", level=1)).to_have_text(
            _("This ticket has its deal in Pipedrive")
        )
        await look.judge("the deal", ours(page))
        assert [one for one in look.found if "status of 401" not in one] == []

        [deal] = await deals(there, subject)
        persons = {one["id"]: one for one in await there.world.records("person")}
        assert persons[deal["person_id"]]["name"] == f"{customer['name']} {customer['surname']}"
        organizations = {one["id"]: one["name"] for one in await there.world.records("organization")}
        assert organizations[deal["org_id"]] == f"{customer['surname']} sp. z o.o."
        assert (str(deal["stage_id"]), deal["value"], deal["currency"]) == (stage, 2400.5, "PLN")
        assert str(deal["owner_id"]) == (await there.tenant()).installed.owner_user_id
        await page.reload()
        await expect(page.get_by_role("main")).to_contain_text(f".pipedrive.com/deal/{deal['id']}")
        link = frame.get_by_role("table").get_by_role("link", name=subject)
        await expect(link).to_have_attribute("href", re.compile(f"/deal/{deal['id']}$"))
        await frame.get_by_role("link", name=_("The customer’s page")).click()
        await expect(frame.get_by_role("table")).to_contain_text(subject)


async def test_an_agent_signs_in_by_a_pop_up_and_makes_a_deal_in_a_frame(
    browser: Browser, there: Stage
) -> None:
    await makes_a_deal_in_the_frame(
        browser, there, "Telefony do biura", name="Marek", surname="Ramka", email="marek.ramka@example.com"
    )  # fmt: skip


async def test_the_same_in_polish_where_cookies_of_others_are_blocked(there: Stage) -> None:
    async with async_playwright() as playwright:
        browser = await launch(playwright, NO_COOKIES_OF_OTHERS)
        await makes_a_deal_in_the_frame(
            browser, there, "Nowe licencje", language="pl",
            name="Iwona", surname="Bezciasteczka", email="iwona.b@example.com",
        )  # fmt: skip
        await browser.close()


async def test_an_agent_signs_out_in_a_frame_and_is_out_everywhere(browser: Browser, there: Stage) -> None:
    ticket = await a_ticket(there, "Wylogowanie", name="Ola", surname="Wychodząca", email="ola.w@example.com")
    heading = "Sign in to see deals here"
    async with signed_in(browser, there) as look:
        page = look.page
        await page.goto(ticket)
        frame = page.frame_locator(TAB)
        async with page.expect_popup() as opened:
            await frame.get_by_role("link", name="Sign in").click()
        popup = await opened.value
        if not popup.is_closed():
            await popup.wait_for_event("close")
        await expect(frame.get_by_role("heading", level=1)).to_have_text("New deal from this ticket")
        tab = await page.context.new_page()
        await tab.goto(ours(page).url)
        await expect(tab.get_by_role("heading", level=1)).to_have_text("New deal from this ticket")

        await frame.get_by_role("button", name="Sign out").click()
        await expect(frame.get_by_role("heading", level=1)).to_have_text(heading)
        await look.judge("signed out", ours(page))
        again = await tab.reload()
        assert again is not None
        assert again.status == 401
        await page.reload()
        await expect(frame.get_by_role("heading", level=1)).to_have_text(heading)
        assert "framed" not in {one["name"] for one in await page.context.cookies()}
        assert [one for one in look.found if "status of 401" not in one] == []


async def test_what_is_looked_for_appears_by_itself(browser: Browser, there: Stage) -> None:
    ticket = await a_ticket(
        there, "Przedłużenie", name="Olga", surname="Wątpliwa", email="olga.w@example.com"
    )
    tenant, number = await there.tenant(), ticket.rpartition("/")[2]
    async with signed_in(browser, there) as look:
        page = look.page
        await page.goto(f"{there.connector}/embed/{tenant.id}/thulium:demo/tickets/{number}")
        await there.world.fault("pipedrive", "reset_after", path="/api/v2/deals", method="POST")
        await there.world.fault(
            "pipedrive", "status_before", path="/api/v2/deals", method="GET", times=None, status=503
        )
        await page.get_by_role("button", name="Make the deal").click()
        await expect(page.get_by_role("main")).to_contain_text("Looking…")
        await look.judge()
        await there.world.mend("pipedrive")
        await there.later(400)
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "This ticket has its deal in Pipedrive", timeout=20_000
        )
        assert len(await deals(there, "Przedłużenie")) == 1
        assert look.found == []


async def test_a_deal_is_made_without_script(browser: Browser, there: Stage) -> None:
    ticket = await a_ticket(there, "Bez skryptu", name="Iga", surname="Prosta", email="iga.p@example.com")
    tenant, number = await there.tenant(), ticket.rpartition("/")[2]
    who = Who(tenant.id, tenant.installed.owner_user_id, None, "Łucja Żak")
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    token = await there.service.access.begin(who)
    await context.add_cookies([{"name": "session", "value": token, "url": there.connector}])
    page = await context.new_page()
    await page.goto(f"{there.connector}/embed/{tenant.id}/thulium:demo/tickets/{number}")
    await page.get_by_role("button", name="Make the deal").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This ticket has its deal in Pipedrive")
    await context.close()
