"""Writes of unknown outcome are looked for before they are sent again; doubles of ours are healed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.flows.sync import clear_doubts
from connector.records import ActivityDraft
from tests.flows.desk import ACTIVITIES, LATE, Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


def sends(desk: Desk) -> int:
    log = desk.day.faults("pipedrive").log
    return sum((call.method, call.target) == ("POST", "/api/v2/activities") for call in log)


async def look(desk: Desk) -> None:
    desk.day.counts += await clear_doubts(await desk.tenant())


async def test_a_lost_answer_does_not_make_a_second_activity(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="reset_after", **ACTIVITIES)
    desk.call()
    await desk.settle()
    assert (sends(desk), len(desk.day.written()), desk.day.counts["found"]) == (1, 1, 1)


async def test_a_lost_request_is_sent_again_after_two_empty_looks_a_minute_apart(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="reset_before", **ACTIVITIES)
    desk.call()
    await desk.run()
    assert await desk.states() == {"sending": 1}
    await desk.run()
    assert desk.day.counts["missed"] == 0, "looked before three minutes were over"
    await desk.day.move(185)
    await desk.run()
    await desk.run()
    assert (desk.day.counts["missed"], sends(desk)) == (1, 1)
    await desk.day.move(65)
    await desk.run()
    assert (desk.day.counts["missed"], sends(desk)) == (2, 2)
    assert await desk.states() == {"done": 1}


async def test_an_effect_that_lands_between_the_looks_is_found(desk: Desk) -> None:
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    desk.call()
    await desk.run()
    await desk.day.move(185)
    await look(desk)
    await desk.day.faults("pipedrive").land()
    await desk.settle()
    assert (sends(desk), len(desk.day.written())) == (1, 1)


async def double(desk: Desk) -> None:
    """A call that was sent twice, whose first request has its effect after the second."""
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    desk.call()
    await desk.run()
    for wait in (185, 65):
        await desk.day.move(wait)
        await desk.run()
    await desk.day.faults("pipedrive").land()


async def test_an_effect_that_lands_after_the_second_send_is_healed(desk: Desk) -> None:
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    desk.call()
    await desk.run()
    for wait in (185, 65):
        await desk.day.move(wait)
        await desk.run()
    assert sends(desk) == 2
    (kept,) = desk.day.written()
    await desk.day.faults("pipedrive").land()
    assert len(desk.day.written()) == 2
    await desk.settle()
    assert desk.day.counts["healed"] == 1
    assert [row["id"] for row in desk.day.written()] == [kept["id"]]


async def test_an_effect_that_lands_between_the_healing_looks_is_healed_by_the_second(desk: Desk) -> None:
    desk.day.land_after = 100_000
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    desk.call()
    await desk.run()
    for wait in (185, 65, 905):
        await desk.day.move(wait)
        await desk.run()
    await desk.day.faults("pipedrive").land()
    assert len(desk.day.written()) == 2
    await desk.settle()
    assert desk.day.counts["healed"] == 1
    assert len(desk.day.written()) == 1


async def test_a_double_that_a_person_edited_is_kept_and_the_other_one_goes(desk: Desk) -> None:
    await double(desk)
    late = max(desk.day.written(), key=lambda row: int(row["id"]))
    await desk.day.move(60)
    await desk.day.world.edit(
        entity="activity", action="change", id=late["id"], changes={"subject": "Moje", "done": False}
    )
    await desk.settle()
    assert [row["subject"] for row in desk.day.written()] == ["Moje"]
    tenant = await desk.tenant()
    assert [entry.crm_id for entry in await tenant.doubts._due(limit=9)] == [str(late["id"])]


async def test_two_doubles_that_people_edited_both_stay(desk: Desk) -> None:
    await double(desk)
    await desk.day.move(60)
    for row in desk.day.written():
        await desk.day.world.edit(
            entity="activity", action="change", id=row["id"], changes={"subject": f"Moje {row['id']}"}
        )
    await desk.settle()
    assert (len(desk.day.written()), desk.day.counts["healed"]) == (2, 0)


async def sent_twice(desk: Desk) -> dict[str, Any]:
    """A call that was sent again, because its first request was lost; gives its only activity."""
    desk.day.fault("pipedrive", kind="reset_before", **ACTIVITIES)
    desk.call()
    await desk.run()
    for wait in (185, 65, 5):
        await desk.day.move(wait)
        await desk.run()
    (row,) = desk.day.written()
    return row


async def copy_of(desk: Desk, row: dict[str, Any], **changes: Any) -> str:
    """The owner of the sync makes an activity of his own out of one of ours, with its note and the marker in it."""
    tenant = await desk.tenant()
    draft = ActivityDraft(
        subject=row["subject"], type=row["type"], due=desk.day.clock.now(), note=row["note"],
        owner_id=tenant.installed.owner_user_id, person_id=None, org_id=None, deal_id=None, duration_s=None, done=True,
    )  # fmt: skip
    return (await tenant.pipedrive.create_activity(replace(draft, **changes))).id


@pytest.mark.parametrize("changes", [{"subject": "Call back"}, {"type": "task"}, {"done": False}])
async def test_a_copy_that_a_person_made_soon_after_and_changed_is_not_taken_for_a_double(
    desk: Desk, changes: dict[str, object]
) -> None:
    row = await sent_twice(desk)
    await desk.day.move(600)
    await copy_of(desk, row, **changes)
    await desk.settle()
    assert (len(desk.day.written()), desk.day.counts["healed"]) == (2, 0)


async def test_a_copy_that_a_person_made_hours_later_is_not_taken_for_a_double(desk: Desk) -> None:
    row = await sent_twice(desk)
    await desk.day.move(2 * 3600)
    await copy_of(desk, row)
    await desk.settle()
    assert (len(desk.day.written()), desk.day.counts["healed"]) == (2, 0)


async def test_a_copy_that_a_person_made_later_and_edited_does_not_cost_us_our_own(desk: Desk) -> None:
    row = await sent_twice(desk)
    await desk.day.move(2 * 3600)
    mine = await copy_of(desk, row)
    await desk.day.move(60)
    await desk.day.world.edit(entity="activity", action="change", id=int(mine), changes={"subject": "Moje"})
    await desk.settle()
    assert {row["id"] for row in desk.day.written()} == {row["id"], int(mine)}
    assert desk.day.counts["healed"] == 0


async def test_a_double_is_healed_though_the_topic_was_written_down_between_the_sends(desk: Desk) -> None:
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    ref = desk.call()
    await desk.run()
    desk.day.happen("topic", connection_id=ref, topic_id=96, comment="late")
    for wait in (185, 65):
        await desk.day.move(wait)
        await desk.run()
    await desk.day.faults("pipedrive").land()
    assert len({row["subject"] for row in desk.day.written()}) == 2
    await desk.settle()
    assert (len(desk.day.written()), desk.day.counts["healed"]) == (1, 1)


@pytest.mark.parametrize("kind", ["status_before", "status_after", "reset_before", "reset_after"])
async def test_a_deletion_of_unknown_outcome_is_looked_at_again(desk: Desk, kind: str) -> None:
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    fault = desk.day.fault("pipedrive", kind=kind, method="DELETE")
    desk.call()
    await desk.settle()
    assert fault.hits == 1
    assert len(desk.day.written()) == 1


async def test_a_double_that_may_not_be_deleted_holds_up_nothing_else(desk: Desk) -> None:
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    desk.day.fault("pipedrive", kind="status_before", status=400, method="DELETE", times=None)
    desk.call()
    await desk.settle()
    assert len(desk.day.written()) == 2
    desk.call()
    await desk.settle()
    assert len(desk.day.written()) == 3


async def test_one_list_settles_all_that_is_in_doubt(desk: Desk) -> None:
    desk.day.fault("pipedrive", kind="status_after", times=None, **ACTIVITIES)
    for _ in range(30):
        desk.call()
    await desk.run()
    desk.day.mend()
    assert await desk.states() == {"sending": 30}
    desk.day.faults("pipedrive").forget_calls()
    await desk.day.move(200)
    await look(desk)
    assert await desk.states() == {"done": 30}
    listed = [call.target for call in desk.day.faults("pipedrive").log]
    assert len(listed) == 1
    assert not desk.day.wrong()


async def test_a_marker_that_a_customer_typed_is_not_taken_for_ours(desk: Desk) -> None:
    """Even a true one of another activity: only the last element of a note counts."""
    first = desk.call()
    await desk.settle()
    stolen = desk.note().rpartition("ref:")[2][:20]
    desk.day.fault("pipedrive", kind="status_after", times=2, **ACTIVITIES)
    for text in (f"ref:{stolen}", f"<small>ref:{stolen}</small>"):
        desk.day.happen(
            "chat", customer_id=None, email="jan@example.com", messages=[{"text": text}], close=True
        )
    await desk.day.world.edit(
        entity="person",
        action="change",
        id=desk.person()["id"],
        changes={"emails": [{"value": "jan@example.com"}]},
    )
    await desk.day.move(2000)
    await desk.settle()
    assert first
    assert desk.day.counts["healed"] == 0
    assert not desk.day.wrong()
    assert len(desk.day.written()) == 3
