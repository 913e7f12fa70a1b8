"""A SIP server of the test's own: Kamailio, which rings phones on order and tells how their calls go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from string import Template

from aiohttp import ClientSession

from tests.sip.process import Said, program, talking

#: Whom a phone sees ring that was rung on order.
EXCHANGE = "exchange"

# One process takes what comes over UDP, so that events keep their order. The bridge's own NOTIFYs end here: sent on, they would
# come back for ever.
CONFIG = Template("""#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
tcp_accept_no_cl=yes
auto_aliases=no
listen=udp:127.0.0.1:$sip
listen=tcp:127.0.0.1:$sip
$modules
modparam("jsonrpcs", "transport", 1)
modparam("dialog", "bridge_controller", "sip:$exchange@127.0.0.1:$sip")
modparam("dialog", "bridge_contact", "sip:$exchange@127.0.0.1:$sip")
modparam("evapi", "bind_addr", "127.0.0.1:$events")
modparam("rr", "append_fromtag", 1)

request_route {
  if (is_method("NOTIFY")) { sl_send_reply("200", "OK"); exit; }
  if (is_method("REGISTER")) {
    save("location");
    evapi_relay("{\\"what\\": \\"registered\\", \\"from\\": \\"$$fU\\"}");
    exit;
  }
  if (has_totag()) {
    if (is_method("BYE")) { route(TELL_BYE); }
    if (loose_route() || !is_method("ACK") || t_check_trans()) { t_relay(); }
    exit;
  }
  if (is_method("CANCEL")) {
    if (t_check_trans()) { t_relay(); }
    exit;
  }
  if (is_method("INVITE")) {
    record_route();
    dlg_manage();
    t_on_reply("TOLD");
    t_on_failure("TOLD");
  }
  if (!lookup("location")) {
    evapi_relay("{\\"what\\": \\"failed\\", \\"from\\": \\"$$fU\\", \\"to\\": \\"$$rU\\", \\"status\\": 404}");
    sl_send_reply("404", "Not here");
    exit;
  }
  t_relay();
}

route[TELL_BYE] {
  evapi_relay("{\\"what\\": \\"bye\\", \\"from\\": \\"$$fU\\", \\"to\\": \\"$$tU\\"}");
}

onreply_route[TOLD] {
  if (status =~ "2[0-9][0-9]") {
    evapi_relay("{\\"what\\": \\"answered\\", \\"from\\": \\"$$fU\\", \\"to\\": \\"$$tU\\"}");
  }
}

failure_route[TOLD] {
  evapi_relay("{\\"what\\": \\"failed\\", \\"from\\": \\"$$fU\\", \\"to\\": \\"$$tU\\", \\"status\\": $$T_reply_code}");
}

event_route[xhttp:request] { jsonrpc_dispatch(); }
""")
MODULES = (
    "jsonrpcs", "kex", "corex", "tm", "tmx", "sl", "rr", "pv", "usrloc", "registrar", "textops", "siputils", "xhttp", "dialog",
    "evapi",
)  # fmt: skip


def address(server: int, number: str) -> str:
    """Where a number is rung by the server at this port."""
    return f"sip:{number}@127.0.0.1:{server}"


async def bridge(server: int, first: str, second: str) -> None:
    """Ring one number; its phone rings the other one when it is answered."""
    addresses = [address(server, first), address(server, second), f"sip:127.0.0.1:{server}"]
    order = {"jsonrpc": "2.0", "method": "dlg.bridge_dlg", "params": addresses, "id": 1}
    async with ClientSession() as http, http.post(f"http://127.0.0.1:{server}/RPC", json=order) as answer:
        told = await answer.json(content_type=None)
    if "error" in told:
        raise RuntimeError(f"Kamailio: {told['error']}")


@asynccontextmanager
async def kamailio(folder: Path, port: int, hear: Callable[[Said], None]) -> AsyncIterator[None]:
    """Run Kamailio at this port and the next one. What it tells: `registered`, and of calls `answered`, `failed` and `bye`."""
    config = _configure(folder, port)
    command = (
        "/usr/sbin/kamailio",
        "-f",
        config,
        "-DD",
        "-E",
        "-m",
        "32",
        "-M",
        "4",
        "-w",
        folder,
        "-Y",
        folder,
    )
    async with program(folder / "log", *command), talking(port + 1, hear):
        yield


def _configure(folder: Path, port: int) -> Path:
    folder.mkdir()
    config = folder / "kamailio.cfg"
    modules = "\n".join(f'loadmodule "{name}.so"' for name in MODULES)
    config.write_text(CONFIG.substitute(sip=port, events=port + 1, exchange=EXCHANGE, modules=modules))
    return config
