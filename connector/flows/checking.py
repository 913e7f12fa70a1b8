"""What works and what does not, asked of both vendors; a call that fails is a finding and hides no other."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from connector.errors import ConnectorError
from connector.flows.contacts.standing import amiss
from connector.flows.installing import can_receive_hooks
from connector.flows.rules import nobodies, types_of
from connector.flows.tenant import Directory, Tenant
from connector.store.index import OF_PIPEDRIVE

T = TypeVar("T")


@dataclass(slots=True)
class Check:
    """What was found, and what of it is amiss, each in a sentence."""

    found: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    async def tried(self, what: str, call: Awaitable[T]) -> T | None:
        """The answer of `call`; None when it fails, which is a problem with `what`."""
        try:
            return await call
        except ConnectorError as error:
            self.problems.append(f"{what}: {error}")
            return None


async def check(tenant: Tenant, hooks: Mapping[str, str]) -> Check:
    """Call both vendors; `hooks` are the webhooks that we made, by entity."""
    result = Check()
    me = await result.tried("the user of the sync", tenant.pipedrive.me())
    types = await result.tried("activity types", tenant.pipedrive.activity_types())
    if types is not None:
        active = {kind.key for kind in types if kind.active}
        wanted = sorted(types_of(tenant.settings) - active)
        result.problems += [f"activity type {kind!r} is not active in Pipedrive" for kind in wanted]
        result.found["types"] = sorted(active)
    await _webhooks(result, tenant, hooks)
    rights = {
        centre.id: await result.tried(centre.id, centre.api.check()) for centre in tenant.centres.values()
    }
    for centre_id, found in rights.items():
        result.problems += [
            f"{centre_id}: {right.name} does not work: {right.needed_for}"
            for right in found or ()
            if not right.works
        ]
    result.problems += await amiss(tenant)
    directory = await result.tried("users and agents", tenant.people())
    if directory is not None:
        result.problems += nobodies(tenant.settings, directory.people)
    result.found |= {
        "installation": tenant.id,
        "company": me.company_name if me else tenant.installed.name,
        "user": me.user_id if me else tenant.installed.owner_user_id,
        "admin": me.is_admin if me else None,
        "webhooks": dict(hooks),
        "centres": {one: [asdict(right) for right in found or ()] for one, found in rights.items()},
        "agents_without_user": _without_user(tenant, directory) if directory else None,
        "index": await tenant.index.size(),
        "ledger": await tenant.ledger.counts(),
        "contacts": tenant.settings.contacts.sync,
    }
    return result


async def _webhooks(result: Check, tenant: Tenant, hooks: Mapping[str, str]) -> None:
    if not can_receive_hooks(tenant):
        result.problems.append("no public https address: the index lives on sweeps alone")
        return
    listed = await result.tried("webhooks", tenant.pipedrive.webhooks())
    if listed is not None:
        there = {hook.id for hook in listed if hook.active}
        result.problems += [
            f"webhook of {entity} is missing" for entity in OF_PIPEDRIVE if hooks.get(entity) not in there
        ]


def _without_user(tenant: Tenant, directory: Directory) -> list[str]:
    return sorted(
        f"{connection}/{agent.id}"
        for (connection, _), agent in directory.people.agents.items()
        if agent.active
        and agent.id not in tenant.settings.agent_users
        and (agent.email or "").casefold() not in directory.people.users_by_email
    )
