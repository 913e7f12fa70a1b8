"""Numbers on pages in Firefox: links, pictures, plain text, the toast, and the menu."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.extension import Line, Pages, built, paired, serving
from tests.browser.firefox import Firefox, open_firefox, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER = "+48601000001"


@dataclass
class Desk:
    """Firefox with the extension, connected to a stand-in for the connector's line."""

    firefox: Firefox
    line: Line
    pages: Pages
    site: str
    options: str

    async def open(self, body: str) -> None:
        await self.firefox.new_tab(self.site + self.pages.put(body))

    async def painted(self, *texts: str) -> None:
        """Wait until just these numbers are underlined."""

        async def said() -> bool:
            found = await self.firefox.run(
                "return [...(CSS.highlights.get('click-to-call-number') ?? [])].map((range) => {"
                " const live = document.createRange(); live.setStart(range.startContainer, range.startOffset);"
                " live.setEnd(range.endContainer, range.endOffset); return String(live) })"
            )
            return bool(found == list(texts))

        await until(said)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk() -> AsyncIterator[Desk]:
    line, pages = Line(), Pages()
    # Firefox keeps a socket in its profile, whose path may not be long.
    profile = Path(mkdtemp(prefix="firefox-"))
    async with serving(line, pages) as (address, site, _), open_firefox(profile) as firefox:
        await firefox.tell("Addon:Install", path=str(built("firefox")), temporary=True)
        options = await firefox.window_of("moz-extension://")
        await firefox.run(
            "await browser.runtime.sendMessage({type: 'paired', pairing: values[0]});"
            " await browser.storage.local.set({sites: [{pattern: 'http://127.0.0.1/*', detection: true}]})",
            paired(address, line),
        )

        async def ready() -> bool:
            scripts = await firefox.run("return await browser.scripting.getRegisteredContentScripts()")
            kept = await firefox.run("return await browser.storage.session.get('line')")
            return len(scripts) == 2 and kept["line"] == "open"

        await until(ready)
        yield Desk(firefox, line, pages, site, options)


def order(source: str = "link", number: str = NUMBER) -> dict[str, Any]:
    return {"number": number, "record": None, "source": source}


@pytest.mark.parametrize(
    "body",
    [
        f'<a id=it href="tel:{NUMBER}">Call</a>',
        f'<svg width=100 height=40><a href="tel:{NUMBER}"><text id=it y=30>Call</text></a></svg>',
        f"<div id=it style='display: inline-block'></div><script>it.attachShadow({{mode: 'open'}}).innerHTML ="
        f" '<a href=\"tel:{NUMBER}\">Call</a>'</script>",
    ],
)
async def test_a_link_is_called_and_the_page_says_so(desk: Desk, body: str) -> None:
    await desk.open(body)
    await desk.firefox.click("#it")
    assert await desk.line.ordered() == order()

    async def toast() -> bool:
        shown = (
            "const at = document.body.nextElementSibling; return at !== null && at.matches(':popover-open')"
        )
        return bool(await desk.firefox.run(shown))

    await until(toast)


async def test_a_script_cannot_call(desk: Desk) -> None:
    await desk.open(f'<a id=it href="tel:{NUMBER}">Call</a>')
    await desk.firefox.run(
        "const it = document.querySelector('#it'); it.addEventListener('click', (event) => event.preventDefault()); it.click()"
    )
    assert await desk.line.nothing_ordered()


async def test_a_number_in_plain_text_is_found_and_called(desk: Desk) -> None:
    shadow = "<div><template shadowrootmode=open><p>+48 601 000 002</p></template></div>"
    await desk.open(f"<p><span id=it>+48 601 000 001</span></p><p>22.11.2026</p>{shadow}")
    await desk.painted("+48 601 000 001", "+48 601 000 002")
    await desk.firefox.run("document.body.append('+48 601 000 003')")
    await desk.painted("+48 601 000 001", "+48 601 000 002", "+48 601 000 003")
    await desk.firefox.click("#it")
    assert await desk.line.ordered() == order("detected")


async def test_the_menu_stands_on_phone_links_by_their_pattern(desk: Desk) -> None:
    await desk.firefox.switch(desk.options)
    changed = await desk.firefox.run(
        "return await browser.contextMenus.update('link', {targetUrlPatterns: ['tel:*', 'callto:*']}).then(() => 'taken', String)"
    )
    assert changed == "taken"
