"""The way in and the way out, over both vendors' sockets."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.app import Service
from connector.errors import Misconfigured, Rejected, Unauthorised
from connector.flows.installing import Arrival, first_settings, keep_hooks, keep_subscriptions, sweep_gap
from connector.flows.sync import sync
from connector.installation_settings import InstallationSettings
from connector.pipedrive.records import Me
from connector.serving import serving
from connector.store.installations import Outcome
from tests.flows.looking import PERSON, HastyClock, ask, forget_calls, hooks, subscriptions, tell
from tests.world import ADMIN_TOKEN, PASSWORD, SYSTEM, USER, World, ago, install, settle_down, switch_on

OBJECTS = ["deal", "organization", "person"]


@pytest.fixture
async def public(world: World) -> AsyncIterator[Service]:
    """A service that both vendors can reach."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{port.getsockname()[1]}"
    trusted = (*(origin.removeprefix("http://") for origin in (world.pipedrive, world.thulium)), listen)
    changes = {"public_url": f"http://{listen}", "listen": listen, "trusted_hosts": trusted}
    async with (
        world.connector(HastyClock(), look_gap=5, **changes) as service,
        serving(service),
    ):
        yield service


async def users(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(world, "pipedrive", "state"))["users"]
    return found


async def allow(world: World, service: Service, n: int = 0) -> Arrival:
    """The nth user of the company installs by OAuth."""
    redirect = f"{service.settings.public_url}/oauth/callback"
    user = (await users(world))[n]["id"]
    code = (await tell(world, "pipedrive", "authorise", user=user, redirect_uri=redirect))["code"]
    return await service.install_code(code)


async def uninstall(world: World, n: int = 0) -> None:
    """The nth user takes the app away in Pipedrive, which tells our callback."""
    user = (await users(world))[n]["id"]
    assert (await tell(world, "pipedrive", "uninstall", user=user))["callback_status"] == 200


async def connect(service: Service, installation_id: str) -> None:
    await service.connect_centre(
        installation_id, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD, since=ago(hours=1)
    )
    await switch_on(service, installation_id)


async def settle_in(world: World, service: Service) -> Arrival:
    """Install, and have both vendors send us webhooks."""
    arrival = await allow(world, service)
    await set_live(service, arrival.installation_id, live=True)
    await connect(service, arrival.installation_id)
    assert (len(await hooks(world)), await subscriptions(world)) == (3, 1)
    return arrival


async def one(service: Service) -> Any:
    (installed,) = await service.installations.all()
    return installed


async def test_both_ways_in_make_the_installation_of_the_users_company(world: World, public: Service) -> None:
    by_token = await public.install_token(ADMIN_TOKEN)
    by_code = await allow(world, public)
    assert (by_token.outcome, by_code.outcome) == (Outcome.NEW, Outcome.AGAIN)
    assert by_token.installation_id == by_code.installation_id
    assert by_code.company == "Przykład sp. z o.o."
    grant = await public.installations.grant(by_code.installation_id, by_code.user_id)
    assert grant is not None
    assert (grant.kind, grant.state) == ("oauth", "active")


async def test_a_token_nobody_gave_out_installs_nothing(world: World, public: Service) -> None:
    with pytest.raises(Unauthorised):
        await public.install_token("no-such-token")
    with pytest.raises((Unauthorised, Rejected, Misconfigured)):
        await public.install_code("no-such-code")
    assert await public.installations.all() == []


async def test_a_new_installation_begins_in_the_language_of_its_user(world: World, public: Service) -> None:
    arrival = await allow(world, public)
    assert (await public.tenant(arrival.installation_id)).settings.language == "pl"


async def test_a_new_installation_begins_in_the_zone_of_its_user(world: World, public: Service) -> None:
    user = {"name": "B", "email": "b@example.com", "admin": True, "api_token": "second"}
    company = {"name": "Druga", "users": [user | {"timezone": "America/New_York"}]}
    await tell(world, "pipedrive", "seed", companies=[company])
    arrival = await public.install_token("second")
    assert (await public.tenant(arrival.installation_id)).settings.zone == "America/New_York"


@pytest.mark.parametrize("told", ["", "Mars/Base", "../UTC"])
def test_a_zone_that_is_none_leaves_the_shipped_one(told: str) -> None:
    me = Me("1", "B", "b@example.com", "2", "Druga", "druga", "en_US", told, "en", is_admin=True)
    assert first_settings(me) == InstallationSettings(switched_on=False)


async def test_one_webhook_each_is_made_once_however_often_it_is_installed(
    world: World, public: Service
) -> None:
    for _ in range(3):
        arrival = await allow(world, public)
    tenant = await public.tenant(arrival.installation_id)
    assert await keep_hooks(tenant, public.installations)
    made = await hooks(world)
    assert sorted(hook["event_object"] for hook in made) == OBJECTS
    assert {hook["event_action"] for hook in made} == {"*"}


async def test_a_missing_webhook_is_made_again_and_a_double_is_taken_away(
    world: World, public: Service
) -> None:
    arrival = await allow(world, public)
    tenant = await public.tenant(arrival.installation_id)
    first = {hook["event_object"]: hook for hook in await hooks(world)}
    await tenant.pipedrive.delete_webhook(str(first["deal"]["id"]))
    await tenant.pipedrive.create_webhook(
        url=first["person"]["subscription_url"], entity="person", name="double", user="connector",
        password="whatever",
    )  # fmt: skip
    assert await keep_hooks(tenant, public.installations)
    again = await hooks(world)
    assert sorted(hook["event_object"] for hook in again) == OBJECTS
    assert first["person"]["id"] in {hook["id"] for hook in again}


async def test_without_an_address_pipedrive_can_reach_the_service_runs_on_sweeps(
    world: World, service: Service
) -> None:
    tenant = await install(service)
    assert not await keep_hooks(tenant, service.installations)
    assert await hooks(world) == []
    assert tenant.sweep_every.total_seconds() == service.settings.sweep_interval_without_hooks


async def test_where_pipedrive_refuses_webhooks_the_index_is_swept_as_often_as_without_an_address(
    world: World, public: Service
) -> None:
    settings, installations = public.settings, public.installations

    async def gap(installation_id: str) -> float:
        return (await sweep_gap(await public.tenant(installation_id), installations)).total_seconds()

    await world.fault("pipedrive", "status_before", status=403, path="webhooks", times=None)
    arrival = await allow(world, public)
    assert await gap(arrival.installation_id) == settings.sweep_interval_without_hooks
    await world.mend("pipedrive")
    tenant = await public.tenant(arrival.installation_id)
    assert await keep_hooks(tenant, installations)
    assert await gap(tenant.id) == settings.sweep_interval

    # A webhook that is gone, and may not be made again, is not counted on.
    await tenant.pipedrive.delete_webhook((await installations.hooks(tenant.id))["deal"])
    await world.fault("pipedrive", "status_before", status=403, path="webhooks", method="POST", times=None)
    assert not await keep_hooks(tenant, installations)
    assert (await installations.hooks(tenant.id)).keys() == {"person", "organization"}
    assert await gap(tenant.id) == settings.sweep_interval_without_hooks


async def test_a_second_user_joins_as_an_agent(world: World, public: Service) -> None:
    owner, agent = await allow(world, public, 0), await allow(world, public, 1)
    assert (owner.outcome, agent.outcome) == (Outcome.NEW, Outcome.JOINED)
    assert (await one(public)).owner_user_id == owner.user_id
    assert await public.installations.grant(agent.installation_id, agent.user_id) is not None
    assert len(await hooks(world)) == 3


async def test_an_agent_joins_even_while_the_owners_token_is_dead(world: World, public: Service) -> None:
    owner = await allow(world, public, 0)
    await public.installations.mark_dead(owner.installation_id, owner.user_id, "revoked")
    agent = await allow(world, public, 1)
    assert agent.user_id != owner.user_id
    stands = await one(public)
    assert (stands.owner_user_id, stands.state) == (owner.user_id, "reconnect")
    again = await allow(world, public, 0)
    assert again.user_id == (await one(public)).owner_user_id
    assert (await one(public)).state == "active"


async def test_an_agents_uninstall_ends_only_his_own_access(world: World, public: Service) -> None:
    owner, agent = await allow(world, public, 0), await allow(world, public, 1)
    await connect(public, owner.installation_id)
    await uninstall(world, 1)
    assert await public.installations.grant(agent.installation_id, agent.user_id) is None
    assert (await one(public)).state == "active"
    assert len(await hooks(world)) == 3
    assert len(await public.installations.centres(owner.installation_id)) == 1


async def test_the_owners_uninstall_ends_the_sync_and_wipes_what_is_secret(
    world: World, public: Service
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    arrival = await allow(world, public)
    await connect(public, arrival.installation_id)
    tenant = await public.tenant(arrival.installation_id)
    await world.happen("call", number="601000001")
    await world.happen("call", number="601777777")
    await settle_down(public, tenant)
    markers = _column(world, "select marker from ledger")
    await uninstall(world)

    stands = await one(public)
    assert (stands.state, len(await hooks(world))) == ("ended", 0)
    assert await public.tenants() == []
    for query in (
        'select 1 from "grant" where tokens_sealed is not null',
        "select 1 from centre_connection",
        "select 1 from pipedrive_hook",
        "select 1 from ledger where payload_sealed is not null or trace is not null",
        "select 1 from delivery",
    ):
        assert _column(world, query) == [], query
    # Ids stay, so that a reinstall writes nothing twice.
    assert _column(world, "select marker from ledger") == markers
    assert len(markers) == 2


def _column(world: World, query: str) -> list[object]:
    with sqlite3.connect(world.database) as db:
        return [row[0] for row in db.execute(query)]


async def test_an_uninstall_wipes_before_it_calls_anybody_and_then_still_takes_our_webhooks_away(
    world: World, public: Service
) -> None:
    arrival = await settle_in(world, public)
    for side in ("pipedrive", "thulium"):
        await forget_calls(world, side)
        await world.fault(side, "delay", seconds=0.3, times=None, method="DELETE")

    leaving = asyncio.create_task(public.uninstall(arrival.installation_id, arrival.user_id))
    while not await called(world, "DELETE"):
        pass
    assert (await one(public)).state == "ended"
    assert _column(world, 'select 1 from "grant" union select 1 from centre_connection') == []
    assert public.doors == {}
    assert await leaving
    assert (len(await hooks(world)), await subscriptions(world)) == (0, 0)


async def called(world: World, method: str) -> bool:
    calls = [*await world.calls("pipedrive"), *await world.calls("thulium")]
    return any(call["method"] == method for call in calls)


async def test_an_uninstall_is_done_even_if_the_vendors_cannot_be_called(
    world: World, public: Service
) -> None:
    arrival = await settle_in(world, public)
    await world.fault("pipedrive", "status_before", status=500, times=None, path="webhooks")
    await world.fault("thulium", "status_before", status=401, times=None)
    assert await public.uninstall(arrival.installation_id, arrival.user_id)
    assert (await one(public)).state == "ended"
    assert await public.installations.hooks(arrival.installation_id) == {}


async def test_after_an_uninstall_a_reinstall_writes_nothing_twice(world: World, public: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    arrival = await allow(world, public)
    await connect(public, arrival.installation_id)
    await world.happen("call", number="601000001")
    await settle_down(public, await public.tenant(arrival.installation_id))
    await uninstall(world)

    again = await allow(world, public)
    assert again.outcome is Outcome.AGAIN
    assert (await one(public)).state == "active"
    assert len(await hooks(world)) == 3
    await connect(public, arrival.installation_id)
    await world.happen("call", number="601000001")
    await settle_down(public, await public.tenant(arrival.installation_id))
    assert len(await world.activities()) == 2


async def test_an_administrator_takes_over_where_the_owner_has_gone_and_nobody_else_does(
    world: World, public: Service
) -> None:
    await tell(world, "pipedrive", "user", user=(await users(world))[2]["id"], admin=True)
    await allow(world, public, 0)
    await uninstall(world, 0)

    agent = await allow(world, public, 1)
    stands = await one(public)
    assert (stands.state, stands.owner_user_id == agent.user_id) == ("ended", False)

    admin = await allow(world, public, 2)
    stands = await one(public)
    assert (stands.state, stands.owner_user_id) == ("active", admin.user_id)
    assert len(await hooks(world)) == 3


async def test_the_subscription_at_the_contact_centre_follows_the_settings(
    world: World, public: Service
) -> None:
    arrival = await allow(world, public)
    await connect(public, arrival.installation_id)
    assert await subscriptions(world) == 0
    for live, expected in ((True, 1), (True, 1), (False, 0)):
        await set_live(public, arrival.installation_id, live=live)
        for _ in range(2):
            tenant = await public.tenant(arrival.installation_id)
            await keep_subscriptions(tenant, public.installations)
            assert await subscriptions(world) == expected


async def set_live(service: Service, installation_id: str, *, live: bool) -> None:
    tenant = await service.tenant(installation_id)
    document = InstallationSettings(live=live)
    seen = tenant.installed.settings_version
    assert await service.installations.set_settings(tenant.id, document, seen_version=seen)


async def test_an_uninstall_ends_the_subscription_at_the_contact_centre_too(
    world: World, public: Service
) -> None:
    await settle_in(world, public)
    await uninstall(world)
    assert await subscriptions(world) == 0


async def test_deleting_an_installation_takes_our_webhooks_away_at_both_vendors(
    world: World, public: Service
) -> None:
    arrival = await settle_in(world, public)
    assert await public.delete(arrival.installation_id) == []
    assert (len(await hooks(world)), await subscriptions(world)) == (0, 0)
    assert await public.installations.all() == []
    assert public.doors == {}


async def test_deleting_says_which_webhooks_a_vendor_would_not_let_go(world: World, public: Service) -> None:
    arrival = await settle_in(world, public)
    await world.fault("pipedrive", "unauthorised", times=None, path="/v[12]/")
    await world.fault("thulium", "status_before", status=401, times=None)
    left = await public.delete(arrival.installation_id)
    assert [one.rpartition(" ")[0] for one in left] == [
        "thulium:demo: subscription",
        *(f"Pipedrive: {entity} webhook" for entity in OBJECTS),
    ]
    assert await public.installations.all() == []


async def test_deleting_an_installation_that_does_not_exist_is_refused(public: Service) -> None:
    with pytest.raises(Misconfigured, match="There is no installation"):
        await public.delete("nobody")


async def test_a_subscription_taken_away_at_the_contact_centre_is_made_again(
    world: World, public: Service
) -> None:
    arrival = await settle_in(world, public)
    (connected,) = await public.installations.centres(arrival.installation_id)
    tenant = await public.tenant(arrival.installation_id)
    await tenant.centres[connected.id].api.unsubscribe(str(connected.subscription_id))
    await keep_subscriptions(tenant, public.installations, look=True)
    assert await subscriptions(world) == 1


async def test_an_account_that_does_not_work_is_not_saved(world: World, public: Service) -> None:
    arrival = await allow(world, public)
    with pytest.raises(Unauthorised):
        await public.connect_centre(
            arrival.installation_id, vendor="thulium", system=SYSTEM, user=USER, password="wrong"
        )
    assert await public.installations.centres() == []


async def test_a_dead_token_comes_back_to_life_by_installing_again(world: World, public: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    arrival = await allow(world, public)
    await connect(public, arrival.installation_id)
    await public.installations.mark_dead(arrival.installation_id, arrival.user_id, "revoked")
    await world.happen("call", number="601000001")
    assert await public.tenants() == []
    with pytest.raises(Unauthorised):
        await sync(await public.tenant(arrival.installation_id))
    await allow(world, public)
    await settle_down(public, await public.tenant(arrival.installation_id))
    assert len(await world.activities()) == 1
