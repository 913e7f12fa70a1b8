import sqlite3
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.errors import Misconfigured
from connector.phone import NORMALISER_VERSION
from connector.store.vault import SubjectKeys, Vault, dump_hash_keys, load_hash_keys
from tests.store.stock import open_stock
from tests.world import KEY, World, ago, install, open_world, settle_down

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def vault(*keys: str) -> Vault:
    return Vault(tuple(map(SecretStr, keys)))


@given(st.binary(max_size=200))
def test_what_is_sealed_is_opened_and_never_stands_in_clear(plain: bytes) -> None:
    sealed = vault(OLD).seal(plain)
    assert vault(OLD).open(sealed) == plain
    assert len(plain) < 4 or plain not in sealed


def test_a_new_key_seals_while_the_old_one_still_opens() -> None:
    sealed = vault(OLD).seal(b"word")
    both = vault(NEW, OLD)
    assert both.open(sealed) == b"word"
    assert vault(NEW).open(both.seal(b"word")) == b"word"
    assert vault(NEW).open(both.rotate(sealed)) == b"word"


def test_a_key_that_is_gone_is_told_with_the_next_step() -> None:
    sealed = vault(OLD).seal(b"word")
    for act in (vault(OTHER).open, vault(OTHER).rotate):
        with pytest.raises(Misconfigured, match="add the old key"):
            act(sealed)


def test_without_a_key_or_with_nonsense_the_service_says_what_to_set() -> None:
    with pytest.raises(Misconfigured, match="CONNECTOR_SECRET_KEYS is not set"):
        Vault(())
    with pytest.raises(Misconfigured, match="not a Fernet key"):
        vault("nonsense")


def test_the_last_key_in_the_list_seeds_the_markers_so_that_rotation_keeps_them() -> None:
    assert vault(NEW, OLD).new_marker_key("1") == vault(OLD).new_marker_key("1")
    assert vault(NEW).new_marker_key("1") != vault(OLD).new_marker_key("1")
    assert vault(OLD).new_marker_key("1") != vault(OLD).new_marker_key("2")


def keys(number: int = 1) -> SubjectKeys:
    return SubjectKeys(b"marker", {str(n): bytes([n]) * 32 for n in range(1, number + 1)})


words = st.text(max_size=30)


@given(words, words)
def test_equal_subjects_have_equal_hashes_and_others_do_not(one: str, other: str) -> None:
    assert (keys().key(one) == keys().key(other)) == (one == other)


@given(words)
def test_the_newest_hash_key_makes_the_hashes_and_is_named_in_them(subject: str) -> None:
    assert keys(1).key(subject).startswith(f"1.{NORMALISER_VERSION}:")
    assert keys(2).key(subject).startswith(f"2.{NORMALISER_VERSION}:")


events = st.tuples(words, words, words).filter(lambda event: "\0" not in "".join(event))


@given(events, events)
def test_a_marker_belongs_to_one_event_alone(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert (keys().marker(*one) == keys().marker(*other)) == (one == other)
    assert len(keys().marker(*one)) == 20


def test_two_installations_make_different_hashes_and_markers() -> None:
    other = SubjectKeys(b"another", {"1": b"x" * 32})
    assert other.key("a") != keys().key("a")
    assert other.marker("a", "b", "c") != keys().marker("a", "b", "c")


def test_hash_keys_come_back_as_they_were_kept() -> None:
    made = SubjectKeys.new_hash_keys()
    assert load_hash_keys(dump_hash_keys(made)) == made


SECRETS = [
    "demo-api-token", "demo-password", "601000001", "601777777", "jan@example.com", "Próba", "Gość",
    "wycenę", "tajne słowo", "Oddzwonić", "faktury",
]  # fmt: skip


async def test_a_thief_of_the_files_reads_no_token_password_number_name_or_text(tmp_path: Path) -> None:
    async with (
        open_world(tmp_path, pipedrive_timeout=5.0, thulium_timeout=5.0) as world,
        world.connector() as service,
    ):
        await world.seed_pipedrive(
            persons=[{"name": "Jan Próba", "phones": ["+48601000001"], "emails": ["jan@example.com"]}]
        )
        tenant = await install(service, since=ago(hours=1))
        await a_talkative_day(world)
        await settle_down(service, tenant)
        await service.deliveries.store(
            tenant.id, "thulium:demo", "text/plain", b"client_name=Jan+Proba&number=601000001"
        )
        states = await tenant.ledger.counts()
        assert states["done"] == 3
        assert states["waiting"] == states["parked"] == 1
        files = [world.database.with_name(world.database.name + suffix) for suffix in ("", "-wal")]
        held = b"".join(file.read_bytes() for file in files if file.exists())
        assert b"thulium:demo" in held
        found = [word for word in SECRETS if word.encode() in held]
        assert found == []


async def a_talkative_day(world: World) -> None:
    await world.happen("customer", name="Jan", surname="Próba", phone_number=["601000001"])
    await world.happen("call", number="601000001", topic_id=95, comment="Oddzwonić w sprawie faktury")
    await world.happen("call", number="601777777")
    broken = await world.happen("call", number="601777777", comment="Oddzwonić")
    await world.happen("broken", id=broken["id"])
    messages = [{"text": "tajne słowo"}]
    await world.happen("chat", email="jan@example.com", name="Gość", messages=messages, close=True)
    body = "<p>Proszę o wycenę. tajne słowo</p>"
    await world.happen("ticket", **{"from": "jan@example.com", "subject": "Kopia faktury", "body": body})


async def test_after_sealing_anew_the_old_key_can_be_taken_away(tmp_path: Path) -> None:
    async with open_stock(tmp_path, (KEY,)) as stock:
        before = await stock.installed("1")
    async with open_stock(tmp_path, (NEW, KEY)) as stock:
        assert (await stock.installed("1")).hook_password == before.hook_password
        await stock.installations.seal_anew()
    async with open_stock(tmp_path, (NEW,)) as stock:
        (after,) = await stock.installations.all()
        assert after.hook_password == before.hook_password
        assert after.keys.marker("a", "b", "c") == before.keys.marker("a", "b", "c")
        grant = await stock.installations.grant("1", "1")
        assert grant is not None
        assert grant.tokens == b"secret-token"
    async with open_stock(tmp_path, (OTHER,)) as stock:
        with pytest.raises(Misconfigured, match="add the old key"):
            await stock.installations.all()


async def test_each_sealed_column_is_sealed_and_nothing_else_is_a_blob(tmp_path: Path) -> None:
    async with open_stock(tmp_path) as stock:
        await stock.installed("1")
        assert b"secret-token" not in stock.words()
    with sqlite3.connect(tmp_path / "store.db") as db:
        tables = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
        blobs = {
            column[1]
            for table in tables
            for column in db.execute(f'pragma table_info("{table}")')
            if column[2] == "BLOB"
        }
    assert blobs
    assert all(name.endswith("_sealed") for name in blobs)
