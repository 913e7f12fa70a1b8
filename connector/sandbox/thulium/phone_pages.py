"""The phones of a system as a page: whoever tries the product answers and hangs up here, on both sides of a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from connector.sandbox.thulium import exchange
from connector.sandbox.thulium.directory import find_agent
from connector.sandbox.thulium.phones import ACTS, Act, LiveCall
from connector.sandbox.thulium.state import Agent, System
from connector.sandbox.thulium.wire import ApiError

Show: TypeAlias = Callable[..., web.Response]
Order: TypeAlias = Callable[[Mapping[str, str]], None]

HERE: dict[Act, str] = {"answer": "Answer", "reject": "Reject", "hang_up": "Hang up"}
THERE: dict[Act, str] = {
    "they_answer": "Answer",
    "they_reject": "Be busy",
    "no_answer": "Not answer",
    "they_hang_up": "Hang up",
}
#: Possible, but of no use beside "Reject", and beside "Hang up" on the other side.
ODD = (("ringing_agent", "hang_up"), ("ringing_agent", "no_answer"))


class PhonePages:
    """The page and its orders; `show` renders a template of the panel at `base`."""

    def __init__(self, system: System, base: str, show: Show) -> None:
        """Show the phones of `system`."""
        self._system, self._path, self._show = system, f"{base}/phones", show

    def routes(self) -> list[web.RouteDef]:
        """Give the addresses."""
        return [
            web.get(self._path, self._phones),
            web.post(f"{self._path}/ring", self._order(self._ring)),
            web.post(f"{self._path}/act", self._order(self._act)),
            web.post(f"{self._path}/who", self._order(self._who)),
        ]

    async def _phones(self, _request: web.Request) -> web.Response:
        return self._page()

    def _page(self, status: int = 200, problem: str = "") -> web.Response:
        agents = [agent for agent in self._system.agents.values() if agent.active]
        phones = [(agent, exchange.live_call_of(self._system, agent.login)) for agent in agents]
        return self._show("phones.html", status, phones=phones, sides=sides, said=said, problem=problem)

    def _order(self, order: Order) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            form = {key: str(value).strip() for key, value in (await request.post()).items()}
            try:
                order(form)
            except (ApiError, ValueError) as refusal:
                text = ": ".join(str(part) for part in refusal.args if part)
                return self._page(400, text)
            login = form.get("agent", "")
            raise web.HTTPSeeOther(f"{self._path}#{login}" if login in self._system.agents else self._path)

        return handle

    def _ring(self, form: Mapping[str, str]) -> None:
        number = "".join(form.get("number", "").split())
        if not number:
            raise ApiError(400, "Parameter is required", "number")
        queue = next(iter(self._system.queues), None)
        exchange.come_in(self._system, find_agent(self._system, form.get("agent", "")), number, queue)

    def _act(self, form: Mapping[str, str]) -> None:
        act = next((one for one in ACTS if one == form.get("act")), None)
        if act is None:
            raise ApiError(400, "Invalid value", "act")
        exchange.act(self._system, find_agent(self._system, form.get("agent", "")), act)

    def _who(self, form: Mapping[str, str]) -> None:
        self._system.switches.set_all({"phones": form.get("phones", "")})


def sides(agent: Agent, call: LiveCall) -> list[tuple[str, list[tuple[Act, str]]]]:
    """Who is on each side of a call, and what can be done there now."""
    both = ((agent.full_name, HERE), (call.customer_number, THERE))
    return [
        (who, can) for who, words in both if (can := [(act, words[act]) for act in words if _can(call, act)])
    ]


def _can(call: LiveCall, act: Act) -> bool:
    return (call.state, act) not in ODD and call.after(act) is not None


def said(call: LiveCall) -> str:
    """What goes on, in words."""
    match call.state:
        case "ringing_agent" if call.inbound:
            return f"{call.customer_number} calls."
        case "ringing_agent":
            return f"Rings, to call {call.customer_number} next."
        case "ringing_them":
            return f"{call.customer_number} rings."
        case _:
            return f"Talks with {call.customer_number}."
