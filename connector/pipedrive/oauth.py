"""OAuth: the way in, the tokens and their renewal, and the word that a user took the app away.

https://pipedrive.readme.io/docs/marketplace-oauth-authorization
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth
from yarl import URL

from connector.errors import Forged, Misconfigured, Rejected, Unreachable
from connector.pipedrive import wire
from connector.pipedrive.records import Tokens, Uninstall
from connector.settings import Settings

CALLBACK = "/oauth/callback"
STATE_LIFE = timedelta(minutes=10)
LONGEST_ANSWER_S = 20.0
VENDOR = "pipedrive.com"


def redirect_uri(settings: Settings) -> str:
    """The one callback address, which must equal the one registered with Pipedrive to the letter."""
    return settings.public_url + CALLBACK


def authorize_url(settings: Settings, state: str) -> URL:
    """Where a browser goes to install the app; the scopes are set at Pipedrive, not here."""
    return URL(settings.pipedrive_oauth_url + "/oauth/authorize").with_query(
        client_id=settings.pipedrive_client_id, redirect_uri=redirect_uri(settings), state=state
    )


@dataclass(frozen=True, slots=True)
class State:
    """What a browser is sent to Pipedrive for, until when, and where it goes `then`; `nonce` is in its cookie too."""

    nonce: str
    purpose: str
    then: str
    expires: datetime


def state_key(settings: Settings) -> bytes:
    """What signs states."""
    secret = settings.pipedrive_client_secret.get_secret_value().encode()
    return hmac.digest(secret, b"state of an installation", "sha256")


def sign_state(secret: bytes, state: State) -> str:
    """A state for the authorize address that only we can make, bound to the nonce kept in a browser cookie."""
    content = orjson.dumps([state.nonce, state.purpose, state.then, int(state.expires.timestamp())])
    payload = base64.urlsafe_b64encode(content).decode().rstrip("=")
    return f"{payload}.{_mac(secret, payload)}"


def read_state(secret: bytes, state: str) -> State:
    """A state as it was signed; Forged unless it is ours. Whether it is alive and this browser's, `check_state` tells."""
    payload, _, mac = state.partition(".")
    if not hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(secret, payload).encode()):
        raise Forged("The state is not ours")
    nonce, purpose, then, expires = orjson.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return State(nonce, purpose, then, datetime.fromtimestamp(expires, UTC))


def check_state(state: State, nonce: str, now: datetime) -> None:
    """Raise Forged unless `state` is still alive, and was given to the browser that holds `nonce`."""
    if now >= state.expires:
        raise Forged("It took too long: start again")
    if not hmac.compare_digest(state.nonce.encode(), nonce.encode("utf-8", "replace")):
        raise Forged("It was started in another browser: start again")


async def exchange_code(session: ClientSession, settings: Settings, code: str, now: datetime) -> Tokens:
    """Trade the code of the callback, which lives five minutes and works once, for tokens."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri(settings)}
    return await _ask(session, settings, form, now)


async def refresh(session: ClientSession, settings: Settings, tokens: Tokens, now: datetime) -> Tokens:
    """Renew `tokens`; Unauthorised if Pipedrive no longer knows the grant, Unreachable if nothing is known."""
    if tokens.refresh_token is None:
        raise Misconfigured("A personal API token cannot be renewed")
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    return await _ask(session, settings, form, now, refreshed=tokens)


async def revoke(session: ClientSession, settings: Settings, tokens: Tokens) -> None:
    """Give the grant back, which uninstalls the app for its user. https://pipedrive.readme.io/docs/app-uninstallation"""
    if tokens.refresh_token is None:
        return
    form = {"token": tokens.refresh_token, "token_type_hint": "refresh_token"}
    status, _, _ = await _post(session, settings, "/oauth/revoke", form)
    if status >= 500:
        raise Unreachable(f"Pipedrive answered {status} to the revocation")
    if status >= 400:
        raise Rejected(f"Pipedrive answered {status} to the revocation", status=status)


def personal(settings: Settings, token: str) -> Tokens:
    """A personal API token as credentials."""
    return Tokens(token, None, None, origin(settings, settings.pipedrive_api_url))


def origin(settings: Settings, address: str) -> str:
    """The origin of an API address; Misconfigured unless credentials may be sent to it."""
    url = URL(address)
    if not settings.may_send_secrets_to(url, vendor=VENDOR):
        raise Misconfigured(f"{url.host} is no Pipedrive host and not in CONNECTOR_TRUSTED_HOSTS")
    return str(url.origin())


def read_uninstall(
    headers: Mapping[str, str], body: bytes, *, client_id: str, client_secret: str
) -> Uninstall:
    """Read the DELETE that Pipedrive sends to the callback; Forged unless it carries the app's own credentials."""
    if not wire.is_basic(headers.get("Authorization"), client_id, client_secret):
        raise Forged("The uninstall message does not carry the app's credentials")
    try:
        message = orjson.loads(body)
        company, user, client = message["company_id"], message["user_id"], message.get("client_id", client_id)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise Rejected("The uninstall message is unreadable") from error
    if client != client_id:
        raise Forged("The uninstall message is for another app")
    return Uninstall(str(company), str(user))


def _mac(secret: bytes, payload: str) -> str:
    digest = hmac.digest(secret, b"oauth-state:" + payload.encode("utf-8", "replace"), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def _ask(
    session: ClientSession,
    settings: Settings,
    form: dict[str, str],
    now: datetime,
    *,
    refreshed: Tokens | None = None,
) -> Tokens:
    answer = wire.decipher_token(*await _post(session, settings, "/oauth/token", form))
    try:
        life = timedelta(seconds=int(answer.get("expires_in") or 3600))
    except (TypeError, ValueError):
        life = timedelta(hours=1)
    kept = refreshed.refresh_token if refreshed else None
    renewal = answer.get("refresh_token") or kept
    if not renewal:
        raise Unreachable("Pipedrive answered without a refresh token")
    address = answer.get("api_domain") or (refreshed.api_domain if refreshed else settings.pipedrive_api_url)
    scope = str(answer.get("scope") or "").replace(",", " ").split()
    return Tokens(
        access_token=str(answer["access_token"]),
        refresh_token=str(renewal),
        expires_at=now + life,
        api_domain=origin(settings, str(address)),
        scopes=tuple(scope) or (refreshed.scopes if refreshed else ()),
    )


async def _post(
    session: ClientSession, settings: Settings, path: str, form: dict[str, str]
) -> tuple[int, Mapping[str, str], bytes]:
    url = URL(origin(settings, settings.pipedrive_oauth_url) + path)
    secret = settings.pipedrive_client_secret.get_secret_value()
    headers = {"Authorization": encode_basic_auth(settings.pipedrive_client_id, secret)}
    timeout = ClientTimeout(total=min(settings.pipedrive_timeout, LONGEST_ANSWER_S))
    try:
        async with session.post(
            url, data=form, headers=headers, timeout=timeout, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers, await answer.read()
    except (ClientError, TimeoutError, OSError) as error:
        raise Unreachable(f"Pipedrive's token endpoint cannot be reached: {type(error).__name__}") from error
