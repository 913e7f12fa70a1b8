"""Who works where: whoever is gone from the contact centre is gone here too, once that was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.app import Service
from connector.flows.tenant import Tenant
from connector.records import Agent
from tests.world import World, install

DEMO, GHOST = "thulium:demo", ("thulium:demo", "ghost")
DAY = timedelta(hours=25)


async def haunted(service: Service) -> Tenant:
    """An installation that has read an agent whom its contact centre no longer has."""
    tenant = await install(service)
    people = (await tenant.people()).people
    ghost = Agent("ghost", "Gone", "gone@example.com", active=True)
    tenant.directory.people = replace(people, agents={**people.agents, GHOST: ghost})
    service.clock.move_to(DAY)
    return tenant


async def test_an_agent_whom_the_contact_centre_no_longer_has_is_dropped(service: Service) -> None:
    tenant = await haunted(service)
    before = service.clock.now()
    await tenant.people()
    assert GHOST not in tenant.directory.people.agents
    assert tenant.directory.people.agents.keys() >= {(DEMO, "anna.nowak")}
    assert tenant.directory.agents_of[DEMO] >= before


async def test_agents_of_a_contact_centre_that_cannot_be_read_stay_as_they_were(
    service: Service, world: World
) -> None:
    tenant = await haunted(service)
    read_at = dict(tenant.directory.agents_of)
    await world.fault("thulium", "status_before", status=500, times=1000)
    await tenant.people()
    assert GHOST in tenant.directory.people.agents
    assert tenant.directory.agents_of == read_at


async def test_a_new_agent_who_is_looked_for_makes_those_who_left_go(service: Service) -> None:
    tenant = await haunted(service)
    await tenant.meet({(DEMO, "somebody")})
    assert GHOST not in tenant.directory.people.agents
    assert tenant.directory.agents_of[DEMO] == tenant.directory.agents_at
