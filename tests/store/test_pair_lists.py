"""Lists of pairs as pages show them."""

from datetime import UTC, datetime

from connector.store.bindings import Bond, Bound, InStep
from connector.store.changes import Changes, Wrote
from connector.store.dirty import Dirty, Mark, Side, Urgency
from connector.store.pair_lists import PairLists
from tests.store.stock import Stock

AT = datetime(2026, 11, 16, 9, tzinfo=UTC)


async def filled(stock: Stock) -> PairLists:
    """Three customers and a company: a pair, one that lacks a field, an alias of it, and one that is gone."""
    bindings = stock.bindings("1")
    await bindings.bind({"a/1": "7", "a/2": "8", "a/3": "8", "a/4": "9"}, at=AT)
    await bindings.link(Bound("company", "a/1", "5"), at=AT)
    lacking = (await bindings.of_centre("customer", ["a/2"]))["a/2"]
    await bindings.in_step([InStep(lacking, {}, [{"field": "type=type", "reason": "no such choice"}])], at=AT)
    await bindings.unlink("customer", "9")
    await stock.bindings("2").bind({"a/9": "1"}, at=AT)
    return PairLists(stock.db)


async def test_what_is_odd_is_counted_apart_from_what_is_in_step(stock: Stock) -> None:
    sizes = await (await filled(stock)).sizes("1")
    assert sizes == {"customer": 2, "company": 1, "alias": 1, "gone": 1, "lacking": 1}


async def test_a_list_goes_on_after_the_last_key_and_shows_one_state_where_asked(stock: Stock) -> None:
    lists = await filled(stock)

    async def keys(**asked: object) -> list[str]:
        return [one.centre_id for one in await lists.listed("1", "customer", limit=10, **asked)]  # type: ignore[arg-type]

    assert await keys() == ["a/1", "a/2", "a/3", "a/4"]
    assert await keys(after="a/2") == ["a/3", "a/4"]
    assert await keys(state=Bond.BOUND) == ["a/1", "a/2"]
    assert await keys(state=Bond.ALIAS) == ["a/3"]
    assert await keys(state=Bond.GONE) == ["a/4"]
    assert await keys(lacking=True) == ["a/2"]
    (lacking,) = await lists.listed("1", "customer", lacking=True, limit=10)
    assert lacking.problems == ({"field": "type=type", "reason": "no such choice"},)


async def test_marks_that_were_worked_on_in_vain_are_counted(stock: Stock) -> None:
    dirty = Dirty(stock.db, "1", stock.clock)
    marks = [Mark("customer", Side.CENTRE, "a/1"), Mark("customer", Side.CENTRE, "a/2")]
    await dirty.mark(marks, urgency=Urgency.HOOK, cause="webhook")
    (taken,) = await dirty.take(1, lease_s=60, only=marks[0])
    await dirty.put_off(taken, "Pipedrive said no", None)
    assert await dirty.sizes() == (2, 1)


async def test_a_history_tells_values_only_where_they_are_asked_for(stock: Stock) -> None:
    changes = Changes(stock.db, stock.vault, "1", stock.clock)
    for name in ("Jan", "Jan Maria"):
        wrote = Wrote("customer", "pipedrive", "7", "a/1", "update", {"name": "Janek"}, {"name": name})
        await changes.note(
            1, "webhook", [wrote, Wrote("customer", "pipedrive", "8", "a/2", "create", {}, {})]
        )
    plain = await changes.of_pair("customer", "a/1")
    assert [(one.side, one.kind, one.before, one.after) for one in plain] == [
        ("pipedrive", "update", None, None)
    ] * 2
    first, _ = await changes.of_pair("customer", "a/1", with_values=True)
    assert (first.before, first.after) == ({"name": "Janek"}, {"name": "Jan Maria"})
