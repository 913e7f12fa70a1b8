"""When things happen: APScheduler calls flows, one line a job; webhooks are worked on as they come.

Job times are real time; moving the clock makes every job run at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from connector.centres.port import ContactCentre
from connector.clock import Clock
from connector.errors import ConnectorError, Unauthorised
from connector.flows.activities import Writing
from connector.flows.collecting import NIGHTLY, OVERLAP
from connector.flows.indexing import census, ensure, follow_hook
from connector.flows.installing import keep_hooks, keep_subscriptions, sweep_gap
from connector.flows.recovering import recover
from connector.flows.sync import look_again, sync
from connector.flows.tenant import Tenant
from connector.metrics import Metrics
from connector.pipedrive.hooks import parse_hook
from connector.settings import Settings
from connector.store.installations import Installations
from connector.store.ledger import State
from connector.store.operations import Deliveries, Operations, Received

log = structlog.get_logger()

#: A job that could not start on time may start this much later; after that the next turn does.
MISFIRE_GRACE_S = 300
BEAT_S = 60
#: Ids outlive an uninstall this long, so that a reinstall writes nothing twice.
KEPT_AFTER_UNINSTALL_DAYS = 90
LOOK_S = 15
DAY_S = 86_400
NIGHTLY_ID = "nightly"
_LIVE_DELAY_S = 2.0

Tenants = Callable[[], Awaitable[list[Tenant]]]
RenewGrant = Callable[[str, str], Awaitable[None]]


class Jobs:
    """The scheduled work of a running service."""

    def __init__(
        self, settings: Settings, tenants: Tenants, renew_grant: RenewGrant, installations: Installations,
        deliveries: Deliveries, operations: Operations, metrics: Metrics,
    ) -> None:  # fmt: skip
        """`tenants` answers the installations whose sync is on."""
        self._settings, self._tenants, self._renew_grant = settings, tenants, renew_grant
        self._installations = installations
        self._deliveries, self._operations, self._metrics = deliveries, operations, metrics
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_S}
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults=defaults, executors={"default": AsyncIOExecutor()}
        )
        self._arrived = asyncio.Event()
        self._begun: set[Writing] = set()
        self._recovered: set[str] = set()
        self._awaited: set[str] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._runs: dict[str, asyncio.Lock] = {}
        self._stopping = False
        self._today: date | None = None

    async def start(self) -> None:
        """Adopt what a lost database forgot, then start all jobs."""
        await self._installations.seal_anew()
        await self.recover()
        every = self._scheduler.add_job
        every(self._beat, "interval", seconds=BEAT_S, id="heartbeat")
        every(
            self.sync_all, "interval", id="activities", seconds=self._settings.sync_interval,
            jitter=self._settings.sync_jitter or None,
        )  # fmt: skip
        every(self._look, "interval", seconds=min(LOOK_S, self._settings.look_gap), id="second looks")
        every(
            self._sweep,
            "interval",
            seconds=min(900, self._settings.sweep_interval_without_hooks),
            id="sweeps",
        )
        every(self._nightly, "cron", hour=2, minute=17, jitter=900, id=NIGHTLY_ID)
        self._scheduler.start()
        # What was stored before the service went down waits.
        self._arrived.set()
        self._begin(self._follow_hooks())

    async def stop(self) -> None:
        """Begin nothing more, finish what is being sent, and give back what has not begun."""
        self._stopping = True
        if self._scheduler.running:
            self._scheduler.pause()
        for writing in self._begun:
            writing.stop()
        self._arrived.set()
        await self._idle()
        for task in list(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    @property
    def running(self) -> bool:
        """Whether the scheduler is alive."""
        return bool(self._scheduler.running)

    def everything_now(self, today: date) -> None:
        """Run each job at once, as when the clock was moved; the nightly one only if that made it another day."""
        for job in self._scheduler.get_jobs():
            if job.id != NIGHTLY_ID or today != self._today:
                job.modify(next_run_time=datetime.now(UTC))
        self._today = today

    async def catch_up(self) -> None:
        """Run the activity flow for every installation on all that has happened by now, and wait for it."""
        await self._idle()
        await self.sync_all()
        await self._idle()

    async def _idle(self) -> None:
        for lock in list(self._runs.values()):
            async with lock:
                pass

    def hook_arrived(self) -> None:
        """Work on stored webhooks soon."""
        self._arrived.set()

    async def recover(self) -> None:
        """Catch up with what happened while nobody was here; who cannot be reached is caught up with before a run."""
        for tenant in await self._tenants():
            with self._guarded(tenant, "recovery"):
                await self._recover(tenant)

    async def _recover(self, tenant: Tenant) -> None:
        if tenant.id not in self._recovered:
            await recover(tenant, await self._operations.last_beat(tenant.id))
            self._recovered.add(tenant.id)
            await self._operations.beat([tenant.id])

    # the main job

    async def sync_all(self) -> None:
        """Run the activity flow for every installation, side by side."""
        await asyncio.gather(*(self.sync(tenant) for tenant in await self._tenants()))

    async def sync(
        self, tenant: Tenant, *, cause: str = "schedule", back: timedelta | None = None
    ) -> Counter[str]:
        """Run the activity flow once for one installation, unless a run is under way; answers its counts."""
        lock = self._runs.setdefault(tenant.id, asyncio.Lock())
        if self._stopping or lock.locked():
            return Counter()
        async with lock:
            run_id = await self._operations.begin_run(tenant.id, cause)
            begun: list[Writing] = []
            counts, outcome = Counter[str](), "failed"
            try:
                await self._recover(tenant)
                with self._metrics.runs.labels(tenant.id).time():
                    counts = await sync(tenant, back=back or OVERLAP, begun=partial(self._hold, begun))
                outcome = "finished"
                if tenant.installed.reason:
                    await self._installations.set_reason(tenant.id, "")
            except ConnectorError as error:
                outcome = f"{type(error).__name__}: {error}"
                self._report(tenant, "sync", error)
                if isinstance(error, Unauthorised):
                    # It is tried again at each run: a refusal may pass. Until then the installation says what to do.
                    await self._installations.set_reason(tenant.id, f"Pipedrive refuses the token: {error}")
            except Exception as error:  # a mistake of ours must not stop the other installations
                outcome = f"a mistake in the connector: {type(error).__name__}"
                log.exception("run broke", installation=tenant.id)
            finally:
                self._begun.difference_update(begun)
                await self._operations.end_run(run_id, counts, outcome)
            self._count(tenant, counts)
            log.info("run ended", installation=tenant.id, cause=cause, outcome=outcome, **counts)
            return counts

    def _hold(self, begun: list[Writing], writing: Writing) -> None:
        begun.append(writing)
        self._begun.add(writing)
        if self._stopping:
            writing.stop()

    def _count(self, tenant: Tenant, counts: Counter[str]) -> None:
        for name, number in counts.items():
            self._metrics.outcomes.labels(tenant.id, name).inc(number)

    # the others

    async def _beat(self) -> None:
        await self._operations.beat(list(self._recovered))

    async def _look(self) -> None:
        for tenant in await self._tenants():
            due = await tenant.doubts.next_due()
            if due is not None and due <= tenant.clock.now():
                with self._guarded(tenant, "second look"):
                    await self._recover(tenant)
                    self._count(tenant, await look_again(tenant))
                    if (await tenant.ledger.counts())[State.NEW]:
                        await self.sync(tenant, cause="second look")

    async def _sweep(self) -> None:
        for tenant in await self._tenants():
            with self._guarded(tenant, "sweep"):
                await keep_subscriptions(tenant, self._installations)
                await ensure(tenant, no_older_than=await sweep_gap(tenant, self._installations))

    async def _nightly(self) -> None:
        for tenant in await self._tenants():
            with self._guarded(tenant, "nightly"):
                await tenant.ledger.purge(tenant.settings.payload_days)
                await tenant.ledger.wake_all()
                await keep_hooks(tenant, self._installations)
                await keep_subscriptions(tenant, self._installations, look=True)
                await census(tenant)
            await self.sync(tenant, cause="nightly", back=NIGHTLY)
        await self._deliveries.purge(days=7)
        await self._operations.purge(days=400)
        for installation_id in await self._installations.long_ended(days=KEPT_AFTER_UNINSTALL_DAYS):
            await self._installations.delete_everything(installation_id)
        await self._keep_grants_alive()

    async def _keep_grants_alive(self) -> None:
        """A refresh token dies after 60 idle days: use each one long before."""
        for installation_id, user_id in await self._installations.idle_grants(days=30):
            try:
                await self._renew_grant(installation_id, user_id)
            except ConnectorError as error:
                log.warning("grant not renewed", installation=installation_id, user=user_id, error=str(error))

    # webhooks

    async def _follow_hooks(self) -> None:
        while not self._stopping:
            await self._arrived.wait()
            self._arrived.clear()
            while not self._stopping and (received := await self._deliveries.waiting()):
                tenants = {tenant.id: tenant for tenant in await self._tenants()}
                await self._follow(tenants, received)

    async def _follow(self, tenants: dict[str, Tenant], received: list[Received]) -> None:
        """Work on a batch: each record is read again once, however many webhooks named it."""
        seen: set[tuple[str, str, str, str | None]] = set()
        for delivery in received:
            reason = ""
            tenant = tenants.get(delivery.installation_id)
            if tenant is None:
                reason = "no active installation"
            else:
                try:
                    await self._follow_one(tenant, delivery, seen)
                except ConnectorError as error:
                    # The sweep is the net: a webhook that cannot be followed is not tried for ever.
                    reason = str(error)
                    self._report(tenant, "webhook", error)
                except Exception as error:  # nor may a mistake of ours stop those behind it
                    reason = f"a mistake in the connector: {type(error).__name__}"
                    log.exception("webhook broke", installation=tenant.id, delivery=delivery.id)
                self._metrics.deliveries.labels(tenant.id, delivery.source.partition(":")[0]).inc()
            await self._deliveries.done([delivery.id], reason)

    async def _follow_one(
        self, tenant: Tenant, delivery: Received, seen: set[tuple[str, str, str, str | None]]
    ) -> None:
        if delivery.source == "pipedrive":
            event = parse_hook(delivery.body)
            key = (tenant.id, event.entity, event.entity_id or "", event.merged_to)
            if key not in seen:
                seen.add(key)
                await follow_hook(tenant, event)
            return
        centre = tenant.centres.get(delivery.source)
        if centre is not None and tenant.settings.live and _tells_of_events(centre.api, delivery):
            self._sync_soon(tenant)

    def _sync_soon(self, tenant: Tenant) -> None:
        """Near real time: one run for all that arrives within a moment."""
        if tenant.id not in self._awaited:
            self._awaited.add(tenant.id)
            self._begin(self._sync_awaited(tenant.id, tenant.clock))

    async def _sync_awaited(self, installation_id: str, clock: Clock) -> None:
        await clock.sleep(_LIVE_DELAY_S)
        # A run under way may have read the contact centre too early to know of this event.
        async with self._runs.setdefault(installation_id, asyncio.Lock()):
            self._awaited.discard(installation_id)
        # Settings may have changed since the event was told.
        for tenant in await self._tenants():
            if tenant.id == installation_id:
                await self.sync(tenant, cause="webhook")

    # helpers

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    @contextmanager
    def _guarded(self, tenant: Tenant, job: str) -> Iterator[None]:
        """Let one installation's trouble not reach the others."""
        try:
            yield
        except ConnectorError as error:
            self._report(tenant, job, error)

    def _report(self, tenant: Tenant, job: str, error: ConnectorError) -> None:
        log.warning(
            "job failed", job=job, installation=tenant.id, error=type(error).__name__, message=str(error)
        )


def _tells_of_events(api: ContactCentre, delivery: Received) -> bool:
    hints = api.read_hook(delivery.content_type, delivery.body)
    return any(hint.kind in ("call", "chat", "ticket", "recording") for hint in hints)
