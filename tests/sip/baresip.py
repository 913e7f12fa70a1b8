"""A real SIP phone without a person: baresip, which says a tone and keeps what it hears."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.at_work import until
from tests.sip.process import Said, program, talking
from tests.sip.sound import write_tone

PORTS = 16

CONFIG = """poll_method epoll
sip_listen 127.0.0.1:{sip}
net_interface 127.0.0.1
call_local_timeout 60
audio_source aufile,{folder}/says.wav
audio_player aubridge,nothing
audio_alert aubridge,nothing
ausrc_srate 8000
auplay_srate 8000
rtp_ports {rtp}-{rtp_last}
rtp_stats yes
snd_path {folder}
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


@dataclass(frozen=True)
class Baresip:
    """A running phone of one number."""

    number: str
    folder: Path
    say: Callable[[Said], None]
    heard: list[Said] = field(default_factory=list)

    def order(self, command: str, params: str = "") -> None:
        self.say({"command": command, "params": params})

    async def until(self, event: str, times: int = 1) -> None:
        """Wait until the phone has told of an event so many times, such as CALL_INCOMING."""

        async def told() -> bool:
            return [one.get("type") for one in self.heard].count(event) >= times

        await until(told)

    def recording(self) -> Path:
        """What the phone heard in its latest call."""
        return max(self.folder.glob("dump-*-dec.wav"))

    def packets(self) -> tuple[int, int]:
        """RTP packets sent and received in the latest call, as the phone counts them when it has ended."""
        counts = re.findall(r"^packets:\s+(\d+)\s+(\d+)", (self.folder / "log").read_text(), re.MULTILINE)
        return int(counts[-1][0]), int(counts[-1][1])


@asynccontextmanager
async def baresip(
    folder: Path, ports: int, number: str, server: int, *, says_hz: int
) -> AsyncIterator[Baresip]:
    """Run a phone on these ports (see PORTS), registered as `number` at the server's port; it says a tone."""
    control, heard = _configure(folder, ports, number, server, says_hz), list[Said]()
    async with (
        program(folder / "log", "/usr/bin/baresip", "-f", folder),
        talking(control, heard.append) as say,
    ):
        yield Baresip(number, folder, say, heard)


def _configure(folder: Path, ports: int, number: str, server: int, says_hz: int) -> int:
    """Write what the phone reads; gives the port where it takes orders."""
    folder.mkdir()
    # TLS is always one port above SIP.
    sip, control, rtp = ports, ports + 2, ports + 4
    (folder / "config").write_text(
        CONFIG.format(sip=sip, control=control, rtp=rtp, rtp_last=ports + PORTS - 1, folder=folder)
    )
    account = f"<sip:{number}@127.0.0.1:{server};transport=udp>;regint=60;answermode=manual;audio_codecs=PCMU/8000/1"
    (folder / "accounts").write_text(account + "\n")
    write_tone(folder / "says.wav", says_hz)
    return control
