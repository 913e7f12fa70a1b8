"""Clicks on numbers, in a real browser with the extension in it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from tests.browser.extension import ID, Extension, built, extension, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER = "+48601000001"
#: Says in the page whether the browser would have followed the link.
WATCH = "addEventListener('click', (event) => { window.followed = !event.defaultPrevented; event.preventDefault(); })"
LEAD = "0f9a3c10-ac28-11ea-b67e-0d7b8516cbb9"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Extension]:
    async with (
        async_playwright() as playwright,
        extension(playwright, tmp_path_factory.mktemp("profile")) as ours,
    ):
        yield ours


def order(number: str = NUMBER, source: str = "link", record: Any = None) -> dict[str, Any]:
    return {"number": number, "record": record, "source": source}


async def is_left_to_the_browser(page: Page) -> bool:
    return await page.evaluate("window.followed") is True


async def test_a_click_on_a_phone_link_is_a_call_and_goes_nowhere(chromium: Extension) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call <b>Anna</b></a>')
    await page.get_by_text("Anna").click()
    assert await chromium.line.ordered() == order()
    assert page.url.startswith(chromium.site)


async def test_enter_on_a_phone_link_is_a_call(chromium: Extension) -> None:
    page = await chromium.open(f'<a href="callto:{NUMBER}">Call</a>')
    await page.get_by_role("link").focus()
    await page.keyboard.press("Enter")
    assert await chromium.line.ordered() == order()


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("/person/7", {"entity": "person", "id": "7"}),
        (f"/leads/inbox/{LEAD}", {"entity": "lead", "id": LEAD}),
        ("/activities/list", None),
    ],
)
async def test_the_record_on_the_page_travels_with_the_call(
    chromium: Extension, path: str, record: dict[str, str] | None
) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>', path)
    await page.get_by_role("link").click()
    assert await chromium.line.ordered() == order(record=record)


async def test_the_record_is_the_one_that_the_page_went_to_without_loading(chromium: Extension) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>', "/person/7")
    await page.evaluate("history.pushState({}, '', '/deal/5')")
    await page.get_by_role("link").click()
    assert await chromium.line.ordered() == order(record={"entity": "deal", "id": "5"})


async def test_a_link_in_a_shadow_root_is_called(chromium: Extension) -> None:
    page = await chromium.open("<p id=host></p>")
    await page.evaluate(
        "link => { host.attachShadow({mode: 'open'}).innerHTML = '<p id=inner></p>';"
        " host.shadowRoot.getElementById('inner').attachShadow({mode: 'open'}).innerHTML = link }",
        f'<a href="tel:{NUMBER}"><span>Call</span></a>',
    )
    await page.get_by_text("Call").click()
    assert await chromium.line.ordered() == order()


async def test_a_link_in_a_picture_is_called(chromium: Extension) -> None:
    page = await chromium.open(
        f'<svg width=200 height=60><a href="tel:{NUMBER}"><text y=30>One</text></a></svg>'
        f'<svg width=200 height=60 xmlns:xlink="http://www.w3.org/1999/xlink"><a xlink:href="tel:{NUMBER}2"><text y=30>Two</text></a></svg>'
    )
    await page.get_by_text("One").click()
    assert await chromium.line.ordered() == order()
    await page.get_by_text("Two").click()
    assert await chromium.line.ordered() == order(f"{NUMBER}2")


async def test_an_area_of_an_image_map_is_called(chromium: Extension) -> None:
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    page = await chromium.open(
        f'<img src="{pixel}" width=100 height=100 usemap="#m">'
        f'<map name=m><area shape=rect coords="0,0,100,100" href="tel:{NUMBER}"></map>'
    )
    await page.mouse.click(50, 50)
    assert await chromium.line.ordered() == order()


@pytest.mark.parametrize("attribute", ["srcdoc", "src"])
async def test_a_link_in_a_frame_is_called_for_the_record_around_it(
    chromium: Extension, attribute: str
) -> None:
    inner = f"<a href='tel:{NUMBER}'>Call</a>"
    value = inner if attribute == "srcdoc" else chromium.pages.put(inner)
    page = await chromium.open(f'<iframe {attribute}="{value}"></iframe>', "/organization/3")
    await page.frame_locator("iframe").get_by_role("link").click()
    assert await chromium.line.ordered() == order(record={"entity": "organization", "id": "3"})


async def test_a_page_that_draws_the_link_anew_under_the_pointer_still_calls(chromium: Extension) -> None:
    page = await chromium.open(
        "<div id=list></div><script>const draw = () => {"
        f" list.innerHTML = '<p><a href=\"tel:{NUMBER}\">Call</a></p>' }}; draw();"
        " addEventListener('mousedown', draw); window.clicks = 0; addEventListener('click', () => clicks++)</script>"
    )
    await page.get_by_role("link").click()
    assert await chromium.line.ordered() == order()
    assert await page.evaluate("clicks") == 0, "the browser itself sends no click there"
    assert await chromium.line.nothing_ordered()


async def test_a_page_that_draws_itself_anew_all_the_time_calls_once_a_click(chromium: Extension) -> None:
    page = await chromium.open(
        "<div id=list style='position: fixed; left: 0; top: 0; font-size: 40px'></div><script>const draw = () => {"
        f" list.innerHTML = '<a href=\"tel:{NUMBER}\">Call</a>'; requestAnimationFrame(draw) }}; draw()</script>"
    )
    await page.mouse.move(20, 20)
    await page.mouse.down()
    await asyncio.sleep(0.05)
    await page.mouse.up()
    assert await chromium.line.ordered() == order()
    assert await chromium.line.nothing_ordered()


async def test_a_script_cannot_call(chromium: Extension) -> None:
    page = await chromium.open(
        f'<a id=link href="tel:{NUMBER}">Call</a><button onclick="link.click()">Press</button><script>{WATCH}</script>'
    )
    await page.get_by_role("button").click()
    assert await is_left_to_the_browser(page)
    await page.evaluate("link.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))")
    await page.evaluate("window.postMessage({type: 'dial', number: '+48601000001'}, '*')")
    assert await chromium.line.nothing_ordered()


async def test_a_double_click_calls_once(chromium: Extension) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>')
    await page.get_by_role("link").dblclick()
    assert await chromium.line.ordered() == order()
    assert await chromium.line.nothing_ordered()


async def test_other_links_and_buttons_keep_their_own_ways(chromium: Extension) -> None:
    page = await chromium.open(
        '<a href="#there">Go</a> <button>Press</button> <a href="callto:jan.kowalski">Jan</a>'
        "<script>window.seen = []; addEventListener('click', (event) => { seen.push(event.target.textContent);"
        " if (event.target.textContent === 'Jan') { window.followed = !event.defaultPrevented; event.preventDefault() } })</script>"
    )
    await page.get_by_text("Go").click()
    await page.get_by_text("Press").click()
    await page.get_by_text("Jan").click()
    assert page.url.endswith("#there")
    assert await page.evaluate("seen") == ["Go", "Press", "Jan"]
    assert await is_left_to_the_browser(page)
    assert await chromium.line.nothing_ordered()


async def test_middle_and_modified_clicks_are_the_browsers(chromium: Extension) -> None:
    page = await chromium.open(
        f'<a href="tel:{NUMBER}">Call</a><script>{WATCH};'
        " addEventListener('auxclick', (event) => { window.middle = !event.defaultPrevented; event.preventDefault() })</script>"
    )
    await page.get_by_role("link").click(button="middle")
    assert await page.evaluate("window.middle") is True
    for key in ("Control", "Shift", "Alt", "Meta"):
        await page.evaluate("window.followed = null")
        await page.get_by_role("link").click(modifiers=[key])
        assert await is_left_to_the_browser(page), key
    assert await chromium.line.nothing_ordered()


async def test_a_link_in_text_that_is_being_edited_is_left_alone(chromium: Extension) -> None:
    page = await chromium.open(
        f'<div contenteditable><a href="tel:{NUMBER}">Edit</a>'
        f' <span contenteditable=false><a href="tel:{NUMBER}">Call</a></span></div>'
    )
    await page.get_by_text("Edit").click()
    assert await chromium.line.nothing_ordered()
    await page.get_by_text("Call").click()
    assert await chromium.line.ordered() == order()


async def test_a_click_on_pipedrive_in_a_frame_of_another_site_is_asked_about_each_time(
    chromium: Extension,
) -> None:
    inner = chromium.site + chromium.pages.put(f'<a href="tel:{NUMBER}">Call</a>', "/person/7")
    for _ in range(2):
        page = await chromium.open(f'<iframe src="{inner}"></iframe>', site=chromium.elsewhere)
        async with chromium.context.expect_page() as opened:
            await page.frame_locator("iframe").get_by_role("link").click()
        question = await opened.value
        assert await chromium.line.nothing_ordered()
        await question.get_by_role("button", name="Call", exact=True).click()
        assert await chromium.line.ordered() == order()


async def test_keys_that_a_page_has_its_person_hammer_on_do_not_answer_the_question(
    chromium: Extension,
) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>', site=chromium.elsewhere)
    async with chromium.context.expect_page() as opened:
        await page.get_by_role("link").click()
    question = await opened.value
    await question.get_by_role("button", name="Call", exact=True, disabled=False).wait_for()
    await question.keyboard.press("Enter")
    await question.keyboard.press("Space")
    assert await chromium.line.nothing_ordered()


async def test_the_first_call_from_another_site_asks_in_a_window_that_the_page_cannot_reach(
    chromium: Extension,
) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>', "/person/7", site=chromium.elsewhere)
    async with chromium.context.expect_page() as opened:
        await page.get_by_role("link").click()
    question = await opened.value
    await question.wait_for_load_state()
    assert question.url.startswith("chrome-extension://")
    assert await chromium.line.nothing_ordered()
    await question.get_by_role("button", name="Call", exact=True).click()
    assert await chromium.line.ordered() == order(), "another site's addresses are no records"


async def test_a_site_that_somebody_removed_dials_no_more_not_even_in_open_pages(chromium: Extension) -> None:
    body = f'<a href="tel:{NUMBER}" onclick="event.preventDefault(); window.followed = true">Call</a>'
    page = await chromium.open(body, site=chromium.elsewhere)
    everywhere = [{"pattern": "http://127.0.0.1/*", "detection": False}]
    remember = "values => chrome.storage.local.set(values)"
    await chromium.worker.evaluate(remember, {"sites": everywhere, "confirmed": [chromium.elsewhere]})
    options = await chromium.context.new_page()
    await options.goto(f"chrome-extension://{ID}/options.html")
    await options.get_by_role("button", name="Remove http://127.0.0.1").click()
    await until(chromium.worker, "(await chrome.storage.local.get('confirmed')).confirmed.length === 0")
    await page.bring_to_front()
    await page.get_by_role("link").click()
    assert await is_left_to_the_browser(page)
    assert await chromium.line.nothing_ordered()
    await options.close()
    usual = [{"pattern": "https://*.pipedrive.com/*", "detection": False}]
    await chromium.worker.evaluate(remember, {"sites": usual})
    await until(chromium.worker, "(await chrome.scripting.getRegisteredContentScripts()).length === 1")


async def test_the_menu_calls_a_link_and_a_selected_number(chromium: Extension) -> None:
    page = await chromium.open("<p>Text</p>", "/deal/5")
    deal = {"entity": "deal", "id": "5"}
    link = {"menuItemId": "link", "linkUrl": "tel:%2B48%20601%20000%20001", "frameId": 0}
    await chromium.press(page, "contextMenus.onClicked", link)
    assert await chromium.line.ordered() == order(source="menu", record=deal)
    selected = {"menuItemId": "selection", "selectionText": "Tel. 601 000 001", "frameId": 0}
    await chromium.press(page, "contextMenus.onClicked", selected)
    assert await chromium.line.ordered() == order("601000001", "menu", deal)
    assert await chromium.said(page, "Calling 601000001. Pick up your phone") == "status"
    await chromium.press(page, "contextMenus.onClicked", selected | {"selectionText": "Anna"})
    assert await chromium.said(page, "There is no phone number in it.") == "alert"
    assert await chromium.line.nothing_ordered()


#: The browser tells nobody what its menu shows: what it is told to show is watched.
WATCH_MENU = """() => {
    globalThis.update ??= chrome.contextMenus.update.bind(chrome.contextMenus);
    globalThis.shown = [];
    chrome.contextMenus.update = (id, how, ...more) => { shown.push([id, how.visible]); return update(id, how, ...more); };
}"""


async def test_the_menu_offers_the_call_only_where_the_pointer_is_over_a_phone_link(
    chromium: Extension,
) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a><p>Text</p><a href="#x">Other</a>')
    await chromium.worker.evaluate(WATCH_MENU)
    for text in ("Call", "Other", "Call", "Text"):
        await page.get_by_text(text).hover()
    await page.get_by_role("link", name="Call").focus()
    shown = [["link", True], ["link", False], ["link", True], ["link", False], ["link", True]]
    await page.wait_for_timeout(200)
    assert await chromium.worker.evaluate("shown") == shown


@pytest.mark.parametrize("leaves", ["frame", "page", "removed frame"])
async def test_the_menu_offers_no_call_any_more_when_the_pointer_is_gone_with_what_it_was_over(
    chromium: Extension, leaves: str
) -> None:
    frame = chromium.pages.put(f"<a href='tel:{NUMBER}'>Call</a>")
    page = await chromium.open(f'<iframe src="{frame}" height=60></iframe><p><a href="#x">Other</a></p>')
    await chromium.worker.evaluate(WATCH_MENU)
    await page.frame_locator("iframe").get_by_text("Call").hover()
    await until(chromium.worker, "shown.length === 1")
    match leaves:
        case "frame":
            await page.get_by_text("Other").hover()
        case "page":
            await page.goto("about:blank")
        case "removed frame":
            await page.evaluate("document.querySelector('iframe').remove()")
    await until(chromium.worker, "shown.length === 2")
    assert await chromium.worker.evaluate("shown") == [["link", True], ["link", False]]


SELECT = "id => getSelection().selectAllChildren(document.getElementById(id))"


async def test_the_keys_call_the_selection(chromium: Extension) -> None:
    page = await chromium.open("<p id=one>Phone: 601 000 001</p><p id=two>nothing</p>", "/person/7")
    await page.evaluate(SELECT, "one")
    await chromium.press(page, "commands.onCommand", "dial-selection")
    assert await chromium.line.ordered() == order("601000001", "shortcut", {"entity": "person", "id": "7"})
    assert await chromium.said(page, "Calling 601000001. Pick up your phone") == "status"
    await page.evaluate(SELECT, "two")
    await chromium.press(page, "commands.onCommand", "dial-selection")
    assert await chromium.line.nothing_ordered()
    assert await chromium.said(page, "No phone number is selected.") == "alert"


async def test_the_keys_call_the_selection_in_a_field_and_in_a_frame(chromium: Extension) -> None:
    page = await chromium.open(
        "<p id=one>601 000 009</p><input value='601 000 002'><iframe srcdoc='<p id=inner>601 000 003</p>'></iframe>"
    )
    await page.evaluate(SELECT, "one")
    await page.get_by_role("textbox").select_text()
    await chromium.press(page, "commands.onCommand", "dial-selection")
    assert await chromium.line.ordered() == order("601000002", "shortcut")
    inner = page.frames[1]
    await page.frame_locator("iframe").locator("#inner").click()
    await inner.evaluate(SELECT, "inner")
    await chromium.press(page, "commands.onCommand", "dial-selection")
    assert await chromium.line.ordered() == order("601000003", "shortcut")


async def test_the_page_says_what_happens_and_cannot_see_it(chromium: Extension) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>')
    before = await page.evaluate("document.documentElement.scrollHeight")
    await page.get_by_role("link").click()
    await chromium.line.ordered()
    assert await chromium.said(page, f"Calling {NUMBER}. Pick up your phone") == "status"
    assert await page.evaluate("document.body.nextElementSibling.shadowRoot") is None
    assert await page.evaluate("document.documentElement.scrollHeight") == before
    box = await page.evaluate("document.body.nextElementSibling.getBoundingClientRect().toJSON()")
    assert box["width"] > 100
    assert box["bottom"] <= await page.evaluate("innerHeight")


async def test_a_refusal_is_said_with_its_reason_and_in_polish(chromium: Extension) -> None:
    chromium.line.refusal = "agent_offline"
    try:
        page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>')
        await chromium.worker.evaluate("chrome.storage.local.set({language: 'pl'})")
        await page.get_by_role("link").click()
        await chromium.line.ordered()
        assert await chromium.said(page, f"Nie zadzwoniono: {NUMBER}. ") == "alert"
    finally:
        chromium.line.refusal = ""
        await chromium.worker.evaluate("chrome.storage.local.set({language: 'auto'})")


@pytest.mark.parametrize(
    ("scheme", "surface"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(29, 36, 39)")]
)
async def test_the_toast_is_light_or_dark_and_moves_only_for_those_who_like_it(
    chromium: Extension, scheme: Any, surface: str
) -> None:
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>')
    await page.emulate_media(
        color_scheme=scheme, reduced_motion="reduce" if scheme == "dark" else "no-preference"
    )
    session = await chromium.context.new_cdp_session(page)
    moved: set[str] = set()
    session.on("Animation.animationCreated", lambda told: moved.add(told["id"]))
    await session.send("Animation.enable")
    await page.get_by_role("link").click()
    await chromium.line.ordered()
    await chromium.said(page, "Calling")
    tree = json.dumps(await session.send("DOM.getDocument", {"depth": -1, "pierce": True}))
    assert f"background: {surface}" in tree
    assert bool(moved) is (scheme == "light")


async def test_the_toast_is_there_where_the_page_forbids_styles_and_scripts(chromium: Extension) -> None:
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; require-trusted-types-for 'script'\">"
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a>', head=policy)
    violations: list[str] = []
    page.on(
        "console", lambda message: violations.append(message.text) if "violates" in message.text else None
    )
    await page.get_by_role("link").click()
    await chromium.line.ordered()
    assert await chromium.said(page, f"Calling {NUMBER}") == "status"
    assert violations == []


async def test_a_page_outlives_the_extensions_update_and_its_end(chromium: Extension) -> None:
    """Last, for it takes the extension away."""
    page = await chromium.open(f'<a href="tel:{NUMBER}">Call</a><script>{WATCH}</script>')
    lines = chromium.line.opened
    await chromium.worker.evaluate("setTimeout(() => chrome.runtime.reload(), 50)")
    await chromium.line.open_again(lines)
    await page.get_by_role("link").click()
    assert await chromium.line.ordered() == order()
    assert await chromium.line.nothing_ordered(), "the script of before is silent"
    options = await chromium.context.new_page()
    await options.goto(f"chrome-extension://{ID}/options.html")
    await options.evaluate("setTimeout(() => chrome.management.uninstallSelf(), 50)")
    await options.wait_for_event("close")
    await page.get_by_role("link").click()
    assert await is_left_to_the_browser(page)


async def test_the_script_of_every_page_is_small() -> None:
    assert len((built() / "phone-links.js").read_bytes()) <= 15_000
