"""When things happen: APScheduler calls flows, one line a job, each installation by jobs of its own.

Job times are real time; moving the clock makes every job run at once. What is due is told by the clock and the
database, so that nothing is missed while the machine is off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from connector.errors import ConnectorError
from connector.first_loads import FirstLoads
from connector.flows.collecting import NIGHTLY
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.scanning import scan
from connector.flows.deals.addresses import keep_pages
from connector.flows.deals.back_linking import link_back, try_links_again
from connector.flows.deals.catalogue import keep_catalogue, shows_deals
from connector.flows.deals.healing import heal
from connector.flows.deals.making import settle_doubts
from connector.flows.deals.marking import marks_deals
from connector.flows.deals.mirroring import note_all_changed
from connector.flows.indexing import census, ensure
from connector.flows.installing import keep_hooks, keep_subscriptions, sweep_gap
from connector.flows.tenant import Tenant, Tenants
from connector.following import Follower
from connector.keeping import Keeper
from connector.metrics import Metrics
from connector.runs import Runs, report
from connector.settings import Settings
from connector.store.access import Access
from connector.store.audit import DIAL
from connector.store.devices import Devices
from connector.store.installations import Installations
from connector.store.operations import Deliveries, Operations

log = structlog.get_logger()

#: A job that could not start on time may start this much later; after that the next turn does.
MISFIRE_GRACE_S = 300
BEAT_S = 60
LOOK_S = 15
WATCH_S = 60
SWEEP_S = 900
DAY_S = 86_400
#: The night's work is due from this time (UTC) on, and is looked at about as often as sweeps are.
NIGHT = time(2, 0)
#: Ids outlive an uninstall this long, so that a reinstall writes nothing twice.
KEPT_AFTER_UNINSTALL_DAYS = 90
#: So long the trail says which agent had a number dialled when.
KEPT_DIALS_DAYS = 400

RenewGrant = Callable[[str, str], Awaitable[None]]
#: Tries both vendors, and answers what is amiss.
SelfTest = Callable[[Tenant], Awaitable[list[str]]]
#: Tells people what is wrong now, or no longer.
Watch = Callable[[Tenant], Awaitable[None]]


class Jobs:
    """The scheduled work of a running service."""

    def __init__(
        self, settings: Settings, tenants: Tenants, renew_grant: RenewGrant, installations: Installations,
        deliveries: Deliveries, operations: Operations, access: Access, devices: Devices, metrics: Metrics,
        self_test: SelfTest, watch: Watch,
    ) -> None:  # fmt: skip
        """`tenants` answers the installations that have not ended."""
        self._settings, self._tenants, self._renew_grant = settings, tenants, renew_grant
        self._installations, self._deliveries, self._operations = installations, deliveries, operations
        self._access, self._devices = access, devices
        self._self_test, self._watch = self_test, watch
        self.runs = Runs(tenants, installations, operations, metrics)
        self.keeper = Keeper(tenants, operations, metrics)
        self.loads = FirstLoads(installations, operations)
        self._follower = Follower(tenants, deliveries, metrics, self.runs.sync_soon, self.keeper.soon)
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_S}
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults=defaults, executors={"default": AsyncIOExecutor()}
        )
        self._under_way: set[tuple[str, str]] = set()
        self._working: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all jobs; each installation is caught up with before anything is written for it."""
        await self._installations.seal_anew()
        await self._operations.end_lost()
        every, now = self._scheduler.add_job, datetime.now(UTC)
        every(self.runs.beat, "interval", seconds=BEAT_S, id="heartbeat")
        every(self._housekeep, "interval", seconds=DAY_S, id="housekeeping", next_run_time=now)
        every(
            self._attend, "interval", seconds=min(LOOK_S, self._settings.look_gap), id="installations",
            next_run_time=now,
        )  # fmt: skip
        every(self._watch_all, "interval", seconds=WATCH_S, id="alerts", next_run_time=now)
        self._scheduler.start()
        self._begin(self._follower.run())

    async def stop(self) -> None:
        """Begin nothing more, finish what is being sent, and give back what has not begun."""
        if self._scheduler.running:
            self._scheduler.pause()
        await self.runs.stop()
        await self.keeper.stop()
        await self.loads.stop()
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    @property
    def health(self) -> dict[str, bool]:
        """Whether the scheduler is alive and webhooks are worked on."""
        return {"scheduler": bool(self._scheduler.running), "webhooks": self._follower.works}

    def everything_now(self) -> None:
        """Run each job at once, as when the clock was moved."""
        if self._scheduler.running:
            self._begin(self._run_all())

    async def _run_all(self) -> None:
        await self._attend()
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))

    async def catch_up(self) -> None:
        """Run the activity flow for every installation on all that has happened by now, and wait for it."""
        await self.runs.idle()
        await self.sync_all()
        await self.keeper.idle()
        await self.runs.idle()

    async def sync_all(self) -> None:
        """Run the activity flow for every installation whose sync is on, side by side."""
        running = [tenant for tenant in await self._tenants() if tenant.installed.runs]
        await asyncio.gather(*(self.runs.sync(tenant) for tenant in running))

    def next_run(self, installation_id: str) -> datetime | None:
        """When the activity flow of an installation runs next by itself; None where nothing is planned."""
        job = self._scheduler.get_job(f"activities {installation_id}") if self._scheduler.running else None
        return None if job is None else job.next_run_time

    def hook_arrived(self) -> None:
        """Work on stored webhooks soon."""
        self._follower.wake()

    # for all installations

    async def _attend(self) -> None:
        """Follow who came and who went, and see to what came due; nobody waits for another."""
        self._follower.wake()
        tenants = await self._tenants()
        self._schedule({tenant.id for tenant in tenants})
        for tenant in tenants:
            if tenant.installed.runs:
                for work in (self._look, self._settle, self._link):
                    self._begin_once(work, tenant)

    async def _watch_all(self) -> None:
        """See what is wrong with each installation, those too whose sync is off: that may be what is wrong."""
        for tenant in await self._tenants():
            self._begin_once(self._watch_one, tenant)

    def _schedule(self, installations: set[str]) -> None:
        """Have jobs for these installations, and for no others."""
        scheduled = {str(job.args[0]): job for job in self._scheduler.get_jobs() if job.args}
        for job in self._scheduler.get_jobs():
            if job.args and job.args[0] not in installations:
                job.remove()
        for gone in scheduled.keys() - installations:
            self.runs.forget(gone)
        for one in sorted(installations - scheduled.keys()):
            every, settings = self._scheduler.add_job, self._settings
            jitter = settings.sync_jitter or None
            every(
                self._sync,
                "interval",
                [one],
                seconds=settings.sync_interval,
                jitter=jitter,
                id=f"activities {one}",
            )
            seconds = min(SWEEP_S, settings.sweep_interval_without_hooks)
            every(self._sweep, "interval", [one], seconds=seconds, id=f"sweep {one}")
            every(self._nightly, "interval", [one], seconds=SWEEP_S, jitter=SWEEP_S // 3, id=f"nightly {one}")
            every(
                self._keep_cards, "interval", [one], seconds=SWEEP_S, jitter=SWEEP_S // 3, id=f"cards {one}"
            )

    async def _housekeep(self) -> None:
        """Drop what has been kept long enough, also of installations whose sync is off."""
        for tenant in await self._tenants():
            with self._guarded(tenant, "housekeeping"):
                await tenant.ledger.purge(tenant.settings.payload_days)
                await tenant.changes.purge(tenant.settings.contacts.undo_days)
                await tenant.loads.purge(tenant.settings.payload_days)
                await tenant.live_calls.purge()
                await tenant.audit.purge(DIAL, days=KEPT_DIALS_DAYS)
        await self._deliveries.purge(days=7)
        await self._operations.purge(days=400)
        await self._access.purge()
        await self._devices.purge()
        for installation_id in await self._installations.long_ended(days=KEPT_AFTER_UNINSTALL_DAYS):
            await self._installations.delete_everything(installation_id)
        # A refresh token dies after 60 idle days: each one is used long before.
        idle = await self._installations.idle_grants(days=30)
        await asyncio.gather(*(self._keep_grant_alive(*grant) for grant in idle))

    async def _keep_grant_alive(self, installation_id: str, user_id: str) -> None:
        try:
            await self._renew_grant(installation_id, user_id)
        except ConnectorError as error:
            log.warning("grant not renewed", installation=installation_id, user=user_id, error=str(error))

    # for one installation

    async def _settle(self, tenant: Tenant) -> None:
        """A task of its own: a customer who is made first may have to wait for a contact centre."""
        with self._guarded(tenant, "deals"):
            await settle_doubts(tenant, self._operations)
            await heal(tenant)

    async def _look(self, tenant: Tenant) -> None:
        with self._guarded(tenant, "catalogue"):
            await keep_catalogue(tenant)
        with self._guarded(tenant, "second look"):
            await self.runs.look(tenant)
            await self.keeper.look(tenant)

    async def _link(self, tenant: Tenant) -> None:
        """A task of its own: a contact centre that hangs keeps nothing but links waiting."""
        with self._guarded(tenant, "links"):
            await link_back(tenant)

    async def _watch_one(self, tenant: Tenant) -> None:
        with self._guarded(tenant, "alerts"):
            await self._watch(tenant)

    async def _sync(self, installation_id: str) -> None:
        if tenant := await self._running(installation_id):
            await self.runs.sync(tenant)

    async def _sweep(self, installation_id: str) -> None:
        if tenant := await self._running(installation_id):
            with self._guarded(tenant, "sweep"):
                await keep_subscriptions(tenant, self._installations)
                await ensure(tenant, no_older_than=await sweep_gap(tenant, self._installations))
                await self.keeper.look(tenant)

    async def _nightly(self, installation_id: str) -> None:
        """Once a night, or as soon after it as the service is up."""
        tenant = await self._running(installation_id)
        if tenant is None or not await self._is_night_due(tenant):
            return
        with self._guarded(tenant, "nightly"):
            await tenant.ledger.wake_all()
            await try_links_again(tenant)
            await keep_hooks(tenant, self._installations)
            await keep_subscriptions(tenant, self._installations, look=True)
        with self._guarded(tenant, "census"):
            await census(tenant)
        if in_step(tenant) or shows_deals(tenant) or marks_deals(tenant):
            with self._guarded(tenant, "special fields"):
                await keep_special_fields(tenant, self._installations)
        with self._guarded(tenant, "self-test"):
            await self._self_test(tenant)
        if in_step(tenant):
            await self._compare_everybody(tenant)
        await self.runs.sync(tenant, cause="nightly", back=NIGHTLY, after_others=True)

    async def _compare_everybody(self, tenant: Tenant) -> None:
        """One contact centre that is down holds up neither the others nor what is marked."""
        for centre in tenant.centres.values():
            with self._guarded(tenant, "scan"):
                await scan(tenant, centre)
        await self.keeper.look(tenant)

    async def _keep_cards(self, installation_id: str) -> None:
        """Once a night, and as soon as the settings name a field for the address of our pages, or a group for deals."""
        if (tenant := await self._running(installation_id)) is None:
            return
        night = _latest_night(tenant.clock.now())
        for centre in tenant.centres.values():
            with self._guarded(tenant, "pages"):
                await keep_pages(tenant, centre, no_older_than=night)
        with self._guarded(tenant, "mirror"):
            await note_all_changed(tenant, no_older_than=night)
        await self.keeper.look(tenant)

    async def _is_night_due(self, tenant: Tenant) -> bool:
        begun = await self._operations.last_begun(tenant.id, "nightly")
        return begun is None or begun < _latest_night(tenant.clock.now())

    async def _running(self, installation_id: str) -> Tenant | None:
        """The installation as it is set up now, unless its sync is off."""
        tenants = {tenant.id: tenant for tenant in await self._tenants() if tenant.installed.runs}
        return tenants.get(installation_id)

    # helpers

    def _begin_once(self, work: Callable[[Tenant], Awaitable[None]], tenant: Tenant) -> None:
        """Begin it unless it is under way for that installation."""
        key = (work.__name__, tenant.id)

        async def run() -> None:
            try:
                await work(tenant)
            finally:
                self._under_way.discard(key)

        if key not in self._under_way:
            self._under_way.add(key)
            self._begin(run())

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    @contextmanager
    def _guarded(self, tenant: Tenant, job: str) -> Iterator[None]:
        """Let one installation's trouble not reach the others."""
        try:
            yield
        except ConnectorError as error:
            report(tenant, job, error)
        except Exception:
            log.exception("job broke", job=job, installation=tenant.id)


def _latest_night(now: datetime) -> datetime:
    """When the night's work was last due."""
    tonight = datetime.combine(now.date(), NIGHT, UTC)
    return tonight if tonight <= now else tonight - timedelta(days=1)
