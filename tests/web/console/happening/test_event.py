"""One event: why it became what it is, masked until somebody asks, and tried again."""

from __future__ import annotations

from connector.store.entries import UNSEEN, ledger
from tests.serving import served
from tests.web.agents import an_admin
from tests.web.console.happening.test_events import a_day, fail, noted, put
from tests.world import World, ago, settle_down


async def test_a_written_event_tells_how_it_was_decided_and_what_was_sent(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        (activity,) = await world.activities()
        (entry,) = [one for one in await admin.tenant.ledger.latest(9) if one.crm_id]
        shown = await admin.open(admin.console(f"events/{entry.id}"))
        assert f"/person/{activity['person_id']}" in shown.page
        assert f"/activities/{activity['id']}" in shown.page
        for word in (
            "by number",
            "owner of the sync",
            "no open deal",
            "As all of its kind",
            "What was sent",
            "It was read",
        ):
            assert word in shown.text, word
        assert "601000001" not in shown.page
        assert "Tokens 5" in shown.text


async def test_personal_data_is_shown_on_request_and_that_is_noted(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        (entry,) = [one for one in await admin.tenant.ledger.latest(9) if one.crm_id]
        shown = await admin.open(admin.console(f"events/{entry.id}"))
        address = admin.console(f"events/{entry.id}/show")
        fields = shown.form(address)
        revealed = await admin.press(address, fields | {"act": "show"})
        assert "601000001" in revealed.text
        assert ("reveal", f'{{"event":{entry.id}}}') in await noted(admin)
        read = await admin.press(address, fields | {"act": "read"})
        assert "As Pipedrive holds it now." in read.text
        await world.edit(entity="activity", action="delete", id=int(entry.crm_id or 0))
        gone = await admin.press(address, fields | {"act": "read"})
        assert "deleted" in gone.text or "no more" in gone.text


async def test_an_event_that_waits_says_what_today_would_make_of_it(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        (waiting, _) = [one for one in await admin.tenant.ledger.latest(9) if not one.crm_id]
        shown = await admin.open(admin.console(f"events/{waiting.id}"))
        assert "Nobody in Pipedrive has this number or address yet." in shown.text
        assert "Pipedrive has no activity of it." in shown.text
        before = len(await world.calls("pipedrive"))
        await admin.open(admin.console(f"events/{waiting.id}"))
        assert len(await world.calls("pipedrive")) == before


async def test_a_number_of_several_shows_them_all(world: World) -> None:
    async with served(world) as here:
        await world.seed_pipedrive(persons=[{"name": n, "phones": ["+48601000001"]} for n in ("Jan", "Ewa")])
        admin = await an_admin(here, since=ago(days=2))
        await world.seed_centre(calls=[{"number": "601000001"}])
        await settle_down(here.service, admin.tenant)
        shown = await admin.open(admin.console("events/1"))
        assert shown.page.count(".pipedrive.com/person/") == 2
        assert "Say who it is." in shown.text


async def test_a_failed_event_is_tried_again(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        await fail(admin, "it broke", 2)
        shown = await admin.open(admin.console("events/2"))
        assert "it broke" in shown.text
        retry = admin.console("events/2/retry")
        assert "It is tried again." in (await admin.press(retry, shown.form(retry))).text
        assert ("retry", '{"event":2}') in await noted(admin)
        assert "cannot be tried again" in (await admin.press(retry, shown.form(retry))).text


async def test_what_may_be_there_already_is_tried_again_only_by_somebody_who_has_looked(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        await fail(admin, UNSEEN, 2)
        shown = await admin.open(admin.console("events/2"))
        retry = admin.console("events/2/retry")
        told = await admin.press(retry, shown.form(retry))
        assert "It may be in Pipedrive already" in told.text
        told = await admin.press(retry, shown.form(retry) | {"looked": "on"})
        assert "It is tried again." in told.text


async def test_contents_that_are_gone_are_said_to_be(world: World) -> None:
    async with served(world) as here:
        admin = await a_day(here)
        await put(admin, ledger.c.id > 0, payload_sealed=None)
        shown = await admin.open(admin.console("events/1"))
        assert "The contents were dropped after 30 days" in shown.text
        assert (await admin.open(admin.console("events/999"))).status == 404


async def test_types_and_sources_are_called_as_on_the_screens(world: World) -> None:
    async with served(world) as here:
        await world.seed_pipedrive(persons=[{"name": "Ewa Nowa", "emails": ["ewa@example.com"]}])
        admin = await an_admin(here, since=ago(days=2), messages={"types": {"www": "meeting"}})
        await world.seed_centre(
            tickets=[{"subject": subject, "from": "ewa@example.com", "source": source}
                     for subject, source in (("Order", "www"), ("Complaint", "letter"))]
        )  # fmt: skip
        await settle_down(here.service, admin.tenant)
        (written,) = [one for one in await admin.tenant.ledger.latest(9) if one.crm_id]
        (left_out,) = [one for one in await admin.tenant.ledger.latest(9) if not one.crm_id]
        shown = await admin.open(admin.console(f"events/{written.id}"))
        assert "Source Website" in shown.text
        assert "Activity type Meeting" in shown.text
        assert "Source letter" in (await admin.open(admin.console(f"events/{left_out.id}"))).text
