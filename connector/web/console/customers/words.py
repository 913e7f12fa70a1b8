"""Customers and companies in words: how a pair stands, what came of a push, and why something was not done."""

from __future__ import annotations

import re

from connector.flows.contacts.comparing import NO_COMPANY, NO_OWNER, VANISHED
from connector.flows.contacts.planning import NOT_THERE, WAS_DELETED
from connector.flows.contacts.previewing import SHARED
from connector.flows.contacts.pushing import Outcome, Pushed
from connector.flows.contacts.reconciling import CARD_WITHOUT_COMPANY, NOT_IN_CENTRE
from connector.flows.contacts.side_by_side import Next, Since
from connector.flows.contacts.updating import NOT_IN_PIPEDRIVE
from connector.i18n import Translate
from connector.store.bindings import COMPANY, CUSTOMER, Bond
from connector.store.dirty import Side
from connector.web.console.settings.field_words import field_word, reason_words
from connector.web.notes import Said


def bonds(_: Translate) -> dict[Bond, tuple[str, str]]:
    """The look and the word of each state of a pair."""
    return {
        Bond.BOUND: ("good", _("Linked")),
        Bond.ALIAS: ("attention", _("A second record of the same")),
        Bond.GONE: ("plain", _("No longer linked")),
    }


def kinds(_: Translate) -> tuple[tuple[str, str], ...]:
    """The two kinds of pair."""
    return ((CUSTOMER, _("Customers and persons")), (COMPANY, _("Companies and organizations")))


def records(_: Translate) -> dict[tuple[str, str], str]:
    """What a record is called, by the kind of its pair and its side."""
    return {
        (CUSTOMER, Side.CENTRE): _("Customer %(id)s"),
        (COMPANY, Side.CENTRE): _("Company %(id)s"),
        (CUSTOMER, Side.PIPEDRIVE): _("Person %(id)s"),
        (COMPANY, Side.PIPEDRIVE): _("Organization %(id)s"),
    }


def sides(_: Translate) -> dict[str, str]:
    """Where a record is."""
    return {Side.CENTRE: _("Contact centre"), Side.PIPEDRIVE: "Pipedrive"}


def since(_: Translate) -> dict[Since, tuple[str, str]]:
    """What became of a field since both sides were last in step."""
    return {
        Since.SAME: ("plain", _("Unchanged")),
        Since.CHANGED_THERE: ("busy", _("Changed in the contact centre")),
        Since.CHANGED_HERE: ("busy", _("Changed in Pipedrive")),
        Since.BOTH: ("attention", _("Changed on both sides")),
        Since.NEVER: ("plain", _("Not compared yet")),
    }


def nexts(_: Translate) -> dict[Next, str]:
    """What a push would do with a field."""
    return {
        Next.NOTHING: _("nothing"),
        Next.TO_PIPEDRIVE: _("to Pipedrive"),
        Next.TO_CENTRE: _("to the contact centre"),
        Next.BOTH_WAYS: _("to both sides"),
        Next.ASK: _("asks you"),
        Next.CANNOT: _("cannot be carried over"),
    }


def row(key: str, _: Translate) -> str:
    """A row of the mapping by what its two fields are called."""
    there, _sep, here = key.partition("=")
    names = dict.fromkeys((field_word(there, _), field_word(here, _)))
    return " / ".join(names)


def cause(cause: str, _: Translate) -> str:
    """Why something was written; what has no words is shown as it is."""
    if load := re.fullmatch(r"load (\d+)", cause):
        return _("First load %(number)s") % {"number": load[1]}
    known = {
        "button": _("An administrator or agent"),
        "webhooks of Pipedrive": _("A change in Pipedrive"),
        "webhooks of the contact centre": _("A change in the contact centre"),
        "events": _("A customer who appeared in an event"),
        "questions": _("A decision"),
        "sweep": _("A change found in a list"),
        "scan": _("Nightly comparison"),
        "undo": _("A run taken back"),
    }
    return known.get(cause, cause)


def reason(text: str, _: Translate) -> tuple[str, str]:
    """A reason in the reader's language, and in other words what is said only in English."""
    known = {
        **reason_words(_),
        "paused by the brake": _("more than is usual was to be written: see the overview"),
        WAS_DELETED: _("its counterpart was deleted; push it by itself to have it made anew"),
        NOT_THERE: _("its counterpart is not there, or the user of the sync may not see it"),
        VANISHED: _("Pipedrive has this field no more: choose another one under Fields, or remove the row"),
        NO_COMPANY: _("its company is not known on the other side yet; it follows by itself"),
        NO_OWNER: _("its owner is nobody on the other side: choose the agent’s user under Agents"),
        SHARED: _("it has a number, address or name of another record of this load"),
        NOT_IN_PIPEDRIVE: _("Pipedrive has no such record, or the user of the sync may not see it"),
        NOT_IN_CENTRE: _("the contact centre has no such record, or its account may not see it"),
        CARD_WITHOUT_COMPANY: _("it is a company’s own record, and which company is not said"),
        "it was stopped": _("it was stopped"),
        "another process has taken it over": _("another process has taken it over"),
        "nobody went on with it": _("nobody went on with it"),
        "ended by a person": _("a person ended it"),
        "a newer preview was made": _("a newer preview was made"),
        "it would write more than its preview counted: look at a new preview (--preview), then start it again": _(
            "it would write more than its preview counted: count again, look at it, then go on"
        ),
        "it broke off: CancelledError": _("the connector was stopped meanwhile"),
    }
    if text in known:
        return known[text], ""
    if several := re.fullmatch(r"(\d+) have this .+", text):
        return _("several could be meant: %(count)s have the same number, address or name") % {
            "count": several[1]
        }, ""
    return "", text


def came_of(pushed: Pushed, name: str, _: Translate) -> Said:
    """What came of a push, and what to do next."""
    said: dict[Outcome, tuple[str, str, str]] = {
        Outcome.MADE: ("good", _("%(record)s: made on the other side."), _("Both sides hold the same now.")),
        Outcome.LINKED: (
            "good", _("%(record)s: linked with one that was there."), _("Both sides hold the same now."),
        ),
        Outcome.UPDATED: (
            "good", _("%(record)s: what had changed was carried over."), _("Both sides hold the same now."),
        ),
        Outcome.IN_STEP: ("good", _("%(record)s: in step already."), _("Nothing had to be written.")),
        Outcome.ALIAS: (
            "attention", _("%(record)s: a second record of the same."),
            _("Only the first one is kept in step. Merge the two in the contact centre."),
        ),
        Outcome.ASKED: (
            "attention", _("%(record)s: several could be meant."), _("Decide under Undecided whom it is."),
        ),
        Outcome.LEFT_OUT: ("attention", _("%(record)s: left out."), _("Mend what the reason says, then push again.")),
        Outcome.REFUSED: (
            "broken", _("%(record)s: refused."), _("Mend what the reason says, then push again."),
        ),
        Outcome.WAITS: (
            "busy", _("%(record)s: not done yet."), _("It is tried again by itself."),
        ),
    }  # fmt: skip
    words = {"good": _("Done"), "attention": _("Not done"), "broken": _("Not done"), "busy": _("Waits")}
    state, title, text = said[pushed.outcome]
    why, detail = reason(pushed.reason, _) if pushed.reason else ("", "")
    return Said(state, words[state], title % {"record": name}, text, reason=why, detail=detail)


def counted(_: Translate) -> dict[str, str]:
    """What a preview counts, in the order in which it is told."""
    return {
        "make": _("Made on the other side"),
        "link": _("Linked with one that is there"),
        "update": _("Linked already, brought in step"),
        "unchanged": _("In step already"),
        "double": _("A second record of the same"),
        "ask": _("You are asked whom it is"),
        "leave": _("Left out"),
    }


def done_so_far(_: Translate) -> dict[str, str]:
    """What a load counts as it goes."""
    return {
        "made": _("Made"),
        "linked": _("Linked"),
        "changed": _("Changed"),
        "double": _("A second record of the same"),
        "ask": _("You are asked whom it is"),
        "asked about fields": _("You are asked about fields"),
        "leave": _("Left out"),
        "refused": _("Refused"),
    }


def doings(_: Translate) -> dict[str, str]:
    """What a load is at."""
    return {
        "reading back what was written": _("Reading back what was written"),
        "reading both sides": _("Reading both sides"),
        "counting": _("Counting"),
        "loading, company": _("Writing: companies"),
        "loading, organization": _("Writing: organizations"),
        "loading, customer": _("Writing: customers"),
        "loading, person": _("Writing: persons"),
    }
