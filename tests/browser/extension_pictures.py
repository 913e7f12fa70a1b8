"""The pictures of docs/click-to-call.md: `python -m tests.browser.extension_pictures` takes them anew, with invented data only."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import async_playwright

from tests.browser.extension import ID, Extension, extension
from tests.browser.test_extension import ANNA, JAN, a_call, remember

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "click-to-call"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CALLS = [
    a_call("1", direction="in", state="ringing_you", reason="", candidates=[ANNA]),
    a_call("2", duration_s=125, candidates=[JAN], number_shown="+48 601 000 002"),
    a_call("3", direction="in", reason="no_answer", candidates=[ANNA, JAN], number_shown="+48 601 000 101"),
    a_call("4", state="failed", reason="agent_offline", number_shown="+48 601 000 003"),
]
#: What is shown: a name, the page, and its size.
PAGES = (("popup", "popup.html", 380, 520), ("options", "options.html", 760, 900))


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        async with async_playwright() as playwright, extension(playwright, Path(profile)) as ours:
            now = await ours.worker.evaluate("new Date().toISOString()")
            calls = [call | {"began_at": now} for call in CALLS]
            sites = [
                {"pattern": "https://*.pipedrive.com/*", "detection": False},
                {"pattern": "https://crm.example.com/*", "detection": True},
            ]
            await remember(ours, "session", calls=calls)
            await remember(ours, "local", language="en", sites=sites)
            for scheme in SCHEMES:
                for name, path, width, height in PAGES:
                    await take(ours, scheme, name, path, {"width": width, "height": height})


async def take(ours: Extension, scheme: Literal["light", "dark"], name: str, path: str, size: Any) -> None:
    page = await ours.context.new_page()
    await page.set_viewport_size(size)
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto(f"chrome-extension://{ID}/{path}")
    await page.locator("h1").first.wait_for()
    await page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
    await page.close()


if __name__ == "__main__":
    asyncio.run(main())
