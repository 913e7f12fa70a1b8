"""The phones of the simulated contact centre in a browser: what rings is seen at once, and answered by keyboard."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from connector.sandbox.thulium import create_app
from tests.browser.stage import looking
from tests.world import listening

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALL = {"agent": "anna.nowak", "number": "+48 601 000 001"}


@pytest_asyncio.fixture(loop_scope="session")
async def centre() -> AsyncIterator[str]:
    async with listening(create_app()) as centre:
        yield centre


async def order(page: Page, centre: str, what: str, **body: str) -> None:
    answer = await page.request.post(f"{centre}/_sandbox/{what}", data=body)
    assert answer.ok, await answer.text()


async def test_a_call_shows_while_the_page_is_open_and_is_answered_by_keyboard(
    browser: Browser, centre: str
) -> None:
    async with looking(browser) as look:
        page = look.page
        await page.goto(f"{centre}/demo/panel/phones")
        number = page.get_by_label("Call this agent from").nth(1)
        await number.fill("+48 601 000 002")
        await order(page, centre, "ring", **CALL)
        anna = page.get_by_role("region", name="Anna Nowak, 391")
        await expect(anna.get_by_text("+48601000001 calls.")).to_be_visible()
        # What somebody was writing is still there.
        await expect(number).to_have_value("+48 601 000 002")
        await look.judge()
        await anna.get_by_role("button", name="Answer", exact=True).focus()
        await page.keyboard.press("Enter")
        await expect(anna.get_by_text("Talks with +48601000001.")).to_be_visible()
        await look.judge()
        await anna.get_by_role("button", name="Hang up").first.focus()
        await order(page, centre, "phone", agent="anna.nowak", act="they_hang_up")
        await expect(anna.get_by_text("On the hook.")).to_be_visible()
        assert look.found == []


async def test_the_phones_need_no_script(browser: Browser, centre: str) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{centre}/")
    await page.get_by_role("navigation").get_by_role("link", name="Phones").click()
    await page.get_by_role("button", name="Answer dialled calls myself").click()
    await page.get_by_role("button", name="Call", exact=True).first.click()
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_text("On the hook.")).to_have_count(3)
    await context.close()
