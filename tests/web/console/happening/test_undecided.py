"""What only a person decides: shown on request, decided one or alike, and causes that are paused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.store.questions import Kind
from tests.serving import Served, served
from tests.web.agents import Agent, an_admin
from tests.web.console.happening.test_events import noted
from tests.world import World, ago, settle_down

TWINS = [
    {"name": "Jan Próba", "phones": ["+48601000001", "+48601000002"], "org": "Firma"},
    {"name": "Ewa Próba", "phones": ["+48601000001", "+48601000002"]},
]


async def twins(here: Served) -> tuple[Agent, list[str]]:
    """Two calls from numbers that two persons have."""
    made = await here.world.seed_pipedrive(organizations=[{"name": "Firma"}], persons=TWINS)
    admin = await an_admin(here, since=ago(days=2))
    await here.world.seed_centre(calls=[{"number": "601000001"}, {"number": "601000002"}])
    await settle_down(here.service, admin.tenant)
    return admin, [str(one) for one in made["persons"]]


async def test_cases_are_listed_without_reading_anything_and_masked(world: World) -> None:
    async with served(world) as here:
        admin, persons = await twins(here)
        before = len(await world.calls("pipedrive"))
        shown = await admin.open(admin.console("undecided"))
        assert "Cases that wait for you: 2." in shown.text
        assert "Events that wait for it: 1." in shown.text
        assert "*** 001" in shown.text
        assert "601000001" not in shown.page
        assert "Próba" not in shown.page
        assert all(f"/person/{one}" in shown.page for one in persons)
        assert len(await world.calls("pipedrive")) == before


async def test_both_sides_are_shown_on_request_and_that_is_noted(world: World) -> None:
    async with served(world) as here:
        admin, _ = await twins(here)
        page = await admin.open(admin.console("undecided"))
        look = admin.console("undecided/look")
        shown = await admin.press(look, page.form(look))
        for word in (
            "Jan Próba",
            "Ewa Próba",
            "+48601000001",
            "Always the organization Firma, without a person",
        ):
            assert word in shown.text, word
        assert ("reveal", '{"questions":2}') in await noted(admin)


async def test_a_number_is_decided_for_good_and_its_events_go_on(world: World) -> None:
    async with served(world) as here:
        admin, (jan, _) = await twins(here)
        page = await admin.open(admin.console("undecided"))
        decide = admin.console("undecided/decide")
        (first, second) = await admin.tenant.questions.open()
        told = await admin.press(decide, page.form(decide) | {f"choice-{first.id}": f"person:{jan}"})
        assert "Decided: 1." in told.text
        assert "Events decided anew: 1." in told.text
        assert [one.id for one in await admin.tenant.questions.open()] == [second.id]
        await settle_down(here.service, admin.tenant)
        (activity,) = await world.activities()
        assert str(activity["person_id"]) == jan
        decided = await admin.open(admin.console("undecided?decided=1"))
        assert f'value="person:{jan}" checked' in decided.page


async def test_alike_cases_are_decided_with_one_choice(world: World) -> None:
    async with served(world) as here:
        admin, _ = await twins(here)
        page = await admin.open(admin.console("undecided"))
        assert "The same for all that are alike: 1 more" in page.text
        decide = admin.console("undecided/decide")
        (first, _second) = await admin.tenant.questions.open()
        chosen = {f"choice-{first.id}": "ignore", f"alike-{first.id}": "on"}
        told = await admin.press(decide, page.form(decide) | chosen)
        assert "Decided: 2." in told.text
        assert "Nothing waits for a decision." in told.text
        await settle_down(here.service, admin.tenant)
        assert (await admin.tenant.ledger.counts())["skipped"] == 2


async def test_what_cannot_be_chosen_is_said_and_the_others_are_kept(world: World) -> None:
    async with served(world) as here:
        admin, (jan, _) = await twins(here)
        page = await admin.open(admin.console("undecided"))
        decide = admin.console("undecided/decide")
        (first, second) = await admin.tenant.questions.open()
        chosen = {f"choice-{first.id}": f"person:{jan}", f"choice-{second.id}": "person:999999"}
        told = await admin.press(decide, page.form(decide) | chosen)
        assert "Decided: 1. Not done: 1." in told.text
        assert "999999" in told.text
        nothing = await admin.press(decide, page.form(decide))
        assert "Nothing was chosen." in nothing.text
        strange = await admin.press(decide, page.form(decide) | {"choice-999": "ignore"})
        assert "Decided: 0. Not done: 1." in strange.text


async def test_a_field_shows_its_two_values_and_which_to_keep(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        detail = {
            "field": "first_name",
            "pair": "thulium:demo/1",
            "person": "1",
            "centre": "a",
            "pipedrive": "b",
        }
        await admin.tenant.questions.ask(
            Kind.FIELD, "customer:thulium:demo/1|first_name", ("centre", "pipedrive"), detail
        )
        shown = await admin.open(admin.console("undecided"))
        assert "Both sides changed the same field: first_name" in shown.text
        assert "Keep what Pipedrive holds" in shown.text
        look = admin.console("undecided/look")
        assert "Both sides have changed since." in (await admin.press(look, shown.form(look))).text


async def test_a_paused_cause_stands_at_the_top_and_is_let_go(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        await admin.tenant.changes.pull_brake("sweep", 500)
        shown = await admin.open(admin.console("undecided"))
        assert "Paused: more was written than is usual" in shown.text
        assert "changes found by looking through Pipedrive" in shown.text
        release = admin.console("undecided/release")
        told = await admin.press(release, shown.form(release))
        assert "It goes on." in told.text
        assert "Paused" not in told.text
        assert ("release", '{"writes":0}') in await noted(admin)
        assert "is not paused" in (await admin.press(release, shown.form(release))).text


async def test_ten_cases_are_on_a_page(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        cases: Mapping[str, tuple[Sequence[str], Mapping[str, object]]] = {
            f"1.1:{n}": (["1", "2"], {}) for n in range(12)
        }
        await admin.tenant.questions.ask_each(Kind.SUBJECT, cases)
        first = await admin.open(admin.console("undecided"))
        assert first.page.count("Your decision") == 10
        second = await admin.open(admin.console("undecided?after=10"))
        assert second.page.count("Your decision") == 2
        assert (await admin.open(admin.console("undecided?after=x"))).status == 200
