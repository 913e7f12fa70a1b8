"""The pictures of docs/deals.md: `python -m tests.browser.pictures` takes them anew, with invented data only."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, async_playwright, expect

from connector.flows.deals.catalogue import catalogue
from connector.store.access import Who
from tests.browser.conftest import launch
from tests.browser.stage import TWINS, Stage, stage
from tests.browser.test_deals import TAB, sign_in_by_pop_up

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "deals"


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder)) as there, async_playwright() as playwright:
            browser = await launch(playwright)
            await prepare(there)
            await of_customers(browser, there)
            await of_tickets(browser, there)
            await in_the_contact_centre(browser, there)
            await browser.close()


async def prepare(there: Stage) -> None:
    """Deals of one customer in every state."""
    third = (await catalogue(await there.tenant())).stages[2]
    deals = [
        {"title": "Rozszerzenie abonamentu", "value": 2400.5, "probability": 60, "stage_id": int(third.id)},
        {"title": "Aparaty biurkowe", "value": 5100, "status": "lost"},
    ]
    await there.world.seed_pipedrive(
        deals=[{"person": "Łucja Żak", "currency": "PLN"} | deal for deal in deals]
    )


@asynccontextmanager
async def an_agent(
    browser: Browser, there: Stage, language: str = "en", look: Literal["light", "dark"] = "light", width: int = 760
) -> AsyncIterator[Page]:  # fmt: skip
    tenant = await there.tenant()
    who = Who(tenant.id, tenant.installed.owner_user_id, None, "Łucja Żak")
    token = await there.service.access.begin(who)
    context = await browser.new_context(
        locale=language, color_scheme=look, viewport={"width": width, "height": 200}
    )
    await context.add_cookies([{"name": "session", "value": token, "url": there.connector}])
    yield await context.new_page()
    await context.close()


async def take(page: Page, name: str, *, whole: bool = True) -> None:
    await page.wait_for_load_state("networkidle")
    picture = await page.screenshot(path=FOLDER / f"{name}.png", full_page=whole)
    print(f"{name}.png {len(picture) // 1000} kB")


async def home(there: Stage) -> str:
    return f"{there.connector}/embed/{(await there.tenant()).id}/thulium:demo"


async def of_customers(browser: Browser, there: Stage) -> None:
    base = await home(there)
    twin = await there.world.happen("customer", name="A.", surname="Bliźniak", phone_number=TWINS["en"])
    async with an_agent(browser, there) as page:
        await page.goto(f"{base}/customers/1")
        await take(page, "customer-not-in-pipedrive")
        await page.get_by_role("button", name="Add to Pipedrive").click()
        await take(page, "customer-linked")
    async with an_agent(browser, there, "pl", "dark") as page:
        await page.goto(f"{base}/customers/1")
        await take(page, "customer-polish-dark")
    async with an_agent(browser, there, "pl", width=320) as page:
        await page.goto(f"{base}/customers/1")
        await page.set_viewport_size({"width": 320, "height": 760})
        await take(page, "customer-narrow", whole=False)
    async with an_agent(browser, there) as page:
        await page.goto(f"{base}/customers/{twin['id']}")
        await page.get_by_role("button", name="Add to Pipedrive").click()
        await take(page, "customer-several")
        await page.goto(f"{base}/customers/1/new-deal")
        await page.get_by_label("Title").fill("")
        await page.get_by_label("Value").fill("a lot")
        await page.get_by_role("button", name="Make the deal").click()
        await take(page, "new-deal-errors")
        for _ in range(2):
            await page.goto(f"{base}/customers/1/new-deal")
            await page.get_by_label("Title").fill("Audyt łącza")
            await page.get_by_role("button", name="Make the deal").click()
            await page.wait_for_load_state()
        await take(page, "new-deal-same-title")


async def a_ticket(there: Stage, customer: int | None, subject: str) -> str:
    who = {} if customer is None else {"customer_id": customer}
    ticket = await there.world.happen("ticket", subject=subject, body="Dzień dobry", **who)
    return f"{await home(there)}/tickets/{ticket['id']}"


async def of_tickets(browser: Browser, there: Stage) -> None:
    async with an_agent(browser, there) as page:
        await page.goto(await a_ticket(there, 2, "Nowe licencje dla biura"))
        await take(page, "ticket-new-deal")
        await page.get_by_role("button", name="Make the deal").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("has its deal")
        await take(page, "ticket-made")
        await page.goto(await a_ticket(there, None, "Anonimowe zapytanie"))
        await take(page, "ticket-without-customer")
        await page.goto(await a_ticket(there, 2, "Przedłużenie umowy"))
        await there.world.fault("pipedrive", "reset_after", path="/api/v2/deals", method="POST")
        await there.world.fault(
            "pipedrive", "status_before", path="/api/v2/deals", method="GET", times=None, status=503
        )
        await page.get_by_role("button", name="Make the deal").click()
        await expect(page.get_by_role("main")).to_contain_text("Looking…")
        await page.screenshot(path=FOLDER / "ticket-looking.png", full_page=True)
        await there.world.mend("pipedrive")
        there.service.clock.move_to(there.service.clock.offset + timedelta(seconds=400))
        await expect(page.get_by_role("heading", level=1)).to_contain_text("has its deal")


async def in_the_contact_centre(browser: Browser, there: Stage) -> None:
    """The ticket's page of the contact centre with ours in a frame, before and after signing in."""
    ticket = (await a_ticket(there, 1, "Drugi numer do centrali")).rpartition("/")[2]
    await there.write_pages()
    context = await browser.new_context(locale="en", viewport={"width": 820, "height": 800})
    page = await context.new_page()
    await page.goto(f"{there.centre}tickets/{ticket}")
    frame = page.frame_locator(TAB)
    await expect(frame.get_by_role("link", name="Sign in")).to_be_visible()
    await take(page, "frame-sign-in", whole=False)
    await sign_in_by_pop_up(page, frame)
    await expect(frame.get_by_role("heading", level=1)).to_have_text(re.compile("New deal"))
    await take(page, "frame-ticket", whole=False)
    await context.close()


if __name__ == "__main__":
    asyncio.run(main())
