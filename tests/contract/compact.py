"""The vendor's files cut down to what the connector uses: `connector/pipedrive/contract.json`.

`python -m tests.contract.compact` writes that file from the folder named by PIPEDRIVE_OPENAPI_DIR; with `--check` it
exits 1 when the file differs from the vendor's.
"""

import json
import re
import sys

from tests.contract.vendor import ROOT, Json, Object, folder, mapping, operations, sequence

CONTRACT = ROOT / "connector" / "pipedrive" / "contract.json"
# Facts of a schema; the rest is prose, and `default` says nothing about what may be sent.
KEPT = {
    "type", "enum", "format", "nullable", "required", "minimum", "maximum",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
}  # fmt: skip


def schema(raw: Json) -> Object:
    """Keep the facts of an OpenAPI 3.0 schema; `allOf` becomes one object, so that "nothing else" can be said of it."""
    source = mapping(raw)
    result: Object = {key: value for key, value in source.items() if key in KEPT}
    if "properties" in source:
        result["properties"] = {name: schema(item) for name, item in mapping(source["properties"]).items()}
    if "items" in source:
        result["items"] = schema(source["items"])
    if isinstance(extra := source.get("additionalProperties"), dict):
        result["additionalProperties"] = schema(extra)
    elif extra is not None:
        result["additionalProperties"] = extra
    for key in ("oneOf", "anyOf"):
        if key in source:
            result[key] = [schema(item) for item in sequence(source[key])]
    for part in sequence(source.get("allOf")):
        result = _merged(result, schema(part))
    return result


def _merged(one: Object, other: Object) -> Object:
    result = one | other
    if "properties" in one and "properties" in other:
        mine, theirs = mapping(one["properties"]), mapping(other["properties"])
        both: Object = {
            name: _merged(mapping(mine[name]), mapping(theirs[name])) for name in mine.keys() & theirs.keys()
        }
        result["properties"] = mine | theirs | both
    if "required" in one and "required" in other:
        result["required"] = [*sequence(one["required"]), *sequence(other["required"])]
    for key in (one.keys() & other.keys()) - {"properties", "required"}:
        if one[key] != other[key]:
            raise ValueError(f"allOf disagrees with itself on {key}: {one[key]!r:.80} and {other[key]!r:.80}")
    return result


def _parameter(raw: Object) -> Object:
    """A parameter's schema, with the facts that the files only tell in prose: lists with commas, largest values."""
    source = mapping(raw.get("schema"))
    result = schema(source)
    prose = str(raw.get("description") or source.get("description") or "")
    if result.get("type") == "string" and re.search(r"comma.separated", prose, re.IGNORECASE):
        del result["type"]
        items: Object = {"type": "string", "minLength": 1}
        if "enum" in result:
            names = [part for value in sequence(result.pop("enum")) for part in str(value).split(",")]
            items = {"type": "string", "enum": list(dict.fromkeys(names))}
        result |= {"type": "array", "items": items}
        if most := re.search(r"(?:up to|maximum of) (\d+) (?:entity ids|keys)", prose):
            result["maxItems"] = int(most[1])
    elif most := re.search(r"maximum value of (\d+)", prose):
        result["maximum"] = int(most[1])
    return result


def _compact(raw: Object) -> Object:
    parameters = [mapping(item) for item in sequence(raw.get("parameters"))]
    named: dict[str, Object] = {
        place: {str(item["name"]): _parameter(item) for item in parameters if item["in"] == place}
        for place in ("path", "query")
    }
    bodies = mapping(mapping(raw.get("requestBody")).get("content"))
    if len(bodies) > 1:
        raise ValueError(f"several kinds of body: {sorted(bodies)}")
    body_type = next(iter(bodies), None)
    scopes = [
        scope for scheme in sequence(raw.get("security")) for scope in sequence(mapping(scheme).get("oauth2"))
    ]
    return {
        "cost": raw["x-token-cost"],
        "scopes": scopes,
        "path": named["path"],
        "query": named["query"],
        "query_required": [
            item["name"] for item in parameters if item["in"] == "query" and item.get("required")
        ],
        "body": schema(mapping(bodies[body_type])["schema"]) if body_type else None,
        "body_type": body_type,
        "responses": {
            str(status): _answer(mapping(answer)) for status, answer in mapping(raw["responses"]).items()
        },
    }


def _answer(raw: Object) -> Json:
    content = mapping(mapping(raw.get("content")).get("application/json"))
    return schema(content["schema"]) if "schema" in content else None


def compact(read: Object) -> Object:
    """Cut what `operations` read down to the contract."""
    return {
        "version": 1,
        "sources": read["sources"],
        "operations": {
            key: _compact(mapping(raw)) for key, raw in sorted(mapping(read["operations"]).items())
        },
    }


def text(contract: Object) -> str:
    """Write the contract minified, keys sorted, one operation a line."""

    def line(value: Json) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    lines = ",\n".join(f"{line(key)}:{line(value)}" for key, value in mapping(contract["operations"]).items())
    version, sources = line(contract["version"]), line(contract["sources"])
    return f'{{"version":{version},\n"sources":{sources},\n"operations":{{\n{lines}\n}}}}\n'


def main(arguments: list[str]) -> int:
    """Write the contract, or with `--check` compare it."""
    source = folder()
    if source is None:
        print(
            "PIPEDRIVE_OPENAPI_DIR must name the folder of openapi-v1.yaml and openapi-v2.yaml",
            file=sys.stderr,
        )
        return 2
    wanted = text(compact(operations(source)))
    if "--check" not in arguments:
        CONTRACT.write_text(wanted)
        return 0
    if CONTRACT.is_file() and CONTRACT.read_text() == wanted:
        return 0
    print(f"{CONTRACT.relative_to(ROOT)} differs from the vendor's files", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
