"""What works and what does not, asked of both vendors; a call that fails is a finding and hides no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from connector.errors import ConnectorError
from connector.flows.contacts.linking import IN_PIPEDRIVE
from connector.flows.contacts.standing import amiss
from connector.flows.installing import can_receive_hooks
from connector.flows.rules import nobodies, types_of
from connector.flows.tenant import Directory, Tenant
from connector.installation_settings import SpecialFields
from connector.store.index import OF_PIPEDRIVE

T = TypeVar("T")

NO_ADDRESS = "no public https address: the index lives on sweeps alone"
#: Of a special field.
DELETED = "Pipedrive no longer has this field; choose another, or have it made"
#: Each of these is needed, or one of those that Pipedrive offers in its place.
_SCOPES = (
    ("activities:full",), ("contacts:full",), ("deals:full",), ("users:read",), ("webhooks:full", "admin"),
)  # fmt: skip
#: Times of events and of changes are compared, so that clocks may not go apart.
_APART = timedelta(minutes=2)


class Area(StrEnum):
    """What is looked at."""

    ACCESS = "access"
    SCOPES = "scopes"
    TYPES = "types"
    HOOKS = "hooks"
    RIGHTS = "rights"
    SPECIAL_FIELDS = "special_fields"
    CONTACTS = "contacts"
    AGENTS = "agents"
    CLOCK = "clock"


@dataclass(slots=True)
class Check:
    """What was found, and what of it is amiss by its area, each in a sentence."""

    found: dict[str, object] = field(default_factory=dict)
    amiss: list[tuple[Area, str]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All that is amiss."""
        return [sentence for _, sentence in self.amiss]

    @property
    def failed(self) -> list[Area]:
        """The areas in which something is amiss, each once."""
        return list(dict.fromkeys(area for area, _ in self.amiss))

    def tell(self, area: Area, sentences: Iterable[str]) -> None:
        """Add what is amiss."""
        self.amiss += [(area, sentence) for sentence in sentences]

    async def tried(self, area: Area, what: str, call: Awaitable[T]) -> T | None:
        """The answer of `call`; None when it fails, which is a problem with `what`."""
        try:
            return await call
        except ConnectorError as error:
            self.tell(area, [f"{what}: {error}"])
            return None


async def check(tenant: Tenant, hooks: Mapping[str, str], scopes: Iterable[str] = ()) -> Check:
    """Call both vendors; `hooks` are the webhooks that we made, by entity.

    `scopes` are what Pipedrive allowed; none are known of a personal token, which may do what its user may.
    """
    result = Check()
    me = await result.tried(Area.ACCESS, "the user of the sync", tenant.pipedrive.me())
    result.tell(Area.SCOPES, _scopes_missing(frozenset(scopes)))
    if me is not None:
        result.tell(Area.CLOCK, _clock_off(tenant))
    types = await result.tried(Area.TYPES, "activity types", tenant.pipedrive.activity_types())
    if types is not None:
        active = {kind.key for kind in types if kind.active}
        wanted = sorted(types_of(tenant.settings) - active)
        result.tell(Area.TYPES, [f"activity type {kind!r} is not active in Pipedrive" for kind in wanted])
        result.found["types"] = sorted(active)
    await _webhooks(result, tenant, hooks)
    rights = {
        centre.id: await result.tried(Area.RIGHTS, centre.id, centre.api.check())
        for centre in tenant.centres.values()
    }
    for centre_id, found in rights.items():
        lost = [right for right in found or () if not right.works]
        result.tell(Area.RIGHTS, [f"{centre_id}: {one.name} does not work: {one.needed_for}" for one in lost])
    await _special_fields(result, tenant)
    result.tell(Area.CONTACTS, await amiss(tenant))
    directory = await result.tried(Area.AGENTS, "users and agents", tenant.people())
    without: list[str] | None = None
    if directory is not None:
        result.tell(Area.AGENTS, nobodies(tenant.settings, directory.people))
        without = _without_user(tenant, directory)
        if without and tenant.settings.fallback_owner is None:
            said = f"agents without a Pipedrive user, and no fallback owner: {len(without)}"
            result.tell(Area.AGENTS, [said])
    result.found |= {
        "installation": tenant.id,
        "company": me.company_name if me else tenant.installed.name,
        "user": me.user_id if me else tenant.installed.owner_user_id,
        "admin": me.is_admin if me else None,
        "webhooks": dict(hooks),
        "centres": {one: [asdict(right) for right in found or ()] for one, found in rights.items()},
        "agents_without_user": without,
        "index": await tenant.index.size(),
        "ledger": await tenant.ledger.counts(),
        "contacts": tenant.settings.contacts.sync,
    }
    return result


async def _webhooks(result: Check, tenant: Tenant, hooks: Mapping[str, str]) -> None:
    if not can_receive_hooks(tenant):
        result.tell(Area.HOOKS, [NO_ADDRESS])
        return
    listed = await result.tried(Area.HOOKS, "webhooks", tenant.pipedrive.webhooks())
    if listed is None:
        return
    there = {hook.id for hook in listed if hook.active}
    address = f"/hooks/pipedrive/{tenant.installed.hook_path}"
    ours = Counter(hook.object for hook in listed if hook.active and hook.url.endswith(address))
    for entity in OF_PIPEDRIVE:
        if hooks.get(entity) not in there:
            result.tell(Area.HOOKS, [f"webhook of {entity} is missing"])
        elif ours[entity] > 1:
            result.tell(Area.HOOKS, [f"webhook of {entity} is there {ours[entity]} times"])


def special_lists(fields: SpecialFields) -> list[str]:
    """Of what in Pipedrive the fields have to be read to see whether the special ones are there."""
    named = (entity for name, (entity, _) in IN_PIPEDRIVE.items() if getattr(fields, name) is not None)
    return list(dict.fromkeys(named))


async def _special_fields(result: Check, tenant: Tenant) -> None:
    """Those that the settings name and that Pipedrive no longer has (10 tokens a list).

    The contact centre has no list of its own.
    """
    chosen = tenant.settings.special_fields
    for entity in special_lists(chosen):
        fields = await result.tried(
            Area.SPECIAL_FIELDS, f"fields of {entity}", tenant.pipedrive.fields(entity)
        )
        if fields is None:
            continue
        there = {None, *(field.code for field in fields)}
        gone = [name for name, (home, _) in IN_PIPEDRIVE.items()
                if home == entity and getattr(chosen, name) not in there]  # fmt: skip
        result.tell(Area.SPECIAL_FIELDS, [f"special_fields.{name}: {DELETED}" for name in gone])


def _scopes_missing(scopes: frozenset[str]) -> list[str]:
    if not scopes:
        return []
    missing = [ways[0] for ways in _SCOPES if not scopes & frozenset(ways)]
    return [f"scope {one} is missing: add it to the app in Pipedrive and connect again" for one in missing]


def _clock_off(tenant: Tenant) -> list[str]:
    """Whether our clock is right by Pipedrive's, as its latest answer told it."""
    theirs = tenant.pipedrive.server_now()
    apart = abs(tenant.clock.now() - theirs) if theirs is not None else timedelta()
    if apart <= _APART:
        return []
    seconds = round(apart.total_seconds())
    return [f"the clock of the connector's machine is {seconds} s off Pipedrive's: have it set by NTP"]


def _without_user(tenant: Tenant, directory: Directory) -> list[str]:
    return sorted(
        f"{connection}/{agent.id}"
        for (connection, _), agent in directory.people.agents.items()
        if agent.active
        and agent.id not in tenant.settings.agent_users
        and (agent.email or "").casefold() not in directory.people.users_by_email
    )
