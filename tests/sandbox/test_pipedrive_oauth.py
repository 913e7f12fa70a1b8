"""OAuth of the simulated Pipedrive."""

import pytest

from connector.sandbox.pipedrive.config import App, demo_config
from connector.sandbox.wire import read_basic, write_basic
from tests.sandbox.conftest import Start
from tests.sandbox.pipedrive_client import CALLBACK, Crm, Receiver


async def test_consent_gives_a_code_that_becomes_tokens(crm: Crm) -> None:
    page = await crm.get(f"/oauth/authorize?client_id=demo-client&redirect_uri={CALLBACK}&state=s1")
    assert "Łucja Żak – Przykład sp. z o.o." in page.json
    way_back = await crm.decide("allow")
    assert way_back["state"] == ["s 1"]
    reply = await crm.token_call(
        grant_type="authorization_code", code=way_back["code"][0], redirect_uri=CALLBACK
    )
    assert reply.json.keys() == {
        "access_token", "token_type", "refresh_token", "scope", "expires_in", "api_domain",
    }  # fmt: skip
    assert reply.json["api_domain"] == crm.base
    me = await crm.get("/v1/users/me", bearer=reply.json["access_token"])
    assert (me.data["name"], me.data["company_domain"]) == ("Łucja Żak", "przyklad")


async def test_a_refusal_and_an_install_without_state_come_back_as_they_should(crm: Crm) -> None:
    assert await crm.decide("deny") == {"error": ["user_denied"], "state": ["s 1"]}
    assert (await crm.decide("allow", state=None)).keys() == {"code"}


async def test_a_code_works_once_and_for_five_minutes(crm: Crm) -> None:
    first = (await crm.decide("allow"))["code"][0]
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    assert (await crm.token_call(code=first, **form)).status == 200
    again = await crm.token_call(code=first, **form)
    assert (again.status, again.json["message"]) == (400, "Invalid grant: authorization_code is invalid")
    late = (await crm.decide("allow"))["code"][0]
    await crm.move_clock(minutes=5, seconds=1)
    expired = await crm.token_call(code=late, **form)
    assert expired.json["message"] == "Invalid grant: authorization_code has expired"


async def test_a_refresh_gives_a_new_access_token_and_the_same_refresh_token(crm: Crm) -> None:
    tokens = await crm.install()
    await crm.move_clock(minutes=61)
    gone = await crm.get("/v1/users/me", bearer=tokens["access_token"])
    assert (gone.status, gone.json["error"]) == (401, "access_token is invalid")
    fresh = await crm.token_call(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert fresh.json["refresh_token"] == tokens["refresh_token"]
    assert (await crm.get("/v1/users/me", bearer=fresh.json["access_token"])).status == 200


async def test_a_refresh_token_dies_after_sixty_idle_days(crm: Crm) -> None:
    tokens = await crm.install()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    await crm.move_clock(days=59)
    assert (await crm.token_call(**form)).status == 200
    await crm.move_clock(days=118)
    assert (await crm.token_call(**form)).status == 200
    await crm.move_clock(days=179)
    reply = await crm.token_call(**form)
    assert reply.json["message"].startswith("Invalid grant: refresh_token is invalid")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"secret": "wrong", "grant_type": "refresh_token"}, "Invalid client"),
        ({"client": "nobody", "grant_type": "refresh_token"}, "Invalid client"),
        ({}, "Missing parameter: grant_type"),
        ({"grant_type": "password"}, "Unsupported grant type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "Invalid grant: refresh_token is invalid"),
    ],
)
async def test_every_error_of_the_token_endpoint_is_400_told_apart_by_text(
    crm: Crm, form: dict[str, str], text: str
) -> None:
    reply = await crm.token_call(**form)
    assert reply.status == 400
    assert reply.json["message"].startswith(text)


async def test_a_code_must_come_back_with_its_own_callback(crm: Crm) -> None:
    code = (await crm.decide("allow"))["code"][0]
    reply = await crm.token_call(
        grant_type="authorization_code", code=code, redirect_uri="http://127.0.0.1:1/other"
    )
    assert reply.json["message"].startswith("Invalid request: redirect_uri")


async def test_an_unknown_app_and_an_unregistered_callback_are_not_asked_about(start: Start) -> None:
    crm = await start(demo_config(apps=(App(redirect_uri=CALLBACK),)))
    path = "/oauth/authorize?client_id={}&redirect_uri={}"
    assert (await crm.get(path.format("demo-client", CALLBACK))).status == 200
    assert (await crm.get(path.format("stranger", CALLBACK))).status == 400
    assert (await crm.get(path.format("demo-client", "http://127.0.0.1:1/else"))).status == 400
    assert (await crm.get(path.format("demo-client", "javascript:alert(1)"))).status == 400


async def test_revoking_the_refresh_token_ends_the_installation(crm: Crm) -> None:
    tokens = await crm.install()
    auth = write_basic("demo-client", "demo-secret")
    for token in ("unknown", tokens["refresh_token"]):
        async with crm.session.post(
            crm.base + "/oauth/revoke", data={"token": token}, headers={"Authorization": auth}
        ) as response:
            assert response.status == 200
    assert (await crm.get("/v1/users/me", bearer=tokens["access_token"])).status == 401
    reply = await crm.token_call(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert reply.status == 400


async def test_uninstalling_sends_delete_to_the_callback_and_takes_the_apps_webhooks(crm: Crm) -> None:
    async with Receiver().running() as receiver:
        tokens = await crm.install(callback=receiver.url)
        hook = {"subscription_url": receiver.url, "event_action": "*", "event_object": "person", "name": "p"}
        assert (await crm.post("/v1/webhooks", hook, bearer=tokens["access_token"])).status == 201
        user = (await crm.users())[0]["id"]
        assert await crm.sandbox("uninstall", {"user": user}) == {"callback_status": 200}
    ((method, headers, body),) = receiver.requests
    assert method == "DELETE"
    assert read_basic(headers["Authorization"]) == ("demo-client", "demo-secret")
    assert body.keys() == {"client_id", "company_id", "user_id", "timestamp"}
    assert (await crm.sandbox("hooks")) == []
    assert (await crm.get("/v1/users/me", bearer=tokens["access_token"])).status == 401


async def test_a_missing_scope_is_refused_for_good(start: Start) -> None:
    crm = await start(demo_config(apps=(App(scopes="base contacts:read"),)))
    bearer = (await crm.install())["access_token"]
    assert (await crm.get("/api/v2/persons", bearer=bearer)).status == 200
    for reply in (
        await crm.post("/api/v2/persons", {"name": "Jan Nowak"}, bearer=bearer),
        await crm.get("/api/v2/activities", bearer=bearer),
    ):
        assert (reply.status, reply.json) == (403, {"success": False, "error": "Scope and URL mismatch"})


async def test_without_a_token_nothing_is_answered(crm: Crm) -> None:
    reply = await crm.get("/api/v2/persons", token="wrong")
    assert (reply.status, reply.json) == (
        401,
        {"success": False, "error": "unauthorized access", "errorCode": 401},
    )
    assert (await crm.get("/v1/users/me", bearer="wrong")).status == 401
