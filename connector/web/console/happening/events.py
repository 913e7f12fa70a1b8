"""Events: each call, chat and e-mail with what became of it; failed ones are tried again from here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from connector.i18n import Translate
from connector.phone import normalise_email
from connector.records import EventKind
from connector.store.entries import UNSEEN, State
from connector.store.events import About, Events, Failure, Looked, Place, Wanted
from connector.web.console.desk import PATH, Console, Soon, Visit
from connector.web.console.happening import event_words as words
from connector.web.console.words import done
from connector.web.notes import Said

EVENTS = "/events"
PAGE = 50
#: Microseconds of the epoch, of which seventeen digits reach the year 5138, and the event's number.
_PLACE = re.compile(r"(\d{1,17})-(\d{1,18})")
_KEY = re.compile(r"[\w.:+/=-]{1,64}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: Has what is new written soon.


@dataclass(frozen=True, slots=True)
class Line:
    """One event in the list."""

    id: int
    at: datetime
    what: str
    who: str
    agent: str
    state: str
    word: str
    why: words.Why
    activity: str
    can_retry: bool


class EventPages:
    """The list of events, and what is done with failed ones."""

    def __init__(self, console: Console, soon: Soon) -> None:
        """`soon` writes what is tried again."""
        self._console, self._soon = console, soon

    def routes(self) -> web.RouteTableDef:
        """The list and its forms."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + EVENTS)(serve(self.show_events))
        table.post(PATH + EVENTS + "/search")(serve(self.search))
        table.post(PATH + EVENTS + "/retry")(serve(self.retry_some))
        table.post(PATH + EVENTS + "/retry-all")(serve(self.retry_all))
        return table

    async def show_events(self, visit: Visit) -> web.StreamResponse:
        """A page of the list, as its address filters it."""
        asked = Asked.of(visit.request.query, visit.zone)
        events = Events(visit.tenant.ledger)
        found = await events.page(asked.wanted, after=asked.after, limit=PAGE + 1)
        failures: list[Failure] = []
        if asked.wanted.states == (State.PARKED,):
            failures = await events.failures(asked.wanted.kinds)
        lines = [line(one, visit) for one in found[:PAGE]]
        older = _address(visit, asked, after=_placed(found[PAGE - 1].place)) if len(found) > PAGE else None
        _ = visit.translate
        return self._console.page(
            visit, "console/happening/events.html", "events", lines=lines, asked=asked, older=older,
            newest=_address(visit, asked), here=visit.request.path_qs,
            kinds=[("", _("All")), *((str(kind), word) for kind, word in words.kinds(_).items())],
            states=[("", _("All")), *((str(state), word) for state, (_look, word) in words.states(_).items())],
            failures=[(one, _reason(one, _), _address(visit, asked, why=one.id)) for one in failures],
        )  # fmt: skip

    async def search(self, visit: Visit) -> web.StreamResponse:
        """Lead to one customer's events, by hashes of what was entered: addresses hold no personal data."""
        text, _ = visit.text("about"), visit.translate
        if not text:
            return _lead(visit.at("events"))
        key = visit.tenant.ledger.keys.key
        email = normalise_email(text) if "@" in text else None
        numbers = [] if email else [key(number) for number in visit.tenant.phones.keys(text)]
        query = {"email": key(email)} if email else {"number": ",".join(numbers)} if numbers else {}
        if not query:
            if not re.fullmatch(r"[\w:./-]{1,64}", text):
                said = Said(
                    "attention", _("Not found"), _("This is no number, e‑mail address or customer id."),
                    _("Enter a number with its area code, a whole e‑mail address, or the id of the customer card."),
                )  # fmt: skip
                return self._console.tell(said, visit.at("events"))
            query = {"customer": text}
        return _lead(visit.at("events", **query))

    async def retry_some(self, visit: Visit) -> web.StreamResponse:
        """Try again those that were ticked, but for those that may be written already."""
        _, back = visit.translate, _back(visit)
        ids = [int(name[6:]) for name in visit.form if re.fullmatch(r"entry-\d{1,18}", name)]
        if not ids:
            said = Said(
                "attention", _("Nothing done"), _("No event was ticked."), _("Tick those that you mean.")
            )
            return self._console.tell(said, back)
        chosen = await Events(visit.tenant.ledger).some(ids[:PAGE])
        unsure = [one for one in chosen if one.reason == UNSEEN and one.entry.state is State.PARKED]
        sure = [one.entry.id for one in chosen if one not in unsure]
        return self._console.tell(await self._retried(visit, sure, len(unsure)), back)

    async def retry_all(self, visit: Visit) -> web.StreamResponse:
        """Try again all failed ones that the filter shows, but for those that may be written already."""
        asked = Asked.of(visit.form, visit.zone)
        ids = await Events(visit.tenant.ledger).failed(asked.wanted)
        return self._console.tell(await self._retried(visit, ids, 0), _back(visit))

    async def _retried(self, visit: Visit, ids: list[int], unsure: int) -> Said:
        _ = visit.translate
        count = await visit.tenant.ledger.retry_parked(ids) if ids else 0
        if count:
            await visit.tenant.audit.note(visit.who, "retry", entries=count)
            self._soon(visit.tenant)
        left = _("Not tried, since they may be in Pipedrive already: %(count)s. Open each of them.")
        text = left % {"count": unsure} if unsure else ""
        if not count:
            return Said("attention", _("Nothing done"), _("Nothing could be tried again."), text)
        return done(_("Tried again: %(count)s.") % {"count": visit.show.number(count)}, _, text)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as entered, and what it means."""

    state: str
    kind: str
    since: str
    until: str
    why: str
    number: str
    email: str
    customer: str
    wanted: Wanted
    after: Place | None

    @classmethod
    def of(cls, query: Mapping[str, object], zone: ZoneInfo) -> Asked:
        """What is no filter is left out."""
        given = _Given(query)
        state = given.one_of("state", [str(one) for one in State])
        kind = given.one_of("kind", [str(one) for one in EventKind])
        since, until = given.day("from"), given.day("to")
        why = given.matching("why", r"[0-9a-f]{12}") if state == State.PARKED else ""
        numbers = tuple(key for key in given.text("number").split(",") if _KEY.fullmatch(key))[:5]
        email, customer = given.matching("email", _KEY.pattern), given.matching("customer", r"[\w:./-]{1,64}")
        about = About(numbers, email or None, customer or None) if numbers or email or customer else None
        wanted = Wanted(
            kinds=(EventKind(kind),) if kind else tuple(EventKind),
            states=(State(state),) if state else tuple(State),
            since=_midnight(since, zone), until=_midnight(until, zone, days=1), about=about, reason=why or None,
        )  # fmt: skip
        place = _PLACE.fullmatch(given.text("after"))
        after = Place(_EPOCH + int(place[1]) * _MICROSECOND, int(place[2])) if place else None
        return cls(
            state, kind, since.isoformat() if since else "", until.isoformat() if until else "", why,
            ",".join(numbers), email, customer, wanted, after,
        )  # fmt: skip

    @property
    def fields(self) -> dict[str, str]:
        """The same as an address holds it."""
        every = {
            "state": self.state, "kind": self.kind, "from": self.since, "to": self.until, "why": self.why,
            "number": self.number, "email": self.email, "customer": self.customer,
        }  # fmt: skip
        return {name: value for name, value in every.items() if value}

    @property
    def is_filtered(self) -> bool:
        """Whether anything is left out."""
        return bool(self.fields)


class _Given:
    """Fields of an address or a form, as far as they are what they should be."""

    def __init__(self, query: Mapping[str, object]) -> None:
        self._query = query

    def text(self, name: str) -> str:
        value = self._query.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def one_of(self, name: str, known: list[str]) -> str:
        return value if (value := self.text(name)) in known else ""

    def matching(self, name: str, pattern: str) -> str:
        return value if re.fullmatch(pattern, value := self.text(name)) else ""

    def day(self, name: str) -> date | None:
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            return None


def line(looked: Looked, visit: Visit, *, reveal: bool = False) -> Line:
    """An event as the list shows it, whom it was with masked unless it is to be shown."""
    entry, _ = looked.entry, visit.translate
    state, word = words.states(_)[entry.state]
    activity = visit.tenant.record_page("activity", entry.crm_id) if entry.crm_id else ""
    return Line(
        entry.id, entry.occurred_at, words.what(entry.kind, entry.event, _), words.who(entry.event, reveal=reveal),
        words.agent(entry, visit.tenant.directory), state, word, words.why(looked, _), activity,
        can_retry=entry.state is State.PARKED and not looked.is_purged,
    )  # fmt: skip


def _reason(failure: Failure, _: Translate) -> words.Why:
    return words.failed(failure.reason, _)


def _address(visit: Visit, asked: Asked, **changed: str) -> str:
    return visit.at("events", **(asked.fields | changed))


def _back(visit: Visit) -> str:
    """The list as it was filtered when the form was pressed."""
    back, own = visit.text("back"), visit.at("events")
    return back if back == own or back.startswith((own + "?", own + "/")) else own


def _lead(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where})


def _placed(place: Place) -> str:
    return f"{(place.at - _EPOCH) // _MICROSECOND}-{place.id}"


def _midnight(day: date | None, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    if day is None or not 1970 <= day.year < 9000:
        return None
    return datetime.combine(day + timedelta(days=days), time(), zone).astimezone(UTC)
