"""What is kept is set, one customer is erased after a look, and the file for whoever helps names nobody."""

from __future__ import annotations

import zipfile
from io import BytesIO

import orjson

from connector.flows.erasing import erase
from connector.store.audit import COMMAND_LINE
from tests.serving import served
from tests.web.agents import an_admin, sign_in
from tests.world import World, ago, settle_down

PAGE = "settings/privacy"
ADA = "+48601000001"


async def test_how_long_contents_are_kept_is_saved_and_nonsense_is_not(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        page = admin.console(PAGE)
        fields = (await admin.open(page)).form(page)
        for name, value in (("payload_days", "0"), ("payload_days", "366"), ("undo_days", "soon")):
            refused = await admin.press(page, fields | {name: value})
            assert (refused.status, "Write whole days, from 1 to 365." in refused.text) == (422, True)
            assert refused.form(page)[name] == value
        saved = await admin.press(page, fields | {"payload_days": "7", "undo_days": "9"})
        assert "is saved" in saved.text
        settings = (await here.service.tenant(admin.tenant.id)).settings
        assert (settings.payload_days, settings.contacts.undo_days) == (7, 9)


async def test_a_customer_is_erased_after_a_look_with_a_report_and_may_come_back(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, since=ago(hours=1))
        await world.seed_pipedrive(persons=[{"name": "Ada Example", "phones": [ADA]}])
        await world.happen("call", number=ADA, talk=60)
        await settle_down(here.service, await here.service.tenant(admin.tenant.id))
        (activity,) = await world.activities()
        page = admin.console(PAGE)
        shown = await admin.open(page)
        looked = await admin.press(f"{page}/find", shown.form(f"{page}/find") | {"subject": "601 000 001"})
        assert "Nothing has been erased yet." in looked.text
        assert "Events 1" in looked.text
        assert f"/activities/{activity['id']}" in looked.page
        assert (await here.service.tenant(admin.tenant.id)).id
        said = await admin.press(f"{page}/erase", looked.form(f"{page}/erase"))
        assert "The customer’s data is erased here." in said.text
        assert ADA not in said.page
        assert "601 000 001" not in said.page
        path = said.path.partition("?")[0]
        report = orjson.loads((await admin.open(f"{path}?json=1")).page)
        assert report["erased"]["events"] == 1
        assert report["left_in_pipedrive"]["activities"][0].endswith(f"/activities/{activity['id']}")
        (noted,) = await (await here.service.tenant(admin.tenant.id)).audit.entries(limit=1)
        assert (noted.action, noted.detail["events"]) == ("erase", 1)
        again = await admin.open(page)
        back = again.form(f"{page}/let-back") | {"back_subject": "+48601000009"}
        assert "Nobody with this number" in (await admin.press(f"{page}/let-back", back)).text
        back["back_subject"] = ADA
        assert "They may come back." in (await admin.press(f"{page}/let-back", back)).text


async def test_what_is_no_number_is_said_at_its_field_and_a_report_that_is_gone_too(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        page = admin.console(PAGE)
        shown = await admin.open(page)
        for action in ("find", "erase"):
            fields = shown.form(f"{page}/find")
            fields["form"] = fields["form"] if action == "find" else ""
            said = await admin.press(f"{page}/{action}", fields | {"subject": "<b>nobody"})
            assert "<b>nobody" not in said.page
        refused = await admin.press(f"{page}/find", shown.form(f"{page}/find") | {"subject": "<b>nobody"})
        assert (refused.status, "Write one whole telephone number" in refused.text) == (422, True)
        assert refused.form(f"{page}/find")["subject"] == "<b>nobody"
        gone = await admin.open(f"{page}/reports/{'0' * 16}")
        assert "The report is not kept any more." in gone.text


async def test_a_report_is_nobody_elses(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        report = await erase(await here.service.tenant(admin.tenant.id), ADA, doer=COMMAND_LINE)
        assert report.kept.is_empty
        agent = await sign_in(here, admin.tenant, None)
        assert (await agent.open(agent.console(f"{PAGE}/reports/{'0' * 16}"))).status == 403


async def test_the_file_for_whoever_helps_is_a_zip(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        page = admin.console(PAGE)
        fields = (await admin.open(page)).form(f"{page}/diagnostics")
        async with world.http.post(
            here.origin + f"{page}/diagnostics", data=fields, headers={"Cookie": admin.cookie}
        ) as answer:
            assert answer.headers["Content-Type"] == "application/zip"
            assert "attachment" in answer.headers["Content-Disposition"]
            with zipfile.ZipFile(BytesIO(await answer.read())) as file:
                assert {"about.json", "settings.json", "runs.json"} <= set(file.namelist())
