"""What the composition root sees to: tenants built once, rebuilt when their settings change, and closed."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from connector.app import Service
from connector.errors import Misconfigured
from connector.installation_settings import InstallationSettings
from connector.pipedrive.records import Tokens
from connector.store.operations import Spending
from connector.tokens import unpack_tokens
from tests.flows.looking import PERSON, HastyClock, spent
from tests.world import World, ago, install, settle_down


async def set_settings(service: Service, installation_id: str, **values: object) -> None:
    seen = (await service.tenant(installation_id)).installed.settings_version
    document = InstallationSettings.model_validate(values)
    assert await service.installations.set_settings(installation_id, document, seen_version=seen)


async def test_a_tenant_is_built_once_and_anew_when_its_settings_change(service: Service) -> None:
    tenant = await install(service)
    assert (await service.tenant(tenant.id)).pipedrive is tenant.pipedrive
    assert tenant.phones.keys("30 123456") == ()
    await set_settings(service, tenant.id, phone_region="DE", language="pl")
    anew = await service.tenant(tenant.id)
    assert anew.pipedrive is not tenant.pipedrive
    assert anew.phones.keys("030 123456") == ("+4930123456",)
    assert anew.translate("Direction") == "Kierunek"


async def test_how_an_account_is_doing_does_not_build_its_tenant_anew(service: Service) -> None:
    tenant = await install(service)
    await service.installations.set_centre_state(tenant.id, "thulium:demo", "failing", "asleep")
    again = await service.tenant(tenant.id)
    assert again.pipedrive is tenant.pipedrive


async def test_a_run_may_end_on_the_tenant_it_began_with(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    tenant = await install(service, since=ago(hours=1))
    await set_settings(service, tenant.id, language="pl")
    await service.tenants()
    await world.happen("call", number="601000001")
    await settle_down(service, tenant)
    assert len(await world.activities()) == 1
    service.clock.move_to(timedelta(hours=1))
    await service.tenants()


async def test_a_tenant_whose_sync_is_off_is_reachable_by_name_alone(service: Service) -> None:
    tenant = await install(service)
    await service.installations.mark_dead(tenant.id, tenant.installed.owner_user_id, "revoked")
    assert await service.tenants() == []
    assert (await service.tenant(tenant.id)).installed.state == "reconnect"
    await service.uninstall(tenant.id, tenant.installed.owner_user_id)
    with pytest.raises(Misconfigured, match="no active installation"):
        await service.tenant(tenant.id)


async def test_what_is_counted_as_spent_is_what_pipedrive_counts_over_restarts(world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with world.connector(HastyClock()) as service:
        tenant = await install(service, since=ago(hours=1))
        before = await spent(world)
        counted = await Spending(service.db, tenant.id).total()
        await world.happen("call", number="601000001")
        await settle_down(service, tenant)
    async with world.connector(HastyClock()) as service:
        await world.happen("call", number="601000001")
        await settle_down(service, await service.tenant(tenant.id))
    async with world.connector(HastyClock()) as service:
        total = await Spending(service.db, tenant.id).total()
        assert total - counted == await spent(world) - before


async def test_two_services_on_one_database_write_each_event_once(world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with world.connector(HastyClock()) as one, world.connector(HastyClock()) as other:
        tenant = await install(one, since=ago(hours=1))
        calls = [{"number": "601000001", "at": ago(minutes=minute + 1).isoformat()} for minute in range(20)]
        await world.seed_centre(calls=calls)
        await settle_down(one, tenant)
        await settle_down(other, await other.tenant(tenant.id))
    assert len(await world.activities()) == 20


@pytest.mark.parametrize("scopes", [(), ("base", "deals:full")])
async def test_tokens_come_back_as_they_were_kept(service: Service, scopes: tuple[str, ...]) -> None:
    tokens = Tokens("a", "r", service.clock.now(), "https://acme.pipedrive.com", scopes)
    await install(service)
    (one,) = await service.installations.all()
    await service.installations.save_tokens(one.id, one.owner_user_id, orjson.dumps(tokens))
    grant = await service.installations.grant(one.id, one.owner_user_id)
    assert grant is not None
    assert grant.tokens is not None
    assert unpack_tokens(grant.tokens) == tokens


async def test_a_vendor_that_cannot_be_trusted_is_never_sent_a_password(
    world: World, service: Service
) -> None:
    tenant = await install(service)
    async with world.connector(trusted_hosts=()) as suspicious:
        with pytest.raises(Misconfigured):
            await suspicious.connect_centre(
                tenant.id, vendor="thulium", system="demo", user="connector", password="demo-password"
            )
