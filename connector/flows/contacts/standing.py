"""How customers and companies stand: pairs, what waits and why, what could not be kept the same, what is amiss."""

from __future__ import annotations

from connector.errors import ConnectorError
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, KINDS
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.work import reader_of
from connector.flows.contacts.working import paused
from connector.flows.tenant import Tenant
from connector.store.bindings import Bond, Bound
from connector.store.dirty import Marked, Side

_LISTED = 200
_BY_THESE = ("person_centre_id", "organization_centre_id")


async def standing(tenant: Tenant) -> dict[str, object]:
    """Counts, and up to 200 each of records that fail, of aliases and of fields that are not carried; ids only."""
    troubled = await tenant.bindings.troubled(_LISTED)
    return {
        "sync": tenant.settings.contacts.sync,
        "pairs": await tenant.bindings.counts(),
        "waiting": await tenant.dirty.waiting(),
        "paused": await paused(tenant),
        "failing": [_failing(one) for one in await tenant.dirty.failing(_LISTED)],
        "questions": await tenant.questions.counts(),
        "aliases": [_named(one) for one in troubled if one.state is Bond.ALIAS],
        "problems": [
            _named(one) | dict(problem)
            for one in troubled if one.state is Bond.BOUND
            for problem in one.problems
        ],
    }  # fmt: skip


def _named(bound: Bound) -> dict[str, str]:
    kind = KINDS[bound.entity]
    return {str(kind.centre): bound.centre_id, str(kind.crm): bound.crm_id}


def _failing(marked: Marked) -> dict[str, object]:
    kind = KINDS[marked.entity]
    named = str(kind.centre if marked.side is Side.CENTRE else kind.crm)
    return {
        named: marked.record_id, "cause": marked.cause, "reason": marked.reason, "attempts": marked.attempts,
        "since": marked.marked_at,
    }  # fmt: skip


async def mapping_problems(tenant: Tenant) -> list[str]:
    """Rows of the mapping that mean nothing, each in a sentence; custom fields are read for it (10 tokens a list)."""
    found = []
    for kind, name in ((CUSTOMERS, "customers"), (COMPANIES, "companies")):
        try:
            _, problems = await reader_of(tenant, kind)
        except ConnectorError as error:
            found.append(f"contacts.{name}.fields could not be compared with Pipedrive's: {error}")
        else:
            found += [f"contacts.{name}.fields, {one.field}: {one.reason}" for one in problems]
    return found


async def amiss(tenant: Tenant) -> list[str]:
    """What keeps customers and companies from being the same, each in a sentence with the next step."""
    if not in_step(tenant):
        return []
    found = await mapping_problems(tenant)
    fields = tenant.settings.special_fields
    found += [
        f"special_fields.{name} is empty: a record that was made without an answer is told by its name alone. "
        "It is made at the next settings set, or by night"
        for name in _BY_THESE if getattr(fields, name) is None
    ]  # fmt: skip
    found += [
        f"{cause!r} wrote more than is usual and waits: connector brake show"
        for cause in await paused(tenant)
    ]
    now = await standing(tenant)
    for name, what in (
        ("failing", "cannot be kept the same"),
        ("aliases", "are the same as another and are not kept the same"),
        ("problems", "fields are not carried over"),
    ):
        listed = now[name]
        number = len(listed) if isinstance(listed, list) else 0
        if number:
            many = f"{number} or more" if number >= _LISTED else str(number)
            found.append(f"customers and companies: {many} {what}: connector contacts")
    return found
