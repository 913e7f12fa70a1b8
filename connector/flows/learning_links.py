"""Templates of links to the contact centre, learnt from the address of one record each: vendors do not publish them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from yarl import URL

from connector.flows.previewing import listed_events
from connector.flows.tenant import Tenant
from connector.records import EventKind

Of = Literal["customer", "ticket", "call", "chat"]

_ID = "{id}"
#: A part of an address that may be the id of a record: it has a digit in it.
_PART = re.compile(r"[\w.~-]*\d[\w.~-]*", re.ASCII)
_LONGEST = 500
_LISTED = 500
_KINDS = {"call": EventKind.CALL, "chat": EventKind.CHAT}


@dataclass(frozen=True, slots=True)
class Learnt:
    """What an address came to: the template, or why none. `by` is the record that was found there."""

    template: str | None
    trouble: Literal["", "no address", "no id", "no record", "several"] = ""
    by: str = ""


async def learn_link(tenant: Tenant, of: Of, address: str) -> Learnt:
    """The template of the links to records of this kind, by the address of one that the contact centre has.

    A customer or ticket is asked for there, a call or chat looked for among the latest; what could be meant in several
    ways is not guessed. An address that has `{id}` in it already is taken as it is.
    """
    url = _url(address)
    if url is None:
        return Learnt(None, "no address")
    if _ID in address:
        return Learnt(address)
    candidates = _candidates(address, url)
    return await _chosen(tenant, of, candidates) if candidates else Learnt(None, "no id")


async def _chosen(tenant: Tenant, of: Of, candidates: list[tuple[str, str]]) -> Learnt:
    known = await _known(tenant, of, [record_id for record_id, _ in candidates])
    found = [(record_id, template) for record_id, template in candidates if record_id in known]
    if len(found) == 1:
        return Learnt(found[0][1], by=found[0][0])
    if found:
        return Learnt(None, "several")
    if of in _KINDS and len(candidates) == 1:
        # Only the latest calls and chats can be listed: this one may be older.
        return Learnt(candidates[0][1])
    return Learnt(None, "several" if of in _KINDS else "no record")


def _url(address: str) -> URL | None:
    try:
        url = URL(address)
    except ValueError:
        return None
    fits = url.scheme in ("https", "http") and url.host and not url.user and len(address) <= _LONGEST
    return url if fits else None


def _candidates(address: str, url: URL) -> list[tuple[str, str]]:
    """Ids that may be meant, with the template that each would make."""
    start = address.index("://") + len("://") + len(url.raw_authority)
    return [
        (part[0], f"{address[: part.start()]}{_ID}{address[part.end() :]}")
        for part in _PART.finditer(address, start)
    ]


async def _known(tenant: Tenant, of: Of, ids: list[str]) -> Collection[str]:
    """Which of these are ids of records of the contact centres."""
    if of in _KINDS:
        kind = _KINDS[of]
        listed = await listed_events(tenant, _LISTED)
        return {entry.external_id for entry in listed if entry.kind is kind} & set(ids)
    found: set[str] = set()
    for centre in tenant.centres.values():
        for record_id in ids:
            record = await (
                centre.api.customer(record_id) if of == "customer" else centre.api.ticket(record_id)
            )
            found |= {record_id} if record is not None else set()
    return found
