"""Pages in the visitor's language and appearance: templates, the files they link to, and nothing that needs a script."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path

import jinja2
from aiohttp import web

from connector.i18n import LANGUAGES, Translate, preferred, translator
from connector.web.forms import form_of

HERE = Path(__file__).parent
LOOKS = ("light", "dark")
YEAR_S = 365 * 86_400

_FILES = {path.name: path.read_bytes() for path in sorted((HERE / "static").iterdir())}
_VERSIONS = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in _FILES.items()}

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so that it may be kept for ever."""
    return f"/static/{_VERSIONS[name]}/{name}"


_templates.globals["asset"] = asset


def language_of(request: web.BaseRequest) -> str:
    """The visitor's language: as he chose it on his own page, or else as his browser asks for it."""
    chosen = request.cookies.get("language", "")
    return chosen if chosen in LANGUAGES else preferred(request.headers.get("Accept-Language"))


def translate_for(request: web.BaseRequest) -> Translate:
    """What says an English sentence in the visitor's language."""
    return translator(language_of(request))


def page(
    request: web.BaseRequest,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> web.Response:
    """Render `template` for this visitor; everything in `context` is escaped."""
    language = language_of(request)
    text = _templates.get_template(template).render(
        context, _=translator(language), language=language, look=_look_of(request)
    )
    own = {"Cache-Control": "no-store", "Content-Language": language, "Vary": "Accept-Language"}
    return web.Response(
        text=text, status=status, content_type="text/html", headers={**own, **(headers or {})}
    )


def _look_of(request: web.BaseRequest) -> str:
    """What the visitor chose; `auto` is the system's."""
    look = request.cookies.get("look", "")
    return look if look in LOOKS else "auto"


async def remember_look(request: web.Request, *, secure: bool) -> web.Response:
    """Keep the chosen appearance in a cookie; the page that asked stays, for it shows the choice already."""
    look, answer = (await form_of(request)).get("look"), web.Response(status=204)
    if look == "auto":
        answer.del_cookie("look", httponly=True, secure=secure, samesite="Lax")
    elif look in LOOKS and isinstance(look, str):
        answer.set_cookie("look", look, max_age=YEAR_S, httponly=True, secure=secure, samesite="Lax")
    else:
        raise web.HTTPBadRequest
    return answer


async def serve_static(request: web.Request) -> web.Response:
    """A static file; one asked for under an old address is given as it is now, but not to be kept."""
    name = request.match_info["name"]
    if (content := _FILES.get(name)) is None:
        raise web.HTTPNotFound
    current = request.match_info["version"] == _VERSIONS[name]
    kept = "public, max-age=31536000, immutable" if current else "no-cache"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    charset = "utf-8" if kind.startswith("text/") else None
    return web.Response(body=content, content_type=kind, charset=charset, headers={"Cache-Control": kept})
