"""The extension's packages: the same bytes each time, and no more in them than was said."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connector.settings import Settings

EXTENSION = Path(__file__).parents[1] / "browser_extension"
BROWSERS = ("chrome", "firefox")
PIPEDRIVE = ["https://*.pipedrive.com/*"]
FEW = {"storage", "alarms", "identity", "notifications", "contextMenus", "scripting", "activeTab"}


def packed(folder: Path) -> dict[str, Path]:
    """Build and pack both in a folder: the zip of each browser."""
    assert (EXTENSION / "node_modules").is_dir(), "first: make extension"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    here = os.environ | {"PATH": path, "CLICK_TO_CALL_OUT": str(folder)}
    for script in ("build", "pack"):
        subprocess.run(
            ["npm", "run", "--silent", script], cwd=EXTENSION, env=here, check=True, capture_output=True
        )
    return {browser: next(folder.glob(f"*-{browser}.zip")) for browser in BROWSERS}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return packed(tmp_path_factory.mktemp("packages"))


def manifest(package: Path) -> dict[str, Any]:
    with zipfile.ZipFile(package) as files:
        found: dict[str, Any] = json.loads(files.read("manifest.json"))
        return found


def test_the_same_source_gives_the_same_bytes(packages: dict[str, Path], tmp_path: Path) -> None:
    again = packed(tmp_path)
    for browser in BROWSERS:
        assert again[browser].read_bytes() == packages[browser].read_bytes()
        with zipfile.ZipFile(again[browser]) as files:
            assert files.testzip() is None
            assert files.namelist() == sorted(files.namelist())
            assert {one.date_time for one in files.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("browser", BROWSERS)
def test_it_asks_for_few_rights_and_for_sites_only_when_needed(
    packages: dict[str, Path], browser: str
) -> None:
    asked = manifest(packages[browser])
    assert asked["host_permissions"] == PIPEDRIVE
    assert set(asked["permissions"]) == FEW
    assert asked["optional_host_permissions"] == ["https://*/*", "http://*/*"]
    assert not asked.keys() & {"content_scripts", "web_accessible_resources", "externally_connectable"}
    readme = (EXTENSION / "README.md").read_text()
    assert [right for right in (*FEW, *PIPEDRIVE) if f"| `{right}` |" not in readme] == []


def test_the_service_lets_these_extensions_ask(packages: dict[str, Path]) -> None:
    public = base64.b64decode(manifest(packages["chrome"])["key"])
    digits = hashlib.sha256(public).hexdigest()[:32]
    chrome = "".join(chr(ord("a") + int(digit, 16)) for digit in digits)
    firefox = manifest(packages["firefox"])["browser_specific_settings"]["gecko"]["id"]
    assert set(Settings.model_fields["extension_ids"].default) == {chrome, firefox}
