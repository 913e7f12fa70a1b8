"""Activities of a run are taken back on order: ours, unedited, each once, whatever breaks meanwhile; nothing else is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Misconfigured
from connector.flows.auditing import audit
from connector.flows.sync import sync
from connector.flows.undoing import (
    EDITED,
    OF_ANOTHER,
    OUT_OF_SIGHT,
    STILL_HEALING,
    UNANSWERED,
    Withdrawn,
    cost_of,
    take_back,
    undoable,
    write_again,
)
from connector.records import Window
from connector.store.audit import By
from connector.store.entries import TAKEN_BACK, State
from tests.flows.desk import ACTIVITIES, LATE, NUMBER, Desk, open_desk

ADAM = By("user:1", "Adam Admin")
DELETE = {"method": "DELETE", "path": "^/api/v2/activities/"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def run(desk: Desk) -> int:
    """One run that is written down, as the service does it."""
    operations, tenant = desk.service.operations, await desk.tenant()
    run_id = await operations.begin_run(tenant.id, "schedule")
    counts = await sync(replace(tenant, run_id=run_id))
    await operations.end_run(run_id, counts, "finished")
    return run_id


async def calls(desk: Desk, number: int) -> int:
    """A run that wrote so many calls."""
    for _ in range(number):
        desk.call(talk=60)
    return await run(desk)


async def undo(desk: Desk, run_id: int, withdrawn: Withdrawn | None = None) -> Withdrawn:
    return await take_back(await desk.tenant(), run_id, ADAM, withdrawn)


def edit(desk: Desk, activity: dict[str, Any], **changes: object) -> Any:
    return desk.day.world.edit(entity="activity", action="change", id=activity["id"], changes=changes)


async def reasons(desk: Desk) -> list[str]:
    rows = await desk.service.db.read(
        lambda db: db.exec_driver_sql("SELECT reason FROM ledger ORDER BY id").scalars().all()
    )
    return [str(row) for row in rows]


async def test_a_run_is_taken_back_and_no_other(desk: Desk) -> None:
    kept = await calls(desk, 2)
    wrong = await calls(desk, 3)
    done = await undo(desk, wrong)
    assert done.report() == {"activities": 3, "taken_back": 3, "gone_before": 0, "left_as_they_are": {}}
    assert len(desk.day.written()) == 2
    assert await desk.states() == {"done": 2, "skipped": 3}
    assert [reason.startswith(f"{TAKEN_BACK}Adam Admin, ") for reason in await reasons(desk)] == [
        False, False, True, True, True,
    ]  # fmt: skip
    assert (await undoable(await desk.tenant(), kept)).activities == 2


async def test_its_cost_is_said_before_and_kept_to(desk: Desk) -> None:
    run_id = await calls(desk, 4)
    tenant = await desk.tenant()
    said = await undoable(tenant, run_id)
    assert (said.activities, said.tokens, said.taken_back) == (4, cost_of(4), 0)
    before = len(desk.day.faults("pipedrive").log)
    await undo(desk, run_id)
    log = list(desk.day.faults("pipedrive").log)[before:]
    reads, deletes = (sum(call.method == method for call in log) for method in ("GET", "DELETE"))
    assert (reads, deletes) == (4 + 1, 4), (
        "each is read and deleted, and once it is asked what this user sees"
    )
    assert said.tokens >= 4 * (1 + 3) + 2


async def test_what_somebody_has_edited_is_left_alone(desk: Desk) -> None:
    run_id = await calls(desk, 4)
    first, second, third, _ = desk.day.written()
    await desk.day.move(60)
    await edit(desk, first, note="Moje notatki")
    await edit(desk, second, subject="Ważne")
    await edit(desk, third, done=False)
    done = await undo(desk, run_id)
    assert (done.taken_back, dict(done.left)) == (1, {EDITED: 3})
    assert {row["id"] for row in desk.day.written()} == {first["id"], second["id"], third["id"]}
    assert await desk.states() == {"done": 3, "skipped": 1}


async def test_another_type_or_owner_is_an_edit_however_quick(desk: Desk) -> None:
    run_id = await calls(desk, 2)
    first, second = desk.day.written()
    other = next(user.id for user in desk.day.company.users.values() if user.id != first["owner_id"])
    await edit(desk, first, type="task")
    await edit(desk, second, owner_id=other)
    for row in (first, second):
        row["update_time"] = row["add_time"]
    assert dict((await undo(desk, run_id)).left) == {EDITED: 2}


async def test_a_topic_that_came_late_is_no_edit_of_a_person(desk: Desk) -> None:
    ref = desk.call(talk=60)
    run_id = await run(desk)
    desk.day.happen("topic", connection_id=ref, topic_id=96, comment="Prosi o ofertę")
    await desk.settle()
    assert "Prosi o ofertę" in desk.note()
    assert (await undo(desk, run_id)).taken_back == 1
    assert desk.day.written() == []


async def test_an_edit_after_a_late_topic_is_one(desk: Desk) -> None:
    ref = desk.call(talk=60)
    run_id = await run(desk)
    desk.day.happen("topic", connection_id=ref, topic_id=96, comment="Prosi o ofertę")
    await desk.settle()
    await edit(desk, desk.day.written()[0], subject="Ważne")
    assert dict((await undo(desk, run_id)).left) == {EDITED: 1}


async def test_a_copy_of_another_user_is_not_ours(desk: Desk) -> None:
    run_id = await calls(desk, 1)
    (row,) = desk.day.written()
    row["creator_user_id"] = next(
        user.id for user in desk.day.company.users.values() if user.id != row["creator_user_id"]
    )
    assert dict((await undo(desk, run_id)).left) == {OF_ANOTHER: 1}


async def test_what_somebody_deleted_before_is_gone_already(desk: Desk) -> None:
    run_id = await calls(desk, 2)
    await desk.day.world.edit(entity="activity", action="delete", id=desk.day.written()[0]["id"])
    done = await undo(desk, run_id)
    assert (done.taken_back, done.gone) == (1, 1)
    assert await desk.states() == {"skipped": 2}


async def test_what_cannot_be_seen_is_not_taken_for_gone(tmp_path: Path) -> None:
    """Installed by a user without admin rights; the agent is another user."""
    async with open_desk(tmp_path, persons=[], admin=False) as desk:
        boss = desk.day.company.admins()[0]
        boss.email = next(iter(desk.day.system.agents.values())).email
        person = {"name": "Jan Próba", "phones": [NUMBER], "visible_to": 3, "owner": boss.email}
        await desk.day.world.seed_pipedrive(persons=[person])
        await desk.sweep()
        desk.person()["visible_to"] = 1
        run_id = await calls(desk, 1)
        assert [row["owner_id"] for row in desk.day.written()] == [boss.id]
        assert dict((await undo(desk, run_id)).left) == {OUT_OF_SIGHT: 1}
        assert await desk.states() == {"done": 1}
        boss.admin, own = True, (await desk.tenant()).installed.owner_user_id
        desk.day.company.users[int(own)].admin = True
        assert (await undo(desk, run_id)).taken_back == 1


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "status_after"])
async def test_a_lost_answer_is_looked_into(desk: Desk, kind: str) -> None:
    run_id = await calls(desk, 3)
    desk.day.fault("pipedrive", kind=kind, times=1, **DELETE)
    done = await undo(desk, run_id)
    assert (done.taken_back, dict(done.left)) == (3, {})
    assert desk.day.written() == []


async def test_a_delete_that_was_lost_before_its_effect_is_left_for_the_next_order(desk: Desk) -> None:
    run_id = await calls(desk, 3)
    desk.day.fault("pipedrive", kind="status_before", status=502, times=1, **DELETE)
    done = await undo(desk, run_id)
    assert (done.taken_back, dict(done.left)) == (2, {UNANSWERED: 1})
    assert await desk.states() == {"done": 1, "skipped": 2}
    assert (await undo(desk, run_id)).taken_back == 1
    assert desk.day.written() == []


async def test_an_undo_that_dies_in_the_middle_goes_on_where_it_was(desk: Desk) -> None:
    run_id = await calls(desk, 6)
    desk.day.fault("pipedrive", kind="delay", seconds=1.5, times=2, **DELETE)
    under_way = asyncio.create_task(undo(desk, run_id))
    while len(desk.day.written()) > 2:  # noqa: ASYNC110  # what is waited for happens in the simulator
        await asyncio.sleep(0.005)
    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way
    assert (await desk.states()).get("done", 0) > 0, "it died before it wrote down what it had done"
    desk.day.mend()
    done = await undo(desk, run_id)
    assert done.taken_back + done.gone == done.activities
    assert desk.day.written() == []
    assert await desk.states() == {"skipped": 6}


async def test_a_refused_token_stops_it_and_it_goes_on_later(desk: Desk) -> None:
    run_id = await calls(desk, 2)
    desk.day.fault("pipedrive", kind="daily_429", times=1, **DELETE)
    stopped = await undo(desk, run_id)
    assert stopped.stopped
    assert stopped.ended
    desk.day.mend()
    await desk.day.move(86_400)
    done = await undo(desk, run_id)
    assert not done.stopped
    assert desk.day.written() == []


async def test_what_a_double_is_still_looked_for_of_stays(desk: Desk) -> None:
    desk.day.fault("pipedrive", times=1, **LATE, **ACTIVITIES)
    desk.call(talk=60)
    runs = [await run(desk)]
    for _ in range(3):
        await desk.day.move(200)
        runs.append(await run(desk))
    left = sum([(await undo(desk, run_id)).left for run_id in runs], Counter[str]())
    assert dict(left) == {STILL_HEALING: 1}
    assert await desk.states() == {"done": 1}


async def test_taken_back_events_stay_so_until_somebody_orders_them_again(desk: Desk) -> None:
    run_id = await calls(desk, 2)
    await undo(desk, run_id)
    await desk.service.tenant(desk.tenant_id)
    tenant = await desk.tenant()
    tenant = await desk.day.set_up(desk.service, tenant, calls={"type": "meeting"})
    await tenant.ledger.retry_parked()
    await desk.settle()
    assert desk.day.written() == []
    assert (await undoable(tenant, run_id)).taken_back == 2
    assert await write_again(tenant, run_id, ADAM) == 2
    assert await write_again(tenant, run_id, ADAM) == 0
    await desk.settle()
    assert [row["type"] for row in desk.day.written()] == ["meeting", "meeting"]
    assert await desk.states() == {"done": 2}


async def test_an_audit_has_nothing_against_what_was_taken_back(desk: Desk) -> None:
    run_id = await calls(desk, 2)
    await undo(desk, run_id)
    now = desk.day.clock.now()
    found = await audit(await desk.tenant(), Window(now - timedelta(hours=2), now))
    assert (found.lost, found.deleted_by_person, found.unrecorded, found.doubled) == ([], [], [], [])


async def test_the_audit_trail_has_the_order_and_what_came_of_it(desk: Desk) -> None:
    run_id = await calls(desk, 2)
    await undo(desk, run_id)
    noted = [one for one in await (await desk.tenant()).audit.entries() if one.action != "settings"]
    assert [(one.name, one.action, one.detail) for one in noted] == [
        ("Adam Admin", "activities undone", {"run": run_id, "taken_back": 2, "gone": 0, "left": 0}),
        ("Adam Admin", "undo activities", {"run": run_id, "activities": 2}),
    ]


async def test_a_run_that_goes_on_or_does_not_exist_is_not_taken_back(desk: Desk) -> None:
    tenant = await desk.tenant()
    going = await desk.service.operations.begin_run(tenant.id, "schedule")
    with pytest.raises(Misconfigured, match="still under way"):
        await undo(desk, going)
    with pytest.raises(Misconfigured, match="no run"):
        await undo(desk, going + 1)
    assert State.DONE not in await desk.states()
