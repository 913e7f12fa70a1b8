"""A mail server on loopback that keeps what it is given, and a web address that keeps what is posted to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiohttp import web

from tests.world import listening


@dataclass
class Mailbox:
    """What arrived; `refused` recipients are turned away, `answer` is said to each message, `extensions` to a greeting."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answer: str = "250 kept"
    extensions: tuple[str, ...] = ()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        say("220 mail.example.com")
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "DATA":
                say("354 go on")
                lines = []
                while (part := await reader.readline()) != b".\r\n":
                    lines.append(part)
                if self.answer.startswith("2"):
                    message = message_from_bytes(b"".join(lines), policy=policy.default)
                    assert isinstance(message, EmailMessage)
                    self.mails.append(message)
                say(self.answer)
            elif verb == "RCPT" and rest[4:-1] in self.refused:
                say("550 no such mailbox")
            elif verb == "EHLO":
                *first, last = ("mail.example.com", *self.extensions)
                for one in first:
                    say(f"250-{one}")
                say(f"250 {last}")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 mail.example.com")
        writer.close()


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


@dataclass
class Receiver:
    """What was posted: headers and body; `status` is answered."""

    url: str = ""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204

    @property
    def host(self) -> str:
        """As a trusted host is written."""
        return self.url.removeprefix("http://").partition("/")[0]

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.headers), await request.read()))
        return web.Response(
            status=self.status, headers={"Location": "/elsewhere"} if self.status == 302 else {}
        )


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    there = Receiver()
    app = web.Application()
    app.router.add_post("/alerts", there.take)
    app.router.add_route("*", "/elsewhere", there.take)
    async with listening(app) as origin:
        there.url = f"{origin}/alerts"
        yield there
