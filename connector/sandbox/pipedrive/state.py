"""What the simulator holds: companies with their users and records, apps, grants and tokens. All in memory.

Records are dictionaries in the shape in which v2 answers them, but `custom_fields` holds only what is set.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from connector.sandbox.clock import Clock
from connector.sandbox.pipedrive.config import (
    APP_BURST,
    PERSONAL_BURST,
    PLAN_MULTIPLIER,
    SEARCH_BURST,
    App,
    Config,
)
from connector.sandbox.pipedrive.limits import Meter, Window
from connector.sandbox.wire import Object

DAILY_TOKENS = 30_000


class Table:
    """Records by id; remembers the order of change, so that what changed lately is found without a scan."""

    def __init__(self) -> None:
        """Begin empty."""
        self.records: dict[int, Object] = {}
        self.ids: list[int] = []
        self._changed: dict[int, None] = {}
        self._ordered = True  # until a record changes earlier than the one before it
        self._last = ""

    @property
    def next_id(self) -> int:
        """The id of the next record."""
        return self.ids[-1] + 1 if self.ids else 1

    def add(self, record: Object) -> None:
        """Keep a new record."""
        self.records[record["id"]] = record
        if self.ids and record["id"] < self.ids[-1]:
            raise ValueError("ids only grow")
        self.ids.append(record["id"])
        self.touch(record)

    def touch(self, record: Object) -> None:
        """Note that a record changed at its `update_time`."""
        self._changed.pop(record["id"], None)
        self._changed[record["id"]] = None
        self._ordered = self._ordered and record["update_time"] >= self._last
        self._last = record["update_time"]

    def drop(self, record_id: int) -> None:
        """Forget a record for good."""
        del self.records[record_id]
        self.ids.remove(record_id)
        self._changed.pop(record_id, None)

    def after(self, record_id: int) -> Iterator[Object]:
        """Records with a larger id, in order of id."""
        for index in range(bisect_right(self.ids, record_id), len(self.ids)):
            yield self.records[self.ids[index]]

    def changed_since(self, time: str) -> Iterator[Object]:
        """Records whose `update_time` is not before `time`, in no order."""
        if not self._ordered:
            yield from (record for record in self.records.values() if record["update_time"] >= time)
            return
        for record_id in reversed(self._changed):
            record = self.records[record_id]
            if record["update_time"] < time:
                return
            yield record


@dataclass(slots=True)
class User:
    """A user of one company; `id` is unique among all companies."""

    id: int
    company_id: int
    name: str
    email: str
    admin: bool = False
    active: bool = True
    api_token: str = ""
    timezone: str = "Europe/Warsaw"
    locale: str = "pl_PL"
    phone: str | None = None
    created: str = "2024-01-15 08:00:00"


@dataclass(slots=True)
class Hook:
    """A webhook and the state of its delivery; `app` is the client id of the app that made it, if one did."""

    id: int
    record: Object
    user_id: int
    app: str | None
    added: datetime
    failed_first_attempts: int = 0
    banned_until: datetime | None = None
    last_success: datetime | None = None


@dataclass(slots=True)
class Company:
    """A company: its plan, users and records. `caps` holds plan limits (`open_deals`, `custom_fields`).

    `phone_format` says whether numbers are kept as they were `typed` or are `spaced` when written, `long_names` whether
    names of more than 255 characters are `cut` or `refused`: the vendor documents neither.
    """

    id: int
    name: str
    domain: str
    plan: str
    currency: str = "PLN"
    api_domain: str | None = None
    seats: int | None = None
    open: bool = True
    callto: str = "callto:[number]"
    contact_sync: bool = False
    phone_format: str = "typed"
    long_names: str = "cut"
    caps: dict[str, int] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    activities: Table = field(default_factory=Table)
    persons: Table = field(default_factory=Table)
    organizations: Table = field(default_factory=Table)
    deals: Table = field(default_factory=Table)
    pipelines: Table = field(default_factory=Table)
    stages: Table = field(default_factory=Table)
    activity_types: dict[int, Object] = field(default_factory=dict)
    fields: dict[str, dict[str, Object]] = field(default_factory=dict)
    empty_fields: dict[str, dict[str, None]] = field(default_factory=dict)
    option_ids: Iterator[int] = field(default_factory=lambda: count(1))
    merged: dict[str, dict[int, int]] = field(default_factory=dict)
    attendees: dict[int, list[Object]] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)

    def table(self, entity: str) -> Table:
        """The records of `person`, `organization`, `deal`, `activity`, `pipeline` or `stage`."""
        tables = {
            "person": self.persons,
            "organization": self.organizations,
            "deal": self.deals,
            "activity": self.activities,
            "pipeline": self.pipelines,
            "stage": self.stages,
        }
        return tables[entity]

    @property
    def daily_tokens(self) -> int:
        """The budget of a day: a plan's share for every seat."""
        seats = self.seats or sum(user.active for user in self.users.values())
        return DAILY_TOKENS * PLAN_MULTIPLIER[self.plan] * seats

    def admins(self) -> list[User]:
        """Active administrators."""
        return [user for user in self.users.values() if user.admin and user.active]


@dataclass(frozen=True, slots=True)
class Event:
    """A record was created, changed or deleted. `before` and `after` are the record (None: there was or is none).

    `source` is `api` or `app`, the latter being a person in Pipedrive's own pages.
    """

    company: Company
    entity: str
    action: str
    before: Object | None
    after: Object | None
    user: User
    source: str
    merged_to: int | None = None
    merged_from: int | None = None


@dataclass(slots=True)
class Grant:
    """An app installed by a user; `callback` is where an uninstall is told."""

    app: App
    company: Company
    user: User
    refresh_token: str
    callback: str
    refreshed: datetime


@dataclass(slots=True)
class Access:
    """What a token opens. A personal token has no app, every right of its user and no end."""

    company: Company
    user: User
    burst: Window
    search: Window
    app: App | None = None
    scopes: frozenset[str] | None = None
    expires: datetime | None = None


@dataclass(slots=True)
class Code:
    """An authorisation code that waits to be exchanged."""

    app: App
    user: User
    redirect_uri: str
    expires: datetime


class World:
    """Everything that one simulator holds."""

    def __init__(self, config: Config) -> None:
        """Begin empty; companies come from `seeding`."""
        self.config = config
        self.clock = Clock()
        self.companies: dict[int, Company] = {}
        self.apps = {app.client_id: replace(app) for app in config.apps}
        self.codes: dict[str, Code] = {}
        self.grants: dict[str, Grant] = {}
        self.access: dict[str, Access] = {}
        self.personal: dict[str, Access] = {}
        self.company_ids = count(8_087_001)
        self.user_ids = count(12_415_001)
        self.hook_ids = count(4_710_001)
        self.publish: Callable[[Event], None] = lambda _event: None
        self._stamped = (0, "")
        self._windows: dict[tuple[int, str], tuple[Window, Window]] = {}

    def user(self, user_id: int) -> tuple[Company, User] | None:
        """Find a user of any company."""
        for company in self.companies.values():
            if user_id in company.users:
                return company, company.users[user_id]
        return None

    def windows(self, company: Company, user: User, app: App | None) -> tuple[Window, Window]:
        """The burst windows that all tokens of one user in one app share: for searches, for the rest."""
        key = (user.id, app.client_id if app else "")
        if key not in self._windows:
            limit = (APP_BURST if app else PERSONAL_BURST)[company.plan]
            self._windows[key] = (Window(SEARCH_BURST), Window(limit))
        return self._windows[key]

    def stamp(self) -> str:
        """Now, as v2 writes it: RFC 3339 with whole seconds."""
        now = self.clock.now()
        if (second := int(now.timestamp())) != self._stamped[0]:
            self._stamped = (second, stamp(now))
        return self._stamped[1]


def stamp(time: datetime) -> str:
    """Write a time as v2 does."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def v1_time(time: datetime | str) -> str:
    """Write a time, or what v2 writes, as v1 does."""
    if isinstance(time, str):
        return time.removesuffix("Z").replace("T", " ")
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
