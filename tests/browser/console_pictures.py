"""The pictures of docs/console.md and the README: `python -m tests.browser.console_pictures` takes them anew, with invented data only."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, async_playwright

from connector.app import Service
from connector.flows.tenant import Tenant
from connector.store.access import Who
from tests.browser.conftest import launch
from tests.browser.stage import CALM, TWINS, fill, serving_on
from tests.world import World, ago, install, open_world, settle_down

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "console"
WIDTH = 1120
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
#: What is shown: a name, the page, and how much of it.
PAGES = (
    ("overview", "", 900),
    ("events", "events", 640),
    ("undecided", "undecided", 640),
    ("fields", "settings/fields", 800),
    ("activities", "settings/activities", 800),
    ("set-up", "settings/set-up", 640),
)


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_world(Path(folder), **CALM) as world,
            serving_on(world) as (origin, service),
            async_playwright() as playwright,
        ):
            tenant = await two_weeks(world, service)
            browser = await launch(playwright)
            home = f"{origin}/console/{tenant.id}"
            for scheme in SCHEMES:
                async with an_admin(browser, service, tenant, origin, scheme) as page:
                    await page.goto(f"{home}/runs")
                    await page.get_by_role("button", name="Run now").click()
                    await page.wait_for_timeout(2500)
                    for name, path, height in PAGES:
                        await page.goto(f"{home}/{path}".rstrip("/"))
                        await take(page, f"{name}-{scheme}", height)
                    await of_one_event(page, home, scheme)
            await browser.close()


async def two_weeks(world: World, service: Service) -> Tenant:
    """A company that has worked for two weeks, with a few things that wait for a person."""
    chance = random.Random(7)
    await fill(world)
    numbers = ["601000001", "601000002", "601000003", "601000101", "601000900"]
    calls = [
        {
            "number": chance.choices(numbers, [8, 6, 5, 0.5, 0.5])[0],
            "at": (ago(days=day) - timedelta(minutes=chance.randrange(500))).isoformat(),
            "comment": chance.choice(["Oddzwonić jutro", "Pytanie o fakturę", "Zamówienie"]),
        }
        for day in range(14)
        for _ in range(chance.randrange(4, 16))
    ]
    calls.append({"number": TWINS[0], "at": ago(hours=1).isoformat(), "comment": "Kto to był?"})
    await world.seed_centre(calls=calls)
    tenant = await install(service, since=ago(days=15))
    await settle_down(service, tenant)
    return await service.tenant(tenant.id)


@asynccontextmanager
async def an_admin(
    browser: Browser, service: Service, tenant: Tenant, origin: str, scheme: Scheme
) -> AsyncIterator[Page]:
    who = Who(tenant.id, tenant.installed.owner_user_id, None, "Łucja Żak", is_admin=True)
    token = await service.access.begin(who)
    context = await browser.new_context(
        color_scheme=scheme, viewport={"width": WIDTH, "height": 600}, timezone_id="Europe/Warsaw",
        reduced_motion="reduce",
    )  # fmt: skip
    await context.add_cookies([{"name": "session", "value": token, "url": origin}])
    yield await context.new_page()
    await context.close()


async def of_one_event(page: Page, home: str, scheme: Scheme) -> None:
    """The trace of one activity."""
    await page.goto(f"{home}/events?state=done")
    await page.locator("main table a").first.click()
    await take(page, f"event-{scheme}", 900)


async def take(page: Page, name: str, height: int) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": height})
    await page.wait_for_load_state("load")
    picture = await page.screenshot(path=FOLDER / f"{name}.png")
    print(f"{name}.png {len(picture) // 1000} kB")


if __name__ == "__main__":
    asyncio.run(main())
