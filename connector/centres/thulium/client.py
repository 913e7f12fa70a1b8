"""HTTP to one Thulium account: credentials, own rate limit, retries of reads, and errors in the service's own terms.

https://api.thulium.com/docs/api/authentication, https://api.thulium.com/docs/api/error_handling
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from yarl import URL

from connector.centres.port import Account
from connector.centres.thulium.wire import Malformed, read_error
from connector.clock import Clock
from connector.errors import (
    ConnectorError,
    Forbidden,
    Misconfigured,
    NotFound,
    Rejected,
    Throttled,
    Unauthorised,
    UnknownOutcome,
    Unreachable,
)
from connector.settings import Settings
from connector.text import without_words_of

_LARGEST_ANSWER = 64 * 1024 * 1024
_LONGEST_CONNECT = 10.0
#: For whoever is at the phone: connections that nobody else takes, and seconds after which an answer is late.
_CONNECTIONS_AHEAD = 2
_LONGEST_WAIT_AHEAD = 10.0
_WAITS = (0.2, 0.5, 1.0)
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

Read = TypeVar("Read")


class Client:
    """Requests to one account; opens its session at the first request, gives it back in `close`."""

    def __init__(self, account: Account, settings: Settings, clock: Clock) -> None:
        """Refuse with Misconfigured an address that credentials must not be sent to."""
        self._base = _base_address(account, settings)
        self.origin = str(URL(self._base).origin())
        self._clock = clock
        self._turns = Pace(clock, settings.thulium_requests_per_second)
        self.pace = settings.thulium_requests_per_second or None
        self._slots = asyncio.Semaphore(settings.thulium_connections)
        self._connections = settings.thulium_connections
        self.dials_nationally = settings.thulium_dial_form == "national"
        self._slots_ahead = asyncio.Semaphore(_CONNECTIONS_AHEAD)
        self._timeout = _timeout(settings.thulium_timeout)
        self._timeout_ahead = _timeout(min(settings.thulium_timeout, _LONGEST_WAIT_AHEAD))
        self._headers = {
            "Authorization": aiohttp.encode_basic_auth(account.user, account.password),
            "Accept": "application/json",
            "Accept-Language": "en",
            "User-Agent": "connector",
        }
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def get(
        self,
        path: str,
        read: Callable[[bytes], Read],
        params: Mapping[str, object] | None = None,
        *,
        ahead: bool = False,
    ) -> Read:
        """Read `path`; raises NotFound, Unreachable after three more tries, and the others by status.

        `ahead` of all others: somebody is at the phone.
        """
        address = f"{path}?{urlencode(params)}" if params else path
        for wait in (*_WAITS, None):
            try:
                status, headers, body = await self._exchange("GET", address, ahead=ahead)
                if status < 300:
                    return read(body)
                error = self._refusal("GET", path, status, headers, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as failure:
                error = Unreachable(f"Thulium: GET {path}: {_name(failure)}")
            except Malformed as failure:
                error = Unreachable(f"Thulium: GET {path}: {failure}")
            if wait is None or not isinstance(error, Unreachable):
                raise error
            await self._clock.sleep(wait)
        raise AssertionError("the last try has no wait")

    async def write(self, method: str, path: str, body: object = None, *, ahead: bool = False) -> bytes:
        """Send once; raises UnknownOutcome whenever the other side may have done it without our knowing.

        Words of `body` are left out of what an error says. `ahead` as for reading.
        """
        data = orjson.dumps(body) if body is not None else None
        try:
            status, headers, answer = await self._exchange(method, path, data, ahead=ahead)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as failure:
            raise Unreachable(f"Thulium: {method} {path}: {_name(failure)}") from failure
        except (aiohttp.ClientError, TimeoutError, OSError, Rejected) as failure:
            raise UnknownOutcome(f"Thulium: {method} {path}: {_name(failure)}") from failure
        if status < 300:
            return answer
        if 400 <= status < 500:
            raise self._refusal(method, path, status, headers, answer, body)
        raise UnknownOutcome(_told(method, path, status, answer, body))

    async def close(self) -> None:
        """Give back the connections for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(
        self, method: str, address: str, data: bytes | None = None, *, ahead: bool
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._closed:
            raise Unreachable("Thulium: this account was set up anew meanwhile")
        session = self._session or self._open()
        url = URL(self._base + address, encoded=True)
        headers = {"Content-Type": "application/json; charset=utf-8"} if data is not None else None
        timeout = self._timeout_ahead if ahead else self._timeout
        async with self._slots_ahead if ahead else self._slots:
            await self._turns.turn(ahead=ahead)
            async with session.request(
                method, url, data=data, headers=headers, allow_redirects=False, timeout=timeout
            ) as answer:
                return answer.status, answer.headers, await _read_limited(answer.content)

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections + _CONNECTIONS_AHEAD, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
        )
        return self._session

    def _refusal(
        self,
        method: str,
        path: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        sent: object = None,
    ) -> ConnectorError:
        told = _told(method, path, status, body, sent)
        if status == 401:
            return Unauthorised(told)
        if status == 403:
            return Forbidden(told, status=status)
        if status == 404:
            return NotFound(told, status=status)
        if status in (429, 503):
            return Throttled(told, after=self._retry_after(headers.get("Retry-After")))
        if status >= 500:
            return Unreachable(told)
        return Rejected(told, status=status)

    def _retry_after(self, value: str | None) -> float | None:
        """Seconds to wait, told as such or as a date; None when not told."""
        if not value:
            return None
        if value.strip().isdigit():
            return float(value)
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max((until - self._clock.now()).total_seconds(), 0.0)


class Pace:
    """Spaces requests evenly to at most so many a second; 0 is no limit."""

    def __init__(self, clock: Clock, per_second: float) -> None:
        """Take the time from `clock`."""
        self._clock = clock
        self._interval = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._waiting = 0

    async def turn(self, *, ahead: bool = False) -> None:
        """Return when the next request may go; one that goes `ahead` goes now, and those behind it wait the longer."""
        if not self._interval:
            return
        now = self._clock.now().timestamp()
        if ahead:
            self._next = max(self._next, now) + self._interval
            return
        # The clock of a demo may go back; no slot is ever further away than the queue is long.
        slot = max(now, min(self._next, now + self._interval * (self._waiting + 1)))
        self._next = slot + self._interval
        if slot <= now:
            return
        self._waiting += 1
        try:
            await self._clock.sleep(slot - now)
        finally:
            self._waiting -= 1


def segment(text: str) -> str:
    """Make an id or login safe as one part of a path."""
    return quote(text, safe="")


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _LONGEST_CONNECT))


def _base_address(account: Account, settings: Settings) -> str:
    system = account.system.strip().lower()
    if not _HOST_LABEL.fullmatch(system):
        raise Misconfigured(
            "the name of a Thulium system is one part of a host name: letters, digits, hyphens"
        )
    if ":" in account.user:
        raise Misconfigured("the name of a Thulium API user has no colon")
    url = URL(settings.thulium_url.replace("{system}", system))
    if not settings.may_send_secrets_to(url, vendor="thulium.com"):
        raise Misconfigured(
            f"credentials must not be sent to {url.host}:{url.port}: neither https within thulium.com nor a trusted host"
        )
    return f"{url}".rstrip("/") + "/api/"


async def _read_limited(content: aiohttp.StreamReader) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > _LARGEST_ANSWER:
            raise Rejected("Thulium: an answer of more than 64 MB")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _told(method: str, path: str, status: int, body: bytes, sent: object) -> str:
    """Method, path, status and the vendor's own words; ids in paths are no personal data, queries are left out."""
    told = without_words_of(sent, read_error(body))
    return f"Thulium: {method} {path}: {status}" + (f": {told}" if told else "")


def _name(failure: BaseException) -> str:
    return str(failure) if isinstance(failure, Rejected) else type(failure).__name__
