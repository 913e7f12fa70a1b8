"""What an admin sets about customers and companies: which take part, and which field is which on the other side.

A part of the installation's document, `installation_settings.py`; docs/settings.md describes it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Way(StrEnum):
    """Where a field's values go."""

    BOTH = "both"
    TO_PIPEDRIVE = "to_pipedrive"
    TO_CENTRE = "to_centre"


class Policy(StrEnum):
    """What happens where both sides changed a field differently, or differ when they first meet."""

    PIPEDRIVE = "pipedrive"
    CENTRE = "centre"
    NEWEST = "newest"
    FILL_EMPTY = "fill_empty"
    UNION = "union"
    ASK = "ask"


class Transform(StrEnum):
    """How a value is written down on the other side; without one the kinds of the two fields decide."""

    UPPER = "upper"
    LOWER = "lower"
    CAPITALISE = "capitalise"
    TRIM = "trim"
    E164 = "e164"
    DATE = "date"
    NUMBER = "number"
    LABEL = "label"
    CONSTANT = "constant"


#: Phones and e-mails: kept as sets, whose elements come and go one by one.
SETS = frozenset({"phones", "emails"})
CUSTOM = "custom:"

#: Fields that every contact centre and Pipedrive have; all others are written `custom:NAME`.
CENTRE_CUSTOMER = frozenset({"name", "phones", "emails", "company", "external_id", "type", "group", "owner"})
CENTRE_COMPANY = frozenset({"name", "phones", "emails", "tax_id", "type", "group", "owner"})
PIPEDRIVE_PERSON = frozenset({"name", "phones", "emails", "organization", "owner"})
PIPEDRIVE_ORGANIZATION = frozenset({"name", "website", "address", "owner"})


class FieldMapping(_Part):
    """One field of the contact centre and the field of Pipedrive that holds the same.

    `values` is a value table, contact centre to Pipedrive; `default` stands for an empty value, and is the value of a
    constant. `removals` false keeps phones and e-mails that the other side took away.
    """

    centre: str
    pipedrive: str
    way: Way = Way.BOTH
    transform: Transform | None = None
    default: str | None = None
    values: dict[str, str] = {}
    only_on_create: bool = False
    conflict: Policy = Policy.PIPEDRIVE
    removals: bool = True

    @property
    def key(self) -> str:
        """What the pair of fields is known by."""
        return f"{self.centre}={self.pipedrive}"

    @property
    def is_set(self) -> bool:
        """Whether the field holds several values that come and go one by one."""
        return self.centre in SETS and self.pipedrive in SETS

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = {"centre": self.centre, "pipedrive": self.pipedrive, "row": self.key}
        if (self.centre in SETS) != (self.pipedrive in SETS) or (
            self.is_set and self.centre != self.pipedrive
        ):
            raise PydanticCustomError(
                "lists_apart",
                "{centre} cannot be kept in {pipedrive}: phones go with phones, emails with emails",
                names,
            )
        if (self.centre == "company") != (self.pipedrive == "organization"):
            raise PydanticCustomError(
                "company_apart", "company goes with organization, and with nothing else", names
            )
        if self.conflict is Policy.UNION and not self.is_set:
            raise PydanticCustomError(
                "union_of_one", "union is for phones and emails; {centre} holds one value", names
            )
        if self.transform is Transform.CONSTANT and not self.default:
            raise PydanticCustomError("constant_empty", "{row}: a constant is written as its default", names)
        if self.transform is Transform.CONSTANT and self.way is Way.BOTH:
            raise PydanticCustomError(
                "constant_both_ways",
                "{row}: a constant goes one way; say to_pipedrive or to_centre",
                names,
            )
        return self


def _aware(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise PydanticCustomError("no_zone", "created_after needs a zone, as in 2026-11-01T00:00+01:00")
    return value.astimezone(UTC) if value else None


class Scope(_Part):
    """Which records take part in one direction; an empty list asks nothing of them.

    `types` and `groups` are those of the contact centre, `labels` (ids) those of Pipedrive, `owners` agents or users.
    `created_after` counts only where the time of creation is known.
    """

    types: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    named: bool = True
    reachable: bool = True
    created_after: Annotated[datetime | None, AfterValidator(_aware)] = None


def _no_double(fields: tuple[FieldMapping, ...]) -> tuple[FieldMapping, ...]:
    for side in ("centre", "pipedrive"):
        # Several rows may read one field, but two that write it would fight for ever.
        written = [getattr(field, side) for field in fields if field.way in (Way.BOTH, Way(f"to_{side}"))]
        for name in written:
            if written.count(name) > 1:
                raise PydanticCustomError(
                    "written_twice",
                    "two rows write '{name}'; one of them would undo the other",
                    {"side": side, "name": name},
                )
    return fields


def _known(fields: tuple[FieldMapping, ...], centre: frozenset[str], pipedrive: frozenset[str]) -> None:
    for field in fields:
        for side, name, known in (
            ("centre", field.centre, centre),
            ("pipedrive", field.pipedrive, pipedrive),
        ):
            if name not in known and not (name.startswith(CUSTOM) and name.removeprefix(CUSTOM).strip()):
                raise PydanticCustomError(
                    "no_field",
                    "'{name}' is no field; write one of {known} or custom:NAME",
                    {"side": side, "name": name, "known": ", ".join(sorted(known))},
                )


class CustomerSync(_Part):
    """Customers and persons; a direction of null writes nothing there."""

    to_pipedrive: Scope | None = Scope()
    to_centre: Scope | None = Scope()
    fields: Annotated[tuple[FieldMapping, ...], AfterValidator(_no_double)] = (
        FieldMapping(centre="name", pipedrive="name"),
        FieldMapping(centre="phones", pipedrive="phones", conflict=Policy.UNION),
        FieldMapping(centre="emails", pipedrive="emails", conflict=Policy.UNION),
        FieldMapping(centre="company", pipedrive="organization"),
    )

    @model_validator(mode="after")
    def _names(self) -> Self:
        _known(self.fields, CENTRE_CUSTOMER, PIPEDRIVE_PERSON)
        return self


class CompanySync(_Part):
    """Companies and organizations; organizations have no numbers of their own."""

    to_pipedrive: Scope | None = Scope(reachable=False)
    to_centre: Scope | None = Scope(reachable=False)
    fields: Annotated[tuple[FieldMapping, ...], AfterValidator(_no_double)] = (
        FieldMapping(centre="name", pipedrive="name"),
    )

    @model_validator(mode="after")
    def _names(self) -> Self:
        _known(self.fields, CENTRE_COMPANY, PIPEDRIVE_ORGANIZATION)
        return self


class Contacts(_Part):
    """Keeping customers and companies the same on both sides; off until an admin switches it on."""

    sync: Literal["on", "off"] = "off"
    customers: CustomerSync = CustomerSync()
    companies: CompanySync = CompanySync()
    brake: int = Field(200, ge=1)
    undo_days: int = Field(30, ge=1, le=365)
