"""A call that was dialled on a record's page hangs on that record, whoever else has the number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.app import Service
from connector.records import ActivityDraft, Window
from connector.store.events import Events
from tests.flows.looking import PERSON, spent_on
from tests.flows.telephones import ANNA, CENTRE, NUMBER, Phones, telephones
from tests.world import World, ago, settle_down

LEAD = "35b0d604-eb0d-42d0-be11-eac8832051f0"


async def talked(phones: Phones, record: tuple[str, object] | None) -> dict[str, Any]:
    """The activity of a call that was dialled for that record, and talked."""
    await phones.dialled(record=record)
    for act in ("answer", "they_answer", "hang_up"):
        await phones.act(act)
    return await written(phones)


async def written(phones: Phones) -> dict[str, Any]:
    before = {row["id"] for row in await phones.world.activities()}
    await settle_down(phones.service, phones.tenant)
    (activity,) = [row for row in await phones.world.activities() if row["id"] not in before]
    return activity


async def seeded(world: World) -> Mapping[str, Any]:
    """Two people of two companies who share a number, each with an open deal, and a third deal of Ewa's."""
    made: Mapping[str, Any] = await world.seed_pipedrive(
        organizations=[{"name": "Łąka"}, {"name": "Piekarnia"}],
        persons=[PERSON | {"org": "Łąka"}, {"name": "Ewa", "phones": [NUMBER], "org": "Piekarnia"}],
        deals=[
            {"title": "A", "person": PERSON["name"], "org": "Łąka"}, {"title": "B", "person": "Ewa", "org": "Piekarnia"},
            {"title": "C", "person": "Ewa", "org": "Piekarnia"},
        ],
    )  # fmt: skip
    return made


def hangs_on(activity: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(activity[key] for key in ("person_id", "org_id", "deal_id", "lead_id"))


async def test_the_person_whose_page_it_was_although_several_have_the_number(
    world: World, service: Service
) -> None:
    made = await seeded(world)
    (jan, _), (laka, _), (deal, *_) = made["persons"], made["organizations"], made["deals"]
    async with telephones(world, service) as phones:
        # The one open deal of that person, as for any other call of hers.
        assert hangs_on(await talked(phones, ("person", jan))) == (jan, laka, deal, None)


async def test_the_deal_whose_page_it_was_although_the_person_has_others(
    world: World, service: Service
) -> None:
    made = await seeded(world)
    (_, ewa), (_, piekarnia), (_, _, deal) = made["persons"], made["organizations"], made["deals"]
    async with telephones(world, service, deal_rule="none") as phones:
        phones.listening.clear()
        before = await spent_on(world)
        activity = await talked(phones, ("deal", deal))
        assert hangs_on(activity) == (ewa, piekarnia, deal, None)
        assert (await spent_on(world) - before)[r"GET /api/v2/deals/{id:\d+}"] == 1


async def test_the_organization_whose_page_it_was_and_its_only_person_with_the_number(
    world: World, service: Service
) -> None:
    made = await seeded(world)
    (_, ewa), (_, piekarnia) = made["persons"], made["organizations"]
    async with telephones(world, service, deal_rule="none") as phones:
        assert hangs_on(await talked(phones, ("organization", piekarnia))) == (ewa, piekarnia, None, None)


async def test_the_lead_whose_page_it_was(world: World, service: Service) -> None:
    await seeded(world)
    async with telephones(world, service) as phones:
        assert hangs_on(await talked(phones, ("lead", LEAD))) == (None, None, None, LEAD)


async def test_what_the_activity_hangs_on_whose_page_it_was(world: World, service: Service) -> None:
    made = await seeded(world)
    (_, ewa), (_, piekarnia), (_, deal, _) = made["persons"], made["organizations"], made["deals"]
    async with telephones(world, service) as phones:
        planned = await phones.tenant.pipedrive.create_activity(
            ActivityDraft(
                "Oddzwonić", "call", datetime.now(UTC), "", phones.tenant.installed.owner_user_id, str(ewa),
                str(piekarnia), str(deal), done=False,
            )
        )  # fmt: skip
        assert hangs_on(await talked(phones, ("activity", planned.id))) == (ewa, piekarnia, deal, None)


async def test_a_call_from_elsewhere_is_whosever_number_it_is(world: World, service: Service) -> None:
    made = await world.seed_pipedrive(persons=[PERSON])
    async with telephones(world, service) as phones:
        assert (await talked(phones, None))["person_id"] == made["persons"][0]


@pytest.mark.parametrize("entity", ["person", "organization", "deal", "activity"])
async def test_a_record_that_is_not_there_counts_for_nothing(
    world: World, service: Service, entity: str
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON])
    async with telephones(world, service) as phones:
        assert (await talked(phones, (entity, 987654)))["person_id"] == made["persons"][0]


async def test_a_record_that_goes_before_the_activity_is_written_counts_for_nothing(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(
        persons=[PERSON, {"name": "Ewa"}], deals=[{"title": "A", "person": "Ewa"}]
    )
    async with telephones(world, service) as phones:
        await phones.dialled(record=("deal", made["deals"][0]))
        await world.edit(entity="deal", action="delete", id=made["deals"][0])
        for act in ("answer", "they_answer", "hang_up"):
            await phones.act(act)
        assert hangs_on(await written(phones)) == (made["persons"][0], None, None, None)


async def test_a_number_that_nobody_has_hangs_on_the_record_all_the_same(
    world: World, service: Service
) -> None:
    made = await world.seed_pipedrive(persons=[{"name": "Ewa"}])
    async with telephones(world, service) as phones:
        assert (await talked(phones, ("person", made["persons"][0])))["person_id"] == made["persons"][0]


async def test_each_of_two_calls_to_one_number_hangs_on_its_own_record(
    world: World, service: Service
) -> None:
    made = await seeded(world)
    (_, first, second) = made["deals"]
    async with telephones(world, service) as phones:
        one = await talked(phones, ("deal", first))
        service.clock.move_to(timedelta(seconds=3))
        two = await talked(phones, ("deal", second))
        assert (one["deal_id"], two["deal_id"]) == (first, second)


async def test_while_pipedrive_is_down_the_record_is_found_when_the_activity_is_written(
    world: World, service: Service
) -> None:
    made = await seeded(world)
    async with telephones(world, service) as phones:
        await world.fault("pipedrive", "status_before", status=503, path="/deals/", times=None)
        call = await phones.dialled(record=("deal", made["deals"][1]))
        assert not (await phones.kept(call.id)).is_resolved
        await world.mend("pipedrive")
        for act in ("answer", "they_answer", "hang_up"):
            await phones.act(act)
        assert (await written(phones))["deal_id"] == made["deals"][1]


async def test_a_call_that_comes_in_is_never_taken_for_one_that_was_dialled(
    world: World, service: Service
) -> None:
    made = await seeded(world)
    async with telephones(world, service) as phones:
        await phones.dialled(record=("person", made["persons"][0]))
        await phones.act("hang_up")
        await settle_down(service, phones.tenant)
        now = service.clock.now().isoformat()
        await world.happen("call", number=NUMBER, agent=ANNA, customer_id=None, at=now)
        await settle_down(service, phones.tenant)
        assert (await phones.tenant.ledger.counts())["undecided"] == 1


async def test_why_it_hangs_there_is_kept_with_the_event(world: World, service: Service) -> None:
    made = await seeded(world)
    async with telephones(world, service) as phones:
        await talked(phones, ("deal", made["deals"][0]))
        (kept,) = await phones.tenant.live_calls.latest(CENTRE, ANNA, 5)
        (entry,) = await phones.tenant.ledger.within(Window(ago(days=1), ago(days=-1)))
        looked = await Events(phones.tenant.ledger).one(entry.id)
        assert looked is not None
        assert looked.trace["clicked"] == f"deal {made['deals'][0]}"
        assert (looked.trace["matched"], looked.trace["call"]) == ("record page", kept.id)


async def test_a_forged_webhook_makes_no_activity(world: World, service: Service) -> None:
    await seeded(world)
    async with telephones(world, service) as phones:
        call = await phones.dialled()
        for action in ("AGENT_RINGING", "CLIENT_ANSWERED", "AGENT_ENDED_CALL"):
            await phones.told_of(action, "666.6", custom_data=call.id)
        await settle_down(service, phones.tenant)
        assert await world.activities() == []
