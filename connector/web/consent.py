"""To Pipedrive's consent page and back: the state that shows what a browser came back for, and that it is the same one."""

from __future__ import annotations

import secrets

from aiohttp import web

from connector.clock import Clock
from connector.pipedrive import oauth
from connector.settings import Settings

COOKIE_PATH = "/oauth"


class Consent:
    """Sends browsers to Pipedrive; the cookie of each purpose is named like it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """With the app of `settings`, if it has one."""
        self._settings, self._clock = settings, clock
        self._key = oauth.state_key(settings)
        self._https = settings.public.scheme == "https"
        self.has_app = bool(
            settings.pipedrive_client_id and settings.pipedrive_client_secret.get_secret_value()
        )

    def ask(self, purpose: str, then: str = "") -> web.Response:
        """Send the browser to Pipedrive with a state that only this browser can bring back."""
        nonce = secrets.token_urlsafe(32)
        state = oauth.State(nonce, purpose, then, self._clock.now() + oauth.STATE_LIFE)
        address = str(oauth.authorize_url(self._settings, oauth.sign_state(self._key, state)))
        answer = web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})
        answer.set_cookie(
            purpose, nonce, max_age=int(oauth.STATE_LIFE.total_seconds()), path=COOKIE_PATH, httponly=True,
            secure=self._https, samesite="Lax",
        )  # fmt: skip
        return answer

    def read(self, request: web.Request) -> oauth.State | None:
        """What a browser comes back for, None when it brings no state; Forged when that is not ours."""
        state = request.query.get("state")
        return oauth.read_state(self._key, state) if state else None

    def check(self, request: web.Request, state: oauth.State) -> None:
        """Raise Forged unless `state` is alive and was given to this browser."""
        oauth.check_state(state, request.cookies.get(state.purpose, ""), self._clock.now())

    def forget(self, answer: web.Response, purpose: str) -> None:
        """Take the cookie away: a state is for one return."""
        answer.del_cookie(purpose, path=COOKIE_PATH, httponly=True, secure=self._https, samesite="Lax")
