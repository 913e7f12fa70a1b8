"""What the simulators' pages have in common: templates, one style sheet, the visitor's appearance, safe headers.

A page's template extends `base.html`, which takes `site` (the simulator's name), `nav` (pairs of address and text)
and the blocks `title` and `content`. No inline script or style: the headers forbid both.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler

HERE = Path(__file__).parent
STATIC = "/_sandbox/static"
LOOK_PATH = "/_sandbox/look"
LOOKS = ("light", "dark")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; "
    "frame-src {frames}; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


_look = ContextVar("look", default="auto")


class Pages:
    """Renders the templates of one simulator."""

    def __init__(
        self, folder: Path, site: str, nav: Sequence[tuple[str, str]] = (), *, frames: str = "'none'"
    ) -> None:
        """Take templates from `folder`, then from the shared ones; `site` is the name in the page head.

        `frames` are the sources, as a content security policy names them, of what pages may show in a frame.
        """
        policy = HEADERS["Content-Security-Policy"].format(frames=frames)
        self._headers = {**HEADERS, "Content-Security-Policy": policy}
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([folder, HERE / "templates"]),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._environment.filters["when"] = when
        self._environment.globals.update(
            site=site, nav=list(nav), static=STATIC, look=_look.get, look_path=LOOK_PATH
        )

    def answer(self, template: str, status: int = 200, **context: object) -> web.Response:
        """Answer with a page; everything in `context` is escaped."""
        text = self._environment.get_template(template).render(context)
        return web.Response(text=text, status=status, content_type="text/html", headers=self._headers)


def serve_pages(app: web.Application) -> None:
    """Serve what all pages link to, and keep the appearance (light, dark, or the system's) that a visitor chose."""
    app.router.add_static(STATIC, HERE / "static")
    app.router.add_post(LOOK_PATH, _remember_look)
    app.middlewares.append(_recall_look)


@web.middleware
async def _recall_look(request: web.Request, handler: Handler) -> web.StreamResponse:
    look = request.cookies.get("look", "")
    _look.set(look if look in LOOKS else "auto")
    return await handler(request)


async def _remember_look(request: web.Request) -> web.Response:
    look, answer = (await request.post()).get("look"), web.Response(status=204)
    if isinstance(look, str) and look in LOOKS:
        answer.set_cookie("look", look, max_age=365 * 86_400, httponly=True, samesite="Lax")
    else:
        answer.del_cookie("look", httponly=True, samesite="Lax")
    return answer


def when(value: datetime | str | None) -> str:
    """Write a time (aware, or RFC 3339, or the vendors' `YYYY-MM-DD HH:MM:SS` in UTC) for people: `22 Nov 2026, 14:03:11 UTC`."""
    if not value:
        return ""
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    time = time.astimezone(UTC)
    return f"{time.day} {time:%b %Y, %H:%M:%S} UTC"
