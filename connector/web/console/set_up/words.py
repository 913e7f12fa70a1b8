"""What the guided set-up says of links, of the preview of a first load, and of what was not written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.i18n import Translate
from connector.store.entries import State
from connector.store.loads import Loaded, Phase
from connector.web.notes import Said


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a first load would do: `counts` by what would become of the records, and its cost. `is_counted` while it stands."""

    is_from_centre: bool
    is_counted: bool
    records: int
    counts: list[tuple[str, int]]
    tokens: int
    seconds: int


def link_names(_: Translate) -> Mapping[str, str]:
    """The links that are learnt."""
    return {
        "customer": _("Address of a customer"), "ticket": _("Address of a ticket"), "call": _("Address of a call"),
        "chat": _("Address of a chat"),
    }  # fmt: skip


def link_trouble(trouble: str, _: Translate) -> str:
    """Why no link was learnt, and what to do."""
    known = {
        "no address": _("This is no web address. Copy it from the browser’s address bar, whole."),
        "no id": _("There is no number in this address. Open one single record and copy its address."),
        "no record": _("The contact centre has no such record with a number of this address. Open another one and copy its address."),
        "several": _("Several parts of this address could be the number. Write {id} in its place."),
    }  # fmt: skip
    return known[trouble]


def previewed(load: Loaded, _: Translate) -> Previewed:
    """A load's preview in words, as far as it is counted."""
    fates = {
        "make": _("made on the other side"), "link": _("joined with one that is there"), "update": _("changed to be the same"),
        "unchanged": _("the same already"), "ask": _("left to a person: several could be meant"),
        "leave": _("left out"), "double": _("twice on one side, left as they are"),
    }  # fmt: skip
    counts, estimate = load.preview.get("counts"), load.preview.get("estimate")
    found = counts if isinstance(counts, dict) else {}
    cost = estimate if isinstance(estimate, dict) else {}
    records = load.preview.get("records")
    return Previewed(
        load.source == "centre", load.state is not Phase.READING, records if isinstance(records, int) else 0,
        [(fates.get(str(fate), str(fate)), int(count)) for fate, count in found.items()],
        int(cost.get("tokens", 0)), int(cost.get("seconds", 0)),
    )  # fmt: skip


def not_written(state: State, _: Translate) -> Said:
    """Why the test wrote nothing, and what to do."""
    known = {
        State.WAITING: _("Its customer is not in Pipedrive yet: it waits, and is written when the customer appears."),
        State.UNDECIDED: _("Several persons in Pipedrive could be meant: it stands under Undecided."),
        State.SKIPPED: _("A rule leaves it out. Look at the step Activities."),
        State.SENDING: _("No answer came: it may be in Pipedrive or not. It is looked for once the connector is switched on, and never written twice."),
        State.RETRY: _("Pipedrive could not take it just now. Try again in a minute."),
        State.NEW: _("The contact centre does not tell now whose it is. Try again in a minute."),
    }  # fmt: skip
    text = known.get(state, _("Pipedrive refused it: it stands under Events with the reason."))
    return Said("attention", _("Not done"), _("It was not written."), text)


def not_saved(_: Translate) -> Said:
    """Mistakes in a form."""
    return Said("broken", _("Not saved"), _("Something has to be corrected: it is marked below."))
