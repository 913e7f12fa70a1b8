"""The permanent addresses of our pages, kept in special link fields of customers and tickets.

An address grants nothing: whoever opens it has to sign in. It is no mapped field: no base, no brake, no other field is
touched, and Pipedrive is never asked. That we wrote it must not look as if somebody had edited the customer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from urllib.parse import quote

import structlog

from connector.errors import ConnectorError, Rejected, Retryable, Unauthorised, UnknownOutcome
from connector.flows.deals.patience import Patience
from connector.flows.installing import can_receive_hooks
from connector.flows.tenant import Centre, Tenant
from connector.records import Customer, Hint, Ticket
from connector.store.cards import Page

log = structlog.get_logger()

_CUSTOMERS, _TICKETS = "customers", "tickets"
#: As many customers as one request may change.
_BATCH = 100
#: What could not be written for a passing reason is tried again after this.
_PAUSE = timedelta(minutes=5)
#: A change within this time after our write began is our write; a write takes a while, and clocks differ a little.
_OWN = timedelta(seconds=90)
_CLOCKS_DIFFER = timedelta(seconds=15)
#: Tickets older than this get no address when the field is first named.
_FIRST_TICKETS = timedelta(days=7)
#: Where it is not known when others changed a customer: before we did.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def customer_page(tenant: Tenant, key: str) -> str:
    """The permanent address of a customer's page; `key` is such as `thulium:acme/7`."""
    return _page(tenant, _CUSTOMERS, key)


def ticket_page(tenant: Tenant, key: str) -> str:
    """The same of a ticket, whose `key` is such as `thulium:acme/9`."""
    return _page(tenant, _TICKETS, key)


def _page(tenant: Tenant, kind: str, key: str) -> str:
    connection, _, record_id = key.rpartition("/")
    parts = (quote(tenant.id, safe=""), quote(connection, safe=":"), kind, quote(record_id, safe=""))
    return "/".join((tenant.service.public_url, "embed", *parts))


def _field(tenant: Tenant, kind: str) -> str | None:
    """The special field for the addresses; None where there is none, or nobody could reach them."""
    fields = tenant.settings.special_fields
    name = fields.customer_deals_page if kind == _CUSTOMERS else fields.ticket_deals_page
    return name if can_receive_hooks(tenant) else None


def _shows(value: object, page: str) -> bool:
    """Whether a field holds this address, be it as a link that the contact centre made of it."""
    return re.search(re.escape(page) + r"(?![\w%-])", str(value or "")) is not None


# records that appear


async def meet(tenant: Tenant, connection: str, hint: Hint) -> bool:
    """Have the address written on what a webhook names for the first time; answers whether there is anything to write."""
    keys = []
    customer = {"customer": hint.ref, "ticket": hint.customer_id}.get(hint.kind)
    if customer is not None and _field(tenant, _CUSTOMERS):
        keys.append(f"{connection}/{customer}")
    if hint.kind == "ticket" and _field(tenant, _TICKETS):
        keys.append(f"{connection}/{_TICKETS}/{hint.ref}")
    return bool(keys) and await tenant.cards.meet(keys)


async def write_due_pages(tenant: Tenant) -> None:
    """Write the addresses that are due, at most a hundred; what failed for a passing reason is put off."""
    due = sorted((*_parted(key), key) for key in await tenant.cards.due_pages(_BATCH))
    for (connection, kind), group in groupby(due, key=lambda one: one[:2]):
        keys = [key for *_, key in group]
        centre, field = tenant.centres.get(connection), _field(tenant, kind)
        if centre is None or field is None:
            await tenant.cards.put_off_pages(keys, None)
        elif kind == _CUSTOMERS:
            await _write_new_customers(tenant, centre, field, keys)
        else:
            await _write_new_tickets(tenant, centre, field, keys)


def _parted(key: str) -> tuple[str, str]:
    """The contact centre of a key, and whether it is a customer's or a ticket's."""
    connection = key.rpartition("/")[0]
    ticketed = connection.removesuffix(f"/{_TICKETS}")
    return (connection, _CUSTOMERS) if ticketed == connection else (ticketed, _TICKETS)


async def _write_new_customers(tenant: Tenant, centre: Centre, field: str, keys: Iterable[str]) -> None:
    """Their field is empty, or was written by us: what is refused or not known waits for the night, which reads it."""
    part = dict.fromkeys(keys)
    failed = await _write_customers(tenant, centre, field, part)
    passing = [key for key, error in failed.items() if isinstance(error, Retryable | Unauthorised)]
    await tenant.cards.put_off_pages([*failed.keys() - {*passing}], None)
    await tenant.cards.put_off_pages(passing, tenant.clock.now() + _PAUSE)
    if len(passing) == len(part):
        await tenant.cards.put_off(centre.id, tenant.clock.now() + _PAUSE)


async def _write_new_tickets(tenant: Tenant, centre: Centre, field: str, keys: Iterable[str]) -> None:
    done: list[str] = []
    again: list[str] = []
    failed: dict[str, ConnectorError] = {}
    patience = Patience()
    for key in keys:
        if patience.is_out(centre.id):
            break
        try:
            if (ticket := await centre.api.ticket(key.rpartition("/")[2])) is not None:
                await _write_ticket(tenant, centre, field, ticket)
            done.append(key)
            patience.answered(centre.id)
        except ConnectorError as error:
            failed[key] = error
            (done if isinstance(error, Rejected) else again).append(key)
            (patience.answered if isinstance(error, Rejected) else patience.failed)(centre.id)
    _report(tenant, failed)
    await tenant.cards.forget(done)
    await tenant.cards.put_off_pages(again, tenant.clock.now() + _PAUSE)
    if patience.is_out(centre.id):
        await tenant.cards.put_off(centre.id, tenant.clock.now() + _PAUSE)


# all of them, at night


async def keep_pages(tenant: Tenant, centre: Centre, *, no_older_than: datetime) -> None:
    """See that all customers, and tickets changed since the last pass, hold their address.

    Nothing is done where a pass has begun since `no_older_than` for the same field and address.
    """
    for kind, keep in ((_CUSTOMERS, _keep_customers), (_TICKETS, _keep_tickets)):
        if (field := _field(tenant, kind)) is None:
            continue
        address = f"{field} {tenant.service.public_url}".encode()
        channel = f"{kind} pages {hashlib.sha256(address).hexdigest()[:12]}"
        last, begun = await tenant.ledger.cursor(centre.id, channel), tenant.clock.now()
        if last is None or last < no_older_than:
            await keep(tenant, centre, field, last)
            await tenant.ledger.collect(centre.id, [], cursor_to=(channel, begun))


async def _keep_customers(tenant: Tenant, centre: Centre, field: str, _: datetime | None) -> None:
    due: dict[str, datetime | None] = {}
    async for customers in centre.api.customers():
        held = await tenant.cards.pages([f"{centre.id}/{one.id}" for one in customers])
        for one in await as_others_left(tenant, centre, customers):
            key = f"{centre.id}/{one.id}"
            # A contact centre that does not show the field would have it written night by night.
            unseen = field not in one.custom and key in held
            if not unseen and not _shows(one.custom.get(field), customer_page(tenant, key)):
                due[key] = one.updated_at or _LONG_AGO
    rest, patience = iter(due.items()), Patience()
    while part := dict(islice(rest, _BATCH)):
        failed = await _write_customers(tenant, centre, field, part)
        if failed.keys() != part.keys():
            patience.answered(centre.id)
            continue
        # Nothing but failures: the field may not exist, or nobody answers.
        patience.failed(centre.id)
        error = next(iter(failed.values()))
        if isinstance(error, Retryable | Unauthorised):
            raise error
        if isinstance(error, Rejected) or patience.is_out(centre.id):
            log.warning(
                "no more pages tonight", installation=tenant.id, connection=centre.id, error=str(error)
            )
            return


async def _keep_tickets(tenant: Tenant, centre: Centre, field: str, last: datetime | None) -> None:
    since = max(centre.since, last or tenant.clock.now() - _FIRST_TICKETS)
    patience = Patience()
    async for tickets in centre.api.tickets_since(since):
        failed: dict[str, ConnectorError] = {}
        for ticket in tickets:
            key = f"{centre.id}/{_TICKETS}/{ticket.id}"
            try:
                await _write_ticket(tenant, centre, field, ticket)
                patience.answered(centre.id)
            except Rejected as error:
                # One that is refused, such as a closed ticket, says nothing of the others.
                failed[key] = error
                patience.answered(centre.id)
            except UnknownOutcome as error:
                failed[key] = error
                await tenant.cards.put_off_pages([key], tenant.clock.now() + _PAUSE)
                patience.failed(centre.id)
                if patience.is_out(centre.id):
                    # Not finished: the pass begins again at the next turn.
                    raise
        _report(tenant, failed)


# what is written


async def _write_customers(
    tenant: Tenant, centre: Centre, field: str, changed_before: Mapping[str, datetime | None]
) -> dict[str, ConnectorError]:
    """Write the address on these customers, at most a hundred; answers why it is not on some of them."""
    keys = list(changed_before)
    batch = [(key.rpartition("/")[2], {f"custom:{field}": customer_page(tenant, key)}) for key in keys]
    begun = tenant.clock.now()
    outcomes = dict(zip(keys, await centre.api.update_customers(batch), strict=True))
    failed = {key: error for key, error in outcomes.items() if error is not None}
    # What may have been written comes back as a change of the customer too.
    sent = {key for key in keys if isinstance(failed.get(key), UnknownOutcome | None)}
    await tenant.cards.pages_written({key: changed_before[key] for key in keys if key in sent}, begun)
    _report(tenant, failed)
    return failed


async def _write_ticket(tenant: Tenant, centre: Centre, field: str, ticket: Ticket) -> None:
    """Write the address on a ticket that does not hold it."""
    key = f"{centre.id}/{ticket.id}"
    page = ticket_page(tenant, key)
    if _shows(ticket.custom.get(field), page):
        return
    if not await centre.api.set_ticket_field(ticket.id, field, page):
        log.warning("the ticket does not keep the page", installation=tenant.id, ticket=key)


def _report(tenant: Tenant, failed: Mapping[str, ConnectorError]) -> None:
    for kind in {type(error) for error in failed.values()}:
        records = [key for key, error in failed.items() if type(error) is kind]
        log.warning("pages not written", installation=tenant.id, records=records, error=kind.__name__)


# our own writes, seen by others


async def is_own_echo(tenant: Tenant, key: str, at: datetime | None) -> bool:
    """Whether a customer's change is the nightly pass's: nobody else did anything to him."""
    page = (await tenant.cards.pages([key])).get(key)
    if page is None or page.changed_before is None:
        return False
    return _is_ours(page, at or tenant.clock.now())


async def as_others_left(tenant: Tenant, centre: Centre, customers: Sequence[Customer]) -> list[Customer]:
    """Customers as they are, but changed when others changed them last, where the last change was the nightly pass's."""
    recent = {
        f"{centre.id}/{one.id}": at for one in customers if (at := one.updated_at) and at >= centre.since
    }
    pages = await tenant.cards.pages(list(recent))
    before = {
        key: page.changed_before
        for key, page in pages.items()
        if page.changed_before is not None and _is_ours(page, recent[key])
    }
    return [
        replace(one, updated_at=before[key]) if (key := f"{centre.id}/{one.id}") in before else one
        for one in customers
    ]


def _is_ours(page: Page, at: datetime) -> bool:
    """Whether a change of that time, which may be a whole minute, is our write of the page."""
    return (page.at - _CLOCKS_DIFFER).replace(second=0, microsecond=0) <= at <= page.at + _OWN
