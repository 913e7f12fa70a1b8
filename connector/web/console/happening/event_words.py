"""Events in words: what happened, whose it is, how it stands, why, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.flows.deciding import CLICKED, HIDDEN, IGNORED, NOBODY
from connector.flows.rules import Rule, agent_of
from connector.flows.tenant import Directory
from connector.flows.topics import DELETED, EDITED
from connector.i18n import Translate
from connector.records import Call, CallResult, Chat, Direction, Event, EventKind
from connector.store.entries import ERASED, UNKNOWN, UNSEEN, Entry, State
from connector.store.events import Looked
from connector.web.console.masking import masked


@dataclass(frozen=True, slots=True)
class Why:
    """Why an event stands as it does, what to do next, and the page of the console (with its word) where that is done.

    `detail` is what another system said, in its own words.
    """

    text: str
    next: str = ""
    page: str = ""
    word: str = ""
    detail: str = ""


def kinds(_: Translate) -> dict[EventKind, str]:
    """The kinds of events."""
    return {EventKind.CALL: _("Call"), EventKind.CHAT: _("Chat"), EventKind.MESSAGE: _("E‑mail")}


def states(_: Translate) -> dict[State, tuple[str, str]]:
    """The look and the word of each state."""
    return {
        State.DONE: ("good", _("In Pipedrive")),
        State.NEW: ("busy", _("Next to be written")),
        State.SENDING: ("busy", _("Being written")),
        State.RETRY: ("busy", _("Put off, tried again")),
        State.WAITING: ("busy", _("Waiting for the customer to be linked")),
        State.UNDECIDED: ("attention", _("Undecided")),
        State.PARKED: ("broken", _("Failed")),
        State.SKIPPED: ("plain", _("Left out")),
    }


def source(name: str | None, _: Translate) -> str:
    """Where a ticket or chat came from; what is not known is shown as the contact centre writes it."""
    known = {
        "email": _("E‑mail"), "phone": _("Phone"), "chat": _("Chat"), "sms": "SMS", "www": _("Website"),
        "facebook": "Facebook", "messenger": "Messenger", "whatsapp": "WhatsApp",
    }  # fmt: skip
    return known.get((name or "").lower(), name or "")


def what(kind: EventKind, event: Event | None, _: Translate) -> str:
    """What happened."""
    if isinstance(event, Call):
        way = _("Inbound call") if event.direction is Direction.INBOUND else _("Outbound call")
        results = {
            CallResult.ANSWERED: _("answered"), CallResult.FAILED: _("failed"), CallResult.ABANDONED: _("abandoned"),
        }  # fmt: skip
        return f"{way}, {results[event.result]}"
    if event is None or isinstance(event, Chat):
        return kinds(_)[kind]
    return _("Inbound e-mail") if event.direction is Direction.INBOUND else _("Outbound e-mail")


def who(event: Event | None, *, reveal: bool) -> str:
    """The customer's number, name or address; masked unless somebody asked for it."""
    if event is None:
        return ""
    if isinstance(event, Call):
        known = event.customer_number
    elif isinstance(event, Chat):
        known = event.client_name or event.client_email or ""
    else:
        known = event.ticket.requester or event.sender or ""
    return known if reveal else masked(known)


def agent(entry: Entry, directory: Directory) -> str:
    """The agent's name, or his login."""
    login = agent_of(entry.event) if entry.event is not None else None
    if login is None:
        return ""
    known = directory.people.agents.get((entry.connection, login))
    return known.name if known is not None else login


def why(looked: Looked, _: Translate) -> Why:
    """Why it stands so, and what to do."""
    state, reason = looked.entry.state, looked.reason
    if state is State.PARKED and looked.is_purged:
        text = _("Its contents were dropped, since they are kept for a limited time only.")
        return Why(text, _("A backfill of that day reads it anew."), "runs", _("Runs"), detail=reason)
    of_state: dict[State, Callable[[str, Translate], Why]] = {
        State.PARKED: failed, State.SKIPPED: _left_out, State.DONE: _written,
    }  # fmt: skip
    if state in of_state:
        return of_state[state](reason, _)
    if state is State.UNDECIDED:
        text = _("Several persons of Pipedrive could be meant; nobody is guessed.")
        return Why(text, _("Say who it is."), "undecided", _("Undecided"))
    if state is State.SENDING and reason == UNKNOWN:
        return Why(
            _("Pipedrive did not say whether it was written: it is looked for before it is sent again.")
        )
    waits = {
        State.NEW: Why(_("The next run writes it.")),
        State.SENDING: Why(_("It is on its way to Pipedrive.")),
        State.RETRY: Why(_("Pipedrive could not take it. It is tried again by itself."), detail=reason),
        State.WAITING: Why(
            _("Nobody in Pipedrive has this number or address yet."),
            _("It is written as soon as the customer is there, or is linked."), "customers", _("Customers"),
        ),
    }  # fmt: skip
    return waits[state]


def _written(reason: str, _: Translate) -> Why:
    known = {
        "": "",
        "adopted": _("It was found in Pipedrive when the database was made anew."),
        EDITED: _("Somebody edited the activity, so a topic that came later was not added."),
        DELETED: _("Somebody deleted the activity; it is left so."),
    }
    if reason in known:
        return Why(known[reason])
    return Why(_("The agent’s topic could not be added."), detail=reason)


def _left_out(reason: str, _: Translate) -> Why:
    rules = (_("Change the rules if it shall be written."), "settings/activities", _("Activities"))
    privacy = (_("A backfill of that day reads it anew."), "runs", _("Runs"))
    known = {
        HIDDEN: Why(_("Nobody to match: the number is hidden, internal or one of your own.")),
        IGNORED: Why(
            _("A person decided that this number or address is nobody’s."), _("Decide it otherwise if that was wrong."),
            "undecided?decided=1", _("Undecided"),
        ),
        "expired": Why(_("Its customer never came to Pipedrive while its contents were kept."), *privacy),
    }  # fmt: skip
    if reason in known:
        return known[reason]
    if found := re.fullmatch(r"shorter than (\d+) seconds", reason):
        return Why(_("The talk was shorter than %(seconds)s seconds.") % {"seconds": found[1]}, *rules)
    return Why(_("The rules leave it out."), *rules, detail=reason)


def failed(reason: str, _: Translate) -> Why:
    """Why an event failed."""
    again = _("Try it again when that is mended.")
    known = {
        UNSEEN: Why(
            _("It was sent, no answer came, and the user of the sync does not see activities of others."),
            _("Look in Pipedrive whether it is there. Only if it is not, try again."),
        ),
        ERASED: Why(
            _("Its contents were erased when the app was uninstalled."),
            _("A backfill of that day reads it anew."), "runs", _("Runs"),
        ),
        NOBODY: Why(_("Nobody in Pipedrive has this number or address yet.")),
        "the chat has been open for 30 days": Why(_("The chat has been open for 30 days and never ended.")),
    }  # fmt: skip
    if reason in known:
        return known[reason]
    mend_type = (
        _("Choose another one, or make it active in Pipedrive."),
        "settings/activities",
        _("Activities"),
    )
    if found := re.fullmatch(r"the activity type '(.*)' is not active in Pipedrive; .*", reason):
        return Why(
            _("The activity type “%(type)s” is not active in Pipedrive.") % {"type": found[1]}, *mend_type
        )
    # Types are read once a day: one that was deleted since is refused by Pipedrive itself.
    if re.match(r"Pipedrive answered 4\d\d: .*activity type", reason, re.IGNORECASE):
        return Why(_("Pipedrive does not take the activity type of this event."), *mend_type, detail=reason)
    if reason.startswith(("it cannot be decided: ", "it cannot be put into words: ")):
        return Why(
            _("The connector made a mistake with this event."),
            _("Try again after the next update; tell whoever runs the connector."), detail=reason,
        )  # fmt: skip
    return Why(_("Pipedrive or the contact centre refused it."), again, detail=reason)


# how it was decided


def matched_by(_: Translate) -> dict[str, str]:
    """How its person or organization was found."""
    return {
        "pair": _("known customer"), "email": _("by e‑mail address"), "number": _("by number"),
        "email of one organization": _("by e‑mail address, several persons of one organization"),
        "number of one organization": _("by number, several persons of one organization"),
        "company pair": _("known company"), "a person's decision": _("as a person decided"),
        CLICKED: _("by the record on whose page the agent clicked the number"),
    }  # fmt: skip


def ruled_by(_: Translate) -> dict[Rule, str]:
    """Which rule gave the activity type."""
    return {
        Rule.MINIMUM: _("Shorter than the shortest talk"),
        Rule.INTERNAL: _("An internal call"),
        Rule.QUEUE: _("By its queue or campaign"),
        Rule.CASE: _("By direction and result"),
        Rule.KIND: _("As all of its kind"),
        Rule.SOURCE: _("By the source of the ticket"),
    }


def owned_by(_: Translate) -> dict[str, str]:
    """How its owner was found."""
    return {
        "agent table": _("as set for the agent"), "e-mail of the agent": _("by the agent’s e‑mail address"),
        "fallback owner": _("fallback owner"), "owner of the sync": _("owner of the sync"),
    }  # fmt: skip


def dealt(kept: Mapping[str, object], _: Translate) -> str:
    """Why it hangs on its deal, or on none."""
    if kept.get("deal_rule") == "none":
        return _("The rules put events on no deal.")
    if kept.get("deal_rule") == CLICKED:
        return _("as on the record’s page")
    if "deals_open" not in kept:
        return ""
    count = kept["deals_open"]
    if kept.get("deal"):
        return _("the one open deal") if count == 1 else _("of several open deals the owner’s own")
    if not count:
        return _("no open deal of the person")
    return _("Open deals: %(count)s; nobody is guessed.") % {"count": count}
