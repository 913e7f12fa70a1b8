"""Events: what the list shows, how it is filtered, and how failed ones are tried again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from connector.store.entries import UNSEEN, State, ledger
from connector.store.tables import AuditEntry, table_of
from tests.serving import Served, served
from tests.web.agents import Agent, an_admin
from tests.world import World, ago, settle_down

CALLS = [{"number": f"60100000{n}"} for n in (1, 2, 3)]


async def a_day(here: Served, **settings: Any) -> Agent:
    """An administrator; one call of a known person, two of strangers."""
    await here.world.seed_pipedrive(persons=[{"name": "Jan Próba", "phones": ["+48601000001"]}])
    admin = await an_admin(here, since=ago(days=2), **settings)
    await here.world.seed_centre(calls=CALLS)
    await settle_down(here.service, admin.tenant)
    return admin


async def put(admin: Agent, where: Any, **values: object) -> None:
    """Have entries of the ledger stand otherwise."""
    await admin.tenant.ledger.db.write(
        lambda db: db.execute(update(ledger).where(where).values(**values)) and None
    )


async def noted(admin: Agent) -> list[tuple[str, str]]:
    table = table_of(AuditEntry)
    query = select(table.c.action, table.c.detail).order_by(table.c.id)
    return [tuple(row) for row in await admin.tenant.ledger.db.read(lambda db: db.execute(query).all())]


async def test_each_event_stands_in_the_list_with_what_became_of_it(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        shown = await admin.open(admin.console("events"))
        (activity,) = await world.activities()
        assert "In Pipedrive" in shown.text
        assert shown.text.count("Waiting for the customer to be linked") == 3  # two events and the filter
        assert f"/activities/{activity['id']}" in shown.page


async def test_numbers_are_masked(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        shown = await admin.open(admin.console("events"))
        assert "*** 001" in shown.text
        assert "601000001" not in shown.page


async def test_the_list_is_filtered_by_state_kind_and_day(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        waiting = await admin.open(admin.console("events?state=waiting"))
        assert "/activities/" not in waiting.page
        assert "events/1" in (await admin.open(admin.console("events?kind=call"))).page
        for nothing in ("kind=chat", "state=parked", "to=2020-01-01", "from=2120-01-01", "customer=77"):
            shown = await admin.open(admin.console(f"events?{nothing}"))
            assert "No event is like that." in shown.text, nothing
        odd = await admin.open(
            admin.console("events?state=x&kind=y&from=z&to=9999-12-31&after=1-a&why=q&number=%20,")
        )
        assert odd.status == 200
        for digits in (17, 18):
            assert (await admin.open(admin.console(f"events?after={'9' * digits}-1"))).status == 200
        assert "/activities/" in odd.page


async def test_a_customers_events_are_found_without_his_number_in_the_address(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        shown = await admin.open(admin.console("events"))
        search = admin.console("events/search")
        found = await admin.press(search, shown.form(search) | {"about": "601 000 002"})
        assert "601" not in found.path
        assert found.page.count('scope="row"') == 1
        assert "Only events of the customer" in found.text
        none = await admin.press(search, shown.form(search) | {"about": "nobody@example.com"})
        assert "No event is like that." in none.text
        odd = await admin.press(search, shown.form(search) | {"about": "who?"})
        assert "This is no number" in odd.text
        assert (await admin.press(search, shown.form(search) | {"about": " "})).status == 200


async def test_older_events_are_on_the_next_page(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, since=ago(days=2))
        await here.world.seed_centre(calls=[{"number": f"6010{n:05}"} for n in range(53)])
        await settle_down(here.service, admin.tenant)
        first = await admin.open(admin.console("events"))
        assert first.page.count('scope="row"') == 50
        (older,) = {
            part.partition('"')[0]
            for part in first.page.split('href="')
            if "after=" in part.partition('"')[0]
        }
        second = await admin.open(older.replace("&amp;", "&"))
        assert second.page.count('scope="row"') == 3
        ids = [
            {row.partition('"')[0] for row in page.split("/events/")} for page in (first.page, second.page)
        ]
        assert not {one for one in ids[0] & ids[1] if one.isdecimal()}


async def fail(admin: Agent, reason: str, *ids: int) -> None:
    await put(admin, ledger.c.id.in_(ids), state=State.PARKED, reason=reason)


async def test_failed_ones_are_tried_again_one_or_all_of_a_reason(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        await fail(admin, "it broke", 2, 3)
        await fail(admin, "no right", 1)
        shown = await admin.open(admin.console("events?state=parked"))
        assert "it broke" in shown.text
        some, every = admin.console("events/retry"), admin.console("events/retry-all")
        told = await admin.press(some, shown.form(some) | {"entry-1": "on"})
        assert "Tried again: 1." in told.text
        assert told.path.startswith(admin.console("events?state=parked"))
        (address,) = {
            part.partition('"')[0] for part in told.page.split('href="') if "why=" in part.partition('"')[0]
        }
        of_reason = await admin.open(address.replace("&amp;", "&"))
        told = await admin.press(every, of_reason.form(every))
        assert "Tried again: 2." in told.text
        assert [detail for action, detail in await noted(admin) if action == "retry"] == [
            '{"entries":1}', '{"entries":2}'
        ]  # fmt: skip


async def test_what_may_be_in_pipedrive_already_is_not_tried_again_with_others(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        await fail(admin, UNSEEN, 1, 2)
        shown = await admin.open(admin.console("events?state=parked"))
        assert "Look in Pipedrive whether it is there." in shown.text
        some, every = admin.console("events/retry"), admin.console("events/retry-all")
        told = await admin.press(some, shown.form(some) | {"entry-1": "on"})
        assert "may be in Pipedrive already: 1." in told.text
        assert "Nothing could be tried again." in (await admin.press(every, shown.form(every))).text
        assert "No event was ticked." in (await admin.press(some, shown.form(some))).text


async def test_whose_contents_are_gone_says_that_a_backfill_brings_them(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        await put(admin, ledger.c.id == 1, state=State.PARKED, reason="it broke", payload_sealed=None)
        shown = await admin.open(admin.console("events?state=parked"))
        assert "A backfill of that day reads it anew." in shown.text
        assert "entry-1" not in shown.page
