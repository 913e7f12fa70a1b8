"""A past period brought into Pipedrive: counted first, then written within a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Protocol

from aiohttp import web

from connector.flows.estimating import A_WRITE, Estimate
from connector.flows.running import Running, period_of
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.pipedrive.budget import LANE_SHARE, Lane
from connector.records import EventKind, Window
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.happening.runs import RUNS, kind_word
from connector.web.console.live import Live
from connector.web.console.words import done
from connector.web.notes import Said

BACKFILL = RUNS + "/backfill"
_LONGEST = timedelta(days=366)
_MOST_TOKENS = 10_000_000

#: Tokens that an installation has spent today, and its share of the day where that is known.
TokensToday = Callable[[str], tuple[int, int | None]]


class Work(Protocol):
    """Backfills as the service does them."""

    async def begin_backfill(self, tenant: Tenant, window: Window, tokens: int) -> int | None:
        """Begin one; answers its run's number, None while another is under way."""

    def running(self, installation_id: str) -> list[Running]:
        """Runs under way."""

    def estimate(self, tenant: Tenant, window: Window) -> None:
        """Begin to count what one would bring."""

    def estimated(self, installation_id: str) -> Estimate | None:
        """What was counted last, as far as it is."""


@dataclass(slots=True)
class _Form:
    """What somebody asks for, as it was typed, with what is wrong with it by field."""

    since: str = ""
    until: str = ""
    tokens: str = ""
    errors: dict[str, str] = field(default_factory=dict)


class BackfillPages:
    """The page of backfills."""

    def __init__(self, console: Console, work: Work, live: Live, tokens_today: TokensToday) -> None:
        """`work` counts and writes, `live` shows how far the counting is."""
        self._console, self._work, self._live, self._tokens_today = console, work, live, tokens_today

    def routes(self) -> web.RouteTableDef:
        """The page, what changes on it, and its form."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + BACKFILL)(serve(self.show_form))
        table.get(PATH + BACKFILL + "/live")(serve(self.stream_estimate))
        table.post(PATH + BACKFILL)(serve(self.take_form))
        return table

    async def show_form(self, visit: Visit) -> web.StreamResponse:
        """The form, filled with what was counted last."""
        estimate = self._work.estimated(visit.tenant.id)
        form = _Form() if estimate is None else _form_of(estimate, visit)
        return self._page(visit, form)

    async def stream_estimate(self, visit: Visit) -> web.StreamResponse:
        """How far the counting is."""

        async def render() -> tuple[str, bool]:
            estimate = self._work.estimated(visit.tenant.id)
            part = self._console.page(
                visit, "console/happening/backfill_live.html", "runs", counted=self._counted(visit, estimate)
            )
            return part.text or "", estimate is not None and not (estimate.has_ended or estimate.problem)

        return await self._live.stream(visit, render)

    async def take_form(self, visit: Visit) -> web.StreamResponse:
        """Count the period, or begin to write it."""
        _ = visit.translate
        form = _Form(visit.text("since"), visit.text("until"), visit.text("tokens"))
        window, starts = self._window(visit, form), visit.text("act") == "start"
        tokens = _tokens(form, _) if starts else 0
        if window is None or form.errors:
            return self._page(visit, form, status=422)
        if not starts:
            self._work.estimate(visit.tenant, window)
            return self._console.tell(
                done(_("The events of the period are being counted."), _), visit.at("runs/backfill")
            )
        run_id = await self._work.begin_backfill(visit.tenant, window, tokens)
        if run_id is None:
            said = Said(
                "busy",
                _("Under way"),
                _("A backfill is under way already."),
                _("Wait for its end, or stop it."),
            )
            return self._console.tell(said, visit.at("runs/backfill"))
        await visit.tenant.audit.note(
            visit.who, "backfill", run=run_id, since=window.since.isoformat(), until=window.until.isoformat(),
            tokens=tokens,
        )  # fmt: skip
        return self._console.tell(done(_("The backfill has begun."), _), visit.at(f"runs/{run_id}"))

    def _page(self, visit: Visit, form: _Form, status: int = 200) -> web.Response:
        estimate = self._work.estimated(visit.tenant.id)
        under_way = [one.id for one in self._work.running(visit.tenant.id) if period_of(one.cause)]
        today = self._console.clock.now().astimezone(visit.zone).date()
        return self._console.page(
            visit, "console/happening/backfill.html", "runs", status=status, form=form, under_way=under_way,
            today=today.isoformat(), most=_MOST_TOKENS, counted=self._counted(visit, estimate),
        )  # fmt: skip

    def _counted(self, visit: Visit, estimate: Estimate | None) -> dict[str, object]:
        spent, allowance = self._tokens_today(visit.tenant.id)
        left = None if allowance is None else max(int(allowance * LANE_SHARE[Lane.BACKFILL]) - spent, 0)
        rows = [] if estimate is None else [
            (kind_word(kind, visit.translate), estimate.found[kind], estimate.known[kind]) for kind in EventKind
        ]  # fmt: skip
        return {"estimate": estimate, "rows": rows, "left_today": left, "price": A_WRITE}

    def _window(self, visit: Visit, form: _Form) -> Window | None:
        _, now = visit.translate, self._console.clock.now()
        since, until = _day(form.since), _day(form.until)
        if since is None:
            form.errors["since"] = _("Choose the first day.")
        if until is None:
            form.errors["until"] = _("Choose the last day.")
        if since is None or until is None:
            return None
        begins = datetime.combine(since, time(), visit.zone)
        ends = datetime.combine(until + timedelta(days=1), time(), visit.zone)
        if until < since:
            form.errors["until"] = _("The last day is before the first. Choose a later one.")
        elif begins >= now:
            form.errors["since"] = _("This day has not come yet. Choose an earlier one.")
        elif ends - begins > _LONGEST + timedelta(days=1):
            form.errors["until"] = _("A year is the most. Bring longer periods in parts.")
        return Window(begins, min(ends, now))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2200 else None


def _tokens(form: _Form, _: Translate) -> int:
    text = form.tokens
    tokens = int(text) if text.isascii() and text.isdigit() and len(text) <= 8 else 0
    if not A_WRITE <= tokens <= _MOST_TOKENS:
        form.errors["tokens"] = _("Write how many tokens it may spend, from %(least)s to %(most)s.") % {
            "least": A_WRITE, "most": _MOST_TOKENS,
        }  # fmt: skip
    return tokens


def _form_of(estimate: Estimate, visit: Visit) -> _Form:
    since, until = (at.astimezone(visit.zone) for at in (estimate.window.since, estimate.window.until))
    last = (until - timedelta(microseconds=1)).date()
    tokens = str(estimate.tokens) if estimate.has_ended and estimate.tokens else ""
    return _Form(since.date().isoformat(), last.isoformat(), tokens)
