"""What a worker gives to the record at hand: the fields to be kept the same, the brake, and where writes are noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connector.contact_settings import FieldMapping, Scope, Way
from connector.flows.contacts.basing import new_base
from connector.flows.contacts.comparing import Facts, Plan
from connector.flows.contacts.kinds import CUSTOMERS, Kind, indexed_centre, sync_of
from connector.flows.contacts.pairing import Problem, pair_up
from connector.flows.contacts.reading import Reader
from connector.flows.indexed import indexed_crm
from connector.flows.indexed import store as put_crm
from connector.flows.tenant import Tenant
from connector.pipedrive.records import Field
from connector.store.bindings import Bound, InStep
from connector.store.changes import Wrote
from connector.store.dirty import Mark, Marked, Urgency

#: So long fields of either side are taken as they were read.
FIELDS_KEPT = timedelta(hours=24)


class Braked(Exception):  # named after what happened
    """The cause has written more than is usual: a person has to let it go on."""


@dataclass(slots=True)
class Work:
    """One turn of the worker; `allow` answers whether a cause may write, `run` opens the run that writes are noted under.

    `why` is the reason for which the record that was looked at last has no pair, `instead` the company for which it
    was looked at, where somebody pushed a company's own customer record.
    """

    tenant: Tenant
    allow: Callable[[str, Urgency, int], Awaitable[bool]]
    run: Callable[[], Awaitable[int]]
    counts: Counter[str] = field(default_factory=Counter)
    why: str = ""
    instead: Mark | None = None

    async def may_write(self, marked: Marked, times: int = 1) -> None:
        """Raise Braked where the cause of a mark has written too much."""
        if not await self.allow(marked.cause, marked.urgency, times):
            raise Braked(marked.cause)

    async def note(self, cause: str, wrote: Sequence[Wrote]) -> None:
        """Write down what was written."""
        if wrote:
            await self.tenant.changes.note(await self.run(), cause, wrote)
            self.counts["written"] += len(wrote)


def scope_of(tenant: Tenant, kind: Kind, way: Way) -> Scope | None:
    """Which records take part in a direction; None when it is off."""
    sync = sync_of(kind, tenant.settings.contacts)
    return sync.to_pipedrive if way is Way.TO_PIPEDRIVE else sync.to_centre


async def reader_of(tenant: Tenant, kind: Kind) -> tuple[Reader, list[Problem]]:
    """How records of a kind are read, and which rows of the mapping mean nothing; fields are asked for once a day."""
    rules = _both_ways_open(tenant, kind)
    custom = any(rule.pipedrive.startswith("custom:") for rule in rules)
    fields = await crm_fields(tenant, kind) if custom else []
    pairs, problems = pair_up(rules, fields, company=kind is not CUSTOMERS)
    return Reader(pairs, tenant.phones, tenant.ledger.keys.key), problems


async def crm_fields(tenant: Tenant, kind: Kind) -> list[Field]:
    """Pipedrive's fields of a kind, asked for once a day (10 tokens)."""
    read_at, fields = tenant.contacts.fields.get(kind.crm, (None, []))
    now = tenant.clock.now()
    if read_at is None or now - read_at > FIELDS_KEPT:
        fields = await tenant.pipedrive.fields(str(kind.crm))
        tenant.contacts.fields[kind.crm] = (now, fields)
    return fields


def _both_ways_open(tenant: Tenant, kind: Kind) -> list[FieldMapping]:
    """The rows as far as their directions are on."""
    sync = sync_of(kind, tenant.settings.contacts)
    shut = {
        way
        for way, scope in ((Way.TO_PIPEDRIVE, sync.to_pipedrive), (Way.TO_CENTRE, sync.to_centre))
        if scope is None
    }
    if not shut:
        return list(sync.fields)
    rules = [rule for rule in sync.fields if rule.way not in shut]
    remaining = Way.TO_CENTRE if Way.TO_PIPEDRIVE in shut else Way.TO_PIPEDRIVE
    if len(shut) == 2:
        return []
    return [rule.model_copy(update={"way": remaining}) for rule in rules]


async def keep(
    tenant: Tenant, kind: Kind, bound: Bound, reader: Reader, before: Facts, after: Facts, made: Plan,
    problems: Sequence[Problem], overwrote: dict[str, object] | None = None,
) -> dict[str, list[object]]:  # fmt: skip
    """Write down that a pair is in step, and what both records are now; answers the new base."""
    if made.vanished:
        tenant.contacts.fields.pop(kind.crm, None)
    base = new_base(reader, before, after, made, bound.base)
    said = [{"field": problem.field, "reason": problem.reason} for problem in (*problems, *made.problems)]
    await tenant.bindings.in_step([InStep(bound, base, said, overwrote)], at=tenant.clock.now())
    await tenant.index.put([indexed_centre(tenant, kind, bound.connection, after.centre)])
    await put_crm(tenant, [indexed_crm(tenant, after.crm)])
    return base
