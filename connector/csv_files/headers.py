"""Know the columns of a people's list by their headings, in six languages.

Headings are those of Pipedrive's export ("Person - Phone - Work"), of a contact centre ("phone_number") and the usual
words of spreadsheets. A heading is known by all of its words, so that "Last name day" is no last name; what kind of
number or address it is ("work", "mobile", "2") does not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    """What a column holds."""

    WHOLE_NAME = "whole name"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    PHONE = "phone"
    EMAIL = "e-mail"
    COMPANY = "company"


# Small letters without accents, as `_fold` gives them. English, Polish, Finnish, Swedish, German, Vietnamese.
_FIELDS = {
    Field.WHOLE_NAME: (
        *("name", "names", "full name", "fullname", "display name"),
        *("nazwa", "imie i nazwisko", "pelna nazwa", "pelne imie i nazwisko"),
        *("nimi", "koko nimi", "namn", "fullstandigt namn", "hela namnet", "for och efternamn"),
        *(
            "vollstandiger name",
            "voller name",
            "vor und nachname",
            "ten",
            "ho va ten",
            "ho ten",
            "ten day du",
        ),
    ),
    Field.FIRST_NAME: (
        *("first name", "firstname", "given name", "given names", "forename", "imie", "imiona"),
        *("etunimi", "etunimet", "fornamn", "vorname", "vornamen", "ten goi"),
    ),
    Field.LAST_NAME: (
        *("last name", "lastname", "surname", "family name", "nazwisko"),
        *("sukunimi", "efternamn", "nachname", "familienname", "zuname", "ho"),
    ),
    Field.PHONE: (
        *("phone", "phones", "phone number", "phone numbers", "telephone", "telephone number", "tel"),
        *("telefon", "telefony", "nr telefonu", "nr tel", "numer telefonu", "numery telefonow"),
        *("puhelin", "puhelinnumero", "matkapuhelin", "matkapuhelinnumero", "telefonnummer", "telefonnr"),
        *("mobiltelefon", "mobilnummer", "handynummer", "rufnummer", "telefonnummern"),
        *("dien thoai", "so dien thoai", "so dt", "sdt"),
    ),
    Field.EMAIL: (
        *("email", "emails", "email address", "email addresses", "mail"),
        *("adres email", "adresy email", "adres mailowy", "poczta", "poczta elektroniczna"),
        *("sahkoposti", "sahkopostiosoite", "epost", "epostadress", "mejl", "mejladress"),
        *("email adresse", "emailadresse", "mailadresse", "thu dien tu", "dia chi email"),
    ),
    Field.COMPANY: (
        *(
            "organization",
            "organisation",
            "company",
            "organizacja",
            "firma",
            "nazwa firmy",
            "nazwa organizacji",
        ),
        *("organisaatio", "organisaation nimi", "yritys", "yrityksen nimi", "foretag", "foretagsnamn"),
        *("organisationsnamn", "unternehmen", "unternehmensname", "firmenname"),
        *("to chuc", "cong ty", "ten to chuc", "ten cong ty"),
    ),
}
_BY_WORDS = {words: field for field, headings in _FIELDS.items() for words in headings}
_PERSON = (
    *(
        "contact person",
        "person",
        "people",
        "contact",
        "customer",
        "osoba kontaktowa",
        "osoba",
        "kontakt",
        "klient",
    ),
    *("yhteyshenkilo", "henkilo", "asiakas", "kontaktperson", "kund", "kunde", "ansprechpartner"),
    *("nguoi lien he", "lien he", "nguoi", "khach hang"),
)
_COMPANY = _FIELDS[Field.COMPANY]
_MOBILE = (
    *(
        "mobile",
        "cell",
        "komorkowy",
        "komorkowe",
        "komorka",
        "mobiili",
        "kannykka",
        "mobil",
        "handy",
        "di dong",
    ),
)
_LABELS = (
    *_MOBILE,
    *("work", "home", "other", "main", "primary", "business", "private", "office", "personal"),
    *(
        "praca",
        "sluzbowy",
        "sluzbowa",
        "dom",
        "domowy",
        "prywatny",
        "inny",
        "inne",
        "glowny",
        "podstawowy",
        "biuro",
    ),
    *(
        "tyo",
        "koti",
        "muu",
        "toimisto",
        "ensisijainen",
        "arbete",
        "jobb",
        "hem",
        "annan",
        "annat",
        "ovrigt",
        "ovrig",
    ),
    *("buro", "arbeit", "privat", "geschaftlich", "sonstige", "sonstiger", "sonstiges", "andere", "zuhause"),
    *("co quan", "cong viec", "nha rieng", "nha", "khac", "ca nhan"),
)


def _phrases(words: Sequence[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_OWNER = re.compile(rf"(?:(?P<person>{_phrases(_PERSON)})|(?P<company>{_phrases(_COMPANY)}))(?: |$)")
_LABEL = re.compile(rf"\b(?:{_phrases(_LABELS)}|\d+)\b")
_MOBILE_LABEL = re.compile(rf"\b(?:{_phrases(_MOBILE)})\b")
_E_MAIL = re.compile(r"\be[- ](?=mail|post)")
_NOT_WORDS = re.compile(r"[\W_]+")
_LETTERS = str.maketrans("łđø", "ldo")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the fields stand in a row; `left_out` are the headings that nothing is taken from."""

    places: dict[Field, tuple[int, ...]]
    left_out: tuple[str, ...]

    def values(self, cells: Sequence[str], field: Field) -> list[str]:
        """What a row has of a field, in the order of its columns, white space collapsed and empty cells left out."""
        places = self.places[field]
        return [text for place in places if place < len(cells) and (text := " ".join(cells[place].split()))]

    def value(self, cells: Sequence[str], field: Field) -> str:
        """The first of them, or an empty text."""
        return next(iter(self.values(cells, field)), "") if self.places[field] else ""


def find_columns(header: Sequence[str]) -> Columns:
    """Where each field stands under these headings."""
    fields = [_field_of(heading) for heading in header]
    return Columns(
        {field: tuple(i for i, found in enumerate(fields) if found is field) for field in Field},
        tuple(
            heading.strip()
            for heading, found in zip(header, fields, strict=True)
            if not found and heading.strip()
        ),
    )


def known_columns(header: Sequence[str]) -> int:
    """How many headings are known."""
    return sum(_field_of(heading) is not None for heading in header)


def _field_of(heading: str) -> Field | None:
    words = _NOT_WORDS.sub(" ", _E_MAIL.sub("e", _fold(heading))).strip()
    if words in _BY_WORDS:
        return _BY_WORDS[words]
    owner = _OWNER.match(words)
    own = words[owner.end() :] if owner else words
    bare = " ".join(_LABEL.sub(" ", own).split())
    if owner and owner["company"]:
        return Field.COMPANY if _BY_WORDS.get(bare) is Field.WHOLE_NAME else None
    if not bare:
        # "Mobile" alone is a number, and a column named after the person holds the name.
        return Field.PHONE if _MOBILE_LABEL.search(own) else Field.WHOLE_NAME if owner and not own else None
    return _BY_WORDS.get(bare)


def _fold(heading: str) -> str:
    decomposed = unicodedata.normalize("NFKD", heading.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).translate(_LETTERS)
