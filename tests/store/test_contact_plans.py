"""What is asked of marks, pairs and the index for each page or record is answered from an index, however many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta

import pytest

from connector.store.changes import Changes
from connector.store.creations import Creations
from connector.store.dirty import Dirty, Mark, Side, Urgency
from connector.store.index import Entity, Index, Indexable
from connector.store.questions import Kind, Questions
from tests.store.stock import Stock
from tests.store.test_plans import overheard

ID = "8087001"
KEYS = [f"thulium:demo/{n}" for n in range(3)]
PEOPLE = [Indexable(Entity.CUSTOMER, key, ("+48601000001", "jan@example.com")) for key in KEYS]
MARKS = [Mark("customer", Side.CENTRE, key) for key in KEYS]

Ask = Callable[[Stock, Index], Awaitable[object]]

ASKED: dict[str, Ask] = {
    "a page is put into the index": lambda _, index: index.put(PEOPLE),
    "who has a number": lambda _, index: index.candidates(["a", "b"], Entity.CUSTOMER),
    "whose company it is": lambda _, index: index.members(Entity.CUSTOMER, KEYS[0]),
    "the pairs of a page of customers": lambda stock, _: stock.bindings(ID).of_centre("customer", KEYS),
    "the pairs of a page of persons": lambda stock, _: stock.bindings(ID).of_crm("customer", ["1", "2"]),
    "a pair is made": lambda stock, _: stock.bindings(ID).bind({KEYS[0]: "1"}, at=stock.clock.now()),
    "a person is merged": lambda stock, _: stock.bindings(ID).follow_merge("1", into="2"),
    "records are marked": lambda stock, _: _dirty(stock).mark(MARKS, urgency=Urgency.HOOK, cause="test"),
    "a mark is cleared": lambda stock, _: _mark_and_clear(stock),
    "a record is claimed": lambda stock, _: Creations(stock.db, ID, stock.clock).claim(
        "customer", Side.CENTRE, KEYS, server_time=stock.clock.now(), lease_s=1
    ),
    "what a cause wrote in an hour": lambda stock, _: Changes(stock.db, stock.vault, ID, stock.clock).written(
        "x", within=timedelta(hours=1)
    ),
    "what was asked of a record": lambda stock, _: Questions(stock.db, ID, stock.clock).of(
        Kind.CUSTOMER, KEYS
    ),
}


def _dirty(stock: Stock) -> Dirty:
    return Dirty(stock.db, ID, stock.clock)


async def _mark_and_clear(stock: Stock) -> None:
    dirty = _dirty(stock)
    await dirty.mark(MARKS, urgency=Urgency.HOOK, cause="test")
    await dirty.clear(await dirty.take(5, lease_s=1))


@pytest.mark.parametrize("asked", ASKED)
async def test_an_index_narrows_it_down_to_the_records_that_are_meant(stock: Stock, asked: str) -> None:
    index = await stock.index(ID)
    with overheard() as heard:
        await ASKED[asked](stock, index)
    with closing(sqlite3.connect(stock.path)) as db:
        steps = [
            step[3]
            for statement, parameters in heard
            if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE"))
            for step in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert steps
    wide = [
        step for step in steps
        if step.startswith("SCAN") or step.endswith(("(installation_id=?)", "(installation_id=? AND entity=?)"))
    ]  # fmt: skip
    # Marks are few: they are read in the order in which they are worked on.
    wide = [
        step for step in wide if " dirty " not in step and "subquery" not in step and "CONSTANT" not in step
    ]
    assert not wide, steps
