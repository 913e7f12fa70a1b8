"""Everything a flow needs of one installation, put together by `app.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import structlog

from connector.centres.port import ContactCentre
from connector.clock import Clock
from connector.errors import ConnectorError, Forbidden
from connector.flows.rendering import Translate
from connector.flows.rules import People, not_active
from connector.installation_settings import InstallationSettings
from connector.phone import Phones
from connector.pipedrive.budget import Budget, Lane
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.records import ActivityType, Deal, Organization, Person, User
from connector.pipedrive.records import Field as CrmField
from connector.records import Agent, QueueKind
from connector.settings import Settings
from connector.store.audit import Audit
from connector.store.bindings import Bindings
from connector.store.cards import Cards
from connector.store.changes import Changes
from connector.store.creations import Creations
from connector.store.deals import Deals
from connector.store.dirty import Dirty
from connector.store.doubts import Doubts
from connector.store.erasures import Erasures
from connector.store.index import Entity, Index
from connector.store.installations import Installed
from connector.store.ledger import Ledger
from connector.store.live_calls import LiveCalls
from connector.store.loads import Loads
from connector.store.questions import Questions
from connector.store.suppressed import Suppressed

if TYPE_CHECKING:
    from connector.flows.deals.catalogue import Catalogue

log = structlog.get_logger()

#: So long users, types and agents are taken as they were read.
FRESH_FOR = timedelta(hours=24)
_LEAST_AGE = timedelta(minutes=1)
_STRANGERS_EVERY = timedelta(minutes=10)
_MOST_FRESH = 1000
#: Where Pipedrive shows what has no page by its own name.
_PAGES = {"lead": "leads/inbox", "activity": "activities"}


@dataclass(frozen=True, slots=True)
class Centre:
    """A connected contact centre; nothing that happened before `since` is read without being asked for.

    `note` keeps the reason why it cannot be read, or an empty text.
    """

    id: str
    api: ContactCentre
    since: datetime
    note: Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class Directory:
    """Agents, users, types, queues and topics, read when first needed, again after a day, and agents when one is new.

    `unread` are the contact centres whose agents could not be read so far: whose their activities are cannot be told.
    `agents_of` says when those of each contact centre were last read.
    """

    people: People = field(default_factory=People)
    types: Sequence[ActivityType] = ()
    unread: frozenset[str] = frozenset()
    queues: Mapping[tuple[str, QueueKind, str], str] = field(default_factory=dict)
    read_at: datetime | None = None
    agents_at: datetime | None = None
    agents_of: dict[str, datetime] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Contacts:
    """What this process keeps in mind while it keeps customers and companies in step.

    `locks` hold one pair or record each, `making` all that could become two records of one; `fresh` are records that a
    webhook has just had us read; `fields` are Pipedrive's, as last read, and `fields_refused_at` says when some could not be made, `special` names of the contact centres'; `whose` is what persons were asked, see there.
    """

    locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    fresh: dict[tuple[Entity, str], tuple[datetime, Person | Organization]] = field(default_factory=dict)
    fields: dict[Entity, tuple[datetime, list[CrmField]]] = field(default_factory=dict)
    fields_refused_at: datetime | None = None
    special: dict[Entity, tuple[datetime, list[str]]] = field(default_factory=dict)
    scanning: asyncio.Lock = field(default_factory=asyncio.Lock)
    whose: Mapping[str, Mapping[str, object] | None] = field(default_factory=dict)
    whose_at: datetime | None = None

    def lock(self, entity: str, record_id: str) -> asyncio.Lock:
        """The lock of one pair, known by its record in the contact centre, or of a record that has no pair yet."""
        return self.locks.setdefault((entity, record_id), asyncio.Lock())

    def remember(self, entity: Entity, record: Person | Organization, at: datetime) -> None:
        """Keep a record that was just read for whoever works on it next."""
        if len(self.fresh) >= _MOST_FRESH:
            self.fresh.clear()
        self.fresh[entity, record.id] = (at, record)


@dataclass(slots=True)
class DealsAtHand:
    """What this process keeps in mind of deals: pipelines, stages and users, and lists of customers' deals, each with its time.

    `asked_at` and `failed_at` say when the catalogue was last asked for, and when it could last not be read.
    Lists are kept by the record in Pipedrive whose deals they are; `locks` let one reader at a time ask for each. `met`
    says when a deal was last seen, `unmarked` which fields for markers Pipedrive no longer has. `marker` is the field that
    was found or made for them while the settings name none, `markable_from` when that may be tried again. `changed` are
    deals that cards shall show as they were just read, or no longer (None), by customer and deal; `lists_left` are lists
    that wait for those, each with the id it has come to.
    """

    catalogue: tuple[datetime, Catalogue] | None = None
    asked_at: datetime | None = None
    failed_at: datetime | None = None
    lists: dict[tuple[str, str], tuple[datetime, list[Deal]]] = field(default_factory=dict)
    met: dict[str, datetime] = field(default_factory=dict)
    unmarked: set[str] = field(default_factory=set)
    marker: str | None = None
    markable_from: datetime | None = None
    changed: dict[str, dict[str, Deal | None]] = field(default_factory=dict)
    lists_left: dict[str, tuple[int, AsyncIterator[Sequence[Deal]]]] = field(default_factory=dict)
    locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def lock(self, entity: str, record_id: str) -> asyncio.Lock:
        """The lock of the list of one record, of the catalogue, or of the field for markers."""
        return self.locks.setdefault((entity, record_id), asyncio.Lock())

    def read_anew(self) -> None:
        """Forget what another user of Pipedrive, or other settings, may show otherwise; what cards wait for stays."""
        self.catalogue = self.failed_at = self.markable_from = None
        self.lists.clear()
        self.unmarked.clear()
        self.lists_left.clear()

    def remember(self, whose: tuple[str, str], deals: list[Deal], at: datetime) -> None:
        """Keep a list of deals as it was asked for at that time."""
        if len(self.lists) >= _MOST_FRESH or len(self.met) >= _MOST_FRESH:
            self.lists.clear()
            self.met.clear()
        self.lists[whose] = (at, deals)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One installation with its clients and its part of the store, in the hands of the run `run_id` if it is one that asks."""

    installed: Installed
    pipedrive: Pipedrive
    centres: Mapping[str, Centre]
    ledger: Ledger
    doubts: Doubts
    index: Index
    bindings: Bindings
    dirty: Dirty
    creations: Creations
    deals: Deals
    changes: Changes
    questions: Questions
    cards: Cards
    loads: Loads
    audit: Audit
    erasures: Erasures
    suppressed: Suppressed
    live_calls: LiveCalls
    phones: Phones
    translate: Translate
    clock: Clock
    service: Settings
    directory: Directory
    sweep_every: timedelta
    run_id: int | None = None
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    contacts: Contacts = field(default_factory=Contacts)
    deals_at_hand: DealsAtHand = field(default_factory=DealsAtHand)

    @property
    def id(self) -> str:
        """The installation's id."""
        return self.installed.id

    @property
    def settings(self) -> InstallationSettings:
        """What the admin set."""
        return self.installed.settings

    def page(self, path: str) -> str:
        """The address of a page of the company in Pipedrive, such as `persons/list`."""
        return f"{self.service.pipedrive_url.replace('{domain}', self.installed.domain)}/{path}"

    def record_page(self, entity: str, record_id: str) -> str:
        """Where a person, organization, deal, lead or activity is looked at in Pipedrive."""
        return self.page(f"{_PAGES.get(entity, entity)}/{record_id}")

    @property
    def ignored(self) -> frozenset[str]:
        """Own lines and private numbers: calls with them are nobody's."""
        return frozenset(key for raw in self.settings.ignored_numbers for key in self.phones.keys(raw))

    def paying(self, lane: Lane, budget: Budget) -> Tenant:
        """The same, but whatever is asked of Pipedrive, reads too, is paid from `budget`."""
        return replace(self, pipedrive=self.pipedrive.on(lane, budget))

    async def whose(self, *, older_than: timedelta = _LEAST_AGE) -> Mapping[str, Mapping[str, object] | None]:
        """Numbers and addresses that a person was asked about, by their keys, with what was decided of them.

        Read anew when it is `older_than` that: somebody may decide in another process.
        """
        contacts, now = self.contacts, self.clock.now()
        if contacts.whose_at is None or now - contacts.whose_at >= older_than:
            contacts.whose, contacts.whose_at = await self.questions.about_subjects(), now
        return contacts.whose

    async def people(self, *, older_than: timedelta = FRESH_FOR) -> Directory:
        """The directory, read anew when it is `older_than` that (at most once a minute)."""
        directory = self.directory
        async with directory.reading:
            now = self.clock.now()
            wanted = timedelta() if directory.unread else older_than
            if directory.read_at is None or now - directory.read_at > max(wanted, _LEAST_AGE):
                await self._read_directory(directory)
                directory.read_at = directory.agents_at = now
                await self._retry_types(directory.people.active_types)
        return directory

    async def meet(self, logins: Set[tuple[str, str]]) -> None:
        """Read agents again where one of these (contact centre, login) is not known, at most once in ten minutes.

        Users (20 tokens) are read again only where a new agent is none that we know.
        """
        directory = self.directory
        async with directory.reading:
            now, people = self.clock.now(), directory.people
            strangers = logins - people.agents.keys()
            if not strangers or (directory.agents_at and now - directory.agents_at < _STRANGERS_EVERY):
                return
            agents, read = people.agents, dict[str, datetime]()
            for connection in {connection for connection, _ in strangers} & self.centres.keys():
                with suppress(ConnectorError):  # said when the directory is read as a whole
                    agents = await self._with_agents(agents, self.centres[connection])
                    read[connection] = now
            people = replace(people, agents=agents)
            new = {(agents[stranger].email or "").casefold() for stranger in strangers & agents.keys()}
            if new - people.users_by_email.keys() - {""}:
                people = _with_users(people, await self.pipedrive.users())
            directory.people, directory.agents_at = people, now
            directory.agents_of |= read

    async def _retry_types(self, active: frozenset[str]) -> None:
        """Have events decided again that were parked because their activity type was not active."""
        if parked := await self.doubts.parked([not_active(kind) for kind in active]):
            await self.ledger.retry_parked(parked)

    async def _read_directory(self, directory: Directory) -> None:
        users = await self.pipedrive.users()
        types = await self.pipedrive.activity_types()
        agents, queues = directory.people.agents, dict(directory.queues)
        known = {connection for connection, _ in agents}
        unread, read = set[str](), dict[str, datetime]()
        for centre in self.centres.values():
            try:
                at = self.clock.now()
                agents = await self._with_agents(agents, centre)
                read[centre.id] = at
                queues |= {
                    (centre.id, queue.kind, queue.id): queue.name for queue in await centre.api.queues()
                }
            except Forbidden:
                # The account may not see agents: the owner is found without them.
                continue
            except ConnectorError as error:
                log.warning("agents not read", installation=self.id, connection=centre.id, error=str(error))
                if centre.id not in known:
                    unread.add(centre.id)
        directory.queues, directory.unread = queues, frozenset(unread)
        directory.types = types
        people = People(
            agents=agents,
            active_types=frozenset(kind.key for kind in types if kind.active),
            owner_user_id=self.installed.owner_user_id,
        )
        directory.people = _with_users(people, users)
        directory.agents_of |= read

    async def _with_agents(
        self, known: Mapping[tuple[str, str], Agent], centre: Centre
    ) -> dict[tuple[str, str], Agent]:
        """The known agents with those of one contact centre as they are now: who is gone there is gone here."""
        elsewhere = {key: agent for key, agent in known.items() if key[0] != centre.id}
        return elsewhere | {(centre.id, agent.id): agent for agent in await centre.api.agents()}


def _with_users(people: People, users: Sequence[User]) -> People:
    active = [user for user in users if user.active]
    return replace(
        people,
        users_by_email={user.email.casefold(): user.id for user in active if user.email},
        active_users=frozenset(user.id for user in active),
        admin_users=frozenset(user.id for user in active if user.is_admin),
    )


#: Answers the installations as they are set up now.
Tenants = Callable[[], Awaitable[list[Tenant]]]
