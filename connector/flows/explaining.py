"""Why an event became what it is: what came in, how it was decided, what was sent, what came back and what it cost.

What was decided is kept with the event as ids and codes. Texts are not: they are rendered anew, by today's settings and
names, from the contents as long as these are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime

from connector.errors import ConnectorError
from connector.flows.deciding import Plan, consider, draft, topic_of
from connector.flows.matching import Matched
from connector.flows.rules import LeftOut, Rule, ruled
from connector.flows.tenant import Tenant
from connector.pipedrive.operations import price
from connector.records import ActivityDraft, Event
from connector.store.entries import State, Verdict
from connector.store.events import Looked

#: Tokens of one send.
SEND_TOKENS = price("POST", "/api/v2/activities")
#: Tokens of one look for what was sent without an answer; it settles hundreds of events at once.
LOOK_TOKENS = price("GET", "/api/v2/activities")
_UNDECIDED = (State.NEW, State.RETRY, State.WAITING, State.UNDECIDED, State.PARKED, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class Explained:
    """One event: `decided` is how it was decided when it was written, or, with `is_anew`, how it would be now.

    `verdict` says why nothing would be written now. `type_now` is what today's rules make of it (None: left out);
    `draft` is its activity without what an agent wrote down later, unless `has_topic`.
    """

    looked: Looked
    decided: Mapping[str, object]
    is_anew: bool
    verdict: Verdict | None
    rule_now: Rule | None
    type_now: str | None
    draft: ActivityDraft | None
    has_topic: bool

    @property
    def tokens(self) -> int:
        """What sending it has cost."""
        return self.looked.entry.sends * SEND_TOKENS

    @property
    def times(self) -> list[tuple[datetime, str]]:
        """What happened to it, then what is to come, as codes; by Pipedrive's clock where it was sent."""
        looked, entry = self.looked, self.looked.entry
        happened = (
            (entry.occurred_at, "happened"), (looked.seen_at, "read"), (entry.first_sent_at, "sent first"),
            (entry.last_sent_at if entry.sends > 1 else None, "sent last"), (looked.settled_at, "settled"),
        )  # fmt: skip
        to_come = (
            (looked.not_before, "next try"), (looked.topic_at, "next topic"), (looked.heal_at, "next look"),
        )  # fmt: skip
        # Two clocks are in it: what was sent just after it was read may seem to have been sent before.
        past = [(at, code) for at, code in happened if at is not None]
        return past + sorted((at, code) for at, code in to_come if at is not None)


async def explain(tenant: Tenant, looked: Looked, *, at_hand: bool) -> Explained:
    """Explain an event; with `at_hand` neither vendor is called, and what is not known then is left out."""
    entry, event = looked.entry, looked.entry.event
    if event is None:
        return Explained(looked, looked.trace, False, None, None, None, None, has_topic=False)
    kind, rule = ruled(entry.connection, event, tenant.settings)
    topic = None
    if not at_hand:
        with suppress(ConnectorError):
            topic = await topic_of(tenant, entry)
    plan, verdict = _kept(looked, event), None
    if plan is None and entry.state in _UNDECIDED and (not at_hand or tenant.directory.read_at is not None):
        decided = await consider(tenant, [entry], at_hand=at_hand)
        plan, verdict = next(iter(decided.plans), None), next(iter(decided.verdicts), None)
    trace = looked.trace or (
        plan.trace if plan is not None else (verdict.trace if verdict is not None else None) or {}
    )
    return Explained(
        looked, trace, is_anew=not looked.trace and bool(trace or verdict), verdict=verdict, rule_now=rule,
        type_now=None if isinstance(kind, LeftOut) else kind,
        draft=None if plan is None else draft(tenant, plan, topic), has_topic=topic is not None,
    )  # fmt: skip


def _kept(looked: Looked, event: Event) -> Plan | None:
    """How it was decided when it was written, as far as that is kept."""
    kept = looked.trace
    if "matched" not in kept or looked.entry.state not in (State.DONE, State.PARKED, State.SENDING):
        return None

    def one(name: str) -> str | None:
        value = kept.get(name)
        return None if value is None else str(value)

    matched = Matched(one("person"), one("organization"), str(kept["matched"]))
    return Plan(
        looked.entry, event, matched, str(kept["type"]), str(kept["owner"]), one("deal"), kept, one("lead")
    )


def report(tenant: Tenant, explained: Explained, conceal: Callable[[str], str]) -> dict[str, object]:
    """The same as one JSON object; `conceal` hides personal data in a text."""
    looked, entry = explained.looked, explained.looked.entry
    found: dict[str, object] = {
        "event": entry.id, "kind": entry.kind, "of": f"{entry.connection}/{entry.external_id}",
        "state": entry.state, "reason": looked.reason, "marker": entry.marker,
        "contents": "dropped" if looked.is_purged else "unreadable" if entry.event is None else _concealed(asdict(entry.event), conceal),
        "decided": dict(explained.decided), "decided_anew_now": explained.is_anew,
        "rule_now": explained.rule_now, "type_now": explained.type_now,
        "activity": entry.crm_id, "sends": entry.sends, "looks": entry.looks, "failed_attempts": entry.attempts,
        "tokens": explained.tokens, "times": [{"at": at, "what": code} for at, code in explained.times],
    }  # fmt: skip
    if explained.verdict is not None:
        found["now"] = {"state": explained.verdict.state, "reason": explained.verdict.reason}
    if explained.draft is not None:
        found["text_rendered_now"] = _concealed(asdict(explained.draft), conceal) | {
            "with_topic": explained.has_topic
        }
    if entry.crm_id is not None:
        found["link"] = tenant.record_page("activity", entry.crm_id)
    return found


#: Fields of events and activities in which customers are named, or in which anybody may have written anything.
PERSONAL = frozenset(
    {"src", "dst", "topic", "note", "client_name", "client_email", "text", "requester", "subject", "sender", "custom"}
)  # fmt: skip


def _concealed(fields: Mapping[str, object], conceal: Callable[[str], str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in fields.items():
        if isinstance(value, dict) and name != "custom":
            found[name] = _concealed(value, conceal)
        else:
            found[name] = conceal(str(value)) if name in PERSONAL and value else value
    return found
