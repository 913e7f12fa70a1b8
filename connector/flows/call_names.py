"""Names for an agent's latest calls: what was found of each, kept while it matters, and not looked up without bound."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from connector.clock import Clock
from connector.flows.screen_pop import Found, ScreenPop
from connector.flows.tenant import Tenant
from connector.store.live_calls import LiveCall

_MOST_NAMED = 2048
#: Of one agent's calls so many are looked up in a minute: no phone rings more often, whatever a webhook says.
_MOST_LOOK_UPS = 20
#: Of those so many may be for calls that are over: whoever rings next is to be named too.
_MOST_PAST = 10


class CallNames:
    """Who is at the other end of the calls of all installations."""

    def __init__(self, clock: Clock) -> None:
        """`clock` tells which look-ups were made in the last minute."""
        self._clock = clock
        self._pop = ScreenPop(clock)
        self._named: OrderedDict[str, Found] = OrderedDict()
        self._looked_up: dict[tuple[str, str], deque[datetime]] = {}

    def of(self, call: LiveCall) -> Found:
        """What is at hand of a call."""
        return self._named.get(call.id, Found(known=False))

    def is_missing(self, call: LiveCall) -> bool:
        """Whether nobody has begun to look a call up."""
        return call.id not in self._named

    def begin(self, tenant: Tenant, call: LiveCall) -> bool:
        """Whether to look a call up now: nobody has begun to, and another may cost the agent tokens in this minute. Counted."""
        if not self.is_missing(call):
            return False
        now, key = self._clock.now(), (tenant.id, call.whose)
        lately = self._looked_up.setdefault(key, deque(maxlen=_MOST_LOOK_UPS))
        most = _MOST_LOOK_UPS if call.ended_at is None else _MOST_PAST
        if sum(now - at < timedelta(minutes=1) for at in lately) >= most:
            return False
        lately.append(now)
        self._keep(call, Found(known=False))
        return True

    async def find(self, tenant: Tenant, call: LiveCall) -> Found:
        """Who has the number of a call, or is the person whom it was clicked on for."""
        number = call.number.partition(";")[0]
        return self._keep(call, await self._pop.look_up(tenant, number, person_id=call.person_id))

    def give_up(self, call: LiveCall) -> None:
        """Let a call that could not be looked up be looked up once more when it is asked for."""
        if not self.of(call).known:
            self._named.pop(call.id, None)

    async def close(self) -> None:
        """Break off what is being read."""
        await self._pop.close()

    def _keep(self, call: LiveCall, found: Found) -> Found:
        self._named[call.id] = found
        while len(self._named) > _MOST_NAMED:
            self._named.popitem(last=False)
        return found
