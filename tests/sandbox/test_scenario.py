"""The scripted day and its proof, on the simulators alone."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date

import pytest_asyncio
from aiohttp import ClientSession

from connector.sandbox import faults
from connector.sandbox.pipedrive.app import create_app as create_pipedrive
from connector.sandbox.pipedrive.config import Config as PipedriveConfig
from connector.sandbox.scenario import Day
from connector.sandbox.scenario_cast import BRANCHES, OGRODY
from connector.sandbox.scenario_proof import prove
from connector.sandbox.scenario_troubles import TROUBLES
from connector.sandbox.thulium.app import Config as ThuliumConfig
from connector.sandbox.thulium.app import create_app as create_thulium
from connector.sandbox.wire import Object
from tests.world import listening

MARKER = "<small>ref:AAAAAAAAAAAAAAAAAAAA</small>"


@pytest_asyncio.fixture
async def day() -> AsyncIterator[Day]:
    systems = ThuliumConfig(systems=tuple(branch.system for branch in BRANCHES))
    async with (
        listening(create_pipedrive(PipedriveConfig())) as pipedrive,
        listening(create_thulium(systems)) as thulium,
        ClientSession() as http,
    ):
        day = Day(http, pipedrive, thulium, date(2026, 10, 20))
        await day.stage.prepare()
        await day.stage.move(day.opens)
        yield day


async def morning(day: Day, steps: int) -> None:
    """Play some steps of which no case looks for what the connector wrote."""
    for at, _ in zip(day.moments(), range(steps), strict=False):
        await day.stage.move(at)
        await day.play(at)


def shown(event: Object, person_id: int) -> Object:
    """An activity that shows an event as the connector would."""
    return {
        "subject": "as told",
        "type": "call",
        "due_date": event["start"][:10],
        "due_time": event["start"][11:16],
        "note": f"<b>Number:</b> {event['number']}<br>{event['text']}<br>{MARKER}",
        "participants": [{"person_id": person_id, "primary": True}],
    }


async def test_each_event_has_its_fate(day: Day) -> None:
    await morning(day, 3)
    for branch in BRANCHES:
        for event in await day.stage.events(branch):
            assert (branch.system, event["kind"], event["id"]) in day.stage.fates


async def test_what_is_not_in_pipedrive_is_lost(day: Day) -> None:
    await morning(day, 3)
    proof = await prove(day.stage)
    assert proof.activities == 0
    assert len(proof.lost) == proof.fates["written"] > 20
    assert proof.duplicates == proof.misplaced == proof.unexpected == []


async def test_a_second_activity_of_an_event_is_a_duplicate_and_a_strangers_is_misplaced(day: Day) -> None:
    await morning(day, 1)
    people = await day.stage.records(OGRODY, "person")
    fates = day.stage.fates
    events = [
        event
        for event in await day.stage.events(OGRODY)
        if event["kind"] == "call" and fates["ogrody", "call", event["id"]].person
    ]
    twice, wrong = events[:2]
    owner = fates["ogrody", "call", twice["id"]].person
    other = next(name for name in people if name != fates["ogrody", "call", wrong["id"]].person)
    assert owner is not None
    for event, name in ((twice, owner), (twice, owner), (wrong, other)):
        await day.stage.edit(
            OGRODY, entity="activity", action="create", changes=shown(event, people[name]["id"])
        )
    proof = await prove(day.stage)
    assert proof.activities == 2
    assert [len(found) for found in (proof.duplicates, proof.misplaced)] == [1, 1]
    assert twice["id"] in proof.duplicates[0]


async def test_an_activity_of_an_event_that_should_wait_is_unexpected(day: Day) -> None:
    await morning(day, 3)
    people = await day.stage.records(OGRODY, "person")
    events = await day.stage.events(OGRODY)
    undecided = next(
        event
        for event in events
        if day.stage.fates["ogrody", event["kind"], event["id"]].state == "undecided"
    )
    changes = shown(undecided, next(iter(people.values()))["id"])
    await day.stage.edit(OGRODY, entity="activity", action="create", changes=changes)
    assert len((await prove(day.stage)).unexpected) == 1


async def test_the_ordinary_day_has_every_direction_and_result(day: Day) -> None:
    for at in day.moments():
        await day.stage.move(at)
        for branch in BRANCHES:
            await day.play_ordinary(branch, at)
    seen: Counter[tuple[str, str]] = Counter()
    for branch in BRANCHES:
        seen.update((event["type"], event["result"]) for event in await day.stage.events(branch))
    results = ("ANSWERED", "BUSY", "FAILED", "NO ANSWER")
    assert {(kind, result) for kind in ("INBOUND", "OUTBOUND") for result in results} <= seen.keys()
    assert {"CLOSED", "MAIL", "REPLY"} <= {kind for kind, _ in seen}


async def test_no_two_events_look_alike(day: Day) -> None:
    for at in day.moments():
        await day.stage.move(at)
        for branch in BRANCHES:
            await day.play_ordinary(branch, at)
    calls = [
        (event["number"], event["start"][:16])
        for branch in BRANCHES
        for event in await day.stage.events(branch)
        if event["kind"] == "call"
    ]
    assert len(set(calls)) == len(calls)


def test_every_kind_of_fault_is_in_the_timetable_and_at_an_end_of_a_step() -> None:
    assert {trouble.kind for trouble in TROUBLES} == set(faults.KINDS)
    assert all(trouble.at.endswith((":00", ":15", ":30", ":45")) for trouble in TROUBLES)
