"""Start the simulated Thulium: `python -m connector.sandbox.thulium --port N`."""

from __future__ import annotations

import argparse
import asyncio
import json

from aiohttp import web

from connector.sandbox.thulium.app import Config, create_app


def main() -> None:
    """Serve on loopback until interrupted; the one line printed tells the address."""
    usual = Config()
    parser = argparse.ArgumentParser(prog="python -m connector.sandbox.thulium", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--latency-ms", type=float, default=0, help="each answer is delayed that long")
    parser.add_argument("--system", action="append", help="name of a system; may be given several times")
    parser.add_argument("--user", default=usual.login, help="login of the API user")
    parser.add_argument("--password", default=usual.password, help="password of the API user")
    args = parser.parse_args()
    systems = tuple(args.system or usual.systems)
    config = Config(systems, args.user, args.password, latency_ms=args.latency_ms)
    try:
        asyncio.run(serve(config, args.port))
    except KeyboardInterrupt:
        return


async def serve(config: Config, port: int) -> None:
    """Serve until cancelled."""
    runner = web.AppRunner(create_app(config), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, bound = runner.addresses[0][:2]
    print(json.dumps({"listening": f"http://{host}:{bound}"}), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main()
