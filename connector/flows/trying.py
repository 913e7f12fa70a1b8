"""One real event, tried before the connector is switched on: as it would be written, and then really written."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from connector.errors import NotFound
from connector.flows.activities import Writing
from connector.flows.collecting import observe
from connector.flows.indexing import ensure
from connector.flows.previewing import Foreseen, listed_events, preview_events
from connector.flows.recovering import recover
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.records import EventKind
from connector.store.entries import Entry, State
from connector.store.operations import Operations

#: So far back the newest events are looked for; a contact centre that is asked has this long to list them.
BACK = timedelta(days=7)
_PATIENCE_S = 20.0
_LISTED = 60
_OF_A_KIND = 2


async def newest_events(tenant: Tenant) -> list[Foreseen]:
    """The newest calls, chats and messages, two of each, as they would be written now; those that would be come first.

    Pipedrive's persons are read into the index first, once (10 tokens for 500). Nothing is written.
    """
    await ensure(tenant, no_older_than=tenant.sweep_every)
    entries = await listed_events(tenant, _LISTED, patience_s=_PATIENCE_S, back=BACK)
    foreseen = await preview_events(tenant, tenant.settings, entries)
    foreseen.sort(key=lambda one: one.draft is None)
    taken, chosen = Counter[EventKind](), []
    for one in foreseen:
        if taken[one.entry.kind] < _OF_A_KIND:
            taken[one.entry.kind] += 1
            chosen.append(one)
    return chosen


async def write_one(
    tenant: Tenant, operations: Operations, *, connection: str, kind: EventKind, external_id: str
) -> Entry:
    """Write this event as an activity, by the way that all go, though nothing is switched on yet (5 tokens).

    Answers the ledger's entry as it is then; pressed twice, it is written once. NotFound when the contact centre does
    not list the event any more.
    """
    known = await tenant.ledger.find(connection, kind, external_id)
    if known is None:
        await _take_in(tenant, connection, kind, external_id)
    elif known.state not in (State.NEW, State.DONE, State.SENDING):
        await tenant.ledger.decide_anew(known.id)
    entry = await _entry(tenant, connection, kind, external_id)
    if entry.state is not State.NEW:
        return entry
    await recover(tenant, operations)
    await ensure(tenant, no_older_than=tenant.sweep_every)
    writing = Writing(tenant, Lane.ACTIVITIES, only=entry.id)
    await writing.run()
    if writing.halted_by is not None:
        raise writing.halted_by
    return await _entry(tenant, connection, kind, external_id)


async def _take_in(tenant: Tenant, connection: str, kind: EventKind, external_id: str) -> None:
    wanted = (connection, kind, external_id)
    listed = await listed_events(tenant, _LISTED, patience_s=_PATIENCE_S, back=BACK)
    for entry in listed:
        if (entry.connection, entry.kind, entry.external_id) == wanted and entry.event is not None:
            await tenant.ledger.collect(connection, [observe(tenant, entry.event)])
            return
    raise NotFound("The contact centre does not list this event any more: look for the newest ones again.")


async def _entry(tenant: Tenant, connection: str, kind: EventKind, external_id: str) -> Entry:
    found = await tenant.ledger.find(connection, kind, external_id)
    if found is None:
        raise NotFound("It was deleted meanwhile: look for the newest ones again.")
    return found
