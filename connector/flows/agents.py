"""Which agent of which contact centre somebody is, and whether he may still dial as that agent."""

from __future__ import annotations

import asyncio

import structlog

from connector.errors import ConnectorError
from connector.flows.rules import user_of
from connector.flows.tenant import Tenant
from connector.store.access import Who

log = structlog.get_logger()

#: So long an order to dial waits for users and agents to be read, where they have not been read since the start.
_PATIENCE_S = 2.0


def agents_of(tenant: Tenant, who: Who) -> set[tuple[str, str]]:
    """Whom the contact centres know him as: contact centre and login, by how he signed in, the agent table or his address."""
    people, users = tenant.directory.people, tenant.settings.agent_users
    found = {
        (connection, login)
        for (connection, login), agent in people.agents.items()
        if who.user_id is not None
        and users.get(login, people.users_by_email.get((agent.email or "").casefold())) == who.user_id
    }
    if who.agent is not None:
        connection, _, login = who.agent.partition("/")
        found.add((connection, login))
    return found


def agent_names(tenant: Tenant) -> dict[str, str]:
    """What agents are called, by `connection/login`."""
    return {"/".join(key): agent.name for key, agent in tenant.directory.people.agents.items()}


def dials_as(tenant: Tenant, who: Who) -> list[tuple[str, str]]:
    """As which agents he may dial now: those of a contact centre that is connected, who are active there."""
    return sorted(
        (connection, login)
        for connection, login in agents_of(tenant, who)
        if connection in tenant.centres and _is_active(tenant, connection, login)
    )


async def may_dial(tenant: Tenant, user_id: str | None, agent: str) -> bool:
    """Whether a device that was allowed by this user, or by invitation, may still dial as `agent` (`connection/login`).

    No longer when the agent table names somebody else, or nobody; when the user has left Pipedrive, or the agent the
    contact centre; when that is no longer connected. While users and agents cannot be read nobody is kept from phoning.
    """
    connection, _, login = agent.partition("/")
    if connection not in tenant.centres:
        return False
    directory = tenant.directory
    if directory.read_at is None:
        await _read_people(tenant)
    if not _is_active(tenant, connection, login):
        return False
    if user_id is None:
        return True
    if directory.read_at is None:
        return tenant.settings.agent_users.get(login, user_id) == user_id
    found = user_of(connection, login, tenant.settings, directory.people)
    return found is not None and found[0] == user_id


async def _read_people(tenant: Tenant) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await tenant.people()
    except (ConnectorError, TimeoutError) as error:
        log.warning("users not read", installation=tenant.id, error=type(error).__name__)


def _is_active(tenant: Tenant, connection: str, login: str) -> bool:
    """Whether an agent works there, as far as that is known: an account that may not see agents has none in its list."""
    agents = tenant.directory.people.agents
    agent = agents.get((connection, login))
    return agent.active if agent is not None else all(of != connection for of, _ in agents)
