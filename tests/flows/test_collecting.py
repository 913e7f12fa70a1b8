from collections import Counter
from datetime import datetime, timedelta

import pytest

from connector.app import Service
from connector.errors import Retryable
from connector.flows.collecting import NIGHTLY, collect, collect_period
from connector.flows.sync import sync
from connector.flows.tenant import Centre, Tenant
from connector.records import Window
from connector.store.entries import Due
from tests.flows.looking import PERSON, spent
from tests.world import World, ago, install, settle_down

CENTRE = "thulium:demo"
A_CALL = {"number": "601000001"}


def the_centre(tenant: Tenant) -> Centre:
    return tenant.centres[CENTRE]


async def collected(tenant: Tenant) -> Counter[str]:
    entries = [entry for lane in Due for entry in await tenant.ledger.new(1000, lane=lane)]
    return Counter(str(entry.kind) for entry in entries)


def iso(at: datetime) -> str:
    return at.isoformat()


async def test_each_call_chat_and_message_is_collected_once(world: World, service: Service) -> None:
    tenant = await install(service, since=ago(hours=5))
    for hours in (0.01, 1, 4):
        await world.happen("call", **A_CALL, at=iso(ago(hours=hours)))
    await world.happen("chat", email="jan@example.com", agent="anna.nowak", close=True)
    ticket = await world.happen("ticket", **{"from": "jan@example.com"})
    await world.happen("ticket_message", ticket_id=ticket["id"], type="REPLY", body="odpowiedź")
    await world.happen("ticket_message", ticket_id=ticket["id"], type="COMMENT", body="do siebie")

    assert await collect(tenant, the_centre(tenant)) == 6
    assert await collected(tenant) == {"call": 3, "chat": 1, "message": 2}
    assert await collect(tenant, the_centre(tenant), back=NIGHTLY) == 0


async def test_the_cursor_moves_to_where_a_whole_pass_has_read(world: World, service: Service) -> None:
    tenant = await install(service, since=ago(hours=5))
    before = tenant.clock.now()
    await collect(tenant, the_centre(tenant))
    for kind in ("call", "chat", "message"):
        cursor = await tenant.ledger.cursor(CENTRE, kind)
        assert cursor is not None
        assert before <= cursor <= tenant.clock.now()


@pytest.mark.parametrize(
    ("kind", "path"), [("call", "connections"), ("chat", "chats"), ("message", "tickets")]
)
async def test_a_page_that_fails_moves_no_cursor_and_loses_nothing(
    world: World, service: Service, kind: str, path: str
) -> None:
    tenant = await install(service, since=ago(hours=1.5))
    at = ago(hours=1)
    mix = {"call": 0, "message": 0, "chat": 0} | {kind: 1}
    until = at + timedelta(minutes=20)
    await world.seed_centre(
        generate={"persons": 5, "events": 150, "from": iso(at), "to": iso(until), "mix": mix}
    )
    if kind == "message":
        mix_tickets = [{"from": f"t{n}@example.com", "at": iso(at)} for n in range(110)]
        await world.seed_centre(tickets=mix_tickets)
    total = len(await world.events())
    await world.fault("thulium", "status_before", path=f"/{path}\\?", nth=2, times=None, status=500)

    with pytest.raises(Retryable):
        await collect(tenant, the_centre(tenant))
    # Only whole slices before the failing one may have moved the cursor.
    cursor = await tenant.ledger.cursor(CENTRE, kind)
    assert cursor is None or cursor <= at + timedelta(minutes=1)

    await world.mend("thulium")
    await collect(tenant, the_centre(tenant))
    assert sum((await collected(tenant)).values()) == total


async def test_nothing_from_before_the_connection_is_read_by_itself(world: World, service: Service) -> None:
    since = ago(hours=1).replace(second=30, microsecond=0)
    await world.happen("call", **A_CALL, at=iso(since - timedelta(minutes=1)))
    await world.happen("chat", email="jan@example.com", close=True, at=iso(since - timedelta(hours=1)))
    await world.happen("ticket", **{"from": "jan@example.com"}, at=iso(since - timedelta(hours=2)))
    tenant = await install(service, since=since)
    assert await collect(tenant, the_centre(tenant), back=NIGHTLY) == 0


async def test_an_event_of_the_very_minute_of_the_connection_is_read(world: World, service: Service) -> None:
    since = ago(hours=1).replace(second=30, microsecond=0)
    await world.happen("call", **A_CALL, at=iso(since.replace(second=45)))
    tenant = await install(service, since=since)
    assert await collect(tenant, the_centre(tenant)) == 1


async def test_a_call_that_has_just_ended_is_read_at_once(world: World, service: Service) -> None:
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL, at=iso(ago()), talk=1)
    assert await collect(tenant, the_centre(tenant)) == 1


async def test_an_event_listed_late_is_found_by_the_next_run_or_that_of_the_night(
    world: World, service: Service
) -> None:
    tenant = await install(service, since=ago(hours=47))
    await collect(tenant, the_centre(tenant))
    await world.happen("call", **A_CALL, at=iso(ago(hours=1.5)))
    assert await collect(tenant, the_centre(tenant)) == 1
    await world.happen("call", **A_CALL, at=iso(ago(hours=40)))
    assert await collect(tenant, the_centre(tenant)) == 0
    assert await collect(tenant, the_centre(tenant), back=NIGHTLY) == 1


async def test_the_cursor_never_passes_a_chat_that_is_still_open(world: World, service: Service) -> None:
    tenant = await install(service, since=ago(hours=30))
    began = ago(hours=28)
    chat = await world.happen("chat", email="jan@example.com", agent="anna.nowak", at=iso(began))
    await world.happen("chat", email="ewa@example.com", close=True, at=iso(ago(hours=1)))

    for _ in range(2):
        await collect(tenant, the_centre(tenant))
        cursor = await tenant.ledger.cursor(CENTRE, "chat")
        assert cursor is not None
        assert cursor <= began
    assert await collected(tenant) == {"chat": 1}

    await world.happen("chat_close", conversation_id=chat["id"])
    assert await collect(tenant, the_centre(tenant)) == 1
    cursor = await tenant.ledger.cursor(CENTRE, "chat")
    assert cursor is not None
    assert cursor > ago(minutes=5)


async def test_a_chat_left_open_for_30_days_is_set_aside_and_holds_nothing_up(
    world: World, service: Service
) -> None:
    tenant = await install(service, since=ago(hours=1))
    await world.happen("chat", email="jan@example.com", at=iso(ago(days=30, minutes=5)))
    await world.happen("chat", email="ewa@example.com", at=iso(ago(days=29, minutes=55)))
    await collect_period(tenant, the_centre(tenant), Window(ago(days=31), ago(days=29)))
    assert (await tenant.ledger.counts())["parked"] == 1
    assert await collected(tenant) == {}


async def test_an_old_message_of_a_ticket_touched_today_is_history(world: World, service: Service) -> None:
    ticket = await world.happen("ticket", **{"from": "jan@example.com"}, at=iso(ago(days=2)))
    tenant = await install(service, since=ago(hours=1))
    await world.happen("ticket_touch", ticket_id=ticket["id"], status_id=2)
    assert await collect(tenant, the_centre(tenant)) == 0
    assert await collect_period(tenant, the_centre(tenant), Window(ago(days=3), ago(days=1))) == 1


async def test_a_backfill_takes_exactly_its_period_and_leaves_the_cursors(
    world: World, service: Service
) -> None:
    tenant = await install(service, since=ago(hours=1))
    since, until = (ago(days=days).replace(second=0, microsecond=0) for days in (3, 2))
    for at in (since - timedelta(minutes=1), since, until - timedelta(minutes=1), until):
        await world.happen("call", **A_CALL, at=iso(at))
        await world.happen("ticket", **{"from": "jan@example.com"}, at=iso(at))
    assert await collect_period(tenant, the_centre(tenant), Window(since, until)) == 4
    for kind in ("call", "chat", "message"):
        assert await tenant.ledger.cursor(CENTRE, kind) is None


async def test_reading_the_last_two_days_again_each_night_is_free(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=50))
    for hours in (1, 30, 47):
        await world.happen("call", **A_CALL, at=iso(ago(hours=hours)))
    await settle_down(service, tenant)
    before = await spent(world)
    counts = await sync(tenant, back=NIGHTLY)
    assert counts["collected"] == 0
    assert len(await world.activities()) == 3
    assert await spent(world) == before


async def test_a_clock_set_back_reads_again_and_doubles_nothing(world: World, service: Service) -> None:
    tenant = await install(service, since=ago(hours=5))
    await world.happen("call", **A_CALL, at=iso(ago(hours=1)))
    await collect(tenant, the_centre(tenant))
    service.clock.move_to(timedelta(minutes=-30))
    assert await collect(tenant, the_centre(tenant)) == 0
    assert await collected(tenant) == {"call": 1}


async def test_a_row_nobody_can_read_is_set_aside_alone(world: World, service: Service) -> None:
    tenant = await install(service, since=ago(hours=1))
    bad = await world.happen("call", **A_CALL, at=iso(ago(minutes=10)))
    await world.happen("call", **A_CALL, at=iso(ago(minutes=9)))
    await world.happen("broken", id=bad["id"])
    assert await collect(tenant, the_centre(tenant)) == 2
    counts = await tenant.ledger.counts()
    assert (counts["parked"], counts["new"]) == (1, 1)


async def test_a_contact_centre_that_fails_does_not_hold_up_the_other(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL)
    await sync(tenant)
    await service.installations.connect_centre(
        tenant.id, vendor="thulium", system="gone", user="nobody", password="none", since=ago(hours=1)
    )
    tenant = await service.tenant(tenant.id)
    await world.happen("call", **A_CALL)
    counts = await sync(tenant)
    assert counts["unread"] == 1
    assert counts["done"] == 1
    states = {one.id: one.state for one in await service.installations.centres(tenant.id)}
    assert states == {"thulium:demo": "active", "thulium:gone": "failing"}


async def test_events_of_a_centre_whose_agents_cannot_be_read_wait_without_holding_up_anything(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL)
    await world.fault("thulium", "status_before", path="/agents", times=None, status=500)
    await sync(tenant)
    assert (await tenant.ledger.counts())["new"] == 1
    await world.mend("thulium")
    service.clock.move_to(timedelta(minutes=2))
    await sync(tenant)
    assert (await tenant.ledger.counts())["done"] == 1


async def test_an_account_without_the_right_to_read_agents_writes_for_the_owner_of_the_sync(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    await world.happen("call", **A_CALL)
    await world.fault("thulium", "status_before", path="/agents", times=None, status=403)
    await sync(tenant)
    (activity,) = await world.activities()
    assert str(activity["owner_id"]) == tenant.installed.owner_user_id
