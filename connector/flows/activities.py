"""New ledger entries become completed Pipedrive activities, each exactly once.

decide a batch -> claim, committed -> ask for the topic -> write -> settle in groups. The stages overlap: while one
batch is written topics of the next are asked for, and the one after that is decided.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from connector.errors import ConnectorError, Rejected, UnknownOutcome, Unreachable
from connector.flows.clicked import look_again
from connector.flows.deciding import Plan, decide, draft, topic_of, wants_topic
from connector.flows.indexing import refresh
from connector.flows.tenant import Tenant
from connector.flows.worker import HALTING, decide_failure
from connector.pipedrive.budget import Lane
from connector.pipedrive.client import Pipedrive
from connector.records import ActivityDraft, Call, CallTopic, Event
from connector.store.entries import Claim, Due, Settlement, State, claims_of

log = structlog.get_logger()

BATCH = 500
#: A contact centre that leaves so many topics in a row unanswered is not waited for any more in this run.
_PATIENCE = 3
_SETTLE_EVERY_S = 0.2


@dataclass(slots=True)
class _Job:
    claim: Claim
    plan: Plan
    topic: CallTopic | None = None
    asked: bool = False


@dataclass(slots=True, eq=False)
class Writing:
    """One run over the new entries of an installation, or `only` over one of them; `stop` ends it after what has begun."""

    tenant: Tenant
    lane: Lane
    only: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    halted_by: ConnectorError | None = None
    _api: Pipedrive = field(init=False)
    _unasked: asyncio.Queue[_Job | None] = field(default_factory=lambda: asyncio.Queue(BATCH))
    _ready: asyncio.Queue[_Job | None] = field(default_factory=lambda: asyncio.Queue(BATCH))
    _settled: asyncio.Queue[Settlement | None] = field(default_factory=asyncio.Queue)
    _tokens: set[str] = field(default_factory=set)
    _unanswered: Counter[str] = field(default_factory=Counter)
    _asking: set[asyncio.Timeout] = field(default_factory=set)
    _stopping: bool = False

    def __post_init__(self) -> None:
        """Take the client in the run's own lane."""
        self._api = self.tenant.pipedrive.on(self.lane)

    def stop(self) -> None:
        """Begin nothing more; what was sent is finished and settled."""
        self._stopping = True
        while self._asking:
            self._asking.pop().reschedule(0)

    async def run(self) -> Counter[str]:
        """Write every entry that is new when its turn comes; answers counts by outcome.

        Raises what stopped the reading side, after everything that was sent has been settled.
        """
        connections = self.tenant.service.pipedrive_connections
        askers = [asyncio.create_task(self._ask()) for _ in range(connections)]
        writers = [asyncio.create_task(self._write()) for _ in range(connections)]
        settling = asyncio.create_task(self._settle())
        renewing = asyncio.create_task(self._keep_claims())
        try:
            await self._feed()
        except asyncio.CancelledError:
            self.stop()
            raise
        finally:
            await self._even_if_cancelled(self._end(askers, writers, settling))
            renewing.cancel()
            await asyncio.wait([renewing])
        return self.counts

    async def _end(
        self,
        askers: Sequence[asyncio.Task[None]],
        writers: Sequence[asyncio.Task[None]],
        settling: asyncio.Task[None],
    ) -> None:
        """Let each stage end after the one before it and settle all that was done; raises what broke a writer."""
        for _ in askers:
            await self._unasked.put(None)
        await asyncio.wait(askers)
        for _ in writers:
            await self._ready.put(None)
        ended = await asyncio.gather(*writers, return_exceptions=True)
        await self._settled.put(None)
        await settling
        for outcome in ended:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _even_if_cancelled(self, work: Coroutine[object, object, None]) -> None:
        """Finish `work` before a cancellation is passed on: what was sent must be settled, what was not, given back."""
        ending = asyncio.ensure_future(work)
        cancelled = False
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                self.stop()
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError

    async def _feed(self) -> None:
        tenant, after = self.tenant, 0
        due = Due.BACKFILL if self.lane is Lane.BACKFILL else Due.LIVE
        while not self._stopping and (
            entries := await tenant.ledger.new(BATCH, after=after, lane=due, only=self.only)
        ):
            after = entries[-1].id
            decided = await decide(tenant, entries)
            await tenant.ledger.record(decided.verdicts)
            self.counts.update(verdict.state for verdict in decided.verdicts)
            await self._bind(decided.pairs)
            # What is claimed must reach a writer, who gives it back if it is not to be begun any more.
            await self._even_if_cancelled(self._claim(decided.plans))

    async def _bind(self, pairs: dict[str, str]) -> None:
        if pairs:
            await self.tenant.bindings.bind(pairs, at=self.tenant.clock.now())
            woken = [customer.partition("/")[2] for customer in pairs]
            await self.tenant.ledger.wake(customer_ids=woken)

    async def _claim(self, plans: Sequence[Plan]) -> None:
        if not plans or self._stopping:
            return
        tenant = self.tenant
        token = ("" if tenant.run_id is None else claims_of(tenant.run_id)) + secrets.token_hex(8)
        self._tokens.add(token)
        sent_at = await self._api.server_time()
        claims = await tenant.ledger.claim(
            [plan.entry for plan in plans], token, lease_s=tenant.service.lease, sent_at=sent_at
        )
        planned = {plan.entry.id: plan for plan in plans}
        for claim in claims:
            job = _Job(claim, planned[claim.entry.id])
            await (self._unasked if wants_topic(job.plan.event) else self._ready).put(job)

    async def _ask(self) -> None:
        while (job := await self._unasked.get()) is not None:
            if not self._stopping and self._unanswered[job.claim.entry.connection] < _PATIENCE:
                await self._ask_for(job)
            await self._ready.put(job)

    async def _ask_for(self, job: _Job) -> None:
        """Ask for the topic of a call, which does not wait for it where that cannot be read."""
        entry = job.claim.entry
        try:
            async with asyncio.timeout(None) as asking:
                self._asking.add(asking)
                job.topic = await topic_of(self.tenant, entry)
        except TimeoutError:
            return  # told to stop
        except Unreachable:
            self._unanswered[entry.connection] += 1
        except Exception as error:
            if not isinstance(error, ConnectorError):
                log.exception("topic not read", installation=self.tenant.id, entry=entry.id)
        else:
            job.asked = True
            self._unanswered[entry.connection] = 0
        finally:
            self._asking.discard(asking)

    async def _write(self) -> None:
        unbegun: list[Claim] = []
        while (job := await self._ready.get()) is not None:
            settlement = None if self._stopping else await self._write_one(job)
            if settlement is None:
                unbegun.append(job.claim)
            else:
                await self._settled.put(settlement)
        await self.tenant.ledger.give_back(unbegun)

    async def _write_one(self, job: _Job) -> Settlement | None:
        """Write one activity; None when nothing was done and nothing more shall be begun."""
        tenant, claim, event = self.tenant, job.claim, job.plan.event
        try:
            drafted = draft(tenant, job.plan, job.topic)
        except Exception as error:  # one bad event blocks only itself
            log.exception("not rendered", installation=tenant.id, entry=claim.entry.id)
            return Settlement(claim, State.PARKED, f"it cannot be put into words: {type(error).__name__}")
        topic_at = next_topic_at(tenant, event, job.topic, 0) if job.asked else once_more_at(tenant, event)
        return await self._send(job, drafted, topic_at)

    async def _send(self, job: _Job, drafted: ActivityDraft, topic_at: datetime | None) -> Settlement | None:
        tenant, claim = self.tenant, job.claim
        try:
            written = await self._api.create_activity(drafted)
        except Rejected as error:
            return await self._reconsider(job, drafted, error)
        except HALTING as error:
            self.halted_by = error
            self.stop()
            return None
        except ConnectorError as error:
            return decide_failure(claim, error, now=tenant.clock.now(), settings=tenant.service)
        except Exception:  # whatever broke, the activity may have been written
            log.exception("write broke", installation=tenant.id, entry=claim.entry.id)
            return decide_failure(claim, UnknownOutcome(), now=tenant.clock.now(), settings=tenant.service)
        return Settlement(
            claim,
            State.DONE,
            crm_id=written.id,
            shown=shown_hash(tenant, job.topic, written.note) if topic_at else None,
            topic_at=topic_at,
            heal_at=first_healing(tenant, claim.entry.sends + 1),
            trace=job.plan.trace,
        )

    async def _reconsider(self, job: _Job, refused: ActivityDraft, error: Rejected) -> Settlement | None:
        """Refused: our picture of Pipedrive may be old. Read it again; if that changes nothing, a person must look."""
        tenant, claim = self.tenant, job.claim
        now = tenant.clock.now()
        try:
            await tenant.people(older_than=timedelta())
            await refresh(tenant, person=refused.person_id, organization=refused.org_id, deal=refused.deal_id)
            await look_again(tenant, [claim.entry])
            decided = await decide(tenant, [claim.entry])
        except HALTING as trouble:
            self.halted_by = trouble
            self.stop()
            return None
        except ConnectorError as trouble:
            return decide_failure(claim, trouble, now=now, settings=tenant.service)
        if [draft(tenant, plan, job.topic) for plan in decided.plans] == [refused]:
            return Settlement(claim, State.PARKED, str(error), failed=True, trace=job.plan.trace)
        return Settlement(claim, State.RETRY, str(error), not_before=now, failed=True)

    async def _settle(self) -> None:
        ended = False
        while not ended:
            group = [await self._settled.get()]
            if group[0] is not None:
                # One commit for all that ends within a moment; what is lost with it is found by its marker.
                await self.tenant.clock.sleep(_SETTLE_EVERY_S)
            while not self._settled.empty():
                group.append(self._settled.get_nowait())
            ended = None in group
            settlements = [settlement for settlement in group if settlement is not None]
            late = await self.tenant.ledger.settle(settlements)
            self.counts.update(settlement.state for settlement in settlements)
            self.counts["late"] += len(late)

    async def _keep_claims(self) -> None:
        lease = self.tenant.service.lease
        while True:
            await self.tenant.clock.sleep(lease / 3)
            if self._tokens:
                await self.tenant.ledger.renew(self._tokens, lease_s=lease)


def shown_hash(tenant: Tenant, topic: CallTopic | None, note: str | None) -> str:
    """What the activity shows of the agent's words, and its note as Pipedrive keeps it, as two keyed hashes."""
    words = "" if topic is None else f"{topic.topic or ''}\0{topic.note or ''}"
    keys = tenant.ledger.keys
    return f"{keys.key(words)} {keys.key(note or '')}"


def next_topic_at(tenant: Tenant, event: Event, topic: CallTopic | None, asked: int) -> datetime | None:
    """When to ask for a missing topic (again), counted from the end of the call; None when there is nothing to ask."""
    if not isinstance(event, Call) or not wants_topic(event) or (topic is not None and topic.topic):
        return None
    ended = event.started_at + timedelta(seconds=event.connection_s)
    now = tenant.clock.now()
    times = (ended + timedelta(seconds=wait) for wait in tenant.service.topic_waits[asked:])
    return next((at for at in times if at > now), None)


def once_more_at(tenant: Tenant, event: Event) -> datetime | None:
    """When to ask for a topic of which it is not known whether it is shown: at the next time, at once if that was the last."""
    return next_topic_at(tenant, event, None, 0) or (tenant.clock.now() if wants_topic(event) else None)


def first_healing(tenant: Tenant, sends: int) -> datetime | None:
    """When to look for a double of something that was sent more than once."""
    if sends < 2:
        return None
    return tenant.clock.now() + timedelta(seconds=tenant.service.healing_looks[0])
