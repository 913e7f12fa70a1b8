"""How lists and records of one account are read, whatever they are of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from connector.centres.thulium import directory, wire
from connector.centres.thulium.client import Client
from connector.centres.thulium.paging import whole_list
from connector.centres.thulium.wallclock import WallClock
from connector.errors import NotFound, Rejected
from connector.records import Company, Customer, Ticket

EVENTS_A_PAGE = 100
RECORDS_A_PAGE = 1000
NO_FILTERS: Mapping[str, str] = MappingProxyType({})
WITH_FIELDS: Mapping[str, str] = MappingProxyType({"include_custom_fields": "true"})

Rec = TypeVar("Rec")
Known = TypeVar("Known", Customer, Company, Ticket)


def exactly(record: Known | None, asked: str) -> Known | None:
    """The record if it is of the very id that was asked for: who reads 012 as 12 would have two keys for one."""
    return record if record is not None and record.id == asked else None


class Reader:
    """What the parts of an account share."""

    def __init__(self, client: Client, wall: WallClock) -> None:
        """Ask through `client`, whose times are those of `wall`."""
        self._client = client
        self._wall = wall
        self._forms: dict[str, int] = {}

    @property
    def pace(self) -> float | None:
        """Requests a second, by the setting."""
        return self._client.pace

    @property
    def origin(self) -> str:
        """Where the agents' panel is: beside the API."""
        return self._client.origin

    async def _record(
        self,
        path: str,
        read: Callable[[bytes], wire.Row | None] = wire.read_record,
        params: Mapping[str, str] = NO_FILTERS,
        *,
        ahead: bool = False,
    ) -> wire.Row | None:
        try:
            return await self._client.get(path, read, params, ahead=ahead)
        except NotFound:
            return None

    async def _write_in_form(self, what: str, method: str, path: str, forms: Sequence[object]) -> bytes:
        """Send the first form of a body that is not refused: refused is not done. That one alone is sent from then on."""
        known = self._forms.get(what)
        for place, form in enumerate(forms):
            if known not in (None, place):
                continue
            try:
                answer = await self._client.write(method, path, form)
            except Rejected as refused:
                if refused.status not in (400, 422) or place in (known, len(forms) - 1):
                    raise
            else:
                self._forms[what] = place
                return answer
        raise AssertionError("the last form is taken or raises")

    def _list(
        self, path: str, filters: Mapping[str, str] = NO_FILTERS, limit: int = EVENTS_A_PAGE
    ) -> AsyncIterator[list[object]]:
        def fetch(offset: int) -> Awaitable[wire.Page]:
            return self._client.get(path, wire.read_page, {**filters, "limit": limit, "offset": offset})

        return whole_list(fetch, directory.key_for(path), limit)

    async def _records(
        self,
        path: str,
        read: Callable[[wire.Row], Rec | None],
        limit: int = EVENTS_A_PAGE,
        filters: Mapping[str, str] = NO_FILTERS,
    ) -> AsyncIterator[list[Rec]]:
        async for rows in self._list(path, filters, limit):
            yield [record for row in rows if isinstance(row, dict) and (record := read(row)) is not None]
