"""Whose an event is, what it hangs on and who owns it, as Pipedrive shows it in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connector.app import Service
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings
from connector.records import Window
from tests.flows.looking import PERSON
from tests.world import World, ago, install, settle_down

NUMBER = "601000001"
COLLEAGUES = [
    {"name": "Jan", "phones": ["+48601000001"], "org": "Firma"},
    {"name": "Ewa", "phones": ["+48601000001"], "org": "Firma"},
]


async def after(world: World, service: Service, tenant: Tenant) -> list[dict[str, Any]]:
    await settle_down(service, tenant)
    return await world.activities()


async def set_settings(service: Service, tenant: Tenant, **values: object) -> Tenant:
    document = InstallationSettings.model_validate(values)
    seen = tenant.installed.settings_version
    assert await service.installations.set_settings(tenant.id, document, seen_version=seen)
    return await service.tenant(tenant.id)


async def users(world: World) -> dict[str, int]:
    async with world.http.get(f"{world.pipedrive}/_sandbox/state") as answer:
        return {user["email"]: user["id"] for user in (await answer.json())["users"]}


async def test_a_call_hangs_on_the_person_the_organization_and_the_one_open_deal(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(
        organizations=[{"name": "Firma"}],
        persons=[PERSON | {"org": "Firma"}],
        deals=[{"title": "Oferta", "person": PERSON["name"]}],
    )
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", number=NUMBER, talk=65)
    (activity,) = await after(world, service, tenant)
    assert activity["person_id"] == made["persons"][0]
    assert [one["person_id"] for one in activity["participants"]] == made["persons"]
    assert (activity["org_id"], activity["deal_id"]) == (made["organizations"][0], made["deals"][0])
    assert (activity["type"], activity["done"], activity["duration"]) == ("call", True, "00:02:00")
    (entry,) = await tenant.ledger.within(Window(ago(days=1), ago(days=-1)))
    assert entry.crm_id == str(activity["id"])


async def test_of_several_open_deals_the_agents_own_is_chosen_or_none(world: World, service: Service) -> None:
    await world.seed_pipedrive(users=[{"name": "Anna", "email": "anna.nowak@example.com"}])
    made = await world.seed_pipedrive(
        persons=[PERSON],
        deals=[
            {"title": "A", "person": PERSON["name"], "owner": "anna.nowak@example.com"},
            {"title": "B", "person": PERSON["name"], "owner": "lucja.zak@example.com"},
            {"title": "C", "person": PERSON["name"], "owner": "michal.cwik@example.com"},
        ],
    )
    tenant = await install(service, since=ago(hours=1))
    at = ago(minutes=30).isoformat()
    await world.happen("call", number=NUMBER, agent="anna.nowak", at=at)
    await settle_down(service, tenant)
    tenant = await set_settings(service, tenant, agent_users={"jan.kowalski": "1"}, deal_rule="none")
    await world.happen("call", number=NUMBER, agent="anna.nowak")
    first, second = await after(world, service, tenant)
    assert (first["deal_id"], second["deal_id"]) == (made["deals"][0], None)
    assert first["owner_id"] == (await users(world))["anna.nowak@example.com"]


async def test_a_number_of_several_persons_is_a_question_and_within_one_organization_is_the_organizations(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(
        organizations=[{"name": "Firma"}],
        persons=[
            *COLLEAGUES,
            {"name": "A", "phones": ["+48601000009"]},
            {"name": "B", "phones": ["601000009"]},
        ],
    )
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", number=NUMBER)
    await world.happen("call", number="601000009")
    (activity,) = await after(world, service, tenant)
    assert (activity["person_id"], activity["org_id"]) == (None, made["organizations"][0])
    assert (await tenant.ledger.counts())["undecided"] == 1


async def test_a_pair_made_from_the_customers_own_record_outlives_the_number(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Ewa", "phones": ["+48601000002"]}])
    tenant = await install(service, since=ago(hours=1))
    card = await world.happen("customer", name="Jan", surname="Próba", phone_number=["601000001"])
    await world.happen("call", customer_id=card["id"], number="601999999")
    await settle_down(service, tenant)
    # He rings from a colleague's phone: who he is, the contact centre knows.
    await world.happen("call", customer_id=card["id"], number="601000002")
    first, second = await after(world, service, tenant)
    assert first["person_id"] == second["person_id"] == made["persons"][0]


async def test_one_call_from_somebody_elses_phone_does_not_make_a_customer_somebody_else(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(
        persons=[PERSON, {"name": "Anna", "phones": ["+48601000002"], "emails": ["anna@example.com"]}]
    )
    jan, anna = made["persons"]
    tenant = await install(service, since=ago(hours=1))
    card = await world.happen(
        "customer", name="Anna", surname="P", phone_number=["601000002"], email="anna@example.com"
    )
    await world.happen("call", customer_id=card["id"], number="601000001")
    await settle_down(service, tenant)
    await world.happen("ticket", **{"from": "anna@example.com", "customer_id": card["id"]})
    await settle_down(service, tenant)
    await world.happen("call", customer_id=card["id"], number="601000002")
    activities = await after(world, service, tenant)
    assert [activity["person_id"] for activity in activities] == [jan, anna, anna]


async def test_a_customer_is_found_by_any_of_his_numbers_and_addresses(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    phones = ["601999999", "601000001"]
    card = await world.happen("customer", name="Jan", surname="Próba", phone_number=phones)
    await world.happen("call", customer_id=card["id"], number="601999999")
    (activity,) = await after(world, service, tenant)
    assert activity["person_id"] == made["persons"][0]


async def test_a_customers_own_address_comes_before_a_number_he_shares(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON, {"name": "Ewa", "phones": ["+48601000001"]}])
    tenant = await install(service, since=ago(hours=1))
    card = await world.happen(
        "customer", name="Jan", surname="P", phone_number=["601000001"], email="jan@example.com"
    )
    await world.happen("call", customer_id=card["id"], number="601999999")
    (activity,) = await after(world, service, tenant)
    assert activity["person_id"] == made["persons"][0]


async def test_internal_hidden_and_ignored_numbers_are_nobodys(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[{"name": "Zarząd", "phones": ["601000099"]}])
    tenant = await install(service, since=ago(hours=1), ignored_numbers=["+48 601 000 099"])
    for number in ("391", "anonymous", "601000099"):
        await world.happen("call", number=number, customer_id=None)
    assert await after(world, service, tenant) == []
    assert (await tenant.ledger.counts())["skipped"] == 3


async def test_owners_come_by_table_by_address_by_fallback_and_never_from_the_inactive(
    world: World, service: Service
) -> None:
    new = [{"name": name, "email": f"{name}@example.com"} for name in ("anna.nowak", "zofia.zolc")]
    await world.seed_pipedrive(users=new, persons=[PERSON])
    ids = await users(world)
    michal, anna = ids["michal.cwik@example.com"], ids["anna.ges@example.com"]
    table = {"jan.kowalski": str(michal)}
    tenant = await install(service, since=ago(hours=1), agent_users=table, fallback_owner=str(anna))
    async with world.http.post(
        f"{world.pipedrive}/_sandbox/user", json={"user": ids["zofia.zolc@example.com"], "active": False}
    ) as answer:
        assert answer.status == 200
    for minute, agent in enumerate(["jan.kowalski", "anna.nowak", "zofia.zolc", "stary.agent"]):
        await world.happen("call", number=NUMBER, agent=agent, at=ago(minutes=30 - minute).isoformat())
    written = await after(world, service, tenant)
    owners = [row["owner_id"] for row in sorted(written, key=lambda row: row["due_time"])]
    assert owners == [michal, ids["anna.nowak@example.com"], anna, anna]


async def test_calls_of_a_new_agent_are_the_new_users_ten_minutes_after_the_last_look(
    world: World, service: Service
) -> None:
    async def listed() -> tuple[int, int]:
        agents = [call for call in await world.calls("thulium") if call["path"].endswith("/agents")]
        users = [call for call in await world.calls("pipedrive") if call["path"] == "/v1/users"]
        return len(agents), len(users)

    async def owner_after(minutes: float, agent: str) -> int:
        service.clock.move_to(timedelta(minutes=minutes))
        at = ago(minutes=30 - minutes).isoformat()
        await world.happen("call", number=NUMBER, agent=agent, at=at)
        written = await after(world, service, tenant)
        return int(max(written, key=lambda row: row["id"])["owner_id"])

    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    owner = int(tenant.installed.owner_user_id)
    assert await owner_after(0, "anna.nowak") == owner
    before = await listed()

    await world.seed_pipedrive(users=[{"name": "Ewa", "email": "ewa.nowa@example.com"}])
    await world.seed_centre(agents=[{"login": "ewa.nowa", "name": "Ewa", "email": "ewa.nowa@example.com"}])
    assert await owner_after(1, "ewa.nowa") == owner
    assert await listed() == before
    ewa = (await users(world))["ewa.nowa@example.com"]
    assert await owner_after(11, "ewa.nowa") == ewa
    assert await listed() == (before[0] + 1, before[1] + 1)
    # Whom the contact centre does not know either is asked for no more often, and costs no token.
    for minute in (12, 13, 22):
        assert await owner_after(minute, "nikt") == owner
    assert await owner_after(23, "ewa.nowa") == ewa
    assert await listed() == (before[0] + 2, before[1] + 1)


async def test_an_abandoned_call_can_be_an_open_to_do(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    cases = [{"direction": "inbound", "result": "abandoned", "type": "task"}]
    calls = {"cases": cases, "abandoned_as_to_do": True}
    tenant = await install(service, since=ago(hours=1), calls=calls)
    await world.happen("call", number=NUMBER, disposition="NO ANSWER", at=ago(minutes=20).isoformat())
    await world.happen("call", number=NUMBER)
    to_do, call = sorted(await after(world, service, tenant), key=lambda row: row["due_time"])
    assert (to_do["type"], to_do["done"], call["type"], call["done"]) == ("task", False, "call", True)


async def test_a_type_pipedrive_does_not_have_sets_the_event_aside_with_a_next_step(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1), calls={"type": "no_such_type"})
    await world.happen("call", number=NUMBER)
    assert await after(world, service, tenant) == []
    assert (await tenant.ledger.counts())["parked"] == 1
    await set_settings(service, tenant)
    assert await tenant.ledger.retry_parked() == 1
    assert len(await after(world, service, tenant)) == 1


async def test_a_type_that_is_active_again_brings_what_was_set_aside_for_it_and_nothing_else(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1), chats={"type": "no_such_type"})
    call_type: dict[str, object] = {"entity": "activity_type", "action": "change", "id": 1}
    changed = await world.edit(**call_type, changes={"active_flag": False})
    assert changed["key_string"] == "call"
    await world.happen("call", number=NUMBER)
    await world.happen("chat", email="jan@example.com", close=True)
    assert await after(world, service, tenant) == []
    assert (await tenant.ledger.counts())["parked"] == 2

    await world.edit(**call_type, changes={"active_flag": True})
    await tenant.people()
    assert (await tenant.ledger.counts())["parked"] == 2
    service.clock.move_to(timedelta(hours=25))
    await tenant.people()
    states = await tenant.ledger.counts()
    assert (states["new"], states["parked"]) == (1, 1)
    (activity,) = await after(world, service, tenant)
    assert activity["type"] == "call"


async def test_rules_leave_events_out_without_losing_sight_of_them(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1), calls={"minimum_seconds": 30}, chats={"type": None})
    await world.happen("call", number=NUMBER, talk=29)
    await world.happen("call", number=NUMBER, talk=30)
    await world.happen("chat", email="jan@example.com", close=True)
    await world.happen("ticket", **{"from": "jan@example.com", "source": "chat"})
    assert len(await after(world, service, tenant)) == 1
    assert (await tenant.ledger.counts())["skipped"] == 3
