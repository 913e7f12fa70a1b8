"""Chromium with the extension in it, pages to click on, and a stand-in for the connector's live line."""

import asyncio
import atexit
import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from playwright.async_api import BrowserContext, Page, Playwright, Worker

from tests.browser.conftest import FLAGS, chromium_path

EXTENSION = Path(__file__).parents[2] / "browser_extension"
ID = "mamhhpekdoamlgbkfbdfgljfflipojfn"
TOKEN = "line_" + "t" * 43
CALL = {
    "direction": "out",
    "reason": "",
    "candidates": [],
    "known": True,
    "new_person": "",
    "began_at": "2026-11-22T09:00:00Z",
    "answered_at": None,
    "ended_at": None,
    "duration_s": None,
    "link": "",
}


@functools.cache
def built(browser: str = "chrome") -> Path:
    """Build the extension for a browser so that it may reach simulators on this machine: its folder."""
    assert (EXTENSION / "node_modules").is_dir(), "first: make extension"
    # In a folder of this process: others build at the same time.
    folder = tempfile.mkdtemp(prefix="click-to-call-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = os.environ | {"PATH": path, "CLICK_TO_CALL_OUT": folder}
    subprocess.run(
        ["npx", "wxt", "build", "-b", browser, "--mode", "loopback"],
        cwd=EXTENSION,
        env=here,
        check=True,
        capture_output=True,
    )
    return Path(folder) / f"{browser}-mv3-loopback"


@dataclass
class Line:
    """The connector's end of the line: what was ordered, and what it answers."""

    orders: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    #: The reason of a refusal; "" takes every order.
    refusal: str = ""
    hosts: tuple[str, ...] = ()
    #: How many lines were opened.
    opened: int = 0

    async def hold(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["connector.v1"])
        await socket.prepare(request)
        agent = {"name": "Anna Nowak", "login": "anna", "centre": "Thulium"}
        await socket.send_json(
            {
                "type": "hello",
                "version": 1,
                "agent": agent,
                "company": "Acme",
                "pipedrive": f"http://{self.hosts[0]}",
                "pipedrive_hosts": self.hosts,
                "server": "1",
            }
        )
        await socket.send_json({"type": "calls", "calls": []})
        self.opened += 1
        async for message in socket:
            if message.type is WSMsgType.TEXT and (said := message.json())["type"] == "dial":
                self.orders.put_nowait(said)
                await socket.send_json(self.answer(said))
        return socket

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            return {"type": "refused", "id": order["id"], "reason": self.refusal}
        call = CALL | {key: order[key] for key in ("id", "number", "record")}
        return {
            "type": "dialled",
            "id": order["id"],
            "call": call | {"state": "ringing_you", "number_shown": order["number"]},
        }

    async def ordered(self) -> dict[str, Any]:
        """The next order; what the worker made up for it is left out."""
        order = await asyncio.wait_for(self.orders.get(), 10)
        return {key: order[key] for key in ("number", "record", "source")}

    async def open_again(self, before: int) -> None:
        """Wait for another line than those of before."""
        for _ in range(300):
            if self.opened > before:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("no line was opened again")

    async def nothing_ordered(self) -> bool:
        """Whether no order comes in the time that one takes many times over."""
        await asyncio.sleep(0.3)
        return self.orders.empty()


@dataclass
class Pages:
    """HTML by path; every page is served by both of two sites."""

    html: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=itertools.count)

    async def serve(self, request: web.Request) -> web.Response:
        return web.Response(text=self.html.get(request.path, ""), content_type="text/html")

    def put(self, body: str, path: str = "", *, head: str = "") -> str:
        path = path or f"/page-{next(self.numbers)}"
        self.html[path] = (
            f"<!doctype html><html lang=en><head><title>Page</title>{head}</head><body>{body}</body></html>"
        )
        return path


@dataclass
class Extension:
    """A Chromium with the extension, connected as an agent."""

    context: BrowserContext
    line: Line
    pages: Pages
    #: Stands for Pipedrive.
    site: str
    #: Another site.
    elsewhere: str

    @property
    def worker(self) -> Worker:
        return self.context.service_workers[-1]

    async def open(self, body: str, path: str = "", *, site: str = "", head: str = "") -> Page:
        """Show a page, and none of before."""
        before = self.context.pages
        page = await self.context.new_page()
        for one in before:
            await one.close()
        await page.goto((site or self.site) + self.pages.put(body, path, head=head))
        return page

    async def press(self, page: Page, event: str, *arguments: Any) -> None:
        """Tell the worker what somebody did in the browser's own interface, where tests cannot press."""
        await self.worker.evaluate(
            """async ([url, event, values]) => {
                const [tab] = (await chrome.tabs.query({})).filter((one) => one.url === url);
                chrome[event.split(".")[0]][event.split(".")[1]].dispatch(...values, tab);
            }""",
            [page.url, event, list(arguments)],
        )

    async def said(self, page: Page, expected: str) -> str:
        """Wait for a text in the toast, as it is read out: its role. No script of the page can look into it."""
        session = await self.context.new_cdp_session(page)
        told: list[tuple[str, str]] = []
        for _ in range(100):
            told = spoken((await session.send("Accessibility.getFullAXTree"))["nodes"])
            for role, text in told:
                if expected in text:
                    return role
            await asyncio.sleep(0.05)
        raise AssertionError(f"said {told}, not {expected!r}")


def spoken(nodes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Role and text of what is read out by itself."""
    by_id = {node["nodeId"]: node for node in nodes}

    def text(node: dict[str, Any]) -> str:
        if node["role"]["value"] == "StaticText":
            return str(node["name"]["value"])
        return "".join(text(by_id[child]) for child in node.get("childIds", []) if child in by_id)

    return [
        (node["role"]["value"], text(node)) for node in nodes if node["role"]["value"] in ("status", "alert")
    ]


@asynccontextmanager
async def serving(line: Line, pages: Pages) -> AsyncIterator[tuple[str, str, str]]:
    """Serve the line, and the pages on two sites: the origins of the three. The first site stands for Pipedrive."""
    connector, site, elsewhere = web.Application(), web.Application(), web.Application()
    connector.router.add_get("/line", line.hold)
    for app in (site, elsewhere):
        app.router.add_get("/{path:.*}", pages.serve)
    async with TestServer(connector) as first, TestServer(site) as second, TestServer(elsewhere) as third:
        address, here, there = (f"http://127.0.0.1:{server.port}" for server in (first, second, third))
        line.hosts = (here.removeprefix("http://"),)
        yield address, here, there


@asynccontextmanager
async def extension(playwright: Playwright, profile: Path) -> AsyncIterator[Extension]:
    """Start Chromium with the extension, connect it to a line, and serve pages on two sites."""
    folder = Path(shutil.copytree(built(), profile / "extension"))
    allow_unpacked(profile / "profile")
    line, pages = Line(), Pages()
    async with serving(line, pages) as (address, here, there):
        context = await playwright.chromium.launch_persistent_context(
            str(profile / "profile"),
            executable_path=chromium_path(),
            headless=True,
            args=[*FLAGS, f"--disable-extensions-except={folder}", f"--load-extension={folder}"],
        )
        try:
            worker = (
                context.service_workers[0]
                if context.service_workers
                else await context.wait_for_event("serviceworker")
            )
            await connect(context, worker, address, line)
            yield Extension(context, line, pages, here, there)
        finally:
            await context.close()


def allow_unpacked(profile: Path) -> None:
    """Switch a profile's developer mode on: without, an unpacked extension that reloads itself may be switched off for good."""
    (profile / "Default").mkdir(parents=True)
    preferences = {"extensions": {"ui": {"developer_mode": True}}}
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))


def paired(address: str, line: Line) -> dict[str, Any]:
    """What pairing leaves in the extension's storage."""
    return {
        "address": address,
        "token": TOKEN,
        "agent": {"name": "Anna Nowak", "login": "anna", "centre": "Thulium"},
        "installation": "Acme",
        "hosts": list(line.hosts),
        "revoked": False,
    }


async def connect(context: BrowserContext, worker: Worker, address: str, line: Line) -> None:
    """Make it an agent's, as the end of pairing does, and wait until the line is open."""
    page = await options_page(context)
    pairing = paired(address, line)
    await page.evaluate("pairing => chrome.runtime.sendMessage({type: 'paired', pairing})", pairing)
    await until(worker, "(await chrome.storage.session.get('line')).line === 'open'")
    await until(worker, "(await chrome.scripting.getRegisteredContentScripts()).length > 0")
    await page.close()


async def options_page(context: BrowserContext) -> Page:
    """The page that a fresh extension opens by itself."""
    for _ in range(300):
        for page in context.pages:
            if page.url == f"chrome-extension://{ID}/options.html":
                await page.wait_for_load_state()
                return page
        await asyncio.sleep(0.05)
    raise AssertionError("the extension did not open its options")


async def until(worker: Worker, condition: str) -> None:
    """Wait for a condition in the worker, an expression in its language."""
    await asyncio.wait_for(
        worker.evaluate(
            f"(async () => {{ while (!({condition})) await new Promise((again) => setTimeout(again, 20)); }})()"
        ),
        15,
    )
