"""Alerts are set, tried and shown; the self-test runs when somebody wants it."""

from __future__ import annotations

from tests.mailbox import mailbox, receiver
from tests.serving import served
from tests.web.agents import an_admin
from tests.world import World

PAGE = "settings/alerts"


async def test_what_is_saved_is_tried_from_the_page(world: World) -> None:
    hosts = world.settings().trusted_hosts
    async with mailbox() as box, receiver() as there:
        smtp = {
            "smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none",
            "smtp_from": "connector@example.com", "trusted_hosts": (*hosts, there.host),
        }  # fmt: skip
        async with served(world, None, **smtp) as here:
            admin = await an_admin(here, language="en")
            page = admin.console(PAGE)
            fields = (await admin.open(page)).form(page)
            assert fields["kind_access"] == "on"
            typed = {
                "emails": "Ada@example.com\n\nbo@example.com;",
                "webhook": there.url,
                "queue_minutes": "30",
            }
            saved = await admin.press(page, {k: v for k, v in fields.items() if k != "kind_hooks"} | typed)
            assert "The alerts are saved." in saved.text
            alerts = (await here.service.tenant(admin.tenant.id)).settings.alerts
            assert alerts.emails == ("ada@example.com", "bo@example.com")
            assert (alerts.webhook, alerts.queue_minutes, "hooks" in alerts.kinds) == (there.url, 30, False)

            shown = await admin.open(page)
            secret = here.service.latest(admin.tenant.id).installed.alert_secret  # type: ignore[union-attr]
            assert secret not in shown.page
            for way in ("email", "webhook"):
                action = f"{page}/try"
                given = shown_form(shown.page, action, way)
                said = await admin.press(action, given)
                assert "The test was accepted" in said.text
            assert (len(box.mails), len(there.posts)) == (1, 1)
            assert "This is a test of the alerts." in box.mails[0].get_content()
            revealed = await admin.press(f"{page}/secret", shown.form(f"{page}/secret"))
            assert secret in revealed.page
            assert revealed.headers["Cache-Control"] == "no-store"
            there.status = 500
            said = await admin.press(f"{page}/try", shown_form(shown.page, f"{page}/try", "webhook"))
            assert "The other side refused it, with status 500." in said.text


def shown_form(page: str, action: str, way: str) -> dict[str, str]:
    """The fields of one of the two forms that try a way."""
    part = next(one for one in page.split("<form") if f'action="{action}"' in one and f'value="{way}"' in one)
    found = dict.fromkeys(("form", "version", "back", "way"), "")
    for name in found:
        _, _, rest = part.partition(f'name="{name}" value="')
        found[name] = rest.partition('"')[0]
    return found


async def test_each_mistake_is_said_at_its_field_and_nothing_typed_is_lost(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        page = admin.console(PAGE)
        fields = (await admin.open(page)).form(page)
        for name, value, said in (
            ("emails", "ada", "Write up to ten e‑mail addresses, one a line."),
            ("emails", "\n".join(f"a{n}@example.com" for n in range(11)), "Write up to ten"),
            ("webhook", "ftp://example.com", "Write a web address such as"),
            ("webhook", "http://alerts.example.com/a", "The address has to begin with https://."),
            ("webhook", "https://u:p@example.com/a", "Write a web address such as"),
            ("queue_minutes", "soon", "Write whole minutes"),
            ("queue_minutes", "1", "Write whole minutes"),
        ):
            refused = await admin.press(page, fields | {"emails": "ada@example.com", name: value})
            assert (refused.status, said in refused.text) == (422, True), (name, value)
            assert refused.form(page)[name] == value
        assert (await here.service.tenant(admin.tenant.id)).settings.alerts.emails == ()


async def test_a_self_test_finds_a_type_that_is_gone_and_shows_where_to_mend_it(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here, chats={"type": "golf"}, fallback_owner=None)
        page = admin.console(PAGE)
        shown = await admin.open(page)
        assert "No self-test has run yet." in shown.text
        said = await admin.press(f"{page}/self-test", shown.form(f"{page}/self-test"))
        assert "The self-test found something." in said.text
        assert "The activity type “golf” is not active in Pipedrive" in said.text
        tested = await here.service.alerts.self_test(admin.tenant.id)
        assert tested is not None
        assert {"types", "agents"} <= set(tested.failed)
        assert "hooks" not in tested.failed
        assert f'href="{admin.console("settings/activities")}"' in said.page


async def test_a_lost_webhook_one_that_is_there_twice_and_a_lost_right_are_found(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        tenant = await here.service.tenant(admin.tenant.id)
        hooks = await here.service.installations.hooks(tenant.id)
        await tenant.pipedrive.delete_webhook(hooks["person"])
        address = f"{here.origin}/hooks/pipedrive/{tenant.installed.hook_path}"
        await tenant.pipedrive.create_webhook(
            url=address, entity="deal", name="once more", user="u", password="p"
        )
        await world.fault("thulium", "status_before", status=403, path=".*tickets.*", times=None)
        problems = await here.service.self_test(tenant)
        assert "webhook of person is missing" in problems
        assert "webhook of deal is there 2 times" in problems
        tested = await here.service.alerts.self_test(tenant.id)
        assert tested is not None
        assert {"hooks", "rights"} <= set(tested.failed)


async def test_a_trouble_that_is_on_stands_on_the_page_with_what_to_do(world: World) -> None:
    async with served(world) as here:
        admin = await an_admin(here)
        await here.service.alerts.set_standing(admin.tenant.id, {"centre": "thulium:demo"})
        shown = await admin.open(admin.console(PAGE))
        assert "Something is wrong now" in shown.text
        assert "Contact centre: thulium:demo" in shown.text
        assert "Open Settings, Connections, and press “Check now”" in shown.text


async def test_nobody_is_flooded_with_tests(world: World) -> None:
    async with mailbox() as box:
        smtp = {
            "smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none",
            "smtp_from": "connector@example.com",
        }  # fmt: skip
        async with served(world, None, **smtp) as here:
            admin = await an_admin(here, alerts={"emails": ["ada@example.com"]})
            page = admin.console(PAGE)
            given = shown_form((await admin.open(page)).page, f"{page}/try", "email")
            said = [(await admin.press(f"{page}/try", given)).status for _ in range(9)]
            assert said[:6] == [200] * 6
            assert 429 in said[6:]
            assert len(box.mails) == said.count(200)
