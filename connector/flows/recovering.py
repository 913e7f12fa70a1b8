"""After a rest, or on a database restored from a backup: learn what happened meanwhile before anything is written."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from connector.flows.auditing import rebuild
from connector.flows.indexing import ensure
from connector.flows.tenant import Tenant
from connector.store.operations import Operations

log = structlog.get_logger()

#: Pipedrive repeats a webhook for about three minutes; after a longer rest some are missing.
HOOKS_LOST_AFTER = timedelta(minutes=3)
_MARGIN = timedelta(minutes=10)


async def recover(tenant: Tenant, operations: Operations) -> None:
    """Learn what happened since the last sign of life, before anything is written, and note that this is known."""
    await catch_up(tenant, await operations.last_beat(tenant.id))
    await operations.beat([tenant.id])


async def catch_up(tenant: Tenant, heartbeat: datetime | None) -> None:
    """Catch up with a gap that began at `heartbeat`, the last sign of life (None: the installation is new here).

    However short it is, a backup may have been put back in it: activities written since then are adopted.
    """
    if heartbeat is None:
        return
    adopted = await rebuild(tenant, heartbeat - _MARGIN)
    log.info("rebuilt", installation=tenant.id, adopted=adopted)
    if tenant.clock.now() - heartbeat > HOOKS_LOST_AFTER:
        await ensure(tenant, no_older_than=timedelta())
