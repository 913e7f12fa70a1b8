"""What an admin sets for one installation: a single validated, versioned document; docs/settings.md describes it.

The shipped defaults run without any document. Empty activity types mean "not synchronised".
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from yarl import URL

from connector.contact_settings import Contacts
from connector.phone import normalise_email, prefix_of
from connector.records import CallResult, Direction, QueueKind


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# Walks the whole zone database, and a document is read each time its installation is looked at.
known_zones = cache(available_timezones)


def _known_zone(value: str) -> str:
    if value not in known_zones():
        raise ValueError(f"{value!r} is no time zone; write one such as Europe/Warsaw")
    return value


def _known_region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{value!r} is no region; write two capital letters such as PL")
    return value


def _with_id(value: str | None) -> str | None:
    if value is not None and ("{id}" not in value or not value.startswith(("https://", "http://"))):
        raise ValueError("a link template is a web address that contains {id}")
    return value


def _lower_case(types: dict[str, str | None]) -> dict[str, str | None]:
    return {source.lower(): kind for source, kind in types.items()}


LinkTemplate = Annotated[str | None, AfterValidator(_with_id)]


class CallCase(_Part):
    """The activity type of one kind of call; a `type` of null leaves those calls out."""

    direction: Direction
    result: CallResult
    type: str | None


class CallRules(_Part):
    """Which calls become activities, and of which type."""

    type: str | None = "call"
    cases: tuple[CallCase, ...] = ()
    minimum_seconds: int = Field(0, ge=0)
    abandoned_as_to_do: bool = False
    leave_out_internal: bool = False


def _beginning(value: str) -> str:
    if prefix_of(value) is None:
        raise ValueError(f"{value!r} is no beginning of international numbers; write one such as +48 70")
    return value.strip()


class Dialling(_Part):
    """Which numbers agents may have dialled by a click; never those of emergency services.

    `premium` are paid and shared-cost numbers and satellites, `internal` those of five digits and fewer; `refused` are beginnings.
    """

    premium: bool = False
    internal: bool = False
    refused: tuple[Annotated[str, AfterValidator(_beginning)], ...] = Field(("+48 70",), max_length=50)


class ChatRules(_Part):
    """Which chats become activities, and of which type."""

    type: str | None = "task"


class MessageRules(_Part):
    """Which ticket messages become activities: a type for each source of a ticket; sources not named are left out."""

    types: Annotated[dict[str, str | None], AfterValidator(_lower_case)] = {"email": "email"}


class QueueRule(_Part):
    """The activity type of all that comes through one queue or campaign; a `type` of null leaves it out.

    Without a `connection` it is that queue of whichever contact centre. Calls may know a campaign by its `name`.
    """

    kind: QueueKind
    queue: str = Field(min_length=1)
    type: str | None
    connection: str | None = None
    name: str = ""


class Links(_Part):
    """Addresses of records in the contact centre with `{id}` in them; without one no link is written."""

    customer: LinkTemplate = None
    ticket: LinkTemplate = None
    call: LinkTemplate = None
    chat: LinkTemplate = None


class Deals(_Part):
    """Deals that agents open, and which of a customer's deals they see.

    `pipeline` and `stage` (ids) are offered first. `visible` agent: those that are theirs or open to the whole company.
    `mirror_group` is the group of special fields that shows a customer's deals on the card, read-only.
    """

    pipeline: str | None = None
    stage: str | None = None
    visible: Literal["agent", "all"] = "agent"
    mirror_group: str | None = None


class SpecialFields(_Part):
    """Fields that tie the two systems together; empty until set up."""

    person_centre_id: str | None = None
    person_centre_link: str | None = None
    organization_centre_id: str | None = None
    organization_centre_link: str | None = None
    deal_marker: str | None = None
    customer_pipedrive_id: str | None = None
    customer_pipedrive_link: str | None = None
    customer_deals_page: str | None = None
    ticket_deals_page: str | None = None
    ticket_deal_link: str | None = None


class AlertKind(StrEnum):
    """What people are told of when it begins and when it is over."""

    ACCESS = "access"
    RIGHTS = "rights"
    HOOKS = "hooks"
    CENTRE = "centre"
    QUEUE = "queue"
    BUDGET = "budget"
    SELF_TEST = "self_test"


def _address(value: str) -> str:
    if (address := normalise_email(value)) is None:
        raise ValueError(f"{value!r} is no e-mail address")
    return address


def _receiver(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        url = URL(value)
    except ValueError:
        url = URL()
    if url.scheme not in ("https", "http") or not url.host or url.user or url.password or len(value) > 500:
        raise ValueError("the receiver of alerts is a web address such as https://example.com/alerts")
    return value


class Alerts(_Part):
    """Who is told of which trouble; events that are due longer than `queue_minutes` are one."""

    emails: tuple[Annotated[str, AfterValidator(_address)], ...] = Field((), max_length=10)
    webhook: Annotated[str | None, AfterValidator(_receiver)] = None
    kinds: tuple[AlertKind, ...] = tuple(AlertKind)
    queue_minutes: int = Field(120, ge=10, le=10_080)


class InstallationSettings(_Part):
    """Everything an admin can set, with the defaults the product ships with."""

    version: Literal[1] = 1
    switched_on: bool = True
    language: Literal["en", "pl"] = "en"
    zone: Annotated[str, AfterValidator(_known_zone)] = "Europe/Warsaw"
    phone_region: Annotated[str, AfterValidator(_known_region)] = "PL"
    dial_out_prefix: str = Field("", pattern=r"^[0-9*#]{0,6}$")
    calls: CallRules = CallRules()
    dialling: Dialling = Dialling()
    chats: ChatRules = ChatRules()
    messages: MessageRules = MessageRules()
    queues: tuple[QueueRule, ...] = ()
    deal_rule: Literal["one_open", "none"] = "one_open"
    fallback_owner: str | None = None
    agent_users: dict[str, str] = {}
    ignored_numbers: tuple[str, ...] = ()
    live: bool = False
    payload_days: int = Field(30, ge=1, le=365)
    contacts: Contacts = Contacts()
    deals: Deals = Deals()
    links: Links = Links()
    special_fields: SpecialFields = SpecialFields()
    alerts: Alerts = Alerts()

    @property
    def tz(self) -> ZoneInfo:
        """The contact centre's time zone."""
        return ZoneInfo(self.zone)
