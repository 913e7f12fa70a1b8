"""Messages of the live line, written and read as JSON; docs/realtime.md describes them.

Times are aware UTC and become ISO 8601 with a `Z`; durations are whole seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar, Final, Literal, TypeVar, get_args

import orjson

VERSION: Final = 1
#: What both sides name in the WebSocket's subprotocols; the client names its token beside it.
SUBPROTOCOL: Final = f"connector.v{VERSION}"
BEARER: Final = "bearer."
#: The `WWW-Authenticate` with which a token is refused for good; another 401 is a proxy's, and passes.
CHALLENGE: Final = 'Bearer realm="connector"'
#: No message of a client is longer, in bytes.
LONGEST_MESSAGE: Final = 16 * 1024
MOST_CALLS: Final = 20

LONGEST_NUMBER: Final = 256
_ORDER_ID = re.compile(r"[\x21-\x7e]{1,64}")
_RECORD_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

State = Literal["dialling", "ringing_you", "ringing_them", "in_call", "ended", "failed"]
Entity = Literal["person", "organization", "deal", "lead", "activity"]
Source = Literal["link", "menu", "shortcut", "popup", "detected", "terminal"]
Farewell = Literal["revoked", "restart", "too_many"]

_Word = TypeVar("_Word", bound=str)


class Unreadable(Exception):
    """A client sent what is no message; the text says why and quotes nothing of it."""


# what both sides say


@dataclass(frozen=True, slots=True)
class Record:
    """A record of Pipedrive."""

    entity: Entity
    id: str


# what the client says


@dataclass(frozen=True, slots=True)
class Dial:
    """An agent wants to call `number`, as it was written; `id` is the client's, the same when it is sent again."""

    id: str
    number: str
    record: Record | None
    source: Source


@dataclass(frozen=True, slots=True)
class Pong:
    """The client is there."""


# what the server says


@dataclass(frozen=True, slots=True)
class OpenDeal:
    """The one open deal of a candidate."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody in Pipedrive with the number; `link` is the page there."""

    entity: Literal["person", "organization"]
    id: str
    name: str
    organization: str
    deal: OpenDeal | None
    link: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call as its agent is told it, always whole.

    `known` says that the number was looked up, whatever came of it; `new_person` is the page where one is made, or
    empty. `others` counts candidates that are not listed. `reason` is a code or empty.
    """

    id: str
    direction: Literal["out", "in"]
    state: State
    reason: str
    number: str
    number_shown: str
    record: Record | None
    candidates: tuple[Candidate, ...]
    known: bool
    new_person: str
    began_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: int | None
    link: str
    others: int = 0


@dataclass(frozen=True, slots=True)
class Agent:
    """Whose line it is; `centre` is the connection."""

    name: str
    login: str
    centre: str


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message; another `server` than before means that the service was started anew. `now` is its time."""

    type: ClassVar = "hello"
    agent: Agent
    company: str
    pipedrive: str
    pipedrive_hosts: tuple[str, ...]
    server: str
    now: datetime
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Calls:
    """The agent's newest calls, newest first."""

    type: ClassVar = "calls"
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A call is new or has changed."""

    type: ClassVar = "call"
    call: Call


@dataclass(frozen=True, slots=True)
class Dialled:
    """What became of the order `id`."""

    type: ClassVar = "dialled"
    id: str
    call: Call


@dataclass(frozen=True, slots=True)
class Refused:
    """The order `id` was not carried out."""

    type: ClassVar = "refused"
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Is the client there?"""

    type: ClassVar = "ping"


@dataclass(frozen=True, slots=True)
class Bye:
    """The server ends the line."""

    type: ClassVar = "bye"
    reason: Farewell


Message = Hello | Calls | CallChanged | Dialled | Refused | Ping | Bye


def write(message: Message) -> bytes:
    """A message of the server as JSON in UTF-8."""
    body = {field.name: getattr(message, field.name) for field in fields(message)}
    return orjson.dumps(
        {"type": message.type, **body}, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
    )


def read(text: str | bytes) -> Dial | Pong:
    """A message of the client; Unreadable when it is none. What it has beside the known keys is left aside."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unreadable("A message is a JSON object.") from None
    if not isinstance(said, dict):
        raise Unreadable("A message is a JSON object.")
    match said.get("type"):
        case "pong":
            return Pong()
        case "dial":
            return _dial(said)
        case _:
            raise Unreadable("type is dial or pong.")


def _dial(said: dict[str, object]) -> Dial:
    order, number, record = said.get("id"), said.get("number"), said.get("record")
    if not isinstance(order, str) or not _ORDER_ID.fullmatch(order):
        raise Unreadable("id is 1 to 64 visible ASCII characters.")
    if not isinstance(number, str) or not number.strip() or len(number) > LONGEST_NUMBER:
        raise Unreadable(f"number is a text of at most {LONGEST_NUMBER} characters.")
    if record is not None and not isinstance(record, dict):
        raise Unreadable("record is an object or null.")
    return Dial(
        order, number, _record(record) if record is not None else None,
        _one_of(get_args(Source), said.get("source"), "source"),
    )  # fmt: skip


def _record(said: dict[str, object]) -> Record:
    record = said.get("id")
    if not isinstance(record, str) or not _RECORD_ID.fullmatch(record):
        raise Unreadable("record.id is a text of letters, digits and hyphens.")
    return Record(_one_of(get_args(Entity), said.get("entity"), "record.entity"), record)


def _one_of(words: tuple[_Word, ...], value: object, name: str) -> _Word:
    for word in words:
        if word == value:
            return word
    raise Unreadable(f"{name} is one of: {', '.join(words)}.")
