"""What Thulium sends, read without any I/O: lists, records, error answers and webhook bodies.

https://api.thulium.com/docs/api, https://api.thulium.com/docs/api/error_handling
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from connector.text import clean, cut, without_words_of

Row = dict[str, Any]

_ENVELOPES = ("result", "data", "topic_groups", "topics")
_LONGEST_RAW = 100_000
_MOST_HOOK_FIELDS = 200


class Malformed(ValueError):
    """An answer, or one row of it, has the wrong shape.

    The message is kept in clear: it names fields and the vendor's own keywords, never what else a row says.
    """


class Page(NamedTuple):
    """One page of a list; `total` is the vendor's count whatever the page's limit, where the list tells one."""

    rows: list[Any]
    total: int | None


def read_json(body: bytes) -> Any:
    """Decode JSON; an empty body, usual after writes, is None. Broken UTF-8 and half surrogates are replaced."""
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        lenient = json.loads(body.decode("utf-8", "replace"))
        return orjson.loads(json.dumps(lenient, ensure_ascii=False).encode("utf-8", "replace"))
    except ValueError as error:
        raise Malformed("the answer is no JSON") from error


def read_page(body: bytes) -> Page:
    """Read a list in any envelope: a bare array, one of `_ENVELOPES`, or an object of rows keyed by number."""
    answer = read_json(body)
    count = None
    if isinstance(answer, dict):
        count = _whole(answer.get("count"))
        answer = next((answer[key] for key in _ENVELOPES if key in answer), answer)
    if isinstance(answer, dict) and answer and all(key.isdigit() for key in answer):
        # PHP writes an array with gaps as an object.
        answer = list(answer.values())
    if not isinstance(answer, list):
        raise Malformed("the answer is no list")
    return Page(answer, count)


def read_record(body: bytes) -> Row | None:
    """Read one record, bare or enveloped; `[]`, PHP's empty record, is None."""
    answer = read_json(body)
    for key in ("result", "data"):
        if isinstance(answer, dict) and key in answer and set(answer) <= {key, "count"}:
            answer = answer[key]
    if isinstance(answer, list):
        if not answer:
            return None
        answer = answer[0]
    if not isinstance(answer, dict):
        raise Malformed("the answer is no record")
    return answer


def read_record_or_nothing(body: bytes) -> Row | None:
    """The same where an empty body or `null` may be how the vendor says that nothing is there."""
    return None if body.strip() in (b"", b"null") else read_record(body)


def read_error(body: bytes) -> str:
    """The messages, codes and request id of an error answer in one line; empty when it is none."""
    try:
        answer = read_json(body[:65_536])
    except Malformed:
        return ""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    if isinstance(errors, dict) and "message" not in errors:
        errors = list(errors.values())
    parts = [_error_text(error) for error in (errors if isinstance(errors, list) else [errors])]
    if request_id := answer.get("request_id"):
        parts.append(f"request {request_id}")
    return cut(" ".join(clean("; ".join(part for part in parts if part)).split()), 400)


def read_refused_row(body: bytes, sent: object) -> str:
    """Why a row of a batch was refused, less the words `sent`; empty when the answer tells of no refusal.

    The answer's shape is not public: errors are taken from wherever they are in a list, an envelope or one object.
    """
    try:
        answer = read_json(body)
    except Malformed:
        return ""
    return next((told for row in _dicts(answer) if (told := refusal_of(row, sent))), "")


def refusal_of(row: Row, sent: object) -> str:
    """Why one row was refused, less the words `sent`; empty when it was not."""
    errors = row.get("errors") or row.get("error")
    if not errors:
        return ""
    return without_words_of(sent, read_error(orjson.dumps({"errors": errors}))) or "refused without a reason"


def series_of(body: bytes) -> list[Any] | None:
    """The rows of the answer to a series, in whatever envelope; None when it has none."""
    try:
        answer = read_json(body)
    except Malformed:
        return None
    if isinstance(answer, dict):
        answer = next((answer[key] for key in (*_ENVELOPES, "customers") if key in answer), answer)
    if isinstance(answer, dict) and answer and all(key.isdigit() for key in answer):
        answer = list(answer.values())
    return answer if isinstance(answer, list) else None


def _dicts(answer: Any, depth: int = 3) -> Iterator[Row]:
    if isinstance(answer, list):
        for item in answer:
            yield from _dicts(item, depth)
    elif isinstance(answer, dict):
        yield answer
        if depth:
            for item in answer.values():
                if isinstance(item, list | dict):
                    yield from _dicts(item, depth - 1)


def _error_text(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error) if error else ""
    message, code = error.get("message"), error.get("code")
    return f"{message or 'error'} (code {code})" if code not in (None, "") else str(message or "")


def read_hook(content_type: str, body: bytes) -> list[Row]:
    """Fields of each event in a webhook's body: a form, whose empty values are the literal `null`, or JSON.

    https://api.thulium.com/docs/api/notifications. Whatever cannot be read gives an empty list.
    """
    try:
        if "json" in content_type.lower() or body.lstrip()[:1] in (b"{", b"["):
            answer = read_json(body)
            events = answer if isinstance(answer, list) else [answer]
        else:
            pairs = parse_qsl(
                body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_HOOK_FIELDS
            )
            events = [dict(pairs)]
    except ValueError:
        return []
    return [event for event in events if isinstance(event, dict) and event]


def text_of(value: Any) -> str | None:
    """Text of an id or a short field, however typed; None for missing, empty, `null` and things that are no value."""
    kind = type(value)
    if kind is str:
        text: str = value.strip()
        if text in ("", "null"):
            return None
        return text if text.isprintable() else clean(text)
    if kind is int:
        return str(value)
    if kind is float:
        # An id such as 1416225570.341 that came as a number; repr keeps every digit there is.
        return repr(int(value)) if value.is_integer() else repr(value)
    return None


def special_of(value: Any) -> str:
    """What a special field says, empty when nothing; a link may come as a small object."""
    found = first_of(value, "url", "href", "value") if isinstance(value, dict) else text_of(value)
    return found or ""


def raw_text(row: Any) -> str:
    """The row as JSON text, for a person to look at; very long ones are cut."""
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()[:_LONGEST_RAW]


def row_key(row: Any, *names: str) -> str:
    """The row's id under the first of `names` that has one, else a hash of its whole content that stays the same."""
    if isinstance(row, dict):
        for name in names:
            if (found := text_of(row.get(name))) is not None:
                return found
    return "sha-" + stable_hash(orjson.dumps(row, option=orjson.OPT_SORT_KEYS))


def stable_hash(content: bytes) -> str:
    """A short name for `content` that is the same in every process."""
    return blake2b(content, digest_size=12).hexdigest()


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def word_of(value: Any) -> str:
    """A vendor's keyword without regard to case, spacing and underscores."""
    if value in _PLAIN_WORDS:
        return value  # type: ignore[no-any-return]
    return " ".join(value.replace("_", " ").upper().split()) if isinstance(value, str) else ""


def unknown(value: Any, name: str) -> Malformed:
    """What is wrong with a field whose keyword we do not know; said in full only where it looks like one."""
    if isinstance(value, str) and _KEYWORD.fullmatch(value):
        return Malformed(f"unknown {name} {value!r}")
    return Malformed(f"no readable {name}")


_KEYWORD = re.compile(r"[A-Z_]{1,20}")
_PLAIN_WORDS = frozenset(
    ("INBOUND", "OUTBOUND", "ANSWERED", "NO ANSWER", "BUSY", "FAILED", "MAIL", "REPLY", "COMMENT")
)


def id_of(value: Any, name: str) -> str:
    """The id of a row; raises Malformed when there is none."""
    found = text_of(value)
    if found is None:
        raise Malformed(f"no readable {name}")
    return found


def reference_of(value: Any) -> str | None:
    """The id of another record; 0 is how the vendor's kind of database says none."""
    found = text_of(value)
    return None if found == "0" else found


def seconds_of(value: Any, name: str) -> int:
    """A duration in whole seconds, as a number or `HHH:MM:SS`; empty is 0. Raises Malformed for anything else."""
    if type(value) is int:
        return max(value, 0)
    if value in (None, "", "null"):
        return 0
    try:
        if isinstance(value, str) and ":" in value:
            total = 0
            for part in value.split(":"):
                total = total * 60 + int(part)
            return max(total, 0)
        return max(int(float(value)), 0)
    except (TypeError, ValueError, OverflowError):
        raise Malformed(f"no readable {name}") from None


def flag_of(value: Any) -> bool:
    """Whether a flag is set, however typed."""
    return str(value).strip().lower() in ("1", "true", "yes", "t")


def first_of(row: Row, *names: str) -> str | None:
    """The first of the named fields that says something."""
    return next((found for name in names if (found := text_of(row.get(name)))), None)


def join_of(*parts: Any) -> str:
    """Parts of a name in one text."""
    return " ".join(text for part in parts if (text := text_of(part)))


def values_of(row: Row, *names: str) -> tuple[str, ...]:
    """Phones or e-mails under `names`, each a text, a list of texts or of small objects; each value once, in order."""
    found: dict[str, None] = {}
    for name in names:
        value = row.get(name)
        for item in value if isinstance(value, list) else [value]:
            inner = first_of(item, *names, "value", "number") if isinstance(item, dict) else text_of(item)
            if inner:
                found[inner] = None
    return tuple(found)


def custom_of(fields: Any) -> dict[str, object]:
    """Special fields by name; the vendor's PHP may write an empty object as `[]`."""
    if isinstance(fields, dict):
        items = list(fields.items())
    elif isinstance(fields, list):
        items = [(f.get("name") or f.get("field_id"), f.get("value")) for f in fields if isinstance(f, dict)]
    else:
        return {}
    return {
        str(name): (None if value in ("", "null") else value)
        for name, value in items
        if name and "pesel" not in str(name).lower()
    }
