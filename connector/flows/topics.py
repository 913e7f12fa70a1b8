"""Topics and notes that an agent writes down after the call: one PATCH, unless a person was there first."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from connector.errors import ConnectorError, NotFound, Rejected, Unreachable
from connector.flows.activities import next_topic_at, shown_hash
from connector.flows.deciding import names_of, topic_of
from connector.flows.rendering import Text, render, topic_names
from connector.flows.tenant import Tenant
from connector.flows.worker import HALTING, retry_wait
from connector.pipedrive.records import Activity
from connector.records import CallTopic, Event
from connector.store.entries import Entry

EDITED = "the activity was edited by a person and is left as it is"
DELETED = "the activity was deleted by a person and is left so"


async def add_late_topics(tenant: Tenant) -> Counter[str]:
    """Ask for topics that are due and show them; answers counts (asked, updated, left).

    A contact centre that does not answer is asked no more this time. Not answered is not asked.
    """
    counts: Counter[str] = Counter()
    if not (due := await tenant.doubts.topics()):
        return counts
    await tenant.people()
    silent: set[str] = set()
    unasked: list[Entry] = []
    for entry in due:
        if entry.event is None or entry.crm_id is None:
            await tenant.doubts.asked(entry, next_at=None)
            continue
        if entry.connection in silent:
            unasked.append(entry)
            continue
        counts["asked"] += 1
        try:
            topic = await topic_of(tenant, entry)
        except Rejected as error:
            next_at = next_topic_at(tenant, entry.event, None, entry.topic_no + 1)
            await tenant.doubts.asked(entry, next_at=next_at, reason=str(error))
        except Unreachable:
            silent.add(entry.connection)
            # The older the call, the longer: one that is never answered must not hold up the others for good.
            await _put_off(tenant, [entry], (tenant.clock.now() - entry.occurred_at) / 10)
        else:
            counts.update(await _add(tenant, entry, entry.event, topic))
    await _put_off(tenant, unasked)
    return counts


async def _add(tenant: Tenant, entry: Entry, event: Event, topic: CallTopic | None) -> list[str]:
    """Show what was answered, if it is anything; answers what is to be counted."""
    next_at = next_topic_at(tenant, event, topic, entry.topic_no + 1)
    if topic is None or not (topic.topic or topic.note):
        await tenant.doubts.asked(entry, next_at=next_at)
        return []
    try:
        outcome, shown = await _show(tenant, entry, event, topic)
    except HALTING:
        raise
    except Rejected as error:
        await tenant.doubts.asked(entry, next_at=next_at, reason=str(error))
        return []
    except ConnectorError:
        # The same content may be sent again: what is shown is compared first.
        await _put_off(tenant, [entry])
        return []
    await tenant.doubts.asked(entry, next_at=None if outcome else next_at, shown=shown, reason=outcome)
    return ["left" if outcome else "updated"]


async def _put_off(tenant: Tenant, entries: Sequence[Entry], least: timedelta = timedelta()) -> None:
    at = tenant.clock.now() + max(least, timedelta(seconds=retry_wait(0, tenant.service)))
    # Put side by side, they share a commit.
    await asyncio.gather(*(tenant.doubts.ask_at(entry, at) for entry in entries))


async def _show(
    tenant: Tenant, entry: Entry, event: Event, topic: CallTopic
) -> tuple[str | None, str | None]:
    """Update the activity; answers why it was left alone, if so, and what it shows now."""
    before, after = _text(tenant, entry, event, None), _text(tenant, entry, event, topic)
    said, _, echo = (entry.shown or "").partition(" ")
    if said and said == shown_hash(tenant, topic, "").partition(" ")[0]:
        return None, None
    try:
        activity = await tenant.pipedrive.activity(entry.crm_id or "")
    except NotFound:
        return DELETED, None
    if activity.is_deleted:
        return DELETED, None
    if activity.note == after.note:
        return None, shown_hash(tenant, topic, activity.note)
    if activity.note != before.note and echo != shown_hash(tenant, topic, activity.note).partition(" ")[2]:
        return EDITED, None
    changes = _changes(activity, before, after)
    written = await tenant.pipedrive.update_activity(activity.id, changes)
    return None, shown_hash(tenant, topic, written.note)


def _text(tenant: Tenant, entry: Entry, event: Event, topic: CallTopic | None) -> Text:
    names = topic_names(names_of(entry, event, tenant.directory), topic)
    return render(event, names, tenant.settings.links, entry.marker, tenant.translate)


def _changes(activity: Activity, before: Text, after: Text) -> dict[str, object]:
    changes: dict[str, object] = {"note": after.note}
    if activity.subject == before.subject != after.subject:
        changes["subject"] = after.subject
    return changes
