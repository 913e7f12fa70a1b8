"""Which events become activities, of which type and whose. Pure: settings and an event in, a decision out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connector.installation_settings import InstallationSettings, QueueRule
from connector.phone import is_internal
from connector.records import Agent, Call, CallResult, Chat, Direction, Event, QueueKind


@dataclass(frozen=True, slots=True)
class People:
    """Who works where: agents of each contact centre, users of Pipedrive, and the active activity types."""

    agents: Mapping[tuple[str, str], Agent] = field(default_factory=dict)
    users_by_email: Mapping[str, str] = field(default_factory=dict)
    active_users: frozenset[str] = frozenset()
    admin_users: frozenset[str] = frozenset()
    active_types: frozenset[str] = frozenset()
    owner_user_id: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule leaves the event out; `reason` is shown to people."""

    reason: str


class Rule(StrEnum):
    """Which part of the settings decides of an event's type."""

    MINIMUM = "minimum_seconds"
    INTERNAL = "leave_out_internal"
    QUEUE = "queues"
    CASE = "cases"
    KIND = "type"
    SOURCE = "types"


def types_of(settings: InstallationSettings) -> set[str]:
    """Every activity type that the settings name."""
    calls = settings.calls
    named = {
        calls.type,
        settings.chats.type,
        *(case.type for case in calls.cases),
        *settings.messages.types.values(),
        *(rule.type for rule in settings.queues),
    }
    return {kind for kind in named if kind}


def nobodies(settings: InstallationSettings, people: People) -> list[str]:
    """Where the settings name an agent or a user whom nobody knows, in a sentence each; their rows have no effect."""
    agents = {agent_id for _, agent_id in people.agents}
    # Without a single agent the account may not see them: nothing can be said.
    strangers = sorted(settings.agent_users.keys() - agents) if agents else []
    users = {
        f"agent_users: the user of {agent!r}": user for agent, user in sorted(settings.agent_users.items())
    }
    if settings.fallback_owner is not None:
        users["fallback_owner"] = settings.fallback_owner
    return [f"agent_users: no contact centre has an agent {agent!r}" for agent in strangers] + [
        f"{what} is no active user of Pipedrive: {user!r}"
        for what, user in users.items()
        if user not in people.active_users
    ]


def not_active(kind: str) -> str:
    """Why an event is parked; whatever was parked with these very words is tried again once `kind` is active."""
    return f"the activity type {kind!r} is not active in Pipedrive; choose another in the settings"


def activity_type(connection: str, event: Event, settings: InstallationSettings) -> str | LeftOut:
    """The key of the activity type for an event of that contact centre, or why it is left out."""
    return ruled(connection, event, settings)[0]


def ruled(connection: str, event: Event, settings: InstallationSettings) -> tuple[str | LeftOut, Rule]:
    """The same, and the rule that says so."""
    if isinstance(event, Call):
        return _call_type(connection, event, settings)
    if isinstance(event, Chat):
        if (one := _queue_rule(connection, event, settings)) is not None:
            return _of_queue(one)
        return settings.chats.type or LeftOut("chats are not synchronised"), Rule.KIND
    source = (event.ticket.source or "email").lower()
    kind = settings.messages.types.get(source)
    # A queue's type counts only for sources that are told, or what became a ticket would be told twice.
    if kind and (one := _queue_rule(connection, event, settings)) is not None:
        return _of_queue(one)
    return kind or LeftOut(f"tickets from {source} are not synchronised"), Rule.SOURCE


def _call_type(connection: str, call: Call, settings: InstallationSettings) -> tuple[str | LeftOut, Rule]:
    rules = settings.calls
    if call.result is CallResult.ANSWERED and call.talk_s < rules.minimum_seconds:
        return LeftOut(f"shorter than {rules.minimum_seconds} seconds"), Rule.MINIMUM
    if rules.leave_out_internal and is_internal(call.customer_number):
        return LeftOut("internal calls are not synchronised"), Rule.INTERNAL
    if (one := _queue_rule(connection, call, settings)) is not None:
        return _of_queue(one)
    for case in rules.cases:
        if (case.direction, case.result) == (call.direction, call.result):
            left_out = LeftOut(f"{call.direction} {call.result} calls are not synchronised")
            return case.type or left_out, Rule.CASE
    return rules.type or LeftOut("calls are not synchronised"), Rule.KIND


def _of_queue(rule: QueueRule) -> tuple[str | LeftOut, Rule]:
    named = rule.name or rule.queue
    what = "campaign" if rule.kind is QueueKind.CAMPAIGN else "queue"
    return rule.type or LeftOut(f"the {what} {named} is not synchronised"), Rule.QUEUE


def _queue_rule(connection: str, event: Event, settings: InstallationSettings) -> QueueRule | None:
    """The first rule about a queue or campaign that an event came through."""
    return next(
        (
            rule
            for rule in settings.queues
            if rule.connection in (None, connection) and _came_through(event, rule)
        ),
        None,
    )


def _came_through(event: Event, rule: QueueRule) -> bool:
    if isinstance(event, Call):
        if rule.kind is QueueKind.CAMPAIGN:
            return event.campaign is not None and event.campaign in (rule.queue, rule.name)
        return rule.kind is QueueKind.CALL and event.queue_id == rule.queue
    if isinstance(event, Chat):
        return rule.kind is QueueKind.CHAT and event.queue_id == rule.queue
    return rule.kind is QueueKind.TICKET and event.ticket.queue_id == rule.queue


def is_to_do(event: Event, settings: InstallationSettings) -> bool:
    """Whether the activity stays open for its owner, instead of being written as done."""
    return (
        isinstance(event, Call)
        and settings.calls.abandoned_as_to_do
        and (event.direction, event.result) == (Direction.INBOUND, CallResult.ABANDONED)
    )


def agent_of(event: Event) -> str | None:
    """The login of the agent an event belongs to."""
    if isinstance(event, Call | Chat):
        return event.agent_id
    return event.agent_id or event.ticket.agent_id


def user_of(
    connection: str, agent_id: str, settings: InstallationSettings, people: People
) -> tuple[str, str] | None:
    """The Pipedrive user that an agent is, and how that was found; None when he is no active one."""
    chosen = settings.agent_users.get(agent_id)
    if chosen in people.active_users:
        return chosen, "agent table"
    agent = people.agents.get((connection, agent_id))
    if agent is not None and agent.email:
        user = people.users_by_email.get(agent.email.casefold())
        if user in people.active_users:
            return user, "e-mail of the agent"
    return None


def owner_of(
    connection: str, event: Event, settings: InstallationSettings, people: People
) -> tuple[str, str]:
    """The Pipedrive user who owns the activity, and how that was found; an inactive user is never chosen."""
    agent_id = agent_of(event)
    if agent_id is not None and (found := user_of(connection, agent_id, settings, people)) is not None:
        return found
    if settings.fallback_owner in people.active_users:
        return settings.fallback_owner, "fallback owner"
    return people.owner_user_id, "owner of the sync"
