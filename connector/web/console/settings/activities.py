"""The rules for activities: which events become what, tried on real events before they are saved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from aiohttp import web

from connector.flows import previewing
from connector.flows.deciding import HIDDEN, IGNORED, NOBODY
from connector.flows.previewing import (
    ACTIVITY_TOKENS,
    KNOWN_DAYS,
    TO_DO,
    Foreseen,
    Touched,
    next_events,
    preview_events,
    what_changes,
)
from connector.flows.rules import not_active
from connector.flows.tenant import FRESH_FOR
from connector.i18n import Translate
from connector.installation_settings import InstallationSettings
from connector.pipedrive.operations import price
from connector.records import Call, CallResult, Chat, Direction, Event
from connector.store.entries import State
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.happening.event_words import matched_by, owned_by, ruled_by
from connector.web.console.masking import masked
from connector.web.console.settings.activity_form import ActivityForm, Choices, read_form
from connector.web.console.words import done

PAGE = "settings/activities"
SHOWN = 50
#: Tokens that reading users and activity types costs.
DIRECTORY_TOKENS = price("GET", "/api/v1/users") + price("GET", "/api/v1/activityTypes")


def routes(console: Console) -> web.RouteTableDef:
    """The page and its form."""
    pages = ActivityPages(console)
    table = web.RouteTableDef()
    table.get(f"{PATH}/{PAGE}")(console.serve(pages.show))
    table.post(f"{PATH}/{PAGE}")(console.serve(pages.act))
    return table


class ActivityPages:
    """The page of the rules for activities."""

    def __init__(self, console: Console) -> None:
        """Saved through the console."""
        self._console = console

    async def show(self, visit: Visit) -> web.StreamResponse:
        """The saved rules."""
        await visit.tenant.people()
        choices = Choices.of(visit.tenant, visit.translate)
        return self._page(visit, ActivityForm.of(visit.tenant.settings, choices, visit.translate))

    async def act(self, visit: Visit) -> web.StreamResponse:
        """Try what was entered, save it, or read Pipedrive's activity types anew."""
        _, act = visit.translate, visit.text("act")
        await visit.tenant.people(older_than=timedelta() if act == "refresh" else FRESH_FOR)
        choices = Choices.of(visit.tenant, _)
        entered = read_form(visit.form, visit.tenant.settings, choices, _)
        form = ActivityForm.typed(visit.form, entered.errors, choices, _)
        if act == "refresh":
            return self._page(visit, form)
        if entered.settings is None:
            return self._page(visit, form, status=422)
        if act == "preview":
            return await self._preview(visit, form, entered.settings)
        if act != "save_now":
            touched = await what_changes(visit.tenant, entered.settings)
            if touched.changes:
                return self._page(visit, form, touched=touched)
        saved = await self._console.save(visit, entered.settings)
        return self._console.tell(
            done(
                _("The rules are saved."), _,
                _("Decided anew: %(count)s.") % {"count": saved.decided_anew}, saved.warnings,
            ),
            visit.at(PAGE),
        )  # fmt: skip

    async def _preview(
        self, visit: Visit, form: ActivityForm, settings: InstallationSettings
    ) -> web.StreamResponse:
        tenant, reveal = visit.tenant, "reveal" in visit.form
        entries = await next_events(tenant, SHOWN)
        if reveal and entries:
            await tenant.audit.note(visit.who, "reveal", preview=len(entries))
        lines = await preview_events(tenant, settings, entries)
        touched = await what_changes(tenant, settings)
        shown = [Line(line, visit, form.choices, reveal=reveal) for line in lines]
        return self._page(visit, form, lines=shown, touched=touched, reveal=reveal)

    def _page(
        self,
        visit: Visit,
        form: ActivityForm,
        *,
        status: int = 200,
        lines: list[Line] | None = None,
        touched: Touched | None = None,
        reveal: bool = False,
    ) -> web.StreamResponse:
        words = _outcomes(form.choices, visit.translate)
        changes = [] if touched is None else [(words(before), words(after), count) for (before, after), count in touched.changes.items()]  # fmt: skip
        return self._console.page(
            visit, "console/settings/activities.html", PAGE, status=status, form=form, lines=lines, touched=touched,
            changes=changes, changed=sum(count for *_, count in changes), days=KNOWN_DAYS, reveal=reveal,
            tokens=sum(line.tokens for line in lines or ()), activity_tokens=ACTIVITY_TOKENS, shown=SHOWN,
            directory_tokens=DIRECTORY_TOKENS, types_at=visit.tenant.directory.read_at,
        )  # fmt: skip


class Line:
    """One event of the preview, in words."""

    def __init__(self, foreseen: Foreseen, visit: Visit, choices: Choices, *, reveal: bool) -> None:
        _, self.page = visit.translate, visit.tenant.record_page
        event = foreseen.event
        self.at, self.tokens, self.draft = foreseen.entry.occurred_at, foreseen.tokens, foreseen.draft
        self.what, self.why = _event(event, _), _why(foreseen, _)
        self.rule = ruled_by(_)[foreseen.rule]
        self.state, self.word = _states(_)[foreseen.state]
        self.written = foreseen.entry.state is State.DONE
        self.topic_known = foreseen.topic_known
        self.subject = self.type = self.owner_by = ""
        if (draft := foreseen.draft) is not None:
            head, dash, tail = draft.subject.partition(" – " if isinstance(event, Call) else ": ")
            self.subject = draft.subject if reveal else head + dash + masked(tail)
            self.type = choices.types.get(draft.type, draft.type)
            self.owner_by = owned_by(_).get(str(foreseen.trace.get("owner_by")), "")


def _event(event: Event, _: Translate) -> str:
    if isinstance(event, Call):
        way = _("Inbound call") if event.direction is Direction.INBOUND else _("Outbound call")
        results = {
            CallResult.ANSWERED: _("answered"), CallResult.FAILED: _("failed"), CallResult.ABANDONED: _("abandoned"),
        }  # fmt: skip
        return f"{way}, {results[event.result]}"
    if isinstance(event, Chat):
        return _("Chat")
    way = _("Inbound e-mail") if event.direction is Direction.INBOUND else _("Outbound e-mail")
    source = event.ticket.source or "email"
    return way if source == "email" else f"{way} ({source})"


def _states(_: Translate) -> dict[State, tuple[str, str]]:
    waits = ("busy", _("Waits"))
    return {
        State.DONE: ("good", _("Written")),
        State.SKIPPED: ("plain", _("Left out")),
        State.WAITING: waits, State.NEW: waits, State.RETRY: waits, State.SENDING: waits,
        State.UNDECIDED: ("attention", _("Undecided")),
        State.PARKED: ("broken", _("Not possible")),
    }  # fmt: skip


def _why(foreseen: Foreseen, _: Translate) -> str:
    """How it is matched, or why nothing is written."""
    if foreseen.draft is not None:
        how = str(foreseen.trace.get("matched"))
        return matched_by(_).get(how, how)
    if foreseen.state is State.UNDECIDED:
        return _("Several persons could be meant; nobody is guessed.")
    known = {
        HIDDEN: _("Nobody to match: the number is hidden, internal or one of your own."),
        IGNORED: _("A person decided that this number or address is nobody’s."),
        NOBODY: _("Waits for the customer to appear in Pipedrive."),
        previewing.UNTOLD: _("The contact centre does not tell now whose it is. The next run decides it."),
    }
    if foreseen.reason in known:
        return known[foreseen.reason]
    kinds = foreseen.reason.split("'")
    if len(kinds) > 1 and foreseen.reason == not_active(kinds[1]):
        return _("Its activity type is not active in Pipedrive.")
    return _("The rules leave it out.") if foreseen.state is State.SKIPPED else foreseen.reason


def _outcomes(choices: Choices, _: Translate) -> Callable[[str], str]:
    """What says what becomes of an event: a type by its name, or nothing."""

    def word(outcome: str) -> str:
        if not outcome:
            return _("left out")
        kind = outcome.removesuffix(TO_DO)
        name = choices.types.get(kind, kind)
        return name if kind == outcome else _("%(type)s, to do") % {"type": name}

    return word
