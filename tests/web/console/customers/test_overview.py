"""The pages of customers and companies: the list, one pair, and the push of one record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from connector.flows.tenant import Tenant
from connector.store.bindings import InStep
from connector.store.dirty import Mark, Side, Urgency
from tests.flows.looking import forget_calls, tell
from tests.serving import Served, served
from tests.web.agents import Agent, Shown, an_admin
from tests.world import World

ON = {
    "switched_on": True,
    "contacts": {"sync": "on"},
    "links": {"customer": "https://centre.example.com/customer/{id}"},
}
KEY = "thulium:demo/1"
CUSTOMERS = [
    {"name": "Jan", "surname": "Próbny", "phone_number": ["601000001"], "email": ["jan@example.com"]},
    {"name": "Ewa", "surname": "Wzorowa", "phone_number": ["601000002"], "email": ["ewa@example.com"]},
]


@dataclass
class Room:
    here: Served
    admin: Agent

    @property
    def world(self) -> World:
        return self.here.world

    async def tenant(self) -> Tenant:
        return await self.here.service.tenant(self.admin.tenant.id)

    async def open(self, page: str = "", language: str = "en") -> Shown:
        return await self.admin.open(self.admin.console("customers" + page), language)

    async def press(self, page: str, act: str = "", **more: str) -> Shown:
        """Press a button of the first form that is sent to the page."""
        path = self.admin.console("customers" + page)
        fields = (await self.admin.open(path)).form(path)
        return await self.admin.press(path, fields | ({"act": act} if act else {}) | more)

    async def find(self, sought: str) -> Shown:
        path = self.admin.console("customers/find")
        return await self.admin.press(path, (await self.open()).form(path) | {"sought": sought})

    async def push(self, record: str, what: str = "customer") -> Shown:
        return await self.press("/push", record=record, what=what)

    async def rename(self, name: str) -> None:
        """Rename the person in Pipedrive, whose webhook is lost: only a push carries it over."""
        await tell(self.world, "pipedrive", "hooks/faults", lose=1)
        person = (await self.world.records("person"))[0]["id"]
        await self.world.edit(action="change", entity="person", id=person, changes={"name": name})

    @property
    def pair(self) -> str:
        return "/customer/thulium:demo/1"


@pytest.fixture
async def room(world: World) -> AsyncIterator[Room]:
    await world.seed_centre(customers=CUSTOMERS)
    async with served(world) as here:
        yield Room(here, await an_admin(here, **ON))


async def noted(room: Room) -> list[tuple[str, dict[str, Any]]]:
    entries = await (await room.tenant()).audit.entries()
    return [(one.action, dict(one.detail)) for one in entries]


async def test_a_customer_is_pushed_by_his_id_and_his_page_shows_both_sides(room: Room) -> None:
    assert "No pair yet." in (await room.open()).text
    said = await room.push("1")
    assert "Customer 1: made on the other side." in said.text
    (person,) = await room.world.records("person")
    assert ("push", "made") in [(action, detail.get("outcome")) for action, detail in await noted(room)]

    listed = await room.open()
    assert f"https://{room.admin.tenant.installed.domain}.pipedrive.com/person/{person['id']}" in listed.page
    assert "https://centre.example.com/customer/1" in listed.page
    assert "Próbny" not in listed.text

    one = await room.open(room.pair)
    assert "Unchanged" in one.text
    assert "Próbny" not in one.text
    assert "jan@example.com" not in one.text


async def test_names_and_what_was_overwritten_are_shown_on_request_and_that_is_noted(room: Room) -> None:
    await room.push("1")
    await room.rename("Jan Nowy")
    said = await room.press(room.pair, "push")
    assert "Customer 1: what had changed was carried over." in said.text
    assert "Nowy" not in said.text
    shown = await room.press(room.pair, "show")
    assert "Jan Nowy" in shown.text
    assert "before: Próbny" in shown.text
    assert ("reveal", {"entity": "customer", "pair": KEY}) in await noted(room)


async def test_a_change_on_either_side_is_named_before_a_push(room: Room) -> None:
    await room.push("1")
    await room.rename("Jan Nowy")
    shown = await room.open(room.pair)
    assert "Changed in Pipedrive" in shown.text
    assert "to the contact centre" in shown.text
    assert "Changed in the contact centre" not in shown.text


async def test_a_pair_is_forgotten_only_after_its_consequences_were_read(room: Room) -> None:
    await room.push("1")
    asked = await room.press(room.pair, "forget")
    assert "Forget this pair?" in asked.text
    assert (await (await room.tenant()).bindings.of_centre("customer", [KEY]))[KEY]
    path = room.admin.console("customers" + room.pair)
    said = await room.admin.press(path, asked.form(path) | {"act": "forget"})
    assert "The pair is forgotten." in said.text
    assert await (await room.tenant()).bindings.of_centre("customer", [KEY]) == {}
    assert (await room.open(room.pair)).status == 404
    assert "forget" in [action for action, _ in await noted(room)]


async def test_a_pair_is_found_by_number_address_and_either_id(room: Room) -> None:
    await room.push("1")
    await room.push("2")
    person = (await room.world.records("person"))[0]["id"]
    for sought in ("601 000 001", "JAN@example.com", KEY):
        shown = await room.find(sought)
        assert shown.path.partition("?")[0] == room.admin.console("customers" + room.pair), sought
    shown = await room.find(str(person))
    assert "Customer 1" in shown.text
    assert "No pair has this id" in (await room.find("+48 601 000 009")).text
    assert "601" not in (await room.find("+48 601 000 009")).path


async def test_what_fails_is_named_with_its_reason_and_tried_again(room: Room) -> None:
    tenant = await room.tenant()
    mark = Mark("customer", Side.CENTRE, "thulium:demo/2")
    await tenant.dirty.mark([mark], urgency=Urgency.HOOK, cause="webhooks of the contact centre")
    (taken,) = await tenant.dirty.take(1, lease_s=60, only=mark)
    later = tenant.clock.now() + timedelta(hours=5)
    await tenant.dirty.put_off(taken, "Pipedrive refused: <b>name</b> is too long", later)
    shown = await room.open()
    assert "Records that cannot be kept in step: 1." in shown.text
    assert "&lt;b&gt;name&lt;/b&gt; is too long" in shown.page
    said = await room.admin.press(
        room.admin.console("customers/push"), shown.form(room.admin.console("customers/push"))
    )
    assert "Customer 2: made on the other side." in said.text
    assert await tenant.dirty.find(mark) is None


async def test_all_that_fail_are_tried_again_at_once(room: Room) -> None:
    tenant = await room.tenant()
    marks = [Mark("customer", Side.CENTRE, f"thulium:demo/{number}") for number in (1, 2)]
    await tenant.dirty.mark(marks, urgency=Urgency.HOOK, cause="webhooks of the contact centre")
    for one in await tenant.dirty.take(2, lease_s=60):
        await tenant.dirty.put_off(one, "no", tenant.clock.now() + timedelta(hours=5))
    path = room.admin.console("customers/again")
    said = await room.admin.press(path, (await room.open()).form(path))
    assert "Tried again: 2." in said.text
    await room.here.jobs.keeper.idle()
    assert len(await room.world.records("person")) == 2


async def test_the_list_shows_one_state_and_goes_on_from_page_to_page(room: Room) -> None:
    tenant = await room.tenant()
    await tenant.bindings.bind({f"thulium:demo/{n}": str(n) for n in range(100, 160)}, at=tenant.clock.now())
    await tenant.bindings.bind({"thulium:demo/900": "100"}, at=tenant.clock.now())
    lacking = (await tenant.bindings.of_centre("customer", ["thulium:demo/101"]))["thulium:demo/101"]
    reason = "The owner is nobody on the other side"
    await tenant.bindings.in_step(
        [InStep(lacking, {}, [{"field": "owner=owner", "reason": reason}])], at=tenant.clock.now()
    )
    first = await room.open()
    assert "Customer 149" in first.text
    assert "Customer 150" not in first.text
    after = next(part for part in first.page.split('"') if "after=" in part).replace("&amp;", "&")
    second = await room.admin.open(after)
    assert "Customer 150" in second.text
    assert "Customer 149" not in second.text
    assert "Customer 101" in (shown := await room.open("?state=lacking")).text
    assert reason in shown.text
    assert "Customer 102" not in shown.text
    assert "Customer 900" in (await room.open("?state=alias")).text
    assert "There is no such pair." in (await room.open("?state=gone")).text
    assert (await room.open("?state=nonsense&kind=nonsense&after=%00")).status == 200


async def test_the_address_of_a_page_names_a_record_and_nonsense_is_sent_back_with_what_was_typed(
    room: Room,
) -> None:
    await room.world.seed_pipedrive(persons=[{"name": "Zofia Nowa", "phones": ["+48601000007"]}])
    domain = room.admin.tenant.installed.domain
    said = await room.push(f"https://{domain}.pipedrive.com/person/1")
    assert "Person 1: made on the other side." in said.text
    said = await room.push("https://centre.example.com/customer/2")
    assert "Customer 2: made on the other side." in said.text
    for wrong in ("Jan", "https://other.pipedrive.com/person/1", "https://[", "7/8/9", "1 or 1=1"):
        said = await room.push(wrong)
        assert said.status == 422, wrong
        assert said.form(room.admin.console("customers/push"))["record"] == wrong
    said = await room.push("thulium:other/1")
    assert said.status == 422
    said = await room.push("4711", "person")
    assert "Person 4711: left out." in said.text


async def test_a_pair_page_says_what_is_wrong_when_a_side_does_not_answer(room: Room) -> None:
    await room.push("1")
    await room.world.fault("thulium", "status_before", path="customers", status=503)
    shown = await room.open(room.pair)
    assert shown.status == 200
    assert "does not answer as it should" in shown.text
    assert "What the connector wrote" in shown.text


async def test_the_list_asks_nothing_of_either_system_and_a_pair_costs_a_token(room: Room) -> None:
    await room.push("1")
    await room.open(room.pair)
    for side in ("pipedrive", "thulium"):
        await forget_calls(room.world, side)
    await room.open()
    assert await room.world.calls("pipedrive") == []
    await room.open(room.pair)
    assert [call["path"] for call in await room.world.calls("pipedrive")] == ["/api/v2/persons/1"]


async def test_the_pages_speak_polish(room: Room) -> None:
    await room.push("1")
    assert "Klienci" in (await room.open("", "pl")).text
    assert "Ostatnio zgodne" in (await room.open(room.pair, "pl")).text
