"""One Thulium account as a contact centre. https://api.thulium.com/docs/api"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from connector.centres.port import Account
from connector.centres.thulium import directory, mapping, wire
from connector.centres.thulium.cards import Cards
from connector.centres.thulium.client import Client, segment
from connector.centres.thulium.groups import Groups
from connector.centres.thulium.telephony import Telephony
from connector.centres.thulium.tickets import Tickets
from connector.centres.thulium.wallclock import WallClock
from connector.clock import Clock
from connector.errors import ConnectorError, Forbidden, NotFound, Rejected, Unauthorised, UnknownOutcome
from connector.records import (
    Agent,
    Call,
    CallTopic,
    Chat,
    Hint,
    LiveEvent,
    Queue,
    QueueKind,
    Right,
    Unreadable,
    Window,
)
from connector.settings import Settings

_TOPICS_KEPT = timedelta(minutes=10)

_RIGHTS = {
    "agents": "who owns an activity",
    "queues": "the queue of a call",
    "connections": "calls",
    "topics": "the topic of a call",
    "tickets": "e-mails and other messages of tickets",
    "chats": "chats",
    "customers": "whose calls, chats and tickets they are",
    "companies": "companies of customers",
    "webhooks": "being told of events at once",
    "customer_field_groups": "showing deals on the customer's card",
    "customer_field_group_items": "showing deals on the customer's card",
}
# Tried on an id that no record has.
_WRITES = {
    "PUT customers/:id": "changing customers as persons change",
    "PUT companies/:id": "changing companies as organizations change",
    "PUT tickets/:id": "the address of a deal in its ticket",
    "POST tickets/:id/comment": "the address of a deal as a comment, where its field cannot be filled",
    "PUT customer_field_group_items/:id": "keeping the deals on the customer's card true",
    "DELETE customer_field_group_items/:id": "taking deals that are gone off the customer's card",
}
_QUEUES = {
    "queues": QueueKind.CALL,
    "chats/queues": QueueKind.CHAT,
    "ticket_queues": QueueKind.TICKET,
    "outbounds": QueueKind.CAMPAIGN,
}
_ACTIONS = (
    "CHAT_CONVERSATION_CREATED",
    "CHAT_AGENT_ASSIGNED",
    "CHAT_CONVERSATION_CLOSED",
    "CUSTOMER_CREATED",
    "CUSTOMER_UPDATED",
)
# Seen only in code that receives them; a system that refuses them is asked for the others alone.
_UNCERTAIN_ACTIONS = ("TICKET_CREATED", "AGENT_RINGING", "RECORDING_READY")


class Thulium(Cards, Groups, Telephony, Tickets):
    """Implements `ContactCentre`; every method may raise the errors of its client."""

    def __init__(self, account: Account, settings: Settings, clock: Clock) -> None:
        """Raises Misconfigured when credentials must not be sent to the account's address."""
        super().__init__(Client(account, settings, clock), WallClock(account.zone))
        self._clock = clock
        self._call_actions = settings.thulium_call_actions
        self._topics: dict[str, str] = {}
        self._topics_read_at: datetime | None = None

    async def check(self) -> Sequence[Right]:
        """Try each right; raises Unauthorised when none works for the credentials, Retryable when nobody answers."""
        try:
            # A group leaves no request behind that would open the client again after it was closed.
            async with asyncio.TaskGroup() as group:
                tries = [group.create_task(self._try(name)) for name in _RIGHTS]
                writes = [group.create_task(self._try_write(name)) for name in _WRITES]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        answers = [one.result() for one in tries]
        if all(isinstance(answer, Unauthorised) for answer in answers):
            raise Unauthorised("Thulium does not know this API user or password")
        answers += [one.result() for one in writes]
        return [
            Right(name, answer is None, needed_for, str(answer or ""))
            for (name, needed_for), answer in zip((_RIGHTS | _WRITES).items(), answers, strict=True)
        ]

    async def _try(self, resource: str) -> ConnectorError | None:
        try:
            await self._client.get(resource, wire.read_page, {"limit": 1})
        except (Unauthorised, Rejected) as error:
            return error
        return None

    async def _try_write(self, right: str) -> ConnectorError | None:
        method, path = right.replace(":id", "0").split(" ")
        try:
            await self._client.write(method, path, {})
        except (Unauthorised, Forbidden, UnknownOutcome) as error:
            return error
        except Rejected:
            pass  # the right is there, the record is not
        return None

    async def agents(self) -> Sequence[Agent]:
        """https://api.thulium.com/docs/api/agents/get_agents"""
        return [agent async for page in self._records("agents", directory.read_agent) for agent in page]

    async def queues(self) -> Sequence[Queue]:
        """Queues of calls, chats and tickets, and campaigns; kinds that the API user may not see are left out."""
        found: list[Queue] = []
        for path, kind in _QUEUES.items():
            try:
                async for page in self._records(path, partial(directory.read_queue, kind=kind)):
                    found += page
            except (Forbidden, NotFound):
                continue
        return found

    async def topics(self) -> Mapping[str, str]:
        """Names of the active topics by id. https://api.thulium.com/docs/api/topics/get_topics"""
        page = await self._client.get("topics", wire.read_page)
        self._topics, self._topics_read_at = directory.read_topics(page.rows), self._clock.now()
        return self._topics

    async def calls(self, window: Window) -> AsyncIterator[Sequence[Call | Unreadable]]:
        """https://api.thulium.com/docs/api/connections/get_connections"""
        date_from, date_to = self._wall.bounds(window)
        filters = {"date_from": date_from, "date_to": date_to, "include_topics": "true"}
        async for rows in self._list("connections", filters):
            yield mapping.read_calls(rows, window, self._wall, await self._topics_for(rows))

    async def call_topic(self, call_id: str) -> CallTopic | None:
        """https://api.thulium.com/docs/api/connections/get_connections_id_topic"""
        row = await self._record(f"connections/{segment(call_id)}/topic", wire.read_record_or_nothing)
        if row is None:
            return None
        return mapping.read_call_topic(row, await self._topics_with(mapping.topic_id_of(row)))

    async def chats(self, window: Window) -> AsyncIterator[Sequence[Chat | Unreadable]]:
        """https://api.thulium.com/docs/api/chats/get_chats"""
        date_from, date_to = self._wall.bounds(window)
        filters = {"date_from": date_from, "date_to": date_to}
        async for rows in self._list(
            "chats", {**filters, "include_messages": "true", "include_client_data": "true"}
        ):
            yield mapping.read_chats(rows, window, self._wall)

    async def subscribe(self, url: str, *, user: str, password: str) -> str:
        """https://api.thulium.com/docs/api/webhooks/post_webhooks"""
        body = {"subscription_url": url, "http_auth_user": user, "http_auth_password": password}
        answer = await self._subscribed(body)
        try:
            subscription_id = directory.subscription_id_of(wire.read_record(answer))
        except wire.Malformed as error:
            raise UnknownOutcome(f"Thulium: POST webhooks: {error}") from error
        if subscription_id is None:
            raise UnknownOutcome("Thulium: POST webhooks: the answer names no subscription")
        return subscription_id

    async def _subscribed(self, body: Mapping[str, object]) -> bytes:
        """Ask for all actions, and for fewer where a system does not know some of them."""
        told = (*_ACTIONS, *_UNCERTAIN_ACTIONS)
        named = tuple(one for one in self._call_actions if one not in told)
        for actions in dict.fromkeys(((*told, *named), told)):
            try:
                return await self._client.write("POST", "webhooks", {**body, "actions": list(actions)})
            except Forbidden:
                raise
            except Rejected:
                continue
        return await self._client.write("POST", "webhooks", {**body, "actions": list(_ACTIONS)})

    async def subscriptions(self) -> Sequence[tuple[str, str]]:
        """https://api.thulium.com/docs/api/webhooks/get_webhooks"""
        page = await self._client.get("webhooks", wire.read_page)
        return directory.read_subscriptions(page.rows)

    async def unsubscribe(self, subscription_id: str) -> None:
        """https://api.thulium.com/docs/api/webhooks/delete_webhooks_id"""
        with suppress(NotFound):
            await self._client.write("DELETE", f"webhooks/{segment(subscription_id)}")

    def read_hook(self, content_type: str, body: bytes) -> Sequence[Hint]:
        """https://api.thulium.com/docs/api/notifications"""
        hints = (mapping.read_hint(event, self._wall) for event in wire.read_hook(content_type, body))
        return [hint for hint in hints if hint is not None]

    def read_live(self, content_type: str, body: bytes) -> Sequence[LiveEvent]:
        """The same body, read for whoever is at the phone."""
        news = (mapping.read_live(event, self._wall) for event in wire.read_hook(content_type, body))
        return [one for one in news if one is not None]

    async def close(self) -> None:
        """Give back connections."""
        await self._client.close()

    async def _topics_for(self, rows: list[object]) -> Mapping[str, str]:
        """The topics that these calls name by id alone; none when they may not be read: the call itself counts more."""
        try:
            for row in rows:
                await self._topics_with(mapping.topic_to_look_up(row))
        except Rejected:
            return {}
        return self._topics

    async def _topics_with(self, topic_id: str | None) -> Mapping[str, str]:
        """The topics as last read, read anew when `topic_id` is not among them and they are not fresh."""
        read_at = self._topics_read_at
        if topic_id is None or topic_id in self._topics:
            return self._topics
        if read_at is not None and abs(self._clock.now() - read_at) < _TOPICS_KEPT:
            return self._topics
        return await self.topics()
