"""The extension and the running connector: connected from the options page, ringing, told of callers, disconnected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import WSServerHandshakeError
from playwright.async_api import BrowserContext, Page, Worker, async_playwright, expect

from connector.app import Service
from connector.flows.indexing import ensure
from connector.store.access import Who
from connector.store.devices import Paired
from tests.browser.conftest import FLAGS, chromium_path
from tests.browser.extension import ID, built
from tests.browser.stage import CALM, serving_on
from tests.flows.looking import ask, tell
from tests.world import World, install, open_world, settle_down

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOME = f"chrome-extension://{ID}"
AGENT = "anna.nowak"
ANNA = f"thulium:demo/{AGENT}"
NUMBER, NAME = "+48601000001", "Jan Próba"
TRIPLET = "+48601000102"


#: What a contact centre may tell of a call, as the simulated one calls it.
ACTIONS = ("AGENT_ANSWERED", "CLIENT_ANSWERED", "AGENT_ENDED_CALL")


@dataclass
class Office:
    """A running connector between both simulators, whose phones do what they are told, and an agent's Chromium."""

    world: World
    context: BrowserContext
    connector: str
    service: Service
    installation: str
    person: str
    #: The running connector, to be ended and begun again.
    running: AsyncExitStack

    async def restart(self) -> None:
        """End the connector and begin it anew at the same address."""
        await self.running.aclose()
        host = self.connector.removeprefix("http://")
        trusted = (*self.service.settings.trusted_hosts, host)
        self.connector, self.service = await self.running.enter_async_context(
            serving_on(
                self.world, pipedrive_url=self.world.pipedrive, thulium_call_actions=ACTIONS,
                listen=host, public_url=self.connector, trusted_hosts=trusted,
            )
        )  # fmt: skip
        self.connector = f"http://{host}"

    @property
    def worker(self) -> Worker:
        return self.context.service_workers[-1]

    async def devices(self) -> list[Paired]:
        return await self.service.devices.all(self.installation)

    async def act(self, act: str) -> None:
        """What somebody does with the agent's phone or the other one."""
        await tell(self.world, "thulium", "phone", agent=AGENT, act=act)

    async def ring(self, number: str) -> None:
        await tell(self.world, "thulium", "ring", agent=AGENT, number=number)

    async def rung(self) -> list[dict[str, Any]]:
        """What the contact centre was asked to dial."""
        found: list[dict[str, Any]] = (await ask(self.world, "thulium", "state"))["dialled"]
        return found

    async def notices(self) -> list[str]:
        """What the notifications that stand say, by what the worker noted of them."""
        found: list[str] = await self.worker.evaluate(
            """async () => {
                const { told = {} } = await chrome.storage.session.get("told")
                const standing = Object.keys(await chrome.notifications.getAll())
                return standing.map((id) => told[id.replace("call:", "")]?.said ?? "")
            }"""
        )
        return found

    async def said(self, *words: str) -> None:
        """Wait until exactly one notification stands, and says this."""
        for _ in range(200):
            found = await self.notices()
            if len(found) == 1 and all(word in found[0] for word in words):
                return
            await self.service.clock.sleep(0.2)
        raise AssertionError((words, found))

    async def told_at_once(self) -> None:
        """Wait until the contact centre tells the connector of calls, which it does once an agent listens."""
        for _ in range(400):
            (centre,) = await self.service.installations.centres(self.installation)
            if centre.subscription_id is not None:
                return
            await self.service.clock.sleep(0.2)
        raise AssertionError("no subscription")

    async def quiet(self) -> None:
        """Wait until no notification stands."""
        for _ in range(200):
            if not await self.notices():
                return
            await self.service.clock.sleep(0.2)
        raise AssertionError(await self.notices())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder = built()
    async with (
        async_playwright() as playwright,
        open_world(tmp_path_factory.mktemp("world"), **CALM) as world,
        AsyncExitStack() as running,
    ):
        await world.seed_pipedrive(
            persons=[
                {"name": NAME, "phones": [NUMBER]},
                *({"name": f"{name} Triplet", "phones": [TRIPLET]} for name in ("Adam", "Ewa", "Ida")),
            ],
            deals=[{"title": "Dach", "person": NAME, "value": 1200, "currency": "PLN"}],
        )
        connector, service = await running.enter_async_context(
            serving_on(world, pipedrive_url=world.pipedrive, thulium_call_actions=ACTIONS)
        )
        tenant = await install(service)
        await ensure(tenant, no_older_than=timedelta())
        await tell(world, "thulium", "switches", phones="manual")
        context = await playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")),
            executable_path=chromium_path(),
            headless=True,
            locale="en",
            args=[*FLAGS, f"--disable-extensions-except={folder}", f"--load-extension={folder}"],
        )
        context.set_default_timeout(15_000)
        # Once installed it opens its settings, in the blank tab that is there.
        await context.pages[0].wait_for_url(f"{HOME}/options.html")
        token = await service.access.begin(Who(tenant.id, None, ANNA, "Anna Nowak"))
        await context.add_cookies([{"name": "session", "value": token, "url": connector}])
        (person,) = [one for one in await world.records("person") if one["name"] == NAME]
        yield Office(world, context, connector, service, tenant.id, str(person["id"]), running)
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def options(office: Office) -> AsyncIterator[Page]:
    """The options page of a browser that is not connected yet."""
    page = await office.context.new_page()
    await page.goto(f"{HOME}/options.html")
    yield page
    await page.close()


async def press_connect(office: Office, options: Page) -> Page:
    """Ask for the connection in the options page: the connector's page, which the browser opens."""
    await options.get_by_label("Address of the connector").fill(office.connector)
    async with office.context.expect_page() as opening:
        await options.get_by_role("button", name="Connect", exact=True).click()
    return await opening.value


async def connect(office: Office, options: Page) -> None:
    page = await press_connect(office, options)
    await page.get_by_role("button", name="Allow", exact=True).click()
    await expect(options.get_by_text("Connected as Anna Nowak.")).to_be_visible()


async def disconnect(options: Page) -> None:
    await options.get_by_role("button", name="Disconnect").click()
    await expect(options.get_by_text("This browser's token no longer counts.")).to_be_visible()


@pytest_asyncio.fixture(loop_scope="session")
async def connected(office: Office, options: Page) -> AsyncIterator[Page]:
    """The options page of a browser that calls for the agent."""
    await connect(office, options)
    await office.told_at_once()
    yield options
    await disconnect(options)
    # A call that a failed test left would fail the others too.
    async with office.world.http.post(
        f"{office.world.thulium}/_sandbox/phone", json={"agent": AGENT, "act": "hang_up"}
    ):
        pass


async def test_an_agent_connects_the_browser_and_disconnects_it(office: Office, options: Page) -> None:
    await connect(office, options)
    (device,) = await office.devices()
    assert (device.client, device.origin, device.name) == (ID, HOME, "Chrome on Linux")

    await disconnect(options)
    assert await office.devices() == []


async def test_a_refusal_is_said_and_nothing_is_connected(office: Office, options: Page) -> None:
    page = await press_connect(office, options)
    await page.get_by_role("button", name="Do not allow").click()

    await expect(options.get_by_text("The connection was refused on the connector's page.")).to_be_visible()
    assert await office.devices() == []


async def test_a_window_that_is_closed_is_no_connection(office: Office, options: Page) -> None:
    page = await press_connect(office, options)
    await page.close()

    await expect(options.get_by_text("was closed before you allowed this browser")).to_be_visible()
    assert await office.devices() == []


async def test_a_browser_that_is_disconnected_elsewhere_says_so_and_stays_away(
    office: Office, options: Page
) -> None:
    await connect(office, options)
    (device,) = await office.devices()
    await office.service.devices.revoke(device.installation_id, device.id)
    office.service.hub.end(device.id)

    await expect(options.get_by_role("main")).to_contain_text("This browser is no longer connected.")
    kept = await office.worker.evaluate("() => chrome.storage.local.get('pairing')")
    assert (kept["pairing"]["revoked"], kept["pairing"]["token"]) == (True, "")
    assert await office.worker.evaluate("() => chrome.notifications.getAll().then(Object.keys)") == [
        "connect"
    ]


async def test_a_click_in_pipedrive_rings_is_followed_and_stands_on_that_person(
    office: Office, connected: Page
) -> None:
    page = await office.context.new_page()
    await page.goto(f"{office.world.pipedrive}/person/{office.person}")
    await page.get_by_role("link", name=NUMBER).click()
    await office.said("Pick up your phone", NAME)
    (rung,) = await office.rung()
    assert (rung["who"], rung["number"]) == (AGENT, "+48601000001")

    await office.act("answer")
    await office.said("Calling", "Their phone rings.")
    await office.act("they_answer")
    await office.said("In a call with")
    await office.act("hang_up")
    await office.quiet()
    popup = await office.context.new_page()
    await popup.goto(f"{HOME}/popup.html")
    await expect(popup.get_by_text("Answered")).to_be_visible()
    await popup.close()
    await page.close()

    await settle_down(office.service, await office.service.tenant(office.installation))
    (activity,) = await office.world.activities()
    (deal,) = await office.world.records("deal")
    assert (str(activity["person_id"]), activity["deal_id"]) == (office.person, deal["id"])


async def test_a_caller_is_named_and_one_click_opens_the_record_in_the_tab_that_is_there(
    office: Office, connected: Page
) -> None:
    page = await office.context.new_page()
    await page.goto(f"{office.world.pipedrive}/contacts")
    await office.ring(NUMBER)
    await office.said(f"Call from {NAME}")
    tabs = len(office.context.pages)
    (notice,) = await office.worker.evaluate("() => chrome.notifications.getAll().then(Object.keys)")
    await office.worker.evaluate("id => chrome.notifications.onClicked.dispatch(id)", notice)

    await page.wait_for_url(f"**/person/{office.person}*")
    assert len(office.context.pages) == tabs
    await office.act("reject")
    await office.quiet()
    await page.close()


async def test_all_who_share_a_number_are_offered_and_nobody_is_guessed(
    office: Office, connected: Page
) -> None:
    await office.ring(TRIPLET)
    await office.said("3 people have this number:", "Adam Triplet", "Ewa Triplet", "Ida Triplet")
    (notice,) = await office.worker.evaluate("() => chrome.notifications.getAll().then(Object.keys)")
    async with office.context.expect_page() as opening:
        await office.worker.evaluate("id => chrome.notifications.onClicked.dispatch(id)", notice)
    chooser = await opening.value
    await expect(chooser.get_by_role("heading", name="Who calls?")).to_be_visible()
    assert await chooser.get_by_role("listitem").count() == 3
    await chooser.close()
    await office.act("reject")
    await office.quiet()


async def test_somebody_new_is_offered_as_a_new_person(office: Office, connected: Page) -> None:
    await office.ring("+48601000909")
    await office.said("Call from +48 601 000 909", "Click to add a new person.")
    await office.act("reject")
    await office.quiet()


async def test_a_worker_that_is_stopped_in_a_call_loses_nothing(office: Office, connected: Page) -> None:
    await office.ring(NUMBER)
    await office.said(f"Call from {NAME}")
    session = await office.context.new_cdp_session(connected)
    await session.send("ServiceWorker.enable")
    await session.send("ServiceWorker.stopAllWorkers")
    await office.act("answer")
    # What would start it in half a minute: its alarm. Anything that is clicked does so at once.
    popup = await office.context.new_page()
    await popup.goto(f"{HOME}/popup.html")

    await expect(popup.get_by_text("In a call")).to_be_visible()
    await office.said(f"In a call with {NAME}")
    await office.act("hang_up")
    await office.quiet()
    await popup.close()


async def test_a_connector_that_is_started_anew_is_found_again_and_it_is_said(
    office: Office, connected: Page
) -> None:
    said: list[str] = []

    def note(sentence: str) -> None:
        said.append(sentence)

    await connected.expose_function("said", note)
    await connected.evaluate(
        """() => new MutationObserver(() => said(document.querySelector("header p").textContent))
            .observe(document.querySelector("header p"), { childList: true, characterData: true, subtree: true })"""
    )
    await office.restart()

    await expect(connected.get_by_text("Connected as Anna Nowak.")).to_be_visible(timeout=15_000)
    assert "The connector restarts. The connection comes back by itself." in said
    await office.ring(NUMBER)
    await office.said(f"Call from {NAME}")
    await office.act("reject")
    await office.quiet()


@pytest.mark.parametrize("origin", ["https://acme.pipedrive.com", "chrome-extension://" + 32 * "a", None])
async def test_a_token_that_was_taken_from_it_opens_nothing_elsewhere(
    office: Office, connected: Page, origin: str | None
) -> None:
    kept = await office.worker.evaluate("() => chrome.storage.local.get('pairing')")
    named = ["connector.v1", f"bearer.{kept['pairing']['token']}"]
    with pytest.raises(WSServerHandshakeError) as refused:
        await office.world.http.ws_connect(f"{office.connector}/line", protocols=named, origin=origin)
    assert refused.value.status == 403
