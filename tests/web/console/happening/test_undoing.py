"""A run's activities are taken back from its page, with their number and cost said before, and written again."""

from __future__ import annotations

import asyncio

from tests.flows.looking import PERSON
from tests.serving import Served, served
from tests.web.agents import Agent, Shown, sign_in
from tests.world import World, ago, install


async def _a_run(here: Served) -> tuple[Agent, str]:
    """A run that wrote two calls; gives its page of activities."""
    await here.world.seed_pipedrive(persons=[PERSON])
    for minute in (1, 2):
        await here.world.happen("call", number="601000001", talk=60, at=ago(minutes=minute + 3).isoformat())
    tenant = await install(here.service, since=ago(hours=3))
    run_id = await here.jobs.runs.begin(await here.service.tenant(tenant.id))
    await here.jobs.runs.idle()
    admin = await sign_in(here, tenant, tenant.installed.owner_user_id, "Adam Admin", is_admin=True)
    return admin, admin.console(f"runs/{run_id}/activities")


async def _ended(admin: Agent, page: str) -> Shown:
    for _ in range(200):
        shown = await admin.open(page)
        if "Under way" not in shown.text:
            return shown
        await asyncio.sleep(0.02)
    raise AssertionError("it goes on")


async def test_activities_are_taken_back_and_written_again(world: World) -> None:
    async with served(world) as here:
        admin, page = await _a_run(here)
        assert len(await world.activities()) == 2
        shown = await admin.open(page)
        assert "Activities that this run wrote and that stand: 2." in shown.text
        assert "at most 28 Pipedrive tokens" in shown.text
        pressed = await admin.press(page, shown.form(page))
        assert "The activities are being taken back." in pressed.text
        shown = await _ended(admin, page)
        assert "Events whose activities were taken back: 2." in shown.text
        assert await world.activities() == []
        again = await admin.press(f"{page}/again", shown.form(f"{page}/again"))
        assert "The next run writes them by today’s rules." in again.text
        await here.jobs.runs.sync(await here.service.tenant(admin.tenant.id))
        assert len(await world.activities()) == 2
        noted = [one.action for one in await (await here.service.tenant(admin.tenant.id)).audit.entries()]
        assert noted[:3] == ["write again", "activities undone", "undo activities"]


async def test_an_order_for_another_number_than_was_shown_is_not_taken(world: World) -> None:
    async with served(world) as here:
        admin, page = await _a_run(here)
        fields = (await admin.open(page)).form(page)
        refused = await admin.press(page, fields | {"activities": "1"})
        assert "There are more or fewer than the page said." in refused.text
        assert len(await world.activities()) == 2


async def test_a_run_of_nobody_has_nothing_to_take_back(world: World) -> None:
    async with served(world) as here:
        admin, page = await _a_run(here)
        shown = await admin.open(admin.console("runs/999999/activities"))
        assert "There is no run 999999 here" in shown.text
        fields = (await admin.open(page)).form(page)
        other = admin.console("runs/999999/activities")
        assert "Not done" in (await admin.press(other, fields)).text
        assert len(await world.activities()) == 2
