"""The demo's evening: customers are kept in step from then on, and some people edit them on both sides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connector.app import Service
from connector.contact_settings import Contacts
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.scanning import scan
from connector.flows.deals.addresses import keep_pages
from connector.flows.installing import keep_subscriptions
from connector.flows.tenant import Tenant
from connector.jobs import Jobs
from connector.sandbox.scenario_cast import BRANCHES, Branch
from connector.sandbox.scenario_stage import Stage
from connector.sandbox.wire import Object
from connector.store.access import Who
from connector.web.sign_in import INVITATION, INVITED

_LONGEST_S = 20.0
_STEP_S = 0.05
#: The special field that holds the address of our page.
_DEALS = "Szanse sprzedaży"


@dataclass(slots=True)
class Evening:
    """What came of it: pairs that both simulators show, and what differs between them."""

    pairs: int = 0
    seconds: list[float] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for the terminal."""
        slowest = (
            f", an edit shown on the other side after {max(self.seconds):.1f} s at the latest"
            if self.seconds
            else ""
        )
        return f"in step: {self.pairs} customers are the same on both sides{slowest}; {len(self.differences)} differences"


async def spend_evening(service: Service, jobs: Jobs, stage: Stage, installations: dict[str, str]) -> Evening:
    """Switch it on for both companies, edit on both sides, and compare the simulators with each other."""
    evening = Evening()
    for branch in BRANCHES:
        tenant = await _switch_on(service, installations[branch.letter])
        for centre in tenant.centres.values():
            await scan(tenant, centre)
            await keep_pages(tenant, centre, no_older_than=service.clock.now())
        jobs.keeper.soon(tenant)
        await jobs.keeper.idle()
        evening.seconds += await _edit(stage, branch)
        await _settle(service, jobs, stage, tenant)
        evening.pairs += await _compare(stage, branch, tenant, evening.differences)
    return evening


async def _switch_on(service: Service, installation_id: str) -> Tenant:
    """As an admin does: customers in step, one click from the card to the person and back, deals on cards and tickets."""
    tenant = await service.tenant(installation_id)
    settings = tenant.settings
    special = {"customer_pipedrive_id": "Pipedrive ID", "customer_pipedrive_link": "Pipedrive"}
    special |= {"customer_deals_page": _DEALS, "ticket_deals_page": _DEALS, "ticket_deal_link": "Pipedrive"}
    on = settings.model_copy(
        update={
            "contacts": Contacts(sync="on"),
            "special_fields": settings.special_fields.model_copy(update=special),
        }
    )
    await service.installations.set_settings(tenant.id, on, seen_version=tenant.installed.settings_version)
    tenant = await service.tenant(installation_id)
    await keep_special_fields(tenant, service.installations)
    tenant = await service.tenant(installation_id)
    await keep_subscriptions(tenant, service.installations, look=True)
    return tenant


async def invitations(service: Service, stage: Stage, installations: dict[str, str]) -> list[tuple[str, str]]:
    """What to open to see deals inside each contact centre, and the console: an address that signs its administrator in."""
    found = []
    for branch in BRANCHES:
        if (installation_id := installations.get(branch.letter)) is not None:
            name = branch.users[0][0]
            who = Who(installation_id, str(stage.users[branch.admin]), None, name, is_admin=True)
            code = await service.access.make_code(who, purpose=INVITATION, lasts=timedelta(hours=72))
            found.append((f"sign in once, as {name}", f"{service.settings.public_url}{INVITED}#{code}"))
    return found


async def _edit(stage: Stage, branch: Branch) -> list[float]:
    """A customer is entered and renamed in the contact centre, a person is entered and gets a second number in Pipedrive."""
    digits = f"6019{ord(branch.letter) % 100:02}"
    card = {"name": "Halina", "surname": "Wieczorek", "phone_number": digits + "001"}
    person = {"name": "Zenon Lis", "phones": [{"value": f"+48 {digits} 002"}]}
    began = time.monotonic()
    customer = await stage.post(
        stage.thulium, "happen", {"what": "customer", "system": branch.system, **card}
    )
    made = await _edit_person(stage, branch, {"action": "create", "changes": person})
    took = [await _until_named(stage, branch, "person", "Halina Wieczorek", began)]
    took.append(await _until_named(stage, branch, "customer", person["name"], began))
    began = time.monotonic()
    renamed = {
        "what": "customer",
        "system": branch.system,
        "customer_id": customer["id"],
        "surname": "Nowakowska",
    }
    await stage.post(stage.thulium, "happen", renamed)
    numbers = [*person["phones"], {"value": f"+48 {digits} 003"}]
    await _edit_person(stage, branch, {"action": "change", "id": made["id"], "changes": {"phones": numbers}})
    took.append(await _until_named(stage, branch, "person", "Halina Nowakowska", began))
    return took


async def _edit_person(stage: Stage, branch: Branch, order: Object) -> Object:
    order |= {"entity": "person", "company": stage.companies[branch.letter]}
    return await stage.post(stage.pipedrive, "edit", order)


async def _until_named(stage: Stage, branch: Branch, kind: str, name: object, began: float) -> float:
    """Seconds until one side shows somebody of this name."""
    while time.monotonic() - began < _LONGEST_S:
        persons, cards = await stage.people(branch)
        if any(_name(one) == name for one in (persons if kind == "person" else cards)):
            return time.monotonic() - began
        await asyncio.sleep(_STEP_S)
    raise RuntimeError(f"{name} did not appear on the other side within {_LONGEST_S:.0f} seconds")


async def _settle(service: Service, jobs: Jobs, stage: Stage, tenant: Tenant) -> None:
    """Let every echo come back."""
    until = time.monotonic() + _LONGEST_S
    while time.monotonic() < until:
        await stage.post(stage.pipedrive, "hooks/settle", {"seconds": 5})
        await jobs.keeper.idle()
        if not await service.deliveries.waiting(tenant.id) and await tenant.dirty.next_due() is None:
            return
        await asyncio.sleep(_STEP_S)


async def _compare(stage: Stage, branch: Branch, tenant: Tenant, differences: list[str]) -> int:
    """Compare everybody who names his counterpart: names, and numbers by their last nine digits."""
    code = tenant.settings.special_fields.person_centre_id or ""
    persons, all_cards = await stage.people(branch)
    cards = {str(card["customer_id"]): card for card in all_cards}
    pairs = 0
    for person in persons:
        card = cards.get(str(person["custom_fields"].get(code)))
        if card is None or person["is_deleted"]:
            continue
        pairs += 1
        if _name(card) != _name(person):
            differences.append(f"customer {card['customer_id']} and person {person['id']} have two names")
        here, there = _numbers(card["phones"]), _numbers([entry["value"] for entry in person["phones"]])
        if here != there:
            differences.append(f"customer {card['customer_id']} and person {person['id']} have other numbers")
    return pairs


def _name(record: Object) -> str:
    name = (
        record["name"]
        if "phones" in record and "is_deleted" in record
        else f"{record['name']} {record['surname']}"
    )
    return " ".join(str(name).split())


def _numbers(values: Sequence[str]) -> set[str]:
    return {"".join(filter(str.isdigit, value.partition("(")[0]))[-9:] for value in values}
