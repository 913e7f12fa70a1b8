"""Every operation of the contract, asked of the simulated Pipedrive and judged."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from connector.sandbox.pipedrive.app import create_app
from connector.sandbox.pipedrive.config import demo_config
from tests.contract.checker import Checker, vendor_contract
from tests.contract.vendor import Json, Object, mapping, sequence

VALUES: Object = {
    "varchar": "x",
    "text": "dłuższy tekst",
    "double": 1.5,
    "monetary": {"value": 500, "currency": "PLN"},
    "phone": "+48 601 000 001",
    "date": "2026-01-31",
    "daterange": {"value": "2026-01-01", "until": "2026-01-31"},
    "time": {"value": "10:15:00"},
    "timerange": {"value": "10:00:00", "until": "11:00:00"},
    "address": {"value": "Prosta 1, Łódź"},
}
SINGULAR = {"persons": "person", "organizations": "organization", "deals": "deal"}
WIDE = "include_option_labels=true&include_labels=true&include_fields=activities_count,notes_count,next_activity_id"


@dataclass(frozen=True)
class Pipedrive:
    """A session of the administrator at a judged simulator."""

    checker: Checker
    session: ClientSession

    async def ask(self, asked: str, body: Json = None) -> tuple[int, Object]:
        method, _, path = asked.partition(" ")
        async with self.session.request(method, path, json=body) as answer:
            text = await answer.read()
            return answer.status, orjson.loads(text) if answer.content_type == "application/json" else {}

    async def data(self, asked: str, body: Json = None) -> Json:
        status, answer = await self.ask(asked, body)
        assert status < 300, (asked, status, answer)
        return answer.get("data")

    async def made(self, path: str, body: Object) -> int:
        number = mapping(await self.data(f"POST {path}", body))["id"]
        assert isinstance(number, int)
        return number


@pytest.fixture
async def pipedrive() -> AsyncIterator[Pipedrive]:
    checker = Checker()
    app = create_app(demo_config(limits=False), middlewares=[checker.middleware])
    headers = {"x-api-token": "demo-api-token"}
    async with TestServer(app) as server, ClientSession(server.make_url("/"), headers=headers) as session:
        yield Pipedrive(checker, session)


async def _fields(pipedrive: Pipedrive, entity: str) -> Object:
    """Make a field of every type, read and change one, delete one, and give values for the others by their keys."""
    path = f"/api/v2/{entity}Fields"
    values: Object = {}
    for kind, value in VALUES.items():
        field = mapping(
            await pipedrive.data(f"POST {path}", {"field_name": f"Pole {kind}", "field_type": kind})
        )
        values[str(field["field_code"])] = value
    for kind in ("enum", "set"):
        body: Object = {"field_name": kind, "field_type": kind, "options": [{"label": "A"}, {"label": "B"}]}
        field = mapping(await pipedrive.data(f"POST {path}", body))
        options = [mapping(option)["id"] for option in sequence(field["options"])]
        values[str(field["field_code"])] = options if kind == "set" else options[0]
    code = next(iter(values))
    await pipedrive.data(f"PATCH {path}/{code}", {"field_name": "Centrala"})
    await pipedrive.data(f"GET {path}/{code}")
    await pipedrive.data(f"GET {path}?limit=2")
    await pipedrive.data(
        f"GET {path}?limit=500&include_fields=ui_visibility,important_fields,required_fields"
    )
    other = mapping(await pipedrive.data(f"POST {path}", {"field_name": "x", "field_type": "varchar_auto"}))
    await pipedrive.data(f"DELETE {path}/{other['field_code']}")
    return values


async def _reads(pipedrive: Pipedrive, records: dict[str, int]) -> None:
    period = "updated_since=2020-01-01T00:00:00Z&updated_until=2100-01-01T00:00:00Z"
    for name, number in records.items():
        await pipedrive.data(f"GET /api/v2/{name}/{number}")
        await pipedrive.data(f"GET /api/v2/{name}?limit=1&sort_by=update_time&sort_direction=desc&{period}")
        await pipedrive.data(f"GET /api/v2/{name}?ids={number},{number + 1}")
        if name in SINGULAR:
            await pipedrive.data(f"GET /api/v2/{name}/{number}?{WIDE}")
            await pipedrive.data(f"GET /api/v2/{name}?{WIDE}")
    await pipedrive.data(f"GET /api/v2/activities/{records['activities']}?include_fields=attendees")
    await pipedrive.data(f"GET /api/v2/deals?person_id={records['persons']}&status=open,won,deleted")
    await pipedrive.data("GET /api/v2/deals/archived")
    await pipedrive.data(
        "GET /api/v2/persons/search?term=601000001&fields=phone&include_fields=person.picture"
    )
    await pipedrive.data("GET /api/v2/organizations/search?term=Żółw&exact_match=true")
    await pipedrive.data("GET /api/v2/deals/search?term=Umowa&include_fields=deal.cc_email")
    await pipedrive.data("GET /api/v2/itemSearch?term=Łucja&item_types=person&search_for_related_items=true")


async def _writes(pipedrive: Pipedrive) -> dict[str, int]:
    """Make two of each record with every field set, and change one."""
    custom = {name: await _fields(pipedrive, entity) for name, entity in SINGULAR.items()}
    post = pipedrive.made
    await post("/api/v2/organizations", {"name": "Druga"})
    organization = await post(
        "/api/v2/organizations",
        {
            "name": "Żółw",
            "address": {"value": "Prosta 1"},
            "website": None,
            "custom_fields": custom["organizations"],
        },
    )
    await post("/api/v2/persons", {"name": "Jan Drugi"})
    person = await post(
        "/api/v2/persons",
        {
            "first_name": "Łucja",
            "last_name": "Żak",
            "org_id": organization,
            "emails": [{"value": "lucja@example.com"}],
            "phones": [{"value": "+48 601 000 001", "label": "work"}],
            "visible_to": 3,
            "custom_fields": custom["persons"],
        },
    )
    await post("/api/v2/deals", {"title": "Druga", "status": "lost", "lost_reason": "cena"})
    deal = await post(
        "/api/v2/deals",
        {
            "title": "Umowa",
            "person_id": person,
            "value": 10,
            "currency": "PLN",
            "custom_fields": custom["deals"],
        },
    )
    await post("/api/v2/activities", {"subject": "Druga", "type": "task"})
    activity = await post(
        "/api/v2/activities",
        {
            "subject": "Rozmowa",
            "type": "call",
            "done": True,
            "deal_id": deal,
            "participants": [{"person_id": person, "primary": True}],
            "due_date": "2026-01-01",
            "due_time": "10:00",
            "duration": "00:05",
            "location": {"value": "Prosta 1"},
            "note": "ref:abcdefghijklmnopqrst",
        },
    )
    code = next(iter(custom["persons"]))
    await pipedrive.data(f"GET /api/v2/persons?custom_fields={code}")
    await pipedrive.data(f"GET /api/v2/itemSearch/field?term=x&entity_type=person&field={code}&match=exact")
    await pipedrive.data(
        f"PATCH /api/v2/activities/{activity}", {"deal_id": None, "due_time": None, "done": False}
    )
    await pipedrive.data(f"PATCH /api/v2/persons/{person}", {"org_id": None, "custom_fields": {code: None}})
    await pipedrive.data(f"PATCH /api/v2/organizations/{organization}", {"address": None})
    await pipedrive.data(f"PATCH /api/v2/deals/{deal}", {"status": "won", "person_id": None})
    return {"persons": person, "organizations": organization, "deals": deal, "activities": activity}


async def _webhooks(pipedrive: Pipedrive) -> None:
    async def receive(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receive)
    async with TestServer(app) as server:
        hook = await pipedrive.made(
            "/v1/webhooks",
            {
                "subscription_url": str(server.make_url("/hook")),
                "event_action": "*",
                "event_object": "person",
                "name": "judged",
                "http_auth_user": None,
            },
        )
        await pipedrive.data("GET /v1/webhooks")
        await pipedrive.data(f"DELETE /v1/webhooks/{hook}")


async def test_every_operation_is_served_and_keeps_to_the_files(pipedrive: Pipedrive) -> None:
    for path in ("users", "users/me", "userSettings", "activityTypes"):
        await pipedrive.data(f"GET /v1/{path}")
    await pipedrive.made("/v1/activityTypes", {"name": "Czat", "icon_key": "bubble"})
    for name in ("pipelines", "stages"):
        first = mapping(sequence(await pipedrive.data(f"GET /api/v2/{name}?sort_by=update_time"))[0])
        await pipedrive.data(f"GET /api/v2/{name}/{first['id']}")
    records = await _writes(pipedrive)
    await _reads(pipedrive, records)
    await _webhooks(pipedrive)
    for name, number in records.items():
        if name in SINGULAR:
            await pipedrive.data(f"PUT /v1/{name}/{number - 1}/merge", {"merge_with_id": number})
        await pipedrive.data(f"DELETE /api/v2/{name}/{number}")
        await pipedrive.data(f"GET /api/v2/{name}/{number}")
    pipedrive.checker.assert_clean()
    unserved = mapping(vendor_contract()["operations"]).keys() - pipedrive.checker.seen.keys()
    assert {key for key in unserved if " /oauth/" not in key} == set()


async def test_refusals_have_the_shapes_that_the_vendor_documents(pipedrive: Pipedrive) -> None:
    wrong: list[tuple[str, Json, int]] = [
        ("GET /api/v2/persons/99999", None, 404),
        ("DELETE /v1/webhooks/99999", None, 404),
        ("PUT /v1/persons/99999/merge", {"merge_with_id": 99998}, 404),
        ("GET /api/v2/persons?limit=501", None, 400),
        ("GET /api/v2/persons?updated_since=2026-01-01T00:00:00.5Z", None, 400),
        ("GET /api/v2/persons?colour=red", None, 400),
        ("GET /api/v2/persons/search?term=a", None, 400),
        ("POST /api/v2/activities", {"subject": "x", "type": "call", "person_id": 1}, 400),
        ("POST /api/v2/activities", {"subject": "x", "type": "call", "done": 1}, 400),
        ("POST /api/v2/activities", {"subject": "x", "type": "none such"}, 400),
        ("POST /api/v2/persons", {"nme": "x"}, 400),
        ("POST /api/v2/personFields", {"field_name": "x", "field_type": "int"}, 400),
        ("POST /v1/webhooks", {"name": "x"}, 400),
        ("POST /v1/activityTypes", {"name": "x"}, 400),
    ]
    for asked, body, expected in wrong:
        status, answer = await pipedrive.ask(asked, body)
        assert status == expected, (asked, answer)
    faults: list[tuple[Object, int]] = [
        ({"kind": "burst_429"}, 429),
        ({"kind": "daily_429"}, 429),
        ({"kind": "unauthorised"}, 401),
        ({"kind": "html_403"}, 403),
        ({"kind": "status_before", "status": 502, "html": True}, 502),
        ({"kind": "status_after", "status": 500}, 500),
    ]
    for fault, expected in faults:
        for asked in ("GET /api/v2/persons", "GET /v1/users"):
            assert (await pipedrive.ask("POST /_sandbox/faults", fault))[0] == 201
            assert (await pipedrive.ask(asked))[0] == expected
    pipedrive.checker.assert_clean(refusals_allowed=True)
