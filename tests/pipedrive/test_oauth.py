import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connector.errors import Forged, Misconfigured, Rejected, Unauthorised, Unreachable
from connector.pipedrive import oauth
from connector.pipedrive.records import Tokens
from connector.settings import Settings

NOW = datetime(2026, 8, 22, 13, tzinfo=UTC)
SECRET = b"signing key"


class Endpoint:
    """The token and revoke endpoints, answering what a test tells them to."""

    def __init__(self) -> None:
        self.status, self.answer = 200, b""
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    async def take(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append((request.path, request.headers["Authorization"], form))
        return web.Response(status=self.status, body=self.answer, content_type="application/json")

    def grant(self, **changes: object) -> None:
        document = {
            "access_token": "new",
            "token_type": "Bearer",
            "refresh_token": "kept",
            "scope": "base,activities:full contacts:full",
            "expires_in": 3599,
            "api_domain": "https://acme.pipedrive.com",
        }
        self.answer = orjson.dumps(
            {key: value for key, value in (document | changes).items() if value is not None}
        )


@pytest.fixture
async def endpoint() -> AsyncIterator[tuple[Endpoint, Settings]]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/oauth/{what}", endpoint.take)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).rstrip("/")
        yield endpoint, settings_for(url, f"{server.host}:{server.port}")


def settings_for(oauth_url: str = "https://oauth.pipedrive.com", *trusted: str) -> Settings:
    return Settings.model_validate(
        {
            "pipedrive_oauth_url": oauth_url,
            "pipedrive_client_id": "app",
            "pipedrive_client_secret": "pass",
            "trusted_hosts": trusted,
            "public_url": "https://cc.example.com/",
        }
    )


def test_the_browser_is_sent_with_id_callback_and_state_alone() -> None:
    url = oauth.authorize_url(settings_for(), "a.b")
    assert dict(url.query) == {
        "client_id": "app",
        "redirect_uri": "https://cc.example.com/oauth/callback",
        "state": "a.b",
    }
    assert url.path == "/oauth/authorize"


async def test_a_code_is_traded_for_tokens(
    endpoint: tuple[Endpoint, Settings], session: ClientSession
) -> None:
    server, settings = endpoint
    server.grant()
    tokens = await oauth.exchange_code(session, settings, "c0de", NOW)
    assert tokens == Tokens(
        "new",
        "kept",
        NOW + timedelta(seconds=3599),
        "https://acme.pipedrive.com",
        ("base", "activities:full", "contacts:full"),
    )
    ((path, header, form),) = server.asked
    assert path == "/oauth/token"
    assert base64.b64decode(header.removeprefix("Basic ")) == b"app:pass"
    assert form == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "redirect_uri": "https://cc.example.com/oauth/callback",
    }


async def test_a_refresh_keeps_what_the_answer_leaves_out(
    endpoint: tuple[Endpoint, Settings], session: ClientSession
) -> None:
    server, settings = endpoint
    server.grant(refresh_token=None, scope=None, api_domain=None, expires_in=None)
    old = Tokens("old", "kept", NOW, "https://acme.pipedrive.com", ("base",))
    fresh = await oauth.refresh(session, settings, old, NOW)
    assert fresh == Tokens("new", "kept", NOW + timedelta(hours=1), "https://acme.pipedrive.com", ("base",))


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example.com",
        "http://acme.pipedrive.com",
        "https://acme.pipedrive.com.evil.example.com",
        "https://acmepipedrive.com",
        "https://acme.pipedrive.com:8443",
        "https://user@evil.example.com",
    ],
)
async def test_tokens_are_never_sent_to_a_strange_host(
    endpoint: tuple[Endpoint, Settings], session: ClientSession, address: str
) -> None:
    server, settings = endpoint
    server.grant(api_domain=address)
    with pytest.raises(Misconfigured):
        await oauth.exchange_code(session, settings, "c0de", NOW)


async def test_the_secret_is_never_sent_to_a_strange_host(session: ClientSession) -> None:
    with pytest.raises(Misconfigured):
        await oauth.exchange_code(session, settings_for("http://127.0.0.1:9"), "c0de", NOW)


async def test_an_unreachable_endpoint_says_nothing_about_the_grant(session: ClientSession) -> None:
    with pytest.raises(Unreachable):
        await oauth.exchange_code(session, settings_for("http://127.0.0.1:9", "127.0.0.1:9"), "c0de", NOW)


async def test_a_redirect_of_the_token_endpoint_is_not_followed(
    endpoint: tuple[Endpoint, Settings], session: ClientSession
) -> None:
    server, settings = endpoint
    server.status = 302
    with pytest.raises(Unreachable):
        await oauth.exchange_code(session, settings, "c0de", NOW)


async def test_revoking_gives_the_refresh_token_back(
    endpoint: tuple[Endpoint, Settings], session: ClientSession
) -> None:
    server, settings = endpoint
    tokens = Tokens("a", "r", NOW, "https://acme.pipedrive.com")
    await oauth.revoke(session, settings, tokens)
    assert server.asked[0][2] == {"token": "r", "token_type_hint": "refresh_token"}
    server.status = 500
    with pytest.raises(Unreachable):
        await oauth.revoke(session, settings, tokens)
    server.status = 400
    with pytest.raises(Rejected):
        await oauth.revoke(session, settings, tokens)


async def test_a_used_code_is_unauthorised(
    endpoint: tuple[Endpoint, Settings], session: ClientSession
) -> None:
    server, settings = endpoint
    server.status, server.answer = (
        400,
        b'{"success":false,"message":"Invalid grant: authorization_code is invalid"}',
    )
    with pytest.raises(Unauthorised):
        await oauth.exchange_code(session, settings, "c0de", NOW)


def test_a_state_holds_for_its_browser_and_its_time() -> None:
    given = oauth.State("nönce", "install", "/then", NOW + oauth.STATE_LIFE)
    state = oauth.read_state(SECRET, oauth.sign_state(SECRET, given))
    assert state == given
    oauth.check_state(state, "nönce", NOW)
    for nonce, at in (("another", NOW), ("", NOW), ("nönce", NOW + oauth.STATE_LIFE)):
        with pytest.raises(Forged):
            oauth.check_state(state, nonce, at)


def test_a_state_that_we_did_not_sign_is_none() -> None:
    state = oauth.sign_state(SECRET, oauth.State("nönce", "install", "", NOW + oauth.STATE_LIFE))
    for secret, given in (
        (b"other key", state),
        (SECRET, "x" + state),
        (SECRET, state[:-2]),
        (SECRET, ""),
        (SECRET, "żółć.\udcff"),
    ):
        with pytest.raises(Forged):
            oauth.read_state(secret, given)


def uninstall_header(user: str = "app", password: str = "pass") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_an_uninstall_is_believed_with_the_apps_own_credentials_only() -> None:
    body = b'{"client_id":"app","company_id":8087566,"user_id":12,"timestamp":"2026-08-22"}'
    gone = oauth.read_uninstall(uninstall_header(), body, client_id="app", client_secret="pass")
    assert (gone.company_id, gone.user_id) == ("8087566", "12")
    for headers in ({}, uninstall_header(password="guess"), {"Authorization": "Basic x"}):
        with pytest.raises(Forged):
            oauth.read_uninstall(headers, body, client_id="app", client_secret="pass")
    other = body.replace(b'"app"', b'"other"')
    with pytest.raises(Forged):
        oauth.read_uninstall(uninstall_header(), other, client_id="app", client_secret="pass")
    with pytest.raises(Rejected):
        oauth.read_uninstall(uninstall_header(), b"[]", client_id="app", client_secret="pass")


def test_tokens_do_not_show_in_a_repr() -> None:
    assert "s3cret" not in repr(Tokens("s3cret", "s3cret", NOW, "https://acme.pipedrive.com"))
