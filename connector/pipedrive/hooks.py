"""Pipedrive's webhooks: who sent them and what they hint at. Their data is not the API's and is never used.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from connector.errors import Forged, Rejected
from connector.pipedrive import wire
from connector.pipedrive.mapping import moment, values
from connector.pipedrive.records import HookEvent


def authentic(header: str | None, user: str, password: str) -> bool:
    """Whether an Authorization header proves the sender, in constant time; Pipedrive signs nothing."""
    return wire.is_basic(header, user, password)


def read_hook(headers: Mapping[str, str], body: bytes, *, user: str, password: str) -> HookEvent:
    """Check the sender and read the event: Forged if it is not Pipedrive, Rejected if nobody can read it."""
    if not authentic(headers.get("Authorization"), user, password):
        raise Forged("The webhook does not carry the credentials it was made with")
    return parse_hook(body)


def parse_hook(body: bytes) -> HookEvent:
    """Read a stored event; numbers and texts, dates and epochs are taken alike, unknown entities too."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Rejected("The webhook is not JSON") from error
    meta = message.get("meta") if isinstance(message, dict) else None
    if not isinstance(meta, dict):
        raise Rejected("The webhook has no meta part")
    data, previous = (_record(message.get(key)) for key in ("data", "previous"))
    return HookEvent(
        id=_text(meta.get("id")),
        webhook_id=_text(meta.get("webhook_id")),
        company_id=_text(meta.get("company_id")),
        user_id=_text(meta.get("user_id")),
        entity=_text(meta.get("entity")) or "",
        action=_text(meta.get("action")) or "",
        entity_id=_text(meta.get("entity_id")) or _text(data.get("id")) or _text(previous.get("id")),
        at=_moment(meta.get("timestamp")),
        merged_to=_text(meta.get("merged_to_id")),
        merged_from=_text(meta.get("merged_from_id")),
        previous_keys=_keys(previous),
        change_source=_text(meta.get("change_source")),
        previous_phones=values(previous.get("phones")),
        previous_emails=values(previous.get("emails")),
        update_time=moment(data.get("update_time")),
    )


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def _record(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _moment(value: object) -> datetime | None:
    """A date, or an epoch in seconds or milliseconds as number or text."""
    try:
        epoch = float(value) if isinstance(value, str | int | float) else None
        if epoch is not None:
            return datetime.fromtimestamp(epoch / 1000 if epoch > 1e11 else epoch, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return moment(value)


def _keys(previous: Mapping[str, object]) -> frozenset[str]:
    custom = previous.get("custom_fields")
    return (
        frozenset((*previous, *custom)) - {"custom_fields"}
        if isinstance(custom, dict)
        else frozenset(previous)
    )
