"""The simulated Pipedrive as a process of its own."""

import asyncio
import json
import signal
import sys

import aiohttp

from connector.sandbox.pipedrive.config import Config, demo_config
from tests.sandbox.conftest import Start


async def test_it_says_where_it_listens_and_stops_when_asked() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connector.sandbox.pipedrive", "--port", "0", "--plan", "lite",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    origin = json.loads(await process.stdout.readline())["listening"]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{origin}/v1/users/me", headers={"x-api-token": "demo-api-token"}) as response,
    ):
        assert response.headers["x-ratelimit-limit"] == "20"
        assert (await response.json())["data"]["company_name"] == "Przykład sp. z o.o."
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_a_simulator_may_begin_with_companies_of_its_own(start: Start) -> None:
    company = {
        "name": "Łódź Sp. z o.o.",
        "plan": "premium",
        "api_domain": "https://lodz.pipedrive.com",
        "users": [{"name": "Jan", "email": "jan@example.com", "admin": True, "api_token": "jan"}],
        "activity_types": [{"name": "Telefon", "key_string": "call", "icon_key": "call"}],
        "pipelines": [{"name": "Lejek", "stages": ["Nowe", "Oferta"]}],
    }
    crm = await start(Config(companies=(company,)))
    assert [kind["name"] for kind in (await crm.get("/v1/activityTypes", token="jan")).data] == ["Telefon"]
    assert [stage["name"] for stage in (await crm.get("/api/v2/stages", token="jan")).data] == [
        "Nowe",
        "Oferta",
    ]
    assert (await crm.install())["api_domain"] == "https://lodz.pipedrive.com"
    assert (await demo_started(start)) == 3


async def demo_started(start: Start) -> int:
    return len(await (await start(demo_config())).users())


async def test_a_senseless_order_is_refused(start: Start) -> None:
    crm = await start(demo_config())
    for path, body in (
        ("seed", {"humans": []}),
        ("seed", {"persons": [{"name": "x", "done": 1}]}),
        ("edit", {"entity": "person", "action": "change", "id": 7, "changes": {}}),
        ("company", {"company": 1}),
        ("hooks/faults", {"drop": 1}),
        ("uninstall", {"user": 1}),
    ):
        assert (await crm.call("POST", f"/_sandbox/{path}", body)).status == 400, path
