"""Second looks: writes of unknown outcome are looked for by their marker, doubles of ours are healed.

One list of activities settles up to 500 entries for 10 tokens, whatever their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connector.errors import ConnectorError, NotFound, Rejected, UnknownOutcome
from connector.flows.activities import first_healing, once_more_at, shown_hash
from connector.flows.deciding import decide, names_of, topic_of
from connector.flows.rendering import marker_in, render, topic_names
from connector.flows.rules import activity_type, is_to_do
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Activity
from connector.store.entries import UNSEEN, Entry

log = structlog.get_logger()

#: Pipedrive's own clock at the claim, less this, is where a search for what was sent begins.
MARGIN = timedelta(seconds=120)
#: An effect that comes later than this after our last send is not taken for one of ours.
_LANDS_WITHIN = timedelta(hours=1)
UNEDITED = timedelta(seconds=2)


#: Subject, type, and whether it is done.
Says = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Ours:
    """An activity that carries a marker of this connector."""

    id: str
    marker: str
    creator_user_id: str | None
    edited: bool
    shown: str | None
    add_time: datetime | None
    says: Says


async def our_activities(
    tenant: Tenant, since: datetime, *, lane: Lane = Lane.ACTIVITIES
) -> dict[str, list[Ours]]:
    """All activities changed since then that carry a marker, by marker, oldest first."""
    found: dict[str, list[Ours]] = {}
    async for page in tenant.pipedrive.on(lane).activities(since):
        for activity in page:
            marker = marker_in(activity.note)
            if marker is not None and not activity.is_deleted:
                found.setdefault(marker, []).append(_ours(tenant, activity, marker))
    for copies in found.values():
        # A keyset list may show a row twice while it changes.
        unique = {copy.id: copy for copy in copies}
        copies[:] = sorted(unique.values(), key=lambda copy: int(copy.id))
    return found


def _ours(tenant: Tenant, activity: Activity, marker: str) -> Ours:
    edited = (
        activity.update_time is not None
        and activity.add_time is not None
        and activity.update_time - activity.add_time > UNEDITED
    )
    shown = None if edited else shown_hash(tenant, None, activity.note)
    says = (activity.subject, activity.type, activity.done)
    return Ours(activity.id, marker, activity.creator_user_id, edited, shown, activity.add_time, says)


async def verify(tenant: Tenant) -> Counter[str]:
    """Look for writes of unknown outcome that are due; answers counts (found, missed, parked)."""
    counts: Counter[str] = Counter()
    await tenant.doubts.expire_claims(first_look_s=tenant.service.first_look)
    entries = await tenant.doubts.unknown()
    if not entries:
        return counts
    written = await our_activities(tenant, _search_from(entries, tenant))
    unseen = await _out_of_sight(tenant, [entry for entry in entries if entry.marker not in written])
    for entry in entries:
        if copies := written.get(entry.marker):
            one = copies[0]
            heal_at = tenant.clock.now() if len(copies) > 1 else first_healing(tenant, entry.sends)
            await tenant.doubts.found(
                entry, crm_id=one.id, shown=one.shown, heal_at=heal_at, topic_at=_topic_at(tenant, entry)
            )
            counts["found"] += 1
        elif entry.id in unseen:
            await tenant.doubts.park(entry, UNSEEN)
            counts["parked"] += 1
        else:
            await tenant.doubts.missed(entry, look_gap_s=tenant.service.look_gap)
            counts["missed"] += 1
    return counts


async def _out_of_sight(tenant: Tenant, missing: Sequence[Entry]) -> set[int]:
    """Entries whose activity would belong to another, if it does not show that this user sees those now."""
    if not missing or await sees_others(tenant):
        return set()
    own = tenant.installed.owner_user_id
    plans = (await decide(tenant, missing)).plans
    return {entry.id for entry in missing} - {plan.entry.id for plan in plans if plan.owner_id == own}


async def sees_others(tenant: Tenant) -> bool:
    """Whether this user sees activities of others, asked each time: rights are given and taken away."""
    if (await tenant.pipedrive.me()).is_admin:
        return True
    own = tenant.installed.owner_user_id
    crm_id = await tenant.doubts.written_for_another(own)
    if crm_id is None:
        return False
    try:
        activity = await tenant.pipedrive.activity(crm_id)
    except NotFound:
        return False
    return activity.owner_id not in (own, None)


def _topic_at(tenant: Tenant, entry: Entry) -> datetime | None:
    return None if entry.event is None else once_more_at(tenant, entry.event)


def _search_from(entries: Sequence[Entry], tenant: Tenant) -> datetime:
    sent = [entry.first_sent_at for entry in entries if entry.first_sent_at is not None]
    return min(sent, default=tenant.clock.now()) - MARGIN


async def heal(tenant: Tenant) -> int:
    """Delete the younger of two activities that we sent and nobody edited; answers how many were deleted."""
    entries = await tenant.doubts.to_heal()
    if not entries:
        return 0
    written = await our_activities(tenant, _search_from(entries, tenant))
    healed = 0
    for entry in entries:
        copies = written.get(entry.marker, [])
        keep, rest = await _choose(tenant, entry, copies)
        if keep is not None and keep.id != entry.crm_id:
            await tenant.doubts.replaced(
                entry, crm_id=keep.id, shown=keep.shown, topic_at=_topic_at(tenant, entry)
            )
        try:
            for copy in rest:
                healed += await _delete(tenant, copy)
        except UnknownOutcome:
            # Still due: the next look sees what stands.
            continue
        waits = tenant.service.healing_looks[entry.heal_no + 1 : entry.heal_no + 2]
        next_at = tenant.clock.now() + timedelta(seconds=waits[0]) if waits else None
        await tenant.doubts.healed(entry, next_at=next_at)
    return healed


async def _choose(tenant: Tenant, entry: Entry, copies: Sequence[Ours]) -> tuple[Ours | None, list[Ours]]:
    """Which copy stays, and which of the others may go: made by our user around our sends, as sent, edited by nobody.

    Another, which carries the marker because it is a copy of ours, is a person's: it neither goes nor makes ours go.
    """
    doubles = [copy for copy in copies if _made_by(tenant, entry, copy)]
    if len(doubles) < 2:
        return next(iter(doubles or copies), None), []
    sent = await _sent(tenant, entry)
    keep = next((copy for copy in doubles if copy.edited), doubles[0])
    return keep, [copy for copy in doubles if copy is not keep and not copy.edited and copy.says in sent]


def _made_by(tenant: Tenant, entry: Entry, copy: Ours) -> bool:
    """Whether one of the entry's sends may have made this, by the time that Pipedrive tells."""
    at, ours = copy.add_time, (tenant.installed.owner_user_id, None)
    if copy.creator_user_id not in ours or at is None or not entry.first_sent_at or not entry.last_sent_at:
        return False
    return entry.first_sent_at - MARGIN <= at <= entry.last_sent_at + _LANDS_WITHIN


async def _sent(tenant: Tenant, entry: Entry) -> set[Says]:
    """What the sends of an entry said: between two of them the agent may have written the topic down."""
    event = entry.event
    kind = None if event is None else activity_type(entry.connection, event, tenant.settings)
    if event is None or not isinstance(kind, str):
        return set()
    directory = await tenant.people()
    try:
        topic = await topic_of(tenant, entry)
    except ConnectorError:
        topic = None
    names, done = names_of(entry, event, directory), not is_to_do(event, tenant.settings)
    texts = (
        render(event, topic_names(names, words), tenant.settings.links, entry.marker, tenant.translate)
        for words in {None, topic}
    )
    return {(text.subject, kind, done) for text in texts}


async def _delete(tenant: Tenant, copy: Ours) -> int:
    try:
        await tenant.pipedrive.delete_activity(copy.id)
    except NotFound:
        return 0
    except Rejected as error:
        log.warning("double not deleted", installation=tenant.id, activity=copy.id, error=str(error))
        return 0
    return 1
