"""Phones of agents: a call while it goes on, and what makes phones ring.

A call dialled rings the agent first and then the customer; a call that comes in rings the agent alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias, get_args

from connector.sandbox.thulium.switches import Switches

Act: TypeAlias = Literal[
    "answer", "they_answer", "hang_up", "they_hang_up", "reject", "they_reject", "no_answer", "fail"
]
"""What happens at the agent's phone, at the other one (`they_…`), or to the call; the other one's busy is `they_reject`."""
ACTS: tuple[Act, ...] = get_args(Act)

NEXT: dict[tuple[str, Act], str] = {
    ("ringing_agent", "answer"): "talking",  # "ringing_them" where the agent dialled
    ("ringing_agent", "hang_up"): "BUSY",
    ("ringing_agent", "reject"): "BUSY",
    ("ringing_agent", "they_hang_up"): "NO ANSWER",
    ("ringing_agent", "no_answer"): "NO ANSWER",
    ("ringing_agent", "fail"): "FAILED",
    ("ringing_them", "they_answer"): "talking",
    ("ringing_them", "they_reject"): "BUSY",
    ("ringing_them", "hang_up"): "NO ANSWER",
    ("ringing_them", "no_answer"): "NO ANSWER",
    ("ringing_them", "fail"): "FAILED",
    ("talking", "hang_up"): "ANSWERED",
    ("talking", "they_hang_up"): "ANSWERED",
}
"""What each act comes to, by the state it happens in: another state, or the disposition of a call that is over."""


@dataclass(slots=True)
class LiveCall:
    """A call that goes on: `ringing_agent`, `ringing_them`, `talking`, then its disposition."""

    connection_id: str
    agent: str
    src: str
    dst: str
    inbound: bool
    began_at: datetime
    queue_id: int | None = None
    customer_id: int | None = None
    custom_data: str = ""
    outbound_id: str = ""
    state: str = "ringing_agent"
    answered_at: datetime | None = None
    by_itself: bool = False
    """Nobody is at the phones: the call runs by a timer, and is listed with the lengths of an ordinary call."""

    @property
    def customer_number(self) -> str:
        """The customer's side, as dialled."""
        return self.src if self.inbound else self.dst

    @property
    def over(self) -> bool:
        """Whether both phones are on the hook."""
        return self.state not in ("ringing_agent", "ringing_them", "talking")

    def after(self, act: Act) -> str | None:
        """What `act` would make of the call, one of the values of NEXT; None where it can't happen now."""
        if (self.state, act) == ("ringing_agent", "answer") and not self.inbound:
            return "ringing_them"
        if (self.state, act) == ("ringing_agent", "they_hang_up") and not self.inbound:
            return None
        return NEXT.get((self.state, act))


Happened: TypeAlias = Callable[[LiveCall, Act], None]


class Engine(Protocol):
    """What makes the phones of a system ring, and tells what happens at them."""

    def place(self, call: LiveCall, happened: Happened) -> None:
        """Begin a call; all that happens from now on is told, what can't happen any more is passed over."""
        ...

    def act(self, call: LiveCall, act: Act) -> None:
        """Do at a phone what a person does there; that it happened is told as ever."""
        ...


class Timers:
    """The engine that comes with the simulator: phones without sound, which people or timers answer."""

    def __init__(self, switches: Switches, later: Callable[[float, Callable[[], object]], None]) -> None:
        """Ring as the switches `phones`, `ring_seconds`, `dial_seconds` and `dial_result` say."""
        self._switches, self._later = switches, later
        self._told: dict[str, Happened] = {}

    def place(self, call: LiveCall, happened: Happened) -> None:
        """Ring; a dialled call runs by itself unless people are at the phones."""
        self._told[call.connection_id] = happened
        if self._switches.phones == "auto" and not call.inbound:
            call.by_itself = True
            self._run(call, self._course())
        else:
            self._give_up_later(call)

    def act(self, call: LiveCall, act: Act) -> None:
        """It happens at once."""
        rang = call.state
        self._told[call.connection_id](call, act)
        if call.over:
            del self._told[call.connection_id]
        elif (rang, call.state) == ("ringing_agent", "ringing_them"):
            self._give_up_later(call)

    def _course(self) -> list[tuple[float, Act]]:
        """What happens by itself, and the seconds before it."""
        s = self._switches.dial_seconds
        ends: dict[str, list[tuple[float, Act]]] = {
            "ANSWERED": [(s / 4, "they_answer"), (s / 2, "hang_up")],
            "BUSY": [(s * 3 / 4, "they_reject")],
            "NO ANSWER": [(s * 3 / 4, "no_answer")],
            "FAILED": [(s * 3 / 4, "fail")],
        }
        return [(s / 4, "answer"), *ends[self._switches.dial_result]]

    def _run(self, call: LiveCall, course: list[tuple[float, Act]]) -> None:
        (seconds, act), rest = course[0], course[1:]

        def do() -> None:
            if not call.over:
                self.act(call, act)
            if rest and not call.over:
                self._run(call, rest)

        self._later(seconds, do)

    def _give_up_later(self, call: LiveCall) -> None:
        rang = call.state

        def give_up() -> None:
            if call.state == rang:
                self.act(call, "no_answer")

        self._later(self._switches.ring_seconds, give_up)
