"""Whose number it is that rings: everybody who has it, within a moment and for a few tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from connector.app import Service
from connector.flows.indexing import ensure
from connector.flows.screen_pop import MOST_CANDIDATES, Found, ScreenPop
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.store.questions import Kind as QuestionKind
from tests.flows.looking import PERSON, spent
from tests.world import World, install

NUMBER = "+48601000001"


@pytest.fixture
async def pop(service: Service) -> AsyncIterator[ScreenPop]:
    pop = ScreenPop(service.clock, longest_wait_s=1)
    yield pop
    await pop.close()


async def indexed(service: Service, **settings: object) -> Tenant:
    tenant = await install(service, **settings)  # type: ignore[arg-type]
    await ensure(tenant, no_older_than=timedelta())
    return tenant


async def test_a_caller_is_named_with_organization_and_newest_open_deal_for_three_tokens(
    world: World, service: Service, pop: ScreenPop
) -> None:
    made = await world.seed_pipedrive(
        organizations=[{"name": "Zażółć Gęślą"}],
        persons=[PERSON | {"org": "Zażółć Gęślą"}],
        deals=[{"title": title, "person": PERSON["name"]} for title in ("Stara", "Świeża")],
    )
    tenant = await indexed(service)
    before = await spent(world)
    found = await pop.look_up(tenant, NUMBER)
    (one,) = found.candidates
    assert (found.known, found.new_person) == (True, "")
    assert (one.entity, one.id, one.name, one.organization) == (
        "person",
        str(made["persons"][0]),
        "Jan Próba",
        "Zażółć Gęślą",
    )
    assert one.deal is not None
    assert (one.deal.id, one.deal.title) == (str(made["deals"][1]), "Świeża")
    assert one.link == tenant.page(f"person/{one.id}")
    assert await spent(world) - before == 3


async def test_all_who_share_a_number_are_told_but_not_a_whole_company(
    world: World, service: Service, pop: ScreenPop
) -> None:
    names = [f"Osoba {n}" for n in range(3)]
    await world.seed_pipedrive(
        persons=[{"name": name, "phones": [NUMBER]} for name in names]
        + [{"name": f"Z {n}", "phones": ["601000002"]} for n in range(MOST_CANDIDATES + 3)]
    )
    tenant = await indexed(service)
    assert sorted(one.name for one in (await pop.look_up(tenant, NUMBER)).candidates) == names
    assert (await pop.look_up(tenant, NUMBER)).others == 0
    before = await spent(world)
    found = await pop.look_up(tenant, "+48601000002")
    assert (len(found.candidates), found.others) == (MOST_CANDIDATES, 3)
    assert await spent(world) - before == MOST_CANDIDATES


async def test_others_are_named_in_the_place_of_those_who_lost_the_number(
    world: World, service: Service, pop: ScreenPop
) -> None:
    made = await world.seed_pipedrive(
        persons=[{"name": f"Osoba {n}", "phones": [NUMBER]} for n in range(MOST_CANDIDATES + 3)]
    )
    tenant = await indexed(service)
    for person in made["persons"][:2]:
        await world.edit(entity="person", action="delete", id=person)
    found = await pop.look_up(tenant, NUMBER)
    assert [one.name for one in found.candidates] == [f"Osoba {n}" for n in range(2, MOST_CANDIDATES + 2)]
    assert found.others == 1


async def test_of_a_number_that_a_hundred_lost_not_all_are_read(
    world: World, service: Service, pop: ScreenPop
) -> None:
    made = await world.seed_pipedrive(
        persons=[{"name": f"Osoba {n}", "phones": [NUMBER]} for n in range(100)]
    )
    tenant = await indexed(service)
    for person in made["persons"]:
        await world.edit(entity="person", action="delete", id=person)
    assert await pop.look_up(tenant, NUMBER) == Found(others=85)


async def test_of_a_number_that_nobody_has_a_person_can_be_made(
    world: World, service: Service, pop: ScreenPop
) -> None:
    tenant = await indexed(service)
    before = await spent(world)
    assert await pop.look_up(tenant, NUMBER) == Found(
        new_person=tenant.page("persons/list#dialog/person/add")
    )
    assert await spent(world) == before


@pytest.mark.parametrize("number", ["", "204", "anonymous", "+48601000099"])
async def test_of_hidden_internal_and_ignored_numbers_nothing_is_told(
    world: World, service: Service, pop: ScreenPop, number: str
) -> None:
    await world.seed_pipedrive(persons=[{"name": "Own line", "phones": ["601000099"]}])
    tenant = await indexed(service, ignored_numbers=["+48 601 000 099"])
    assert await pop.look_up(tenant, number) == Found()


async def test_before_the_index_is_complete_nobody_is_named(
    world: World, service: Service, pop: ScreenPop
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service)
    assert await pop.look_up(tenant, NUMBER) == Found(known=False)


async def test_what_a_person_decided_of_a_number_counts(
    world: World, service: Service, pop: ScreenPop
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Ewa", "phones": [NUMBER]}])
    tenant = await indexed(service)
    key = tenant.installed.keys.key(NUMBER)
    jan, ewa = map(str, made["persons"])
    await tenant.questions.ask(QuestionKind.SUBJECT, key, (jan, ewa))
    (asked,) = await tenant.questions.open()
    for decision, names in (({"person": ewa}, ["Ewa"]), ({"nobody": True}, [])):
        await tenant.questions.decide(asked.id, decision)
        tenant.contacts.whose_at = None
        found = await pop.look_up(tenant, NUMBER)
        assert [one.name for one in found.candidates] == names
        assert found.new_person == ""


async def test_who_lost_the_number_or_is_gone_is_not_named(
    world: World, service: Service, pop: ScreenPop
) -> None:
    made = await world.seed_pipedrive(
        persons=[PERSON, {"name": "Ewa", "phones": [NUMBER]}, {"name": "Ola", "phones": [NUMBER]}]
    )
    tenant = await indexed(service)
    jan, ewa, _ = made["persons"]
    await world.edit(entity="person", action="delete", id=ewa)
    await world.edit(
        entity="person",
        action="change",
        id=jan,
        changes={"phones": [{"value": "601000009", "primary": True}]},
    )
    assert [one.name for one in (await pop.look_up(tenant, NUMBER)).candidates] == ["Ola"]


async def test_phones_that_ring_together_share_their_reads(
    world: World, service: Service, pop: ScreenPop
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    before = await spent(world)
    found = await asyncio.gather(*(pop.look_up(tenant, NUMBER) for _ in range(10)))
    assert len(set(found)) == 1
    assert await spent(world) - before == 1


@pytest.mark.parametrize("kind", ["daily_429", "html_403", "unauthorised"])
async def test_a_pipedrive_that_refuses_names_nobody_and_breaks_nothing(
    world: World, service: Service, pop: ScreenPop, kind: str
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    await world.fault("pipedrive", kind, path="/persons/", times=None)
    assert await pop.look_up(tenant, NUMBER) == Found(known=False)


async def test_a_slow_pipedrive_is_not_waited_for(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    await world.fault("pipedrive", "delay", path="/persons/", seconds=0.2, times=1)
    pop = ScreenPop(service.clock, longest_wait_s=0.02)
    assert await pop.look_up(tenant, NUMBER) == Found(known=False)
    await asyncio.sleep(0.25)
    assert len((await pop.look_up(tenant, NUMBER)).candidates) == 1
    await pop.close()


async def test_a_dialled_person_is_the_only_candidate(world: World, service: Service, pop: ScreenPop) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Ewa", "phones": [NUMBER]}])
    tenant = await indexed(service)
    found = await pop.look_up(tenant, NUMBER, person_id=str(made["persons"][1]))
    assert [one.name for one in found.candidates] == ["Ewa"]


async def test_callers_are_read_ahead_of_a_backfill() -> None:
    assert Lane.DIAL < Lane.POP < Lane.ACTIVITIES < Lane.BACKFILL
