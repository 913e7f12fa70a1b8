import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from yarl import URL

from connector import errors
from connector.flows.installing import Arrival
from connector.flows.sync import sync
from connector.settings import Settings
from connector.store.access import Who
from connector.store.installations import Outcome
from connector.web.hooks import LARGEST_BODY
from connector.web.set_up_code import set_up_code
from tests.web.conftest import Answer, Installable, Open
from tests.world import ADMIN_TOKEN, World, switch_on

CODE = "a-code-nobody-may-see"


def arrival(*, company: str = "Przykład", outcome: Outcome = Outcome.NEW) -> Arrival:
    return Arrival("7", company, "3", outcome, "Anna", is_admin=True)


async def an_arrival(installable: Installable, *, who: int = 0) -> Answer:
    return await installable.site.get(await installable.allow(who=who))


async def whose(installable: Installable, arrived: Answer) -> Who | None:
    """Whose session an arrival began."""
    (cookie,) = [one for one in arrived.cookies if one.startswith("session=")]
    return await installable.service.access.session(cookie.removeprefix("session=").partition(";")[0])


async def test_an_administrator_who_installs_is_signed_in_and_led_to_the_set_up(
    installable: Installable,
) -> None:
    arrived = await an_arrival(installable)

    (installed,) = await installable.service.installations.all()
    assert arrived.status == 303
    assert arrived.headers["location"].startswith(f"/console/{installed.id}/settings/set-up?said=")
    assert await whose(installable, arrived) == Who(
        installed.id, installed.owner_user_id, None, "Łucja Żak", is_admin=True
    )
    assert installed.state == "active"


async def test_a_new_installation_runs_nothing_until_it_is_switched_on(installable: Installable) -> None:
    await an_arrival(installable)
    (installed,) = await installable.service.installations.all()
    assert (installed.settings.switched_on, installed.runs) == (False, False)
    assert await installable.service.tenants() == []
    with pytest.raises(errors.Misconfigured, match="switched off"):
        await sync(await installable.service.tenant(installed.id))

    await switch_on(installable.service, installed.id)
    (tenant,) = await installable.service.tenants()
    assert tenant.installed.runs


async def test_anybody_else_who_installs_is_led_to_a_page_of_his_own(installable: Installable) -> None:
    await an_arrival(installable)
    arrived = await an_arrival(installable, who=1)
    (installed,) = await installable.service.installations.all()
    assert arrived.headers["location"].startswith(f"/console/{installed.id}/me?said=")
    who = await whose(installable, arrived)
    assert who is not None
    assert not who.is_admin


async def test_an_administrator_who_installs_again_is_led_to_the_console(installable: Installable) -> None:
    await an_arrival(installable)
    again = await an_arrival(installable)
    (installed,) = await installable.service.installations.all()
    assert again.headers["location"].startswith(f"/console/{installed.id}?said=")


# the set-up code


async def test_a_fresh_service_sends_nobody_to_pipedrive_without_its_set_up_code(
    installable: Installable,
) -> None:
    site = installable.site
    asked = await site.get("/install")
    assert asked.status == 200
    assert 'action="/install/code"' in asked.text
    for guess in ("", "AAAA-AAAA-AAAA", set_up_code(site.settings)[:-1]):
        refused = await site.ask("POST", "/install/code", data={"code": guess})
        assert refused.status == 403
        assert refused.cookies == []
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    code = {"code": set_up_code(site.settings)}
    assert (await site.ask("POST", "/install/code", data=code, headers=elsewhere)).status == 403
    assert (await site.get("/install")).status == 200

    taken = await site.ask("POST", "/install/code", data={"code": f" {code['code'].lower()} "})
    assert (taken.status, taken.headers["refresh"]) == (200, "0; url=/install")
    assert 'href="/install"' in taken.text
    assert (await site.get("/install")).status == 302


async def test_a_fresh_service_asks_for_the_set_up_code_on_the_way_back_too(installable: Installable) -> None:
    back = await installable.allow()
    installable.site.browser.cookie_jar.clear(lambda cookie: cookie.key == "set-up")
    asked = await installable.site.get(back)
    assert 'action="/install/code"' in asked.text
    own_link = await installable.site.get(str(URL(back).without_query_params("state")))
    assert 'action="/install/code"' in own_link.text
    assert await installable.service.installations.all() == []


async def test_the_set_up_code_is_kept_for_an_hour_and_can_be_made_by_nobody_else(
    installable: Installable,
) -> None:
    site = installable.site
    await site.ask("POST", "/install/code", data={"code": set_up_code(site.settings)})
    assert (await site.get("/install")).status == 302
    site.clock.move_to(timedelta(minutes=61))
    assert (await site.get("/install")).status == 200
    until = str(int(site.clock.now().timestamp()) + 60)
    for forged in (f"{until}.", f"{until}.{'0' * 64}", "x.y", "."):
        site.browser.cookie_jar.update_cookies({"set-up": forged}, URL(site.origin))
        assert (await site.get("/install")).status == 200


async def test_once_a_company_is_connected_nobody_is_asked_for_the_code(installable: Installable) -> None:
    await an_arrival(installable)
    installable.site.browser.cookie_jar.clear()
    assert (await installable.site.get("/install")).status == 302


async def test_the_set_up_code_stays_until_the_last_key_is_another() -> None:
    def code(*keys: str) -> str:
        return set_up_code(Settings(_env_file=None, secret_keys=tuple(map(SecretStr, keys))))

    assert re.fullmatch(r"([A-Z2-7]{4}-){2}[A-Z2-7]{4}", code("a"))
    assert code("b", "a") == code("a") != code("b")


async def test_who_guesses_the_set_up_code_too_often_is_told_to_wait(installable: Installable) -> None:
    guesses = [
        (await installable.site.ask("POST", "/install/code", data={"code": "A"})).status for _ in range(11)
    ]
    assert guesses == [403] * 10 + [429]


# by a personal token


@pytest.fixture
async def appless(world: World, open_site: Open) -> AsyncIterator[Installable]:
    async with world.connector(pipedrive_client_id="") as service:
        site = await open_site(
            service.settings, is_fresh=service.installations.none_yet, clock=service.clock, access=service.access,
            install_token=partial(service.install_token, admins_only=True),
        )  # fmt: skip
        yield Installable(site, service, world)


async def test_without_an_app_a_token_and_the_set_up_code_install(appless: Installable) -> None:
    site, form = appless.site, {"code": set_up_code(appless.site.settings), "token": ADMIN_TOKEN}
    assert 'action="/install/token"' in (await site.get("/")).text
    refused = await site.ask("POST", "/install/token", data=form | {"code": "AAAA-AAAA-AAAA"})
    assert refused.status == 403
    assert "That is not the set-up code" in refused.text
    unknown = await site.ask("POST", "/install/token", data=form | {"token": "nobodys"})
    assert unknown.status == 422
    assert "Pipedrive does not know this token" in unknown.text
    assert await appless.service.installations.all() == []

    arrived = await site.ask("POST", "/install/token", data=form)
    (installed,) = await appless.service.installations.all()
    assert arrived.headers["location"].startswith(f"/console/{installed.id}/settings/set-up?said=")
    who = await whose(appless, arrived)
    assert who is not None
    assert who.is_admin
    assert 'action="/install/token"' not in (await site.get("/")).text
    assert (await site.ask("POST", "/install/token", data=form)).headers["location"] == "/"


async def test_a_token_of_no_administrator_installs_nothing(appless: Installable) -> None:
    user = {"name": "B", "email": "b@example.com", "admin": False, "api_token": "second"}
    companies = [{"name": "Druga", "users": [user]}]
    async with appless.world.http.post(
        f"{appless.world.pipedrive}/_sandbox/seed", json={"companies": companies}
    ) as answer:
        assert answer.status < 300
    form = {"code": set_up_code(appless.site.settings), "token": "second"}
    refused = await appless.site.ask("POST", "/install/token", data=form)
    assert refused.status == 422
    assert "no administrator" in refused.text
    assert "second" not in refused.text.partition("<main")[2]
    assert await appless.service.installations.all() == []


async def test_the_command_on_the_start_page_starts_as_the_readme_installs_it(open_site: Open) -> None:
    appless = await (await open_site(Settings(_env_file=None))).get("/")
    (found,) = re.findall(r"<code>(\S+ \S+)", appless.text)
    assert found == ".venv/bin/connector invite"
    assert "in its own folder" in appless.text


async def test_pipedrives_own_install_link_brings_no_state_and_signs_nobody_in(
    installable: Installable,
) -> None:
    await installable.site.ask("POST", "/install/code", data={"code": set_up_code(installable.site.settings)})
    query = {"client_id": "demo-client", "redirect_uri": f"{installable.site.origin}/oauth/callback"}
    back = await installable.consent(query)
    assert "state" not in URL(back).query

    arrived = await installable.site.get(back)
    assert arrived.status == 200
    (installed,) = await installable.service.installations.all()
    assert f'href="/console/{installed.id}"' in arrived.text
    # A browser may have been led here by somebody else, with a permission of his own.
    assert not any(cookie.startswith("session") for cookie in arrived.cookies)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome.NEW, "Przykład is connected<"),
        (Outcome.AGAIN, "Przykład is connected again<"),
        (Outcome.JOINED, "You have joined Przykład<"),
        (Outcome.UNOWNED, "Przykład needs an administrator<"),
    ],
)
async def test_the_page_says_what_the_install_came_to(open_site: Open, outcome: Outcome, says: str) -> None:
    async def arrive(_code: str) -> Arrival:
        return arrival(outcome=outcome)

    page = await (await open_site(install_code=arrive)).get("/oauth/callback?code=c")
    assert page.status == 200
    assert says in page.text
    assert ('href="/console/7"' in page.text) == (outcome is not Outcome.UNOWNED)
    assert ("Not connected yet" in page.text) == (outcome is Outcome.UNOWNED)


async def test_who_installs_after_the_owner_has_gone_reads_that_the_sync_is_off(
    installable: Installable,
) -> None:
    assert (await an_arrival(installable)).status == 303
    (installed,) = await installable.service.installations.all()
    await installable.service.uninstall(installed.id, installed.owner_user_id)
    agent = await installable.site.get(await installable.allow(who=1))
    assert "needs an administrator" in agent.text
    (installed,) = await installable.service.installations.all()
    assert installed.state == "ended"


async def test_a_code_works_once_and_the_page_says_why_not_twice(installable: Installable) -> None:
    back = await installable.allow()
    await installable.site.get(back)
    twice = await installable.site.get(str(URL(back).without_query_params("state")))
    assert twice.status == 400
    assert "expired or was used already" in twice.text


async def test_a_state_of_another_browser_is_refused(installable: Installable) -> None:
    back = await installable.allow()
    installable.site.browser.cookie_jar.clear(lambda cookie: cookie.key == "install")
    answer = await installable.site.get(back)
    assert answer.status == 400
    assert "not started in this browser" in answer.text
    assert await installable.service.installations.all() == []


async def test_a_state_dies_after_ten_minutes(installable: Installable) -> None:
    back = await installable.allow()
    installable.site.clock.move_to(timedelta(minutes=10))
    assert (await installable.site.get(back)).status == 400


async def test_the_cookie_is_for_the_callback_alone_and_goes_with_it(installable: Installable) -> None:
    started = await installable.press()
    cookie = started.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/oauth" in cookie
    assert "Max-Age=600" in cookie
    assert "Secure" not in cookie

    arrived = await installable.site.get(
        await installable.consent(dict(URL(started.headers["location"]).query))
    )
    assert 'install=""' in arrived.headers["set-cookie"]
    assert not [c for c in installable.site.browser.cookie_jar if c.key == "install"]


async def test_over_https_the_cookie_is_secure(open_site: Open) -> None:
    site = await open_site(
        Settings(
            _env_file=None,
            public_url="https://connector.example.com",
            pipedrive_client_id="c",
            pipedrive_client_secret=SecretStr("s"),
        )
    )
    started = await site.get("/install")
    assert "Secure" in started.headers["set-cookie"]
    query = URL(started.headers["location"]).query
    assert query["redirect_uri"] == "https://connector.example.com/oauth/callback"


async def test_a_refusal_says_so_and_how_to_start_again(installable: Installable) -> None:
    started = await installable.press()
    back = await installable.consent(dict(URL(started.headers["location"]).query), decision="deny")
    answer = await installable.site.get(back)
    assert answer.status == 400
    assert "You did not allow access" in answer.text
    assert 'href="/install"' in answer.text


async def test_a_pipedrive_that_does_not_answer_is_told_apart(installable: Installable) -> None:
    back = await installable.allow()
    await installable.world.fault("pipedrive", "status_before", path="/oauth/token", status=500, times=1)
    answer = await installable.site.get(back)
    assert answer.status == 502
    assert "Pipedrive did not answer" in answer.text


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (errors.Forged(), 400, "not started in this browser"),
        (errors.Unauthorised(), 400, "expired or was used already"),
        (errors.Rejected(), 400, "did not accept the installation"),
        (errors.NotFound(), 400, "did not accept the installation"),
        (errors.Forbidden(), 403, "lacks a right"),
        (errors.PlanLimit(), 403, "lacks a right"),
        (errors.Misconfigured(), 500, "not set up correctly"),
        (errors.AccountClosed(), 503, "account is not open"),
        (errors.Unreachable(), 502, "did not answer"),
        (errors.UnknownOutcome(), 502, "did not answer"),
        (errors.Throttled(), 503, "asks us to wait"),
        (errors.BudgetSpent(), 503, "asks us to wait"),
        (errors.Blocked(), 503, "asks us to wait"),
        (errors.NotSupported(), 500, "could not be finished"),
    ],
)
async def test_each_failure_has_its_sentence_and_its_status(
    open_site: Open, error: errors.ConnectorError, status: int, sentence: str
) -> None:
    async def fail(_code: str) -> Arrival:
        raise error

    answer = await (await open_site(install_code=fail)).get(f"/oauth/callback?code={CODE}")
    assert answer.status == status
    assert sentence in answer.text
    assert "href=" in answer.text.partition("<main")[2], "no way on"
    assert ("retry-after" in answer.headers) == (status in {502, 503})


async def test_a_code_is_in_no_page_no_header_and_no_log(open_site: Open) -> None:
    async def fail(code: str) -> Arrival:
        raise errors.Misconfigured(f"refused: code {code.upper()} is odd")

    async def crash(code: str) -> Arrival:
        raise LookupError(code)

    async def arrive(_code: str) -> Arrival:
        return arrival()

    with capture_logs() as logs:
        for outcome in (fail, crash, arrive):
            site = await open_site(install_code=outcome)
            answer = await site.get(f"/oauth/callback?code={CODE}")
            assert CODE not in f"{answer.headers}{answer.text}"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
    assert CODE not in str(logs).lower()
    assert [line["reason"] for line in logs if "reason" in line] == ["it repeats the code"]


@pytest.mark.parametrize("state", ["x", "x.y", ".", "a" * 4000, "%C5%BC.%FF", "W10.", "%00"])
async def test_a_state_that_is_not_ours_reaches_nobody(open_site: Open, state: str) -> None:
    site = await open_site()
    await site.get("/install")
    assert (await site.get(f"/oauth/callback?code={CODE}&state={state}")).status == 400


async def test_a_callback_without_code_or_error_is_a_failure_with_a_way_on(open_site: Open) -> None:
    answer = await (await open_site()).get("/oauth/callback")
    assert answer.status == 400
    assert 'href="/install"' in answer.text


async def test_a_companys_name_is_escaped(open_site: Open) -> None:
    async def arrive(_code: str) -> Arrival:
        return arrival(company="<script>alert(1)</script>")

    answer = await (await open_site(install_code=arrive)).get("/oauth/callback?code=c")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_a_link_checker_does_not_use_up_the_code(open_site: Open) -> None:
    site = await open_site()
    assert (await site.ask("HEAD", f"/oauth/callback?code={CODE}")).status == 405
    assert (await site.ask("HEAD", "/install")).status == 405
    assert (await site.ask("HEAD", "/")).status == 200


async def test_strangers_are_slowed_down_but_an_uninstall_is_not(open_site: Open) -> None:
    site = await open_site()
    statuses = [(await site.get("/install")).status for _ in range(31)]
    assert statuses == [302] * 30 + [429]
    refused = await site.get("/oauth/callback?code=c")
    assert refused.status == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "Too many attempts" in refused.text
    assert (await site.get("/")).status == 200
    assert (await site.ask("DELETE", "/oauth/callback")).status == 401


async def test_without_an_app_nothing_comes_by_oauth(open_site: Open) -> None:
    site = await open_site(Settings(_env_file=None))
    assert 'href="/console"' in (await site.get("/")).text
    assert (await site.get("/install")).status == 503
    assert (await site.get(f"/oauth/callback?code={CODE}")).status == 503
    assert (
        await site.ask("DELETE", "/oauth/callback", headers={"Authorization": "Basic Og=="})
    ).status == 401


async def test_pages_speak_the_visitors_language(open_site: Open) -> None:
    site = await open_site()
    polish, english = await site.get("/", "pl-PL,pl;q=0.9"), await site.get("/", "de")
    assert '<html lang="pl">' in polish.text
    assert "Połącz z\N{NO-BREAK SPACE}Pipedrive" in polish.text
    assert polish.headers["content-language"] == "pl"
    assert polish.headers["vary"] == "Accept-Language"
    assert '<html lang="en">' in english.text
    assert "Connect Pipedrive" in english.text


async def test_an_uninstall_in_pipedrive_ends_the_sync(installable: Installable) -> None:
    await installable.site.get(await installable.allow())
    (installed,) = await installable.service.installations.all()
    async with installable.world.http.post(
        f"{installable.world.pipedrive}/_sandbox/uninstall", json={"user": int(installed.owner_user_id)}
    ) as answer:
        assert await answer.json() == {"callback_status": 200}
    (installed,) = await installable.service.installations.all()
    assert installed.state == "ended"


async def test_an_uninstall_without_the_apps_secret_changes_nothing(open_site: Open) -> None:
    told = []

    async def uninstall(company_id: str, user_id: str) -> bool:
        told.append((company_id, user_id))
        return True

    site = await open_site(uninstall=uninstall)
    word = {"client_id": "demo-client", "company_id": 7, "user_id": 3, "timestamp": "2026-11-22 10:00:00"}
    right = {"Authorization": "Basic ZGVtby1jbGllbnQ6ZGVtby1zZWNyZXQ="}
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer demo-secret"}):
        assert (await site.ask("DELETE", "/oauth/callback", json=word, headers=headers)).status == 401
    other = {**word, "client_id": "another"}
    assert (await site.ask("DELETE", "/oauth/callback", json=other, headers=right)).status == 401
    assert told == []

    assert (await site.ask("DELETE", "/oauth/callback", json=word, headers=right)).status == 200
    assert told == [("7", "3")]
    for unreadable in (b"", b"[]", b'"x"', b"{}", b"\xff"):
        answer = await site.ask("DELETE", "/oauth/callback", data=unreadable, headers=right)
        assert answer.status == 200
    assert told == [("7", "3")]


async def test_an_uninstall_longer_than_any_is_not_read(open_site: Open) -> None:
    site = await open_site()
    right = {"Authorization": "Basic ZGVtby1jbGllbnQ6ZGVtby1zZWNyZXQ="}
    body = io.BytesIO(b" " * (LARGEST_BODY + 1))
    assert (await site.ask("DELETE", "/oauth/callback", data=body, headers=right)).status == 413
