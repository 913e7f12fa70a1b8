"""What administrators read when something keeps the console from its work: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable

from connector.errors import (
    AccountClosed,
    BudgetSpent,
    ConnectorError,
    Forbidden,
    Misconfigured,
    PlanLimit,
    Throttled,
    Unauthorised,
    UnknownOutcome,
)
from connector.i18n import Translate
from connector.web.console.finding_words import findings
from connector.web.notes import Said


def explain(error: ConnectorError, _: Translate) -> Said:
    """Why it was not done."""
    not_done = _("Not done")
    if isinstance(error, Misconfigured):
        return Said("attention", not_done, str(error))
    said: tuple[tuple[type[ConnectorError] | tuple[type[ConnectorError], ...], str, str], ...] = (
        (
            BudgetSpent,
            _("Pipedrive’s tokens of today are used up."),
            _("It goes on tomorrow. Nothing is lost meanwhile."),
        ),
        (
            (Unauthorised, AccountClosed),
            _("One of the two systems does not let the connector in."),
            _("Open Settings, Connections: it says which one, and connects it again."),
        ),
        (
            PlanLimit,
            _("Pipedrive’s plan does not allow it."),
            _("The reason says what is full or missing. Change the plan, or do without."),
        ),
        (
            Forbidden,
            _("The user of the sync may not do that."),
            _("Give that user the right in Pipedrive or the contact centre, then try again."),
        ),
        (Throttled, _("We were asked to wait."), _("Try again in a minute.")),
        (
            UnknownOutcome,
            _("No answer came: it may be done or not."),
            _("Look before you try again."),
        ),
    )
    for kinds, title, text in said:
        if isinstance(error, kinds):
            return Said("broken", not_done, title, text, detail=str(error))
    return Said(
        "broken", not_done, _("Pipedrive or the contact centre does not answer as it should."),
        _("Try again in a minute. If it goes on, open Settings, Connections and press “Check now”."), detail=str(error),
    )  # fmt: skip


def too_old(_: Translate) -> Said:
    """A form of another session, or of one that is over."""
    return Said(
        "attention",
        _("Not done"),
        _("This page was open for too long."),
        _("Nothing was changed. Look at it again, then press once more."),
    )


def moved_on(_: Translate) -> str:
    """Two administrators changed the settings at once."""
    return _(
        "Somebody else has changed the settings meanwhile. Look at them again, then make your change once more."
    )


def done(title: str, _: Translate, text: str = "", found: Iterable[str] = ()) -> Said:
    """What was asked for is done; `found` is what saving found amiss."""
    words, detail = findings(found, _)
    return Said("good", _("Done"), title, f"{text} {words}".strip(), detail=detail)


def not_done(title: str, _: Translate) -> Said:
    """What was asked for is not done, and why."""
    return Said("attention", _("Not done"), title)
