"""Runs in the console: the list, one run, begun, watched, stopped and taken back."""

from __future__ import annotations

import asyncio

from aiohttp import ClientResponse

from connector.store.changes import Wrote
from connector.store.operations import CUT_OFF, FINISHED
from connector.web.console.live import MOST_WATCHED
from tests.at_work import NUMBER, POSTS, a_call, until
from tests.flows.looking import PERSON, HastyClock
from tests.serving import Served, served
from tests.web.agents import Agent, Shown, an_admin, sign_in
from tests.world import World, ago


async def begin(admin: Agent) -> Shown:
    """Press Run now; gives the page it leads to."""
    shown = await admin.open(admin.console("runs"))
    return await admin.press(admin.console("runs"), shown.form(admin.console("runs")))


def page_of(shown: Shown) -> str:
    return shown.path.partition("?")[0]


async def slow_calls(here: Served, number: int) -> None:
    """So many calls, and a Pipedrive that takes its time over each."""
    await here.world.seed_pipedrive(persons=[PERSON])
    times = [ago(minutes=minute / 2).isoformat() for minute in range(number)]
    await here.world.seed_centre(calls=[{"number": NUMBER, "at": at} for at in times])
    await here.world.fault("pipedrive", "delay", seconds=0.2, times=None, **POSTS)


async def test_without_runs_the_list_says_so(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    assert "No run has begun yet." in (await admin.open(admin.console("runs"))).text


async def test_a_run_is_begun_leads_to_its_page_and_is_written_down(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await open_.world.seed_pipedrive(persons=[PERSON])
    await a_call(open_.world)
    shown = await begin(admin)
    assert "The run has begun." in shown.text
    await open_.jobs.runs.idle()
    ended = await admin.open(page_of(shown))
    assert "Finished" in ended.text
    assert "Activities written 1" in ended.text
    assert "Call in Pipedrive Open in Pipedrive" in ended.text
    listed = await admin.open(admin.console("runs"))
    assert "An administrator" in listed.text
    assert "Activities written: 1" in listed.text
    assert next(iter(await admin.tenant.audit.entries())).action == "run"


async def test_what_a_run_costs_is_what_it_asked_of_pipedrive(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await open_.world.seed_pipedrive(persons=[PERSON])
    await begin(admin)
    await open_.jobs.runs.idle()
    before, _ = open_.service.tokens_today(admin.tenant.id)
    await a_call(open_.world)
    page = page_of(await begin(admin))
    await open_.jobs.runs.idle()
    spent = open_.service.tokens_today(admin.tenant.id)[0] - before
    assert spent >= 5
    assert f"Pipedrive tokens {spent}" in (await admin.open(page)).text


async def test_a_run_shows_its_counts_while_it_goes_on_and_streams_until_its_end(world: World) -> None:
    async with served(world, HastyClock()) as here:
        admin = await an_admin(here, since=ago(hours=3))
        await begin(admin)
        await here.jobs.runs.idle()
        await slow_calls(here, 60)
        shown = await begin(admin)
        assert 'data-stream="' in shown.page

        async def some_are_written() -> bool:
            return "Activities written" in (await admin.open(page_of(shown))).text

        await until(some_are_written)
        live = await admin.open(page_of(shown))
        assert "Under way" in live.text
        stream = here.origin + page_of(shown) + "/live"
        async with world.http.get(stream, headers={"Cookie": admin.cookie}) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
            told = (await answer.text()).split("\n\n")
        assert "Finished" in told[-3]
        assert told[-2].startswith("event: end")
        assert len(told) > 3


async def test_a_second_run_is_not_begun_beside_the_first(world: World) -> None:
    async with served(world, HastyClock()) as here:
        admin = await an_admin(here, since=ago(hours=3))
        await slow_calls(here, 60)
        await begin(admin)
        assert "A run is under way already." in (await begin(admin)).text


async def test_a_stopped_run_says_so_and_the_rest_is_written_by_the_next(world: World) -> None:
    async with served(world, HastyClock()) as here:
        admin = await an_admin(here, since=ago(hours=3))
        await slow_calls(here, 200)
        page = page_of(await begin(admin))

        async def some_are_written() -> bool:
            return "Activities written" in (await admin.open(page)).text

        await until(some_are_written)
        fields = (await admin.open(page)).form(page + "/stop")
        assert "being stopped" in (await admin.press(page + "/stop", fields)).text
        await here.jobs.runs.idle()
        ended = await admin.open(page)
        assert "Stopped" in ended.text
        assert "not under way any more" in (await admin.press(page + "/stop", fields)).text
        counts = await admin.tenant.ledger.counts()
        assert counts["done"]
        assert counts["new"] + counts["done"] < 201
        assert not counts["sending"]
        await world.mend("pipedrive")
        await here.jobs.runs.sync(admin.tenant)
        assert (await admin.tenant.ledger.counts())["done"] == 200


async def test_a_run_that_fails_says_why(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await a_call(open_.world)
    await open_.world.fault("pipedrive", "status_before", path="/persons", status=500, times=None)
    page = page_of(await begin(admin))
    await open_.jobs.runs.idle()
    shown = await admin.open(page)
    assert "Failed The next run tries again. Reason:" in shown.text
    assert "New events found 1" in shown.text


async def test_a_run_whose_process_ended_is_written_down_as_cut_off(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, since=ago(hours=3))
        run = await here.service.operations.begin_run(admin.tenant.id, "schedule")
    async with served(world) as here:
        assert (await here.service.operations.last_run(admin.tenant.id) or ("", ""))[1] == CUT_OFF
        again = Agent(here, admin.tenant, admin.cookie)
        assert "Cut off" in (await again.open(admin.console(f"runs/{run}"))).text


async def test_runs_are_listed_a_page_at_a_time(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    operations = open_.service.operations
    for _ in range(52):
        await operations.end_run(await operations.begin_run(admin.tenant.id, "schedule"), {}, FINISHED)
    first = await admin.open(admin.console("runs"))
    assert first.page.count('<th scope="row"') == 50
    older = await admin.open(admin.console("runs") + "?before=3")
    assert older.page.count('<th scope="row"') == 2
    assert "There are no older runs." in (await admin.open(admin.console("runs") + "?before=1")).text


async def test_a_run_of_nobody_or_of_another_installation_is_not_found(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    theirs = await open_.service.operations.begin_run("4711", "schedule")
    for run in (theirs, 999_999):
        assert (await admin.open(admin.console(f"runs/{run}"))).status == 404
        assert (await admin.open(admin.console(f"runs/{run}/live"))).status == 404
    assert (await admin.open(admin.console("runs") + "?before=x")).status == 404


async def test_what_a_run_wrote_on_records_is_taken_back(open_: Served) -> None:
    admin = await an_admin(open_, since=ago(hours=3))
    await open_.world.seed_pipedrive(persons=[PERSON])
    person = (await open_.world.records("person"))[0]["id"]
    operations = open_.service.operations
    run = await operations.begin_run(admin.tenant.id, "contacts")
    wrote = Wrote(
        "customer", "pipedrive", str(person), "thulium:demo/7", "update", {"name": "Jan Dawny"}, {"name": "Jan Próba"}
    )  # fmt: skip
    await admin.tenant.changes.note(run, "scan", [wrote])
    await operations.end_run(run, {"written": 1, "looked at": 3}, FINISHED)
    page = admin.console(f"runs/{run}")
    shown = await admin.open(page)
    assert "Records written 1" in shown.text
    assert "Writes that can be taken back: 1" in shown.text
    after = await admin.press(page + "/undo", shown.form(page + "/undo"))
    assert "The run is being taken back." in after.text

    async def done() -> bool:
        return "Records written back 1" in (await admin.open(page)).text

    await until(done)
    assert (await open_.world.records("person"))[0]["name"] == "Jan Dawny"
    again = await admin.press(page + "/undo", shown.form(page + "/undo"))
    assert "nothing of this run that can be taken back" in again.text


async def test_an_open_stream_does_not_hold_up_the_end_of_the_service(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, since=ago(hours=3))
        run = await here.service.operations.begin_run(admin.tenant.id, "contacts")
        stream = here.origin + admin.console(f"runs/{run}/live")
        answer = await world.http.get(stream, headers={"Cookie": admin.cookie})
        await answer.content.readany()
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 10
    answer.close()


async def test_a_session_watches_so_much_at_once_and_no_more(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, since=ago(hours=3))
        run = await here.service.operations.begin_run(admin.tenant.id, "contacts")
        stream = here.origin + admin.console(f"runs/{run}/live")

        async def watch(who: Agent) -> ClientResponse:
            return await world.http.get(stream, headers={"Cookie": who.cookie, "Accept": "text/html"})

        opened = [await watch(admin) for _ in range(MOST_WATCHED)]
        assert {one.status for one in opened} == {200}
        refused = await watch(admin)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
        other = await sign_in(here, admin.tenant, admin.tenant.installed.owner_user_id, is_admin=True)
        assert (await watch(other)).status == 200, "another browser has its own"
        opened[0].close()

        async def has_room() -> bool:
            return (await watch(admin)).status == 200

        await until(has_room)
