"""Connections (calls that have ended), their topics and recordings.

Vendor pages: https://api.thulium.com/docs/api/connections/get_connections, …/get_connections_id_topic
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from connector.sandbox.thulium.api import Ask, Route
from connector.sandbox.thulium.state import Call, System
from connector.sandbox.thulium.wire import ApiError, blank, bound, local, mixed

DISPOSITIONS = ("ANSWERED", "BUSY", "FAILED", "NO ANSWER")


def add_call(
    system: System,
    started_at: datetime,
    *,
    inbound: bool,
    src: str,
    dst: str,
    disposition: str = "ANSWERED",
    ring: int = 10,
    talk: int = 60,
    agent: str = "",
    queue_id: int | None = None,
    customer_id: int | None = None,
    ref: str = "",
    outbound: str = "",
) -> Call:
    """List a finished call; `ring` and `talk` are seconds, only an answered call has talk."""
    n = next(system.numbers)
    billsec = talk if disposition == "ANSWERED" else 0
    call = Call(
        n,
        ref or f"{int(started_at.timestamp())}.{n}",
        started_at,
        local(system.zone, started_at),
        inbound,
        src,
        dst,
        disposition,
        ring + billsec,
        billsec,
        agent,
        queue_id,
        customer_id,
        outbound_id=outbound,
    )
    system.calls[call.connection_id] = call
    system.calls_by_date.add(call.local, n, call)
    return call


def end_call(system: System, call: Call) -> None:
    """Tell subscribers that a recording is ready; nothing known is sent for a call without one."""
    if call.filename:
        date = call.started_at + timedelta(seconds=call.duration)
        fields = {"connection_id": call.connection_id, "filename": call.filename, "date": date}
        system.emit(system, "RECORDING_READY", fields)


def _row(ask: Ask, call: Call) -> dict[str, object]:
    system, n = ask.system, call.n
    agent = system.agents.get(call.user_login)
    row: dict[str, object] = {
        "connection_id": call.connection_id,
        "date": call.local[:16],
        "type": "INBOUND" if call.inbound else "OUTBOUND",
        "src": call.src,
        "dst": call.dst,
        "disposition": call.disposition,
        "duration": call.duration,
        "billsec": call.billsec,
        "user": agent.full_name if agent else blank(n, ""),
        "user_login": blank(n, call.user_login),
        "queue_id": mixed(n + 1, call.queue_id),
        "topic_id": mixed(n, call.topic_id),
        "customer_id": mixed(n, call.customer_id),
        "ticket_id": mixed(n, call.ticket_id),
        "outbound_result": blank(n, ""),
        "filename": blank(n, call.filename),
        "operator": "operator-1",
        "disconnected_by": _ended_by(call) if call.billsec else None,
        "transferred_to": blank(n, call.transferred_to),
    }
    if call.connection_id in system.broken:
        row |= {"date": "0000-00-00 00:00", "duration": None, "type": ""}
    if ask.wants("include_tags"):
        row["tags"] = call.tags
    if ask.wants("include_topics") and system.switches.topics_shape != "none":
        names = [] if call.topic_id is None else [system.topics.get(call.topic_id, "")]
        listed = [{"id": call.topic_id, "name": name} for name in names]
        row["topics"] = listed if system.switches.topics_shape == "list" else names
    return row


def _ended_by(call: Call) -> str:
    return call.ended_by or ("Agent" if call.n % 2 else "Customer")


def _found(ask: Ask) -> Sequence[Call]:
    query, system = ask.query, ask.system
    if ref := query.get("connection_id"):
        return [system.calls[ref]] if ref in system.calls else []
    found = system.calls_by_date.between(
        bound(query, "date_from"),
        bound(query, "date_to"),
        inclusive=system.switches.bounds == "inclusive",
    )
    for key in ("src", "dst", "user_login", "queue_id", "topic_id", "customer_id"):
        if wanted := query.get(key):
            found = [call for call in found if str(getattr(call, key)) == wanted]
    if tags := set(query.getall("tags[]", [])):
        found = [call for call in found if tags & set(call.tags)]
    return found


def list_calls(ask: Ask) -> dict[str, object]:
    """`GET connections`, newest first."""
    return ask.envelope(_found(ask), lambda call: _row(ask, call))


def list_recordings(ask: Ask) -> dict[str, object]:
    """`GET recordings`: answered calls with the time their recording was made."""
    answered = [call for call in _found(ask) if call.filename]

    def show(call: Call) -> dict[str, object]:
        made = call.started_at + timedelta(seconds=call.duration)
        return _row(ask, call) | {"created_at": local(ask.system.zone, made)[:16]}

    return ask.envelope(answered, show)


def get_topic(ask: Ask) -> dict[str, object]:
    """`GET connections/:id/topic`: what the agent wrote down."""
    call = ask.system.calls.get(ask.path["id"])
    written = call is not None and (call.topic_id is not None or call.comment)
    if call is None or not (written or ask.system.switches.topic_missing == "nulls"):
        raise ApiError(404, "Not found")
    return {
        "topic_id": call.topic_id,
        "agent_login": call.topic_agent or None,
        "comment": call.comment or None,
        "custom_fields": call.topic_fields,
    }


def set_topic(ask: Ask) -> None:
    """`POST connections/topic`: add or update; the keys mirror those of the answer above."""
    body, system = ask.body, ask.system
    call = system.calls.get(body.need("connection_id"))
    if call is None:
        raise ApiError(404, "Not found", "connection_id")
    write_topic(system, call, body.number("topic_id"), body.text("comment"), body.text("agent_login"))
    call.topic_fields = [dict(row.values) for row in body.rows("custom_fields")]


def write_topic(system: System, call: Call, topic_id: int | None, comment: str, agent: str) -> None:
    """Write down topic and comment of a call; no hook tells it."""
    if topic_id is not None and topic_id not in system.topics:
        raise ApiError(400, "Invalid value", "topic_id")
    call.topic_id, call.comment, call.topic_agent = topic_id, comment, agent or call.user_login


ROUTES: tuple[Route, ...] = (
    ("GET", "connections", list_calls),
    ("GET", "connections/:id/topic", get_topic),
    ("POST", "connections/topic", set_topic),
    ("GET", "recordings", list_recordings),
)
