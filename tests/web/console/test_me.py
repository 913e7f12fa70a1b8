"""Everybody's own page: last calls, browsers and language."""

from tests.flows.looking import PERSON
from tests.serving import served
from tests.web.agents import an_admin, sign_in
from tests.world import World, ago, settle_down


async def test_somebody_signs_a_browser_out_that_he_has_lost(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        lost = await sign_in(here, admin.tenant, admin.tenant.installed.owner_user_id, is_admin=True)
        shown = await admin.open(admin.console("me"))
        assert "this one" in shown.text
        fields = shown.form(admin.console("me/browsers"))
        said = await admin.press(admin.console("me/browsers"), fields)
        assert "That browser is signed out." in said.text
        assert (await lost.open(lost.console("me"))).status == 401
        assert (await admin.open(admin.console("me"))).status == 200


async def test_nobody_signs_out_the_browser_of_somebody_else(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        agent = await sign_in(here, admin.tenant, None)
        await sign_in(here, admin.tenant, None)
        who = await here.service.access.session(admin.cookie.partition("=")[2])
        assert who is not None
        (other,) = await here.service.access.browsers(who)
        fields = (await agent.open(agent.console("me"))).form(agent.console("me/browsers"))
        await agent.press(agent.console("me/browsers"), fields | {"browser": other.id})
        assert (await admin.open(admin.console("me"))).status == 200


async def test_the_language_that_was_chosen_comes_before_the_browsers(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        shown = await admin.open(admin.console("me"))
        fields = shown.form(admin.console("me/language"))
        assert fields["language"] == "en"
        async with admin.world.http.post(
            here.origin + admin.console("me/language"), data=fields | {"language": "pl"},
            headers={"Cookie": admin.cookie}, allow_redirects=False,
        ) as answer:  # fmt: skip
            assert answer.cookies["language"].value == "pl"
        admin.cookie += "; language=pl"
        assert "Język tych stron" in (await admin.open(admin.console("me"))).text
        admin.cookie = admin.cookie.replace("language=pl", "language=../../xx")
        assert "Language of these pages" in (await admin.open(admin.console("me"))).text


async def test_an_agent_sees_his_own_last_calls_with_what_became_of_them_and_nobody_elses(
    world: World,
) -> None:
    async with served(world) as here:
        admin = await an_admin(here, since=ago(hours=2))
        await world.seed_pipedrive(persons=[PERSON])
        await world.happen(
            "call", number="601000001", agent="anna.nowak", at=ago(minutes=9).isoformat(), talk=60
        )
        await world.happen("call", number="601000099", agent="jan.kowalski", at=ago(minutes=8).isoformat())
        await settle_down(here.service, admin.tenant)
        agent = await sign_in(here, admin.tenant, None)
        shown = await agent.open(agent.console("me"))
        assert "Your last calls" in shown.text
        assert "601000001 In Pipedrive Open" in shown.text, shown.text
        (activity,) = await world.activities()
        assert f'/activities/{activity["id"]}"' in shown.page
        assert "601000099" not in shown.page
        # Whoever is a user of Pipedrive is known by the agent table.
        assert "Your last calls" not in (await admin.open(admin.console("me"))).text
        settings = admin.tenant.settings.model_copy(
            update={"agent_users": {"jan.kowalski": admin.tenant.installed.owner_user_id}}
        )
        version = (await here.service.tenant(admin.tenant.id)).installed.settings_version
        assert await here.service.installations.set_settings(admin.tenant.id, settings, seen_version=version)
        await here.service.tenants()
        shown = await admin.open(admin.console("me"))
        assert "601000099" in shown.text
        assert "601000001" not in shown.page
        assert "Twoje ostatnie połączenia" in (await admin.open(admin.console("me"), language="pl")).text


async def test_an_agent_without_calls_is_told_so(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        agent = await sign_in(here, admin.tenant, None)
        assert "None of the newest 200 calls of all is yours." in (await agent.open(agent.console("me"))).text
