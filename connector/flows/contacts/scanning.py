"""The repair scan of a contact centre, which lists no changes: all its customers and companies, a thousand a page.

It fills the index of that side, marks what differs from its base, and finds out what is gone: a pair whose record was
not met is asked for by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from datetime import timedelta

import structlog

from connector.errors import Rejected
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, CentreRecord, Kind, is_own_card, read_centre
from connector.flows.contacts.marking import met_in_centre
from connector.flows.deals.addresses import as_others_left
from connector.flows.tenant import Centre, Tenant
from connector.records import Customer
from connector.store.dirty import Mark, Side, Urgency
from connector.store.index import Indexable

log = structlog.get_logger()

CAUSE = "scan"
#: A scan that is older says too little about who is there.
_OLDEST = timedelta(hours=26)


async def ensure_scanned(tenant: Tenant, centre: Centre, kind: Kind) -> None:
    """See that everybody of a kind in a contact centre is known before a record there is called missing."""
    async with tenant.contacts.scanning:
        done = (await tenant.index.progress(pass_of(kind, centre))).filled_at
        if done is None or tenant.clock.now() - done > _OLDEST:
            await _scan_kind(tenant, centre, kind)


async def scan(tenant: Tenant, centre: Centre) -> int:
    """Read everything once; answers how many records were marked. What the account may not see is left out."""
    marked = 0
    async with tenant.contacts.scanning:
        for kind in (COMPANIES, CUSTOMERS):
            try:
                marked += await _scan_kind(tenant, centre, kind)
            except Rejected as error:
                log.warning(
                    "not scanned",
                    installation=tenant.id,
                    connection=centre.id,
                    kind=kind.entity,
                    error=str(error),
                )
    return marked


async def _scan_kind(tenant: Tenant, centre: Centre, kind: Kind) -> int:
    marked = 0

    async def mark(records: Sequence[CentreRecord]) -> None:
        nonlocal marked
        if kind is CUSTOMERS:
            records = await as_others_left(
                tenant, centre, [one for one in records if isinstance(one, Customer)]
            )
        marked += await met_in_centre(tenant, kind, centre, records, urgency=Urgency.SWEEP, cause=CAUSE)

    await read_all(tenant, centre, kind, mark)
    return marked


async def read_all(
    tenant: Tenant, centre: Centre, kind: Kind, met: Callable[[Sequence[CentreRecord]], Awaitable[None]]
) -> None:
    """Give each page of all records to `met`, which sees to the index, and find out who is gone."""
    begun = tenant.clock.now()
    there = set[str]()
    async for records in _pages(centre, kind):
        await met(records)
        there.update(f"{centre.id}/{record.id}" for record in records if not is_own_card(record))
    pairs = await tenant.bindings.all_of(kind.entity, centre.id)
    known = await tenant.index.ids(kind.centre)
    missing = [key for key in {*pairs, *known} - there if key.rpartition("/")[0] == centre.id]
    await _confirm_gone(tenant, kind, missing, pairs.keys())
    await tenant.index.note(pass_of(kind, centre), filled_at=begun)


async def _confirm_gone(tenant: Tenant, kind: Kind, missing: Sequence[str], paired: Set[str]) -> None:
    """A record that a list did not show may still be there: pairs are marked, to be asked for one by one."""
    marks = [Mark(kind.entity, Side.CENTRE, key) for key in missing if key in paired]
    await tenant.dirty.mark(marks, urgency=Urgency.SWEEP, cause=CAUSE)
    for key in missing:
        if key in paired:
            continue
        record = await read_centre(tenant, kind, key)
        if record is None or is_own_card(record):
            await tenant.index.put([Indexable(kind.centre, key, gone=True)])


def _pages(centre: Centre, kind: Kind) -> AsyncIterator[Sequence[CentreRecord]]:
    return centre.api.customers() if kind is CUSTOMERS else centre.api.companies()


def pass_of(kind: Kind, centre: Centre) -> str:
    """What the index's progress of a kind in one contact centre is known by."""
    return f"{kind.centre} {centre.id}"
