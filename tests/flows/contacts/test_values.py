from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.contact_settings import FieldMapping, Transform, Way
from connector.flows.contacts.pairing import Kind, Pair, Problem, pair_up
from connector.flows.contacts.values import (
    centre_text,
    for_centre,
    for_pipedrive,
    pipedrive_text,
    same,
    text_of,
    written_names,
)
from connector.phone import Phones
from connector.pipedrive.records import Field
from connector.records import Company, Customer
from tests.flows.contacts.people import organization, person

POLISH = Phones("PL", "0")
INDUSTRY = {"1": "Trade", "2": "Food, drink", "3": "Transport"}
TYPES = ["varchar", "text", "double", "date", "enum", "set", "phone"]
FIELDS = [
    Field(f"{number:040x}", f"A {kind}", kind, True, INDUSTRY if kind in ("enum", "set") else {})
    for number, kind in enumerate(TYPES)
]
CODES = {field.type: field.code for field in FIELDS}
texts = st.text(max_size=40) | st.sampled_from(
    ["Trade", "trade; transport", "1 234,50", "601 000 001", "31.12.2026"]
)


def paired(rule: FieldMapping, *, company: bool = False) -> Pair:
    (pair,), problems = pair_up([rule], FIELDS, company=company)
    assert problems == []
    return pair


def custom(
    kind: str,
    way: Way = Way.BOTH,
    transform: Transform | None = None,
    default: str | None = None,
    values: Mapping[str, str] | None = None,
) -> Pair:
    """A special field of the contact centre, kept in a custom field of that type."""
    return paired(
        FieldMapping(
            centre="custom:Special",
            pipedrive=f"custom:A {kind}",
            way=way,
            transform=transform,
            default=default,
            values=dict(values or {}),
        )
    )


def row(centre: str, pipedrive: str, *, company: bool = False) -> Pair:
    return paired(FieldMapping(centre=centre, pipedrive=pipedrive), company=company)


def reason(found: object) -> str:
    assert isinstance(found, Problem)
    return found.reason


# which field a row means


def problem_of(pipedrive: str, *fields: Field) -> Problem:
    pairs, (problem,) = pair_up([FieldMapping(centre="type", pipedrive=pipedrive)], fields, company=False)
    assert pairs == []
    return problem


def test_a_field_is_found_by_its_name_whatever_its_case_and_by_its_code() -> None:
    code = CODES["varchar"]
    for name in ("custom:A varchar", "custom: a  VARCHAR", f"custom:{code}"):
        assert paired(FieldMapping(centre="type", pipedrive=name)).code == code


def test_a_vanished_field_is_reported_and_the_others_go_on() -> None:
    rules = [
        FieldMapping(centre="type", pipedrive="custom:Gone"),
        FieldMapping(centre="name", pipedrive="name"),
    ]
    pairs, problems = pair_up(rules, FIELDS, company=False)
    assert [pair.code for pair in pairs] == ["name"]
    assert [problem.field for problem in problems] == ["type=custom:Gone"]
    assert "no custom field 'Gone'" in problems[0].reason


def test_of_several_fields_of_one_name_nobody_is_guessed() -> None:
    double = [Field("a" * 40, "Region", "varchar", True, {}), Field("b" * 40, "region", "enum", True, {})]
    problem = problem_of("custom:Region", *double)
    assert f"custom:{'a' * 40}, custom:{'b' * 40}" in problem.reason


def test_a_built_in_field_is_no_custom_one() -> None:
    assert (
        "no custom field"
        in problem_of("custom:Visible to", Field("visible_to", "Visible to", "int", False, {})).reason
    )


@pytest.mark.parametrize(
    "kind", ["people", "org", "user", "address", "daterange", "time", "timerange", "monetary"]
)
def test_a_field_of_a_type_that_is_not_written_is_reported(kind: str) -> None:
    assert f"type {kind}" in problem_of("custom:It", Field("c" * 40, "It", kind, True, {})).reason


def test_a_label_is_asked_for_only_where_there_are_choices() -> None:
    rule = FieldMapping(centre="type", pipedrive="custom:A text", transform=Transform.LABEL)
    assert "no field with choices" in pair_up([rule], FIELDS, company=False)[1][0].reason


# what a record holds


def test_texts_of_a_customer() -> None:
    jan = Customer(
        "1", "Jan", "Kowalski", company_id="5", external_id="X1", type="Klient", group="VIP",
        owner_agent_id="anna", custom={"Special": " gold ", "Amount": 12.50, "Yes": True, "Many": ["a", None, "b"]},
    )  # fmt: skip
    texts = {
        "name": "Jan Kowalski", "external_id": "X1", "type": "Klient", "group": "VIP", "owner": "anna",
        "custom:Special": "gold", "custom:special": "gold", "custom:Amount": "12.5", "custom:Yes": "true",
        "custom:Many": "a; b", "custom:None": "",
    }  # fmt: skip
    assert {centre: centre_text(row(centre, "custom:A text"), jan) for centre in texts} == texts
    assert centre_text(row("company", "organization"), jan) == "5"


def test_texts_of_a_company() -> None:
    firm = Company("5", "Firma", tax_id="1234563218")
    assert centre_text(row("name", "name", company=True), firm) == "Firma"
    assert centre_text(row("tax_id", "custom:A varchar"), firm) == "1234563218"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("varchar", " x ", "x"),
        ("double", 500, "500"),
        ("double", 0.1, "0.1"),
        ("double", 1e16, "10000000000000000"),
        ("date", "2026-01-31", "2026-01-31"),
        ("enum", 1, "Trade"),
        ("enum", 9, "9"),
        ("set", [3, 1], "Trade; Transport"),
        ("text", None, ""),
        ("set", None, ""),
    ],
)
def test_texts_of_custom_fields(kind: str, value: object, text: str) -> None:
    jan = person(custom_fields={CODES[kind]: value})
    assert pipedrive_text(custom(kind), jan) == text


def test_texts_of_built_in_fields() -> None:
    firm = organization(website="https://example.com", address="Prosta 1, Warszawa", owner_id="12")
    assert pipedrive_text(row("name", "name"), person(name="Jan Kowalski")) == "Jan Kowalski"
    assert pipedrive_text(row("company", "organization"), person(org_id="7")) == "7"
    assert pipedrive_text(row("owner", "owner"), firm) == "12"
    assert pipedrive_text(row("custom:WWW", "website"), firm) == "https://example.com"
    assert pipedrive_text(row("custom:Address", "address"), firm) == "Prosta 1, Warszawa"


# to Pipedrive


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("varchar", "x", "x"),
        ("text", "x" * 300, "x" * 300),
        ("double", "1 234,50", 1234.5),
        ("double", "500", 500),
        ("date", "31.12.2026", "2026-12-31"),
        ("enum", " trade", 1),
        ("enum", "Food, drink", 2),
        ("set", "transport, Trade", [1, 3]),
        ("set", "Food, drink; trade", [1, 2]),
        ("set", "Food, drink", [2]),
        ("phone", "601 000 001", "+48601000001"),
        ("phone", "112", "112"),
    ],
)
def test_a_value_is_written_as_pipedrives_field_wants_it(kind: str, text: str, value: object) -> None:
    assert for_pipedrive(custom(kind), text, POLISH) == value


@pytest.mark.parametrize("kind", TYPES)
def test_an_empty_text_empties_a_custom_field(kind: str) -> None:
    assert for_pipedrive(custom(kind), " ", POLISH) is None


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("double", "many", "wants a number"),
        ("date", "soon", "wants a date"),
        ("enum", "Mining", "none of the choices"),
        ("set", "Trade, Mining", "none of the choices"),
        ("phone", "ask Anna", "telephone number"),
        ("varchar", "x" * 300, "longer than the 255"),
    ],
)
def test_what_does_not_fit_is_a_problem_with_a_reason_and_without_the_value(
    kind: str, text: str, words: str
) -> None:
    found = for_pipedrive(custom(kind), text, POLISH)
    assert words in reason(found)
    assert text not in reason(found)


def test_built_in_values() -> None:
    assert for_pipedrive(row("name", "name"), "x" * 300, POLISH) == "x" * 300
    assert for_pipedrive(row("company", "organization"), "7", POLISH) == 7
    assert for_pipedrive(row("company", "organization"), "", POLISH) is None
    assert for_pipedrive(row("custom:Address", "address"), "Prosta 1", POLISH) == {"value": "Prosta 1"}
    assert for_pipedrive(row("custom:Address", "address"), "", POLISH) is None
    assert "no id" in reason(for_pipedrive(row("owner", "owner"), "anna", POLISH))


@pytest.mark.parametrize(("centre", "pipedrive"), [("name", "name"), ("owner", "owner")])
def test_what_pipedrive_cannot_do_without_is_not_emptied(centre: str, pipedrive: str) -> None:
    assert "cannot be emptied" in reason(for_pipedrive(row(centre, pipedrive), "", POLISH))


# to the contact centre


def test_a_persons_name_is_split_and_a_companys_is_not() -> None:
    assert for_centre(row("name", "name"), "Jan Maria Kowalski", POLISH) == {
        "first_name": "Jan Maria",
        "last_name": "Kowalski",
    }
    assert for_centre(row("name", "name", company=True), "Jan Kowalski", POLISH) == {"name": "Jan Kowalski"}
    assert "cannot be emptied" in reason(for_centre(row("name", "name"), " ", POLISH))


@pytest.mark.parametrize(
    ("centre", "pipedrive", "key"),
    [
        ("company", "organization", "company_id"),
        ("owner", "owner", "owner_agent_id"),
        ("external_id", "custom:A varchar", "external_id"),
        ("custom:WWW", "website", "custom:WWW"),
    ],
)
def test_values_go_under_the_names_that_the_contact_centre_is_written_by(
    centre: str, pipedrive: str, key: str
) -> None:
    assert for_centre(row(centre, pipedrive), "x", POLISH) == {key: "x"}
    assert for_centre(row(centre, pipedrive), "", POLISH) == {key: ""}
    assert written_names(row(centre, pipedrive)) == (key,)


def test_a_number_is_written_as_its_country_dials_it() -> None:
    assert for_centre(custom("phone"), "+48 601 000 001", POLISH) == {"custom:Special": "601000001"}
    assert for_centre(custom("phone", transform=Transform.E164), "601 000 001", POLISH) == {
        "custom:Special": "+48601000001"
    }


def test_a_choice_that_is_listed_no_longer_is_not_carried() -> None:
    assert "no longer lists" in reason(for_centre(custom("enum"), "9", POLISH))


# tables, defaults, constants, transforms


def test_a_value_table_is_read_both_ways() -> None:
    pair = custom("enum", values={"H": "Trade", "handel": "Trade", "T": "Transport"})
    assert for_pipedrive(pair, "h", POLISH) == for_pipedrive(pair, "Handel", POLISH) == 1
    assert for_centre(pair, "Trade", POLISH) == {"custom:Special": "H"}
    assert for_pipedrive(pair, "Food, drink", POLISH) == 2
    assert same(pair, "handel", "Trade", POLISH)
    assert "none of the choices" in reason(for_pipedrive(pair, "M", POLISH))


def test_a_value_that_is_in_no_table_stays_as_it_is() -> None:
    pair = custom("varchar", values={"H": "Trade"})
    assert for_pipedrive(pair, "Mining", POLISH) == "Mining"
    assert for_centre(pair, "Mining", POLISH) == {"custom:Special": "Mining"}


def test_each_of_several_choices_goes_through_the_table() -> None:
    pair = custom("set", values={"H": "Trade", "T": "Transport"})
    assert for_pipedrive(pair, "H,T", POLISH) == [1, 3]
    assert for_centre(pair, "Trade; Transport", POLISH) == {"custom:Special": "H; T"}
    assert same(pair, "T, H", "Trade; Transport", POLISH)


def test_a_default_stands_for_an_empty_value() -> None:
    pair = custom("enum", default="Trade")
    assert for_pipedrive(pair, "", POLISH) == 1
    assert for_pipedrive(pair, "Transport", POLISH) == 3
    assert same(pair, "", "Trade", POLISH)
    assert not same(pair, "", "Transport", POLISH)


@pytest.mark.parametrize("way", [Way.TO_PIPEDRIVE, Way.TO_CENTRE])
def test_a_constant_is_what_its_source_holds(way: Way) -> None:
    pair = custom("varchar", way, Transform.CONSTANT, "Connector")
    jan = Customer("1", "Jan", "Kowalski", custom={"Special": "x"})
    theirs = person(custom_fields={CODES["varchar"]: "y"})
    outward = way is Way.TO_PIPEDRIVE
    assert centre_text(pair, jan) == ("Connector" if outward else "x")
    assert pipedrive_text(pair, theirs) == ("y" if outward else "Connector")
    assert for_pipedrive(pair, "anything", POLISH) == "Connector"
    assert for_centre(pair, "anything", POLISH) == {"custom:Special": "Connector"}
    assert not same(pair, centre_text(pair, jan), pipedrive_text(pair, theirs), POLISH)


def test_a_transform_that_cannot_read_a_value_says_so() -> None:
    assert "not exactly one" in reason(
        for_pipedrive(custom("varchar", transform=Transform.E164), "Anna", POLISH)
    )
    assert "no date" in reason(for_centre(custom("varchar", transform=Transform.DATE), "soon", POLISH))
    assert "reads in one way" in reason(
        for_centre(custom("text", transform=Transform.NUMBER), "1,234", POLISH)
    )
    assert for_pipedrive(custom("varchar", transform=Transform.CAPITALISE), "ŁÓDŹ", POLISH) == "Łódź"


# whether two agree


@pytest.mark.parametrize(
    ("kind", "centre", "pipedrive"),
    [
        ("varchar", "a  b\n", "a b"),
        ("double", "1 234,50", "1234.5"),
        ("date", "31.12.2026 10:15", "2026-12-31"),
        ("enum", "TRADE", "Trade"),
        ("set", "transport,trade", "Trade; Transport"),
        ("phone", "601-000-001", "+48 601 000 001"),
        ("text", "", " "),
    ],
)
def test_two_writings_of_one_value_agree(kind: str, centre: str, pipedrive: str) -> None:
    assert same(custom(kind), centre, pipedrive, POLISH)


@pytest.mark.parametrize(
    ("kind", "centre", "pipedrive"),
    [
        ("varchar", "a", "A"),
        ("double", "1", "2"),
        ("enum", "Trade", ""),
        ("phone", "112", "997"),
        ("set", "Trade", "Trade; Transport"),
    ],
)
def test_two_values_do_not_agree(kind: str, centre: str, pipedrive: str) -> None:
    assert not same(custom(kind), centre, pipedrive, POLISH)


def test_names_agree_whatever_their_order_and_case() -> None:
    assert same(row("name", "name"), "Jan Kowalski", "KOWALSKI, Jan", POLISH)
    assert not same(row("name", "name"), "Jan Kowalski", "Jan Nowak", POLISH)


pairs = st.builds(
    custom,
    st.sampled_from(TYPES),
    st.sampled_from([Way.TO_PIPEDRIVE, Way.TO_CENTRE]),
    st.none()
    | st.sampled_from([how for how in Transform if how not in (Transform.CONSTANT, Transform.LABEL)]),
    st.none() | st.sampled_from(["Trade", "5"]),
    st.sampled_from([{}, {"H": "Trade", "x": "y"}]),
) | st.sampled_from([row("name", "name"), row("name", "name", company=True), row("custom:A", "address")])


@given(pairs, texts, texts)
def test_every_text_is_carried_or_has_a_reason(pair: Pair, one: str, other: str) -> None:
    for_pipedrive(pair, one, POLISH)
    for_centre(pair, one, POLISH)
    same(pair, one, other, POLISH)


@example(custom("phone", transform=Transform.NUMBER), "601 000 001")
@given(pairs, texts)
def test_what_was_carried_to_pipedrive_agrees_with_where_it_came_from_and_is_read_back(
    pair: Pair, text: str
) -> None:
    outward = replace(pair, rule=pair.rule.model_copy(update={"way": Way.TO_PIPEDRIVE}))
    value = for_pipedrive(outward, text, POLISH)
    if isinstance(value, Problem):
        return
    if pair.code == "address":
        address = value["value"] if isinstance(value, dict) else ""
        shown = pipedrive_text(outward, organization(address=address))
    elif pair.kind is Kind.NAME:
        shown = pipedrive_text(outward, person(name=str(value)))
    else:
        shown = pipedrive_text(outward, person(custom_fields={pair.code: value}))
    assert same(outward, text, shown, POLISH)
    assert text_of(outward, value) == shown


@given(st.sampled_from(TYPES), texts)
def test_what_goes_over_and_back_is_what_it_was(kind: str, text: str) -> None:
    pair = custom(kind)
    value = for_pipedrive(pair, text, POLISH)
    if isinstance(value, Problem):
        return
    back = for_centre(pair, pipedrive_text(pair, person(custom_fields={pair.code: value})), POLISH)
    assert isinstance(back, dict)
    assert same(
        pair,
        str(back["custom:Special"]),
        pipedrive_text(pair, person(custom_fields={pair.code: value})),
        POLISH,
    )
    assert for_pipedrive(pair, str(back["custom:Special"]), POLISH) == value
