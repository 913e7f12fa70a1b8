"""One Chromium and one stage for the whole session."""

import shutil
from collections.abc import AsyncIterator, Awaitable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from tests.browser.stage import Stage, stage

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: As browsers will have it: a page in somebody else's page gets no cookies but those that are kept apart for it.
NO_COOKIES_OF_OTHERS = "--test-third-party-cookie-phaseout"


def chromium_path() -> str:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: apt-get install -y --no-install-recommends chromium"
    return chromium


def launch(playwright: Playwright, *flags: str) -> Awaitable[Browser]:
    return playwright.chromium.launch(executable_path=chromium_path(), headless=True, args=[*FLAGS, *flags])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("stage")) as there:
        yield there
