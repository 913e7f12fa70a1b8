from datetime import UTC, datetime

from tests.store.stock import Stock

AT = datetime(2026, 11, 16, 9, tzinfo=UTC)


async def test_a_customer_once_bound_stays_as_he_is(stock: Stock) -> None:
    bindings = stock.bindings("1")
    await bindings.bind({"thulium:demo/1": "7", "thulium:demo/2": "8"}, at=AT)
    await bindings.bind({"thulium:demo/1": "9"}, at=AT)
    found = await bindings.persons(["thulium:demo/1", "thulium:demo/2", "thulium:demo/3"])
    assert found == {"thulium:demo/1": "7", "thulium:demo/2": "8"}


async def test_customers_follow_a_merged_person_to_the_survivor(stock: Stock) -> None:
    bindings = stock.bindings("1")
    await bindings.bind({"a/1": "7", "a/2": "8", "b/1": "7"}, at=AT)
    assert set(await bindings.follow_merge("7", into="8")) == {"a/1", "b/1"}
    assert await bindings.persons(["a/1", "a/2", "b/1"]) == {"a/1": "8", "a/2": "8", "b/1": "8"}
    assert await bindings.follow_merge("7", into="8") == []


async def test_who_was_bound_stays_bound_when_the_survivor_is_merged_in_turn(stock: Stock) -> None:
    bindings = stock.bindings("1")
    await bindings.bind({"a/1": "7", "a/2": "8"}, at=AT)
    await bindings.follow_merge("7", into="8")
    await bindings.follow_merge("8", into="9")
    pairs = (await bindings.of_crm("customer", ["9"]))["9"]
    assert [(one.centre_id, str(one.state)) for one in pairs] == [("a/1", "alias"), ("a/2", "bound")]


async def test_a_person_who_is_gone_leaves_no_pair(stock: Stock) -> None:
    bindings = stock.bindings("1")
    await bindings.bind({"a/1": "7", "a/2": "8"}, at=AT)
    assert await bindings.unlink("customer", "7") == ["a/1"]
    assert await bindings.persons(["a/1", "a/2"]) == {"a/2": "8"}
    await bindings.bind({"a/1": "9"}, at=AT)
    assert await bindings.persons(["a/1"]) == {"a/1": "9"}


async def test_a_binding_that_was_removed_can_be_made_anew(stock: Stock) -> None:
    bindings = stock.bindings("1")
    await bindings.bind({"a/1": "7", "b/1": "7"}, at=AT)
    await stock.bindings("2").unbind("a/1")
    await bindings.unbind("b/1")
    assert await bindings.persons(["a/1", "b/1"]) == {"a/1": "7"}
    await bindings.bind({"b/1": "9"}, at=AT)
    assert await bindings.persons(["b/1"]) == {"b/1": "9"}


async def test_one_installation_sees_and_changes_nothing_of_another(stock: Stock) -> None:
    one, other = stock.bindings("1"), stock.bindings("2")
    await one.bind({"a/1": "7"}, at=AT)
    assert await other.persons(["a/1"]) == {}
    await other.bind({"a/1": "8"}, at=AT)
    assert await other.follow_merge("7", into="9") == []
    assert await other.unlink("customer", "7") == []
    assert await one.persons(["a/1"]) == {"a/1": "7"}


async def test_empty_questions_have_empty_answers(stock: Stock) -> None:
    bindings = stock.bindings("1")
    await bindings.bind({}, at=AT)
    assert await bindings.persons([]) == {}
