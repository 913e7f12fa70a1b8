"""Sends webhooks: retries, the ban after ten failed first attempts, removal after three days, and faults on request.

Pauses between attempts are the configured ones in real seconds; ban and removal follow the simulated clock. What a
banned webhook would have got is lost. A successful delivery does not take failures off the count towards a ban.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
import orjson

from connector.sandbox.pipedrive.hooks import precise
from connector.sandbox.pipedrive.payloads import addressed, payload, permitted
from connector.sandbox.pipedrive.state import Company, Event, Hook, World
from connector.sandbox.wire import Object, write_basic

FAILURES_BEFORE_BAN = 10
BAN = timedelta(minutes=30)
WITHOUT_SUCCESS = timedelta(days=3)
AT_ONCE = 20
LOG_LENGTH = 5_000


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook. `state`: waiting, held, sending, delivered, failed, lost, banned."""

    event_id: str
    company_id: int
    hook_id: int
    entity: str
    action: str
    entity_id: int
    at: datetime
    body: Object
    state: str = "waiting"
    attempts: list[tuple[datetime, int | None]] = field(default_factory=list)

    def shown(self) -> Object:
        """The delivery as the control endpoint lists it."""
        return {
            "event_id": self.event_id,
            "company_id": self.company_id,
            "webhook_id": self.hook_id,
            "entity": self.entity,
            "action": self.action,
            "entity_id": self.entity_id,
            "at": self.at,
            "state": self.state,
            "attempts": [{"at": at, "status": status} for at, status in self.attempts],
        }


@dataclass(slots=True)
class HookFaults:
    """What goes wrong: the next `lose` deliveries vanish, the next `double` come twice, the next `shuffle` are held
    until all of them are there and then sent in another order, every one is `delay_seconds` late."""

    lose: int = 0
    double: int = 0
    shuffle: int = 0
    delay_seconds: float = 0


class Sender:
    """Takes events and delivers them in the background."""

    def __init__(self, world: World) -> None:
        """Begin without faults; `session` is set when the application starts."""
        self.session: aiohttp.ClientSession | None = None
        self.faults = HookFaults()
        self.log: deque[Delivery] = deque(maxlen=LOG_LENGTH)
        self._world = world
        self._held: list[Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes = asyncio.Semaphore(AT_ONCE)
        self._random = random.Random(7)

    def publish(self, event: Event) -> None:
        """Send an event to every webhook that asks for it and whose user may see it."""
        now = self._world.clock.now()
        seen_by = {user.id for user in permitted(event)}
        hooks = [
            hook for hook in event.company.hooks.values() if _wants(hook, event) and hook.user_id in seen_by
        ]
        if not hooks:
            return
        event_id = str(uuid.uuid4())
        body = payload(event, event_id, now, f"{event.company.domain}.pipedrive.com")
        for hook in hooks:
            number = int(body["meta"]["entity_id"])
            delivery = Delivery(
                event_id, event.company.id, hook.id, event.entity, event.action, number, now, body
            )
            self.log.append(delivery)
            if hook.banned_until is not None and now < hook.banned_until:
                delivery.state = "banned"
            else:
                self._dispatch(delivery)

    def _dispatch(self, delivery: Delivery) -> None:
        faults = self.faults
        if faults.lose > 0:
            faults.lose -= 1
            delivery.state = "lost"
        elif faults.shuffle > 0:
            faults.shuffle -= 1
            delivery.state = "held"
            self._held.append(delivery)
            if faults.shuffle == 0:
                self.release()
        else:
            self._start(delivery)

    def release(self) -> None:
        """Send what is held, in another order than it came."""
        held, self._held = self._held, []
        order = list(range(len(held)))
        while len(order) > 1 and order == sorted(order):
            self._random.shuffle(order)
        for place in order:
            self._start(held[place])

    def _start(self, delivery: Delivery) -> None:
        copies = 1
        if self.faults.double > 0:
            self.faults.double -= 1
            copies = 2
        for _ in range(copies):
            task = asyncio.get_running_loop().create_task(self._deliver(delivery, self.faults.delay_seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self, seconds: float) -> bool:
        """Wait until nothing is under way, at most so long; says whether that is so."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._tasks and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        return not self._tasks

    async def close(self) -> None:
        """Stop delivering."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, delivery: Delivery, delay: float) -> None:
        config = self._world.config
        company = self._world.companies[delivery.company_id]
        if delay:
            await asyncio.sleep(delay)
        for attempt, pause in enumerate((0, *config.hook_retries), 1):
            if pause:
                await asyncio.sleep(pause * config.hook_time_scale)
            hook = company.hooks.get(delivery.hook_id)
            if hook is None:
                break
            delivery.state = "sending"
            status = await self._post(hook, addressed(delivery.body, hook, attempt))
            now = self._world.clock.now()
            delivery.attempts.append((now, status))
            hook.record |= {"last_delivery_time": precise(now), "last_http_status": status}
            if status is not None and 200 <= status < 300:
                hook.last_success = now
                delivery.state = "delivered"
                return
            _count_failure(company, hook, attempt, now)
        delivery.state = "failed"

    async def _post(self, hook: Hook, body: Object) -> int | None:
        """Give the status of the answer; None when there was none in time."""
        assert self.session is not None  # noqa: S101 - events come after the start
        headers = {"Content-Type": "application/json", "User-Agent": "Pipedrive Webhooks"}
        if hook.record["http_auth_user"] is not None:
            password = hook.record["http_auth_password"] or ""
            headers["Authorization"] = write_basic(hook.record["http_auth_user"], password)
        limit = aiohttp.ClientTimeout(total=self._world.config.hook_timeout_seconds)
        try:
            async with (
                self._lanes,
                self.session.post(
                    hook.record["subscription_url"],
                    data=orjson.dumps(body),
                    headers=headers,
                    timeout=limit,
                    allow_redirects=False,
                ) as response,
            ):
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None


def _wants(hook: Hook, event: Event) -> bool:
    record = hook.record
    return record["event_object"] in ("*", event.entity) and record["event_action"] in ("*", event.action)


def _count_failure(company: Company, hook: Hook, attempt: int, now: datetime) -> None:
    if attempt == 1:
        hook.failed_first_attempts += 1
        if hook.failed_first_attempts >= FAILURES_BEFORE_BAN:
            hook.failed_first_attempts = 0
            hook.banned_until = now + BAN
    if now - (hook.last_success or hook.added) > WITHOUT_SUCCESS:
        company.hooks.pop(hook.id, None)
