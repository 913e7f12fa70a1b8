"""Backfills in the console: counted first, then written within a budget, stopped, and nothing typed is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.at_work import NUMBER, POSTS, until
from tests.flows.looking import PERSON, HastyClock
from tests.serving import Served, served
from tests.web.agents import Agent, Shown, an_admin
from tests.world import World, ago

DAYS = {"since": (ago(days=4)).date().isoformat(), "until": (ago(days=2)).date().isoformat()}


async def some_past(here: Served, calls: int = 6) -> Agent:
    """An administrator whose contact centre has calls and an e-mail from before the connector."""
    admin = await an_admin(here)
    await here.world.seed_pipedrive(persons=[PERSON])
    times = [(ago(days=3) + timedelta(minutes=n)).isoformat() for n in range(calls)]
    await here.world.seed_centre(calls=[{"number": NUMBER, "at": at} for at in times])
    return admin


async def ask(admin: Agent, act: str, **typed: str) -> Shown:
    """Fill the form and press one of its buttons."""
    page = admin.console("runs/backfill")
    fields = (await admin.open(page)).form(page)
    return await admin.press(page, fields | DAYS | typed | {"act": act})


async def counted(admin: Agent) -> Shown:
    """Count the period; gives the page once that is done."""
    await ask(admin, "count")

    async def ended() -> bool:
        return "data-stream" not in (await admin.open(admin.console("runs/backfill"))).page

    await until(ended)
    return await admin.open(admin.console("runs/backfill"))


async def test_what_it_would_bring_is_counted_without_a_token(open_: Served) -> None:
    admin = await some_past(open_)
    await admin.open(admin.console())
    before = open_.service.tokens_today(admin.tenant.id)[0]
    shown = await counted(admin)
    assert open_.service.tokens_today(admin.tenant.id)[0] == before
    assert "Call 6 0 6" in shown.text
    assert "costs 30 Pipedrive tokens at most, 5 for each activity" in shown.text
    form = shown.form(admin.console("runs/backfill"))
    assert form == form | DAYS | {"tokens": "30"}


async def test_a_backfill_brings_the_period_and_a_second_has_nothing_to_bring(open_: Served) -> None:
    admin = await some_past(open_)
    begun = await ask(admin, "start", tokens="200")
    assert "The backfill has begun." in begun.text
    await open_.jobs.runs.idle()
    ended = await admin.open(begun.path.partition("?")[0])
    assert "Activities written 6" in ended.text
    assert "Backfill, " in ended.text
    assert len(await open_.world.activities()) == 6
    assert "There is nothing to bring." in (await counted(admin)).text
    (noted,) = [one for one in await admin.tenant.audit.entries() if one.action == "backfill"]
    assert noted.detail["tokens"] == 200


async def test_a_budget_is_kept_and_what_is_left_is_said(open_: Served) -> None:
    admin = await some_past(open_)
    begun = await ask(admin, "start", tokens="45")
    await open_.jobs.runs.idle()
    ended = await admin.open(begun.path.partition("?")[0])
    written = len(await open_.world.activities())
    assert written < 6
    assert "Finished in part" in ended.text
    assert f"Left for another backfill {6 - written}" in ended.text


async def test_what_is_left_out_now_is_counted_as_something_a_backfill_brings(open_: Served) -> None:
    admin = await some_past(open_)
    await ask(admin, "start", tokens="10")
    await open_.jobs.runs.idle()
    assert "Call 6 0 6" in (await counted(admin)).text


async def test_todays_events_go_on_beside_it_and_it_can_be_stopped(world: World) -> None:
    async with served(world, HastyClock()) as here:
        admin = await some_past(here, calls=120)
        await world.fault("pipedrive", "delay", seconds=0.2, times=None, **POSTS)
        begun = await ask(admin, "start", tokens="5000")
        page = begun.path.partition("?")[0]

        async def some_are_written() -> bool:
            return "Activities written" in (await admin.open(page)).text

        await until(some_are_written)
        assert "A backfill is under way already." in (await ask(admin, "start", tokens="5000")).text
        assert await here.jobs.runs.begin(admin.tenant) is not None
        fields = (await admin.open(page)).form(page + "/stop")
        await admin.press(page + "/stop", fields)
        await here.jobs.runs.idle()
        assert "Stopped" in (await admin.open(page)).text
        assert not (await admin.tenant.ledger.counts())["sending"]


async def test_mistakes_are_said_at_the_fields_and_nothing_typed_is_lost(open_: Served) -> None:
    admin = await some_past(open_)
    today = datetime.now(UTC).date()
    wrong = [
        ({"since": "", "until": "nonsense"}, "Choose the first day."),
        ({"since": DAYS["until"], "until": DAYS["since"]}, "The last day is before the first."),
        (
            {"since": str(today + timedelta(days=3)), "until": str(today + timedelta(days=4))},
            "This day has not come yet.",
        ),
        ({"since": "2020-01-01"}, "A year is the most."),
        ({"tokens": "4"}, "Write how many tokens it may spend, from 5 to 10000000."),
        ({"tokens": "many"}, "Write how many tokens it may spend"),
    ]
    for typed, said in wrong:
        shown = await ask(admin, "start", **({"tokens": "100"} | typed))
        assert shown.status == 422
        assert said in shown.text
        assert 'aria-invalid="true"' in shown.page
        for field, value in typed.items():
            assert shown.form(admin.console("runs/backfill"))[field] == value
    assert open_.jobs.runs.running(admin.tenant.id) == []


async def test_a_contact_centre_that_cannot_be_read_is_said(open_: Served) -> None:
    admin = await some_past(open_)
    await open_.world.fault("thulium", "status_before", status=500, times=None)
    shown = await counted(admin)
    assert "The contact centre could not be read to the end." in shown.text
