"""A deal that was sent more than once may arrive twice: the second one is taken away if nobody has touched it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import structlog

from connector.errors import ConnectorError, NotFound, Rejected
from connector.flows.deals.sending import body_of, copies
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Deal
from connector.store.opened import OpenedRow

log = structlog.get_logger()

_UNEDITED = timedelta(seconds=2)
#: An effect that comes later than this after our last send is not taken for one of ours.
_LANDS_WITHIN = timedelta(hours=1)


async def heal(tenant: Tenant) -> Counter[str]:
    """Delete doubles of deals that were sent again (10 tokens a look, 3 a double); answers how many."""
    counts: Counter[str] = Counter()
    for row in await tenant.deals.to_heal():
        try:
            counts["healed"] += await _heal(tenant, row)
        except Exception as error:  # one that cannot be looked for must not stop the others
            if isinstance(error, ConnectorError):
                log.warning("double not looked for", installation=tenant.id, error=type(error).__name__)
            else:
                log.exception("healing broke", installation=tenant.id, deal=row.deal_id)
            later = tenant.clock.now() + timedelta(seconds=tenant.service.healing_looks[0])
            await tenant.deals.heal_later(row, next_at=later)
    return counts


async def _heal(tenant: Tenant, row: OpenedRow) -> int:
    healed = 0
    # Without a marker nobody can tell a double from another deal of the same title.
    if "custom_fields" in body_of(row):
        for deal in await copies(tenant, row):
            healed += deal.id != row.deal_id and await _delete(tenant, row, deal)
    waits = tenant.service.healing_looks[row.looks + 1 : row.looks + 2]
    next_at = tenant.clock.now() + timedelta(seconds=waits[0]) if waits else None
    await tenant.deals.healed(row, next_at=next_at)
    return healed


async def _delete(tenant: Tenant, row: OpenedRow, deal: Deal) -> bool:
    if not _is_as_sent(tenant, row, deal):
        log.warning("deal there twice", installation=tenant.id, deal=row.deal_id, other=deal.id)
        return False
    try:
        await tenant.pipedrive.on(Lane.CONTACTS).delete_deal(deal.id)
    except NotFound:
        return False
    except Rejected as error:
        log.warning("double not deleted", installation=tenant.id, deal=deal.id, error=str(error))
        return False
    return True


def _is_as_sent(tenant: Tenant, row: OpenedRow, deal: Deal) -> bool:
    """Whether we made it around our sends and nobody has edited it: a person's copy of it, with its marker, stays."""
    if deal.creator_user_id != tenant.installed.owner_user_id or not deal.add_time or not deal.update_time:
        return False
    near = abs(deal.add_time - row.server_time) <= _LANDS_WITHIN
    untouched = deal.update_time - deal.add_time <= _UNEDITED and deal.status == "open"
    return near and untouched and deal.title == body_of(row).get("title")
