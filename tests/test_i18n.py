"""Both languages are complete: each sentence in the code stands in the Polish catalogue, and the other way round."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from connector.i18n import CATALOGUES, preferred, translator

ROOT = Path(__file__).parent.parent / "connector"
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def in_code(path: Path) -> Iterator[str]:
    """What `_("…")` says in a Python file; by its syntax tree, since tokenisers do not see into f-strings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            (sentence,) = node.args
            assert isinstance(sentence, ast.Constant), (
                f"{path}:{node.lineno} translates what is not a literal"
            )
            assert isinstance(sentence.value, str)
            yield sentence.value


def in_template(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for line, _, sentence, _ in babel_extract(file, ["_"], [], {"silent": "false"}):
            assert isinstance(sentence, str), f"{path}:{line} translates what is not a literal"
            yield sentence


def said() -> set[str]:
    """Every sentence the service can say to a person in their language."""
    code = (s for path in ROOT.rglob("*.py") if "sandbox" not in path.parts for s in in_code(path))
    pages = (s for path in (ROOT / "web" / "templates").rglob("*.html") for s in in_template(path))
    return {*code, *pages}


@pytest.fixture
def polish() -> Catalog:
    with (CATALOGUES / "pl.po").open("rb") as file:
        return read_po(file, locale="pl", abort_invalid=True)


def test_the_polish_catalogue_has_each_sentence_and_no_other(polish: Catalog) -> None:
    known = {message.id for message in polish if message.id}
    assert said() - known == set(), "sentences without a Polish translation"
    assert known - said() == set(), "translations of sentences nobody says"


def test_every_translation_is_final_and_keeps_its_placeholders(polish: Catalog) -> None:
    for message in polish:
        if not message.id:
            continue
        assert isinstance(message.id, str)
        assert isinstance(message.string, str)
        assert message.string, message.id
        assert not message.fuzzy, message.id
        assert set(PLACEHOLDER.findall(message.id)) == set(PLACEHOLDER.findall(message.string)), message.id


def test_activities_use_the_words_of_the_contact_centre_in_polish() -> None:
    _ = translator("pl")
    assert _("Inbound call") == "Połączenie przychodzące"
    assert _("Outbound call") == "Połączenie wychodzące"
    assert [_("answered"), _("failed"), _("abandoned")] == ["odebrane", "nieudane", "porzucone"]
    assert [_("Queue"), _("Talk time"), _("Excerpt")] == ["Kolejka", "Czas rozmowy", "Fragment treści"]


def test_an_unknown_language_speaks_english() -> None:
    assert translator("xx")("Queue") == "Queue"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("pl", "pl"),
        ("pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("en-GB,en;q=0.9,pl;q=0.5", "en"),
        ("de-DE, pl;q=0.7, en;q=0.3", "pl"),
        ("de", "en"),
        ("pl;q=zero, en;q=0.1", "en"),
        ("pl, en", "pl"),
        ("pl;q=0", "en"),
        ("*", "en"),
        (",;q=,", "en"),
    ],
)
def test_the_language_is_the_one_the_browser_prefers(header: str | None, language: str) -> None:
    assert preferred(header) == language


def test_no_page_breaks_the_word_e_mail_at_its_hyphen(polish: Catalog) -> None:
    pages = {s for path in (ROOT / "web" / "templates").rglob("*.html") for s in in_template(path)}
    translated = {str(message.string) for message in polish if message.id in pages}
    assert [s for s in sorted(pages | translated) if "e-mail" in s.lower()] == []
