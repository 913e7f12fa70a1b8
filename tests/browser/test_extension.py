"""The extension's own pages in a real Chromium: judged by axe in both languages and every look, and worked by hand."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from tests.browser.extension import CALL, ID, Extension, extension
from tests.browser.stage import AXE, IN_POLISH, LOOKS, Look

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOME = f"chrome-extension://{ID}"
ANNA = {
    "entity": "person",
    "id": "7",
    "name": "Zażółć Gęślą-Jaźń-Brzęczyszczykiewicz",
    "organization": "Przykład i Wspólnicy sp. k.",
    "deal": {"id": "5", "title": "Abonament roczny"},
    "link": "https://acme.pipedrive.com/person/7",
}
JAN = ANNA | {"id": "8", "name": "Jan Źrebak", "organization": "", "deal": None}
QUESTION = {
    "id": "q1",
    "origin": "https://crm.example.com",
    "host": "crm.example.com",
    "number": "+48601000001",
    "record": None,
    "source": "link",
    "window": None,
}


def a_call(name: str, **changes: Any) -> dict[str, Any]:
    number = {"number": "+48601000001", "number_shown": "+48 601 000 001", "record": None}
    return CALL | number | {"id": name, "direction": "out", "state": "ended", "reason": "answered"} | changes


CALLS = [
    a_call("c1", direction="in", state="ringing_you", reason="", candidates=[ANNA]),
    a_call("c2", state="in_call", reason=""),
    a_call("c3", duration_s=125, candidates=[ANNA]),
    a_call("c4", state="failed", reason="agent_offline"),
    a_call("c5", direction="in", reason="no_answer", new_person="https://acme.pipedrive.com/persons/list"),
    a_call("c6", direction="in", reason="no_answer", candidates=[ANNA, JAN]),
    a_call("c7", direction="in", reason="no_answer", number="", number_shown=""),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Extension]:
    async with (
        async_playwright() as playwright,
        extension(playwright, tmp_path_factory.mktemp("profile")) as ours,
    ):
        yield ours


async def remember(chromium: Extension, where: str, **values: Any) -> None:
    """Put values where the extension keeps its own."""
    await chromium.worker.evaluate(f"values => chrome.storage.{where}.set(values)", values)


async def opened(chromium: Extension, path: str) -> Page:
    page = await chromium.context.new_page()
    await page.goto(f"{HOME}/{path}")
    await page.locator("h1").first.wait_for()
    return page


async def judged(chromium: Extension, language: str, *paths: str) -> list[str]:
    """Everything that axe finds on some pages, in the looks of a language; pages have our policy, so axe is brought in."""
    await remember(chromium, "local", language=language)
    found: list[str] = []
    for path in paths:
        page = await opened(chromium, path)
        look = Look(page, IN_POLISH if language == "pl" else LOOKS)
        await page.evaluate(AXE.read_text())
        assert await page.locator("html").get_attribute("lang") == language
        await look.judge(path)
        found += look.found
        await page.close()
    return found


@pytest.mark.parametrize("language", ["en", "pl"])
async def test_pages_of_a_connected_browser_have_no_barrier(chromium: Extension, language: str) -> None:
    await remember(chromium, "session", calls=CALLS, asking=[QUESTION | {"at": await now(chromium)}])
    sites = [
        {"pattern": "https://*.pipedrive.com/*", "detection": False},
        {"pattern": "https://crm.example.com/*", "detection": True},
    ]
    await remember(chromium, "local", sites=sites, confirmed=[chromium.elsewhere])

    assert (
        await judged(chromium, language, "options.html", "popup.html", "popup.html#c6", "confirm.html#q1")
        == []
    )


@pytest.mark.parametrize("language", ["en", "pl"])
async def test_pages_of_a_browser_that_was_disconnected_have_none_either(
    chromium: Extension, language: str
) -> None:
    pairing = await stored(chromium, "pairing")
    await remember(chromium, "local", pairing=pairing | {"revoked": True})
    await remember(chromium, "session", calls=[])
    try:
        assert await judged(chromium, language, "options.html", "popup.html", "confirm.html#none") == []
    finally:
        await remember(chromium, "local", pairing=pairing)


async def test_the_popup_is_live_and_keeps_the_focus(chromium: Extension) -> None:
    await remember(chromium, "local", language="en")
    await remember(chromium, "session", calls=[CALLS[2]])
    popup = await opened(chromium, "popup.html")
    again = popup.get_by_role("button", name=f"Call {ANNA['name']} again")
    await again.focus()
    await remember(chromium, "session", calls=CALLS[:3])

    await popup.get_by_text("Your phone rings").wait_for()
    assert await again.evaluate("button => button === document.activeElement")
    await popup.close()


async def test_do_not_disturb_is_a_switch_and_is_kept(chromium: Extension) -> None:
    popup = await opened(chromium, "popup.html")
    switch = popup.get_by_role("switch", name="Do not disturb")
    await switch.focus()
    await popup.keyboard.press("Space")

    assert await stored(chromium, "quiet") is True
    await popup.close()
    popup = await opened(chromium, "popup.html")
    assert await popup.get_by_role("switch").is_checked()
    await popup.get_by_role("switch").click()
    await popup.close()


async def test_an_address_that_is_none_is_said_beside_its_field(chromium: Extension) -> None:
    pairing = await stored(chromium, "pairing")
    await chromium.worker.evaluate("() => chrome.storage.local.remove('pairing')")
    options = await opened(chromium, "options.html")
    field = options.get_by_label("Address of the connector")
    await field.fill("http://connector.example.com")
    await options.keyboard.press("Enter")

    await options.get_by_text("This is no address.").wait_for()
    assert await field.evaluate("field => field === document.activeElement && field.ariaInvalid") == "true"
    await options.close()
    await remember(chromium, "local", pairing=pairing)


async def test_what_is_called_like_markup_stays_text(chromium: Extension) -> None:
    name = "<img src=x onerror=alert(1)>"
    await remember(chromium, "session", calls=[a_call("c9", candidates=[ANNA | {"name": name}])])
    popup = await opened(chromium, "popup.html")

    assert await popup.locator("strong").inner_text() == name
    await popup.close()


async def test_nobody_else_is_asked_for_anything(chromium: Extension) -> None:
    """No remote code, no telemetry: the pages load what is in the package, and their policy allows no more."""
    asked: list[str] = []
    page = await chromium.context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    for path in ("options.html", "popup.html", "confirm.html"):
        await page.goto(f"{HOME}/{path}")
    manifest = json.loads(await page.evaluate("JSON.stringify(chrome.runtime.getManifest())"))

    assert [url for url in asked if not url.startswith(HOME)] == []
    assert "script-src 'self';" in manifest["content_security_policy"]["extension_pages"]
    await page.close()


async def stored(chromium: Extension, name: str) -> Any:
    found = await chromium.worker.evaluate("name => chrome.storage.local.get(name)", name)
    return found.get(name)


async def now(chromium: Extension) -> int:
    moment: int = await chromium.worker.evaluate("Date.now()")
    return moment
