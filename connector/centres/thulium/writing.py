"""What is sent to make, change or find a customer or company, and what the answers say. Pure.

https://api.thulium.com/docs/api/crm/post_customers; README.md lists what the vendor's pages leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import phonenumbers

from connector.centres.thulium.wire import (
    Malformed,
    read_record_or_nothing,
    read_refused_row,
    refusal_of,
    series_of,
    text_of,
)
from connector.errors import ConnectorError, Rejected, UnknownOutcome
from connector.phone import Phones, normalise_email
from connector.records import Company, Customer, Values

CUSTOM = "custom:"

_SHARED = {
    "phones": "phone_number",
    "emails": "email",
    "external_id": "identifier",
    "tax_id": "nip",
    "type": "type",
    "group": "group",
    "owner_agent_id": "account_manager",
}
_OF_CUSTOMERS = {**_SHARED, "first_name": "name", "last_name": "surname", "company_id": "company_id"}
_OF_COMPANIES = {**_SHARED, "name": "name"}


def customer_body(values: Values) -> dict[str, object]:
    """The body of `POST customers` and `PUT customers/:id`; Rejected names a field that customers do not have."""
    return _body(values, _OF_CUSTOMERS)


def company_body(values: Values) -> dict[str, object]:
    """The body of `POST companies` and `PUT companies/:id`."""
    return _body(values, _OF_COMPANIES)


def _body(values: Values, keys: Mapping[str, str]) -> dict[str, object]:
    body: dict[str, object] = {}
    custom: dict[str, object] = {}
    for name, value in values.items():
        sent: object = list(value) if isinstance(value, tuple) else value
        if name.startswith(CUSTOM):
            custom[name.removeprefix(CUSTOM)] = sent
        elif name in keys:
            body[keys[name]] = id_number(value) if name == "company_id" else sent
        else:
            raise Rejected(f"Thulium has no field {name} to write")
    if custom:
        body |= {"custom_fields": custom, "fill_read_only_custom_fields": True}
    return body


def field_values(ids: Mapping[str, str], values: Mapping[str, str]) -> list[dict[str, object]]:
    """Values of a row of a repeating group, whose fields have these `ids` by name, as it is written."""
    return [{"field_id": id_number(ids[name]), "value": value} for name, value in values.items()]


def id_number(value: str | tuple[str, ...]) -> object:
    """An id as the vendor's own samples write it, a number where it is one."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def written_id(what: str, answer: bytes, *names: str) -> str:
    """The id of what was just made; UnknownOutcome when the answer names none."""
    try:
        row = read_record_or_nothing(answer) or {}
    except Malformed as error:
        raise UnknownOutcome(f"Thulium: {what}: {error}") from error
    found = next((found for name in (*names, "id") if (found := text_of(row.get(name)))), None)
    if found is None:
        raise UnknownOutcome(f"Thulium: {what}: the answer names no id")
    return found


def written_each(what: str, answer: bytes, sent: Sequence[object]) -> list[str | ConnectorError]:
    """What became of each row of a series, by its place; all are unknown when the answer cannot be assigned to rows."""
    rows = series_of(answer)
    if rows is None or len(rows) != len(sent):
        return [UnknownOutcome(f"Thulium: {what}: the answer cannot be assigned to its rows") for _ in sent]
    done: list[str | ConnectorError] = []
    for row, body in zip(rows, sent, strict=True):
        fields = row if isinstance(row, dict) else {"id": row}
        if told := refusal_of(fields, body):
            done.append(Rejected(f"Thulium: {what}: {told}"))
            continue
        found = text_of(fields.get("customer_id")) or text_of(fields.get("id"))
        done.append(found or UnknownOutcome(f"Thulium: {what}: the answer names no id"))
    return done


def changed_each(what: str, answer: bytes, sent: Sequence[object]) -> list[ConnectorError | None]:
    """The same for changes, of which an answer that tells of no error, such as an empty one, means that all are done."""
    rows = series_of(answer) or []
    if len(rows) != len(sent):
        if not read_refused_row(answer, sent):
            return [None for _ in sent]
        return [UnknownOutcome(f"Thulium: {what}: the answer cannot be assigned to its rows") for _ in sent]
    told = [
        refusal_of(row if isinstance(row, dict) else {}, body) for row, body in zip(rows, sent, strict=True)
    ]
    return [Rejected(f"Thulium: {what}: {one}") if one else None for one in told]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is looked for; all that is given must fit."""

    number: str = ""
    email: str = ""
    external_id: str = ""
    custom: tuple[str, str] | None = None

    def filters(self) -> list[dict[str, str]]:
        """The lists to ask for: which form of a number or address the vendor compares is not known, so each in turn."""
        fixed = {"identifier": self.external_id} if self.external_id else {}
        if self.custom is not None:
            name, value = self.custom
            fixed[f"custom_fields[{name}]"] = value
        asked = [fixed]
        if self.email:
            forms = dict.fromkeys((self.email, normalise_email(self.email) or self.email))
            asked = [{**one, "email": form} for one in asked for form in forms]
        if self.number:
            asked = [{**one, "phone_number": form} for one in asked for form in _forms(self.number)]
        return [one for one in asked if one]

    def fits(self, row: Customer | Company) -> bool:
        """Whether a row really is what was looked for: a filter that the vendor does not know changes nothing."""
        if self.number and not any(self.number in _keys_of(self.number)(raw) for raw in row.phones):
            return False
        if self.email and _address(self.email) not in map(_address, row.emails):
            return False
        if self.external_id and not (isinstance(row, Customer) and row.external_id == self.external_id):
            return False
        if self.custom is not None:
            name, value = self.custom
            return text_of(row.custom.get(name)) == value.strip()
        return True


def _forms(number: str) -> list[str]:
    """An E.164 number as vendors keep it: with its plus, with the country's digits alone, and the national digits."""
    try:
        national = phonenumbers.national_significant_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return [number]
    return list(dict.fromkeys((number, number.removeprefix("+"), national)))


def _keys_of(number: str) -> Callable[[str], tuple[str, ...]]:
    """Reads numbers as they are written in the country of `number`."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        region = None
    return Phones(region or "ZZ").keys


def _address(raw: str) -> str:
    return normalise_email(raw) or raw.strip().casefold()
