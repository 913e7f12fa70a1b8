"""An agent's click rings their phone, and then the number: validated, limited, written down, and asked for once.

What was asked for and not answered may ring all the same, so that it is never asked for again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from connector.errors import ConnectorError, DialRefused, Forbidden, NotFound, Retryable, UnknownOutcome
from connector.flows.call_states import EXTENSION
from connector.flows.live import Exchange
from connector.flows.tenant import Centre, Tenant
from connector.phone import NotDialled, masked_number, to_dial
from connector.realtime.protocol import Call, Dial, Refused
from connector.store.audit import By
from connector.store.live_calls import LiveCall, Order, State

log = structlog.get_logger()

OFFLINE, DOWN, NO_RIGHT, UNKNOWN = "agent_offline", "centre_down", "no_right", "unknown"


async def dial(exchange: Exchange, tenant: Tenant, agent: str, order: Dial) -> Call | Refused:
    """Have an agent (`connection/login`) called together with a number; answers the call, or why there is none.

    A call that could not be rung is told as failed. The same order twice is one call.
    """
    connection, _, login = agent.partition("/")
    centre = tenant.centres.get(connection)
    if centre is None or not tenant.installed.runs:
        return Refused(order.id, "not_switched_on")
    rules = tenant.settings.dialling
    found = to_dial(
        order.number, tenant.phones, premium=rules.premium, internal=rules.internal, refused=rules.refused
    )
    if isinstance(found, NotDialled):
        return Refused(order.id, found.value)
    written = Order(
        order.id,
        found.number + (EXTENSION + found.extension if found.extension else ""),
        tenant.live_calls.keys.key(found.number),
        masked_number(found.number),
        (order.record.entity, order.record.id) if order.record is not None else None,
        order.source,
    )
    begun = await tenant.live_calls.begin(connection, login, written, By(f"agent:{agent}", login))
    if begun is None:
        return Refused(order.id, "too_often")
    call, is_new = begun
    if is_new:
        exchange.began(tenant, call)
        call = await _ring(exchange, tenant, centre, call, found.number)
    return exchange.show(tenant, call)


async def _ring(exchange: Exchange, tenant: Tenant, centre: Centre, call: LiveCall, number: str) -> LiveCall:
    """Ask the contact centre once."""
    try:
        await centre.api.dial(call.agent, number, tag=call.id)
    except ConnectorError as error:
        reason = reason_of(error)
        log.warning("not dialled", installation=tenant.id, call=call.id, reason=reason)
        now = tenant.clock.now()
        failed = await tenant.live_calls.change(call.id, partial(_failed, reason=reason, now=now))
        if failed is not None:
            exchange.changed(tenant, failed)
            return failed
    # The phone may have rung before the answer was here.
    return next(iter(await tenant.live_calls.named([call.id])), call)


def reason_of(error: ConnectorError) -> str:
    """Why a phone does not ring, as agents are told it."""
    if isinstance(error, DialRefused):
        return error.reason.value
    if isinstance(error, NotFound):
        return OFFLINE
    if isinstance(error, Forbidden):
        return NO_RIGHT
    if isinstance(error, UnknownOutcome):
        return UNKNOWN
    return DOWN if isinstance(error, Retryable) else "centre_refused"


def _failed(call: LiveCall, reason: str, now: datetime) -> LiveCall:
    """A call that does not ring; of one that may, more can be heard. News that has come counts more."""
    if call.state is not State.DIALLING:
        return call
    return replace(call, state=State.FAILED, reason=reason, ended_at=None if reason == UNKNOWN else now)
