"""The API of customers and companies, one by one and in batches.

Vendor pages: https://api.thulium.com/docs/api/crm/get_customers_id, …/post_customers, …/get_companies_id
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from connector.sandbox.thulium.api import Ask, Created, Route, Row
from connector.sandbox.thulium.crm import (
    ADDRESSES,
    add_company,
    add_customer,
    change_company,
    change_customer,
    drop_company,
    drop_customer,
    tell_change,
)
from connector.sandbox.thulium.state import Company, Customer
from connector.sandbox.thulium.wire import ApiError, Body, blank, custom_wanted, local

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
    refused = {"both": None, "named": ask.listed, "bare": ask.body.values}[ask.system.switches.series_body]
    if refused:
        raise ApiError(400, "Parameter is required", "customers")
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
