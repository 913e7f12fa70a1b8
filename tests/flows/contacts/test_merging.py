from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.contact_settings import FieldMapping, Policy, Way
from connector.flows.contacts.merging import (
    Many,
    ManyBase,
    ManyMerged,
    One,
    OneBase,
    Seen,
    Tokens,
    Verdict,
    merge_many,
    merge_one,
)

NEVER = Seen(None, None)
AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
NOTHING, TO_PIPEDRIVE, TO_CENTRE, ASK = Verdict

ones = st.none() | st.sampled_from("abc")
ways = st.sampled_from(Way)
one_policies = st.sampled_from([policy for policy in Policy if policy is not Policy.UNION])
times = st.none() | st.sampled_from([AT, LATER])
seens = st.builds(Seen, times, times)
sets = st.frozensets(st.sampled_from("abcd"), max_size=4)
set_bases = st.none() | st.builds(ManyBase, sets, sets)


def a_field(
    policy: Policy = Policy.PIPEDRIVE, way: Way = Way.BOTH, *, only_on_create: bool = False
) -> FieldMapping:
    return FieldMapping(
        centre="type", pipedrive="custom:Kind", conflict=policy, way=way, only_on_create=only_on_create
    )


def phones(
    policy: Policy = Policy.UNION,
    way: Way = Way.BOTH,
    *,
    removals: bool = True,
    only_on_create: bool = False,
) -> FieldMapping:
    return FieldMapping(
        centre="phones",
        pipedrive="phones",
        conflict=policy,
        way=way,
        removals=removals,
        only_on_create=only_on_create,
    )


fields = st.builds(a_field, one_policies, ways, only_on_create=st.booleans())
set_fields = st.builds(
    phones, st.sampled_from(Policy), ways, removals=st.booleans(), only_on_create=st.booleans()
)


def one(centre: str | None, pipedrive: str | None) -> One:
    return One(centre, pipedrive, agree=centre == pipedrive)


def of(text: str) -> Tokens:
    return frozenset(text)


def many(centre: str, pipedrive: str) -> Many:
    return Many(of(centre), of(pipedrive))


def base(centre: str, pipedrive: str) -> ManyBase:
    return ManyBase(of(centre), of(pipedrive))


def merged(*, pipedrive: str, centre: str) -> ManyMerged:
    return ManyMerged(pipedrive=of(pipedrive), centre=of(centre))


def applied(verdict: Verdict, now: One) -> One:
    if verdict is TO_PIPEDRIVE:
        return one(now.centre, now.centre)
    return one(now.pipedrive, now.pipedrive) if verdict is TO_CENTRE else now


# fields of one value


def test_a_change_on_one_side_goes_to_the_other() -> None:
    assert merge_one(OneBase("a", "a"), one("b", "a"), a_field(), NEVER) is TO_PIPEDRIVE
    assert merge_one(OneBase("a", "a"), one("a", "b"), a_field(), NEVER) is TO_CENTRE


def test_an_emptied_field_is_emptied_on_the_other_side() -> None:
    assert merge_one(OneBase("a", "a"), one(None, "a"), a_field(), NEVER) is TO_PIPEDRIVE


def test_at_a_first_meeting_an_empty_side_is_filled() -> None:
    assert merge_one(None, one(None, "a"), a_field(Policy.CENTRE), NEVER) is TO_CENTRE
    assert merge_one(None, one("a", None), a_field(Policy.PIPEDRIVE), NEVER) is TO_PIPEDRIVE


def test_an_empty_source_of_a_one_way_rule_empties_nothing_at_a_first_meeting() -> None:
    assert merge_one(None, one(None, "a"), a_field(way=Way.TO_PIPEDRIVE), NEVER) is NOTHING


@pytest.mark.parametrize("met", [None, OneBase("c", "c")])
@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (Policy.PIPEDRIVE, TO_CENTRE),
        (Policy.CENTRE, TO_PIPEDRIVE),
        (Policy.NEWEST, ASK),
        (Policy.ASK, ASK),
        (Policy.FILL_EMPTY, NOTHING),
    ],
)
def test_the_policy_decides_between_rivals(policy: Policy, verdict: Verdict, met: OneBase | None) -> None:
    assert merge_one(met, one("a", "b"), a_field(policy), NEVER) is verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (Seen(AT, LATER), TO_CENTRE),
        (Seen(LATER, AT), TO_PIPEDRIVE),
        (Seen(AT, AT), ASK),
        (Seen(AT, None), ASK),
        (Seen(None, AT), ASK),
    ],
)
def test_the_newest_is_the_one_seen_later_first_hand(seen: Seen, verdict: Verdict) -> None:
    assert merge_one(OneBase("c", "c"), one("a", "b"), a_field(Policy.NEWEST), seen) is verdict


@pytest.mark.parametrize("policy", [Policy.PIPEDRIVE, Policy.CENTRE, Policy.NEWEST, Policy.ASK])
def test_the_source_of_a_one_way_rule_wins_every_conflict(policy: Policy) -> None:
    rivals = one("a", "b")
    assert merge_one(None, rivals, a_field(policy, Way.TO_PIPEDRIVE), NEVER) is TO_PIPEDRIVE
    assert merge_one(OneBase("c", "c"), rivals, a_field(policy, Way.TO_CENTRE), NEVER) is TO_CENTRE


def test_fill_empty_fills_and_never_empties_or_overwrites() -> None:
    rule = a_field(Policy.FILL_EMPTY)
    assert merge_one(OneBase(None, None), one("a", None), rule, NEVER) is TO_PIPEDRIVE
    assert merge_one(OneBase("a", "a"), one(None, "a"), rule, NEVER) is NOTHING
    assert merge_one(OneBase("a", "a"), one("b", "a"), rule, NEVER) is NOTHING
    assert merge_one(OneBase("a", "a"), one("b", None), rule, NEVER) is TO_PIPEDRIVE


def test_two_that_agree_need_no_write_though_neither_is_what_it_was() -> None:
    assert merge_one(OneBase("a", "b"), One("x", "y", agree=True), a_field(), NEVER) is NOTHING


@given(st.none() | st.builds(OneBase, ones, ones), ones, ones, seens, fields)
def test_whatever_is_merged_is_carried_by_the_rule(
    before: OneBase | None, centre: str | None, pipedrive: str | None, seen: Seen, rule: FieldMapping
) -> None:
    verdict = merge_one(before, one(centre, pipedrive), rule, seen)
    if rule.way is not Way.BOTH:
        assert verdict in {NOTHING, Verdict(rule.way)}
    if rule.only_on_create:
        assert verdict is NOTHING
    if verdict is TO_PIPEDRIVE and rule.conflict is Policy.FILL_EMPTY:
        assert pipedrive is None
    if verdict is TO_CENTRE and rule.conflict is Policy.FILL_EMPTY:
        assert centre is None


@given(st.none() | st.builds(OneBase, ones, ones), ones, ones, seens, fields)
def test_merging_twice_changes_nothing(
    before: OneBase | None, centre: str | None, pipedrive: str | None, seen: Seen, rule: FieldMapping
) -> None:
    verdict = merge_one(before, one(centre, pipedrive), rule, seen)
    assume(verdict is not ASK)
    now = applied(verdict, one(centre, pipedrive))
    assert merge_one(OneBase(now.centre, now.pipedrive), now, rule, seen) is NOTHING


@given(ones, ones, st.booleans(), seens, one_policies)
def test_an_edit_without_a_rival_is_never_lost_and_both_end_equal(
    before: str | None, after: str | None, here: bool, seen: Seen, policy: Policy
) -> None:
    assume(policy is not Policy.FILL_EMPTY)
    now = one(after, before) if here else one(before, after)
    verdict = merge_one(OneBase(before, before), now, a_field(policy), seen)
    assert applied(verdict, now) == one(after, after)


@given(st.builds(OneBase, ones, ones), seens, fields)
def test_a_side_that_did_not_change_is_not_overwritten(
    before: OneBase, seen: Seen, rule: FieldMapping
) -> None:
    assert merge_one(before, one(before.centre, before.pipedrive), rule, seen) is NOTHING


@given(st.text(max_size=8), st.text(max_size=8), fields)
def test_a_vendor_that_cuts_what_we_write_is_written_once(text: str, other: str, rule: FieldMapping) -> None:
    """Pipedrive keeps three letters, in capitals; what it holds never agrees with what was written."""

    def kept(written: str) -> str | None:
        return written[:3].upper() or None

    def token(written: str) -> str | None:
        return written or None

    written = One(token(text), kept(text), agree=False)
    in_step = OneBase(written.centre, written.pipedrive)
    assert merge_one(in_step, written, rule, NEVER) is NOTHING
    edited = One(token(other), kept(text), agree=False)
    if other != text and merge_one(in_step, edited, rule, NEVER) is TO_PIPEDRIVE:
        again = One(token(other), kept(other), agree=False)
        assert merge_one(OneBase(again.centre, again.pipedrive), again, rule, NEVER) is NOTHING


# sets


def test_what_is_added_on_each_side_is_added_on_the_other() -> None:
    assert merge_many(base("a", "a"), many("ab", "ac"), phones()) == merged(pipedrive="abc", centre="abc")


def test_what_is_taken_away_on_each_side_is_taken_away_on_the_other() -> None:
    found = merge_many(base("abc", "abc"), many("ac", "ab"), phones())
    assert found == merged(pipedrive="a", centre="a")


def test_removals_stay_on_their_side_if_the_rule_says_so() -> None:
    found = merge_many(base("abc", "abc"), many("ac", "ab"), phones(removals=False))
    assert found == merged(pipedrive="ab", centre="ac")


def test_added_here_and_taken_away_there_stays() -> None:
    assert merge_many(base("", "a"), many("a", ""), phones()) == merged(pipedrive="a", centre="a")
    assert merge_many(base("a", ""), many("", "a"), phones()) == merged(pipedrive="a", centre="a")


def test_one_number_corrected_differently_on_both_sides_becomes_both() -> None:
    found = merge_many(base("a", "a"), many("b", "c"), phones())
    assert found == merged(pipedrive="bc", centre="bc")


@pytest.mark.parametrize(
    ("policy", "way", "kept"),
    [
        (Policy.PIPEDRIVE, Way.BOTH, "c"),
        (Policy.CENTRE, Way.BOTH, "b"),
        (Policy.PIPEDRIVE, Way.TO_PIPEDRIVE, "b"),
    ],
)
def test_one_number_corrected_differently_is_the_winners_where_the_rule_names_one(
    policy: Policy, way: Way, kept: str
) -> None:
    found = merge_many(base("xa", "xa"), many("xb", "xc"), phones(policy, way))
    assert found == merged(pipedrive="x" + kept, centre="xb" if way is Way.TO_PIPEDRIVE else "x" + kept)


def test_more_than_one_correction_keeps_all_numbers_whoever_wins() -> None:
    found = merge_many(base("a", "a"), many("bd", "c"), phones(Policy.PIPEDRIVE))
    assert found == merged(pipedrive="bcd", centre="bcd")


@pytest.mark.parametrize(
    ("policy", "both"),
    [
        (Policy.UNION, "abc"),
        (Policy.NEWEST, "abc"),
        (Policy.ASK, "abc"),
        (Policy.PIPEDRIVE, "bc"),
        (Policy.CENTRE, "ab"),
    ],
)
def test_the_policy_decides_what_a_first_meeting_keeps(policy: Policy, both: str) -> None:
    assert merge_many(None, many("ab", "bc"), phones(policy)) == merged(pipedrive=both, centre=both)


@pytest.mark.parametrize("policy", Policy)
def test_at_a_first_meeting_an_empty_set_is_filled(policy: Policy) -> None:
    assert merge_many(None, many("a", ""), phones(policy)) == merged(pipedrive="a", centre="a")
    assert merge_many(None, many("", "a"), phones(policy)) == merged(pipedrive="a", centre="a")


def test_a_first_meeting_takes_nothing_away_where_removals_stay_on_their_side() -> None:
    found = merge_many(None, many("a", "b"), phones(Policy.PIPEDRIVE, removals=False))
    assert found == merged(pipedrive="ab", centre="ab")


def test_fill_empty_writes_into_an_empty_set_alone() -> None:
    rule = phones(Policy.FILL_EMPTY)
    assert merge_many(None, many("a", "b"), rule) == merged(pipedrive="b", centre="a")
    assert merge_many(base("a", "a"), many("ab", "a"), rule) == merged(pipedrive="a", centre="ab")
    assert merge_many(base("a", "a"), many("a", ""), rule) == merged(pipedrive="", centre="a")
    assert merge_many(base("", ""), many("a", ""), rule) == merged(pipedrive="a", centre="a")


@given(set_bases, sets, sets, set_fields)
def test_only_the_side_that_the_rule_writes_is_written(
    before: ManyBase | None, centre: Tokens, pipedrive: Tokens, rule: FieldMapping
) -> None:
    found = merge_many(before, Many(centre, pipedrive), rule)
    assert found.centre | found.pipedrive <= centre | pipedrive
    if rule.only_on_create or rule.way is Way.TO_PIPEDRIVE:
        assert found.centre == centre
    if rule.only_on_create or rule.way is Way.TO_CENTRE:
        assert found.pipedrive == pipedrive
    if rule.conflict is Policy.FILL_EMPTY:
        assert found.centre == centre or not centre
        assert found.pipedrive == pipedrive or not pipedrive
    if not rule.removals:
        assert found.centre >= centre
        assert found.pipedrive >= pipedrive


@given(set_bases, sets, sets, set_fields)
def test_merging_sets_twice_changes_nothing(
    before: ManyBase | None, centre: Tokens, pipedrive: Tokens, rule: FieldMapping
) -> None:
    found = merge_many(before, Many(centre, pipedrive), rule)
    now = Many(found.centre, found.pipedrive)
    assert merge_many(ManyBase(now.centre, now.pipedrive), now, rule) == replace(found, unseen=False)


@given(st.none() | sets, sets, sets, st.sampled_from(Policy))
def test_sets_end_equal_on_both_sides(
    before: Tokens | None, centre: Tokens, pipedrive: Tokens, policy: Policy
) -> None:
    assume(policy is not Policy.FILL_EMPTY)
    in_step = None if before is None else ManyBase(before, before)
    found = merge_many(in_step, Many(centre, pipedrive), phones(policy))
    assert found.centre == found.pipedrive


@given(sets, sets, sets)
def test_what_one_side_added_or_took_away_reaches_both(
    before: Tokens, centre: Tokens, pipedrive: Tokens
) -> None:
    found = merge_many(ManyBase(before, before), Many(centre, pipedrive), phones())
    assert found.pipedrive >= (centre - before) | (pipedrive - before)
    assert not found.pipedrive & (before - centre)
    assert not found.centre & (before - pipedrive)


@given(set_bases, sets, st.sampled_from(Policy))
def test_sets_that_agree_are_not_written(before: ManyBase | None, both: Tokens, policy: Policy) -> None:
    found = merge_many(before, Many(both, both), phones(policy))
    hidden = before.pipedrive - before.centre - both if before and both else frozenset()
    assert found == ManyMerged(both, both) or (hidden and found == ManyMerged(both, both, unseen=True))


def shown(values: Tokens, most: int) -> Tokens:
    """What a contact centre shows that holds all values but tells only the first ones."""
    return frozenset(sorted(values)[:most])


@given(sets, sets, sets, st.integers(0, 2), set_fields)
def test_what_a_contact_centre_cannot_show_is_neither_written_again_nor_lost(
    held: Tokens, edited: Tokens, met: Tokens, most: int, rule: FieldMapping
) -> None:
    first = merge_many(None, Many(shown(met, most), held), rule)
    in_step = ManyBase(shown(first.centre, most), first.pipedrive)
    quiet = merge_many(in_step, Many(in_step.centre, in_step.pipedrive), rule)
    assert quiet == ManyMerged(pipedrive=in_step.pipedrive, centre=in_step.centre)

    found = merge_many(in_step, Many(in_step.centre, edited), rule)
    assert found.pipedrive == edited or rule.conflict is Policy.FILL_EMPTY
    settled = ManyBase(shown(found.centre, most), found.pipedrive)
    assert merge_many(settled, Many(settled.centre, settled.pipedrive), rule) == ManyMerged(
        pipedrive=settled.pipedrive, centre=settled.centre
    )


def test_a_list_that_is_written_anyway_keeps_what_the_contact_centre_does_not_show() -> None:
    found = merge_many(base("a", "ab"), many("a", "abc"), phones())
    assert found == merged(pipedrive="abc", centre="abc")
    assert merge_many(base("a", "ab"), many("a", "b"), phones()) == merged(pipedrive="b", centre="b")


def test_what_the_contact_centre_does_not_show_goes_when_pipedrive_takes_it_away() -> None:
    found = merge_many(base("a", "ab"), many("a", "a"), phones())
    assert found == ManyMerged(pipedrive=of("a"), centre=of("a"), unseen=True)
    one_way = merge_many(base("a", "ab"), many("a", "a"), phones(way=Way.TO_PIPEDRIVE))
    assert not one_way.unseen
