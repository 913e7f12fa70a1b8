"""Names of persons and companies: split, joined and compared."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.names import Name, company_key, is_company_name, join_name, same_name, split_name

WORDS = st.sampled_from(
    (
        *(
            "Jan",
            "Maria",
            "Kowalski-Nowak",
            "Żółć",
            "O'Brien",
            "J.",
            "van",
            "de",
            "la",
            "von",
            "Ma",
            "김",
            "محمد",
        ),
        *(
            "dr",
            "hab.",
            "mgr",
            "inż.",
            "Sir",
            "jr",
            "III",
            "PhD",
            "z",
            "domu",
            "i",
            "&",
            "(Nowak)",
            '"Janek"',
        ),
        *(",", "Smith,", "sp.", "z o.o.", "S.A.", "Ltd", "AB", "😀", "\x00", "\u200f", "-", "."),
    )
)
NAMES = st.lists(WORDS, max_size=8).map(" ".join) | st.text(max_size=60) | st.text("aB .,'-(", max_size=30)


def collapsed(text: str) -> str:
    return " ".join(text.split())


def whole(name: Name) -> str:
    return join_name(name.first, name.last)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Jan Kowalski", "Jan", "Kowalski"),
        ("Jan Maria Kowalski-Nowak", "Jan Maria", "Kowalski-Nowak"),
        ("  Jan \t Kowalski\n", "Jan", "Kowalski"),
        ("Kowalski, Jan", "Jan", "Kowalski"),
        ("Kowalski,Jan", "Jan", "Kowalski"),
        ("Nowak Kowalski, Jan Adam", "Jan Adam", "Nowak Kowalski"),
        ("Kowalski, dr hab. Jan", "dr hab. Jan", "Kowalski"),
        ("Dr. Smith, John", "Dr. John", "Smith"),
        ("Kowalski, Jan, jr", "Jan", "Kowalski jr"),
        ("John Smith, PhD", "John", "Smith, PhD"),
        ("Kowalski, mgr inż.", "", "Kowalski, mgr inż."),
        ("prof. dr hab. n. med. Jan Kowalski", "prof. dr hab. n. med. Jan", "Kowalski"),
        ("mgr inż. Ewa Żółtowska", "mgr inż. Ewa", "Żółtowska"),
        ("Ks. Jan Nowak", "Ks. Jan", "Nowak"),
        ("Sir Ian Smith", "Sir Ian", "Smith"),
        ("Dr. Smith", "Dr.", "Smith"),
        ("Jan Kowalski jr", "Jan", "Kowalski jr"),
        ("John Smith III", "John", "Smith III"),
        ("Jan van der Berg", "Jan", "van der Berg"),
        ("van der Berg", "", "van der Berg"),
        ("de la Vega, Juan", "Juan", "de la Vega"),
        ("Ludwig von Mises", "Ludwig", "von Mises"),
        ("Anna Kowalska z domu Nowak", "Anna", "Kowalska z domu Nowak"),
        ("Jan i Anna Kowalscy", "Jan i Anna", "Kowalscy"),
        ("Maria de Sa", "Maria", "de Sa"),
        ("Jan Sas", "Jan", "Sas"),
        ("Kowalski", "", "Kowalski"),
        ("김 민준", "", "김 민준"),
        (",", "", ","),
        ("", "", ""),
    ],
)
def test_a_name_is_split_before_the_surname(text: str, first: str, last: str) -> None:
    assert split_name(text) == Name(first, last)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "ACME sp. z o.o.",
            "ACME Sp.zo.o.",
            "Nowak S.A.",
            "NOWAK SA",
            "Nowak i Synowie s.c.",
            "Nowak sp. j.",
        ),
        *(
            "Smith & Sons",
            "Smith & Sons Ltd",
            "Smith and Co.",
            "Smith, Inc.",
            "Müller GmbH",
            "Müller GmbH & Co. KG",
        ),
        *("Virtanen Oy", "Svensson AB", "Novák s.r.o.", "Novák a.s.", "Fundacja Jutro", "Urząd Gminy Nowa"),
        *("Công ty TNHH An", "Hansen ApS", "Hansen A/S", "Jansen B.V.", "ООО Ромашка", "Rossi S.p.A."),
    ],
)
def test_a_company_is_not_split(text: str) -> None:
    assert is_company_name(text)
    assert split_name(text) == Name("", text)


@pytest.mark.parametrize(
    "text",
    ["Jan Kowalski", "Maria de Sa", "Anna Ma", "Jan Sas", "Jan & Anna Nowak", "Limited", "Oy", "", "J. Co"],
)
def test_a_person_is_no_company(text: str) -> None:
    assert not is_company_name(text)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("ACME Sp. z o.o.", "acme"),
        ("ACME sp. z o. o.", "Acme Spółka z ograniczoną odpowiedzialnością"),
        ("Nowak S.A.", "NOWAK  SA"),
        ("Müller GmbH & Co. KG", "müller"),
        ("ООО «Ромашка»", "ромашка"),
        ("Smith, Inc.", "Smith Inc"),
        ("UAB Lietus", "Lietus, UAB"),
        ("Dom-Bud", "dom bud"),
    ],
)
def test_one_company_has_one_key_however_it_is_written(a: str, b: str) -> None:
    assert company_key(a) == company_key(b)


@pytest.mark.parametrize(("name", "key"), [("S.A.", "sa"), ("GmbH", "gmbh"), ("!!!", "!!!"), ("  ", "")])
def test_a_name_of_nothing_but_a_form_keeps_a_key(name: str, key: str) -> None:
    assert company_key(name) == key


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("KOWALSKI,  jan", "Jan Kowalski", True),
        ("Nowak Kowalski, Jan", "Jan Nowak Kowalski", True),
        ("John Smith, PhD", "john smith phd", True),
        ("Zo\u0301\u0142c\u0301", "ZÓŁĆ", True),
        ("Jan Kowalski", "Kowalski Jan", False),
        ("Jan Kowalski", "Jan Kowalsky", False),
        ("", " ", True),
    ],
)
def test_case_white_space_and_turned_order_make_no_other_name(a: str, b: str, *, same: bool) -> None:
    assert same_name(a, b) is same_name(b, a) is same


@given(NAMES)
@example("a,,b")
@example("Smith, , John")
def test_no_word_is_lost_and_a_surname_is_there(text: str) -> None:
    name = split_name(text)
    assert Counter(whole(name).replace(",", " ").split()) == Counter(text.replace(",", " ").split())
    assert bool(name.last) is bool(text.split())
    assert same_name(text, whole(name))
    assert company_key(text) or not text.split()
    is_company_name(text)


@given(NAMES.map(lambda text: text.replace(",", "")))
def test_without_a_comma_a_split_name_joins_to_what_it_was(text: str) -> None:
    assert whole(split_name(text)) == collapsed(text)
    assert split_name(whole(split_name(text))) == split_name(text)


@given(NAMES)
def test_a_name_that_was_split_and_joined_stays_as_it_is(text: str) -> None:
    settled = whole(split_name(text))
    assert whole(split_name(settled)) == settled


@given(
    st.sampled_from(["Jan", "Anna Maria", "Łucja"]),
    st.sampled_from(["Nowak", "Nowak-Żak", "von Mises", "Li"]),
)
def test_both_orders_are_one_name(first: str, last: str) -> None:
    assert split_name(f"{last}, {first}") == split_name(f"{first} {last}") == Name(first, last)


def test_a_very_long_name_is_kept_whole() -> None:
    text = "Jan, van " * 5_000
    assert split_name(text) == Name("", text.strip())
    assert split_name("Ż" * 300 + " " + "ń" * 300) == Name("Ż" * 300, "ń" * 300)
