"""What happens, put together: the overview, events, what only a person decides, deals, runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from aiohttp import web

from connector.flows.tenant import Tenant
from connector.store.figures import Figures
from connector.web.console.desk import Console
from connector.web.console.happening import backfill, runs, undoing
from connector.web.console.happening.backfill import BackfillPages, TokensToday
from connector.web.console.happening.deals import DealPages
from connector.web.console.happening.event import EventPage
from connector.web.console.happening.events import EventPages
from connector.web.console.happening.overview import OverviewPage
from connector.web.console.happening.runs import RunPages
from connector.web.console.happening.undecided import UndecidedPages
from connector.web.console.live import Live


class Work(runs.Work, backfill.Work, undoing.Work, Protocol):
    """All that an administrator has the service do about events."""

    def sync_soon(self, tenant: Tenant) -> None:
        """Have a run begin in a moment."""


def add_happening(
    app: web.Application,
    console: Console,
    figures: Figures,
    work: Work,
    *,
    tokens_today: TokensToday,
    next_run: Callable[[str], datetime | None],
) -> None:
    """Add these pages to the service; their streams end with it."""
    live = Live(console.clock)
    app.on_shutdown.append(live.close)
    overview = OverviewPage(
        console, figures, tokens_today=tokens_today, next_run=next_run, running=work.running
    )
    app.add_routes(overview.routes())
    app.add_routes(EventPages(console, work.sync_soon).routes())
    app.add_routes(EventPage(console, work.sync_soon).routes())
    app.add_routes(UndecidedPages(console, work.sync_soon).routes())
    app.add_routes(DealPages(console, figures).routes())
    app.add_routes(RunPages(console, figures, work, live).routes())
    app.add_routes(BackfillPages(console, work, live, tokens_today).routes())
    app.add_routes(undoing.routes(console, work))
