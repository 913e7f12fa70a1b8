"""A judge between a client of Pipedrive and Pipedrive: every request and every answer against the vendor's files.

It knows nothing of the connector or the simulator. An undeclared path, parameter, property or status is an error at
any depth; only what `exceptions.py` names is let through, and counted.
"""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import ClassVar
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from jsonschema_rs import Draft202012Validator

from tests.contract import compact, vendor
from tests.contract.exceptions import ADDED, ALLOWED, AMENDED, allowed
from tests.contract.findings import FORM, Violation, credentials, failures, read_values
from tests.contract.strict import ERROR_STATUSES, answer_schema, error_schema, request_schema
from tests.contract.vendor import Object, mapping

LIMIT_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@cache
def vendor_contract() -> Object:
    """The vendor's contract: from the files when PIPEDRIVE_OPENAPI_DIR is set, else as committed."""
    source = vendor.folder()
    if source is None:
        return mapping(json.loads(compact.CONTRACT.read_bytes()))
    return compact.compact(vendor.operations(source))


class Checker:
    """Judges requests and answers; `middleware` stands in front of a simulated Pipedrive and keeps the findings.

    `violations` holds bad answers, and bad requests that were taken; `refused` holds bad requests that were answered
    4xx, which a test of the simulator sends on purpose.
    """

    used: ClassVar[Counter[str]] = Counter()
    """How often each exception was needed, over all checkers of this process."""

    def __init__(self, contract: Object | None = None) -> None:
        self._operations = mapping((contract or vendor_contract())["operations"]) | ADDED
        self._routes = [
            (method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", path)), re.findall(r"\{(\w+)\}", path), key)
            for key in sorted(self._operations, key=lambda key: key.count("{"))
            for method, path in [key.split(" ")]
        ]
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}
        self.seen: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.refused: list[Violation] = []

        @web.middleware
        async def middleware(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if not request.path.startswith(("/api/", "/v1/", "/oauth/")):
                return await handler(request)
            return await self._watch(request, handler)

        self.middleware = middleware

    def check_request(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> list[Violation]:
        """Judge a request; `query` is the raw text after `?`, names of headers are matched in lower case."""
        lowered = {name.lower(): value for name, value in headers.items()}
        key, values, found = self._operation(method, path, body)
        if key not in self._operations:
            return self._left(found)
        operation = mapping(self._operations[key])
        found += credentials(key, lowered)
        instance: Object = {"path": read_values(values, mapping(operation["path"]))}
        pairs = parse_qsl(query, keep_blank_values=True)
        declared = mapping(operation["query"])
        instance["query"] = read_values(dict(pairs), declared)
        found += [
            Violation("request", key, f"query/{name}", "repeated", "given more than once")
            for name, times in Counter(name for name, _ in pairs).items()
            if times > 1
        ]
        if body:
            wanted = operation["body_type"]
            given = lowered.get("content-type", "").partition(";")[0].strip()
            if wanted is not None and given != wanted:
                found.append(
                    Violation("request", key, "header/content-type", "type", f"{given!r}, not {wanted!r}")
                )
            try:
                instance["body"] = dict(parse_qsl(body.decode())) if wanted == FORM else orjson.loads(body)
            except ValueError as error:
                found.append(Violation("request", key, "body", "type", f"cannot be read: {error}"))
                return self._left(found)
        validator = self._validator(key, "request", lambda met: request_schema(key, operation, met))
        return self._left(found + failures(validator, instance, "request", key))

    def check_response(
        self,
        method: str,
        path: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        sent: bytes = b"",
    ) -> list[Violation]:
        """Judge an answer; `sent` is the request's body, which tells the two grants of the token endpoint apart."""
        lowered = {name.lower(): value for name, value in headers.items()}
        key, _, _ = self._operation(method, path, sent)
        if key not in self._operations:
            return []  # the request is reported already
        return self._left(list(self._answer(key, status, lowered, body)))

    def assert_clean(self, *, refusals_allowed: bool = False) -> None:
        """Raise AssertionError with every violation met; `refusals_allowed` forgives what was answered 4xx."""
        met = [*self.violations, *([] if refusals_allowed else self.refused)]
        assert not met, "\n".join(dict.fromkeys(map(str, met)))

    @classmethod
    def unused(cls) -> list[str]:
        """Keys of the exceptions that nothing in this process needed."""
        return [rule.key for rule in (*ALLOWED, *AMENDED) if rule.key not in cls.used]

    async def _watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        sent = await request.read()
        found = self.check_request(
            request.method, request.path, request.rel_url.raw_query_string, request.headers, sent
        )
        self.seen[self._operation(request.method, request.path, sent)[0]] += 1
        status = 0
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            self._judge(request, sent, error)
            raise
        finally:
            (self.refused if 400 <= status < 500 else self.violations).extend(found)
        if isinstance(response, web.Response):
            self._judge(request, sent, response)
        return response

    def _judge(self, request: web.Request, sent: bytes, response: web.Response) -> None:
        body = response.body if isinstance(response.body, bytes | bytearray) else b""
        headers = {**response.headers, "content-type": response.content_type}
        self.violations += self.check_response(
            request.method, request.path, response.status, headers, bytes(body), sent=sent
        )

    def _operation(self, method: str, path: str, body: bytes) -> tuple[str, dict[str, str], list[Violation]]:
        """Find the operation's key in the contract and the values in its path."""
        found: list[Violation] = []
        if path.startswith("/v1/"):
            path = f"/api{path}"
        elif path.startswith("/api/v1/"):
            found.append(
                Violation("request", f"{method} {path}", "prefix/v1", "undeclared", "the server is /v1")
            )
        if path == "/oauth/token" and b"grant_type=refresh_token" in body:
            place = "body/grant_type"
            found.append(
                Violation("request", f"{method} {path}", place, "refresh", "is listed under /oauth/token/")
            )
            path = "/oauth/token/"
        for wanted, pattern, names, key in self._routes:
            if wanted == method and (match := pattern.fullmatch(path)):
                return key, dict(zip(names, match.groups(), strict=True)), found
        unknown = Violation("request", f"{method} {path}", "path", "unknown", "is no operation that we use")
        return f"{method} {path}", {}, [*found, unknown]

    def _answer(self, key: str, status: int, headers: Mapping[str, str], body: bytes) -> Iterable[Violation]:
        responses = mapping(mapping(self._operations[key])["responses"])
        kind = headers.get("content-type", "").partition(";")[0].strip()
        if None in responses.values() and (status < 400 or kind == "text/html"):
            return  # a page for people
        if status >= 400 and kind == "text/html":
            yield Violation("answer", key, f"status/{status}", "html", "a page of HTML")
            return
        if status >= 400 and status not in ERROR_STATUSES:
            yield Violation("answer", key, f"status/{status}", "undeclared", "a status nobody described")
            return
        if kind != "application/json":
            yield Violation("answer", key, "header/content-type", "type", f"{kind!r}, not JSON")
        try:
            instance: Object = {"body": orjson.loads(body)}
        except ValueError as error:
            yield Violation("answer", key, "body", "type", f"cannot be read: {error}")
            return
        if status < 400:
            yield from self._success(key, status, headers, responses)
            source = mapping(responses.get(str(status)) or next(iter(responses.values())))
            validator = self._validator(key, "2xx", lambda met: answer_schema(key, source, met))
        else:
            validator = self._validator(key, str(status), lambda _: error_schema(key, status))
        yield from failures(validator, instance, "answer", key)

    def _success(
        self, key: str, status: int, headers: Mapping[str, str], responses: Object
    ) -> Iterable[Violation]:
        if str(status) not in responses:
            yield Violation(
                "answer", key, f"status/{status}", "undeclared", f"not one of {sorted(responses)}"
            )
        if " /api/" in key:
            for name in LIMIT_HEADERS:
                if not headers.get(name, "").isdigit():
                    yield Violation("answer", key, f"header/{name}", "required", "is missing or no number")

    def _validator(self, key: str, part: str, build: Callable[[set[str]], Object]) -> Draft202012Validator:
        if (validator := self._validators.get((key, part))) is None:
            met: set[str] = set()
            validator = self._validators[key, part] = Draft202012Validator(build(met))
            self.used.update(met)
        return validator

    def _left(self, found: list[Violation]) -> list[Violation]:
        """Take away what is allowed, and count it."""
        left = []
        for violation in found:
            key = allowed(violation.side, violation.operation, violation.place, violation.kind)
            if key is None:
                left.append(violation)
            else:
                self.used[key] += 1
        return left
