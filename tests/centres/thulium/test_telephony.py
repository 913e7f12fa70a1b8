"""Ringing an agent's phone, and what the vendor tells of a call while it goes on."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import orjson
import pytest

from connector.centres import CENTRES, Account
from connector.errors import (
    ConnectorError,
    DialRefusal,
    DialRefused,
    Forbidden,
    Throttled,
    UnknownOutcome,
    Unreachable,
)
from connector.records import LiveEvent, LiveKind
from connector.sandbox.thulium.control import SYSTEMS
from connector.settings import Settings
from tests.centres.simulated import WARSAW, ImpatientClock, Simulated

ANNA, NUMBER = "anna.nowak", "+48601000001"
FORM = "application/x-www-form-urlencoded"


class PatientClock(ImpatientClock):
    """Turns are truly waited for."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def refusal(simulated: Simulated, number: str = NUMBER) -> DialRefusal:
    with pytest.raises(DialRefused) as refused:
        await simulated.centre().dial(ANNA, number, tag="c-1")
    assert "601" not in str(refused.value)
    return refused.value.reason


async def test_a_refused_dial_says_what_it_is_refused_for(simulated: Simulated) -> None:
    await simulated.control("agents", {"login": ANNA, "outbounds": []})
    assert await refusal(simulated) is DialRefusal.NO_CAMPAIGN
    await simulated.control("agents", {"login": ANNA, "outbounds": ["00001"], "logged_in": False})
    assert await refusal(simulated) is DialRefusal.AGENT_OFFLINE
    await simulated.control("agents", {"login": ANNA, "logged_in": True, "active": False})
    assert await refusal(simulated) is DialRefusal.AGENT_OFFLINE
    await simulated.control("agents", {"login": ANNA, "active": True})
    await simulated.switch(refused_numbers="+48601")
    assert await refusal(simulated) is DialRefusal.NUMBER


@pytest.mark.parametrize(
    ("active", "reason"), [(True, DialRefusal.OTHER), (False, DialRefusal.AGENT_OFFLINE)]
)
async def test_where_the_words_say_nothing_the_agents_own_record_does(
    simulated: Simulated, active: bool, reason: DialRefusal
) -> None:
    await simulated.control("agents", {"login": ANNA, "active": active})
    await simulated.fault(kind="status_before", status=422, method="POST", path="/call$")
    assert await refusal(simulated) is reason


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status_before", "status": 403}, Forbidden),
        ({"kind": "status_before", "status": 429}, Throttled),
        ({"kind": "status_before", "status": 503}, UnknownOutcome),
        ({"kind": "status_after", "status": 500}, UnknownOutcome),
        ({"kind": "reset_after"}, UnknownOutcome),
    ],
)
async def test_what_else_keeps_a_phone_from_ringing_is_told_apart_and_nothing_is_sent_twice(
    simulated: Simulated, fault: dict[str, object], error: type[ConnectorError]
) -> None:
    await simulated.fault(method="POST", path="/call$", **fault)
    with pytest.raises(error):
        await simulated.centre().dial(ANNA, NUMBER)
    assert [call.method for call in simulated.requests()].count("POST") == 1


async def test_a_contact_centre_that_is_down_rang_nobody() -> None:
    settings = Settings.model_validate(
        {"thulium_url": "http://127.0.0.1:9/{system}", "trusted_hosts": ("127.0.0.1:9",)}
    )
    centre = CENTRES["thulium"](Account("demo", "u", "p", WARSAW), settings, ImpatientClock())
    with pytest.raises(Unreachable):
        await centre.dial(ANNA, NUMBER)
    await centre.close()


async def test_a_system_may_want_numbers_without_their_country(simulated: Simulated) -> None:
    centre = simulated.centre(thulium_dial_form="national")
    for number in (NUMBER, "+493012345678", "204"):
        await centre.dial(ANNA, number)
    dialled = (await simulated.state())["dialled"]
    assert isinstance(dialled, list)
    assert [one["number"] for one in dialled] == ["601000001", "00493012345678", "204"]


async def test_a_phone_rings_although_all_connections_and_turns_are_taken(simulated: Simulated) -> None:
    simulated.clock = PatientClock()
    centre = simulated.centre(thulium_connections=1, thulium_requests_per_second=0.5)
    await simulated.fault(kind="delay", method="GET", seconds=0.2, times=None)
    others = [asyncio.create_task(centre.customer(str(n))) for n in range(20)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(2):
        await centre.dial(ANNA, NUMBER)
    assert sum(task.done() for task in others) <= 1
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def read(body: object, content_type: str = FORM) -> list[LiveEvent]:
    centre = CENTRES["thulium"](Account("demo", "u", "p", WARSAW), Settings(), ImpatientClock())
    data = body if isinstance(body, bytes) else urlencode(body).encode()  # type: ignore[arg-type]
    return list(centre.read_live(content_type, data))


RING = {
    "action": "AGENT_RINGING", "connection_id": "1416225570.341", "queue_id": "1", "agent_login": ANNA,
    "source_number": "601000001", "destination_number": "221234567", "date": "2026-11-16 10:30:05",
}  # fmt: skip


def test_a_ringing_phone_is_read_with_its_numbers_and_what_we_gave_the_dial() -> None:
    (event,) = read(RING | {"custom_data": '"c-17"'})
    assert (event.kind, event.call_id, event.agent_id) == (LiveKind.RINGING, "1416225570.341", ANNA)
    assert (event.source, event.destination, event.tag) == ("601000001", "221234567", "c-17")
    assert event.at is not None
    assert event.at.isoformat() == "2026-11-16T09:30:05+00:00"
    assert read(orjson.dumps(RING), "application/json") == read(RING)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("AGENT_ANSWERED", LiveKind.AGENT_ANSWERED), ("CLIENT_ANSWERED", LiveKind.ANSWERED),
        ("CALL_CONNECTED", LiveKind.ANSWERED), ("AGENT_ENDED_CALL", LiveKind.ENDED), ("CALL_ENDED", LiveKind.ENDED),
        ("CONNECTION_HANGUP", LiveKind.ENDED), ("RECORDING_READY", LiveKind.ENDED), ("agent ringing", LiveKind.RINGING),
    ],
)  # fmt: skip
def test_actions_whose_names_are_not_public_are_understood_by_their_words(
    action: str, kind: LiveKind
) -> None:
    assert [event.kind for event in read(RING | {"action": action})] == [kind]


@pytest.mark.parametrize(
    "event",
    [
        {"action": "CUSTOMER_CREATED", "customer_id": "7"}, {"action": "AGENT_RINGING", "connection_id": "null"},
        {"action": "CHAT_CONVERSATION_CLOSED", "conversation_id": "7"}, {"action": "SENDING", "connection_id": "7.1"},
        {"connection_id": "7.1"}, {},
    ],
)  # fmt: skip
def test_what_is_no_news_of_a_call_is_passed_over(event: dict[str, str]) -> None:
    assert read(event) == []


async def test_further_actions_are_asked_for_where_an_operator_names_them_and_left_out_where_refused(
    simulated: Simulated,
) -> None:
    async def subscribed(*named: str) -> list[str]:
        centre = simulated.centre(thulium_call_actions=named)
        made = await centre.subscribe("https://connector.example.com/h", user="u", password="p")
        system = next(iter(simulated.server.app[SYSTEMS].values()))
        return list(system.subscriptions[int(made)].actions)

    usual = await subscribed()
    assert "AGENT_RINGING" in usual
    assert await subscribed("AGENT_ANSWERED", "AGENT_RINGING") == [*usual, "AGENT_ANSWERED"]
    assert await subscribed("NOT_KNOWN") == usual
