"""One conversion: rows in, the other side's import file out, and a second file of all that was not taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import phonenumbers

from connector.csv_files.contacts import Contact, Duplicate, Unusable, columns_of, contacts
from connector.csv_files.reading import Table, UnusableFile
from connector.csv_files.writing import CENTRE_HEADER, PIPEDRIVE_HEADER, Sheet, centre_row, pipedrive_row
from connector.phone import Phones


@dataclass(slots=True)
class Summary:
    """What became of the rows of a file.

    `incomplete` counts rows that were taken without a number or address that could not be read.
    """

    encoding: str
    delimiter: str
    left_out_columns: tuple[str, ...]
    rows: int = 0
    taken: int = 0
    incomplete: int = 0
    duplicates: int = 0
    unusable: int = 0


@dataclass(slots=True)
class Intake:
    """The people of a file, and the place where all that is not taken is written down."""

    summary: Summary
    people: Iterator[Contact]
    _sheet: Sheet = field(repr=False)

    def refuse(self, contact: Contact, reason: str, *, duplicate: bool = False) -> None:
        """Write down that a person was not taken after all."""
        kind = Duplicate if duplicate else Unusable
        _write_down(self._sheet, self.summary, kind(contact.row, reason))

    def take(self, contact: Contact) -> None:
        """Count a person as taken; what could not be used of the row is written down."""
        self.summary.taken += 1
        if contact.left_out:
            self.summary.incomplete += 1
            self._sheet.write([str(contact.row.line), "yes", contact.left_out, *contact.row.cells])


def _write_down(sheet: Sheet, summary: Summary, row: Unusable) -> None:
    if isinstance(row, Duplicate):
        summary.duplicates += 1
    else:
        summary.unusable += 1
    sheet.write([str(row.row.line), "no", row.reason, *row.row.cells])


@contextmanager
def intake(table: Table, phones: Phones, duplicates: str) -> Iterator[Intake]:
    """The people of a table; duplicates and unusable rows go to the file `duplicates`, which is made anew."""
    columns = columns_of(table)
    if phones.region not in phonenumbers.SUPPORTED_REGIONS:
        raise UnusableFile(f"There is no region {phones.region!r}. Write two letters, such as PL.")
    summary = Summary(table.encoding, table.delimiter, columns.left_out)
    with _made_anew(duplicates) as target:
        sheet = Sheet(target, encoding="utf-8-sig", delimiter=table.delimiter)
        sheet.write(["line", "taken", "reason", *table.header])

        def people() -> Iterator[Contact]:
            for found in contacts(table, columns, phones):
                summary.rows += 1
                if isinstance(found, Contact):
                    yield found
                else:
                    _write_down(sheet, summary, found)

        yield Intake(summary, people(), sheet)


def _made_anew(path: str) -> BinaryIO:
    try:
        return Path(path).open("wb")
    except OSError as error:
        raise UnusableFile(
            f"{path} cannot be written: {error.strerror}. Name another file with --duplicates."
        ) from error


def write_file(taken: Intake, sheet: Sheet, *, to_pipedrive: bool, region: str) -> None:
    """Write every person into the other side's import file."""
    sheet.write(PIPEDRIVE_HEADER if to_pipedrive else CENTRE_HEADER)
    as_row: Callable[[Contact], tuple[str, ...]] = (
        pipedrive_row if to_pipedrive else lambda contact: centre_row(contact, region)
    )
    for contact in taken.people:
        try:
            sheet.write(as_row(contact))
        except UnicodeEncodeError as error:
            letters = error.object[error.start : error.end]
            taken.refuse(
                contact, f"{letters!r} cannot be written in {sheet.encoding}; choose --output-encoding utf-8"
            )
        else:
            taken.take(contact)
    sheet.flush()
