"""“Check now” finds what the self-test finds, and says it in the reader's language."""

from __future__ import annotations

import pytest

from connector.flows.contacts.linking import find_or_create_fields
from connector.i18n import translator
from tests.serving import Served, served
from tests.web.agents import Agent, Shown, an_admin
from tests.world import ADMIN_TOKEN, World

CHECK = "settings/check"


async def checked(admin: Agent, language: str = "en") -> Shown:
    """The page after “Check now”."""
    shown = await admin.open(admin.console("settings"), language)
    return await admin.press(
        admin.console(CHECK), shown.form(admin.console(CHECK)), **{"Accept-Language": language}
    )


async def named_fields(here: Served, admin: Agent) -> dict[str, str]:
    """The special fields in Pipedrive, made and named in the settings: their codes by the settings' names."""
    tenant = await here.service.tenant(admin.tenant.id)
    fields, problems = await find_or_create_fields(tenant)
    assert problems == []
    settings = tenant.settings.model_copy(update={"special_fields": fields})
    seen = tenant.installed.settings_version
    assert await here.service.installations.set_settings(tenant.id, settings, seen_version=seen)
    return {name: code for name, code in fields.model_dump().items() if code}


async def delete_field(world: World, entity: str, code: str) -> None:
    """Delete a custom field, as a person does in Pipedrive."""
    headers = {"x-api-token": ADMIN_TOKEN}
    async with world.http.delete(
        f"{world.pipedrive}/api/v2/{entity}Fields/{code}", headers=headers
    ) as answer:
        assert answer.status == 200


async def test_agents_without_a_user_are_found_by_check_now_as_by_the_self_test(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, fallback_owner=None)
        found = [one for one in await here.service.self_test(await here.service.tenant(admin.tenant.id))
                 if one.startswith("agents without a Pipedrive user")]  # fmt: skip
        assert len(found) == 1
        assert "Agents without a Pipedrive user: " in (await checked(admin)).text


@pytest.mark.parametrize(
    ("name", "entity", "words"),
    [
        ("person_centre_id", "person", "Person: number in the contact centre"),
        ("organization_centre_link", "organization", "Organization: card in the contact centre"),
        ("deal_marker", "deal", "Deal: the connector’s mark"),
    ],
)
async def test_a_special_field_that_was_deleted_in_pipedrive_is_found(
    world: World, name: str, entity: str, words: str
) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        codes = await named_fields(here, admin)
        assert "the special field “" not in (await checked(admin)).text
        await delete_field(world, entity, codes[name])
        assert f"Pipedrive no longer has the special field “{words}”" in (await checked(admin)).text
        polish = await checked(admin, "pl")
        assert (
            f"Pipedrive nie ma już pola specjalnego „{translator('pl')(words).replace(chr(160), ' ')}”"
            in polish.text
        )
        assert "special_fields." not in polish.text


async def test_a_deleted_special_field_is_found_by_the_self_test_with_the_page_where_it_is_mended(
    world: World,
) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        codes = await named_fields(here, admin)
        await delete_field(world, "deal", codes["deal_marker"])
        assert "Costs 62 Pipedrive tokens" in (await admin.open(admin.console("settings/alerts"))).text
        problems = await here.service.self_test(await here.service.tenant(admin.tenant.id))
        assert [one for one in problems if one.startswith("special_fields.deal_marker")]
        tested = await here.service.alerts.self_test(admin.tenant.id)
        assert tested is not None
        assert "special_fields" in tested.failed
        shown = await admin.open(admin.console("settings/alerts"))
        assert f'href="{admin.console("settings/special-fields")}"' in shown.page.partition("<main")[2]
