"""The verbs about who may come in: each, in this process, on real sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from yarl import URL

from connector.clock import Clock
from connector.sandbox.thulium.app import Config
from connector.store.access import Access, Who
from connector.store.database import Database
from connector.store.devices import Devices
from tests.line import CONNECT, Line
from tests.world import World, open_world


@pytest.fixture
async def line(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    line = Line(world, monkeypatch, capsys)
    await line.set_up()
    return line


async def invited(world: World, address: str) -> Who | None:
    """Whom an invitation is for."""
    db = Database(f"sqlite:///{world.database}")
    try:
        return await Access(db, Clock()).use_code(URL(address).fragment, purpose="invitation")
    finally:
        await db.close()


async def key_owner(world: World, key: str) -> tuple[str, str] | None:
    db = Database(f"sqlite:///{world.database}")
    try:
        return await Access(db, Clock()).key_owner(key)
    finally:
        await db.close()


async def agents(world: World, *rows: dict[str, object]) -> None:
    await world.seed_centre(agents=list(rows))


MARTA: dict[str, object] = {
    "login": "marta",
    "name": "Marta",
    "surname": "Lis",
    "email": "marta.lis@example.com",
}


# invite


@pytest.mark.parametrize("named", ["marta", "MARTA", "marta.lis@example.com", " Marta.Lis@Example.com "])
async def test_an_agent_is_invited_by_login_or_address(line: Line, world: World, named: str) -> None:
    await agents(world, MARTA)
    status, answer, _ = await line("invite", "--agent", named, public_url="https://connector.example.com")
    assert status == 0
    assert (answer["name"], answer["agent"], answer["user"]) == ("Marta Lis", "thulium:demo/marta", None)
    assert answer["address"].startswith("https://connector.example.com/embed/invitation#")
    until = datetime.fromisoformat(answer["until"]) - datetime.now(UTC)
    assert timedelta(hours=71) < until <= timedelta(hours=72)
    who = await invited(world, answer["address"])
    assert who == Who(answer["installation"], None, "thulium:demo/marta", "Marta Lis")
    assert await invited(world, answer["address"]) is None


async def test_somebody_is_invited_as_an_administrator(line: Line, world: World) -> None:
    await agents(world, MARTA)
    _, answer, _ = await line("invite", "--agent", "marta", "--admin")
    who = await invited(world, answer["address"])
    assert (answer["admin"], who is not None and who.is_admin) == (True, True)
    _, answer, _ = await line("invite", "--agent", "marta")
    who = await invited(world, answer["address"])
    assert (answer["admin"], who is not None and who.is_admin) == (False, False)


async def test_who_has_a_pipedrive_user_is_an_administrator_only_where_pipedrive_says_so(
    line: Line, world: World
) -> None:
    await agents(world, MARTA | {"email": "anna.ges@example.com"})
    status, _, said = await line("invite", "--agent", "marta", "--admin")
    assert (status, "is no administrator of Pipedrive" in said) == (2, True)


async def test_an_agent_is_a_pipedrive_user_by_address_or_by_the_settings(line: Line, world: World) -> None:
    await agents(world, MARTA | {"email": "Anna.Ges@example.com"})
    users = {user["email"]: user["id"] for user in (await line("users"))[1]["users"]}
    _, answer, _ = await line("invite", "--agent", "marta", "--hours", "1")
    assert answer["user"] == users["anna.ges@example.com"]
    _, document, _ = await line("settings", "show")
    chosen = document | {"agent_users": {"marta": users["michal.cwik@example.com"]}}
    assert (await line("settings", "set", given=orjson.dumps(chosen).decode()))[0] == 0
    _, answer, _ = await line("invite", "--agent", "marta")
    assert answer["user"] == users["michal.cwik@example.com"]


async def test_who_is_no_agent_may_be_a_user_of_pipedrive(line: Line, world: World) -> None:
    await agents(world, MARTA)
    status, answer, _ = await line("invite", "--agent", "lucja.zak@example.com")
    assert (status, answer["agent"], answer["name"]) == (0, None, "Łucja Żak")
    who = await invited(world, answer["address"])
    assert who is not None
    assert who.user_id == answer["user"]
    status, _, said = await line("invite", "--agent", "lucja.zak@example.com", "--connection", "thulium:demo")
    assert status == 2
    assert "Nobody is called" in said


async def test_nobody_and_who_has_left_are_not_invited(line: Line, world: World) -> None:
    await agents(world, MARTA | {"active": False})
    status, _, said = await line("invite", "--agent", "marta")
    assert (status, "no active agent any more" in said) == (2, True)
    status, _, said = await line("invite", "--agent", "nobody@example.com")
    assert (status, "Nobody is called 'nobody@example.com'" in said) == (2, True)
    assert "connector users lists them" in said
    status, _, said = await line("invite", "--agent", "marta", "--connection", "thulium:other")
    assert (status, "There are: thulium:demo." in said) == (2, True)
    await agents(world, {"login": "silent", "name": "No", "surname": "Address"})
    status, _, said = await line("invite", "--agent", " ")
    assert (status, "Nobody is called" in said) == (2, True)


async def test_of_two_agents_with_one_address_nobody_is_guessed(line: Line, world: World) -> None:
    await agents(world, MARTA, MARTA | {"login": "marta2"})
    status, _, said = await line("invite", "--agent", "marta.lis@example.com")
    assert status == 2
    assert "marta in thulium:demo, marta2 in thulium:demo" in said
    assert (await line("invite", "--agent", "marta2"))[1]["agent"] == "thulium:demo/marta2"


async def test_a_login_that_two_contact_centres_have_needs_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    second = tuple("second" if word == "demo" else word for word in CONNECT)
    async with open_world(tmp_path, thulium=Config(systems=("demo", "second"))) as world:
        line = Line(world, monkeypatch, capsys)
        await line.set_up()
        assert (await line(*second, given="demo-password\n"))[0] == 0
        status, _, said = await line("invite", "--agent", "anna.nowak")
        assert (status, "Give a login and --connection" in said) == (2, True)
        _, answer, _ = await line("invite", "--agent", "anna.nowak", "--connection", "thulium:second")
    assert answer["agent"] == "thulium:second/anna.nowak"


@pytest.mark.parametrize("hours", ["0", "-1", "721", "x", "1.5"])
async def test_an_invitation_holds_for_hours_that_make_sense(line: Line, hours: str) -> None:
    with pytest.raises(SystemExit):
        await line("invite", "--agent", "marta", "--hours", hours)


# sign-out


async def session_of(world: World, who: Who) -> str:
    db = Database(f"sqlite:///{world.database}")
    try:
        return await Access(db, Clock()).begin(who)
    finally:
        await db.close()


async def is_known(world: World, token: str) -> bool:
    db = Database(f"sqlite:///{world.database}")
    try:
        return await Access(db, Clock()).session(token) is not None
    finally:
        await db.close()


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("named", ["marta", "MARTA", "marta.lis@example.com"])
async def test_an_agent_is_signed_out_also_when_he_has_left(
    line: Line, world: World, named: str, active: bool
) -> None:
    await agents(world, MARTA)
    _, invitation, _ = await line("invite", "--agent", "marta")
    installation = invitation["installation"]
    mine = await session_of(world, Who(installation, None, "thulium:demo/marta", "Marta Lis"))
    other = await session_of(world, Who(installation, None, "thulium:demo/anna.nowak", "Anna Nowak"))
    await agents(world, MARTA | {"active": active})
    status, answer, _ = await line("sign-out", "--agent", named)
    assert (status, answer["agent"], answer["sessions"]) == (0, "thulium:demo/marta", 1)
    assert not await is_known(world, mine)
    assert await is_known(world, other)
    assert await invited(world, invitation["address"]) is None


async def test_a_user_is_signed_out_by_his_address_also_when_he_has_left(line: Line, world: World) -> None:
    listed = (await line("users"))[1]
    user = {one["email"]: one["id"] for one in listed["users"]}["michal.cwik@example.com"]
    _, answer, _ = await line("invite", "--agent", "michal.cwik@example.com")
    mine = await session_of(world, Who(answer["installation"], user, None, "Michał Ćwik"))
    async with world.http.post(
        f"{world.pipedrive}/_sandbox/user", json={"user": int(user), "active": False}
    ) as left:
        assert left.status == 200
    status, answer, _ = await line("sign-out", "--agent", "michal.cwik@example.com")
    assert (status, answer["user"], answer["sessions"]) == (0, user, 1)
    assert not await is_known(world, mine)


async def test_who_is_both_is_signed_out_of_both(line: Line, world: World) -> None:
    await agents(world, MARTA | {"email": "lucja.zak@example.com"})
    _, answer, _ = await line("invite", "--agent", "marta")
    by_user = await session_of(world, Who(answer["installation"], answer["user"], None, "Łucja Żak"))
    assert (await line("sign-out", "--agent", "marta"))[1]["sessions"] == 1
    assert not await is_known(world, by_user)


async def test_a_login_that_the_contact_centre_has_forgotten_is_signed_out(line: Line, world: World) -> None:
    _, answer, _ = await line("invite", "--agent", "anna.nowak")
    mine = await session_of(world, Who(answer["installation"], None, "thulium:demo/gone", "Gone"))
    status, answer, _ = await line("sign-out", "--agent", "gone")
    assert (status, answer["agent"], answer["sessions"]) == (0, "thulium:demo/gone", 1)
    assert not await is_known(world, mine)
    status, _, said = await line("sign-out", "--agent", "gone")
    assert (status, "Nobody is called 'gone'" in said) == (2, True)


async def test_what_dials_for_an_agent_is_disconnected_with_his_sessions(line: Line, world: World) -> None:
    await agents(world, MARTA | {"email": "lucja.zak@example.com"})
    _, answer, _ = await line("invite", "--agent", "marta")
    db = Database(f"sqlite:///{world.database}")
    try:
        devices, how = Devices(db, Clock()), {"name": "Chrome", "client": "terminal", "origin": ""}
        installation, marta = answer["installation"], "thulium:demo/marta"
        _, invited_one = await devices.pair(installation, marta, user_id=None, **how)
        _, by_user = await devices.pair(installation, "thulium:demo/former", user_id=answer["user"], **how)
        _, other = await devices.pair(installation, "thulium:demo/anna.nowak", user_id=None, **how)
        status, said, _ = await line("sign-out", "--agent", "marta")
        assert (status, said["agent"], said["sessions"], said["devices"]) == (0, marta, 0, 2)
        opened = [await devices.by_token(token) is not None for token in (invited_one, by_user, other)]
        assert opened == [False, False, True]
    finally:
        await db.close()


async def test_of_two_with_one_address_nobody_is_guessed_to_be_signed_out(line: Line, world: World) -> None:
    await agents(world, MARTA, MARTA | {"login": "marta2"})
    status, _, said = await line("sign-out", "--agent", "marta.lis@example.com")
    assert (status, "marta in thulium:demo, marta2 in thulium:demo" in said) == (2, True)


# keys


async def test_a_key_is_shown_once_listed_and_revoked(line: Line, world: World) -> None:
    status, made, _ = await line("api-key", "add", "warehouse")
    assert (status, made["name"]) == (0, "warehouse")
    assert await key_owner(world, made["key"]) == (made["installation"], made["id"])
    status, listed, _ = await line("api-key", "list")
    assert status == 0
    assert [(one["id"], one["name"], one["revoked_at"]) for one in listed] == [
        (made["id"], "warehouse", None)
    ]
    assert made["key"] not in str(listed)
    assert (await line("api-key", "revoke", made["id"]))[0] == 0
    assert await key_owner(world, made["key"]) is None
    (after,) = (await line("api-key", "list"))[1]
    assert after["revoked_at"] is not None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add",), "Say what the key is for"),
        (("add", "  "), "Say what the key is for"),
        (("add", "x" * 101), "Say what the key is for"),
        (("revoke",), "No key None is in use"),
        (("revoke", "abcd"), "No key 'abcd' is in use"),
    ],
)
async def test_a_slip_is_told_in_a_sentence(line: Line, words: tuple[str, ...], sentence: str) -> None:
    status, _, said = await line("api-key", *words)
    assert status == 2
    assert sentence in said
