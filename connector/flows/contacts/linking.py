"""Ids that mean something on one side only: companies and owners, translated; and the fields that tie both together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from connector.contact_settings import Way
from connector.errors import Forbidden, PlanLimit
from connector.flows.contacts.comparing import Extra, Translated
from connector.flows.contacts.kinds import (
    COMPANIES,
    CUSTOMERS,
    OUTSIDE_ID,
    CentreRecord,
    CrmRecord,
    Kind,
    stated_centre_id,
    stated_crm_id,
)
from connector.flows.contacts.pairing import Kind as FieldKind
from connector.flows.contacts.pairing import Pair
from connector.flows.contacts.values import centre_text, pipedrive_text
from connector.flows.tenant import Tenant
from connector.installation_settings import SpecialFields
from connector.pipedrive.fields import Fields
from connector.records import Company
from connector.store.bindings import Bond
from connector.store.installations import Installations

#: The special fields of Pipedrive with their entity and type, in the order of pages.
IN_PIPEDRIVE: Mapping[str, tuple[str, str]] = {
    "person_centre_id": ("person", "double"),
    "person_centre_link": ("person", "varchar"),
    "organization_centre_id": ("organization", "double"),
    "organization_centre_link": ("organization", "varchar"),
    "deal_marker": ("deal", "varchar"),
}


async def translated(
    tenant: Tenant, pairs: Sequence[Pair], connection: str, centre: CentreRecord | None, crm: CrmRecord | None
) -> tuple[Translated, Translated]:
    """Ids of companies and owners that the two records name: at Pipedrive, and at the contact centre."""
    return (await translated_all(tenant, pairs, [(connection, centre, crm)]))[0]


async def translated_all(
    tenant: Tenant,
    pairs: Sequence[Pair],
    records: Sequence[tuple[str, CentreRecord | None, CrmRecord | None]],
) -> list[tuple[Translated, Translated]]:
    """The same for many pairs of records, whose bindings are looked up all at once."""
    companies: dict[str, str] = {}
    organizations: dict[tuple[str, str], str] = {}
    if link := next((pair for pair in pairs if pair.kind is FieldKind.LINK), None):
        here = [f"{home}/{text}" for home, one, _ in records if one and (text := centre_text(link, one))]
        there = [text for _, _, one in records if one and (text := pipedrive_text(link, one))]
        of_centre = await tenant.bindings.of_centre(COMPANIES.entity, here)
        companies = {key: one.crm_id for key, one in of_centre.items() if one.state is not Bond.GONE}
        of_crm = await tenant.bindings.of_crm(COMPANIES.entity, there)
        organizations = {
            (one.connection, crm_id): one.centre_id.rpartition("/")[2]
            for crm_id, some in of_crm.items() for one in some if one.state is Bond.BOUND
        }  # fmt: skip
    answer: list[tuple[Translated, Translated]] = []
    for connection, centre, crm in records:
        to_crm: dict[str, str | None] = {}
        to_centre: dict[str, str | None] = {}
        for pair in pairs:
            ours = centre_text(pair, centre) if centre is not None else ""
            theirs = pipedrive_text(pair, crm) if crm is not None else ""
            if pair.kind is FieldKind.LINK:
                if ours:
                    to_crm[f"{pair.code}:{ours}"] = companies.get(f"{connection}/{ours}")
                if theirs:
                    to_centre[f"{pair.code}:{theirs}"] = organizations.get((connection, theirs))
            elif pair.kind is FieldKind.OWNER:
                if ours:
                    to_crm[f"{pair.code}:{ours}"] = await _user_of(tenant, connection, ours)
                if theirs:
                    to_centre[f"{pair.code}:{theirs}"] = await _agent_of(tenant, connection, theirs)
        answer.append((to_crm, to_centre))
    return answer


async def organization_of(tenant: Tenant, company: str) -> str | None:
    """The organization that a company is."""
    bound = (await tenant.bindings.of_centre(COMPANIES.entity, [company])).get(company)
    return bound.crm_id if bound is not None and bound.state is not Bond.GONE else None


async def company_of(tenant: Tenant, connection: str, organization: str) -> str | None:
    """The company of a contact centre that an organization is, by its id there."""
    found = (await tenant.bindings.of_crm(COMPANIES.entity, [organization])).get(organization, [])
    ids = (one.centre_id.rpartition("/")[2] for one in found
           if one.connection == connection and one.state is Bond.BOUND)  # fmt: skip
    return next(ids, None)


async def _user_of(tenant: Tenant, connection: str, agent_id: str) -> str | None:
    people = (await tenant.people()).people
    agent = people.agents.get((connection, agent_id))
    by_email = people.users_by_email.get((agent.email or "").casefold()) if agent else None
    user = tenant.settings.agent_users.get(agent_id, by_email)
    return user if user in people.active_users else None


async def _agent_of(tenant: Tenant, connection: str, user_id: str) -> str | None:
    people = (await tenant.people()).people
    for (centre, agent_id), agent in people.agents.items():
        by_email = people.users_by_email.get((agent.email or "").casefold())
        user = tenant.settings.agent_users.get(agent_id, by_email)
        if centre == connection and agent.active and user == user_id:
            return agent_id
    return None


# the fields that tie the two together


def extras(tenant: Tenant, kind: Kind, centre: CentreRecord, crm: CrmRecord) -> list[Extra]:
    """What each side shall show of the other: its id and the address of its page."""
    return [*shown_in_pipedrive(tenant, kind, centre, crm), *_shown_in_centre(tenant, kind, crm.id, centre)]


def shown_in_pipedrive(
    tenant: Tenant, kind: Kind, centre: CentreRecord, crm: CrmRecord | None
) -> list[Extra]:
    """What Pipedrive shall show of a record of the contact centre; without `crm`, a record that is yet to be made."""
    fields = tenant.settings.special_fields
    id_code, link_code = (
        (fields.person_centre_id, fields.person_centre_link)
        if kind is CUSTOMERS
        else (fields.organization_centre_id, fields.organization_centre_link)
    )
    found: list[Extra] = []
    shown = stated_centre_id(tenant, kind, crm) if crm is not None else None
    if shown is not None and len(tenant.centres) > 1:
        # It may name the same person's record in another contact centre.
        return found
    if id_code is not None:
        found.append(Extra("their id", Way.TO_PIPEDRIVE, centre.id, shown or "", id_code))
    template = tenant.settings.links.customer
    if link_code is not None and template is not None:
        shown = str(crm.custom_fields.get(link_code) or "") if crm is not None else ""
        # A company's card is that of its own customer record.
        card = (centre.customer_id if isinstance(centre, Company) else None) or centre.id
        found.append(Extra("their page", Way.TO_PIPEDRIVE, template.replace("{id}", card), shown, link_code))
    return found


def _shown_in_centre(tenant: Tenant, kind: Kind, crm_id: str, centre: CentreRecord) -> list[Extra]:
    fields = tenant.settings.special_fields
    found = []
    if fields.customer_pipedrive_id is not None:
        shown = stated_crm_id(tenant, centre) or ""
        found.append(Extra("our id", Way.TO_CENTRE, crm_id, shown, f"custom:{fields.customer_pipedrive_id}"))
    if fields.customer_pipedrive_link is not None:
        shown = str(centre.custom.get(fields.customer_pipedrive_link) or "")
        page = tenant.record_page(kind.crm, crm_id)
        found.append(
            Extra("our page", Way.TO_CENTRE, page, shown, f"custom:{fields.customer_pipedrive_link}")
        )
    return found


def marked_values(tenant: Tenant, kind: Kind, crm_id: str) -> dict[str, str]:
    """What a record that we make in a contact centre says of its counterpart, by which a lost answer is found again."""
    fields = tenant.settings.special_fields
    values = {}
    if fields.customer_pipedrive_id is not None:
        values[f"custom:{fields.customer_pipedrive_id}"] = crm_id
    else:
        values["external_id"] = OUTSIDE_ID + crm_id
    if fields.customer_pipedrive_link is not None:
        values[f"custom:{fields.customer_pipedrive_link}"] = tenant.record_page(kind.crm, crm_id)
    return values


async def keep_special_fields(tenant: Tenant, installations: Installations) -> list[str]:
    """See that the fields exist in Pipedrive and that the settings name them; answers what could not be made."""
    fields, problems = await find_or_create_fields(tenant)
    if fields != tenant.settings.special_fields:
        settings = tenant.settings.model_copy(update={"special_fields": fields})
        await installations.set_settings(tenant.id, settings, seen_version=tenant.installed.settings_version)
    return problems


async def find_or_create_fields(
    tenant: Tenant, entities: Collection[str] = ("person", "organization", "deal")
) -> tuple[SpecialFields, list[str]]:
    """The fields in Pipedrive that hold the other side's id and page, made where they are missing; and what failed.

    A field that the settings name stays, whatever it is called there; one that was deleted is made anew, for by the id
    a lost answer is found again (10 tokens a list, 5 a field that is made).
    """
    _ = tenant.translate
    number, page = _("Contact centre ID"), _("Contact centre card")
    labels = {
        "person_centre_id": number, "person_centre_link": page,
        "organization_centre_id": number, "organization_centre_link": page,
        "deal_marker": _("Connector reference"),
    }  # fmt: skip
    known, problems = tenant.settings.special_fields, []
    for entity in entities:
        async with tenant.contacts.lock("fields", entity):  # two who find none would make two
            fields = await Fields.load(tenant.pipedrive, entity)
            for name, (home, kind) in IN_PIPEDRIVE.items():
                if home != entity:
                    continue
                try:
                    field = await fields.find_or_create(
                        code=getattr(known, name), name=labels[name], type=kind
                    )
                except (PlanLimit, Forbidden) as error:
                    problems.append(f"{entity}: the field {labels[name]!r} could not be made: {error}")
                    continue
                known = known.model_copy(update={name: field.code})
    return known, problems
