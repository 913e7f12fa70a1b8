"""Signing in by an invitation, and what a pop-up hands over to whom, in Chromium."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from connector.store.access import Who
from tests.browser.stage import Look, Stage, looking

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEADING = "h1"


async def an_agent(there: Stage) -> Who:
    tenant = await there.tenant()
    return Who(tenant.id, None, "thulium:demo/anna.nowak", "Anna Nowak")


async def an_invitation(there: Stage) -> str:
    code = await there.service.access.make_code(
        await an_agent(there), purpose="invitation", lasts=timedelta(hours=1)
    )
    return f"{there.connector}/embed/invitation#{code}"


async def sign_in(look: Look, there: Stage) -> None:
    token = await there.service.access.begin(await an_agent(there))
    await look.page.context.add_cookies([{"name": "session", "value": token, "url": there.connector}])


async def a_page(there: Stage) -> str:
    return f"{there.connector}/embed/{(await there.tenant()).id}/thulium:demo/customers/1"


async def handover(there: Stage) -> str:
    return f"{there.connector}/embed/handover?installation={(await there.tenant()).id}"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Sign in as Anna Nowak"), ("pl", "Zaloguj się jako Anna Nowak")]
)
async def test_an_invitation_is_opened_pressed_once_and_its_code_stays_out_of_all_addresses(
    browser: Browser, there: Stage, language: str, words: str
) -> None:
    address, asked = await an_invitation(there), list[str]()

    def note(request: Request) -> None:
        asked.append(f"{request.url} {request.headers.get('referer', '')}")

    async with looking(browser, language) as look:
        look.page.on("request", note)
        await look.page.goto(address)
        await expect(look.page.locator(HEADING)).to_have_text(words)
        await look.judge()
        code = address.partition("#")[2]
        assert code not in look.page.url
        assert not [one for one in asked if code in one.replace(address, "")]
        await look.page.get_by_role("button", name=words).click()
        await expect(look.page).to_have_url(f"{there.connector}/embed/signed-in")
        await look.judge()
        await look.page.goto(await a_page(there))
        await expect(look.page.get_by_text("Anna Nowak").first).to_be_visible()
        assert look.found == []


async def test_pages_of_signing_in_suit_everybody(browser: Browser, there: Stage) -> None:
    for language in ("en", "pl"):
        async with looking(browser, language) as look:
            for path, status in (
                ("/embed/sign-in?next=/embed/1/x", 200), ("/embed/invitation", 200), ("/embed/signed-out", 200),
                (urlsplit(await a_page(there)).path, 401),
            ):  # fmt: skip
                await look.open(there.connector + path, status=status)
            await look.open(f"{there.appless}/embed/sign-in")
            assert look.found == []


async def test_a_pop_up_hands_nothing_to_a_page_of_another_site(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        await sign_in(look, there)
        await look.page.goto(there.centre)
        await look.page.evaluate("() => { window.heard = []; window.onmessage = e => heard.push(e.data) }")
        async with look.page.expect_popup() as opened:
            await look.page.evaluate("address => { window.open(address) }", await handover(there))
        popup = await opened.value
        if not popup.is_closed():
            await popup.wait_for_event("close")
        assert await look.page.evaluate("heard") == []


async def test_a_pop_up_without_its_opener_says_how_to_go_on(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        await sign_in(look, there)
        await look.open(await handover(there))
        await expect(look.page.locator(HEADING)).to_have_text("You are signed in")
        await expect(look.page.get_by_text("Close this window and press “Sign in” once more")).to_be_visible()
        assert look.found == []


async def framed(page: Page, there: Stage) -> None:
    """Have a page of the contact centre show ours in a frame."""
    await page.goto(there.centre)
    await page.evaluate(
        "address => { const f = document.createElement('iframe'); f.src = address; f.title = 'ours';"
        " document.body.append(f) }",
        await a_page(there),
    )


async def test_a_frame_whose_browser_keeps_no_cookie_says_so_and_offers_a_tab(
    browser: Browser, there: Stage
) -> None:
    async def keep_no_cookie(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        answer = await route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
        await route.fulfill(status=answer.status, headers=headers)

    async with looking(browser) as look:
        await sign_in(look, there)
        await look.page.context.route("**/embed/session*", keep_no_cookie)
        await framed(look.page, there)
        frame = look.page.frame_locator('iframe[title="ours"]')
        async with look.page.expect_popup():
            await frame.get_by_role("link", name="Sign in").click()
        tab = frame.get_by_role("link", name="Open this page in a tab of its own")
        await expect(tab).to_be_visible()
        async with look.page.expect_popup() as opened:
            await tab.click()
        await expect((await opened.value).get_by_text("Anna Nowak").first).to_be_visible()


async def test_no_other_site_can_frame_the_page(browser: Browser, there: Stage) -> None:
    async with looking(browser) as look:
        await sign_in(look, there)
        await look.page.goto(there.world.pipedrive)
        loaded = await look.page.evaluate(
            "address => new Promise(done => { const f = document.createElement('iframe'); f.src = address;"
            " f.onload = () => done(true); document.body.append(f) })",
            await a_page(there),
        )
        assert loaded
        (_, frame) = look.page.frames
        assert frame.url == "chrome-error://chromewebdata/"
