"""Chats.

Vendor page: https://api.thulium.com/docs/api/chats/get_chats; the keys of messages are our reading (see `Switches`).
"""

from __future__ import annotations

import uuid
from datetime import datetime

from connector.sandbox.thulium.api import Ask, Route
from connector.sandbox.thulium.state import Chat, ChatMessage, System
from connector.sandbox.thulium.wire import ApiError, blank, bound, local_ms, mixed

STATUSES = ("CREATED", "IN_PROGRESS", "CLOSED")


def _row(ask: Ask, chat: Chat) -> dict[str, object]:
    system, n = ask.system, chat.n
    row: dict[str, object] = {
        "conversation_id": chat.conversation_id,
        "chat_queue_id": mixed(n + 1, chat.queue_id),
        "client_name": blank(n, chat.client_name),
        "client_email": blank(n, chat.client_email),
        "customer_id": mixed(n, chat.customer_id),
        "created_at": local_ms(system.zone, chat.created_at),
        "closed_at": local_ms(system.zone, chat.closed_at) if chat.closed_at else None,
        "status": chat.status,
        "user_login": blank(n, chat.user_login),
    }
    if chat.conversation_id in system.broken:
        row |= {"created_at": None, "closed_at": "0000-00-00"}
    if ask.wants("include_messages"):
        row["messages"] = [_message(system, message) for message in chat.messages]
    if ask.wants("include_files"):
        row["files"] = []
    if ask.wants("include_client_data"):
        row["client_data"] = chat.client_data
    if system.switches.chat_source:
        row |= {"source": chat.source, "topic": blank(n, chat.topic)}
    return row


def _message(system: System, message: ChatMessage) -> dict[str, object]:
    return {
        "sent_by": message.sent_by,
        system.switches.chat_text_key: message.text,
        "created_at": local_ms(system.zone, message.created_at),
    }


def list_chats(ask: Ask) -> dict[str, object]:
    """`GET chats` by start, newest first, open ones included."""
    query, system = ask.query, ask.system
    found = system.chats_by_start.between(
        bound(query, "date_from"), bound(query, "date_to"), inclusive=system.switches.bounds == "inclusive"
    )
    if status := query.get("status"):
        if status not in STATUSES:
            raise ApiError(400, "Invalid value", "status")
        found = [chat for chat in found if chat.status == status]
    if queue := query.get("chat_queue_id"):
        found = [chat for chat in found if str(chat.queue_id) == queue]
    return ask.envelope(found, lambda chat: _row(ask, chat))


def open_chat(system: System, at: datetime, *, customer_id: int | None, name: str, email: str) -> Chat:
    """Begin a chat as the client does."""
    n = next(system.numbers)
    ref = str(uuid.UUID(int=system.chance.getrandbits(128), version=4))
    chat = Chat(n, ref, at, next(iter(system.chat_queues), None), name, email, customer_id)
    system.chats[ref] = chat
    system.chats_by_start.add(local_ms(system.zone, at), n, chat)
    return chat


def take_chat(chat: Chat, agent: str) -> None:
    """An agent answers."""
    chat.user_login, chat.status = agent, "IN_PROGRESS"


def say(chat: Chat, sent_by: str, text: str, at: datetime) -> None:
    """Add a line."""
    chat.messages.append(ChatMessage(sent_by, text, at))


def close_chat(chat: Chat, at: datetime) -> None:
    """End the chat."""
    chat.status, chat.closed_at = "CLOSED", at


def tell_chat(system: System, action: str, chat: Chat, at: datetime) -> None:
    """Send one of the three chat hooks."""
    fields: dict[str, object] = {"conversation_id": chat.conversation_id}
    if action == "CHAT_CONVERSATION_CREATED":
        fields |= {"client_name": chat.client_name, "client_email": chat.client_email}
    if action == "CHAT_AGENT_ASSIGNED":
        fields["agent_login"] = chat.user_login
    system.emit(system, action, fields | {"date": at, "chat_queue_id": chat.queue_id})


ROUTES: tuple[Route, ...] = (("GET", "chats", list_chats),)
