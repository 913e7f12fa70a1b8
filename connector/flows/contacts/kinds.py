"""The two kinds of pair, customer and person, company and organization, and how either side of each is reached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from connector.contact_settings import CompanySync, Contacts, CustomerSync
from connector.errors import NotFound, Throttled, Unauthorised, Unreachable
from connector.flows.indexed import stated_id
from connector.flows.tenant import Centre, Tenant
from connector.names import company_key, join_name
from connector.phone import normalise_email
from connector.pipedrive.budget import Lane
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.records import Organization, Person
from connector.records import Company, Customer, Values
from connector.store import bindings
from connector.store.index import Entity, Indexable
from connector.store.questions import Kind as QuestionKind

CentreRecord = Customer | Company
CrmRecord = Person | Organization


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of pair, in the words of each part of the product."""

    entity: str
    centre: Entity
    crm: Entity
    asks_of_centre: QuestionKind
    asks_of_crm: QuestionKind


CUSTOMERS = Kind(
    bindings.CUSTOMER, Entity.CUSTOMER, Entity.PERSON, QuestionKind.CUSTOMER, QuestionKind.PERSON
)
COMPANIES = Kind(
    bindings.COMPANY, Entity.COMPANY, Entity.ORGANIZATION, QuestionKind.COMPANY, QuestionKind.ORGANIZATION,
)  # fmt: skip
KINDS = {kind.entity: kind for kind in (CUSTOMERS, COMPANIES)}


def sync_of(kind: Kind, contacts: Contacts) -> CustomerSync | CompanySync:
    """What the admin set for a kind."""
    return contacts.customers if kind is CUSTOMERS else contacts.companies


def centre_of(tenant: Tenant, key: str) -> tuple[Centre | None, str]:
    """The contact centre of a record's key, and the record's id there."""
    connection, _, record_id = key.rpartition("/")
    return tenant.centres.get(connection), record_id


def card_of(record: CentreRecord, connection: str) -> str | None:
    """The key of a company's own customer record, by which its calls name it."""
    card = record.customer_id if isinstance(record, Company) else None
    return f"{connection}/{card}" if card else None


def name_of(record: CentreRecord | CrmRecord) -> str:
    """The name of a record, a customer's in one."""
    return join_name(record.first_name, record.last_name) if isinstance(record, Customer) else record.name


def is_own_card(record: CentreRecord | CrmRecord) -> bool:
    """Whether a customer record is a company's own: nobody's person, whoever it was before."""
    return isinstance(record, Customer) and record.is_company


def client(tenant: Tenant, lane: Lane = Lane.CONTACTS) -> Pipedrive:
    """Pipedrive, in the lane of contacts or of a load."""
    return tenant.pipedrive.on(lane)


@asynccontextmanager
async def asking(centre: Centre | None, key: str = "") -> AsyncIterator[Centre]:
    """Say what ails one contact centre in words that cannot be taken for Pipedrive's: the others go on.

    NotFound where it is no longer connected.
    """
    if centre is None:
        raise NotFound(f"The contact centre of {key} is no longer connected")
    try:
        yield centre
    except (Throttled, Unauthorised) as error:
        after = error.after if isinstance(error, Throttled) else None
        raise Unreachable(f"{centre.id}: {error}", after=after) from error


async def read_centre(tenant: Tenant, kind: Kind, key: str) -> CentreRecord | None:
    """Read a record of a contact centre; None when there is none."""
    centre, record_id = centre_of(tenant, key)
    async with asking(centre, key) as there:
        return await (there.api.customer(record_id) if kind is CUSTOMERS else there.api.company(record_id))


async def read_crm(tenant: Tenant, kind: Kind, crm_id: str) -> CrmRecord | None:
    """Read a record of Pipedrive (1 token); None when it is deleted, or not ours to see."""
    try:
        record: CrmRecord = (
            await client(tenant).person(crm_id)
            if kind is CUSTOMERS
            else await client(tenant).organization(crm_id)
        )
    except NotFound:
        return None
    return None if record.is_deleted else record


async def write_crm(
    tenant: Tenant, kind: Kind, crm_id: str | None, body: Mapping[str, object], lane: Lane = Lane.CONTACTS
) -> CrmRecord:
    """Make (without an id) or change a record of Pipedrive (5 tokens) and answer it as it is then."""
    api = client(tenant, lane)
    if kind is CUSTOMERS:
        return await (api.create_person(body) if crm_id is None else api.update_person(crm_id, body))
    return await (api.create_organization(body) if crm_id is None else api.update_organization(crm_id, body))


async def create_in_centre(centre: Centre, kind: Kind, values: Values) -> str:
    """Make a record of a contact centre; answers its key."""
    async with asking(centre):
        made = await (
            centre.api.create_customer(values) if kind is CUSTOMERS else centre.api.create_company(values)
        )
    return f"{centre.id}/{made}"


async def update_in_centre(tenant: Tenant, kind: Kind, key: str, values: Values) -> None:
    """Change a record of a contact centre."""
    centre, record_id = centre_of(tenant, key)
    async with asking(centre, key) as there:
        if kind is CUSTOMERS:
            await there.api.update_customer(record_id, values)
        else:
            await there.api.update_company(record_id, values)


# what the index knows of them


def indexed_centre(tenant: Tenant, kind: Kind, connection: str, record: CentreRecord) -> Indexable:
    """A record of a contact centre as the index holds it."""
    subjects = [
        *(number for raw in record.phones for number in tenant.phones.keys(raw)),
        *(email for raw in record.emails if (email := normalise_email(raw))),
        *(f"pipedrive:{one}" for one in [stated_crm_id(tenant, record)] if one),
    ]
    owner: str | None = None
    if isinstance(record, Company):
        subjects = [f"name:{company_key(record.name)}", *subjects] if record.name.strip() else subjects
    elif record.company_id is not None:
        owner = f"{connection}/{record.company_id}"
    return Indexable(
        kind.centre, f"{connection}/{record.id}", tuple(subjects), organization_id=owner,
        update_time=record.updated_at,
    )  # fmt: skip


def stated_crm_id(tenant: Tenant, record: CentreRecord) -> str | None:
    """The Pipedrive id that a record of the contact centre names as its counterpart."""
    name = tenant.settings.special_fields.customer_pipedrive_id
    if name is not None:
        value = str(record.custom.get(name) or "").strip()
        return value.removesuffix(".0") if value.removesuffix(".0").isdigit() else None
    outside = record.external_id if isinstance(record, Customer) else None
    marked = (outside or "").removeprefix(OUTSIDE_ID)
    return marked if outside and outside.startswith(OUTSIDE_ID) and marked.isdigit() else None


#: How a customer that we made names its person where there is no special field for it.
OUTSIDE_ID = "pipedrive-"


def stated_centre_id(tenant: Tenant, kind: Kind, record: CrmRecord) -> str | None:
    """The id that a record of Pipedrive names as its counterpart, without its contact centre."""
    fields = tenant.settings.special_fields
    return stated_id(record, fields.person_centre_id if kind is CUSTOMERS else fields.organization_centre_id)
