"""What persons, organizations, deals and activities have in common: create, read, list, change, delete.

Simpler than the vendor: `visible_to` 1 hides a record from everybody but its owner and the administrators, every
other value shows it to all; groups do not exist. Others see an activity when they own it or see a record it hangs on.
`include_fields` (but `attendees`), `include_labels` and `include_option_labels` are accepted and add nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web

from connector.sandbox.pipedrive.access import Call, Operation, ok
from connector.sandbox.pipedrive.checks import Keys, validate
from connector.sandbox.pipedrive.errors import bad_request, not_found
from connector.sandbox.pipedrive.queries import (
    Reader,
    Seen,
    flag,
    ids,
    moment,
    page,
    paging,
    read_query,
    whole,
    words,
)
from connector.sandbox.pipedrive.state import Company, Event, User, World, stamp
from connector.sandbox.wire import Object

KEPT_AFTER_DELETION = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes a record, and from where: `api` or `app`."""

    world: World
    company: Company
    user: User
    source: str = "api"


@dataclass(frozen=True)
class Entity:
    """A kind of record.

    `build` makes a record of a checked body, without id and times; `change` gives the changed keys. `keys` are those
    of a create; `patch_keys` those of a change. `wanted` turns a read query into a filter.
    """

    name: str
    plural: str
    scope: str
    keys: Keys
    patch_keys: Keys
    required: tuple[str, ...]
    build: Callable[[Actor, Object], Object]
    change: Callable[[Actor, Object, Object], Object]
    filters: dict[str, Reader]
    wanted: Callable[[Company, Object], list[Seen]]
    show: Callable[[Company, Object, Object], Object]
    sort_by: tuple[str, ...] = ()
    guard: Callable[[Actor, Object | None, Object], None] = field(default=lambda _actor, _record, _body: None)


def owner_of(actor: Actor, body: Object) -> int:
    """The owner that a body names, else who asks; Refused(400) unless it is an active user of the company."""
    owner = body.get("owner_id")
    if owner is None:
        return actor.user.id
    user = actor.company.users.get(owner)
    if user is None or not user.active:
        raise bad_request(f"Owner {owner} not found or not active")
    return user.id


def linked(actor: Actor, entity: str, record_id: int | None) -> int | None:
    """The id of a record to link to; Refused(400) when it is deleted or not there."""
    if record_id is None:
        return None
    record = actor.company.table(entity).records.get(record_id)
    if record is None or record["is_deleted"]:
        raise bad_request(f"{entity.capitalize()} {record_id} not found")
    return record_id


def create(actor: Actor, entity: Entity, body: Object, *, quiet: bool = False) -> Object:
    """Check a body and make a record of it; `quiet` tells no webhook."""
    entity.guard(actor, None, body)
    validate(body, entity.keys, entity.required)
    now = actor.world.stamp()
    table = actor.company.table(entity.name)
    record = {"id": table.next_id, **entity.build(actor, body)}
    record["add_time"] = stamp(datetime.fromisoformat(body["add_time"])) if "add_time" in body else now
    record["update_time"] = now
    record["is_deleted"] = False
    table.add(record)
    if not quiet:
        _publish(actor, entity.name, "create", None, record)
    return record


def update(actor: Actor, entity: Entity, record: Object, body: Object) -> Object:
    """Check a body and change a record; a change that changes nothing leaves no trace."""
    entity.guard(actor, record, body)
    validate(body, entity.patch_keys)
    changes = entity.change(actor, record, body)
    changed = {key: value for key, value in changes.items() if record[key] != value}
    if changed:
        rewrite(actor, entity.name, record, changed)
    return record


def rewrite(actor: Actor, entity: str, record: Object, changed: Object, **merge: int) -> None:
    """Write changed keys into a record and tell of it."""
    before = dict(record)
    record.update(changed)
    record["update_time"] = actor.world.stamp()
    actor.company.table(entity).touch(record)
    _publish(actor, entity, "change", before, record, **merge)


def remove(actor: Actor, entity: str, record: Object, **merge: int) -> None:
    """Mark a record deleted."""
    before = dict(record)
    record["is_deleted"] = True
    record["update_time"] = actor.world.stamp()
    actor.company.table(entity).touch(record)
    _publish(actor, entity, "delete", before, None, **merge)


def _publish(
    actor: Actor, entity: str, action: str, before: Object | None, after: Object | None, **merge: int
) -> None:
    if actor.company.hooks:
        after = None if after is None else dict(after)
        actor.world.publish(
            Event(
                actor.company,
                entity,
                action,
                before,
                after,
                actor.user,
                actor.source,
                merge.get("merged_to"),
                merge.get("merged_from"),
            )
        )


def visible(company: Company, user: User, entity: str, record: Object) -> bool:
    """Whether a user may see a record."""
    if user.admin or record.get("owner_id") == user.id:
        return True
    if entity != "activity":
        return bool(record.get("visible_to", 3) != 1)
    for kind, key in (("deal", "deal_id"), ("person", "person_id"), ("organization", "org_id")):
        target = company.table(kind).records.get(record[key]) if record[key] is not None else None
        if target is not None and visible(company, user, kind, target):
            return True
    return False


def find(call: Call, entity: Entity) -> Object:
    """The record in the path; Refused(404) when it is missing, invisible or purged."""
    record = call.company.table(entity.name).records.get(call.id)
    if record is None or not visible(call.company, call.user, entity.name, record):
        raise not_found(entity.name.capitalize())
    if record["is_deleted"] and _age(call.world, record) > KEPT_AFTER_DELETION:
        raise not_found(entity.name.capitalize())
    return record


def _age(world: World, record: Object) -> timedelta:
    return world.clock.now() - datetime.fromisoformat(record["update_time"])


def listing(call: Call, entity: Entity, query: Object, extra: list[Seen]) -> web.Response:
    """One page of the visible records that match the query."""
    if "filter_id" in query:
        raise bad_request(f"Filter {query['filter_id']} not found")
    company, user = call.company, call.user
    tests = [*extra, *entity.wanted(company, query)]
    if (until := query.get("updated_until")) is not None:
        tests.append(lambda record: record["update_time"] < until)
    if (wanted_ids := query.get("ids")) is not None:
        some = frozenset(wanted_ids)
        tests.append(lambda record: record["id"] in some)
    if not user.admin:
        tests.append(lambda record: visible(company, user, entity.name, record))
    found, cursor = page(company.table(entity.name), query, every(tests))
    return ok(
        [entity.show(company, record, query) for record in found], additional_data={"next_cursor": cursor}
    )


def every(tests: list[Seen]) -> Seen:
    """Join filters."""

    def passes(record: Object) -> bool:
        for test in tests:  # noqa: SIM110 - twice as fast as all()
            if not test(record):
                return False
        return True

    return passes


def alive(record: Object) -> bool:
    """Whether a record belongs into lists."""
    return not record["is_deleted"]


def equals(query: Object, *names: str) -> list[Seen]:
    """Filters by plain equality of the keys that the query names."""
    return [_equal(name, query[name]) for name in names if name in query]


def _equal(name: str, value: object) -> Seen:
    return lambda record: record[name] == value


LIST_QUERY: dict[str, Reader] = {
    "filter_id": whole,
    "ids": ids,
    "owner_id": whole,
    "updated_since": moment,
    "updated_until": moment,
    "include_fields": words(),
}
FIELD_QUERY: dict[str, Reader] = {
    "custom_fields": words(most=15),
    "include_labels": flag,
    "include_option_labels": flag,
}


def operations(entity: Entity, item_query: dict[str, Reader], list_extra: list[Seen]) -> list[Operation]:
    """The five endpoints of a kind of record."""
    path = f"/api/v2/{entity.plural}"
    reading, writing = (f"{entity.scope}:read", f"{entity.scope}:full"), (f"{entity.scope}:full",)
    list_readers = {**LIST_QUERY, **paging(*entity.sort_by), **item_query, **entity.filters}

    async def read_list(call: Call) -> web.Response:
        return listing(call, entity, read_query(call.request, list_readers), list_extra)

    async def read_one(call: Call) -> web.Response:
        query = read_query(call.request, {"include_fields": words(), **item_query})
        return ok(entity.show(call.company, find(call, entity), query))

    async def add(call: Call) -> web.Response:
        record = create(Actor(call.world, call.company, call.user), entity, await call.body())
        return ok(entity.show(call.company, record, {}))

    async def patch(call: Call) -> web.Response:
        record = find(call, entity)
        if record["is_deleted"]:
            raise not_found(entity.name.capitalize())
        update(Actor(call.world, call.company, call.user), entity, record, await call.body())
        return ok(entity.show(call.company, record, {}))

    async def delete(call: Call) -> web.Response:
        record = find(call, entity)
        if record["is_deleted"]:
            raise not_found(entity.name.capitalize())
        remove(Actor(call.world, call.company, call.user), entity.name, record)
        return ok({"id": record["id"]})

    one = path + r"/{id:\d+}"
    return [
        Operation("GET", path, 10, reading, read_list),
        Operation("POST", path, 5, writing, add),
        Operation("GET", one, 1, reading, read_one),
        Operation("PATCH", one, 5, writing, patch),
        Operation("DELETE", one, 3, writing, delete),
    ]
