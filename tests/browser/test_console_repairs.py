"""What breaks is seen on the overview, and mended by the button that stands beside its reason."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from connector.app import Service
from connector.errors import Unauthorised
from connector.flows.contacts.working import work_through
from connector.flows.tenant import Tenant
from connector.store.access import Who
from connector.store.dirty import Mark, Side, Urgency
from connector.store.operations import FINISHED
from tests.browser.stage import CALM, looking, serving_on
from tests.browser.test_console_set_up import press
from tests.world import ADMIN_TOKEN, SYSTEM, World, ago, install, open_world, settle_down

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEGMENT = {"centre": "custom:Segment", "pipedrive": "custom:Segment", "way": "to_pipedrive"}
MAPPING = {"customers": {"fields": [{"centre": "name", "pipedrive": "name"}, SEGMENT]}}
CARD = {"name": "Łucja", "surname": "Żak", "phone_number": "601000001", "custom_fields": {"Segment": "A"}}
TWINS = ("Adam Bliźniak", "Ewa Bliźniak")


@dataclass(frozen=True)
class Desk:
    """An administrator in front of the overview of an installation at work."""

    page: Page
    world: World
    service: Service
    home: str

    async def tenant(self) -> Tenant:
        (tenant,) = await self.service.tenants()
        return tenant

    async def catch_up(self) -> None:
        """Have everything read and written, as far as that works."""
        with suppress(Unauthorised):
            await settle_down(self.service, await self.tenant())

    async def call(self, number: str = "601000001") -> None:
        await self.world.happen("call", number=number, at=ago().isoformat(), talk=1)
        await self.catch_up()

    async def said(self, text: str) -> None:
        await expect(self.page.get_by_role("status")).to_contain_text(text)

    async def sees(self, title: str) -> None:
        """The overview says so, above everything else."""
        await self.page.goto(self.home)
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(re.compile(title))

    async def goes(self, link: str) -> None:
        await self.page.get_by_role("main").get_by_role("link", name=link, exact=True).first.click()

    async def reads(self, text: str) -> None:
        await expect(self.page.get_by_role("main")).to_contain_text(text)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with (
        open_world(tmp_path_factory.mktemp("repairs"), **CALM) as world,
        serving_on(world) as (origin, service),
        looking(browser) as look,
    ):
        await world.seed_pipedrive(
            persons=[
                {"name": "Łucja Żak", "phones": ["+48601000001"]},
                *({"name": name, "phones": ["+48601000002"]} for name in TWINS),
            ],
            fields=[{"entity": "person", "name": name, "type": "varchar"} for name in ("Segment", "Branch")],
        )
        await world.seed_centre(customer_fields=[{"name": "Segment"}])
        tenant = await install(
            service, since=ago(hours=1), switched_on=True, contacts={"sync": "on", **MAPPING}
        )
        who = Who(tenant.id, tenant.installed.owner_user_id, None, "Łucja Żak", is_admin=True)
        token = await service.access.begin(who)
        await look.page.context.add_cookies([{"name": "session", "value": token, "url": origin}])
        look.page.set_default_timeout(5_000)
        operations = service.operations
        await operations.end_run(await operations.begin_run(tenant.id, "schedule"), {}, FINISHED)
        there = Desk(look.page, world, service, f"{origin}/console/{tenant.id}")
        await there.catch_up()
        yield there


async def test_a_dead_token_is_mended_by_connecting_pipedrive_again(desk: Desk) -> None:
    await desk.world.fault("pipedrive", "unauthorised", path="^/api", times=None)
    await desk.call()
    await desk.sees("Pipedrive does not let the connector in.")
    await desk.reads("Nothing is lost")
    await desk.world.mend("pipedrive")
    await desk.goes("Connect Pipedrive again")
    await press(desk.page, "Allow and install")
    await desk.said("is connected again")
    await desk.catch_up()
    await desk.sees("Events of today in Pipedrive: 1|All events of today are in Pipedrive: 1")
    (activity,) = await desk.world.activities()
    assert activity["done"]


async def test_a_deleted_activity_type_is_mended_by_choosing_another(desk: Desk) -> None:
    change = {"entity": "activity_type", "id": 1, "action": "change"}
    await desk.world.edit(**change, changes={"active_flag": False})
    before = len(await desk.world.activities())
    await desk.call()
    await desk.sees("vents of today")
    await desk.goes("See what failed")
    await desk.reads("Pipedrive does not take the activity type of this event.")
    await desk.goes("Choose another one, or make it active in Pipedrive.")
    await desk.page.get_by_label("Activity type of calls").select_option(label="Meeting")
    await press(desk.page, "Save")
    await press(desk.page, "Save it so")
    await desk.said("The rules are saved.")
    await desk.catch_up()
    activities = await desk.world.activities()
    assert [one["type"] for one in activities[before:]] == ["meeting"]


async def test_a_failed_event_is_tried_again_once_what_failed_is_mended(desk: Desk) -> None:
    path = "^/api/v2/activities$"
    before = len(await desk.world.activities())
    await desk.world.fault("pipedrive", "status_before", path=path, method="POST", status=400, times=None)
    await desk.call()
    await desk.world.mend("pipedrive")
    await desk.sees("vents of today")
    await desk.goes("See what failed")
    await desk.reads("Pipedrive or the contact centre refused it.")
    await press(desk.page, "Try all failed ones of this list again")
    await desk.said("Tried again: 1.")
    await desk.catch_up()
    assert len(await desk.world.activities()) == before + 1


async def test_an_undecided_number_is_mended_by_saying_whose_it_is(desk: Desk) -> None:
    before = len(await desk.world.activities())
    await desk.call("601000002")
    await desk.sees("vents of today")
    await desk.reads("Waiting for you: 1.")
    await desk.goes("Decide")
    await press(desk.page, "Show what both sides hold")
    await desk.reads(TWINS[1])
    await desk.page.get_by_label(re.compile(f"Always {TWINS[1]}")).check()
    await press(desk.page, "Keep these decisions")
    await desk.said("Decided: 1.")
    await desk.catch_up()
    assert len(await desk.world.activities()) == before + 1


async def test_a_field_that_vanished_is_mended_by_choosing_another(desk: Desk) -> None:
    url = f"{desk.world.pipedrive}/api/v2/personFields"
    headers = {"x-api-token": ADMIN_TOKEN}
    async with desk.world.http.get(url, headers=headers) as answer:
        fields = (await answer.json())["data"]
    code, branch = (
        next(one["field_code"] for one in fields if one["field_name"] == name)
        for name in ("Segment", "Branch")
    )
    await desk.world.happen("customer", **CARD)
    await work(desk)
    async with desk.world.http.delete(f"{url}/{code}", headers=headers) as answer:
        assert answer.status == 200
    await desk.world.happen("customer", customer_id=1, custom_fields={"Segment": "B"})
    await work(desk)
    await desk.sees("vents of today")
    await desk.reads("Pairs of which a field is not carried over: 1.")
    await desk.goes("Pairs of which a field is not carried over: 1.")
    await desk.reads("Pipedrive has this field no more")
    await desk.goes("Choose other fields")
    await expect(desk.page.get_by_label("Pipedrive", exact=True).last).to_contain_text("Segment (not found)")
    await desk.page.get_by_label("Pipedrive", exact=True).last.select_option(label="Branch")
    await press(desk.page, "Save…")
    await press(desk.page, "Save")
    await desk.said("The fields are saved as version")
    await work(desk)
    await desk.sees("vents of today")
    await expect(desk.page.get_by_role("main").get_by_text("in step", exact=True)).to_be_visible()
    assert "B" in [one["custom_fields"].get(branch) for one in await desk.world.records("person")]


async def work(desk: Desk) -> None:
    """Have every customer looked at, as when a webhook names him."""
    tenant = await desk.tenant()
    for card in await desk.world.cards():
        mark = Mark("customer", Side.CENTRE, f"thulium:{SYSTEM}/{card['customer_id']}")
        await tenant.dirty.mark([mark], urgency=Urgency.HOOK, cause="webhooks of the contact centre")
    await work_through(tenant, desk.service.operations)
