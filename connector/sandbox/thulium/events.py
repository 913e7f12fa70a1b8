"""What can happen in a contact centre, from a JSON spec: listed as the past, or happening now with its webhooks.

Keys that are left out get ordinary values. Times are ISO 8601 with zone; without one it is now.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from connector.sandbox.thulium import calls, chats, crm, tickets
from connector.sandbox.thulium.state import Call, Chat, Company, Customer, System, Ticket
from connector.sandbox.thulium.wire import ApiError, Body

LINE = "221234567"
"""The contact centre's own number."""


def known(system: System, body: Body, *, number: str = "", email: str = "") -> Customer | None:
    """Find the customer a spec names by `customer_id`, else the only one with this number or e-mail.

    An explicit null means nobody, whoever has the number.
    """
    if "customer_id" in body:
        ref = body.number("customer_id")
        if ref is not None and ref not in system.customers:
            raise ApiError(400, "Invalid value", "customer_id")
        return None if ref is None else system.customers[ref]
    if not (number or email):
        return None
    tail = number[-9:]
    same = [
        card
        for card in system.customers.values()
        if (tail and any(phone[-9:] == tail for phone in card.phones)) or (email and email in card.emails)
    ]
    return same[0] if len(same) == 1 else None


def _id(card: Customer | None) -> int | None:
    return card.customer_id if card else None


def call(system: System, body: Body) -> Call:
    """List a call: `type`, `number` (the customer's) or `customer_id`, `disposition`, `ring`, `talk`, `agent`, `queue_id`,
    `topic_id`, `comment`, `tags`, `at` (start).
    """
    inbound = body.text("type", "INBOUND") == "INBOUND"
    number = body.text("number").replace(" ", "")
    card = known(system, body, number=number)
    if not number:
        if card is None or not card.phones:
            raise ApiError(400, "Parameter is required", "number")
        number = card.phones[0]
    disposition = body.text("disposition", "ANSWERED")
    if disposition not in calls.DISPOSITIONS:
        raise ApiError(400, "Invalid value", "disposition")
    ring, talk = body.number("ring"), body.number("talk")
    ring, talk = 8 if ring is None else ring, 60 if talk is None else talk
    length = timedelta(seconds=ring + (talk if disposition == "ANSWERED" else 0))
    made = calls.add_call(
        system,
        body.when("at") or system.now() - length,
        inbound=inbound,
        src=number if inbound else LINE,
        dst=LINE if inbound else number,
        disposition=disposition,
        ring=ring,
        talk=talk,
        agent=body.text("agent", next(iter(system.agents), "")),
        queue_id=body.number("queue_id") if "queue_id" in body else next(iter(system.queues), None),
        customer_id=_id(card),
        ref=body.text("connection_id"),
    )
    made.tags = tuple(body.texts("tags"))
    if body.text("topic_id") or body.text("comment"):
        calls.write_topic(system, made, body.number("topic_id"), body.text("comment"), made.user_login)
    return made


def call_now(system: System, body: Body) -> dict[str, object]:
    """List a call that has just ended: the agent's phone rang, then the recording was ready."""
    made = call(system, body)
    fields = {
        "connection_id": made.connection_id,
        "queue_id": made.queue_id,
        "agent_login": made.user_login,
        "source_number": made.src,
        "destination_number": made.dst,
        "date": made.started_at,
    }
    if made.user_login:
        system.emit(system, "AGENT_RINGING", fields)
    calls.end_call(system, made)
    return {"id": made.connection_id}


def topic_now(system: System, body: Body) -> dict[str, object]:
    """Write down topic and comment of a call (`connection_id`, `topic_id`, `comment`, `agent`)."""
    made = system.calls.get(body.need("connection_id"))
    if made is None:
        raise ApiError(404, "Not found", "connection_id")
    calls.write_topic(system, made, body.number("topic_id"), body.text("comment"), body.text("agent"))
    return {"id": made.connection_id}


def chat(system: System, body: Body) -> Chat:
    """List a chat: `name`, `email`, `customer_id`, `agent`, `queue_id`, `source`, `topic`, `messages` of `{sent_by, text,
    at}`, `at` (start), `closed_at`.
    """
    at, email = body.when("at") or system.now(), body.text("email")
    card = known(system, body, email=email)
    name = body.text("name") or (card.full_name if card else "")
    made = chats.open_chat(
        system,
        at,
        customer_id=_id(card),
        name=name,
        email=email or (card.emails[0] if card and card.emails else ""),
    )
    made.queue_id = body.number("queue_id") or made.queue_id
    made.source, made.topic = body.text("source", made.source), body.text("topic")
    made.client_data = body.part("client_data")
    for n, line in enumerate(body.rows("messages")):
        chats.say(
            made,
            line.text("sent_by", "CLIENT"),
            line.text("text"),
            line.when("at") or at + timedelta(seconds=20 * n),
        )
    if agent := body.text("agent"):
        chats.take_chat(made, agent)
    if closed_at := body.when("closed_at"):
        chats.close_chat(made, closed_at)
    return made


def chat_now(system: System, body: Body) -> dict[str, object]:
    """Begin a chat; with an agent it is taken, with `"close": true` it is over as well."""
    made = chat(system, body)
    chats.tell_chat(system, "CHAT_CONVERSATION_CREATED", made, made.created_at)
    if made.user_login:
        chats.tell_chat(system, "CHAT_AGENT_ASSIGNED", made, made.created_at)
    if body.flag("close") and made.closed_at is None:
        chats.close_chat(made, system.now())
    if made.closed_at:
        chats.tell_chat(system, "CHAT_CONVERSATION_CLOSED", made, made.closed_at)
    return {"id": made.conversation_id}


def _open_chat(system: System, body: Body) -> Chat:
    made = system.chats.get(body.need("conversation_id"))
    if made is None or made.status == "CLOSED":
        raise ApiError(404, "Not found", "conversation_id")
    return made


def chat_message_now(system: System, body: Body) -> dict[str, object]:
    """Say something in an open chat (`conversation_id`, `sent_by`, `text`); the first line of an `agent` takes it."""
    made, agent = _open_chat(system, body), body.text("agent")
    chats.say(made, "AGENT" if agent else body.text("sent_by", "CLIENT"), body.need("text"), system.now())
    if agent and made.status == "CREATED":
        chats.take_chat(made, agent)
        chats.tell_chat(system, "CHAT_AGENT_ASSIGNED", made, system.now())
    return {"id": made.conversation_id}


def chat_close_now(system: System, body: Body) -> dict[str, object]:
    """End an open chat (`conversation_id`)."""
    made = _open_chat(system, body)
    chats.close_chat(made, system.now())
    chats.tell_chat(system, "CHAT_CONVERSATION_CLOSED", made, system.now())
    return {"id": made.conversation_id}


def ticket(system: System, body: Body) -> Ticket:
    """List a ticket: `from`, `customer_id`, `subject`, `agent`, `source`, `ticket_queue_id`, `status_id`, `at` (creation),
    `messages` of `{type, body, agent, at}`; without messages one MAIL with `body`.
    """
    sender, at = body.text("from"), body.when("at") or system.now()
    card = known(system, body, email=sender)
    if not sender and card and card.emails:
        sender = card.emails[0]
    made = tickets.open_ticket(
        system,
        at,
        sender=sender,
        subject=body.text("subject", "Zapytanie"),
        customer_id=_id(card),
        ticket_id=body.number("ticket_id"),
    )
    made.user_login, made.source = body.text("agent"), body.text("source", "email")
    made.to = next(iter(system.mailboxes), "")
    made.queue_id = body.number("ticket_queue_id") or made.queue_id
    made.status_id = body.number("status_id") or made.status_id
    made.closed_at = body.when("closed_at")
    made.custom_fields = body.part("custom_fields")
    lines = body.rows("messages") or [
        Body({"body": body.text("body", "<p>Dzień dobry</p>"), "at": body.text("at")})
    ]
    for n, line in enumerate(lines):
        tickets.add_message(
            system,
            made,
            _kind(line),
            line.text("body"),
            at=line.when("at") or at + timedelta(seconds=60 * n),
            agent=line.text("agent"),
        )
    if updated_at := body.when("updated_at"):
        tickets.touch(system, made, updated_at)
    return made


def _kind(line: Body) -> str:
    kind = line.text("type", "MAIL")
    if kind not in ("MAIL", "REPLY", "COMMENT"):
        raise ApiError(400, "Invalid value", "type")
    return kind


def ticket_now(system: System, body: Body) -> dict[str, object]:
    """Have a customer's mail make a ticket."""
    made = ticket(system, body)
    tickets.tell_created(system, made, "in_behalf_of")
    return {"id": made.ticket_id, "message_ids": [message.message_id for message in made.messages]}


def _ticket(system: System, body: Body) -> Ticket:
    made = system.tickets.get(body.number("ticket_id") or 0)
    if made is None:
        raise ApiError(404, "Not found", "ticket_id")
    return made


def ticket_message_now(system: System, body: Body) -> dict[str, object]:
    """Add a message to a ticket (`ticket_id`, `type` MAIL, REPLY or COMMENT, `body`, `agent`)."""
    made, kind = _ticket(system, body), _kind(body)
    agent = body.text("agent", "" if kind == "MAIL" else made.user_login or next(iter(system.agents), ""))
    message = tickets.add_message(system, made, kind, body.need("body"), at=system.now(), agent=agent)
    return {"id": message.message_id}


def ticket_touch_now(system: System, body: Body) -> dict[str, object]:
    """Modify a ticket without a message; with `status_id` its status changes."""
    made = _ticket(system, body)
    if (status_id := body.number("status_id")) is not None:
        tickets.set_status(system, made, status_id)
    tickets.touch(system, made)
    return {"id": made.ticket_id}


def customer_now(system: System, body: Body) -> dict[str, object]:
    """Change the customer of `customer_id`, or make one, with the keys of the API."""
    values = {key: value for key, value in body.values.items() if key != "customer_id"}
    if (ref := body.number("customer_id")) is None:
        card = crm.add_customer(system, Body(values))
        crm.tell_change(system, "CUSTOMER_CREATED", card)
    else:
        card = _card(system, ref)
        crm.change_customer(system, card, Body(values))
    return {"id": card.customer_id}


def _card(system: System, ref: int | None) -> Customer:
    card = system.customers.get(ref or 0)
    if card is None:
        raise ApiError(404, "Not found", "customer_id")
    return card


def customer_deleted_now(system: System, body: Body) -> dict[str, object]:
    """Delete a customer (`customer_id`); no known hook tells it."""
    card = _card(system, body.number("customer_id"))
    crm.drop_customer(system, card)
    return {"id": card.customer_id}


def customer_merged_now(system: System, body: Body) -> dict[str, object]:
    """Merge a customer (`customer_id`) into another (`into`), who gains what he lacks and all that happened."""
    gone, survivor = _card(system, body.number("customer_id")), _card(system, body.number("into"))
    crm.merge_customers(system, gone, survivor)
    return {"id": survivor.customer_id}


def company_now(system: System, body: Body) -> dict[str, object]:
    """Change the company of `company_id`, or make one, with the keys of the API."""
    values = {key: value for key, value in body.values.items() if key != "company_id"}
    if (ref := body.number("company_id")) is None:
        made = crm.add_company(system, Body(values))
        crm.tell_change(system, "CUSTOMER_CREATED", made.card)
    else:
        made = _company(system, ref)
        crm.change_company(system, made, Body(values))
    return {"id": made.company_id, "customer_id": made.card.customer_id}


def company_deleted_now(system: System, body: Body) -> dict[str, object]:
    """Delete a company (`company_id`); no known hook tells it."""
    made = _company(system, body.number("company_id"))
    crm.drop_company(system, made)
    return {"id": made.company_id}


def _company(system: System, ref: int | None) -> Company:
    company = system.companies.get(ref or 0)
    if company is None:
        raise ApiError(404, "Not found", "company_id")
    return company


def broken_now(system: System, body: Body) -> dict[str, object]:
    """Have the row of a call, chat or message (`id`) come in a wrong shape, or right again with `"mended": true`."""
    ref = body.need("id")
    if body.flag("mended"):
        system.broken.discard(ref)
    else:
        system.broken.add(ref)
    return {"id": ref}


HAPPENINGS: dict[str, Callable[[System, Body], dict[str, object]]] = {
    "call": call_now,
    "topic": topic_now,
    "chat": chat_now,
    "chat_message": chat_message_now,
    "chat_close": chat_close_now,
    "ticket": ticket_now,
    "ticket_message": ticket_message_now,
    "ticket_touch": ticket_touch_now,
    "customer": customer_now,
    "customer_deleted": customer_deleted_now,
    "customer_merged": customer_merged_now,
    "company": company_now,
    "company_deleted": company_deleted_now,
    "broken": broken_now,
}
