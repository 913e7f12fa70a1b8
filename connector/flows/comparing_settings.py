"""Two documents of settings compared path by path; one given away as a file, and taken in again. Pure.

Rows of the mapping are known by their pair of fields, exceptions of activity rules by what they are about: a row that
was moved has not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from connector.installation_settings import InstallationSettings

Path = tuple[str, ...]

#: Whoever knows the address that alerts are sent to can send there too.
SECRET = (("alerts", "webhook"),)
#: Stands for a part of the document as a whole, such as a row that was added.
PRESENT = "•"
#: What tells the rows of a list apart.
_KNOWN_BY = (("centre", "pipedrive"), ("direction", "result", "kind", "queue", "campaign"))


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs: texts of both, empty where there is none."""

    path: Path
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What a document is refused for: where, and in English."""

    path: Path
    reason: str


def compare(before: InstallationSettings, after: InstallationSettings) -> list[Change]:
    """What differs, in the order of the document."""
    was, now = _flat(before.model_dump(mode="json")), _flat(after.model_dump(mode="json"))
    paths = list(dict.fromkeys([*was, *now]))
    changes = [Change(path, was.get(path, ""), now.get(path, "")) for path in paths]
    return [change for change in changes if change.before != change.after]


def export(settings: InstallationSettings) -> bytes:
    """The document as a file, without what opens a door: see `SECRET`."""
    document: dict[str, object] = settings.model_dump(mode="json")
    for *parts, last in SECRET:
        _part(document, parts).pop(last, None)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def take_in(document: str | bytes, now: InstallationSettings) -> InstallationSettings | list[Refused]:
    """Read a document; what is wrong with it where it cannot be taken. What an export leaves out stays as it is `now`."""
    try:
        raw = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        return [Refused((), f"line {error.lineno}: {error.msg}")]
    if not isinstance(raw, dict):
        return [Refused((), "the document is no object")]
    kept: dict[str, object] = now.model_dump(mode="json")
    for *parts, last in SECRET:
        if (value := _part(kept, parts).get(last)) is not None:
            _part(raw, parts).setdefault(last, value)
    try:
        return InstallationSettings.model_validate(raw)
    except ValidationError as error:
        return [Refused(tuple(map(str, one["loc"])), one["msg"]) for one in error.errors(include_url=False)]


def _part(document: dict[str, object], parts: Sequence[str]) -> dict[str, object]:
    """A part of a document, made where it is missing; a stray one where something else stands in its place."""
    for name in parts:
        part = document.setdefault(name, {})
        document = part if isinstance(part, dict) else {}
    return document


def _flat(value: object, path: Path = ()) -> dict[Path, str]:
    """Every value of a document by its path, in one text each; what a part is empty of is left out."""
    if isinstance(value, Mapping) and value:
        found = {path: PRESENT} if path else {}
        for key, one in value.items():
            found |= _flat(one, (*path, str(key)))
        return found
    if isinstance(value, Sequence) and not isinstance(value, str):
        rows = [one for one in value if isinstance(one, Mapping)]
        if not rows:
            return {path: ", ".join(map(_text, value))}
        found = {}
        for row in rows:
            found |= _flat(row, (*path, _own(row, path, found)))
        return found
    return {path: _text(value)}


def _own(row: Mapping[str, object], path: Path, found: Mapping[Path, str]) -> str:
    """What a row is known by; a second one of the same is numbered."""
    keys = next((keys for keys in _KNOWN_BY if any(key in row for key in keys)), tuple(row))
    own = " – ".join(_text(row[key]) for key in keys if row.get(key) is not None)
    twins = {where[len(path)] for where in found}
    number = 2
    name = own
    while name in twins:
        name, number = f"{own} ({number})", number + 1
    return name


def _text(value: object) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
