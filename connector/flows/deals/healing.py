"""A deal that was sent more than once may arrive twice: the second one is taken away if nobody has touched it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import structlog

from connector.errors import NotFound, Rejected
from connector.flows.deals.sending import body_of, copies
from connector.flows.tenant import Tenant
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Deal
from connector.store.deals import OpenedRow

log = structlog.get_logger()

_UNEDITED = timedelta(seconds=2)
#: An effect that comes later than this after our last send is not taken for one of ours.
_LANDS_WITHIN = timedelta(hours=1)


async def heal(tenant: Tenant) -> Counter[str]:
    """Delete doubles of deals that were sent again (10 tokens a look, 3 a double); answers how many."""
    counts: Counter[str] = Counter()
    for row in await tenant.deals.to_heal():
        # Without a marker nobody can tell a double from another deal of the same title.
        if "custom_fields" in body_of(row):
            doubles = [deal for deal in await copies(tenant, row) if deal.id != row.deal_id]
            for deal in doubles:
                counts["healed"] += await _delete(tenant, row, deal)
        waits = tenant.service.healing_looks[row.looks + 1 : row.looks + 2]
        next_at = tenant.clock.now() + timedelta(seconds=waits[0]) if waits else None
        await tenant.deals.healed(row, next_at=next_at)
    return counts


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
