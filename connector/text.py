"""HTML to plain text, the cut of long texts, and escaping.

Whatever comes in was written by strangers: every function here takes time linear in its input at worst.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from html import escape as _escape_markup
from html import unescape

_ENOUGH = 4_000
_MOST_TAGS = 20_000

_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]*)")
# Possessive, so that a tag with an open quote fails after one look instead of many.
_TAG_REST = re.compile(r"""(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")
_HIDDEN = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE)
    for name in ("script", "style", "title", "template", "svg", "noembed", "noframes", "iframe")
}
_BLOCKS = frozenset(
    (
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "br",
            "center",
            "dd",
            "div",
            "dl",
            "dt",
            "fieldset",
            "figure",
        ),
        *(
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "li",
            "main",
            "nav",
            "ol",
            "p",
            "pre",
        ),
        *("section", "table", "tr", "ul"),
    )
)
_CELLS = frozenset(("td", "th"))
_MARKUP = re.compile(r"<[a-zA-Z/!?]")
_SPACES = re.compile(r"\s+")
_SPACES_IN_LINE = re.compile(r"[^\S\n]+")
_NEWLINES = re.compile(r"[^\S\n]*\n\s*")
# Controls no page or database wants, halves of surrogate pairs, and marks that newsletters pad previews with.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\u00ad\u034f\u200b\ufeff]")
_UNSAFE = re.compile(f"[&<>\"']|{_UNWANTED.pattern}")

_WORD = re.compile(r"\w+")
_JOINER = "\u200d"


def html_to_text(html: str, enough: int = _ENOUGH) -> str:
    """Give the readable text of `html`, a line for each block; reading stops soon after `enough` characters.

    Scripts, styles and comments are left out, entities resolved, white space collapsed. Text without any markup is
    taken as plain: its own line breaks stay. Written by hand rather than on `html.parser`, whose time grows with the
    square of some inputs that a sender can make up.
    """
    if not _MARKUP.search(html):
        return _tidy(unescape(html[: enough * 4]))[:enough]
    parts: list[str] = []
    size = 0
    for part in _scan(html):
        parts.append(part)
        size += len(part)
        if size >= enough:
            break
    return _tidy("".join(parts))[:enough]


def _scan(html: str) -> Iterator[str]:
    """Yield texts and line breaks in order; texts are at most a few thousand characters each."""
    position, quoted = 0, True
    for _ in range(_MOST_TAGS):
        start = html.find("<", position)
        if start != position:
            yield _in_line(html[position : start if start >= 0 else None])
        if start < 0:
            return
        name = _TAG_NAME.match(html, start + 1)
        if name is None:
            position = _after_declaration(html, start)
            if position == start + 1:
                yield "<"
            continue
        rest = _TAG_REST.match(html, name.end()) if quoted else None
        if rest is None:
            # Some quote never closes: from here on a tag simply ends at the next bracket.
            quoted = False
        position = rest.end() if rest else html.find(">", name.end()) + 1
        if position == 0:
            return
        tag = name[1].lower()
        if tag in _BLOCKS:
            yield "\n"
        elif tag in _CELLS:
            yield " "
        elif tag in _HIDDEN and html[start + 1] != "/" and html[position - 2] != "/":
            closing = _HIDDEN[tag].search(html, position)
            if closing is None:
                return
            position = closing.end()


def _after_declaration(html: str, start: int) -> int:
    """Where a comment, doctype or processing instruction at `start` ends; just past the bracket if it is none."""
    if html.startswith("<!--", start):
        end, width = html.find("-->", start + 4), 3
    elif html.startswith(("<!", "<?", "</"), start):
        end, width = html.find(">", start + 2), 1
    else:
        return start + 1
    return end + width if end >= 0 else len(html)


def _in_line(raw: str) -> str:
    return _SPACES.sub(" ", unescape(raw[: _ENOUGH * 4]))


def _tidy(text: str) -> str:
    text = _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _NEWLINES.sub("\n", _SPACES_IN_LINE.sub(" ", text)).strip()


def clean(text: str) -> str:
    """Drop characters that no page, header or database takes: controls and halves of surrogate pairs."""
    return _UNWANTED.sub("", text)


def cut(text: str, limit: int = 256) -> str:
    """Shorten `text` to at most `limit` code points, the last of them "…", never inside one visible character."""
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and not _is_boundary(text, end):
        end -= 1
    # A text of nothing but combining marks has no better place.
    return text[: end or limit - 1] + "…"


def _is_boundary(text: str, index: int) -> bool:
    after = text[index]
    if text[index - 1] == _JOINER or after == _JOINER or _extends(after):
        return False
    if not _is_flag_letter(after):
        return True
    first = index
    while first > 0 and _is_flag_letter(text[first - 1]):
        first -= 1
    return (index - first) % 2 == 0


def _extends(char: str) -> bool:
    """Whether `char` belongs to the one before it: combining marks, variation selectors, skin tones, low surrogates."""
    return (
        unicodedata.category(char)[0] == "M"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\udc00" <= char <= "\udfff"
    )


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def escape(text: str) -> str:
    """Make `text` safe inside HTML, attributes included; unwanted control characters are dropped."""
    return _escape_markup(clean(text), quote=True) if _UNSAFE.search(text) else text


def without_words_of(sent: object, message: str) -> str:
    """`message` less the words of all texts in `sent`, JSON that went out: they may be names and numbers."""
    ours = {word.casefold() for text in _texts(sent) for word in _WORD.findall(text)}
    return _WORD.sub(lambda word: "…" if word[0].casefold() in ours else word[0], message)


def _texts(sent: object) -> Iterator[str]:
    if isinstance(sent, str):
        yield sent
    elif isinstance(sent, Mapping):
        for value in sent.values():
            yield from _texts(value)
    elif isinstance(sent, list | tuple):
        for value in sent:
            yield from _texts(value)
