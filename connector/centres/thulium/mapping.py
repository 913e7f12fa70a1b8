"""Thulium's JSON rows as records: pure, lenient where the vendor's pages are silent (README.md lists each reading).

A call, chat or message that cannot be read becomes an `Unreadable` among its neighbours. PESEL numbers are never read.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from connector.centres.thulium.wallclock import WallClock
from connector.centres.thulium.wire import (
    Malformed,
    Row,
    custom_of,
    first_of,
    id_of,
    raw_text,
    reference_of,
    row_key,
    seconds_of,
    special_of,
    stable_hash,
    text_of,
    unknown,
    word_of,
)
from connector.records import (
    Call,
    CallResult,
    CallTopic,
    Chat,
    Direction,
    EventKind,
    Hint,
    LiveEvent,
    LiveKind,
    Message,
    Ticket,
    Unreadable,
    Window,
)
from connector.text import cut, html_to_text

STORED_TEXT = 2_000

_DIRECTIONS = {"INBOUND": Direction.INBOUND, "OUTBOUND": Direction.OUTBOUND}
_RESULTS = {
    ("ANSWERED", Direction.INBOUND): CallResult.ANSWERED,
    ("ANSWERED", Direction.OUTBOUND): CallResult.ANSWERED,
    ("BUSY", Direction.INBOUND): CallResult.FAILED,
    ("BUSY", Direction.OUTBOUND): CallResult.FAILED,
    ("FAILED", Direction.INBOUND): CallResult.FAILED,
    ("FAILED", Direction.OUTBOUND): CallResult.FAILED,
    ("NO ANSWER", Direction.INBOUND): CallResult.ABANDONED,
    ("NO ANSWER", Direction.OUTBOUND): CallResult.FAILED,
}
_UNANSWERED = {"BUSY": "busy", "FAILED": "failed", "NO ANSWER": "no_answer"}
_MESSAGES = {"MAIL": Direction.INBOUND, "REPLY": Direction.OUTBOUND}
_SHAPE_ERRORS = (Malformed, ValueError, TypeError, KeyError, AttributeError, OverflowError)

_IDS = {EventKind.CALL: "connection_id", EventKind.CHAT: "conversation_id", EventKind.MESSAGE: "message_id"}

Rec = TypeVar("Rec")


def _readable(
    kind: EventKind, row: Any, read: Callable[[Row], Rec], wall: WallClock, window: Window
) -> Rec | Unreadable:
    try:
        return read(row)
    except _SHAPE_ERRORS as error:
        return _unreadable(kind, row, error, wall, window.since)


def _unreadable(
    kind: EventKind, row: Any, error: Exception, wall: WallClock, since: datetime, *, key: str | None = None
) -> Unreadable:
    fields = row if isinstance(row, dict) else {}
    moment = wall.utc_or_none(fields.get("date") or fields.get("created_at"))
    # Stored in clear, so without what the row says: that is in its sealed contents.
    reason = str(error) if isinstance(error, Malformed) else type(error).__name__
    return Unreadable(kind, key or row_key(row, _IDS[kind]), moment or since, reason, raw_text(row))


def read_calls(
    rows: list[Any], window: Window, wall: WallClock, topics: Mapping[str, str]
) -> list[Call | Unreadable]:
    """The calls of one page that began in the window."""
    calls = (
        _readable(EventKind.CALL, row, partial(read_call, wall=wall, topics=topics), wall, window)
        for row in rows
    )
    return [call for call in calls if _within(window, _moment(call))]


def read_chats(rows: list[Any], window: Window, wall: WallClock) -> list[Chat | Unreadable]:
    """The chats of one page that began in the window."""
    chats = (_readable(EventKind.CHAT, row, partial(read_chat, wall=wall), wall, window) for row in rows)
    return [chat for chat in chats if _within(window, _moment(chat))]


def _within(window: Window, moment: datetime) -> bool:
    return window.since <= moment < window.until


def _moment(event: Call | Chat | Unreadable) -> datetime:
    return event.occurred_at if isinstance(event, Unreadable) else event.started_at


def read_call(row: Row, wall: WallClock, topics: Mapping[str, str]) -> Call:
    """Read a row of https://api.thulium.com/docs/api/connections/get_connections."""
    get = row.get
    direction = _DIRECTIONS.get(word_of(get("type")))
    if direction is None:
        raise unknown(get("type"), "type")
    result = _RESULTS.get((word_of(get("disposition")), direction))
    if result is None:
        raise unknown(get("disposition"), "disposition")
    return Call(
        id=id_of(get("connection_id"), "connection_id"),
        direction=direction,
        result=result,
        started_at=wall.utc(get("date"), "date"),
        src=text_of(get("src")) or "",
        dst=text_of(get("dst")) or "",
        connection_s=seconds_of(get("duration"), "duration"),
        talk_s=seconds_of(get("billsec"), "billsec"),
        agent_id=text_of(get("user_login")),
        agent_name=text_of(get("user")),
        customer_id=reference_of(get("customer_id")),
        queue_id=reference_of(get("queue_id")),
        campaign=reference_of(get("outbound_name") or get("outbound_id")),
        topic=_topic_of_call(row) or topics.get(topic_id_of(row) or ""),
        ticket_id=reference_of(get("ticket_id")),
        unanswered=_UNANSWERED.get(word_of(get("disposition")), ""),
    )


def topic_id_of(row: Row) -> str | None:
    """The id of a call's topic, if it has one."""
    return reference_of(row.get("topic_id"))


def topic_to_look_up(row: Any) -> str | None:
    """The id of a listed call's topic if only the list of topics can tell its name."""
    return topic_id_of(row) if isinstance(row, dict) and _topic_of_call(row) is None else None


def _topic_of_call(row: Row) -> str | None:
    for key in ("topics", "topic", "topic_name"):
        if (value := row.get(key)) and (name := _topic_name(value)):
            return name
    return None


def _topic_name(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(name for item in value if (name := _topic_name(item))) or None
    if isinstance(value, dict):
        return text_of(value.get("name") or value.get("topic_name") or value.get("topic"))
    return text_of(value) if isinstance(value, str) else None


def read_call_topic(row: Row, topics: Mapping[str, str]) -> CallTopic | None:
    """Read https://api.thulium.com/docs/api/connections/get_connections_id_topic; None while nothing is written."""
    note = row.get("comment")
    note = cut(note.strip(), STORED_TEXT) if isinstance(note, str) and text_of(note) else None
    topic = _topic_of_call(row) or topics.get(topic_id_of(row) or "")
    return CallTopic(topic, note) if topic or note else None


def read_chat(row: Row, wall: WallClock) -> Chat:
    """Read a row of https://api.thulium.com/docs/api/chats/get_chats."""
    get = row.get
    started_at = wall.utc(get("created_at"), "created_at")
    status = word_of(get("status"))
    ended_at = None if status in ("CREATED", "IN PROGRESS") else wall.utc_or_none(get("closed_at"))
    if status == "CLOSED" and ended_at is None:
        ended_at = started_at
    client = get("client_data")
    client = client if isinstance(client, dict) else {}
    return Chat(
        id=id_of(get("conversation_id"), "conversation_id"),
        started_at=started_at,
        ended_at=max(ended_at, started_at) if ended_at else None,
        customer_id=reference_of(get("customer_id")),
        client_name=text_of(get("client_name")) or first_of(client, "name", "client_name"),
        client_email=text_of(get("client_email")) or first_of(client, "email", "client_email"),
        agent_id=text_of(get("user_login")),
        queue_id=reference_of(get("chat_queue_id")),
        source=text_of(get("source")) or first_of(client, "source"),
        topic=_topic_of_call(row),
        text=_chat_text(get("messages")),
    )


def _chat_text(messages: Any) -> str:
    lines: list[str] = []
    size = 0
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        said = next(
            (value for key in ("text", "message", "content", "body") if (value := message.get(key))), None
        )
        if not isinstance(said, str):
            continue
        who = first_of(message, "sent_by", "author", "sender")
        said = " ".join(html_to_text(said, STORED_TEXT).split())
        line = f"{who}: {said}" if who else said
        lines.append(line)
        size += len(line)
        if size > STORED_TEXT:
            break
    return cut("\n".join(lines), STORED_TEXT)


def read_messages(row: Any, wall: WallClock, since: datetime) -> Iterator[Message | Unreadable]:
    """Read a ticket of https://api.thulium.com/docs/api/tickets/get_tickets_id: its mails and replies, oldest first."""
    try:
        ticket = _ticket(row, wall)
        messages = list(row.get("messages") or ())
    except _SHAPE_ERRORS as error:
        yield _unreadable(
            EventKind.MESSAGE, row, error, wall, since, key="ticket-" + row_key(row, "ticket_id")
        )
        return
    same: Counter[str] = Counter()
    # The vendor's sample is newest first.
    for raw in reversed(messages):
        try:
            if (message := _message(raw, ticket, wall, same)) is not None:
                yield message
        except _SHAPE_ERRORS as error:
            alone = (
                {**raw, "ticket_id": ticket.id}
                if isinstance(raw, dict)
                else {"ticket_id": ticket.id, "message": raw}
            )
            yield _unreadable(EventKind.MESSAGE, alone, error, wall, since)


def _message(raw: Row, ticket: Ticket, wall: WallClock, same: Counter[str]) -> Message | None:
    """One mail or reply; None for a comment."""
    kind = word_of(raw.get("type"))
    if kind == "COMMENT" or (not kind and raw.get("system_comment")):
        return None
    if (direction := _MESSAGES.get(kind)) is None:
        raise unknown(raw.get("type"), "type")
    login, body = text_of(raw.get("user_login")), raw.get("body")
    return Message(
        id=text_of(raw.get("message_id")) or _nameless(ticket.id, raw, same),
        ticket=ticket,
        direction=direction,
        created_at=wall.utc(raw.get("created_at"), "created_at"),
        sender=ticket.requester if direction is Direction.INBOUND else login,
        agent_id=ticket.agent_id or login,
        text=cut(html_to_text(body), STORED_TEXT) if isinstance(body, str) else "",
    )


def _nameless(ticket_id: str, raw: Row, same: Counter[str]) -> str:
    """A name for a message without id: from its ticket, time and type, and its place among those that share these."""
    base = f"{ticket_id}|{raw.get('created_at')}|{word_of(raw.get('type'))}"
    same[base] += 1
    return "sha-" + stable_hash(f"{base}|{same[base]}".encode())


def _ticket(row: Row, wall: WallClock) -> Ticket:
    get = row.get
    created_at, updated_at = wall.utc_or_none(get("created_at")), wall.utc_or_none(get("updated_at"))
    moment = created_at or updated_at
    if moment is None:
        raise Malformed("the ticket has no readable time")
    return Ticket(
        id=id_of(get("ticket_id"), "ticket_id"),
        subject=text_of(get("subject")) or "",
        created_at=moment,
        updated_at=updated_at or moment,
        requester=text_of(get("from")),
        agent_id=text_of(get("user_login")),
        customer_id=reference_of(get("customer_id")),
        queue_id=reference_of(get("ticket_queue_id")),
        queue_name=text_of(get("ticket_queue_name")),
        status=text_of(get("full_status_name")) or reference_of(get("status_id")),
        source=(text_of(get("source")) or "email").lower(),
        custom=custom_of(get("custom_fields")),
    )


def read_ticket(row: Any, wall: WallClock) -> Ticket | None:
    """Read https://api.thulium.com/docs/api/tickets/get_tickets_id without its messages; None for an unreadable one."""
    try:
        return _ticket(row, wall)
    except _SHAPE_ERRORS:
        return None


def special_text(row: Row, field: str) -> str:
    """What a special field of a record holds, empty when nothing."""
    return special_of(custom_of(row.get("custom_fields")).get(field))


def has_comment(row: Row, words: str) -> bool:
    """Whether a comment of the ticket contains these words, as they are or as HTML writes them."""
    for message in row.get("messages") or ():
        if not isinstance(message, dict):
            continue
        own = message.get("body") if word_of(message.get("type")) == "COMMENT" else None
        for said in (message.get("comment"), own):
            if isinstance(said, str) and (words in said or words in html.unescape(said)):
                return True
    return False


def agent_of(row: Row) -> dict[str, object]:
    """The agent of a ticket as a key of what is sent; empty when nobody has it."""
    login = text_of(row.get("user_login"))
    return {"user_login": login} if login else {}


def unlisted_ticket(row: Any, part: str) -> str | None:
    """The id of a ticket that a list gave without this part."""
    return None if not isinstance(row, dict) or row.get(part) else text_of(row.get("ticket_id"))


def whole_ticket(row: Any, detail: Row | None) -> Row | None:
    """A listed ticket with what reading it alone added; None when it is gone by now."""
    return None if detail is None else {**row, **detail}


def read_hint(event: Row, wall: WallClock) -> Hint | None:
    """What a webhook's event is about, told by the id it carries: the names of some actions are not public."""
    action = text_of(event.get("action")) or "unknown"
    ids = {key: found for key in _HINTS if (found := text_of(event.get(key)))}
    key = next(iter(ids), None)
    if key is None:
        return None
    date = text_of(event.get("date"))
    kind = "recording" if key == "connection_id" and action.startswith("RECORDING") else _HINTS[key]
    dedup_key = ":".join((action, *ids.values(), date or ""))
    if len(dedup_key) > 200:
        dedup_key = stable_hash(dedup_key.encode())
    return Hint(
        kind,
        ids[key],
        wall.utc_or_none(date),
        dedup_key,
        customer_id=reference_of(event.get("customer_id")),
        company_id=reference_of(event.get("company_id")),
    )


def read_live(event: Row, wall: WallClock) -> LiveEvent | None:
    """What a webhook's event tells of a call that goes on; most of these actions' names are not public."""
    words = word_of(event.get("action"))
    call_id = text_of(event.get("connection_id"))
    kind = next((kind for kind, said in _LIVE if said.search(words)), None)
    if call_id is None or kind is None:
        return None
    return LiveEvent(
        kind,
        call_id,
        agent_id=first_of(event, "agent_login", "user_login"),
        source=first_of(event, "source_number", "src") or "",
        destination=first_of(event, "destination_number", "dst") or "",
        at=wall.utc_or_none(event.get("date")),
        tag=_tag_of(event.get("custom_data")),
    )


def _tag_of(data: object) -> str:
    """What we gave a dial, should the vendor put it into JSON."""
    return (text_of(data) or "").strip('"')


_LIVE = (
    (
        LiveKind.ENDED,
        re.compile(
            r"\b(END|ENDED|ENDS|HANGUP|HANG|HUNG|FINISHED|DISCONNECTED|TERMINATED|COMPLETED|RECORDING)\b"
        ),
    ),
    (LiveKind.AGENT_ANSWERED, re.compile(r"\b(AGENT|USER)\b.*\b(ANSWER|ANSWERED|CONNECTED)\b")),
    (LiveKind.ANSWERED, re.compile(r"\b(ANSWER|ANSWERED|CONNECTED)\b")),
    (LiveKind.RINGING, re.compile(r"\b(RING|RINGING)\b")),
)

# Most telling first: an event of a ticket or call may name its customer too.
_HINTS = {
    "connection_id": "call",
    "conversation_id": "chat",
    "ticket_id": "ticket",
    "customer_id": "customer",
    "company_id": "company",
}
