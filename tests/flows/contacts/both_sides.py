"""Both simulators seen from outside: what people do there, what stands there, what the connector wrote, what was told.

Nothing here asks the connector or its tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

import orjson

from connector.sandbox.pipedrive.app import WORLD
from connector.sandbox.pipedrive.control import edit
from connector.sandbox.pipedrive.payloads import payload
from connector.sandbox.pipedrive.state import Event, Hook
from connector.sandbox.thulium.hooks import _text as form_text
from connector.sandbox.thulium.state import Company, Customer, System
from tests.bad_days.days import Day

CENTRE, PIPEDRIVE = "contact centre", "Pipedrive"
CUSTOMER, COMPANY = "customer", "company"

#: A record: where it is, whether it is a customer (a person) or a company (an organization), and its id.
Ref = tuple[str, str, int]
#: What stands in each field; phones and e-mails are fields of their own, one each, that are true.
Fields = dict[tuple[str, str], object]

_IN_PIPEDRIVE = {CUSTOMER: "person", COMPANY: "organization"}
FIRST_NAMES = ("Anna", "Jan", "Ewa", "Piotr", "Maja", "Adam")


@dataclass(frozen=True)
class Told:
    """A webhook as a simulator would have sent it."""

    side: str
    body: bytes
    of: Ref


@dataclass
class BothSides:
    """What people can do on both sides."""

    day: Day
    fields: Mapping[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    by_hand: int = 0
    our_writes: list[str] = field(default_factory=list)
    idle_writes: int = 0
    made: list[tuple[Ref, int | None]] = field(default_factory=list)
    landed: set[int] = field(default_factory=set)
    _fresh: Iterator[int] = field(default_factory=lambda: count(1))
    _shown: dict[int, object] = field(default_factory=dict)
    _acting: bool = False

    def listen(self) -> None:
        """Have webhooks and writes come here instead of being sent."""
        world, company = self.day.pipedrive[WORLD], self.day.company
        user = company.admins()[0]
        company.hooks[1] = Hook(1, {}, user.id, None, world.clock.now())
        world.publish = self._published
        self.day.system.emit = self._emitted

    def _published(self, event: Event) -> None:
        if event.entity not in ("person", "organization"):
            return
        body = payload(event, "event", self.day.pipedrive[WORLD].clock.now(), "acme.pipedrive.com")
        kind = CUSTOMER if event.entity == "person" else COMPANY
        record = event.after or event.before or {}
        ref = (PIPEDRIVE, kind, record["id"])
        self.told.append(Told(PIPEDRIVE, orjson.dumps(body), ref))
        if not self._acting:
            self.our_writes.append(f"{event.action} of {said(ref)}: {event_changes(event)}")
            if event.action == "create":
                self.made.append((ref, self._stated(kind, record)))

    def _emitted(self, system: System, action: str, fields: Mapping[str, object]) -> None:
        body = {"action": action, **{name: form_text(system, value) for name, value in fields.items()}}
        card = system.customers[int(str(fields["customer_id"]))]
        company = self._company_of(card) if card.company_flag else None
        ref = (CENTRE, COMPANY, company.company_id) if company else (CENTRE, CUSTOMER, card.customer_id)
        self.told.append(Told(CENTRE, urlencode(body).encode(), ref))
        before, after = self._shown.get(card.customer_id), _card(card)
        self._shown[card.customer_id] = after
        if self._acting:
            return
        if before == after:
            self.idle_writes += 1
            return
        self.our_writes.append(f"{action} of {said(ref)}: {before} -> {after}")
        if action == "CUSTOMER_CREATED":
            source = card.identifier.removeprefix("pipedrive-")
            self.made.append((ref, int(source) if source.isdigit() else None))

    def _company_of(self, card: Customer) -> Company | None:
        """The company of its own card, which is told of before the company is listed."""
        return next((one for one in self.day.system.companies.values() if one.card is card), None)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """What happens meanwhile is done by people."""
        self._acting = True
        try:
            yield
        finally:
            self._acting = False

    # what people do

    def number(self) -> int:
        return next(self._fresh)

    def in_centre(self, what: str, **details: object) -> dict[str, Any]:
        with self.acting():
            return self.day.happen(what, **details)

    def in_pipedrive(self, action: str, kind: str, **details: object) -> Any:
        body = {"entity": _IN_PIPEDRIVE[kind], "action": action, **details}
        with self.acting():
            return edit(self.day.pipedrive[WORLD], body)

    def make(self, side: str, kind: str, values: Mapping[str, Any]) -> Ref:
        """Make a record with `name`, and for customers `first`, `phones`, `emails` and `company`."""
        if side == CENTRE and kind == COMPANY:
            return side, kind, self.in_centre("company", name=values["name"])["id"]
        if side == CENTRE:
            body = {"name": values["first"], "surname": values["name"], **_lists(values)}
            if values.get("company"):
                body["company_id"] = values["company"]
            return side, kind, self.in_centre("customer", **body)["id"]
        changes: dict[str, Any] = {"name": values["name"]}
        if kind == CUSTOMER:
            changes["name"] = f"{values['first']} {values['name']}"
            changes |= {key: [{"value": one} for one in values[key]] for key in ("phones", "emails")}
            if values.get("company"):
                changes["org_id"] = values["company"]
        return side, kind, self.in_pipedrive("create", kind, changes=changes)["id"]

    def change(self, ref: Ref, key: str, value: Any) -> None:
        """Set `name`, `company`, `phones` or `emails` of a record; lists are given whole."""
        side, kind, number = ref
        if side == CENTRE:
            name = {"phones": "phone_number", "emails": "email", "company": "company_id", "name": "surname"}[
                key
            ]
            if kind == COMPANY:
                self.in_centre("company", company_id=number, name=value)
            else:
                self.in_centre("customer", customer_id=number, **{name: value})
            return
        if key in ("phones", "emails"):
            value = [{"value": one} for one in value]
        elif key == "name" and kind == CUSTOMER:
            value = f"{self.day.company.persons.records[number]['first_name'] or ''} {value}".strip()
        name = "org_id" if key == "company" else key
        self.in_pipedrive("change", kind, id=number, changes={name: value})

    def delete(self, ref: Ref) -> None:
        side, kind, number = ref
        if side == CENTRE:
            self.in_centre(f"{kind}_deleted", **{f"{kind}_id": number})
        else:
            self.in_pipedrive("delete", kind, id=number)

    # what stands there

    def alive(self, side: str, kind: str) -> list[Ref]:
        """All records of a kind that are there, by id."""
        system, company = self.day.system, self.day.company
        if side == CENTRE:
            ids = (
                list(system.companies)
                if kind == COMPANY
                else [one.customer_id for one in system.customers.values() if not one.company_flag]
            )
        else:
            records = company.table(_IN_PIPEDRIVE[kind]).records.values()
            ids = [one["id"] for one in records if not one["is_deleted"]]
        return [(side, kind, number) for number in sorted(ids)]

    def deleted(self, kind: str) -> list[Ref]:
        """Records of Pipedrive that can be restored."""
        records = self.day.company.table(_IN_PIPEDRIVE[kind]).records.values()
        return [(PIPEDRIVE, kind, one["id"]) for one in records if one["is_deleted"]]

    def is_there(self, ref: Ref) -> bool:
        side, kind, number = ref
        if side == CENTRE:
            return number in (self.day.system.companies if kind == COMPANY else self.day.system.customers)
        record = self.day.company.table(_IN_PIPEDRIVE[kind]).records.get(number)
        return record is not None and not record["is_deleted"]

    def card(self, number: int) -> Customer:
        return self.day.system.customers[number]

    def person(self, number: int) -> dict[str, Any]:
        return self.day.company.persons.records[number]

    def lists(self, ref: Ref, key: str) -> list[str]:
        """A customer's or person's phones or e-mails as they stand there."""
        side, _, number = ref
        if side == CENTRE:
            return list(getattr(self.card(number), key))
        return [one["value"] for one in self.person(number)[key]]

    def company_of(self, ref: Ref) -> int | None:
        side, _, number = ref
        found: int | None = self.card(number).company_id if side == CENTRE else self.person(number)["org_id"]
        return found

    def name(self, ref: Ref) -> str:
        side, kind, number = ref
        if side == CENTRE:
            card = self.day.system.companies[number].card if kind == COMPANY else self.card(number)
            return " ".join(f"{card.name} {card.surname}".split())
        return str(self.day.company.table(_IN_PIPEDRIVE[kind]).records[number]["name"])

    def pairs(self, kind: str) -> dict[int, int]:
        """The record in Pipedrive of each one of the contact centre, as the two themselves say: both are there.

        One that several name, as after a restoration when another has taken the place, is nobody's.
        """
        found: dict[int, int] = {}
        named: set[int] = set()
        doubtful: set[int] = set()
        for _, _, number in self.alive(PIPEDRIVE, kind):
            stated = self._stated(kind, self.day.company.table(_IN_PIPEDRIVE[kind]).records[number])
            if stated is not None:
                named.add(number)
                if stated in found:
                    doubtful.add(stated)
                if self.is_there((CENTRE, kind, stated)):
                    found[stated] = number
        for ref in self.alive(CENTRE, kind):
            card = self.day.system.companies[ref[2]].card if kind == COMPANY else self.card(ref[2])
            source = card.identifier.removeprefix("pipedrive-")
            known = not source.isdigit() or ref[2] in found or int(source) in named
            if not known and self.is_there((PIPEDRIVE, kind, int(source))):
                found[ref[2]] = int(source)
        return {ours: theirs for ours, theirs in found.items() if ours not in doubtful}

    def counterpart(self, ref: Ref) -> Ref | None:
        side, kind, number = ref
        pairs = self.pairs(kind)
        if side == CENTRE:
            return (PIPEDRIVE, kind, pairs[number]) if number in pairs else None
        return next(((CENTRE, kind, one) for one, other in pairs.items() if other == number), None)

    def _stated(self, kind: str, record: Mapping[str, Any]) -> int | None:
        value = record["custom_fields"].get(self.fields.get(kind, ""))
        return int(value) if value else None

    def stands(self, ref: Ref) -> Fields:
        """What stands in each field of a record, in a form that can be compared with the other side's."""
        fields: Fields = {("name", ""): self.name(ref)}
        if ref[1] == COMPANY:
            return fields
        for raw in self.lists(ref, "phones"):
            fields["phones", phone(raw)] = True
        for raw in self.lists(ref, "emails"):
            fields["emails", raw.lower()] = True
        fields["company", ""] = self.common_company(ref[0], self.company_of(ref))
        return fields

    def common_company(self, side: str, number: int | None) -> str:
        """A company by the organization it is; one without a pair by itself."""
        if number is None:
            return ""
        if side == PIPEDRIVE:
            return f"organization {number}"
        paired = self.pairs(COMPANY).get(number)
        return f"company {number}" if paired is None else f"organization {paired}"


def _lists(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"phone_number": list(values["phones"]), "email": list(values["emails"])}


def _card(card: Customer) -> object:
    return (
        card.name, card.surname, tuple(card.phones), tuple(card.emails), card.company_id, card.identifier,
        tuple(sorted(card.custom_fields.items(), key=str)),
    )  # fmt: skip


def event_changes(event: Event) -> str:
    after = event.after or {}
    before = event.before or {}
    changed = {key for key in after if after[key] != before.get(key)} - {"update_time"}
    return ", ".join(f"{key} {before.get(key)!r} -> {after[key]!r}" for key in sorted(changed))


def phone(raw: str) -> str:
    """A Polish number as both sides write it, in one form."""
    return "+48" + "".join(filter(str.isdigit, raw))[-9:]


def said(ref: Ref) -> str:
    """A record in words."""
    side, kind, number = ref
    return f"{_IN_PIPEDRIVE[kind] if side == PIPEDRIVE else kind} {number}"
