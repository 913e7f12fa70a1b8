"""Runs in words: why they were begun, how they ended, and what they counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.flows.running import Running, period_of
from connector.i18n import Translate
from connector.store.figures import RunRow
from connector.store.operations import CUT_OFF, FINISHED, RUNNING
from connector.web.showing import Show

TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run as it is shown; `detail` is what another system or the connector said, `tokens` what it cost if known."""

    id: int
    cause: str
    begun: str
    lasted: str
    state: str
    word: str
    text: str
    detail: str
    counts: list[tuple[str, str]]
    tokens: str
    goes_on: bool
    can_stop: bool
    read: float | None
    written: float | None
    left: str


def shown(row: RunRow, running: Running | None, show: Show, now: datetime) -> ShownRun:
    """A run, with what is known of it while it is `running` in this process."""
    _ = show.translate
    goes_on = row.outcome == RUNNING
    counts = running.progress.counts if running is not None else row.counts
    read = running.progress.read if running is not None else None
    lasted = ((row.ended_at or now) - row.started_at).total_seconds()
    state, word, text, detail = _outcome(row, running, _)
    tokens = row.counts.get(TOKENS)
    return ShownRun(
        id=row.id,
        cause=cause(row.cause, show),
        begun=show.time(row.started_at),
        lasted=show.lasting(max(lasted, 1)),
        state=state,
        word=word,
        text=text,
        detail=detail,
        counts=[
            (name, show.number(number))
            for name, number in in_words(counts, of_contacts=_is_of_contacts(row.cause), _=_)
        ],
        tokens="" if tokens is None else show.number(tokens),
        goes_on=goes_on,
        can_stop=running is not None and not running.stopped,
        read=read,
        written=_written(counts),
        left=show.lasting(lasted * (1 - read) / read) if goes_on and read is not None and 0.02 < read < 1 else "",
    )  # fmt: skip


def _written(counts: Mapping[str, int]) -> float | None:
    """The share of the new events of a run that have been seen to, 0 to 1; None where none is known."""
    seen_to = sum(
        counts.get(state, 0) for state in ("done", "skipped", "waiting", "undecided", "retry", "parked")
    )
    new = counts.get("collected", 0)
    return min(seen_to / new, 1.0) if new else None


def _is_of_contacts(cause: str) -> bool:
    return cause in ("contacts", "load", "undo")


def cause(cause: str, show: Show) -> str:
    """Why a run was begun."""
    _ = show.translate
    if (period := period_of(cause)) is not None:
        return _("Backfill, %(since)s to %(until)s") % {
            "since": show.time(period.since),
            "until": show.time(period.until),
        }
    known = {
        "schedule": _("By itself"),
        "button": _("An administrator"),
        "command line": _("The command line"),
        "webhook": _("Something happened in the contact centre"),
        "second look": _("Something put off came due"),
        "nightly": _("Nightly check of two days"),
        "contacts": _("Customers and companies kept in step"),
        "load": _("First load"),
        "undo": _("A run taken back"),
    }
    return known.get(cause, cause)


def _outcome(row: RunRow, running: Running | None, _: Translate) -> tuple[str, str, str, str]:
    if row.outcome == FINISHED:
        return *_finished(row.counts, _), ""
    is_stopping = running is not None and running.stopped
    ends = {
        RUNNING: ("busy", _("Stopping"), _("What is being sent is finished first."))
        if is_stopping
        else ("busy", _("Under way"), ""),
        "stopped": (
            "attention",
            _("Stopped"),
            _("What was sent is in Pipedrive. The rest waits for the next run."),
        ),
        CUT_OFF: (
            "attention",
            _("Cut off"),
            _("The connector ended before the run did. What was not read is read again."),
        ),
    }
    if row.outcome in ends:
        return *ends[row.outcome], ""
    kind, _sep, detail = row.outcome.partition(": ")
    known = {
        "BudgetSpent": _("The tokens were used up. The rest waits, nothing is lost."),
        "Unauthorised": _(
            "Pipedrive did not let the connector in. Open the overview: it says what mends it."
        ),
        "Misconfigured": _("Something is not set up. The reason says what."),
    }
    state = "attention" if kind == "BudgetSpent" else "broken"
    return state, _("Failed"), known.get(kind, _("The next run tries again.")), detail or row.outcome


def _finished(counts: Mapping[str, int], _: Translate) -> tuple[str, str, str]:
    if counts.get("unread"):
        text = _("A contact centre could not be read. What happened there is read by the next run.")
        return "attention", _("Finished in part"), text
    if counts.get("still_to_write"):
        text = _("The budget did not reach for everything. Another backfill of the same days goes on.")
        return "attention", _("Finished in part"), text
    return "good", _("Finished"), ""


def in_words(counts: Mapping[str, int], *, of_contacts: bool, _: Translate) -> list[tuple[str, int]]:
    """What was counted, in the order in which it happens; what has no words is left out of them."""
    events = {
        "collected": _("New events found"),
        "done": _("Activities written"),
        "skipped": _("Left out by your rules"),
        "waiting": _("Waiting for the customer to be linked"),
        "undecided": _("Undecided"),
        "retry": _("Put off, tried again"),
        "sending": _("Without an answer, looked for"),
        "parked": _("Failed"),
        "still_to_write": _("Left for another backfill"),
        "unread": _("Contact centres that could not be read"),
        "found": _("Found after a lost answer"),
        "missed": _("Looked for and not found yet"),
        "healed": _("Doubles taken away"),
        "late": _("Settled by another process first"),
        "asked": _("Late topics asked for"),
        "updated": _("Late topics added"),
        "left": _("Late topics left out, edited by a person"),
    }
    contacts = {
        "looked at": _("Records looked at"),
        "written": _("Records written"),
        "made": _("Records made"),
        "made in Pipedrive": _("Made in Pipedrive"),
        "made in the contact centre": _("Made in the contact centre"),
        "changed": _("Records changed"),
        "linked": _("Linked"),
        "unlinked": _("Links ended"),
        "left out": _("Left out by your rules"),
        "asked": _("Questions asked"),
        "asked about fields": _("Questions asked about fields"),
        "refused": _("Refused"),
        "broken": _("Failed"),
    }
    words = contacts if of_contacts else events
    return [(word, counts[key]) for key, word in words.items() if counts.get(key)]
