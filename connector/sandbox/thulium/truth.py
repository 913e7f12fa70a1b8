"""What really happened: every call, closed chat and ticket message, to compare with what Pipedrive has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypedDict

from connector.sandbox.thulium.state import Call, Chat, Customer, Message, System, Ticket


class Fact(TypedDict):
    """One event; times are aware UTC to the second, `number` and `email` are the customer's."""

    system: str
    kind: str
    type: str
    id: str
    start: datetime
    end: datetime
    customer_id: int | None
    customer_name: str
    number: str
    email: str
    agent: str
    result: str
    topic: str
    text: str
    ticket_id: int | None
    subject: str


def facts(system: System, since: datetime | None, until: datetime | None) -> list[Fact]:
    """All events that began in `[since, until)`, in order of their start."""
    return sorted(
        (
            fact
            for fact in _all(system)
            if (since is None or fact["start"] >= since) and (until is None or fact["start"] < until)
        ),
        key=lambda fact: fact["start"],
    )


def _all(system: System) -> Iterator[Fact]:
    for call in system.calls.values():
        yield _call(system, call)
    for chat in system.chats.values():
        if chat.status == "CLOSED":
            yield _chat(system, chat)
    for ticket in system.tickets.values():
        for message in ticket.messages:
            yield _message(system, ticket, message)


def _call(system: System, call: Call) -> Fact:
    fact = _fact(
        system, "call", "INBOUND" if call.inbound else "OUTBOUND", call.connection_id, call.started_at
    )
    fact |= {"number": call.customer_number, "agent": call.user_login, "result": call.disposition}
    fact["end"] = datetime.fromtimestamp(call.started_at.timestamp() + call.duration, call.started_at.tzinfo)
    fact["topic"] = system.topics.get(call.topic_id or 0, "")
    fact["text"] = call.comment
    fact["ticket_id"] = call.ticket_id
    return _with_customer(fact, system, call.customer_id)


def _chat(system: System, chat: Chat) -> Fact:
    fact = _fact(system, "chat", chat.status, chat.conversation_id, chat.created_at)
    fact |= {"email": chat.client_email, "agent": chat.user_login, "topic": chat.topic}
    fact["end"] = chat.closed_at or chat.created_at
    fact["text"] = "\n".join(message.text for message in chat.messages)
    return _with_customer(fact, system, chat.customer_id, chat.client_name)


def _message(system: System, ticket: Ticket, message: Message) -> Fact:
    fact = _fact(system, "message", message.type, str(message.message_id), message.created_at)
    fact |= {"email": ticket.sender, "agent": message.user_login, "ticket_id": ticket.ticket_id}
    fact["subject"] = ticket.subject
    fact["text"] = message.body or message.comment or message.system_comment
    return _with_customer(fact, system, ticket.customer_id)


def _fact(system: System, kind: str, detail: str, ref: str, at: datetime) -> Fact:
    return {
        "system": system.name,
        "kind": kind,
        "type": detail,
        "id": ref,
        "start": at,
        "end": at,
        "customer_id": None,
        "customer_name": "",
        "number": "",
        "email": "",
        "agent": "",
        "result": "",
        "topic": "",
        "text": "",
        "ticket_id": None,
        "subject": "",
    }


def _with_customer(fact: Fact, system: System, customer_id: int | None, name: str = "") -> Fact:
    card: Customer | None = system.customers.get(customer_id or 0)
    fact["customer_id"], fact["customer_name"] = customer_id, card.full_name if card else name
    return fact
