"""Reads what happened in a contact centre into the ledger.

A cursor moves only with the last page of a pass that was read in full, so whatever fails is read again; reading again
is free, since the ledger knows what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from connector.flows.tenant import Centre, Tenant
from connector.installation_settings import InstallationSettings
from connector.phone import normalise_email
from connector.records import Call, Chat, Event, EventKind, Message, Unreadable, Window
from connector.store.entries import Due, Observed

SLICE = timedelta(hours=2)
OVERLAP = timedelta(hours=2)
#: Settings by which events are read, matched and left out.
_DECIDING = ("phone_region", "dial_out_prefix", "ignored_numbers", "calls", "chats", "messages", "queues")
NIGHTLY = timedelta(hours=48)
#: Is told the share of a past period that was read, 0 to 1, and how many events of the part read last are new.
Reached = Callable[[float, int], None]
LONGEST_CHAT = timedelta(days=30)


async def collect(tenant: Tenant, centre: Centre, *, back: timedelta = OVERLAP) -> int:
    """Read all channels from their cursors (less `back`) to now; answers how many events are new."""
    now = tenant.clock.now()
    fresh = 0
    for kind in (EventKind.CALL, EventKind.CHAT):
        cursor = await tenant.ledger.cursor(centre.id, kind) or centre.since
        since = max(centre.since, min(cursor, now) - back)
        fresh += await _in_slices(tenant, centre, kind, Window(since, now), moves_cursor=True)
    cursor = await tenant.ledger.cursor(centre.id, EventKind.MESSAGE) or centre.since
    window = Window(max(centre.since, cursor - back), now)
    return fresh + await _messages(tenant, centre, window, cursor_to=now)


async def collect_period(
    tenant: Tenant, centre: Centre, window: Window, reached: Reached | None = None
) -> int:
    """Read a past period for a backfill; cursors stay, and messages are taken by their own time."""
    fresh = 0
    for number, kind in enumerate((EventKind.CALL, EventKind.CHAT)):
        for part in slices(window):
            found = await _in_slices(tenant, centre, kind, part, moves_cursor=False, lane=Due.BACKFILL)
            fresh += found
            if reached is not None:
                reached((number + share_of(window, part)) / 3, found)
    found = await _messages(tenant, centre, window, lane=Due.BACKFILL)
    if reached is not None:
        reached(1.0, found)
    return fresh + found


def slices(window: Window) -> Iterator[Window]:
    """The parts of a period in which calls and chats are read, oldest first."""
    since = window.since
    while since < window.until:
        yield Window(since, min(since + SLICE, window.until))
        since += SLICE


def share_of(window: Window, part: Window) -> float:
    """How much of a period lies before the end of a part of it, 0 to 1."""
    return (part.until - window.since) / (window.until - window.since)


async def _in_slices(
    tenant: Tenant,
    centre: Centre,
    kind: EventKind,
    window: Window,
    *,
    moves_cursor: bool,
    lane: Due = Due.LIVE,
) -> int:
    fresh = 0
    oldest_open: datetime | None = None
    for part in slices(window):
        pages = centre.api.calls(part) if kind is EventKind.CALL else centre.api.chats(part)
        held: list[Observed] = []
        async for page in pages:
            if held:
                fresh += await tenant.ledger.collect(centre.id, held, lane=lane)
            held, still_open = _sort(tenant, page)
            oldest_open = min((at for at in (oldest_open, still_open) if at), default=None)
        reached = min(part.until, oldest_open) if oldest_open else part.until
        cursor_to = (str(kind), reached) if moves_cursor else None
        fresh += await tenant.ledger.collect(centre.id, held, lane=lane, cursor_to=cursor_to)
    return fresh


def _sort(tenant: Tenant, page: Sequence[Call | Chat | Unreadable]) -> tuple[list[Observed], datetime | None]:
    """What of a page can be stored, and the start of its oldest chat that is still open."""
    ready: list[Observed] = []
    oldest: datetime | None = None
    too_old = tenant.clock.now() - LONGEST_CHAT
    for event in page:
        if isinstance(event, Chat) and event.ended_at is None:
            if event.started_at < too_old:
                reason = "the chat has been open for 30 days"
                ready.append(Observed(Unreadable(EventKind.CHAT, event.id, event.started_at, reason, raw="")))
            else:
                oldest = min(oldest or event.started_at, event.started_at)
        else:
            ready.append(observe(tenant, event))
    return ready, oldest


async def _messages(
    tenant: Tenant, centre: Centre, window: Window, *, cursor_to: datetime | None = None, lane: Due = Due.LIVE
) -> int:
    # The list has no upper bound, so that a ticket that moves while it is being read can only repeat.
    fresh = 0
    held: list[Observed] = []
    async for page in centre.api.messages(window.since):
        if held:
            fresh += await tenant.ledger.collect(centre.id, held, lane=lane)
        held = [observe(tenant, message) for message in page if _of_period(message, centre, window, lane)]
    cursor = None if cursor_to is None else (str(EventKind.MESSAGE), cursor_to)
    return fresh + await tenant.ledger.collect(centre.id, held, lane=lane, cursor_to=cursor)


def _of_period(message: Message | Unreadable, centre: Centre, window: Window, lane: Due) -> bool:
    at = message.created_at if isinstance(message, Message) else message.occurred_at
    # An old message of a ticket that changed today is history, which a backfill brings, not this run.
    return window.since <= at < window.until if lane is Due.BACKFILL else at >= centre.since


async def follow_settings(tenant: Tenant, before: InstallationSettings) -> int:
    """Have what was never sent decided by the tenant's settings instead of those `before`; answers how many entries that is."""
    if all(getattr(before, name) == getattr(tenant.settings, name) for name in _DECIDING):
        return 0
    return await tenant.ledger.observe_anew(partial(observe, tenant))


def observe(tenant: Tenant, event: Event | Unreadable) -> Observed:
    """An event with the normalised number, address and customer by which it is matched and found again."""
    if isinstance(event, Unreadable):
        return Observed(event)
    if isinstance(event, Call):
        numbers = tenant.phones.keys(event.customer_number)
        known = numbers[0] if numbers and numbers[0] not in tenant.ignored else None
        return Observed(event, number=known, customer_id=event.customer_id)
    if isinstance(event, Chat):
        email = normalise_email(event.client_email) if event.client_email else None
        return Observed(event, email=email, customer_id=event.customer_id)
    requester = event.ticket.requester or ""
    email = normalise_email(requester)
    numbers = () if email else tenant.phones.keys(requester)
    return Observed(event, numbers[0] if numbers else None, email, event.ticket.customer_id)
