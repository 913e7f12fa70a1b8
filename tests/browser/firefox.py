"""Firefox as a test drives it, extension pages too: Marionette, its own remote protocol, over one socket.

WebDriver BiDi, which Playwright and Puppeteer speak, does not reach pages of extensions; Mozilla's client in Python blocks,
and holds back other packages. https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

import asyncio
import json
import shutil
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

#: Nothing is asked of the network but what a test asks for, and nobody sits here to answer a question.
PREFERENCES: dict[str, object] = {
    "marionette.port": 0,
    "remote.prefs.recommended": True,
    "extensions.webextOptionalPermissionPrompts": False,
    "intl.accept_languages": "en",
    "browser.region.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # No desktop is there to show them; Firefox has a window of its own for that.
    "alerts.useSystemBackend": False,
    "datareporting.policy.dataSubmissionEnabled": False,
}
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PATIENCE_S = 20
READY = "return document.readyState === 'complete'"


class Firefox:
    """A running Firefox; commands go to the window that was switched to last."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader, self._writer, self._numbers = reader, writer, count(1)

    async def tell(self, command: str, **parameters: object) -> Any:
        """One command, and what it gives."""
        body = json.dumps([0, next(self._numbers), command, parameters]).encode()
        self._writer.write(b"%d:%s" % (len(body), body))
        async with asyncio.timeout(PATIENCE_S):
            _, _, error, result = await self.hear()
        assert error is None, f"{command}: {error['error']}: {error['message']}"
        return result["value"] if isinstance(result, dict) and "value" in result else result

    async def hear(self) -> Any:
        length = (await self._reader.readuntil(b":"))[:-1]
        return json.loads(await self._reader.readexactly(int(length)))

    async def go(self, address: str) -> None:
        await self.tell("WebDriver:Navigate", url=address)

    async def new_tab(self, address: str) -> str:
        handle = (await self.tell("WebDriver:NewWindow", type="tab"))["handle"]
        await self.switch(handle)
        await self.go(address)
        return str(handle)

    async def switch(self, handle: str) -> None:
        await self.tell("WebDriver:SwitchToWindow", handle=handle)

    async def windows(self) -> list[str]:
        handles: list[str] = await self.tell("WebDriver:GetWindowHandles")
        return handles

    async def window_of(self, beginning: str) -> str:
        """Switch to the window whose address begins so, as soon as there is one and it has been read to its end."""
        addresses: list[str] = []

        async def found() -> str:
            addresses.clear()
            for handle in await self.windows():
                await self.switch(handle)
                addresses.append(str(await self.tell("WebDriver:GetCurrentURL")))
                # What is clicked before its styles are there has moved when the click comes.
                if addresses[-1].startswith(beginning) and await self.run(READY):
                    return handle
            return ""

        return str(await until(found, lambda: f"no {beginning} among {addresses}"))

    async def click(self, selector: str) -> None:
        await self.tell("WebDriver:ElementClick", id=await self._find(selector))

    async def write(self, selector: str, text: str) -> None:
        await self.tell("WebDriver:ElementSendKeys", id=await self._find(selector), text=text)

    async def run(self, script: str, *values: object) -> Any:
        """What a script returns in the page's own world, promises kept."""
        wrapped = (
            "const [...values] = arguments; const done = values.pop();"
            f"(async () => {{ {script} }})().then(done, (error) => done(String(error)))"
        )
        return await self.tell("WebDriver:ExecuteAsyncScript", script=wrapped, args=values, sandbox=None)

    async def shows(self, text: str) -> None:
        """Wait until the page says this."""

        shown: list[str] = []

        async def said() -> bool:
            shown[:] = [str(await self.run("return document.body.innerText"))]
            return text in shown[0]

        await until(said, lambda: f"{text!r} is not in {shown}")

    async def _find(self, selector: str) -> str:
        found = await self.tell("WebDriver:FindElement", using="css selector", value=selector)
        return str(found[_ELEMENT])


async def until(true: Callable[[], Awaitable[Any]], instead: Callable[[], str] = str) -> Any:
    """Wait for something to come true; gives it. `instead` says what was there when it did not."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await true()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise AssertionError(instead()) from error
    return found


@asynccontextmanager
async def open_firefox(profile: Path) -> AsyncIterator[Firefox]:
    """Start Firefox without a window, and drive it; it is told to end, and killed where it takes long."""
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    assert firefox, "Firefox is missing: apt-get install -y --no-install-recommends firefox-esr"
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        firefox, "--headless", "--no-remote", "--marionette", "--profile", str(profile),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await until(partial(asyncio.to_thread, _port, profile / "MarionetteActivePort"))
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port), limit=1 << 24)
        with closing(writer):
            driven = Firefox(reader, writer)
            await driven.hear()
            await driven.tell("WebDriver:NewSession")
            await driven.tell("WebDriver:SetTimeouts", implicit=PATIENCE_S * 1000 // 2)
            yield driven
            await driven.tell("Marionette:Quit", flags=["eForceQuit"])
    finally:
        try:
            await asyncio.wait_for(process.wait(), 2)
        except TimeoutError:
            process.kill()
            await process.wait()


def _port(file: Path) -> str:
    return file.read_text() if file.exists() else ""
