import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from aiohttp import ClientSession

from connector.clock import Clock
from connector.errors import Unauthorised
from connector.pipedrive.records import Tokens


class JumpingClock(Clock):
    """A clock on which sleeping takes no time: whoever sleeps moves it."""

    async def sleep(self, seconds: float) -> None:
        self.move_to(self.offset + timedelta(seconds=seconds))
        await asyncio.sleep(0)


@dataclass
class Spending:
    """Tokens added up in memory; `elsewhere` is what other processes spent."""

    elsewhere: int = 0
    spent: dict[str, int] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)
    failing: bool = False

    async def add(self, day: date, spent: Mapping[str, int]) -> int:
        if self.failing:
            raise OSError("the database is away")
        self.days.append(day)
        for key, tokens in spent.items():
            self.spent[key] = self.spent.get(key, 0) + tokens
        return self.elsewhere + sum(self.spent.values())


@dataclass
class Vault:
    """One row of tokens with its lease, as several processes would share it."""

    tokens: Tokens
    clock: Clock
    until: datetime | None = None
    dead: str | None = None
    refused: str | None = None
    leases: int = 0

    async def load(self) -> Tokens:
        await asyncio.sleep(0)
        if self.dead:
            raise Unauthorised(self.dead)
        return self.tokens

    async def lease_refresh(self, until: datetime) -> bool:
        await asyncio.sleep(0)
        if self.until is not None and self.until > self.clock.now():
            return False
        self.until = until
        self.leases += 1
        return True

    async def save(self, tokens: Tokens) -> None:
        await asyncio.sleep(0)
        self.tokens, self.until = tokens, None

    async def mark_dead(self, reason: str) -> None:
        self.dead = reason

    async def mark_refused(self, reason: str) -> None:
        self.refused = reason

    async def mark_accepted(self) -> None:
        self.refused = None


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def spending() -> Spending:
    return Spending()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session
