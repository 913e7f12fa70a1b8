"""The web frame and the install pages on a real socket, on the simulated vendors or on a given answer."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession, CookieJar, web
from pydantic import SecretStr
from yarl import URL

from connector.app import Service
from connector.clock import Clock
from connector.flows.installing import Arrival
from connector.settings import Settings
from connector.store.access import Access
from connector.web import install
from connector.web.access import Guard
from connector.web.hooks import LARGEST_BODY
from connector.web.middleware import middlewares
from connector.web.notes import Notes
from connector.web.set_up_code import set_up_code
from tests.world import World, open_world


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str
    cookies: list[str]


@dataclass
class Site:
    """The service as a browser sees it."""

    origin: str
    browser: ClientSession
    settings: Settings
    clock: Clock

    async def get(self, path: str, language: str = "en", **headers: str) -> Answer:
        return await self.ask("GET", path, headers={"Accept-Language": language, **headers})

    async def ask(self, method: str, path: str, **how: Any) -> Answer:
        url = URL(path if path.startswith("http") else self.origin + path, encoded=True)
        async with self.browser.request(method, url, allow_redirects=False, **how) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            cookies = answer.headers.getall("Set-Cookie", [])
            return Answer(answer.status, headers, await answer.text(), cookies)


Open = Callable[..., Awaitable[Site]]


async def nobody(_code: str) -> Arrival:
    raise AssertionError("nobody was to be installed")


async def no_longer() -> bool:
    return False


async def nothing(_company_id: str, _user_id: str) -> bool:
    return False


def install_routes(
    settings: Settings,
    clock: Clock,
    *,
    access: Access | None = None,
    is_fresh: Callable[[], Awaitable[bool]] = no_longer,
    install_code: install.InstallCode = nobody,
    install_token: install.InstallToken = nobody,
    uninstall: install.Uninstall = nothing,
    returns: Mapping[str, install.Return] | None = None,
) -> web.RouteTableDef:
    """The pages of installing; without `access` nobody can be signed in."""
    guard, notes = Guard(access or cast("Access", None), lambda _: None, settings, clock), Notes(clock)
    return install.routes(
        settings, clock, guard, is_fresh=is_fresh, install_code=install_code, install_token=install_token,
        uninstall=uninstall, tell=lambda said, where: notes.leave(where, said), returns=returns,
    )  # fmt: skip


@pytest.fixture
async def open_site() -> AsyncIterator[Open]:
    """Open a site of given settings; what happens to a code is `install_code`'s, more routes are `extra`'s."""
    async with AsyncExitStack() as stack:

        async def begin(
            settings: Settings | None = None,
            *,
            is_fresh: Callable[[], Awaitable[bool]] = no_longer,
            install_code: install.InstallCode = nobody,
            install_token: install.InstallToken = nobody,
            uninstall: install.Uninstall = nothing,
            access: Access | None = None,
            extra: tuple[web.RouteDef, ...] = (),
            clock: Clock | None = None,
            port: socket.socket | None = None,
        ) -> Site:
            settings = settings or Settings(
                _env_file=None,
                pipedrive_client_id="demo-client",
                pipedrive_client_secret=SecretStr("demo-secret"),
            )
            clock = clock or Clock()
            app = web.Application(middlewares=middlewares(settings), client_max_size=LARGEST_BODY)
            app.add_routes(
                install_routes(
                    settings, clock, access=access, is_fresh=is_fresh, install_code=install_code,
                    install_token=install_token, uninstall=uninstall,
                )
            )  # fmt: skip
            app.add_routes(extra)
            port = port or free_port()
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, port).start()
            browser = await stack.enter_async_context(ClientSession(cookie_jar=CookieJar(unsafe=True)))
            return Site(f"http://127.0.0.1:{port.getsockname()[1]}", browser, settings, clock)

        yield begin


def free_port() -> socket.socket:
    port = socket.socket()
    port.bind(("127.0.0.1", 0))
    return port


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, pipedrive_timeout=5.0) as world:
        yield world


@dataclass
class Installable:
    """A site whose installs are real, its service, and the simulated Pipedrive."""

    site: Site
    service: Service
    world: World

    async def press(self) -> Answer:
        """Press the button, with the set-up code if that is asked for: the answer that leads to Pipedrive."""
        started = await self.site.get("/install")
        if started.status == 302:
            return started
        code = {"code": set_up_code(self.site.settings)}
        await self.site.ask("POST", "/install/code", data=code)
        return await self.site.get("/install")

    async def allow(self, *, who: int = 0) -> str:
        """Start at the install page, allow at Pipedrive, and give the address that leads back."""
        started = await self.press()
        return await self.consent(dict(URL(started.headers["location"]).query), who=who)

    async def consent(self, query: dict[str, str], decision: str = "allow", *, who: int = 0) -> str:
        async with self.world.http.get(f"{self.world.pipedrive}/_sandbox/companies") as companies:
            user = (await companies.json())[0]["users"][who]["id"]
        async with self.world.http.post(
            f"{self.world.pipedrive}/oauth/authorize",
            data={"state": "", **query, "user": user, "decision": decision},
            allow_redirects=False,
        ) as answer:
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]


@pytest.fixture
async def installable(world: World, open_site: Open) -> AsyncIterator[Installable]:
    port = free_port()
    origin = f"http://127.0.0.1:{port.getsockname()[1]}"
    async with world.connector(public_url=origin) as service:
        site = await open_site(
            service.settings, is_fresh=service.installations.none_yet, install_code=service.install_code,
            uninstall=service.uninstall, access=service.access, clock=service.clock, port=port,
        )  # fmt: skip
        yield Installable(site, service, world)
