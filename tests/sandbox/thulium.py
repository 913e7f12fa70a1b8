"""A running simulated Thulium and a receiver of its webhooks, for the tests beside this file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connector.sandbox.thulium import Config, create_app

AUTH = {"Authorization": aiohttp.encode_basic_auth("connector", "demo-password")}


class Centre:
    """What a test asks of a running simulator; answers must have the expected status."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def ask(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        json: object = None,
        system: str = "",
        **query: object,
    ) -> Any:
        """Call the API; a JSON answer is read, an empty one is None."""
        prefix = f"/{system}/api/" if system else "/api/"
        params = {name: str(value) for name, value in query.items()}
        async with self.client.request(
            method, prefix + path, json=json, params=params, headers=AUTH
        ) as reply:
            text = await reply.text()
            assert reply.status == status, (reply.status, text)
            return await reply.json() if text else None

    async def get(self, path: str, **query: Any) -> Any:
        return await self.ask("GET", path, **query)

    async def post(self, path: str, json: object = None, status: int = 200) -> Any:
        return await self.ask("POST", path, json=json, status=status)

    async def put(self, path: str, json: object = None, status: int = 200) -> Any:
        return await self.ask("PUT", path, json=json, status=status)

    async def delete(self, path: str, status: int = 200) -> Any:
        return await self.ask("DELETE", path, status=status)

    async def control(self, endpoint: str, status: int = 200, **body: Any) -> Any:
        async with self.client.post(f"/_sandbox/{endpoint}", json=body) as reply:
            assert reply.status == status, await reply.text()
            return await reply.json()

    async def seed(self, **body: Any) -> Any:
        return await self.control("seed", **body)

    async def happen(self, what: str, **spec: Any) -> Any:
        return await self.control("happen", what=what, **spec)

    async def switch(self, **switches: Any) -> Any:
        return await self.control("switches", **switches)

    async def look(self, endpoint: str, **query: str) -> Any:
        async with self.client.get(f"/_sandbox/{endpoint}", params=query) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()

    async def page(self, path: str, status: int = 200) -> str:
        async with self.client.get(path) as reply:
            assert reply.status == status, await reply.text()
            return await reply.text()


@asynccontextmanager
async def running(config: Config | None = None) -> AsyncIterator[Centre]:
    """A simulator on a real socket."""
    async with TestClient(TestServer(create_app(config))) as client:
        yield Centre(client)


class Receiver:
    """Takes webhooks and keeps their bodies."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.users: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.more = asyncio.Condition()
        self.server = TestServer(self._app())

    @property
    def url(self) -> str:
        return str(self.server.make_url("/hook"))

    def _app(self) -> web.Application:
        async def take(request: web.Request) -> web.Response:
            self.types.append(request.content_type)
            self.users.append(request.headers.get("Authorization", ""))
            self.forms.append(dict(parse_qsl(await request.text(), keep_blank_values=True)))
            async with self.more:
                self.more.notify_all()
            return web.Response()

        app = web.Application()
        app.router.add_post("/hook", take)
        return app

    async def wait_for(self, count: int) -> list[dict[str, str]]:
        async with asyncio.timeout(2), self.more:
            await self.more.wait_for(lambda: len(self.forms) >= count)
        return self.forms


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a real socket."""
    receiver = Receiver()
    async with receiver.server:
        yield receiver
