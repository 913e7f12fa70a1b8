"""Calls as they go on: what contact centres tell of them, what agents are told, and the look at what nobody tells.

Whatever is told here is for an agent's eyes. What happened is read again from the contact centre's list of calls, and
only that is ever written to Pipedrive.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.flows.call_names import CallNames
from connector.flows.call_states import (
    after,
    begins,
    comes_back,
    given_up,
    passed_over,
    shown,
    taken,
    which,
)
from connector.flows.clicked import resolve
from connector.flows.listed_calls import NEAR, ends_of, finished, number_keys
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.realtime.protocol import MOST_CALLS, CallChanged, Message
from connector.realtime.protocol import Call as ShownCall
from connector.records import LiveEvent
from connector.store.live_calls import LiveCall, State

log = structlog.get_logger()

#: Says something on an agent's open lines, and answers whether there are any here: installation, agent, message.
Tell = Callable[[str, str, Message], bool]

#: Contact centres are asked so often how calls end: of young ones, of others; no longer than so of any.
LOOK_S = 10.0
_YOUNG, _SELDOM = timedelta(minutes=5), timedelta(minutes=1)
_LONGEST = timedelta(hours=2)
#: Of a call that was asked for, and of which nothing was ever heard, nothing will be.
_SILENCE = timedelta(minutes=15)
#: What is told so late is no news.
_STALE = timedelta(minutes=5)
#: A call that has ended is looked at until its activity is there.
_UNTIL_WRITTEN = timedelta(minutes=40)
_LISTEN_EVERY = timedelta(minutes=1)
#: Who rings and could not be told in time is asked for again after so long: what is being read goes on meanwhile.
_LOOK_AGAIN_S = (1.0, 3.0, 10.0)


class Exchange:
    """What this process knows of the calls of all installations; all that has to last is in the store."""

    def __init__(
        self, tell: Tell, find: Callable[[str], Tenant | None], listen: Callable[[Tenant], Awaitable[None]],
        ended: Callable[[Tenant], None], clock: Clock,
    ) -> None:  # fmt: skip
        """`find` gives an installation as it was last seen; `listen` has contact centres tell of calls.

        `ended` is called when a call has ended of an installation that wants its activities at once.
        """
        self._tell, self._find, self._listen, self._ended, self._clock = tell, find, listen, ended, clock
        self._names = CallNames(clock)
        self._watched: defaultdict[str, dict[str, tuple[datetime, str | None]]] = defaultdict(dict)
        self._read_at: dict[str, datetime] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._listened_at: dict[str, datetime] = {}
        self._working: set[asyncio.Task[None]] = set()

    # what agents see

    async def latest(self, tenant: Tenant, agent: str) -> list[ShownCall]:
        """An agent's newest calls, newest first, as a line that opens is told them."""
        connection, _, login = agent.partition("/")
        now, before = self._clock.now(), self._listened_at.get(tenant.id)
        if before is None or now - before >= _LISTEN_EVERY:
            self._listened_at[tenant.id] = now
            self.do(tenant, self._listen(tenant))
        calls = await tenant.live_calls.latest(connection, login, MOST_CALLS)
        for call in calls:
            if self._names.begin(tenant, call):
                self.do(tenant, self._name(tenant, call))
        return [self.show(tenant, call) for call in calls]

    def show(self, tenant: Tenant, call: LiveCall) -> ShownCall:
        """A call as its agent is told it, with the names that are at hand."""
        return shown(tenant, call, self._names.of(call))

    def changed(self, tenant: Tenant, call: LiveCall) -> None:
        """Tell the agent of a call that is new or has changed, and look after it until it is over."""
        if self._is_old(tenant, call):
            return
        self._watched[tenant.id][call.id] = (call.changed_at, call.activity_id)
        is_heard = self._say(tenant, call)
        # Names cost tokens: nobody is looked up for whom nobody listens.
        if is_heard and self._names.begin(tenant, call):
            self.do(tenant, self._name(tenant, call))
        self._watch(tenant.id)

    def _is_old(self, tenant: Tenant, call: LiveCall) -> bool:
        """Whether something newer of the call has been told while this was read."""
        told = self._watched[tenant.id].get(call.id)
        return told is not None and call.changed_at < told[0]

    def _say(self, tenant: Tenant, call: LiveCall) -> bool:
        return self._tell(tenant.id, call.whose, CallChanged(self.show(tenant, call)))

    async def _name(self, tenant: Tenant, call: LiveCall) -> None:
        """Find who has the number, or of a number that was clicked on a record's page whose that is, and tell it."""
        if call.record_entity is not None:
            call = await resolve(tenant, call, tenant.pipedrive.on(Lane.DIAL))
            if call.person_id is None and call.is_resolved:
                return
        for wait in (*_LOOK_AGAIN_S, None):
            found = await self._names.find(tenant, call)
            calls = await tenant.live_calls.named([call.id])
            for now in calls:
                if not self._is_old(tenant, now):
                    self._say(tenant, now)
            if found.known:
                return
            if wait is None or all(now.ended_at is not None for now in calls):
                self._names.give_up(call)
                return
            await self._clock.sleep(wait)

    def began(self, tenant: Tenant, call: LiveCall) -> None:
        """Tell of a call that is about to be dialled, and find what it was clicked on for."""
        self.changed(tenant, call)
        if call.record_entity is not None and self._names.is_missing(call):
            self.do(tenant, self._resolve(tenant, call))

    async def _resolve(self, tenant: Tenant, call: LiveCall) -> None:
        await resolve(tenant, call, tenant.pipedrive.on(Lane.DIAL))

    # what contact centres tell

    def hear(self, installation_id: str, source: str, content_type: str, body: bytes) -> None:
        """Follow what a webhook tells of calls, at once and beside whoever works on it; never raises."""
        tenant = self._find(installation_id)
        centre = tenant.centres.get(source) if tenant is not None else None
        if tenant is None or centre is None or not tenant.installed.runs:
            return
        for event in centre.api.read_live(content_type, body):
            self.do(tenant, self._follow(tenant, source, event))

    async def _follow(self, tenant: Tenant, connection: str, event: LiveEvent) -> None:
        now, store = self._clock.now(), tenant.live_calls
        keys = number_keys(tenant, event.source) | number_keys(tenant, event.destination)
        calls = await store.told(connection, event.agent_id, event.call_id, event.tag, now - NEAR)
        for call in passed_over(event, calls):
            await self._change(tenant, call, partial(taken, event=event, now=now))
        known = which(event, calls, keys)
        new = None
        back = next((call for call in known if comes_back(event, call, now)), None)
        if back is not None and not _is_stale(event, now):
            new = await tenant.live_calls.begin_again(back, min(event.at or now, now))
        elif not known:
            new = await self._taken_in(tenant, connection, event, now)
        for call in [new] if new is not None else known:
            changed = await self._change(tenant, call, partial(after, event=event, now=now))
            if changed is None and call is new:
                self.changed(tenant, call)
            if changed is not None and changed.state is State.ENDED and changed.reason == "unknown":
                # Its list may know already; else the next look asks again.
                await self._read(tenant, [changed], now)

    async def _taken_in(
        self, tenant: Tenant, connection: str, event: LiveEvent, now: datetime
    ) -> LiveCall | None:
        """A call that nobody had us dial, for an agent who would be told of it; None where there is none, or it is old."""
        if event.agent_id is None or _is_stale(event, now):
            return None
        if not await tenant.live_calls.has_listeners(f"{connection}/{event.agent_id}"):
            return None
        direction, raw = begins(event)
        number = next(iter(tenant.phones.keys(raw)), raw.strip() if raw.strip().isdecimal() else "")
        return await tenant.live_calls.take_in(
            connection, event.agent_id, direction, number=number,
            key=tenant.live_calls.keys.key(number) if number else "", external_id=event.call_id,
            at=min(event.at or now, now), state=State.RINGING_YOU,
        )  # fmt: skip

    async def _change(
        self, tenant: Tenant, call: LiveCall, by: Callable[[LiveCall], LiveCall]
    ) -> LiveCall | None:
        """Change a call and tell it; None where it is as it was."""
        now = await tenant.live_calls.change(call.id, by)
        if now is not None:
            self.changed(tenant, now)
        return now

    # what nobody tells

    def resume(self, tenants: Sequence[Tenant]) -> None:
        """Look after the calls that went on when another process ended."""
        for tenant in tenants:
            self._watch(tenant.id)

    def _watch(self, installation_id: str) -> None:
        if installation_id not in self._watching:
            task = asyncio.create_task(self._watch_over(installation_id))
            self._watching[installation_id] = task

    async def _watch_over(self, installation_id: str) -> None:
        try:
            while (tenant := self._find(installation_id)) is not None:
                try:
                    if not await self._look(tenant):
                        return
                except Exception:  # nor may a mistake of ours leave calls unwatched
                    log.exception("calls not looked at", installation=installation_id)
                await self._clock.sleep(LOOK_S)
        finally:
            del self._watching[installation_id]

    async def _look(self, tenant: Tenant) -> bool:
        """Tell what others changed, and read how calls ended; answers whether there is more to look after."""
        watched, store, now = self._watched[tenant.id], tenant.live_calls, self._clock.now()
        calls = {call.id: call for call in (*await store.going(), *await store.named(list(watched)))}
        for call in calls.values():
            if watched.get(call.id) != (call.changed_at, call.activity_id):
                self.changed(tenant, call)
        for gone in watched.keys() - calls.keys():
            self._forget(tenant, gone)
        await self._read(tenant, [call for call in calls.values() if self._is_due(call, now)], now)
        for call in calls.values():
            if call.ended_at is None and _is_silent(call, now):
                await self._change(tenant, call, partial(given_up, now=now))
            elif call.ended_at is not None and (
                call.activity_id is not None or now - call.ended_at > _UNTIL_WRITTEN
            ):
                self._forget(tenant, call.id)
        return bool(watched)

    def _forget(self, tenant: Tenant, call_id: str) -> None:
        self._watched[tenant.id].pop(call_id, None)
        self._read_at.pop(call_id, None)

    def _is_due(self, call: LiveCall, now: datetime) -> bool:
        if call.ended_at is not None and (call.reason != "unknown" or now - call.ended_at >= _STALE):
            return False
        before = self._read_at.get(call.id)
        return before is None or now - call.began_at < _YOUNG or now - before >= _SELDOM

    async def _read(self, tenant: Tenant, calls: Sequence[LiveCall], now: datetime) -> None:
        """Read from the contact centres how calls ended."""
        parts: dict[str, list[LiveCall]] = {}
        for call in calls:
            self._read_at[call.id] = now
            parts.setdefault(call.connection, []).append(call)
        has_ended = False
        for connection, part in parts.items():
            try:
                ends = await ends_of(tenant, connection, part)
            except ConnectorError as error:
                log.warning("calls not read", installation=tenant.id, connection=connection, error=str(error))
                continue
            for call, event in ends:
                has_ended |= await self._change(tenant, call, partial(finished, event=event)) is not None
        if has_ended and tenant.settings.live:
            self._ended(tenant)

    # work beside

    def do(self, tenant: Tenant, work: Awaitable[None]) -> None:
        """Have something done in the background; a failure is told to the log alone."""
        task = asyncio.create_task(_tried(tenant, work))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def idle(self) -> None:
        """Wait until nothing is done in the background but looking after calls."""
        while self._working:
            await asyncio.gather(*self._working)

    async def close(self) -> None:
        """Look after nothing more; whoever comes next goes on from the store."""
        tasks = [*self._working, *self._watching.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._names.close()


async def _tried(tenant: Tenant, work: Awaitable[None]) -> None:
    try:
        await work
    except ConnectorError as error:
        log.warning("call not followed", installation=tenant.id, error=type(error).__name__)
    except Exception:
        log.exception("call broke", installation=tenant.id)


def _is_stale(event: LiveEvent, now: datetime) -> bool:
    return event.at is not None and now - event.at > _STALE


def _is_silent(call: LiveCall, now: datetime) -> bool:
    """Whether nothing will be heard of a call any more."""
    return now - call.began_at > (_SILENCE if call.external_id is None else _LONGEST)
