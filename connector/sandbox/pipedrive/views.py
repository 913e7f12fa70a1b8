"""Small pages to look at what is in the simulator."""

from __future__ import annotations

from aiohttp import web

from connector.sandbox.faults import Faults
from connector.sandbox.pages import Pages
from connector.sandbox.pipedrive.sender import Sender
from connector.sandbox.pipedrive.state import World

NAV = (("/", "Companies"), ("/_sandbox/switchboard", "Faults"))


def routes(world: World, faults: Faults, sender: Sender, pages: Pages) -> list[web.RouteDef]:
    """Give the pages."""
    del world, faults, sender, pages
    return []
