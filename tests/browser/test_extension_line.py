"""The extension and the running connector: connected from the options page, on its line, disconnected again."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from connector.store.access import Who
from connector.store.devices import Paired
from tests.browser.conftest import FLAGS, chromium_path
from tests.browser.extension import ID, built
from tests.browser.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOME = f"chrome-extension://{ID}"
ANNA = "thulium:demo/anna.nowak"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def context(tmp_path_factory: pytest.TempPathFactory, there: Stage) -> AsyncIterator[BrowserContext]:
    """A Chromium with the extension as installed, and the agent signed in."""
    folder = built()
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")),
            executable_path=chromium_path(),
            headless=True,
            locale="en",
            args=[*FLAGS, f"--disable-extensions-except={folder}", f"--load-extension={folder}"],
        )
        who = Who((await there.tenant()).id, None, ANNA, "Anna Nowak")
        token = await there.service.access.begin(who)
        await context.add_cookies([{"name": "session", "value": token, "url": there.connector}])
        yield context
        await context.close()


async def press_connect(context: BrowserContext, there: Stage) -> tuple[Page, Page]:
    """Ask for the connection in the options page: it, and the connector's page that the browser opens."""
    options = await context.new_page()
    await options.goto(f"{HOME}/options.html")
    await options.get_by_label("Address of the connector").fill(there.connector)
    async with context.expect_page() as opening:
        await options.get_by_role("button", name="Connect", exact=True).click()
    return options, await opening.value


async def devices(there: Stage) -> list[Paired]:
    return await there.service.devices.all((await there.tenant()).id)


async def test_an_agent_connects_the_browser_and_disconnects_it(
    context: BrowserContext, there: Stage
) -> None:
    options, page = await press_connect(context, there)
    await page.get_by_role("button", name="Allow", exact=True).click()

    await expect(options.get_by_text("Connected as Anna Nowak.")).to_be_visible()
    (device,) = await devices(there)
    assert (device.client, device.origin, device.name) == (ID, HOME, "Chrome on Linux")
    await options.get_by_role("button", name="Disconnect").click()
    await expect(options.get_by_text("This browser's token no longer counts.")).to_be_visible()
    assert await devices(there) == []
    await options.close()


async def test_a_refusal_is_said_and_nothing_is_connected(context: BrowserContext, there: Stage) -> None:
    options, page = await press_connect(context, there)
    await page.get_by_role("button", name="Do not allow").click()

    await expect(options.get_by_text("The connection was refused on the connector's page.")).to_be_visible()
    assert await devices(there) == []
    await options.close()


async def test_a_window_that_is_closed_is_no_connection(context: BrowserContext, there: Stage) -> None:
    options, page = await press_connect(context, there)
    await page.close()

    await expect(options.get_by_text("was closed before you allowed this browser")).to_be_visible()
    assert await devices(there) == []
    await options.close()


async def test_a_browser_that_is_disconnected_elsewhere_says_so_and_stays_away(
    context: BrowserContext, there: Stage
) -> None:
    options, page = await press_connect(context, there)
    await page.get_by_role("button", name="Allow", exact=True).click()
    await expect(options.get_by_text("Connected as Anna Nowak.")).to_be_visible()
    (device,) = await devices(there)
    await there.service.devices.revoke(device.installation_id, device.id)
    there.service.hub.end(device.id)

    await expect(options.get_by_role("main")).to_contain_text("This browser is no longer connected.")
    (worker,) = context.service_workers
    kept = await worker.evaluate("() => chrome.storage.local.get('pairing')")
    assert (kept["pairing"]["revoked"], kept["pairing"]["token"]) == (True, "")
    assert await worker.evaluate("() => chrome.notifications.getAll().then(Object.keys)") == ["connect"]
    await options.close()
