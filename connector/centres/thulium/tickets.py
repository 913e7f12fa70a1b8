"""Tickets of one account: read, their special fields filled, commented. https://api.thulium.com/docs/api/tickets"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from connector.centres.thulium import mapping
from connector.centres.thulium.client import segment
from connector.centres.thulium.reader import NO_FILTERS, WITH_FIELDS, Reader, exactly
from connector.centres.thulium.wire import Row
from connector.errors import NotFound, Rejected
from connector.records import Message, Ticket, Unreadable

# Whether a comment is read as HTML is not known: without these it says the same either way.
_NO_TAGS = str.maketrans("<>", "‹›")


class Tickets(Reader):
    """The tickets' part of `ContactCentre`."""

    async def messages(self, since: datetime) -> AsyncIterator[Sequence[Message | Unreadable]]:
        """https://api.thulium.com/docs/api/tickets/get_tickets, tickets without messages by get_tickets_id"""
        async for rows in self._list("tickets", {"date_from": self._wall.lower_bound(since)}):
            tickets = await self._with("messages", rows, NO_FILTERS)
            yield [message for row in tickets for message in mapping.read_messages(row, self._wall, since)]

    async def ticket(self, ticket_id: str) -> Ticket | None:
        """https://api.thulium.com/docs/api/tickets/get_tickets_id"""
        row = await self._record(f"tickets/{segment(ticket_id)}", params=WITH_FIELDS)
        if row is None:
            return None
        if (ticket := mapping.read_ticket(row, self._wall)) is None:
            raise Rejected("Thulium: GET tickets/:id: the ticket cannot be read")
        return exactly(ticket, ticket_id)

    async def tickets_since(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
        """https://api.thulium.com/docs/api/tickets/get_tickets, tickets without special fields by get_tickets_id"""
        filters = {"date_from": self._wall.lower_bound(since), **WITH_FIELDS}
        async for rows in self._list("tickets", filters):
            tickets = await self._with("custom_fields", rows, WITH_FIELDS)
            yield [ticket for row in tickets if (ticket := mapping.read_ticket(row, self._wall)) is not None]

    async def set_ticket_field(self, ticket_id: str, field: str, value: str) -> bool:
        """`PUT tickets/:id`, then read back: a system may answer as if done and leave a read-only field as it is.

        https://api.thulium.com/docs/api/tickets/put_tickets_id
        """
        path, named = f"tickets/{segment(ticket_id)}", {"custom_fields": {field: value}}
        await self._write_in_form(
            "fields", "PUT", path, ({**named, "fill_read_only_custom_fields": True}, named)
        )
        if (row := await self._record(path, params=WITH_FIELDS)) is None:
            raise NotFound(f"Thulium: GET {path}: the ticket is gone", status=404)
        return mapping.special_text(row, field) == value.strip()

    async def comment_ticket(self, ticket_id: str, text: str, *, once: str) -> None:
        """`POST tickets/:id/comment`, after a look at the comments that are there; its keys are not public."""
        path = f"tickets/{segment(ticket_id)}"
        if (row := await self._record(path)) is None:
            raise NotFound(f"Thulium: GET {path}: there is no such ticket", status=404)
        if mapping.has_comment(row, once):
            return
        plain, agent = text.translate(_NO_TAGS), mapping.agent_of(row)
        forms: list[Mapping[str, object]] = [{"comment": plain}, {"body": plain}]
        await self._write_in_form(
            "comments", "POST", f"{path}/comment", (*forms, *({**form, **agent} for form in forms))
        )

    async def _with(self, part: str, rows: list[object], params: Mapping[str, str]) -> list[object]:
        """The tickets as listed; those that the list gave without this part are read one by one."""
        unlisted = [mapping.unlisted_ticket(row, part) for row in rows]
        if not any(unlisted):
            return rows
        try:
            async with asyncio.TaskGroup() as group:
                reads = [
                    group.create_task(self._whole(row, found, params))
                    for row, found in zip(rows, unlisted, strict=True)
                ]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [ticket for read in reads if (ticket := read.result()) is not None]

    async def _whole(self, row: object, ticket_id: str | None, params: Mapping[str, str]) -> object | None:
        if ticket_id is None:
            return row
        detail: Row | None = await self._record(f"tickets/{segment(ticket_id)}", params=params)
        return mapping.whole_ticket(row, detail)
