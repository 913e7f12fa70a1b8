"""Ringing an agent's phone. https://api.thulium.com/docs/api/agents/post_agents_login_call"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from connector.centres.thulium import wire
from connector.centres.thulium.client import segment
from connector.centres.thulium.reader import Reader
from connector.errors import ConnectorError, DialRefusal, DialRefused, Forbidden, NotFound, Rejected

#: What the vendor's words, none of which are public, may say of the reason; the first that fits.
_SAID = (
    (DialRefusal.NO_CAMPAIGN, re.compile(r"outbound|campaign|kampani", re.IGNORECASE)),
    (DialRefusal.NUMBER, re.compile(r"phone|number|numer|destination", re.IGNORECASE)),
    (DialRefusal.AGENT_OFFLINE, re.compile(r"not active|inactive|logged|offline|unavailable", re.IGNORECASE)),
)


class Telephony(Reader):
    """The telephones' part of `ContactCentre`."""

    async def dial(self, agent_id: str, number: str, *, tag: str = "") -> None:
        """`POST agents/:login/call`, once."""
        body = {"phone_number": self._written(number), **({"custom_data": tag} if tag else {})}
        try:
            await self._client.write("POST", f"agents/{segment(agent_id)}/call", body, ahead=True)
        except (Forbidden, NotFound):
            raise
        except Rejected as refused:
            reason = await self._why(agent_id, str(refused))
            raise DialRefused(str(refused), reason=reason, status=refused.status) from refused

    def _written(self, number: str) -> str:
        """A number as this system wants it."""
        if self._client.dials_nationally and number.startswith("+"):
            return number[3:] if number.startswith("+48") else "00" + number[1:]
        return number

    async def _why(self, agent_id: str, told: str) -> DialRefusal:
        """Whether it is for the agent, the number or something else, by the vendor's words and the agent's own record."""
        words = told.partition("/call: ")[2]
        for reason, said in _SAID:
            if said.search(words):
                return reason
        row: Mapping[str, object] | None = None
        with suppress(ConnectorError):
            row = await self._record(f"agents/{segment(agent_id)}", ahead=True)
        is_active = row is None or wire.flag_of(row.get("active", True))
        return DialRefusal.OTHER if is_active else DialRefusal.AGENT_OFFLINE
