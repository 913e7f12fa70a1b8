"""The HTTP API: who may ask, what is answered, and that a request sent twice opens one deal."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from connector.flows.tenant import Tenant
from connector.web import api
from connector.web.openapi import description
from tests.flows.looking import forget_calls
from tests.serving import Served
from tests.world import World, install

PROBLEM = "application/problem+json"


@dataclass
class Program:
    """A program with a key, and the world it asks about."""

    here: Served
    tenant: Tenant
    key: str

    @property
    def world(self) -> World:
        return self.here.world

    async def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | headers
        data = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else None
        url = self.here.origin + "/api/v1" + path
        async with self.world.http.request(method, url, data=data, headers=given) as answer:
            text = await answer.read()
            return answer.status, dict(answer.headers), orjson.loads(text) if text else None

    async def open(self, ticket: object, key: str = "one", **body: object) -> tuple[int, dict[str, Any]]:
        status, _, told = await self.ask(
            "POST", f"/tickets/{ticket}/deals", {"title": "Licences", **body}, **{"Idempotency-Key": key}
        )
        return status, told

    async def a_ticket(self, phone: str = "601000001") -> tuple[str, str]:
        """A customer and a ticket of theirs, by their numbers."""
        customer = await self.world.happen("customer", name="Jan", surname="Próba", phone_number=phone)
        ticket = await self.world.happen(
            "ticket", customer_id=customer["id"], subject="Licences", body="Twenty, please."
        )
        return str(customer["id"]), str(ticket["id"])

    async def deals(self) -> list[dict[str, Any]]:
        return [one for one in await self.world.records("deal") if not one["is_deleted"]]


@pytest.fixture
async def program(open_: Served) -> Program:
    tenant = await install(open_.service)
    _, key = await open_.service.access.add_key(tenant.id, "reporting")
    return Program(open_, tenant, key)


async def test_a_deal_is_opened_from_a_ticket_and_listed(program: Program) -> None:
    customer, ticket = await program.a_ticket()
    status, told = await program.open(ticket, value="1200.50", currency="PLN")
    assert (status, told["outcome"]) == (201, "made"), told
    [deal] = await program.deals()
    assert (str(deal["id"]), deal["title"], deal["value"]) == (told["deal_id"], "Licences", 1200.5)

    status, _, listed = await program.ask("GET", f"/customers/{customer}/deals")
    assert (status, listed["in_step"]) == (200, True)
    assert [(one["title"], one["value"], one["link"]) for one in listed["deals"]] == [
        ("Licences", "1200.5", told["link"])
    ]
    assert listed["totals"] == {"PLN": "1200.5"}


async def test_the_first_deal_of_an_installation_that_shows_no_pages_carries_a_marker(
    program: Program,
) -> None:
    _, ticket = await program.a_ticket()
    assert (await program.open(ticket))[0] == 201
    [row] = await program.tenant.deals.of_ticket(f"thulium:demo/{ticket}")
    [deal] = await program.deals()
    assert [*deal["custom_fields"].values()] == [row.marker]


async def test_the_same_request_sent_again_opens_no_second_deal(program: Program) -> None:
    _, ticket = await program.a_ticket()
    first, second = await asyncio.gather(program.open(ticket), program.open(ticket))
    assert sorted((first[0], second[0])) in ([200, 201], [201, 202])
    assert (await program.open(ticket))[0] == 200
    assert len(await program.deals()) == 1


async def test_a_second_deal_is_opened_only_where_it_is_meant(program: Program) -> None:
    _, ticket = await program.a_ticket()
    _, first = await program.open(ticket)
    status, told = await program.open(ticket, key="two", title="Other")
    assert (status, told["link"]) == (409, first["link"])
    status, told = await program.open(ticket, key="two", title="Other", another=True)
    assert status == 201, told
    assert len(await program.deals()) == 2


async def test_an_equal_new_title_is_asked_about(program: Program) -> None:
    _, ticket = await program.a_ticket()
    await program.open(ticket)
    assert (await program.open(ticket, key="two", another=True))[0] == 409
    assert (await program.open(ticket, key="two", another=True, same_title=True))[0] == 201


async def test_what_is_wrong_with_a_request_is_named(program: Program) -> None:
    _, ticket = await program.a_ticket()
    status, told = await program.open(ticket, title=" ", value="-1", currency="zł")
    assert status == 422
    assert {one["field"] for one in told["errors"]} == {"title", "value", "currency"}
    status, headers, told = await program.ask("POST", f"/tickets/{ticket}/deals", {"title": "A"})
    assert (status, headers["Content-Type"]) == (400, PROBLEM + "; charset=utf-8")
    assert "Idempotency-Key" in told["title"]
    status, _, _ = await program.ask("POST", f"/tickets/{ticket}/deals", b"{", **{"Idempotency-Key": "k"})
    assert status == 422
    assert (await program.open(987654))[0] == 404
    status, _, told = await program.ask("GET", "/customers/1/deals?connection=thulium:other")
    assert status == 404
    assert await program.deals() == []


async def test_a_customer_who_is_not_in_step_has_no_deals_and_costs_nothing(program: Program) -> None:
    customer, _ = await program.a_ticket()
    await forget_calls(program.world, "pipedrive")
    status, _, listed = await program.ask("GET", f"/customers/{customer}/deals")
    assert (status, listed["in_step"], listed["deals"]) == (200, False, [])
    assert await program.world.calls("pipedrive") == []


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic a2V5", "bearer  "])
async def test_without_a_key_nothing_is_told(program: Program, given: str) -> None:
    status, headers, told = await program.ask("GET", "/customers/1/deals", Authorization=given)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="connector"')
    assert headers["Content-Type"].startswith(PROBLEM)
    assert set(told) == {"type", "title", "status", "detail"}


async def test_a_revoked_key_works_no_more(program: Program) -> None:
    [row] = await program.here.service.access.keys(program.tenant.id)
    assert await program.here.service.access.revoke_key(program.tenant.id, row.id)
    assert (await program.ask("GET", "/customers/1/deals"))[0] == 401


async def test_a_key_is_asked_to_wait_when_it_asks_too_often(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_BURST", 2)
    answers = [await program.ask("GET", "/customers/1/deals") for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert int(answers[2][1]["Retry-After"]) > 0


async def test_the_description_is_public_and_valid(program: Program) -> None:
    status, _, told = await program.ask("GET", "/openapi.json", Authorization="")
    assert (status, told) == (200, orjson.loads(orjson.dumps(description())))
    for schema in told["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


async def test_the_service_does_what_its_description_says(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(api, "_BURST", 100_000)
    await program.a_ticket()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{program.here.origin}/api/v1/openapi.json",
        "--header", f"Authorization: Bearer {program.key}", "--checks", "all", "--max-examples", "12",
        "--seed", "1", "--no-color", "--generation-database", "none",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(120):
        said, _ = await running.communicate()
    assert running.returncode == 0, said.decode()[-8000:]
