"""From a claim to a deal: its customer first, then the write; and what was left in doubt, by a press or by the clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connector.errors import ConnectorError, Forbidden, PlanLimit, Rejected, UnknownField
from connector.flows.contacts.identifying import is_ignored
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.pushing import GOOD, Outcome, Pushed, push
from connector.flows.contacts.reconciling import NOT_IN_CENTRE
from connector.flows.deals import reasons
from connector.flows.deals.marking import marker_field
from connector.flows.deals.sending import LOOKS, Result, Step, body_of, look, made, not_made, put_off, send
from connector.flows.deals.viewing import listed_deals, pair_of, sees_all_deals
from connector.flows.deals.wanting import not_there
from connector.flows.indexing import refresh_organization, refresh_person
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.pipedrive.mapping import number
from connector.store.bindings import Bound
from connector.store.dirty import Side
from connector.store.opened import OpenedRow
from connector.store.operations import Operations

log = structlog.get_logger()

#: What was refused is sent again only where what it named has changed; that happens once, hardly ever twice.
_TRIES = 3
_SAME_WITHIN = timedelta(minutes=10)
_GIVE_UP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Whose:
    """Who a deal is for; `pair` is None where it was made just now, and can have no other deal."""

    person_id: str | None
    organization_id: str | None
    pair: Bound | None


async def make(
    tenant: Tenant,
    operations: Operations,
    row: OpenedRow,
    *,
    was_in_doubt: bool = False,
    is_watched: bool = True,
) -> Step:
    """Go on with a claim to its end; answers how far it came, and never raises what a vendor said.

    Where nobody waits for the answer, what is in the way is kept to be read later.
    """
    try:
        for _ in range(_TRIES):
            ready = await _ready(tenant, operations, row, was_in_doubt=was_in_doubt, is_watched=is_watched)
            if isinstance(ready, Step):
                return ready
            row = ready
            try:
                return await send(tenant, row)
            except Rejected as error:
                if not await _has_changed(tenant, row, error):
                    return await _refused(tenant, row, error)
        await tenant.deals.refuse(row, reasons.PERSON_GONE)
        return Step(Result.REFUSED, reasons.PERSON_GONE)
    except ConnectorError as error:
        return await not_made(tenant, row, error, was_in_doubt=was_in_doubt)


async def _ready(
    tenant: Tenant, operations: Operations, row: OpenedRow, *, was_in_doubt: bool, is_watched: bool
) -> OpenedRow | Step:
    """Have a claim ready to be sent, or say why it is not."""
    try:
        whose = await _whose(tenant, operations, row, was_in_doubt=was_in_doubt)
        if isinstance(whose, Step):
            return whose
        if not was_in_doubt and (step := await _there_before(tenant, row, whose)) is not None:
            if step.result is Result.SAME_TITLE:
                await tenant.deals.refuse(row, "" if is_watched else step.reason)
            return step
        return await _arm(tenant, row, whose) or Step(Result.IN_DOUBT, reasons.UNDER_WAY)
    except ConnectorError:
        raise
    except Exception:  # a mistake of ours, before anything of this claim was sent
        log.exception("deal not made", installation=tenant.id, source=row.source)
        await tenant.deals.refuse(row, reasons.MISTAKE)
        return Step(Result.REFUSED, reasons.MISTAKE)


async def _refused(tenant: Tenant, row: OpenedRow, error: Rejected) -> Step:
    """Pipedrive did not take it: our picture of what it names may be old."""
    reason = reasons.reason_of(error)
    if reason == reasons.NOT_ACCEPTED:
        try:
            reason = await not_there(tenant, body_of(row), refused=True) or reason
        except ConnectorError as trouble:
            log.warning("catalogue not read", installation=tenant.id, error=type(trouble).__name__)
    await tenant.deals.refuse(row, reason)
    return Step(Result.REFUSED, reason, detail=str(error) if reason == reasons.NOT_ACCEPTED else "")


async def _has_changed(tenant: Tenant, row: OpenedRow, error: Rejected) -> bool:
    """Whether something that a refused deal named is no longer what it was, so that it is to be sent in another way."""
    if isinstance(error, PlanLimit | Forbidden):
        return False
    if isinstance(error, UnknownField):
        is_marker = error.field in (body_of(row).get("custom_fields") or ())  # type: ignore[operator]  # a mapping
        tenant.deals_at_hand.unmarked.add(error.field)
        return is_marker
    if row.person_id is not None:
        person = await refresh_person(tenant, row.person_id)
        if person is None or person.is_deleted:
            return True
    if row.organization_id is None:
        return False
    organization = await refresh_organization(tenant, row.organization_id, gone=False)
    return organization is None or organization.is_deleted


async def _arm(tenant: Tenant, row: OpenedRow, whose: _Whose) -> OpenedRow | None:
    """Commit what is about to be sent, and for whom."""
    deal = body_of(row)
    # All three are of an earlier try.
    marked = deal.pop("custom_fields", None)
    for key in ("person_id", "org_id"):
        deal.pop(key, None)
    # What was sent without a marker is looked for without one.
    code = await marker_field(tenant) if marked or not row.was_sent else None
    deal |= {
        key: number(value)
        for key, value in (("person_id", whose.person_id), ("org_id", whose.organization_id))
        if value is not None
    }
    if code is not None:
        deal["custom_fields"] = {code: row.marker}
    return await tenant.deals.arm(
        row,
        body={"deal": deal},
        person_id=whose.person_id,
        organization_id=whose.organization_id,
        server_time=await tenant.pipedrive.on(Lane.POP).server_time(),
        lease_s=tenant.service.lease,
    )


async def _whose(
    tenant: Tenant, operations: Operations, row: OpenedRow, *, was_in_doubt: bool
) -> _Whose | Step:
    """Who the customer is in Pipedrive, pushed first where he is not in step; a Step where that was not to be."""
    pair, is_new = await pair_of(tenant, row.customer_id), False
    if pair is None:
        pushed = await push(tenant, operations, CUSTOMERS, Side.CENTRE, row.customer_id)
        if pushed.outcome not in GOOD:
            return await _not_in_step(tenant, row, pushed, was_in_doubt=was_in_doubt)
        pair, is_new = await pair_of(tenant, row.customer_id), pushed.outcome is Outcome.MADE
    if pair is None:
        return await _not_in_step(tenant, row, Pushed(Outcome.REFUSED), was_in_doubt=was_in_doubt)
    known = None if is_new else pair
    if pair.entity != CUSTOMERS.entity:
        return _Whose(None, pair.crm_id, known)
    return _Whose(pair.crm_id, await _organization_of(tenant, pair.crm_id), known)


async def _organization_of(tenant: Tenant, person_id: str) -> str | None:
    """A person's organization, from the index, or read (1 token) where that does not know the person."""
    if (known := (await tenant.index.people([person_id])).get(person_id)) is not None:
        return known.organization_id
    person = await refresh_person(tenant, person_id)
    return None if person is None else person.org_id


async def _not_in_step(tenant: Tenant, row: OpenedRow, pushed: Pushed, *, was_in_doubt: bool) -> Step:
    if pushed.outcome is Outcome.WAITS:
        wait = tenant.service.look_gap
        return await put_off(tenant, row, reasons.CUSTOMER_WAITS, after=wait, was_in_doubt=was_in_doubt)
    if pushed.question is not None:
        is_left_alone = is_ignored(pushed.question)
        reason = reasons.LEFT_ALONE if is_left_alone else reasons.SEVERAL
        await tenant.deals.refuse(row, reason)
        return Step(Result.REFUSED if is_left_alone else Result.SEVERAL, reason)
    if pushed.reason == NOT_IN_CENTRE:
        await tenant.deals.refuse(row, reasons.CUSTOMER_GONE)
        return Step(Result.NO_CUSTOMER, reasons.CUSTOMER_GONE)
    await tenant.deals.refuse(row, reasons.CUSTOMER_REFUSED)
    return Step(Result.REFUSED, reasons.CUSTOMER_REFUSED, detail=pushed.reason)


async def _there_before(tenant: Tenant, row: OpenedRow, whose: _Whose) -> Step | None:
    """The very deal, where the database was set back since it was made; or one of its title that is new or under way.

    What a tab listed within the last minutes is asked, so that it costs nothing where one was looked at. Whoever has a
    key for the request, and means a deal of any title, is asked nothing: he has said that it is another one.
    """
    if row.body is None:
        return None
    title, is_meant = _title(row), row.body.get("same_title_is_meant", True)
    if not is_meant and await _is_under_way(tenant, row, title):
        return Step(Result.SAME_TITLE, reasons.SAME_UNDER_WAY)
    if whose.pair is None or (is_meant and row.request_key is not None):
        return None
    since = tenant.clock.now() - _SAME_WITHIN
    listed = await listed_deals(tenant, whose.pair, no_older_than=_SAME_WITHIN)
    if not is_meant:
        # Another process may have made one since, which that list does not know.
        made_since = await tenant.deals.made_for(row.customer_id, since=since - _GIVE_UP)
        if not made_since <= {deal.id for deal in listed}:
            listed = await listed_deals(tenant, whose.pair, no_older_than=timedelta())
    if (
        ours := next((deal for deal in listed if row.marker in deal.custom_fields.values()), None)
    ) is not None:
        return await made(tenant, row, ours.id, Result.THERE)
    for deal in [] if is_meant else listed:
        is_new = deal.add_time is not None and deal.add_time >= since
        if is_new and deal.status == "open" and deal.title.strip().casefold() == title:
            return Step(Result.SAME_TITLE, reasons.SAME_TITLE, deal_id=deal.id)
    return None


async def _is_under_way(tenant: Tenant, row: OpenedRow, title: str) -> bool:
    """Whether another claim of the customer's has the title; of two that were not sent yet, the earlier one goes on."""
    return any(
        _title(other) == title and (other.was_sent or _turn(other) < _turn(row))
        for other in await tenant.deals.under_way_for(row.customer_id)
        if (other.source, other.ordinal) != (row.source, row.ordinal)
    )


def _turn(row: OpenedRow) -> tuple[datetime, str, int]:
    return row.made_at, row.source, row.ordinal


def _title(row: OpenedRow) -> str:
    return str(body_of(row).get("title")).strip().casefold()


# what was left in doubt


async def settle_doubts(tenant: Tenant, operations: Operations) -> Counter[str]:
    """See to deals that nobody holds: look for what was sent, go on with what was not; answers counts by result."""
    counts: Counter[str] = Counter()
    for row in await tenant.deals.due():
        if row.was_sent:
            counts[(await settle_doubt(tenant, operations, row)).result] += 1
        elif tenant.clock.now() - row.made_at > _GIVE_UP:
            await tenant.deals.refuse(row, reasons.GAVE_UP)
            counts[Result.REFUSED] += 1
        elif (taken := await tenant.deals.retake(row, lease_s=tenant.service.lease)) is not None:
            counts[(await make(tenant, operations, taken, is_watched=False)).result] += 1
    return counts


async def settle_doubt(tenant: Tenant, operations: Operations, row: OpenedRow) -> Step:
    """Look for what was sent without an answer; sent again only where two looks at their time found nothing."""
    deals, now, gap = tenant.deals, tenant.clock.now(), tenant.service.look_gap
    in_doubt = Step(Result.IN_DOUBT, reasons.LOOKING)
    is_due, is_old = row.due_at() <= now, now - row.made_at > _GIVE_UP
    try:
        found = await look(tenant, row)
        if found is not None:
            return await made(tenant, row, found, Result.THERE)
        if not is_due or row.looks + 1 < LOOKS:
            if is_due:
                await deals.not_found(row, look_at=now + timedelta(seconds=gap))
            return in_doubt
        is_out_of_sight = await _is_out_of_sight(tenant, row)
        if is_out_of_sight or is_old:
            return await _given_up(tenant, row, reasons.OUT_OF_SIGHT if is_out_of_sight else reasons.UNKNOWN)
        at = await tenant.pipedrive.on(Lane.POP).server_time()
    except ConnectorError as error:
        log.warning("deal not looked for", installation=tenant.id, error=type(error).__name__)
        if is_old and isinstance(error, Rejected):
            return await _given_up(tenant, row, reasons.UNKNOWN)
        if is_due:
            wait = getattr(error, "after", None) or gap
            await deals.doubt(row, reasons.LOOKING, look_at=now + timedelta(seconds=wait))
        return in_doubt
    renewed = await deals.renew(row, server_time=at, lease_s=tenant.service.lease)
    return in_doubt if renewed is None else await make(tenant, operations, renewed, was_in_doubt=True)


async def _given_up(tenant: Tenant, row: OpenedRow, reason: str) -> Step:
    await tenant.deals.refuse(row, reason)
    return Step(Result.REFUSED, reason)


async def _is_out_of_sight(tenant: Tenant, row: OpenedRow) -> bool:
    """Whether the deal would be another's, and the user of the sync cannot be sure to see it."""
    own = tenant.installed.owner_user_id
    if str(body_of(row).get("owner_id", own)) == own:
        return False
    return not await sees_all_deals(tenant)
