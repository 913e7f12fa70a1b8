import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Table, select

from connector.errors import Misconfigured
from connector.store.access import SEEN_EVERY, SESSION_IDLE, SESSION_LIFE, Access, Who
from connector.store.tables import ApiKey, OneTimeCode, OpenedDeal, Session, table_of
from tests.store.stock import Stock, add

ANNA = Who("1", "10", "thulium:demo/anna", "Anna Nowak")
BOB = Who("1", None, "thulium:demo/bob", "Bob Kowalski")
HOUR = timedelta(hours=1)


@pytest.fixture
async def access(stock: Stock) -> Access:
    await stock.installed("1")
    await stock.installed("2")
    return Access(stock.db, stock.clock)


async def rows(stock: Stock, model: type[Session | OneTimeCode | ApiKey]) -> int:
    table: Table = table_of(model)
    return len(await stock.db.read(lambda db: db.execute(select(table)).all()))


# sessions


async def test_a_session_knows_whose_it_is_until_it_ends(access: Access) -> None:
    anna, bob = await access.begin(ANNA), await access.begin(BOB)
    assert await access.session(anna) == ANNA
    assert await access.session(bob) == BOB
    await access.end(anna)
    assert await access.session(anna) is None
    assert await access.session(bob) == BOB


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "żółć", "\udcff", "\0"])
async def test_what_is_no_token_is_nobodys(access: Access, token: str) -> None:
    await access.begin(ANNA)
    assert await access.session(token) is None
    assert await access.use_code(token, purpose="invitation") is None
    assert await access.key_owner(token) is None


async def test_nothing_that_opens_anything_can_be_read_in_the_database(stock: Stock, access: Access) -> None:
    secrets = [
        await access.begin(ANNA),
        await access.make_code(ANNA, purpose="invitation", lasts=HOUR),
        (await access.add_key("1", "warehouse"))[1],
    ]
    kept = stock.words()
    assert [secret for secret in secrets if secret.encode() in kept] == []


async def test_a_session_that_is_used_daily_ends_after_thirty_days(stock: Stock, access: Access) -> None:
    token = await access.begin(ANNA)
    for day in range(1, 30):
        stock.clock.move_to(timedelta(days=day))
        assert await access.session(token) == ANNA
    stock.clock.move_to(timedelta(days=30))
    assert await access.session(token) is None


async def test_a_rest_of_seven_days_ends_a_session(stock: Stock, access: Access) -> None:
    token = await access.begin(ANNA)
    stock.clock.move_to(SESSION_IDLE - timedelta(seconds=5))
    assert await access.session(token) == ANNA
    stock.clock.move_to(2 * SESSION_IDLE)
    assert await access.session(token) is None


async def test_that_a_session_was_seen_is_written_at_most_every_ten_minutes(
    stock: Stock, access: Access
) -> None:
    token, sessions = await access.begin(ANNA), table_of(Session)

    async def seen() -> object:
        await access.session(token)
        return await stock.db.read(lambda db: db.scalar(select(sessions.c.seen_at)))

    begun = await seen()
    stock.clock.move_to(SEEN_EVERY - timedelta(seconds=30))
    assert await seen() == begun
    stock.clock.move_to(SEEN_EVERY)
    assert await seen() != begun


async def test_signing_out_ends_all_of_one_person_however_he_came_in_and_of_nobody_else(
    access: Access,
) -> None:
    by_user, by_login = Who("1", "10", None, "Anna Nowak"), Who("1", None, "thulium:demo/anna", "Anna Nowak")
    other, nobody = Who("2", "10", "thulium:demo/anna", "Anna Nowak"), Who("1", None, None, "Nobody")
    mine = [await access.begin(who) for who in (ANNA, by_user, by_login, ANNA)]
    others = {await access.begin(who): who for who in (other, BOB, nobody)}
    code = await access.make_code(by_login, purpose="invitation", lasts=HOUR)
    bobs = await access.make_code(BOB, purpose="invitation", lasts=HOUR)
    assert await access.end_all(ANNA) == 4
    assert [await access.session(token) for token in mine] == [None] * 4
    assert await access.peek_code(code, purpose="invitation") is None
    assert await access.peek_code(bobs, purpose="invitation") == BOB
    assert [await access.session(token) for token in others] == list(others.values())
    assert await access.end_all(BOB) == 1
    assert [await access.session(token) for token in others] == [other, None, nobody]


@pytest.mark.parametrize("way", [Who("1", "10", None, ""), Who("1", None, "thulium:demo/anna", "")])
async def test_who_signs_out_by_one_way_is_signed_out_by_the_other(access: Access, way: Who) -> None:
    token, bob = await access.begin(ANNA), await access.begin(BOB)
    assert await access.end_all(way) == 1
    assert await access.session(token) is None
    assert await access.session(bob) == BOB
    assert await access.end_all(Who("1", None, None, "")) == 0


# codes


async def test_a_code_works_once_and_for_its_purpose_alone(access: Access) -> None:
    code = await access.make_code(ANNA, purpose="invitation", lasts=HOUR)
    assert await access.use_code(code, purpose="handover") is None
    assert await access.peek_code(code, purpose="handover") is None
    assert [await access.peek_code(code, purpose="invitation") for _ in range(2)] == [ANNA, ANNA]
    assert await access.use_code(code, purpose="invitation") == ANNA
    assert await access.use_code(code, purpose="invitation") is None
    assert await access.peek_code(code, purpose="invitation") is None


async def test_of_many_who_use_a_code_in_the_same_moment_one_has_it(stock: Stock, access: Access) -> None:
    code = await access.make_code(BOB, purpose="handover", lasts=HOUR)
    elsewhere = Access(stock.db, stock.clock)
    used = await asyncio.gather(*(one.use_code(code, purpose="handover") for one in (access, elsewhere) * 20))
    assert [who for who in used if who is not None] == [BOB]


async def test_a_code_works_until_its_time_has_passed(stock: Stock, access: Access) -> None:
    first, second = [await access.make_code(ANNA, purpose="invitation", lasts=HOUR) for _ in range(2)]
    stock.clock.move_to(HOUR - timedelta(seconds=10))
    assert await access.use_code(first, purpose="invitation") == ANNA
    stock.clock.move_to(HOUR)
    assert await access.peek_code(second, purpose="invitation") is None
    assert await access.use_code(second, purpose="invitation") is None


# keys


async def test_a_key_opens_its_installation_until_it_is_revoked(stock: Stock, access: Access) -> None:
    key_id, key = await access.add_key("1", "warehouse")
    other_id, other = await access.add_key("2", "warehouse")
    assert key.startswith("connector_")
    assert await access.key_owner(key) == ("1", key_id)
    assert await access.key_owner(other) == ("2", other_id)
    assert not await access.revoke_key("2", key_id), "of another installation"
    assert await access.revoke_key("1", key_id)
    assert not await access.revoke_key("1", key_id)
    assert await access.key_owner(key) is None
    assert await access.key_owner(other) == ("2", other_id)
    (listed,) = await access.keys("1")
    assert (listed.id, listed.name) == (key_id, "warehouse")
    assert listed.used_at is not None
    assert listed.revoked_at is not None


# the end


async def test_what_has_run_out_is_dropped_and_the_rest_stays(stock: Stock, access: Access) -> None:
    await access.begin(ANNA)
    await access.make_code(ANNA, purpose="invitation", lasts=HOUR)
    await access.purge()
    assert (await rows(stock, Session), await rows(stock, OneTimeCode)) == (1, 1)
    stock.clock.move_to(2 * HOUR)
    await access.purge()
    assert (await rows(stock, Session), await rows(stock, OneTimeCode)) == (1, 0)
    stock.clock.move_to(SESSION_IDLE + HOUR)
    token = await access.begin(ANNA)
    await access.purge()
    assert await rows(stock, Session) == 1, "the idle one is gone"
    for part in range(2, 6):
        stock.clock.move_to(part * SESSION_IDLE)
        await access.session(token)
    stock.clock.move_to(SESSION_IDLE + HOUR + SESSION_LIFE)
    await access.purge()
    assert await rows(stock, Session) == 0


async def test_an_uninstall_leaves_nothing_that_opens_anything(stock: Stock, access: Access) -> None:
    await add(stock, "10")
    await stock.installations.uninstall("1", "10")  # whoever joined does not own it
    mine, others = await access.begin(ANNA), await access.begin(Who("2", "1", None, "Owner"))
    code = await access.make_code(ANNA, purpose="invitation", lasts=HOUR)
    _, key = await access.add_key("1", "warehouse")
    _, other_key = await access.add_key("2", "warehouse")
    deal = {
        "installation_id": "1", "source": "form/1", "ordinal": 1, "customer_id": "thulium:demo/7", "marker": "M",
        "state": "sending", "reason": "", "made_at": stock.clock.now(), "claim_no": 1, "looks": 0,
        "lease_until": stock.clock.now(), "server_time": stock.clock.now(), "link_state": "none", "link_reason": "",
        "link_attempts": 0, "body_sealed": b"sealed",
    }  # fmt: skip
    deals = table_of(OpenedDeal)
    await stock.db.write(lambda db: db.execute(deals.insert(), deal) and None)

    assert await stock.installations.uninstall("1", "1")
    assert await access.session(mine) is None
    assert await access.use_code(code, purpose="invitation") is None
    assert await access.key_owner(key) is None
    assert await stock.db.read(lambda db: db.scalar(select(deals.c.body_sealed))) is None
    assert await access.session(others) is not None
    assert await access.key_owner(other_key) is not None
    for come_in in (
        access.begin(ANNA),
        access.make_code(ANNA, purpose="handover", lasts=HOUR),
        access.add_key("1", "late"),
    ):
        with pytest.raises(Misconfigured):
            await come_in

    await stock.installed("1")
    assert await access.session(mine) is None
    assert await access.key_owner(key) is None
    await stock.installations.delete_everything("1")
    assert await access.keys("1") == []


async def test_who_takes_the_app_away_is_signed_out_and_the_others_stay(stock: Stock, access: Access) -> None:
    await add(stock, "10")
    anna, bob = await access.begin(ANNA), await access.begin(BOB)
    codes = [await access.make_code(who, purpose="invitation", lasts=HOUR) for who in (ANNA, BOB)]
    assert not await stock.installations.uninstall("1", "10")
    assert await access.session(anna) is None
    assert await access.session(bob) == BOB
    assert [await access.peek_code(code, purpose="invitation") for code in codes] == [None, BOB]
