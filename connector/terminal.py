"""What the verbs of the command line share: the installation that is meant, and how an answer is printed."""

from __future__ import annotations

import argparse

import orjson

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.tenant import Tenant


def show(answer: object) -> None:
    """Print one JSON object or list."""
    print(
        orjson.dumps(
            answer, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str
        ).decode()
    )


def positive(text: str) -> int:
    """A number on the command line: an id or a count that a database can hold."""
    if not (text.isascii() and text.isdigit() and int(text[:19]) > 0 and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


async def the_tenant(service: Service, chosen: str | None) -> Tenant:
    """The installation that was named, or the only one there is."""
    if chosen is not None:
        return await service.tenant(chosen)
    active = [one for one in await service.installations.all() if one.state != "ended"]
    if not active:
        raise Misconfigured(
            "There is no installation yet: open /install, or run connector installations add."
        )
    if len(active) > 1:
        named = ", ".join(f"{one.id} ({one.name})" for one in active)
        raise Misconfigured(f"Say which installation with --installation ID. There are: {named}.")
    return await service.tenant(active[0].id)
