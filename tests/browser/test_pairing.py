"""Letting a browser call for an agent, in Chromium: the page that asks, where its answers lead, and how it is ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect
from yarl import URL

from connector.i18n import translator
from connector.store.access import Who
from connector.web.pairing_request import TERMINAL
from tests.browser.stage import Look, Stage, looking
from tests.web.test_pairing import OTHER_CHROME, VERIFIER, asked_by
from tests.world import listening

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANNA = "thulium:demo/anna.nowak"


@dataclass
class Window:
    """A browser window, and the device that asks: it waits at `back`, on this machine, for the agent's answer."""

    there: Stage
    look: Look
    back: str
    answers: list[dict[str, str]]

    def address(self, **changes: str) -> str:
        asked = asked_by(TERMINAL) | {"redirect_uri": self.back} | changes
        return self.there.connector + str(URL("/pair").with_query(asked))

    async def answer(self) -> dict[str, str]:
        """What the device is told."""
        await self.look.page.wait_for_url(f"{self.back}**")
        (answer,) = self.answers
        return answer

    async def token(self) -> str:
        """What the device has for it."""
        body = {
            "grant_type": "authorization_code", "code": (await self.answer())["code"], "code_verifier": VERIFIER,
            "client": TERMINAL, "redirect_uri": self.back,
        }  # fmt: skip
        async with self.there.world.http.post(f"{self.there.connector}/pair/token", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["token"])


@asynccontextmanager
async def a_window(
    browser: Browser, there: Stage, who: Who | None = None, language: str = "en"
) -> AsyncIterator[Window]:
    answers: list[dict[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        answers.append(dict(request.query))
        return web.Response(
            text='<title>Taken</title><link rel="icon" href="data:,">', content_type="text/html"
        )

    app = web.Application()
    app.router.add_get("/done", take)
    async with listening(app) as device, looking(browser, language) as look:
        if who is not None:
            token = await there.service.access.begin(who)
            await look.page.context.add_cookies([{"name": "session", "value": token, "url": there.connector}])
        yield Window(there, look, f"{device}/done", answers)


async def anna(there: Stage) -> Who:
    """An agent who was invited."""
    return Who((await there.tenant()).id, None, ANNA, "Anna Nowak")


async def owner(there: Stage) -> Who:
    tenant = await there.tenant()
    return Who(tenant.id, tenant.installed.owner_user_id, None, "Łucja Żak", is_admin=True)


@pytest.mark.parametrize("language", ["en", "pl"])
async def test_an_agent_allows_a_browser_sees_it_on_his_page_and_disconnects_it(
    browser: Browser, there: Stage, language: str
) -> None:
    _, devices = translator(language), there.service.devices
    async with a_window(browser, there, await anna(there), language) as window:
        look = window.look
        await look.open(window.address())
        await expect(look.page.locator("h1")).to_have_text(
            _("Let “%(device)s” call for you?") % {"device": "Chrome on Linux"}
        )
        await expect(look.page.get_by_role("main")).to_contain_text("anna.nowak")
        await look.page.get_by_role("button", name=_("Allow"), exact=True).click()
        token = await window.token()
        assert window.answers[0]["state"] == asked_by(TERMINAL)["state"]
        home = f"{there.connector}/console/{(await there.tenant()).id}/me"
        await look.open(home)
        await expect(look.page.get_by_text("Chrome on Linux").first).to_be_visible()
        await look.page.get_by_role("button", name=_("Disconnect")).first.click()
        await expect(look.page.get_by_role("status")).to_contain_text(
            _("“%(name)s” is disconnected.") % {"name": "Chrome on Linux"}
        )
        assert await devices.by_token(token) is None
        await look.judge()
        assert look.found == []


async def test_an_agent_refuses_by_the_keyboard_alone(browser: Browser, there: Stage) -> None:
    async with a_window(browser, there, await anna(there)) as window:
        look = window.look
        await look.page.goto(window.address())
        refuse = look.page.get_by_role("button", name="Do not allow")
        await refuse.focus()
        await look.page.keyboard.press("Enter")
        assert await window.answer() == {"error": "access_denied", "state": asked_by(TERMINAL)["state"]}
        assert look.found == []


async def test_who_is_not_signed_in_signs_in_and_is_asked_then(browser: Browser, there: Stage) -> None:
    who = await anna(there)
    code = await there.service.access.make_code(who, purpose="invitation", lasts=timedelta(hours=1))
    async with a_window(browser, there) as window:
        look = window.look
        await look.page.goto(window.address(name="Przeglądarka Łucji & <spółka>"))
        await look.page.get_by_role("link", name="I have an invitation").click()
        await look.page.get_by_label("Invitation").fill(code)
        await look.page.get_by_role("button", name="Go on").click()
        await look.page.get_by_role("button", name="Sign in as Anna Nowak").click()
        await expect(look.page.locator("h1")).to_have_text(
            "Let “Przeglądarka Łucji & <spółka>” call for you?"
        )
        await look.page.get_by_role("button", name="Allow", exact=True).click()
        assert await window.token()
        assert look.found == []


@pytest.mark.parametrize("language", ["en", "pl"])
async def test_the_other_faces_of_the_page_suit_everybody(
    browser: Browser, there: Stage, language: str
) -> None:
    who, tenant = await owner(there), await there.tenant()
    await there.service.devices.pair(
        tenant.id, ANNA, user_id=None, name="Firefox on Windows", client=TERMINAL, origin=""
    )
    async with a_window(browser, there, who, language) as window:
        look = window.look
        await look.open(window.address())
        await expect(look.page.locator("h1")).to_have_text(
            translator(language)("No agent of the contact centre belongs to you yet")
        )
        await look.open(window.address(redirect_uri="https://evil.example.com/"), status=400)
        await look.open(window.address(client=OTHER_CHROME), status=400)
        await look.open(f"{there.connector}/console/{tenant.id}/settings/agents")
        await expect(look.page.get_by_text("Firefox on Windows").first).to_be_visible()
        assert window.answers == []
        assert look.found == []
