from hypothesis import given
from hypothesis import strategies as st

from connector.flows.matching import Matched, Nobody, Several, choose_deal, match
from connector.store.index import Candidate, OpenDeal

people = st.sampled_from("123456")
# A person belongs to one organization at most, whichever number or address leads to them.
employers = st.dictionaries(people, st.sampled_from(["A", "B", None]), min_size=1)
named = st.lists(people, max_size=5)
deals = st.lists(
    st.builds(OpenDeal, st.sampled_from("123456789"), st.sampled_from(["u1", "u2", None])),
    max_size=5, unique_by=lambda deal: deal.id,
)  # fmt: skip


def candidates(ids: list[str], employers: dict[str, str | None]) -> list[Candidate]:
    return [Candidate(person, employers.get(person)) for person in ids]


def jan(person: str = "1", organization: str | None = None) -> Candidate:
    return Candidate(person, organization)


def test_a_number_that_nobody_has_is_nobodys() -> None:
    assert match(None) == Nobody()


def test_the_only_one_with_the_number_is_meant() -> None:
    assert match(None, by_number=[jan("1", "A")]) == Matched("1", "A", "number")


def test_a_known_pair_comes_before_every_other_sign() -> None:
    found = match(jan("9", "B"), by_email=[jan("1")], by_number=[jan("2")])
    assert found == Matched("9", "B", "pair")


def test_an_address_comes_before_a_number() -> None:
    assert match(None, by_email=[jan("1")], by_number=[jan("2")]) == Matched("1", None, "email")


def test_an_address_of_several_is_not_overruled_by_a_number_of_one() -> None:
    assert match(None, by_email=[jan("1"), jan("2")], by_number=[jan("3")]) == Several(("1", "2"))


def test_several_of_one_organization_make_it_the_organizations() -> None:
    found = match(None, by_number=[jan("1", "A"), jan("2", "A"), jan("3", "A")])
    assert found == Matched(None, "A", "number of one organization")


def test_several_without_any_organization_are_not_one_organization() -> None:
    assert match(None, by_number=[jan("1"), jan("2")]) == Several(("1", "2"))


def test_one_stranger_among_colleagues_makes_it_a_question() -> None:
    assert match(None, by_number=[jan("1", "A"), jan("2", None)]) == Several(("1", "2"))


def test_one_person_met_by_several_keys_is_still_one() -> None:
    assert match(None, by_number=[jan("1", "A"), jan("1", "A")]) == Matched("1", "A", "number")


@given(named, named, employers)
def test_nobody_is_ever_guessed(
    by_email: list[str], by_number: list[str], employers: dict[str, str | None]
) -> None:
    found = match(None, by_email=candidates(by_email, employers), by_number=candidates(by_number, employers))
    meant = by_email or by_number
    organizations = {employers.get(person) for person in meant}
    if not meant:
        assert found == Nobody()
    elif len(set(meant)) == 1:
        assert isinstance(found, Matched)
        assert found.person_id == meant[0]
    elif organizations == {next(iter(organizations))} and None not in organizations:
        assert isinstance(found, Matched)
        assert (found.person_id, found.organization_id) == (None, next(iter(organizations)))
    else:
        assert found == Several(tuple(dict.fromkeys(meant)))


@given(named, employers)
def test_the_order_of_candidates_decides_nothing(
    by_number: list[str], employers: dict[str, str | None]
) -> None:
    one = match(None, by_number=candidates(by_number, employers))
    other = match(None, by_number=candidates(by_number[::-1], employers))
    if isinstance(one, Several) and isinstance(other, Several):
        assert set(one.person_ids) == set(other.person_ids)
    else:
        assert one == other


def test_the_one_open_deal_is_chosen_whoever_owns_it() -> None:
    assert choose_deal([OpenDeal("7", "somebody else")], owner_id="u1") == "7"


def test_of_several_deals_the_one_of_the_events_own_user_is_chosen() -> None:
    assert choose_deal([OpenDeal("7", "u2"), OpenDeal("8", "u1")], owner_id="u1") == "8"


@given(deals, st.sampled_from(["u1", "u2", "u3"]))
def test_no_deal_is_ever_guessed(deals: list[OpenDeal], owner: str) -> None:
    chosen = choose_deal(deals, owner_id=owner)
    own = [deal.id for deal in deals if deal.owner_id == owner]
    if len(deals) == 1:
        assert chosen == deals[0].id
    elif len(own) == 1:
        assert chosen == own[0]
    else:
        assert chosen is None
