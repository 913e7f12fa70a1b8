"""Which of the calls that a contact centre lists is of which call that was dialled, and how that ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.flows.listed_calls import finished, pair_up
from connector.records import Call as Event
from connector.records import CallResult, Direction
from connector.store.live_calls import LiveCall, State
from tests.flows.telephones import ANNA, CENTRE, NUMBER

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
CALL = LiveCall("a", CENTRE, ANNA, "out", NUMBER, "key", State.DIALLING, "", AT, AT)
EVENT = Event("1.1", Direction.OUTBOUND, CallResult.ANSWERED, AT, "391", NUMBER, 75, 65, agent_id=ANNA)
KEYS = frozenset({"key"})


@pytest.mark.parametrize(
    ("call", "event", "fits"),
    [
        (CALL, EVENT, True),
        (replace(CALL, began_at=AT + timedelta(minutes=3, seconds=59)), EVENT, True),
        (replace(CALL, began_at=AT + timedelta(minutes=4, seconds=1)), EVENT, False),
        (replace(CALL, began_at=AT - timedelta(minutes=3)), EVENT, True),
        (replace(CALL, began_at=AT - timedelta(minutes=3, seconds=1)), EVENT, False),
        (replace(CALL, agent="jan"), EVENT, False),
        (replace(CALL, number_key="other"), EVENT, False),
        (replace(CALL, external_id="1.2"), EVENT, False),
        (replace(CALL, external_id="1.1", number_key="other", began_at=AT - timedelta(hours=1)), EVENT, True),
    ],
)
def test_an_event_is_of_the_call_with_its_id_or_of_that_agent_number_and_time(
    call: LiveCall, event: Event, fits: bool
) -> None:
    assert (pair_up([call], {7: (event, KEYS)}) == {7: call}) is fits


def test_of_two_calls_and_two_events_the_nearer_belong_together() -> None:
    later = replace(CALL, id="b", began_at=AT + timedelta(minutes=2, seconds=30))
    second = replace(EVENT, id="1.2", started_at=AT + timedelta(minutes=2))
    for calls in ([CALL, later], [later, CALL]):
        assert pair_up(calls, {1: (second, KEYS), 2: (EVENT, KEYS)}) == {1: later, 2: CALL}
    assert pair_up([CALL], {1: (second, KEYS), 2: (EVENT, KEYS)}) == {2: CALL}


def test_a_listed_call_tells_how_it_ended_and_to_whom() -> None:
    done = finished(CALL, EVENT)
    assert (done.state, done.reason, done.external_id) == (State.ENDED, "answered", "1.1")
    assert done.ended_at == AT + timedelta(seconds=75)
    assert done.answered_at == AT + timedelta(seconds=10)
    told = replace(CALL, state=State.ENDED, ended_at=AT + timedelta(seconds=77))
    assert finished(told, EVENT).ended_at == told.ended_at
    given_up = replace(told, ended_at=AT + timedelta(minutes=15))
    assert finished(given_up, EVENT).ended_at == AT + timedelta(seconds=75)
    busy = replace(EVENT, result=CallResult.FAILED, unanswered="busy")
    assert (finished(CALL, busy).reason, finished(CALL, busy).answered_at) == ("busy", None)
    assert finished(CALL, replace(EVENT, agent_id="jan")).reason == "taken"
    assert finished(CALL, replace(busy, agent_id="jan")).reason == "no_answer"


def test_an_agent_who_talked_has_talked_though_the_list_names_the_last_one() -> None:
    talked = replace(CALL, state=State.IN_CALL, answered_at=AT + timedelta(seconds=5))
    done = finished(talked, replace(EVENT, agent_id="jan"))
    assert (done.reason, done.answered_at) == ("answered", talked.answered_at)
    assert done.ended_at == AT + timedelta(seconds=75)
    late = replace(talked, answered_at=AT + timedelta(seconds=80))
    assert finished(late, replace(EVENT, agent_id="jan")).ended_at == late.answered_at
