"""A first load: counted without writing, run once, stopped and resumed, and each odd record left with its reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from connector.app import Service
from connector.flows.contacts.loading import previewed, run_load, tie_together
from connector.flows.contacts.scanning import scan
from connector.store.dirty import Side
from connector.store.loads import Loaded, Phase
from tests.flows.contacts.pairs import ON, Desk, open_desk
from tests.flows.looking import forget_calls, spent_on, tell
from tests.world import World, ago, install


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    """An installation as it is when it has just been made: no special fields, nothing read yet."""
    tenant = await install(service, since=ago(hours=1), contacts=ON)
    yield Desk(world, service, tenant.id)


def quiet(_facts: Mapping[str, object]) -> None:
    """Say nothing."""


async def look(desk: Desk, side: Side) -> Loaded:
    return await previewed(await desk.tenant(), side, quiet, anew=True)


async def run(desk: Desk, side: Side, stopping: asyncio.Event | None = None) -> Loaded:
    load = await previewed(await desk.tenant(), side, quiet)
    tenant = await tie_together(await desk.tenant(), desk.service.installations, load)
    return await run_load(tenant, desk.service.operations, load, stopping or asyncio.Event(), quiet)


async def writes(world: World) -> list[str]:
    return [
        f"{side} {call['method']} {call['path']}"
        for side in ("pipedrive", "thulium")
        for call in await world.calls(side)
        if call["method"] != "GET" and "Fields" not in call["path"]
    ]


async def forget(world: World) -> None:
    for side in ("pipedrive", "thulium"):
        await forget_calls(world, side)


def customer(number: int, **more: object) -> dict[str, object]:
    return {
        "name": "Jan", "surname": f"Próba-{number}", "phone_number": [f"601000{number:03}"],
        "email": [f"jan{number}@example.com"], **more,
    }  # fmt: skip


def person(number: int, **more: object) -> dict[str, object]:
    return {
        "name": f"Jan Próba-{number}", "phones": [f"+48601000{number:03}"], "emails": [f"jan{number}@example.com"], **more,
    }  # fmt: skip


async def test_a_preview_counts_and_writes_nothing(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(n) for n in range(5)])
    await desk.world.seed_pipedrive(persons=[person(3)])
    await forget(desk.world)
    load = await look(desk, Side.CENTRE)
    assert load.state is Phase.PREVIEWED
    assert load.preview["counts"] == {"make": 4, "link": 1}
    assert load.preview["writes"] == {"made person": 4, "changed person": 1}
    assert await writes(desk.world) == []


async def test_everybody_of_the_contact_centre_becomes_a_person_once(desk: Desk) -> None:
    made = await desk.world.seed_centre(companies=[{"name": "Firma Próba sp. z o.o."}])
    company = made["companies"][0]
    await desk.world.seed_centre(customers=[customer(n, company_id=company) for n in range(5)])
    await desk.world.seed_pipedrive(persons=[person(3)])
    ended = await run(desk, Side.CENTRE)
    assert ended.state is Phase.FINISHED, ended
    persons, [organization] = await desk.persons(), await desk.organizations()
    assert sorted(one["name"] for one in persons) == [f"Jan Próba-{n}" for n in range(5)]
    assert {one["org_id"] for one in persons} == {organization["id"]}
    assert (ended.counts["made"], ended.counts["linked"], ended.counts["changed"]) == (5, 1, 1)
    await forget(desk.world)
    tenant = await desk.tenant()
    assert await scan(tenant, next(iter(tenant.centres.values()))) == 0
    await desk.work()
    assert await writes(desk.world) == []


async def test_everybody_of_pipedrive_becomes_a_customer_once(desk: Desk) -> None:
    await desk.world.seed_pipedrive(
        organizations=[{"name": "Firma Próba sp. z o.o."}],
        persons=[person(n, org="Firma Próba sp. z o.o.") for n in range(5)],
    )
    await desk.world.seed_centre(customers=[customer(3)])
    ended = await run(desk, Side.PIPEDRIVE)
    assert ended.state is Phase.FINISHED, ended
    cards = await desk.customers()
    assert sorted(one["surname"] for one in cards) == [f"Próba-{n}" for n in range(5)]
    assert len({one["company_id"] for one in cards}) == 1
    await forget(desk.world)
    tenant = await desk.tenant()
    assert await scan(tenant, next(iter(tenant.centres.values()))) == 0
    await desk.work()
    assert await writes(desk.world) == []
    persons = await desk.persons()
    code = tenant.settings.special_fields.person_centre_id
    assert {one["custom_fields"][code] for one in persons} == {one["customer_id"] for one in cards}
