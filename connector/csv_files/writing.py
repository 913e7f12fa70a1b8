"""Write CSV that no spreadsheet takes for formulas, and the columns that each side imports."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import BinaryIO

import phonenumbers

from connector.csv_files.contacts import Contact
from connector.csv_files.reading import UnusableFile, check_encoding
from connector.names import join_name

CENTRE_HEADER = ("surname", "name", "phone_number", "email", "company")
PIPEDRIVE_HEADER = (
    "Person - Name",
    *(f"Person - Phone - {label}" for label in ("Work", "Mobile", "Home", "Other")),
    *(f"Person - Email - {label}" for label in ("Work", "Home", "Other")),
    "Person - Organization",
)

_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")
_NUMBERS = re.compile(r"\+?\d[\d ().-]*(?:[,;/] ?\+?\d[\d ().-]*)*")


def centre_row(contact: Contact, region: str) -> tuple[str, ...]:
    """A person as the contact centre imports it; numbers of the own region as they are dialled there."""
    numbers = ",".join(as_dialled(phone, region) for phone in contact.phones)
    return contact.name.last, contact.name.first, numbers, ",".join(contact.emails), contact.company


def pipedrive_row(contact: Contact) -> tuple[str, ...]:
    """A person as Pipedrive imports it; what there are more of than columns stands together in the last."""
    name = join_name(contact.name.first, contact.name.last)
    return name, *_spread(contact.phones, 4), *_spread(contact.emails, 3), contact.company


def _spread(values: Sequence[str], columns: int) -> list[str]:
    row = [*values[: columns - 1], ",".join(values[columns - 1 :])]
    return row + [""] * (columns - len(row))


@lru_cache(maxsize=16_384)
def as_dialled(number: str, region: str) -> str:
    """The digits of an E.164 number as people of `region` dial it; one of another country stays E.164."""
    parsed = phonenumbers.parse(number)
    if parsed.country_code != phonenumbers.country_code_for_region(region):
        return number
    return re.sub(r"\D", "", phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL))


def neutralise(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would calculate; telephone numbers stay as they are.

    Reading takes one apostrophe off again, so that nothing is changed by a way there and back.
    """
    if cell[:1].isalnum():
        return cell
    return "'" + cell if _FORMULA.match(cell) and not _NUMBERS.fullmatch(cell) else cell


class Sheet:
    """A CSV file being written: a row at a time, every cell neutralised."""

    def __init__(self, target: BinaryIO, *, encoding: str, delimiter: str) -> None:
        """Writes nothing yet. Raises UnusableFile when there is no such encoding, or it lacks the delimiter."""
        check_encoding(encoding)
        try:
            delimiter.encode(encoding)
        except UnicodeEncodeError as error:
            raise UnusableFile(
                f"The delimiter {delimiter!r} cannot be written in {encoding}. Choose --output-encoding utf-8."
            ) from error
        self.encoding = encoding
        self._encoder = codecs.getincrementalencoder(encoding)()
        self._target = target
        self._text = io.StringIO()
        self._csv = csv.writer(self._text, delimiter=delimiter)

    def write(self, cells: Sequence[str]) -> None:
        """Write one row; raises UnicodeEncodeError before anything of it is written."""
        self._csv.writerow([neutralise(cell) for cell in cells])
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        self._target.write(self._encoder.encode(text))

    def flush(self) -> None:
        """Have all that was written at its place."""
        self._target.flush()
