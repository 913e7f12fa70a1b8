"""More writes of one cause than is usual wait for a person, who sees what they would be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.contacts.braking import brakes, foresee, release
from connector.flows.contacts.working import Brake, allowance, limit_of
from connector.store.changes import Wrote
from connector.store.dirty import Mark, Side, Urgency
from tests.flows.contacts.pairs import Desk, open_desk
from tests.world import World

LIMIT = 3


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service, brake=LIMIT) as desk:
        yield desk


async def customers(desk: Desk, count: int, first: int = 1) -> list[int]:
    made = [
        await desk.world.happen("customer", name="Jan", surname=f"Próba {n}", phone_number=f"6010000{n:02}")
        for n in range(first, first + count)
    ]
    return [one["id"] for one in made]


async def mark(desk: Desk, ids: list[int], *, urgency: Urgency = Urgency.SWEEP, cause: str = "scan") -> None:
    marks = [Mark("customer", Side.CENTRE, f"thulium:demo/{one}") for one in ids]
    await (await desk.tenant()).dirty.mark(marks, urgency=urgency, cause=cause)


async def pull(desk: Desk) -> list[int]:
    """Have the brake pulled: two more than may be written wait."""
    ids = await customers(desk, LIMIT + 2)
    await mark(desk, ids)
    await desk.work()
    return ids


async def test_a_cause_that_writes_too_much_is_paused_and_shows_what_waits(desk: Desk) -> None:
    await pull(desk)
    assert len(await desk.persons()) == LIMIT
    (one,) = await brakes(await desk.tenant())
    assert (one["cause"], one["state"], one["waiting"]) == ("scan", "paused", 2)
    assert (one["writes_in_the_hour"], one["limit"]) == (LIMIT, LIMIT)
    preview = one["preview"]
    assert isinstance(preview, list)
    assert [shown["would"] for shown in preview] == ["make", "make"]
    assert preview[0]["after"]["name"].startswith("Jan Próba")
    # Looking changes nothing.
    assert len(await desk.persons()) == LIMIT
    assert (await desk.work())["written"] == 0
    assert len(await desk.persons()) == LIMIT
    assert await (await desk.tenant()).dirty.failing() == []


async def test_changes_of_pairs_are_previewed_by_field(desk: Desk) -> None:
    ids = await pull(desk)
    made = await (await desk.tenant()).bindings.persons([f"thulium:demo/{one}" for one in ids])
    paired = int(min(made).rpartition("/")[2])
    name = next(one["surname"] for one in await desk.customers() if one["customer_id"] == paired)
    await desk.world.happen("customer", customer_id=paired, surname="Nowak")
    await mark(desk, [paired])
    (one,) = await brakes(await desk.tenant())
    preview = one["preview"]
    assert isinstance(preview, list)
    (shown,) = [row for row in preview if row["would"] == "update"]
    assert shown["in_pipedrive"] == {"before": {"name": f"Jan {name}"}, "after": {"name": "Jan Nowak"}}


async def foreseen(desk: Desk, mark: Mark) -> dict[str, object]:
    tenant = await desk.tenant()
    await tenant.dirty.mark([mark], urgency=Urgency.SWEEP, cause="scan")
    marked = await tenant.dirty.find(mark)
    assert marked is not None
    return await foresee(tenant, marked)


async def test_whose_counterpart_was_deleted_is_not_said_to_be_made_anew(desk: Desk) -> None:
    [customer] = await customers(desk, 1)
    await desk.push_customer(customer)
    [person] = await desk.persons()
    await desk.world.happen("customer_deleted", customer_id=customer)
    await desk.push_customer(customer)
    shown = await foreseen(desk, Mark("customer", Side.PIPEDRIVE, str(person["id"])))
    assert shown == {"person": str(person["id"]), "would": "nothing"}
    await desk.work()
    assert await desk.customers() == []


async def test_who_is_there_again_is_said_to_be_changed(desk: Desk) -> None:
    [customer] = await customers(desk, 1)
    await desk.push_customer(customer)
    [person] = await desk.persons()
    await desk.world.edit(entity="person", action="delete", id=person["id"])
    await desk.push_person(person["id"])
    await desk.world.happen("customer", customer_id=customer, surname="Nowak")
    await desk.world.edit(entity="person", action="restore", id=person["id"])
    shown = await foreseen(desk, Mark("customer", Side.CENTRE, f"thulium:demo/{customer}"))
    assert shown["would"] == "update"
    await desk.work()
    assert [one["name"] for one in await desk.persons()] == ["Jan Nowak"]


async def test_a_person_lets_go_what_waits_and_a_twentieth_more(desk: Desk) -> None:
    await pull(desk)
    tenant = await desk.tenant()
    assert await release(tenant, "scan") == 3
    await desk.work()
    assert len(await desk.persons()) == LIMIT + 2
    (one,) = await brakes(tenant)
    assert (one["state"], one["waiting"], one["left"]) == ("released", 0, 1)
    await mark(desk, await customers(desk, 2, first=20))
    await desk.work()
    assert len(await desk.persons()) == LIMIT + 3
    (one,) = await brakes(tenant)
    assert (one["state"], one["waiting"]) == ("paused", 1)


async def test_only_what_is_paused_can_be_let_go(desk: Desk) -> None:
    with pytest.raises(Misconfigured, match=r"'scan' is not paused\. Paused are: none"):
        await release(await desk.tenant(), "scan")
    await pull(desk)
    with pytest.raises(Misconfigured, match="Paused are: 'scan'"):
        await release(await desk.tenant(), "sweep")


async def test_other_causes_and_what_a_person_pushes_go_on(desk: Desk) -> None:
    await pull(desk)
    ids = await customers(desk, 3, first=30)
    await mark(desk, ids[:1], urgency=Urgency.HOOK, cause="webhooks of the contact centre")
    await mark(desk, ids[1:2], urgency=Urgency.BUTTON, cause="scan")
    await mark(desk, ids[2:], urgency=Urgency.HOOK, cause="button")
    await desk.work()
    assert len(await desk.persons()) == LIMIT + 3


async def test_what_is_let_go_while_a_turn_goes_on_counts_in_that_turn(desk: Desk) -> None:
    await pull(desk)
    tenant = await desk.tenant()
    brake = Brake(tenant)
    assert not await brake.allow("scan", Urgency.SWEEP)
    await release(tenant, "scan")
    assert await brake.allow("scan", Urgency.SWEEP)
    (one,) = await tenant.changes.braked()
    assert one.released_at is not None


async def test_a_restart_forgets_neither_the_brake_nor_what_was_let_go(world: World, desk: Desk) -> None:
    await pull(desk)
    async with world.connector() as other:
        there = await other.tenant(desk.tenant_id)
        assert [one["state"] for one in await brakes(there)] == ["paused"]
        await release(there, "scan")
    await desk.work()
    assert len(await desk.persons()) == LIMIT + 2


async def test_of_many_pairs_a_twentieth_may_be_written_in_an_hour(desk: Desk) -> None:
    tenant = await desk.tenant()
    pairs = {f"thulium:demo/{number}": str(number) for number in range(1000, 1100)}
    await tenant.bindings.bind(pairs, at=desk.service.clock.now())
    assert await limit_of(tenant) == 5
    wrote = Wrote("customer", Side.PIPEDRIVE, "1000", "thulium:demo/1000", "update", {}, {})
    await tenant.changes.note(1, "scan", [wrote] * 4)
    assert await allowance(tenant, "scan") == 1
    assert await allowance(tenant, "sweep") == 5
    brake = Brake(tenant)
    # A pair that is written on both sides counts twice.
    assert not await brake.allow("scan", Urgency.SWEEP, 2)
    assert await tenant.changes.written("scan", within=timedelta(hours=1)) == 4


async def test_who_was_paused_is_made_at_once_when_let_go(desk: Desk) -> None:
    """A record that was stopped before it was sent is in no doubt."""
    ids = await pull(desk)
    tenant = await desk.tenant()
    making = [await tenant.creations.find("customer", Side.PIPEDRIVE, f"thulium:demo/{one}") for one in ids]
    assert making == [None] * len(ids)
    await release(tenant, "scan")
    counts = await desk.work()
    assert counts["made in Pipedrive"] == 2
