"""Streams of pages that change, watched by browsers that come and go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from aiohttp import web

from connector.clock import Clock
from connector.web.console.desk import Visit
from connector.web.console.live import Live
from connector.web.middleware import middlewares
from tests.at_work import until
from tests.serving import free_port
from tests.world import World


async def test_a_stream_with_nothing_new_to_say_ends_when_its_browser_is_gone(world: World) -> None:
    live, looks = Live(Clock()), list[int]()

    async def render() -> tuple[str, bool]:
        looks.append(1)
        return "the same as ever", True

    async def watch(request: web.Request) -> web.StreamResponse:
        guard = SimpleNamespace(session_of=lambda _request: "one")
        answer = await live.stream(cast("Visit", SimpleNamespace(request=request, guard=guard)), render)
        looks.clear()
        return answer

    app = web.Application(middlewares=middlewares(world.settings()))
    app.router.add_get("/live", watch)
    # As the service runs it: a handler is not told that its browser has gone.
    runner = web.AppRunner(app, handler_cancellation=False, shutdown_timeout=1)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        answer = await world.http.get(f"http://127.0.0.1:{port}/live")
        await answer.content.readany()
        assert looks
        answer.close()

        async def has_ended() -> bool:
            return not looks

        await until(has_ended, 5)
    finally:
        await live.close(app)
        await runner.cleanup()
