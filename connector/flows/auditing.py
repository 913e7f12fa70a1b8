"""Proof: events listed anew at the contact centre against activities listed anew in Pipedrive against the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import NotFound
from connector.flows.tenant import Centre, Tenant
from connector.flows.verifying import MARGIN, our_activities
from connector.pipedrive.budget import Lane
from connector.records import Chat, Window
from connector.store.entries import Entry, State
from connector.store.payloads import kind_of, occurred_at

_LISTED = 200


@dataclass(slots=True)
class Audit:
    """What an audit found. The first five are differences; the lists name at most 200 of each."""

    events: int = 0
    activities: int = 0
    not_collected: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    deleted_by_person: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether both sides and the ledger agree; what a person deleted is no difference."""
        return not (self.not_collected or self.lost or self.doubled or self.unrecorded or self.vanished)

    def report(self) -> dict[str, object]:
        """The audit as one JSON object: counts, and the names of what differs."""
        lists = ("not_collected", "lost", "doubled", "unrecorded", "vanished", "deleted_by_person")
        named = {name: getattr(self, name) for name in lists}
        return {
            "events": self.events,
            "activities": self.activities,
            **{name: len(found) for name, found in named.items()},
            "states": self.states,
            "named": {name: found[:_LISTED] for name, found in named.items() if found},
            "clean": self.clean,
        }


async def audit(tenant: Tenant, window: Window) -> Audit:
    """Compare a period on both sides with the ledger.

    `not_collected`: an event that the ledger does not have. `lost`: the ledger says done, yet Pipedrive has nothing.
    `doubled`: two activities of one event. `unrecorded`: an activity of an event that the ledger does not call done.
    `vanished`: in the ledger, but the contact centre no longer lists it.
    """
    result = Audit()
    entries = {(e.connection, str(e.kind), e.external_id): e for e in await tenant.ledger.within(window)}
    listed: set[tuple[str, str, str]] = set()
    for centre in tenant.centres.values():
        async for kind, external_id in _events(centre, window):
            listed.add((centre.id, kind, external_id))
    written = await our_activities(tenant, window.since - MARGIN, lane=Lane.BACKFILL)
    result.events = len(listed)
    result.not_collected = [_name(key) for key in sorted(listed - entries.keys())]
    for key, entry in entries.items():
        copies = written.get(entry.marker, [])
        result.activities += len(copies)
        result.states[str(entry.state)] = result.states.get(str(entry.state), 0) + 1
        if len(copies) > 1:
            result.doubled.append(f"{_name(key)} (activities {', '.join(copy.id for copy in copies)})")
        if entry.state is State.DONE and not copies:
            await _look_for(tenant, entry, result, _name(key))
        if entry.state is not State.DONE and copies:
            result.unrecorded.append(f"{_name(key)} ({entry.state}, activity {copies[0].id})")
        if key not in listed:
            result.vanished.append(_name(key))
    return result


async def _events(centre: Centre, window: Window) -> AsyncIterator[tuple[str, str]]:
    async for calls in centre.api.calls(window):
        for call in calls:
            yield str(kind_of(call)), call.id
    async for chats in centre.api.chats(window):
        for chat in chats:
            if not isinstance(chat, Chat) or chat.ended_at is not None:
                yield str(kind_of(chat)), chat.id
    async for messages in centre.api.messages(window.since):
        for message in messages:
            if _in(window, occurred_at(message)):
                yield str(kind_of(message)), message.id


def _in(window: Window, at: datetime) -> bool:
    return window.since <= at < window.until


async def _look_for(tenant: Tenant, entry: Entry, result: Audit, name: str) -> None:
    """Read an activity whose marker is nowhere: a person may have rewritten its note, or taken it away."""
    try:
        activity = await tenant.pipedrive.on(Lane.BACKFILL).activity(entry.crm_id or "")
    except NotFound:
        result.lost.append(name)
        return
    if activity.is_deleted:
        result.deleted_by_person.append(name)
    else:
        result.activities += 1


def _name(key: tuple[str, str, str]) -> str:
    return "/".join(key)


async def rebuild(tenant: Tenant, since: datetime) -> int:
    """Take every activity of ours that Pipedrive lists since then as written; answers how many were found.

    For a ledger that was lost or restored from an old backup: what it forgot is not written again.
    """
    written = await our_activities(tenant, since)
    await tenant.ledger.adopt({marker: copies[0].id for marker, copies in written.items()})
    return len(written)
