"""What goes over the wire: bodies and queries read with care, error answers, local times, mixed ids.

Error answers follow https://api.thulium.com/docs/api/error_handling.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web

JSON = "application/json"
LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?")
CUSTOM_FILTER = re.compile(r"custom_fields\[([^\]]+)\](?:\[\d+\])?")

POLISH = {
    "Authentication required": "Wymagane uwierzytelnienie",
    "Access denied": "Brak uprawnień",
    "Not found": "Nie znaleziono",
    "Parameter is required": "Parametr jest wymagany",
    "Invalid value": "Nieprawidłowa wartość",
    "Unknown parameter": "Nieznany parametr",
    "Duplicated customer name.": "Zduplikowana nazwa klienta.",
    "Method not allowed": "Niedozwolona metoda",
    "Field is read only": "Pole jest tylko do odczytu",
    "Temporary error": "Błąd chwilowy",
    "Too many requests": "Zbyt wiele żądań",
}


class ApiError(Exception):
    """A refusal: HTTP status, message of the catalogue and what it is about."""

    def __init__(self, status: int, message: str, about: str = "") -> None:
        """Refuse with `status`; `message` is one of the keys of POLISH."""
        super().__init__(message, about)
        self.status, self.message, self.about = status, message, about


def error(status: int, message: str, about: str = "", *, language: str = "en") -> web.Response:
    """The vendor's error body; codes are our own choice: 100 and the HTTP status."""
    text = POLISH.get(message, message) if language.startswith("pl") else message
    said = f"{text}: {about}" if about else text
    body = {"request_id": uuid.uuid4().hex, "errors": [{"message": said, "code": 100000 + status}]}
    headers = {"WWW-Authenticate": 'Basic realm="API"'} if status == 401 else None
    return web.Response(body=orjson.dumps(body), status=status, content_type=JSON, headers=headers)


def answer(value: object, status: int = 200) -> web.Response:
    """A JSON answer; None is the empty body of many writes."""
    if value is None:
        return web.Response(status=status)
    return web.Response(body=orjson.dumps(value), status=status, content_type=JSON)


class Body:
    """A JSON object read with care; a value of the wrong kind is the sender's fault (400)."""

    def __init__(self, values: Mapping[str, object]) -> None:
        """Read from `values`."""
        self.values = values

    def __contains__(self, key: str) -> bool:
        """Whether the key was sent, even as null."""
        return key in self.values

    def text(self, key: str, default: str = "") -> str:
        """A text, or a number as text; null and a missing key give the default."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ApiError(400, "Invalid value", key)
        return str(value)

    def need(self, key: str) -> str:
        """A text that must be there."""
        if not (value := self.text(key)):
            raise ApiError(400, "Parameter is required", key)
        return value

    def number(self, key: str) -> int | None:
        """A whole number, also as text; null, empty text and a missing key give None."""
        if not (value := self.text(key)):
            return None
        if not value.lstrip("-").isdecimal():
            raise ApiError(400, "Invalid value", key)
        return int(value)

    def real(self, key: str, default: float) -> float:
        """A number."""
        try:
            return float(self.text(key, str(default)))
        except ValueError:
            raise ApiError(400, "Invalid value", key) from None

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise ApiError(400, "Invalid value", key)
        return value

    def texts(self, key: str) -> list[str]:
        """One text or several; empty ones are dropped."""
        value = self.values.get(key)
        listed = value if isinstance(value, list) else [value]
        return [text for part in listed if (text := Body({key: part}).text(key).strip())]

    def part(self, key: str) -> dict[str, object]:
        """An object inside; null and a missing key give an empty one."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise ApiError(400, "Invalid value", key)
        return value

    def rows(self, key: str) -> list[Body]:
        """A list of objects; a missing key gives none."""
        value = self.values.get(key) or []
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise ApiError(400, "Invalid value", key)
        return [Body(row) for row in value]

    def when(self, key: str) -> datetime | None:
        """A moment as ISO 8601 with zone, in UTC."""
        return moment(self.text(key), key)


def moment(text: str, about: str) -> datetime | None:
    """ISO 8601 with zone to aware UTC; empty text gives None."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ApiError(400, "Invalid value", about)
    return at.astimezone(UTC)


def local(zone: ZoneInfo, at: datetime) -> str:
    """Wall-clock time to the second, `YYYY-MM-DD HH:MM:SS`; of the hour that DST repeats nothing tells which."""
    return at.astimezone(zone).isoformat(" ", "seconds")[:19]


def local_ms(zone: ZoneInfo, at: datetime) -> str:
    """Wall-clock time to the millisecond, as chats have it."""
    return at.astimezone(zone).isoformat(" ", "milliseconds")[:23]


def minute(zone: ZoneInfo, at: datetime | None) -> str | None:
    """Wall-clock time to the minute, as calls and tickets have it."""
    return None if at is None else at.astimezone(zone).isoformat(" ", "minutes")[:16]


def bound(query: Mapping[str, str], key: str) -> str | None:
    """A date filter, `YYYY-MM-DD` or `YYYY-MM-DD HH:MM`, filled up to seconds."""
    if not (text := query.get(key)):
        return None
    if not LOCAL_TIME.fullmatch(text):
        raise ApiError(400, "Invalid value", key)
    return text + "0000-00-00 00:00:00"[len(text) :]


def custom_wanted(query: Mapping[str, str]) -> dict[str, set[str]]:
    """Read `custom_fields[Name]=v` and `custom_fields[Name][0]=v` filters: wanted values by field."""
    wanted: dict[str, set[str]] = {}
    for key, value in query.items():
        if match := CUSTOM_FILTER.fullmatch(key):
            wanted.setdefault(match[1], set()).add(value)
    return wanted


def hours(seconds: float) -> str:
    """A span as `HHH:MM:SS`, the form tickets use."""
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def mixed(n: int, value: int | None) -> int | str | None:
    """An id as the vendor mixes them, told by the row's number: number or text; none as null or empty text."""
    if value is None:
        return "" if n % 2 else None
    return str(value) if n % 3 == 0 else value


def blank(n: int, value: str) -> str | None:
    """A text, or what stands for none in this row: empty text or null."""
    return value or ("" if n % 2 else None)
