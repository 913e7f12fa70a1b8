"""Pipedrive's JSON to records and drafts to JSON: pure, lenient when reading, exact when writing.

v2 rows name ids as plain integers and write RFC 3339; v1 rows write `YYYY-MM-DD HH:MM:SS` in UTC. Every property but
the id may be null, missing or of another type, whatever the vendor's files say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.errors import Rejected
from connector.pipedrive.records import (
    Activity,
    ActivityType,
    Deal,
    Entry,
    Field,
    Me,
    Organization,
    Person,
    Pipeline,
    Stage,
    User,
    Webhook,
)
from connector.records import ActivityDraft

JsonObject = dict[str, Any]

LONGEST_DURATION_MIN = 23 * 60 + 59


def activity_body(draft: ActivityDraft) -> JsonObject:
    """The body of `POST /api/v2/activities`; the person goes in as the primary participant, as v2 demands."""
    body: JsonObject = {
        "subject": draft.subject,
        "type": draft.type,
        "owner_id": number(draft.owner_id),
        "note": draft.note,
        "done": draft.done,
        "busy": False,
        **_due(draft),
    }
    if draft.person_id is not None:
        body["participants"] = [{"person_id": number(draft.person_id), "primary": True}]
    if draft.org_id is not None:
        body["org_id"] = number(draft.org_id)
    if draft.deal_id is not None:
        body["deal_id"] = number(draft.deal_id)
    elif draft.lead_id is not None:
        # Pipedrive takes one of the two.
        body["lead_id"] = draft.lead_id
    return body


def entries_body(entries: Sequence[Entry]) -> list[JsonObject]:
    """Numbers or addresses as a person's `phones` or `emails`: the whole list, as Pipedrive replaces it.

    At most one may be primary: the first that claims it, else Pipedrive takes the first of all.
    """
    primary = next((entry for entry in entries if entry.primary), None)
    return [
        {"value": entry.value, "label": entry.label or "work", "primary": entry is primary}
        for entry in entries
    ]


def values(rows: object) -> tuple[str, ...] | None:
    """Numbers or addresses of a webhook, texts or small objects; None where there is no list."""
    if not isinstance(rows, list):
        return None
    plain = [row.get("value") if isinstance(row, dict) else row for row in rows]
    return tuple([str(value) for value in plain if _is_value(value)])


def _due(draft: ActivityDraft) -> JsonObject:
    due = draft.due.astimezone(UTC).isoformat(timespec="minutes")
    fields = {"due_date": due[:10]}
    if not draft.timed:
        return fields
    fields["due_time"] = due[11:16]
    if draft.duration_s is not None and draft.duration_s > 0:
        # Started minutes count, so that no call shows as 00:00.
        minutes = min(-(-draft.duration_s // 60), LONGEST_DURATION_MIN)
        fields["duration"] = f"{minutes // 60:02}:{minutes % 60:02}"
    return fields


def number(record_id: str) -> int:
    """An id as Pipedrive's JSON wants it; Rejected when it cannot be one of theirs."""
    if not (record_id.isascii() and record_id.isdigit()):
        raise Rejected(f"{record_id!r} is not a Pipedrive id")
    return int(record_id)


def amount(value: Decimal) -> int | float:
    """Money as the number that Pipedrive's JSON wants."""
    return int(value) if value == value.to_integral_value() else float(value)


def written(row: JsonObject) -> tuple[str, str, str]:
    """Id, subject and note of an activity just written."""
    return str(int(row["id"])), _text(row.get("subject")), _text(row.get("note"))


def activity(row: JsonObject) -> Activity:
    """A row of `/api/v2/activities`."""
    date, at = row.get("due_date"), row.get("due_time")
    return Activity(
        id=str(int(row["id"])),
        subject=_text(row.get("subject")),
        type=_text(row.get("type")),
        note=_text(row.get("note")),
        owner_id=_id(row.get("owner_id")),
        creator_user_id=_id(row.get("creator_user_id")),
        person_id=_id(row.get("person_id")) or _primary(row.get("participants")),
        org_id=_id(row.get("org_id")),
        deal_id=_id(row.get("deal_id")),
        due=moment(f"{date}T{at}" if at else date) if date else None,
        timed=bool(at),
        duration_s=_seconds(row.get("duration")),
        done=row.get("done") is True,
        add_time=moment(row.get("add_time")),
        update_time=moment(row.get("update_time")),
        is_deleted=row.get("is_deleted") is True,
        lead_id=_text(row.get("lead_id")) or None,
    )


def person(row: JsonObject) -> Person:
    """A row of `/api/v2/persons`."""
    return Person(
        id=str(int(row["id"])),
        name=_text(row.get("name")),
        org_id=_id(row.get("org_id")),
        owner_id=_id(row.get("owner_id")),
        phone_entries=_entries(row.get("phones")),
        email_entries=_entries(row.get("emails")),
        label_ids=_ids(row.get("label_ids")),
        add_time=moment(row.get("add_time")),
        update_time=moment(row.get("update_time")),
        is_deleted=row.get("is_deleted") is True,
        custom_fields=row.get("custom_fields") or {},
    )


def organization(row: JsonObject) -> Organization:
    """A row of `/api/v2/organizations`."""
    return Organization(
        id=str(int(row["id"])),
        name=_text(row.get("name")),
        owner_id=_id(row.get("owner_id")),
        website=_text(row.get("website")),
        address=_address(row.get("address")),
        label_ids=_ids(row.get("label_ids")),
        add_time=moment(row.get("add_time")),
        update_time=moment(row.get("update_time")),
        is_deleted=row.get("is_deleted") is True,
        custom_fields=row.get("custom_fields") or {},
    )


def deal(row: JsonObject) -> Deal:
    """A row of `/api/v2/deals`."""
    return Deal(
        id=str(int(row["id"])),
        title=_text(row.get("title")),
        person_id=_id(row.get("person_id")),
        org_id=_id(row.get("org_id")),
        owner_id=_id(row.get("owner_id")),
        status=_text(row.get("status")),
        pipeline_id=_id(row.get("pipeline_id")),
        stage_id=_id(row.get("stage_id")),
        value=_money(row.get("value")),
        currency=_text(row.get("currency")) or None,
        update_time=moment(row.get("update_time")),
        is_deleted=row.get("is_deleted") is True,
        is_archived=row.get("is_archived") is True,
        custom_fields=row.get("custom_fields") or {},
        add_time=moment(row.get("add_time")),
        probability=_money(row.get("probability")),
        visible_to=_id(row.get("visible_to")),
        creator_user_id=_id(row.get("creator_user_id")),
    )


def pipeline(row: JsonObject) -> Pipeline:
    """A row of `/api/v2/pipelines`."""
    return Pipeline(
        str(int(row["id"])), _text(row.get("name")), row.get("order_nr") or 0, row.get("is_deleted") is True
    )


def stage(row: JsonObject) -> Stage:
    """A row of `/api/v2/stages`."""
    return Stage(
        id=str(int(row["id"])),
        name=_text(row.get("name")),
        pipeline_id=str(int(row["pipeline_id"])),
        order=row.get("order_nr") or 0,
        is_deleted=row.get("is_deleted") is True,
    )


def field(row: JsonObject) -> Field:
    """A row of `/api/v2/personFields` and its sisters."""
    options = row.get("options") or ()
    return Field(
        code=str(row["field_code"]),
        name=row.get("field_name") or "",
        type=row.get("field_type") or "",
        custom=row.get("is_custom_field") is True,
        options={str(option["id"]): option.get("label") or "" for option in options},
    )


def me(row: JsonObject) -> Me:
    """The answer of `/v1/users/me`."""
    language = row.get("language")
    return Me(
        user_id=str(int(row["id"])),
        name=_text(row.get("name")),
        email=_text(row.get("email")),
        company_id=str(int(row["company_id"])),
        company_name=row.get("company_name") or "",
        company_domain=row.get("company_domain") or "",
        locale=row.get("locale") or "",
        timezone=_text(row.get("timezone_name")),
        language=_text(language.get("language_code")) if isinstance(language, dict) else "",
        is_admin=_is_admin(row),
    )


def user(row: JsonObject) -> User:
    """A row of `/v1/users`."""
    return User(
        id=str(int(row["id"])),
        name=_text(row.get("name")),
        email=_text(row.get("email")),
        active=bool(row.get("active_flag", True)) and not row.get("is_deleted"),
        is_admin=_is_admin(row),
    )


def activity_type(row: JsonObject) -> ActivityType:
    """A row of `/v1/activityTypes`."""
    return ActivityType(
        key=str(row["key_string"]), name=_text(row.get("name")), active=bool(row.get("active_flag", True))
    )


def webhook(row: JsonObject) -> Webhook:
    """A row of `/v1/webhooks`; `is_active` comes as 0 or 1."""
    status = row.get("last_http_status")
    return Webhook(
        id=str(int(row["id"])),
        url=row.get("subscription_url") or "",
        action=row.get("event_action") or "",
        object=row.get("event_object") or "",
        name=_text(row.get("name")),
        user_id=_id(row.get("user_id")),
        company_id=_id(row.get("company_id")),
        active=bool(row.get("is_active", 1)),
        last_status=int(status) if status is not None else None,
    )


def moment(value: object) -> datetime | None:
    """A date or time of either version as aware UTC; None for what is no time at all."""
    if not isinstance(value, str) or not value:
        return None
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is UTC:
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp(at: datetime) -> str:
    """A time for a query: RFC 3339 in whole seconds, as fractions are refused."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _id(value: object) -> str | None:
    """An id, whether plain or wrapped in the object that v1 puts around some."""
    if isinstance(value, dict):
        value = value.get("value", value.get("id"))
    return str(value) if value else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _primary(participants: object) -> str | None:
    rows = [row for row in _rows(participants) if isinstance(row, dict)]
    return next((_id(row.get("person_id")) for row in rows if row.get("primary")), None)


def _entries(rows: object) -> tuple[Entry, ...]:
    return tuple(
        [
            Entry(str(row["value"]), _text(row.get("label")), row.get("primary") is True)
            for row in _rows(rows)
            if isinstance(row, dict) and _is_value(row.get("value"))
        ]
    )


def _is_value(value: object) -> bool:
    """Whether there is a number or address; a number may have come without quotation marks."""
    return bool(value) and type(value) in {str, int}


def _ids(values: object) -> tuple[str, ...]:
    return tuple([str(value) for value in _rows(values) if _is_value(value)])


def _address(value: object) -> str:
    """The address in one text, whether alone or with its parts."""
    return _text(value.get("value") if isinstance(value, dict) else value)


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _seconds(value: object) -> int | None:
    """`HH:MM` or `HH:MM:SS` in seconds."""
    if not isinstance(value, str) or not value:
        return None
    try:
        hours, minutes, *seconds = (int(part) for part in value.split(":"))
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + (seconds[0] if seconds else 0)


def _money(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _is_admin(row: JsonObject) -> bool:
    access = _rows(row.get("access"))
    if not access:
        return bool(row.get("is_admin"))
    return any(part.get("app") == "global" and part.get("admin") for part in access if isinstance(part, dict))
