"""What an agent writes down after the call reaches the activity, unless a person was there first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.flows.sync import add_topics, sync
from connector.flows.topics import DELETED, EDITED
from connector.store.entries import Entry
from tests.bad_days.days import Day, look_again
from tests.flows.desk import ACTIVITIES, LATE, NUMBER, Desk, open_desk

TOPIC = {"path": "/topic$"}
LAST_ASK = 86400


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def entry(desk: Desk) -> Entry:
    tenant = await desk.tenant()
    return (await tenant.ledger.new(1) or await tenant.doubts._due(limit=1))[0]


async def reason(desk: Desk) -> str:
    rows = await desk.service.db.read(
        lambda db: db.exec_driver_sql("SELECT reason FROM ledger").scalars().all()
    )
    return str(rows[0])


def asked(day: Day) -> int:
    """How often the contact centre was asked for a topic."""
    return sum(call.target.endswith("/topic") for call in day.faults("thulium").log)


async def test_a_late_topic_and_note_are_shown_by_one_patch(desk: Desk) -> None:
    ref = desk.call()
    await desk.run()
    desk.day.happen("topic", connection_id=ref, topic_id=96, comment="Prosi o ofertę")
    await desk.settle()
    assert "Prosi o ofertę" in desk.note()
    assert [call.method for call in desk.day.faults("pipedrive").log].count("PATCH") == 1


async def test_a_missing_topic_is_asked_for_four_times_more(desk: Desk) -> None:
    desk.call()
    await desk.settle()
    assert asked(desk.day) == 1 + 4


async def test_two_looks_at_once_ask_for_a_topic_once_and_skip_none_of_its_times(desk: Desk) -> None:
    desk.call()
    await desk.run()
    await desk.day.move(1800)
    before = asked(desk.day)
    tenant = await desk.tenant()
    await asyncio.gather(look_again(tenant), look_again(tenant))
    assert asked(desk.day) - before == 1
    await desk.settle()
    assert asked(desk.day) == 1 + 4


async def test_a_call_that_had_its_topic_from_the_start_is_not_asked_about_again(desk: Desk) -> None:
    desk.call(topic_id=96, comment="Zamówienie")
    await desk.settle()
    assert asked(desk.day) <= 1
    assert "Zamówienie" in desk.note()


async def test_a_contact_centre_that_does_not_answer_is_asked_until_it_does(desk: Desk) -> None:
    ref = desk.call()
    await desk.run()
    desk.day.happen("topic", connection_id=ref, comment="Wreszcie")
    await desk.day.move(LAST_ASK - 3600)
    fault = desk.day.fault("thulium", kind="status_before", status=503, times=None, **TOPIC)
    desk.day.counts += await look_again(await desk.tenant())
    await desk.day.move(7200)
    desk.day.counts += await look_again(await desk.tenant())
    assert fault.hits
    desk.day.mend()
    await desk.settle()
    assert "Wreszcie" in desk.note()


async def test_a_contact_centre_that_does_not_answer_is_asked_for_one_topic_and_holds_up_no_writing(
    desk: Desk,
) -> None:
    for _ in range(5):
        desk.call()
    await desk.run()
    await desk.day.move(1800)
    desk.day.happen("call", number=NUMBER, disposition="NO ANSWER")
    before = len(desk.day.faults("thulium").log)
    desk.day.fault("thulium", kind="status_before", status=503, times=None, **TOPIC)
    desk.day.counts += await sync(await desk.tenant())
    log = list(desk.day.faults("thulium").log)[before:]
    assert len({call.target for call in log if call.target.endswith("/topic")}) == 1
    assert log[-1].target.endswith("/topic"), "topics come after what is to be written"
    assert len(desk.day.written()) == 6
    assert (await (await desk.tenant()).doubts.next_due() or desk.day.clock.now()) > desk.day.clock.now()


async def test_calls_do_not_wait_one_by_one_for_a_contact_centre_that_does_not_answer(desk: Desk) -> None:
    desk.day.fault("thulium", kind="status_before", status=503, times=None, **TOPIC)
    for _ in range(60):
        desk.call()
    await desk.run()
    targets = {call.target for call in desk.day.faults("thulium").log if call.target.endswith("/topic")}
    assert len(targets) <= 3 + desk.service.settings.pipedrive_connections
    assert len(desk.day.written()) == 60


async def test_a_topic_that_another_process_adds_keeps_the_names_in_the_note(desk: Desk) -> None:
    ref = desk.call(agent="anna")
    await desk.run()
    shown = desk.note().split("<br>")
    desk.day.happen("topic", connection_id=ref, comment="Spóźnione")
    await desk.day.move(1800)
    async with desk.day.connector() as other:
        await add_topics(await other.tenant(desk.tenant_id))
    assert "Spóźnione" in desk.note()
    assert [line for line in shown if line not in desk.note()] == []


async def test_a_topic_that_could_not_be_read_with_an_old_call_is_asked_for_once_more(desk: Desk) -> None:
    ref = desk.call(comment="Spóźniony zapis")
    await desk.day.move(3 * LAST_ASK)
    desk.day.fault("thulium", kind="html_403", **TOPIC)
    await desk.settle()
    assert ref
    assert "Spóźniony zapis" in desk.note()


async def test_an_account_that_may_not_read_topics_asks_no_more_than_others(desk: Desk) -> None:
    desk.call()
    desk.day.fault("thulium", kind="html_403", times=None, **TOPIC)
    await desk.settle()
    assert asked(desk.day) == 1 + 4
    assert len(desk.day.written()) == 1


async def test_a_lost_answer_to_the_patch_is_no_reason_to_write_it_twice(desk: Desk) -> None:
    ref = desk.call()
    await desk.run()
    desk.day.happen("topic", connection_id=ref, comment="Raz")
    desk.day.fault("pipedrive", kind="status_after", method="PATCH")
    await desk.settle()
    assert desk.note().count("Raz") == 1
    assert [call.method for call in desk.day.faults("pipedrive").log].count("PATCH") == 1


async def test_an_activity_that_a_salesperson_edited_is_left_alone_with_a_reason(desk: Desk) -> None:
    ref = desk.call()
    await desk.run()
    (row,) = desk.day.written()
    changes = {"note": f"Dzwonić jutro! {row['note']}"}
    await desk.day.world.edit(entity="activity", action="change", id=row["id"], changes=changes)
    desk.day.happen("topic", connection_id=ref, comment="Za późno")
    await desk.settle()
    assert "Za późno" not in desk.note()
    assert "Dzwonić jutro!" in desk.note()
    assert await reason(desk) == EDITED


async def test_an_activity_that_a_salesperson_deleted_stays_deleted(desk: Desk) -> None:
    ref = desk.call()
    await desk.run()
    (row,) = desk.day.written()
    await desk.day.world.edit(entity="activity", action="delete", id=row["id"])
    desk.day.happen("topic", connection_id=ref, comment="Za późno")
    await desk.settle()
    assert not desk.day.written()
    assert await reason(desk) == DELETED


async def test_what_a_person_changed_beside_the_note_stays(desk: Desk) -> None:
    ref = desk.call()
    await desk.run()
    (row,) = desk.day.written()
    await desk.day.world.edit(
        entity="activity", action="change", id=row["id"], changes={"subject": "Ważny klient", "done": False}
    )
    desk.day.happen("topic", connection_id=ref, topic_id=96, comment="Notatka")
    await desk.settle()
    (row,) = desk.day.written()
    assert (row["subject"], row["done"]) == ("Ważny klient", False)
    assert "Notatka" in row["note"]


async def test_a_note_reaches_the_copy_that_stays_when_a_double_is_healed(desk: Desk) -> None:
    desk.day.fault("pipedrive", **LATE, **ACTIVITIES)
    ref = desk.call()
    await desk.run()
    tenant = await desk.tenant()
    for wait in (200, 100):
        await desk.day.move(wait)
        await look_again(tenant)
    # The first copy, without the note, lands just before the second, with it, is sent.
    desk.day.happen("topic", connection_id=ref, comment="Nie zgub mnie")
    await desk.day.faults("pipedrive").land()
    await desk.settle()
    assert desk.day.counts["healed"] == 1
    assert "Nie zgub mnie" in desk.note()
