"""Signed messages to a web address, and the addresses that they never go to."""

from __future__ import annotations

import hmac

import orjson
import pytest

from connector.notices import Failure, Undelivered
from connector.notices.webhook import SIGNATURE, post
from tests.mailbox import receiver

MESSAGE = {"version": 1, "kind": "access"}


async def test_a_message_arrives_with_a_signature_that_the_receiver_can_check() -> None:
    async with receiver() as there:
        await post(there.url, MESSAGE, secret="shared", at=1_790_000_000, trusted=[there.host])
        ((headers, body),) = there.posts
    assert orjson.loads(body) == MESSAGE
    at, _, mac = headers[SIGNATURE].partition(",v1=")
    assert at == "t=1790000000"
    assert mac == hmac.new(b"shared", b"1790000000." + body, "sha256").hexdigest()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/a", "https://127.1/a", "https://2130706433/a", "https://0x7f.0.0.1/a", "https://0.0.0.0/a",
        "https://10.0.0.1/a", "https://192.168.1.1/a", "https://172.16.0.1/a", "https://169.254.169.254/a",
        "https://100.64.0.1/a", "https://224.0.0.1/a", "https://[::1]/a", "https://[::]/a", "https://[fe80::1]/a",
        "https://[fd00::1]/a", "https://[::ffff:127.0.0.1]/a", "https://[64:ff9b::7f00:1]/a",
        "https://[2002:7f00:1::]/a", "https://localhost/a", "https://[64:ff9b:1::7f00:1]/a",
        "https://[::127.0.0.1]/a", "https://[fec0::1]/a",
    ],
)  # fmt: skip
async def test_no_message_goes_into_our_own_network(url: str) -> None:
    with pytest.raises(Undelivered) as said:
        await post(url, MESSAGE, secret="shared", at=0, trusted=["127.0.0.1:8080"])
    assert said.value.failure is Failure.PRIVATE


async def test_a_redirect_is_not_followed() -> None:
    async with receiver() as there:
        there.status = 302
        with pytest.raises(Undelivered) as said:
            await post(there.url, MESSAGE, secret="shared", at=0, trusted=[there.host])
        assert len(there.posts) == 1
    assert (said.value.failure, said.value.detail) == (Failure.REDIRECT, "302")


async def test_what_is_not_taken_or_not_reached_is_said() -> None:
    async with receiver() as there:
        there.status = 503
        with pytest.raises(Undelivered) as refused:
            await post(there.url, MESSAGE, secret="shared", at=0, trusted=[there.host])
        with pytest.raises(Undelivered) as in_clear:
            await post("http://alerts.example.com/a", MESSAGE, secret="shared", at=0, trusted=[there.host])
    with pytest.raises(Undelivered) as gone:
        await post(there.url, MESSAGE, secret="shared", at=0, trusted=[there.host])
    assert (refused.value.failure, refused.value.detail) == (Failure.REFUSED, "503")
    assert in_clear.value.failure is Failure.NOT_HTTPS
    assert gone.value.failure is Failure.UNREACHABLE
