"""What is wrong with a request or an answer: reading it by its declared types and telling what its schema says."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from tests.contract.exceptions import Side
from tests.contract.vendor import Json, Object, mapping

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Violation:
    """One thing that the files do not allow: where it was met, of what kind (a keyword), and in words."""

    side: Side
    operation: str
    place: str
    kind: str
    problem: str

    def __str__(self) -> str:
        return f"{self.side} of {self.operation}: {self.place}: {self.problem}"


def credentials(key: str, headers: Mapping[str, str]) -> Iterable[Violation]:
    """Tell what is wrong with how a request says who asks."""
    given = headers.get("authorization", "")
    place = "header/authorization"
    if " /api/" in key:
        if "x-api-token" in headers:
            yield Violation("request", key, "header/x-api-token", "undeclared", "a personal token")
        elif not re.fullmatch(r"Bearer \S+", given):
            yield Violation("request", key, place, "required", "no bearer token")
    elif key.startswith("POST /oauth/") and not re.fullmatch(r"Basic \S+", given):
        yield Violation("request", key, place, "required", "no client credentials")


def read_values(values: Mapping[str, str], declared: Object) -> Object:
    """Read text by its declared type; what cannot be read stays text, and the schema says so."""
    return {name: _value(value, mapping(declared.get(name))) for name, value in values.items()}


def _value(text: str, schema: Object) -> Json:
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", text, re.ASCII):
        return int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    if kind == "array":
        return [*text.split(",")]
    return text


def failures(validator: Draft202012Validator, instance: Object, side: Side, key: str) -> list[Violation]:
    """Hold `instance` against its schema."""
    if validator.is_valid(instance):
        return []
    return [violation for error in validator.iter_errors(instance) for violation in _told(error, side, key)]


def _told(error: ValidationError, side: Side, key: str) -> Iterable[Violation]:
    place = "/".join(map(str, error.instance_path))
    match error.kind:
        case ValidationErrorKind.AdditionalProperties(unexpected) | ValidationErrorKind.UnevaluatedProperties(
            unexpected
        ):
            for name in unexpected:
                yield Violation(
                    side, key, f"{place}/{name}".strip("/"), "undeclared", "is not in the vendor's file"
                )
        case ValidationErrorKind.Type() if error.instance is None:
            yield Violation(side, key, place, "null", "must not be null")
        case kind:
            yield Violation(side, key, place, kind.name, f"{error.message:.300}")
