"""The page of first loads: counted, begun, watched, stopped and resumed in the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from connector.flows.tenant import Tenant
from connector.store.loads import Loaded, Phase
from tests.serving import Served, served
from tests.web.agents import Agent, Shown, an_admin
from tests.world import World

ON = {"switched_on": True, "contacts": {"sync": "on"}}


def customers(number: int) -> list[dict[str, object]]:
    return [
        {"name": "Jan", "surname": f"Próba-{n}", "phone_number": [f"601000{n:03}"], "email": [f"jan{n}@example.com"]}
        for n in range(number)
    ]  # fmt: skip


@dataclass
class Room:
    here: Served
    admin: Agent

    @property
    def world(self) -> World:
        return self.here.world

    @property
    def path(self) -> str:
        return self.admin.console("customers/load")

    async def tenant(self) -> Tenant:
        return await self.here.service.tenant(self.admin.tenant.id)

    async def open(self, language: str = "en") -> Shown:
        return await self.admin.open(self.path, language)

    async def press(self, act: str, source: str = "centre") -> Shown:
        # Every form of the page is sent to the page itself, with the same token; the foot has one of its own, the last.
        _, first, *_rest = (await self.open()).page.split('name="form" value="')
        fields = {"form": first.partition('"')[0], "act": act, "source": source}
        return await self.admin.press(self.path, fields)

    async def until(self, holds: Callable[[Loaded | None], bool]) -> Loaded:
        """Wait until the last load is so, and nobody is at work on it any more."""
        for _ in range(400):
            load = await (await self.tenant()).loads.last()
            work = self.here.jobs.loads.of(self.admin.tenant.id)
            if load is not None and holds(load) and (work is None or work.ended):
                return load
            await asyncio.sleep(0.02)
        raise AssertionError((await self.open()).text)

    async def counted(self, source: str = "centre") -> Shown:
        said = await self.press("preview", source)
        assert "Counting has begun." in said.text
        await self.until(lambda load: load is not None and load.state is Phase.PREVIEWED)
        return await self.open()


@pytest.fixture
async def room(world: World) -> AsyncIterator[Room]:
    async with served(world) as here:
        yield Room(here, await an_admin(here, **ON))


async def test_a_load_is_counted_then_begun_and_its_report_names_its_run(room: Room) -> None:
    await room.world.seed_centre(customers=customers(5))
    await room.world.seed_pipedrive(persons=[{"name": "Jan Próba-3", "phones": ["+48601000003"]}])
    shown = await room.counted()
    assert "Made on the other side 4" in shown.text
    assert "Linked with one that is there 1" in shown.text
    assert "Pipedrive tokens" in shown.text
    assert "made 5, changed 2" in shown.text
    assert "Próba" not in shown.text
    assert len(await room.world.records("person")) == 1
    assert "Jan Próba-0" in (await room.press("show")).text

    said = await room.press("start")
    assert "The load has begun." in said.text
    load = await room.until(lambda load: load is not None and load.state is Phase.FINISHED)
    shown = await room.open()
    assert "Finished" in shown.text
    assert "Made 4" in shown.text
    assert f"runs/{load.run_id}" in shown.page
    assert len(await room.world.records("person")) == 5
    noted = [(one.action, one.detail) for one in await (await room.tenant()).audit.entries()]
    assert ("load", {"act": "start", "source": "centre"}) in noted


async def test_nothing_is_written_from_numbers_that_hold_no_more(room: Room) -> None:
    await room.world.seed_centre(customers=customers(2))
    await room.counted()
    tenant = await room.tenant()
    settings = tenant.settings.model_copy(update={"payload_days": 14})
    assert await room.here.service.installations.set_settings(
        tenant.id, settings, seen_version=tenant.installed.settings_version
    )
    shown = await room.open()
    assert "Count again before you begin." in shown.text
    assert "Begin the load" not in shown.text
    await room.press("start")
    await room.until(lambda load: load is not None and load.state is Phase.PREVIEWED)
    assert "it was counted again" in (await room.open()).text
    assert await room.world.records("person") == []


async def test_a_load_that_was_stopped_goes_on_where_it_was(room: Room) -> None:
    await room.world.seed_centre(customers=customers(30))
    await room.counted()
    await room.world.fault(
        "pipedrive", "delay", method="POST", path="^/api/v2/persons$", seconds=0.02, times=100
    )
    await room.press("start")
    said = await room.press("stop")
    assert "It is being stopped." in said.text
    await room.until(lambda load: load is not None and load.state in (Phase.PAUSED, Phase.PREVIEWED))
    await room.world.mend("pipedrive")
    assert "Paused" in (await room.open()).text or "Begin the load" in (await room.open()).text
    await room.press("start")
    await room.until(lambda load: load is not None and load.state is Phase.FINISHED)
    assert len([one for one in await room.world.records("person") if not one["is_deleted"]]) == 30


async def test_a_service_that_ends_leaves_a_load_to_be_gone_on_with(world: World) -> None:
    await world.seed_centre(customers=customers(30))
    async with served(world) as here:
        room = Room(here, await an_admin(here, **ON))
        await room.counted()
        await world.fault(
            "pipedrive", "delay", method="POST", path="^/api/v2/persons$", seconds=0.02, times=100
        )
        await room.press("start")
    await world.mend("pipedrive")
    async with served(world) as here:
        again = Room(here, Agent(here, room.admin.tenant, room.admin.cookie))
        shown = await again.open()
        assert "Go on" in shown.text or "Begin the load" in shown.text
        await again.press("start")
        await again.until(lambda load: load is not None and load.state is Phase.FINISHED)
        assert len([one for one in await world.records("person") if not one["is_deleted"]]) == 30


async def test_what_a_side_refused_stands_in_the_report_and_can_be_pushed(room: Room) -> None:
    await room.world.seed_centre(customers=customers(2))
    await room.counted()
    await room.world.fault(
        "pipedrive", "status_before", method="POST", path="^/api/v2/persons$", status=400, times=1
    )
    await room.press("start")
    await room.until(lambda load: load is not None and load.state is Phase.FINISHED)
    shown = await room.open()
    assert "Refused 1" in shown.text
    assert "Try again: Customer" in shown.page
    push = room.admin.console("customers/push")
    said = await room.admin.press(push, shown.form(push))
    assert "made on the other side" in said.text


async def test_a_load_is_ended_for_good_and_another_side_may_begin(room: Room) -> None:
    await room.world.seed_centre(customers=customers(2))
    await room.counted()
    said = await room.press("end")
    assert "The load is ended." in said.text
    assert "a person ended it" in said.text
    await room.world.seed_pipedrive(persons=[{"name": "Ewa Nowa", "phones": ["+48601000900"]}])
    shown = await room.counted("pipedrive")
    assert "From Pipedrive into the contact centre" in shown.text


async def test_a_load_that_another_process_works_on_is_not_ended(room: Room) -> None:
    await room.world.seed_centre(customers=customers(2))
    await room.counted()
    load = await (await room.tenant()).loads.last()
    assert load is not None
    async with room.world.connector() as other:
        tenant = await other.tenant(room.admin.tenant.id)
        assert await tenant.loads.claim(load.id, lease_s=60)
        assert "A load is under way already." in (await room.press("end")).text
        await tenant.loads.release(load.id)
    assert "The load is ended." in (await room.press("end")).text


async def test_one_load_at_a_time_and_none_while_the_sync_is_off(room: Room) -> None:
    await room.world.seed_centre(customers=customers(2))
    await room.world.fault("thulium", "delay", path="customers", seconds=0.2, times=3)
    await room.press("preview")
    assert "A load is under way already." in (await room.press("start")).text
    assert "Reading both sides" in (await room.open()).text
    await room.until(lambda load: load is not None and load.state is Phase.PREVIEWED)
    assert "No load is under way." in (await room.press("stop")).text
    tenant = await room.tenant()
    off = tenant.settings.model_copy(
        update={"contacts": tenant.settings.contacts.model_copy(update={"sync": "off"})}
    )
    await room.here.service.installations.set_settings(
        tenant.id, off, seen_version=tenant.installed.settings_version
    )
    assert "switch it on first" in (await room.open()).text
    path = room.path
    fields = {
        "form": (await room.admin.open(room.admin.console("customers/push"))).fields["form"],
        "act": "start",
    }
    assert (await room.admin.press(path, fields)).status in (200, 303)
    assert await room.world.records("person") == []


async def test_what_changes_is_streamed_until_it_has_ended(room: Room) -> None:
    await room.world.seed_centre(customers=customers(3))
    live = room.admin.console("customers/load/live")
    assert (await room.admin.open(live)).path.partition("?")[0] == room.path
    await room.world.fault("thulium", "delay", path="customers", seconds=0.2, times=3)
    await room.press("preview")
    assert f'data-stream="{live}"' in (await room.open()).page
    streamed = await room.admin.open(live)
    assert streamed.headers["Content-Type"] == "text/event-stream"
    assert "Nothing is written." in streamed.page
    assert streamed.page.rstrip().endswith("event: end\ndata:")
    assert "default-src 'self'" in streamed.headers["Content-Security-Policy"]


async def test_the_page_speaks_polish(room: Room) -> None:
    await room.world.seed_centre(customers=customers(2))
    await room.counted()
    assert "Rozpocznij wczytywanie" in (await room.open("pl")).text
