"""A deal is written once: what was sent without an answer is looked for by its marker before it is sent again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog

from connector.errors import ConnectorError, NotFound, UnknownOutcome
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS
from connector.flows.deals import reasons
from connector.flows.deals.mirroring import mirror_soon
from connector.flows.deals.viewing import deals_in_pipedrive
from connector.flows.tenant import Tenant
from connector.flows.worker import retry_wait
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Deal
from connector.store.opened import OpenedRow

log = structlog.get_logger()

#: Pipedrive's own clock at the send, less this, is where what was sent begins.
_MARGIN = timedelta(seconds=120)
#: So often something that was sent without an answer is looked for before it is sent again.
LOOKS = 2


class Result(StrEnum):
    """What came of opening a deal.

    After SEVERAL, SAME_TITLE, REFUSED and NO_CUSTOMER nothing was made and the place is free. What WAITS is made by
    itself, or by another press; what is IN_DOUBT may have been made, and is looked for.
    """

    MADE = "made"
    THERE = "there already"
    IN_DOUBT = "in doubt"
    SEVERAL = "several match"
    SAME_TITLE = "same title"
    REFUSED = "refused"
    NO_CUSTOMER = "no customer"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Step:
    """How far a deal has come, and why no further; `deal_id` is the deal that is meant."""

    result: Result
    reason: str = ""
    deal_id: str | None = None
    detail: str = ""


async def send(tenant: Tenant, row: OpenedRow) -> Step:
    """Write the deal of a claim that is armed; raises the error after which nothing was made."""
    try:
        deal = await tenant.pipedrive.on(Lane.POP).create_deal(body_of(row))
    except UnknownOutcome:
        return await _in_doubt(tenant, row)
    except ConnectorError:
        raise
    except Exception:  # whatever broke, the deal may have been written
        log.exception("opening broke", installation=tenant.id, source=row.source)
        return await _in_doubt(tenant, row)
    return await made(tenant, row, deal.id, Result.MADE)


async def made(tenant: Tenant, row: OpenedRow, deal_id: str, result: Result) -> Step:
    """The deal is there: nothing is looked for any more."""
    # What was claimed before may have been sent before, and that may still arrive.
    wait = timedelta(seconds=tenant.service.healing_looks[0])
    heal_at = tenant.clock.now() + wait if row.claim_no > 1 else None
    settled = await tenant.deals.settle(row, deal_id, heal_at=heal_at)
    for entity, record_id in ((CUSTOMERS.entity, row.person_id), (COMPANIES.entity, row.organization_id)):
        tenant.deals_at_hand.lists.pop((entity, record_id or ""), None)
    if settled:
        await mirror_soon(tenant, row.customer_id)
        return Step(result, deal_id=deal_id)
    now = await tenant.deals.find(row.source, row.ordinal)
    if now is None or now.deal_id is None:
        return Step(Result.IN_DOUBT, reasons.LOOKING)
    if now.deal_id != deal_id:
        log.error("deal made twice", installation=tenant.id, deal=deal_id, instead_of=now.deal_id)
    return Step(Result.THERE, deal_id=now.deal_id)


async def _in_doubt(tenant: Tenant, row: OpenedRow) -> Step:
    """No answer came: it is looked for at once, and from a while later on until it is known."""
    try:
        found = await look(tenant, row)
    except ConnectorError:
        found = None
    if found is not None:
        return await made(tenant, row, found, Result.MADE)
    # What was sent again is looked for, and sent once more, ever later.
    again = retry_wait(row.claim_no - 2, tenant.service) if row.claim_no > 1 else 0
    return await doubt(tenant, row, after=tenant.service.first_look + again)


async def doubt(tenant: Tenant, row: OpenedRow, *, after: float | None = None) -> Step:
    """Have what may have been made looked for after a while."""
    look_at = tenant.clock.now() + timedelta(seconds=after or tenant.service.first_look)
    await tenant.deals.doubt(row, reasons.LOOKING, look_at=look_at)
    return Step(Result.IN_DOUBT, reasons.LOOKING)


async def not_made(tenant: Tenant, row: OpenedRow, error: ConnectorError, *, was_in_doubt: bool) -> Step:
    """Nothing was made: it waits for trouble that passes, else its place is free."""
    if not reasons.passes(error):
        reason = reasons.reason_of(error)
        await tenant.deals.refuse(row, reason)
        return Step(Result.REFUSED, reason, detail=str(error))
    wait = getattr(error, "after", None) or retry_wait(row.looks, tenant.service)
    return await put_off(tenant, row, reasons.WAITING, after=wait, was_in_doubt=was_in_doubt)


async def put_off(tenant: Tenant, row: OpenedRow, reason: str, *, after: float, was_in_doubt: bool) -> Step:
    """Go on later; what was sent before without an answer is looked for again first."""
    if was_in_doubt:
        return await doubt(tenant, row, after=after)
    await tenant.deals.wait(row, reason, until=tenant.clock.now() + timedelta(seconds=after))
    return Step(Result.WAITS, reason)


async def look(tenant: Tenant, row: OpenedRow) -> str | None:
    """The id of what was sent, if it is there (10 tokens a 500 deals of the customer's)."""
    found = [deal.id for deal in await copies(tenant, row)]
    known = await tenant.deals.known(found)
    return next((one for one in found if one not in known), None)


async def copies(tenant: Tenant, row: OpenedRow) -> list[Deal]:
    """All deals that a row may have made, oldest first."""
    persons, organizations = await tenant.bindings.whose([row.customer_id])
    # Whom it was sent for may have been merged into another meanwhile: the deal went along.
    places = {(row.person_id, None if row.person_id else row.organization_id)}
    if (person := persons.get(row.customer_id)) is not None:
        places.add((person, None))
    elif (organization := organizations.get(row.customer_id)) is not None:
        places.add((None, organization))
    found: dict[str, Deal] = {}
    for person_id, organization_id in places:
        try:
            listed = await deals_in_pipedrive(tenant, person_id=person_id, organization_id=organization_id)
        except NotFound:
            continue
        found |= {deal.id: deal for deal in listed if _is_ours(tenant, row, deal)}
    return sorted(found.values(), key=lambda deal: int(deal.id))


def _is_ours(tenant: Tenant, row: OpenedRow, deal: Deal) -> bool:
    """Whether this is the deal that we sent: it carries our marker, or, without a field for that, equals it."""
    body = body_of(row)
    custom = body.get("custom_fields")
    if isinstance(custom, dict) and custom:
        return any(deal.custom_fields.get(code) == value for code, value in custom.items())
    if deal.add_time is None or deal.add_time < row.server_time - _MARGIN:
        return False
    own = tenant.installed.owner_user_id
    owner = str(body.get("owner_id", own))
    return (deal.title, deal.owner_id, deal.creator_user_id) == (body["title"], owner, own)


def body_of(row: OpenedRow) -> dict[str, object]:
    """What is sent, or is to be sent, for a claim."""
    body = (row.body or {}).get("deal")
    return dict(body) if isinstance(body, dict) else {}
