"""The button of a customer's card: looking changes nothing, pressing brings one customer in step, and only we may press."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from yarl import URL

from connector.flows.tenant import Tenant
from tests.serving import Served
from tests.web.test_lookup import basic
from tests.world import World, ago, install


@dataclass
class Card:
    """The contact centre's side: a browser that knows the address and the password of the lookups."""

    here: Served
    tenant: Tenant
    path: str
    password: str

    async def open(self, customer: object, **headers: str) -> tuple[int, str]:
        return await self._ask("GET", f"customer_id={customer}", **headers)

    async def press(self, customer: object, form: str | None = None, **headers: str) -> tuple[int, str]:
        if form is None:
            form = await self.form(customer)
        return await self._ask("POST", f"customer_id={customer}", data={"form": form}, **headers)

    async def form(self, customer: object) -> str:
        _, shown = await self.open(customer)
        found = re.search(r'name="form" value="([^"]+)"', shown)
        assert found
        return found[1]

    async def _ask(self, method: str, query: str, data: Any = None, **headers: str) -> tuple[int, str]:
        url = URL(f"{self.here.origin}/push/{self.path}?{query}", encoded=True)
        given = basic("connector", self.password) | {"Accept": "text/html"} | headers
        async with self.here.world.http.request(method, url, headers=given, data=data) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def card(open_: Served) -> Card:
    tenant = await install(open_.service, since=ago(hours=1))
    (centre,) = await open_.service.installations.centres(tenant.id)
    return Card(open_, tenant, centre.hook_path, centre.lookup_password)


async def a_customer(world: World, **details: object) -> int:
    made = await world.happen(
        "customer", **{"name": "Jan", "surname": "Próba", "phone_number": "601000001", **details}
    )
    return int(made["id"])


async def persons(world: World) -> list[dict[str, Any]]:
    return [one for one in await world.records("person") if not one["is_deleted"]]


async def test_looking_changes_nothing_and_pressing_makes_the_person(card: Card) -> None:
    world = card.here.world
    customer = await a_customer(world)
    status, shown = await card.open(customer)
    assert (status, "Not in Pipedrive yet" in shown) == (200, True)
    assert await persons(world) == []
    status, shown = await card.press(customer)
    [person] = await persons(world)
    assert (status, "The customer is in Pipedrive now" in shown) == (200, True)
    assert f".pipedrive.com/person/{person['id']}" in shown
    assert "Próba" not in shown

    status, shown = await card.open(customer)
    assert "Linked" in shown
    assert f"/person/{person['id']}" in shown
    assert "Both sides were the same already" in (await card.press(customer))[1]


async def test_what_came_of_it_is_said_in_the_visitors_language(card: Card) -> None:
    world = card.here.world
    twins = [{"name": "Jan", "phones": ["+48601000001"]}, {"name": "Ewa", "phones": ["+48601000001"]}]
    await world.seed_pipedrive(persons=twins)
    customer = await a_customer(world)
    polish = {"Accept-Language": "pl"}
    assert "Prześlij teraz" in (await card.open(customer, **polish))[1]
    _, shown = await card.press(customer, **polish)
    assert "W Pipedrive pasuje kilka wpisów" in shown
    _, shown = await card.press(999)
    assert "The contact centre has no such customer" in shown
    await world.fault("pipedrive", "status_before", status=400, method="POST", path="/v2/persons$")
    _, shown = await card.press(await a_customer(world, phone_number="601000009"))
    assert "It was refused" in shown
    assert "Reason:" in shown
    # Nobody would come back to it.
    assert await card.tenant.dirty.waiting() == {}


async def test_a_form_that_is_not_ours_is_not_followed(card: Card) -> None:
    world = card.here.world
    customer, other = await a_customer(world), await a_customer(world, phone_number="601000002")
    of_other = await card.form(other)
    until, _, signed = (await card.form(customer)).partition(".")
    for form in (
        "",
        "nonsense",
        of_other,
        f"{int(until) + 1}.{signed}",
        f"1.{signed}",
        "9" * 30 + ".x",
        "².",
    ):
        status, shown = await card.press(customer, form)
        assert (status, "Nothing was written" in shown) == (403, True), form
    status, _ = await card.press(customer, **{"Sec-Fetch-Site": "cross-site"})
    assert status == 403
    assert await persons(world) == []


async def test_who_does_not_know_the_password_is_not_let_in(card: Card) -> None:
    customer = await a_customer(card.here.world)
    for headers in (basic("connector", "wrong"), basic("somebody", card.password), {"Authorization": ""}):
        assert (await card.open(customer, **headers))[0] == 401
        assert (await card.press(customer, "", **headers))[0] == 401
    card.path = "nowhere"
    assert (await card.open(customer))[0] == 404


@pytest.mark.parametrize("customer", ["", "%3Cscript%3E", "7%2F8", "x" * 65, "7%20", "%C5%BC"])
async def test_what_can_be_no_customer_is_refused(card: Card, customer: str) -> None:
    status, shown = await card.open(customer)
    assert status == 400
    assert "<script>" not in shown.replace("<script src=", "")


async def test_it_is_pressed_no_more_often_than_hands_do(card: Card) -> None:
    customer = await a_customer(card.here.world)
    seen = [(await card.open(customer))[0] for _ in range(62)]
    assert seen[:60] == [200] * 60
    assert seen[-1] == 429


async def test_when_pipedrive_lets_nobody_work_the_page_says_so(card: Card) -> None:
    world = card.here.world
    customer = await a_customer(world)
    form = await card.form(customer)
    await world.fault("pipedrive", "status_before", status=401, path="/v", times=None)
    status, shown = await card.press(customer, form)
    assert (status, "It cannot be done just now" in shown) == (503, True)
