"""Who may ask what, how refusals look, and that systems are apart."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from connector.sandbox.thulium import Config, create_app
from tests.sandbox.thulium import AUTH, Centre, running


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    async with running() as centre:
        yield centre


async def test_wrong_or_missing_credentials_are_refused_with_the_vendors_error_body(centre: Centre) -> None:
    wrong = (
        aiohttp.encode_basic_auth("connector", "wrong"),
        aiohttp.encode_basic_auth("nobody", "demo-password"),
    )
    for header in ("", "Basic", "Basic żżż", "Bearer x", *wrong):
        async with centre.client.get("/api/queues", headers={"Authorization": header}) as reply:
            body = await reply.json()
            assert reply.status == 401
            assert reply.headers["WWW-Authenticate"].startswith("Basic")
            assert body["request_id"]
            assert set(body["errors"][0]) == {"message", "code"}


async def test_errors_are_polish_when_asked_for(centre: Centre) -> None:
    headers = AUTH | {"Accept-Language": "pl"}
    async with centre.client.get("/api/tickets/77", headers=headers) as reply:
        assert (await reply.json())["errors"][0]["message"] == "Nie znaleziono"


async def test_a_user_may_only_what_its_rights_name(centre: Centre) -> None:
    rights = {"connections": ["GET"], "connections/:id/topic": [], "customers": "*"}
    await centre.control("users", login="connector", rights=rights)
    await centre.get("connections")
    await centre.get("connections/1.1/topic", status=403)
    await centre.post("connections/call", {"sip": "391", "phone_number": "601000001"}, status=403)
    await centre.post("customers", {"surname": "Żak"}, status=201)
    refused = await centre.get("queues", status=403)
    assert "GET queues" in refused["errors"][0]["message"]


async def test_an_unknown_path_or_system_is_not_found(centre: Centre) -> None:
    for path in ("/api/nothing", "/other/api/queues"):
        async with centre.client.get(path, headers=AUTH) as reply:
            assert reply.status == 404


async def test_a_body_that_is_no_json_is_refused(centre: Centre) -> None:
    async with centre.client.post("/api/customers", data=b"{", headers=AUTH) as reply:
        assert reply.status == 400
    await centre.post("customers", "text", status=400)


async def test_systems_share_a_process_but_no_data() -> None:
    async with running(Config(systems=("alfa", "beta"))) as centre:
        await centre.seed(system="beta", customers=[{"surname": "Żak"}])
        assert await centre.get("customers") == []
        assert await centre.get("customers", system="alfa") == []
        assert len(await centre.get("customers", system="beta")) == 1
        await centre.control("seed", status=404, system="gamma")


def test_a_system_must_be_named_like_a_host() -> None:
    for name in ("api", "Panel", "a/b", "-a", ""):
        with pytest.raises(ValueError, match="name of a system"):
            create_app(Config(systems=(name,)))


async def test_faults_answer_in_the_vendors_shape_and_leave_pages_alone(centre: Centre) -> None:
    await centre.control("faults", status=201, kind="burst_429", times=None)
    async with centre.client.get("/api/queues", headers=AUTH) as reply:
        assert reply.status == 429
        assert reply.headers["Retry-After"] == "1"
        assert (await reply.json())["errors"]
    await centre.page("/demo/panel/")


async def test_a_write_can_happen_although_its_answer_is_lost(centre: Centre) -> None:
    await centre.control("faults", status=201, kind="reset_after", method="POST", path="customers")
    with pytest.raises(aiohttp.ClientError):
        await centre.post("customers", {"surname": "Żak"})
    assert [row["surname"] for row in await centre.get("customers")] == ["Żak"]


async def test_switches_take_only_their_own_values(centre: Centre) -> None:
    assert (await centre.switch(moving_tickets=True, lost_hooks=1))["moving_tickets"] == -1
    for wrong in ({"no_such": 1}, {"topic_missing": "500"}, {"doubled_hooks": "yes"}):
        await centre.control("switches", status=400, **wrong)


async def test_directory_rows_have_either_kind_of_key(centre: Centre) -> None:
    for path, key in (
        ("queues", "queue_id"),
        ("chats/queues", "chat_queue_id"),
        ("ticket_queues", "ticket_queue_id"),
    ):
        await centre.switch(named_ids=False)
        assert all(set(row) == {"id", "name"} for row in await centre.get(path))
        await centre.switch(named_ids=True)
        assert all(set(row) == {key, "name"} for row in await centre.get(path))


async def test_agents_carry_what_pairs_them_with_users_elsewhere(centre: Centre) -> None:
    listed = await centre.get("agents")
    one = await centre.get("agents/zofia.zolc")
    assert one in listed
    assert (one["name"], one["surname"], one["email"]) == ("Zofia", "Żółć", "zofia.zolc@example.com")
    assert (await centre.get("agents/zofia.zolc/status"))["status"] == "AVAILABLE"
    assert (await centre.get("users/zofia.zolc"))["sip_accounts"] == [{"sip": "393"}]
    await centre.get("agents/nobody", status=404)
    assert not (await centre.get("agents/stary.agent"))["active"]


async def test_campaigns_have_ids_of_five_characters_and_their_agents(centre: Centre) -> None:
    campaign = (await centre.get("outbounds"))[0]["id"]
    assert campaign == "00001"
    assert {row["login"] for row in await centre.get(f"outbounds/{campaign}/agents")} >= {"anna.nowak"}


async def test_topics_are_listed_alone_and_by_queue(centre: Centre) -> None:
    topics = await centre.get("topics")
    grouped = await centre.get("queues/1/topics")
    assert [topic["name"] for topic in grouped["topic_groups"][0]["topics"]] == [
        topic["name"] for topic in topics
    ]
