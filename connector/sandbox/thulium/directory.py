"""Agents, queues, topics, campaigns and users: what other records refer to.

Vendor pages: https://api.thulium.com/docs/api/agents/get_agents_login and its neighbours; the keys of queues, topics,
campaigns and statuses are our reading (see `Switches.named_ids`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from connector.sandbox.thulium.api import Ask, Route
from connector.sandbox.thulium.state import Agent, FieldGroup, SpecialField, System
from connector.sandbox.thulium.wire import ApiError, blank

Rows = list[dict[str, object]]


def furnish(system: System) -> None:
    """Give a new system its agents, queues, topics, campaigns and special fields."""
    people = (
        ("anna.nowak", "Anna", "Nowak"),
        ("jan.kowalski", "Jan", "Kowalski"),
        ("zofia.zolc", "Zofia", "Żółć"),
    )
    for n, (login, name, surname) in enumerate(people, 1):
        system.agents[login] = Agent(n, login, name, surname, f"{login}@example.com", number=str(390 + n))
    system.agents["stary.agent"] = Agent(4, "stary.agent", "Stary", "Agent", active=False, outbounds=())
    system.queues = {1: "Sprzedaż", 2: "Obsługa klienta"}
    system.chat_queues = {1: "Strona główna", 2: "Sklep"}
    system.ticket_queues = {1: "Biuro", 2: "Reklamacje"}
    system.outbounds = {"00001": "Połączenia wychodzące", "00002": "Odnowienia umów"}
    system.topics = {95: "Reklamacja", 96: "Nowe zamówienie", 97: "Pytanie o fakturę", 98: "Umówienie wizyty"}
    system.ticket_statuses = {1: "Nowe", 2: "W trakcie", 3: "Zamknięte"}
    system.ticket_categories = {1: "Ogólne", 2: "Płatności"}
    system.field_groups = grouped({"Zamówienia": ["Numer", "Kwota"]})
    system.mailboxes = ["biuro@example.com"]
    system.customer_fields = named(
        SpecialField("Pipedrive ID", "number"),
        SpecialField("Pipedrive", "link", read_only=True),
        SpecialField("Szanse sprzedaży", "link", read_only=True),
        SpecialField("Dodatkowe informacje"),
    )
    system.ticket_fields = named(
        SpecialField("Pipedrive", "link", read_only=True),
        SpecialField("Szanse sprzedaży", "link"),
        SpecialField("Numer zamówienia"),
    )


def grouped(groups: Mapping[str, Sequence[str]]) -> dict[int, FieldGroup]:
    """Repeating groups with their fields, numbered."""
    numbers = count(1)
    return {
        ref: FieldGroup(ref, name, {next(numbers): title for title in fields})
        for ref, (name, fields) in enumerate(groups.items(), 1)
    }


def named(*definitions: SpecialField) -> dict[str, SpecialField]:
    """Special fields by their name."""
    return {definition.name: definition for definition in definitions}


def _agent(agent: Agent) -> dict[str, object]:
    return {
        "agent_id": agent.agent_id,
        "login": agent.login,
        "name": agent.name,
        "surname": agent.surname,
        "email": blank(agent.agent_id, agent.email),
        "active": agent.active,
        "number": blank(agent.agent_id, agent.number),
        "outbound_mode": "PREVIEW",
        "group_id": "1",
    }


def find_agent(system: System, login: str) -> Agent:
    """Find the agent of this login; 404 when there is none."""
    if login not in system.agents:
        raise ApiError(404, "Not found", login)
    return system.agents[login]


def list_agents(ask: Ask) -> Rows:
    """`GET agents`, inactive ones included."""
    return [_agent(agent) for agent in ask.system.agents.values()]


def get_agent(ask: Ask) -> dict[str, object]:
    """`GET agents/:login`."""
    return _agent(find_agent(ask.system, ask.path["login"]))


def agent_status(ask: Ask) -> dict[str, object]:
    """`GET agents/:login/status`; the keys are our reading."""
    agent = find_agent(ask.system, ask.path["login"])
    return {"login": agent.login, "status": agent.status if agent.active else "LOGGED_OUT"}


def get_user(ask: Ask) -> dict[str, object]:
    """`GET users/:login`: the SIP accounts of a user; the keys are our reading."""
    agent = find_agent(ask.system, ask.path["login"])
    accounts = [{"sip": agent.number}] if agent.number else []
    return {"login": agent.login, "name": agent.full_name, "email": agent.email, "sip_accounts": accounts}


def _pairs(ask: Ask, key: str, names: Iterable[tuple[int | str, str]]) -> Rows:
    return [{key if ask.system.switches.named_ids else "id": ref, "name": name} for ref, name in names]


def list_queues(ask: Ask) -> Rows:
    """`GET queues`."""
    return _pairs(ask, "queue_id", ask.system.queues.items())


def list_chat_queues(ask: Ask) -> Rows:
    """`GET chats/queues`."""
    return _pairs(ask, "chat_queue_id", ask.system.chat_queues.items())


def list_ticket_queues(ask: Ask) -> Rows:
    """`GET ticket_queues`."""
    return _pairs(ask, "ticket_queue_id", ask.system.ticket_queues.items())


def list_outbounds(ask: Ask) -> Rows:
    """`GET outbounds`: campaigns, whose ids are text of five characters."""
    return _pairs(ask, "outbound_id", ask.system.outbounds.items())


def outbound_agents(ask: Ask) -> Rows:
    """`GET outbounds/:id/agents`."""
    if (ref := ask.path["id"]) not in ask.system.outbounds:
        raise ApiError(404, "Not found", ref)
    return [
        {
            "login": agent.login,
            "number": agent.number,
            "active": agent.active,
            "active_in_outbound": True,
            "agent_id": agent.agent_id,
        }
        for agent in ask.system.agents.values()
        if ref in agent.outbounds
    ]


def list_topics(ask: Ask) -> Rows:
    """`GET topics`: the active ones."""
    return _pairs(ask, "topic_id", ask.system.topics.items())


def queue_topics(ask: Ask) -> dict[str, object]:
    """`GET queues/:id/topics`: the topics an agent of this queue can choose, in groups."""
    if ask.number("id") not in ask.system.queues:
        raise ApiError(404, "Not found")
    topics = [
        {"id": ref, "name": name, "show_custom_fields": False} for ref, name in ask.system.topics.items()
    ]
    return {"topic_groups": [{"group_name": "Ogólne", "topics": topics}], "custom_fields": []}


def list_statuses(ask: Ask) -> Rows:
    """`GET ticket_statuses`."""
    return _pairs(ask, "status_id", ask.system.ticket_statuses.items())


def list_categories(ask: Ask) -> Rows:
    """`GET ticket_categories`."""
    return _pairs(ask, "category_id", ask.system.ticket_categories.items())


ROUTES: tuple[Route, ...] = (
    ("GET", "agents", list_agents),
    ("GET", "agents/:login", get_agent),
    ("GET", "agents/:login/status", agent_status),
    ("GET", "users/:login", get_user),
    ("GET", "queues", list_queues),
    ("GET", "queues/:id/topics", queue_topics),
    ("GET", "chats/queues", list_chat_queues),
    ("GET", "ticket_queues", list_ticket_queues),
    ("GET", "outbounds", list_outbounds),
    ("GET", "outbounds/:id/agents", outbound_agents),
    ("GET", "topics", list_topics),
    ("GET", "ticket_statuses", list_statuses),
    ("GET", "ticket_categories", list_categories),
)
