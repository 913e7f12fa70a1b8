"""Stored webhooks are worked on as they come, those of each installation by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector.errors import ConnectorError, Retryable, Unauthorised
from connector.flows.following import Readings, follow_hint, follow_hook
from connector.flows.tenant import Tenant, Tenants
from connector.metrics import Metrics
from connector.pipedrive.hooks import parse_hook
from connector.store.operations import Deliveries, Received

log = structlog.get_logger()

#: After so many failures in a row the rest of a batch is put off without a try.
_PATIENCE = 3
#: One that fails for a passing reason waits as long as it has waited already, within these bounds.
_SHORTEST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
#: A merge that nobody told us of cannot be swept up later; what is older than this is given up all the same.
_GIVEN_UP_AFTER = timedelta(days=7)
#: Hints at what becomes an activity.
_EVENTS = ("call", "chat", "ticket", "recording")


class Follower:
    """Works on stored webhooks until it is cancelled; whatever breaks is tried again when it is woken."""

    def __init__(
        self,
        tenants: Tenants,
        deliveries: Deliveries,
        metrics: Metrics,
        tell: Callable[[Tenant], None],
        keep: Callable[[Tenant], None],
    ) -> None:
        """`tell` is called for an installation whose contact centre tells of an event it shall know at once.

        `keep` is called for one that has customers or companies to be looked at.
        """
        self._tenants, self._deliveries, self._metrics = tenants, deliveries, metrics
        self._tell, self._keep = tell, keep
        self._woken = asyncio.Event()
        self._following: set[str] = set()
        self._broken: set[str] = set()

    @property
    def works(self) -> bool:
        """Whether the database let it work when that was last tried; one company's own trouble does not count."""
        return not self._broken

    def wake(self) -> None:
        """Look for webhooks to work on."""
        self._woken.set()

    async def run(self) -> None:
        """Work on what is there, and whenever woken on what has come or come due since."""
        async with asyncio.TaskGroup() as group:
            while True:
                with self._noting("webhooks"):
                    waiting = await self._deliveries.waiting_for()
                    self._broken.intersection_update(waiting)
                    for installation_id in waiting:
                        if installation_id not in self._following:
                            self._following.add(installation_id)
                            group.create_task(self._follow_all(installation_id))
                await self._woken.wait()
                self._woken.clear()

    async def _follow_all(self, installation_id: str) -> None:
        """Work on all that waits for one installation."""
        with self._noting(installation_id):
            while received := await self._deliveries.waiting(installation_id):
                tenants = {tenant.id: tenant for tenant in await self._tenants()}
                if tenant := tenants.get(installation_id):
                    await self._follow(tenant, received)
                else:
                    await self._deliveries.done([one.id for one in received], "no active installation")
            # One may have come between the last look and now.
            self.wake()
        self._following.discard(installation_id)

    async def _follow(self, tenant: Tenant, received: Sequence[Received]) -> None:
        """Work on a batch: each record is read again once, however many webhooks named it."""
        read: Readings = {}
        put_off: list[Received] = []
        failures = 0
        for delivery in received:
            if failures == _PATIENCE:
                put_off.append(delivery)
                continue
            try:
                reason = await self._outcome(tenant, delivery, read)
            except (Retryable, Unauthorised) as error:
                log.warning("webhook put off", installation=tenant.id, error=type(error).__name__)
                failures += 1
                put_off.append(delivery)
            else:
                failures = 0
                await self._deliveries.done([delivery.id], reason)
        if put_off:
            now = tenant.clock.now()
            wait = min(max(now - put_off[0].received_at, _SHORTEST_WAIT), _LONGEST_WAIT)
            await self._deliveries.put_off([one.id for one in put_off], now + wait)

    async def _outcome(self, tenant: Tenant, delivery: Received, read: Readings) -> str:
        """Work on one; answers why it could not be followed, if so. Raises what may pass."""
        reason = ""
        try:
            await self._follow_one(tenant, delivery, read)
        except ConnectorError as error:
            passes = isinstance(error, Retryable | Unauthorised)
            if passes and tenant.clock.now() - delivery.received_at < _GIVEN_UP_AFTER:
                raise
            reason = str(error)
            log.warning("webhook not followed", installation=tenant.id, error=type(error).__name__)
        except Exception as error:  # nor may a mistake of ours stop those behind it
            reason = f"a mistake in the connector: {type(error).__name__}"
            log.exception("webhook broke", installation=tenant.id, delivery=delivery.id)
        self._metrics.deliveries.labels(tenant.id, delivery.source.partition(":")[0]).inc()
        return reason

    async def _follow_one(self, tenant: Tenant, delivery: Received, read: Readings) -> None:
        if delivery.source == "pipedrive":
            if await follow_hook(tenant, parse_hook(delivery.body), read):
                self._keep(tenant)
            return
        centre = tenant.centres.get(delivery.source)
        if centre is None:
            return
        hints = centre.api.read_hook(delivery.content_type, delivery.body)
        if tenant.settings.live and any(hint.kind in _EVENTS for hint in hints):
            self._tell(tenant)
        if any([await follow_hint(tenant, centre.id, hint) for hint in hints]):
            self._keep(tenant)

    @contextmanager
    def _noting(self, part: str) -> Iterator[None]:
        """Let nothing that breaks, such as the database, end the work for good."""
        try:
            yield
        except Exception as error:
            if isinstance(error, SQLAlchemyError):
                self._broken.add(part)
            log.exception("webhooks not followed", part=part)
        else:
            self._broken.discard(part)
