"""Keys of the HTTP API: which there are, a new one shown once, and one that opens nothing any more."""

from __future__ import annotations

from aiohttp import web

from connector.store.access import LONGEST_KEY_NAME, Access
from connector.web import openapi
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.words import done
from connector.web.notes import Said

PAGE = "settings/keys"


class KeyPages:
    """The list of keys, and what is done with them."""

    def __init__(self, console: Console, access: Access, public_url: str) -> None:
        """`access` keeps the keys; the API is at `public_url`."""
        self._console, self._access, self._api = console, access, public_url + openapi.PATH

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{PAGE}")(serve(self._show))
        table.post(f"{PATH}/{PAGE}")(serve(self._add))
        table.post(f"{PATH}/{PAGE}/revoke")(serve(self._revoke))
        return table

    async def _show(self, visit: Visit) -> web.Response:
        return await self._page(visit)

    async def _add(self, visit: Visit) -> web.Response:
        _, name = visit.translate, visit.text("name")
        if not name or len(name) > LONGEST_KEY_NAME:
            error = _("Say what the key is for, in at most %(most)s characters.") % {"most": LONGEST_KEY_NAME}
            return await self._page(visit, error=error, typed=name, status=422)
        key_id, key = await self._access.add_key(visit.tenant.id, name)
        await visit.tenant.audit.note(visit.who, "add key", key=key_id)
        # Shown by the answer itself: what leads elsewhere would have to keep it.
        answer = await self._page(visit, fresh=key, said=Said("good", _("Done"), _("The key is made.")))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _revoke(self, visit: Visit) -> web.Response:
        _, key_id, here = visit.translate, visit.text("key"), visit.at(PAGE)
        if not await self._access.revoke_key(visit.tenant.id, key_id):
            return self._console.tell(
                Said("attention", _("Not done"), _("There is no such key in use any more.")), here
            )
        await visit.tenant.audit.note(visit.who, "revoke key", key=key_id)
        return self._console.tell(done(_("The key is revoked: it opens nothing any more."), _), here)

    async def _page(
        self, visit: Visit, *, fresh: str = "", error: str = "", typed: str = "", status: int = 200,
        said: Said | None = None,
    ) -> web.Response:  # fmt: skip
        keys = await self._access.keys(visit.tenant.id)
        asked = next(
            (k for k in keys if k.id == visit.request.query.get("revoke") and k.revoked_at is None), None
        )
        return self._console.page(
            visit, "console/settings/keys.html", PAGE, status=status, said=said, keys=keys[::-1], fresh=fresh,
            asked=asked, error=error, typed=typed, longest=LONGEST_KEY_NAME, api=self._api,
        )  # fmt: skip
