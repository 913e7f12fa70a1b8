"""Settings, History: who did what, and versions compared, restored, saved as a file and taken in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from connector.installation_settings import InstallationSettings
from connector.store.audit import By
from tests.serving import served
from tests.web.agents import Agent, an_admin
from tests.world import World

PAGE = "settings/history"


@pytest.fixture
async def admin(world: World) -> AsyncIterator[Agent]:
    async with served(world) as here:
        yield await an_admin(here)


async def now(agent: Agent) -> tuple[int, InstallationSettings]:
    tenant = await agent.here.service.tenant(agent.tenant.id)
    return tenant.installed.settings_version, tenant.settings


async def change(agent: Agent, **values: object) -> int:
    """Have the settings changed by somebody; answers their version."""
    tenant = await agent.here.service.tenant(agent.tenant.id)
    settings = tenant.settings.model_copy(update=values)
    seen = tenant.installed.settings_version
    assert await agent.here.service.installations.set_settings(tenant.id, settings, seen_version=seen)
    return seen + 1


async def test_what_was_done_is_told_with_who_and_paged(admin: Agent) -> None:
    tenant = await admin.here.service.tenant(admin.tenant.id)
    for number in range(60):
        await tenant.audit.note(By("user:1", "Adam Admin"), "retry", entries=number)
    shown = await admin.open(admin.console(PAGE))
    assert "Had events tried again entries: 59" in shown.text
    assert "Adam Admin" in shown.text
    assert "entries: 5 " not in shown.text
    older = shown.page.partition("?before=")[2].partition('"')[0]
    assert "entries: 5" in (await admin.open(admin.console(PAGE) + f"?before={older}")).text


async def test_two_versions_are_compared_in_words(admin: Agent) -> None:
    first = await change(admin, payload_days=7)
    second = await change(admin, payload_days=9, live=True)
    shown = await admin.open(admin.console(PAGE + "/compare") + f"?from={first}&to={second}")
    assert "Days that contents of events are kept before: 7 after: 9" in shown.text
    assert "At once by webhooks before: no after: yes" in shown.text


async def test_an_older_version_is_restored_as_a_new_one_once_it_was_looked_at(admin: Agent) -> None:
    old = await change(admin, payload_days=7)
    last = await change(admin, payload_days=9)
    shown = await admin.open(admin.console(PAGE + "/compare") + f"?from={last}&to={old}")
    assert "before: 9 after: 7" in shown.text
    assert (await now(admin))[1].payload_days == 9
    address = admin.console(PAGE + "/restore")
    told = await admin.press(address, shown.form(address))
    assert "The settings are saved as version" in told.text
    version, settings = await now(admin)
    assert (settings.payload_days, version > last) == (7, True)
    assert "Restored an older version of the settings" in told.text


async def test_a_version_is_not_restored_over_what_was_saved_meanwhile(admin: Agent) -> None:
    old = await change(admin, payload_days=7)
    last = await change(admin, payload_days=9)
    shown = await admin.open(admin.console(PAGE + "/compare") + f"?from={last}&to={old}")
    await change(admin, payload_days=11)
    address = admin.console(PAGE + "/restore")
    told = await admin.press(address, shown.form(address))
    assert "Somebody else has changed the settings meanwhile." in told.text
    assert (await now(admin))[1].payload_days == 11


@pytest.mark.parametrize("version", ["99", "-1", "x", "99999999999999999999"])
async def test_a_version_that_is_not_kept_is_said_so_or_is_the_one_of_now(admin: Agent, version: str) -> None:
    shown = await admin.open(admin.console(PAGE + "/compare") + f"?from={version}")
    assert shown.status == 200
    assert "is not kept any more" in shown.text or "Nothing differs" in shown.text


async def test_settings_go_out_as_a_file_and_come_in_again(admin: Agent) -> None:
    await change(admin, payload_days=7)
    shown = await admin.open(admin.console(PAGE + "/export"))
    assert shown.headers["Content-Disposition"].startswith("attachment; filename=")
    document = json.loads(shown.page) | {"payload_days": 12}
    address = admin.console(PAGE + "/import")
    form = (await admin.open(address)).form(address)
    compared = await admin.press(address, form | {"document": json.dumps(document)})
    assert "From now to in the file." in compared.text
    assert "before: 7 after: 12" in compared.text
    assert (await now(admin))[1].payload_days == 7
    told = await admin.press(address, compared.form(address))
    assert "The settings are saved as version" in told.text
    assert (await now(admin))[1].payload_days == 12


@pytest.mark.parametrize("document", ["", "{", '{"payload_days": 0}', '{"colour": "<b>red</b>"}'])
async def test_a_file_that_means_nothing_changes_nothing_and_is_given_back(
    admin: Agent, document: str
) -> None:
    before = (await now(admin))[0]
    address = admin.console(PAGE + "/import")
    form = (await admin.open(address)).form(address)
    for do in ("", "save"):
        told = await admin.press(address, form | {"document": document, "do": do})
        assert told.status == 422
        assert "The file cannot be taken in." in told.text
        assert told.form(address)["document"].strip() == document
    assert (await now(admin))[0] == before
