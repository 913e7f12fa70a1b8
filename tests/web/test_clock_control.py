from datetime import UTC, datetime, timedelta

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler

from connector.clock import Clock
from connector.web import clock as clock_control
from tests.web.conftest import Open
from tests.world import listening


async def test_a_caller_on_this_machine_moves_the_clock() -> None:
    clock = Clock()
    app = web.Application()
    app.add_routes(clock_control.routes(clock))
    async with listening(app) as origin, ClientSession() as session:
        async with session.post(f"{origin}/_clock", json={"offset_seconds": 3600.5}) as answer:
            assert answer.status == 200
            told = orjson.loads(await answer.read())
        assert told["offset_seconds"] == 3600.5
        assert abs(datetime.fromisoformat(told["now"]) - datetime.now(UTC) - clock.offset) < timedelta(
            seconds=5
        )
        async with session.get(f"{origin}/_clock") as answer:
            assert orjson.loads(await answer.read())["offset_seconds"] == 3600.5
    assert clock.offset == timedelta(seconds=3600.5)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"7", b'{"offset_seconds": "1"}', b'{"offset_seconds": true}', b'{"offset_seconds": 1e99}',
     b'{"offset_seconds": null}'],
)  # fmt: skip
async def test_nonsense_does_not_move_the_clock(body: bytes) -> None:
    clock = Clock()
    app = web.Application()
    app.add_routes(clock_control.routes(clock))
    async with (
        listening(app) as origin,
        ClientSession() as session,
        session.post(f"{origin}/_clock", data=body) as answer,
    ):
        assert answer.status == 400
    assert clock.offset == timedelta()


@pytest.mark.parametrize("peer", ["203.0.113.7", "2001:db8::1", "", "unix"])
async def test_nobody_else_may_see_or_move_it(peer: str) -> None:
    @web.middleware
    async def from_afar(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request.clone(remote=peer))

    clock = Clock()
    app = web.Application(middlewares=[from_afar])
    app.add_routes(clock_control.routes(clock))
    async with listening(app) as origin, ClientSession() as session:
        for method in ("GET", "POST"):
            async with session.request(method, f"{origin}/_clock", data=b'{"offset_seconds": 1}') as answer:
                assert answer.status == 403
    assert clock.offset == timedelta()


async def test_a_proxy_on_this_machine_does_not_make_strangers_near(open_site: Open) -> None:
    clock = Clock()
    site = await open_site(clock=clock, extra=tuple(clock_control.routes(clock)))
    assert (await site.get("/_clock")).status == 200
    assert (await site.get("/_clock", **{"X-Forwarded-For": "203.0.113.7"})).status == 403
