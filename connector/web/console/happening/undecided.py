"""What only a person decides: causes that are paused, and cases side by side, one by one or all that are alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog
from aiohttp import web

from connector.errors import ConnectorError, Misconfigured
from connector.flows.contacts.answering import (
    CENTRE,
    MOST_SHOWN,
    ORGANIZATION,
    PERSON,
    PIPEDRIVE,
    answer,
    looked_at,
)
from connector.flows.contacts.braking import brakes, release
from connector.flows.contacts.identifying import IGNORE, NEW
from connector.flows.contacts.pushing import GOOD, prepared
from connector.flows.tenant import Tenant
from connector.flows.worker import HALTING
from connector.i18n import Translate
from connector.pipedrive.budget import Lane
from connector.store.events import Events
from connector.store.questions import Asked, Kind
from connector.web.console.desk import PATH, Console, Soon, Visit
from connector.web.console.happening import event_words
from connector.web.console.words import done
from connector.web.notes import Said

log = structlog.get_logger()

UNDECIDED = "/undecided"
PAGE = 10
#: So many cases like one are decided with it at once.
MOST_ALIKE = 50
_OF_COMPANIES = (Kind.COMPANY, Kind.ORGANIZATION)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One who could be meant: what he is called and found by, where he is looked at, and whom he belongs to already."""

    id: str
    name: str
    link: str
    lines: Sequence[str] = ()
    belongs_to: str = ""
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A case as the page shows it; `choices` are (value, words)."""

    asked: Asked
    title: str
    why: str
    about: Candidate | None
    candidates: Sequence[Candidate]
    choices: Sequence[tuple[str, str]]
    events: int = 0
    alike: int = 0
    chosen: str = ""
    is_void: bool = False
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def more(self) -> int:
        """How many candidates are not shown."""
        return max(0, len(self.asked.candidates) - MOST_SHOWN)


class UndecidedPages:
    """The page of undecided cases and its forms."""

    def __init__(self, console: Console, soon: Soon) -> None:
        """`soon` writes the events that waited for a decision."""
        self._console, self._soon = console, soon

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + UNDECIDED)(serve(self.show_cases))
        table.post(PATH + UNDECIDED + "/look")(serve(self.look))
        table.post(PATH + UNDECIDED + "/decide")(serve(self.decide))
        table.post(PATH + UNDECIDED + "/release")(serve(self.let_go))
        return table

    async def show_cases(self, visit: Visit) -> web.StreamResponse:
        """The oldest cases by what is kept of them; calls no vendor."""
        return await self._page(visit, visit.request.query, looks=False)

    async def look(self, visit: Visit) -> web.StreamResponse:
        """The same with what both sides hold now, names and numbers too, which is noted."""
        return await self._page(visit, visit.form, looks=True)

    async def _page(self, visit: Visit, query: Mapping[str, object], *, looks: bool) -> web.StreamResponse:
        tenant = _for_a_person(visit.tenant)
        was_decided, after = query.get("decided") == "1", str(query.get("after", ""))
        if was_decided:
            asked = await tenant.questions.decided(PAGE)
        else:
            asked = await tenant.questions.open(
                PAGE + 1, after=int(after) if re.fullmatch(r"\d{1,18}", after) else 0
            )
        page = asked[:PAGE]
        if looks and page:
            await tenant.audit.note(visit.who, "reveal", questions=len(page))
        cases = await _cases(visit, tenant, page, looks=looks)
        return self._console.page(
            visit, "console/happening/undecided.html", "undecided", cases=cases, looks=looks, was_decided=was_decided,
            after=after, older=page[-1].id if len(asked) > PAGE else None,
            paused=[one | {"words": _cause(str(one["cause"]), visit.translate)}
                    for one in await brakes(tenant, previewed=PAGE if looks else 0) if one["state"] == "paused"],
            counts=await tenant.questions.counts(),
            tokens=sum(_cost(one) for one in page), most_alike=MOST_ALIKE,
        )  # fmt: skip

    async def decide(self, visit: Visit) -> web.StreamResponse:
        """Keep what was chosen of each case, and of those that are alike where that was ticked."""
        _, tenant = visit.translate, _for_a_person(visit.tenant)
        chosen = {int(name[7:]): choice for name in visit.form if re.fullmatch(r"choice-\d{1,18}", name)
                  if (choice := visit.text(name))}  # fmt: skip
        if not chosen:
            said = Said(
                "attention",
                _("Nothing done"),
                _("Nothing was chosen."),
                _("Choose who is meant, or which value holds."),
            )
            return self._console.tell(said, visit.at("undecided"))
        orders: list[tuple[int, str]] = []
        for question_id, choice in list(chosen.items())[:PAGE]:
            orders.append((question_id, choice))
            asked = await tenant.questions.find(question_id)
            if asked is not None and f"alike-{question_id}" in visit.form:
                orders += [(one, choice) for one in await tenant.questions.alike(asked, MOST_ALIKE)]
        kept, anew, problems = await self._answered(tenant, orders)
        if kept:
            await tenant.audit.note(visit.who, "decide", questions=kept, count=len(kept))
            self._soon(visit.tenant)
        text = " ".join([_("Events decided anew: %(count)s.") % {"count": anew}] if anew else [])
        if not problems:
            return self._console.tell(
                done(_("Decided: %(count)s.") % {"count": len(kept)}, _, text), visit.at("undecided")
            )
        title = _("Decided: %(done)s. Not done: %(left)s.") % {"done": len(kept), "left": len(problems)}
        said = Said("attention", _("Look at this"), title, text, detail=" ".join(dict.fromkeys(problems)))
        return self._console.tell(said, visit.at("undecided"))

    async def _answered(
        self, tenant: Tenant, orders: Sequence[tuple[int, str]]
    ) -> tuple[list[int], int, list[str]]:
        """Ids of the cases that were decided, how many events are decided anew, and what kept the others from it."""
        kept: list[int] = []
        problems: list[str] = []
        anew, is_prepared = 0, False
        for question_id, choice in orders:
            try:
                asked = await tenant.questions.find(question_id)
                if asked is not None and asked.kind is not Kind.SUBJECT and not is_prepared:
                    is_prepared = True
                    if await prepared(tenant, self._console.installations):
                        tenant = _for_a_person(await self._console.find(tenant.id))
                answered = await answer(tenant, self._console.operations, question_id, choice)
            except HALTING as error:
                if not isinstance(error, Misconfigured):
                    raise
                problems.append(str(error))
                continue
            except ConnectorError as error:
                problems.append(str(error))
                continue
            anew += answered.events
            if answered.kept:
                kept.append(question_id)
            if not answered.kept or (answered.pushed is not None and answered.pushed.outcome not in GOOD):
                problems.append(answered.reason or (answered.pushed.reason if answered.pushed else ""))
        return kept, anew, problems

    async def let_go(self, visit: Visit) -> web.StreamResponse:
        """Let a paused cause go on."""
        _, cause = visit.translate, visit.text("cause")
        allowed = await release(visit.tenant, cause)
        await visit.tenant.audit.note(visit.who, "release", writes=allowed)
        said = done(_("It goes on."), _, _("Writes that are allowed now: %(count)s.") % {"count": allowed})
        return self._console.tell(said, visit.at("undecided"))


def _cause(cause: str, _: Translate) -> str:
    """What had so much written."""
    known = {
        "webhooks of Pipedrive": _("changes in Pipedrive"),
        "webhooks of the contact centre": _("changes in the contact centre"),
        "sweep": _("changes found by looking through Pipedrive"),
        "scan": _("changes found by looking through the contact centre"),
        "company": _("changes of companies"), "events": _("new events"), "questions": _("decisions"),
    }  # fmt: skip
    if found := re.fullmatch(r"load (\d+)", cause):
        return _("first load %(number)s") % {"number": found[1]}
    return known.get(cause, cause)


def _for_a_person(tenant: Tenant) -> Tenant:
    """The installation as somebody waits for it."""
    return replace(tenant, pipedrive=tenant.pipedrive.on(Lane.POP))


def _cost(asked: Asked) -> int:
    """Tokens that showing a case costs at most: each record of Pipedrive, and a person's organization."""
    if asked.kind is Kind.FIELD:
        return 1
    if asked.kind in (Kind.PERSON, Kind.ORGANIZATION):
        return 2
    return 2 * min(len(asked.candidates), MOST_SHOWN)


async def _cases(visit: Visit, tenant: Tenant, page: Sequence[Asked], *, looks: bool) -> list[Case]:
    shown = await looked_at(tenant, page) if looks else [{} for _asked in page]
    subjects = [asked.subject for asked in page if asked.kind is Kind.SUBJECT]
    events = Events(tenant.ledger)
    waiting = await events.waiting_for(subjects) if subjects else {}
    first = {ids[0]: key for key, ids in waiting.items()}
    names = {
        first[one.entry.id]: event_words.who(one.entry.event, reveal=looks)
        for one in await events.some(first)
    }
    return [
        _case(
            visit, asked, found, names.get(asked.subject, ""), len(waiting.get(asked.subject, ())),
            len(await tenant.questions.alike(asked, MOST_ALIKE)),
        )
        for asked, found in zip(page, shown, strict=True)
    ]  # fmt: skip


def _case(
    visit: Visit, asked: Asked, found: Mapping[str, object], subject: str, events: int, alike: int
) -> Case:
    _ = visit.translate
    chosen = str((asked.decision or {}).get("choose", ""))
    if asked.kind is Kind.FIELD:
        values = found.get("values")
        values = values if isinstance(values, dict) else {}
        choices = [
            (CENTRE, _("Keep what the contact centre holds")), (PIPEDRIVE, _("Keep what Pipedrive holds")),
        ]  # fmt: skip
        return Case(
            asked, _("Both sides changed the same field: %(field)s") % {"field": asked.detail.get("field", "")},
            _("Neither value is overwritten until you say which holds."), None, (), choices, alike=alike, chosen=chosen,
            is_void=bool(found.get("void")), values=values,
        )  # fmt: skip
    known = found.get("candidates")
    records = [one for one in known if isinstance(one, dict)] if isinstance(known, list) else [
        {"id": one} for one in asked.candidates[:MOST_SHOWN]
    ]  # fmt: skip
    in_pipedrive = asked.kind in (Kind.SUBJECT, Kind.CUSTOMER, Kind.COMPANY)
    candidates = [_candidate(visit, one, asked.kind, in_pipedrive=in_pipedrive) for one in records]
    titles = {
        Kind.SUBJECT: _("Whose is %(subject)s?") % {"subject": subject or _("this number or address")},
        Kind.CUSTOMER: _("Which person is this customer?"), Kind.COMPANY: _("Which organization is this company?"),
        Kind.PERSON: _("Which customer is this person?"), Kind.ORGANIZATION: _("Which company is this organization?"),
    }  # fmt: skip
    about = found.get("about")
    own = {"id": asked.subject} if not isinstance(about, dict) else about
    if asked.kind is Kind.SUBJECT:
        choices = [*_of_subject(candidates, records, _), (IGNORE, _("Nobody’s: leave its events out"))]
        decision = asked.decision or {}
        chosen = next(
            (f"{name}:{decision[name]}" for name in ("person", "organization") if name in decision),
            IGNORE if decision else "",
        )
    else:
        choices = [
            *((one.id, _("The same as %(name)s") % {"name": one.name}) for one in candidates if not one.is_gone),
            (NEW, _("None of these: it is somebody new")), (IGNORE, _("Leave it alone: it stays by itself")),
        ]  # fmt: skip
    return Case(
        asked, titles[asked.kind], _why(asked, _),
        None if asked.kind is Kind.SUBJECT else _candidate(visit, own, asked.kind, in_pipedrive=not in_pipedrive),
        candidates, choices, events=events, alike=alike, chosen=chosen,
    )  # fmt: skip


def _why(asked: Asked, _: Translate) -> str:
    if asked.kind is Kind.SUBJECT:
        return _(
            "Persons who have it: %(count)s. What you choose holds for all its calls and e‑mails from now on."
        ) % {"count": len(asked.candidates)}
    return _("Records that could be meant: %(count)s. Nobody is guessed.") % {"count": len(asked.candidates)}


def _of_subject(
    candidates: Sequence[Candidate], records: Sequence[Mapping[str, object]], _: Translate
) -> list[tuple[str, str]]:
    """Always one of these persons, or an organization of theirs."""
    found = [
        (PERSON + one.id, _("Always %(name)s") % {"name": one.name}) for one in candidates if not one.is_gone
    ]
    organizations = {}
    for one in records:
        own = one.get("organization")
        if isinstance(own, dict):
            organizations[str(own["id"])] = str(own.get("name") or own["id"])
    return found + [
        (ORGANIZATION + one, _("Always the organization %(name)s, without a person") % {"name": name})
        for one, name in organizations.items()
    ]


def _candidate(visit: Visit, record: Mapping[str, object], kind: Kind, *, in_pipedrive: bool) -> Candidate:
    _, record_id = visit.translate, str(record["id"])
    words = _("Organization %(id)s") if kind in _OF_COMPANIES else _("Person %(id)s")
    if not in_pipedrive:
        words = _("Company %(id)s") if kind in _OF_COMPANIES else _("Customer %(id)s")
    lines = [str(value) for name in ("phones", "emails") for value in _listed(record.get(name))]
    for name in ("organization", "company"):
        own = record.get(name)
        if isinstance(own, dict) and own.get("name"):
            lines.append(str(own["name"]))
    page = "organization" if kind in _OF_COMPANIES else "person"
    return Candidate(
        record_id, str(record.get("name") or words % {"id": record_id.rpartition("/")[2]}),
        visit.tenant.record_page(page, record_id) if in_pipedrive else "", lines, str(record.get("belongs_to") or ""),
        is_gone=bool(record.get("gone")),
    )  # fmt: skip


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
