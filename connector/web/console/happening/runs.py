"""Runs: each with its cause, what it did and what it cost; begun, watched, stopped and taken back by an administrator."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from connector.errors import Misconfigured
from connector.flows.running import Running, Undoing
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.records import EventKind, Window
from connector.store.entries import State
from connector.store.figures import Figures, RunRow, SettledRow
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.happening.run_words import ShownRun, shown
from connector.web.console.live import Live
from connector.web.console.words import done
from connector.web.notes import Said

RUNS = "/runs"
ONE = RUNS + "/{run:[0-9]{1,18}}"
_PAGE = 50


class Work(Protocol):
    """Runs as the service does them."""

    async def begin(self, tenant: Tenant) -> int | None:
        """Begin one; answers its number, None while another is under way."""

    def running(self, installation_id: str) -> list[Running]:
        """Those under way."""

    def stop_run(self, installation_id: str, run_id: int) -> bool:
        """Cut one short; answers whether it was under way."""

    def undo(self, tenant: Tenant, run_id: int) -> bool:
        """Begin to take back what one wrote on customers and companies; False while that is under way."""

    def undoing(self, installation_id: str, run_id: int) -> Undoing | None:
        """What came of that."""


class RunPages:
    """The list of runs, and each run's own page."""

    def __init__(self, console: Console, figures: Figures, work: Work, live: Live) -> None:
        """`work` does the runs, `live` shows how far one is."""
        self._console, self._figures, self._work, self._live = console, figures, work, live

    def routes(self) -> web.RouteTableDef:
        """All pages and forms about runs, but for backfills."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + RUNS)(serve(self.show_runs))
        table.post(PATH + RUNS)(serve(self.run_now))
        table.get(PATH + ONE)(serve(self.show_run))
        table.get(PATH + ONE + "/live")(serve(self.stream_run))
        table.post(PATH + ONE + "/stop")(serve(self.stop_run))
        table.post(PATH + ONE + "/undo")(serve(self.undo_run))
        return table

    async def show_runs(self, visit: Visit) -> web.StreamResponse:
        """The newest runs first, a page at a time."""
        before = visit.request.query.get("before", "")
        rows = await self._figures.runs(
            visit.tenant.id, limit=_PAGE + 1, before=_number(before) if before else None
        )
        older = rows[_PAGE - 1].id if len(rows) > _PAGE else None
        return self._console.page(
            visit, "console/happening/runs.html", "runs",
            runs=[self._shown(visit, row) for row in rows[:_PAGE]], older=older, is_first=not before,
        )  # fmt: skip

    async def run_now(self, visit: Visit) -> web.StreamResponse:
        """Begin a run and lead to its page."""
        _ = visit.translate
        run_id = await self._work.begin(visit.tenant)
        if run_id is None:
            said = Said(
                "busy",
                _("Under way"),
                _("A run is under way already."),
                _("It sees what happened until now."),
            )
            return self._console.tell(said, visit.at("runs"))
        await visit.tenant.audit.note(visit.who, "run", run=run_id)
        return self._console.tell(done(_("The run has begun."), _), visit.at(f"runs/{run_id}"))

    async def show_run(self, visit: Visit) -> web.StreamResponse:
        """One run: how it ended or how far it is, its events, and what of it can be taken back."""
        row = await self._row(visit)
        run = self._shown(visit, row)
        skip = _number(visit.request.query.get("skip", "0"))
        until = row.ended_at or self._console.clock.now()
        settled = await self._figures.settled(
            visit.tenant.id, Window(row.started_at, until), limit=_PAGE + 1, skip=skip
        )
        return self._console.page(
            visit, "console/happening/run.html", "runs", run=run, events=[_event(one, visit) for one in settled[:_PAGE]],
            next_skip=skip + _PAGE if len(settled) > _PAGE else None,
            undoable=0 if run.goes_on else await self._figures.undoable(visit.tenant.id, row.id),
            undoing=self._work.undoing(visit.tenant.id, row.id),
        )  # fmt: skip

    async def stream_run(self, visit: Visit) -> web.StreamResponse:
        """What changes on the page of a run that is under way."""
        await self._row(visit)

        async def render() -> tuple[str, bool]:
            run = self._shown(visit, await self._row(visit))
            part = self._console.page(visit, "console/happening/run_live.html", "runs", run=run)
            return part.text or "", run.goes_on

        return await self._live.stream(visit, render)

    async def stop_run(self, visit: Visit) -> web.StreamResponse:
        """Cut a run short."""
        _, run_id = visit.translate, _number(visit.request.match_info["run"])
        where = visit.at(f"runs/{run_id}")
        if not self._work.stop_run(visit.tenant.id, run_id):
            said = Said("attention", _("Not done"), _("The run is not under way any more."), "")
            return self._console.tell(said, where)
        await visit.tenant.audit.note(visit.who, "stop", run=run_id)
        return self._console.tell(done(_("The run is being stopped."), _), where)

    async def undo_run(self, visit: Visit) -> web.StreamResponse:
        """Begin to take back what a run wrote on customers and companies."""
        _, row = visit.translate, await self._row(visit)
        where = visit.at(f"runs/{row.id}")
        if not await self._figures.undoable(visit.tenant.id, row.id):
            raise Misconfigured(_("There is nothing of this run that can be taken back any more."))
        if not self._work.undo(visit.tenant, row.id):
            said = Said("busy", _("Under way"), _("The run is being taken back already."), "")
            return self._console.tell(said, where)
        await visit.tenant.audit.note(visit.who, "undo", run=row.id)
        return self._console.tell(done(_("The run is being taken back."), _), where)

    async def _row(self, visit: Visit) -> RunRow:
        row = await self._figures.run(visit.tenant.id, _number(visit.request.match_info["run"]))
        if row is None:
            raise web.HTTPNotFound
        return row

    def _shown(self, visit: Visit, row: RunRow) -> ShownRun:
        running = {one.id: one for one in self._work.running(visit.tenant.id)}
        return shown(row, running.get(row.id), visit.show, self._console.clock.now())


def _number(text: str) -> int:
    """A number of an address; HTTPNotFound for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise web.HTTPNotFound
    return int(text)


def _event(row: SettledRow, visit: Visit) -> dict[str, str]:
    """An event of a run in words."""
    state, word = state_word(row.state, visit.translate)
    return {
        "id": str(row.id), "at": visit.show.time(row.occurred_at), "kind": kind_word(row.kind, visit.translate),
        "state": state, "word": word, "href": visit.at(f"events/{row.id}"),
        "activity": visit.tenant.record_page("activity", row.crm_id) if row.crm_id else "",
    }  # fmt: skip


def kind_word(kind: EventKind, _: Translate) -> str:
    """What kind of event it is."""
    return {
        EventKind.CALL: _("Call"),
        EventKind.CHAT: _("Chat"),
        EventKind.MESSAGE: _("Message of a ticket"),
    }[kind]


def state_word(state: State, _: Translate) -> tuple[str, str]:
    """The look and the words of where an event stands."""
    words: dict[State, tuple[str, str]] = {
        State.NEW: ("busy", _("new")),
        State.SENDING: ("busy", _("being sent")),
        State.DONE: ("good", _("in Pipedrive")),
        State.SKIPPED: ("plain", _("left out")),
        State.WAITING: ("busy", _("waiting for the customer to be linked")),
        State.UNDECIDED: ("attention", _("undecided")),
        State.RETRY: ("busy", _("tried again later")),
        State.PARKED: ("broken", _("failed")),
    }
    return words[state]
