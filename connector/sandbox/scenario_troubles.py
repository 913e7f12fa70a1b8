"""What goes wrong on the scripted day, as a timetable: every kind of fault, on writes and on reads of both sides."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.sandbox.wire import Object

WRITE = r"^/api/v2/activities$"
READ = r"^/api/v2/"
# Longer than the demo's connector waits for an answer, in real seconds.
TOO_LONG = 2.4


@dataclass(frozen=True)
class Trouble:
    """A fault that is put in force at a time of day and waits for its call."""

    at: str
    side: str
    kind: str
    details: Object = field(default_factory=dict)


def _write(at: str, kind: str, **details: object) -> Trouble:
    return Trouble(at, "pipedrive", kind, {"method": "POST", "path": WRITE, **details})


def _read(at: str, kind: str, **details: object) -> Trouble:
    return Trouble(at, "pipedrive", kind, {"method": "GET", "path": READ, **details})


def _centre(at: str, kind: str, resource: str, **details: object) -> Trouble:
    return Trouble(at, "thulium", kind, {"method": "GET", "path": rf"/api/{resource}$", **details})


TROUBLES: tuple[Trouble, ...] = (
    _write("08:30", "delay", seconds=0.1),
    _centre("08:45", "delay", "connections", seconds=0.1),
    _write("08:45", "timeout_before", seconds=TOO_LONG),
    _read("09:00", "status_before", status=500),
    _write("09:15", "timeout_after", seconds=TOO_LONG),
    _centre("09:15", "status_before", "chats", status=500),
    _read("09:30", "timeout_before", seconds=TOO_LONG),
    _centre("09:30", "reset_before", "connections"),
    _write("09:45", "late_effect", seconds=60),
    _centre("09:45", "timeout_before", "tickets", seconds=TOO_LONG),
    _write("10:00", "reset_before"),
    _centre("10:00", "burst_429", "connections"),
    _write("10:15", "reset_after"),
    _read("10:15", "reset_after"),
    _write("10:30", "status_before", status=500),
    _centre("10:30", "empty_body", "tickets", html=True),
    _write("10:45", "status_after", status=502, html=True),
    _centre("10:45", "unauthorised", "chats"),
    _write("11:00", "status_after", status=504),
    _read("11:00", "burst_429"),
    _centre("11:00", "html_403", "chats"),
    _write("11:15", "empty_body", html=True),
    _read("11:15", "empty_body"),
    _write("11:45", "burst_429"),
    _centre("11:45", "daily_429", "tickets"),
    _write("12:15", "unauthorised"),
    _read("12:15", "status_after", status=502, html=True),
    _write("12:30", "timeout_after", seconds=TOO_LONG),
    _centre("12:45", "status_after", "connections", status=502, html=True),
    _write("12:45", "empty_body"),
    _read("14:30", "unauthorised"),
    _write("15:15", "html_403"),
    _read("16:15", "html_403"),
    _write("16:45", "daily_429"),
    _read("17:15", "daily_429"),
)
