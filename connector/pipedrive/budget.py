"""What calls cost and when they may go: the day's tokens, the burst limit, lanes and pauses of one installation.

https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from math import inf
from typing import Protocol

import structlog

from connector.clock import Clock
from connector.errors import BudgetSpent, Retryable, Throttled
from connector.pipedrive.burst import Burst
from connector.pipedrive.operations import Operation
from connector.settings import Settings

TOKENS_A_SEAT = 30_000
# The burst limit of OAuth apps and of personal tokens tells the plan, and the plan the day's tokens.
PLAN_MULTIPLIER = {"80": 1, "160": 2, "400": 5, "480": 7, "20": 1, "40": 2, "100": 5, "120": 7}
SEARCHES = 10
LONGEST_HOLD = 15.0
FLUSH_EVERY = 1.0

_log = structlog.get_logger(__name__)


class Lane(IntEnum):
    """Who goes first when calls have to wait; contacts share the rank of activities, so that neither starves."""

    DIAL = 0
    POP = 1
    ACTIVITIES = 2
    CONTACTS = 2
    BACKFILL = 3


# The part of the installation's share that a lane may use up; a person who waits is never refused by us, and a
# backfill leaves something for the day's own events.
LANE_SHARE = {Lane.DIAL: inf, Lane.POP: inf, Lane.ACTIVITIES: 1.0, Lane.BACKFILL: 0.8}


class SpendStore(Protocol):
    """Where the installation's spending is added up over all processes."""

    async def add(self, day: date, spent: Mapping[str, int]) -> int:
        """Add tokens by operation to `day` and answer that day's total."""


class Budget:
    """Tokens that one piece of work, such as a backfill, may spend in all."""

    def __init__(self, tokens: int) -> None:
        """Allow `tokens`."""
        self._tokens = self.left = tokens

    @property
    def spent(self) -> int:
        """What of it was spent so far."""
        return self._tokens - self.left

    def take(self, tokens: int) -> None:
        """Spend `tokens`, or raise BudgetSpent when they are not there."""
        if tokens > self.left:
            raise BudgetSpent(f"{tokens} tokens are needed and {self.left} are left of the budget given")
        self.left -= tokens


class Governor:
    """Lets the calls of one installation pass in order of their lane, or refuses before Pipedrive does.

    A call enters, goes out, and leaves with the answer's headers. When nothing has to wait both cost microseconds.
    """

    def __init__(
        self, clock: Clock, settings: Settings, spending: SpendStore, *, seats: int | None = None
    ) -> None:
        """`seats` is the number of active users; as long as it or the plan is unknown no call is refused."""
        self.seats = seats
        self.latest_date: str | None = None
        self._clock = clock
        self._connections = settings.pipedrive_connections
        self._share = settings.pipedrive_daily_share
        self._spending = spending
        self._burst = Burst() if settings.pipedrive_burst else None
        self._searches = Burst(limit=SEARCHES)
        self._multiplier: int | None = None
        self._in_flight = 0
        self._queues: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in Lane}
        self._waiting = 0
        self._pump: asyncio.Task[None] | None = None
        self._hold_until = 0.0
        self._pause: Retryable | None = None
        self._pause_until = 0.0
        self._spent: dict[str, int] = {}
        self._today = 0
        self._flushes: set[asyncio.Task[None]] = set()
        self._flush_at = 0.0
        self._begin_day(clock.now())

    @property
    def spent_today(self) -> int:
        """Tokens spent since midnight UTC, as far as other processes' spending is known."""
        return self._today

    @property
    def allowance(self) -> int | None:
        """The installation's own share of the day's tokens; None while the plan or the seats are unknown."""
        if self._multiplier is None or not self.seats:
            return None
        return int(TOKENS_A_SEAT * self._multiplier * self.seats * self._share)

    @property
    def pace(self) -> float | None:
        """Requests a second that the burst limit lets pass; None where there is none."""
        return self._burst.pace if self._burst is not None else None

    async def enter(self, operation: Operation, lane: Lane, budget: Budget | None = None) -> None:
        """Wait for this call's turn; raises what the company is paused for, or BudgetSpent."""
        now = self._clock.now().timestamp()
        self._check(operation, lane, now)
        if budget is not None:
            budget.take(operation.price)
        if operation.searches:
            while wait := self._searches.wait(now):
                await self._clock.sleep(wait)
                now = self._clock.now().timestamp()
            self._searches.enter()
        try:
            if self._waiting or not self._free(now):
                await self._turn(lane)
                self._check(operation, lane, self._clock.now().timestamp(), admitted=True)
            else:
                self._occupy()
        except BaseException:
            if operation.searches:
                self._searches.leave(now)
            raise

    def leave(self, operation: Operation, headers: Mapping[str, str] | None, *, charged: bool) -> None:
        """Give the place back; `headers` are those of the answer, `charged` says whether it cost its price."""
        now = self._clock.now().timestamp()
        if now >= self._day_ends:
            self._turn_day()
        self._vacate(now)
        if operation.searches:
            self._searches.leave(now)
        if headers is not None:
            self._listen(operation, headers, now)
        if charged:
            self._today += operation.price
            self._spent[operation.key] = self._spent.get(operation.key, 0) + operation.price
        if now >= self._flush_at:
            self._flush_at = now + FLUSH_EVERY
            self._flush()
        if self._waiting:
            self._admit()

    def pause(self, error: Retryable) -> None:
        """Let no call out before `error.after` seconds have passed: short waits are held, long ones raise `error`."""
        until = self._clock.now().timestamp() + (error.after or 0.0)
        if isinstance(error, Throttled) and (error.after or 0.0) <= LONGEST_HOLD:
            self._hold_until = max(self._hold_until, until)
        elif until > self._pause_until:
            self._pause, self._pause_until = error, until
        if self._waiting:
            self._admit()

    async def close(self) -> None:
        """Write down what was spent."""
        if self._pump is not None:
            self._pump.cancel()
        self._flush()
        await asyncio.gather(*self._flushes, return_exceptions=True)

    def _check(self, operation: Operation, lane: Lane, now: float, *, admitted: bool = False) -> None:
        if now >= self._day_ends:
            self._turn_day()
        try:
            if self._pause is not None:
                if now < self._pause_until:
                    raise type(self._pause)(str(self._pause), after=self._pause_until - now)
                self._pause = None
            allowance = self.allowance
            if allowance is not None and self._today + operation.price > allowance * LANE_SHARE[lane]:
                message = f"{self._today} of the {allowance} tokens a day that are ours are spent"
                raise BudgetSpent(message, after=max(self._day_ends - now, 0.0))
        except Retryable:
            if admitted:
                self._vacate(now)
                self._admit()
            raise

    def _free(self, now: float) -> bool:
        return (
            self._in_flight < self._connections
            and now >= self._hold_until
            and (self._burst is None or not self._burst.wait(now))
        )

    def _occupy(self) -> None:
        self._in_flight += 1
        if self._burst is not None:
            self._burst.enter()

    def _vacate(self, now: float) -> None:
        self._in_flight -= 1
        if self._burst is not None:
            self._burst.leave(now)

    async def _turn(self, lane: Lane) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queues[lane].append(turn)
        self._waiting += 1
        try:
            self._admit()
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._vacate(self._clock.now().timestamp())
            raise
        finally:
            self._waiting -= 1

    def _admit(self) -> None:
        now = self._clock.now().timestamp()
        for queue in self._queues.values():
            while queue:
                if queue[0].done():
                    queue.popleft()
                    continue
                if not self._free(now):
                    self._keep_pumping()
                    return
                self._occupy()
                queue.popleft().set_result(None)

    def _keep_pumping(self) -> None:
        """Have time free places; while all connections are busy, an answer does it."""
        if self._pump is None and self._in_flight < self._connections:
            self._pump = asyncio.create_task(self._free_in_time())

    async def _free_in_time(self) -> None:
        now = self._clock.now().timestamp()
        burst = self._burst.wait(now) if self._burst is not None else 0.0
        try:
            await self._clock.sleep(max(self._hold_until - now, burst, 0.001))
        finally:
            self._pump = None
        self._admit()

    def _listen(self, operation: Operation, headers: Mapping[str, str], now: float) -> None:
        self.latest_date = headers.get("Date") or self.latest_date
        if operation.searches:
            return
        limit = headers.get("x-ratelimit-limit")
        self._multiplier = PLAN_MULTIPLIER.get(limit, self._multiplier) if limit else self._multiplier
        if self._burst is not None:
            self._burst.announce(limit, headers.get("x-ratelimit-remaining"), now)

    def _turn_day(self) -> None:
        self._flush()
        self._begin_day(self._clock.now())

    def _begin_day(self, now: datetime) -> None:
        self._day = now.date()
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
        self._day_ends = midnight.timestamp()
        self._today = 0

    def _flush(self) -> None:
        if self._spent:
            spent, self._spent = self._spent, {}
            flush = asyncio.create_task(self._write_down(self._day, spent))
            self._flushes.add(flush)
            flush.add_done_callback(self._flushes.discard)

    async def _write_down(self, day: date, spent: dict[str, int]) -> None:
        try:
            total = await self._spending.add(day, spent)
        except Exception as error:  # noqa: BLE001 - whatever ails the store, calls go on and the count is kept
            _log.warning("tokens not written down", error=type(error).__name__)
            if day == self._day:
                self._spent = {
                    key: spent.get(key, 0) + self._spent.get(key, 0) for key in {*spent, *self._spent}
                }
            return
        if day == self._day:
            self._today = total + sum(self._spent.values())
