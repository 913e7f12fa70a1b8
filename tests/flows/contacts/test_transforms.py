from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contact_settings import Transform
from connector.flows.contacts.transforms import (
    capitalise,
    national,
    one_number,
    read_date,
    read_number,
    transform,
    write_number,
)
from connector.phone import Phones

POLISH = Phones("PL", "0")
digits = st.from_regex(r"[1-9][0-9]{6,9}", fullmatch=True)
own_numbers = st.from_regex(r"(60|66|50|51|72|78|79|88)[0-9]{7}", fullmatch=True)
numbers = st.decimals(-(10**9), 10**9, places=3) | st.integers(-(10**14), 10**14).map(Decimal)
latin = st.text(st.characters(max_codepoint=0x17F, exclude_characters="ßŉʼıİſ"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", "1234.5"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1'234'567.5", "1234567.5"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("0,125", "0.125"),
        ("1234,567", "1234.567"),
        ("12,5", "12.5"),
        ("1.234", "1.234"),
        ("-7", "-7"),
        (" +7 ", "7"),
    ],
)
def test_numbers_are_read_as_they_are_written_here_and_there(text: str, number: str) -> None:
    assert read_number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "1,2,3",
        "12 34",
        "1e5",
        "NaN",
        "1,234",
        "1.2.3",
        "٣",
        "5 zł",
        "1234567890123456",
        "-",
        "1,",
        ".5",
    ],
)
def test_what_is_no_number_or_reads_in_two_ways_is_not_read(text: str) -> None:
    assert read_number(text) is None


@given(numbers)
def test_a_number_written_plainly_is_read_as_the_same(number: Decimal) -> None:
    assert read_number(write_number(number)) == number


@given(st.integers(1000, 10**12), st.integers(0, 99))
def test_grouping_changes_no_number(whole: int, cents: int) -> None:
    written = f"{whole:,}.{cents:02}"
    polish = written.replace(",", " ").replace(".", ",")
    german = written.translate(str.maketrans(",.", ".,"))
    assert (
        read_number(written)
        == read_number(polish)
        == read_number(german)
        == read_number(f"{whole}.{cents:02}")
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-31", "31.12.2026", "31/12/2026", "31-12-2026", "2026/12/31", "2026-12-31 10:15",
        "2026-12-31T10:15:00+01:00", "31.12.2026 9:05", " 31.12.2026 ",
    ],
)  # fmt: skip
def test_dates_are_read_in_the_forms_people_write(text: str) -> None:
    assert read_date(text) == date(2026, 12, 31)


@pytest.mark.parametrize(
    "text", ["", "12/31/2026", "31.12.26", "2026-02-30", "31.12-2026", "soon", "2026-12-311"]
)
def test_what_is_no_date_is_not_guessed(text: str) -> None:
    assert read_date(text) is None


@given(st.dates())
def test_a_day_is_the_same_in_either_order(day: date) -> None:
    polish = f"{day.day:02}.{day.month:02}.{day.year:04}"
    assert read_date(polish) == read_date(day.isoformat()) == day


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("anna KOWALSKA-NOWAK", "Anna Kowalska-Nowak"),
        ("ŁUKASZ żÓŁĆ", "Łukasz Żółć"),
        ("sean o'brien", "Sean O'Brien"),
        ("jan's shop", "Jan's Shop"),
        ("3m polska", "3M Polska"),
    ],
)
def test_names_begin_with_capitals(text: str, written: str) -> None:
    assert capitalise(text) == written


@given(latin)
def test_capitals_put_once_stay(text: str) -> None:
    assert capitalise(capitalise(text)) == capitalise(text)


@given(own_numbers)
def test_a_number_carried_over_and_back_keeps_its_key(number: str) -> None:
    if (key := one_number(number, POLISH)) is not None:
        assert national(key, POLISH) == number
        assert one_number(national(key, POLISH), POLISH) == key


@given(st.sampled_from(["PL", "DE", "IT", "US", "CA", "GB", "RU"]), st.sampled_from(["", "0", "9"]), digits)
def test_a_national_form_is_read_as_the_same_number_in_every_country(
    region: str, prefix: str, text: str
) -> None:
    phones = Phones(region, prefix)
    for key in phones.keys(text):
        assert phones.keys(national(key, phones)) == (key,)


def test_only_numbers_of_the_own_country_are_written_as_it_dials_them() -> None:
    assert national("+48601000001", POLISH) == "601000001"
    assert national("+49301234567", POLISH) == "+49301234567"
    assert national("no number", POLISH) == "no number"


@pytest.mark.parametrize(
    ("how", "text", "written"),
    [
        (Transform.UPPER, "żuk", "ŻUK"),
        (Transform.LOWER, "ŻUK", "żuk"),
        (Transform.TRIM, "  żuk ", "żuk"),
        (Transform.E164, "601 000 001", "+48601000001"),
        (Transform.E164, "601 000 001, 601 000 002", None),
        (Transform.E164, "none", None),
        (Transform.DATE, "1.2.2026", "2026-02-01"),
        (Transform.DATE, "soon", None),
        (Transform.NUMBER, "1 234,50", "1234.5"),
        (Transform.NUMBER, "many", None),
        (Transform.LABEL, "Gold", "Gold"),
        (None, " as it is ", " as it is "),
    ],
)
def test_a_transform_writes_a_value_another_way(
    how: Transform | None, text: str, written: str | None
) -> None:
    assert transform(how, text, POLISH) == written


@given(st.none() | st.sampled_from(Transform), st.text(max_size=30))
def test_every_transform_takes_every_text(how: Transform | None, text: str) -> None:
    written = transform(how, text, POLISH)
    if written is not None and how in {Transform.E164, Transform.DATE, Transform.NUMBER, Transform.TRIM}:
        assert transform(how, written, POLISH) == written
