import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connector.clock import Clock
from connector.errors import Misconfigured, Unauthorised, Unreachable
from connector.pipedrive.credentials import LEASE, Credentials
from connector.pipedrive.records import Tokens
from connector.settings import Settings
from tests.pipedrive.conftest import JumpingClock, Vault

API = "https://acme.pipedrive.com"


@dataclass
class Issuer:
    """A token endpoint that counts; `answers` are given before it works again."""

    url: str = ""
    refreshes: int = 0
    answers: list[web.Response] = field(default_factory=list)

    async def take(self, _: web.Request) -> web.Response:
        if self.answers:
            return self.answers.pop(0)
        self.refreshes += 1
        return web.json_response(
            {
                "access_token": f"fresh{self.refreshes}",
                "refresh_token": "r",
                "expires_in": 3599,
                "api_domain": API,
            }
        )


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = web.Application()
    app.router.add_post("/oauth/token", issuer.take)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("/"))
        yield issuer


def settings_for(issuer: Issuer) -> Settings:
    host = issuer.url.removeprefix("http://").rstrip("/")
    return Settings.model_validate({"pipedrive_oauth_url": issuer.url, "trusted_hosts": (host,)})


def vault(clock: Clock, *, minutes: float = 60) -> Vault:
    return Vault(Tokens("first", "r", clock.now() + timedelta(minutes=minutes), API), clock)


def credentials(store: Vault, session: ClientSession, issuer: Issuer) -> Credentials:
    return Credentials(store, session, store.clock, settings_for(issuer))


def refusal(text: str, status: int = 400) -> web.Response:
    return web.json_response({"success": False, "message": text}, status=status)


async def test_a_fresh_token_is_used_as_it_is(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    keys = credentials(vault(clock), session, issuer)
    access = await keys.access()
    assert access.headers["Authorization"] == "Bearer first"
    assert await keys.access() is access
    assert str(access.url("/api/v2/persons/{id}", "7")) == API + "/api/v2/persons/7"
    assert issuer.refreshes == 0


async def test_a_token_is_renewed_five_minutes_early(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    store = vault(clock)
    keys = credentials(store, session, issuer)
    await keys.access()
    clock.move_to(timedelta(minutes=56))
    assert (await keys.access()).headers["Authorization"] == "Bearer fresh1"
    assert store.tokens.access_token == "fresh1"
    assert store.until is None


async def test_many_tasks_renew_once(clock: JumpingClock, session: ClientSession, issuer: Issuer) -> None:
    keys = credentials(vault(clock, minutes=-1), session, issuer)
    found = await asyncio.gather(*[keys.access() for _ in range(20)])
    assert {access.tokens.access_token for access in found} == {"fresh1"}
    assert issuer.refreshes == 1


@pytest.mark.parametrize("minutes", [-1, 3])
async def test_several_processes_renew_once(
    clock: JumpingClock, session: ClientSession, issuer: Issuer, minutes: float
) -> None:
    store = vault(clock, minutes=minutes)
    processes = [credentials(store, session, issuer) for _ in range(5)]
    found = await asyncio.gather(*[one.access() for one in processes for _ in range(4)])
    assert issuer.refreshes == 1
    allowed = {"fresh1"} if minutes < 0 else {"fresh1", "first"}  # a token that still works need not wait
    assert {access.tokens.access_token for access in found} <= allowed


async def test_a_refused_token_is_renewed_by_one_of_several_processes(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    store = vault(clock)
    processes = [credentials(store, session, issuer) for _ in range(5)]
    held = [await one.access() for one in processes]
    found = await asyncio.gather(*[one.renew(access) for one, access in zip(processes, held, strict=True)])
    assert {access.tokens.access_token for access in found} == {"fresh1"}
    assert issuer.refreshes == 1


async def test_a_lease_left_by_a_dead_process_is_waited_out(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    store = vault(clock, minutes=-1)
    store.until = clock.now() + LEASE
    before = clock.now()
    assert (await credentials(store, session, issuer).access()).tokens.access_token == "fresh1"
    assert timedelta(seconds=29) < clock.now() - before < timedelta(seconds=40)


async def test_an_invalid_grant_is_not_believed_when_the_row_has_moved(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    store = vault(clock, minutes=-1)

    class Overtaken(Vault):
        async def lease_refresh(self, until: datetime) -> bool:
            self.until = until
            return True

        async def load(self) -> Tokens:
            self.leases += 1
            if self.leases < 3:
                return self.tokens
            return replace(self.tokens, access_token="theirs", expires_at=clock.now() + timedelta(hours=1))

    issuer.answers = [refusal("Invalid grant: refresh_token is invalid or already exchanged")]
    other = Overtaken(store.tokens, clock)
    assert (await credentials(other, session, issuer).access()).tokens.access_token == "theirs"
    assert other.dead is None


async def test_an_invalid_grant_is_believed_when_the_row_is_unchanged(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    store = vault(clock, minutes=-1)
    keys = credentials(store, session, issuer)
    issuer.answers = [refusal("Invalid grant: refresh_token is invalid")]
    with pytest.raises(Unauthorised):
        await keys.access()
    assert store.dead
    store.dead = None  # a store that forgets must not make us ask again and again
    with pytest.raises(Unauthorised):
        await keys.access()
    assert issuer.refreshes == 0
    store.tokens = replace(store.tokens, access_token="again", expires_at=clock.now() + timedelta(hours=1))
    assert (await keys.access()).tokens.access_token == "again"


async def test_our_own_bad_secret_costs_no_tenant_its_tokens(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    store = vault(clock, minutes=-1)
    issuer.answers = [refusal("Invalid client: client is invalid")]
    with pytest.raises(Misconfigured):
        await credentials(store, session, issuer).access()
    assert (store.dead, store.tokens.access_token) == (None, "first")


async def test_trouble_keeps_the_tokens_and_the_old_one_in_use_while_it_lives(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    store = vault(clock, minutes=3)
    keys = credentials(store, session, issuer)
    issuer.answers = [refusal("down", 503)]
    assert (await keys.access()).tokens.access_token == "first"
    assert (await keys.access()).tokens.access_token == "first"  # not asked again at once
    clock.move_to(timedelta(seconds=31))
    assert (await keys.access()).tokens.access_token == "fresh1"
    store.tokens = replace(store.tokens, expires_at=clock.now())
    other = credentials(store, session, issuer)
    issuer.answers = [refusal("down", 503)]
    with pytest.raises(Unreachable):
        await other.access()
    assert store.dead is None


async def test_a_personal_token_has_its_own_header_and_no_renewal(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    keys = credentials(Vault(Tokens("mine", None, None, API), clock), session, issuer)
    access = await keys.access()
    assert access.headers["x-api-token"] == "mine"
    assert "Authorization" not in access.headers
    with pytest.raises(Unauthorised):
        await keys.renew(access)


async def test_a_stored_address_is_checked_before_the_token_goes_out(
    clock: JumpingClock, session: ClientSession, issuer: Issuer
) -> None:
    tokens = Tokens("first", "r", clock.now() + timedelta(hours=1), "https://evil.example.com")
    with pytest.raises(Misconfigured):
        await credentials(Vault(tokens, clock), session, issuer).access()
