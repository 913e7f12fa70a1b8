import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from connector.errors import Misconfigured
from connector.store.access import SEEN_EVERY
from connector.store.devices import IDLE, KEPT_REVOKED, PREFIX, Devices, Paired
from connector.store.tables import Device, table_of
from tests.store.stock import Stock, add

ANNA, BOB = "thulium:demo/anna", "thulium:demo/bob"
CLIENT = "mamhhpekdoamlgbkfbdfgljfflipojfn"
ORIGIN = f"chrome-extension://{CLIENT}"


@pytest.fixture
async def devices(stock: Stock) -> Devices:
    await stock.installed("1")
    await stock.installed("2")
    return Devices(stock.db, stock.clock)


async def pair(
    devices: Devices, agent: str = ANNA, *, user: str | None = "10", company: str = "1",
    name: str = "Chrome on Linux",
) -> tuple[Paired, str]:  # fmt: skip
    return await devices.pair(company, agent, user_id=user, name=name, client=CLIENT, origin=ORIGIN)


async def kept(stock: Stock) -> int:
    return len(await stock.db.read(lambda db: db.execute(select(table_of(Device))).all()))


async def test_a_token_opens_the_device_it_was_made_for(devices: Devices) -> None:
    (anna, hers), (bob, his) = await pair(devices), await pair(devices, BOB, user=None)
    assert hers.startswith(PREFIX)
    assert await devices.by_token(hers) == anna
    assert await devices.by_token(his) == bob
    assert await devices.by_id(anna.id) == anna
    assert (anna.agent, anna.user_id, anna.origin, bob.user_id) == (ANNA, "10", ORIGIN, None)


@pytest.mark.parametrize("token", ["", "x", "line_", "a" * 5000, "żółć", "\udcff", "\0"])
async def test_what_is_no_token_opens_nothing(devices: Devices, token: str) -> None:
    await pair(devices)
    assert await devices.by_token(token) is None


async def test_no_token_can_be_read_in_the_database(stock: Stock, devices: Devices) -> None:
    _, token = await pair(devices)
    assert token.encode() not in stock.words()
    assert token.removeprefix(PREFIX).encode() not in stock.words()


async def test_a_revoked_device_opens_nothing_and_is_revoked_once(devices: Devices) -> None:
    (anna, hers), (_, his) = await pair(devices), await pair(devices, BOB)
    assert not await devices.revoke("2", anna.id)
    assert await devices.by_token(hers) == anna
    outcomes = await asyncio.gather(*(devices.revoke("1", anna.id) for _ in range(5)))
    assert sorted(outcomes) == [False] * 4 + [True]
    assert await devices.by_token(hers) is None
    assert await devices.by_id(anna.id) is None
    assert await devices.by_token(his) is not None
    assert not await devices.revoke("1", "nobody")


async def test_a_person_has_what_he_allowed_and_what_dials_as_him(devices: Devices) -> None:
    mine, _ = await pair(devices)
    invited, _ = await pair(devices, user=None)
    moved, _ = await pair(devices, "thulium:demo/former", user="10")
    others = [
        await pair(devices, BOB, user="11"),
        await pair(devices, BOB, user=None),
        await pair(devices, company="2"),
    ]
    gone, _ = await pair(devices)
    await devices.revoke("1", gone.id)

    async def ids(user: str | None, *agents: str) -> set[str]:
        return {one.id for one in await devices.of("1", user_id=user, agents=agents)}

    assert await ids("10", ANNA) == {mine.id, invited.id, moved.id}
    assert await ids(None, ANNA) == {mine.id, invited.id}
    assert await ids("10") == {mine.id, moved.id}
    assert await ids(None) == set()
    everybodys = {one.id for one in await devices.all("1")}
    assert everybodys == {mine.id, invited.id, moved.id, others[0][0].id, others[1][0].id}


async def test_the_device_used_last_stands_first(stock: Stock, devices: Devices) -> None:
    (first, token), (second, _) = await pair(devices), await pair(devices)
    stock.clock.move_to(timedelta(hours=1))
    await devices.by_token(token)
    assert [one.id for one in await devices.all("1")] == [first.id, second.id]
    stock.clock.move_to(timedelta(hours=2))
    await devices.by_id(second.id)
    assert [one.id for one in await devices.all("1")] == [second.id, first.id]


async def test_that_a_device_was_seen_is_written_at_most_every_ten_minutes(
    stock: Stock, devices: Devices
) -> None:
    paired, token = await pair(devices)

    async def seen() -> object:
        await devices.by_token(token)
        (one,) = await devices.all("1")
        return one.seen_at

    stock.clock.move_to(SEEN_EVERY - timedelta(seconds=30))
    assert await seen() == paired.seen_at
    stock.clock.move_to(SEEN_EVERY + timedelta(seconds=1))
    assert await seen() != paired.seen_at


async def test_what_nobody_used_for_long_opens_nothing_and_is_forgotten(
    stock: Stock, devices: Devices
) -> None:
    _, token = await pair(devices)
    stock.clock.move_to(IDLE - timedelta(minutes=1))
    await devices.purge()
    assert await devices.by_token(token) is not None
    stock.clock.move_to(2 * IDLE)
    assert await devices.by_token(token) is None
    assert await devices.all("1") == []
    await devices.purge()
    assert await kept(stock) == 0


async def test_a_revoked_device_is_forgotten_after_thirty_days(stock: Stock, devices: Devices) -> None:
    (paired, _), _ = await pair(devices), await pair(devices)
    await devices.revoke("1", paired.id)
    stock.clock.move_to(KEPT_REVOKED - timedelta(minutes=1))
    await devices.purge()
    assert await kept(stock) == 2
    stock.clock.move_to(KEPT_REVOKED + timedelta(minutes=1))
    await devices.purge()
    assert await kept(stock) == 1


async def test_devices_end_with_their_installation(stock: Stock, devices: Devices) -> None:
    _, token = await pair(devices)
    _, elsewhere = await pair(devices, company="2")
    await stock.installations.uninstall("1", "1")
    assert await devices.by_token(token) is None
    assert await devices.by_token(elsewhere) is not None
    assert await kept(stock) == 1
    with pytest.raises(Misconfigured):
        await pair(devices)
    with pytest.raises(Misconfigured):
        await pair(devices, company="77")
    assert await kept(stock) == 1


async def test_devices_of_a_user_who_takes_the_app_away_end_with_his_grant(
    stock: Stock, devices: Devices
) -> None:
    await add(stock, "10")
    (_, hers), (_, his) = await pair(devices, user="10"), await pair(devices, BOB, user="11")
    assert not await stock.installations.uninstall("1", "10")
    assert await devices.by_token(hers) is None
    assert await devices.by_token(his) is not None
