import json
import os

import pytest

from tests.contract import vendor
from tests.contract.compact import CONTRACT, compact, schema, text
from tests.contract.vendor import mapping


def test_the_build_has_the_vendors_files() -> None:
    source = vendor.folder()
    if os.environ.get("CI") == "true":
        assert source is not None, "PIPEDRIVE_OPENAPI_DIR is not set"
    if source is not None:
        for name in vendor.USED:
            assert (source / name).is_file(), f"PIPEDRIVE_OPENAPI_DIR has no {name}"


def test_the_committed_contract_is_the_vendors() -> None:
    committed = CONTRACT.read_text()
    source = vendor.folder()
    if source is not None:
        assert committed == text(compact(vendor.operations(source))), "run python -m tests.contract.compact"
    contract = mapping(json.loads(committed))
    assert committed == text(contract)
    assert contract["version"] == 1
    assert mapping(contract["sources"]).keys() == vendor.USED.keys()
    for key, value in mapping(contract["operations"]).items():
        operation = mapping(value)
        assert isinstance(operation["cost"], int), key
        assert mapping(operation["responses"]), key
        assert key.startswith(("GET ", "POST ", "PUT ", "PATCH ", "DELETE ")), key


def test_the_contract_tells_what_calls_cost() -> None:
    operations = mapping(json.loads(CONTRACT.read_text())["operations"])
    costs = {key: mapping(value)["cost"] for key, value in operations.items()}

    assert costs["POST /api/v2/activities"] == 5
    assert costs["GET /api/v2/persons"] == 10
    assert costs["GET /api/v2/persons/search"] == 20
    assert costs["PUT /api/v1/persons/{id}/merge"] == 40
    assert costs["GET /api/v1/users/me"] == 2
    assert costs["POST /oauth/token"] == 0


def test_parts_of_all_of_become_one_object() -> None:
    merged = schema(
        {
            "title": "Deal",
            "allOf": [
                {
                    "type": "object",
                    "properties": {"title": {"type": "string", "title": "x"}},
                    "required": ["title"],
                },
                {
                    "type": "object",
                    "properties": {"id": {"type": "integer", "description": "y"}},
                    "required": ["id"],
                },
            ],
        }
    )
    assert merged == {
        "type": "object",
        "properties": {"title": {"type": "string"}, "id": {"type": "integer"}},
        "required": ["title", "id"],
    }


def test_the_files_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source = vendor.folder()
    if source is None:
        return
    first = vendor.operations(source)
    monkeypatch.setattr("yaml.load", None)
    assert vendor.operations(source) == first
