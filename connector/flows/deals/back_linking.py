"""The address of a deal comes into the ticket that it was opened from: into its link field, or else as a comment.

Each way may be gone twice: a field holds its value once, and a comment is not added beside its like.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import structlog

from connector.centres.port import ContactCentre
from connector.errors import ConnectorError, NotFound, Rejected, Retryable
from connector.flows.contacts.kinds import asking, centre_of
from connector.flows.deals.patience import Patience
from connector.flows.deals.reasons import _
from connector.flows.tenant import Tenant
from connector.flows.worker import retry_wait
from connector.store.opened import Link, OpenedRow

log = structlog.get_logger()

#: Real seconds for which whoever opened a deal waits for its link.
_SECONDS = 3.0

NO_TICKET = _("The contact centre has no such ticket any more.")
NOT_TAKEN = _("The contact centre does not take the link. It is tried again by itself.")
#: A link that was given up is tried each night of as many days.
_TRIED_FOR = timedelta(days=30)
GIVEN_UP = _("The contact centre did not take the link. Copy the deal's address into the ticket.")


async def link_back(tenant: Tenant) -> Counter[str]:
    """Write every link that is due; answers how many tickets show it, and how."""
    counts: Counter[str] = Counter()
    patience = Patience()
    for row in await tenant.deals.links_due():
        if patience.is_out(_connection(row)):
            # Not tried, so that it counts as no attempt.
            wait = retry_wait(row.link_attempts, tenant.service)
            await tenant.deals.begin_link(row, lease_s=wait)
            counts[str(Link.DUE)] += 1
        else:
            counts[str(await _link(tenant, row, patience))] += 1
    return counts


async def link_soon(tenant: Tenant, row: OpenedRow) -> Link:
    """Write a link while somebody waits, a few seconds at most; what is not done by then is done by `link_back`."""
    if row.link_state is Link.DUE:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                return await _link(tenant, row, Patience())
    return row.link_state


def _connection(row: OpenedRow) -> str:
    return (row.ticket_id or "").rpartition("/")[0]


async def _link(tenant: Tenant, row: OpenedRow, patience: Patience) -> Link:
    if not await tenant.deals.begin_link(row, lease_s=tenant.service.lease):
        return row.link_state
    try:
        how = await _show(tenant, row)
    except NotFound:
        return await _not_shown(tenant, row, NO_TICKET, again_in=None)
    except ConnectorError as error:
        (patience.answered if isinstance(error, Rejected) else patience.failed)(_connection(row))
        after = error.after if isinstance(error, Retryable) else None
        return await _not_shown(
            tenant, row, NOT_TAKEN, again_in=after or retry_wait(row.link_attempts, tenant.service)
        )
    except Exception:  # a mistake of ours must not stop the other links
        log.exception("link broke", installation=tenant.id, ticket=row.ticket_id)
        return await _not_shown(
            tenant, row, NOT_TAKEN, again_in=retry_wait(row.link_attempts, tenant.service)
        )
    patience.answered(_connection(row))
    await tenant.deals.linked(row, how)
    return how


async def try_links_again(tenant: Tenant) -> None:
    """Once a night a link that was given up is tried once more: somebody may have granted the right."""
    await tenant.deals.retry_links(GIVEN_UP, since=tenant.clock.now() - _TRIED_FOR)


async def _not_shown(tenant: Tenant, row: OpenedRow, reason: str, *, again_in: float | None) -> Link:
    if again_in is not None and row.link_attempts + 1 < tenant.service.retry_limit:
        again_at = tenant.clock.now() + timedelta(seconds=again_in)
        await tenant.deals.not_linked(row, reason, again_at=again_at)
        return Link.DUE
    log.warning("deal not linked", installation=tenant.id, ticket=row.ticket_id, deal=row.deal_id)
    await tenant.deals.not_linked(row, GIVEN_UP if again_in is not None else reason, again_at=None)
    return Link.FAILED


async def _show(tenant: Tenant, row: OpenedRow) -> Link:
    centre, ticket_id = centre_of(tenant, row.ticket_id or "")
    page, _ = tenant.record_page("deal", row.deal_id or ""), tenant.translate
    name = tenant.settings.special_fields.ticket_deal_link
    async with asking(centre, row.ticket_id or "") as there:
        is_for_field = name is not None and await _has_the_field(tenant, row)
        if name is not None and is_for_field and await _is_filled(there.api, ticket_id, name, page):
            return Link.FIELD
        # The bracket ends the address, so that deal 1 is not taken for deal 12.
        text = f"{page} ({_('the deal in Pipedrive')})"
        await there.api.comment_ticket(ticket_id, text, once=f"{page} (")
    return Link.COMMENT


async def _has_the_field(tenant: Tenant, row: OpenedRow) -> bool:
    """Whether the ticket's field is this deal's: it is the first's, and further ones are told by comments."""
    standing = [one.ordinal for one in await tenant.deals.of_ticket(row.ticket_id or "") if one.stands]
    return row.ordinal <= min(standing, default=row.ordinal)


async def _is_filled(api: ContactCentre, ticket_id: str, name: str, page: str) -> bool:
    try:
        return await api.set_ticket_field(ticket_id, name, page)
    except NotFound:
        raise
    except Rejected:
        return False
