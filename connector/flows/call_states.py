"""What news makes of a call, of which call it is, and how agents are told of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, get_args

from connector.flows.screen_pop import Found
from connector.flows.tenant import Tenant
from connector.phone import Dialable, is_internal
from connector.realtime.protocol import Call as ShownCall
from connector.realtime.protocol import Entity, Record
from connector.records import LiveEvent, LiveKind
from connector.store.live_calls import LiveCall, State

EXTENSION = ";ext="
#: How a call ended at the phone of an agent when another agent answered it.
TAKEN = "taken"

_RANK = {
    State.DIALLING: 0, State.FAILED: 0, State.RINGING_YOU: 1, State.RINGING_THEM: 2, State.IN_CALL: 3, State.ENDED: 4,
}  # fmt: skip


def which(event: LiveEvent, calls: Sequence[LiveCall], keys: frozenset[str]) -> list[LiveCall]:
    """Of which of an agent's `calls`, newest first, this is news; `keys` are those of its numbers.

    By what we gave the dial, by the contact centre's own id, or, of a call that goes out, by agent and number where
    neither has come yet.
    """
    tagged = [call for call in calls if call.id == event.tag]
    known = [
        call for call in calls if call.external_id == event.call_id and event.agent_id in (None, call.agent)
    ]
    if tagged or known:
        return _newest(tagged or known, calls)
    # One that failed for good is over: whatever rings after it is another call.
    waiting = [
        call
        for call in calls
        if (call.direction, call.external_id, call.ended_at, call.agent)
        == ("out", None, None, event.agent_id)
    ]
    if all(not number or is_internal(number) for number in (event.source, event.destination)):
        return waiting if len(waiting) == 1 else _numbered(waiting, keys)
    # Whoever was dialled in vain often calls back: that is a call of his own.
    return _numbered(waiting, keys) if begins(event)[0] == "out" else []


def _newest(found: Sequence[LiveCall], calls: Sequence[LiveCall]) -> list[LiveCall]:
    """Of each call the newest that an agent has: one that came back to him is another."""
    newest = {(call.agent, call.external_id): call for call in reversed(calls)}
    last = (call if call.external_id is None else newest[call.agent, call.external_id] for call in found)
    return list({call.id: call for call in last}.values())


def _numbered(calls: Sequence[LiveCall], keys: frozenset[str]) -> list[LiveCall]:
    return [call for call in calls if call.number_key in keys][:1]


def passed_over(event: LiveEvent, calls: Sequence[LiveCall]) -> list[LiveCall]:
    """Calls at other agents' phones that stop ringing because this one took it."""
    if event.agent_id is None or event.kind not in (LiveKind.AGENT_ANSWERED, LiveKind.ANSWERED):
        return []
    return [
        call
        for call in calls
        if (call.external_id, call.state) == (event.call_id, State.RINGING_YOU)
        and call.agent != event.agent_id
    ]


def comes_back(event: LiveEvent, call: LiveCall, now: datetime) -> bool:
    """Whether a call comes to an agent's phone for whom it was over, as one does that a colleague hands on."""
    if call.state is not State.ENDED or call.ended_at is None or call.agent != event.agent_id:
        return False
    if event.kind is LiveKind.ENDED:
        return False
    if event.at is None:
        # It may be old news; but whoever did not have the call when it was taken can only get it later.
        return call.reason == TAKEN
    return min(event.at, now) > call.ended_at


def begins(event: LiveEvent) -> tuple[Literal["in", "out"], str]:
    """Which way a call goes that nobody had us dial, and the customer's number as it came."""
    if is_internal(event.source) and not is_internal(event.destination):
        return "out", event.destination
    return "in", event.source


def after(call: LiveCall, event: LiveEvent, now: datetime) -> LiveCall:
    """A call after news of it, which may be old, or come twice: nothing goes back."""
    if call.state is State.FAILED and call.ended_at is not None:
        return call
    at = _when(call, event, now)
    state = _state(call, event.kind)
    call = replace(call, external_id=call.external_id or event.call_id)
    if _RANK[state] <= _RANK[call.state]:
        return call
    if state is State.ENDED:
        reason = "answered" if call.answered_at is not None else "unknown"
        return replace(call, state=state, reason=reason, ended_at=at)
    answered_at = at if state is State.IN_CALL else None
    return replace(call, state=state, reason="", answered_at=answered_at)


def _when(call: LiveCall, event: LiveEvent, now: datetime) -> datetime:
    """When news came about: by the contact centre's clock as far as that can be."""
    return max(min(event.at or now, now), call.began_at)


def _state(call: LiveCall, kind: LiveKind) -> State:
    if kind is LiveKind.AGENT_ANSWERED:
        # Of a call that the agent dialled, he is the first to be rung.
        return State.RINGING_THEM if call.direction == "out" else State.IN_CALL
    states = {
        LiveKind.RINGING: State.RINGING_YOU,
        LiveKind.ANSWERED: State.IN_CALL,
        LiveKind.ENDED: State.ENDED,
    }
    return states[kind]


def given_up(call: LiveCall, now: datetime) -> LiveCall:
    """A call of whose end nobody told."""
    if call.ended_at is not None:
        return call
    state, reason = (State.FAILED, call.reason) if call.state is State.FAILED else (State.ENDED, "unknown")
    return replace(call, state=state, reason=reason, ended_at=now)


def taken(call: LiveCall, event: LiveEvent, now: datetime) -> LiveCall:
    """A call that rang here and that another agent took."""
    if call.state is not State.RINGING_YOU:
        return call
    return replace(call, state=State.ENDED, reason=TAKEN, ended_at=_when(call, event, now))


def shown(tenant: Tenant, call: LiveCall, found: Found) -> ShownCall:
    """A call as its agent is told it."""
    number, _, extension = call.number.partition(EXTENSION)
    talked = None
    if call.answered_at is not None and call.ended_at is not None:
        talked = max(round((call.ended_at - call.answered_at).total_seconds()), 0)
    record = _record(call)
    link = tenant.record_page(record.entity, record.id) if record is not None else ""
    if call.activity_id is not None:
        link = tenant.record_page("activity", call.activity_id)
    return ShownCall(
        id=call.id, direction=call.direction, state=call.state.value, reason=call.reason, number=number,
        number_shown=Dialable(number, extension).shown if number else "", record=record,
        candidates=found.candidates, known=found.known, new_person=found.new_person, began_at=call.began_at,
        answered_at=call.answered_at, ended_at=call.ended_at, duration_s=talked, link=link, others=found.others,
    )  # fmt: skip


def _record(call: LiveCall) -> Record | None:
    entity: Entity | None = next((one for one in get_args(Entity) if one == call.record_entity), None)
    return Record(entity, call.record_id) if entity is not None and call.record_id is not None else None
