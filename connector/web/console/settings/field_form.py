"""The form of the mapping: what stands in it, what was typed, what is wrong with that, and the settings it means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from connector.contact_settings import (
    CENTRE_COMPANY,
    CENTRE_CUSTOMER,
    CUSTOM,
    PIPEDRIVE_ORGANIZATION,
    PIPEDRIVE_PERSON,
    CompanySync,
    Contacts,
    CustomerSync,
    FieldMapping,
    Scope,
    Way,
)
from connector.flows.contacts.checking_fields import Wrong, mistakes
from connector.flows.contacts.kinds import CUSTOMERS, Kind, sync_of
from connector.flows.contacts.known_fields import Known
from connector.flows.contacts.pairing import WRITTEN, folded, meant_by
from connector.flows.rules import People
from connector.i18n import Translate
from connector.phone import Phones
from connector.web.console.settings.field_words import field_words, refused, sentence

#: A special field of the contact centre that is not in the list: its name is typed.
OTHER = CUSTOM
_MOST_ROWS = 100
_LONGEST = 20_000
_WAYS = (Way.TO_PIPEDRIVE, Way.TO_CENTRE)
_LISTS = {Way.TO_PIPEDRIVE: ("types", "groups", "owners"), Way.TO_CENTRE: ("owners",)}
_ROW = re.compile(
    r"(centre|other|pipedrive|way|transform|default|values|create|conflict|removals|sure)_(\d{1,4})"
)
_OWN = re.compile(
    r"sync|brake|undo_days|latest|named|to_(pipedrive|centre)_(on|named|reachable|types|groups|owners|after|label_\d{1,9})"
)

Choice = tuple[str, str, bool]
Group = tuple[str, Sequence[Choice]]


@dataclass(slots=True)
class FieldForm:
    """`values` by the name of each control, the numbers of the rows in order, and errors by control."""

    kind: Kind
    values: dict[str, str] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """What stands in a control; empty where nothing does, or where a box is not ticked."""
        return self.values.get(name, "")

    def error(self, name: str) -> str:
        """What is wrong there."""
        return self.errors.get(name, "")

    def wrong_in(self, row: int, *parts: str) -> bool:
        """Whether something is wrong in these parts of a row."""
        return any(f"{part}_{row}" in self.errors for part in parts)

    def add_row(self) -> int:
        """Add an empty row; answers its number."""
        number = max(self.rows, default=-1) + 1
        if len(self.rows) < _MOST_ROWS:
            self.rows.append(number)
            self._put_row(number, FieldMapping(centre="external_id", pipedrive="name"))
            for part in ("centre", "pipedrive"):
                self.values[f"{part}_{number}"] = ""
        return number

    def _put_row(self, number: int, rule: FieldMapping) -> None:
        row = {
            "centre": rule.centre, "other": "", "pipedrive": rule.pipedrive, "way": rule.way,
            "transform": rule.transform or "", "default": rule.default or "",
            "values": "\n".join(f"{here} = {there}" for here, there in rule.values.items()),
            "create": "on" if rule.only_on_create else "", "conflict": rule.conflict,
            "removals": "on" if rule.removals else "",
        }  # fmt: skip
        self.values |= {f"{part}_{number}": value for part, value in row.items()}


def form_of_settings(contacts: Contacts, kind: Kind, zone: ZoneInfo, people: People) -> FieldForm:
    """The form as the settings fill it."""
    sync = sync_of(kind, contacts)
    form = FieldForm(kind)
    form.values = {
        "sync": "on" if contacts.sync == "on" else "", "brake": str(contacts.brake),
        "undo_days": str(contacts.undo_days), "latest": "5", "named": "",
    }  # fmt: skip
    emails = {user: email for email, user in people.users_by_email.items()}
    for way, scope in ((Way.TO_PIPEDRIVE, sync.to_pipedrive), (Way.TO_CENTRE, sync.to_centre)):
        form.values[f"{way}_on"] = "on" if scope is not None else ""
        shown = scope or Scope(reachable=kind is CUSTOMERS)
        form.values[f"{way}_named"] = "on" if shown.named else ""
        form.values[f"{way}_reachable"] = "on" if shown.reachable else ""
        form.values[f"{way}_after"] = (
            f"{shown.created_after.astimezone(zone):%Y-%m-%dT%H:%M}" if shown.created_after else ""
        )
        form.values |= {f"{way}_label_{one}": "on" for one in shown.labels}
        form.values[f"{way}_types"] = "\n".join(shown.types)
        form.values[f"{way}_groups"] = "\n".join(shown.groups)
        form.values[f"{way}_owners"] = "\n".join(emails.get(one, one) for one in shown.owners)
    for number, rule in enumerate(sync.fields):
        form.rows.append(number)
        form._put_row(number, rule)
    return form


def form_sent(sent: Mapping[str, object], kind: Kind) -> FieldForm:
    """The form as it was sent; what is no control of ours is left out."""
    form = FieldForm(kind)
    numbers = set()
    for name, value in sent.items():
        row = _ROW.fullmatch(name)
        if (row or _OWN.fullmatch(name)) and isinstance(value, str):
            form.values[name] = value[:_LONGEST].strip()
            if row:
                numbers.add(int(row[2]))
    form.rows = sorted(numbers)[:_MOST_ROWS]
    return form


def look_over(form: FieldForm, contacts: Contacts, known: Known, phones: Phones, _: Translate) -> None:
    """Say what has become wrong with rows since they were saved: a field that they name may be gone."""
    sync = sync_of(form.kind, contacts)
    _judge(form, sync, known, phones, [rule.centre for rule in sync.fields], _)


# what can be chosen


def centre_choices(form: FieldForm, row: int, known: Known, _: Translate) -> Sequence[Group]:
    """The contact centre's fields, this row's among them, by group."""
    own = CENTRE_CUSTOMER if form.kind is CUSTOMERS else CENTRE_COMPANY
    words = field_words(_)
    chosen = form.get(f"centre_{row}")
    special = [f"{CUSTOM}{name}" for name in known.centre or ()]
    if chosen.startswith(CUSTOM) and chosen != OTHER:
        name = folded(chosen.removeprefix(CUSTOM))
        special = [one for one in special if folded(one.removeprefix(CUSTOM)) != name] + [chosen]
    groups: list[Group] = [
        ("", [("", _("Choose a field"), False)]),
        (_("Fields"), [(name, words[name], False) for name in words if name in own]),
        (
            _("Special fields"),
            [
                *(
                    (one, one.removeprefix(CUSTOM).strip(), False)
                    for one in sorted(special, key=str.casefold)
                ),
                (OTHER, _("Another special field…"), False),
            ],
        ),
    ]
    return groups


def crm_choices(form: FieldForm, row: int, known: Known, _: Translate) -> Sequence[Group]:
    """Pipedrive's fields, this row's among them, by group; those that are not written cannot be chosen."""
    own = PIPEDRIVE_PERSON if form.kind is CUSTOMERS else PIPEDRIVE_ORGANIZATION
    words = field_words(_)
    chosen = form.get(f"pipedrive_{row}")
    fields = [one for one in known.pipedrive or () if one.custom]
    meant = meant_by(chosen.removeprefix(CUSTOM).strip(), fields) if chosen.startswith(CUSTOM) else []
    custom: list[Choice] = []
    for one in sorted(fields, key=lambda one: one.name.casefold()):
        twins = [other for other in fields if folded(other.name) == folded(one.name)]
        value = f"{CUSTOM}{one.name if len(twins) == 1 else one.code}"
        word = one.name if len(twins) == 1 else f"{one.name} ({one.code[:6]}…)"
        if meant == [one]:
            value = chosen
        if one.type not in WRITTEN:
            word = _("%(name)s (cannot be written)") % {"name": one.name}
        custom.append((value, word, one.type not in WRITTEN and meant != [one]))
    if chosen.startswith(CUSTOM) and len(meant) != 1:
        custom.append((chosen, _("%(name)s (not found)") % {"name": chosen.removeprefix(CUSTOM)}, False))
    return [
        ("", [("", _("Choose a field"), False)]),
        (_("Fields"), [(name, words[name], False) for name in words if name in own]),
        *([(_("Custom fields"), custom)] if custom else []),
    ]


def label_choices(form: FieldForm, known: Known) -> Sequence[tuple[str, str]]:
    """Pipedrive's labels of the kind, with those that are chosen although the list does not have them."""
    fields = [one for one in known.pipedrive or () if one.code == "label_ids"]
    listed = dict(fields[0].options) if fields else {}
    mark = f"{Way.TO_CENTRE}_label_"
    chosen = [
        name.removeprefix(mark) for name, value in form.values.items() if name.startswith(mark) and value
    ]
    return [*listed.items(), *((one, one) for one in chosen if one not in listed)]


# what it means


def read(
    form: FieldForm,
    contacts: Contacts,
    known: Known,
    phones: Phones,
    zone: ZoneInfo,
    people: People,
    _: Translate,
) -> Contacts | None:
    """The settings that the form means; None where something is wrong, which is then told at its control."""
    form.errors = {}
    rows = {number: _row(form, number, _) for number in form.rows}
    document: dict[str, object] = {
        "fields": list(rows.values()),
        **{str(way): _scope(form, way, zone, people, _) for way in _WAYS},
    }
    sync: CustomerSync | CompanySync | None = None
    try:
        sync = (CustomerSync if form.kind is CUSTOMERS else CompanySync).model_validate(document)
    except ValidationError as error:
        _tell(form, rows, error, _)
    if sync is not None:
        sure = [rule.centre for rule in sync_of(form.kind, contacts).fields]
        _judge(form, sync, known, phones, sure, _)
    update: dict[str, object] = {"customers" if form.kind is CUSTOMERS else "companies": sync}
    if form.kind is CUSTOMERS:
        update |= {
            "sync": "on" if form.get("sync") else "off",
            "brake": _whole(form, "brake", 1, None, _("Write a whole number of 1 or more."), contacts.brake),
            "undo_days": _whole(
                form, "undo_days", 1, 365, _("Write a whole number from 1 to 365."), contacts.undo_days
            ),
        }
    return None if form.errors or sync is None else contacts.model_copy(update=update)


def _row(form: FieldForm, number: int, _: Translate) -> dict[str, object]:
    def text(part: str) -> str:
        return form.get(f"{part}_{number}")

    centre, pipedrive = text("centre"), text("pipedrive")
    if centre == OTHER and text("other"):
        centre = CUSTOM + text("other")
    for part, chosen in (("centre", centre), ("pipedrive", pipedrive)):
        if chosen in ("", OTHER):
            told = _("Choose a field, or remove the row.")
            form.errors[f"{part}_{number}"] = told
    return {
        "centre": centre, "pipedrive": pipedrive, "way": text("way") or Way.BOTH, "transform": text("transform") or None,
        "default": text("default") or None, "values": _table(form, number, _), "only_on_create": bool(text("create")),
        "conflict": text("conflict"), "removals": bool(text("removals")),
    }  # fmt: skip


def _table(form: FieldForm, number: int, _: Translate) -> dict[str, str]:
    table: dict[str, str] = {}
    for line in form.get(f"values_{number}").splitlines():
        here, equals, there = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not equals or not here:
            form.errors[f"values_{number}"] = _(
                "“%(line)s” is no pair. Write one pair a line: the contact centre’s value = Pipedrive’s value."
            ) % {"line": line.strip()}
        elif here in table:
            form.errors[f"values_{number}"] = _("“%(name)s” stands in two lines. Keep one of them.") % {
                "name": here
            }
        else:
            table[here] = there
    return table


def _scope(
    form: FieldForm, way: Way, zone: ZoneInfo, people: People, _: Translate
) -> dict[str, object] | None:
    if not form.get(f"{way}_on"):
        return None
    lists = {
        name: [line.strip() for line in form.get(f"{way}_{name}").splitlines() if line.strip()]
        for name in _LISTS[way]
    }
    mark = f"{way}_label_"
    labels = [
        name.removeprefix(mark) for name, value in form.values.items() if name.startswith(mark) and value
    ]
    lists["owners"] = _owners(form, way, lists["owners"], people, _)
    return {
        **lists, "labels": labels, "named": bool(form.get(f"{way}_named")),
        "reachable": bool(form.get(f"{way}_reachable")), "created_after": _moment(form, f"{way}_after", zone, _),
    }  # fmt: skip


def _owners(form: FieldForm, way: Way, written: Sequence[str], people: People, _: Translate) -> list[str]:
    """Agents' logins or users' ids, each also known by e-mail address; who is nobody is told."""
    if way is Way.TO_PIPEDRIVE:
        known = {agent.id: agent.id for agent in people.agents.values()}
        by_email = {(agent.email or "").casefold(): agent.id for agent in people.agents.values()}
    else:
        known = {user: user for user in people.active_users}
        by_email = dict(people.users_by_email)
    found = []
    for one in written:
        owner = known.get(one) or by_email.get(one.casefold())
        if owner is None:
            form.errors[f"{way}_owners"] = (
                _("There is no agent “%(name)s”. Write a login or an email address of the contact centre.")
                if way is Way.TO_PIPEDRIVE
                else _("There is no active user “%(name)s” in Pipedrive. Write the user’s email address.")
            ) % {"name": one}
        else:
            found.append(owner)
    return list(dict.fromkeys(found))


def _moment(form: FieldForm, name: str, zone: ZoneInfo, _: Translate) -> str | None:
    if not (text := form.get(name)):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        form.errors[name] = _("Write a day and a time, such as 2026-11-01 00:00.")
        return None


def _whole(form: FieldForm, name: str, least: int, most: int | None, told: str, before: int) -> int:
    text = form.get(name)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if number < least or (most is not None and number > most):
        form.errors[name] = told
        return before
    return number


def _tell(
    form: FieldForm, rows: Mapping[int, Mapping[str, object]], error: ValidationError, _: Translate
) -> None:
    """Say what the document refuses, at the rows it is about."""
    numbers = list(rows)
    for one in error.errors():
        names = dict(one.get("ctx", {}))
        part, told = refused(one["type"], names, _)
        place = one["loc"]
        if len(place) > 1 and place[0] == "fields" and isinstance(place[1], int):
            own = str(place[2]) if len(place) > 2 else part
            about = [(numbers[place[1]], {"only_on_create": "create"}.get(own, own))]
        elif place and place[0] in _WAYS:
            form.errors.setdefault(f"{place[0]}_after", told)
            continue
        else:
            about = [(number, part) for number, row in rows.items() if _is_about(row, one["type"], names)]
        for number, control in about:
            form.errors.setdefault(f"{control}_{number}", told)


def _is_about(row: Mapping[str, object], kind: str, names: Mapping[str, object]) -> bool:
    side = str(names.get("side", ""))
    writes = row.get("way") in (Way.BOTH, f"to_{side}") or kind != "written_twice"
    return writes and row.get(side) == names.get("name")


def _judge(
    form: FieldForm,
    sync: CustomerSync | CompanySync,
    known: Known,
    phones: Phones,
    sure: Sequence[str],
    _: Translate,
) -> None:
    """Say what the two systems' own fields tell; who saved a special field before, or says so, is `sure` of it."""
    said = [
        form.get(f"{part}_{row}")
        for row in form.rows
        for part in ("centre", "other")
        if form.get(f"sure_{row}")
    ]
    found = mistakes(
        sync.fields, known, phones, company=form.kind is not CUSTOMERS,
        sure=[one.removeprefix(CUSTOM).strip() for one in (*sure, *said)],
    )  # fmt: skip
    for one in found:
        number = form.rows[one.row]
        form.errors.setdefault(f"{one.part}_{number}", sentence(one, _))
        if one.wrong is Wrong.NOT_IN_CENTRE:
            form.values.setdefault(f"sure_{number}", "")
