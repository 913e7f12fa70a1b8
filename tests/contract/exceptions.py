"""Where we part from the vendor's files, each with its reason: more is allowed, or less.

Operations and places are regular expressions and match as a whole. A place is `path/id`, `query/limit`,
`header/x-api-token`, `status/201` or `body/phones/0/value`; in `AMENDED` the items of a list are `*`.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from tests.contract.vendor import Json, Object, mapping

Side = Literal["request", "answer"]


@dataclass(frozen=True)
class Allowed:
    """A departure from the files that is not an error; `kind` is the JSON Schema keyword, or the checker's word."""

    key: str
    reason: str
    side: Side
    operation: str
    place: str
    kind: str


@dataclass(frozen=True)
class Amended:
    """A fact that the files leave out: `schema` is added where `place` is declared; None forbids the property."""

    key: str
    reason: str
    side: Side
    operation: str
    place: str
    schema: Object | None = field(hash=False)


def _texts(*names: str) -> Object:
    properties: Object = {name: {"type": "string"} for name in names}
    return {"properties": properties}


CLEARED = "PATCH clears a link or an optional value with null; the files forget to say nullable"

ALLOWED = (
    Allowed(
        "v1-prefix",
        "the file's server is /v1, the official client's OAuth configuration and the guides also use /api/v1",
        "request", ".*", "prefix/v1", "undeclared",
    ),
    Allowed(
        "refresh",
        "the file lists the refresh grant under /oauth/token/ because a path cannot be listed twice; it goes to /oauth/token",
        "request", "POST /oauth/token", "body/grant_type", "refresh",
    ),
    Allowed(
        "consent",
        "the form on the vendor's consent page is theirs; the simulator's is its own",
        "request", "POST /oauth/authorize", "path", "unknown",
    ),
    Allowed(
        "api-token",
        "a personal token travels in a header that the file names as a security scheme, not as a parameter",
        "request", ".* /api/.*", "header/x-api-token", "undeclared",
    ),
    Allowed(
        "person-names",
        "the v2 migration guide takes first_name and last_name in place of name",
        "request", r"(POST|PATCH) /api/v2/persons(/\{id\})?", "body/(first|last)_name", "undeclared",
    ),
    Allowed("clear-activity", CLEARED, "request", r"PATCH /api/v2/activities/\{id\}",
            "body/(deal_id|lead_id|org_id|project_id|due_time|duration|location|note|public_description|priority)", "null"),
    Allowed("clear-person", CLEARED, "request", r"PATCH /api/v2/persons/\{id\}",
            "body/(org_id|postal_address|birthday|job_title|notes|last_name)", "null"),
    Allowed("clear-organization", CLEARED, "request", r"PATCH /api/v2/organizations/\{id\}", "body/address", "null"),
    Allowed("clear-deal", CLEARED, "request", r"PATCH /api/v2/deals/\{id\}",
            "body/(person_id|org_id|expected_close_date|value)", "null"),
    Allowed(
        "created",
        "the v2 file documents 200 for a create; 201 is seen in the field",
        "answer", "POST /api/v2/.*", "status/201", "undeclared",
    ),
    Allowed(
        "cloudflare",
        "the vendor's edge answers overload and outage with a page of HTML",
        "answer", ".*", "status/(403|5..)", "html",
    ),
)  # fmt: skip


def allowed(side: Side, operation: str, place: str, kind: str) -> str | None:
    """Name the exception that lets this departure through, if there is one."""
    for rule in ALLOWED:
        if (
            (side, kind) == (rule.side, rule.kind)
            and re.fullmatch(rule.operation, operation)
            and re.fullmatch(rule.place, place)
        ):
            return rule.key
    return None


RECORDS = "(persons|organizations|deals|activities)"
WRITES = rf"(POST|PATCH) /api/v2/{RECORDS}(/\{{id\}})?"
READS = rf"(GET|POST|PATCH) /api/v2/({RECORDS}|pipelines|stages)(/\{{id\}}|/archived)?"
INSTANT: Object = {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$"}
WHOLE_SECOND: Object = {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
SPACED: Object = {"pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"}
DAY: Object = {"pattern": r"^\d{4}-\d\d-\d\d$"}
CLOCK: Object = {"pattern": r"^\d\d:\d\d(:\d\d)?$"}


def _primaries(least: int) -> Object:
    primary: Object = {"properties": {"primary": {"const": True}}, "required": ["primary"]}
    return {"contains": primary, "minContains": least, "maxContains": 1}


def _needs(*names: str) -> Object:
    required: list[Json] = list(names)
    return {"required": required}


AMENDED = (
    Amended("read-only-person", "refused in v2 although the file lists it: participants carry the person",
             "request", r"(POST|PATCH) /api/v2/activities(/\{id\})?", "body/person_id", None),
    Amended("one-participant-leads", "an activity with participants has exactly one primary",
             "request", r"(POST|PATCH) /api/v2/activities(/\{id\})?", "body/participants", _primaries(1)),
    Amended("one-primary", "at most one phone or e-mail is primary",
             "request", WRITES, "body/(phones|emails)", _primaries(0)),
    Amended("no-bare-entry", "a phone, an e-mail or an address is nothing without its value",
             "request", WRITES, "body/((phones|emails)/[*]|address|location|postal_address)", _needs("value")),
    Amended("custom-keys", "custom fields are named by 40 hexadecimal digits; an empty set is cleared with null",
             "request", WRITES, "body/custom_fields",
             {"propertyNames": {"pattern": "^[0-9a-f]{40}$"}, "additionalProperties": {"not": {"const": []}}}),
    Amended("custom-keys-read", "custom fields are named by 40 hexadecimal digits",
             "answer", READS, "body/data(/[*])?/custom_fields", {"propertyNames": {"pattern": "^[0-9a-f]{40}$"}}),
    Amended("days-sent", "dates are YYYY-MM-DD", "request", WRITES, "body/.*_date", DAY),
    Amended("clocks-sent", "times of day are zero-padded", "request", WRITES, "body/(due_time|duration)", CLOCK),
    Amended("instants-sent", "v2 takes RFC 3339", "request", WRITES, "body/(add|close|won|lost)_time", INSTANT),
    Amended("whole-seconds", "fractions of a second are refused", "request", "GET /api/v2/.*",
             "query/updated_(since|until)", WHOLE_SECOND),
    Amended("plus-escaped", "an unescaped + arrives as a blank", "request", "GET /api/v2/.*", "query/term",
             {"pattern": r"^\S"}),
    Amended("ids-are-numbers", "a list of ids holds numbers", "request", "GET /api/v2/.*", "query/ids/[*]",
             {"pattern": r"^\d+$"}),
    Amended("says-success", "a 2xx of the API says success", "answer", ".* /api/.*", "body/success", {"const": True}),
    Amended("has-success", "a 2xx of the API says success", "answer", ".* /api/.*", "body", _needs("success")),
    Amended("has-data", "what was asked for is there", "answer", "(GET|POST|PUT|PATCH) /api/.*|DELETE /api/v2/.*", "body",
             _needs("data")),
    Amended("data-is-something", "what was asked for is there", "answer", ".* /api/.*", "body/data",
             {"not": {"type": "null"}}),
    Amended("records-have-ids", "every record says which it is", "answer", READS, "body/data/[*]", _needs("id")),
    Amended("record-has-id", "every record says which it is", "answer",
             rf"(POST|PATCH|DELETE) /api/v2/{RECORDS}(/\{{id\}})?|GET /api/v2/.*\{{id\}}|GET /api/v1/users/me|POST /api/v1/.*",
             "body/data", _needs("id")),
    Amended("hits-have-ids", "every hit says which record it is", "answer", "GET /api/v2/(.*/search|itemSearch)",
             "body/data/items/[*]/item", _needs("id", "type")),
    Amended("instants", "v2 answers in RFC 3339", "answer", READS, "body/data(/[*])?/(?!due_).*_time", INSTANT),
    Amended("clocks", "times of day are zero-padded", "answer", READS, "body/data(/[*])?/(due_time|duration)", CLOCK),
    Amended("days", "dates are YYYY-MM-DD", "answer", READS, "body/data(/[*])?/.*_date", DAY),
    Amended("v1-instants", "v1 answers YYYY-MM-DD HH:MM:SS", "answer", ".* /api/v1/(activityTypes|.*/merge)",
             "body/data(/[*])?/(add|update)_time", SPACED),
    Amended("hook-instants", "webhooks answer in RFC 3339", "answer", ".* /api/v1/webhooks",
             "body/data(/[*])?/(add|remove|last_delivery)_time", INSTANT),
    Amended("token-whole", "nothing of a token answer may be missing", "answer", "POST /oauth/token/?", "body",
             _needs("access_token", "token_type", "refresh_token", "scope", "expires_in", "api_domain")),
    Amended("code-grant", "a code is exchanged together with its redirect_uri", "request", "POST /oauth/token",
             "body", _needs("grant_type", "code", "redirect_uri")),
    Amended("refresh-grant", "a refresh names its token", "request", "POST /oauth/token/",
             "body", _needs("grant_type", "refresh_token")),
    Amended("deal-extras", "the file's own examples and the guides have them", "answer",
            r"(GET|POST|PATCH) /api/v2/deals(/\{id\}|/archived)?", "body/data(/[*])?",
            {"properties": {"creator_user_id": {"type": "integer"},
                            **mapping(_texts("archive_time", "local_won_date", "local_lost_date", "local_close_date")["properties"])}}),
    Amended("field-description", "declared for the fields of deals and organizations, and in the file's examples", "answer",
            r".* /api/v2/personFields(/\{field_code\})?", "body/data(/[*])?", _texts("description")),
    Amended("hit-address", "the file's own example has it", "answer", "GET /api/v2/persons/search",
            "body/data/items/[*]/item/organization", _texts("address")),
    Amended("field-hit", "the file's own example is {id, <the field's key>: value}", "answer", "GET /api/v2/itemSearch/field",
            "body/data/[*]", {"properties": {"id": {"type": "integer"}}, "required": ["id"], "additionalProperties": True}),
)  # fmt: skip

# What only the guides describe.
ADDED: Object = {
    "POST /oauth/revoke": {
        "cost": 0,
        "scopes": [],
        "path": {},
        "query": {},
        "query_required": [],
        "body": {
            "type": "object",
            "properties": {
                "token": {"type": "string"},
                "token_type_hint": {"type": "string", "enum": ["access_token", "refresh_token"]},
            },
            "required": ["token"],
        },
        "body_type": "application/x-www-form-urlencoded",
        "responses": {"200": None},
    }
}
