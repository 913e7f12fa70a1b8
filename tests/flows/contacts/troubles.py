"""Faults that a history orders: they tell which call they struck."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from connector.sandbox.faults import Rule
from tests.flows.contacts.both_sides import CENTRE, COMPANY, CUSTOMER, PIPEDRIVE, Ref

#: After these nobody knows whether a write was done.
UNKNOWN = ("timeout", "reset", "late_effect", "status", "empty_body")
_WRITES = ("POST", "PATCH", "PUT")
_RECORD = re.compile(r"/(persons|organizations|customers|companies)/(\d+)$")


@dataclass
class Trouble(Rule):
    """A fault, or something else, that comes with a call; `strike` is told which."""

    strike: Callable[[web.Request], None] = lambda _request: None
    quiet: bool = False

    def strikes(self, request: web.Request) -> bool:
        if not super().strikes(request):
            return False
        self.strike(request)
        return not self.quiet


def written(request: web.Request) -> Ref | None:
    """The record that a call would change."""
    found = _RECORD.search(request.path)
    if found is None or request.method not in _WRITES:
        return None
    kind = CUSTOMER if found[1] in ("persons", "customers") else COMPANY
    return PIPEDRIVE if found[1] in ("persons", "organizations") else CENTRE, kind, int(found[2])


@dataclass
class Dead(Rule):
    """Drops every call once `copy` is there."""

    copy: Path = Path()

    def strikes(self, _request: web.Request) -> bool:
        return self.copy.exists()
