"""Split, join and compare names of persons and companies, one way everywhere.

A name is split at one place between two words, so that joining gives back what was written. Only "Last, First" is
turned round. What is a company's is never split.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from nameparser import Lexicon, Parser, Role

_LONGEST = 1_000

_TITLES = (
    *("adw", "art", "bp", "doc", "dypl", "hab", "hr", "inz", "inż", "kpt", "ks", "lek", "lic", "mec", "med"),
    *("mjr", "mł", "pan", "pani", "państwo", "por", "ppłk", "ppor", "płk", "przew", "red", "rtm", "sierż"),
    *("st", "stom", "wet"),
)
_LEXICON = Lexicon.default().add(titles=_TITLES)
_PARSER = Parser(lexicon=_LEXICON)
# Words that make a name more than given names and one surname.
_MEANINGFUL = frozenset().union(
    _LEXICON.titles,
    _LEXICON.suffix_acronyms,
    _LEXICON.suffix_words,
    _LEXICON.particles,
    _LEXICON.conjunctions,
    _LEXICON.bound_given_names,
    *(marker.split() for marker in _LEXICON.maiden_markers),
)
_PLAIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{2,}(?:[-'’][A-Za-z\u00c0-\u024f\u1e00-\u1eff]{2,})*")

# Legal forms as the words that `_words` gives, which no person is called.
_FORMS = frozenset(
    tuple(form.split())
    for form in (
        *("sp z oo", "sp z o o", "sp zoo", "spzoo", "spółka z oo", "spółka z ograniczoną odpowiedzialnością"),
        *("sp j", "spj", "spółka jawna", "sp k", "spk", "spółka komandytowa", "sp p", "spółka partnerska"),
        *("spółka akcyjna", "spółka cywilna", "psa", "prosta spółka akcyjna"),
        *("ltd", "limited", "llc", "llp", "plc", "inc", "incorporated", "corp", "corporation", "pty ltd"),
        *("co ltd", "gmbh", "ggmbh", "mbh", "gmbh co kg", "ohg", "kgaa", "oyj", "osakeyhtiö", "tmi"),
        *("aktiebolag", "aps", "sro", "s r o", "spol s r o", "spol sro", "kft", "zrt", "nyrt", "sarl"),
        *("d o o", "eood", "uab", "jsc", "tnhh", "ctcp", "công ty tnhh", "công ty cổ phần"),
        *("ооо", "оао", "зао", "тов"),
    )
)
# Legal forms that are somebody's surname or initials, too: a company only where they are written as the form is.
_DOUBTFUL_FORMS = frozenset(
    tuple(form.split())
    for form in (
        *("sa", "s a", "sc", "s c", "ag", "kg", "co kg", "ug", "ev", "eg", "ab", "ab publ", "as", "a s"),
        *(
            "oy",
            "ky",
            "ry",
            "hb",
            "kb",
            "se",
            "nv",
            "bv",
            "n v",
            "b v",
            "srl",
            "spa",
            "bt",
            "oü",
            "co",
            "sas",
            "sia",
            "doo",
        ),
    )
)
_WRITTEN_FORM = re.compile(
    r"\s(?:S\.?\s?A|S\.?\s?C|s\.\s?[ac]|AG|KG|UG|e\.\s?[VG]|AB(?:\s\(publ\))?|A/?S|a\.\s?s"
    r"|Oy|OY|K[yY]|r\.?y|HB|KB|SE|[NB]\.?\s?V|S\.?[rR]\.?[lL]|S\.?p\.?A|OÜ|SAS|SIA|d\.?o\.?o)\.?$"
)
_AND_SONS = re.compile(
    r"(?:&|\+|\s(?:and|und|et|i|och|ja))\s*"
    r"(?:sons?|syn|synowie|wspólnicy|söhne|fils|figli|söner|pojat|co|company|partners?|partnerzy|associates)\b"
)
_COMPANY_WORDS = frozenset(
    (
        *("fundacja", "stowarzyszenie", "przedsiębiorstwo", "spółdzielnia", "spółka", "urząd", "uniwersytet"),
        *("politechnika", "szpital", "przychodnia", "kancelaria", "gmina", "starostwo", "ministerstwo"),
        *(
            "hurtownia",
            "firma",
            "zakład",
            "zakłady",
            "biuro",
            "towarzystwo",
            "instytut",
            "phu",
            "fhu",
            "pphu",
        ),
        *("foundation", "association", "university", "institute", "company", "stiftung", "verein", "säätiö"),
        *("yhdistys", "stiftelsen"),
    )
)
_LONGEST_FORM = max(map(len, _FORMS | _DOUBTFUL_FORMS))
_WORDS_OF_FORMS = frozenset(word for form in _FORMS for word in form)
_INSIDE_WORDS = re.compile(r"[.'’`\"„”“]")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in two parts. `last` is empty only when there is no name at all."""

    first: str
    last: str


def split_name(whole: str) -> Name:
    """Split a name into given names and surname; never raises.

    Titles stay in front of the given names; particles, birth names and suffixes belong to the surname. One word and
    a company's name are a surname. Words keep their order, but for "Last, First".
    """
    text = _collapse(whole)
    return _split(text.strip(" ,") or text) if len(text) <= _LONGEST else Name("", text)


@lru_cache(maxsize=16_384)
def _split(text: str) -> Name:
    words = text.split(" ")
    if len(words) == 1 and "," not in text:
        return Name("", text)
    if is_company_name(text):
        return Name("", text)
    if _is_plain(words):
        return Name(" ".join(words[:-1]), words[-1])
    return _split_by_parser(text, words)


def _split_by_parser(text: str, words: list[str]) -> Name:
    starts = [(token.role, token.span.start) for token in _PARSER.parse(text).tokens if token.span]
    families = [start for role, start in starts if role is Role.FAMILY]
    givens = [start for role, start in starts if role is Role.GIVEN]
    comma = text.find(",")
    if families and givens and families[0] < comma < givens[0]:
        surname, _, given = text.partition(",")
        given, _, suffix = given.partition(",")
        titles, surname = surname[: families[0]], surname[families[0] :]
        return Name(join_name(titles, given), join_name(surname, suffix.replace(",", " ")))
    if families:
        # A family name that comes first, as in Chinese, leaves all in the surname: nothing is turned round unasked.
        return _split_before(words, text.count(" ", 0, families[0] + 1))
    named = [start for role, start in starts if role in {Role.GIVEN, Role.MIDDLE}]
    return _split_before(words, text.count(" ", 0, named[-1] + 1) if named else 0)


def _split_before(words: list[str], index: int) -> Name:
    while index and words[index - 1] in _LEXICON.particles:
        index -= 1
    return Name(" ".join(words[:index]), " ".join(words[index:]))


def _is_plain(words: list[str]) -> bool:
    """Whether these are given names and a surname without anything the parser knows of: it would take 300 µs."""
    return all(_PLAIN.fullmatch(word) and not _MEANINGFUL.intersection(_parts(word)) for word in words)


def _parts(word: str) -> list[str]:
    return unicodedata.normalize("NFC", word).lower().replace("’", "-").replace("'", "-").split("-")


def join_name(first: str, last: str) -> str:
    """Join given names and surname, white space collapsed."""
    return _collapse(f"{first} {last}")


def is_company_name(text: str) -> bool:
    """Whether a name shows that it is a company's: by a legal form, "& Sons", or a word such as foundation."""
    text = _collapse(text)
    return bool(_has_company_word(text) or _WRITTEN_FORM.search(text) or _AND_SONS.search(text.casefold()))


def _has_company_word(text: str) -> bool:
    words = _words(text)
    if len(words) < 2:
        return False
    if not _COMPANY_WORDS.isdisjoint(words):
        return True
    return not _WORDS_OF_FORMS.isdisjoint(words) and any(
        tuple(words[start:end]) in _FORMS
        for start in range(len(words))
        for end in range(start + 1, min(len(words), start + _LONGEST_FORM) + 1)
    )


def company_key(name: str) -> str:
    """Give what two writings of one company have in common: small letters, no punctuation, no legal form.

    Empty only for a blank name.
    """
    words = _words(name)
    if not words:
        return _collapse(name).casefold()
    return " ".join(_without_form(words))


def _without_form(words: list[str]) -> list[str]:
    for length in range(min(len(words) - 1, _LONGEST_FORM), 0, -1):
        if tuple(words[-length:]) in _FORMS | _DOUBTFUL_FORMS:
            return _without_form(words[:-length])
        if tuple(words[:length]) in _FORMS:
            return _without_form(words[length:])
    return words


def same_name(a: str, b: str) -> bool:
    """Whether two names are one but for case, white space and the order "Last, First"."""
    return _comparable(a) == _comparable(b)


def _comparable(whole: str) -> str:
    name = split_name(whole)
    text = unicodedata.normalize("NFC", join_name(name.first, name.last).replace(",", " "))
    return _collapse(unicodedata.normalize("NFC", text.casefold()))


def _words(text: str) -> list[str]:
    """The words of a company's name in small letters; full stops inside a word are dropped: "z o.o." is z, oo."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _BETWEEN_WORDS.sub(" ", _INSIDE_WORDS.sub("", folded)).split()


def _collapse(text: str) -> str:
    return " ".join(text.split())
