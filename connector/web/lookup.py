"""A contact centre's phone rings and it asks whose number that is: what Thulium calls an external CRM.

It knows two answers, a card and 404, so that whatever keeps us from naming the caller is a 404, and the reason stands
in its body and in the metrics. Numbers are in no log and in no error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import orjson
from aiohttp import web

from connector.clock import Clock
from connector.flows.lookup import Caller, Callers, Unnamed
from connector.flows.tenant import Tenant
from connector.names import Name, split_name
from connector.store.index import Entity
from connector.web.gate import Gate
from connector.web.hooks import Door

PATH = "/lookup/"
#: The vendor wants it to the letter.
JSON = "application/json;charset=utf-8"
LONGEST_NUMBER = 64
#: More than the phones of a large contact centre ring.
_DOOR_BURST, _DOOR_PER_MINUTE = 300, 600

_REASONS = {
    Unnamed.HIDDEN: "The number is hidden, internal or one of the ignored ones.",
    Unnamed.INCOMPLETE: "The index is not complete yet: nobody can be named for certain.",
    Unnamed.NOBODY: "Nobody in Pipedrive has this number.",
    Unnamed.SEVERAL: "Several in Pipedrive have this number.",
    Unnamed.LATE: "Pipedrive did not answer in time.",
    Unnamed.FAILED: "Pipedrive could not be read; connector installations says whether it must be connected again.",
}


def routes(
    doors: Mapping[str, Door],
    callers: Callers,
    tenant_of: Callable[[str], Tenant | None],
    look_again: Callable[[], Awaitable[None]],
    counted: Callable[[str, str], None],
    clock: Clock,
) -> web.RouteTableDef:
    """The lookup route; `counted` is told the installation and the outcome of each."""
    gate = Gate(doors, look_again, clock, burst=_DOOR_BURST, per_minute=_DOOR_PER_MINUTE)
    table = web.RouteTableDef()

    @table.get(PATH + "{path}", allow_head=False)
    async def name_caller(request: web.Request) -> web.Response:
        """Answer the card of whoever has `phone_number`."""
        door = await gate.admit(request)
        asked = request.query.get("phone_number", "")
        if asked.startswith(" "):
            # A plus sign that was not escaped.
            asked = "+" + asked[1:]
        if not asked.strip() or len(asked) > LONGEST_NUMBER:
            raise web.HTTPBadRequest(text=f"Give phone_number, of at most {LONGEST_NUMBER} characters.")
        if (tenant := tenant_of(door.installation_id)) is None:
            raise web.HTTPNotFound
        found = await callers.name(tenant, asked)
        if isinstance(found, Unnamed):
            counted(tenant.id, found)
            raise web.HTTPNotFound(text=_REASONS[found])
        counted(tenant.id, found.entity)
        body = orjson.dumps(card(found, asked))
        return web.Response(body=body, headers={"Content-Type": JSON, "Cache-Control": "no-store"})

    return table


def card(caller: Caller, number: str) -> dict[str, object]:
    """A caller in the vendor's keys; `surname` is never empty, and only persons have an `identifier`."""
    is_person = caller.entity is Entity.PERSON
    name = split_name(caller.name) if is_person else Name("", caller.name)
    keys: dict[str, object] = {
        "phone_number": number,
        "surname": name.last or number,
        "name": name.first,
        "email": caller.emails[0] if len(caller.emails) == 1 else list(caller.emails),
        "identifier": caller.id if is_person else "",
        "homepage": caller.link,
    }
    return {key: value for key, value in keys.items() if value}
