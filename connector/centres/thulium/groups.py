"""Repeating groups of a customer's special fields, such as orders, and their rows.

https://api.thulium.com/docs/api/customer_field_group_items/post_customer_field_group_items
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from connector.centres.thulium import directory, writing
from connector.centres.thulium.client import Client, segment
from connector.centres.thulium.reader import RECORDS_A_PAGE, Reader
from connector.centres.thulium.wallclock import WallClock
from connector.errors import NotFound, Rejected
from connector.records import FieldItem

_ITEMS = "customer_field_group_items"


class Groups(Reader):
    """The repeating groups' part of `ContactCentre`."""

    def __init__(self, client: Client, wall: WallClock) -> None:
        """Ask through `client`."""
        super().__init__(client, wall)
        self._groups: dict[str, directory.FieldGroup] = {}

    async def field_groups(self) -> Mapping[str, Sequence[str]]:
        """`GET customer_field_groups`"""
        rows = [row async for page in self._list("customer_field_groups") for row in page]
        self._groups = directory.read_field_groups(rows)
        return {name: tuple(group.fields) for name, group in self._groups.items()}

    async def field_items(self, group: str, customer_id: str) -> Sequence[FieldItem]:
        """https://api.thulium.com/docs/api/customer_field_group_items/get_customer_field_group_items"""
        found = await self._group(group)
        filters = {"group_id": found.id, "customer_id": customer_id}
        items: list[FieldItem] = []
        async for rows in self._list(_ITEMS, filters, RECORDS_A_PAGE):
            read = (
                directory.read_field_item(row, found, customer_id) for row in rows if isinstance(row, dict)
            )
            items += [item for item in read if item is not None]
        return items

    async def add_field_item(self, group: str, customer_id: str, values: Mapping[str, str]) -> str:
        """https://api.thulium.com/docs/api/customer_field_group_items/post_customer_field_group_items"""
        found = await self._group(group, *values)
        body = {
            "group_id": writing.id_number(found.id),
            "customer_id": writing.id_number(customer_id),
            "values": writing.field_values(found.fields, values),
        }
        answer = await self._write_item("POST", _ITEMS, body)
        return writing.written_id(f"POST {_ITEMS}", answer, "item_id")

    async def change_field_item(self, group: str, item_id: str, values: Mapping[str, str]) -> None:
        """https://api.thulium.com/docs/api/customer_field_group_items/put_customer_field_group_items_id"""
        found = await self._group(group, *values)
        body = {"values": writing.field_values(found.fields, values)}
        await self._write_item("PUT", f"{_ITEMS}/{segment(item_id)}", body)

    async def remove_field_item(self, item_id: str) -> None:
        """`DELETE customer_field_group_items/:id`"""
        with suppress(NotFound):
            await self._client.write("DELETE", f"{_ITEMS}/{segment(item_id)}")

    async def _write_item(self, method: str, path: str, body: object) -> bytes:
        try:
            return await self._client.write(method, path, body)
        except Rejected:
            # A field may have been taken away and made anew: its number is another then.
            self._groups = {}
            raise

    async def _group(self, name: str, *fields: str) -> directory.FieldGroup:
        """The group, read anew when it, or one of these fields, is not known."""
        known = self._groups.get(name)
        if known is None or not known.fields.keys() >= set(fields):
            await self.field_groups()
            known = self._groups.get(name)
        if known is None:
            raise NotFound(f"Thulium has no group of special fields named {name}", status=404)
        if missing := [field for field in fields if field not in known.fields]:
            raise Rejected(f"the group {name} in Thulium has no field {', '.join(missing)}")
        return known
