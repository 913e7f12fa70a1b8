"""What is asked all day long is answered from an index, however many events the ledger has."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from connector.store.entries import Due
from tests.store.entries import Book, open_book
from tests.store.stock import Stock

Statements = list[tuple[str, Any]]


@contextmanager
def overheard() -> Iterator[Statements]:
    """Every statement of the block with its parameters, one set of them where there are many."""
    heard: Statements = []

    def hear(
        _db: Connection, _cursor: object, statement: str, parameters: Any, _context: object, many: bool
    ) -> None:
        heard.append((statement, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def plans(stock: Stock, heard: Statements) -> list[str]:
    """How SQLite finds the rows of the ledger that these statements are about."""
    with closing(sqlite3.connect(stock.path)) as db:
        return [
            step[3]
            for statement, parameters in heard
            for step in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            if " ledger" in step[3]
        ]


ASKED: dict[str, tuple[Callable[[Book], Awaitable[object]], set[str]]] = {
    "what is due next": (
        lambda book: book.doubts.next_due(),
        {"ix_ledger_state", "ix_ledger_heal", "ix_ledger_topic"},
    ),
    "whose lease ran out": (lambda book: book.doubts.expire_claims(first_look_s=1), {"ix_ledger_state"}),
    "what is to be looked for": (lambda book: book.doubts.unknown(), {"ix_ledger_state"}),
    "what is to be healed": (lambda book: book.doubts.to_heal(), {"ix_ledger_heal"}),
    "whose topic is to be asked for": (lambda book: book.doubts.topics(), {"ix_ledger_topic"}),
    "what was written for another": (
        lambda book: book.doubts.written_for_another("1"),
        {"ix_ledger_state (installation_id=? AND state=? AND lane=?)"},
    ),
    "what is new": (lambda book: book.ledger.new(500, after=7), {"ix_ledger_state"}),
    "what is to be tried again": (lambda book: book.ledger.promote(), {"ix_ledger_state"}),
    "what waits": (lambda book: book.ledger.wake_all(), {"ix_ledger_state"}),
    "what waits for a number or address": (
        lambda book: book.ledger.wake(keys=["a"]),
        {"ix_ledger_number", "ix_ledger_email"},
    ),
    "what waits for a customer": (lambda book: book.ledger.wake(customer_ids=["7"]), {"ix_ledger_customer"}),
    "what a backfill brings again": (
        lambda book: book.collect("1", "2", lane=Due.BACKFILL),
        {"kind=? AND external_id=?"},
    ),
    "what is known": (lambda book: book.collect("1", "2"), {"sqlite_autoindex_ledger_1"}),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_an_index_answers(stock: Stock, asked: str) -> None:
    book = await open_book(stock)
    await book.collect("1")
    ask, wanted = ASKED[asked]
    with overheard() as heard:
        await ask(book)
    steps = plans(stock, heard)
    assert steps
    assert not [step for step in steps if step.startswith("SCAN")]
    assert {name for name in wanted if any(name in step for step in steps)} == wanted
