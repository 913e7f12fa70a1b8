"""Custom fields: a company's own names on one side, Pipedrive's 40-character codes on the other."""

from __future__ import annotations

from connector.pipedrive.client import Pipedrive
from connector.pipedrive.records import Field


class Fields:
    """The fields of one entity of one company, as they were when loaded."""

    def __init__(self, pipedrive: Pipedrive, entity: str, fields: list[Field]) -> None:
        """Use `load`."""
        self._pipedrive = pipedrive
        self._entity = entity
        self._by_code = {field.code: field for field in fields}

    @classmethod
    async def load(cls, pipedrive: Pipedrive, entity: str) -> Fields:
        """Read the fields of `person`, `organization` or `deal` (10 tokens for 500)."""
        return cls(pipedrive, entity, await pipedrive.fields(entity))

    def find(self, *, code: str | None = None, name: str, type: str) -> Field | None:  # noqa: A002 - Pipedrive's word
        """The custom field known by `code`, else the first of that name and type; names are not unique."""
        if code is not None and code in self._by_code:
            return self._by_code[code]
        same = (f for f in self._by_code.values() if f.custom and f.name == name and f.type == type)
        return next(same, None)

    async def find_or_create(self, *, code: str | None = None, name: str, type: str) -> Field:  # noqa: A002
        """The same, made where it is missing (5 tokens; PlanLimit when the plan has no room for it)."""
        if (field := self.find(code=code, name=name, type=type)) is None:
            field = await self._pipedrive.create_field(self._entity, name, type)
            self._by_code[field.code] = field
        return field
