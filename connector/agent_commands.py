"""`connector agent`: an agent's line in a terminal, on his own machine; it needs no database and no settings.

He pairs it once, as he would a browser, then types numbers to call and sees how calls go and who rings.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import os
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from connector import process
from connector.agent_line import Terminal, say
from connector.errors import ConnectorError, Misconfigured, Rejected, Unauthorised

_PAIRING_S = 600


def add_options(verb: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    verb.add_argument("--address", metavar="URL", help="of the connector; needed the first time")
    verb.add_argument("--sign-off", action="store_true", help="take back the token of this terminal, and end")


def run(args: argparse.Namespace) -> int:
    """Run the verb; what went wrong is said in a sentence, exit status 2."""
    try:
        return process.run(agent(args.address, typed(), sign_off=args.sign_off))
    except KeyboardInterrupt:
        return 0
    except ConnectorError as error:
        sys.stderr.write(f"{error}\n")
    return 2


async def agent(address: str | None, lines: AsyncIterator[str], *, sign_off: bool = False) -> int:
    """Pair where that is needed, then keep the line open until `lines` end."""
    kept = Kept.read()
    if address is not None:
        wanted = checked(address)
        kept = kept if kept.address == wanted else Kept(wanted)
    if not kept.address:
        raise Misconfigured(
            "Say where the connector is: connector agent --address https://connector.example.com"
        )
    if sign_off:
        return await _sign_off(kept)
    if not kept.token:
        kept = Kept(kept.address, await pair(kept.address))
        kept.write()
    try:
        await Terminal(kept.address, kept.token).run(lines)
    except Unauthorised:
        Kept(kept.address).write()
        raise
    return 0


def checked(address: str) -> str:
    """The connector's address; Misconfigured where a token would travel in clear."""
    try:
        url = URL(address.strip().rstrip("/"))
        is_local = url.host in ("127.0.0.1", "::1", "localhost")
    except ValueError:
        raise Misconfigured(f"{address!r} is no address such as https://connector.example.com.") from None
    if not url.host or url.user or url.query_string or url.fragment:
        raise Misconfigured(f"{address!r} is no address such as https://connector.example.com.")
    if url.scheme != "https" and not (url.scheme == "http" and is_local):
        raise Misconfigured("The connector's address begins with https://, unless it is on this machine.")
    return str(url).rstrip("/")


async def typed() -> AsyncIterator[str]:
    """What is typed, line by line, until the end of the input."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str | None]()

    def follow() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    # A daemon: whoever presses Ctrl-C need not press Enter too.
    threading.Thread(target=follow, daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


# the token


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept on this machine, in a file that only its user reads."""

    address: str = ""
    token: str = ""

    @staticmethod
    def path() -> Path:
        """Where it is kept, https://specifications.freedesktop.org/basedir-spec/latest/."""
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        return Path(home) / "connector" / "agent.json"

    @classmethod
    def read(cls) -> Kept:
        """What was kept; empty where nothing was. Misconfigured where others may read it."""
        path = cls.path()
        try:
            if path.stat().st_mode & 0o077:
                raise Misconfigured(f"Others may read {path}: chmod 600 it, or delete it and pair again.")
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except (OSError, ValidationError) as error:
            raise Misconfigured(f"{path} cannot be read: delete it and pair again.") from error

    def write(self) -> None:
        """Keep it in place of what was kept."""
        path = self.path()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as out:
                out.write(orjson.dumps(asdict(self)))
            new.replace(path)
        except OSError as error:
            raise Misconfigured(f"{path} cannot be written: {error.strerror}.") from error


async def pair(address: str) -> str:
    """Have the agent allow this terminal in a browser; answers its token.

    The code with PKCE of https://www.rfc-editor.org/rfc/rfc7636 comes back to this machine,
    https://www.rfc-editor.org/rfc/rfc8252#section-7.3.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    async with _answer_of(state) as (redirect_uri, answer):
        page = URL(f"{address}/pair").with_query(
            client="terminal", redirect_uri=redirect_uri, state=state, code_challenge=challenge,
            code_challenge_method="S256", name=f"Terminal on {socket.gethostname()}"[:60],
        )  # fmt: skip
        say("Open this address in a browser on this machine, and allow the terminal:", "", f"  {page}", "")
        try:
            async with asyncio.timeout(_PAIRING_S):
                given = await answer
        except TimeoutError:
            raise Rejected("Nobody allowed this terminal. Run connector agent again.") from None
    if "code" not in given:
        raise Rejected("The terminal was not allowed.")
    body = {
        "grant_type": "authorization_code", "code": given["code"], "code_verifier": verifier, "client": "terminal",
        "redirect_uri": redirect_uri,
    }  # fmt: skip
    status, said = await _ask("POST", f"{address}/pair/token", json=body)
    token = said.get("token")
    if status != 200 or not isinstance(token, str):
        raise Rejected(f"The connector gave no token: {said.get('error_description') or status}")
    return token


@asynccontextmanager
async def _answer_of(state: str) -> AsyncIterator[tuple[str, asyncio.Future[dict[str, str]]]]:
    """An address on this machine to which the browser is sent back, and what it brings."""
    answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def take(request: web.Request) -> web.Response:
        if request.query.get("state") != state:
            raise web.HTTPBadRequest(text="This is not what the terminal waits for.")
        if not answer.done():
            answer.set_result(dict(request.query))
        return web.Response(text="You can close this page and go back to the terminal.")

    app = web.Application()
    app.router.add_get("/paired", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/paired", answer
    finally:
        await runner.cleanup()


async def _sign_off(kept: Kept) -> int:
    if kept.token:
        headers = {"Authorization": f"Bearer {kept.token}"}
        status, _ = await _ask("DELETE", f"{kept.address}/line/token", headers=headers)
        if status not in (204, 401):
            raise Rejected(
                f"The connector did not take the token back ({status}). Revoke it on your own page."
            )
        Kept(kept.address).write()
    say("This terminal is not paired.")
    return 0


async def _ask(
    method: str, url: str, *, json: object = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30), trust_env=True) as http,
            http.request(method, url, json=json, headers=headers, allow_redirects=False) as answer,
        ):
            body = await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Rejected(f"{URL(url).origin()} does not answer.") from error
    with suppress(orjson.JSONDecodeError):
        if isinstance(said := orjson.loads(body), dict):
            return status, said
    return status, {}
