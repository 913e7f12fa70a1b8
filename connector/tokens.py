"""Where the Pipedrive adapter finds the tokens of a grant: in the store, or in memory alone."""

from __future__ import annotations

from datetime import datetime

import orjson

from connector.errors import Unauthorised
from connector.pipedrive.records import Tokens
from connector.store.grants import Grants


def pack_tokens(tokens: Tokens) -> bytes:
    """Tokens as they are stored."""
    return orjson.dumps(tokens)


def unpack_tokens(packed: bytes) -> Tokens:
    """Tokens as they were stored."""
    row = orjson.loads(packed)
    if row["expires_at"] is not None:
        row["expires_at"] = datetime.fromisoformat(row["expires_at"])
    return Tokens(**(row | {"scopes": tuple(row["scopes"])}))


class GrantTokens:
    """The tokens of one grant, where the Pipedrive adapter finds them."""

    def __init__(self, grants: Grants, installation_id: str, user_id: str) -> None:
        """The grant of one user of one installation."""
        self._grants, self._installation_id, self._user_id = grants, installation_id, user_id

    async def load(self) -> Tokens:
        """The tokens as they stand; Unauthorised if the grant is gone or dead."""
        grant = await self._grants.grant(self._installation_id, self._user_id)
        if grant is None or grant.tokens is None or grant.state == "dead":
            raise Unauthorised("Pipedrive no longer accepts this installation's token: reconnect it.")
        return unpack_tokens(grant.tokens)

    async def lease_refresh(self, until: datetime) -> bool:
        """Take the right to refresh."""
        return await self._grants.lease_refresh(self._installation_id, self._user_id, until)

    async def save(self, tokens: Tokens) -> None:
        """Keep new tokens and free the lease."""
        await self._grants.save_tokens(self._installation_id, self._user_id, pack_tokens(tokens))

    async def mark_dead(self, reason: str) -> None:
        """A person must connect again."""
        await self._grants.mark_dead(self._installation_id, self._user_id, reason)

    async def mark_refused(self, reason: str) -> None:
        """A person should connect again."""
        await self._grants.mark_refused(self._installation_id, self._user_id, reason)

    async def mark_accepted(self) -> None:
        """Nobody need connect again."""
        await self._grants.mark_accepted(self._installation_id, self._user_id)


class OneToken:
    """Tokens in memory alone: not stored yet, or not any more."""

    def __init__(self, tokens: Tokens) -> None:
        """Begin with these."""
        self._tokens = tokens

    async def load(self) -> Tokens:
        """The tokens as they are."""
        return self._tokens

    async def lease_refresh(self, _until: datetime) -> bool:
        """Nobody else knows them."""
        return True

    async def save(self, tokens: Tokens) -> None:
        """Go on with these."""
        self._tokens = tokens

    async def mark_dead(self, _reason: str) -> None:
        """Nothing is stored that could be marked."""

    async def mark_refused(self, _reason: str) -> None:
        """The same."""

    async def mark_accepted(self) -> None:
        """The same."""
