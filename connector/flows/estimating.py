"""What a backfill of a past period would bring: the contact centre is read, nothing is stored, no token is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from connector.flows.collecting import LONGEST_CHAT, share_of, slices
from connector.flows.tenant import Centre, Tenant
from connector.pipedrive.operations import price
from connector.records import Call, Chat, EventKind, Message, Unreadable, Window

#: Tokens that an activity costs.
A_WRITE = price("POST", "/api/v2/activities")


@dataclass(slots=True)
class Estimate:
    """What the contact centres list of a period by kind, and how much of that needs no writing any more.

    `read` is the share that was read, 0 to 1; `problem` says why the reading ended early.
    """

    window: Window
    found: Counter[EventKind] = field(default_factory=Counter)
    known: Counter[EventKind] = field(default_factory=Counter)
    unreadable: int = 0
    read: float = 0.0
    has_ended: bool = False
    problem: str = ""

    @property
    def to_write(self) -> int:
        """How many activities are made at most; rules may leave some events out."""
        return self.found.total() - self.known.total()

    @property
    def tokens(self) -> int:
        """What these cost at most, without the reading of Pipedrive's records."""
        return self.to_write * A_WRITE


async def count_period(tenant: Tenant, estimate: Estimate) -> None:
    """Read the period from every contact centre and count into `estimate` as it goes."""
    window, centres = estimate.window, len(tenant.centres)
    for number, centre in enumerate(tenant.centres.values()):
        for step, kind in enumerate((EventKind.CALL, EventKind.CHAT)):
            for part in slices(window):
                pages = centre.api.calls(part) if kind is EventKind.CALL else centre.api.chats(part)
                await _count(tenant, centre, kind, pages, estimate)
                estimate.read = (number + (step + share_of(window, part)) / 3) / centres
        await _count(tenant, centre, EventKind.MESSAGE, centre.api.messages(window.since), estimate)
        estimate.read = (number + 1) / centres
    estimate.has_ended = True


async def _count(
    tenant: Tenant,
    centre: Centre,
    kind: EventKind,
    pages: AsyncIterator[Sequence[Call | Chat | Message | Unreadable]],
    estimate: Estimate,
) -> None:
    seen: set[str] = set()
    async for page in pages:
        ids = {event.id for event in page if _counts(tenant, event, estimate)} - seen
        seen |= ids
        estimate.found[kind] += len(ids)
        estimate.known[kind] += await tenant.ledger.settled(centre.id, kind, ids)


def _counts(tenant: Tenant, event: Call | Chat | Message | Unreadable, estimate: Estimate) -> bool:
    """Whether a backfill would write it: within the period, readable, and over."""
    if isinstance(event, Unreadable):
        estimate.unreadable += 1
        return False
    if isinstance(event, Message):
        return estimate.window.since <= event.created_at < estimate.window.until
    return not (
        isinstance(event, Chat)
        and event.ended_at is None
        and event.started_at >= tenant.clock.now() - LONGEST_CHAT
    )
