"""The running service tests both systems each night, and tells people what is wrong."""

from __future__ import annotations

from datetime import timedelta

from tests.at_work import until
from tests.flows.looking import HastyClock
from tests.mailbox import receiver
from tests.serving import served
from tests.world import World, ago, install


async def test_each_night_has_its_self_test(world: World) -> None:
    clock = HastyClock()
    async with served(world, clock) as here:
        tenant = await install(here.service, since=ago(hours=1), chats={"type": "golf"})
        clock.move_to(timedelta(days=1, hours=1))

        async def tested() -> bool:
            found = await here.service.alerts.self_test(tenant.id)
            return found is not None and "types" in found.failed

        await until(tested)


async def test_a_dead_token_is_told_by_the_service_itself(world: World) -> None:
    clock = HastyClock()
    async with receiver() as there:
        hosts = (*world.settings().trusted_hosts, there.host)
        async with served(world, clock, trusted_hosts=hosts) as here:
            tenant = await install(here.service, since=ago(hours=1), alerts={"webhook": there.url})
            owner = tenant.installed.owner_user_id
            await here.service.installations.mark_dead(tenant.id, owner, "refused")
            clock.move_to(timedelta(minutes=1))

            async def noticed() -> bool:
                return "access" in await here.service.alerts.standing(tenant.id)

            async def told() -> bool:
                return bool(there.posts)

            await until(noticed)
            assert not await told()
            clock.move_to(timedelta(minutes=10))
            await until(told)
            assert b'"kind":"access"' in there.posts[0][1]
            assert b'"state":"on"' in there.posts[0][1]
