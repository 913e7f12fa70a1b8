"""The strictness of v2: each key of a body has a check, and what is not listed is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeAlias

from connector.sandbox.pipedrive.errors import invalid
from connector.sandbox.wire import Object

# A check gives None for a good value, else what is wrong with it.
Check: TypeAlias = Callable[[object], str | None]
Keys: TypeAlias = dict[str, Check]

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_DURATION = re.compile(r"\d{1,3}:[0-5]\d(:[0-5]\d)?")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
_FRACTIONAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def boolean(value: object) -> str | None:
    """Accept true and false."""
    return None if value is True or value is False else "Expected boolean"


def integer(value: object) -> str | None:
    """Accept whole numbers."""
    return None if isinstance(value, int) and not isinstance(value, bool) else "Expected integer"


def number(value: object) -> str | None:
    """Accept numbers."""
    return None if isinstance(value, int | float) and not isinstance(value, bool) else "Expected number"


def string(value: object) -> str | None:
    """Accept text."""
    return None if isinstance(value, str) else "Expected string"


def filled(value: object) -> str | None:
    """Accept text that is not blank."""
    return None if isinstance(value, str) and value.strip() else "Expected a non-empty string"


def short(value: object) -> str | None:
    """Accept text that is not blank, of at most 255 characters."""
    return filled(value) or ("Expected at most 255 characters" if len(str(value)) > 255 else None)


def large(value: object) -> str | None:
    """Accept text of at most 100 KB."""
    return string(value) or ("Expected at most 102400 bytes" if len(str(value).encode()) > 102_400 else None)


def day(value: object) -> str | None:
    """Accept `YYYY-MM-DD`."""
    if isinstance(value, str) and len(value) == 10:
        try:
            date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return None
    return "This value is not a valid date."


def time_of_day(value: object) -> str | None:
    """Accept `HH:MM` with its zeros, and `HH:MM:SS`."""
    return (
        None if isinstance(value, str) and _TIME.fullmatch(value) else "This value is not a valid datetime."
    )


def duration(value: object) -> str | None:
    """Accept `HH:MM`; more than 24 hours are allowed."""
    return (
        None
        if isinstance(value, str) and _DURATION.fullmatch(value)
        else "This value is not a valid duration."
    )


def timestamp(value: object) -> str | None:
    """Accept RFC 3339 with whole seconds."""
    if isinstance(value, str) and _STAMP.fullmatch(value):
        return _exists(value)
    return "Expected RFC 3339 without fractional seconds"


def written_time(value: object) -> str | None:
    """Accept RFC 3339, in bodies also with fractions."""
    if isinstance(value, str) and _FRACTIONAL.fullmatch(value):
        return _exists(value)
    return "Expected RFC 3339"


def _exists(value: str) -> str | None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return "This value is not a valid datetime."
    return None


def anything(_value: object) -> str | None:
    """Accept what is checked later."""
    return None


def nullable(check: Check) -> Check:
    """Accept null too."""
    return lambda value: None if value is None else check(value)


def one_of(*values: object) -> Check:
    """Accept these values only."""
    return lambda value: None if value in values else f"Expected one of {', '.join(map(str, values))}"


def items(check: Check) -> Check:
    """Accept a list of good items."""

    def each(value: object) -> str | None:
        if not isinstance(value, list):
            return "Expected array"
        return next((problem for item in value if (problem := check(item))), None)

    return each


def shape(keys: Keys, required: tuple[str, ...] = ()) -> Check:
    """Accept an object with these keys."""

    def each(value: object) -> str | None:
        if not isinstance(value, dict):
            return "Expected object"
        for key in required:
            if key not in value:
                return f"{key} is required"
        for key, item in value.items():
            check = keys.get(key)
            if check is None:
                return f"Parameter '{key}' is not allowed for this request"
            if problem := check(item):
                return f"{key}: {problem}"
        return None

    return each


def validate(body: Object, keys: Keys, required: tuple[str, ...] = ()) -> None:
    """Check a body; Refused(400) names the first wrong key."""
    for key in required:
        if body.get(key) is None:
            raise invalid(f"{key}: is a required field")
    for key, value in body.items():
        check = keys.get(key)
        if check is None:
            raise invalid(f"{key}: Parameter '{key}' is not allowed for this request")
        if problem := check(value):
            raise invalid(f"{key}: {problem}")


ADDRESS = {
    name: nullable(string)
    for name in (
        "value",
        "country",
        "admin_area_level_1",
        "admin_area_level_2",
        "locality",
        "sublocality",
        "route",
        "street_number",
        "subpremise",
        "postal_code",
    )
}
address = shape(ADDRESS, required=("value",))


def full_address(value: Object) -> Object:
    """An address as it is kept: parts that were not sent are null."""
    return {name: value.get(name) for name in ADDRESS}
