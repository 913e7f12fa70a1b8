"""A scripted working day in two companies: data and acts on the simulators alone; the connector is a spectator.

`Day` moves the simulators' time in steps of a quarter of an hour and makes ordinary events, hard cases and faults
happen. Each event's fate is written down as it happens, so that `scenario_proof` can say what is missing or double.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from aiohttp import ClientSession

from connector.sandbox.scenario_cases import CASES, SPECIAL, Scene
from connector.sandbox.scenario_cast import BRANCHES, OGRODY, ROWERY, Branch, Someone
from connector.sandbox.scenario_stage import INBOUND, OUTBOUND, SKIPPED, WAITING, Fate, Stage, of
from connector.sandbox.scenario_troubles import TROUBLES
from connector.sandbox.wire import Object

ZONE = ZoneInfo("Europe/Warsaw")
STEP = timedelta(minutes=15)
OPENS, CLOSES = time(8), time(18)
#: Ordinary events of a branch in each step, and how many minutes before its end they happen.
MINUTES = {OGRODY.letter: (13, 10, 7, 4), ROWERY.letter: (12, 8, 5)}
#: Every direction and result of a call, chats, mails with and without answer, and strangers, in turn.
ORDINARY = (
    "inbound ANSWERED", "mail", "outbound ANSWERED", "chat", "inbound NO ANSWER", "outbound BUSY", "answered mail",
    "stranger call", "inbound FAILED", "outbound NO ANSWER", "mail", "inbound BUSY", "conversation",
    "outbound FAILED", "stranger mail", "short", "chat",
)  # fmt: skip


@dataclass
class Step:
    """What a step brought: cases and faults by name, and what our own people are asked to do."""

    at: datetime
    cases: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


class Day:
    """One working day."""

    def __init__(self, http: ClientSession, pipedrive: str, thulium: str, day: date) -> None:
        """`pipedrive` and `thulium` are the simulators' addresses."""
        self.stage = Stage(http, pipedrive, thulium)
        self.opens = datetime.combine(day, OPENS, ZONE)
        self.closes = datetime.combine(day, CLOSES, ZONE)
        self._scene = Scene(self.stage, self.opens)
        self._turns = {branch.letter: count() for branch in BRANCHES}

    def moments(self) -> Iterator[datetime]:
        """The ends of all steps, in local time."""
        at = self.opens
        while (at := at + STEP) <= self.closes:
            yield at

    async def play(self, at: datetime) -> Step:
        """Let a step happen; the simulators' time is `at` already."""
        step, clock = Step(at), f"{at:%H:%M}"
        for trouble in TROUBLES:
            if trouble.at == clock:
                await self.stage.fault(trouble.side, trouble.kind, **trouble.details)
        for branch in BRANCHES:
            await self.play_ordinary(branch, at)
        self._scene.now, self._scene.asked = at, step.asked
        for case in CASES.get(clock, ()):
            await case(self._scene)
            step.cases.append(case.__name__.replace("_", " "))
        return step

    async def play_ordinary(self, branch: Branch, at: datetime) -> None:
        """The ordinary events of a branch in the step that ends at `at`."""
        for minutes in MINUTES[branch.letter]:
            await self._ordinary(branch, at - timedelta(minutes=minutes))

    @property
    def kept(self) -> Mapping[str, str]:
        """Ids of events that cases keep an eye on, by name."""
        return self._scene.kept

    async def _ordinary(self, branch: Branch, at: datetime) -> None:
        turn = next(self._turns[branch.letter])
        people = branch.people[SPECIAL if branch is OGRODY else 4 :]
        who = people[turn % len(people)]
        what = ORDINARY[turn % len(ORDINARY)]
        stage, fate = self.stage, of(who)
        if what in ("mail", "answered mail", "stranger mail"):
            sender, fate = (f"obcy{turn}@example.com", WAITING) if "stranger" in what else (who.email, fate)
            kinds = ("MAIL", "REPLY", "COMMENT") if what == "answered mail" else ("MAIL",)
            await stage.ticket(branch, sender, at, fate, kinds=kinds)
        elif what in ("chat", "conversation"):
            closed_at = at + timedelta(minutes=4 if what == "conversation" else 1)
            await stage.chat(branch, who, at, fate, closed_at=closed_at)
        else:
            await self._call(branch, who, at, turn, what)

    async def _call(self, branch: Branch, who: Someone, at: datetime, turn: int, what: str) -> None:
        agent = branch.agents[turn % len(branch.agents)][0]
        direction, _, disposition = what.partition(" ")
        kind = OUTBOUND if direction == "outbound" else INBOUND
        details: Object = {"agent": agent, "talk": 40 + 13 * (turn % 20), "disposition": disposition}
        fate: Fate = of(who)
        number = who.line
        if what == "stranger call":
            number, fate, details["disposition"] = f"604{turn:06}", WAITING, "ANSWERED"
        elif what == "short":
            # Rowery leaves out calls of less than five seconds.
            details |= {"disposition": "ANSWERED", "talk": 3}
            fate = SKIPPED if branch is ROWERY else fate
        elif branch is ROWERY and kind == OUTBOUND and disposition != "ANSWERED":
            # Rowery does not want to see whom it could not reach.
            fate = SKIPPED
        if disposition == "ANSWERED" and turn % 3:
            details |= {"topic_id": 95 + turn % 4, "comment": "Klient prosi o ofertę."}
        await self.stage.call(branch, number, at, fate, kind=kind, **details)

    def settings(self, branch: Branch) -> Object:
        """What the branch's administrator sets in the connector, as its settings document."""
        base = f"{self.stage.thulium}/{branch.system}/panel"
        document: Object = {
            "language": branch.language,
            "links": {name: f"{base}/{name}s/{{id}}" for name in ("customer", "ticket", "call", "chat")},
            "chats": {"type": branch.chat_type},
            "live": True,
        }
        if branch is ROWERY:
            document["calls"] = {
                "minimum_seconds": 5,
                "abandoned_as_to_do": True,
                "cases": [{"direction": "outbound", "result": "failed", "type": None}],
            }
        return document
