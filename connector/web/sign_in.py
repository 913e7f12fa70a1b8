"""How an agent proves once in a browser who he is: with Pipedrive, or by an invitation; and how a frame learns of it.

Cookies of our own tabs do not reach a frame in somebody else's page. There a pop-up of our own origin takes a one-time
code and hands it to the frame, which is given a cookie of its own for it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta

import orjson
import structlog
from aiohttp import web
from yarl import URL

from connector.errors import ConnectorError, Misconfigured, Rejected
from connector.pipedrive.oauth import State
from connector.store.access import Who
from connector.web.access import PATH, Guard, is_own, is_signed, signed
from connector.web.consent import Consent
from connector.web.forms import form_of
from connector.web.install import without
from connector.web.middleware import keep_opener
from connector.web.pages import page, translate_for
from connector.web.troubles import explain_sign_in, not_connected, sign_in_refused, sorry

log = structlog.get_logger()

#: What a state is for that is no installation's.
PURPOSE = "sign-in"
INVITATION, HANDOVER = "invitation", "handover"
SIGN_OUT = "sign out"
HANDOVER_LIFE = timedelta(seconds=60)
#: So long the button may wait that accepts an invitation.
PRESS_LIFE = timedelta(minutes=10)
SIGN_IN, INVITED, HAND_OVER = f"{PATH}/sign-in", f"{PATH}/invitation", f"{PATH}/handover"
SIGNED_IN, SESSION = f"{PATH}/signed-in", f"{PATH}/session"
LONGEST_CODE = 200

_STEP = r"(?:/(?!\.{1,2}(?:[/?]|\Z))[\w.~:-]+)"
_OURS = re.compile(rf"/(?:embed{_STEP}+|console{_STEP}*)(?:\?[\w.~:&=/-]*)?", re.ASCII)
_LONGEST_OURS = 500
#: The page that pairs a device stands for what its address asks; each value in it is escaped to the last sign.
_ASKED = r"(?:client|redirect_uri|state|code_challenge|code_challenge_method|name)=[\w.~%-]{0,800}"
_PAIR = re.compile(rf"/pair\?{_ASKED}(?:&{_ASKED}){{0,5}}", re.ASCII)
_LONGEST_PAIR = 2000

#: Whose browser an authorization code comes from; None when his company is not connected.
Identify = Callable[[str], Awaitable[Who | None]]


def own_page(path: str | None) -> str:
    """`path` if it is the path of a page of ours for those who are signed in, an empty text else: nobody is sent anywhere else."""
    if not path:
        return ""
    is_ours = (len(path) <= _LONGEST_OURS and _OURS.fullmatch(path)) or (
        len(path) <= _LONGEST_PAIR and _PAIR.fullmatch(path)
    )
    return path if is_ours else ""


def to_sign_in(following: str) -> str:
    """Where somebody signs in who then goes on to `following`, if that is a page of ours."""
    return _with_next(SIGN_IN, own_page(following))


def signed_out(request: web.Request, installation_id: str) -> web.Response:
    """What a page says to a browser that is nobody's, with the way to sign in, in a frame or in a tab.

    It answers to any request of a page; who has signed in comes back to it by GET.
    """
    back = own_page(request.path_qs)
    return page(
        request, "sign_in/signed_out.html", status=401, back=back, installation=installation_id,
        sign_in=_with_next(SIGN_IN, back), session=SESSION,
        handover=str(URL(HAND_OVER).with_query(installation=installation_id)),
    )  # fmt: skip


class SignIn:
    """The pages by which sessions begin and end."""

    def __init__(self, guard: Guard, consent: Consent, identify: Identify) -> None:
        """`identify` exchanges an authorization code."""
        self._guard, self._consent, self._identify = guard, consent, identify

    def routes(self) -> web.RouteTableDef:
        """All of them; what comes back from Pipedrive reaches `arrive` by the callback."""
        table = web.RouteTableDef()
        # Without HEAD: what only looks shall not use up anything.
        table.get(SIGN_IN, allow_head=False)(self.choose)
        table.get(f"{SIGN_IN}/pipedrive", allow_head=False)(self.leave_for_pipedrive)
        table.get(INVITED, allow_head=False)(self.ask_for_code)
        table.post(INVITED)(self.take_code)
        table.get(HAND_OVER, allow_head=False)(self.hand_over)
        table.post(SESSION)(self.begin_in_frame)
        table.get(SESSION, allow_head=False)(self.is_signed_in)
        table.post(f"{PATH}/sign-out")(self.sign_out)
        table.get(SIGNED_IN, allow_head=False)(self.say_signed_in)
        table.get(f"{PATH}/signed-out", allow_head=False)(self.say_signed_out)
        return table

    # with Pipedrive

    async def choose(self, request: web.Request) -> web.Response:
        """Offer both ways to sign in, or the one there is."""
        keep_opener(request)
        following = own_page(request.query.get("next"))
        address = _with_next(f"{SIGN_IN}/pipedrive", following)
        return page(
            request, "sign_in/sign_in.html", has_app=self._consent.has_app, address=address, next=following,
            invitation=INVITED,
        )  # fmt: skip

    async def leave_for_pipedrive(self, request: web.Request) -> web.Response:
        """Send the browser to Pipedrive, which knows whose it is."""
        keep_opener(request)
        self._guard.count_stranger(request)
        if not self._consent.has_app:
            raise web.HTTPFound(_with_next(SIGN_IN, own_page(request.query.get("next"))))
        return self._consent.ask(PURPOSE, own_page(request.query.get("next")))

    async def arrive(self, request: web.Request, state: State) -> web.Response:
        """The browser is back at the callback: begin a session if its user is one of a connected company."""
        keep_opener(request)
        self._guard.count_stranger(request)
        following = own_page(state.then)
        answer = await self._arrived(request, state, _with_next(SIGN_IN, following), following)
        self._consent.forget(answer, PURPOSE)
        return answer

    async def _arrived(self, request: web.Request, state: State, again: str, following: str) -> web.Response:
        code, translate = request.query.get("code", ""), translate_for(request)
        try:
            self._consent.check(request, state)
            if "error" in request.query:
                return sorry(request, sign_in_refused(translate), again=again)
            if not code:
                raise Rejected("The callback came without a code")
            who = await self._identify(code)
            if who is None:
                return sorry(request, not_connected(translate))
            return await self._let_in(request, who, following)
        except ConnectorError as error:
            log.warning("sign-in failed", error=type(error).__name__, reason=without(code, str(error)))
            return sorry(request, explain_sign_in(error, translate), again=again)

    # by an invitation

    async def ask_for_code(self, request: web.Request) -> web.Response:
        """Take an invitation out of the address, where a script sees it and no server does, or have it typed in."""
        keep_opener(request)
        return self._invitation(request, following=own_page(request.query.get("next")))

    async def take_code(self, request: web.Request) -> web.Response:
        """Say whom an invitation is for; when this browser was told so and accepts, use it up and begin the session.

        Another site could have a browser accept what its user never saw, and so have him work as somebody else.
        """
        keep_opener(request)
        if not is_own(request):
            raise web.HTTPForbidden
        form = await form_of(request)
        # Whoever pastes the whole address means the code in it.
        code = str(form.get("code", "")).strip().rpartition("#")[2][:LONGEST_CODE]
        nonce = request.cookies.get(INVITATION, "")
        accepted = bool(nonce) and is_signed(nonce, code, form.get("accept"))
        following = own_page(str(form.get("next", "")))
        take = self._guard.access.use_code if accepted else self._guard.access.peek_code
        who = await take(code, purpose=INVITATION)
        if who is None:
            self._guard.count_stranger(request)
            return self._invitation(request, following=following, status=403, used=True)
        if not accepted:
            nonce = secrets.token_urlsafe(32)
            proof = signed(nonce, code)
            answer = self._invitation(request, following=following, who=who, code=code, proof=proof)
            answer.set_cookie(
                INVITATION, nonce, max_age=int(PRESS_LIFE.total_seconds()), path=INVITED, httponly=True,
                secure=self._guard.https, samesite="Lax",
            )  # fmt: skip
            return answer
        try:
            return await self._let_in(request, who, following)
        except Misconfigured:  # the installation has ended meanwhile, and its invitations with it
            return self._invitation(request, following=following, status=403, used=True)

    def _invitation(
        self, request: web.Request, *, following: str, status: int = 200, used: bool = False,
        who: Who | None = None, code: str = "", proof: str = "",
    ) -> web.Response:  # fmt: skip
        return page(
            request, "sign_in/invitation.html", status=status, next=following, used=used, name=who and who.name,
            code=code, invitation=INVITED, proof=proof,
        )  # fmt: skip

    async def _let_in(self, request: web.Request, who: Who, following: str) -> web.Response:
        location = following or SIGNED_IN
        answer = web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})
        await self._guard.begin(request, answer, who)
        log.info("signed in", installation=who.installation_id, user=who.user_id, agent=who.agent)
        return answer

    # in a frame

    async def hand_over(self, request: web.Request) -> web.Response:
        """In a pop-up: a one-time code for the page that opened it, if that is one of ours; signed in first if need be."""
        keep_opener(request)
        installation_id = request.query.get("installation", "")
        who = await self._guard.who(request, installation_id)
        if who is None:
            self._guard.count_stranger(request)
            raise web.HTTPFound(_with_next(SIGN_IN, own_page(request.path_qs)))
        try:
            code = await self._guard.access.make_code(who, purpose=HANDOVER, lasts=HANDOVER_LIFE)
        except Misconfigured:  # the installation has ended meanwhile
            return signed_out(request, installation_id)
        return page(request, "sign_in/handover.html", code=code)

    async def begin_in_frame(self, request: web.Request) -> web.Response:
        """The frame's script brings the code that it was handed: 204 and a cookie for it, 403 when it is none."""
        who = None
        if is_own(request) and (code := await _code_in(request)):
            who = await self._guard.access.use_code(code, purpose=HANDOVER)
        if who is None:
            self._guard.count_stranger(request)
            raise web.HTTPForbidden
        answer = web.Response(status=204, headers={"Cache-Control": "no-store"})
        try:
            await self._guard.begin_framed(request, answer, who)
        except Misconfigured as error:  # as above
            raise web.HTTPForbidden from error
        return answer

    async def is_signed_in(self, request: web.Request) -> web.Response:
        """Whether the browser kept the cookie: 204 if it did, 401 if not."""
        who = await self._guard.who(request, request.query.get("installation", ""))
        return web.Response(status=401 if who is None else 204, headers={"Cache-Control": "no-store"})

    # the end

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the agent's sessions in all his browsers, frames too.

        The form has `form`, a token for the purpose SIGN_OUT, and `next`, the page of ours to go to (a frame needs it).
        """
        form = await form_of(request)
        who = await self._guard.sender(request, SIGN_OUT, form.get("form"))
        if who is None:
            raise web.HTTPForbidden
        await self._guard.access.end_all(who)
        log.info("signed out", installation=who.installation_id, user=who.user_id, agent=who.agent)
        following = own_page(str(form.get("next", ""))) or f"{PATH}/signed-out"
        answer = web.Response(status=303, headers={"Location": following, "Cache-Control": "no-store"})
        self._guard.forget(answer)
        return answer

    async def say_signed_in(self, request: web.Request) -> web.Response:
        """Where somebody ends who was on his way to no page."""
        keep_opener(request)
        return page(request, "sign_in/signed_in.html", is_in=True)

    async def say_signed_out(self, request: web.Request) -> web.Response:
        """The same after the end."""
        return page(request, "sign_in/signed_in.html", is_in=False)


async def _code_in(request: web.Request) -> str:
    # JSON, which a form of another site cannot send.
    if request.content_type != "application/json":
        return ""
    try:
        given = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return ""
    code = given.get("code") if isinstance(given, dict) else None
    return code[:LONGEST_CODE] if isinstance(code, str) else ""


def _with_next(path: str, following: str) -> str:
    return str(URL(path).with_query(next=following)) if following else path
