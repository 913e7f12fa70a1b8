"""Credentials, types and rights that fail for a while: events queue, and drain when they work again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from connector.errors import AccountClosed, BudgetSpent, Unauthorised
from connector.flows.sync import sync
from connector.sandbox.pipedrive.app import WORLD
from connector.store.installations import Installed
from tests.flows.desk import ACTIVITIES, Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


def revoke(desk: Desk) -> None:
    """As when the user's password was changed: neither token works any more."""
    world = desk.day.pipedrive[WORLD]
    world.grants.clear()
    world.access.clear()


async def a_day_passes(desk: Desk) -> None:
    for _ in range(8):
        await desk.day.move(3 * 3600)
        desk.call()
        tenants = await desk.service.tenants()
        if tenants:
            with pytest.raises(Unauthorised):
                await desk.run()


async def test_events_of_a_day_without_a_token_are_written_after_reconnecting(desk: Desk) -> None:
    desk.call()
    await desk.settle()
    revoke(desk)
    await a_day_passes(desk)
    assert len(desk.day.written()) == 1
    await desk.day.reconnect(desk.service)
    await desk.settle()
    assert await desk.states() == {"done": 9}
    assert not desk.day.wrong()


async def test_a_write_in_doubt_when_the_token_died_is_found_after_reconnecting(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="status_after", **ACTIVITIES)
    desk.day.fault("pipedrive", kind="reset_before", nth=2, **ACTIVITIES)
    desk.call()
    desk.call()
    await desk.run()
    assert await desk.states() == {"sending": 2}
    revoke(desk)
    await a_day_passes(desk)
    await desk.day.reconnect(desk.service)
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_dead_token_in_the_middle_of_a_run_gives_back_what_was_not_sent(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="unauthorised", nth=4, times=None, **ACTIVITIES)
    for _ in range(30):
        desk.call()
    with pytest.raises(Unauthorised):
        await desk.run()
    states = await desk.states()
    assert states == {"done": len(desk.day.written()), "new": 30 - len(desk.day.written())}
    desk.day.mend()
    await desk.day.reconnect(desk.service)
    await desk.settle()
    assert not desk.day.wrong()


async def refused(desk: Desk) -> int:
    """Two runs, one right after the other; gives how many calls Pipedrive has got of them."""
    before = len(await desk.day.world.calls("pipedrive"))
    for _ in range(2):
        with pytest.raises(Unauthorised):
            await desk.run()
    return len(await desk.day.world.calls("pipedrive")) - before


async def stands(desk: Desk) -> Installed:
    (installed,) = await desk.service.installations.all()
    return installed


async def test_a_grant_refused_though_renewed_asks_to_reconnect_and_is_tried_once_a_run(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="unauthorised", times=None, path="/v[12]/")
    desk.call()
    assert await refused(desk) == 3, "a call, a renewal, the call again"
    assert (await stands(desk)).state == "reconnect"
    assert "/install" in (await stands(desk)).reason
    for _ in range(4):
        await desk.day.move(1800)
        assert await refused(desk) <= 2, "one call, before it an hourly renewal"
        assert len(await desk.service.tenants()) == 1
    desk.day.mend()
    await desk.day.move(1800)
    await desk.run()
    assert len(desk.day.written()) == 1
    assert ((await stands(desk)).state, (await stands(desk)).reason) == ("active", "")


@pytest.mark.parametrize("meanwhile", ["a restart", "another administrator"])
async def test_a_refused_grant_is_accepted_again_after(desk: Desk, meanwhile: str) -> None:
    desk.day.fault("pipedrive", kind="unauthorised", times=None, path="/v[12]/")
    desk.call()
    assert await refused(desk)
    desk.day.mend()
    if meanwhile == "a restart":
        async with desk.day.connector() as service:
            await sync((await service.tenants())[0])
    else:
        owner = (await stands(desk)).owner_user_id
        for user in desk.day.company.users.values():
            user.admin = str(user.id) != owner
        await desk.day.reconnect(desk.service)
        assert (await stands(desk)).owner_user_id != owner
        await desk.run()
    assert (await stands(desk)).state == "active"
    assert len(desk.day.written()) == 1


async def deactivate(desk: Desk, key: str, *, active: bool = False) -> None:
    (type_id,) = (n for n, kind in desk.day.company.activity_types.items() if kind["key_string"] == key)
    changes = {"active_flag": active}
    await desk.day.world.edit(entity="activity_type", action="change", id=type_id, changes=changes)


async def parked_reason(desk: Desk) -> str:
    query = "SELECT reason FROM ledger WHERE state = 'parked'"
    return str(await desk.service.db.read(lambda db: db.exec_driver_sql(query).scalar()))


async def test_an_activity_type_switched_off_parks_its_events_with_the_reason(desk: Desk) -> None:
    desk.call()
    await desk.settle()
    await deactivate(desk, "call")
    await desk.day.move(120)
    desk.call()
    ticket = {"from": "+48 601 000 001", "body": "list."}
    desk.day.happen("ticket", **ticket)
    await desk.settle()
    assert await desk.states() == {"done": 2, "parked": 1}
    assert "'call'" in await parked_reason(desk)
    tenant = await desk.day.set_up(desk.service, await desk.tenant(), calls={"type": "meeting"})
    await tenant.ledger.retry_parked()
    await desk.settle()
    assert await desk.states() == {"done": 3}
    assert not desk.day.wrong()


async def test_an_activity_type_switched_on_again_lets_its_events_through(desk: Desk) -> None:
    await deactivate(desk, "call")
    desk.call()
    await desk.settle()
    assert await desk.states() == {"parked": 1}
    await deactivate(desk, "call", active=True)
    await desk.day.move(25 * 3600)
    await (await desk.tenant()).ledger.retry_parked()
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_contact_centre_account_without_the_right_to_see_customers_still_delivers(desk: Desk) -> None:
    desk.day.seed(
        customers=[{"customer_id": 7, "name": "Jan", "surname": "Próba", "phone_number": ["601999999"]}]
    )
    desk.day.fault("thulium", kind="status_before", status=403, times=None, path="/customers")
    desk.call(customer_id=7, number="601999999")
    desk.call()
    await desk.settle()
    assert await desk.states() == {"done": 1, "waiting": 1}


async def test_a_contact_centre_that_does_not_tell_a_customer_now_is_asked_again(desk: Desk) -> None:
    """A failed look-up is no proof that nobody is there."""
    person = {"customer_id": 7, "name": "Jan", "surname": "Próba", "phone_number": ["601000001"]}
    desk.day.seed(customers=[person])
    desk.day.fault("thulium", kind="status_before", status=502, times=8, path="/customers/7")
    desk.call(customer_id=7, number="601999999")
    await desk.settle()
    assert not desk.day.wrong()


async def test_a_contact_centre_password_that_stopped_working_is_no_reason_to_lose_a_day(desk: Desk) -> None:
    desk.call()
    await desk.settle()
    desk.day.system.users["connector"].password = "changed"
    for _ in range(4):
        await desk.day.move(6 * 3600)
        desk.call()
        await desk.run()
    assert await desk.states() == {"done": 1}
    desk.day.system.users["connector"].password = "demo-password"
    await desk.settle()
    assert await desk.states() == {"done": 5}
    assert not desk.day.wrong()


async def test_the_days_budget_spent_puts_writing_off_to_the_next_day(desk: Desk) -> None:
    desk.call()
    await desk.settle()
    meter = desk.day.company.meter
    meter.turn(desk.day.pipedrive[WORLD].clock.now().date())
    meter.spent = desk.day.company.daily_tokens - 1
    desk.call()
    with suppress(BudgetSpent):
        await desk.run()
    assert await desk.states() == {"done": 1, "new": 1}
    await desk.day.move(86_400)
    await desk.settle()
    assert not desk.day.wrong()


async def test_an_unpaid_account_holds_events_until_it_is_paid(desk: Desk) -> None:
    desk.call()
    await desk.settle()
    desk.day.company.open = False
    desk.call()
    with suppress(AccountClosed):
        await desk.run()
    assert await desk.states() == {"done": 1, "new": 1}
    desk.day.company.open = True
    await desk.day.move(3600)
    await desk.settle()
    assert not desk.day.wrong()
