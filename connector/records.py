"""The neutral vocabulary shared by adapters, flows and store.

Every datetime is aware UTC, every duration whole seconds, every id text. Nothing here knows a vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What happened in the contact centre; each kind has its own activity rules."""

    CALL = "call"
    CHAT = "chat"
    MESSAGE = "message"


class Direction(StrEnum):
    """Who began: the customer (inbound) or an agent (outbound)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class CallResult(StrEnum):
    """How a call ended, in the words of the contact centre's own reports."""

    ANSWERED = "answered"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, `since` included, `until` not."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who works in the contact centre; `id` is the login."""

    id: str
    name: str
    email: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the contact centre, a person unless `is_company`."""

    id: str
    first_name: str
    last_name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    company_id: str | None = None
    external_id: str | None = None
    is_company: bool = False
    owner_agent_id: str | None = None
    type: str | None = None
    group: str | None = None
    updated_at: datetime | None = None
    custom: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Company:
    """A company of the contact centre; `customer_id` is its own customer record, where it has one."""

    id: str
    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    tax_id: str | None = None
    customer_id: str | None = None
    owner_agent_id: str | None = None
    type: str | None = None
    group: str | None = None
    updated_at: datetime | None = None
    custom: Mapping[str, object] = field(default_factory=dict)


#: Fields of a customer or company to be written: `first_name`, `last_name` (a company: `name`), `phones` and `emails`
#: (whole lists), `company_id`, `external_id`, `tax_id`, `type`, `group`, `owner_agent_id`, and `custom:NAME` for a
#: special field, filled also where it is read-only. An empty text empties; what is not named stays.
Values = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call. `connection_s` runs from dialling to hanging up, `talk_s` from answer to hanging up.

    `unanswered` is `busy`, `no_answer` or `failed`, where the contact centre says why nobody talked.
    """

    id: str
    direction: Direction
    result: CallResult
    started_at: datetime
    src: str
    dst: str
    connection_s: int
    talk_s: int
    agent_id: str | None = None
    agent_name: str | None = None
    customer_id: str | None = None
    queue_id: str | None = None
    campaign: str | None = None
    topic: str | None = None
    note: str | None = None
    ticket_id: str | None = None
    unanswered: str = ""

    @property
    def customer_number(self) -> str:
        """The customer's side of the call, as dialled."""
        return self.src if self.direction is Direction.INBOUND else self.dst


@dataclass(frozen=True, slots=True)
class CallTopic:
    """What the agent wrote down about a call; both parts may come long after the call."""

    topic: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat; `text` is plain, a line a message. Open while `ended_at` is missing."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    customer_id: str | None = None
    client_name: str | None = None
    client_email: str | None = None
    agent_id: str | None = None
    queue_id: str | None = None
    source: str | None = None
    topic: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The head of a ticket; its messages are what becomes activities. `custom` are special fields, where asked for."""

    id: str
    subject: str
    created_at: datetime
    updated_at: datetime
    requester: str | None = None
    agent_id: str | None = None
    customer_id: str | None = None
    queue_id: str | None = None
    queue_name: str | None = None
    status: str | None = None
    source: str | None = None
    custom: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldItem:
    """A row of a customer's repeating group of special fields, such as one order; `values` by the field's name.

    A field without a value may be missing.
    """

    id: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a ticket to or from the customer; `text` is plain text, markup already removed."""

    id: str
    ticket: Ticket
    direction: Direction
    created_at: datetime
    sender: str | None
    agent_id: str | None
    text: str


Event = Call | Chat | Message


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event whose answer had the wrong shape: parked alone with its reason, so that all others go on."""

    kind: EventKind
    id: str
    occurred_at: datetime
    reason: str
    raw: str


class QueueKind(StrEnum):
    """What a queue takes in; ids are unique only within one kind."""

    CALL = "call"
    CHAT = "chat"
    TICKET = "ticket"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue or campaign of the contact centre."""

    id: str
    name: str
    kind: QueueKind


@dataclass(frozen=True, slots=True)
class Right:
    """Whether one right of the contact-centre account works; `needed_for` says what fails without it."""

    name: str
    works: bool
    needed_for: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """What a contact-centre webhook tells: something to read again, never the data itself.

    `customer_id` and `company_id` are whom it concerns, where it says so: a ticket's customer may be new.
    """

    kind: str
    ref: str
    at: datetime | None
    dedup_key: str
    customer_id: str | None = None
    company_id: str | None = None


class LiveKind(StrEnum):
    """What a contact centre tells of a call while it goes on."""

    RINGING = "ringing"
    AGENT_ANSWERED = "agent answered"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """News of a call that goes on, for its agent's eyes alone; numbers as they came, `tag` what `dial` was given.

    `at` is None where the contact centre does not say when. Who calls whom is told by `source` and `destination`.
    """

    kind: LiveKind
    call_id: str
    agent_id: str | None = None
    source: str = ""
    destination: str = ""
    at: datetime | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class ActivityDraft:
    """A Pipedrive activity as it shall be written.

    `note` is HTML, `due` the start in UTC; `timed` says whether time and duration are shown or the date alone.
    """

    subject: str
    type: str
    due: datetime
    note: str
    owner_id: str
    person_id: str | None
    org_id: str | None
    deal_id: str | None
    duration_s: int | None = None
    timed: bool = True
    done: bool = True
    lead_id: str | None = None
