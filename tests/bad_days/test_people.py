"""Customers and salespeople who change under our hands: records deleted, merged, shared, hidden or edited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.errors import NotFound
from connector.flows.following import follow_hook
from connector.flows.indexing import census
from connector.pipedrive.hooks import parse_hook
from tests.bad_days.days import Day
from tests.flows.desk import ACTIVITIES, NUMBER, Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


async def edit_person(desk: Desk, action: str, person: int, **more: object) -> None:
    await desk.day.world.edit(entity="person", action=action, id=person, **more)


def hung_on(day: Day) -> list[tuple[Any, Any]]:
    return [(row["person_id"], row["org_id"]) for row in day.written()]


async def test_a_customer_deleted_in_pipedrive_waits_and_is_written_when_restored(desk: Desk) -> None:
    desk.call()
    await desk.settle()
    person = desk.person()["id"]
    await edit_person(desk, "delete", person)
    desk.call()
    await desk.settle()
    assert await desk.states() == {"done": 1, "waiting": 1}
    await edit_person(desk, "restore", person)
    await desk.sweep()
    await desk.settle()
    assert await desk.states() == {"done": 2}
    assert not desk.day.wrong()


async def test_persons_merged_between_two_sweeps_leave_every_event_with_the_survivor(desk: Desk) -> None:
    """Without a webhook: the customer is bound to one who is gone when the activity arrives."""
    (gone,) = desk.day.company.persons.records
    seed = await desk.day.world.seed_pipedrive(persons=[{"name": "Ocalały"}])
    (survivor,) = seed["persons"]
    desk.day.seed(customers=[{"customer_id": 7, "name": "Jan", "surname": "Próba", "phone_number": [NUMBER]}])
    desk.call(customer_id=7, number="+48 601 999 998")
    await desk.settle()
    await edit_person(desk, "merge", gone, into=survivor)
    desk.call(customer_id=7)
    await desk.settle()
    await desk.sweep()
    await desk.settle()
    assert await desk.states() == {"done": 2}
    assert {person for person, _ in hung_on(desk.day)} == {survivor}
    assert not desk.day.wrong()


async def test_a_webhook_of_a_merge_takes_the_pair_along(desk: Desk) -> None:
    (gone,) = desk.day.company.persons.records
    (survivor,) = (await desk.day.world.seed_pipedrive(persons=[{"name": "Ocalały"}]))["persons"]
    desk.day.seed(customers=[{"customer_id": 7, "name": "Jan", "surname": "Próba", "phone_number": [NUMBER]}])
    desk.call(customer_id=7, number="+48 601 999 998")
    await desk.settle()
    tenant = await desk.tenant()
    connection = next(iter(tenant.centres))
    await edit_person(desk, "merge", gone, into=survivor)
    meta = {"action": "delete", "entity": "person", "entity_id": str(gone), "merged_to_id": survivor}
    body = orjson.dumps({"data": None, "previous": {"id": gone}, "meta": meta})
    event = parse_hook(body)
    await follow_hook(tenant, event)
    assert (await tenant.bindings.persons({f"{connection}/7"})).values()
    # Neither the number nor an address of this call says whose it is: only the pair does.
    desk.call(customer_id=7, number="+48 601 999 999")
    await desk.settle()
    assert [person for person, _ in hung_on(desk.day)] == [survivor, survivor]


async def test_a_number_shared_by_five_people_is_left_to_a_person(tmp_path: Path) -> None:
    people: list[dict[str, object]] = [{"name": f"Osoba {n}", "phones": [NUMBER]} for n in range(5)]
    async with open_desk(tmp_path, persons=people) as desk:
        desk.call()
        await desk.settle()
        assert await desk.states() == {"undecided": 1}
        assert not desk.day.written()
        for person in list(desk.day.company.persons.records)[1:]:
            await edit_person(desk, "delete", person)
        # Lists do not show what was deleted: the weekly census does.
        await desk.day.move(8 * 86400)
        assert await census(await desk.tenant()) == 4
        await desk.settle()
        assert not desk.day.wrong()


async def test_a_number_shared_within_one_organization_hangs_on_the_organization_alone(
    tmp_path: Path,
) -> None:
    async with open_desk(tmp_path, persons=[]) as desk:
        seed = await desk.day.world.seed_pipedrive(
            organizations=[{"name": "Biuro Próba"}],
            persons=[{"name": f"Osoba {n}", "phones": [NUMBER], "org": "Biuro Próba"} for n in range(5)],
        )
        desk.call()
        await desk.settle()
        assert hung_on(desk.day) == [(None, seed["organizations"][0])]
        assert not desk.day.wrong()


async def test_an_agent_whom_nobody_knows_leaves_the_activity_to_the_one_who_installed(desk: Desk) -> None:
    desk.call(agent="byly_pracownik")
    await desk.settle()
    (row,) = desk.day.written()
    assert str(row["owner_id"]) == (await desk.tenant()).installed.owner_user_id
    assert not desk.day.wrong()


async def test_an_agent_who_left_pipedrive_leaves_the_activity_to_the_one_who_installed(desk: Desk) -> None:
    agent = next(iter(desk.day.system.agents.values()))
    colleague = next(user for user in desk.day.company.users.values() if not user.admin)
    colleague.email = agent.email
    desk.call(agent=agent.login)
    await desk.settle()
    colleague.active = False
    desk.call(agent=agent.login)
    await desk.settle()
    owners = [str(row["owner_id"]) for row in desk.day.written()]
    assert owners == [str(colleague.id), (await desk.tenant()).installed.owner_user_id]
    assert not desk.day.wrong()


async def test_a_salesperson_who_moved_an_activity_on_finds_it_so(desk: Desk) -> None:
    """What people change is theirs: nothing is written over it, nothing is written anew."""
    ref = desk.call()
    await desk.run()
    (row,) = desk.day.written()
    changes = {"type": "meeting", "due_date": "2026-12-24", "done": False}
    await desk.day.world.edit(entity="activity", action="change", id=row["id"], changes=changes)
    desk.day.happen("topic", connection_id=ref, comment="Notatka")
    await desk.settle()
    (row,) = desk.day.written()
    assert {key: row[key] for key in changes} == changes


@pytest.fixture
async def colleague(tmp_path: Path) -> AsyncIterator[Desk]:
    """Installed by a user without admin rights, in a company where people see only their own; the agent is another user."""
    async with open_desk(tmp_path, persons=[], admin=False) as desk:
        boss = desk.day.company.admins()[0]
        boss.email = next(iter(desk.day.system.agents.values())).email
        await desk.day.world.seed_pipedrive(
            persons=[{"name": "Jan Próba", "phones": [NUMBER], "visible_to": 1, "owner": boss.email}]
        )
        person = desk.person()
        assert person["visible_to"] == 1
        yield desk


async def see_the_person(desk: Desk) -> None:
    """Fill the index as if the person had been visible then, which is how people lose sight of records."""
    person = desk.person()
    person["visible_to"] = 3
    await desk.sweep()


async def test_a_user_who_does_not_see_what_it_wrote_for_others_never_sends_twice(colleague: Desk) -> None:
    desk, tenant = colleague, await colleague.tenant()
    await see_the_person(desk)
    desk.call()
    desk.person()["visible_to"] = 1
    await desk.settle()
    tenant = await desk.tenant()
    (row,) = desk.day.written()
    with pytest.raises(NotFound):
        await tenant.pipedrive.activity(str(row["id"]))
    desk.day.fault("pipedrive", kind="status_after", **ACTIVITIES)
    desk.call()
    await desk.settle()
    assert await desk.states() == {"done": 1, "parked": 1}
    assert not desk.day.wrong()


async def test_a_first_write_for_another_whose_answer_is_lost_is_not_sent_twice_unseen(
    colleague: Desk,
) -> None:
    """It is not known yet whether the user sees what it writes for others, so not finding it proves nothing."""
    desk = colleague
    await see_the_person(desk)
    desk.call()
    desk.person()["visible_to"] = 1
    desk.day.fault("pipedrive", kind="status_after", **ACTIVITIES)
    await desk.settle()
    assert await desk.states() == {"parked": 1}
    assert not desk.day.wrong()


async def test_a_user_without_admin_rights_finds_its_own_lost_writes_itself(tmp_path: Path) -> None:
    async with open_desk(tmp_path, admin=False) as desk:
        desk.day.fault("pipedrive", kind="reset_before", **ACTIVITIES)
        desk.call()
        desk.call()
        await desk.settle()
        assert await desk.states() == {"done": 2}
        assert not desk.day.wrong()
