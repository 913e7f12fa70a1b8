from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connector.contact_settings import FieldMapping, Policy
from connector.flows.contacts.merging import Many, ManyBase, merge_many
from connector.flows.contacts.pairing import Kind
from connector.flows.contacts.sets import elements, entries_with, texts_with
from connector.phone import Phones
from connector.pipedrive.records import Entry
from tests.flows.contacts.people import entries

POLISH = Phones("PL", "0")
ONE, TWO, THREE = "+48601000001", "+48601000002", "+48601000003"
GERMAN = "+49301234567"

typed = st.sampled_from(
    [
        "601 000 001",
        "601000002 / 601000003",
        "0601000002 (Anna)",
        "112",
        "wewn. 12",
        "",
        "030 1234567",
        GERMAN,
    ]
)
lists = st.lists(typed, max_size=4)
kept = st.lists(st.builds(Entry, typed, st.sampled_from(["work", "mobile"]), st.booleans()), max_size=4)
wishes = st.frozensets(st.sampled_from([ONE, TWO, THREE, GERMAN]), max_size=4)


def test_numbers_are_known_by_their_key_and_addresses_by_their_plain_form() -> None:
    assert elements(["601 000 001 / 601 000 002", "+48601000001", "112"], Kind.PHONES, POLISH) == {
        ONE: "601 000 001 / 601 000 002",
        TWO: "601 000 001 / 601 000 002",
    }
    raw = ["Jan <Jan@Example.com>", "jan at example.com"]
    assert elements(raw, Kind.EMAILS, POLISH) == {"jan@example.com": raw[0]}


def test_an_entry_stays_as_it_was_typed() -> None:
    old = (Entry("601 000 001", "mobile", primary=True), Entry("112", "other"))
    assert entries_with(old, frozenset({ONE, TWO}), Kind.PHONES, POLISH) == (*old, Entry(TWO, "work"))


def test_of_an_entry_with_two_numbers_the_one_that_is_wanted_stays() -> None:
    old = (Entry("601 000 001 / 601 000 002", "mobile", primary=True),)
    assert entries_with(old, frozenset({TWO}), Kind.PHONES, POLISH) == (Entry(TWO, "mobile", primary=True),)
    assert texts_with([old[0].value], frozenset({TWO}), Kind.PHONES, POLISH) == ("601000002",)


def test_the_first_becomes_primary_where_the_primary_one_went() -> None:
    old = (Entry("601 000 001", primary=True), Entry("601 000 002"))
    assert entries_with(old, frozenset({TWO}), Kind.PHONES, POLISH) == (Entry("601 000 002", primary=True),)
    assert entries_with((), frozenset({TWO, ONE}), Kind.PHONES, POLISH) == entries([ONE, TWO])


def test_the_contact_centre_keeps_its_own_form_and_new_numbers_are_as_its_country_dials_them() -> None:
    found = texts_with(["601 000 001", "12"], frozenset({ONE, TWO, GERMAN}), Kind.PHONES, POLISH)
    assert found == ("601 000 001", "12", "601000002", GERMAN)
    mails = texts_with(["Jan@Example.com"], frozenset({"anna@example.com"}), Kind.EMAILS, POLISH)
    assert mails == ("anna@example.com",)


@given(kept, wishes)
def test_pipedrives_list_has_all_that_is_wanted_and_all_without_a_key(
    old: list[Entry], wanted: frozenset[str]
) -> None:
    new = entries_with(old, wanted, Kind.PHONES, POLISH)
    assert elements([entry.value for entry in new], Kind.PHONES, POLISH).keys() == wanted
    without_key = [entry.value for entry in old if not POLISH.keys(entry.value)]
    assert [entry.value for entry in new if not POLISH.keys(entry.value)] == without_key
    assert sum(entry.primary for entry in new) == bool(new)


@given(lists, wishes)
def test_the_contact_centres_list_has_all_that_is_wanted_and_all_without_a_key(
    old: list[str], wanted: frozenset[str]
) -> None:
    new = texts_with(old, wanted, Kind.PHONES, POLISH)
    assert elements(new, Kind.PHONES, POLISH).keys() == wanted
    assert [text for text in new if not POLISH.keys(text)] == [text for text in old if not POLISH.keys(text)]


@given(kept, lists)
def test_wanting_what_is_there_changes_nothing_that_was_typed(old: list[Entry], raw: list[str]) -> None:
    there = frozenset(elements([entry.value for entry in old], Kind.PHONES, POLISH))
    new = entries_with(old, there, Kind.PHONES, POLISH)
    assert [(entry.value, entry.label) for entry in new] == [(entry.value, entry.label) for entry in old]
    assert texts_with(raw, frozenset(elements(raw, Kind.PHONES, POLISH)), Kind.PHONES, POLISH) == tuple(raw)


@given(lists, kept, st.none() | st.tuples(wishes, wishes), st.sampled_from(Policy), st.booleans())
def test_what_is_decided_of_typed_lists_reads_back_as_decided_and_then_rests(
    raw: list[str],
    old: list[Entry],
    base: tuple[frozenset[str], frozenset[str]] | None,
    policy: Policy,
    removals: bool,
) -> None:
    rule = FieldMapping(centre="phones", pipedrive="phones", conflict=policy, removals=removals)

    def read(raw: Sequence[str], entries: Sequence[Entry]) -> Many:
        typed = [entry.value for entry in entries]
        return Many(*(frozenset(elements(texts, Kind.PHONES, POLISH)) for texts in (raw, typed)))

    found = merge_many(base and ManyBase(*base), read(raw, old), rule)
    now = read(
        texts_with(raw, found.centre, Kind.PHONES, POLISH),
        entries_with(old, found.pipedrive, Kind.PHONES, POLISH),
    )
    assert now == Many(found.centre, found.pipedrive)
    assert merge_many(ManyBase(now.centre, now.pipedrive), now, rule) == replace(found, unseen=False)


@given(st.lists(st.text(max_size=20), max_size=3), st.sampled_from([Kind.PHONES, Kind.EMAILS]))
def test_any_text_can_stand_in_a_list(raw: list[str], kind: Kind) -> None:
    found = elements(raw, kind, POLISH)
    assert set(found.values()) <= set(raw)
    assert texts_with(raw, frozenset(), kind, POLISH) == tuple(
        text for text in raw if not elements([text], kind, POLISH)
    )
