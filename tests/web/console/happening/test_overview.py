"""The overview: the state in a sentence, in every state there is, with the button that mends it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from connector.flows.forecasting import forecast
from connector.store.operations import FINISHED
from tests.at_work import a_call, change
from tests.flows.looking import PERSON
from tests.serving import Served, served
from tests.web.agents import CONNECTION, Agent, an_admin, sign_in
from tests.world import ADMIN_TOKEN, World, ago


async def ran(admin: Agent) -> None:
    """Have everything that happened until now written."""
    tenant = await admin.here.service.tenant(admin.tenant.id)
    await admin.here.jobs.runs.sync(tenant)


def where_it_is_noon() -> str:
    """A zone in which what happened a moment ago was today, whenever this is asked."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


async def test_a_new_installation_is_led_to_the_set_up(open_: Served) -> None:
    arrival = await open_.service.install_token(ADMIN_TOKEN)
    tenant = await open_.service.tenant(arrival.installation_id)
    admin = await sign_in(open_, tenant, tenant.installed.owner_user_id, "Adam Admin", is_admin=True)
    shown = await admin.open(admin.console())
    assert "the contact centre is not yet" in shown.text
    assert f'href="{admin.console("settings/set-up")}"' in shown.page
    assert "not run yet" in shown.text


async def test_when_all_is_well_the_first_line_says_so_with_the_number_of_today(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await open_.world.seed_pipedrive(persons=[PERSON])
    await a_call(open_.world)
    await ran(admin)
    shown = await admin.open(admin.console(), Cookie=f"{admin.cookie}; zone={where_it_is_noon()}")
    assert "All events of today are in Pipedrive: 1." in shown.text
    assert "Nothing waits for you." in shown.text
    assert "Calls today 1" in shown.text
    assert "median; 95 of 100 within" in shown.text
    assert shown.page.count('<svg role="img"') == 3


async def test_it_speaks_polish(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    shown = await admin.open(admin.console(), language="pl")
    assert "Wszystko jest połączone." in shown.text
    assert "Tokeny dziś" in shown.text


async def test_what_failed_and_what_nobody_decided_waits_for_the_administrator(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await open_.world.seed_pipedrive(persons=[PERSON, {**PERSON, "name": "Ewa Próba"}])
    await a_call(open_.world)
    await ran(admin)
    shown = await admin.open(admin.console())
    assert "Waiting for you: 1." in shown.text
    assert f'href="{admin.console("undecided")}"' in shown.page
    change(open_.world, "UPDATE ledger SET state = 'parked', reason = 'refused'")
    change(open_.world, "DELETE FROM question")
    shown = await admin.open(admin.console())
    assert "Waiting for you: 1." in shown.text
    assert f'href="{admin.console("events")}?state=parked"' in shown.page


async def test_a_dead_token_is_said_first_with_the_way_to_connect_again(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    change(open_.world, "UPDATE installation SET state = 'reconnect', reason = 'The token was taken away.'")
    await open_.service.tenants()
    shown = await admin.open(admin.console())
    assert "Pipedrive does not let the connector in." in shown.text
    assert "The token was taken away." in shown.text
    assert '<a class="button" href="/install">' in shown.page


async def test_a_contact_centre_that_is_down_is_said(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await open_.world.fault("thulium", "status_before", status=500, times=None)
    await ran(admin)
    shown = await admin.open(admin.console())
    assert "The contact centre cannot be read." in shown.text
    assert f'<a class="button" href="{admin.console("settings")}">' in shown.page


async def test_used_up_tokens_are_said_with_the_time_at_which_it_goes_on(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    operations = open_.service.operations
    run = await operations.begin_run(admin.tenant.id, "schedule")
    await operations.end_run(run, {}, "BudgetSpent: all tokens are spent")
    shown = await admin.open(admin.console(), Cookie=f"{admin.cookie}; zone=Asia/Tokyo")
    assert "Today’s share of Pipedrive’s tokens is used up." in shown.text
    assert "09:00 here" in shown.text


async def test_a_connector_that_is_switched_off_says_so(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, switched_on=False)
        shown = await admin.open(admin.console())
        assert "The connector is switched off." in shown.text


async def test_changes_that_are_paused_are_said_with_the_way_to_let_them_go_on(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    operations = open_.service.operations
    await operations.end_run(await operations.begin_run(admin.tenant.id, "schedule"), {}, FINISHED)
    await admin.tenant.changes.pull_brake("scan", 250)
    shown = await admin.open(admin.console())
    assert "Changes of customers are paused" in shown.text
    assert f'<a class="button" href="{admin.console("undecided")}">' in shown.page
    await admin.tenant.changes.release_brake("scan", 100)
    assert "Changes of customers are paused" not in (await admin.open(admin.console())).text


async def test_fields_that_are_not_carried_over_are_said_with_the_way_to_them(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3), contacts={"sync": "on"})
    operations = open_.service.operations
    await operations.end_run(await operations.begin_run(admin.tenant.id, "schedule"), {}, FINISHED)
    assert "in step" in (await admin.open(admin.console())).text
    await admin.tenant.bindings.bind({f"{CONNECTION}/1": "1"}, at=datetime.now(UTC))
    change(
        open_.world, "UPDATE binding SET problems = :problems", problems='[{"field":"a=b","reason":"gone"}]'
    )
    shown = await admin.open(admin.console())
    assert "Waiting for you" in shown.text
    assert "Pairs of which a field is not carried over: 1." in shown.text
    assert f'<a class="button" href="{admin.console("customers")}?state=lacking">' in shown.page
    listed = await admin.open(admin.console("customers?state=lacking"))
    assert f'href="{admin.console("settings/fields")}"' in listed.page


async def test_the_result_of_the_self_test_is_shown(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    change(
        open_.world, "INSERT INTO self_test VALUES (:id, :at, :problems, '{}')",
        id=admin.tenant.id, at=datetime.now(UTC).replace(tzinfo=None).isoformat(" "),
        problems='["activity type <call> is not active in Pipedrive"]',
    )  # fmt: skip
    shown = await admin.open(admin.console())
    assert "found something" in shown.text
    assert "&lt;call&gt; is not active" in shown.page


async def test_days_end_at_midnight_of_whoever_looks(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await open_.world.seed_pipedrive(persons=[PERSON])
    await a_call(open_.world)
    await ran(admin)
    now = datetime.now(UTC)
    moved = now.replace(hour=23, minute=30) - timedelta(days=1)
    change(open_.world, "UPDATE ledger SET occurred_at = :at", at=moved.replace(tzinfo=None).isoformat(" "))
    ahead = await admin.open(admin.console(), Cookie=f"{admin.cookie}; zone=Etc/GMT-1")
    here = await admin.open(admin.console(), Cookie=f"{admin.cookie}; zone=UTC")
    assert ("Calls today 1" in ahead.text) is (now.hour < 23)
    assert "Calls today 0" in here.text


def test_a_day_goes_on_as_days_usually_do() -> None:
    noon = datetime(2026, 11, 10, 12, tzinfo=UTC)
    before = {date(2026, 11, day): 1000 for day in range(3, 10)}
    assert forecast(300, noon, before) == 800
    assert forecast(3000, noon, before) == 6000
    assert forecast(100, noon.replace(hour=1), before) == 100 + int(1000 * 23 / 24)
    assert forecast(0, noon.replace(hour=0), {}) == 0


async def test_an_agent_does_not_see_it(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    agent = await sign_in(open_, admin.tenant, admin.tenant.installed.owner_user_id)
    for page in ("", "runs", "runs/1", "runs/1/live", "runs/backfill", "deals"):
        assert (await agent.open(admin.console(page) if page else admin.console())).status == 403
