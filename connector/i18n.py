"""English and Polish from gettext catalogues in `locale/`; a sentence without a translation stays English."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from operator import itemgetter
from pathlib import Path

from babel.messages.pofile import read_po

Translate = Callable[[str], str]

LANGUAGES = ("en", "pl")
CATALOGUES = Path(__file__).parent / "locale"


@cache
def _catalogue(language: str) -> dict[str, str]:
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {
            message.id: message.string
            for message in read_po(file, locale=language)
            if isinstance(message.id, str)
            and isinstance(message.string, str)
            and message.id
            and message.string
        }


def translator(language: str) -> Translate:
    """A function that says an English sentence in `language`."""
    catalogue = _catalogue(language)
    return lambda sentence: catalogue.get(sentence, sentence)


def sentences() -> Iterable[str]:
    """All our own sentences, in English."""
    return _catalogue("pl").keys()


def preferred(accept_language: str | None) -> str:
    """The language of ours that an Accept-Language header prefers."""
    ranked: list[tuple[float, str]] = []
    for part in (accept_language or "").split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.partition("=")[2] or 1)
        except ValueError:
            continue
        if weight > 0:
            ranked.append((weight, tag.partition("-")[0].lower()))
    ranked.sort(key=itemgetter(0), reverse=True)
    return next((language for _, language in ranked if language in LANGUAGES), "en")
