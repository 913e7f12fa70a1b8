"""From an operation of the contract to JSON Schema that allows nothing undeclared, and the shapes of errors."""

import re

from tests.contract.exceptions import AMENDED, Amended, Side
from tests.contract.vendor import Json, Object, mapping, sequence


class Tightening:
    """Applies the amendments to one side of one operation and notes which ones found their place."""

    def __init__(self, side: Side, operation: str, met: set[str]) -> None:
        self._side = side
        self._met = met
        self._rules = [
            rule for rule in AMENDED if rule.side == side and re.fullmatch(rule.operation, operation)
        ]

    def close(self, source: Object, place: str, *, nullable: bool = False) -> Object:
        """Give `source` as JSON Schema in which every object with declared properties has no others.

        Answers may hold null in any property; requests only where the file says so.
        """
        rules = [mapping(rule.schema) for rule in self._at(place)]
        for rule in rules:
            if "properties" in rule and "properties" in source:
                source = source | {"properties": mapping(source["properties"]) | mapping(rule["properties"])}
        result: Object = {key: value for key, value in source.items() if key not in {"nullable", "format"}}
        if "properties" in source:
            result["properties"] = self._properties(mapping(source["properties"]), place)
            if "oneOf" in source or "anyOf" in source:
                result.setdefault("unevaluatedProperties", False)
            else:
                result.setdefault("additionalProperties", False)
        if isinstance(extra := source.get("additionalProperties"), dict):
            result["additionalProperties"] = self.close(extra, f"{place}/*", nullable=self._side == "answer")
        if "items" in source:
            result["items"] = self.close(mapping(source["items"]), f"{place}/*")
        for key in ("oneOf", "anyOf"):
            if key in source:
                result[key] = [self.close(mapping(branch), place) for branch in sequence(source[key])]
        if nullable or source.get("nullable"):
            _allow_null(result)
        for rule in rules:
            _add(result, rule)
        return result

    def _properties(self, source: Object, place: str) -> Object:
        loose = self._side == "answer"
        return {
            name: self.close(mapping(item), f"{place}/{name}", nullable=loose)
            for name, item in source.items()
            if not any(rule.schema is None for rule in self._at(f"{place}/{name}"))
        }

    def _at(self, place: str) -> list[Amended]:
        found = [rule for rule in self._rules if re.fullmatch(rule.place, place)]
        self._met.update(rule.key for rule in found)
        return found


def _allow_null(schema: Object) -> None:
    if isinstance(kind := schema.get("type"), str):
        schema["type"] = [kind, "null"]
    if "enum" in schema:
        schema["enum"] = [*sequence(schema["enum"]), None]
    for key in ("oneOf", "anyOf"):
        if key in schema:
            schema[key] = [*sequence(schema[key]), {"type": "null"}]


def _add(schema: Object, extra: Object) -> None:
    if "required" in extra and "required" in schema:
        extra = extra | {"required": [*sequence(schema["required"]), *sequence(extra["required"])]}
    schema.update({key: value for key, value in extra.items() if key != "properties"})


def _closed(properties: Object, *required: str) -> Object:
    names: list[Json] = list(required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def _parameters(tight: Tightening, operation: Object, part: str) -> Object:
    return {
        name: tight.close(mapping(item), f"{part}/{name}") for name, item in mapping(operation[part]).items()
    }


def request_schema(key: str, operation: Object, met: set[str]) -> Object:
    """Describe a whole request: `{"path": {…}, "query": {…}, "body": …}`."""
    tight = Tightening("request", key, met)
    path = _parameters(tight, operation, "path")
    query = _parameters(tight, operation, "query")
    required = [str(name) for name in sequence(operation["query_required"])]
    parts: Object = {"path": _closed(path, *path), "query": _closed(query, *required)}
    if operation["body"] is not None:
        parts["body"] = tight.close(mapping(operation["body"]), "body")
    return _closed(parts, *parts)


def answer_schema(key: str, source: Object, met: set[str]) -> Object:
    """Describe a whole answer of a 2xx: `{"body": …}`."""
    return _closed({"body": Tightening("answer", key, met).close(source, "body")}, "body")


_TEXT: Object = {"type": "string", "minLength": 1}
_NULL: Object = {"type": "null"}
_FALSE: Object = {"const": False}
_V1 = _closed(
    {
        "success": _FALSE, "error": _TEXT, "error_info": {"type": ["string", "null"]}, "data": _NULL,
        "additional_data": _NULL, "errorCode": {"type": "integer"}, "code": {"type": ["string", "integer"]},
    },
    "success", "error",
)  # fmt: skip
_V2 = _closed(
    {"success": _FALSE, "error": _TEXT, "code": {"type": "string", "pattern": "^[A-Za-z_]+$"}},
    "success",
    "error",
)
_UNAUTHORISED = _closed({"success": _FALSE, "error": _TEXT, "errorCode": {"const": 401}}, "success", "error")
_FIELDS: Object = {"type": "object", "additionalProperties": {"type": "array", "items": _TEXT}}
_WEBHOOK: list[Json] = [
    _closed(
        {"status": {"const": "error"}, "success": _FALSE, "errors": _FIELDS}, "status", "success", "errors"
    ),
    _closed({"success": _FALSE, "message": _TEXT}, "success", "message"),
]
_GRANT: Object = {
    "type": "string",
    "pattern": "^(Invalid (grant|client|request): |Missing parameter: grant_type|Unsupported grant type)",
}
_OAUTH: list[Json] = [
    _closed({"error": _TEXT, "error_description": _GRANT}, "error", "error_description"),
    _closed({"success": _FALSE, "error": _GRANT}, "success", "error"),
    _closed({"success": _FALSE, "message": _GRANT, "error": _TEXT}, "success", "message"),
]
ERROR_STATUSES = frozenset(
    {400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 501, 502, 503, 504}
)


def error_schema(key: str, status: int) -> Object:
    """Describe a whole answer that is an error: the shapes seen in the vendor's guides and in the field."""
    shapes: list[Json]
    if " /oauth/" in key:
        shapes = list(_OAUTH)
        if status >= 500:
            shapes += [_V1, _V2]
    elif " /api/v1/" in key:
        shapes = [_V1, *(_WEBHOOK if "/webhooks" in key else [])]
    else:
        shapes = [_V2, *([_V1] if status in {402, 403, 429} else [])]
    if status == 401:
        shapes = [_UNAUTHORISED]
    return _closed({"body": {"anyOf": shapes}}, "body")
