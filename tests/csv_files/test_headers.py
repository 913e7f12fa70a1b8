"""Columns are known by their headings, in six languages."""

import pytest

from connector.csv_files.headers import Field, find_columns

EXPORTS = {
    "English": "Person - Name,Person - Phone - Work,Person - Phone - Mobile,Person - Email - Work,Person - Organization",
    "Polish": "Osoba - Imię i nazwisko,Osoba - Telefon - Praca,Osoba - Telefon - Komórka,Osoba - E-mail - Praca,Osoba - Organizacja",
    "Finnish": "Henkilö - Nimi,Henkilö - Puhelin - Työ,Henkilö - Puhelin - Mobiili,Henkilö - Sähköposti - Työ,Henkilö - Organisaatio",
    "Swedish": "Person - Namn,Person - Telefon - Arbete,Person - Telefon - Mobil,Person - E-post - Arbete,Person - Organisation",
    "Vietnamese": "Người liên hệ - Tên,Người liên hệ - Điện thoại - Cơ quan,Người liên hệ - Điện thoại - Di động,Người liên hệ - Email - Công việc,Người liên hệ - Tổ chức",
    "German": "Person - Name,Person - Telefon - Büro,Person - Telefon - Mobil,Person - E-Mail-Adresse - Büro,Person - Organisation",
}
BARE = {
    "English": "Name,Phone,Mobile phone,E-mail,Company",
    "Polish": "Imię i nazwisko,Telefon,Telefon komórkowy,Adres e-mail,Nazwa firmy",
    "Finnish": "Nimi,Puhelinnumero,Matkapuhelin,Sähköpostiosoite,Yritys",
    "Swedish": "Namn,Telefonnummer,Mobiltelefon,E-postadress,Företag",
    "Vietnamese": "Họ và tên,Số điện thoại,Di động,Địa chỉ email,Công ty",
    "German": "Vollständiger Name,Telefonnummer,Handy,E-Mail-Adresse,Unternehmen",
}


@pytest.mark.parametrize(
    "header", [*EXPORTS.values(), *BARE.values()], ids=[*EXPORTS, *(f"bare {n}" for n in BARE)]
)
def test_every_language_is_known_with_and_without_what_stands_before_it(header: str) -> None:
    places = find_columns(header.split(",")).places
    assert places[Field.WHOLE_NAME] == (0,)
    assert places[Field.PHONE] == (1, 2)
    assert places[Field.EMAIL] == (3,)
    assert places[Field.COMPANY] == (4,)


@pytest.mark.parametrize(
    "header",
    [
        "Person - First name,Person - Last name",
        "Imię,Nazwisko",
        "Etunimi,Sukunimi",
        "Förnamn,Efternamn",
        "Person - Vorname,Person - Nachname",
        "Tên gọi,Họ",
        "given name,SURNAME",
    ],
)
def test_a_name_in_two_columns_is_known(header: str) -> None:
    places = find_columns(header.split(",")).places
    assert (places[Field.FIRST_NAME], places[Field.LAST_NAME]) == ((0,), (1,))


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("phone_number", Field.PHONE),
        ("Phone 2", Field.PHONE),
        ("Telefon (praca)", Field.PHONE),
        ("Work phone", Field.PHONE),
        ("Organization - Name", Field.COMPANY),
        ("Organizacja - Nazwa", Field.COMPANY),
        ("Osoba kontaktowa", Field.WHOLE_NAME),
        ("  E-MAIL ", Field.EMAIL),
    ],
)
def test_headings_are_read_leniently(heading: str, field: Field) -> None:
    assert find_columns([heading]).places[field] == (0,)


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "Last name day",
            "Person - Email messages count",
            "Organization - Address",
            "Firma - Telefon",
            "Person - ID",
        ),
        *("Deal - Title", "Work", "Number"),
    ],
)
def test_what_only_sounds_alike_is_left_out_by_name(heading: str) -> None:
    assert find_columns(["Name", heading, ""]).left_out == (heading,)
