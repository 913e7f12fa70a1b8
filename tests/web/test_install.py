import io
import re
from datetime import timedelta

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from yarl import URL

from connector import errors
from connector.flows.installing import Arrival
from connector.settings import Settings
from connector.store.installations import Outcome
from connector.web.hooks import LARGEST_BODY
from tests.web.conftest import Installable, Open

CODE = "a-code-nobody-may-see"


async def test_an_install_started_here_ends_on_a_page_that_names_the_company(
    installable: Installable,
) -> None:
    arrived = await installable.site.get(await installable.allow())

    assert arrived.status == 200
    assert "Przykład sp. z o.o. is connected" in arrived.text
    assert "The sync starts once a contact centre is connected." in arrived.text
    (installed,) = await installable.service.installations.all()
    assert f"connector centre connect --installation {installed.id} " in re.sub(r"</?span>", "", arrived.text)
    assert installed.state == "active"


async def test_every_command_on_a_page_starts_as_the_readme_installs_it(
    installable: Installable, open_site: Open
) -> None:
    arrived = await installable.site.get(await installable.allow())
    appless = await (await open_site(Settings(_env_file=None))).get("/")
    for page, commands in ((arrived, 2), (appless, 1)):
        found = re.findall(r"<code>(\S+ \S+)", page.text)
        assert len(found) == commands
        assert all(command.startswith(".venv/bin/connector ") for command in found)
        assert "in its own folder" in page.text


async def test_pipedrives_own_install_link_brings_no_state_and_works(installable: Installable) -> None:
    query = {"client_id": "demo-client", "redirect_uri": f"{installable.site.origin}/oauth/callback"}
    back = await installable.consent(query)
    assert "state" not in URL(back).query

    assert (await installable.site.get(back)).status == 200
    assert len(await installable.service.installations.all()) == 1


async def test_a_second_install_says_that_the_sync_goes_on(installable: Installable) -> None:
    await installable.site.get(await installable.allow())
    again = await installable.site.get(await installable.allow())
    assert "is connected again" in again.text
    assert len(await installable.service.installations.all()) == 1


@pytest.mark.parametrize(
    ("outcome", "says", "commands"),
    [
        (Outcome.NEW, "Przykład is connected<", 2),
        (Outcome.AGAIN, "Przykład is connected again<", 2),
        (Outcome.JOINED, "You have joined Przykład<", 0),
        (Outcome.UNOWNED, "Przykład needs an administrator<", 0),
    ],
)
async def test_the_page_says_what_the_install_came_to(
    open_site: Open, outcome: Outcome, says: str, commands: int
) -> None:
    async def arrive(_code: str) -> Arrival:
        return Arrival("7", "Przykład", "3", outcome)

    page = await (await open_site(install_code=arrive)).get("/oauth/callback?code=c")
    assert page.status == 200
    assert says in page.text
    assert page.text.count("<code>") == commands
    assert ("Not connected yet" in page.text) == (outcome is Outcome.UNOWNED)


async def test_who_installs_after_the_owner_has_gone_reads_that_the_sync_is_off(
    installable: Installable,
) -> None:
    owner = await installable.site.get(await installable.allow())
    assert "is connected<" in owner.text
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
    installable.site.browser.cookie_jar.clear()
    answer = await installable.site.get(back)
    assert answer.status == 400
    assert "not started in this browser" in answer.text
    assert await installable.service.installations.all() == []


async def test_a_state_dies_after_ten_minutes(installable: Installable) -> None:
    back = await installable.allow()
    installable.site.clock.move_to(timedelta(minutes=10))
    assert (await installable.site.get(back)).status == 400


async def test_the_cookie_is_for_the_callback_alone_and_goes_with_it(installable: Installable) -> None:
    started = await installable.site.get("/install")
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
    started = await installable.site.get("/install")
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
        return Arrival("7", "Przykład", "3", Outcome.NEW)

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
        return Arrival("7", "<script>alert(1)</script>", "3", Outcome.NEW)

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


async def test_without_an_app_the_start_page_shows_the_way_by_token(open_site: Open) -> None:
    site = await open_site(Settings(_env_file=None))
    assert "connector installations add" in (await site.get("/")).text
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
