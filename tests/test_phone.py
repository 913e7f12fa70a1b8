"""Phone numbers and e-mail addresses as keys."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.phone import Phones, normalise_email

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
