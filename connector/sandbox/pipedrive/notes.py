"""Notes are HTML from outside: what is shown of them is text and a few harmless marks."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

from markupsafe import Markup

MARKS = frozenset(("b", "strong", "i", "em", "u", "p", "ul", "ol", "li"))
SILENT = frozenset(("script", "style", "template", "iframe", "object", "title"))
SCHEMES = ("https://", "http://", "mailto:", "tel:")


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._open: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent.append(tag)
        elif self._silent:
            return
        elif tag in ("br", "div"):
            self.parts.append("<br>")
        elif tag == "a":
            address = (dict(attrs).get("href") or "").strip()
            if address.lower().startswith(SCHEMES):
                self.parts.append(f'<a href="{escape(address)}" rel="noreferrer">')
                self._open.append("a")
        elif tag in MARKS:
            self.parts.append(f"<{tag}>")
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()
        elif tag in self._open:
            while (last := self._open.pop()) != tag:
                self.parts.append(f"</{last}>")
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(escape(data))

    def finish(self) -> str:
        self.close()
        closing = (f"</{tag}>" for tag in reversed(self._open))
        return "".join((*self.parts, *closing))


def clean(note: str | None) -> Markup:
    """Give a note as safe HTML: known marks and links stay, all else becomes text or nothing."""
    cleaner = _Cleaner()
    cleaner.feed(note or "")
    return Markup(cleaner.finish())  # noqa: S704 - every text in it was escaped, every tag written by us
