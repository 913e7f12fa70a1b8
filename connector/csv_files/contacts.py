"""Turn rows into people that can be written: name in two parts, clean numbers and addresses, each person once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector.csv_files.headers import Columns, Field, find_columns
from connector.csv_files.reading import Row, Table, UnusableFile
from connector.names import Name, split_name
from connector.phone import Phones, normalise_email

_SEPARATORS = re.compile(r"[;,|\n]")


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of one row: numbers in E.164, addresses in small letters, each once and in the order of the columns.

    `left_out` names in words what the row has and could not be used.
    """

    row: Row
    name: Name
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    company: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that nothing is made of, with the reason in words."""

    row: Row
    reason: str


class Duplicate(Unusable):
    """A row whose number or address an earlier one has."""


def columns_of(table: Table) -> Columns:
    """The columns of a table; raises UnusableFile when no name, or neither number nor address, is among them."""
    columns = find_columns(table.header)
    places = columns.places
    headings = ", ".join(f'"{heading.strip()}"' for heading in table.header[:30])
    if not any(places[field] for field in (Field.WHOLE_NAME, Field.FIRST_NAME, Field.LAST_NAME)):
        raise UnusableFile(f"No column with names was found among {headings}. Call it Name.")
    if not places[Field.PHONE] and not places[Field.EMAIL]:
        raise UnusableFile(
            f"No column with numbers or e-mails was found among {headings}. Call it Phone or Email."
        )
    return columns


def contacts(table: Table, columns: Columns, phones: Phones) -> Iterator[Contact | Unusable]:
    """Read the rows one after another; of what was read, only hashes of numbers and addresses stay in memory."""
    seen: dict[int, int] = {}
    for row in table.rows:
        contact = _contact(row, columns, phones)
        if isinstance(contact, Contact):
            keys = contact.phones + contact.emails
            known = next((key for key in keys if hash(key) in seen), None)
            if known is not None:
                yield Duplicate(row, f"{known} stands in line {seen[hash(known)]} already")
                continue
            for key in keys:
                seen[hash(key)] = row.line
        yield contact


def _contact(row: Row, columns: Columns, phones: Phones) -> Contact | Unusable:
    if row.fault:
        return Unusable(row, row.fault)
    cells = row.cells
    numbers, no_numbers = _read_phones(columns.values(cells, Field.PHONE), phones)
    emails, no_emails = _read_emails(columns.values(cells, Field.EMAIL))
    name = _name(
        columns.value(cells, Field.WHOLE_NAME),
        columns.value(cells, Field.FIRST_NAME),
        columns.value(cells, Field.LAST_NAME),
    )
    unread = ", ".join(
        [f"{text!r} is no telephone number" for text in no_numbers]
        + [f"{text!r} is no e-mail address" for text in no_emails]
    )
    if not name.last:
        return Unusable(row, "it has no name")
    if not numbers and not emails:
        return Unusable(row, unread or "it has neither a number nor an e-mail address")
    return Contact(row, name, numbers, emails, columns.value(cells, Field.COMPANY), unread)


def _name(whole: str, first: str, last: str) -> Name:
    """The name in two parts, as given or split; a column "name" beside one part may hold the other part alone."""
    if first and last:
        return Name(first, last)
    part = first or last
    if not whole or not part:
        return Name("", last) if last else split_name(whole or first)
    if set(part.casefold().split()) <= set(whole.replace(",", " ").casefold().split()):
        return split_name(whole)
    return Name(whole, last) if last else Name(first, whole)


def _read_phones(values: list[str], phones: Phones) -> tuple[tuple[str, ...], list[str]]:
    found: list[str] = []
    unread: list[str] = []
    for value in values:
        numbers = phones.keys(value)
        found += numbers
        if not numbers:
            unread.append(value)
    return tuple(dict.fromkeys(found)), unread


def _read_emails(values: list[str]) -> tuple[tuple[str, ...], list[str]]:
    found: list[str] = []
    unread: list[str] = []
    for part in (part for value in values for part in _SEPARATORS.split(value) if part.strip()):
        email = normalise_email(part)
        if email:
            found.append(email)
        else:
            unread.append(part.strip())
    return tuple(dict.fromkeys(found)), unread
