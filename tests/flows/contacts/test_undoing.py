"""A run is taken back: what it overwrote returns where nobody has edited it since, nothing is deleted, nothing flows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.pushing import Outcome, push
from connector.flows.contacts.restoring import alike, restore
from connector.flows.contacts.undoing import Undone, undo
from connector.flows.indexing import sweep
from connector.flows.tenant import Tenant
from connector.phone import Phones
from connector.records import Customer
from connector.store.dirty import Side
from connector.store.index import Entity
from tests.at_work import until
from tests.flows.contacts.pairs import Desk, open_desk
from tests.flows.contacts.test_odd_days import change_settings
from tests.flows.looking import forget_calls
from tests.serving import Served
from tests.test_keeping import begin, named, quiet
from tests.world import World, ago

PHONES = Phones("PL")


@pytest.fixture
async def desk(world: World, service: Service) -> AsyncIterator[Desk]:
    async with open_desk(world, service) as desk:
        yield desk


async def latest(desk: Desk) -> int:
    runs = await (await desk.tenant()).changes.runs()
    return int(str(runs[0]["run"]))


async def take_back(desk: Desk, run_id: int | None = None) -> Undone:
    return await undo(await desk.tenant(), desk.service.operations, run_id or await latest(desk))


async def a_pair(desk: Desk, **details: object) -> tuple[int, int]:
    made = await desk.world.happen(
        "customer", **{"name": "Jan", "surname": "Próba", "phone_number": "601000001", **details}
    )
    await desk.push_customer(made["id"])
    [person] = await desk.persons()
    return int(made["id"]), int(person["id"])


async def edit(desk: Desk, person_id: int, **changes: Any) -> None:
    await desk.world.edit(entity="person", action="change", id=person_id, changes=changes)


async def is_quiet(desk: Desk, customer: int, person: int) -> bool:
    """Whether looking at both sides, as webhooks and scans would have it, writes nothing any more."""
    for side in ("pipedrive", "thulium"):
        await forget_calls(desk.world, side)
    tenant = await desk.tenant()
    await desk.work()
    await desk.scan()
    await sweep(tenant, Entity.PERSON, since=ago(hours=1))
    await desk.push_customer(customer)
    await desk.push_person(person)
    calls = [call for side in ("pipedrive", "thulium") for call in await desk.world.calls(side)]
    return all(call["method"] == "GET" for call in calls)


async def test_a_name_that_was_overwritten_returns_and_nothing_flows_back(desk: Desk) -> None:
    customer, person = await a_pair(desk)
    await desk.world.happen("customer", customer_id=customer, surname="Pomyłka")
    await desk.push_customer(customer)
    done = await take_back(desk)
    assert (done.records, done.fields, done.left, done.failed) == (1, 1, [], [])
    [there], [here] = await desk.persons(), await desk.customers()
    assert (there["name"], here["surname"]) == ("Jan Próba", "Pomyłka")
    assert await is_quiet(desk, customer, person)
    # An edit after that goes its way.
    await desk.world.happen("customer", customer_id=customer, surname="Nowak")
    await desk.push_customer(customer)
    [there] = await desk.persons()
    assert there["name"] == "Jan Nowak"


async def test_a_card_of_the_contact_centre_gets_back_what_stood_there(desk: Desk) -> None:
    customer, person = await a_pair(desk, phone_number=["601000001", "22 123 45 67"])
    phones = [{"value": "+48601000001"}, {"value": "+48601000009"}]
    await edit(desk, person, name="Ewa Inna", phones=phones)
    await desk.push_person(person)
    done = await take_back(desk)
    assert (done.records, done.left) == (1, [])
    [here] = await desk.customers()
    assert (here["name"], here["surname"]) == ("Jan", "Próba")
    assert sorted(one.replace(" ", "") for one in here["phones"]) == ["221234567", "601000001"]
    assert await is_quiet(desk, customer, person)
    [there] = await desk.persons()
    assert there["name"] == "Ewa Inna"


async def test_what_somebody_edited_since_is_left_and_named(desk: Desk) -> None:
    customer, person = await a_pair(desk)
    await desk.world.happen(
        "customer", customer_id=customer, surname="Pomyłka", phone_number=["601000001", "601000002"]
    )
    await desk.push_customer(customer)
    run = await latest(desk)
    [there] = await desk.persons()
    await edit(desk, person, name="Jan Poprawny", phones=[*there["phones"], {"value": "+48601000003"}])
    done = await take_back(desk, run)
    assert done.left == [{"person": str(person), "field": "name", "reason": "edited since"}]
    assert (done.records, done.fields) == (1, 1)
    [there] = await desk.persons()
    assert there["name"] == "Jan Poprawny"
    assert {one["value"] for one in there["phones"]} == {"+48601000001", "+48601000003"}
    # The edit that was left had not been carried yet, and is.
    await desk.work()
    await desk.push_person(person)
    [here] = await desk.customers()
    assert here["surname"] == "Poprawny"


async def test_what_the_run_made_is_kept_parted_and_listed(desk: Desk) -> None:
    customer, person = await a_pair(desk)
    done = await take_back(desk)
    (parted,) = done.parted
    assert (parted["person"], parted["page"].rpartition("/")[2]) == (str(person), str(person))
    assert len(await desk.persons()) == 1
    tenant = await desk.tenant()
    assert await tenant.bindings.persons([f"thulium:demo/{customer}"]) == {}

    await desk.world.happen("customer", customer_id=customer, surname="Nowak")
    assert await is_quiet(desk, customer, person)
    assert len(await desk.persons()) == len(await desk.customers()) == 1
    # Until a person says otherwise.
    pushed = await push(tenant, desk.service.operations, CUSTOMERS, Side.CENTRE, f"thulium:demo/{customer}")
    assert pushed.outcome is Outcome.LINKED
    [there] = await desk.persons()
    assert there["id"] == person


async def test_an_undo_is_done_once_and_may_be_undone_itself(desk: Desk) -> None:
    customer, person = await a_pair(desk)
    await desk.world.happen("customer", customer_id=customer, surname="Nowak")
    await desk.push_customer(customer)
    run = await latest(desk)
    await take_back(desk, run)
    with pytest.raises(Misconfigured, match=f"Run {run} wrote nothing that can be taken back"):
        await take_back(desk, run)
    again = await latest(desk)
    assert again != run
    await take_back(desk, again)
    [there] = await desk.persons()
    assert there["name"] == "Jan Nowak"
    assert await is_quiet(desk, customer, person)


async def test_an_undo_that_was_cut_short_goes_on_where_it_was(desk: Desk) -> None:
    customers = [
        (await desk.world.happen("customer", name="Jan", surname=f"P{n}", phone_number=f"60100000{n}"))["id"]
        for n in (1, 2)
    ]
    for customer in customers:
        await desk.push_customer(customer)
        await desk.world.happen("customer", customer_id=customer, surname="Pomyłka")
    await desk.scan()
    run = await latest(desk)
    await desk.world.fault(
        "pipedrive", "status_before", status=401, method="PATCH", path="persons", times=None
    )
    done = await take_back(desk, run)
    assert done.stopped
    assert (done.records, done.report()["stopped"]) == (0, done.stopped)
    await desk.world.mend("pipedrive")
    async with desk.world.connector() as other:
        tenant = await other.tenant(desk.tenant_id)
        # One answer is lost after its effect.
        await desk.world.fault("pipedrive", "reset_after", method="PATCH", path="persons")
        first = await undo(tenant, other.operations, run)
        assert (first.records, len(first.failed)) == (1, 1)
        second = await undo(tenant, other.operations, run)
        assert (second.records, second.failed, second.left) == (0, [], [])
    assert {one["name"] for one in await desk.persons()} == {"Jan P1", "Jan P2"}
    assert {one["surname"] for one in await desk.customers()} == {"Pomyłka"}


async def test_a_record_that_is_gone_stops_nothing(desk: Desk) -> None:
    customer, person = await a_pair(desk)
    await desk.world.happen("customer", customer_id=customer, surname="Nowak")
    await desk.push_customer(customer)
    run = await latest(desk)
    await desk.world.edit(entity="person", action="delete", id=person)
    done = await take_back(desk, run)
    assert done.left == [{"person": str(person), "reason": "the record is gone"}]


@pytest.mark.parametrize("status", [400, 401])
async def test_where_nothing_is_kept_in_step_an_undo_that_fails_leaves_nothing_to_be_worked_on(
    desk: Desk, status: int
) -> None:
    customer, _ = await a_pair(desk)
    await desk.world.happen("customer", customer_id=customer, surname="Nowak")
    await desk.push_customer(customer)
    await change_settings(desk, contacts={"sync": "off"})
    fault = {"status": status, "method": "PATCH", "path": "persons"}
    await desk.world.fault("pipedrive", "status_before", times=None, **fault)
    done = await take_back(desk)
    assert done.failed or done.stopped
    assert await (await desk.tenant()).dirty.waiting() == {}


async def seen_to(here: Served, tenant: Tenant) -> bool:
    await here.jobs.keeper.look(tenant)
    await here.jobs.keeper.idle()
    return not await here.service.deliveries.waiting() and not await tenant.dirty.waiting()


async def test_beside_a_service_at_work_nothing_flows_from_an_undo(open_: Served) -> None:
    world = open_.world
    tenant = await begin(open_)
    made = await world.happen("customer", name="Jan", surname="Próba", phone_number="601000001")
    await until(named(world, "Jan Próba"))
    await quiet(open_, tenant)
    await world.happen("customer", customer_id=made["id"], surname="Pomyłka")
    await until(named(world, "Jan Pomyłka"))
    await quiet(open_, tenant)
    run = int(str((await tenant.changes.runs())[0]["run"]))
    async with world.connector() as other:
        done = await undo(await other.tenant(tenant.id), other.operations, run)
    assert (done.records, done.failed) == (1, [])
    # A webhook may come while the other process has the record: it is seen to at the next look of the minute.
    await until(lambda: seen_to(open_, tenant))
    await quiet(open_, tenant)
    assert await named(world, "Jan Próba")()
    (card,) = await world.cards()
    assert card["surname"] == "Pomyłka"


# what is given back, by itself


NUMBERS = [f"+4860100000{n}" for n in range(6)]
some = st.lists(st.sampled_from(NUMBERS), unique=True)


@given(before=some, sent=some, now=some)
def test_of_a_list_only_what_we_changed_changes_back(
    before: Sequence[str], sent: Sequence[str], now: Sequence[str]
) -> None:
    record = Customer("1", "Jan", "Próba", phones=tuple(now))
    found = restore({"phones": tuple(before)}, {"phones": tuple(sent)}, record, PHONES)
    written = found.fields.get("phones", tuple(now))
    assert isinstance(written, tuple)
    held = {key for one in written for key in PHONES.keys(one)}
    added, taken = set(sent) - set(before), set(before) - set(sent)
    assert held == (set(now) - added) | taken
    if now == sent:
        assert held == set(before)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, "", True),
        ("Jan  Próba", "jan próba", True),
        ("5", 5.0, True),
        ({"value": "Mokra 1"}, "Mokra 1", True),
        ([2, 1], [1, 2], True),
        ("601 000 001", "+48601000001", True),
        ("x" * 60, "x" * 90, True),
        ("Jan", "Ewa", False),
        ("", "Ewa", False),
        ("5", "6", False),
    ],
)
def test_values_are_the_same_but_for_how_they_are_written(one: object, other: object, same: bool) -> None:
    assert alike(one, other, PHONES) is same
