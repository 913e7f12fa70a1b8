"""Calls as their agents see them: by webhooks in whatever order, and by the contact centre's list where none comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.app import Service
from connector.flows.live import Exchange
from connector.flows.tenant import Tenant
from connector.realtime.protocol import Call, Message
from connector.store.live_calls import State
from tests.flows.looking import PERSON, ask, spent, tell
from tests.flows.telephones import ANNA, CENTRE, JAN, NUMBER, Phones, telephones
from tests.serving import Served
from tests.world import World, ago, install, settle_down


async def test_a_call_is_seen_from_the_first_ring_to_its_end(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        for action in ("AGENT_RINGING", "AGENT_ANSWERED", "CLIENT_ANSWERED", "AGENT_ENDED_CALL"):
            await phones.told_of(action, custom_data=call.id)
        assert phones.states(call.id) == ["dialling", "ringing_you", "ringing_them", "in_call", "ended"]
        last = phones.last()
        assert (last.reason, last.duration_s) == ("answered", 0)
        assert last.answered_at is not None
        assert last.ended_at is not None


async def test_without_our_id_a_call_is_known_by_agent_and_number_and_then_by_its_own_id(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        await phones.told_of("AGENT_RINGING", "9.1", destination="601000001")
        await phones.hook(action="RECORDING_READY", connection_id="9.1", filename="a.mp3")
        assert phones.states(call.id) == ["dialling", "ringing_you", "ended"]
        assert (await phones.kept(call.id)).external_id == "9.1"


async def test_a_ring_that_names_no_number_is_of_the_only_call_that_waits(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        await phones.told_of("AGENT_RINGING", source="391", destination="", queue_id=None)
        assert phones.states(call.id) == ["dialling", "ringing_you"]


async def test_news_that_comes_twice_or_in_the_wrong_order_takes_nothing_back(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        for action in (
            "CLIENT_ANSWERED",
            "AGENT_RINGING",
            "AGENT_RINGING",
            "AGENT_ENDED_CALL",
            "AGENT_ANSWERED",
        ):
            await phones.told_of(action, custom_data=call.id)
        assert phones.states(call.id) == ["dialling", "in_call", "ended"]
        assert phones.last().reason == "answered"


async def test_what_was_read_before_the_last_news_is_not_told_after_it(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        before = await phones.kept(call.id)
        await phones.told_of("AGENT_RINGING", custom_data=call.id)
        phones.exchange.changed(phones.tenant, before)
        assert phones.last().state == "ringing_you"


async def test_two_calls_of_one_agent_are_two(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await phones.switch(phones="auto", dial_seconds=60)
        first, second = await phones.dialled(), await phones.dialled("601000002")
        await phones.told_of("AGENT_RINGING", "2.2", destination="601000002")
        await phones.told_of("AGENT_RINGING", "1.1", destination="601000001")
        await phones.told_of("CALL_ENDED", "2.2", destination="601000002")
        assert (await phones.kept(first.id)).external_id == "1.1"
        assert (await phones.kept(first.id)).state is State.RINGING_YOU
        assert (await phones.kept(second.id)).state is State.ENDED


@pytest.mark.parametrize(
    ("kind", "reason"), [({"kind": "status_before", "status": 404}, "agent_offline"), ({"kind": "reset_before"}, "unknown")]
)  # fmt: skip
async def test_whoever_calls_back_after_a_click_that_failed_rings_as_a_call_that_comes_in(
    world: World, service: Service, kind: dict[str, object], reason: str
) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", **kind, method="POST", path="/call$", times=1)  # type: ignore[arg-type]
        clicked = await phones.dialled()
        assert (clicked.state, clicked.reason) == ("failed", reason)
        for action in ("AGENT_RINGING", "AGENT_ANSWERED"):
            await phones.told_of(action, "9.9", source="601000001", destination="221234567")
        assert phones.states(clicked.id) == ["dialling", "failed"]
        last = phones.last()
        assert (last.direction, last.state, last.number) == ("in", "in_call", NUMBER)


async def test_a_number_dialled_by_hand_after_a_click_that_failed_is_another_call(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", "status_before", status=429, method="POST", path="/call$", times=1)
        clicked = await phones.dialled()
        assert (clicked.state, clicked.reason) == ("failed", "centre_down")
        for action in ("AGENT_RINGING", "CLIENT_ANSWERED"):
            await phones.told_of(action, "9.9")
        assert phones.states(clicked.id) == ["dialling", "failed"]
        last = phones.last()
        assert (last.direction, last.state, last.number) == ("out", "in_call", NUMBER)


async def test_a_click_without_an_answer_goes_on_when_the_phone_rings_all_the_same(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", "reset_before", method="POST", path="/call$", times=1)
        clicked = await phones.dialled()
        for action in ("AGENT_RINGING", "CLIENT_ANSWERED"):
            await phones.told_of(action, "9.9")
        assert phones.states(clicked.id) == ["dialling", "failed", "ringing_you", "in_call"]


# calls that come in


def local(at: datetime) -> str:
    """A time as the contact centre's webhooks write it."""
    return at.astimezone(ZoneInfo("Europe/Warsaw")).strftime("%Y-%m-%d %H:%M:%S")


async def test_a_ringing_phone_shows_the_number_at_once_and_then_who_it_is(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(
        organizations=[{"name": "Zażółć sp. z o.o."}],
        persons=[PERSON | {"name": "Żaneta Źdźbło", "org": "Zażółć sp. z o.o."}],
        deals=[{"title": "Łącznik", "person": "Żaneta Źdźbło"}],
    )
    async with telephones(world, service) as phones:
        await phones.told_of("AGENT_RINGING", "5.1", source="601000001", destination="221234567")
        (_, first), *_, (_, last) = phones.told
        assert (first.direction, first.state, first.number, first.known) == (
            "in",
            "ringing_you",
            NUMBER,
            False,
        )
        assert first.candidates == ()
        (candidate,) = last.candidates
        assert last.known
        assert (candidate.name, candidate.organization) == ("Żaneta Źdźbło", "Zażółć sp. z o.o.")
        assert candidate.deal is not None
        assert candidate.deal.title == "Łącznik"


async def test_of_a_number_that_many_have_the_others_are_counted(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON | {"name": f"Osoba {n}"} for n in range(7)])
    async with telephones(world, service) as phones:
        await phones.told_of("AGENT_RINGING", "5.1", source="601000001", destination="221234567")
        assert (len(phones.last().candidates), phones.last().others) == (5, 2)


async def test_a_doubled_ring_is_one_call_and_one_look_up(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with telephones(world, service) as phones:
        before = await spent(world)
        ring = {"source": "601000001", "destination": "221234567"}
        await asyncio.gather(*(phones.told_of("AGENT_RINGING", "5.1", **ring) for _ in range(3)))
        assert {call.id for _, call in phones.told} == {phones.last().id}
        assert await spent(world) - before == 1


async def test_who_rings_is_asked_for_again_where_pipedrive_could_not_say_at_first(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with telephones(world, service) as phones:
        await world.fault("pipedrive", "status_before", path="/persons/", status=500, times=2)
        await phones.told_of("AGENT_RINGING", "5.1", source="601000001", destination="221234567")
        assert [call.known for _, call in phones.told] == [False, False, True]
        assert [one.name for one in phones.last().candidates] == ["Jan Próba"]


async def test_rings_without_end_are_told_but_not_all_looked_up(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        for n in range(25):
            await phones.told_of("AGENT_RINGING", f"5.{n}", source="601000001", destination="221234567")
        assert len({call.id for _, call in phones.told}) == 25
        assert len({call.id for _, call in phones.told if call.known}) == 20
        service.clock.move_to(timedelta(minutes=1))
        await phones.told_of("AGENT_RINGING", "6.1", source="601000001", destination="221234567")
        assert phones.last().known


async def test_an_end_that_comes_before_its_ring_leaves_no_phone_ringing(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        for action in ("AGENT_ENDED_CALL", "AGENT_RINGING"):
            await phones.told_of(action, "5.1", source="601000001", destination="221234567")
        assert phones.states() == ["ended"]


async def test_a_call_that_rings_several_is_one_for_each_until_somebody_takes_it(
    world: World, service: Service
) -> None:
    async with telephones(world, service, listening=(ANNA, JAN)) as phones:
        for agent in (ANNA, JAN):
            await phones.told_of(
                "AGENT_RINGING", "5.1", agent=agent, source="601000001", destination="221234567"
            )
        await phones.told_of("AGENT_ANSWERED", "5.1", agent=JAN, source="601000001", destination="221234567")
        assert phones.states(agent=ANNA) == ["ringing_you", "ended"]
        assert phones.states(agent=JAN) == ["ringing_you", "in_call"]
        (kept,) = await phones.tenant.live_calls.latest(CENTRE, ANNA, 5)
        assert kept.reason == "taken"


async def test_a_call_that_the_list_says_a_colleague_took_was_not_missed(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        await tell(world, "thulium", "ring", agent=JAN, number="601000001")
        (rings,) = await ask(world, "thulium", "phones")
        ref = rings["connection_id"]
        await phones.told_of("AGENT_RINGING", ref, source="601000001", destination="221234567")
        for act in ("answer", "hang_up"):
            await phones.act(act, agent=JAN)
        await phones.until(lambda: phones.last().state == "ended")
        assert (phones.last().reason, phones.last().answered_at) == ("taken", None)


@pytest.mark.parametrize("dated", [True, False])
async def test_a_call_that_is_handed_to_an_agent_who_was_rung_before_rings_her_again(
    world: World, service: Service, dated: bool
) -> None:
    async with telephones(world, service, listening=(ANNA, JAN)) as phones:
        began = service.clock.now() - timedelta(minutes=2)

        async def told(action: str, agent: str, after_s: int) -> None:
            date = {"date": local(began + timedelta(seconds=after_s))} if dated else {}
            await phones.told_of(
                action, "5.1", agent=agent, source="601000001", destination="221234567", **date
            )

        await told("AGENT_RINGING", ANNA, 0)
        await told("AGENT_RINGING", JAN, 0)
        await told("AGENT_ANSWERED", JAN, 9)
        first = phones.told[0][1].id
        assert phones.states(first) == ["ringing_you", "ended"]
        for _ in range(2):  # what is told twice is one call all the same
            await told("AGENT_RINGING", ANNA, 60)
            await told("AGENT_ANSWERED", ANNA, 66)
        second = phones.last().id
        assert second != first
        assert phones.states(second) == ["ringing_you", "in_call"]
        assert (await phones.kept(second)).number == NUMBER
        await told("AGENT_ENDED_CALL", ANNA, 90)
        assert phones.states(second) == ["ringing_you", "in_call", "ended"]
        assert (await phones.kept(first)).reason == "taken"
        if dated:
            assert (await phones.kept(second)).began_at - began >= timedelta(seconds=59)


async def test_news_of_a_taken_call_that_comes_late_rings_nobody_again(
    world: World, service: Service
) -> None:
    async with telephones(world, service, listening=(ANNA, JAN)) as phones:
        began = service.clock.now() - timedelta(minutes=2)
        ring = {"source": "601000001", "destination": "221234567", "date": local(began)}
        for agent in (ANNA, JAN):
            await phones.told_of("AGENT_RINGING", "5.1", agent=agent, **ring)
        taken = ring | {"date": local(began + timedelta(seconds=9))}
        await phones.told_of("AGENT_ANSWERED", "5.1", agent=JAN, **taken)
        await phones.told_of("AGENT_RINGING", "5.1", agent=ANNA, **ring)
        assert phones.states(agent=ANNA) == ["ringing_you", "ended"]


async def test_the_end_of_a_call_that_was_handed_on_late_is_read_from_where_it_began(
    world: World, service: Service
) -> None:
    async with telephones(world, service, listening=(ANNA, JAN)) as phones:
        began = service.clock.now() - timedelta(minutes=15)
        calls = [{"number": "601000001", "at": began.isoformat(), "agent": ANNA, "ring": 5, "talk": 890}]
        (ref,) = (await world.seed_centre(calls=calls))["calls"]
        store = phones.tenant.live_calls
        jans = await store.take_in(
            CENTRE, JAN, "in", number=NUMBER, key="key", external_id=ref, at=began, state=State.IN_CALL
        )
        over = {"state": State.ENDED, "reason": "answered", "ended_at": service.clock.now()}
        await store.change(jans.id, lambda call: replace(call, **over))  # type: ignore[arg-type]
        await phones.told_of("AGENT_RINGING", ref, source="601000001", destination="221234567")
        await phones.until(lambda: phones.states()[-1] == "ended")
        assert (phones.states(), phones.last().reason) == (["ringing_you", "ended"], "answered")


@pytest.mark.parametrize("source", ["anonymous", "null", ""])
async def test_a_hidden_number_is_told_as_hidden(world: World, service: Service, source: str) -> None:
    async with telephones(world, service) as phones:
        await phones.told_of("AGENT_RINGING", source=source, destination="221234567")
        last = phones.last()
        assert (last.direction, last.number, last.number_shown, last.known) == ("in", "", "", True)
        assert (last.candidates, last.new_person) == ((), "")


async def test_a_call_by_hand_is_seen_as_going_out(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await phones.told_of("AGENT_RINGING", source="391", destination="601000002")
        assert (phones.last().direction, phones.last().number) == ("out", "+48601000002")


async def test_nothing_is_kept_of_calls_of_agents_who_have_no_device_nor_read_for_those_who_do_not_listen(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with telephones(world, service) as phones:
        await phones.told_of("AGENT_RINGING", agent=JAN, source="601000001")
        assert await phones.tenant.live_calls.latest(CENTRE, JAN, 5) == []
        phones.listening.clear()
        before = await spent(world)
        await phones.told_of("AGENT_RINGING", source="601000001", destination="221234567")
        (kept,) = await phones.tenant.live_calls.latest(CENTRE, ANNA, 5)
        assert kept.state is State.RINGING_YOU
        assert await spent(world) == before
        # A line that opens while it rings is told who it is.
        phones.listening.add(ANNA)
        (call,) = await phones.exchange.latest(phones.tenant, f"{CENTRE}/{ANNA}")
        assert not call.known
        await phones.exchange.idle()
        assert [one.name for one in phones.last().candidates] == ["Jan Próba"]


async def test_old_news_and_news_of_a_stranger_ring_nobody(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await phones.told_of("AGENT_RINGING", source="601000001", date="2026-01-01 10:00:00")
        await phones.told_of("AGENT_RINGING", agent=None, source="601000001")
        await phones.hook(action="RECORDING_READY", connection_id="5.1")
        phones.exchange.hear(
            "nobody", CENTRE, "", b"action=AGENT_RINGING&connection_id=1&agent_login=anna.nowak"
        )
        phones.exchange.hear(phones.tenant.id, "thulium:gone", "", b"action=AGENT_RINGING&connection_id=1")
        phones.exchange.hear(phones.tenant.id, CENTRE, "", b"\xff\xfe{")
        await phones.exchange.idle()
        assert phones.told == []


async def test_how_a_call_ended_is_read_as_soon_as_it_is_told_to_be_over(world: World) -> None:
    # By the true clock the next look is ten seconds away.
    async with world.connector() as service, telephones(world, service) as phones:
        call = await phones.dialled()
        for act in ("answer", "they_reject"):
            await phones.act(act)
        ref = (await world.events())[-1]["id"]
        await phones.told_of("AGENT_ENDED_CALL", ref, custom_data=call.id)
        assert [(one.state, one.reason) for _, one in phones.told][-2:] == [
            ("ended", "unknown"),
            ("ended", "busy"),
        ]


# what nobody tells


@pytest.mark.parametrize(
    ("acts", "reason"),
    [
        (("answer", "they_answer", "hang_up"), "answered"),
        (("answer", "they_reject"), "busy"),
        (("answer", "no_answer"), "no_answer"),
        (("answer", "fail"), "failed"),
    ],
)
async def test_without_webhooks_the_end_of_a_call_is_read_from_the_list(
    world: World, service: Service, acts: tuple[str, ...], reason: str
) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        for act in acts:
            await phones.act(act)
        await phones.until(lambda: phones.last().state == "ended")
        assert phones.last().reason == reason
        assert (phones.last().duration_s is not None) == (reason == "answered")
        kept = await phones.kept(call.id)
        assert kept.external_id is not None


async def test_installations_that_want_their_activities_at_once_are_told_of_the_end(
    world: World, service: Service
) -> None:
    async with telephones(world, service, live=True) as phones:
        await phones.dialled()
        for act in ("answer", "they_answer", "hang_up"):
            await phones.act(act)
        await phones.until(lambda: phones.last().state == "ended")
        assert phones.ended == [phones.tenant.id]


async def test_a_contact_centre_that_is_down_is_asked_again_for_the_end(
    world: World, service: Service
) -> None:
    async with telephones(world, service) as phones:
        await phones.dialled()
        for act in ("answer", "they_answer", "hang_up"):
            await phones.act(act)
        await world.fault("thulium", "status_before", status=503, path="connections", times=6)
        await phones.until(lambda: phones.last().state == "ended")
        assert phones.last().reason == "answered"


async def test_a_call_goes_on_after_a_restart(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        await phones.exchange.close()
        for act in ("answer", "they_answer", "hang_up"):
            await phones.act(act)
        told: list[Call] = []

        def hear(_installation: str, _agent: str, message: Message) -> bool:
            told.append(message.call)  # type: ignore[union-attr]
            return True

        async def listen(_: Tenant) -> None:
            return

        after = Exchange(hear, service.latest, listen, lambda _: None, service.clock)
        after.resume([phones.tenant])
        await phones.until(lambda: bool(told) and told[-1].state == "ended")
        assert told[-1].id == call.id
        await after.close()
        assert len(await phones.rung()) == 1


@asynccontextmanager
async def restarted(phones: Phones) -> AsyncIterator[Exchange]:
    """Another process, after the one before has ended."""
    await phones.exchange.close()
    phones.told.clear()

    async def listen(_: Tenant) -> None:
        return

    after = Exchange(phones.hear, phones.service.latest, listen, lambda _: None, phones.service.clock)
    try:
        yield after
    finally:
        await after.close()


async def test_the_names_of_calls_that_are_over_are_told_after_a_restart_too(
    world: World, service: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with telephones(world, service) as phones:
        for action in ("AGENT_RINGING", "AGENT_ENDED_CALL"):
            await phones.told_of(action, "5.1", source="601000001", destination="221234567")
        async with restarted(phones) as after:
            await world.fault("pipedrive", "status_before", path="/persons/", status=500, times=2)
            for known in (False, False, True):  # the first look-up fails, the second does not
                (call,) = await after.latest(phones.tenant, f"{CENTRE}/{ANNA}")
                await after.idle()
                assert call.known is known
            assert [one.name for one in call.candidates] == ["Jan Próba"]
            assert phones.states() == ["ended"]


async def test_calls_that_are_over_leave_look_ups_for_who_rings_next(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        for n in range(15):
            for action in ("AGENT_RINGING", "AGENT_ENDED_CALL"):
                await phones.told_of(action, f"5.{n}", source="601000001", destination="221234567")
        async with restarted(phones) as after:
            await after.latest(phones.tenant, f"{CENTRE}/{ANNA}")
            await after.idle()
            calls = await after.latest(phones.tenant, f"{CENTRE}/{ANNA}")
            assert [call.known for call in calls] == [True] * 10 + [False] * 5
            phones.exchange = after
            await phones.told_of("AGENT_RINGING", "6.1", source="601000001", destination="221234567")
            assert phones.last().known


async def test_what_is_never_heard_of_is_given_up(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await world.fault("thulium", "reset_before", method="POST", path="/call$", times=1)
        lost = await phones.dialled()
        await phones.told_of("AGENT_RINGING", source="601000002", destination="221234567")
        service.clock.move_to(timedelta(minutes=16))
        await phones.until(lambda: any(c.id == lost.id and c.ended_at for _, c in phones.told))
        assert (await phones.kept(lost.id)).state is State.FAILED
        (rings,) = [c for c in await phones.tenant.live_calls.going() if c.direction == "in"]
        service.clock.move_to(timedelta(hours=2, minutes=1))
        await phones.until(lambda: any(c.id == rings.id and c.ended_at for _, c in phones.told))
        assert (await phones.kept(rings.id)).reason == "unknown"


async def test_when_its_activity_is_written_a_call_leads_there(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        for act in ("answer", "they_answer", "hang_up"):
            await phones.act(act)
        await phones.until(lambda: phones.last().state == "ended")
        await settle_down(service, phones.tenant)
        (activity,) = await world.activities()
        await phones.until(lambda: phones.last().link.endswith(f"/activities/{activity['id']}"))
        assert (await phones.kept(call.id)).activity_id == str(activity["id"])


async def test_calls_are_forgotten_after_a_month(world: World, service: Service) -> None:
    async with telephones(world, service) as phones:
        await phones.dialled()
        await phones.exchange.close()
        await phones.tenant.live_calls.purge()
        assert await phones.tenant.live_calls.going()
        service.clock.move_to(timedelta(days=31))
        await phones.tenant.live_calls.purge()
        assert await phones.tenant.live_calls.going() == []


# through the door


async def test_a_webhook_of_a_ringing_phone_is_told_on_the_line_and_acknowledged_whatever_comes_of_it(
    open_: Served,
) -> None:
    world, service = open_.world, open_.service
    tenant = await install(service, since=ago(hours=1))
    await service.devices.pair(
        tenant.id, f"{CENTRE}/{ANNA}", user_id=None, name="T", client="terminal", origin=""
    )
    line = service.hub.open(tenant.id, f"{CENTRE}/{ANNA}", "d")
    body = f"action=AGENT_RINGING&connection_id=5.1&agent_login={ANNA}&source_number=601000001&destination_number=221234567"
    assert await open_.knock(tenant, body.encode(), source=CENTRE) == 202
    for _ in range(100):
        if line.waiting:
            break
        await asyncio.sleep(0.01)
    assert b'"ringing_you"' in line.waiting[0]
    assert await open_.knock(tenant, b"action=AGENT_RINGING", source=CENTRE) == 202
    assert await world.activities() == []


async def test_contact_centres_tell_of_calls_as_soon_as_an_agent_listens(open_: Served) -> None:
    world, service = open_.world, open_.service
    tenant = await install(service)
    assert (await service.installations.centres(tenant.id))[0].subscription_id is None
    _, token = await service.devices.pair(
        tenant.id, f"{CENTRE}/{ANNA}", user_id=None, name="T", client="terminal", origin=""
    )
    headers = {"Authorization": f"Bearer {token}"}
    async with world.http.post(f"{open_.origin}/line/poll", json={"after": ""}, headers=headers) as answer:
        assert answer.status == 200
    for _ in range(200):
        if (await service.installations.centres(tenant.id))[0].subscription_id is not None:
            break
        await asyncio.sleep(0.01)
    await tell(world, "thulium", "switches", phones="manual")
    await tell(world, "thulium", "ring", agent=ANNA, number="601000001")
    for _ in range(200):
        if calls := await tenant.live_calls.latest(CENTRE, ANNA, 5):
            break
        await asyncio.sleep(0.01)
    assert [call.number for call in calls] == [NUMBER]
