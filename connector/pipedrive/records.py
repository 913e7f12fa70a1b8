"""What we read of Pipedrive: ids are text, every datetime aware UTC, durations whole seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Tokens:
    """The credentials of one grant; a personal API token has no refresh token and no expiry.

    `api_domain` is the origin that the API answers at, such as `https://acme.pipedrive.com`.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    api_domain: str
    scopes: tuple[str, ...] = ()

    @property
    def personal(self) -> bool:
        """Whether this is a personal API token, which cannot be refreshed."""
        return self.refresh_token is None


@dataclass(frozen=True, slots=True)
class Me:
    """The user a token belongs to, and the company; `company_domain` is the bare sub-domain."""

    user_id: str
    name: str
    email: str
    company_id: str
    company_name: str
    company_domain: str
    locale: str
    timezone: str
    language: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class User:
    """A user of the company."""

    id: str
    name: str
    email: str
    active: bool
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class ActivityType:
    """A kind of activity; activities name it by `key`."""

    key: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity as Pipedrive holds it; `due` is midnight UTC where only a date is set (`timed` false)."""

    id: str
    subject: str
    type: str
    note: str
    owner_id: str | None
    creator_user_id: str | None
    person_id: str | None
    org_id: str | None
    deal_id: str | None
    due: datetime | None
    timed: bool
    duration_s: int | None
    done: bool
    add_time: datetime | None
    update_time: datetime | None
    is_deleted: bool
    lead_id: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenActivity:
    """What Pipedrive kept of an activity just written; `server_time` is the answer's own Date."""

    id: str
    subject: str
    note: str
    server_time: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One number or address of a person as typed; the primary one is what Pipedrive shows first."""

    value: str
    label: str = "work"
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A person; numbers and addresses in their own order. `custom_fields` is keyed by field code."""

    id: str
    name: str
    org_id: str | None
    owner_id: str | None
    phone_entries: tuple[Entry, ...]
    email_entries: tuple[Entry, ...]
    label_ids: tuple[str, ...]
    add_time: datetime | None
    update_time: datetime | None
    is_deleted: bool
    custom_fields: Mapping[str, object]

    @property
    def phones(self) -> tuple[str, ...]:
        """The numbers alone."""
        return tuple([entry.value for entry in self.phone_entries])

    @property
    def emails(self) -> tuple[str, ...]:
        """The addresses alone."""
        return tuple([entry.value for entry in self.email_entries])


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization; `address` is one text, empty where there is none."""

    id: str
    name: str
    owner_id: str | None
    website: str
    address: str
    label_ids: tuple[str, ...]
    add_time: datetime | None
    update_time: datetime | None
    is_deleted: bool
    custom_fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal; `status` is open, won, lost or deleted, `probability` a percentage, `visible_to` Pipedrive's own number."""

    id: str
    title: str
    person_id: str | None
    org_id: str | None
    owner_id: str | None
    status: str
    pipeline_id: str | None
    stage_id: str | None
    value: Decimal | None
    currency: str | None
    update_time: datetime | None
    is_deleted: bool
    is_archived: bool
    custom_fields: Mapping[str, object]
    add_time: datetime | None = None
    probability: Decimal | None = None
    visible_to: str | None = None
    creator_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline of deals."""

    id: str
    name: str
    order: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a pipeline."""

    id: str
    name: str
    pipeline_id: str
    order: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field of persons, organizations or deals; `options` maps the id of each choice to its label."""

    code: str
    name: str
    type: str
    custom: bool
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that Pipedrive sends; `object` and `action` may be `*`."""

    id: str
    url: str
    action: str
    object: str
    name: str
    user_id: str | None
    company_id: str | None
    active: bool
    last_status: int | None


@dataclass(frozen=True, slots=True)
class Uninstall:
    """Pipedrive's word that a user took the app away."""

    company_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class HookEvent:
    """What a Pipedrive webhook tells: something to read again, never the data itself.

    `previous_keys` are the fields an edit changed, custom fields by their code; empty when Pipedrive names none.
    `previous_phones` and `previous_emails` are what an edit replaced, None where it did not touch them; `update_time`
    is the record's own after it. These three only tell whether a write of ours went over a rival's.
    """

    id: str | None
    webhook_id: str | None
    company_id: str | None
    user_id: str | None
    entity: str
    action: str
    entity_id: str | None
    at: datetime | None
    merged_to: str | None
    merged_from: str | None
    previous_keys: frozenset[str]
    change_source: str | None
    previous_phones: tuple[str, ...] | None = None
    previous_emails: tuple[str, ...] | None = None
    update_time: datetime | None = None
