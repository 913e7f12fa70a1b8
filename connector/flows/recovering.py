"""After a rest, or on a database restored from a backup: learn what happened meanwhile before anything is written."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from connector.flows.auditing import rebuild
from connector.flows.indexing import ensure
from connector.flows.tenant import Tenant

log = structlog.get_logger()

#: A heartbeat older than this may be that of a restored backup: activities written since then are adopted.
LOST_AFTER = timedelta(hours=1)
#: Pipedrive repeats a webhook for about three minutes; after a longer rest some are missing.
HOOKS_LOST_AFTER = timedelta(minutes=3)
_MARGIN = timedelta(minutes=10)


async def recover(tenant: Tenant, heartbeat: datetime | None) -> None:
    """Catch up with a gap that began at `heartbeat`, the last sign of life (None: the installation is new here)."""
    if heartbeat is None:
        return
    gap = tenant.clock.now() - heartbeat
    if gap > LOST_AFTER:
        adopted = await rebuild(tenant, heartbeat - _MARGIN)
        log.info("rebuilt", installation=tenant.id, adopted=adopted)
    if gap > HOOKS_LOST_AFTER:
        await ensure(tenant, no_older_than=timedelta())
