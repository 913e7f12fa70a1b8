"""Click-to-call: an agent's phone rings, then the customer's.

Vendor pages: https://api.thulium.com/docs/api/agents/post_agents_login_call, and its neighbour in connections.
"""

from __future__ import annotations

import re

import orjson

from connector.sandbox.thulium import exchange
from connector.sandbox.thulium.api import Ask, Route
from connector.sandbox.thulium.directory import find_agent
from connector.sandbox.thulium.state import Customer, System
from connector.sandbox.thulium.wire import ApiError

NUMBER = re.compile(r"\+?\d{3,15}")


def call_by_agent(ask: Ask) -> None:
    """`POST agents/:login/call`: click-to-call through a campaign the agent belongs to; empty answer."""
    body, system = ask.body, ask.system
    agent = find_agent(system, ask.path["login"])
    outbound = body.text("outbound_id") or next(iter(agent.outbounds), "")
    if agent.active and outbound not in agent.outbounds:
        raise ApiError(400, "Invalid value", "outbound_id (the agent is not in this campaign, or in none)")
    number, customer_id = body.text("phone_number").replace(" ", ""), body.number("customer_id")
    customer: Customer | None = None
    if customer_id is not None:
        customer = system.customers.get(customer_id)
        if customer is None or not (customer.phones or number):
            raise ApiError(400, "Invalid value", "customer_id")
        number = number or customer.phones[0]
        if number not in customer.phones:
            customer = None  # the number is not the customer's: an ordinary call
    ref = customer.customer_id if customer else None
    data = body.values.get("custom_data") or ""
    text = data if isinstance(data, str) else orjson.dumps(data).decode()
    number = _allowed(system, number)
    exchange.dial(system, agent, number, customer_id=ref, custom_data=text, outbound=outbound)


def call_by_sip(ask: Ask) -> None:
    """`POST connections/call`: ring a SIP account, then the number; empty answer."""
    system, sip = ask.system, ask.body.need("sip")
    number = _allowed(system, ask.body.need("phone_number").replace(" ", ""))
    for agent in system.agents.values():
        if agent.number == sip:
            exchange.dial(system, agent, number, customer_id=None, custom_data="", outbound="")
            return
    raise ApiError(400, "Invalid value", "sip")


def _allowed(system: System, number: str) -> str:
    """The number, if the contact centre dials it."""
    if not number:
        raise ApiError(400, "Parameter is required", "phone_number")
    refused = system.switches.refused_numbers.split()
    if not NUMBER.fullmatch(number) or any(number.startswith(prefix) for prefix in refused):
        raise ApiError(400, "Invalid value", "phone_number (this number is not dialled)")
    return number


ROUTES: tuple[Route, ...] = (
    ("POST", "connections/call", call_by_sip),
    ("POST", "agents/:login/call", call_by_agent),
)
