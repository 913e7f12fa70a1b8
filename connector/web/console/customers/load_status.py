"""How a first load stands, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.flows.contacts.load_progress import AtWork
from connector.i18n import Translate
from connector.store.loads import Loaded, Phase
from connector.web.console.customers import words
from connector.web.console.desk import Visit

#: What settles a record, by what a preview counts of it and by what a load counts of it.
_FORESEEN = ("make", "link", "double", "ask", "leave")
_SETTLED = ("made", "linked", "double", "ask", "leave", "refused")
_CUT_OFF = "the connector ended before the load did"


@dataclass(frozen=True, slots=True)
class Status:
    """How a load stands: `state` and `word` first, `share` 0 to 1 where it is known, `left` a duration."""

    state: str
    word: str
    text: str
    detail: str = ""
    goes_on: bool = False
    share: float | None = None
    doing: str = ""
    left: str = ""
    counts: Sequence[tuple[str, str]] = ()


def status_of(work: AtWork | None, load: Loaded | None, visit: Visit) -> Status | None:
    """How the last load stands, with what is known of it while it is at `work` in this process; None where there is none."""
    _ = visit.translate
    if work is not None and not work.ended:
        return _under_way(work, load, visit)
    trouble = work.trouble if work is not None else ""
    if load is None:
        return Status("broken", _("Not done"), *_why(trouble, _)) if trouble else None
    counts = _so_far(load.counts, visit)
    all_done = Status("good", _("Finished"), _("Everybody of this side was loaded."), counts=counts)
    some = Status("attention", _("Finished"), _("All but those refused below were loaded."), counts=counts)
    ends = {
        Phase.FINISHED: some if load.counts.get("refused") else all_done,
        Phase.DROPPED: Status("plain", _("Ended"), *_why(load.reason, _), counts=counts),
    }
    rests = {
        Phase.PREVIEWED: Status(
            "attention", _("Counted"), _("Nothing is written yet. Look at the numbers, then begin.")
        ),
        Phase.READING: Status(
            "attention", _("Stopped"), _("It was stopped while it was counted. Count again.")
        ),
    }
    stands = ends.get(load.state) or (None if trouble else rests.get(load.state))
    return stands or Status(
        "attention", _("Paused"), *_why(trouble or load.reason or _CUT_OFF, _), counts=counts
    )


def _under_way(work: AtWork, load: Loaded | None, visit: Visit) -> Status:
    _ = visit.translate
    doing = words.doings(_).get(work.doing, "")
    if work.stopping.is_set():
        return Status(
            "busy", _("Stopping"), _("What is being sent is settled first."), goes_on=True, doing=doing
        )
    if not work.writes or load is None or load.state is not Phase.RUNNING:
        return Status(
            "busy", _("Counting"), _("Both sides are read. Nothing is written."), goes_on=True, doing=doing
        )
    counts = work.counts or load.counts
    foreseen = part(load, "counts")
    total = sum(foreseen.get(name, 0) for name in _FORESEEN)
    share = min(sum(counts.get(name, 0) for name in _SETTLED) / total, 0.99) if total else None
    seconds = part(load, "estimate").get("seconds", 0)
    left = visit.show.lasting(max(1, seconds * (1 - share))) if share is not None and seconds else ""
    return Status(
        "busy",
        _("Under way"),
        "",
        goes_on=True,
        share=share,
        doing=doing,
        left=left,
        counts=_so_far(counts, visit),
    )


def _why(reason: str, _: Translate) -> tuple[str, str]:
    if reason == _CUT_OFF:
        return _(
            "The connector ended before the load did. Go on: what was being sent is looked for first."
        ), ""
    return words.reason(reason, _)


def part(load: Loaded | None, name: str) -> Mapping[str, int]:
    """One part of a preview: numbers by name."""
    part = load.preview.get(name) if load is not None else None
    return part if isinstance(part, dict) else {}


def _so_far(counts: Mapping[str, int], visit: Visit) -> list[tuple[str, str]]:
    known = words.done_so_far(visit.translate)
    return [(word, visit.show.number(counts[name])) for name, word in known.items() if counts.get(name)]
