"""Numbers in plain text, in a real browser: found, called, left as they were."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from tests.browser.extension import EXTENSION, Extension, extension, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAMPLES = EXTENSION / "tests" / "page" / "samples"
#: What is painted, seen from the page: highlights are shared with it. A text that just became shorter is looked at soon.
PAINTED = """[...(CSS.highlights.get('click-to-call-number') ?? [])].flatMap((range) => {
    const live = document.createRange();
    try {
        live.setStart(range.startContainer, range.startOffset);
        live.setEnd(range.endContainer, range.endOffset);
    } catch { return [] }
    return live.toString();
})"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Extension]:
    async with (
        async_playwright() as playwright,
        extension(playwright, tmp_path_factory.mktemp("profile")) as ours,
    ):
        await detect(ours, on=True)
        yield ours


async def detect(chromium: Extension, *, on: bool) -> None:
    """Switch detection on these sites on or off, as the options page does."""
    site = {"pattern": "http://127.0.0.1/*", "detection": on}
    await chromium.worker.evaluate("site => chrome.storage.local.set({sites: [site]})", site)
    count = f"(await chrome.scripting.getRegisteredContentScripts()).length === {2 if on else 1}"
    await until(chromium.worker, count)


async def painted(page: Page, count: int) -> list[str]:
    """Wait for so many numbers."""
    texts: list[str] = []
    for _ in range(100):
        texts = await page.evaluate(PAINTED)
        if len(texts) == count:
            return texts
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(texts)} painted, not {count}: {texts}")


async def show(chromium: Extension, name: str) -> Page:
    path = f"/{name}"
    chromium.pages.html[path] = (SAMPLES / f"{name}.html").read_text()
    page = await chromium.open("")
    await page.goto(chromium.site + path)
    return page


def order(number: str) -> dict[str, Any]:
    return {"number": number, "record": None, "source": "detected"}


async def click_on_text(page: Page, selector: str, **how: Any) -> None:
    """Click in the middle of the first line of an element's text."""
    box = await page.evaluate(
        "selector => { const range = document.createRange(); range.selectNodeContents(document.querySelector(selector));"
        " return range.getClientRects()[0].toJSON() }",
        selector,
    )
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, **how)


async def test_a_click_on_a_number_in_plain_text_is_a_call(chromium: Extension) -> None:
    page = await chromium.open("<p id=one>+48 601 000 001</p><p id=two>22.11.2026</p>")
    assert await painted(page, 1) == ["+48 601 000 001"]
    await click_on_text(page, "#one")
    assert await chromium.line.ordered() == order("+48601000001")
    await click_on_text(page, "#two")
    assert await chromium.line.nothing_ordered()


async def test_a_number_that_is_spread_over_elements_is_one(chromium: Extension) -> None:
    page = await chromium.open("<p><b id=code>+48</b> <i>601</i> <span id=rest>000 001</span></p>")
    assert await painted(page, 1) == ["+48 601 000 001"]
    await click_on_text(page, "#rest")
    assert await chromium.line.ordered() == order("+48601000001")


async def test_text_beside_a_number_is_not_called(chromium: Extension) -> None:
    page = await chromium.open("<p><span id=before>Anna Nowak, Example Ltd.</span> +48 601 000 001</p>")
    await painted(page, 1)
    await click_on_text(page, "#before")
    assert await chromium.line.nothing_ordered()


async def test_a_double_click_selects_the_number_and_calls_nobody(chromium: Extension) -> None:
    page = await chromium.open("<p id=one>+48601000001</p>")
    await painted(page, 1)
    await click_on_text(page, "#one", click_count=2)
    assert "48601000001" in await page.evaluate("String(getSelection())")
    await asyncio.sleep(0.4)
    assert await chromium.line.nothing_ordered()


async def test_nothing_of_the_page_changes_or_moves(chromium: Extension) -> None:
    body = (
        "<p>Call +48 601 000 001 now</p>" * 20
        + "<script>new MutationObserver((all) => window.changes.push(...all))"
    )
    page = await chromium.open(
        f"<script>window.changes = []; window.shifts = 0; new PerformanceObserver((list) => {{ shifts += list.getEntries().length }})"
        f".observe({{type: 'layout-shift', buffered: true}})</script>{body}"
        ".observe(document, {subtree: true, childList: true, attributes: true, characterData: true})</script>"
    )
    await painted(page, 20)
    parsed = await page.evaluate("document.documentElement.outerHTML")
    assert "601 000 001" in parsed
    assert (
        await page.evaluate(
            "changes.filter((one) => one.type !== 'childList' || one.target !== document.body).length"
        )
        == 0
    )
    assert await page.evaluate("shifts") == 0


async def test_the_cursor_says_that_a_number_can_be_clicked_and_is_given_back(chromium: Extension) -> None:
    page = await chromium.open("<p id=one style='color: red'>+48 601 000 001</p><p id=two>Text</p>")
    await painted(page, 1)
    await page.mouse.move(30, 25)
    assert await page.evaluate("getComputedStyle(one).cursor") == "pointer"
    await page.locator("#two").hover()
    assert await page.evaluate("one.getAttribute('style')") == "color: red;"


async def test_the_cursor_leaves_what_the_page_styles_meanwhile(chromium: Extension) -> None:
    page = await chromium.open(
        "<style>p { width: 300px }</style><p id=one>+48 601 000 001</p>"
        "<p id=two style='cursor: help'>+48 601 000 002</p><p id=three>+48 601 000 003</p><p id=four>Text</p>"
    )
    await painted(page, 3)
    styles = []
    for name, change in (
        ("one", "one.style.color = 'red'"),
        ("two", ""),
        ("three", "three.style.cursor = 'wait'"),
        ("one", "one.style.color = ''"),
    ):
        await page.locator(f"#{name}").hover(position={"x": 20, "y": 8})
        assert await page.evaluate(f"getComputedStyle({name}).cursor") == "pointer"
        await page.evaluate(change)
        await page.locator("#four").hover()
        styles.append(await page.evaluate(f"{name}.getAttribute('style')"))
    assert styles == ["color: red;", "cursor: help;", "cursor: wait;", ""]


@pytest.mark.parametrize(
    "later", ["one.contentEditable = 'true'", "one.role = 'button'", "document.designMode = 'on'"]
)
async def test_a_number_in_text_that_became_something_else_is_not_called(
    chromium: Extension, later: str
) -> None:
    page = await chromium.open("<div id=one>Note: <b id=number>+48 601 000 001</b></div>")
    await painted(page, 1)
    await page.evaluate(later)
    await click_on_text(page, "#number")
    assert await page.evaluate("getComputedStyle(number).cursor") != "pointer"
    assert await chromium.line.nothing_ordered()


async def test_a_page_that_changes_is_followed(chromium: Extension) -> None:
    page = await chromium.open("<div id=list></div><script>document.documentElement.lang = 'pl-PL'</script>")
    await page.evaluate("list.innerHTML = '<p>tel. 601000001</p><p>none</p>'")
    await painted(page, 1)
    await page.evaluate("list.lastChild.firstChild.data = 'fax 22 345 67 89'")
    assert await painted(page, 2) == ["601000001", "22 345 67 89"]
    await page.evaluate("list.firstChild.remove()")
    assert await painted(page, 1) == ["22 345 67 89"]
    await page.evaluate("list.firstChild.firstChild.data = 'changed'")
    await painted(page, 0)
    await page.evaluate(
        "list.append(document.createElement('div')); list.lastChild.append('+48 ', '601 000 001')"
    )
    assert await painted(page, 1) == ["+48 601 000 001"]


async def test_numbers_in_shadow_roots_and_frames_are_found(chromium: Extension) -> None:
    inner = chromium.pages.put("<p>+48 601 000 002</p>")
    shadow = "<div><template shadowrootmode=open><p>+48 601 000 001</p></template></div>"
    page = await chromium.open(f"{shadow}<iframe src='{inner}'></iframe>")
    assert await painted(page, 1) == ["+48 601 000 001"]
    await page.get_by_text("+48 601 000 001").click(position={"x": 20, "y": 8})
    assert await chromium.line.ordered() == order("+48601000001")
    frame = page.frame_locator("iframe").get_by_text("+48 601 000 002")
    await frame.click(position={"x": 20, "y": 8})
    assert await chromium.line.ordered() == order("+48601000002")


async def test_numbers_in_elements_that_the_page_defines_late_are_found(chromium: Extension) -> None:
    page = await chromium.open("<phone-card></phone-card><p>+48 601 000 001</p>")
    await painted(page, 1)
    await page.evaluate(
        "customElements.define('phone-card', class extends HTMLElement { connectedCallback() {"
        " this.attachShadow({mode: 'open'}).innerHTML = '<p>+48 601 000 002</p>' } });"
        " document.body.append('ready')"
    )
    assert sorted(await painted(page, 2)) == ["+48 601 000 001", "+48 601 000 002"]
    await page.evaluate("document.querySelector('phone-card').shadowRoot.firstChild.firstChild.data = 'gone'")
    assert await painted(page, 1) == ["+48 601 000 001"]


@pytest.mark.parametrize(("name", "count"), [("numbers", None), ("not-numbers", 0)])
async def test_the_browser_finds_what_the_samples_hold(
    chromium: Extension, name: str, count: int | None
) -> None:
    page = await show(chromium, name)
    if count is None:
        count = await page.evaluate(
            "[...document.querySelectorAll('[data-number]')].flatMap((one) => one.dataset.number.split(' ')).length"
        )
        await painted(page, count)
    else:
        await page.wait_for_timeout(1_000)
        assert await page.evaluate(PAINTED) == []


async def test_switched_off_it_leaves_the_page_as_it_was(chromium: Extension) -> None:
    page = await chromium.open("<p id=one>+48 601 000 001</p>")
    await painted(page, 1)
    tab = "(await chrome.tabs.query({})).find((one) => one.url.includes('/page-')).id"
    await chromium.worker.evaluate(
        f"(async () => chrome.tabs.sendMessage({tab}, {{type: 'detection', on: false}}).catch(() => null))()"
    )
    await painted(page, 0)
    assert await page.evaluate("CSS.highlights.size") == 0
    await click_on_text(page, "#one")
    assert await chromium.line.nothing_ordered()
    await page.evaluate("document.body.append('+48 601 000 002')")
    await page.wait_for_timeout(300)
    assert await page.evaluate("CSS.highlights.size") == 0


async def test_where_it_is_not_switched_on_nothing_is_loaded(chromium: Extension, tmp_path: Path) -> None:
    await detect(chromium, on=False)
    try:
        page = await chromium.open("<p>+48 601 000 001</p>")
        await page.wait_for_timeout(500)
        assert await page.evaluate("CSS.highlights.size") == 0
    finally:
        await detect(chromium, on=True)
