"""Webhooks: their list, and the sender that behaves, or misbehaves, as the vendor's does.

Vendor pages: https://api.thulium.com/docs/api/notifications, https://api.thulium.com/docs/api/webhooks/post_webhooks.
Bodies are form-encoded, all values are text, empty ones are the literal `null`. Nothing is sent twice after an error.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from aiohttp.hdrs import AUTHORIZATION
from yarl import URL

from connector.sandbox.thulium.api import Ask, Route
from connector.sandbox.thulium.state import Subscription, System
from connector.sandbox.thulium.wire import ApiError, local

ACTIONS = (
    "CHAT_CONVERSATION_CREATED",
    "CHAT_AGENT_ASSIGNED",
    "CHAT_CONVERSATION_CLOSED",
    "CUSTOMER_CREATED",
    "CUSTOMER_UPDATED",
    "TICKET_CREATED",
    "AGENT_RINGING",
    "AGENT_ANSWERED",
    "CLIENT_ANSWERED",
    "AGENT_ENDED_CALL",
    "RECORDING_READY",
)
UNSENT = {
    "all": (),
    "agent": ("CLIENT_ANSWERED",),
    "ringing": ("CLIENT_ANSWERED", "AGENT_ANSWERED", "AGENT_ENDED_CALL"),
}
TIMEOUT = aiohttp.ClientTimeout(total=10)
GATHER_SECONDS = 0.05


def unsent(system: System) -> tuple[str, ...]:
    """Actions that this system does not know, by its switch `live_hooks`."""
    return UNSENT[system.switches.live_hooks]


def _row(hook: Subscription) -> dict[str, object]:
    return {
        "id": hook.id,
        "actions": hook.actions,
        "subscription_url": hook.url,
        "http_auth_user": hook.user,
        "http_auth_password": hook.password,
    }


def list_hooks(ask: Ask) -> list[dict[str, object]]:
    """`GET webhooks`: a bare array."""
    return [_row(hook) for hook in ask.system.subscriptions.values()]


def post_hook(ask: Ask) -> dict[str, object]:
    """`POST webhooks`: the keys come back with an `id`."""
    body, actions, url = ask.body, ask.body.texts("actions"), ask.body.need("subscription_url")
    if not actions:
        raise ApiError(400, "Parameter is required", "actions")
    if unknown := [one for one in actions if one not in ACTIONS or one in unsent(ask.system)]:
        raise ApiError(400, "Invalid value", f"actions ({unknown[0]})")
    try:
        address = URL(url)
    except ValueError:
        address = URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ApiError(400, "Invalid value", "subscription_url")
    user, password = body.text("http_auth_user"), body.text("http_auth_password")
    hook = Subscription(next(ask.system.numbers), tuple(actions), url, user, password)
    ask.system.subscriptions[hook.id] = hook
    return _row(hook)


def delete_hook(ask: Ask) -> None:
    """`DELETE webhooks/:id`."""
    if ask.system.subscriptions.pop(ask.number("id"), None) is None:
        raise ApiError(404, "Not found")


ROUTES: tuple[Route, ...] = (
    ("GET", "webhooks", list_hooks),
    ("POST", "webhooks", post_hook),
    ("DELETE", "webhooks/:id", delete_hook),
)


@dataclass(slots=True)
class Delivery:
    """One webhook on its way."""

    system: System
    hook: Subscription
    form: dict[str, str]
    due: float


class Sender:
    """Sends webhooks one after another, in order unless a switch says otherwise."""

    def __init__(self) -> None:
        """Begin with an empty queue; `run` sends."""
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._chance = random.Random(7)

    def emit(self, system: System, action: str, fields: Mapping[str, object]) -> None:
        """Queue what happened for every subscription that takes it."""
        due = asyncio.get_running_loop().time() + system.switches.late_hooks
        form = {"action": action} | {name: _text(system, value) for name, value in fields.items()}
        for hook in system.subscriptions.values():
            if action in hook.actions and self._chance.random() >= system.switches.lost_hooks:
                for _ in range(2 if system.switches.doubled_hooks else 1):
                    self._queue.put_nowait(Delivery(system, hook, form, due))

    async def run(self) -> None:
        """Send until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                batch = [await self._queue.get()]
                if batch[0].system.switches.shuffled_hooks:
                    await asyncio.sleep(GATHER_SECONDS)
                    while not self._queue.empty():
                        batch.append(self._queue.get_nowait())
                    self._chance.shuffle(batch)
                for delivery in batch:
                    await asyncio.sleep(delivery.due - asyncio.get_running_loop().time())
                    await self._send(session, delivery)
                    self._queue.task_done()

    async def settled(self) -> None:
        """Wait until everything queued was sent."""
        await self._queue.join()

    async def _send(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        hook, status, reason = delivery.hook, None, ""
        headers = {AUTHORIZATION: aiohttp.encode_basic_auth(hook.user, hook.password)} if hook.user else None
        try:
            async with session.post(
                hook.url, data=delivery.form, headers=headers, allow_redirects=False
            ) as reply:
                status = reply.status
        except (aiohttp.ClientError, TimeoutError) as trouble:
            reason = type(trouble).__name__
        row: dict[str, object] = {
            "at": delivery.system.now(),
            "url": hook.url,
            "form": delivery.form,
            "status": status,
            "error": reason,
        }
        delivery.system.deliveries.append(row)


def _text(system: System, value: object) -> str:
    if isinstance(value, datetime):
        return local(system.zone, value)
    return "null" if value is None or value == "" else str(value)
