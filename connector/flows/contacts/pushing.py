"""One record that a person wants in step now: worked on at once, and what came of it said.

The scope is not asked of it, nor whether customers and companies are kept the same by themselves; what was deleted on
the other side is made anew. What cannot be written stays as it is, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from connector.errors import Misconfigured, Retryable
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, KINDS, Kind
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.work import Work
from connector.flows.contacts.working import BUTTON, at_work, work_on
from connector.flows.tenant import Tenant
from connector.store.bindings import Bond, Bound
from connector.store.dirty import Mark, Marked, Side, Urgency
from connector.store.installations import Installations
from connector.store.operations import Operations
from connector.store.questions import Asked

_LOOKS = 60


class Outcome(StrEnum):
    """What came of a push."""

    MADE = "made"
    LINKED = "linked"
    UPDATED = "updated"
    IN_STEP = "in step already"
    ALIAS = "the same as another"
    ASKED = "asked"
    LEFT_OUT = "left out"
    REFUSED = "refused"
    WAITS = "waits"


#: Where fields could not be made it is tried again after so long, or when settings were saved.
_REFUSED_FOR = timedelta(days=1)

#: What leaves both sides in step.
GOOD = frozenset({Outcome.MADE, Outcome.LINKED, Outcome.UPDATED, Outcome.IN_STEP, Outcome.ALIAS})


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a record; `pairs` are those it stands in, `wrote` counts writes by side."""

    outcome: Outcome
    pairs: Sequence[Bound] = ()
    wrote: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    question: Asked | None = None

    def links(self, tenant: Tenant) -> list[str]:
        """The pages in Pipedrive."""
        return [tenant.record_page(KINDS[one.entity].crm, one.crm_id) for one in self.pairs]

    def report(self, tenant: Tenant) -> dict[str, object]:
        """The same as one JSON object, without names and numbers."""
        found: dict[str, object] = {"outcome": self.outcome, "wrote": self.wrote}
        found["pairs"] = [
            {_named(one.entity, Side.CENTRE): one.centre_id, _named(one.entity, Side.PIPEDRIVE): one.crm_id,
             "state": one.state, "problems": list(one.problems)}
            for one in self.pairs
        ]  # fmt: skip
        found["links"] = self.links(tenant)
        if self.reason:
            found["reason"] = self.reason
        if self.question is not None:
            found["question"] = self.question.id
        return found


def _named(entity: str, side: Side) -> str:
    kind = KINDS[entity]
    return str(kind.centre if side is Side.CENTRE else kind.crm)


def key_of(tenant: Tenant, record_id: str) -> str:
    """The key of a contact centre's record, which may be named without its centre where there is only one."""
    if "/" in record_id:
        if record_id.rpartition("/")[0] not in tenant.centres:
            named = ", ".join(tenant.centres) or "none"
            raise Misconfigured(
                f"{record_id!r} is of no contact centre that is connected; there are: {named}."
            )
        return record_id
    if len(tenant.centres) != 1:
        named = ", ".join(f"{one}/{record_id}" for one in tenant.centres)
        raise Misconfigured(
            f"Say of which contact centre it is: {named}." if named else "No contact centre is connected."
        )
    return f"{next(iter(tenant.centres))}/{record_id}"


async def prepared(tenant: Tenant, installations: Installations) -> bool:
    """See that the fields exist by which a pair is known again; answers whether they were made, and the tenant is old."""
    fields, contacts, now = tenant.settings.special_fields, tenant.contacts, tenant.clock.now()
    if fields.person_centre_id is not None and fields.organization_centre_id is not None:
        return False
    if contacts.fields_refused_at is not None and now - contacts.fields_refused_at < _REFUSED_FOR:
        return False
    problems = await keep_special_fields(tenant, installations)
    contacts.fields_refused_at = now if problems else None
    return True


async def push(tenant: Tenant, operations: Operations, kind: Kind, side: Side, record_id: str) -> Pushed:
    """Bring one record in step now; raises what concerns the whole company or its credentials."""
    mark = Mark(kind.entity, side, record_id)
    known = {(one.centre_id, one.crm_id) for one in await _pairs(tenant, mark) if one.state is not Bond.GONE}
    taken = await take(tenant, [mark])
    try:
        async with at_work(tenant, operations) as work:
            await work_on(work, taken)
            run_id = await work.run() if work.counts["written"] else None
    finally:
        left = await tenant.dirty.find(mark)
        if left is not None and not in_step(tenant):
            # Nobody would come back to it.
            await tenant.dirty.clear([left])
    pushed = work.instead or mark
    pairs = [one for one in await _pairs(tenant, pushed) if one.state is not Bond.GONE]
    wrote: dict[str, int] = {}
    made = False
    for one in await tenant.changes.of_run(run_id) if run_id is not None else ():
        wrote[one.wrote.side] = wrote.get(one.wrote.side, 0) + 1
        ours = {(pair.entity, pair.centre_id) for pair in pairs}
        made = made or (one.wrote.kind == "create" and (one.wrote.entity, one.wrote.centre_id) in ours)
    if left is not None and left.reason and left.attempts:
        refused = work.counts["refused"] or work.counts["broken"]
        return Pushed(Outcome.REFUSED if refused else Outcome.WAITS, pairs, wrote, left.reason)
    if not pairs:
        return await _alone(work, pushed, wrote)
    if any(one.state is Bond.ALIAS for one in pairs):
        return Pushed(Outcome.ALIAS, pairs, wrote)
    is_new = any((one.centre_id, one.crm_id) not in known for one in pairs)
    outcome = (
        Outcome.MADE if made else Outcome.LINKED if is_new else Outcome.UPDATED if wrote else Outcome.IN_STEP
    )
    return Pushed(outcome, pairs, wrote)


async def take(tenant: Tenant, marks: Sequence[Mark]) -> list[Marked]:
    """Mark records and claim them, which holds off the service's own worker; waits for whoever has them."""
    taken: list[Marked] = []
    for mark in marks:
        await tenant.dirty.mark([mark], urgency=Urgency.BUTTON, cause=BUTTON)
        for _ in range(_LOOKS):
            got = await tenant.dirty.take(1, lease_s=tenant.service.lease, only=mark)
            if got:
                break
            if await tenant.dirty.find(mark) is None:
                # The service was faster; it may have read the record before the last change of it.
                await tenant.dirty.mark([mark], urgency=Urgency.BUTTON, cause=BUTTON)
            await tenant.clock.sleep(min(0.25, tenant.service.look_gap))
        else:
            await let_go(tenant, taken)
            raise Retryable("The record is being worked on at this moment; try again in a minute")
        taken += got
    return taken


async def let_go(tenant: Tenant, taken: Sequence[Marked]) -> None:
    """Free marks of which nothing came; where nothing is kept in step they go, for nobody would come back to them."""
    await (tenant.dirty.give_back if in_step(tenant) else tenant.dirty.clear)(taken)


async def _pairs(tenant: Tenant, mark: Mark) -> list[Bound]:
    """The pairs of a record, gone ones too; a company's own customer record stands for the company."""
    bindings = tenant.bindings
    if mark.side is Side.PIPEDRIVE:
        return (await bindings.of_crm(mark.entity, [mark.record_id])).get(mark.record_id, [])
    found = list((await bindings.of_centre(mark.entity, [mark.record_id])).values())
    if not found and mark.entity == CUSTOMERS.entity:
        organizations = (await bindings.whose([mark.record_id]))[1].values()
        of_crm = await bindings.of_crm(COMPANIES.entity, list(organizations))
        found = [one for some in of_crm.values() for one in some if one.card_id == mark.record_id]
    return found


async def _alone(work: Work, mark: Mark, wrote: dict[str, int]) -> Pushed:
    tenant, kind = work.tenant, KINDS[mark.entity]
    asks = kind.asks_of_centre if mark.side is Side.CENTRE else kind.asks_of_crm
    asked = (await tenant.questions.of(asks, [mark.record_id])).get(mark.record_id)
    # Who pushes a record is asked also where somebody decided before that it stays by itself.
    if asked is not None and work.counts["asked"]:
        return Pushed(Outcome.ASKED, (), wrote, work.why, asked)
    return Pushed(Outcome.LEFT_OUT, (), wrote, work.why)
