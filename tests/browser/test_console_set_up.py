"""An administrator who has never seen the product: from a fresh service to the first activity, in one browser."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from connector.web.set_up_code import set_up_code
from tests.browser.stage import CALM, looking, serving_on
from tests.world import PASSWORD, SYSTEM, USER, ago, open_world

pytestmark = pytest.mark.asyncio(loop_scope="session")

PERSON = {"name": "Łucja Żak", "phones": ["+48601000001"]}
CARD = {"name": "Łucja", "surname": "Żak", "phone_number": "601000001"}


async def press(page: Page, button: str) -> None:
    await page.get_by_role("button", name=button, exact=True).click()


async def go_on(page: Page, heading: str) -> None:
    await page.get_by_role("link", name=re.compile("^Next step")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)


async def test_the_whole_set_up_from_nothing_to_the_first_activity(browser: Browser, tmp_path: Path) -> None:
    async with (
        open_world(tmp_path, **CALM) as world,
        serving_on(world) as (origin, service),
        looking(browser) as look,
    ):
        await world.seed_pipedrive(persons=[PERSON])
        customer = await world.happen("customer", **CARD)
        page, done = look.page, look.page.get_by_role("status")
        await page.goto(origin)
        await page.get_by_role("link", name="Connect Pipedrive").click()
        await page.get_by_label("Set-up code").fill(set_up_code(service.settings).lower())
        await press(page, "Go on")
        await press(page, "Allow and install")
        await expect(done).to_contain_text("is connected")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Set-up")

        await page.get_by_role("link", name="Pipedrive", exact=True).click()
        await press(page, "Check now")
        await expect(done).to_contain_text("Both sides were asked, and all works.")
        await go_on(page, "Contact centre")
        await page.get_by_label("System").fill(SYSTEM)
        await page.get_by_label("API user").fill(USER)
        await page.get_by_label("Its password").fill("wrong")
        await press(page, "Try and connect")
        await expect(page.get_by_text("does not know this user")).to_be_visible()
        await page.get_by_label("Its password").fill(PASSWORD)
        await press(page, "Try and connect")
        await expect(done).to_contain_text("All its rights work.")
        await go_on(page, "Special fields")
        await press(page, "Find or make the fields in Pipedrive")
        await expect(done).to_contain_text("The fields are in Pipedrive")
        await go_on(page, "Agents")
        await page.get_by_label("User of Anna Nowak").select_option(label="Łucja Żak")
        await page.get_by_label("Fallback owner").select_option(label="Łucja Żak")
        await press(page, "Save agents")
        await expect(done).to_contain_text("Agents and their users are saved.")
        await go_on(page, "Activities")
        await press(page, "Save time zone and numbers")
        await expect(done).to_contain_text("Time zone and numbers are saved.")
        await page.get_by_label("Where a new deal begins").select_option(index=1)
        await press(page, "Save where deals begin")
        await expect(done).to_contain_text("The rules for deals are saved.")
        await press(page, "Save activities")
        await expect(done).to_contain_text("The rules are saved.")
        await go_on(page, "Existing records")
        card = f"{world.thulium}/{SYSTEM}/panel/customers/{customer['id']}"
        await page.get_by_label("Address of a customer").fill(card)
        await press(page, "Learn and save the links")
        await expect(page.get_by_label("Address of a customer")).to_have_value(
            card.removesuffix(str(customer["id"])) + "{id}"
        )
        await press(page, "Count from the contact centre to Pipedrive")
        await expect(page.get_by_text("joined with one that is there")).to_be_visible()
        await go_on(page, "Test and switch on")

        await world.happen("call", number="601000001", at=ago().isoformat(), talk=1)
        await press(page, "Show the newest events")
        await press(page, "Write this one")
        await expect(done).to_contain_text("It is in Pipedrive, as one completed activity.")
        await expect(done.get_by_role("link", name="Open in Pipedrive")).to_be_visible()
        (activity,) = await world.activities()
        assert activity["done"]
        await look.judge()
        await press(page, "Switch it on")
        await expect(done).to_contain_text("It is switched on.")
        (tenant,) = await service.tenants()
        assert tenant.installed.runs
        assert [one for one in look.found if "status of 422" not in one] == []
