"""Sends one call: the turn it takes, the token it carries, what is tried again and what never is."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
)

from connector.clock import Clock
from connector.errors import AccountClosed, Blocked, BudgetSpent, Throttled, Unauthorised, Unreachable
from connector.pipedrive import mapping, wire
from connector.pipedrive.budget import LONGEST_HOLD, Budget, Governor, Lane
from connector.pipedrive.credentials import Access, Credentials
from connector.pipedrive.operations import Operation
from connector.settings import Settings

LARGEST_ANSWER = 32 * 1024 * 1024
RETRY_WAITS = (0.5, 1.0, 2.0)
#: While somebody looks on, a read is repeated once, and waited for no longer: he can press again himself.
WATCHED_RETRIES, WATCHED_READ_S = 1, 8.0
FREE_OF_CHARGE = (401, 429)


class Transport:
    """The way to Pipedrive of one grant, over a session that belongs to the caller."""

    def __init__(
        self,
        session: ClientSession,
        credentials: Credentials,
        governor: Governor,
        clock: Clock,
        settings: Settings,
    ) -> None:
        """Answers are waited for as long as the settings say."""
        self._session = session
        self._credentials = credentials
        self._governor = governor
        self._clock = clock
        self._timeout = ClientTimeout(total=settings.pipedrive_timeout)
        self._watched_read = ClientTimeout(total=min(WATCHED_READ_S, settings.pipedrive_timeout))

    async def call(
        self,
        operation: Operation,
        record_id: str | None,
        *,
        query: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
        lane: Lane,
        budget: Budget | None,
    ) -> wire.Reply:
        """Send until there is an answer.

        A refused token is renewed once, whatever the method, and a burst refusal waited for: both were not done. Reads
        are repeated on trouble, writes never; in the lanes of those who look on, only once.
        """
        sent = orjson.dumps(body) if body is not None else None
        wanted = str(mapping.number(record_id)) if record_id is not None else None
        renewed = False
        waits, is_watched = iter(RETRY_WAITS), lane <= Lane.POP
        again = iter(RETRY_WAITS[:WATCHED_RETRIES] if is_watched else RETRY_WAITS)
        patience = self._watched_read if is_watched and operation.method == "GET" else self._timeout
        while True:
            access = await self._credentials.access()
            try:
                await self._governor.enter(operation, lane, budget)
                return await self._send(operation, access, wanted, query, sent, patience)
            except Unauthorised:
                if renewed:
                    raise
                renewed = True
                await self._credentials.renew(access)
            except Throttled as error:
                # The governor holds all calls back meanwhile, this one too.
                if (error.after or 0.0) > LONGEST_HOLD or next(waits, None) is None:
                    raise
            except Unreachable as error:
                wait = next(again, None)
                if operation.method != "GET" or wait is None or (error.after or 0.0) > LONGEST_HOLD:
                    raise
                await self._clock.sleep(max(wait, error.after or 0.0))

    async def _send(
        self,
        operation: Operation,
        access: Access,
        record_id: str | None,
        query: Mapping[str, str] | None,
        sent: bytes | None,
        patience: ClientTimeout,
    ) -> wire.Reply:
        """Send once, in a place that the governor gave."""
        method, headers, charged = operation.method, None, True
        try:
            url = access.url(operation.path, record_id)
            async with self._session.request(
                method,
                url if query is None else url.with_query(query),
                data=sent,
                headers=access.headers if sent is None else access.body_headers,
                timeout=patience,
                allow_redirects=False,
            ) as answer:
                status, headers = answer.status, answer.headers
                charged = status not in FREE_OF_CHARGE
                body = await _body(answer)
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            charged = False
            raise Unreachable(f"{operation.key}: no connection ({type(error).__name__})") from error
        except (ClientError, TimeoutError, OSError) as error:
            raise wire.no_answer(method, f"{operation.key}: no answer ({type(error).__name__})") from error
        finally:
            self._governor.leave(operation, headers, charged=charged)
        try:
            return wire.decipher(status, headers, body, method=method, scopes=operation.scopes, sent=sent)
        except (Throttled, BudgetSpent, Blocked, AccountClosed) as error:
            self._governor.pause(error)
            raise


async def _body(answer: ClientResponse) -> bytes:
    """The whole body, which is refused when it is larger than any that Pipedrive sends."""
    body = await answer.content.readany()
    if answer.content.at_eof():
        return body
    parts, size = [body], len(body)
    while part := await answer.content.readany():
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise ClientError("the answer is too large")
    return b"".join(parts)
