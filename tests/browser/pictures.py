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
from connector.flows.deals.mirroring import captions, mirror_due, note_all_changed
from connector.store.access import Who
from tests.browser.conftest import launch
from tests.browser.stage import Stage, stage
from tests.browser.states import of_customers, of_tickets
from tests.browser.test_deals import TAB, sign_in_by_pop_up
from tests.web.agents import CONNECTION

#: The states of `tests.browser.states` that docs/deals.md shows.
STATES = {
    "customer-deals", "customer-left-out", "customer-not-in-pipedrive", "customer-person-gone", "customer-several",
    "new-deal-errors", "new-deal-same-title", "ticket-another", "ticket-deal-deleted", "ticket-deals-not-shown",
    "ticket-looking", "ticket-made", "ticket-new-deal", "ticket-not-known", "ticket-not-linked", "ticket-not-shown",
    "ticket-refused-by-plan", "ticket-waits", "ticket-without-customer",
}  # fmt: skip
FOLDER = Path(__file__).parents[2] / "docs" / "images" / "deals"


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder)) as there, async_playwright() as playwright:
            browser = await launch(playwright)
            await prepare(there)
            await of_signing_in(browser, there)
            await of_looks(browser, there)
            await on_the_card(browser, there)
            await in_the_contact_centre(browser, there)
            await of_states(browser, there)
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


async def of_states(browser: Browser, there: Stage) -> None:
    for walk in (of_tickets, of_customers):
        async with an_agent(browser, there) as page:
            async for state in walk(page, there, "en"):
                if state in STATES:
                    await take(page, state)


async def of_looks(browser: Browser, there: Stage) -> None:
    """One customer in another language, look and width."""
    address = f"{there.connector}/embed/{(await there.tenant()).id}/{CONNECTION}/customers/1"
    async with an_agent(browser, there, "pl", "dark") as page:
        await page.goto(address)
        await page.locator("form:has(input[value=add]) button").click()
        await page.wait_for_url("**/*said=*")
        await page.goto(address)
        await take(page, "customer-polish-dark")
    async with an_agent(browser, there, "pl", width=320) as page:
        await page.goto(address)
        await page.set_viewport_size({"width": 320, "height": 760})
        await take(page, "customer-narrow", whole=False)


async def of_signing_in(browser: Browser, there: Stage) -> None:
    who = Who((await there.tenant()).id, None, f"{CONNECTION}/anna.nowak", "Anna Nowak")
    code = await there.service.access.make_code(who, purpose="invitation", lasts=timedelta(hours=1))
    context = await browser.new_context(locale="en", viewport={"width": 560, "height": 200})
    page = await context.new_page()
    await page.goto(f"{there.connector}/embed/sign-in")
    await take(page, "sign-in")
    await page.goto(f"{there.connector}/embed/invitation#{code}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in as Anna Nowak")
    await take(page, "invitation")
    await context.close()


async def on_the_card(browser: Browser, there: Stage) -> None:
    """The mirror: deals as rows of the customer's card."""
    group = "Szanse w Pipedrive"
    tenant = await there.tenant()
    await there.world.seed_centre(field_groups={group: list(captions(tenant))})
    settings = tenant.settings.model_copy(
        update={"deals": tenant.settings.deals.model_copy(update={"mirror_group": group, "visible": "all"})}
    )
    seen = tenant.installed.settings_version
    assert await there.service.installations.set_settings(tenant.id, settings, seen_version=seen)
    tenant = await there.tenant()
    await note_all_changed(tenant, no_older_than=there.service.clock.now())
    await mirror_due(tenant)
    context = await browser.new_context(locale="en", viewport={"width": 820, "height": 800})
    page = await context.new_page()
    await page.goto(f"{there.centre}customers/1")
    rows = page.locator("section", has=page.get_by_role("heading", name=group))
    await expect(rows.get_by_role("link")).to_have_count(3)
    await rows.screenshot(path=FOLDER / "card-rows.png")
    await context.close()


async def in_the_contact_centre(browser: Browser, there: Stage) -> None:
    """The ticket's page of the contact centre with ours in a frame, before and after signing in."""
    made = await there.world.happen(
        "ticket", subject="Drugi numer do centrali", body="Dzień dobry", customer_id=1
    )
    await there.write_pages()
    context = await browser.new_context(locale="en", viewport={"width": 820, "height": 800})
    page = await context.new_page()
    await page.goto(f"{there.centre}tickets/{made['id']}")
    frame = page.frame_locator(TAB)
    await expect(frame.get_by_role("link", name="Sign in")).to_be_visible()
    await take(page, "frame-sign-in", whole=False)
    await sign_in_by_pop_up(page, frame)
    await expect(frame.get_by_role("heading", level=1)).to_have_text(re.compile("New deal"))
    await take(page, "frame-ticket", whole=False)
    await context.close()


if __name__ == "__main__":
    asyncio.run(main())
