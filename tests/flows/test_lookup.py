"""Who is calling, from the index and one read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from connector.app import Service
from connector.flows.following import follow_hook
from connector.flows.indexing import ensure
from connector.flows.lookup import Caller, Callers, Unnamed
from connector.flows.tenant import Tenant
from connector.store.index import Entity
from tests.flows.looking import PERSON, ask, spent, spent_on, tell
from tests.flows.test_indexing import hint
from tests.serving import Served
from tests.world import World, install

NUMBER = "601000001"
READ = r"GET /api/v2/persons/{id:\d+}"
SHARED = ["+48 601 000 002"]


@pytest.fixture
async def callers(service: Service) -> AsyncIterator[Callers]:
    callers = Callers(service.clock, longest_wait_s=1)
    yield callers
    await callers.close()


async def indexed(service: Service, **settings: object) -> Tenant:
    tenant = await install(service, **settings)  # type: ignore[arg-type]
    await ensure(tenant, no_older_than=timedelta())
    return tenant


async def test_a_known_number_names_its_person_for_one_token(
    world: World, service: Service, callers: Callers
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    before = await spent(world)
    found = await callers.name(tenant, NUMBER)
    person_id = str(made["persons"][0])
    domain = tenant.installed.domain
    assert found == Caller(
        Entity.PERSON, person_id, "Jan Próba", ("jan@example.com",),
        f"https://{domain}.pipedrive.com/person/{person_id}",
    )  # fmt: skip
    assert await spent(world) - before == 1


async def test_all_writings_of_a_number_are_one(world: World, service: Service, callers: Callers) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    for written in ("601000001", "+48601000001", "48601000001", "0048601000001", "601 000 001", "0601000001"):
        assert isinstance(await callers.name(tenant, written), Caller), written


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("602999999", Unnamed.NOBODY), ("", Unnamed.HIDDEN), ("anonymous", Unnamed.HIDDEN), ("204", Unnamed.HIDDEN),
        ("112", Unnamed.HIDDEN), ("601000099", Unnamed.HIDDEN), ("'; drop table--", Unnamed.HIDDEN),
        ("9" * 64, Unnamed.HIDDEN),
    ],
)  # fmt: skip
async def test_who_is_unknown_hidden_or_ignored_costs_nothing(
    world: World, service: Service, callers: Callers, written: str, why: Unnamed
) -> None:
    await world.seed_pipedrive(persons=[PERSON, {"name": "Own line", "phones": ["601000099"]}])
    tenant = await indexed(service, ignored_numbers=["+48 601 000 099"])
    before = await spent(world)
    assert await callers.name(tenant, written) is why
    assert await spent(world) == before


async def test_several_of_one_organization_are_the_organization_and_several_others_are_nobody(
    world: World, service: Service, callers: Callers
) -> None:
    made = await world.seed_pipedrive(
        organizations=[{"name": "Zażółć sp. z o.o."}],
        persons=[
            {"name": "Anna", "phones": SHARED, "org": "Zażółć sp. z o.o."},
            {"name": "Ewa", "phones": SHARED, "org": "Zażółć sp. z o.o."},
            {"name": "Jan", "phones": ["601000003"]},
            {"name": "Jan Starszy", "phones": ["601000003"]},
        ],
    )
    tenant = await indexed(service)
    before = await spent(world)
    found = await callers.name(tenant, "601000002")
    assert isinstance(found, Caller)
    assert (found.entity, found.id) == (Entity.ORGANIZATION, str(made["organizations"][0]))
    assert found.name == "Zażółć sp. z o.o."
    assert found.link.endswith(f"/organization/{found.id}")
    assert await callers.name(tenant, "601000003") is Unnamed.SEVERAL
    assert await spent(world) - before == 1


async def test_nobody_is_named_before_the_index_is_complete(
    world: World, service: Service, callers: Callers
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service)
    before = await spent(world)
    assert await callers.name(tenant, NUMBER) is Unnamed.INCOMPLETE
    assert await spent(world) == before


async def test_ten_phones_that_ring_together_and_again_within_a_minute_share_one_read(
    world: World, service: Service, callers: Callers
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    before = await spent_on(world)
    found = await asyncio.gather(*(callers.name(tenant, NUMBER) for _ in range(10)))
    assert len(set(found)) == 1
    assert isinstance(await callers.name(tenant, NUMBER), Caller)
    assert (await spent_on(world) - before) == {READ: 1}

    service.clock.move_to(timedelta(seconds=61))
    assert isinstance(await callers.name(tenant, NUMBER), Caller)
    assert (await spent_on(world) - before) == {READ: 2}


async def test_a_person_who_is_gone_or_lost_the_number_is_not_named(
    world: World, service: Service, callers: Callers
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Ewa", "phones": ["601000002"]}])
    tenant = await indexed(service)
    jan, ewa = made["persons"]
    await world.edit(
        entity="person",
        action="change",
        id=jan,
        changes={"phones": [{"value": "601000009", "primary": True}]},
    )
    await world.edit(entity="person", action="delete", id=ewa)
    # The index does not know yet.
    assert await callers.name(tenant, NUMBER) is Unnamed.NOBODY
    assert await callers.name(tenant, "601000002") is Unnamed.NOBODY
    await follow_hook(tenant, hint("person", jan))
    assert isinstance(await callers.name(tenant, "601000009"), Caller)


async def test_a_slow_pipedrive_is_not_waited_for_but_its_answer_serves_the_next_phone(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    await world.fault("pipedrive", "delay", path="/persons/", seconds=0.2, times=1)
    callers = Callers(service.clock, longest_wait_s=0.05)
    before = await spent_on(world)
    assert await callers.name(tenant, NUMBER) is Unnamed.LATE
    await asyncio.sleep(0.25)
    assert isinstance(await callers.name(tenant, NUMBER), Caller)
    assert (await spent_on(world) - before) == {READ: 1}
    await callers.close()


async def test_what_is_read_when_the_service_closes_is_broken_off(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    await world.fault("pipedrive", "delay", path="/persons/", seconds=3, times=1)
    callers = Callers(service.clock, longest_wait_s=0.02)
    assert await callers.name(tenant, NUMBER) is Unnamed.LATE
    await callers.close()
    assert isinstance(await callers.name(tenant, NUMBER), Caller)
    await callers.close()


@pytest.mark.parametrize("kind", ["daily_429", "html_403", "unauthorised"])
async def test_a_pipedrive_that_refuses_is_no_match_and_asked_again_when_it_answers(
    world: World, service: Service, callers: Callers, kind: str
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await indexed(service)
    await world.fault("pipedrive", kind, path="/persons/", times=None)
    assert await callers.name(tenant, NUMBER) is Unnamed.FAILED
    calls = len(await ask(world, "pipedrive", "calls"))
    # It is paused, or the token waits for its next trial: nothing more is sent.
    assert await callers.name(tenant, NUMBER) is Unnamed.FAILED
    assert len(await ask(world, "pipedrive", "calls")) == calls
    await world.mend("pipedrive")
    service.clock.move_to(timedelta(hours=2))
    assert isinstance(await callers.name(tenant, NUMBER), Caller)


async def test_no_more_than_so_many_are_kept_and_none_for_longer_than_a_minute(
    world: World, service: Service, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.flows.lately.MOST_KEPT", 3)
    await world.seed_pipedrive(generate={"persons": 6})
    tenant = await indexed(service)
    for n in range(6):
        assert isinstance(await callers.name(tenant, f"60100000{n}"), Caller)
        assert len(callers._readings) <= 3
    service.clock.move_to(timedelta(seconds=61))
    assert isinstance(await callers.name(tenant, "601000000"), Caller)
    assert len(callers._readings) == 1


async def test_a_ringing_phone_of_the_contact_centre_shows_who_calls(open_: Served) -> None:
    world, service = open_.world, open_.service
    await world.seed_pipedrive(persons=[{"name": "Żaneta Źdźbło-Łącka", "phones": ["+48 601 000 001"]}])
    tenant = await indexed(service)
    (centre,) = await service.installations.centres(tenant.id)
    await tell(
        world, "thulium", "external_crm",
        url=f"{open_.origin}/lookup/{centre.hook_path}", user="connector", password=centre.lookup_password,
    )  # fmt: skip
    known = await world.happen("call", number=NUMBER)
    unknown = await world.happen("call", number="602999999")
    answers = await ask(world, "thulium", "external_crm")
    assert (answers[known["id"]]["status"], answers[unknown["id"]]["status"]) == (200, 404)
    async with world.http.get(f"{world.thulium}/demo/panel/calls/{known['id']}") as page:
        assert "Żaneta Źdźbło-Łącka" in await page.text()
    # Its address, and nothing that the vendor does not know.
    assert answers[known["id"]]["problem"] == ""
    assert answers[known["id"]]["card"]["phone_number"] == NUMBER
