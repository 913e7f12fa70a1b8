"""The door that a contact centre knocks at when a phone rings: who may ask, and what is answered in the vendor's keys."""

from __future__ import annotations

import base64
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs
from yarl import URL

from connector.flows.indexing import ensure
from connector.flows.lookup import Caller
from connector.flows.tenant import Tenant
from connector.store.index import Entity
from connector.store.vault import derived_password
from connector.web.lookup import card
from tests.bad_days.days import empty_database
from tests.flows.looking import PERSON, spent
from tests.serving import Served, served
from tests.world import World, install, open_world

NUMBER = "601000001"


@dataclass
class Phone:
    """The contact centre's side of a ringing phone."""

    here: Served
    tenant: Tenant
    path: str
    password: str

    async def ring(
        self, query: str = f"phone_number={NUMBER}", method: str = "GET", path: str = "", **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        url = URL(f"{self.here.origin}/lookup/{path or self.path}?{query}", encoded=True)
        given = basic("connector", self.password) | headers
        async with self.here.world.http.request(method, url, headers=given) as answer:
            text = await answer.read()
            return answer.status, dict(answer.headers), orjson.loads(text) if text else None


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def connected(here: Served, **settings: Any) -> Phone:
    tenant = await install(here.service, **settings)
    await ensure(tenant, no_older_than=timedelta())
    (centre,) = await here.service.installations.centres(tenant.id)
    return Phone(here, tenant, centre.hook_path, centre.lookup_password)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, pipedrive_timeout=5.0, thulium_timeout=5.0) as world:
        shutil.copy(empty_database(), world.database)
        yield world


@pytest.fixture
async def phone(world: World) -> AsyncIterator[Phone]:
    await world.seed_pipedrive(persons=[PERSON])
    async with served(world) as here:
        yield await connected(here)


async def test_a_known_caller_is_a_card_in_the_vendors_keys(phone: Phone) -> None:
    before = await spent(phone.here.world)
    status, headers, body = await phone.ring()
    assert status == 200
    assert headers["Content-Type"] == "application/json;charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    link = body.pop("homepage")
    assert body == {
        "phone_number": NUMBER, "name": "Jan", "surname": "Próba", "email": "jan@example.com",
        "identifier": link.rpartition("/")[2],
    }  # fmt: skip
    assert link == f"https://{phone.tenant.installed.domain}.pipedrive.com/person/{body['identifier']}"
    assert await spent(phone.here.world) - before == 1
    assert (await phone.ring())[2]["surname"] == "Próba"
    assert await spent(phone.here.world) - before == 1


async def test_an_unescaped_plus_sign_is_understood(phone: Phone) -> None:
    for query in ("phone_number=+48601000001", "phone_number=%2B48601000001"):
        status, _, body = await phone.ring(query)
        assert (status, body["phone_number"]) == (200, "+48601000001")


async def test_who_is_unknown_is_404_and_the_reason_names_no_number(phone: Phone) -> None:
    status, _, body = await phone.ring("phone_number=602999999")
    assert (status, body["error"]) == (404, "Nobody in Pipedrive has this number.")
    status, _, body = await phone.ring("phone_number=anonymous")
    assert (status, body["error"]) == (404, "The number is hidden, internal or one of the ignored ones.")


@pytest.mark.parametrize(
    "query", ["", "phone_number=", "phone_number=+", "number=1", "phone_number=" + "6" * 65]
)
async def test_a_number_that_is_missing_or_too_long_is_refused(phone: Phone, query: str) -> None:
    status, _, body = await phone.ring(query)
    assert status == (404 if query.endswith("+") else 400)
    assert "666" not in str(body)


async def test_only_get_is_answered(phone: Phone) -> None:
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        assert (await phone.ring(method=method))[0] == 405


async def test_without_the_right_password_nobody_is_named(phone: Phone) -> None:
    (centre,) = await phone.here.service.installations.centres(phone.tenant.id)
    wrong = [
        {"Authorization": ""}, basic("connector", "wrong"), basic("other", phone.password),
        # The password of the webhooks is another.
        basic("connector", centre.hook_password), basic("connector", phone.tenant.installed.hook_password),
    ]  # fmt: skip
    for headers in wrong:
        status, answered, body = await phone.ring(**headers)
        assert (status, answered["WWW-Authenticate"]) == (401, 'Basic realm="connector"')
        assert "phone" not in str(body)
    assert (await phone.ring(path="nothing"))[0] == 404
    # Pipedrive's own door is none for phones.
    assert (await phone.ring(path=phone.tenant.installed.hook_path))[0] == 404


async def test_the_lookups_password_opens_no_door_for_webhooks(phone: Phone) -> None:
    headers = basic("connector", phone.password)
    assert await phone.here.knock(phone.tenant, b"{}", source="thulium:demo", **headers) == 401


async def test_strangers_are_slowed_down_and_the_contact_centre_is_not(phone: Phone) -> None:
    answers = [(await phone.ring(path=f"guess-{n}"))[0] for n in range(35)]
    assert answers[:30] == [404] * 30
    status, headers, _ = await phone.ring(path="guess")
    assert status == 429
    assert int(headers["Retry-After"]) > 0
    assert (await phone.ring(**basic("connector", "wrong")))[0] == 429
    assert (await phone.ring())[0] == 200


async def test_one_contact_centre_has_a_limit_too(phone: Phone) -> None:
    answered = 0
    while (status := (await phone.ring())[0]) == 200:
        answered += 1
    assert status == 429
    assert answered >= 300


async def test_before_the_index_is_complete_the_phone_is_told_at_once(world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with served(world) as here:
        phone = await connected(here)
        await phone.tenant.index.begin_anew()
        status, _, body = await phone.ring()
        assert (status, body["error"].partition(":")[0]) == (404, "The index is not complete yet")


async def test_a_dead_token_is_404_and_counted(phone: Phone) -> None:
    await phone.here.world.fault("pipedrive", "unauthorised", path="/persons/", times=None)
    for _ in range(2):
        status, _, body = await phone.ring()
        assert status == 404
        assert body["error"].startswith("Pipedrive could not be read")
    assert counted(phone, "failed") == 2


def counted(phone: Phone, outcome: str) -> float | None:
    registry = phone.here.service.metrics.registry
    labels = {"installation": phone.tenant.id, "outcome": outcome}
    return registry.get_sample_value("connector_lookups_total", labels)


async def test_no_log_holds_a_number_or_a_name(world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    async with served(world, log_level="DEBUG") as here:
        phone = await connected(here)
        with capture_logs() as lines:
            await phone.ring()
            await phone.ring("phone_number=602999999")
            await phone.ring(**basic("connector", "wrong"))
            await world.fault("pipedrive", "html_403", path="/persons/", times=None)
            here.service.clock.move_to(timedelta(seconds=61))
            assert (await phone.ring())[0] == 404
    said = str(lines)
    assert "/lookup/{path}" in said
    assert "caller not read" in said
    for secret in (NUMBER, "602999999", "Jan", "Próba", phone.path, phone.password, "phone_number"):
        assert secret not in said


async def test_after_an_uninstall_nobody_is_named_any_more(phone: Phone) -> None:
    assert (await phone.ring())[0] == 200
    assert await phone.here.service.uninstall(phone.tenant.id, phone.tenant.installed.owner_user_id)
    assert (await phone.ring())[0] == 404


def person(name: str, *emails: str) -> Caller:
    return Caller(Entity.PERSON, "7", name, emails, "https://acme.pipedrive.com/person/7")


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Żaneta Źdźbło-Łącka", "Żaneta", "Źdźbło-Łącka"),
        ("Cher", None, "Cher"),
        ("Kowalski, Jan", "Jan", "Kowalski"),
        ("Zażółć sp. z o.o.", None, "Zażółć sp. z o.o."),
        ("<b>Jan</b> Próba", "<b>Jan</b>", "Próba"),
        ("", None, NUMBER),
        ("  ", None, NUMBER),
    ],
)  # fmt: skip
def test_a_card_always_has_a_surname(name: str, first: str | None, last: str) -> None:
    shown = card(person(name), NUMBER)
    assert (shown.get("name"), shown["surname"]) == (first, last)


def test_a_card_has_one_address_or_a_list_of_them() -> None:
    assert "email" not in card(person("Jan"), NUMBER)
    assert card(person("Jan", "a@example.com"), NUMBER)["email"] == "a@example.com"
    assert card(person("Jan", "a@example.com", "b@example.com"), NUMBER)["email"] == [
        "a@example.com", "b@example.com",
    ]  # fmt: skip


def test_an_organization_is_a_surname_alone() -> None:
    caller = Caller(
        Entity.ORGANIZATION, "3", "Jan i Synowie", (), "https://acme.pipedrive.com/organization/3"
    )
    assert card(caller, NUMBER) == {
        "phone_number": NUMBER, "surname": "Jan i Synowie", "homepage": "https://acme.pipedrive.com/organization/3",
    }  # fmt: skip


def test_one_secret_makes_two_passwords_that_do_not_give_each_other_away() -> None:
    made = derived_password("secret", "lookup")
    assert made == derived_password("secret", "lookup")
    assert len(made) == 43
    assert (
        len({made, derived_password("secret", "other"), derived_password("Secret", "lookup"), "secret"}) == 4
    )
