"""What one simulated system holds, in memory: directory, customers, calls, tickets and chats."""

from __future__ import annotations

import random
import sys
import zlib
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from connector.sandbox.clock import Clock
from connector.sandbox.thulium.external_crm import ExternalCrm
from connector.sandbox.thulium.phones import Engine, LiveCall, Timers
from connector.sandbox.thulium.switches import Switches

Item = TypeVar("Item")


class Timeline(Generic[Item]):
    """Items in the order of their local time text: the order, and the blind spot at DST, of a wall-clock column."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: list[tuple[str, int, Item]] = []

    def add(self, key: str, n: int, item: Item) -> None:
        """Put an item at its time; `n` orders items of one time."""
        insort(self._rows, (key, n, item))

    def remove(self, key: str, n: int) -> None:
        """Take out the item put at this time with this number."""
        del self._rows[bisect_left(self._rows, (key, n))]

    def between(self, low: str | None, high: str | None, *, inclusive: bool) -> Sequence[Item]:
        """Items of a span, newest first."""
        first = bisect_left(self._rows, (low,)) if low else 0
        end = (high, sys.maxsize) if high and inclusive else (high,)
        last = bisect_left(self._rows, end) if high else len(self._rows)
        return [row[2] for row in reversed(self._rows[first:last])]

    def __len__(self) -> int:
        """How many items there are."""
        return len(self._rows)


@dataclass(slots=True)
class ApiUser:
    """An API user; rights map an element (`customers`, `connections/:id/topic`, `*`) to methods, `*` = all."""

    login: str
    password: str
    rights: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"*": ("*",)})

    def may(self, method: str, element: str) -> bool:
        """Whether the user has the right: the exact element counts, else its group, else `*`."""
        for name in (element, element.split("/", 1)[0], "*"):
            if name in self.rights:
                return method in self.rights[name] or "*" in self.rights[name]
        return False


@dataclass(slots=True)
class Agent:
    """A person who works in the contact centre."""

    agent_id: int
    login: str
    name: str
    surname: str
    email: str = ""
    active: bool = True
    number: str = ""
    status: str = "AVAILABLE"
    outbounds: tuple[str, ...] = ("00001",)

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.name} {self.surname}".strip()


@dataclass(slots=True)
class SpecialField:
    """A special field of customers or of tickets, known by its display name."""

    name: str
    type: str = "text"
    read_only: bool = False


@dataclass(slots=True)
class Customer:
    """A customer's card; `details` holds the rarer writable keys as they were sent."""

    customer_id: int
    surname: str
    updated_at: datetime
    name: str = ""
    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    company_id: int | None = None
    identifier: str = ""
    type: str = ""
    group: str = ""
    company_flag: bool = False
    account_manager: str = ""
    custom_fields: dict[str, object] = field(default_factory=dict)
    details: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """First and last name, or the company's name."""
        return f"{self.name} {self.surname}".strip()


@dataclass(slots=True)
class Company:
    """A company; its card is a customer record of its own, which holds name, numbers and fields."""

    company_id: int
    card: Customer


@dataclass(slots=True)
class Call:
    """A finished call."""

    n: int
    connection_id: str
    started_at: datetime
    local: str
    inbound: bool
    src: str
    dst: str
    disposition: str
    duration: int
    billsec: int
    user_login: str
    queue_id: int | None
    customer_id: int | None
    topic_id: int | None = None
    comment: str = ""
    topic_agent: str = ""
    topic_fields: list[dict[str, object]] = field(default_factory=list)
    ticket_id: int | None = None
    outbound_id: str = ""
    tags: tuple[str, ...] = ()
    transferred_to: str = ""
    ended_by: str = ""

    @property
    def filename(self) -> str:
        """The recording's file; answered calls are recorded."""
        return f"{self.connection_id}.mp3" if self.disposition == "ANSWERED" else ""

    @property
    def customer_number(self) -> str:
        """The customer's side, as dialled."""
        return self.src if self.inbound else self.dst


@dataclass(slots=True)
class Message:
    """One message of a ticket: MAIL from the customer, REPLY to the customer, COMMENT inside."""

    message_id: int
    type: str
    created_at: datetime
    body: str = ""
    user_login: str = ""
    comment: str = ""
    system_comment: str = ""
    attachments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ticket:
    """A ticket with its messages, oldest first; `key` is its place among modifications."""

    ticket_id: int
    sender: str
    subject: str
    created_at: datetime
    updated_at: datetime
    key: str = ""
    to: str = ""
    source: str = "email"
    queue_id: int | None = None
    status_id: int = 1
    substatus_id: int | None = None
    category_id: int | None = None
    customer_id: int | None = None
    user_login: str = ""
    closed_at: datetime | None = None
    tags: tuple[str, ...] = ()
    custom_fields: dict[str, object] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


@dataclass(slots=True)
class ChatMessage:
    """One line of a chat; `sent_by` is CLIENT, AGENT or SYSTEM."""

    sent_by: str
    text: str
    created_at: datetime


@dataclass(slots=True)
class Chat:
    """A chat; CREATED by the client, IN_PROGRESS with an agent, CLOSED."""

    n: int
    conversation_id: str
    created_at: datetime
    queue_id: int | None
    client_name: str = ""
    client_email: str = ""
    customer_id: int | None = None
    user_login: str = ""
    status: str = "CREATED"
    closed_at: datetime | None = None
    source: str = "Widget"
    topic: str = ""
    messages: list[ChatMessage] = field(default_factory=list)
    client_data: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Subscription:
    """A webhook: which actions go where."""

    id: int
    actions: tuple[str, ...]
    url: str
    user: str = ""
    password: str = ""


@dataclass(slots=True)
class Dialled:
    """A click-to-call, kept for inspection."""

    at: datetime
    who: str
    number: str
    customer_id: int | None = None
    custom_data: str = ""


@dataclass(slots=True)
class FieldGroup:
    """A repeating group of customers' special fields, such as Orders: names of its fields by their ids."""

    id: int
    name: str
    fields: dict[int, str]


@dataclass(slots=True)
class FieldItem:
    """A row of a repeating group: values by the field's id."""

    id: int
    group_id: int
    customer_id: int
    values: dict[int, object]


@dataclass
class System:
    """One customer's system: everything the API serves, plus what it was asked to do."""

    name: str
    clock: Clock
    zone: ZoneInfo
    users: dict[str, ApiUser]
    emit: Callable[[System, str, Mapping[str, object]], None]
    later: Callable[[float, Callable[[], object]], None]
    switches: Switches = field(default_factory=Switches)
    external_crm: ExternalCrm = field(default_factory=ExternalCrm)
    agents: dict[str, Agent] = field(default_factory=dict)
    queues: dict[int, str] = field(default_factory=dict)
    chat_queues: dict[int, str] = field(default_factory=dict)
    ticket_queues: dict[int, str] = field(default_factory=dict)
    outbounds: dict[str, str] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    ticket_statuses: dict[int, str] = field(default_factory=dict)
    ticket_categories: dict[int, str] = field(default_factory=dict)
    field_groups: dict[int, FieldGroup] = field(default_factory=dict)
    mailboxes: list[str] = field(default_factory=list)
    customer_fields: dict[str, SpecialField] = field(default_factory=dict)
    ticket_fields: dict[str, SpecialField] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    companies: dict[int, Company] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    calls_by_date: Timeline[Call] = field(default_factory=Timeline)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    tickets_by_change: Timeline[Ticket] = field(default_factory=Timeline)
    chats: dict[str, Chat] = field(default_factory=dict)
    chats_by_start: Timeline[Chat] = field(default_factory=Timeline)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    live: dict[str, LiveCall] = field(default_factory=dict)
    """Calls that go on, by connection id, the latest last."""
    field_items: dict[int, FieldItem] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Ids of calls, chats and messages whose rows come in a wrong shape."""
    dialled: list[Dialled] = field(default_factory=list)
    deliveries: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=10_000))
    numbers: count[int] = field(default_factory=lambda: count(1))
    last_ids: dict[str, int] = field(default_factory=dict)
    chance: random.Random = field(init=False)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        """Seed the system's own chance by its name, so that runs repeat, and take the phones that come with it."""
        self.chance = random.Random(zlib.crc32(self.name.encode()))
        self.engine = Timers(self.switches, self.later)

    def new_id(self, kind: str, wanted: int | None = None) -> int:
        """The next id of a kind, or the wanted one; an id that was ever given is not given again by itself."""
        last = self.last_ids.get(kind, 0)
        ref = wanted or last + 1
        self.last_ids[kind] = max(ref, last)
        return ref

    def now(self) -> datetime:
        """The simulated time, aware UTC."""
        return self.clock.now()
