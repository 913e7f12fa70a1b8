"""What agents read: what came of what they pressed, how a customer and a deal stand, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector.errors import AccountClosed, Blocked, BudgetSpent, ConnectorError, Throttled, Unauthorised
from connector.flows.contacts import reconciling
from connector.flows.contacts.kinds import COMPANIES
from connector.flows.contacts.pushing import Outcome, Pushed
from connector.flows.deals import reasons
from connector.flows.deals.opening import Opened, Result
from connector.i18n import Translate
from connector.store.opened import Link, OpenedRow, State
from connector.store.questions import Asked
from connector.web.embed.parties import Party
from connector.web.notes import Said

#: After these the deal may be there all the same.
_UNSURE = frozenset({reasons.UNKNOWN, reasons.OUT_OF_SIGHT})


# a customer


def say_pushed(pushed: Pushed, _: Translate) -> Said:
    """What came of adding a customer to Pipedrive."""
    is_company = any(pair.entity == COMPANIES.entity for pair in pushed.pairs)
    now_there = (
        _("The company is in Pipedrive now.") if is_company else _("The customer is in Pipedrive now.")
    )
    done, not_done = _("Done"), _("Not done")
    words = {
        Outcome.MADE: ("good", done, now_there, _("From now on both sides belong together.")),
        Outcome.LINKED: ("good", done, _("Found in Pipedrive and linked."), _("From now on both sides belong together.")),
        Outcome.UPDATED: ("good", done, _("Both sides are the same now."), _("What differed was carried over.")),
        Outcome.IN_STEP: ("good", done, _("Both sides were the same already."), _("Nothing had to be written.")),
        Outcome.ALIAS: (
            "attention", _("Look at this"), _("This customer is entered twice."),
            _("Another customer is this person of Pipedrive already. Calls, chats and e‑mails go there; the fields of this one are not carried over."),
        ),
        Outcome.ASKED: (
            "attention", _("Waits for a decision"), _("Several in Pipedrive could be meant."),
            _("Nobody is guessed. Choose below which one it is."),
        ),
        Outcome.LEFT_OUT: ("attention", not_done, _("This customer was not added."), _left_out(pushed.reason, _)),
        Outcome.WAITS: (
            "attention", _("Not done yet"), _("It could not be finished just now."),
            _("Nothing is lost. Wait a minute, then press once more."),
        ),
        Outcome.REFUSED: (
            "broken", not_done, _("It was refused."),
            _("Correct what the reason names on the customer’s card, then press again."),
        ),
    }  # fmt: skip
    said = Said(*words[pushed.outcome])
    return replace(said, detail=pushed.reason) if pushed.outcome in (Outcome.WAITS, Outcome.REFUSED) else said


def _left_out(reason: str, _: Translate) -> str:
    return {
        reconciling.NOT_IN_CENTRE: _("The contact centre has no such customer any more."),
        reconciling.DIRECTION_OFF: _(
            "The settings let nothing be made in Pipedrive. Ask your administrator."
        ),
        reconciling.CARD_WITHOUT_COMPANY: _("It is a company’s own record, and does not say whose."),
    }.get(reason, _("Ask your administrator."))


def stands(party: Party, asked: Asked | None, _: Translate) -> Said:
    """How a customer stands; `asked` is the case of who he is."""
    if party.in_step and party.is_gone:
        return Said(
            "attention", _("Look at this"), _("This customer’s person is gone from Pipedrive"),
            _("It was deleted, or the user of the sync may not see it. Adding it makes a new one."),
        )  # fmt: skip
    if party.in_step:
        return Said(
            "good",
            _("In Pipedrive"),
            party.name or _("This customer is in Pipedrive"),
            party.organization,
            link=party.link,
        )
    if party.is_gone:
        return Said(
            "attention", _("Look at this"), _("The contact centre has no such customer"),
            _("Open the page from the customer’s card."),
        )  # fmt: skip
    if asked is not None and asked.decision is None:
        return Said(
            "attention", _("Waits for a decision"), _("Several in Pipedrive could be this customer"),
            _("Nobody is guessed. Choose below which one it is."),
        )  # fmt: skip
    if asked is not None:
        return Said(
            "attention", _("Left out"), _("This customer is not in Pipedrive"),
            _("Somebody decided that this customer stays out of Pipedrive. If that has changed, choose below which one it is.")
            if asked.candidates else _("Somebody decided that this customer stays out of Pipedrive."),
        )  # fmt: skip
    return Said(
        "attention", _("Not in Pipedrive yet"), party.name or _("This customer is not in Pipedrive yet"),
        _("Name, numbers, addresses and company are added, or linked where they are there already."),
    )  # fmt: skip


# a deal


def say_opened(opened: Opened, _: Translate) -> Said:
    """Why a deal was not made."""
    not_done = _("Not done")
    words = {
        Result.SEVERAL: (
            "attention", _("Waits for a decision"), _("Several in Pipedrive could be this customer."),
            _("Nobody is guessed. Choose which one it is, then make the deal."),
        ),
        Result.SAME_TITLE: (
            "attention", not_done,
            _("A deal of this title was made a few minutes ago.") if opened.deal_id else _("A deal of this title is being made just now."),
            _("Look at it first. If this is another one, make it all the same, or change the title."),
        ),
        Result.REFUSED: (
            "broken", not_done, _("The deal was not made."), _("What was written is kept below. Correct what the reason names, then press again."),
        ),
        Result.NO_CUSTOMER: (
            "attention", not_done, _("This ticket has no customer."), no_customer(_),
        ),
    }  # fmt: skip
    said = Said(*words[opened.result], detail=opened.detail, link=opened.link)
    if opened.reason in _UNSURE:
        return not_known(opened.reason, _)
    return replace(said, reason=explain(opened.reason, _)) if opened.result is Result.REFUSED else said


def say_made(row: OpenedRow, link: str | None, _: Translate) -> Said:
    """What became of the deal of a customer's form."""
    if row.state is State.MADE:
        return Said("good", _("Done"), _("The deal is in Pipedrive."), link=link)
    if row.state is State.SENDING:
        return looking(_) if row.was_sent else waits(row, _)
    if row.state is State.GONE:
        return Said(
            "attention",
            _("Look at this"),
            _("The deal was deleted in Pipedrive."),
            _("You can make a new one."),
        )
    if row.reason in _UNSURE:
        return not_known(row.reason, _)
    return Said(
        "broken", _("Not done"), _("The deal was not made."), _("Nothing was written."), explain(row.reason, _)
    )  # fmt: skip


def not_known(reason: str, _: Translate) -> Said:
    """It was given up to find out whether a deal was made."""
    return Said(
        "attention", _("Look at this"), _("It is not known whether the deal was made."), explain(reason, _)
    )


def looking(_: Translate) -> Said:
    """It is not known whether a deal was made."""
    return Said(
        "busy", _("Looking…"), _("Pipedrive has not said yet whether the deal is there."),
        _("Nothing is lost: it is looked for, and made only if it is not there. This page follows by itself."),
    )  # fmt: skip


def waits(row: OpenedRow, _: Translate) -> Said:
    """Nothing was sent yet."""
    return Said(
        "attention", _("Not done yet"), _("The deal could not be made just now."),
        _("Nothing is lost: it goes on by itself. This page follows."), explain(row.reason, _),
    )  # fmt: skip


def ticket_stands(standing: Sequence[OpenedRow], subject: str, _: Translate, *, has_customer: bool) -> Said:
    """How a ticket stands."""
    under_way = next((row for row in standing if row.state is State.SENDING), None)
    if under_way is not None:
        return looking(_) if under_way.was_sent else waits(under_way, _)
    if any(row.link_state is Link.FAILED for row in standing):
        return Said(
            "attention",
            _("Look at this"),
            _("The deal is in Pipedrive, but the ticket does not show it"),
            subject,
        )
    if standing:
        return Said("good", _("Done"), _("This ticket has its deal in Pipedrive"), subject)
    if not has_customer:
        return Said("attention", _("Not yet"), _("This ticket has no customer."), no_customer(_))
    return Said("", "", _("New deal from this ticket"), subject)


def no_ticket(_: Translate) -> Said:
    """There is nothing at this number."""
    return Said(
        "attention", _("Look at this"), _("The contact centre has no such ticket"),
        _("Open the page from the ticket."),
    )  # fmt: skip


def no_customer(_: Translate) -> str:
    """What to do with a ticket that nobody is behind."""
    return _(
        "A deal needs to know whose it is. Choose or enter the customer on the ticket in the contact centre, then open this page again."
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One deal that was opened from a ticket: its title or number, its state, and how the ticket shows it."""

    title: str
    link: str | None
    state: str
    word: str
    text: str
    reason: str = ""


def say_row(row: OpenedRow, title: str, link: str | None, _: Translate) -> Line:
    """How a deal stands that was opened from a ticket."""
    if row.state is State.SENDING:
        word = _("being looked for") if row.was_sent else _("waits")
        return Line(title, None, "busy", word, "")
    if row.state is State.REFUSED and row.reason in _UNSURE:
        text = _("It is not known whether the deal was made.")
        return Line(title, None, "attention", _("Look at this"), text, explain(row.reason, _))
    if row.state is State.REFUSED:
        return Line(title, None, "broken", _("Not done"), _("The deal was not made."), explain(row.reason, _))
    if row.state is State.GONE:
        return Line(
            title, None, "plain", _("deleted"), _("It was deleted in Pipedrive. You can make a new one.")
        )
    text = {
        Link.NONE: "",
        Link.DUE: _("Its address is being written into the ticket."),
        Link.FIELD: _("Its address stands in the ticket’s field."),
        Link.COMMENT: _("Its address stands in a comment of the ticket."),
        Link.FAILED: _("Its address could not be written into the ticket."),
    }[row.link_state]
    reason = explain(row.link_reason, _) if row.link_state in (Link.DUE, Link.FAILED) else ""
    state, word = ("attention", _("not linked")) if row.link_state is Link.FAILED else ("good", _("made"))
    return Line(title, link, state, word, text, reason)


def explain(reason: str, translate: Translate) -> str:
    """A reason in the agent's language, where it is one of ours; other systems' sentences stay as they are."""
    return translate(reason)


# anything


def say_chosen(_: Translate) -> Said:
    """It was decided who a customer is."""
    return Said("good", _("Done"), _("It is decided, and both sides belong together now."))


def moved_on(_: Translate) -> Said:
    """What was chosen cannot be chosen any more."""
    return Said(
        "attention", _("Not done"), _("The choice has changed meanwhile."), _("Look again, then choose once more.")
    )  # fmt: skip


def look_at_fields(_: Translate) -> Said:
    """Some fields are wrong."""
    return Said("attention", _("Not done"), _("Look at the marked fields."), _("What was written is kept."))


def too_old(_: Translate) -> Said:
    """A form of another session."""
    return Said(
        "attention", _("Not done"), _("This page was open too long."), _("Nothing was written. Press once more.")
    )  # fmt: skip


def not_now(error: ConnectorError, _: Translate) -> Said:
    """What keeps everything from working just now."""
    if isinstance(error, BudgetSpent):
        text = _(
            "Pipedrive’s daily limit is used up. It goes on tomorrow; until then work in Pipedrive itself."
        )
    elif isinstance(error, Unauthorised | AccountClosed):
        text = _("Pipedrive does not let the connector in. Tell your administrator; nothing is lost.")
    elif isinstance(error, Throttled | Blocked):
        text = _("Pipedrive asks us to wait. Try again in a minute.")
    else:
        text = _(
            "Pipedrive or the contact centre does not answer. Try again in a minute; if it goes on, tell your administrator."
        )
    return Said("broken", _("Not now"), _("Deals cannot be shown just now."), text)
