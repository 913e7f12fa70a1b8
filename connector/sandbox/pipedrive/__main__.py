"""Run one simulator: `python -m connector.sandbox.pipedrive --port 0`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

from aiohttp import web

from connector.sandbox.pipedrive.app import create_app
from connector.sandbox.pipedrive.config import PLANS, Config, demo_config


async def run(config: Config, port: int) -> None:
    """Serve on 127.0.0.1 until asked to stop; say where on standard output, in one line of JSON."""
    runner = web.AppRunner(create_app(config), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(json.dumps({"listening": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="connector.sandbox.pipedrive", description="A simulated Pipedrive.")
    parser.add_argument("--port", type=int, default=8081, help="0 takes any free port")
    parser.add_argument("--latency-ms", type=float, default=0, help="delay of every API answer")
    parser.add_argument("--no-limits", action="store_true", help="switch burst limits and daily budget off")
    parser.add_argument("--plan", choices=PLANS, default="growth")
    arguments = parser.parse_args()
    limited = not arguments.no_limits
    config = demo_config(
        plan=arguments.plan, latency_ms=arguments.latency_ms, limits=limited, daily_limit=limited
    )
    asyncio.run(run(config, arguments.port))


if __name__ == "__main__":
    main()
