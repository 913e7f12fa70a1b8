"""From ledger entries to drafts or verdicts: rule, person, deal, owner, for a whole batch with a handful of queries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

import structlog

from connector.errors import Rejected, Retryable, Unauthorised, Unreachable
from connector.flows.clicked import calls_of
from connector.flows.contacts.marking import in_step
from connector.flows.listed_calls import finish
from connector.flows.matching import LeftAlone, Matched, Nobody, Several, by_decision, choose_deal, match
from connector.flows.rendering import Names, render, seconds_between, topic_names
from connector.flows.rules import LeftOut, activity_type, agent_of, is_to_do, not_active, owner_of, ruled
from connector.flows.tenant import Directory, Tenant
from connector.phone import normalise_email
from connector.records import ActivityDraft, Call, CallResult, CallTopic, Chat, Event, Message, QueueKind
from connector.store.bindings import CUSTOMER
from connector.store.dirty import Mark, Side, Urgency
from connector.store.entries import Entry, State, Verdict
from connector.store.index import Candidate, OpenDeal
from connector.store.live_calls import LiveCall
from connector.store.questions import Kind as QuestionKind

log = structlog.get_logger()

HIDDEN = "nobody to match: the number is hidden, internal or one of the ignored ones"
IGNORED = "a person decided that this number or address is nobody's"
#: How a call was matched whose agent clicked on the number on a record's page.
CLICKED = "record page"
#: Records that are, or name, the deal or lead that they mean.
_WITH_THEIR_OWN = ("deal", "lead", "activity")
NOBODY = "waiting for the customer to appear in Pipedrive"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one entry will be written; `trace` says why, without a name or a number."""

    entry: Entry
    event: Event
    matched: Matched
    type: str
    owner_id: str
    deal_id: str | None
    trace: Mapping[str, object]
    lead_id: str | None = None


_Open = tuple[Entry, Event, str]


@dataclass(slots=True)
class Decided:
    """A batch after deciding: what will be written, what not, and new pairs of customer and person.

    `several` are the persons who could be meant, by the key of the number or address that a person is asked about;
    `unclear` are the entries that this concerns, with that key. Of `customers` it has to be found out who they are.
    `open` are the entries that were matched, each with its type; `clear` are keys that are no question any more.
    `calls` are events of calls that an agent dialled by a click, by the ids of those.
    """

    plans: list[Plan] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    pairs: dict[str, str] = field(default_factory=dict)
    several: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unclear: dict[int, str] = field(default_factory=dict)
    customers: list[Mark] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    clear: set[str] = field(default_factory=set)
    calls: dict[str, Call] = field(default_factory=dict)


class _Ways(TypedDict):
    by_email: Sequence[Candidate]
    by_number: Sequence[Candidate]


@dataclass(frozen=True, slots=True)
class _Known:
    candidates: Mapping[str, Sequence[Candidate]]
    bound: Mapping[str, Candidate]
    companies: Mapping[str, str]
    said: Mapping[str, Matched | LeftAlone]
    of_customer: Mapping[str, _Ways]
    keys: Mapping[str, Set[str]]
    unread: Set[str]
    deals: Mapping[str, Sequence[OpenDeal]]
    clicked: Mapping[int, LiveCall]


async def decide(tenant: Tenant, entries: Sequence[Entry]) -> Decided:
    """Decide a batch of new entries, and ask a person about what nobody else can decide.

    Reads the index and bindings, and the contact centre for customers unknown so far. Entries of a contact centre whose
    agents are unknown stay new.
    """
    decided = await consider(tenant, entries)
    await finish(tenant, decided.calls)
    await tenant.dirty.mark(decided.customers, urgency=Urgency.HOOK, cause="events")
    if decided.several:
        await _ask(tenant, decided)
    if decided.clear:
        # What was remembered may be older than a decision.
        await tenant.questions.void(QuestionKind.SUBJECT, decided.clear, undecided_only=True)
        tenant.contacts.whose_at = None
    return decided


async def consider(tenant: Tenant, entries: Sequence[Entry], *, at_hand: bool = False) -> Decided:
    """How entries would be decided now; nothing is written and nobody is asked.

    With `at_hand` neither vendor is called: by the directory as it was last read, and without a customer's own record.
    """
    decided = Decided()
    directory = tenant.directory if at_hand else await tenant.people()
    if not at_hand:
        await tenant.meet(
            {(e.connection, login) for e in entries if e.event is not None and (login := agent_of(e.event))}
        )
    for entry in entries:
        if entry.connection in directory.unread:
            continue
        if entry.event is None:
            # Still unreadable; the ledger keeps the reason that it has.
            decided.verdicts.append(Verdict(entry.id, State.PARKED, ""))
            continue
        kind = activity_type(entry.connection, entry.event, tenant.settings)
        if isinstance(kind, LeftOut):
            decided.verdicts.append(Verdict(entry.id, State.SKIPPED, kind.reason))
        elif kind not in directory.people.active_types:
            decided.verdicts.append(Verdict(entry.id, State.PARKED, not_active(kind)))
        elif not (entry.number_key or entry.email_key or entry.customer_id):
            decided.verdicts.append(Verdict(entry.id, State.SKIPPED, HIDDEN))
        else:
            decided.open.append((entry, entry.event, kind))
    await _decide_all(tenant, decided, decided.open, at_hand=at_hand)
    return decided


async def _decide_all(
    tenant: Tenant, decided: Decided, open_entries: Sequence[_Open], *, at_hand: bool = False
) -> None:
    known = await _look_up(tenant, [entry for entry, _, _ in open_entries], at_hand=at_hand)
    for entry, event, kind in open_entries:
        try:
            _decide_one(tenant, tenant.directory, known, decided, entry, event, kind)
        except Exception as error:  # one bad event blocks only itself
            log.exception("not decided", installation=tenant.id, entry=entry.id)
            reason = f"it cannot be decided: {type(error).__name__}"
            decided.verdicts.append(Verdict(entry.id, State.PARKED, reason))
    asked = tenant.contacts.whose
    decided.clear |= {key for key, found in known.candidates.items()
                      if key in asked and asked[key] is None and isinstance(match(None, by_number=found), Matched)}  # fmt: skip


async def _ask(tenant: Tenant, decided: Decided) -> None:
    """Ask a person whose these numbers and addresses are; what somebody has said meanwhile is decided by that."""
    questions = tenant.questions
    whose = await tenant.whose(older_than=timedelta())
    if answered := {key for key in decided.several if whose.get(key)}:
        again = {entry_id for entry_id, key in decided.unclear.items() if key in answered}
        decided.verdicts = [verdict for verdict in decided.verdicts if verdict.entry_id not in again]
        decided.several = {key: ids for key, ids in decided.several.items() if key not in answered}
        await _decide_all(tenant, decided, [one for one in decided.open if one[0].id in again])
        # Who was named is gone: what was decided holds no more.
        await questions.void(QuestionKind.SUBJECT, answered & decided.several.keys())
    cases = {key: (ids, {"why": f"{len(ids)} persons have it"}) for key, ids in decided.several.items()}
    await questions.ask_each(QuestionKind.SUBJECT, cases)
    tenant.contacts.whose_at = None


def _decide_one(
    tenant: Tenant,
    directory: Directory,
    known: _Known,
    decided: Decided,
    entry: Entry,
    event: Event,
    kind: str,
) -> None:
    customer = customer_key(entry)
    own = _Ways(
        by_email=known.candidates.get(entry.email_key or "", ()),
        by_number=known.candidates.get(entry.number_key or "", ()),
    )
    bound, company = known.bound.get(customer or ""), known.companies.get(customer or "")
    said = known.said.get(entry.email_key or "") or known.said.get(entry.number_key or "")
    found: Matched | Nobody | Several | LeftAlone
    if (meant := _clicked(known, decided, entry, event)) is not None:
        found = meant
    elif bound is None and company is not None:
        found = Matched(None, company, "company pair")
    elif bound is None and said is not None:
        found = said
    else:
        found = match(bound, **own)
    if isinstance(found, Nobody) and customer and customer in known.of_customer:
        found = match(None, **known.of_customer[customer])
        if isinstance(found, Matched) and found.person_id is not None:
            # Only a customer's own record tells who he is: anybody may ring from somebody else's phone.
            decided.pairs[customer] = found.person_id
    if isinstance(found, Nobody) and customer in known.unread:
        return  # a failed look-up proves nothing: the entry stays new
    others = known.keys.get(customer or "", frozenset()) - {entry.number_key, entry.email_key}
    if isinstance(found, Nobody):
        decided.verdicts.append(Verdict(entry.id, State.WAITING, NOBODY, keys=others))
        return
    if isinstance(found, LeftAlone):
        decided.verdicts.append(Verdict(entry.id, State.SKIPPED, IGNORED))
        return
    if isinstance(found, Several):
        key = entry.email_key if own["by_email"] or not entry.number_key else entry.number_key
        if customer and not own["by_email"] and not own["by_number"] and in_step(tenant):
            # He is unclear by what his own record says: whoever decides that decides this.
            decided.customers.append(Mark(CUSTOMER, Side.CENTRE, customer))
        elif key:
            decided.several[key], decided.unclear[entry.id] = found.person_ids, key
        reason = f"{len(found.person_ids)} persons in Pipedrive could be meant"
        trace = {"candidates": list(found.person_ids)}
        decided.verdicts.append(Verdict(entry.id, State.UNDECIDED, reason, trace, others))
        return
    decided.plans.append(_plan(tenant, directory, known, entry, event, kind, found))


def _clicked(known: _Known, decided: Decided, entry: Entry, event: Event) -> Matched | None:
    """Whom the record is, or names, on whose page the agent clicked to have this call dialled; None where he did not."""
    call = known.clicked.get(entry.id)
    if call is None or not isinstance(event, Call):
        return None
    decided.calls[call.id] = event
    return Matched(call.person_id, call.org_id, CLICKED) if call.is_resolved else None


def _plan(
    tenant: Tenant,
    directory: Directory,
    known: _Known,
    entry: Entry,
    event: Event,
    kind: str,
    found: Matched,
) -> Plan:
    owner_id, owner_how = owner_of(entry.connection, event, tenant.settings, directory.people)
    call, deal_rule = known.clicked.get(entry.id), str(tenant.settings.deal_rule)
    deal_id, deals_open = None, 0
    if call is not None and call.record_entity in _WITH_THEIR_OWN:
        deal_id, deal_rule = call.deal_id, CLICKED
    elif deal_rule == "one_open" and found.person_id is not None:
        deals = known.deals.get(found.person_id, ())
        deal_id, deals_open = choose_deal(deals, owner_id=owner_id), len(deals)
    why: dict[str, object] = {
        "matched": found.how, "person": found.person_id, "organization": found.organization_id, "type": kind,
        "rule": ruled(entry.connection, event, tenant.settings)[1], "owner": owner_id, "owner_by": owner_how,
        "deal": deal_id, "deals_open": deals_open, "deal_rule": deal_rule,
        "settings": tenant.installed.settings_version,
    }  # fmt: skip
    lead_id = None
    if call is not None:
        lead_id = call.lead_id if deal_id is None else None
        why |= {"call": call.id, "lead": lead_id}
        if call.record_entity is not None:
            why["clicked"] = f"{call.record_entity} {call.record_id}"
    return Plan(entry, event, found, kind, owner_id, deal_id, why, lead_id)


def customer_key(entry: Entry) -> str | None:
    """A customer's id together with the contact centre it is of: what bindings know it by."""
    return f"{entry.connection}/{entry.customer_id}" if entry.customer_id else None


async def _look_up(tenant: Tenant, entries: Sequence[Entry], *, at_hand: bool) -> _Known:
    keys = {key for entry in entries for key in (entry.number_key, entry.email_key) if key}
    customers = {customer for entry in entries if (customer := customer_key(entry))}
    candidates = await tenant.index.candidates(keys)
    pairs, companies = await tenant.bindings.whose(customers)
    whose = await tenant.whose()
    decisions = {key: decision for key in keys if (decision := whose.get(key))}
    named = {str(decision["person"]) for decision in decisions.values() if "person" in decision}
    people = await tenant.index.people({*pairs.values(), *named})
    said = {key: meant for key, decision in decisions.items() if (meant := by_decision(decision, people))}
    bound = {customer: people[person] for customer, person in pairs.items() if person in people}
    unknown: dict[str, Entry] = {}
    for entry in entries:
        customer = customer_key(entry)
        matches = candidates.get(entry.number_key or "") or candidates.get(entry.email_key or "")
        known = (
            customer in bound or customer in companies or said.keys() & {entry.number_key, entry.email_key}
        )
        if customer and not known and not matches and not at_hand:
            unknown.setdefault(customer, entry)
    of_customer, keys_of, unread = await _customers_candidates(tenant, unknown)
    persons = {c.person_id for found in candidates.values() for c in found}
    persons |= {c.person_id for ways in of_customer.values() for c in (*ways["by_email"], *ways["by_number"])}
    persons |= {*named, *(candidate.person_id for candidate in bound.values())}
    clicked = await calls_of(tenant, entries, at_hand=at_hand)
    persons |= {call.person_id for call in clicked.values() if call.person_id is not None}
    deals = await tenant.index.open_deals(persons) if tenant.settings.deal_rule == "one_open" else {}
    return _Known(candidates, bound, companies, said, of_customer, keys_of, unread, deals, clicked)


async def _customers_candidates(
    tenant: Tenant, unknown: Mapping[str, Entry]
) -> tuple[dict[str, _Ways], dict[str, frozenset[str]], set[str]]:
    """Match customers by all their numbers and addresses, when those of the event alone match nobody.

    Answers also the keys of these, and which customers could not be read now.
    """
    key = tenant.ledger.keys.key
    unread: set[str] = set()

    async def keys_of(entry: Entry) -> tuple[list[str], list[str]]:
        centre = tenant.centres.get(entry.connection)
        if centre is None or entry.customer_id is None:
            return [], []
        try:
            customer = await centre.api.customer(entry.customer_id)
        except (Retryable, Unauthorised):
            unread.add(customer_key(entry) or "")
            return [], []
        except Rejected:
            # The account may not see customers: the event's own number or address has to do.
            return [], []
        if customer is None:
            return [], []
        emails = [key(email) for raw in customer.emails if (email := normalise_email(raw))]
        return emails, [key(number) for phone in customer.phones for number in tenant.phones.keys(phone)]

    keys = dict(zip(unknown, await asyncio.gather(*map(keys_of, unknown.values())), strict=True))
    together = {customer: frozenset((*emails, *numbers)) for customer, (emails, numbers) in keys.items()}
    found = await tenant.index.candidates(frozenset().union(*together.values()))
    ways = {
        customer: _Ways(
            by_email=[c for one in emails for c in found.get(one, ())],
            by_number=[c for one in numbers for c in found.get(one, ())],
        )
        for customer, (emails, numbers) in keys.items()
    }
    return ways, together, unread


# drafts


def wants_topic(event: Event) -> bool:
    """Whether the agent may have written something about this event that its list does not carry."""
    return isinstance(event, Call) and event.result is CallResult.ANSWERED


async def topic_of(tenant: Tenant, entry: Entry) -> CallTopic | None:
    """Topic and note of a call, or None while there are none; Unreachable or Rejected when they cannot be read."""
    centre = tenant.centres.get(entry.connection)
    if centre is None or entry.event is None or not wants_topic(entry.event):
        return None
    try:
        return await centre.api.call_topic(entry.external_id)
    except (Retryable, Unauthorised) as error:
        # Said in words that cannot be taken for Pipedrive's.
        raise Unreachable(f"{centre.id}: {error}") from error


def names_of(entry: Entry, event: Event, directory: Directory) -> Names:
    """Names of agent and queue for the ids that `event` carries."""
    agent = directory.people.agents.get((entry.connection, agent_of(event) or ""))
    if isinstance(event, Message):
        queue = (QueueKind.TICKET, event.ticket.queue_id)
    else:
        queue = (QueueKind.CHAT if isinstance(event, Chat) else QueueKind.CALL, event.queue_id)
    name = directory.queues.get((entry.connection, queue[0], queue[1])) if queue[1] else None
    return Names(agent=agent.name if agent else None, queue=name)


def draft(tenant: Tenant, plan: Plan, topic: CallTopic | None) -> ActivityDraft:
    """The activity of a plan."""
    event, directory = plan.event, tenant.directory
    names = topic_names(names_of(plan.entry, event, directory), topic)
    text = render(event, names, tenant.settings.links, plan.entry.marker, tenant.translate)
    duration = None
    if isinstance(event, Call):
        duration = event.talk_s if event.result is CallResult.ANSWERED else None
    elif isinstance(event, Chat) and event.ended_at is not None:
        duration = seconds_between(event.started_at, event.ended_at)
    return ActivityDraft(
        subject=text.subject,
        type=plan.type,
        due=event.created_at if isinstance(event, Message) else event.started_at,
        note=text.note,
        owner_id=plan.owner_id,
        person_id=plan.matched.person_id,
        org_id=plan.matched.organization_id,
        deal_id=plan.deal_id,
        lead_id=plan.lead_id,
        duration_s=duration,
        done=not is_to_do(event, tenant.settings),
    )
