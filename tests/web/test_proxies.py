"""Whose request it is when a proxy stands in front, and what that proxy lets through."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.clock import Clock
from connector.settings import Settings
from connector.web.middleware import caller
from tests.web.conftest import Open, Site, install_routes

LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "::1/128")))
OURS = (*LOOPBACK, ip_network("10.0.0.0/8"))
GUEST = "203.0.113.7"


@pytest.mark.parametrize(
    ("remote", "forwarded", "told"),
    [
        (GUEST, [], GUEST),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [GUEST], GUEST),
        ("::1", [GUEST], GUEST),
        ("::ffff:127.0.0.1", [GUEST], GUEST),
        ("127.0.0.1", [f"192.0.2.1, {GUEST}"], GUEST),
        ("127.0.0.1", ["192.0.2.1", GUEST], GUEST),
        ("127.0.0.1", [f"192.0.2.1, {GUEST},10.0.0.9"], GUEST),
        ("127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["10.0.0.8, 10.0.0.9"], "10.0.0.8"),
        (GUEST, ["192.0.2.1"], GUEST),
        ("127.0.0.1", [f"{GUEST}, unknown"], "unknown"),
        ("127.0.0.1", [""], ""),
        ("", [GUEST], ""),
    ],
)
def test_the_caller_is_the_last_address_that_is_no_proxy_of_ours(
    remote: str, forwarded: list[str], told: str
) -> None:
    assert caller(remote, forwarded, OURS) == told


async def knock(site: Site, address: str, times: int = 1) -> list[int]:
    return [(await site.get("/install", **{"X-Forwarded-For": address})).status for _ in range(times)]


async def test_behind_a_proxy_one_stranger_does_not_use_up_anothers_attempts(open_site: Open) -> None:
    site = await open_site()
    assert await knock(site, GUEST, 31) == [302] * 30 + [429]
    assert await knock(site, f"192.0.2.99, {GUEST}") == [429]
    assert await knock(site, "192.0.2.1") == [302]


async def test_a_stranger_without_a_proxy_cannot_pretend_to_be_many(open_site: Open) -> None:
    settings = Settings(
        _env_file=None,
        pipedrive_client_id="c",
        pipedrive_client_secret=SecretStr("s"),
        trusted_proxies=(),
    )
    site = await open_site(settings)
    statuses = [status for n in range(31) for status in await knock(site, f"192.0.2.{n}")]
    assert statuses == [302] * 30 + [429]


def passes(path: str) -> bool:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"^ +location ~ (\S+) \{$", readme, re.MULTILINE)
    return re.search(pattern, path) is not None


@pytest.mark.parametrize(
    "path",
    [
        "/", "/install", "/install/code", "/console", "/console/7/events", "/look", "/oauth/callback", "/static/0a1b2c3d4e5f/page.css",
        "/hooks/pipedrive/a-secret_path", "/hooks/centre/a-secret_path",
    ],
)  # fmt: skip
def test_the_readmes_proxy_lets_through_what_browsers_and_vendors_need(path: str) -> None:
    assert passes(path)


@pytest.mark.parametrize("path", ["/metrics", "/health/ready", "/health/live", "/_clock", "/install/x", "/x"])
def test_the_readmes_proxy_keeps_everything_else_inside(path: str) -> None:
    assert not passes(path)


def test_the_readmes_proxy_knows_every_page() -> None:
    table = install_routes(Settings(_env_file=None), Clock())
    paths = [route.path for route in table if hasattr(route, "path")]
    assert len(paths) >= 6
    assert [path for path in paths if not passes(path)] == []
