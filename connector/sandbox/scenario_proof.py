"""Proof of the scripted day by comparing the simulators with each other; the connector is not asked.

An event is known in Pipedrive by what its activity shows: a call by number and minute, all else by its token.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from connector.sandbox.scenario_cast import BRANCHES, Branch
from connector.sandbox.scenario_stage import Fate, Stage
from connector.sandbox.wire import Object

_TOKEN = re.compile(r"\b[A-Z]-\d{4}\b")
_NUMBER = re.compile(r"</b> (\+?\d{3,})<br>")
_MARKER = re.compile(r"ref:[A-Z2-7]{20}")


@dataclass
class Proof:
    """What the comparison found; the lists name events by kind, id and what they show."""

    events: int = 0
    activities: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[str]:
        """All of them, one a line."""
        kinds = ("lost", "duplicates", "misplaced", "unexpected")
        return [f"{kind}: {found}" for kind in kinds for found in getattr(self, kind)]


async def prove(stage: Stage) -> Proof:
    """Compare what happened in the contact centres with all activities in Pipedrive."""
    proof = Proof()
    for branch in BRANCHES:
        await _prove(stage, branch, proof)
    return proof


async def _prove(stage: Stage, branch: Branch, proof: Proof) -> None:
    found: defaultdict[tuple[str, ...], list[Object]] = defaultdict(list)
    for activity in await stage.activities(branch):
        if _MARKER.search(activity["note"] or ""):
            found[_shown(activity)].append(activity)
    names = {
        entity: {row["id"]: name for name, row in (await stage.records(branch, entity)).items()}
        for entity in ("person", "organization")
    }
    for event in await stage.events(branch):
        fate = stage.fates[branch.system, event["kind"], event["id"]]
        proof.events += 1
        proof.fates[fate.state] += 1
        copies = found.pop(_told(event), [])
        alive = [copy for copy in copies if not copy["is_deleted"]]
        taken = any((branch.letter, copy["id"]) in stage.deleted_by_people for copy in copies)
        proof.activities += bool(alive or taken)
        named = f"{branch.system} {event['kind']} {event['id']} {' '.join(_told(event))}"
        if fate.state != "written":
            proof.unexpected += [f"{named}, {fate.state}"] if copies else []
            continue
        if not alive and not taken:
            proof.lost.append(named)
        proof.duplicates += [named] * (len(alive) - 1)
        proof.misplaced += [f"{named}: {wrong}" for copy in alive[:1] if (wrong := _wrong(copy, fate, names))]
    proof.unexpected += [f"{branch.system} activity of {' '.join(key)}" for key in found]


def _told(event: Object) -> tuple[str, ...]:
    """What tells an event from all others, at the contact centre."""
    if event["kind"] == "call":
        return (event["number"], event["start"][:16])
    token = _TOKEN.search(event["text"])
    return (token[0],) if token else ("?", event["id"])


def _shown(activity: Object) -> tuple[str, ...]:
    """The same, as the activity shows it."""
    if token := _TOKEN.search(activity["note"]):
        return (token[0],)
    number = _NUMBER.search(activity["note"])
    return (number[1] if number else "?", f"{activity['due_date']}T{activity['due_time']}"[:16])


def _wrong(activity: Object, fate: Fate, names: dict[str, dict[int, str]]) -> str:
    """Whose activity it wrongly is, if so."""
    person = names["person"].get(activity["person_id"])
    if person != fate.person:
        return f"of {person}, not of {fate.person}"
    organization = names["organization"].get(activity["org_id"])
    if fate.organization is not None and organization != fate.organization:
        return f"of {organization}, not of {fate.organization}"
    return ""
