"""Which field of Pipedrive a row of the mapping means, and what it holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connector.contact_settings import CUSTOM, FieldMapping, Transform
from connector.pipedrive.records import Field


class Kind(StrEnum):
    """What a field holds; the texts of a link and an owner are ids, which the caller translates."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NAME = "name"
    PHONES = "phones"
    EMAILS = "emails"
    LINK = "link"
    OWNER = "owner"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    CHOICES = "choices"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of the mapping and the field of Pipedrive that it means.

    `code` is Pipedrive's own key, 40 hex digits for a custom field; `options` maps the id of each choice to its label;
    `company` says whether the row is one of companies and organizations.
    """

    rule: FieldMapping
    kind: Kind
    code: str
    options: Mapping[str, str]
    company: bool = False

    @property
    def key(self) -> str:
        """What the field is known by in a base; a custom field that was made anew is another one, whatever its name."""
        custom = self.rule.pipedrive.startswith(CUSTOM)
        return f"{self.rule.centre}={CUSTOM}{self.code}" if custom else self.rule.key


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a field is not carried, in a sentence for an admin; `field` is the key of its row."""

    field: str
    reason: str


_BUILT_IN = {
    "name": (Kind.NAME, "name"),
    "phones": (Kind.PHONES, "phones"),
    "emails": (Kind.EMAILS, "emails"),
    "organization": (Kind.LINK, "org_id"),
    "owner": (Kind.OWNER, "owner_id"),
    "website": (Kind.TEXT, "website"),
    "address": (Kind.LONG_TEXT, "address"),
}
#: Types of custom fields that are written, and what they hold.
WRITTEN = {
    "varchar": Kind.TEXT,
    "varchar_auto": Kind.TEXT,
    "text": Kind.LONG_TEXT,
    "double": Kind.NUMBER,
    "date": Kind.DATE,
    "enum": Kind.CHOICE,
    "set": Kind.CHOICES,
    "phone": Kind.PHONE,
}
#: Kinds whose values are choices of a list.
CHOSEN = frozenset({Kind.CHOICE, Kind.CHOICES})
#: Kinds whose values are ids, which mean something on one side only.
IDS = frozenset({Kind.LINK, Kind.OWNER})


def pair_up(
    rules: Sequence[FieldMapping], fields: Sequence[Field], *, company: bool
) -> tuple[list[Pair], list[Problem]]:
    """Find the field of Pipedrive that each row means; a row without one is a Problem, and the rest go on."""
    found = [_pair(rule, fields, company=company) for rule in rules]
    return [one for one in found if isinstance(one, Pair)], [one for one in found if isinstance(one, Problem)]


def _pair(rule: FieldMapping, fields: Sequence[Field], *, company: bool) -> Pair | Problem:
    name = rule.pipedrive.removeprefix(CUSTOM).strip()
    if rule.pipedrive in _BUILT_IN:
        kind, code = _BUILT_IN[rule.pipedrive]
        pair = Pair(rule, kind, code, {}, company)
    else:
        meant = meant_by(name, fields)
        if not meant:
            reason = f"Pipedrive has no custom field {name!r}, it may have been deleted or renamed; choose another or take the row out."
            return Problem(rule.key, reason)
        if len(meant) > 1:
            codes = ", ".join(f"{CUSTOM}{field.code}" for field in meant)
            return Problem(
                rule.key, f"Pipedrive has several custom fields {name!r}; write which one: {codes}."
            )
        if meant[0].type not in WRITTEN:
            reason = f"{name!r} is a field of the type {meant[0].type}, which is not written; choose one of {', '.join(WRITTEN)}."
            return Problem(rule.key, reason)
        pair = Pair(rule, WRITTEN[meant[0].type], meant[0].code, meant[0].options, company)
    if rule.transform is Transform.LABEL and pair.kind not in CHOSEN:
        return Problem(
            rule.key, f"{name!r} is no field with choices, so its values have no label; take 'label' out."
        )
    return pair


def meant_by(name: str, fields: Sequence[Field]) -> list[Field]:
    """The custom fields that a name or a code may mean."""
    custom = [field for field in fields if field.custom]
    if by_code := [field for field in custom if field.code == name]:
        return by_code
    return [field for field in custom if folded(field.name) == folded(name)]


def folded(text: str) -> str:
    """A name as it is compared: without case, white space collapsed."""
    return " ".join(text.split()).casefold()
