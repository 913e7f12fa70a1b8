"""The field of deals that holds our marker: found or made before the first deal is sent, whoever opens it."""

from __future__ import annotations

from datetime import timedelta

import structlog

from connector.errors import Rejected, UnknownOutcome
from connector.flows.contacts.linking import find_or_create_fields
from connector.flows.tenant import Tenant

log = structlog.get_logger()

#: What the plan or a right does not allow is not tried again for so long, unless the settings are saved.
_AGAIN = timedelta(days=1)


async def marker_field(tenant: Tenant) -> str | None:
    """The code of the field, or None: deals are then told by title, person, owner and time.

    Where the settings do not name it yet, it is found by its name, or made (10 tokens, and 5), once in a process; the
    night has the settings name it.
    """
    at_hand = tenant.deals_at_hand
    code = tenant.settings.special_fields.deal_marker
    if code is None:
        async with at_hand.lock("marker", ""):
            if at_hand.marker is None:
                await _find_or_make(tenant)
            code = at_hand.marker
    return None if code in at_hand.unmarked else code


def marks_deals(tenant: Tenant) -> bool:
    """Whether there is such a field already."""
    return (tenant.settings.special_fields.deal_marker or tenant.deals_at_hand.marker) is not None


async def _find_or_make(tenant: Tenant) -> None:
    at_hand, now = tenant.deals_at_hand, tenant.clock.now()
    if at_hand.markable_from is not None and now < at_hand.markable_from:
        return
    try:
        fields, problems = await find_or_create_fields(tenant, ["deal"])
    except UnknownOutcome:
        # It may be made in a while, and is then found by its name.
        at_hand.markable_from = now + timedelta(seconds=tenant.service.first_look)
    except Rejected as error:
        log.warning("no field for markers", installation=tenant.id, error=type(error).__name__)
        at_hand.markable_from = now + _AGAIN
    else:
        at_hand.marker = fields.deal_marker
        at_hand.markable_from = now + _AGAIN if problems else None
