"""Reading a whole list by offset although it may move, repeat itself or come out of order meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from connector.centres.thulium.wire import Page
from connector.errors import Retryable

READINGS = 6
_BARREN_READINGS = 3
_DEFAULT_LIMIT = 100


async def whole_list(
    fetch: Callable[[int], Awaitable[Page]], key_of: Callable[[object], str], limit: int
) -> AsyncIterator[list[object]]:
    """Yield the rows of a list page by page, each row once, until none is missing; raises Retryable if that fails.

    Each page starts one row before the last one ended. A page without any row of the one before it means that rows
    moved up past us, and the list is read again. So it is when fewer different rows came than the list counts: rows
    that moved to the top while we read are found by the new reading's first page, which then ends it. A list that
    three more whole readings do not make longer is taken as complete: its count then counts something else.
    """
    seen: set[str] = set()
    barren = 0
    for _ in range(READINGS):
        known, offset = len(seen), 0
        before: set[str] = set()
        total: int | None = None
        torn = False
        while True:
            page = await fetch(offset)
            total = page.total
            rows = {key_of(row): row for row in page.rows}
            if offset and before.isdisjoint(rows):
                torn = True
                break
            fresh = [row for key, row in rows.items() if key not in seen]
            before = set(rows)
            seen |= before
            if fresh:
                yield fresh
            if _is_last(page, offset + len(rows), limit, len(seen), fresh=bool(fresh)):
                break
            offset += max(min(len(rows), limit) - 1, 1)
        if torn:
            seen.clear()
            continue
        if total is None or len(seen) >= total:
            return
        barren = barren + 1 if known and len(seen) == known else 0
        if barren >= _BARREN_READINGS:
            return
    raise Retryable("Thulium: the list kept changing while it was read")


def _is_last(page: Page, end: int, limit: int, seen: int, *, fresh: bool) -> bool:
    if not page.rows:
        return True
    if page.total is None:
        # The vendor's default page: a list that takes no larger limit still gives so many.
        return len(page.rows) < min(limit, _DEFAULT_LIMIT) or not fresh
    return seen >= page.total or end >= page.total
