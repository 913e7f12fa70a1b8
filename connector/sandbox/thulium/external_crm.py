"""The external CRM of one system: it is asked who calls when a phone rings, and the agent is shown the answer.

Known of the vendor: `GET {address}?phone_number=123975300` with HTTP Basic, answered with JSON in the keys below, or with 404
for somebody unknown. How long it waits, and that it follows no redirect, is our own choice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
import orjson
from aiohttp.hdrs import AUTHORIZATION
from yarl import URL

PATIENCE_S = 5.0
LARGEST_ANSWER = 64 * 1024
CONTENT_TYPE = "application/json;charset=utf-8"
KEYS = (
    *("phone_number", "email", "identifier", "surname", "name", "pesel", "regon", "fax", "note", "birthdate"),
    *("birthplace", "marital_status", "gender", "nip", "job", "job_title", "homepage", "industry", "address"),
    *("mail_drop_address", "invoice_address", "custom_fields"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking about one call: `status` 0 is no answer, `card` has only keys that the vendor takes."""

    number: str
    status: int
    seconds: float
    card: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class ExternalCrm:
    """Whom to ask who calls, and what it answered, by connection id."""

    def __init__(self) -> None:
        """Ask nobody until an address is entered."""
        self.url, self.user, self.password = "", "", ""
        self.answers: dict[str, Answer] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def enter(self, url: str, user: str, password: str) -> None:
        """Set whom to ask; an empty address is nobody. ValueError if it is no web address."""
        if url and (URL(url).scheme not in ("http", "https") or not URL(url).host):
            raise ValueError("the address is no web address")
        self.url, self.user, self.password = url, user, password

    def ring(self, ref: str, number: str) -> None:
        """A phone rings: ask who `number` is, while it goes on ringing."""
        if self.url and number:
            task = asyncio.create_task(self._ask(ref, number))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def settled(self) -> None:
        """Wait until all that was asked is answered, or given up."""
        await asyncio.gather(*self._asking)

    async def close(self) -> None:
        """Wait for no answer any more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _ask(self, ref: str, number: str) -> None:
        begun = time.perf_counter()
        card: dict[str, str] = {}
        try:
            status, content_type, body = await self._get(number)
        except (aiohttp.ClientError, TimeoutError) as trouble:
            status, problem = 0, f"no answer: {type(trouble).__name__}"
        else:
            card, problem = _read(content_type, body) if status == 200 else (card, "")
        self.answers[ref] = Answer(number, status, round(time.perf_counter() - begun, 3), card, problem)

    async def _get(self, number: str) -> tuple[int, str, bytes]:
        url = URL(self.url).update_query(phone_number=number)
        headers = {AUTHORIZATION: aiohttp.encode_basic_auth(self.user, self.password)}
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=headers, allow_redirects=False) as reply,
        ):
            return (
                reply.status,
                reply.headers.get("Content-Type", ""),
                await reply.content.read(LARGEST_ANSWER),
            )


def _read(content_type: str, body: bytes) -> tuple[dict[str, str], str]:
    """The card, and what is wrong with it."""
    if content_type != CONTENT_TYPE:
        return {}, f"the answer is not {CONTENT_TYPE}"
    try:
        card = orjson.loads(body)
    except orjson.JSONDecodeError:
        card = None
    if not isinstance(card, dict):
        return {}, "the answer is no JSON object"
    strange = sorted(card.keys() - set(KEYS))
    shown = {key: _text(card[key]) for key in KEYS if card.get(key)}
    return shown, f"keys that nobody knows: {', '.join(strange)}" if strange else ""


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
