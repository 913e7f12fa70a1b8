from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from connector.app import Service
from connector.errors import Retryable
from connector.flows.following import follow_hook
from connector.flows.indexing import census, ensure, fill, sweep
from connector.flows.sync import sync
from connector.flows.tenant import Tenant
from connector.pipedrive.records import HookEvent
from connector.store.entries import State
from connector.store.index import Entity
from tests.flows.looking import PERSON, inserting, spent, spent_on
from tests.world import World, ago, install, open_world, settle_down

NUMBER = "+48601000001"
A_CALL = {"number": NUMBER}
AT_ONCE = timedelta()


async def who_has(tenant: Tenant, subject: str) -> list[str]:
    key = tenant.ledger.keys.key(subject)
    found = await tenant.index.candidates([key])
    return [candidate.person_id for candidate in found.get(key, [])]


def hint(entity: str, entity_id: object, action: str = "change", merged_to: object = None) -> HookEvent:
    return HookEvent(
        id="1", webhook_id="1", company_id="1", user_id="1", entity=entity, action=action, entity_id=str(entity_id),
        at=None, merged_to=None if merged_to is None else str(merged_to), merged_from=None,
        previous_keys=frozenset(), change_source="app",
    )  # fmt: skip


async def cost(world: World, work: Callable[[], object]) -> int:
    before = await spent(world)
    await work()  # type: ignore[misc]
    return await spent(world) - before


async def test_a_fill_costs_ten_tokens_for_each_500_records(world: World, service: Service) -> None:
    await world.seed_pipedrive(generate={"persons": 1001, "organizations": 501, "open_deals": 500})
    tenant = await install(service)
    before = await spent(world)
    await ensure(tenant, no_older_than=AT_ONCE)
    # Two more ask for the time that the next sweep begins at.
    assert await spent(world) - before == (3 + 2 + 1) * 10 + 2
    assert await tenant.index.size() == {"person": 1001, "organization": 501, "deal": 500}
    assert await cost(world, lambda: ensure(tenant, no_older_than=timedelta(hours=1))) == 0
    assert len(await who_has(tenant, "+48601000500")) == 1


async def test_nothing_is_matched_before_the_index_is_complete(world: World, service: Service) -> None:
    await world.seed_pipedrive(generate={"persons": 501})
    # A second person with the number of the first is on the second page only.
    await world.seed_pipedrive(persons=[{"name": "Ewa", "phones": ["+48601000000"]}])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", number="601000000")
    await world.fault("pipedrive", "status_before", path="persons.*cursor=", times=None, status=500)
    with pytest.raises(Retryable):
        await sync(tenant)
    counts = await tenant.ledger.counts()
    assert (counts["new"], counts["done"]) == (1, 0)
    await world.mend("pipedrive")
    await settle_down(service, tenant)
    counts = await tenant.ledger.counts()
    assert (counts["undecided"], counts["done"]) == (1, 0)


async def test_a_webhook_costs_one_token_and_is_only_a_hint(world: World, service: Service) -> None:
    tenant = await install(service)
    await ensure(tenant, no_older_than=AT_ONCE)
    person = await world.edit(entity="person", action="create", changes={"name": "Jan"} | phones(NUMBER))

    assert await cost(world, lambda: follow_hook(tenant, hint("person", person["id"], "create"))) == 1
    assert await who_has(tenant, NUMBER) == [str(person["id"])]

    await world.edit(entity="person", action="change", id=person["id"], changes=phones("+48601000002"))
    # Whatever the webhook says, the person is read again: it still exists.
    await follow_hook(tenant, hint("person", person["id"], "delete"))
    assert await who_has(tenant, NUMBER) == []
    assert await who_has(tenant, "+48601000002") == [str(person["id"])]

    await world.edit(entity="person", action="delete", id=person["id"])
    assert await cost(world, lambda: follow_hook(tenant, hint("person", person["id"], "change"))) <= 1
    assert await who_has(tenant, "+48601000002") == []


def phones(*numbers: str) -> dict[str, object]:
    return {"phones": [{"value": number, "primary": n == 0} for n, number in enumerate(numbers)]}


async def test_a_merge_moves_numbers_and_pairs_to_the_survivor(world: World, service: Service) -> None:
    made = await world.seed_pipedrive(
        persons=[{"name": "Jan", "phones": [NUMBER]}, {"name": "Jan P.", "phones": ["+48601000002"]}]
    )
    loser, survivor = made["persons"]
    tenant = await install(service, since=ago(hours=1))
    await world.happen("customer", name="Jan", surname="Próba", phone_number=[NUMBER])
    await world.happen("call", **A_CALL)
    await settle_down(service, tenant)
    await world.edit(entity="person", action="merge", id=loser, into=survivor)
    await follow_hook(tenant, hint("person", loser, merged_to=survivor))
    await follow_hook(tenant, hint("person", survivor))

    assert await who_has(tenant, NUMBER) == [str(survivor)]
    assert await tenant.index.people({str(loser)}) == {}
    assert set((await tenant.bindings.persons(["thulium:demo/1"])).values()) <= {str(survivor)}
    await world.happen("call", **A_CALL)
    await settle_down(service, tenant)
    assert [row["person_id"] for row in await world.activities()][-1] == survivor


async def test_a_sweep_finds_what_webhooks_lost(world: World, service: Service) -> None:
    made = await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service)
    await ensure(tenant, no_older_than=AT_ONCE)
    await world.edit(entity="person", action="create", changes={"name": "Ewa"} | phones("+48601000009"))
    await world.edit(entity="person", action="change", id=made["persons"][0], changes=phones("+48601000008"))
    await ensure(tenant, no_older_than=timedelta(hours=1))
    assert await who_has(tenant, "+48601000009") == []

    await ensure(tenant, no_older_than=AT_ONCE)
    assert len(await who_has(tenant, "+48601000009")) == 1
    assert await who_has(tenant, "+48601000001") == []
    assert await who_has(tenant, "+48601000008") == [str(made["persons"][0])]


async def test_a_sweep_that_fails_is_made_again_from_where_the_last_whole_one_began(
    world: World, service: Service
) -> None:
    tenant = await install(service)
    await ensure(tenant, no_older_than=AT_ONCE)
    swept = (await tenant.index.progress(Entity.PERSON)).swept_until
    assert swept is not None
    await world.fault("pipedrive", "status_before", path="/persons", times=None, status=500)
    with pytest.raises(Retryable):
        await sweep(tenant, Entity.PERSON, since=swept)
    assert (await tenant.index.progress(Entity.PERSON)).swept_until == swept


async def test_the_weekly_census_finds_persons_who_vanished_unseen(world: World, service: Service) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Ewa", "phones": ["+48601000002"]}])
    tenant = await install(service)
    await ensure(tenant, no_older_than=AT_ONCE)
    await world.edit(entity="person", action="delete", id=made["persons"][0])
    await sweep(tenant, Entity.PERSON, since=ago(hours=1))
    assert await census(tenant) == 0  # it is not a week since the fill
    service.clock.move_to(timedelta(days=8))
    assert await cost(world, lambda: census(tenant)) <= 21
    assert await who_has(tenant, NUMBER) == []
    assert len(await who_has(tenant, "+48601000002")) == 1
    assert await census(tenant) == 0


@pytest.mark.parametrize("way", ["hook", "sweep"])
async def test_waiting_events_wake_when_their_person_appears(
    world: World, service: Service, way: str
) -> None:
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL)
    await world.happen("chat", email="jan@example.com", agent="anna.nowak", close=True)
    await world.happen("ticket", **{"from": "Jan <jan@example.com>"})
    await settle_down(service, tenant)
    assert (await tenant.ledger.counts())["waiting"] == 3

    changes = {"name": "Jan", "emails": [{"value": "JAN@example.com", "primary": True}]} | phones(
        "0048 601-000-001"
    )
    person = await world.edit(entity="person", action="create", changes=changes)
    if way == "hook":
        await follow_hook(tenant, hint("person", person["id"], "create"))
    else:
        await ensure(tenant, no_older_than=AT_ONCE)
    assert (await tenant.ledger.counts())["new"] == 3
    await settle_down(service, tenant)
    assert [row["person_id"] for row in await world.activities()] == [person["id"]] * 3


async def test_a_question_that_answers_itself_is_decided_again(world: World, service: Service) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Ewa", "phones": [NUMBER]}])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL)
    await settle_down(service, tenant)
    assert (await tenant.ledger.counts())["undecided"] == 1
    await world.edit(entity="person", action="change", id=made["persons"][1], changes=phones("+48601000002"))
    await follow_hook(tenant, hint("person", made["persons"][1]))
    await settle_down(service, tenant)
    (activity,) = await world.activities()
    assert activity["person_id"] == made["persons"][0]


@pytest.mark.parametrize(
    ("end", "way"), [("won", "hook"), ("lost", "sweep"), ("delete", "hook"), ("delete", "sweep")]
)
async def test_a_deal_that_is_over_is_chosen_no_more(
    world: World, service: Service, way: str, end: str
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON], deals=[{"title": "Oferta", "person": PERSON["name"]}])
    deal = made["deals"][0]
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL)
    await settle_down(service, tenant)
    if end == "delete":
        await world.edit(entity="deal", action="delete", id=deal)
    else:
        await world.edit(entity="deal", action="change", id=deal, changes={"status": end})
    if way == "hook":
        await follow_hook(tenant, hint("deal", deal, "delete" if end == "delete" else "change"))
    else:
        await ensure(tenant, no_older_than=AT_ONCE)
    await world.happen("call", **A_CALL)
    await settle_down(service, tenant)
    first, second = await world.activities()
    assert first["deal_id"] == deal
    # A deleted deal is in no list; that it is gone is learnt from Pipedrive's refusal.
    assert second["deal_id"] is None


async def test_an_organization_that_is_gone_keeps_nobodys_activity_back(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(organizations=[{"name": "Firma"}], persons=[PERSON | {"org": "Firma"}])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL)
    await settle_down(service, tenant)
    await world.edit(entity="organization", action="delete", id=made["organizations"][0])
    await world.happen("call", **A_CALL)
    await settle_down(service, tenant)
    first, second = await world.activities()
    assert (first["org_id"], second["org_id"]) == (made["organizations"][0], None)


async def test_an_unknown_kind_of_record_is_nobodys_business(world: World, service: Service) -> None:
    tenant = await install(service)
    for entity in ("activity", "note", "", "lead"):
        assert await cost(world, lambda entity=entity: follow_hook(tenant, hint(entity, 1))) == 0  # type: ignore[misc]


async def test_the_index_holds_hashes_and_ids_alone(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service)
    await fill(tenant, Entity.PERSON)
    for suffix in ("", "-wal"):
        path = world.database.with_name(world.database.name + suffix)
        held = path.read_bytes() if path.exists() else b""
        assert b"601000001" not in held
        assert b"jan@example.com" not in held


async def test_what_a_fill_read_is_counted_as_the_vendor_counts_it(world: World, service: Service) -> None:
    await world.seed_pipedrive(generate={"persons": 600})
    tenant = await install(service)
    await fill(tenant, Entity.PERSON)
    assert (await spent_on(world))["GET /api/v2/persons"] == 20
    assert (await tenant.ledger.counts())[State.NEW] == 0


@pytest.mark.parametrize(
    "odd", [{"id": 1, "phones": [None]}, {"id": 1, "phones": [{"value": 601000009}]}, {"name": "A"}, None]
)
async def test_one_odd_person_does_not_stop_the_writing_of_a_company(tmp_path: Path, odd: object) -> None:
    async with (
        open_world(tmp_path, middlewares=[inserting("/api/v2/persons", odd)]) as world,
        world.connector() as service,
    ):
        await world.seed_pipedrive(persons=[PERSON])
        tenant = await install(service, since=ago(hours=1))
        await world.happen("call", **A_CALL)
        await settle_down(service, tenant)
        assert len(await world.activities()) == 1
