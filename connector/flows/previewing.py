"""Events as they would be written, by the very code that writes them, but without writing, asking or binding anything.

No token is spent on it but for the directory (users and types), where that was not read today. The contact centre is
asked what a run would ask it, as far as it answers in time: who an unknown customer is, and for topics.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from connector.errors import ConnectorError
from connector.flows.collecting import SLICE, observe
from connector.flows.deciding import Plan, consider, draft, topic_of, wants_topic
from connector.flows.rules import LeftOut, Rule, is_to_do, ruled
from connector.flows.tenant import Centre, Tenant
from connector.i18n import translator
from connector.installation_settings import InstallationSettings
from connector.phone import Phones
from connector.pipedrive.operations import price
from connector.records import ActivityDraft, CallTopic, Chat, Event, Unreadable, Window
from connector.store.entries import Entry, State
from connector.store.payloads import kind_of, occurred_at

#: Tokens that one activity costs.
ACTIVITY_TOKENS = price("POST", "/api/v2/activities")
BATCH = 500
#: So long a contact centre is waited for, in seconds; a person looks at the page meanwhile.
PATIENCE_S = 4.0
KNOWN_DAYS = 7
KNOWN_MOST = 1_000
_LISTED_BACK = timedelta(hours=48)
_TO_BE_WRITTEN = (State.NEW, State.RETRY)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of one event: an activity (`draft`), or `state` and `reason` say why none.

    `rule` decided the type; `trace` says how it was matched. Without `topic_known` the agent's words may still change the texts.
    """

    entry: Entry
    event: Event
    rule: Rule
    state: State
    reason: str
    draft: ActivityDraft | None
    trace: Mapping[str, object]
    topic_known: bool

    @property
    def tokens(self) -> int:
        """What writing it costs."""
        return ACTIVITY_TOKENS if self.draft is not None else 0


@dataclass(frozen=True, slots=True)
class Touched:
    """What other settings would change: of `looked_at` latest events each (before, after) that differs, with its count.

    `again` are those that were never sent and are decided anew once the settings are saved; the others stay as they are.
    """

    looked_at: int
    changes: Mapping[tuple[str, str], int]
    again: int


def as_set(tenant: Tenant, settings: InstallationSettings) -> Tenant:
    """The installation as it would be with other settings."""
    return replace(
        tenant,
        installed=replace(tenant.installed, settings=settings),
        phones=Phones(settings.phone_region, settings.dial_out_prefix),
        translate=translator(settings.language),
    )


async def next_events(tenant: Tenant, limit: int) -> list[Entry]:
    """The events that are written next; where these are fewer, the latest known, or else those of the contact centre's list."""
    found = await tenant.ledger.new(limit)
    if len(found) < limit:
        found += await tenant.ledger.latest(limit - len(found), (State.RETRY,))
    if len(found) < limit:
        others = tuple(state for state in State if state not in _TO_BE_WRITTEN)
        found += await tenant.ledger.latest(limit - len(found), others)
    return found or await listed_events(tenant, limit)


async def listed_events(
    tenant: Tenant, limit: int, *, patience_s: float = PATIENCE_S, back: timedelta = _LISTED_BACK
) -> list[Entry]:
    """The latest events of the contact centres, newest first, as far as they are listed in time; nothing is stored."""
    found: list[Entry] = []
    now = until = tenant.clock.now()
    with suppress(TimeoutError, ConnectorError):  # a preview of fewer events
        async with asyncio.timeout(patience_s):
            for centre in tenant.centres.values():
                async for messages in centre.api.messages(now - back):
                    found += _entries(
                        tenant, centre, [one for one in messages if occurred_at(one) >= now - back]
                    )
            while len(found) < limit and until > now - back:
                part = Window(until - SLICE, until)
                for centre in tenant.centres.values():
                    async for calls in centre.api.calls(part):
                        found += _entries(tenant, centre, calls)
                    async for chats in centre.api.chats(part):
                        ended = [
                            chat for chat in chats if isinstance(chat, Chat) and chat.ended_at is not None
                        ]
                        found += _entries(tenant, centre, ended)
                until = part.since
    found.sort(key=lambda entry: entry.occurred_at, reverse=True)
    # No row of the ledger has such an id.
    return [replace(entry, id=-number) for number, entry in enumerate(found[:limit], 1)]


def _entries(tenant: Tenant, centre: Centre, events: Sequence[Event | Unreadable]) -> list[Entry]:
    return [_entry(tenant, centre.id, event) for event in events if not isinstance(event, Unreadable)]


def _entry(tenant: Tenant, connection: str, event: Event) -> Entry:
    """An event as the ledger would hold it."""
    kind = kind_of(event)
    subjects = tenant.ledger.subjects(observe(tenant, event))
    return Entry(
        id=0, connection=connection, kind=kind, external_id=event.id,
        marker=tenant.ledger.keys.marker(connection, kind, event.id), event=event, state=State.NEW,
        number_key=subjects["number_key"], email_key=subjects["email_key"], customer_id=subjects["customer_id"],
        claim_no=0, attempts=0, sends=0, looks=0, topic_no=0, heal_no=0, occurred_at=occurred_at(event),
        first_sent_at=None, last_sent_at=None, crm_id=None, shown=None,
    )  # fmt: skip


async def preview_events(
    tenant: Tenant,
    settings: InstallationSettings,
    entries: Sequence[Entry],
    *,
    patience_s: float = PATIENCE_S,
) -> list[Foreseen]:
    """What would become of these events with these settings, in their order; what is unreadable is left out."""
    as_if = as_set(tenant, settings)
    await as_if.people()
    found: list[Foreseen] = []
    for start in range(0, len(entries), BATCH):
        part = [_anew(as_if, entry) for entry in entries[start : start + BATCH] if entry.event is not None]
        found += await _foresee(as_if, part, patience_s)
    return found


async def _foresee(tenant: Tenant, entries: Sequence[Entry], patience_s: float) -> list[Foreseen]:
    try:
        async with asyncio.timeout(patience_s):
            decided = await consider(tenant, entries)
    except TimeoutError:
        decided = await consider(tenant, entries, at_hand=True)
    plans = {plan.entry.id: plan for plan in decided.plans}
    verdicts = {verdict.entry_id: verdict for verdict in decided.verdicts}
    topics = await _topics(tenant, decided.plans, patience_s)
    found = []
    for entry in entries:
        if (event := entry.event) is None:
            continue
        _, rule = ruled(entry.connection, event, tenant.settings)
        if (plan := plans.get(entry.id)) is not None:
            drafted = draft(tenant, plan, topics.get(entry.id))
            known = not wants_topic(event) or entry.id in topics
            found.append(Foreseen(entry, event, rule, State.DONE, "", drafted, plan.trace, known))
        elif (verdict := verdicts.get(entry.id)) is not None:
            trace = verdict.trace or {}
            found.append(
                Foreseen(entry, event, rule, verdict.state, verdict.reason, None, trace, topic_known=True)
            )
        else:
            found.append(Foreseen(entry, event, rule, State.NEW, UNTOLD, None, {}, topic_known=True))
    return found


#: Neither written nor left out: the contact centre has not said what is needed.
UNTOLD = "the contact centre does not tell now whose it is; it is decided by the next run"


def _anew(tenant: Tenant, entry: Entry) -> Entry:
    """The entry with number and address as the settings have them read."""
    if entry.event is None:
        return entry
    subjects = tenant.ledger.subjects(observe(tenant, entry.event))
    return replace(
        entry, number_key=subjects["number_key"], email_key=subjects["email_key"], customer_id=subjects["customer_id"]
    )  # fmt: skip


async def _topics(tenant: Tenant, plans: Sequence[Plan], patience_s: float) -> dict[int, CallTopic | None]:
    """What agents wrote down about calls, as far as it is told in time."""
    found: dict[int, CallTopic | None] = {}

    async def ask(plan: Plan) -> None:
        try:
            found[plan.entry.id] = await topic_of(tenant, plan.entry)
        except ConnectorError:
            return  # a run writes it without a topic as well, and adds it later

    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            await asyncio.gather(*(ask(plan) for plan in plans if wants_topic(plan.event)))
    return found


async def what_changes(tenant: Tenant, settings: InstallationSettings) -> Touched:
    """Which of the latest known events other settings would give another type, leave out or bring in."""
    since = tenant.clock.now() - timedelta(days=KNOWN_DAYS)
    known = [entry for entry in await tenant.ledger.latest(KNOWN_MOST) if entry.occurred_at >= since]
    as_if = as_set(tenant, settings)
    changes: Counter[tuple[str, str]] = Counter()
    again = 0
    for entry in known:
        if entry.event is None:
            continue
        before, after = _outcome(tenant, entry, entry.event), _outcome(as_if, entry, entry.event)
        if before != after:
            changes[before, after] += 1
            again += entry.sends == 0 and entry.state is not State.PARKED
    return Touched(len(known), dict(changes.most_common()), again)


def _outcome(tenant: Tenant, entry: Entry, event: Event) -> str:
    """The key of the type, with ` (to-do)` where it stays open; empty where it is left out."""
    kind, _ = ruled(entry.connection, event, tenant.settings)
    observed = observe(tenant, event)
    if isinstance(kind, LeftOut) or not (observed.number or observed.email or observed.customer_id):
        return ""
    return f"{kind}{TO_DO}" if is_to_do(event, tenant.settings) else kind


TO_DO = " (to-do)"
