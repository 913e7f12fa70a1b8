"""Companies and records from a compact form, without webhooks.

A seed is `{"companies": [COMPANY, …]}` for new companies, or a COMPANY with `company` (an id) that adds to one.

COMPANY: `name, domain, plan, currency, seats, api_domain, callto, contact_sync, phone_format, long_names, open, caps` (all optional) and lists:
`users` {name, email, admin, active, timezone, locale, api_token}; `activity_types` {name, icon_key, active_flag,
key_string}; `pipelines` {name, stages}; `fields` {entity, name, type, options}; `organizations`, `persons`, `deals`,
`activities`: bodies as v2 takes them, but phones and e-mails may be plain texts, `owner` an e-mail, `org` and `person`
a name, and `custom_fields` may be keyed by the field's name. `generate` {persons, organizations, open_deals,
phone_base} makes many. Without `users`, `pipelines` or `activity_types` a new company gets an administrator, the
default pipeline and the default types.
"""

from __future__ import annotations

import secrets
from itertools import cycle

from connector.sandbox import people
from connector.sandbox.pipedrive.activities import ACTIVITY
from connector.sandbox.pipedrive.contacts import ORGANIZATION, PERSON, new_organization, new_person
from connector.sandbox.pipedrive.deals import DEAL, add_pipeline, first_stage, new_deal
from connector.sandbox.pipedrive.fields import add_built_in_fields, add_field
from connector.sandbox.pipedrive.records import Actor, Entity, create
from connector.sandbox.pipedrive.state import Access, Company, User, World
from connector.sandbox.pipedrive.users import DEFAULT_TYPES, add_activity_type, slug
from connector.sandbox.wire import Object

STAGES = ["Kwalifikacja", "Kontakt nawiązany", "Prezentacja", "Oferta złożona", "Negocjacje"]
SETTINGS = (
    "name",
    "domain",
    "plan",
    "currency",
    "seats",
    "api_domain",
    "callto",
    "contact_sync",
    "phone_format",
    "long_names",
    "open",
    "caps",
)
LISTS = ("users", "activity_types", "pipelines", "fields", "organizations", "persons", "deals", "activities")


def seed(world: World, body: Object) -> Object:
    """Do what a seed says; ValueError or KeyError when it makes no sense, Refused when a record is refused."""
    if "companies" in body:
        return {"companies": [_fill(world, _company(world, spec), spec) for spec in body["companies"]]}
    company = world.companies[body.pop("company", next(iter(world.companies)))]
    return {"companies": [_fill(world, company, body)]}


def _company(world: World, spec: Object) -> Company:
    number = next(world.company_ids)
    name = spec.get("name", f"Company {number}")
    domain = spec.get("domain") or slug(name, "-") or f"company-{number}"
    company = Company(number, name, domain, spec.get("plan", world.config.plan))
    world.companies[number] = company
    add_built_in_fields(company)
    if "users" not in spec:
        _add_user(world, company, {"name": "Admin", "email": f"admin@{domain}.example.com", "admin": True})
    if "pipelines" not in spec:
        add_pipeline(company, "Sprzedaż", STAGES, world.stamp())
    if "activity_types" not in spec:
        for kind in DEFAULT_TYPES:
            add_activity_type(company, kind, world.clock.now(), icon_key=kind.lower(), is_custom_flag=False)
    return company


def _fill(world: World, company: Company, spec: Object) -> Object:
    if unknown := spec.keys() - {*SETTINGS, *LISTS, "generate"}:
        raise ValueError(f"a seed does not know {', '.join(sorted(unknown))}")
    for name in SETTINGS:
        if name in spec:
            setattr(company, name, spec[name])
    users = [_add_user(world, company, user) for user in spec.get("users", ())]
    for kind in spec.get("activity_types", ()):
        add_activity_type(
            company, kind["name"], world.clock.now(), **{k: v for k, v in kind.items() if k != "name"}
        )
    for pipeline in spec.get("pipelines", ()):
        add_pipeline(company, pipeline["name"], pipeline.get("stages", STAGES), world.stamp())
    made: Object = {"id": company.id, "domain": company.domain}
    made["users"] = [
        {"id": u.id, "name": u.name, "email": u.email, "admin": u.admin, "api_token": u.api_token}
        for u in users or company.users.values()
    ]
    made["fields"] = [
        add_field(company, field["entity"], field["name"], field["type"], field.get("options"))["field_code"]
        for field in spec.get("fields", ())
    ]
    admin = next(iter(company.admins() or company.users.values()))
    actor = Actor(world, company, admin, "app")
    for entity in (ORGANIZATION, PERSON, DEAL, ACTIVITY):
        bodies = spec.get(entity.plural, ())
        made[entity.plural] = [
            create(actor, entity, _body(company, entity, b), quiet=True)["id"] for b in bodies
        ]
    if "generate" in spec:
        made["generated"] = _generate(world, company, **spec["generate"])
    return made


def _add_user(world: World, company: Company, spec: Object) -> User:
    user = User(next(world.user_ids), company.id, **{"api_token": secrets.token_hex(20), **spec})
    company.users[user.id] = user
    search, burst = world.windows(company, user, None)
    world.personal[user.api_token] = Access(company, user, burst, search)
    return user


def _body(company: Company, entity: Entity, spec: Object) -> Object:
    """A body as v2 takes it, from the compact form."""
    body = dict(spec)
    for key in ("phones", "emails"):
        if key in body:
            body[key] = [{"value": way} if isinstance(way, str) else way for way in body[key]]
    if "owner" in body:
        email = body.pop("owner")
        body["owner_id"] = next(user.id for user in company.users.values() if user.email == email)
    if "org" in body:
        body["org_id"] = _named(company, "organization", body.pop("org"))
    if "person" in body:
        person = _named(company, "person", body.pop("person"))
        if entity is ACTIVITY:
            body["participants"] = [{"person_id": person, "primary": True}]
        else:
            body["person_id"] = person
    if "custom_fields" in body:
        codes = {field["field_name"]: code for code, field in company.fields[entity.name].items()}
        body["custom_fields"] = {
            codes.get(name, name): value for name, value in body["custom_fields"].items()
        }
    return body


def _named(company: Company, entity: str, name: str) -> int:
    records = company.table(entity).records.values()
    found = [record["id"] for record in records if record["name"] == name and not record["is_deleted"]]
    if not found:
        raise ValueError(f"no {entity} is called {name}")
    return int(found[0])


def _generate(
    world: World,
    company: Company,
    persons: int = 0,
    organizations: int = 0,
    open_deals: int = 0,
    phone_base: str = "+48601000000",
    email_domain: str = "example.com",
) -> dict[str, int]:
    """Make many records at once: each person has one phone, counted up from `phone_base`, and one e-mail."""
    now = world.stamp()
    common = {"add_time": now, "update_time": now}
    owners = cycle([user.id for user in company.users.values() if user.active])
    org_ids = []
    for number in range(organizations):
        record: Object = {"id": company.organizations.next_id, **new_organization(company), **common}
        company.organizations.add(record | {"name": people.company(number), "owner_id": next(owners)})
        org_ids.append(record["id"])
    base = int(phone_base.removeprefix("+"))
    plus = "+" if phone_base.startswith("+") else ""
    person_ids = []
    for number in range(persons):
        first, last = people.name(number)
        record = {"id": company.persons.next_id, **new_person(company), **common}
        record |= {
            "name": f"{first} {last}",
            "first_name": first,
            "last_name": last,
            "owner_id": next(owners),
        }
        record["phones"] = [{"value": f"{plus}{base + number}", "primary": True, "label": "work"}]
        record["emails"] = [{"value": f"person{number + 1}@{email_domain}", "primary": True, "label": "work"}]
        record["org_id"] = org_ids[number % len(org_ids)] if org_ids else None
        company.persons.add(record)
        person_ids.append(record["id"])
    for number in range(open_deals):
        record = {"id": company.deals.next_id, **new_deal(company), **common, **first_stage(company)}
        record |= {"title": f"Szansa {number + 1}", "owner_id": next(owners), "stage_change_time": now}
        record["creator_user_id"] = record["owner_id"]
        record["person_id"] = person_ids[number % len(person_ids)] if person_ids else None
        company.deals.add(record)
    return {"persons": persons, "organizations": organizations, "open_deals": open_deals}
