"""The pages about customers and companies, put together: the list, one pair and pushes, first loads, CSV files."""

from __future__ import annotations

from aiohttp import web

from connector.store.pair_lists import PairLists
from connector.web.console.customers.csv_pages import CsvPages
from connector.web.console.customers.loads import LoadPages, Work
from connector.web.console.customers.overview import CustomerPages
from connector.web.console.customers.pairs import PairPages
from connector.web.console.desk import Console, Soon
from connector.web.console.live import Live


def add_customers(app: web.Application, console: Console, lists: PairLists, loads: Work, soon: Soon) -> None:
    """Add these pages to the service; `soon` has the marks of an installation worked on."""
    live = Live(console.clock)
    app.on_shutdown.append(live.close)
    app.add_routes(CustomerPages(console, lists, soon).routes())
    app.add_routes(LoadPages(console, loads, live).routes())
    app.add_routes(CsvPages(console).routes())
    app.add_routes(PairPages(console, lists).routes())
