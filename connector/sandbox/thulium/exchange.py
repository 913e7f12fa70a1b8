"""The exchange: calls from the first ring until they are listed, with the hooks of each step.

That an agent is rung, answers and ends a call is told by hooks of the vendor's; of the last two, and of the customer's
answer, neither names nor keys are published (see `Switches.live_hooks`).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from connector.sandbox.thulium.calls import add_call, end_call
from connector.sandbox.thulium.events import LINE, known
from connector.sandbox.thulium.hooks import unsent
from connector.sandbox.thulium.phones import Act, LiveCall
from connector.sandbox.thulium.state import Agent, Dialled, System
from connector.sandbox.thulium.wire import ApiError, Body


def dial(
    system: System, agent: Agent, number: str, *, customer_id: int | None, custom_data: str, outbound: str
) -> LiveCall:
    """Ring an agent, then a number; the connection is listed when the call has ended."""
    _at_the_phone(system, agent)
    started = system.now()
    system.dialled.append(Dialled(started, agent.login, number, customer_id, custom_data))
    call = LiveCall(_new_ref(system, started), agent.login, agent.number, number, False, started)
    call.customer_id, call.custom_data, call.outbound_id = customer_id, custom_data, outbound
    return _place(system, call)


def come_in(system: System, agent: Agent, number: str, queue_id: int | None) -> LiveCall:
    """Somebody calls, and an agent of the queue is rung."""
    _at_the_phone(system, agent)
    started, card = system.now(), known(system, Body({}), number=number)
    call = LiveCall(_new_ref(system, started), agent.login, number, LINE, True, started, queue_id)
    call.customer_id = card.customer_id if card else None
    return _place(system, call)


def live_call_of(system: System, login: str) -> LiveCall | None:
    """The call at an agent's phone, the latest where several run by themselves."""
    return next((call for call in reversed(system.live.values()) if call.agent == login), None)


def act(system: System, agent: Agent, act: Act) -> LiveCall:
    """Do something at one of the phones of an agent's call; 400 when it can't be done now."""
    call = live_call_of(system, agent.login)
    if call is None or call.after(act) is None:
        raise ApiError(400, "Invalid value", f"act ({act} when {call.state if call else 'there is no call'})")
    system.engine.act(call, act)
    return call


def _at_the_phone(system: System, agent: Agent) -> None:
    call = live_call_of(system, agent.login)
    if not agent.active:
        raise ApiError(400, "Invalid value", "login (agent is not active)")
    if agent.status == "LOGGED_OUT" or not agent.number:
        raise ApiError(400, "Invalid value", "login (agent is not logged in)")
    if call is not None and not call.by_itself:
        raise ApiError(400, "Invalid value", "login (agent is in a call)")


def _new_ref(system: System, at: datetime) -> str:
    return f"{int(at.timestamp())}.{next(system.numbers)}"


def _place(system: System, call: LiveCall) -> LiveCall:
    system.live[call.connection_id] = call
    _tell(system, call, "AGENT_RINGING")
    system.engine.place(call, partial(_happened, system))
    return call


def _happened(system: System, call: LiveCall, act: Act) -> None:
    if (then := call.after(act)) is None:
        return
    call.state = then
    if then == "talking":
        call.answered_at = system.now()
    match act:
        case "answer":
            _tell(system, call, "AGENT_ANSWERED")
        case "they_answer":
            _tell(system, call, "CLIENT_ANSWERED")
        case _:
            _list(system, call, by_customer=act.startswith("they_"))


def _list(system: System, call: LiveCall, *, by_customer: bool) -> None:
    now, ring, talk = system.now(), 7, 35
    if not call.by_itself:
        talk = _seconds(call.answered_at or now, now)
        ring = _seconds(call.began_at, now) - talk
    del system.live[call.connection_id]
    made = add_call(
        system,
        call.began_at,
        inbound=call.inbound,
        src=call.src,
        dst=call.dst,
        disposition=call.state,
        ring=ring,
        talk=talk,
        agent=call.agent,
        queue_id=call.queue_id,
        customer_id=call.customer_id,
        ref=call.connection_id,
        outbound=call.outbound_id,
    )
    made.ended_by = "Customer" if by_customer else "Agent"
    _tell(system, call, "AGENT_ENDED_CALL", duration=made.duration, billsec=made.billsec)
    end_call(system, made)


def _seconds(since: datetime, until: datetime) -> int:
    return round((until - since).total_seconds())


def _tell(system: System, call: LiveCall, action: str, **more: object) -> None:
    if action in unsent(system):
        return
    fields: dict[str, object] = {
        "connection_id": call.connection_id,
        "queue_id": call.queue_id,
        "agent_login": call.agent,
        "source_number": call.src,
        "destination_number": call.dst,
        "date": call.began_at if action == "AGENT_RINGING" else system.now(),
        **more,
    }
    if system.switches.hook_custom_data and call.custom_data:
        fields["custom_data"] = call.custom_data
    system.emit(system, action, fields)
