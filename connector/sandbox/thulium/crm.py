"""Customers and companies, one by one and in batches.

Vendor pages: https://api.thulium.com/docs/api/crm/get_customers_id, …/post_customers, …/get_companies_id
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from connector.sandbox.thulium.api import Ask, Created, Route, Row
from connector.sandbox.thulium.state import Company, Customer, System
from connector.sandbox.thulium.wire import ApiError, Body, blank, custom_wanted, local

ADDRESSES = ("address", "invoice_address", "mail_drop_address")
DETAILS = ("gender", "homepage", "birthdate", "nip", "note", "pesel", "job", "job_title", "vip", *ADDRESSES)
KEYS = {"name", "surname", "email", "phone_number", "company_id", "type", "group", "identifier", *DETAILS}
KEYS |= {"account_manager", "custom_fields", "fill_read_only_custom_fields", "customer_id"}


_FILTERS: dict[str, Callable[[Customer], Sequence[object]]] = {
    "identifier": lambda card: (card.identifier,),
    "phone_number": lambda card: card.phones,
    "email": lambda card: card.emails,
    "nip": lambda card: (card.details.get("nip"),),
    "company_id": lambda card: (str(card.company_id),),
    "company_flag": lambda card: (str(card.company_flag).lower(), str(int(card.company_flag))),
    "type": lambda card: (card.type,),
    "group": lambda card: (card.group,),
}


def _customer(ask: Ask, card: Customer) -> dict[str, object]:
    n = card.customer_id
    row: dict[str, object] = {
        "customer_id": n,
        "name": blank(n, card.name),
        "surname": card.surname,
        "phone_number": card.phones[0] if card.phones else blank(n, ""),
        "phone_numbers": card.phones,
        "email": card.emails[0] if card.emails else blank(n, ""),
        "company_id": card.company_id,
        "identifier": blank(n, card.identifier),
        "type": blank(n, card.type),
        "group": blank(n, card.group),
        "company_flag": card.company_flag,
        "account_manager": blank(n, card.account_manager),
        "updated_at": local(ask.system.zone, card.updated_at),
    }
    if ask.system.switches.second_email:
        row["emails"] = card.emails
    return row | _included(ask, card)


def _company(ask: Ask, company: Company) -> dict[str, object]:
    """Show a company; its numbers and addresses are those of its card, `customers/:customer_id`."""
    n, card = company.company_id, company.card
    row: dict[str, object] = {
        "company_id": n,
        "customer_id": card.customer_id,
        "name": card.surname,
        "type": blank(n, card.type),
        "group": blank(n, card.group),
        "nip": card.details.get("nip", ""),
        "account_manager": blank(n, card.account_manager),
    }
    return row | _included(ask, card)


def _included(ask: Ask, card: Customer) -> dict[str, object]:
    parts: dict[str, object] = {}
    if ask.wants("include_custom_fields"):
        parts["custom_fields"] = {name: card.custom_fields.get(name) for name in ask.system.customer_fields}
    for address in ADDRESSES:
        if ask.wants(f"include_{address}"):
            parts[address] = card.details.get(address)
    return parts


def _tests(query: Mapping[str, str]) -> list[Callable[[Customer], bool]]:
    """The documented filters of a query; an empty identifier or number asks for those without."""
    tests: list[Callable[[Customer], bool]] = []
    for key, kept in _FILTERS.items():
        wanted = query.get(key)
        if wanted:
            tests.append(lambda card, kept=kept, wanted=wanted: wanted in kept(card))  # type: ignore[misc]
        elif wanted == "" and key in ("identifier", "phone_number"):
            tests.append(lambda card, kept=kept: not any(kept(card)))  # type: ignore[misc]
    for name, values in custom_wanted(query).items():
        tests.append(
            lambda card, name=name, values=values: str(card.custom_fields.get(name, "")) in values  # type: ignore[misc]
        )
    return tests


def _list(
    ask: Ask, records: Mapping[int, Row], card: Callable[[Row], Customer], show: Callable[[Row], object]
) -> object:
    limit, offset = ask.page(1000)
    found: Sequence[Row] | None = None
    if (tests := _tests(ask.query)) and not ask.system.switches.ignored_filters:
        found = [record for record in records.values() if all(test(card(record)) for test in tests)]
    shown = [
        show(row) for row in islice(records.values() if found is None else found, offset, offset + limit)
    ]
    if not ask.system.switches.customers_envelope:
        return shown
    return {"count": len(records if found is None else found), "result": shown}


def list_customers(ask: Ask) -> object:
    """`GET customers`, by id; companies have a card among them."""
    return _list(ask, ask.system.customers, lambda card: card, lambda card: _customer(ask, card))


def list_companies(ask: Ask) -> object:
    """`GET companies`, by id."""
    return _list(
        ask, ask.system.companies, lambda company: company.card, lambda company: _company(ask, company)
    )


def find(ask: Ask, records: Mapping[int, Row]) -> Row:
    """Find the record whose id is in the path; 404 when there is none."""
    if (ref := ask.number("id")) not in records:
        raise ApiError(404, "Not found")
    return records[ref]


def get_customer(ask: Ask) -> object:
    """`GET customers/:id`."""
    return _customer(ask, find(ask, ask.system.customers))


def get_company(ask: Ask) -> object:
    """`GET companies/:id`."""
    return _company(ask, find(ask, ask.system.companies))


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


def post_customer(ask: Ask) -> Created:
    """`POST customers`."""
    card = add_customer(ask.system, ask.body)
    tell_change(ask.system, "CUSTOMER_CREATED", card)
    return Created({"customer_id": card.customer_id})


def put_customer(ask: Ask) -> None:
    """`PUT customers/:id`: a key left out stays; empty answer."""
    if ask.system.switches.change_customers == "batch":
        raise ApiError(405, "Method not allowed")
    change_customer(ask.system, find(ask, ask.system.customers), ask.body)


def delete_customer(ask: Ask) -> None:
    """`DELETE customers/:id`."""
    drop_customer(ask.system, find(ask, ask.system.customers))


def post_company(ask: Ask) -> Created:
    """`POST companies`."""
    company = add_company(ask.system, ask.body)
    tell_change(ask.system, "CUSTOMER_CREATED", company.card)
    return Created({"company_id": company.company_id})


def put_company(ask: Ask) -> None:
    """`PUT companies/:id`: as for customers, `name` being the company's."""
    change_company(ask.system, find(ask, ask.system.companies), ask.body)


def delete_company(ask: Ask) -> None:
    """`DELETE companies/:id`."""
    drop_company(ask.system, find(ask, ask.system.companies))


def _batch(ask: Ask, write: Callable[[Body], int]) -> list[dict[str, object]]:
    """Write each row by itself; one that is refused carries its error, the others go through."""
    done: list[dict[str, object]] = []
    for row in ask.listed or ask.body.rows("customers"):
        try:
            done.append({"customer_id": write(row)})
        except ApiError as refusal:
            message = f"{refusal.message}: {refusal.about}"
            done.append({"errors": [{"message": message, "code": 100000 + refusal.status}]})
    return done


def post_batch(ask: Ask) -> object:
    """`POST batch/customers`: an array, or `{"customers": [...]}`; the answer's shape is our reading."""

    def write(row: Body) -> int:
        card = add_customer(ask.system, row)
        tell_change(ask.system, "CUSTOMER_CREATED", card)
        return card.customer_id

    return _batch(ask, write)


def put_batch(ask: Ask) -> object:
    """`PUT batch/customers`: as POST, `customer_id` required and all else optional."""

    if ask.system.switches.change_customers == "single":
        raise ApiError(404, "Not found")

    def write(row: Body) -> int:
        row.need("customer_id")
        card = ask.system.customers.get(row.number("customer_id") or 0)
        if card is None:
            raise ApiError(404, "Not found", "customer_id")
        change_customer(ask.system, card, row)
        return card.customer_id

    return _batch(ask, write)


def post_note(ask: Ask) -> None:
    """`POST customers/:id/notes`; the key `note` is our reading."""
    find(ask, ask.system.customers).notes.append(ask.body.need("note"))


ROUTES: tuple[Route, ...] = (
    ("GET", "customers", list_customers),
    ("GET", "customers/:id", get_customer),
    ("POST", "customers", post_customer),
    ("PUT", "customers/:id", put_customer),
    ("DELETE", "customers/:id", delete_customer),
    ("POST", "customers/:id/notes", post_note),
    ("POST", "batch/customers", post_batch),
    ("PUT", "batch/customers", put_batch),
    ("GET", "companies", list_companies),
    ("GET", "companies/:id", get_company),
    ("POST", "companies", post_company),
    ("PUT", "companies/:id", put_company),
    ("DELETE", "companies/:id", delete_company),
)
