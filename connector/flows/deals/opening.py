"""A deal is opened from a ticket or a customer, once: pressed twice, in two tabs, or after a lost answer.

Its place is claimed and committed first. A customer who is not in step is pushed then; the deal is written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from connector.errors import ConnectorError, Misconfigured, NotFound
from connector.flows.contacts.answering import answer
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS
from connector.flows.deals import reasons
from connector.flows.deals.back_linking import link_soon
from connector.flows.deals.making import make, settle_doubt
from connector.flows.deals.sending import Result, Step
from connector.flows.deals.viewing import pair_of, sees_all_deals
from connector.flows.deals.wanting import NewDeal, body_for, misfits, not_there
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.store.opened import Link, OpenedRow, State
from connector.store.operations import Operations
from connector.store.questions import Asked

__all__ = [
    "NewDeal",
    "Opened",
    "Order",
    "Result",
    "choose_person",
    "deals_of_ticket",
    "next_place",
    "open_deal",
    "ticket_source",
]

#: A press waits so long for one that came before it.
_PATIENCE_S, _NAP_S = 5.0, 0.1
_ROUNDS = 3
#: A deal that was met so lately is not asked for again.
_MET_WITHIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Order:
    """A deal that somebody wants, and where it is opened from; `ordinal` is which of the source's deals is meant.

    `source` is a ticket's address (`thulium:acme/tickets/9`) or a form's own number; keys are such as `thulium:acme/7`.
    `made_by` names who pressed, `request_key` a request that may be sent again.
    """

    source: str
    ordinal: int
    customer_key: str | None
    ticket_key: str | None
    wanted: NewDeal
    made_by: str | None
    request_key: str | None = None
    same_title_is_meant: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of an order; the deal, and its page, is the one that was opened, or the one of the same title.

    `reason` is a sentence for agents, `detail` another system's own words, `back_link` how the ticket shows the deal.
    """

    result: Result
    deal_id: str | None = None
    link: str | None = None
    reason: str = ""
    back_link: str = Link.NONE
    detail: str = ""


async def open_deal(tenant: Tenant, operations: Operations, order: Order) -> Opened:
    """Open a deal (5 tokens for a customer in step) or answer why not, or which one stands in its place already."""
    step = Step(Result.IN_DOUBT, reasons.UNDER_WAY)
    for _ in range(_ROUNDS):
        row = await _find(tenant, order)
        is_ours = False
        if row is None or (row.source == order.source and row.is_free(tenant.clock.now())):
            if (refused := await _refused(tenant, order, row)) is not None:
                return _opened(tenant, refused, None)
            row, is_ours = await _claim(tenant, order)
        if row.source != order.source:
            return Opened(Result.REFUSED, reason=reasons.USED_KEY)
        if is_ours:
            step = await make(tenant, operations, row)
            break
        found = await _standing(tenant, operations, row)
        if found is not None:
            step = found
            break
    now = await _find(tenant, order)
    if now is not None and step.result is Result.MADE:
        await link_soon(tenant, now)
        now = await _find(tenant, order)
    return _opened(tenant, step, now)


async def choose_person(
    tenant: Tenant, operations: Operations, order: Order, asked: Asked, choice: str
) -> Opened:
    """Decide who of several an order's customer is, a candidate's id or `new`, and open the deal."""
    try:
        await answer(tenant, operations, asked.id, choice)
    except Misconfigured as error:
        # Another press may have decided it meanwhile.
        if await pair_of(tenant, order.customer_key or "") is None:
            return Opened(Result.SEVERAL, reason=reasons.SEVERAL, detail=str(error))
    except ConnectorError:
        pass  # it is decided; opening says what is in its way
    return await open_deal(tenant, operations, order)


def ticket_source(ticket_key: str) -> str:
    """What an order names that is opened from a ticket, by its key: `thulium:acme/tickets/9`."""
    connection, _, ticket_id = ticket_key.rpartition("/")
    return f"{connection}/tickets/{ticket_id}"


def next_place(rows: Sequence[OpenedRow]) -> int:
    """Which of its source's deals a new one would be: the first place that is free."""
    taken = {row.ordinal for row in rows if row.stands}
    return next(place for place in range(1, len(taken) + 2) if place not in taken)


async def deals_of_ticket(tenant: Tenant, ticket_key: str) -> list[OpenedRow]:
    """What was opened from a ticket, in order, refused ones with their reason; what is deleted by now is noticed.

    A deal that was not met within the last minute is asked for (1 token).
    """
    rows = await tenant.deals.of_ticket(ticket_key)
    noticed = [await _notice(tenant, row) for row in rows if row.state is State.MADE]
    if any(noticed):
        rows = await tenant.deals.of_ticket(ticket_key)
    return [row for row in rows if row.state is not State.REFUSED or row.reason]


async def _notice(tenant: Tenant, row: OpenedRow) -> bool:
    """Whether a deal is found to be gone; one that was made, listed or read within the last minute is not asked for."""
    at_hand, deal_id, now = tenant.deals_at_hand, row.deal_id or "", tenant.clock.now()
    whose = (
        (CUSTOMERS.entity, row.person_id) if row.person_id else (COMPANIES.entity, row.organization_id or "")
    )
    listed_at, listed = at_hand.lists.get(whose, (row.made_at, []))
    met = [row.made_at, at_hand.met.get(deal_id, row.made_at)]
    met += [listed_at] if any(deal.id == deal_id for deal in listed) else []
    if now - max(met) < _MET_WITHIN:
        return False
    try:
        is_gone = await _is_gone(tenant, deal_id)
    except ConnectorError:
        return False
    if is_gone:
        return bool(await tenant.deals.gone(deal_id))
    at_hand.met[deal_id] = now
    return False


async def _is_gone(tenant: Tenant, deal_id: str) -> bool:
    try:
        return (await tenant.pipedrive.on(Lane.POP).deal(deal_id)).is_deleted
    except NotFound:
        return await sees_all_deals(tenant)


async def _find(tenant: Tenant, order: Order) -> OpenedRow | None:
    """What stands where a deal is to be opened; a request that was sent before has its place."""
    if order.request_key is not None:
        known = await tenant.deals.by_request(order.request_key)
        if known is not None:
            return known
    return await tenant.deals.find(order.source, order.ordinal)


async def _refused(tenant: Tenant, order: Order, row: OpenedRow | None) -> Step | None:
    """Why nothing is claimed for an order."""
    is_old = row is not None and row.state is State.GONE and row.request_key == order.request_key
    if is_old and order.request_key is not None:
        return Step(Result.REFUSED, reasons.USED_KEY)
    if order.customer_key is None:
        return Step(Result.NO_CUSTOMER, reasons.NO_CUSTOMER)
    if order.ordinal > 1:
        before = await tenant.deals.find(order.source, order.ordinal - 1)
        if before is None or before.state is not State.MADE:
            return Step(Result.REFUSED, reasons.BEFORE_FIRST)
    reason = next(iter(misfits(order.wanted).values()), None)
    if reason is None:
        try:
            reason = await not_there(tenant, body_for(tenant, order.wanted))
        except ConnectorError:
            reason = None  # Pipedrive will say so itself
    return None if reason is None else Step(Result.REFUSED, reason)


async def _claim(tenant: Tenant, order: Order) -> tuple[OpenedRow, bool]:
    return await tenant.deals.claim(
        order.source,
        order.ordinal,
        customer_id=order.customer_key or "",
        ticket_id=order.ticket_key,
        made_by=order.made_by,
        request_key=order.request_key,
        body={
            "deal": body_for(tenant, order.wanted),
            "same_title_is_meant": order.same_title_is_meant,
        },
        lease_s=tenant.service.lease,
    )


async def _standing(tenant: Tenant, operations: Operations, row: OpenedRow) -> Step | None:
    """What a press answers where another came before it; None where the place has become free meanwhile."""
    waited = 0.0
    found: OpenedRow | None = row
    while found is not None and found.state is State.SENDING and found.lease_until > tenant.clock.now():
        if waited >= _PATIENCE_S:
            return Step(Result.IN_DOUBT, reasons.UNDER_WAY)
        await tenant.clock.sleep(_NAP_S)
        waited += _NAP_S
        found = await tenant.deals.find(row.source, row.ordinal)
    if found is None or found.is_free(tenant.clock.now()):
        return None
    if found.state is State.MADE:
        if await _notice(tenant, found):
            # Nobody has heard of it: it may live on in another one, which only a webhook tells.
            return Step(Result.REFUSED, reasons.NO_LONGER_THERE)
        return Step(Result.THERE, deal_id=found.deal_id)
    return await settle_doubt(tenant, operations, found)


def _opened(tenant: Tenant, step: Step, row: OpenedRow | None) -> Opened:
    return Opened(
        step.result,
        step.deal_id,
        tenant.record_page("deal", step.deal_id) if step.deal_id else None,
        step.reason,
        Link.NONE if row is None else row.link_state,
        step.detail,
    )
