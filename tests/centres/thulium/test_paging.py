"""Lists that move, repeat themselves and come out of order while they are read."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.centres.thulium.paging import READINGS, whole_list
from connector.centres.thulium.wire import Page
from connector.errors import Retryable


class Listing:
    """A list on the other side; `between` is called with it before each page but the first."""

    def __init__(self, rows: list[int], limit: int, *, counted: bool = True) -> None:
        self.rows, self.limit, self.counted = rows, limit, counted
        self.pages = 0
        self.between: Callable[[Listing], None] = lambda _listing: None
        self.answer: Callable[[list[int]], list[int]] = list

    async def fetch(self, offset: int) -> Page:
        if self.pages:
            self.between(self)
        self.pages += 1
        page = self.answer(self.rows[offset : offset + self.limit])
        return Page([*page], len(self.rows) if self.counted else None)

    async def read(self) -> list[object]:
        return [row async for page in whole_list(self.fetch, str, self.limit) for row in page]


@given(st.integers(0, 40), st.integers(2, 7), st.booleans())
async def test_a_list_at_rest_is_read_once_in_order(length: int, limit: int, counted: bool) -> None:
    listing = Listing(list(range(length)), limit, counted=counted)
    assert await listing.read() == list(range(length))
    assert listing.pages <= length // (limit - 1) + 2


async def test_a_counted_list_takes_no_page_more_than_it_needs() -> None:
    listing = Listing(list(range(199)), 100)
    assert len(await listing.read()) == 199
    assert listing.pages == 2


@given(st.integers(10, 40), st.integers(2, 7), st.integers(0, 9))
async def test_a_row_that_moves_to_the_top_hides_no_other(length: int, limit: int, mover: int) -> None:
    listing = Listing(list(range(length)), limit)

    def touch(moving: Listing) -> None:
        moving.rows.insert(0, moving.rows.pop(moving.rows.index(length - 1 - mover)))

    listing.between = touch
    assert set(await listing.read()) == set(range(length))


async def test_rows_that_appear_at_the_top_meanwhile_are_read_too() -> None:
    listing = Listing(list(range(30)), 10)

    def appear(moving: Listing) -> None:
        if len(moving.rows) < 34:
            moving.rows.insert(0, 100 + len(moving.rows))

    listing.between = appear
    assert set(await listing.read()) == {*range(30), 130, 131, 132, 133}


async def test_rows_that_vanish_above_make_it_read_again() -> None:
    listing = Listing(list(range(30)), 10)

    def vanish(moving: Listing) -> None:
        if len(moving.rows) == 30:
            del moving.rows[:2]

    listing.between = vanish
    assert set(range(2, 30)) <= set(await listing.read())


async def test_shuffled_and_doubled_pages_lose_nothing() -> None:
    chance = random.Random(3)
    listing = Listing(list(range(95)), 10)
    listing.answer = lambda page: chance.sample(page + page[:2], len(page) + len(page[:2]))
    assert sorted(map(str, await listing.read())) == sorted(map(str, range(95)))


async def test_a_list_that_never_comes_to_rest_is_left_for_later() -> None:
    listing = Listing(list(range(1000)), 10)

    def vanish(moving: Listing) -> None:
        del moving.rows[:2]

    listing.between = vanish
    with pytest.raises(Retryable):
        await listing.read()
    assert listing.pages <= 2 * READINGS


async def test_a_count_that_counts_something_else_does_not_block_for_ever() -> None:
    listing = Listing([0, 0, 1, 2, 3], 10)
    assert await listing.read() == [0, 1, 2, 3]


async def test_a_list_that_comes_empty_although_it_counts_rows_is_read_again() -> None:
    listing = Listing(list(range(5)), 10)
    listing.answer = lambda page: [] if listing.pages == 1 else page
    assert await listing.read() == [0, 1, 2, 3, 4]


async def test_a_list_without_count_and_paging_is_read_once() -> None:
    pages = 0

    async def fetch(_offset: int) -> Page:
        nonlocal pages
        pages += 1
        return Page([*range(250)], None)

    assert [row async for page in whole_list(fetch, str, 100) for row in page] == [*range(250)]
    assert pages == 2
