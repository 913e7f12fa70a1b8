"""Rows of repeating groups of special fields, against the simulator, and in the shapes an answer may have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from connector.centres import ContactCentre
from connector.centres.thulium import directory, wire
from connector.errors import NotFound, Rejected, UnknownOutcome
from tests.centres.simulated import Simulated, fixture

GROUP = "Szanse"
FIELDS = ("Tytuł", "Etap", "Adres")


@pytest.fixture
async def card(simulated: Simulated) -> str:
    """A customer of a system with two groups that share the name of a field."""
    made = await simulated.seed(
        customers=[{"surname": "Żak"}, {"surname": "Ćwik"}],
        field_groups={"Zamówienia": ["Tytuł"], GROUP: list(FIELDS)},
    )
    found = made["customers"]
    assert isinstance(found, list)
    return str(found[0])


async def test_groups_are_told_with_their_fields(thulium: ContactCentre, card: str) -> None:
    assert card
    assert await thulium.field_groups() == {"Zamówienia": ("Tytuł",), GROUP: FIELDS}


@pytest.mark.parametrize("shape", ["listed", "named", "bare"])
async def test_a_row_is_added_read_changed_and_taken_away(
    simulated: Simulated, thulium: ContactCentre, card: str, shape: str
) -> None:
    await simulated.switch(field_items_shape=shape)
    await thulium.add_field_item("Zamówienia", card, {"Tytuł": "Z/1"})
    await thulium.add_field_item(GROUP, "2", {"Tytuł": "kogoś innego"})
    one = await thulium.add_field_item(GROUP, card, {"Tytuł": "Umowa", "Etap": "Oferta"})
    [row] = await thulium.field_items(GROUP, card)
    assert (row.id, row.values) == (one, {"Tytuł": "Umowa", "Etap": "Oferta"})
    await thulium.change_field_item(GROUP, one, {"Tytuł": "Umowa", "Etap": ""})
    [row] = await thulium.field_items(GROUP, card)
    assert row.values == {"Tytuł": "Umowa", "Etap": ""}
    await thulium.remove_field_item(one)
    await thulium.remove_field_item(one)
    assert await thulium.field_items(GROUP, card) == []
    assert len(await thulium.field_items("Zamówienia", card)) == 1
    assert len(await thulium.field_items(GROUP, "2")) == 1


async def test_all_rows_are_read_and_the_groups_only_once(
    simulated: Simulated, thulium: ContactCentre, card: str
) -> None:
    for n in range(12):
        await thulium.add_field_item(GROUP, card, {"Tytuł": f"{n}"})
    assert {row.values["Tytuł"] for row in await thulium.field_items(GROUP, card)} == {
        f"{n}" for n in range(12)
    }
    groups = [call for call in simulated.requests() if "customer_field_groups" in call.target]
    assert len(groups) == 1, "the groups are read once"


async def test_what_the_system_lacks_is_named(thulium: ContactCentre, card: str) -> None:
    with pytest.raises(NotFound, match="Nie ma"):
        await thulium.field_items("Nie ma", card)
    with pytest.raises(NotFound):
        await thulium.add_field_item("Nie ma", card, {"Tytuł": "x"})
    with pytest.raises(Rejected, match="Kwota"):
        await thulium.add_field_item(GROUP, card, {"Tytuł": "x", "Kwota": "1"})
    with pytest.raises(Rejected):
        await thulium.add_field_item(GROUP, "987654321", {"Tytuł": "x"})
    with pytest.raises(NotFound):
        await thulium.change_field_item(GROUP, "987654321", {"Tytuł": "x"})


async def test_a_field_that_was_made_anew_is_found_by_its_name(
    simulated: Simulated, thulium: ContactCentre, card: str
) -> None:
    await thulium.add_field_item(GROUP, card, {"Tytuł": "x"})
    await simulated.seed(field_groups={"Inna": ["a", "b", "c", "d", "e", "f"], GROUP: list(FIELDS)})
    with pytest.raises(Rejected):
        await thulium.add_field_item(GROUP, card, {"Tytuł": "y"})
    await thulium.add_field_item(GROUP, card, {"Tytuł": "y"})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_write_without_answer_is_neither_done_nor_undone(
    simulated: Simulated, thulium: ContactCentre, card: str, method: str
) -> None:
    one = await thulium.add_field_item(GROUP, card, {"Tytuł": "x"})
    await simulated.fault(kind="status_after", status=502, method=method, times=1)
    work: Callable[[], Awaitable[object]] = {
        "POST": lambda: thulium.add_field_item(GROUP, card, {"Tytuł": "y"}),
        "PUT": lambda: thulium.change_field_item(GROUP, one, {"Tytuł": "y"}),
        "DELETE": lambda: thulium.remove_field_item(one),
    }[method]
    with pytest.raises(UnknownOutcome):
        await work()
    rows = [row.values["Tytuł"] for row in await thulium.field_items(GROUP, card)]
    assert rows == {"POST": ["x", "y"], "PUT": ["y"], "DELETE": []}[method]


GROUPS = directory.read_field_groups(
    [
        {"group_id": 2, "name": "Orders", "fields": [{"field_id": 12, "name": "Product"}, {"field_id": 8, "name": "Count"}]},
        {"id": "3", "group_name": "Orders", "fields": []},
        {"id": "4", "name": "Empty"},
        {"name": "no id"},
        "odd",
    ]
)  # fmt: skip


def test_groups_are_read_leniently_each_name_once() -> None:
    orders = directory.FieldGroup("2", {"Product": "12", "Count": "8"})
    assert {"Orders": orders, "Empty": directory.FieldGroup("4", {})} == GROUPS


def test_groups_of_the_vendors_page_have_their_fields() -> None:
    page = wire.read_page(fixture("customer_field_groups.json"))
    fields = {"Product": "12", "Count": "8", "Confirmed": "9", "Comment": "10"}
    assert directory.read_field_groups(page.rows) == {"Orders": directory.FieldGroup("2", fields)}


@pytest.mark.parametrize(
    "values",
    [
        {"values": [{"field_id": 12, "value": "phone"}, {"field_id": "8", "value": 13}]},
        {"fields": [{"field_id": 12, "name": "Product", "value": "phone"}, {"name": "Count", "value": "13"}]},
        {"values": {"Product": "phone", "Count": 13}},
        {"custom_fields": {"12": "phone", "8": "13"}},
        {
            "values": [
                {"field_id": 12, "value": {"url": "phone"}},
                {"field_id": 8, "value": 13},
                {"field_id": 99, "value": "x"},
            ]
        },
    ],
)
def test_a_row_is_read_in_whatever_shape_its_values_come(values: dict[str, object]) -> None:
    row = directory.read_field_item({"item_id": 38, **values}, GROUPS["Orders"], "1")
    assert row is not None
    assert (row.id, row.values) == ("38", {"Product": "phone", "Count": "13"})


@pytest.mark.parametrize("wrong", [{"group_id": 3}, {"customer_id": "2"}, {"item_id": None}])
def test_a_row_of_another_group_or_customer_is_left_out(wrong: dict[str, object]) -> None:
    row = {"item_id": 38, "group_id": 2, "customer_id": 1, "values": []} | wrong
    assert directory.read_field_item(row, GROUPS["Orders"], "1") is None
