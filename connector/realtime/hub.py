"""Which lines an agent has open in this process, and what waits to be said on each; bounded everywhere.

State is elsewhere: whoever opens a line is told the agent's calls anew, so nothing is lost with a line.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, defaultdict, deque
from collections.abc import Iterator

from connector.realtime.protocol import Bye, Farewell, Message, write

#: Lines of one agent at once: browsers, and those whose end nobody has noticed yet.
MOST_LINES_OF_AGENT = 8
#: Messages that wait for one client; a call has about six.
MOST_WAITING = 64


class TooMany(Exception):
    """The agent has as many lines as anybody may have."""


class Full(Exception):
    """The service has as many lines as it may hold."""


class Line:
    """One client's open line.

    `waiting` are messages that it was not told yet, oldest first. `is_over` says that nothing more will come: the last
    one that waits is the farewell, unless the client `fell_behind`; then none waits.
    """

    __slots__ = (
        "_woken",
        "agent",
        "device_id",
        "farewell",
        "fell_behind",
        "installation_id",
        "told",
        "waiting",
    )

    def __init__(self, installation_id: str, agent: str, device_id: str) -> None:
        """Open it; `told` counts the messages that the client was told."""
        self.installation_id, self.agent, self.device_id = installation_id, agent, device_id
        self.waiting = deque[bytes]()
        self.told = 0
        self.farewell: Farewell | None = None
        self.fell_behind = False
        self._woken = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be put."""
        return self.fell_behind or self.farewell is not None

    def begin(self, *messages: bytes) -> None:
        """Have these told first, before what waits already."""
        self.waiting.extendleft(reversed(messages))

    def put(self, message: bytes) -> None:
        """Have something told; a client that does not take what waits for it loses its line."""
        if self.is_over:
            return
        if len(self.waiting) >= MOST_WAITING:
            self.fell_behind = True
            self.waiting.clear()
        else:
            self.waiting.append(message)
        self._woken.set()

    def end(self, reason: Farewell) -> None:
        """Let what waits be the last, with a farewell behind it."""
        self.put(write(Bye(reason)))
        if not self.fell_behind:
            self.farewell = reason

    def took(self, number: int) -> None:
        """Count the oldest messages as told."""
        for _ in range(min(number, len(self.waiting))):
            self.waiting.popleft()
            self.told += 1

    async def wait(self, seconds: float) -> None:
        """Until something waits or the line is over, but no longer than that."""
        if self.waiting or self.is_over:
            return
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass


class Hub:
    """The open lines of all agents. `server` is another word at each start of the service."""

    def __init__(self, most: int) -> None:
        """Hold at most so many lines."""
        self.server = secrets.token_hex(8)
        self._most = most
        self._lines: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        self._number = 0
        self._is_shut = False

    def open(self, installation_id: str, agent: str, device_id: str) -> Line:
        """Open a line; TooMany or Full when there are enough, Full also once the service stops."""
        if self._number >= self._most or self._is_shut:
            raise Full
        key = installation_id, agent
        if len(self._lines.get(key, ())) >= MOST_LINES_OF_AGENT:
            raise TooMany
        line = Line(installation_id, agent, device_id)
        self._lines[key].append(line)
        self._number += 1
        return line

    def close(self, line: Line) -> None:
        """Forget a line that nobody listens to any more."""
        lines = self._lines[line.installation_id, line.agent]
        if line in lines:
            lines.remove(line)
            self._number -= 1
        if not lines:
            del self._lines[line.installation_id, line.agent]

    def tell(self, installation_id: str, agent: str, message: Message) -> bool:
        """Say something on all lines of an agent, known as `connection/login`; whether he has any here."""
        if not (lines := self._lines.get((installation_id, agent))):
            return False
        text = write(message)
        for line in lines:
            line.put(text)
        return True

    def end(self, device_id: str) -> None:
        """End the lines of a device that was revoked."""
        for line in self._all():
            if line.device_id == device_id:
                line.end("revoked")

    def end_all(self, installation_id: str) -> None:
        """End all lines of an installation that has ended."""
        for line in self._all():
            if line.installation_id == installation_id:
                line.end("revoked")

    def stop(self) -> None:
        """End every line and open no other: the service stops."""
        self._is_shut = True
        for line in self._all():
            line.end("restart")

    def open_lines(self) -> Counter[str]:
        """How many lines are open, by installation."""
        return Counter(line.installation_id for line in self._all())

    def _all(self) -> Iterator[Line]:
        return (line for lines in self._lines.values() for line in lines)
