"""The tokens of one grant in use: the header for each call, renewed by one caller at a time over all processes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiohttp import ClientSession
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from connector.clock import Clock
from connector.errors import Retryable, Unauthorised, Unreachable
from connector.pipedrive import oauth
from connector.pipedrive.records import Tokens
from connector.settings import Settings

RENEW_BEFORE = timedelta(minutes=5)
LEASE = timedelta(seconds=30)
LOOK_AGAIN_S = 0.25
NEVER = datetime.max.replace(tzinfo=UTC)
REFUSED = (
    "Pipedrive refuses the token, even renewed. Open /install as the owner of the sync or as an administrator, "
    "or give `connector installations add` a personal token again."
)


class TokenStore(Protocol):
    """Where the tokens of one grant are kept, shared by all processes."""

    async def load(self) -> Tokens:
        """The tokens as they stand; Unauthorised if the grant is known to be dead."""

    async def lease_refresh(self, until: datetime) -> bool:
        """Take the right to refresh until `until`; False if another holds it still (compare-and-set)."""

    async def save(self, tokens: Tokens) -> None:
        """Store new tokens and free the lease."""

    async def mark_dead(self, reason: str) -> None:
        """Note that the grant no longer works and a person must connect again."""

    async def mark_refused(self, reason: str) -> None:
        """Note that calls are refused although the tokens can be renewed; nothing new about a dead grant."""

    async def mark_accepted(self) -> None:
        """Note that calls with the grant work, in case they were refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """All that a call needs, prepared once for each token: headers, with and without a body, and addresses."""

    tokens: Tokens
    headers: CIMultiDictProxy[str]
    body_headers: CIMultiDictProxy[str]
    fixed: dict[str, URL] = field(default_factory=dict)

    def url(self, path: str, record_id: str | None = None) -> URL:
        """The address of `path`, a template where there is a `record_id`; fixed ones are made once."""
        if record_id is not None:
            return URL(self.tokens.api_domain + path.replace("{id}", record_id))
        if (url := self.fixed.get(path)) is None:
            url = self.fixed[path] = URL(self.tokens.api_domain + path)
        return url


class Credentials:
    """Answers the credentials of one grant and keeps them fresh."""

    def __init__(self, store: TokenStore, session: ClientSession, clock: Clock, settings: Settings) -> None:
        """Nothing is read before the first call."""
        self._store = store
        self._session = session
        self._clock = clock
        self._settings = settings
        self._access: Access | None = None
        self._renew_at = NEVER
        self._dead: Tokens | None = None
        self._accepted = False
        self._next_probe: datetime | None = None
        # Less than lies between two runs, and more than a run needs to come to nothing.
        self._probe_every = timedelta(seconds=settings.sync_interval / 2)
        self._renewing = asyncio.Lock()

    async def access(self) -> Access:
        """Credentials that work for five minutes at least, where Pipedrive can be reached.

        While Pipedrive refuses them one caller in a while gets them, to try; Unauthorised for the others.
        """
        if self._next_probe is not None:
            if self._clock.now() < self._next_probe:
                raise Unauthorised(REFUSED)
            self._next_probe = self._clock.now() + self._probe_every
        if self._access is not None and self._clock.now() < self._renew_at:
            return self._access
        return await self._renew(None)

    async def renew(self, refused: Access) -> Access:
        """Other credentials than the `refused` ones; Unauthorised when there are none."""
        return await self._renew(refused.tokens)

    async def refused(self) -> None:
        """Note that a call was refused; not by Pipedrive, if there was nothing to send it with."""
        if self._access is not None and self._next_probe is None:
            self._accepted, self._next_probe = False, self._clock.now() + self._probe_every
            await self._store.mark_refused(REFUSED)

    async def accepted(self) -> None:
        """Note that a call was not refused."""
        if not self._accepted:
            self._accepted, self._next_probe = True, None
            await self._store.mark_accepted()

    async def _renew(self, refused: Tokens | None) -> Access:
        async with self._renewing:
            tokens = await self._store.load()
            if tokens == self._dead:
                raise Unauthorised
            if refused is not None and tokens.access_token == refused.access_token:
                if tokens.personal:
                    raise Unauthorised("Pipedrive does not accept the personal API token")
                if self._next_probe is not None:
                    raise Unauthorised(REFUSED)
                return self._adopt(await self._refresh(tokens, wait=2 * LEASE))
            if tokens.expires_at is None or self._clock.now() < tokens.expires_at - RENEW_BEFORE:
                return self._adopt(tokens)
            if self._clock.now() >= tokens.expires_at:
                return self._adopt(await self._refresh(tokens, wait=2 * LEASE))
            try:
                return self._adopt(await self._refresh(tokens, wait=timedelta()))
            except Retryable:
                # The old token still works: go on with it and try again in a while.
                return self._adopt(tokens, until=min(self._clock.now() + LEASE, tokens.expires_at))

    async def _refresh(self, tokens: Tokens, *, wait: timedelta) -> Tokens:
        """Refresh under the lease; who loses it waits for the winner's tokens, for `wait` at most."""
        give_up = self._clock.now() + wait
        while not await self._store.lease_refresh(self._clock.now() + LEASE):
            if self._clock.now() >= give_up:
                raise Unreachable("Another process holds the right to renew the token")
            await self._clock.sleep(LOOK_AGAIN_S)
            stored = await self._store.load()
            if stored.access_token != tokens.access_token:
                return stored
        stored = await self._store.load()
        if stored.access_token != tokens.access_token:
            await self._store.save(stored)
            return stored
        try:
            fresh = await oauth.refresh(self._session, self._settings, tokens, self._clock.now())
        except Unauthorised as error:
            stored = await self._store.load()
            if stored.access_token != tokens.access_token:
                return stored
            self._dead, self._access = tokens, None
            await self._store.mark_dead(str(error))
            raise
        await self._store.save(fresh)
        return fresh

    def _adopt(self, tokens: Tokens, until: datetime | None = None) -> Access:
        self._renew_at = until or (tokens.expires_at - RENEW_BEFORE if tokens.expires_at else NEVER)
        if self._access is None or self._access.tokens != tokens:
            self._access = self._prepare(tokens)
        return self._access

    def _prepare(self, tokens: Tokens) -> Access:
        oauth.origin(self._settings, tokens.api_domain)
        name, value = (
            ("x-api-token", tokens.access_token)
            if tokens.personal
            else ("Authorization", f"Bearer {tokens.access_token}")
        )
        headers = {name: value, "Accept": "application/json"}
        return Access(
            tokens,
            CIMultiDictProxy(CIMultiDict(headers)),
            CIMultiDictProxy(CIMultiDict({**headers, "Content-Type": "application/json"})),
        )
