"""The form of the rules for activities: what it shows of an installation's settings, and what was entered.

The guided set-up shows the same form: a template writes `activity_fields(form, visit.at, _)` of
`console/settings/activities_parts.html`, and `read_form` gives the settings back, or what is wrong and where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from pydantic import ValidationError

from connector.flows.rules import types_of
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.installation_settings import InstallationSettings, Links, QueueRule
from connector.phone import Phones
from connector.records import CallResult, Direction, QueueKind
from connector.web.console.happening.event_words import source as source_word

#: The choice "as all calls" of the table by direction and result; no activity type has such a key.
AS_ALL = "="
#: Sources of tickets that are offered, in the contact centre's own words.
SOURCES = ("email", "phone", "chat", "sms", "www", "facebook", "messenger", "whatsapp")
_EMPTY_ROWS = 2
_MOST_ROWS = 200
_LINKS = ("ticket", "call", "chat")

Option = tuple[str, str]
#: Reads the activity type that was chosen in a field.
_Kind = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen, by its value: Pipedrive's active activity types, the contact centre's queues, and their bare names."""

    types: Mapping[str, str]
    queues: Mapping[str, str]
    names: Mapping[str, str]

    @classmethod
    def of(cls, tenant: Tenant, _: Translate) -> Choices:
        """As the tenant's directory was last read."""
        kinds = {
            QueueKind.CALL: _("Calls"), QueueKind.CAMPAIGN: _("Campaign"),
            QueueKind.CHAT: _("Chats"), QueueKind.TICKET: _("Tickets"),
        }  # fmt: skip
        directory = tenant.directory
        several = len(tenant.centres) > 1
        queues = {
            _queue_value(kind, connection, queue): f"{kinds[kind]}: {name}"
            + (f" ({connection})" if several else "")
            for (connection, kind, queue), name in directory.queues.items()
        }
        return cls(
            types={kind.key: kind.name for kind in directory.types if kind.active},
            queues=dict(sorted(queues.items(), key=lambda one: one[1].casefold())),
            names={
                _queue_value(kind, connection, queue): name
                for (connection, kind, queue), name in directory.queues.items()
            },
        )


@dataclass(frozen=True, slots=True)
class Entered:
    """What a form came to: settings to be saved, or None and what is wrong, by the name of the field."""

    settings: InstallationSettings | None
    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ActivityForm:
    """The form as it is shown: values by the name of their field, mistakes likewise."""

    values: Mapping[str, str]
    errors: Mapping[str, str]
    choices: Choices
    translate: Translate

    @classmethod
    def of(cls, settings: InstallationSettings, choices: Choices, _: Translate) -> ActivityForm:
        """As saved settings fill it; a type that is not active any more is a mistake at once."""
        values = values_of(settings)
        return cls(values, read_form(values, settings, choices, _).errors, choices, _)

    @classmethod
    def typed(
        cls, form: Mapping[str, object], errors: Mapping[str, str], choices: Choices, _: Translate
    ) -> ActivityForm:
        """As somebody filled it in."""
        return cls({name: _text(form, name) for name in form}, errors, choices, _)

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    def types(self, name: str, *, as_all: bool = False) -> list[Option]:
        """The activity types that can be chosen in a field, with the one that stands there, active or not."""
        _ = self.translate
        options = [(AS_ALL, _("As all calls"))] if as_all else []
        options += [("", _("Not written")), *self.choices.types.items()]
        stands = self.value(name)
        if stands not in dict(options):
            options.append((stands, _("%(type)s, which is not active in Pipedrive") % {"type": stands}))
        return options

    def queues(self, name: str) -> list[Option]:
        """The queues and campaigns that can be chosen in a row."""
        _ = self.translate
        options = [("", "–"), *self.choices.queues.items()]
        stands = self.value(name)
        if stands not in dict(options):
            shown = self.value(f"{name}_name") or stands.rpartition("|")[2]
            options.append((stands, _("%(queue)s, not found any more") % {"queue": shown}))
        return options

    @property
    def sources(self) -> list[tuple[str, str, str]]:
        """The rows of sources: the name of the field, the source, and what it is called."""
        rows = [(f"source_{n}", self.value(f"source_{n}")) for n in _rows(self.values, "source")]
        return [(row, name, source_word(name, self.translate)) for row, name in rows]

    @property
    def queue_rows(self) -> list[str]:
        """The names of the rows of queues, with empty ones to fill in."""
        filled = [n for n in _rows(self.values, "queue") if self.value(f"queue_{n}")]
        return [f"queue_{n}" for n in range(max(filled, default=-1) + 1 + _EMPTY_ROWS)]


def values_of(settings: InstallationSettings) -> dict[str, str]:
    """The fields of the form as these settings fill them; a box that is not ticked has none."""
    calls, types = settings.calls, settings.messages.types
    cases = {(case.direction, case.result): case.type for case in reversed(calls.cases)}
    values = {
        "calls_type": calls.type or "",
        "minimum_seconds": str(calls.minimum_seconds),
        "chats_type": settings.chats.type or "",
        "ignored_numbers": "\n".join(settings.ignored_numbers),
        "deal_rule": settings.deal_rule,
        "language": settings.language,
    }
    values |= {
        case_name(direction, result): (cases[direction, result] or "")
        if (direction, result) in cases
        else AS_ALL
        for direction in Direction
        for result in CallResult
    }
    values |= {name: "on" for name in ("abandoned_as_to_do", "leave_out_internal") if getattr(calls, name)}
    for n, source in enumerate(dict.fromkeys([*SOURCES, *types])):
        values |= {f"source_{n}": source, f"source_{n}_type": types.get(source) or ""}
    for n, rule in enumerate(settings.queues):
        values |= {
            f"queue_{n}": _queue_value(rule.kind, rule.connection or "", rule.queue),
            f"queue_{n}_name": rule.name, f"queue_{n}_type": rule.type or "",
        }  # fmt: skip
    return values | {f"link_{name}": getattr(settings.links, name) or "" for name in _LINKS}


def case_name(direction: Direction, result: CallResult) -> str:
    """The field of one cell of the table."""
    return f"call_{direction}_{result}"


def read_form(
    form: Mapping[str, object], settings: InstallationSettings, choices: Choices, _: Translate
) -> Entered:
    """The settings with what was entered; what the form does not have stays as it is."""
    errors: dict[str, str] = {}

    def kind_in(name: str) -> str | None:
        kind = _text(form, name)
        if kind and kind not in choices.types:
            errors[name] = _("This type is not active in Pipedrive. Choose another.")
        return kind or None

    cases = [
        {"direction": direction, "result": result, "type": kind_in(name)}
        for direction in Direction
        for result in CallResult
        if _text(form, name := case_name(direction, result)) != AS_ALL
    ]
    minimum = _text(form, "minimum_seconds") or "0"
    if not (minimum.isascii() and minimum.isdigit() and len(minimum) <= 6):
        errors["minimum_seconds"] = _("Write whole seconds, or 0 for no minimum.")
    document = settings.model_dump(mode="json") | {
        "calls": {
            "type": kind_in("calls_type"), "cases": cases,
            "minimum_seconds": 0 if "minimum_seconds" in errors else int(minimum),
            "abandoned_as_to_do": "abandoned_as_to_do" in form, "leave_out_internal": "leave_out_internal" in form,
        },
        "chats": {"type": kind_in("chats_type")},
        "messages": {"types": _read_sources(form, kind_in)},
        "queues": _read_queues(form, settings.queues, choices, kind_in),
        "ignored_numbers": _read_numbers(form, settings, errors, _),
        "deal_rule": _text(form, "deal_rule"),
        "language": _text(form, "language"),
        "links": settings.links.model_dump() | _read_links(form, settings.links, errors, _),
    }  # fmt: skip
    if errors:
        return Entered(None, errors)
    try:
        return Entered(InstallationSettings.model_validate(document), {})
    except ValidationError as error:
        return Entered(None, {str(one["loc"][0]): one["msg"] for one in error.errors()})


def inactive(settings: InstallationSettings, choices: Choices) -> set[str]:
    """Activity types that the settings name and Pipedrive does not have."""
    return types_of(settings) - choices.types.keys()


def _read_sources(form: Mapping[str, object], kind_in: _Kind) -> dict[str, str]:
    rows = [f"source_{n}" for n in _rows(form, "source")] + ["source_new"]
    told = {_text(form, row).lower(): kind_in(f"{row}_type") for row in rows}
    return {source: kind for source, kind in told.items() if source and kind}


def _read_queues(
    form: Mapping[str, object], known: Sequence[QueueRule], choices: Choices, kind_in: _Kind
) -> list[dict[str, object]]:
    names = {_queue_value(rule.kind, rule.connection or "", rule.queue): rule.name for rule in known}
    rules: list[dict[str, object]] = []
    for n in _rows(form, "queue"):
        value = _text(form, f"queue_{n}")
        kind, _, rest = value.partition("|")
        connection, _, queue = rest.partition("|")
        if value:
            name = choices.names.get(value) or names.get(value, "")
            rules.append(
                {"kind": kind, "connection": connection or None, "queue": queue, "name": name,
                 "type": kind_in(f"queue_{n}_type")}
            )  # fmt: skip
    return rules


def _read_numbers(
    form: Mapping[str, object], settings: InstallationSettings, errors: dict[str, str], _: Translate
) -> list[str]:
    phones = Phones(settings.phone_region, settings.dial_out_prefix)
    numbers = [line.strip() for line in _text(form, "ignored_numbers").splitlines() if line.strip()]
    if wrong := [number for number in numbers if not phones.keys(number)]:
        errors["ignored_numbers"] = _("No telephone number: %(number)s") % {"number": wrong[0]}
    return numbers


def _read_links(
    form: Mapping[str, object], links: Links, errors: dict[str, str], _: Translate
) -> dict[str, str | None]:
    read: dict[str, str | None] = {}
    for name in _LINKS:
        read[name] = _text(form, f"link_{name}") or None
        try:
            Links.model_validate(links.model_dump() | {name: read[name]})
        except ValidationError:
            errors[f"link_{name}"] = _("Write a web address with {id} in it, where the number stands.")
    return read


def _queue_value(kind: str, connection: str, queue: str) -> str:
    return f"{kind}|{connection}|{queue}"


def _rows(form: Mapping[str, object], name: str) -> list[int]:
    """The numbers of the rows of this name that a form has."""
    found: list[int] = []
    for n in count():
        if f"{name}_{n}" not in form or n >= _MOST_ROWS:
            return found
        found.append(n)
    return found


def _text(form: Mapping[str, object], name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""
