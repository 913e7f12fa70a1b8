from datetime import timedelta

import pytest

from connector.installation_settings import InstallationSettings
from connector.records import Call, CallResult, Direction
from connector.store.bindings import Bound
from connector.store.creations import Creations
from connector.store.dirty import Side
from connector.store.doubts import Doubts
from connector.store.entries import ERASED, UNKNOWN, Due, Observed, Settlement, State, Verdict
from connector.store.installations import Outcome
from connector.store.ledger import Ledger
from tests.store.entries import open_book
from tests.store.stock import Stock, add, connect, stands


async def test_the_first_user_owns_the_sync_and_later_ones_join(stock: Stock) -> None:
    assert await add(stock, "10") is Outcome.NEW
    assert await add(stock, "11") is Outcome.JOINED
    assert await add(stock, "10") is Outcome.AGAIN
    assert await stands(stock) == ("active", "10")
    grant = await stock.installations.grant("1", "11")
    assert grant is not None
    assert grant.tokens == b"secret-token-of-11"
    assert b"secret-token" not in stock.words()


async def test_only_the_owner_or_an_administrator_brings_an_ended_sync_back(stock: Stock) -> None:
    await add(stock, "10")
    assert await stock.installations.uninstall("1", "10")
    assert await add(stock, "11", admin=False) is Outcome.UNOWNED
    assert await stands(stock) == ("ended", "10")
    assert await add(stock, "12", admin=True) is Outcome.AGAIN
    assert await stands(stock) == ("active", "12")
    assert await add(stock, "10") is Outcome.JOINED
    assert await stands(stock) == ("active", "12")


async def test_while_the_owners_token_is_dead_an_agent_who_joins_turns_nothing_on(stock: Stock) -> None:
    await add(stock, "10")
    await stock.installations.mark_dead("1", "10", "revoked")
    assert await add(stock, "11", admin=False) is Outcome.UNOWNED
    assert await add(stock, "10") is Outcome.AGAIN


async def test_nobody_takes_over_from_an_owner_who_is_there(stock: Stock) -> None:
    await add(stock, "10", admin=False)
    await add(stock, "12", admin=True)
    assert await stands(stock) == ("active", "10")


async def test_an_agents_uninstall_ends_nothing_but_his_grant(stock: Stock) -> None:
    await add(stock, "10")
    await add(stock, "11")
    assert not await stock.installations.uninstall("1", "11")
    assert await stock.installations.grant("1", "11") is None
    assert await stands(stock) == ("active", "10")
    assert not await stock.installations.uninstall("1", "nobody")
    assert not await stock.installations.uninstall("9", "10")


async def test_settings_change_only_for_who_has_seen_the_last_ones(stock: Stock) -> None:
    await add(stock, "10")
    polish = InstallationSettings(language="pl")
    assert await stock.installations.set_settings("1", polish, seen_version=0)
    assert not await stock.installations.set_settings("1", InstallationSettings(), seen_version=0)
    (one,) = await stock.installations.all()
    assert (one.settings.language, one.settings_version) == ("pl", 1)


async def test_an_uninstall_wipes_secrets_and_contents_and_keeps_ids(stock: Stock) -> None:
    await add(stock, "10")
    await connect(stock)
    (one,) = await stock.installations.all()
    ledger = Ledger(stock.db, stock.vault, one.keys, "1", stock.clock)
    call = Call("c1", Direction.INBOUND, CallResult.ANSWERED, stock.clock.now(), "601000001", "22", 10, 5)
    await ledger.collect("thulium:demo", [Observed(call, number="+48601000001")])
    await stock.installations.set_hook("1", "person", "77")

    assert await stock.installations.uninstall("1", "10")
    assert await stock.installations.centres() == []
    assert await stock.installations.hooks("1") == {}
    assert await stock.installations.grant("1", "10") is None
    (entry,) = await Doubts(ledger)._due(limit=10)
    assert (entry.external_id, entry.event, entry.number_key) == ("c1", None, None)
    assert await ledger.collect("thulium:demo", [Observed(call)]) == 0


async def test_an_uninstall_leaves_no_hash_of_what_pairs_held_and_keeps_the_claims(stock: Stock) -> None:
    await add(stock, "10")
    bindings, creations = stock.bindings("1"), Creations(stock.db, "1", stock.clock)
    bound = await bindings.link(Bound("customer", "a/9", "7"), at=stock.clock.now())
    await bindings.send([(bound, {"name": ["hash", "hash"]})])
    at = stock.clock.now()
    sent = {"a/5": {"name": ["hash", "hash"]}}
    await creations.claim("customer", Side.PIPEDRIVE, ["a/5"], server_time=at, lease_s=60, sent=sent)
    await stock.installations.uninstall("1", "10")
    ((pair,),) = (await bindings.of_crm("customer", ["7"])).values()
    making = await creations.find("customer", Side.PIPEDRIVE, "a/5")
    assert pair.sent is None
    assert making is not None
    assert making.sent is None


@pytest.mark.parametrize("state", ["new", "waiting", "undecided"])
async def test_what_was_not_written_says_that_its_contents_were_erased_and_a_backfill_brings_it(
    stock: Stock, state: str
) -> None:
    await add(stock, "10")
    book = await open_book(stock)
    await book.collect("1")
    (entry,) = await book.ledger.new(1)
    await book.ledger.record([Verdict(entry.id, State(state), "x")])
    await stock.installations.uninstall("1", "10")
    assert (await book.states(), await book.column("reason")) == ({"skipped": 1}, [ERASED])
    await add(stock, "10")
    assert await book.collect("1") == 0
    assert await book.collect("1", lane=Due.BACKFILL) == 1
    assert (await book.states(), (await book.entry()).event is None) == ({"new": 1}, False)


async def test_what_was_sent_before_an_uninstall_is_still_looked_for_and_left_to_a_person(
    stock: Stock,
) -> None:
    await add(stock, "10")
    book = await open_book(stock)
    claim = await book.one()
    await book.ledger.settle([Settlement(claim, State.SENDING, UNKNOWN, not_before=stock.clock.now())])
    await stock.installations.uninstall("1", "10")
    (entry,) = await book.doubts.unknown()
    await book.doubts.missed(entry, look_gap_s=1, looks_needed=1)
    assert (await book.states(), await book.column("reason")) == ({"parked": 1}, [ERASED])


async def test_ids_of_an_ended_installation_are_kept_90_days_and_then_everything_goes(stock: Stock) -> None:
    await add(stock, "10")
    await add(stock, "20", company="2")
    await stock.installations.uninstall("1", "10")
    assert await stock.installations.long_ended(days=90) == []
    stock.clock.move_to(timedelta(days=91))
    assert await stock.installations.long_ended(days=90) == ["1"]
    await stock.installations.delete_everything("1")
    assert [one.id for one in await stock.installations.all()] == ["2"]
    assert await add(stock, "10") is Outcome.NEW


@pytest.mark.parametrize("company", ["2", "3"])
async def test_one_installation_sees_and_changes_nothing_of_another(stock: Stock, company: str) -> None:
    await add(stock, "10")
    await add(stock, "10", company="2")
    await connect(stock)
    await stock.installations.set_hook("1", "person", "77")
    await stock.installations.mark_dead(company, "10", "x")
    await stock.installations.set_reason(company, "x")
    await stock.installations.set_centre_state(company, "thulium:demo", "failing", "x")
    await stock.installations.set_subscription(company, "thulium:demo", "9")
    await stock.installations.uninstall(company, "10")
    await stock.installations.delete_everything(company)
    assert await stands(stock) == ("active", "10")
    (centre,) = await stock.installations.centres()
    assert (centre.state, centre.subscription_id) == ("active", None)
    assert await stock.installations.hooks("1") == {"person": "77"}


async def test_each_installation_has_doors_and_keys_of_its_own(stock: Stock) -> None:
    await add(stock, "10")
    await add(stock, "10", company="2")
    one, other = await stock.installations.all()
    assert one.hook_path != other.hook_path
    assert one.hook_password != other.hook_password
    assert one.keys.key("a") != other.keys.key("a")
    assert one.keys.marker("a", "b", "c") != other.keys.marker("a", "b", "c")
