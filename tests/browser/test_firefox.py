"""The same extension in Firefox: connected, a number clicked in Pipedrive, rung, answered, hung up, written; a caller told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import pytest_asyncio

from connector.app import Service
from connector.flows.sync import sync
from connector.store.access import Who
from tests.browser.extension import built
from tests.browser.firefox import Firefox, open_firefox, until
from tests.browser.stage import CALM, serving_on
from tests.flows.looking import ask, tell
from tests.world import World, ago, install, open_world, settle_down

pytestmark = pytest.mark.asyncio(loop_scope="session")

AGENT, ANNA = "anna.nowak", "thulium:demo/anna.nowak"
NUMBER, TWINS = "+48601000001", "+48601000101"
PERSONS: list[dict[str, Any]] = [
    {"name": "Łucja Żak", "phones": ["+48 601 000 001"]},
    {"name": "Adam Bliźniak", "phones": [TWINS]},
    {"name": "Ewa Bliźniak", "phones": [TWINS]},
]


@dataclass
class Office:
    """An agent's Firefox between the running connector and both simulators, whose phones do what they are told."""

    firefox: Firefox
    world: World
    service: Service
    options: str

    async def act(self, *acts: str) -> None:
        for act in acts:
            await tell(self.world, "thulium", "phone", agent=AGENT, act=act)

    async def notices(self) -> dict[str, str]:
        """Notifications that stand: title and text."""
        await self.firefox.switch(self.options)
        said = await self.firefox.run("return await browser.storage.session.get('told')")
        standing: dict[str, Any] = await self.firefox.run("return await browser.notifications.getAll()")
        told: dict[str, dict[str, Any]] = said.get("told", {})
        calls = {name: told.get(name.removeprefix("call:").partition("#")[0], {}) for name in standing}
        return {name: call.get("said", "") for name, call in calls.items()}

    async def noticed(self, *words: str) -> None:
        """Wait until exactly one notification stands, and says this."""
        found: dict[str, str] = {}

        async def said() -> bool:
            found.clear()
            found.update(await self.notices())
            return len(found) == 1 and all(word in text for text in found.values() for word in words)

        await until(said, lambda: f"{words} are not in {found}")

    async def heard(self) -> list[str]:
        """States of the newest call, as the extension remembers it."""
        await self.firefox.switch(self.options)
        kept = await self.firefox.run("return await browser.storage.session.get('calls')")
        return [call["state"] for call in kept.get("calls", [])[:1]]

    async def hears(self, state: str) -> None:
        async def told() -> bool:
            return await self.heard() == [state]

        await until(told)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    # Firefox keeps a socket in its profile, whose path may not be long.
    profile = Path(mkdtemp(prefix="firefox-"))
    async with (
        open_world(tmp_path_factory.mktemp("world"), **CALM) as world,
        open_firefox(profile) as firefox,
    ):
        deal = {"title": "Abonament roczny", "person": "Łucja Żak"}
        await world.seed_pipedrive(persons=PERSONS, deals=[deal])
        hooks = {"thulium_call_actions": ("AGENT_ANSWERED", "CLIENT_ANSWERED", "AGENT_ENDED_CALL")}
        async with serving_on(world, pipedrive_url=world.pipedrive, **hooks) as (origin, service):
            tenant = await install(service, since=ago(hours=1))
            await settle_down(service, tenant)
            await tell(world, "thulium", "switches", phones="manual")
            session = await service.access.begin(Who(tenant.id, None, ANNA, "Anna Nowak"))
            await firefox.go(f"{origin}/health/live")
            await firefox.tell(
                "WebDriver:AddCookie", cookie={"name": "session", "value": session, "path": "/"}
            )
            await firefox.tell("Addon:Install", path=str(built("firefox")), temporary=True)
            options = await firefox.window_of("moz-extension://")
            await connect(firefox, options, origin)
            yield Office(firefox, world, service, options)


async def connect(firefox: Firefox, options: str, origin: str) -> None:
    """As an agent does: by the address, and the connector's own question in a window."""
    await firefox.write("#address", origin)
    await firefox.click("form button")
    await firefox.window_of(f"{origin}/pair")
    await firefox.click("button[value=allow]")
    await firefox.switch(options)
    await firefox.shows("Connected as Anna Nowak.")


async def test_a_number_clicked_in_pipedrive_ends_as_an_activity_of_its_person_and_deal(
    office: Office,
) -> None:
    (person, *_), firefox = await office.world.records("person"), office.firefox
    await firefox.new_tab(f"{office.world.pipedrive}/person/{person['id']}")
    await firefox.click('a[href^="callto:"]')

    await office.hears("ringing_you")
    await office.act("answer")
    await office.hears("ringing_them")
    await office.act("they_answer")
    await office.hears("in_call")
    await office.act("hang_up")
    await office.hears("ended")
    (dialled,) = (await ask(office.world, "thulium", "state"))["dialled"]
    assert (dialled["who"], dialled["number"]) == (AGENT, NUMBER)

    (tenant,) = await office.service.tenants()
    await sync(tenant)
    (activity,) = await office.world.activities()
    (deal,) = await office.world.records("deal")
    assert [one["person_id"] for one in activity["participants"]] == [person["id"]]
    assert activity["deal_id"] == deal["id"]


async def test_all_who_may_be_calling_are_named_in_one_notification(office: Office) -> None:
    await tell(office.world, "thulium", "ring", agent=AGENT, number=TWINS)

    await office.noticed("Adam Bliźniak", "Ewa Bliźniak")
    await office.act("they_hang_up")
    await office.hears("ended")


async def test_a_browser_that_is_disconnected_elsewhere_says_so(office: Office) -> None:
    (device,) = await office.service.devices.all((await office.service.tenants())[0].id)
    await office.service.devices.revoke(device.installation_id, device.id)
    office.service.hub.end(device.id)

    await office.firefox.switch(office.options)
    await office.firefox.shows("This browser is no longer connected.")
