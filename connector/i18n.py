"""English and Polish: sentences from gettext catalogues in `locale/`, without a translation they stay English; amounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from operator import itemgetter
from pathlib import Path

from babel.messages.pofile import read_po
from babel.numbers import format_currency, get_currency_symbol

Translate = Callable[[str], str]

LANGUAGES = ("en", "pl")
CATALOGUES = Path(__file__).parent / "locale"
_LOCALES = {"en": "en_GB", "pl": "pl_PL"}


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


def locale_of(language: str) -> str:
    """How numbers and dates are written in a language: English as in Britain."""
    return _LOCALES.get(language, _LOCALES["en"])


def money(value: Decimal, currency: str, language: str) -> str:
    """An amount with the sign of its currency, or else with its code: €1,200.00, PLN 1,200.00."""
    locale = locale_of(language)
    is_code = get_currency_symbol(currency, locale=locale)[-1].isalpha()
    # English puts it in front, and nothing between the two.
    pattern = "¤\u00a0#,##0.00" if is_code and locale == _LOCALES["en"] else None
    return format_currency(value, currency, pattern, locale=locale)


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
