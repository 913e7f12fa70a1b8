"""Every page, as people see it: light and dark, narrow and wide, by keyboard, in both languages, without script."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.stage import Stage, looking

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_services_own_pages_are_fit_for_everyone(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        await look.open(there.connector)
        await look.open(there.appless)
        await look.open(f"{there.connector}/nowhere", status=404)
        await look.open(f"{there.connector}/oauth/callback?error=user_denied", status=400)
        await look.open(f"{there.connector}/oauth/callback?code=x&state=y", status=400)
        await look.open(f"{there.connector}/install")
        await look.page.get_by_role("button", name="Allow and install").click()
        await expect(look.page.get_by_role("status")).to_contain_text("is connected")
        await look.judge()
        assert look.found == []


async def test_the_simulated_contact_centre_is_fit_for_everyone(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        shapes = await look.walk(there.centre)
        expected = {
            f"/demo/panel/{name}{more}"
            for name in ("customers", "calls", "chats", "tickets")
            for more in ("", "/:id")
        }
        assert expected <= shapes
        # The browser itself notes that the frame of our page asks who it is.
        assert [one for one in look.found if "status of 401" not in one] == []


async def test_the_simulated_pipedrive_is_fit_for_everyone(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        shapes = await look.walk(f"{there.world.pipedrive}/")
        records = {f"/{kind}/:id" for kind in ("person", "organization", "deal", "activities")}
        assert records | {"/contacts", "/deals", "/webhooks", "/tokens", "/_sandbox/switchboard"} <= shapes
        assert look.found == []


async def test_in_polish_every_page_fits_too(browser: Browser, there: Stage) -> None:
    async with looking(browser, "pl") as look:
        await look.open(there.connector)
        await expect(look.page.get_by_role("link", name="Połącz z Pipedrive")).to_be_visible()
        await look.open(there.appless)
        await look.open(f"{there.connector}/oauth/callback?error=user_denied", status=400)
        await look.open(f"{there.connector}/install")
        await look.page.get_by_role("button", name="Allow and install").click()
        await expect(look.page.get_by_role("status")).to_contain_text("jest")
        await look.judge()
        assert look.found == []


async def test_a_person_installs_by_keyboard_alone(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        page = look.page
        await page.goto(there.connector)
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        button = page.get_by_role("link", name="Connect Pipedrive")
        await expect(button).to_be_focused()
        assert await button.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{there.world.pipedrive}/**")
        await page.get_by_role("button", name="Allow and install").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("is connected")


async def test_a_person_who_cancels_can_start_again(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        page = look.page
        await page.goto(f"{there.connector}/install")
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("You did not allow access")
        await page.get_by_role("link", name="Start again").click()
        await page.wait_for_url(f"{there.world.pipedrive}/**")


async def test_nothing_needs_a_script(browser: Browser, there: Stage) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(there.connector)
    await page.get_by_role("link", name="Connect Pipedrive").click()
    await page.get_by_role("button", name="Allow and install").click()
    await expect(page.get_by_role("status")).to_contain_text("is connected")
    await context.close()


GROUND = "getComputedStyle(document.body).backgroundColor"
DARK, LIGHT = "rgb(18, 25, 28)", "rgb(246, 248, 248)"


@pytest.mark.parametrize("side", ["connector", "pipedrive", "centre"])
async def test_a_person_chooses_light_or_dark_and_it_is_remembered(
    browser: Browser, there: Stage, side: str
) -> None:
    start = {"connector": there.connector, "pipedrive": there.world.pipedrive, "centre": there.centre}[side]
    async with looking(browser) as look:
        page = look.page
        await page.emulate_media(color_scheme="light")
        await page.goto(start)
        assert await page.evaluate(GROUND) == LIGHT
        async with page.expect_response("**/look") as told:
            await page.get_by_role("radio", name="Dark").check()
        assert (await told.value).status == 204
        assert await page.evaluate(GROUND) == DARK
        await look.judge()
        await page.goto(start)
        assert await page.evaluate(GROUND) == DARK
        await expect(page.get_by_role("radio", name="Dark")).to_be_checked()

        await page.emulate_media(color_scheme="dark")
        async with page.expect_response("**/look"):
            await page.get_by_role("radio", name="Dark").press("ArrowLeft")
        await page.goto(start)
        assert await page.evaluate(GROUND) == LIGHT
        assert look.found == []


async def test_without_script_the_look_changes_at_once_and_a_button_remembers_it(
    browser: Browser, there: Stage
) -> None:
    context = await browser.new_context(
        java_script_enabled=False, color_scheme="light", locale="pl", viewport={"width": 320, "height": 640}
    )
    page = await context.new_page()
    for start in (there.connector, there.world.pipedrive):
        await context.clear_cookies()
        await page.goto(start)
        dark, button = page.locator("input[value=dark]"), page.locator(".look button")
        light = await page.screenshot()
        await dark.check()
        assert await page.screenshot() != light
        async with page.expect_response("**/look") as told:
            await button.click()
        assert (await told.value).status == 204
        await page.goto(start)
        await expect(dark).to_be_checked()
    await context.close()


async def test_the_look_changes_without_loading_a_page_that_is_shown_only_once(
    browser: Browser, there: Stage
) -> None:
    async with looking(browser) as look:
        await look.page.goto(f"{there.connector}/install")
        await look.page.get_by_role("button", name="Allow and install").click()
        async with look.page.expect_response("**/look"):
            await look.page.get_by_role("radio", name="Dark").check()
        assert await look.page.evaluate(GROUND) == DARK
        await expect(look.page.get_by_role("status")).to_contain_text("is connected")


async def test_a_page_that_is_loaded_again_after_an_installation_installs_nothing_again(
    browser: Browser, there: Stage
) -> None:
    async with looking(browser) as look:
        await look.page.goto(f"{there.connector}/install")
        await look.page.get_by_role("button", name="Allow and install").click()
        await expect(look.page.get_by_role("status")).to_contain_text("is connected")
        async with look.page.expect_response("**/console/**") as shown:
            await look.page.reload()
        assert (await shown.value).status == 200
        await expect(look.page.get_by_role("status")).to_contain_text("is connected")
