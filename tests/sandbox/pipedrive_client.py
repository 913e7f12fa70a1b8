"""What the tests of the simulated Pipedrive talk with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from connector.sandbox.pipedrive.app import create_app
from connector.sandbox.pipedrive.config import Config
from connector.sandbox.wire import write_basic

ADMIN_TOKEN = "demo-api-token"
CALLBACK = "http://127.0.0.1:1/oauth/callback"


@dataclass(frozen=True)
class Reply:
    status: int
    json: Any
    headers: dict[str, str]

    @property
    def data(self) -> Any:
        assert self.status < 300, self.json
        return self.json["data"]


@dataclass
class Crm:
    session: aiohttp.ClientSession
    base: str

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = ADMIN_TOKEN,
        bearer: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        sent = {"Authorization": f"Bearer {bearer}"} if bearer else {"x-api-token": token}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else orjson.dumps(body)
        async with self.session.request(
            method, self.base + path, data=content, headers=sent | (headers or {}), allow_redirects=False
        ) as response:
            text = await response.read()
            is_json = response.content_type == "application/json"
            return Reply(
                response.status,
                orjson.loads(text) if is_json else text.decode(),
                {name.lower(): value for name, value in response.headers.items()},
            )

    async def get(self, path: str, **how: Any) -> Reply:
        return await self.call("GET", path, **how)

    async def post(self, path: str, body: object, **how: Any) -> Reply:
        return await self.call("POST", path, body, **how)

    async def patch(self, path: str, body: object, **how: Any) -> Reply:
        return await self.call("PATCH", path, body, **how)

    async def delete(self, path: str, **how: Any) -> Reply:
        return await self.call("DELETE", path, **how)

    async def sandbox(self, path: str, body: object = None) -> Any:
        """Ask the simulator itself: GET, or POST with a body."""
        reply = await self.call("GET" if body is None else "POST", f"/_sandbox/{path}", body)
        assert reply.status < 300, reply.json
        return reply.json

    async def users(self) -> list[dict[str, Any]]:
        users: list[dict[str, Any]] = (await self.sandbox("state"))["users"]
        return users

    async def move_clock(self, **amount: float) -> None:
        units = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
        seconds = sum(units[unit] * value for unit, value in amount.items())
        await self.sandbox("clock", {"offset_seconds": seconds})

    async def token_call(
        self, client: str = "demo-client", secret: str = "demo-secret", **form: str
    ) -> Reply:
        auth = write_basic(client, secret)
        async with self.session.post(
            self.base + "/oauth/token", data=form, headers={"Authorization": auth}
        ) as response:
            return Reply(response.status, await response.json(), dict(response.headers))

    async def install(self, user: int = 0, callback: str = CALLBACK) -> dict[str, Any]:
        """Install the demo app for a user (by place); gives the answer of the token endpoint."""
        person = (await self.users())[user]
        code = (await self.sandbox("authorise", {"user": person["id"], "redirect_uri": callback}))["code"]
        reply = await self.token_call(grant_type="authorization_code", code=code, redirect_uri=callback)
        assert reply.status == 200, reply.json
        answer: dict[str, Any] = reply.json
        return answer

    async def decide(self, decision: str, state: str | None = "s 1") -> dict[str, list[str]]:
        """Press a button of the consent page as the first user; gives the query of the way back."""
        form = {"client_id": "demo-client", "redirect_uri": CALLBACK, "decision": decision}
        form |= {"user": str((await self.users())[0]["id"]), "state": state or ""}
        async with self.session.post(
            self.base + "/oauth/authorize", data=form, allow_redirects=False
        ) as response:
            assert response.status == 302, await response.text()
            return parse_qs(urlsplit(response.headers["Location"]).query)


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Crm]:
    server = TestServer(create_app(config))
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        yield Crm(session, str(server.make_url("")).rstrip("/"))
    await server.close()


class Receiver:
    """A webhook receiver: answers `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append((request.method, dict(request.headers), body))
        self.bodies.append(body)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Receiver"]:
        app = web.Application()
        app.router.add_route("*", "/hook", self._receive)
        server = TestServer(app)
        await server.start_server()
        self.url = str(server.make_url("/hook"))
        yield self
        await server.close()
