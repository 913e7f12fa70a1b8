"""Our client against the simulated Pipedrive, every request and answer judged by the vendor's files."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connector.errors import (
    AccountClosed,
    BudgetSpent,
    Forbidden,
    NotFound,
    PlanLimit,
    Rejected,
    Unauthorised,
    UnknownField,
    UnknownOutcome,
)
from connector.pipedrive import mapping, oauth
from connector.pipedrive.fields import Fields
from connector.pipedrive.hooks import read_hook
from connector.pipedrive.records import Entry, HookEvent
from connector.records import ActivityDraft
from tests.flows.looking import inserting
from tests.pipedrive.conftest import JumpingClock
from tests.pipedrive.simulated import Simulated, simulated
from tests.world import install, open_world

AT = datetime(2026, 8, 22, 13, 5, 40, tzinfo=UTC)


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulated() as sim:
        yield sim


def draft(sim: Simulated, **changes: object) -> ActivityDraft:
    fields: dict[str, object] = {
        "subject": "Rozmowa: Zofia Żółć",
        "type": "call",
        "due": AT,
        "note": "<b>Kolejka:</b> Sprzedaż<br>ref:abcdefghijklmnopqrst",
        "owner_id": str(sim.users[1]),
        "person_id": None,
        "org_id": None,
        "deal_id": None,
        "duration_s": 61,
    }
    return ActivityDraft(**(fields | changes))  # type: ignore[arg-type]


async def seed(sim: Simulated, **records: object) -> dict[str, list[str]]:
    found = await sim.control("POST", "seed", records)
    assert isinstance(found, dict)
    made = found["companies"][0]
    return {
        name: [str(i) for i in made[name]] for name in ("persons", "organizations", "deals", "activities")
    }


async def test_an_activity_is_written_read_changed_and_deleted(sim: Simulated) -> None:
    ids = await seed(
        sim,
        organizations=[{"name": "Firma"}],
        persons=[{"name": "Zofia Żółć", "org": "Firma"}],
        deals=[{"title": "Umowa", "person": "Zofia Żółć"}],
    )
    wanted = draft(sim, person_id=ids["persons"][0], org_id=ids["organizations"][0], deal_id=ids["deals"][0])
    written = await sim.pipedrive.create_activity(wanted)
    assert (written.subject, written.note) == (wanted.subject, wanted.note)
    assert written.server_time is not None
    assert abs(written.server_time - datetime.now(UTC)) < timedelta(seconds=5)

    activity = await sim.pipedrive.activity(written.id)
    assert (activity.person_id, activity.org_id, activity.deal_id) == (
        ids["persons"][0],
        ids["organizations"][0],
        ids["deals"][0],
    )
    assert (activity.due, activity.duration_s, activity.done) == (AT.replace(second=0), 120, True)
    assert (activity.owner_id, activity.creator_user_id) == (str(sim.users[1]), str(sim.users[0]))

    assert (await sim.pipedrive.update_activity(written.id, {"note": "temat"})).note == "temat"
    await sim.pipedrive.delete_activity(written.id)
    assert (await sim.pipedrive.activity(written.id)).is_deleted


async def test_a_person_is_made_and_only_what_changed_is_written(sim: Simulated) -> None:
    ids = await seed(sim, organizations=[{"name": "Firma"}])
    field = await sim.pipedrive.create_field("person", "Contact centre ID", "double")
    entries = (Entry("+48 601 000 001", "mobile"), Entry("+48 601 000 002", "work", primary=True))
    person = await sim.pipedrive.create_person(
        {
            "name": "Zofia Żółć",
            "phones": mapping.entries_body(entries),
            "emails": mapping.entries_body([Entry("zofia@example.com", primary=True)]),
            "org_id": mapping.number(ids["organizations"][0]),
            "owner_id": sim.users[1],
            "custom_fields": {field.code: 77},
        }
    )
    assert (person.phone_entries, person.emails) == (entries, ("zofia@example.com",))
    assert (person.org_id, person.owner_id) == (ids["organizations"][0], str(sim.users[1]))
    assert person.custom_fields[field.code] == 77
    assert person.add_time == person.update_time
    changed = await sim.pipedrive.update_person(person.id, {"name": "Zofia Gęś", "org_id": None})
    assert (changed.name, changed.org_id, changed.phone_entries) == ("Zofia Gęś", None, entries)
    assert changed == await sim.pipedrive.person(person.id)
    assert (await sim.pipedrive.update_person(person.id, {"emails": []})).emails == ()


async def test_an_organization_is_made_and_changed(sim: Simulated) -> None:
    made = await sim.pipedrive.create_organization(
        {"name": "Firma", "website": "https://firma.example.com", "address": {"value": "Łódź, Prosta 1"}}
    )
    assert (made.website, made.address) == ("https://firma.example.com", "Łódź, Prosta 1")
    changed = await sim.pipedrive.update_organization(made.id, {"name": "Firma Plus", "address": None})
    assert (changed.name, changed.address, changed.website) == (
        "Firma Plus",
        "",
        "https://firma.example.com",
    )
    assert changed == await sim.pipedrive.organization(made.id)


async def test_a_deal_is_made_whole_for_five_tokens_and_found_by_its_person_for_ten(sim: Simulated) -> None:
    ids = await seed(
        sim,
        organizations=[{"name": "Firma"}],
        persons=[{"name": "Zofia Żółć", "org": "Firma"}, {"name": "Jan"}],
    )
    marker = await sim.pipedrive.create_field("deal", "Contact centre", "varchar")
    stage = (await sim.pipedrive.stages())[1]
    before = sim.governor.spent_today
    body = {
        "title": "Wycena",
        "person_id": mapping.number(ids["persons"][0]),
        "org_id": mapping.number(ids["organizations"][0]),
        "owner_id": sim.users[1],
        "stage_id": mapping.number(stage.id),
        "value": mapping.amount(Decimal("1200.50")),
        "currency": "EUR",
        "custom_fields": {marker.code: "m-1"},
    }
    made = await sim.pipedrive.create_deal(body)
    assert sim.governor.spent_today == before + 5
    assert (made.title, made.person_id, made.org_id) == ("Wycena", ids["persons"][0], ids["organizations"][0])
    assert (made.owner_id, made.creator_user_id) == (str(sim.users[1]), str(sim.users[0]))
    assert (made.pipeline_id, made.stage_id, made.status) == (stage.pipeline_id, stage.id, "open")
    assert (made.value, made.currency, made.custom_fields[marker.code]) == (Decimal("1200.5"), "EUR", "m-1")
    assert made.add_time == made.update_time is not None
    assert made.visible_to == "3"

    before = sim.governor.spent_today
    found = await sim.pipedrive.deals_of(person_id=ids["persons"][0], custom_fields=[marker.code])
    assert sim.governor.spent_today == before + 10
    assert [(deal.id, deal.custom_fields) for deal in found] == [(made.id, {marker.code: "m-1"})]
    assert await sim.pipedrive.deals_of(org_id=ids["organizations"][0]) == [made]
    assert await sim.pipedrive.deals_of(person_id=ids["persons"][1]) == []
    assert await sim.pipedrive.deals_of(person_id=ids["persons"][1], org_id=ids["organizations"][0]) == []
    with pytest.raises(Rejected, match="not a Pipedrive id"):
        await sim.pipedrive.deals_of(person_id="7&status=won")


async def test_all_deals_of_a_person_are_listed_and_deleted_ones_where_asked_for(sim: Simulated) -> None:
    titles = [f"Umowa {n}" for n in range(501)]
    ids = await seed(
        sim, persons=[{"name": "Jan"}], deals=[{"title": one, "person": "Jan"} for one in titles]
    )
    (person,) = ids["persons"]
    assert [deal.title for deal in await sim.pipedrive.deals_of(person_id=person)] == titles
    path = f"{sim.origin}/api/v2/deals/{ids['deals'][0]}"
    async with sim.session.delete(path, headers={"x-api-token": "demo-api-token"}) as answer:
        assert answer.status == 200
    assert len(await sim.pipedrive.deals_of(person_id=person, status="open,won,lost")) == 500
    [gone] = await sim.pipedrive.deals_of(person_id=person, status="deleted")
    assert (gone.id, gone.is_deleted) == (ids["deals"][0], True)


async def test_the_plans_limit_of_open_deals_is_told_as_such(sim: Simulated) -> None:
    await sim.control("POST", "company", {"caps": {"open_deals": 0}})
    with pytest.raises(PlanLimit) as limit:
        await sim.pipedrive.create_deal({"title": "Wycena"})
    assert limit.value.code == "feature_capping_deals_limit"


async def test_a_deal_whose_answer_is_lost_is_neither_taken_as_made_nor_sent_again(sim: Simulated) -> None:
    (person,) = (await seed(sim, persons=[{"name": "Jan"}]))["persons"]
    await sim.fault("status_after", method="POST", path="/deals")
    with pytest.raises(UnknownOutcome):
        await sim.pipedrive.create_deal({"title": "Wycena", "person_id": int(person)})
    assert (await sim.calls()).count("POST /api/v2/deals") == 1
    [deal] = await sim.pipedrive.deals_of(person_id=person)
    assert deal.title == "Wycena"


async def test_a_custom_field_that_is_gone_is_named_by_its_code(sim: Simulated) -> None:
    (person,) = (await seed(sim, persons=[{"name": "Jan"}]))["persons"]
    gone = "d4de1c1518b4531717c676029a45911c340390a6"
    with pytest.raises(UnknownField) as refusal:
        await sim.pipedrive.update_person(person, {"name": "Ewa", "custom_fields": {gone: "Żak"}})
    assert (refusal.value.field, refusal.value.status) == (gone, 400)
    assert (await sim.pipedrive.person(person)).name == "Jan"


async def test_a_value_of_the_wrong_type_is_refused_without_repeating_it(sim: Simulated) -> None:
    field = await sim.pipedrive.create_field("person", "Contact centre ID", "double")
    with pytest.raises(Rejected, match="Expected number") as refusal:
        await sim.pipedrive.create_person({"name": "Jan", "custom_fields": {field.code: "Żak"}})
    assert not isinstance(refusal.value, UnknownField)
    assert "Żak" not in str(refusal.value)


async def test_a_person_whose_answer_is_lost_is_neither_taken_as_made_nor_sent_again(sim: Simulated) -> None:
    await sim.fault("status_after", method="POST", path="/persons")
    with pytest.raises(UnknownOutcome):
        await sim.pipedrive.create_person({"name": "Jan"})
    assert (await sim.calls()).count("POST /api/v2/persons") == 1
    assert sum([len(page) async for page in sim.pipedrive.persons()]) == 1


async def test_a_list_is_read_in_pages_of_five_hundred(sim: Simulated) -> None:
    await seed(sim, generate={"persons": 1201, "organizations": 3, "open_deals": 2})
    pages = [page async for page in sim.pipedrive.persons()]
    assert [len(page) for page in pages] == [500, 500, 201]
    ids = [int(person.id) for page in pages for person in page]
    assert ids == sorted(set(ids))
    assert all(person.phones for page in pages for person in page)
    assert sum([len(page) async for page in sim.pipedrive.organizations()]) == 3
    deals = [deal async for page in sim.pipedrive.deals(status="open") for deal in page]
    assert [deal.status for deal in deals] == ["open", "open"]
    assert await sim.pipedrive.deal(deals[0].id) == deals[0]
    assert sim.governor.spent_today == 10 * (3 + 1 + 1) + 1


async def test_activities_since_a_moment_are_all_listed(sim: Simulated) -> None:
    since = await sim.pipedrive.server_time()
    written = [await sim.pipedrive.create_activity(draft(sim, note=f"ref:{i}")) for i in range(3)]
    found = [row async for page in sim.pipedrive.activities(since - timedelta(seconds=120)) for row in page]
    assert [row.id for row in found] == [row.id for row in written]
    assert [row async for page in sim.pipedrive.activities(since + timedelta(hours=1)) for row in page] == []


async def test_people_and_kinds_are_listed(sim: Simulated) -> None:
    me = await sim.pipedrive.me()
    assert (me.user_id, me.is_admin, me.company_name) == (str(sim.users[0]), True, "Przykład sp. z o.o.")
    users = await sim.pipedrive.users()
    assert [int(user.id) for user in users] == sim.users
    assert sim.governor.seats == 3
    assert sim.governor.allowance == 30_000 * 2 * 3 // 2
    assert {kind.key for kind in await sim.pipedrive.activity_types() if kind.active} >= {
        "call",
        "email",
        "task",
    }
    (pipeline,) = await sim.pipedrive.pipelines()
    stages = await sim.pipedrive.stages()
    assert {stage.pipeline_id for stage in stages} == {pipeline.id}


async def test_prices_agree_with_the_simulators_meter(sim: Simulated) -> None:
    await sim.pipedrive.users()
    written = await sim.pipedrive.create_activity(draft(sim))
    await sim.pipedrive.update_activity(written.id, {"note": "y"})
    await sim.pipedrive.activity(written.id)
    await sim.pipedrive.delete_activity(written.id)
    await sim.governor.close()
    meter = await sim.control("GET", "tokens")
    assert isinstance(meter, dict)
    assert meter["spent"] == sum(sim.spending.spent.values()) == 20 + 5 + 5 + 1 + 3


async def test_a_personal_token_works_too() -> None:
    async with simulated(personal=True) as sim:
        assert (await sim.pipedrive.me()).is_admin
        written = await sim.pipedrive.create_activity(draft(sim))
        assert (await sim.pipedrive.activity(written.id)).creator_user_id == str(sim.users[0])


async def test_a_refusal_tells_why(sim: Simulated) -> None:
    with pytest.raises(Rejected, match="type"):
        await sim.pipedrive.create_activity(draft(sim, type="no_such_type"))
    with pytest.raises(NotFound):
        await sim.pipedrive.activity("999999")
    sim.checker.violations.clear()
    sim.checker.refused.clear()


async def test_expired_tokens_are_renewed_by_one_of_two_processes(sim: Simulated) -> None:
    other = sim.another()
    await asyncio.gather(sim.pipedrive.me(), other.pipedrive.me())
    await sim.control("POST", "expire")
    await asyncio.gather(
        *[client.pipedrive.create_activity(draft(sim)) for client in (sim, other) for _ in range(6)]
    )
    assert (
        len([call for call in await sim.calls() if call == "POST /oauth/token"]) == 2
    )  # install and renewal
    rows = await sim.control("GET", "activities")
    assert isinstance(rows, list)
    assert len(rows) == 12


async def test_an_uninstalled_app_is_told_to_connect_again(sim: Simulated) -> None:
    await sim.pipedrive.me()
    await sim.control("POST", "uninstall", {"user": sim.users[0]})
    with pytest.raises(Unauthorised):
        await sim.pipedrive.me()
    assert sim.store.dead


async def test_revoking_uninstalls(sim: Simulated) -> None:
    await sim.pipedrive.me()
    await oauth.revoke(sim.session, sim.settings, sim.store.tokens)
    with pytest.raises(Unauthorised):
        await sim.pipedrive.me()


async def test_a_missing_scope_is_named(sim: Simulated) -> None:
    await sim.control("POST", "app", {"client_id": "demo-client", "scopes": "base contacts:full"})
    await sim.control("POST", "expire")
    with pytest.raises(Forbidden, match="activities:full"):
        await sim.pipedrive.create_activity(draft(sim))


async def test_a_closed_account_pauses_the_company(sim: Simulated) -> None:
    await sim.control("POST", "company", {"open": False})
    for _ in range(3):
        with pytest.raises(AccountClosed):
            await sim.pipedrive.me()
    assert (await sim.calls()).count("GET /v1/users/me") == 1


async def test_a_spent_day_pauses_the_company(sim: Simulated) -> None:
    await sim.pipedrive.me()
    await sim.control("POST", "company", {"spent": 10**9})
    for _ in range(3):
        with pytest.raises(BudgetSpent) as spent:
            await sim.pipedrive.create_activity(draft(sim))
    assert (spent.value.after or 0) > 800
    assert (await sim.calls()).count("POST /api/v2/activities") == 1


FAULTS: Sequence[tuple[str, dict[str, object], int]] = (
    ("timeout_before", {"seconds": 0.05}, 0),
    ("timeout_after", {"seconds": 0.05}, 1),
    ("reset_before", {}, 0),
    ("reset_after", {}, 1),
    ("status_before", {"status": 502, "html": True}, 0),
    ("status_after", {"status": 504}, 1),
    ("empty_body", {}, 1),
)


@pytest.mark.parametrize(("kind", "rule", "effects"), FAULTS)
async def test_a_write_of_unknown_outcome_is_sent_once(
    sim: Simulated, kind: str, rule: dict[str, object], effects: int
) -> None:
    await sim.fault(kind, method="POST", path="/api/v2/activities", **rule)
    with pytest.raises(UnknownOutcome):
        await sim.pipedrive.create_activity(draft(sim))
    assert (await sim.calls()).count("POST /api/v2/activities") == 1
    rows = await sim.control("GET", "activities")
    assert isinstance(rows, list)
    assert len(rows) == effects
    sim.checker.violations.clear()  # the broken answer is the simulator's, on request


async def test_a_burst_refusal_is_waited_out(clock: JumpingClock) -> None:
    async with simulated(clock) as sim:
        await sim.fault("burst_429", method="POST", times=2)
        await sim.pipedrive.create_activity(draft(sim))
        assert (await sim.calls()).count("POST /api/v2/activities") == 3


async def test_fields_are_found_by_code_then_by_name_and_made_where_missing(sim: Simulated) -> None:
    fields = await Fields.load(sim.pipedrive, "person")
    name = "Contact centre ID"
    assert fields.find(name=name, type="varchar") is None
    made = await fields.find_or_create(name=name, type="varchar")
    assert len(made.code) == 40
    assert await fields.find_or_create(name=name, type="varchar") == made
    again = await Fields.load(sim.pipedrive, "person")
    assert again.find(code=made.code, name="renamed since", type="varchar") == made
    assert again.find(name=name, type="text") is None
    assert again.find(name="Name", type="varchar") is None  # a built-in field is not ours
    await seed(sim, persons=[{"name": "Zofia", "custom_fields": {made.code: "77"}}])
    pages = [page async for page in sim.pipedrive.persons(custom_fields=[made.code])]
    assert pages[0][0].custom_fields == {made.code: "77"}


async def test_a_look_at_activities_fails_rather_than_leave_an_unreadable_one_out(tmp_path: Path) -> None:
    odd = inserting("/api/v2/activities", {"subject": "Rozmowa"})
    async with open_world(tmp_path, middlewares=[odd]) as world, world.connector() as service:
        tenant = await install(service)
        with pytest.raises(Rejected):
            await anext(tenant.pipedrive.activities(AT))


async def test_webhooks_are_made_listed_heard_and_removed(sim: Simulated) -> None:
    heard: list[HookEvent] = []

    async def hear(request: web.Request) -> web.Response:
        heard.append(read_hook(request.headers, await request.read(), user="hook", password="s3cret"))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", hear)
    async with TestServer(app) as receiver:
        url = str(receiver.make_url("/hook"))
        hook = await sim.pipedrive.create_webhook(
            url=url, entity="person", name="connector-person", user="hook", password="s3cret"
        )
        assert (hook.url, hook.object, hook.action, hook.active) == (url, "person", "*", True)
        assert await sim.pipedrive.webhooks() == [hook]
        heard.clear()
        made = await sim.control(
            "POST",
            "edit",
            {"entity": "person", "action": "create", "changes": {"name": "Zofia", "phones": []}},
        )
        assert isinstance(made, dict)
        await sim.control(
            "POST",
            "edit",
            {"entity": "person", "action": "change", "id": made["id"], "changes": {"name": "Maja"}},
        )
        await sim.control("POST", "edit", {"entity": "person", "action": "delete", "id": made["id"]})
        await sim.control("POST", "hooks/settle", {"seconds": 2})
        events = {event.action: event for event in heard}
        assert events.keys() == {"create", "change", "delete"}
        assert {event.entity_id for event in heard} == {str(made["id"])}
        assert "name" in events["change"].previous_keys
        assert {(event.webhook_id, event.entity) for event in heard} == {(hook.id, "person")}
        await sim.pipedrive.delete_webhook(hook.id)
        assert await sim.pipedrive.webhooks() == []
        with pytest.raises(NotFound):
            await sim.pipedrive.delete_webhook(hook.id)
        sim.checker.refused.clear()


async def test_the_lite_plan_is_used_nearly_whole_without_a_refusal(clock: JumpingClock) -> None:
    async with simulated(clock, plan="lite", settings={"pipedrive_daily_share": 1.0}) as sim:
        await sim.pipedrive.users()
        before = clock.offset
        await asyncio.gather(*[sim.pipedrive.create_activity(draft(sim)) for _ in range(400)])
        # What was waited for, not what a busy machine took besides.
        assert (clock.offset - before).total_seconds() <= 400 / 38
        log = await sim.control("GET", "calls")
        assert isinstance(log, list)
        assert all(call["status"] != 429 for call in log)
