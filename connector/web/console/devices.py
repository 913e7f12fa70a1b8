"""Browsers and terminals that dial for agents: disconnected by whom they dial for, on his own page, or by an administrator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiohttp import web

from connector.flows.agents import agents_of
from connector.store.devices import Devices, Paired
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.words import done, not_done

OWN, OF_AGENTS = "me/devices", "settings/agents/devices"


async def own_devices(visit: Visit, devices: Devices) -> list[Paired]:
    """What dials for whoever visits."""
    agents = ["/".join(one) for one in agents_of(visit.tenant, visit.who)]
    return await devices.of(visit.tenant.id, user_id=visit.who.user_id, agents=agents)


class DevicePages:
    """The forms that disconnect; the lists stand on the pages that they lead back to."""

    def __init__(self, console: Console, devices: Devices, end: Callable[[str], None]) -> None:
        """`end` ends the open lines of a device."""
        self._console, self._devices, self._end = console, devices, end

    def routes(self) -> web.RouteTableDef:
        """Both of them."""
        table = web.RouteTableDef()
        table.post(f"{PATH}/{OWN}")(self._console.serve(self._revoke_own, everybody=True))
        table.post(f"{PATH}/{OF_AGENTS}")(self._console.serve(self._revoke_any))
        return table

    async def _revoke_own(self, visit: Visit) -> web.StreamResponse:
        return await self._revoke(visit, await own_devices(visit, self._devices), "me")

    async def _revoke_any(self, visit: Visit) -> web.StreamResponse:
        return await self._revoke(visit, await self._devices.all(visit.tenant.id), "settings/agents")

    async def _revoke(self, visit: Visit, among: Sequence[Paired], page: str) -> web.StreamResponse:
        """Disconnect the one that was chosen, or all; what is none of these stays."""
        _, chosen = visit.translate, visit.text("device")
        gone = [
            one
            for one in among
            if chosen in (one.id, "all") and await self._devices.revoke(visit.tenant.id, one.id)
        ]
        for one in gone:
            self._end(one.id)
            await visit.tenant.audit.note(visit.who, "revoke device", device=one.id, agent=one.agent)
        if not gone:
            said = not_done(_("There is no such browser or terminal any more."), _)
        elif chosen == "all":
            said = done(_("All are disconnected."), _)
        else:
            said = done(_("“%(name)s” is disconnected.") % {"name": gone[0].name}, _)
        return self._console.tell(said, visit.at(page))
