"""The vendor's two OpenAPI files: the operations that the connector uses, word for word.

They are `openapi-v1.yaml` and `openapi-v2.yaml` in the folder named by PIPEDRIVE_OPENAPI_DIR.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import yaml

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Object: TypeAlias = dict[str, Json]

ROOT = Path(__file__).parents[2]

RECORDS = "persons|organizations|deals|activities"
USED = {
    "openapi-v1.yaml": (
        r"GET /(users|users/me|userSettings)",
        r"(GET|POST) /(activityTypes|webhooks)",
        r"DELETE /webhooks/\{id\}",
        r"PUT /(persons|organizations|deals)/\{id\}/merge",
        r"GET /oauth/authorize",
        r"POST /oauth/token/?",
    ),
    "openapi-v2.yaml": (
        rf"(GET|POST) /({RECORDS})",
        rf"(GET|PATCH|DELETE) /({RECORDS})/\{{id\}}",
        r"GET /(persons|organizations|deals)/search",
        r"GET /deals/archived",
        r"GET /(pipelines|stages)(/\{id\})?",
        r"(GET|POST) /(person|organization|deal)Fields",
        r"(GET|PATCH|DELETE) /(person|organization|deal)Fields/\{field_code\}",
        r"GET /itemSearch(/field)?",
    ),
}
PREFIX = {"openapi-v1.yaml": "/api/v1", "openapi-v2.yaml": "/api/v2"}
METHODS = ("get", "post", "put", "patch", "delete")


class _Loader(yaml.CSafeLoader):
    """Leaves dates as the text they are."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def mapping(value: Json) -> Object:
    """Give `value` as an object; nothing counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {value!r:.80}")
    return value


def sequence(value: Json) -> list[Json]:
    """Give `value` as a list; nothing counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {value!r:.80}")
    return value


def folder() -> Path | None:
    """Where the vendor's files are, or None when PIPEDRIVE_OPENAPI_DIR is not set."""
    name = os.environ.get("PIPEDRIVE_OPENAPI_DIR")
    return Path(name) if name else None


def operations(source: Path) -> Object:
    """Read the operations we use, word for word: `{"sources": {file: version}, "operations": {"GET /api/v2/x": …}}`.

    Parsing takes seconds, so what was read is kept beside pytest's cache, keyed by the files' times and sizes.
    """
    stats = [(name, (source / name).stat()) for name in USED]
    key = json.dumps([[name, stat.st_mtime_ns, stat.st_size] for name, stat in stats])
    digest = hashlib.sha256(key.encode() + Path(__file__).read_bytes()).hexdigest()[:20]
    cached = ROOT / ".pytest_cache" / f"pipedrive-openapi-{digest}.json"
    if cached.is_file():
        return mapping(json.loads(cached.read_bytes()))
    sources: Object = {}
    found: Object = {}
    for name in USED:
        # A safe loader: it builds plain values only.
        document = mapping(yaml.load((source / name).read_bytes(), Loader=_Loader))  # noqa: S506
        sources[name] = mapping(document["info"])["version"]
        found |= dict(_used(name, document))
    read: Object = {"sources": sources, "operations": found}
    cached.parent.mkdir(exist_ok=True)
    part = cached.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(read))
    part.replace(cached)
    return read


def _used(name: str, document: Object) -> Iterator[tuple[str, Json]]:
    wanted = [re.compile(pattern) for pattern in USED[name]]
    met = set()
    for path, item in mapping(document["paths"]).items():
        for method in METHODS:
            operation = mapping(item).get(method)
            key = f"{method.upper()} {path}"
            hits = [pattern for pattern in wanted if operation is not None and pattern.fullmatch(key)]
            if hits:
                met.update(hits)
                prefix = "" if path.startswith("/oauth/") else PREFIX[name]
                yield f"{method.upper()} {prefix}{path}", _resolve(operation, document)
    if missing := [pattern.pattern for pattern in wanted if pattern not in met]:
        raise ValueError(f"{name} no longer has {missing}")


def _resolve(value: Json, document: Object) -> Json:
    """Write every `$ref` out."""
    if isinstance(value, list):
        return [_resolve(item, document) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        target: Json = document
        for step in reference.removeprefix("#/").split("/"):
            target = mapping(target)[step.replace("~1", "/").replace("~0", "~")]
        return _resolve(target, document)
    return {key: _resolve(item, document) for key, item in value.items()}
