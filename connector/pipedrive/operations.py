"""The operations of Pipedrive's API that we use, with the prices and scopes of the vendor's own files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

import orjson


class _Listed(TypedDict):
    cost: int
    scopes: list[str]


@cache
def _contract() -> dict[str, _Listed]:
    document = orjson.loads(Path(__file__).with_name("contract.json").read_bytes())
    operations: dict[str, _Listed] = document["operations"]
    return operations


def price(method: str, path: str) -> int:
    """Tokens that a call of `path`, a template of the vendor's files such as `/api/v2/persons/{id}`, costs."""
    return _contract()[f"{method} {path}"]["cost"]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of the API with its price and the scopes that allow it."""

    method: str
    path: str
    key: str
    price: int
    scopes: tuple[str, ...]
    searches: bool

    @classmethod
    def of(cls, method: str, path: str) -> Operation:
        """Look the operation up in the contract; KeyError if it is not there."""
        key = f"{method} {path}"
        listed = _contract()[key]
        # Both hosts of the API, the company's own and the common one, serve v1 at /v1.
        served = path.removeprefix("/api") if path.startswith("/api/v1/") else path
        return cls(method, served, key, listed["cost"], tuple(listed["scopes"]), "earch" in path)
