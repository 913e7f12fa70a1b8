"""A first load: counted without writing, run once, stopped and resumed, and each odd record left with its reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import pytest

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.contacts.loading import previewed, restart, run_load, tie_together
from connector.flows.contacts.scanning import scan
from connector.flows.contacts.undoing import undo
from connector.store.dirty import Side
from connector.store.loads import Loaded, Phase
from connector.store.questions import Asked, Kind, Questions
from tests.flows import looking
from tests.flows.contacts.pairs import ON, Desk
from tests.flows.looking import HastyClock, forget, spent_on, tell
from tests.world import World, ago, install


@pytest.fixture
async def desk(world: World, service: Service) -> Desk:
    """An installation as it is when it has just been made: no special fields, nothing read yet."""
    tenant = await install(service, since=ago(hours=1), contacts=ON)
    return Desk(world, service, tenant.id)


def quiet(_facts: Mapping[str, object]) -> None:
    """Say nothing."""


async def look(desk: Desk, side: Side) -> Loaded:
    return await previewed(await desk.tenant(), side, quiet, anew=True)


async def run(desk: Desk, side: Side, stopping: asyncio.Event | None = None) -> Loaded:
    load = await previewed(await desk.tenant(), side, quiet)
    tenant = await tie_together(await desk.tenant(), desk.service.installations, load)
    return await run_load(tenant, desk.service.operations, load, stopping or asyncio.Event(), quiet)


async def writes(world: World) -> list[str]:
    """What was written of records; a load sees to its fields first."""
    return [one for one in await looking.writes(world) if "Fields" not in one]


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


async def test_a_load_that_is_stopped_goes_on_where_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.flows.contacts.loading.PAGE", 3)
    await desk.world.seed_centre(customers=[customer(n) for n in range(10)])
    stopping = asyncio.Event()

    def stop(facts: Mapping[str, object]) -> None:
        if facts.get("made"):
            stopping.set()

    load = await previewed(await desk.tenant(), Side.CENTRE, quiet)
    tenant = await tie_together(await desk.tenant(), desk.service.installations, load)
    paused = await run_load(tenant, desk.service.operations, load, stopping, stop)
    assert paused.state is Phase.PAUSED
    assert paused.reason == "it was stopped"
    assert 0 < paused.counts["made"] < 10
    ended = await run(desk, Side.CENTRE)
    assert (ended.id, ended.run_id, ended.state) == (paused.id, paused.run_id, Phase.FINISHED)
    assert ended.counts["made"] == len(await desk.persons()) == 10
    assert await desk.service.operations.last_run(tenant.id) is not None


async def test_a_load_is_held_as_long_as_it_reads(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1)])
    await desk.world.fault("thulium", "delay", method="GET", path="customers", seconds=1.5)
    async with desk.world.connector() as other:
        reading = asyncio.create_task(look(desk, Side.CENTRE))
        loads = (await other.tenant(desk.tenant_id)).loads
        while (load := await loads.open()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.2)
        assert not reading.done()
        assert not await loads.claim(load.id, lease_s=60), "its lease has lapsed, but it goes on reading"
        assert (await reading).state is Phase.PREVIEWED
        assert await loads.claim(load.id, lease_s=60)


async def test_who_waited_for_another_process_takes_its_preview(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1)])
    await desk.world.fault("thulium", "delay", method="GET", path="customers", seconds=0.5)
    async with desk.world.connector(lease=60) as other:
        reading = asyncio.create_task(look(desk, Side.CENTRE))
        tenant = await other.tenant(desk.tenant_id)
        while await tenant.loads.open() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        theirs = await previewed(tenant, Side.CENTRE, quiet)
        assert theirs.id == (await reading).id


async def test_a_load_that_another_process_began_meanwhile_is_not_dropped(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1)])
    load = await look(desk, Side.CENTRE)
    async with desk.world.connector() as other:
        loads = (await other.tenant(desk.tenant_id)).loads
        for side in (Side.CENTRE, Side.PIPEDRIVE):
            await loads.note(load.id, state=Phase.PREVIEWED)
            assert await loads.claim(load.id, lease_s=60)
            waiting = asyncio.create_task(look(desk, side))
            await asyncio.sleep(0.2)
            await loads.note(load.id, state=Phase.PAUSED)
            await loads.release(load.id)
            if side is Side.CENTRE:
                again = await waiting
                assert (again.id, again.state) == (load.id, Phase.PAUSED)
            else:
                with pytest.raises(Misconfigured, match="--restart"):
                    await waiting


async def test_a_load_that_another_process_has_taken_over_is_not_written_down(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(n) for n in range(12)])
    await look(desk, Side.CENTRE)
    await desk.world.fault("pipedrive", "delay", method="POST", path="^/api/v2/persons$", seconds=0.3)
    async with desk.world.connector() as other:
        loads = (await other.tenant(desk.tenant_id)).loads
        await forget(desk.world)
        running = asyncio.create_task(run(desk, Side.CENTRE))
        while not await writes(desk.world):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        load = await loads.open()
        assert load is not None
        taken = {"owner": "another", "lease_until": ago(hours=-1), "counts": {"made": 99}}
        await loads.note(load.id, **taken)
        await running
        there = await loads.open()
        assert there is not None
        assert (there.state, there.counts) == (Phase.RUNNING, {"made": 99})
        assert not await loads.claim(load.id, lease_s=60)


async def test_a_load_that_breaks_off_says_so(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1)])

    def fall(_facts: Mapping[str, object]) -> None:
        raise RuntimeError

    load = await look(desk, Side.CENTRE)
    tenant = await desk.tenant()
    with pytest.raises(RuntimeError):
        await run_load(tenant, desk.service.operations, load, asyncio.Event(), fall)
    broken = await tenant.loads.open()
    assert broken is not None
    assert (broken.state, broken.reason) == (Phase.PAUSED, "it broke off: RuntimeError")
    assert (await run(desk, Side.CENTRE)).state is Phase.FINISHED


async def test_what_a_load_staged_is_gone_when_it_has_ended(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1)])
    ended = await run(desk, Side.CENTRE)
    loads = (await desk.tenant()).loads
    [card], [one] = await desk.customers(), await desk.persons()
    assert await loads.get(ended.id, "customer", [f"thulium:demo/{card['customer_id']}"]) == {}
    assert await loads.get(ended.id, "person", [str(one["id"])]) == {}


@pytest.mark.parametrize(
    "kind", ["timeout_after", "reset_after", "status_after", "empty_body", "timeout_before"]
)
async def test_a_lost_answer_makes_nobody_twice_in_pipedrive(desk: Desk, kind: str) -> None:
    await desk.world.seed_centre(customers=[customer(n) for n in range(6)])
    await desk.world.fault(
        "pipedrive", kind, method="POST", path="^/api/v2/persons$", nth=2, times=2, seconds=6
    )
    ended = await run(desk, Side.CENTRE)
    assert ended.state is Phase.FINISHED, ended
    assert sorted(one["name"] for one in await desk.persons()) == [f"Jan Próba-{n}" for n in range(6)]
    assert ended.counts["made"] == 6


@pytest.mark.parametrize(
    "kind", ["timeout_after", "reset_after", "status_after", "empty_body", "timeout_before"]
)
async def test_a_lost_answer_to_a_series_makes_nobody_twice_in_the_contact_centre(
    desk: Desk, kind: str
) -> None:
    await desk.world.seed_pipedrive(persons=[person(n) for n in range(6)])
    await desk.world.fault("thulium", kind, method="POST", path="batch/customers", seconds=6)
    ended = await run(desk, Side.PIPEDRIVE)
    assert ended.state is Phase.FINISHED, ended
    assert sorted(one["surname"] for one in await desk.customers()) == [f"Próba-{n}" for n in range(6)]
    assert ended.counts["made"] == 6


async def test_whom_another_process_is_making_is_not_looked_for_before_its_time(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1), customer(2)])
    await desk.world.seed_pipedrive(persons=[person(2)])
    await look(desk, Side.CENTRE)
    [card] = [one for one in await desk.customers() if one["surname"] == "Próba-1"]
    source, tenant = f"thulium:demo/{card['customer_id']}", await desk.tenant()
    at = await tenant.pipedrive.server_time()
    assert await tenant.creations.claim("customer", Side.PIPEDRIVE, [source], server_time=at, lease_s=1.8)

    async def other_process() -> None:
        await asyncio.sleep(1.4)
        await desk.world.seed_pipedrive(persons=[person(1)])

    making = asyncio.create_task(other_process())
    ended = await run(desk, Side.CENTRE)
    await making
    assert ended.state is Phase.FINISHED, ended
    assert sorted(one["name"] for one in await desk.persons()) == ["Jan Próba-1", "Jan Próba-2"]


async def test_a_lost_answer_to_an_update_is_read_again_and_not_written_twice(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(n) for n in range(3)])
    await desk.world.seed_pipedrive(persons=[person(n) for n in range(3)])
    await look(desk, Side.CENTRE)
    await desk.world.fault("pipedrive", "reset_after", method="PATCH", path="^/api/v2/persons/", times=1)
    await forget(desk.world)
    ended = await run(desk, Side.CENTRE)
    assert ended.state is Phase.FINISHED, ended
    patched = [one for one in await writes(desk.world) if "PATCH" in one]
    assert len(patched) == len(set(patched)) == 3


@pytest.mark.parametrize("kind", ["daily_429", "unauthorised", "html_403"])
async def test_what_concerns_the_whole_company_pauses_the_load_with_a_sentence(desk: Desk, kind: str) -> None:
    await desk.world.seed_centre(customers=[customer(n) for n in range(6)])
    await look(desk, Side.CENTRE)
    await desk.world.fault("pipedrive", kind, method="POST", path="^/api/v2/persons$", nth=3, times=50)
    paused = await run(desk, Side.CENTRE)
    assert paused.state is Phase.PAUSED
    assert paused.reason
    assert paused.counts["made"] == len(await desk.persons()) == 2
    await desk.world.mend("pipedrive")
    async with desk.world.connector(HastyClock()) as service:
        again = Desk(desk.world, service, desk.tenant_id)
        ended = await run(again, Side.CENTRE)
        assert ended.state is Phase.FINISHED, ended
        assert ended.counts["made"] == len(await desk.persons()) == 6


async def test_a_refused_record_is_left_with_its_reason_and_stops_nobody(desk: Desk) -> None:
    await desk.world.seed_pipedrive(
        persons=[person(1), person(2, name="Jan Próba-1"), person(3)],
    )
    await tell(desk.world, "thulium", "switches", unique_names=True)
    ended = await run(desk, Side.PIPEDRIVE)
    assert ended.state is Phase.FINISHED
    assert ended.counts["made"] == 2
    assert ended.counts["refused"] == 1
    [problem] = ended.problems
    assert "Duplicated customer name" in problem["reason"]


@pytest.mark.parametrize(("method", "path"), [("POST", "^/api/v2/persons$"), ("PATCH", "^/api/v2/persons/")])
async def test_a_record_that_may_not_be_written_is_refused_and_stops_nobody(
    desk: Desk, method: str, path: str
) -> None:
    await desk.world.seed_centre(customers=[customer(n) for n in range(6)])
    if method == "PATCH":
        await desk.world.seed_pipedrive(persons=[person(n) for n in range(6)])
    await look(desk, Side.CENTRE)
    await desk.world.fault("pipedrive", "status_before", status=403, method=method, path=path, nth=3)
    ended = await run(desk, Side.CENTRE)
    assert ended.state is Phase.FINISHED, ended
    assert (ended.counts["refused"], ended.counts["made" if method == "POST" else "changed"]) == (1, 5)
    [problem] = ended.problems
    assert "403" in problem["reason"]


@pytest.mark.parametrize("side", [Side.CENTRE, Side.PIPEDRIVE])
async def test_a_right_that_is_missing_altogether_pauses_the_load_and_refuses_nobody_for_good(
    desk: Desk, side: Side
) -> None:
    there = "pipedrive" if side is Side.CENTRE else "thulium"
    if side is Side.CENTRE:
        await desk.world.seed_centre(customers=[customer(n) for n in range(25)])
    else:
        await desk.world.seed_pipedrive(persons=[person(n) for n in range(25)])
    await look(desk, side)
    await desk.world.fault(
        there, "status_before", status=403, method="POST", path="persons$|customers", times=None
    )
    paused = await run(desk, side)
    assert (paused.state, paused.counts.get("made", 0)) == (Phase.PAUSED, 0)
    assert "in a row were refused" in paused.reason
    assert "start the load again" in paused.reason
    await desk.world.mend(there)
    ended = await run(desk, side)
    assert (ended.state, ended.counts["made"], ended.problems) == (Phase.FINISHED, 25, [])


async def test_two_who_could_be_meant_are_asked_about(desk: Desk) -> None:
    await desk.world.seed_pipedrive(persons=[person(1), person(2, phones=["+48601000001"])])
    await desk.world.seed_centre(customers=[customer(1, email=[]), customer(5)])
    assert (await look(desk, Side.CENTRE)).preview["counts"] == {"make": 1, "ask": 1}
    ended = await run(desk, Side.CENTRE)
    assert (ended.counts["ask"], ended.counts["made"]) == (1, 1)
    [asked] = await (await desk.tenant()).questions.open()
    assert len(asked.candidates) == 2


async def test_what_is_asked_about_fields_is_read_and_kept_once_for_a_batch(
    world: World, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, int]] = []
    read, ask = Questions.of, Questions.ask_each

    async def of(self: Questions, kind: Kind, subjects: Collection[str]) -> dict[str, Asked]:
        if kind is Kind.FIELD:
            done.append(("read", len(subjects)))
        return await read(self, kind, subjects)

    async def ask_each(
        self: Questions, kind: Kind, cases: Mapping[str, tuple[Sequence[str], Mapping[str, object]]]
    ) -> None:
        if kind is Kind.FIELD:
            done.append(("ask", len(cases)))
        await ask(self, kind, cases)

    monkeypatch.setattr(Questions, "of", of)
    monkeypatch.setattr(Questions, "ask_each", ask_each)
    fields = [
        {"centre": "name", "pipedrive": "name", "conflict": "ask"},
        {"centre": "phones", "pipedrive": "phones", "conflict": "union"},
    ]
    tenant = await install(service, since=ago(hours=1), contacts={**ON, "customers": {"fields": fields}})
    desk = Desk(world, service, tenant.id)
    await world.seed_centre(customers=[customer(n) for n in range(6)])
    await world.seed_pipedrive(persons=[person(n, name=f"Jan Inna-{n}") for n in range(6)])
    ended = await run(desk, Side.CENTRE)
    assert (ended.state, ended.counts["asked about fields"]) == (Phase.FINISHED, 6)
    assert [one for one in done if one[1]] == [("read", 6), ("read", 6), ("ask", 6)]
    assert len(await (await desk.tenant()).questions.open()) == 6


async def test_two_of_the_load_with_one_address_do_not_become_two_persons(desk: Desk) -> None:
    shared = [customer(1), customer(2, email=["jan1@example.com"]), customer(1, phone_number=[])]
    await desk.world.seed_centre(customers=shared)
    assert (await look(desk, Side.CENTRE)).preview["counts"] == {"make": 1, "ask": 1, "double": 1}
    ended = await run(desk, Side.CENTRE)
    assert len(await desk.persons()) == 1
    assert (ended.counts["made"], ended.counts["ask"], ended.counts["double"]) == (1, 1, 1)


async def test_who_has_no_name_is_left_out_with_the_reason(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1), customer(2, name="", surname="601000002")])
    load = await look(desk, Side.CENTRE)
    assert load.preview["reasons"] == {"it has no name": 1}
    ended = await run(desk, Side.CENTRE)
    assert ended.counts["leave: it has no name"] == 1
    assert len(await desk.persons()) == 1


async def test_a_name_of_three_hundred_characters_keeps_its_length_where_it_came_from(desk: Desk) -> None:
    long = "Ż" * 300
    await desk.world.seed_centre(customers=[customer(1, surname=long)])
    await run(desk, Side.CENTRE)
    await desk.scan()
    [card] = await desk.customers()
    assert card["surname"] == long


async def test_numbers_of_both_sides_are_joined_where_they_meet(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1, phone_number=["601000001", "601000009"])])
    await desk.world.seed_pipedrive(persons=[person(1, phones=["+48601000001", "+48601000008"])])
    ended = await run(desk, Side.CENTRE)
    assert ended.counts["changed"] == 2
    [card], [one] = await desk.customers(), await desk.persons()
    assert set(card["phones"]) == {"601000001", "601000008", "601000009"}
    assert {entry["value"] for entry in one["phones"]} == {"+48601000001", "+48601000008", "+48601000009"}
    await forget(desk.world)
    await desk.scan()
    await desk.push_person(one["id"])
    assert await writes(desk.world) == []


async def test_a_second_address_that_the_contact_centre_does_not_show_is_not_taken_away(desk: Desk) -> None:
    await desk.world.seed_pipedrive(persons=[person(1, emails=["a@example.com", "b@example.com"])])
    await run(desk, Side.PIPEDRIVE)
    await desk.scan()
    [one] = await desk.persons()
    await desk.push_person(one["id"])
    [one] = await desk.persons()
    assert [entry["value"] for entry in one["emails"]] == ["a@example.com", "b@example.com"]


async def test_a_load_pauses_where_it_would_write_more_than_its_preview_counted(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(n) for n in range(3)])
    await look(desk, Side.CENTRE)
    await desk.world.seed_centre(customers=[customer(n) for n in range(3, 9)])
    load = await (await desk.tenant()).loads.open()
    assert load is not None
    await (await desk.tenant()).loads.note(load.id, read_at=ago(hours=2))
    paused = await run(desk, Side.CENTRE)
    assert paused.state is Phase.PAUSED
    assert "preview" in paused.reason
    assert len(await desk.persons()) == paused.counts["made"] == 4
    again = await look(desk, Side.CENTRE)
    assert (again.id, again.preview["counts"]) == (load.id, {"make": 5})
    ended = await run(desk, Side.CENTRE)
    assert ended.state is Phase.FINISHED
    assert len(await desk.persons()) == 9


async def test_nobody_is_read_by_themselves_and_nobody_searched_for(desk: Desk) -> None:
    await desk.world.seed_pipedrive(persons=[person(n) for n in range(8)])
    await desk.world.seed_centre(customers=[customer(n) for n in range(4)])
    await run(desk, Side.PIPEDRIVE)
    reads = {name for name in await spent_on(desk.world) if name.startswith("GET")}
    assert not {name for name in reads if "{id}" in name or "search" in name}, reads


async def test_a_load_of_the_other_side_waits_until_the_open_one_has_ended(desk: Desk) -> None:
    await desk.world.seed_centre(customers=[customer(1)])
    stopping = asyncio.Event()
    stopping.set()
    await run(desk, Side.CENTRE, stopping)
    with pytest.raises(Misconfigured, match="--restart"):
        await run(desk, Side.PIPEDRIVE)
    await restart(await desk.tenant())
    assert (await run(desk, Side.PIPEDRIVE)).state is Phase.FINISHED


async def test_a_load_is_taken_back_as_one_run(desk: Desk) -> None:
    await desk.world.seed_centre(
        customers=[customer(1, phone_number=["601000001", "601000009"]), customer(2)]
    )
    await desk.world.seed_pipedrive(persons=[person(1)])
    ended = await run(desk, Side.CENTRE)
    assert ended.run_id is not None
    undone = await undo(await desk.tenant(), desk.service.operations, ended.run_id)
    assert (undone.records, len(undone.parted), undone.left, undone.failed) == (1, 1, [], [])
    [one] = [one for one in await desk.persons() if one["name"] == "Jan Próba-1"]
    assert [entry["value"] for entry in one["phones"]] == ["+48601000001"]


async def test_trouble_that_passes_is_waited_for_and_no_half_is_written_twice(desk: Desk) -> None:
    numbers = {"phone_number": ["601000001", "601000009"]}
    await desk.world.seed_centre(customers=[customer(1, **numbers)])
    await desk.world.seed_pipedrive(persons=[person(1, phones=["+48601000001", "+48601000008"])])
    await look(desk, Side.CENTRE)
    await forget(desk.world)
    await desk.world.fault(
        "thulium", "status_before", status=429, method="PUT", path="batch/customers", times=1
    )
    ended = await run(desk, Side.CENTRE)
    assert ended.state is Phase.FINISHED, ended
    assert sorted(Counter(await writes(desk.world)).values()) == [1, 2], "only the refused half is sent again"
    [card] = await desk.customers()
    assert set(card["phones"]) == {"601000001", "601000008", "601000009"}
