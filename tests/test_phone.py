"""Phone numbers and e-mail addresses as keys."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.phone import (
    Dialable,
    NotDialled,
    Phones,
    masked_number,
    normalise_email,
    prefix_of,
    to_dial,
    written,
)

POLAND = Phones("PL", "9")


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        ("+49 171 1234567 (Jane)", ["+491711234567"]),
        ("22 1234567 w. 12", ["+48221234567"]),
        ("+48 22 123 45 67 wew. 123", ["+48221234567"]),
        ("22 123 45 67 ext 5", ["+48221234567"]),
        ("601123456x12", ["+48601123456"]),
        ("601123456;ext=12", ["+48601123456"]),
        ("0601123456", ["+48601123456"]),
        ("112", []),
        ("anonymous", []),
        ("", []),
        ("101", []),
        ("601123456 / 602123456", ["+48601123456", "+48602123456"]),
        ("601123456, 601 123 456; +48602123456", ["+48601123456", "+48602123456"]),
        ("Jan 601123456 Ewa 602123456", ["+48601123456", "+48602123456"]),
        ("22/1234567", ["+48221234567"]),
        ("48601123456", ["+48601123456"]),
        ("0048601123456", ["+48601123456"]),
        ("+48 (0) 601 123 456", ["+48601123456"]),
        ("(+48) 601 123 456", ["+48601123456"]),
        ("(22) 123-45-67", ["+48221234567"]),
        ("tel. 601-123-456 (praca 2)", ["+48601123456"]),
        ("601 123 456 (2)", ["+48601123456"]),
        ("9601123456", ["+48601123456"]),
        ("90601123456", ["+48601123456"]),
        ("99601123456", []),
        ("tel:+48601123456", ["+48601123456"]),
        ("w 601 123 456", ["+48601123456"]),
    ],
)
def test_every_valid_number_in_a_text_is_a_key(raw: str, keys: list[str]) -> None:
    assert list(POLAND.keys(raw)) == keys


def test_a_number_is_read_in_its_own_region() -> None:
    assert Phones("DE").keys("0171 1234567") == ("+491711234567",)
    assert Phones("PL").keys("0171 1234567") == ()


@given(
    st.integers(min_value=0, max_value=999_999), st.sampled_from(["", "+48", "48", "0048", "0", "9", "90"])
)
def test_a_number_has_one_key_however_it_is_written(tail: int, prefix: str) -> None:
    digits = f"601{tail:06}"
    spaced = " ".join((digits[:3], digits[3:6], digits[6:]))
    assert POLAND.keys(prefix + digits) == POLAND.keys(f"{prefix} {spaced}") == (f"+48{digits}",)


@given(st.text(alphabet=st.sampled_from("0123456789+()-/ ,;wxW.exta#"), max_size=60))
def test_keys_are_valid_numbers_and_their_own_keys(raw: str) -> None:
    for key in POLAND.keys(raw):
        assert phonenumbers.is_valid_number(phonenumbers.parse(key))
        assert POLAND.keys(key) == (key,)


@given(st.text(max_size=400))
def test_no_text_upsets_the_reader(raw: str) -> None:
    POLAND.keys(raw)
    normalise_email(raw)


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        (" Ewa.Zak@Example.COM ", "ewa.zak@example.com"),
        ("Ewa Żak <ewa@example.com>", "ewa@example.com"),
        ("mailto:ewa@example.com", "ewa@example.com"),
        ("ewa@example.com, jan@example.com", None),
        ("ewa@example", None),
        ("ewa@example..com", None),
        ("null", None),
        ("", None),
        ("a" * 250 + "@example.com", None),
    ],
)
def test_an_address_is_compared_in_lower_case_without_its_name(raw: str, address: str | None) -> None:
    assert normalise_email(raw) == address


# numbers to dial

MOBILE = "+48601000001"


@pytest.mark.parametrize(
    ("raw", "number", "extension"),
    [
        ("601 000 001", MOBILE, ""),
        ("tel:+48601000001", MOBILE, ""),
        ("TEL:+48-601-000-001", MOBILE, ""),
        ("tel://601000001", MOBILE, ""),
        ("callto:601000001", MOBILE, ""),
        ("tel:601-000-001;phone-context=+48;ext=12", MOBILE, "12"),
        ("tel:1234567;phone-context=+4822", "+48221234567", ""),
        ("tel:%2B48%20601%20000%20001", MOBILE, ""),
        ("601\u00a0000\u00a0001", MOBILE, ""),
        ("6\u20100\u20101000001", MOBILE, ""),
        ("22 123 45 67 wew. 12", "+48221234567", "12"),
        ("(22) 123-45-67", "+48221234567", ""),
        ("9601000001", MOBILE, ""),
        ("0048601000001", MOBILE, ""),
        ("+48 (0) 601 000 001", MOBILE, ""),
        ("sip:601000001@example.com", MOBILE, ""),
        ("+1 800 FLOWERS", "+18003569377", ""),
        ("+49 30 123456", "+4930123456", ""),
        ("800 123 456", "+48800123456", ""),
    ],
)
def test_a_number_is_dialled_however_it_is_written(raw: str, number: str, extension: str) -> None:
    assert to_dial(raw, POLAND) == Dialable(number, extension)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        *((raw, NotDialled.EMERGENCY) for raw in (
            "112", "999", "tel:997", "998;ext=3", "1 1 2", "112 (alarm)", "+48112", "0048 112", "0112", "9112", "00112", "911",
        )),
        *((raw, NotDialled.PREMIUM) for raw in ("+48 700 123 456", "801 123 456", "0 801 123 456", "118913", "+979 123 456 789")),
        *((raw, NotDialled.PREMIUM) for raw in ("+870 773 111 632", "+881 6 3123 4567", "+883 5100 01234", "00883510001234")),
        *((raw, NotDialled.INTERNAL) for raw in ("204", "12345", "tel:7042;phone-context=example.com")),
        *((raw, NotDialled.INVALID) for raw in (
            "", " ", "Jan", "callto:jan.kowalski", "*21#", "*21*601000001#", "+48 601 000", "1" * 18, "601000001 / 601000002",
            "anonymous", "'; drop table--", "2026-11-22", "\x00",
        )),
        *((raw, NotDialled.INVALID) for raw in ("500 groszy", "601 dni 200", "1 800 flowers")),
        *((raw, NotDialled.REFUSED) for raw in ("+7 495 123 45 67", "0049 30 123456")),
    ],
)  # fmt: skip
def test_a_number_that_must_not_be_dialled_says_why(raw: str, why: NotDialled) -> None:
    assert to_dial(raw, POLAND, refused=["+7", "0049 30", "nonsense"]) is why


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+49 30 901820 (Work)", "+4930901820"),
        ("+43 1 5131010 (Work)", "+4315131010"),
        ("+49 30 901820 Mo-Fr", "+4930901820"),
        ("601 000 001 (Work)", "+48601000001"),
        ("601 000 001 (kom.)", "+48601000001"),
    ],
)
def test_words_behind_a_number_are_no_keys(raw: str, number: str) -> None:
    assert to_dial(raw, POLAND) == Dialable(number)


def test_an_administrator_may_allow_paid_and_internal_numbers_but_no_emergency_number() -> None:
    for raw in ("700123456", "801123456", "118913", "+883510001234"):
        assert isinstance(to_dial(raw, POLAND, premium=True), Dialable)
    assert to_dial("204", POLAND, internal=True) == Dialable("204")
    assert to_dial("118913", POLAND, internal=True) is NotDialled.PREMIUM
    for raw in ("112", "9997", "+48999"):
        assert to_dial(raw, POLAND, premium=True, internal=True) is NotDialled.EMERGENCY


@pytest.mark.parametrize(
    "raw",
    [
        "11A",
        "tel:99W",
        "+48 11A",
        "٩١١",
        "%D9%A9%D9%A1%D9%A1",
        "048112",
        "000112",
        "9 0 112",
        "+48 (0) 112",
        "112 (dom)",
    ],
)
def test_no_way_of_writing_hides_an_emergency_number(raw: str) -> None:
    assert to_dial(raw, POLAND, premium=True, internal=True) is NotDialled.EMERGENCY


def test_a_short_number_of_a_country_rings_nobody_inside() -> None:
    for raw in ("+44 999", "+1 911", "+204"):
        assert to_dial(raw, POLAND, premium=True, internal=True) is NotDialled.INVALID
    assert to_dial("٢٠٤", POLAND, internal=True) == Dialable("204")


@given(st.text(max_size=300))
def test_whatever_somebody_sends_is_read_or_refused(raw: str) -> None:
    found = to_dial(raw, POLAND)
    assert isinstance(found, NotDialled) or found.number.startswith("+")


def test_a_number_is_shown_with_spaces_and_kept_in_a_trail_without_its_middle() -> None:
    assert Dialable("+48221234567", "12").shown == "+48 22 123 45 67 ext. 12"
    assert written("204") == "204"
    assert (masked_number(MOBILE), masked_number("204")) == ("+4860…01", "…4")


def test_a_beginning_of_numbers_is_international() -> None:
    assert [prefix_of(raw) for raw in ("+48 70", "0048-70", "70", "+", "+4x", "")] == [
        "+4870",
        "+4870",
        None,
        None,
        None,
        None,
    ]
