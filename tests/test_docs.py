"""The documents say what the code has: nothing undocumented, nothing invented, no dead link."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from connector import errors
from connector.__main__ import parser
from connector.centres import CENTRES
from connector.contact_settings import FieldMapping, Scope
from connector.installation_settings import InstallationSettings
from connector.metrics import Metrics
from connector.serving import build_web
from connector.settings import Settings
from connector.store.entries import State
from tests.serving import Served

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
VARIABLES = {f"CONNECTOR_{name.upper()}": field for name, field in Settings.model_fields.items()}

# Parts that stand in several places are described once.
SHARED_PARTS: dict[type, str] = {Scope: "scope.", FieldMapping: "field."}
ANYTHING = TypeAdapter[object](object)

# Written with brackets, so that this file does not match itself.
OF_ELSEWHERE = re.compile(
    r"(?<![A-Za-z])/(?:wor[k]|far[m])/|pythonhoste[d]\.|npmj[s]\.|deb\.debia[n]\.|\bshared/(?:desig[n]|referenc[e]|hook[s]|tool[s])\b"
)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"`((?:connector|tests|docs|requirements)/[\w./-]*)`")


def _tracked() -> list[Path]:
    """The files of the project: what git knows, or where there is no git, all but what tools leave behind."""
    left_behind = {".git", ".venv", "node_modules", "__pycache__", "build", "dist", "data"}
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        files = (path for path in ROOT.rglob("*") if path.is_file())
        kept = (path for path in files if not left_behind & set(path.relative_to(ROOT).parts))
        return [path for path in kept if not path.relative_to(ROOT).parts[0].endswith("_cache")]
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


TRACKED = _tracked()
PAGES = [path for path in TRACKED if path.suffix == ".md"]
named_by_path = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _rows(page: str) -> dict[str, list[str]]:
    """Rows of the page's tables by their first cell, code marks taken off; a bar in code is written as `\\|`."""
    rows = (line for line in page.splitlines() if line.startswith("| "))
    cells = ([cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows)
    return {row[0].strip("`"): row[1:] for row in cells}


def _text(value: object) -> str:
    """A default as it is written in a `.env` file."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


# settings


def test_every_variable_stands_in_the_table_with_its_default() -> None:
    rows = {
        name: row for name, row in _rows(_read("docs/settings.md")).items() if name.startswith("CONNECTOR_")
    }
    defaults = {name: _text(field.default) for name, field in VARIABLES.items()}
    assert {name: row[0].strip("`").replace("empty", "") for name, row in rows.items()} == defaults
    assert all(row[1] for row in rows.values())


def test_the_example_file_has_every_variable_and_no_other() -> None:
    lines = re.findall(r"^#?(CONNECTOR_\w+)=(.*)$", _read(".env.example"), re.MULTILINE)
    assert len(lines) == len(dict(lines))
    assert dict(lines) == {name: _text(field.default) for name, field in VARIABLES.items()}


def test_the_example_file_can_be_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    uncommented = tmp_path / "settings"
    uncommented.write_text(_read(".env.example").replace("#CONNECTOR_", "CONNECTOR_"), encoding="utf-8")
    assert Settings(_env_file=uncommented) == Settings(_env_file=None)


@named_by_path
def test_no_page_names_a_variable_that_does_not_exist(page: Path) -> None:
    named = set(re.findall(r"\bCONNECTOR_[A-Z_]+\b", page.read_text(encoding="utf-8")))
    assert named - VARIABLES.keys() - {"CONNECTOR_TEST_LONG"} == set()


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        yield from _keys_of(f"{prefix}{name}", field)


def _keys_of(name: str, field: FieldInfo) -> Iterator[tuple[str, FieldInfo]]:
    kind = field.annotation
    if inspect.isclass(kind) and get_origin(kind) is None and issubclass(kind, BaseModel):
        yield from _keys(kind, f"{name}.")
        return
    yield name, field
    for part in get_args(kind):
        if inspect.isclass(part) and issubclass(part, BaseModel):
            yield from _keys(part, SHARED_PARTS.get(part, f"{name}[]."))


def test_every_key_of_the_document_stands_in_the_table_with_its_default() -> None:
    expected = {
        name: "required"
        if field.is_required()
        else json.loads(ANYTHING.dump_json(field.default, exclude_defaults=True))
        for name, field in _keys(InstallationSettings)
    }
    page = _read("docs/settings.md").partition("## An installation")[2]
    rows = {
        name: row[0].strip("`")
        for name, row in _rows(page).items()
        if re.match(r"[a-z]", name) and name != "key"
    }
    assert {
        name: default if default == "required" else json.loads(default) for name, default in rows.items()
    } == expected


def test_the_documents_shown_are_valid_and_the_first_shows_the_defaults() -> None:
    shown = re.findall(r"^```json\n(.*?)^```$", _read("docs/settings.md"), re.MULTILINE | re.DOTALL)
    assert json.loads(shown[0]) == InstallationSettings().model_dump(mode="json")
    for document in shown:
        InstallationSettings.model_validate_json(document)


# what a proxy lets through


async def test_every_address_but_health_and_metrics_passes_the_proxy_of_the_readme(open_: Served) -> None:
    named = re.findall(r"^ +location (~ )?(\S{2,}) \{$", _read("README.md"), re.MULTILINE)
    passing = [re.compile(place if is_pattern else re.escape(place)) for is_pattern, place in named]
    router = build_web(open_.service, open_.jobs).router
    paths = {re.sub(r"\{\w+\}", "one", resource.canonical) for resource in router.resources()}
    shut = {path for path in paths if not any(place.match(path) for place in passing)}
    assert {path.split("/")[1] for path in shut} == {"health", "metrics"}


# errors, adapters, metrics, states


def test_every_error_has_a_row() -> None:
    tree = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.ConnectorError)
    }
    rows = _rows(_read("docs/troubleshooting.md").partition("## Errors by name")[2])
    assert rows.keys() - {"error", "---"} == tree


@pytest.mark.parametrize("name", CENTRES)
def test_every_contact_centre_is_described(name: str) -> None:
    folder = ROOT / "connector" / "centres" / name
    assert {path.name for path in folder.iterdir()} >= {"README.md", "quality.yaml"}
    for page in ("README.md", "docs/vendors.md"):
        assert f"connector/centres/{name}" in _read(page)


def test_every_metric_has_a_row() -> None:
    families = Metrics().registry.collect()
    shown = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    rows = _rows(_read("docs/operations.md"))
    assert {name for name in rows if name.startswith("connector_")} == shown


@pytest.mark.parametrize("state", State)
def test_every_state_of_an_entry_is_explained(state: State) -> None:
    assert state in _rows(_read("docs/architecture.md"))
    assert state in {word.strip("*") for word in _rows(_read("docs/glossary.md"))}


# the command line


def _verbs() -> Iterator[str]:
    """Every verb with its words and options, as a person would type them."""
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                choices = [c for a in sub._actions if a.dest == "action" for c in (a.choices or ())]
                yield from ([f"{name} {choice}" for choice in choices] or [name])
                yield from (o for a in sub._actions for o in a.option_strings if o.startswith("--"))
        else:
            yield from (option for option in action.option_strings if option.startswith("--"))


@pytest.mark.parametrize("words", sorted({*_verbs()} - {"--help"}))
def test_every_verb_and_option_is_described(words: str) -> None:
    page = _read("docs/command-line.md")
    assert words in page if words.startswith("--") else f"`connector {words}" in page


@named_by_path
def test_no_page_names_a_verb_or_target_that_does_not_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    verbs = {words.split()[0] for words in _verbs()}
    named = set(re.findall(r"(?:`|^|bin/)connector ([a-z-]+)\b", text, re.MULTILINE))
    assert named <= verbs
    targets = set(re.findall(r"^([a-z-]+):", _read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets


# decisions, links, paths


def test_decisions_are_numbered_listed_and_whole() -> None:
    files = sorted((DOCS / "adr").glob("*.md"))
    assert [path.name[:4] for path in files] == [f"{number:03}-" for number in range(1, len(files) + 1)]
    listed = re.findall(r"^- \[(.+?)\]\(adr/(.+?)\)$", _read("docs/architecture.md"), re.MULTILINE)
    assert [name for _, name in listed] == [path.name for path in files]
    for (title, _), path in zip(listed, files, strict=True):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {title}\n")
        assert re.findall(r"^\*\*(\w+)\.\*\* \w", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
        ]


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@named_by_path
def test_no_link_is_dead(page: Path) -> None:
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        address, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / address).resolve() if address else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    assert dead == []


@named_by_path
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    gone = [path for path in PATH.findall(page.read_text(encoding="utf-8")) if not (ROOT / path).exists()]
    assert gone == []


def test_every_part_of_the_package_has_a_place_in_the_architecture() -> None:
    page = _read("docs/architecture.md")
    package = ROOT / "connector"
    folders = {f"connector/{p.name}/" for p in package.iterdir() if (p / "__init__.py").is_file()}
    files = {f"connector/{path.name}" for path in package.glob("*.py") if path.name != "__init__.py"}
    flows = {
        f"connector/flows/{path.name}" for path in package.glob("flows/*.py") if path.name != "__init__.py"
    }
    assert {part for part in folders | files | flows if part not in page} == set()


def test_every_page_can_be_found_from_the_readme() -> None:
    linked = set(LINK.findall(_read("README.md")))
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} <= linked


def test_nothing_names_the_place_it_was_made_in() -> None:
    found = []
    for path in TRACKED:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in OF_ELSEWHERE.finditer(text)]
    assert found == []
