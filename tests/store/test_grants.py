import asyncio
from datetime import timedelta

from tests.store.stock import Stock, add, stands


async def test_the_owners_dead_token_asks_to_reconnect_and_an_agents_does_not(stock: Stock) -> None:
    await add(stock, "10")
    await add(stock, "11")
    await stock.installations.mark_dead("1", "11", "revoked")
    assert (await stands(stock))[0] == "active"
    await stock.installations.mark_dead("1", "10", "revoked")
    assert (await stands(stock))[0] == "reconnect"
    await add(stock, "10")
    assert (await stands(stock))[0] == "active"


async def test_a_refresh_is_one_processs_at_a_time(stock: Stock) -> None:
    await add(stock, "10")
    until = stock.clock.now() + timedelta(seconds=30)
    taken = await asyncio.gather(*(stock.installations.lease_refresh("1", "10", until) for _ in range(10)))
    assert sorted(taken) == [False] * 9 + [True]
    await stock.installations.save_tokens("1", "10", b"secret-token-2")
    assert await stock.installations.lease_refresh("1", "10", until)
    stock.clock.move_to(timedelta(seconds=31))
    assert await stock.installations.lease_refresh("1", "10", until + timedelta(seconds=31))
    grant = await stock.installations.grant("1", "10")
    assert grant is not None
    assert (grant.tokens, grant.version) == (b"secret-token-2", 1)


async def test_grants_that_nobody_used_for_long_are_told(stock: Stock) -> None:
    await add(stock, "10")
    assert await stock.installations.idle_grants(days=30) == []
    stock.clock.move_to(timedelta(days=31))
    assert [tuple(one) for one in await stock.installations.idle_grants(days=30)] == [("1", "10")]


async def test_a_grant_refused_is_shown_as_such_until_a_call_goes_through(stock: Stock) -> None:
    await add(stock, "10")
    await stock.installations.mark_refused("1", "10", "refused")
    await stock.installations.save_tokens("1", "10", b"renewed")
    (one,) = await stock.installations.all()
    assert (one.state, one.reason, one.runs) == ("reconnect", "refused", True)
    await stock.installations.mark_accepted("1", "10")
    (one,) = await stock.installations.all()
    assert (one.state, one.reason, one.runs) == ("active", "", True)


async def test_a_dead_grant_is_neither_tried_nor_brought_back_by_a_late_answer(stock: Stock) -> None:
    await add(stock, "10")
    await stock.installations.mark_refused("1", "10", "refused")
    await stock.installations.mark_dead("1", "10", "revoked")
    await stock.installations.mark_refused("1", "10", "refused")
    await stock.installations.mark_accepted("1", "10")
    (one,) = await stock.installations.all()
    assert (one.state, one.reason, one.runs) == ("reconnect", "revoked", False)
