"""What an answer of Pipedrive means, decided from status, headers and body alone: no I/O here.

https://pipedrive.readme.io/docs/core-api-concepts-http-status-codes
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import orjson

from connector.errors import (
    AccountClosed,
    Blocked,
    BudgetSpent,
    ConnectorError,
    Forbidden,
    Misconfigured,
    NotFound,
    PlanLimit,
    Rejected,
    Throttled,
    Unauthorised,
    UnknownField,
    UnknownOutcome,
    Unreachable,
)
from connector.text import without_words_of

# A write answered with one of these did not happen. 408 and 425 are left out: a proxy may say them of a request
# that arrived.
REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 422, 429, 431})

# What the vendor says of a custom field that is gone, or that never was one of this company's.
_NOT_ALLOWED = re.compile(r"Parameter '(?:custom_fields\.)?([0-9a-f]{40})' is not allowed")

EDGE_PAUSE = 1800.0
CLOSED_PAUSE = 1800.0
BURST_PAUSE = 2.0
DAILY_PAUSE = 900.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer: `data`, the rest of the envelope and the answer's Date header, unread."""

    data: Any
    additional: Any
    date: str | None

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page, where there is one."""
        cursor = self.additional.get("next_cursor") if isinstance(self.additional, dict) else None
        return str(cursor) if cursor else None


def decipher(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str,
    scopes: Sequence[str] = (),
    sent: bytes | None = None,
) -> Reply:
    """Read an answer, or raise what it means for a request of `method` that one of `scopes` would allow.

    What an error says of the JSON that was `sent` is kept and logged in clear: words from there are left out.
    """
    document = _document(body)
    if 200 <= status < 300 and document is not None and document.get("success") is not False:
        return Reply(document.get("data"), document.get("additional_data"), headers.get("Date"))
    if status not in REFUSALS:
        raise no_answer(method, f"Pipedrive answered {status} without a readable result", _wait(headers))
    if status == 429:
        raise _too_many(headers, document)
    if status == 403 and document is None:
        raise Blocked("Pipedrive's edge refuses us with a web page", after=EDGE_PAUSE)
    raise _refusal(status, document or {}, scopes, sent)


def no_answer(method: str, message: str, after: float | None = None) -> ConnectorError:
    """The error for a request that may or may not have arrived: reads are repeated, writes looked for."""
    return Unreachable(message, after=after) if method == "GET" else UnknownOutcome(message)


def decipher_token(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Read an answer of the token endpoint; all its errors are 400, told apart by their text alone.

    https://pipedrive.readme.io/docs/marketplace-oauth-api-proxy-status-codes
    """
    document = _document(body)
    if 200 <= status < 300:
        if document is None or not document.get("access_token"):
            raise Unreachable("Pipedrive answered without a token")
        return document
    if status not in REFUSALS:
        raise Unreachable(f"Pipedrive's token endpoint answered {status}", after=_wait(headers))
    if status == 429:
        raise _too_many(headers, document)
    words = " ".join(body.decode("utf-8", "replace").lower().replace("_", " ").split())
    # "invalid client" first: it is our own fault, and no tenant's tokens may be given up for it.
    if "invalid client" in words:
        raise Misconfigured("Pipedrive does not accept the app's client id and secret")
    if "invalid grant" in words:
        raise Unauthorised("Pipedrive no longer accepts this grant: connect Pipedrive again")
    if status == 403 and document is None:
        raise Blocked("Pipedrive's edge refuses us with a web page", after=EDGE_PAUSE)
    raise Misconfigured(f"Pipedrive's token endpoint refused ({status}): {words[:200]}")


@lru_cache(maxsize=16)  # all answers of a second share one
def http_date(value: str | None) -> datetime | None:
    """Read a Date header; None where it is missing or unreadable."""
    try:
        moment = parsedate_to_datetime(value) if value else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def is_basic(header: str | None, user: str, password: str) -> bool:
    """Whether an Authorization header is Basic with exactly these credentials, in constant time."""
    scheme, _, sent = (header or "").partition(" ")
    try:
        credentials = base64.b64decode(sent.strip(), validate=True)
    except (binascii.Error, ValueError):
        credentials = b""
    same = hmac.compare_digest(credentials, f"{user}:{password}".encode())
    return same and scheme.lower() == "basic"


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(
    status: int, document: dict[str, Any], scopes: Sequence[str], sent: bytes | None
) -> ConnectorError:
    message = _message(document)
    code = str(document.get("code") or document.get("errorCode") or "") or None
    said = f"Pipedrive answered {status}: {without_words_of(_document(sent or b''), message) or 'no reason given'}"
    if status == 401:
        return Unauthorised("Pipedrive does not accept the access token")
    if status == 402:
        return AccountClosed(after=CLOSED_PAUSE)
    if status == 403:
        # The code of a limit has been seen in more than one place of the answer.
        capped = b"feature_capping" in orjson.dumps(document).lower()
        return PlanLimit(said, status=403, code=code) if capped else _forbidden(said, message, code, scopes)
    if status in (404, 410):
        return NotFound(said, status=status, code=code)
    if status == 400 and (unknown := _NOT_ALLOWED.search(message)):
        return UnknownField(said, field=unknown[1], code=code)
    return Rejected(said, status=status, code=code)


def _forbidden(said: str, message: str, code: str | None, scopes: Sequence[str]) -> Forbidden | PlanLimit:
    words = f"{code} {message}".lower()
    if "scope" in words and "mismatch" in words:
        return Forbidden(f"The app lacks a scope: {' or '.join(scopes) or 'unknown'}", status=403, code=code)
    if "limit" in words:
        return PlanLimit(said, status=403, code=code)
    return Forbidden(said, status=403, code=code)


def _message(document: dict[str, Any]) -> str:
    parts = [document.get(key) for key in ("error", "error_info", "message")]
    errors = document.get("errors")
    if errors:
        parts.append(orjson.dumps(errors).decode())
    return "; ".join(
        part if isinstance(part, str) else orjson.dumps(part).decode() for part in parts if part
    )[:500]


def _too_many(headers: Mapping[str, str], document: dict[str, Any] | None) -> Throttled | BudgetSpent:
    """Tell the burst limit from the day's: with burst requests left, it is the day's budget that is spent."""
    wait = _wait(headers)
    remaining = _number(headers.get("x-ratelimit-remaining"))
    words = _message(document or {}).lower()
    spent = (remaining is not None and remaining >= 1) or "daily" in words or (wait or 0) >= DAILY_PAUSE
    if not spent:
        reset = _number(headers.get("x-ratelimit-reset"))
        return Throttled(after=_first(wait, reset, BURST_PAUSE))
    return BudgetSpent(after=max(wait or _until_full_hour(headers), DAILY_PAUSE))


def _until_full_hour(headers: Mapping[str, str]) -> float:
    """Seconds to the next full hour: the budget is renewed at the midnight of a zone that nobody names, and
    a refused request costs nothing, so each full hour is tried."""
    now = http_date(headers.get("Date"))
    return 3600.0 if now is None else 3600.0 - (now.minute * 60 + now.second)


def _wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that Retry-After asks for, given as a number or as a date."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    if (seconds := _number(value)) is not None:
        return seconds
    moment, now = http_date(value), http_date(headers.get("Date"))
    if moment is None:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e9 else None


def _first(*values: float | None) -> float:
    return next((value for value in values if value), BURST_PAUSE)
