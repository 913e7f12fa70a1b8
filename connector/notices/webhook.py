"""A signed JSON message to a web address that an administrator chose: never into our own network, and never elsewhere."""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import Collection, Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from connector.notices import Failure, Undelivered

#: Its value is `t=SECONDS,v1=HEX`: HMAC-SHA-256 with the installation's secret of `SECONDS.BODY`.
SIGNATURE = "X-Connector-Signature"
_TIMEOUT_S = 10
_NAT64 = IPv6Network("64:ff9b::/96")
#: All that is given out of IPv6: the rest may be wrapped or routed by whatever a network agreed on for itself.
_GIVEN_OUT = IPv6Network("2000::/3")


def signature(secret: str, at: int, body: bytes) -> str:
    """What proves that `body` is ours and was sent at that time (seconds of the epoch)."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256")
    return f"t={at},v1={mac.hexdigest()}"


async def post(
    url: str, message: Mapping[str, object], *, secret: str, at: int, trusted: Collection[str]
) -> None:
    """Deliver a message once; anything but a success is Undelivered. `trusted` are `host:port` pairs that may be private.

    The address that was looked up and checked is the one that is connected to; redirects are not followed, and what is
    answered is not read.
    """
    target = URL(url)
    host, port = target.host or "", target.port or 0
    is_trusted = f"{host}:{port}" in trusted
    if target.scheme != "https" and not is_trusted:
        raise Undelivered(Failure.NOT_HTTPS)
    addresses = await _look_up(host, port)
    if not is_trusted and not all(map(_is_public, addresses)):
        raise Undelivered(Failure.PRIVATE)
    body = orjson.dumps(message)
    headers = {"Content-Type": "application/json", SIGNATURE: signature(secret, at, body)}
    connector = TCPConnector(resolver=_Known(addresses), use_dns_cache=False)
    try:
        async with (
            ClientSession(
                connector=connector, cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=_TIMEOUT_S)
            ) as session,
            session.post(target, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            status = answer.status
            answer.close()
    except (ClientError, TimeoutError, OSError, ValueError) as error:
        raise Undelivered(Failure.UNREACHABLE) from error
    if 300 <= status < 400:
        raise Undelivered(Failure.REDIRECT, str(status))
    if status >= 400:
        raise Undelivered(Failure.REFUSED, str(status))


async def _look_up(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise Undelivered(Failure.UNREACHABLE) from error
    return [ip_address(str(address[0]).partition("%")[0]) for *_, address in found]


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address, and one that is wrapped in it, is of the public internet."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address not in _GIVEN_OUT:
            return False
    return address.is_global and not address.is_multicast


class _Known(AbstractResolver):
    """Answers the addresses that were checked, and nothing else."""

    def __init__(self, addresses: Collection[IPv4Address | IPv6Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The same for whatever host: only one is ever asked for."""
        return [
            ResolveResult(
                hostname=host, host=str(address), port=port, flags=socket.AI_NUMERICHOST, proto=0,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
            )
            for address in self._addresses
            if family in (socket.AF_UNSPEC, socket.AF_INET if address.version == 4 else socket.AF_INET6)
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is held."""
