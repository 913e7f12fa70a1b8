"""What a browser's extension, or the terminal client, asks for when it wants to dial for an agent: read and checked, pure.

It is OAuth's code with PKCE, https://www.rfc-editor.org/rfc/rfc7636, as apps on a person's own machine do it,
https://www.rfc-editor.org/rfc/rfc8252.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from connector.settings import is_extension_id

PATH = "/pair"
TERMINAL = "terminal"
_LONGEST_NAME, _LONGEST_REDIRECT = 60, 200

_CHROME_ID = re.compile(r"[a-p]{32}")
_CHROME = "chrome-extension://"
#: Firefox gives each profile's copy of an extension an origin of its own.
_FIREFOX_ORIGIN = re.compile(r"moz-extension://[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WAY = r"(?:/[\w.~-]*)*"
_PORT = r"[1-9]\d{1,4}"
_STATE = re.compile(r"[\x21-\x7e]{1,200}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be shown to an agent: who asks, what it calls itself, and where the answer goes."""

    client: str
    redirect_uri: str
    state: str
    challenge: str
    name: str

    @property
    def address(self) -> str:
        """The address of our page that shows it."""
        return f"{PATH}?" + urlencode(
            {
                "client": self.client, "redirect_uri": self.redirect_uri, "state": self.state,
                "code_challenge": self.challenge, "code_challenge_method": "S256", "name": self.name,
            },
            quote_via=quote, safe="",
        )  # fmt: skip

    @property
    def origin(self) -> str:
        """Where the answer goes, without the path."""
        return "/".join(self.redirect_uri.split("/")[:3])

    def answered(self, **answer: str) -> str:
        """The address that carries the answer back."""
        return f"{self.redirect_uri}?" + urlencode({**answer, "state": self.state}, quote_via=quote, safe="")


@dataclass(frozen=True, slots=True)
class Refused:
    """One that is shown to nobody: nothing in it says where an answer could go.

    `stranger` is the id of an extension that is not allowed here, or empty where the request itself is wrong.
    """

    stranger: str = ""


def read_asked(query: Mapping[str, str], allowed: Collection[str]) -> Asked | Refused:
    """The request in an address; `allowed` are the ids of extensions, beside which the terminal client always may."""
    client, redirect_uri = query.get("client", ""), query.get("redirect_uri", "")
    if client != TERMINAL and client not in allowed:
        return Refused(client if is_extension_id(client) else "")
    state, challenge = query.get("state", ""), query.get("code_challenge", "")
    if (
        len(redirect_uri) > _LONGEST_REDIRECT
        or not _redirects(client).fullmatch(redirect_uri)
        or query.get("code_challenge_method") != "S256"
        or not _CHALLENGE.fullmatch(challenge)
        or not _STATE.fullmatch(state)
    ):
        return Refused()
    return Asked(client, redirect_uri, state, challenge, _shown(query.get("name", "")))


def fits(verifier: str, challenge: str) -> bool:
    """Whether the `verifier` is the one that `challenge` was made of."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())


def origin_of(client: str, given: str) -> str | None:
    """The origin that a client's token is bound to, as its request names it; None when a client of its kind has no such one."""
    if client == TERMINAL:
        return "" if not given else None
    if _CHROME_ID.fullmatch(client):
        return given if given == _CHROME + client else None
    return given if _FIREFOX_ORIGIN.fullmatch(given) else None


def is_origin_of(allowed: Collection[str], origin: str) -> bool:
    """Whether an extension that is allowed may have this origin."""
    return any(origin_of(client, origin) is not None for client in allowed)


def _redirects(client: str) -> re.Pattern[str]:
    """Where browsers catch what is sent to an extension, and on which ports of the machine a terminal listens.

    https://developer.chrome.com/docs/extensions/reference/api/identity#method-getRedirectURL
    https://developer.mozilla.org/en-US/docs/Mozilla/Add-ons/WebExtensions/API/identity
    """
    if client == TERMINAL:
        ways = [rf"http://127\.0\.0\.1:{_PORT}{_WAY}"]
    elif _CHROME_ID.fullmatch(client):
        ways = [rf"https://{client}\.chromiumapp\.org{_WAY}"]
    else:
        name = hashlib.sha1(client.encode(), usedforsecurity=False).hexdigest()
        ways = [
            rf"https://{name}\.extensions\.allizom\.org{_WAY}", rf"http://127\.0\.0\.1/mozoauth2/{name}{_WAY}",
        ]  # fmt: skip
    return re.compile("|".join(ways), re.ASCII)


def _shown(name: str) -> str:
    """What a device calls itself, without what could not be seen."""
    return " ".join("".join(c for c in name if c.isprintable()).split())[:_LONGEST_NAME].strip()
