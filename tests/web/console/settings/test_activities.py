"""The rules for activities are tried on events, said what they touch, and saved."""

from __future__ import annotations

from tests.flows.looking import PERSON
from tests.serving import Served, served
from tests.web.agents import Agent, an_admin, sign_in
from tests.world import World, ago, install

PAGE = "settings/activities"


async def _saved(here: Served, admin: Agent) -> dict[str, object]:
    tenant = await here.service.tenant(admin.tenant.id)
    return tenant.settings.model_dump(mode="json")


async def _at_work(here: Served, **settings: object) -> Agent:
    """An administrator whose contact centre has a past."""
    await here.world.seed_pipedrive(persons=[PERSON])
    tenant = await install(here.service, since=ago(hours=3), **settings)
    return await sign_in(here, tenant, tenant.installed.owner_user_id, "Adam Admin", is_admin=True)


async def test_the_form_saved_as_it_came_changes_nothing(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(
            here,
            queues=[{"kind": "call", "queue": "999", "type": "call", "name": "Old queue"}],
            calls={"cases": [{"direction": "outbound", "result": "failed", "type": None}]},
            messages={"types": {"email": "email", "fax": "task"}},
            ignored_numbers=["+48 601 000 009"],
        )
        before = await _saved(here, admin)
        shown = await admin.open(admin.console(PAGE))
        assert shown.status == 200
        assert "Old queue, not found any more" in shown.text
        answer = await admin.press(admin.console(PAGE), shown.form(admin.console(PAGE)) | {"act": "save"})
        assert "The rules are saved." in answer.text
        assert await _saved(here, admin) == before


async def test_a_type_that_is_not_active_is_marked_and_cannot_be_saved(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, chats={"type": "gone"})
        shown = await admin.open(admin.console(PAGE))
        assert "gone, which is not active in Pipedrive" in shown.text
        assert "This type is not active in Pipedrive. Choose another." in shown.text
        fields = shown.form(admin.console(PAGE))
        refused = await admin.press(admin.console(PAGE), fields | {"act": "save", "minimum_seconds": "17"})
        assert refused.status == 422
        assert refused.form(admin.console(PAGE))["minimum_seconds"] == "17", "what was typed is kept"
        assert (await _saved(here, admin))["calls"]["minimum_seconds"] == 0  # type: ignore[index]
        await admin.press(admin.console(PAGE), fields | {"act": "save", "chats_type": "task"})
        assert (await _saved(here, admin))["chats"] == {"type": "task"}


async def test_each_mistake_is_said_at_its_field(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        fields = (await admin.open(admin.console(PAGE))).form(admin.console(PAGE))
        for name, value, said in (
            ("minimum_seconds", "-1", "Write whole seconds, or 0 for no minimum."),
            ("ignored_numbers", "nobody", "No telephone number: nobody"),
            ("link_call", "https://example.com/calls", "Write a web address with {id} in it"),
            ("deal_rule", "newest", "Something has to be corrected"),
            ("call_inbound_answered", "golf", "This type is not active in Pipedrive."),
        ):
            refused = await admin.press(admin.console(PAGE), fields | {"act": "save", name: value})
            assert (refused.status, said in refused.text) == (422, True), name


async def test_what_a_change_touches_is_said_before_it_is_saved(world: World) -> None:
    async with served(world) as here:
        admin = await _at_work(here, chats={"type": None})
        at = ago(minutes=5).isoformat()
        await world.happen("call", disposition="NO ANSWER", number="601000001", at=at)
        await world.happen("call", number="601000001", talk=60, at=at)
        await here.jobs.runs.sync(await here.service.tenant(admin.tenant.id))
        fields = (await admin.open(admin.console(PAGE))).form(admin.console(PAGE))
        asked = await admin.press(
            admin.console(PAGE), fields | {"act": "save", "call_inbound_abandoned": "task"}
        )
        assert "Not saved yet" in asked.text
        assert "so many would be decided otherwise: 1." in asked.text
        assert (await _saved(here, admin))["calls"]["cases"] == []  # type: ignore[index]
        saved = await admin.press(admin.console(PAGE), asked.form(admin.console(PAGE)) | {"act": "save_now"})
        assert "The rules are saved." in saved.text
        cases = (await _saved(here, admin))["calls"]["cases"]  # type: ignore[index]
        assert cases == [{"direction": "inbound", "result": "abandoned", "type": "task"}]


async def test_trying_shows_the_events_masked_and_writes_nothing(world: World) -> None:
    async with served(world) as here:
        admin = await _at_work(here)
        at = ago(minutes=5).isoformat()
        await world.happen("call", type="OUTBOUND", disposition="FAILED", number="601000001", at=at)
        await here.jobs.runs.sync(await here.service.tenant(admin.tenant.id))
        written = await world.activities()
        spent = len(await world.calls("pipedrive"))
        fields = (await admin.open(admin.console(PAGE))).form(admin.console(PAGE))
        shown = await admin.press(admin.console(PAGE), fields | {"act": "preview", "calls_type": "meeting"})
        assert "Outbound call, failed" in shown.text
        assert "Meeting" in shown.text
        assert "in Pipedrive already" in shown.text
        assert "601000001" not in shown.text
        assert shown.form(admin.console(PAGE))["calls_type"] == "meeting", "what was tried stands in the form"
        assert len(await world.calls("pipedrive")) == spent
        assert await world.activities() == written
        open_ = await admin.press(admin.console(PAGE), fields | {"act": "preview", "reveal": "on"})
        assert "601000001" in open_.text
        noted = await (await here.service.tenant(admin.tenant.id)).audit.entries()
        assert [(one.action, one.detail) for one in noted if one.action == "reveal"] == [
            ("reveal", {"preview": len(written)})
        ]


async def test_a_fresh_installation_is_previewed_from_the_contact_centres_own_list(world: World) -> None:
    async with served(world) as here:
        await world.happen("call", number="601000001", talk=60, at=ago(minutes=5).isoformat())
        admin = await an_admin(here)
        fields = (await admin.open(admin.console(PAGE))).form(admin.console(PAGE))
        shown = await admin.press(admin.console(PAGE), fields | {"act": "preview"})
        assert "Inbound call, answered" in shown.text
        tenant = await here.service.tenant(admin.tenant.id)
        assert sum((await tenant.ledger.counts()).values()) == 0


async def test_types_are_read_again_when_somebody_asks(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        shown = await admin.open(admin.console(PAGE))
        fields = shown.form(admin.console(PAGE))
        again = await admin.press(admin.console(PAGE), fields | {"act": "refresh", "minimum_seconds": "9"})
        assert again.status == 200
        assert again.form(admin.console(PAGE))["minimum_seconds"] == "9"
        tenant = await here.service.tenant(admin.tenant.id)
        assert {kind.key for kind in tenant.directory.types if kind.active} >= {"call", "task"}
