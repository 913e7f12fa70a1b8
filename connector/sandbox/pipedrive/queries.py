"""Query parameters, filters and cursor pages of lists."""

from __future__ import annotations

import base64
import heapq
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import TypeAlias

import orjson
from aiohttp import web

from connector.sandbox.pipedrive.checks import timestamp
from connector.sandbox.pipedrive.errors import invalid
from connector.sandbox.pipedrive.state import Table, stamp
from connector.sandbox.wire import Object

Reader: TypeAlias = Callable[[str], object]
Seen: TypeAlias = Callable[[Object], bool]


def whole(text: str) -> int:
    """Read an integer."""
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise ValueError("Expected integer")
    return int(text)


def flag(text: str) -> bool:
    """Read `true` or `false`; 0 and 1 are refused."""
    if text not in ("true", "false"):
        raise ValueError("Expected boolean")
    return text == "true"


def moment(text: str) -> str:
    """Read RFC 3339 with whole seconds, into UTC."""
    if problem := timestamp(text):
        raise ValueError(problem)
    return stamp(datetime.fromisoformat(text))


def plain(text: str) -> str:
    """Read text as it is."""
    return text


def up_to(most: int) -> Reader:
    """Read an integer from 1 to `most`."""

    def read(text: str) -> object:
        if not 1 <= (value := whole(text)) <= most:
            raise ValueError(f"Expected a value from 1 to {most}")
        return value

    return read


def choice(*values: str) -> Reader:
    """Read one of these words."""

    def read(text: str) -> object:
        if text not in values:
            raise ValueError(f"Expected one of {', '.join(values)}")
        return text

    return read


def words(values: Iterable[str] | None = None, most: int | None = None) -> Reader:
    """Read a list with commas."""
    known = None if values is None else frozenset(values)

    def read(text: str) -> object:
        found = [word.strip() for word in text.split(",") if word.strip()]
        if most is not None and len(found) > most:
            raise ValueError(f"Expected at most {most} values")
        for word in found:
            if known is not None and word not in known:
                raise ValueError(f"Unknown value {word}")
        return found

    return read


def ids(text: str) -> list[int]:
    """Read at most 100 ids."""
    found = [whole(word) for word in text.split(",")]
    if len(found) > 100:
        raise ValueError("Expected at most 100 values")
    return found


def read_query(request: web.Request, readers: dict[str, Reader]) -> Object:
    """Read the query; Refused(400) for an unknown parameter or a wrong value."""
    values: Object = {}
    for key, text in request.query.items():
        if key == "api_token":
            continue
        reader = readers.get(key)
        if reader is None:
            raise invalid(f"{key}: Parameter '{key}' is not allowed for this request")
        try:
            values[key] = reader(text)
        except ValueError as error:
            raise invalid(f"{key}: {error}") from error
    return values


def paging(*sort_by: str) -> dict[str, Reader]:
    """The parameters of every list."""
    return {
        "limit": up_to(500),
        "cursor": plain,
        "sort_by": choice("id", "update_time", "add_time", *sort_by),
        "sort_direction": choice("asc", "desc"),
    }


def write_cursor(**place: object) -> str:
    """Write an opaque cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).rstrip(b"=").decode()


def read_cursor(text: str) -> Object:
    """Read a cursor; Refused(400) when it is none."""
    try:
        place: object = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError as error:
        raise invalid("cursor: Invalid cursor") from error
    if not isinstance(place, dict):
        raise invalid("cursor: Invalid cursor")
    return place


def page(table: Table, query: Object, wanted: Seen) -> tuple[list[Object], str | None]:
    """Give one page of the wanted records and the cursor of the next.

    The cursor is a place in the order, not a snapshot: a record that changes between pages of a list by
    `update_time` can be missed or come twice.
    """
    limit: int = query.get("limit", 100)
    key: str = query.get("sort_by", "id")
    descending = query.get("sort_direction") == "desc"
    place = read_cursor(query["cursor"]) if "cursor" in query else None
    if key == "id" and not descending and "updated_since" not in query:
        start = place.get("id", 0) if place else 0
        found = list(islice((record for record in table.after(start) if wanted(record)), limit + 1))
    else:
        source = table.changed_since(query["updated_since"]) if "updated_since" in query else table.after(0)
        some = (record for record in source if wanted(record))
        if place is not None:
            mark: Object = {key: place.get("key"), "id": place.get("id", 0)}
            some = (record for record in some if _beyond(key, record, mark, descending=descending))
        first = heapq.nlargest if descending else heapq.nsmallest
        found = first(limit + 1, some, key=_rank(key))
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], write_cursor(key=last[key], id=last["id"])


def _rank(key: str) -> Callable[[Object], tuple[object, ...]]:
    """Order by a key, nothing before everything, then by id."""
    if key == "id":
        return lambda record: (record["id"],)
    return lambda record: (record[key] is not None, record[key] or 0, record["id"])


def _beyond(key: str, record: Object, mark: Object, *, descending: bool) -> bool:
    rank = _rank(key)
    return rank(record) < rank(mark) if descending else rank(record) > rank(mark)
