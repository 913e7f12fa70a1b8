"""The first line of the overview: how everything stands, in one sentence, with the one button that mends what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from connector.i18n import Translate
from connector.records import EventKind
from connector.store.connections import Connected
from connector.store.entries import State
from connector.store.figures import RunRow, Tested
from connector.store.installations import Installed
from connector.store.operations import FINISHED, RUNNING
from connector.store.pair_lists import LACKING
from connector.store.questions import Kind
from connector.web.console.desk import Visit

_OWN_ENDS = ("stopped", "cut off")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the state of an installation is told by; `is_paused` says that the brake has stopped a cause of changes.

    `failing` are records of customers and companies that cannot be kept in step, `lacking` pairs of which a field is not
    carried over.
    """

    now: datetime
    installed: Installed
    by_app: bool
    centres: Sequence[Connected]
    open: Mapping[State, int]
    questions: Mapping[str, int]
    today: Mapping[EventKind, int]
    spent: int
    allowance: int | None
    runs: Sequence[RunRow]
    is_paused: bool
    test: Tested | None
    failing: int = 0
    lacking: int = 0

    @property
    def undecided(self) -> int:
        """Cases that only a person decides: a number that several have is one, however many events wait for it."""
        subjects = self.questions.get(Kind.SUBJECT, 0) or self.open[State.UNDECIDED]
        return subjects + sum(n for kind, n in self.questions.items() if kind != Kind.SUBJECT)

    @property
    def waits(self) -> int:
        """What waits for a person."""
        return self.open[State.PARKED] + self.undecided + self.failing

    @property
    def under_way(self) -> int:
        """Events that are on their way by themselves."""
        return sum(self.open[state] for state in (State.NEW, State.SENDING, State.RETRY))

    @property
    def last_ended(self) -> RunRow | None:
        """The last run that has ended."""
        return next((row for row in self.runs if row.outcome != RUNNING), None)

    @property
    def is_spent(self) -> bool:
        """Whether the day's share of tokens is used up."""
        last = self.last_ended
        return (self.allowance is not None and self.spent >= self.allowance) or (
            last is not None and last.outcome.startswith("BudgetSpent")
        )


@dataclass(frozen=True, slots=True)
class Headline:
    """The state with its look and word, a sentence, what it means, and where it is mended."""

    state: str
    word: str
    title: str
    text: str
    reason: str = ""
    href: str = ""
    action: str = ""


def headline(facts: Facts, visit: Visit) -> Headline:
    """How everything stands; what keeps the most from working comes first."""
    return _trouble(facts, visit) or _work(facts, visit)


def _trouble(facts: Facts, visit: Visit) -> Headline | None:
    """What keeps events from getting into Pipedrive at all."""
    _ = visit.translate
    installed = facts.installed
    if installed.state != "active" or installed.reason:
        href = "/install" if facts.by_app else visit.at("settings")
        return Headline(
            "broken", _("Reconnect"), _("Pipedrive does not let the connector in."),
            _("Nothing is lost: what happens is kept, and written once Pipedrive is connected again."),
            installed.reason, href, _("Connect Pipedrive again"),
        )  # fmt: skip
    if not facts.centres:
        return Headline(
            "busy", _("New here"), _("Pipedrive is connected, the contact centre is not yet."),
            _("The set-up leads through everything in seven short steps. Each can be taken back."),
            href=visit.at("settings/set-up"), action=_("Go to the set-up"),
        )  # fmt: skip
    if not installed.settings.switched_on:
        return Headline(
            "attention", _("Off"), _("The connector is switched off."),
            _("Nothing is written into Pipedrive until you switch it on at the end of the set-up."),
            href=visit.at("settings/set-up"), action=_("Go to the set-up"),
        )  # fmt: skip
    if failing := [one for one in facts.centres if one.state != "active"]:
        return Headline(
            "broken", _("Not reached"), _("The contact centre cannot be read."),
            _("What happens there comes into Pipedrive as soon as it can. Nothing is lost."),
            failing[0].reason, visit.at("settings"), _("Look at the connection"),
        )  # fmt: skip
    if facts.is_spent:
        return Headline(
            "attention", _("Waiting"), _("Today’s share of Pipedrive’s tokens is used up."),
            _("It goes on by itself at midnight UTC, %(time)s here. Until then waiting: %(count)s. Nothing is lost.")
            % {"time": _next_midnight(facts.now, visit), "count": visit.show.number(facts.under_way)},
            href=visit.at("runs"), action=_("See what was spent on"),
        )  # fmt: skip
    return None


def _work(facts: Facts, visit: Visit) -> Headline:
    """How the work itself stands."""
    _, show = visit.translate, visit.show
    last = facts.last_ended
    if last is None and not facts.under_way:
        return Headline(
            "busy", _("Beginning"), _("Everything is connected. The first run comes in a moment."),
            _("You need not wait for it: begin one now."), href=visit.at("runs"), action=_("Go to the runs"),
        )  # fmt: skip
    done = show.number(sum(facts.today.values()))
    wait = _("Waiting for you: %(count)s.") % {"count": show.number(facts.waits)} if facts.waits else ""
    if facts.is_paused:
        return Headline(
            "attention", _("Paused"), _("Changes of customers are paused: they are more than usual."),
            _("Look at what waits, then let it go on. Events of today in Pipedrive: %(done)s.") % {"done": done},
            href=visit.at("undecided"), action=_("Look at what waits"),
        )  # fmt: skip
    if last is not None and last.outcome != FINISHED and last.outcome not in _OWN_ENDS:
        return Headline(
            "attention", _("Look at this"), _("The last run did not get to its end."),
            _("The next one tries again by itself. Events of today in Pipedrive: %(done)s.") % {"done": done},
            last.outcome.partition(": ")[2] or last.outcome, visit.at(f"runs/{last.id}"), _("Look at the run"),
        )  # fmt: skip
    if facts.under_way:
        return Headline(
            "busy", _("Under way"),
            _("Events on their way into Pipedrive: %(count)s.") % {"count": show.number(facts.under_way)},
            _join(_("Already there of today: %(done)s.") % {"done": done}, wait), **_mend(facts, visit, _),
        )  # fmt: skip
    waiting = facts.open[State.WAITING]
    linked = _("Waiting for their customer to be linked: %(count)s.") % {"count": show.number(waiting)}
    lacks = pairs_lacking(facts, visit)
    title = (
        _("All events of today are in Pipedrive: %(done)s.") % {"done": done}
        if sum(facts.today.values())
        else _("All is well. Nothing has happened today yet.")
    )
    if facts.waits or lacks:
        title = _("Events of today in Pipedrive: %(done)s.") % {"done": done}
        return Headline(
            "attention", _("Waiting for you"), title, _join(wait, lacks, linked if waiting else ""),
            **_mend(facts, visit, _)
        )  # fmt: skip
    return Headline("good", _("All is well"), title, linked if waiting else _("Nothing waits for you."))


def _mend(facts: Facts, visit: Visit, _: Translate) -> dict[str, str]:
    """Where what waits for a person is done."""
    if facts.undecided:
        return {"href": visit.at("undecided"), "action": _("Decide")}
    if facts.open[State.PARKED]:
        return {"href": visit.at("events", state=State.PARKED), "action": _("See what failed")}
    if facts.failing or facts.lacking:
        return {"href": customers_page(facts, visit), "action": _("Look at the customers")}
    return {}


def customers_page(facts: Facts, visit: Visit) -> str:
    """Where it is shown what keeps customers and companies from being the same."""
    return visit.at("customers", state=LACKING if facts.lacking and not facts.failing else None)


def pairs_lacking(facts: Facts, visit: Visit) -> str:
    """That fields are not carried over; empty where all are."""
    _ = visit.translate
    text = _("Pairs of which a field is not carried over: %(count)s.")
    return text % {"count": visit.show.number(facts.lacking)} if facts.lacking else ""


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _next_midnight(now: datetime, visit: Visit) -> str:
    """When the tokens of the next day begin, by the viewer's clock."""
    ends = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return ends.astimezone(visit.zone).strftime("%H:%M")
