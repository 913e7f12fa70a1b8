"""Customers and companies: made, changed, deleted and merged, whoever does it.

Vendor pages: https://api.thulium.com/docs/api/crm/post_customers and its neighbours; `crm_api` serves them.
"""

from __future__ import annotations

from connector.sandbox.thulium.state import Company, Customer, System
from connector.sandbox.thulium.wire import ApiError, Body

ADDRESSES = ("address", "invoice_address", "mail_drop_address")
DETAILS = ("gender", "homepage", "birthdate", "nip", "note", "pesel", "job", "job_title", "vip", *ADDRESSES)
KEYS = {"name", "surname", "email", "phone_number", "company_id", "type", "group", "identifier", *DETAILS}
KEYS |= {"account_manager", "custom_fields", "fill_read_only_custom_fields", "customer_id"}


def check_card(system: System, body: Body) -> None:
    """Refuse unknown keys, fields, agents and companies, before anything is written."""
    for key in body.values:
        if key not in KEYS:
            raise ApiError(400, "Unknown parameter", key)
    for name in body.part("custom_fields"):
        if name not in system.customer_fields:
            raise ApiError(400, "Unknown parameter", f"custom_fields[{name}]")
    if "surname" in body:
        body.need("surname")
    if (manager := body.text("account_manager")) and manager not in system.agents:
        raise ApiError(400, "Invalid value", "account_manager")
    if (company_id := body.number("company_id")) is not None and company_id not in system.companies:
        raise ApiError(400, "Invalid value", "company_id")


def _refuse_double(system: System, card: Customer, body: Body) -> None:
    name = (body.text("name", card.name).strip(), body.text("surname", card.surname).strip())
    if any((other.name, other.surname) == name for other in system.customers.values() if other is not card):
        raise ApiError(400, "Duplicated customer name.")


def write_card(system: System, card: Customer, body: Body) -> None:
    """Write the keys that were sent; nothing is written when one of them is refused."""
    check_card(system, body)
    if system.switches.unique_names and ("surname" in body or "name" in body):
        _refuse_double(system, card, body)
    texts = ("name", "surname", "identifier", "type", "group", "account_manager")
    sent = {key: body.text(key) for key in texts if key in body}
    emails, phones = body.texts("email"), body.texts("phone_number")
    fill = body.flag("fill_read_only_custom_fields")
    fill = fill and system.switches.read_only_customer_fields == "accept"
    for key, text in sent.items():
        setattr(card, key, text)
    if "company_id" in body:
        card.company_id = body.number("company_id")
    if "email" in body:
        card.emails = emails
    if "phone_number" in body:
        card.phones = [phone.replace(" ", "").replace("-", "") for phone in phones]
    for name, value in body.part("custom_fields").items():
        if fill or not system.customer_fields[name].read_only:
            card.custom_fields[name] = value
    card.details.update({key: body.values[key] for key in DETAILS if key in body})
    card.updated_at = system.now()


def tell_change(system: System, action: str, card: Customer) -> None:
    """Send CUSTOMER_CREATED or CUSTOMER_UPDATED, whoever made the change."""
    fields = {"customer_id": card.customer_id, "company_id": card.company_id, "date": card.updated_at}
    system.emit(system, action, fields)


def add_customer(system: System, body: Body, customer_id: int | None = None) -> Customer:
    """Make a customer; only the surname is required."""
    body.need("surname")
    card = Customer(0, "", system.now())
    write_card(system, card, body)
    card.customer_id = system.new_id("customer", customer_id)
    system.customers[card.customer_id] = card
    return card


def change_customer(system: System, card: Customer, body: Body) -> None:
    """Change a customer and tell it."""
    write_card(system, card, body)
    tell_change(system, "CUSTOMER_UPDATED", card)


def add_company(system: System, body: Body, company_id: int | None = None) -> Company:
    """Make a company and its card."""
    name = body.need("name")
    rest = {key: value for key, value in body.values.items() if key != "name"}
    card = add_customer(system, Body(rest | {"surname": name}))
    ref = system.new_id("company", company_id)
    card.company_flag, card.company_id = True, ref
    system.companies[ref] = company = Company(ref, card)
    return company


def change_company(system: System, company: Company, body: Body) -> None:
    """Change a company and tell it; its `name` is its card's surname."""
    values = dict(body.values)
    if "name" in values:
        values["surname"] = values.pop("name")
    change_customer(system, company.card, Body(values))


def drop_customer(system: System, card: Customer) -> None:
    """Delete a customer; a company's card goes with its company only."""
    if card.company_flag:
        raise ApiError(400, "Invalid value", "customer_id")
    del system.customers[card.customer_id]


def drop_company(system: System, company: Company) -> None:
    """Delete a company and its card; its people stay without a company."""
    del system.companies[company.company_id], system.customers[company.card.customer_id]
    for card in system.customers.values():
        if card.company_id == company.company_id:
            card.company_id = None


def merge_customers(system: System, gone: Customer, survivor: Customer) -> None:
    """Merge two customers as an agent may: how the vendor does it is not documented. One change is told."""
    if gone is survivor or gone.company_flag or survivor.company_flag:
        raise ApiError(400, "Invalid value", "into")
    drop_customer(system, gone)
    for ways, more in ((survivor.phones, gone.phones), (survivor.emails, gone.emails)):
        ways += [way for way in more if way not in ways]
    for key in ("name", "company_id", "identifier", "type", "group", "account_manager"):
        setattr(survivor, key, getattr(survivor, key) or getattr(gone, key))
    for events in (system.calls, system.tickets, system.chats):
        for event in events.values():
            if event.customer_id == gone.customer_id:
                event.customer_id = survivor.customer_id
    survivor.updated_at = system.now()
    tell_change(system, "CUSTOMER_UPDATED", survivor)
