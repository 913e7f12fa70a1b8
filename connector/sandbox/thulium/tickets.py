"""Tickets and their messages.

Vendor pages: https://api.thulium.com/docs/api/tickets/get_tickets, …/get_tickets_id, …/post_tickets, …/put_tickets_id,
…/post_tickets_id_agent_response
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime

from connector.sandbox.thulium.api import Ask, Route
from connector.sandbox.thulium.state import Message, System, Ticket
from connector.sandbox.thulium.wire import (
    ApiError,
    Body,
    blank,
    bound,
    custom_wanted,
    hours,
    local,
    minute,
    mixed,
)

CLOSED = 3
SOURCES = ("email", "phone", "sms", "chat", "www")


def _message(system: System, message: Message) -> dict[str, object]:
    n = message.message_id
    broken = str(n) in system.broken
    return {
        "message_id": str(n) if n % 2 else n,
        "user_login": message.user_login,
        "type": message.type,
        "body": blank(n, message.body),
        "comment": blank(n, message.comment),
        "system_comment": blank(n + 1, message.system_comment),
        "created_at": None if broken else minute(system.zone, message.created_at),
        "attachments": message.attachments,
    }


def _row(ask: Ask, ticket: Ticket, *, messages: bool, fields: bool = True) -> dict[str, object]:
    system, n = ask.system, ticket.ticket_id
    replied = next((m.created_at for m in ticket.messages if m.type == "REPLY"), None)
    status = system.ticket_statuses.get(ticket.status_id, "")
    row: dict[str, object] = {
        "ticket_id": n,
        "from": blank(n, ticket.sender),
        "ticket_queue_name": system.ticket_queues.get(ticket.queue_id or 0, ""),
        "ticket_queue_id": ticket.queue_id,
        "subject": ticket.subject,
        "status_id": str(ticket.status_id),
        "substatus_id": mixed(n, ticket.substatus_id),
        "customer_id": mixed(n, ticket.customer_id),
        "full_status_name": status,
        "category_id": mixed(n, ticket.category_id),
        "user_login": blank(n, ticket.user_login),
        "source": ticket.source,
        "created_at": minute(system.zone, ticket.created_at),
        "updated_at": minute(system.zone, ticket.updated_at),
        "closed_at": minute(system.zone, ticket.closed_at),
        "close_time": _span(ticket.created_at, ticket.closed_at),
        "first_agent_responded_at": minute(system.zone, replied),
        "first_agent_response_time": _span(ticket.created_at, replied),
    }
    if messages:
        row["messages"] = [_message(system, message) for message in reversed(ticket.messages)]
    if fields and ask.wants("include_custom_fields"):
        row["custom_fields"] = {name: ticket.custom_fields.get(name) for name in system.ticket_fields}
    return row


def _span(since: datetime, until: datetime | None) -> str | None:
    return None if until is None else hours((until - since).total_seconds())


def _found(ask: Ask) -> Sequence[Ticket]:
    query, system = ask.query, ask.system
    inclusive = system.switches.bounds == "inclusive"
    found = system.tickets_by_change.between(
        bound(query, "date_from"), bound(query, "date_to"), inclusive=inclusive
    )
    if first := bound(query, "create_date_from"):
        found = [ticket for ticket in found if local(system.zone, ticket.created_at) >= first]
    if last := bound(query, "create_date_to"):
        found = [ticket for ticket in found if local(system.zone, ticket.created_at) <= last]
    keys = {"ticket_queue_id": "queue_id"} | {
        k: k for k in ("customer_id", "user_login", "source", "category_id")
    }
    for key, name in keys.items():
        if wanted := query.get(key):
            found = [ticket for ticket in found if str(getattr(ticket, name)) == wanted]
    if statuses := query.getall("status_id[]", []):
        found = [ticket for ticket in found if str(ticket.status_id) in statuses]
    if company := query.get("company_id"):
        people = {ref for ref, card in system.customers.items() if str(card.company_id) == company}
        found = [ticket for ticket in found if ticket.customer_id in people]
    if wanted := query.get("message_id"):
        found = [t for t in found if any(str(message.message_id) == wanted for message in t.messages)]
    for name, values in custom_wanted(query).items():
        found = [ticket for ticket in found if str(ticket.custom_fields.get(name, "")) in values]
    return found


def list_tickets(ask: Ask) -> dict[str, object]:
    """`GET tickets`, last modified first; on request a ticket moves as soon as a page was answered."""
    system, found = ask.system, _found(ask)
    switches = system.switches

    def show(ticket: Ticket) -> dict[str, object]:
        return _row(ask, ticket, messages=switches.list_messages, fields=switches.list_ticket_fields)

    listed = ask.envelope(found, show)
    if system.switches.moving_tickets and found:
        system.switches.moving_tickets = max(system.switches.moving_tickets - 1, -1)
        touch(system, found[-1])
    return listed


def touch(system: System, ticket: Ticket, at: datetime | None = None) -> None:
    """Modify a ticket now: it moves to the top of the list, with every later one pushed down."""
    if ticket.key:
        system.tickets_by_change.remove(ticket.key, ticket.ticket_id)
    ticket.updated_at = at or system.now()
    ticket.key = local(system.zone, ticket.updated_at)
    system.tickets_by_change.add(ticket.key, ticket.ticket_id, ticket)


def _ticket(ask: Ask) -> Ticket:
    if (ref := ask.number("id")) not in ask.system.tickets:
        raise ApiError(404, "Not found")
    return ask.system.tickets[ref]


def get_ticket(ask: Ask) -> dict[str, object]:
    """`GET tickets/:id`, messages newest first."""
    return _row(ask, _ticket(ask), messages=True)


def open_ticket(
    system: System,
    at: datetime,
    *,
    sender: str,
    subject: str,
    customer_id: int | None,
    ticket_id: int | None = None,
) -> Ticket:
    """Make a ticket without messages; `add_message` and `touch` follow."""
    ref = ticket_id or max(system.tickets, default=1000) + 1
    ticket = Ticket(ref, sender, subject, at, at, customer_id=customer_id)
    ticket.queue_id = next(iter(system.ticket_queues), None)
    system.tickets[ref] = ticket
    return ticket


def tell_created(system: System, ticket: Ticket, direction: str) -> None:
    """Send TICKET_CREATED."""
    fields: dict[str, object] = {
        "ticket_id": ticket.ticket_id,
        "customer_id": ticket.customer_id,
        "agent_login": ticket.user_login,
        "direction": direction,
        "date": ticket.created_at,
    }
    system.emit(system, "TICKET_CREATED", fields)


def add_message(
    system: System,
    ticket: Ticket,
    kind: str,
    body: str,
    *,
    at: datetime,
    agent: str = "",
    system_comment: str = "",
) -> Message:
    """Add MAIL, REPLY or COMMENT; the ticket counts as modified at that time. No known hook tells it."""
    comment = body if kind == "COMMENT" else ""
    message = Message(next(system.numbers), kind, at, "" if comment else body, agent, comment, system_comment)
    ticket.messages.append(message)
    ticket.messages.sort(key=lambda each: (each.created_at, each.message_id))
    touch(system, ticket, max(at, ticket.updated_at) if ticket.key else at)
    return message


def set_status(system: System, ticket: Ticket, status_id: int) -> None:
    """Change the status; the vendor notes it as a comment without text."""
    if status_id not in system.ticket_statuses:
        raise ApiError(400, "Invalid value", "status_id")
    if status_id == ticket.status_id:
        return
    ticket.status_id = status_id
    ticket.closed_at = system.now() if status_id == CLOSED else None
    said = f"Zmiana statusu: {system.ticket_statuses[status_id]}"
    add_message(system, ticket, "COMMENT", "", at=system.now(), system_comment=said)


def post_ticket(ask: Ask) -> dict[str, object]:
    """`POST tickets` on behalf of a customer (default) or as mail going out."""
    body, system = ask.body, ask.system
    to, subject, text = body.need("to"), body.need("subject"), body.need("body")
    source, direction = body.text("source", "email"), body.text("direction", "in_behalf_of")
    if to not in system.mailboxes:
        raise ApiError(400, "Invalid value", "to")
    if source not in SOURCES:
        raise ApiError(400, "Invalid value", "source")
    if direction not in ("in_behalf_of", "out"):
        raise ApiError(400, "Invalid value", "direction")
    customer_id, agent = body.number("customer_id"), body.text("user_login")
    if customer_id is not None and customer_id not in system.customers:
        raise ApiError(400, "Invalid value", "customer_id")
    custom = _custom_fields(system, body)
    now = system.now()
    ticket = open_ticket(system, now, sender=body.text("from"), subject=subject, customer_id=customer_id)
    ticket.to, ticket.source, ticket.user_login, ticket.custom_fields = to, source, agent, custom
    kind = "REPLY" if direction == "out" else "MAIL"
    add_message(system, ticket, kind, text, at=now, agent=agent if kind == "REPLY" else "")
    if comment := body.text("comment"):
        add_message(system, ticket, "COMMENT", comment, at=now, agent=agent)
    tell_created(system, ticket, direction)
    return {"ticket_id": ticket.ticket_id}


def _custom_fields(system: System, body: Body) -> dict[str, object]:
    kept: dict[str, object] = {}
    fill = body.flag("fill_read_only_custom_fields") and system.switches.fill_ticket_fields == "accept"
    reading = "accept" if fill else system.switches.read_only_ticket_fields
    for name, value in body.part("custom_fields").items():
        field = system.ticket_fields.get(name)
        if field is None:
            raise ApiError(400, "Unknown parameter", f"custom_fields[{name}]")
        if field.read_only and reading == "refuse":
            raise ApiError(400, "Field is read only", name)
        if not field.read_only or reading == "accept":
            kept[name] = value
    return kept


def put_ticket(ask: Ask) -> None:
    """`PUT tickets/:id`: a key left out or null stays unchanged; empty answer."""
    ticket, body, system = _ticket(ask), ask.body, ask.system
    known = {
        "user_login",
        "status_id",
        "substatus_id",
        "category_id",
        "tags",
        "ticket_queue_id",
        "custom_fields",
    }
    if system.switches.fill_ticket_fields != "refuse":
        known.add("fill_read_only_custom_fields")
    for key in body.values:
        if key not in known:
            raise ApiError(400, "Unknown parameter", key)
    custom, agent, queue_id = (
        _custom_fields(system, body),
        body.text("user_login"),
        body.number("ticket_queue_id"),
    )
    if agent and agent not in system.agents:
        raise ApiError(400, "Invalid value", "user_login")
    if queue_id is not None and queue_id not in system.ticket_queues:
        raise ApiError(400, "Invalid value", "ticket_queue_id")
    if (status_id := body.number("status_id")) is not None:
        set_status(system, ticket, status_id)
    ticket.user_login = agent or ticket.user_login
    ticket.queue_id = queue_id or ticket.queue_id
    ticket.substatus_id = body.number("substatus_id") or ticket.substatus_id
    ticket.category_id = body.number("category_id") or ticket.category_id
    ticket.tags = tuple(body.texts("tags")) or ticket.tags
    ticket.custom_fields |= custom
    touch(system, ticket)


def _date(ask: Ask) -> datetime:
    """Read `date` of a response, local time; it defaults to now."""
    if not (text := bound({"date": ask.body.text("date")}, "date")):
        return ask.now
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ask.system.zone).astimezone(UTC)
    except ValueError:
        raise ApiError(400, "Invalid value", "date") from None


def _text(body: Body) -> str:
    text, kind = body.need("body"), body.text("body_type", "HTML")
    if kind not in ("HTML", "PLAIN"):
        raise ApiError(400, "Invalid value", "body_type")
    return html.escape(text).replace("\n", "<br>") if kind == "PLAIN" else text


def post_agent_response(ask: Ask) -> list[object]:
    """`POST tickets/:id/agent_response`: a REPLY; the answer is an empty array."""
    ticket, agent = _ticket(ask), ask.body.need("user_login")
    if agent not in ask.system.agents:
        raise ApiError(400, "Invalid value", "user_login")
    add_message(ask.system, ticket, "REPLY", _text(ask.body), at=_date(ask), agent=agent)
    return []


def post_customer_response(ask: Ask) -> list[object]:
    """`POST tickets/:id/customer_response`: a MAIL; the answer is an empty array."""
    add_message(ask.system, _ticket(ask), "MAIL", _text(ask.body), at=_date(ask))
    return []


def post_comment(ask: Ask) -> None:
    """`POST tickets/:id/comment`; its keys are our reading, by a switch."""
    ticket, keys = _ticket(ask), ask.system.switches.comment_keys.split(",")
    for key in ask.body.values:
        if key not in (keys[0], "user_login"):
            raise ApiError(400, "Unknown parameter", key)
    needed = [ask.body.need(key) for key in keys]
    add_message(ask.system, ticket, "COMMENT", needed[0], at=ask.now, agent=ask.body.text("user_login"))


ROUTES: tuple[Route, ...] = (
    ("GET", "tickets", list_tickets),
    ("GET", "tickets/:id", get_ticket),
    ("POST", "tickets", post_ticket),
    ("PUT", "tickets/:id", put_ticket),
    ("POST", "tickets/:id/agent_response", post_agent_response),
    ("POST", "tickets/:id/customer_response", post_customer_response),
    ("POST", "tickets/:id/comment", post_comment),
)
