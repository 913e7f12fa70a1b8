"""A page where faults are switched on and off and the simulated clock is moved; any simulator can serve it."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from connector.sandbox.clock import Clock
from connector.sandbox.faults import KINDS, Faults, Rule, read_rule
from connector.sandbox.pages import Pages

PATH = "/_sandbox/switchboard"
EXPLAINED = {
    "delay": "the answer comes late",
    "timeout_before": "no effect, then the connection is dropped",
    "timeout_after": "the effect happens, then the connection is dropped",
    "late_effect": "the connection is dropped, the effect happens afterwards",
    "reset_before": "reset at once, no effect",
    "reset_after": "the effect happens, then a reset",
    "status_before": "an error without the effect",
    "status_after": "an error although the effect happened",
    "burst_429": "too many requests in two seconds",
    "daily_429": "the day's budget is used up",
    "unauthorised": "the token is refused",
    "html_403": "a page of HTML with 403",
    "empty_body": "the effect happens, the answer is empty",
}
SHOWN_CALLS = 50


def routes(faults: Faults, clock: Clock, pages: Pages) -> list[web.RouteDef]:
    """Give the page and the orders of its forms."""

    def page(problem: str = "", status: int = 200) -> web.Response:
        return pages.answer(
            "switchboard.html",
            status,
            rules=faults.rules,
            kinds=[(kind, EXPLAINED[kind]) for kind in KINDS],
            calls=list(faults.log)[: -SHOWN_CALLS - 1 : -1],
            now=clock.now(),
            offset=int(clock.offset.total_seconds()),
            problem=problem,
        )

    async def show(_request: web.Request) -> web.Response:
        return page()

    async def order(request: web.Request) -> web.Response:
        form = {key: str(value).strip() for key, value in (await request.post()).items()}
        try:
            match form.pop("order", ""):
                case "add":
                    faults.add(_rule(form))
                case "clear":
                    faults.rules.clear()
                case "clock":
                    clock.offset = timedelta(seconds=float(form["offset_seconds"]))
                case _:
                    raise ValueError("unknown order")
        except (ValueError, KeyError, OverflowError) as error:
            return page(str(error), 400)
        raise web.HTTPSeeOther(PATH)

    return [web.get(PATH, show), web.post(PATH, order)]


def _rule(form: dict[str, str]) -> Rule:
    body: dict[str, object] = {
        "kind": form["kind"],
        "times": int(form["times"]) if form.get("times") else None,
    }
    for name in ("method", "path"):
        if form.get(name):
            body[name] = form[name]
    for name in ("nth", "status"):
        if form.get(name):
            body[name] = int(form[name])
    if form.get("seconds"):
        body["seconds"] = float(form["seconds"])
    return read_rule(body)
