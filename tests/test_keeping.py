"""Customers and companies in step while the service runs: what one side edits, the other shows within moments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from connector.clock import Clock
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.marking import in_step
from connector.flows.installing import keep_subscriptions
from connector.flows.tenant import Tenant
from connector.store.dirty import Dirty, Mark, Marked, Side, Urgency
from tests.at_work import until
from tests.flows.looking import forget_calls, subscriptions, tell
from tests.serving import Served, served
from tests.world import World, ago, install

PHONE, ADDRESS = "601000001", "jan@example.com"


async def begin(here: Served, **contacts: object) -> Tenant:
    """Switch it on; the contact centre then tells of its customers."""
    tenant = await install(here.service, since=ago(hours=1), contacts={"sync": "on", **contacts})
    assert in_step(tenant)
    await keep_special_fields(tenant, here.service.installations)
    tenant = await here.service.tenant(tenant.id)
    await keep_subscriptions(tenant, here.service.installations, look=True)
    assert await subscriptions(here.world) == 1
    return tenant


async def persons(world: World) -> list[dict[str, Any]]:
    return [one for one in await world.records("person") if not one["is_deleted"]]


def named(world: World, name: str) -> Callable[[], Awaitable[bool]]:
    async def shown() -> bool:
        return [one["name"] for one in await persons(world)] == [name]

    return shown


async def writes(world: World) -> list[str]:
    return [
        f"{call['method']} {call['path']}"
        for side in ("pipedrive", "thulium")
        for call in await world.calls(side)
        if call["method"] != "GET" and call["method"] != "DELETE"
    ]


async def quiet(here: Served, tenant: Tenant) -> None:
    """Every webhook was followed and nothing is marked any more."""

    async def done() -> bool:
        await tell(here.world, "pipedrive", "hooks/settle")
        async with here.world.http.get(f"{here.world.thulium}/_sandbox/hooks"):
            pass
        return not await here.service.deliveries.waiting() and not await tenant.dirty.waiting()

    await until(done)
    await here.jobs.keeper.idle()


async def test_a_customer_entered_in_the_contact_centre_is_a_person_within_moments(open_: Served) -> None:
    await begin(open_)
    await open_.world.happen("customer", name="Jan", surname="Próba", phone_number=PHONE)
    assert await until(named(open_.world, "Jan Próba")) < 3


@pytest.mark.parametrize("phone_format", ["typed", "spaced"])
async def test_an_edit_on_one_side_is_one_write_on_the_other_and_then_silence(
    open_: Served, phone_format: str
) -> None:
    world = open_.world
    await tell(world, "pipedrive", "company", phone_format=phone_format)
    tenant = await begin(open_)
    made = await world.happen("customer", name="Jan", surname="Próba", phone_number=PHONE, email=ADDRESS)
    await until(named(world, "Jan Próba"))
    await quiet(open_, tenant)
    for side in ("pipedrive", "thulium"):
        await forget_calls(world, side)
    await world.happen("customer", customer_id=made["id"], phone_number=[PHONE, "601 000 002"])

    async def second_number() -> bool:
        return [len(one["phones"]) for one in await persons(world)] == [2]

    await until(second_number)
    await quiet(open_, tenant)
    [person] = await persons(world)
    assert await writes(world) == [f"PATCH /api/v2/persons/{person['id']}"]
    reads = [call for call in await world.calls("pipedrive") if call["method"] == "GET"]
    reads += [call for call in await world.calls("thulium") if call["method"] == "GET"]
    assert len(reads) <= 4, [f"{call['method']} {call['path']}" for call in reads]

    for side in ("pipedrive", "thulium"):
        await forget_calls(world, side)
    await world.edit(entity="person", action="change", id=person["id"], changes={"name": "Jan Nowak"})

    async def renamed() -> bool:
        return [card["surname"] for card in await world.cards()] == ["Nowak"]

    await until(renamed)
    await quiet(open_, tenant)
    assert await writes(world) == [f"PUT /demo/api/customers/{made['id']}"]
    reads = [call for call in await world.calls("pipedrive") if call["method"] == "GET"]
    reads += [call for call in await world.calls("thulium") if call["method"] == "GET"]
    assert len(reads) <= 4, [f"{call['method']} {call['path']}" for call in reads]


async def test_an_edit_that_touches_no_mapped_field_is_not_even_read(open_: Served) -> None:
    world = open_.world
    tenant = await begin(open_)
    await world.happen("customer", name="Jan", surname="Próba", phone_number=PHONE)
    await until(named(world, "Jan Próba"))
    await quiet(open_, tenant)
    [person] = await persons(world)
    await forget_calls(world, "pipedrive")
    await world.edit(entity="person", action="change", id=person["id"], changes={"visible_to": 1})
    await quiet(open_, tenant)
    assert await world.calls("pipedrive") == []


async def a_pair(here: Served, tenant: Tenant) -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer and his person, both sides the same."""
    made = await here.world.happen("customer", name="Jan", surname="Próba", phone_number=PHONE)
    await until(named(here.world, "Jan Próba"))
    await quiet(here, tenant)
    [person] = await persons(here.world)
    return made, person


async def change_both_at_once(world: World, made: dict[str, Any], person: dict[str, Any]) -> None:
    """Add a number to a customer, and another to his person while ours is on its way."""
    await forget_calls(world, "pipedrive")
    await world.happen("customer", customer_id=made["id"], phone_number=[PHONE, "601000002"])

    async def under_way() -> bool:
        return any(call["method"] == "PATCH" for call in await world.calls("pipedrive"))

    await until(under_way)
    phones = [*person["phones"], {"value": "+48601000003"}]
    await world.edit(entity="person", action="change", id=person["id"], changes={"phones": phones})


async def test_a_number_added_while_ours_was_on_its_way_is_given_back(open_: Served) -> None:
    world = open_.world
    tenant = await begin(open_)
    made, person = await a_pair(open_, tenant)
    # Our PATCH waits at Pipedrive's door while a salesperson adds a number.
    await world.fault("pipedrive", "delay", seconds=0.3, method="PATCH", path="persons")
    await change_both_at_once(world, made, person)

    async def all_three() -> bool:
        [person], cards = await persons(world), await world.cards()
        return len(person["phones"]) == 3 and len(cards[0]["phones"]) == 3

    await until(all_three)


async def test_a_mark_that_somebody_else_works_on_is_left_until_his_lease_has_run_out(
    open_: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await begin(open_)
    await quiet(open_, tenant)
    other = Dirty(open_.service.db, tenant.id, tenant.clock)
    await other.mark(
        [Mark("customer", Side.CENTRE, "thulium:demo/7")], urgency=Urgency.BUTTON, cause="button"
    )
    taken = await other.take(1, lease_s=120)
    turns = 0
    take = Dirty.take

    async def counted(*given: Any, **more: Any) -> list[Marked]:
        nonlocal turns
        turns += 1
        return await take(*given, **more)

    monkeypatch.setattr(Dirty, "take", counted)
    for _ in range(3):
        open_.jobs.keeper.soon(tenant)
        await open_.jobs.keeper.idle()
    assert turns == 3
    due = await tenant.dirty.next_due()
    assert due is not None
    assert due > tenant.clock.now()
    await other.clear(taken)


async def test_what_was_overwritten_is_given_back_although_the_answer_was_lost(open_: Served) -> None:
    world = open_.world
    tenant = await begin(open_)
    made, person = await a_pair(open_, tenant)
    await world.fault("pipedrive", "delay", seconds=0.3, method="PATCH", path="persons")
    await world.fault("pipedrive", "status_before", status=503, method="PATCH", path="persons", nth=2)
    await change_both_at_once(world, made, person)

    async def given_up() -> bool:
        return [call["method"] for call in await world.calls("pipedrive")].count("PATCH") == 2

    await until(given_up)
    await quiet(open_, tenant)
    open_.service.clock.move_to(timedelta(minutes=2))

    async def all_three() -> bool:
        [person] = await persons(world)
        return len(person["phones"]) == 3

    await until(all_three)


async def test_a_label_that_says_who_takes_part_is_followed_at_once(open_: Served) -> None:
    world = open_.world
    tenant = await begin(open_, customers={"to_centre": {"labels": ["7"]}})
    made = await world.edit(
        entity="person", action="create", changes={"name": "Jan Próba", "phones": [{"value": "+48601000001"}]}
    )
    await quiet(open_, tenant)
    assert await world.cards() == []
    await world.edit(entity="person", action="change", id=made["id"], changes={"label_ids": [7]})

    async def there() -> bool:
        return [card["surname"] for card in await world.cards()] == ["Próba"]

    await until(there)


async def test_a_new_ticket_of_an_unknown_customer_makes_his_person(open_: Served) -> None:
    world = open_.world
    tenant = await begin(open_)
    seeded = await world.seed_centre(
        customers=[{"name": "Ewa", "surname": "Próba", "email": "ewa@example.com"}]
    )
    assert seeded
    await world.happen("ticket", **{"from": "ewa@example.com", "body": "Dzień dobry"})
    await until(named(world, "Ewa Próba"))
    await quiet(open_, tenant)


async def test_after_a_restart_what_was_marked_is_worked_on(world: World) -> None:
    async with served(world) as here:
        tenant = await begin(here)
        await world.fault("pipedrive", "status_before", status=400, method="POST", path="persons", times=None)
        await world.happen("customer", name="Jan", surname="Próba", phone_number=PHONE)

        async def marked() -> bool:
            return bool(await tenant.dirty.failing())

        await until(marked)
    await world.mend("pipedrive")
    # What was refused is tried again after a day.
    async with served(world, Clock(timedelta(days=2)), look_gap=0.2):
        await until(named(world, "Jan Próba"))


async def test_of_two_webhooks_of_a_person_in_one_batch_the_second_counts_as_well(open_: Served) -> None:
    world = open_.world
    tenant = await begin(open_)
    await world.happen("customer", name="Jan", surname="Próba", phone_number=PHONE)
    await until(named(world, "Jan Próba"))
    await quiet(open_, tenant)
    [person] = await persons(world)
    # Both are stored before either is worked on.
    async with tenant.contacts.lock("customer", "thulium:demo/1"):
        changes: tuple[dict[str, object], ...] = (
            {"name": "Jan Inny"},
            {"visible_to": 1},
            {"name": "Jan Nowak"},
        )
        for change in changes:
            await world.edit(entity="person", action="change", id=person["id"], changes=change)
        await tell(world, "pipedrive", "hooks/settle")

    async def renamed() -> bool:
        return [card["surname"] for card in await world.cards()] == ["Nowak"]

    await until(renamed)
