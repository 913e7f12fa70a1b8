"""What the owner of the sync does not see in Pipedrive proves nothing by not being found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flows.desk import ACTIVITIES, NUMBER, Desk, open_desk


@pytest.fixture
async def colleague(tmp_path: Path) -> AsyncIterator[Desk]:
    """Installed by a user without admin rights, who has lost sight of the person; the agent is another user."""
    async with open_desk(tmp_path, persons=[], admin=False) as desk:
        boss = desk.day.company.admins()[0]
        boss.email = next(iter(desk.day.system.agents.values())).email
        person = {"name": "Jan Próba", "phones": [NUMBER], "visible_to": 3, "owner": boss.email}
        await desk.day.world.seed_pipedrive(persons=[person])
        await desk.sweep()
        desk.person()["visible_to"] = 1
        yield desk


async def test_what_may_have_been_written_unseen_is_sent_again_only_by_an_order_that_names_it(
    colleague: Desk,
) -> None:
    desk, tenant = colleague, await colleague.tenant()
    desk.day.fault("pipedrive", kind="status_after", **ACTIVITIES)
    desk.call()
    await desk.settle()
    assert await desk.states() == {"parked": 1}
    desk.day.mend()
    assert await tenant.ledger.retry_parked() == 0
    await desk.settle()
    assert len(desk.day.written()) == 1
    (entry,) = await tenant.doubts.left_to_a_person()
    assert await tenant.ledger.retry_parked([int(str(entry["id"]))]) == 1
    await desk.settle()
    assert (await desk.states(), len(desk.day.written())) == ({"done": 1}, 2)


async def test_what_is_seen_later_is_not_parked(colleague: Desk) -> None:
    """Somebody gave the owner of the sync the right to see everything."""
    desk = colleague
    desk.day.fault("pipedrive", kind="reset_before", **ACTIVITIES)
    desk.call()
    await desk.run()
    for user in desk.day.company.users.values():
        user.admin = True
    await desk.settle()
    assert (await desk.states(), len(desk.day.written())) == ({"done": 1}, 1)


async def test_what_was_written_for_another_and_can_be_read_proves_sight(colleague: Desk) -> None:
    desk = colleague
    desk.person()["visible_to"] = 3
    desk.call()
    await desk.run()
    desk.day.fault("pipedrive", kind="reset_before", **ACTIVITIES)
    desk.call()
    await desk.settle()
    assert (await desk.states(), len(desk.day.written())) == ({"done": 2}, 2)


async def test_an_owner_who_is_no_administrator_any_more_never_sends_twice_unseen(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        (owner,) = desk.day.company.admins()
        agent = next(user for user in desk.day.company.users.values() if not user.admin)
        agent.email = next(iter(desk.day.system.agents.values())).email
        desk.call()
        await desk.settle()
        owner.admin = False
        desk.person().update(visible_to=1, owner_id=agent.id)
        desk.day.fault("pipedrive", kind="status_after", **ACTIVITIES)
        desk.call()
        await desk.settle()
        assert await desk.states() == {"done": 1, "parked": 1}
        assert not desk.day.wrong()
