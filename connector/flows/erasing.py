"""One customer is erased because they asked for it: looked up, shown, erased here, and kept away.

Nothing is deleted in Pipedrive or in the contact centre: what stands there is listed, for a person to delete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.errors import Misconfigured
from connector.flows.tenant import Tenant
from connector.phone import normalise_email
from connector.store.audit import Doer
from connector.store.bindings import CUSTOMER
from connector.store.erasures import Kept, Person
from connector.store.index import Entity


@dataclass(frozen=True, slots=True)
class Report:
    """What was erased and what is left to a person, in ids and counts: nothing in it tells who it was."""

    installation: str
    at: datetime
    shared: bool
    kept: Kept

    def as_json(self, page: Callable[[str, str], str]) -> dict[str, object]:
        """The same to be kept as a file, with addresses of what stands in Pipedrive, which `page` gives."""
        return {
            "installation": self.installation, "erased_at": self.at.isoformat(timespec="seconds"),
            "only_this_number_or_address": self.shared, "erased": self.kept.counts,
            "left_in_pipedrive": {
                "activities": [page("activity", one) for one in self.kept.activities],
                "persons": [page("person", one) for one in self.kept.persons],
                "deals": [page("deal", one) for one in self.kept.deals],
            },
            "left_in_the_contact_centre": self.kept.customers,
        }  # fmt: skip


def keys_of(tenant: Tenant, subject: str) -> frozenset[str]:
    """The keys of a number or an e-mail address; Misconfigured where it is not one of them."""
    email = normalise_email(subject)
    subjects = [email] if email else tenant.phones.keys(subject)
    if len(subjects) != 1:
        raise Misconfigured("Write one whole telephone number, or one e-mail address.")
    return frozenset(map(tenant.ledger.keys.key, subjects))


async def look_up(tenant: Tenant, subject: str) -> tuple[Person, Kept]:
    """Whom a number or address belongs to, and what is kept of them; nothing is changed."""
    person = await tenant.erasures.find(keys_of(tenant, subject))
    return person, await tenant.erasures.kept(person)


async def erase(tenant: Tenant, subject: str, *, doer: Doer) -> Report:
    """Erase what is kept of whom a number or address belongs to, and keep them away from now on."""
    person = await tenant.erasures.find(keys_of(tenant, subject))
    records = {tenant.suppressed.record(CUSTOMER, one) for one in person.customers}
    records |= {tenant.suppressed.record(Entity.PERSON, one) for one in person.persons}
    # First, so that what comes in meanwhile is not kept either.
    await tenant.suppressed.add(person.keys | records)
    kept = await tenant.erasures.erase(person)
    tenant.contacts.fresh.clear()
    tenant.contacts.whose_at = None
    counts: Mapping[str, int] = {name.replace(" ", "_"): number for name, number in kept.counts.items()}
    left = {"activities": len(kept.activities), "persons": len(kept.persons), "deals": len(kept.deals)}
    await tenant.audit.note(doer, "erase", **counts, **left)
    return Report(tenant.id, tenant.clock.now(), person.shared, kept)


async def let_back(tenant: Tenant, subject: str, *, doer: Doer) -> int:
    """Let somebody who was erased return, with all that was erased together; answers how many keys that are.

    Persons and customers are read anew by the next run, for the index forgot them: 10 Pipedrive tokens for each 500.
    """
    keys = await tenant.suppressed.let_back(keys_of(tenant, subject))
    if keys:
        await tenant.index.begin_anew()
        await tenant.audit.note(doer, "let back", keys=keys)
    return keys
