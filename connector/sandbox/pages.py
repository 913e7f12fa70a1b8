"""What the simulators' pages have in common: templates, one style sheet, safe headers.

A page's template extends `base.html`, which takes `site` (the simulator's name), `nav` (pairs of address and text)
and the blocks `title` and `content`. No script, no inline style: the headers forbid both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import jinja2
from aiohttp import web

HERE = Path(__file__).parent
STATIC = "/_sandbox/static"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Pages:
    """Renders the templates of one simulator."""

    def __init__(self, folder: Path, site: str, nav: Sequence[tuple[str, str]] = ()) -> None:
        """Take templates from `folder`, then from the shared ones; `site` is the name in the page head."""
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([folder, HERE / "templates"]),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._environment.filters["when"] = when
        self._environment.globals.update(site=site, nav=list(nav), static=STATIC)

    def answer(self, template: str, status: int = 200, **context: object) -> web.Response:
        """Answer with a page; everything in `context` is escaped."""
        text = self._environment.get_template(template).render(context)
        return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


def serve_static(app: web.Application) -> None:
    """Serve the shared style sheet under `/_sandbox/static`."""
    app.router.add_static(STATIC, HERE / "static")


def when(value: datetime | str | None) -> str:
    """Write a time (aware, or RFC 3339, or the vendors' `YYYY-MM-DD HH:MM:SS` in UTC) for people: `22 Nov 2026, 14:03:11 UTC`."""
    if not value:
        return ""
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    time = time.astimezone(UTC)
    return f"{time.day} {time:%b %Y, %H:%M:%S} UTC"
