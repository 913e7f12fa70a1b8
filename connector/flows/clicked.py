"""What a call was dialled for: the record that was clicked on, and what hangs on that.

Whoever clicks on a number on a record's page means that record, whoever else has the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from connector.errors import Rejected
from connector.flows.listed_calls import dialled_as
from connector.flows.tenant import Tenant
from connector.pipedrive.client import Pipedrive
from connector.records import Call
from connector.store.entries import Entry
from connector.store.index import Candidate, Entity
from connector.store.live_calls import LiveCall


@dataclass(frozen=True, slots=True)
class Target:
    """What an activity hangs on; nothing where the record is gone."""

    person_id: str | None = None
    org_id: str | None = None
    deal_id: str | None = None
    lead_id: str | None = None


_NOTHING = Target()


async def resolve(tenant: Tenant, call: LiveCall, api: Pipedrive) -> LiveCall:
    """Find what the record that was clicked on leads to, for one token at most, and keep it.

    One that is gone, or that we may not see, is forgotten: the call is then whosever number it is. Raises what may pass.
    """
    if call.record_entity is None or call.record_id is None or call.is_resolved:
        return call
    target = _NOTHING
    with suppress(Rejected):
        target = await _leads_to(tenant, api, call, call.record_entity, call.record_id)
    if target == _NOTHING:
        return await forget(tenant, call)
    await tenant.live_calls.change(call.id, lambda one: _led(one, target))
    return _led(call, target)


def _led(call: LiveCall, to: Target) -> LiveCall:
    return replace(call, person_id=to.person_id, org_id=to.org_id, deal_id=to.deal_id, lead_id=to.lead_id)


async def forget(tenant: Tenant, call: LiveCall) -> LiveCall:
    """Let a call be whosever number it is, because nothing can hang on what was clicked on."""

    def forgotten(one: LiveCall) -> LiveCall:
        return replace(_led(one, _NOTHING), record_entity=None, record_id=None)

    await tenant.live_calls.change(call.id, forgotten)
    return forgotten(call)


async def _leads_to(tenant: Tenant, api: Pipedrive, call: LiveCall, entity: str, record_id: str) -> Target:
    if entity == "person":
        return await _person(tenant, api, record_id)
    if entity == "organization":
        return await _organization(tenant, api, call, record_id)
    if entity == "deal":
        deal = await api.deal(record_id)
        return _NOTHING if deal.is_deleted else Target(deal.person_id, deal.org_id, deal.id)
    if entity == "activity":
        one = await api.activity(record_id)
        return _NOTHING if one.is_deleted else Target(one.person_id, one.org_id, one.deal_id, one.lead_id)
    # Reading a lead takes a scope that nothing else needs.
    his = await _whose(tenant, call)
    if len(his) == 1:
        return Target(his[0].person_id, his[0].organization_id, lead_id=record_id)
    return Target(lead_id=record_id)


async def _person(tenant: Tenant, api: Pipedrive, record_id: str) -> Target:
    known = (await tenant.index.people([record_id])).get(record_id)
    if known is not None:
        return Target(record_id, known.organization_id)
    person = await api.person(record_id)
    return _NOTHING if person.is_deleted else Target(person.id, person.org_id)


async def _organization(tenant: Tenant, api: Pipedrive, call: LiveCall, record_id: str) -> Target:
    """The organization, and of its people the only one who has the number, which its page shows as theirs."""
    if record_id not in await tenant.index.people([record_id], Entity.ORGANIZATION):
        organization = await api.organization(record_id)
        if organization.is_deleted:
            return _NOTHING
    his = [one for one in await _whose(tenant, call) if one.organization_id == record_id]
    return Target(his[0].person_id if len(his) == 1 else None, record_id)


async def _whose(tenant: Tenant, call: LiveCall) -> Sequence[Candidate]:
    return (await tenant.index.candidates([call.number_key])).get(call.number_key, ())


async def look_again(tenant: Tenant, entries: Sequence[Entry]) -> None:
    """Find anew what these events' records lead to, because Pipedrive refused it; a lead, which is not read, is forgotten."""
    for call in (await calls_of(tenant, entries, at_hand=True)).values():
        if call.record_entity == "lead" or call.lead_id is not None:
            await forget(tenant, call)
        elif call.record_entity is not None:
            unknown = await tenant.live_calls.change(call.id, lambda one: _led(one, _NOTHING))
            await resolve(tenant, unknown or call, tenant.pipedrive)


async def calls_of(tenant: Tenant, entries: Sequence[Entry], *, at_hand: bool) -> dict[int, LiveCall]:
    """The calls that entries are the events of, each with what it was dialled for, by the entry's id.

    With `at_hand` Pipedrive is not asked. Raises what may pass.
    """
    events: dict[str, dict[int, Call]] = {}
    for entry in entries:
        if isinstance(entry.event, Call):
            events.setdefault(entry.connection, {})[entry.id] = entry.event
    found: dict[int, LiveCall] = {}
    for connection, part in events.items():
        found |= await dialled_as(tenant, connection, part)
    if at_hand:
        return found
    return {entry_id: await resolve(tenant, call, tenant.pipedrive) for entry_id, call in found.items()}
