"""Calls as a contact centre lists them: which of them is of which call that we know, and how that ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from connector.flows.call_states import TAKEN
from connector.flows.tenant import Tenant
from connector.records import Call, CallResult, Direction, Window
from connector.store.live_calls import LiveCall, State

#: A contact centre tells the beginning of a call to the minute, by a clock of its own.
NEAR = timedelta(minutes=3)
_PRECISION = timedelta(minutes=1)


def number_keys(tenant: Tenant, raw: str) -> frozenset[str]:
    """The keys of a number as a contact centre writes it, internal ones too."""
    digits = raw.strip()
    numbers = tenant.phones.keys(raw) or ((digits,) if digits.isdecimal() else ())
    return frozenset(map(tenant.live_calls.keys.key, numbers))


async def ends_of(tenant: Tenant, connection: str, calls: Sequence[LiveCall]) -> list[tuple[LiveCall, Call]]:
    """What the contact centre lists of these calls that has ended; one listed call may have rung several agents."""
    events = await _listed(tenant, connection, calls)
    known = {event.id: event for event in events}
    dialled = await dialled_as(tenant, connection, dict(enumerate(events)))
    ours = {call.id: events[number] for number, call in dialled.items()}
    found = ((call, known.get(call.external_id or "") or ours.get(call.id)) for call in calls)
    return [(call, event) for call, event in found if event is not None]


async def _listed(tenant: Tenant, connection: str, calls: Sequence[LiveCall]) -> list[Call]:
    """What the contact centre lists about the times at which these began."""
    centre = tenant.centres.get(connection)
    if centre is None:
        return []
    # One that was handed on is listed with its first beginning, which is another agent's.
    whole = await tenant.live_calls.of(
        connection, {call.external_id for call in calls if call.external_id is not None}
    )
    pages = [page for window in _windows([*calls, *whole]) async for page in centre.api.calls(window)]
    return [one for page in pages for one in page if isinstance(one, Call)]


def _windows(calls: Sequence[LiveCall]) -> list[Window]:
    """The times about the beginnings of calls, as few as there can be."""
    windows: list[Window] = []
    for at in sorted(call.began_at for call in calls):
        since, until = at - NEAR - timedelta(minutes=1), at + NEAR + timedelta(minutes=1)
        if windows and since <= windows[-1].until:
            windows[-1] = Window(windows[-1].since, until)
        else:
            windows.append(Window(since, until))
    return windows


async def dialled_as(tenant: Tenant, connection: str, events: Mapping[int, Call]) -> dict[int, LiveCall]:
    """The calls that agents had dialled which these events are of: of all that they may be, so that none takes another's."""
    told = {
        number: (event, number_keys(tenant, event.customer_number))
        for number, event in events.items()
        if event.direction is Direction.OUTBOUND and event.agent_id
    }
    if not told:
        return {}
    times = [event.started_at for event, _ in told.values()]
    calls = await tenant.live_calls.dialled(
        connection,
        agents={event.agent_id or "" for event, _ in told.values()},
        keys=frozenset().union(*(keys for _, keys in told.values())),
        external_ids={event.id for event, _ in told.values()},
        since=min(times) - NEAR,
        until=max(times) + NEAR + _PRECISION,
    )
    return pair_up(calls, told)


def pair_up(
    calls: Sequence[LiveCall], events: Mapping[int, tuple[Call, frozenset[str]]]
) -> dict[int, LiveCall]:
    """Which of the `events`, with the keys of their numbers, is of which call: by its id, or nearest in time; each once."""
    known = {call.external_id: call for call in calls if call.external_id is not None}
    found = {number: known[event.id] for number, (event, _) in events.items() if event.id in known}
    near = sorted(
        (
            (_gap(call, event), number, call)
            for number, (event, keys) in events.items()
            for call in calls
            if call.external_id is None and call.agent == event.agent_id and call.number_key in keys
        ),
        key=lambda one: one[:2],
    )
    taken = set[str]()
    for gap, number, call in near:
        if gap <= NEAR and number not in found and call.id not in taken:
            found[number] = call
            taken.add(call.id)
    return found


def _gap(call: LiveCall, event: Call) -> timedelta:
    return max(event.started_at - call.began_at, call.began_at - event.started_at - _PRECISION, timedelta())


def finished(call: LiveCall, event: Call) -> LiveCall:
    """A call as the contact centre lists it once it is over; who did not take it sees whether a colleague did."""
    began_at = call.began_at if call.direction == "out" else event.started_at
    ended_at = max(began_at + timedelta(seconds=event.connection_s), call.began_at)
    if call.ended_at is not None and call.ended_at <= ended_at + _PRECISION:
        # Told to the second; one that was given up ended long before that.
        ended_at = call.ended_at
    is_theirs = event.agent_id in (None, call.agent)
    is_answered = event.result is CallResult.ANSWERED
    # The list names the last agent alone: that others talked before is not taken back.
    answered_at = call.answered_at
    if is_theirs and is_answered:
        answered_at = ended_at - timedelta(seconds=event.talk_s)
    if answered_at is not None:
        ended_at = max(ended_at, answered_at)
    elsewhere = TAKEN if is_answered else "no_answer"
    reason = "answered" if answered_at else (event.unanswered or "unknown") if is_theirs else elsewhere
    return replace(
        call,
        state=State.ENDED,
        reason=reason,
        external_id=event.id,
        answered_at=answered_at,
        ended_at=ended_at,
    )


async def finish(tenant: Tenant, events: Mapping[str, Call]) -> None:
    """Keep how calls (by our id) ended."""
    for call_id, event in events.items():
        await tenant.live_calls.change(call_id, partial(finished, event=event))
