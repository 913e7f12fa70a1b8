import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta

import pytest

from connector.clock import Clock
from connector.errors import AccountClosed, Blocked, BudgetSpent, Retryable, Throttled
from connector.pipedrive.budget import Budget, Governor, Lane
from connector.pipedrive.operations import Operation
from connector.settings import Settings
from tests.pipedrive.conftest import JumpingClock, Spending

WRITE = Operation.of("POST", "/api/v2/activities")
SEARCH = Operation.of("GET", "/api/v2/persons/search")


def governor(clock: Clock, spending: Spending, **settings: object) -> Governor:
    return Governor(clock, Settings.model_validate({"pipedrive_daily_share": 1.0, **settings}), spending)


class Vendor:
    """A rolling window of two seconds, as strict as Pipedrive's."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self.clock, self.limit, self.refused, self.taken = clock, limit, 0, 0
        self._times: deque[float] = deque()

    def take(self) -> dict[str, str]:
        now = self.clock.now().timestamp()
        while self._times and self._times[0] <= now - 2:
            self._times.popleft()
        if len(self._times) >= self.limit:
            self.refused += 1
        else:
            self._times.append(now)
            self.taken += 1
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.limit - len(self._times)),
            "x-ratelimit-reset": "2",
        }


async def call(
    governor: Governor, vendor: Vendor, lane: Lane = Lane.ACTIVITIES, operation: Operation = WRITE
) -> None:
    await governor.enter(operation, lane)
    await asyncio.sleep(0)
    governor.leave(operation, vendor.take(), charged=True)


@pytest.mark.parametrize(("limit", "floor"), [(80, 38), (20, 9), (480, 230)])
async def test_the_burst_limit_is_used_nearly_whole_and_never_passed(
    clock: JumpingClock, spending: Spending, limit: int, floor: float
) -> None:
    one, vendor = governor(clock, spending), Vendor(clock, limit)
    started = clock.now()
    for _ in range(limit * 4):
        await asyncio.gather(*[call(one, vendor) for _ in range(3)])
    rate = vendor.taken / (clock.now() - started).total_seconds()
    assert vendor.refused == 0
    assert rate >= floor
    await one.close()


async def test_two_processes_on_one_token_share_the_burst(spending: Spending) -> None:
    clock = JumpingClock()
    vendor = Vendor(clock, 80)
    pair = [governor(clock, spending) for _ in range(2)]
    for _ in range(200):
        await asyncio.gather(*[call(one, vendor) for one in pair])
    assert vendor.refused <= vendor.taken // 20
    for one in pair:
        await one.close()


async def test_no_more_calls_are_out_at_once_than_the_settings_say(
    clock: JumpingClock, spending: Spending
) -> None:
    one = governor(clock, spending, pipedrive_connections=3, pipedrive_burst=False)
    out = most = 0

    async def go() -> None:
        nonlocal out, most
        await one.enter(WRITE, Lane.ACTIVITIES)
        out += 1
        most = max(most, out)
        await asyncio.sleep(0)
        out -= 1
        one.leave(WRITE, {}, charged=True)

    await asyncio.gather(*[go() for _ in range(30)])
    assert most == 3
    await one.close()
    assert spending.spent == {WRITE.key: 150}


async def test_a_dial_goes_before_all_that_wait(clock: JumpingClock, spending: Spending) -> None:
    one = governor(clock, spending, pipedrive_connections=1, pipedrive_burst=False)
    order: list[Lane] = []

    async def go(lane: Lane) -> None:
        await one.enter(WRITE, lane)
        order.append(lane)
        await asyncio.sleep(0)
        one.leave(WRITE, None, charged=True)

    await one.enter(WRITE, Lane.BACKFILL)
    lanes = [Lane.BACKFILL, Lane.CONTACTS, Lane.ACTIVITIES, Lane.POP, Lane.DIAL]
    waiting = [asyncio.create_task(go(lane)) for lane in lanes]
    await asyncio.sleep(0)
    one.leave(WRITE, None, charged=True)
    await asyncio.gather(*waiting)
    assert order == [Lane.DIAL, Lane.POP, Lane.ACTIVITIES, Lane.ACTIVITIES, Lane.BACKFILL]
    await one.close()


async def test_who_gives_up_waiting_takes_no_place_away(clock: JumpingClock, spending: Spending) -> None:
    one = governor(clock, spending, pipedrive_connections=1, pipedrive_burst=False)
    await one.enter(WRITE, Lane.DIAL)
    tasks = [asyncio.create_task(one.enter(WRITE, Lane.DIAL)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    one.leave(WRITE, None, charged=False)
    tasks[1].cancel()  # admitted already, but not yet awake
    await asyncio.gather(*tasks[:2], return_exceptions=True)
    one.leave(WRITE, None, charged=False)
    async with asyncio.timeout(1):
        await one.enter(WRITE, Lane.DIAL) if not tasks[2].done() else await tasks[2]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_searches_keep_their_own_smaller_limit(clock: JumpingClock, spending: Spending) -> None:
    one, vendor = governor(clock, spending), Vendor(clock, 10)
    for _ in range(30):
        await call(one, vendor, Lane.POP, SEARCH)
    assert vendor.refused == 0
    await one.close()


@pytest.mark.parametrize("error", [Blocked(after=1800), BudgetSpent(after=900), AccountClosed(after=1800)])
async def test_nothing_goes_out_while_the_company_is_paused(
    clock: JumpingClock, spending: Spending, error: Retryable
) -> None:
    one = governor(clock, spending)
    one.pause(error)
    with pytest.raises(type(error)) as refused:
        await one.enter(WRITE, Lane.DIAL)
    assert refused.value.after == pytest.approx(error.after, abs=1)
    clock.move_to(clock.offset + timedelta(seconds=error.after or 0))
    await one.enter(WRITE, Lane.DIAL)


async def test_a_pause_also_stops_those_who_wait_already(clock: JumpingClock, spending: Spending) -> None:
    one = governor(clock, spending, pipedrive_connections=1)
    await one.enter(WRITE, Lane.ACTIVITIES)
    waiting = [asyncio.create_task(one.enter(WRITE, Lane.ACTIVITIES)) for _ in range(2)]
    await asyncio.sleep(0)
    one.leave(WRITE, None, charged=False)
    one.pause(Blocked(after=1800))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Blocked, Blocked]


async def test_a_burst_refusal_holds_everybody_for_its_time(clock: JumpingClock, spending: Spending) -> None:
    one = governor(clock, spending, pipedrive_burst=False)
    one.pause(Throttled(after=3))
    before = clock.now()
    await one.enter(WRITE, Lane.DIAL)
    assert (clock.now() - before).total_seconds() >= 2.9
    one.pause(Throttled(after=60))
    with pytest.raises(Throttled):
        await one.enter(WRITE, Lane.DIAL)


async def test_our_share_of_the_day_is_kept_but_never_refuses_a_person(
    clock: JumpingClock, spending: Spending
) -> None:
    one, vendor = governor(clock, spending, pipedrive_daily_share=0.001), Vendor(clock, 80)
    await call(one, vendor)
    assert one.allowance is None  # seats unknown: no refusal
    one.seats = 1
    assert one.allowance == 30
    for _ in range(3):
        await call(one, vendor, Lane.BACKFILL)
    with pytest.raises(BudgetSpent):  # a fifth is left for the day's own events
        await call(one, vendor, Lane.BACKFILL)
    for _ in range(2):
        await call(one, vendor)
    with pytest.raises(BudgetSpent) as refused:
        await call(one, vendor)
    assert 0 < (refused.value.after or 0) <= 86400
    await call(one, vendor, Lane.DIAL)
    clock.move_to(clock.offset + timedelta(days=1))
    await call(one, vendor)
    await one.close()


async def test_spending_is_written_down_once_a_second_and_at_the_end(
    clock: JumpingClock, spending: Spending
) -> None:
    one, vendor = governor(clock, spending), Vendor(clock, 480)
    spending.elsewhere = 1000
    for _ in range(50):
        await call(one, vendor)
    writes = len(spending.days)
    assert writes <= 2
    clock.move_to(clock.offset + timedelta(seconds=1.1))
    await call(one, vendor)
    await one.close()
    assert len(spending.days) == writes + 1
    assert spending.spent == {WRITE.key: 255}
    assert one.spent_today == 1255


async def test_spending_is_kept_while_it_cannot_be_written_down(
    clock: JumpingClock, spending: Spending
) -> None:
    one, vendor = governor(clock, spending), Vendor(clock, 480)
    spending.failing = True
    await call(one, vendor)
    await asyncio.sleep(0)
    spending.failing = False
    await call(one, vendor)
    await one.close()
    assert spending.spent == {WRITE.key: 10}


async def test_tokens_count_for_the_day_they_were_spent_on(spending: Spending) -> None:
    now = datetime.now(UTC)
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    clock = JumpingClock(midnight - timedelta(seconds=0.3) - now)
    one, vendor = governor(clock, spending), Vendor(clock, 480)
    for _ in range(3):
        await call(one, vendor)
    clock.move_to(clock.offset + timedelta(seconds=1))
    await call(one, vendor)
    await one.close()
    assert sorted(set(spending.days)) == [now.date(), midnight.date()]
    assert one.spent_today >= 5


def test_a_budget_is_never_overspent() -> None:
    budget = Budget(12)
    budget.take(10)
    with pytest.raises(BudgetSpent):
        budget.take(5)
    assert budget.left == 2


async def test_a_call_that_need_not_wait_costs_microseconds(spending: Spending) -> None:
    one, vendor = governor(Clock(), spending, pipedrive_burst=True), Vendor(Clock(), 10**6)
    headers = vendor.take()
    loop = asyncio.get_running_loop()
    best = 1.0
    for _ in range(5):
        started = loop.time()
        for _ in range(500):
            await one.enter(WRITE, Lane.ACTIVITIES)
            one.leave(WRITE, headers, charged=True)
        best = min(best, (loop.time() - started) / 500)
    assert best < 50e-6  # about 5 on an idle core
    await one.close()
