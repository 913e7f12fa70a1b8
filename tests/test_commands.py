"""The command line: each verb, in this process."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson
import pytest

from tests.flows.looking import PERSON, tell
from tests.line import CONNECT, NUMBER, Line, a_call, period
from tests.world import World, ago


@pytest.fixture
def line(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(world, monkeypatch, capsys)


async def test_an_installation_is_added_listed_and_deleted(line: Line) -> None:
    status, added, _ = await line("installations", "add", given="demo-api-token\n")
    assert (status, added["company"], added["outcome"]) == (0, "Przykład sp. z o.o.", "new")
    await line(*CONNECT, given="demo-password\n")
    _, listed, _ = await line("installations")
    (one,) = listed
    assert (one["id"], one["state"], one["last_run"]) == (added["installation"], "active", None)
    assert [centre["id"] for centre in one["centres"]] == ["thulium:demo"]
    assert "demo-password" not in str(listed)

    assert (await line("installations", "delete"))[0] == 2
    assert (await line("installations", "delete", "--installation", "nobody"))[0] == 2
    status, deleted, _ = await line("installations", "delete", "--installation", one["id"])
    assert (status, deleted) == (0, {"deleted": one["id"], "left_at_vendors": []})
    assert (await line("installations"))[1] == []


async def test_what_is_missing_on_standard_input_is_asked_for(line: Line) -> None:
    status, _, said = await line("installations", "add", given="\n")
    assert (status, said) == (2, "Write the personal API token to standard input.\n")
    await line("installations", "add", given="demo-api-token\n")
    status, _, said = await line(*CONNECT, given="")
    assert (status, said) == (2, "Write the password to standard input.\n")


async def test_credentials_that_do_not_work_are_said_in_a_sentence(line: Line) -> None:
    status, _, said = await line("installations", "add", given="wrong\n")
    assert status == 2
    assert "Traceback" not in said
    assert "wrong" not in said
    await line("installations", "add", given="demo-api-token\n")
    status, _, said = await line(*CONNECT, given="wrong\n")
    assert (status, said) == (2, "Thulium does not know this API user or password\n")
    assert (await line("installations"))[1][0]["centres"] == []


async def test_connecting_says_which_rights_work(line: Line, world: World) -> None:
    await line("installations", "add", given="demo-api-token\n")
    rights = {"*": ["*"], "chats": []}
    await tell(world, "thulium", "users", login="connector", rights=rights)
    status, answer, _ = await line(*CONNECT, given="demo-password\n")
    assert status == 0
    works = {right["name"]: right["works"] for right in answer["rights"]}
    assert works["connections"] is True
    assert works["chats"] is False


async def test_what_to_enter_in_the_contact_centre_is_said(line: Line) -> None:
    await line("installations", "add", given="demo-api-token\n")
    status, _, said = await line("lookup")
    assert (status, said.partition(":")[0]) == (2, "No contact centre is connected that asks who is calling")
    await line(*CONNECT, given="demo-password\n")
    status, answer, _ = await line("lookup", public_url="https://connector.example.com/")
    assert status == 0
    (one,) = answer
    assert (one["centre"], one["user"]) == ("thulium:demo", "connector")
    assert one["address"].startswith("https://connector.example.com/lookup/")
    assert len(one["password"]) == 43
    assert "Parametry zewnętrznego CRM" in one["where"]
    assert (await line("lookup"))[1][0]["password"] == one["password"]


async def test_settings_are_shown_set_and_refused_in_words(line: Line) -> None:
    await line.set_up()
    _, shown, _ = await line("settings", "show")
    assert (shown["zone"], shown["language"], shown["version"]) == ("Europe/Warsaw", "pl", 1)
    document = shown | {"language": "en", "calls": shown["calls"] | {"minimum_seconds": 5}}
    status, saved, _ = await line("settings", "set", given=orjson.dumps(document).decode())
    assert (status, saved["saved"]) == (0, True)
    assert (await line("settings", "show"))[1] == document

    for nonsense, word in (
        ('{"zone": "Europe/Atlantis"}', "is no time zone"),
        ('{"phone_region": "Poland"}', "is no region"),
        ('{"links": {"call": "https://centre.example.com/"}}', "{id}"),
        ('{"colour": "blue"}', "colour"),
        ('{"version": 2}', "version"),
        ("not json", "JSON"),
        ("", "JSON"),
    ):
        status, _, said = await line("settings", "set", given=nonsense)
        assert status == 2
        assert said.startswith("The settings were not saved.")
        assert word in said
    assert (await line("settings", "show"))[1] == document


async def test_users_types_and_pipelines_are_listed(line: Line) -> None:
    await line.set_up()
    _, users, _ = await line("users")
    assert "lucja.zak@example.com" in {user["email"] for user in users["users"]}
    assert users["agents"]["thulium:demo/anna.nowak"] is None
    _, types, _ = await line("types")
    assert {"call", "task", "email"} <= {kind["key"] for kind in types}
    _, pipelines, _ = await line("pipelines")
    assert pipelines[0]["name"] == "Sprzedaż"
    assert len(pipelines[0]["stages"]) == 5


async def test_check_tells_what_works_and_ends_with_1_when_something_does_not(line: Line) -> None:
    await line.set_up()
    status, answer, _ = await line("check")
    assert status == 1
    assert answer["problems"] == [
        "no public https address: the index lives on sweeps alone",
        f"agents without a Pipedrive user, and no fallback owner: {len(answer['agents_without_user'])}",
    ]
    assert answer["admin"] is True
    assert {right["name"] for right in answer["centres"]["thulium:demo"]} >= {"connections", "tickets"}
    assert "thulium:demo/anna.nowak" in answer["agents_without_user"]

    public = {"public_url": "https://connector.example.com"}
    _, answer, _ = await line("check", **public)
    assert "webhook of person is missing" in answer["problems"]


@pytest.mark.parametrize(("status", "path"), [(404, "webhooks"), (500, "activityTypes"), (403, "users$")])
async def test_a_check_goes_on_after_a_call_that_fails_and_says_which(
    line: Line, world: World, status: int, path: str
) -> None:
    await line.set_up()
    await world.fault("pipedrive", "status_before", status=status, path=f"/v1/{path}", times=None)
    await world.fault("thulium", "status_before", status=401, path=".*", times=None)
    ended, answer, said = await line("check", public_url="https://connector.example.com")
    assert (ended, said) == (1, "")
    assert answer["company"] == "Przykład sp. z o.o."
    assert answer["ledger"]["new"] == 0
    told = [problem.partition(":")[0] for problem in answer["problems"]]
    failed = {"webhooks": "webhooks", "activityTypes": "activity types", "users$": "users and agents"}
    assert failed[path] in told
    assert "thulium" in told


async def test_a_check_of_a_company_whose_token_is_refused_still_tells_of_the_rest(
    line: Line, world: World
) -> None:
    await line.set_up()
    await world.fault("pipedrive", "status_before", status=401, path="/v", times=None)
    ended, answer, _ = await line("check")
    assert ended == 1
    assert any(problem.startswith("the user of the sync: ") for problem in answer["problems"])
    assert answer["centres"]["thulium:demo"]


async def test_agents_and_users_that_nobody_knows_are_named_when_they_are_set_and_when_one_checks(
    line: Line,
) -> None:
    await line.set_up()
    _, listed, _ = await line("users")
    user = next(one["id"] for one in listed["users"] if one["active"])
    wrong = {"agent_users": {"nobody": user, "anna.nowak": "999999"}, "fallback_owner": "777777"}
    named = [
        "agent_users: no contact centre has an agent 'nobody'",
        "agent_users: the user of 'anna.nowak' is no active user of Pipedrive: '999999'",
        "fallback_owner is no active user of Pipedrive: '777777'",
    ]
    status, saved, _ = await line("settings", "set", given=orjson.dumps(wrong).decode())
    assert (status, saved["saved"], saved["warnings"]) == (0, True, named)
    _, answer, _ = await line("check")
    assert set(named) <= set(answer["problems"])
    right = {"agent_users": {"anna.nowak": user}, "fallback_owner": user}
    assert (await line("settings", "set", given=orjson.dumps(right).decode()))[1]["warnings"] == []


async def test_a_call_is_synchronised_audited_and_rebuilt(line: Line, world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    await line.set_up()
    await a_call(world)
    status, ran, _ = await line("sync")
    assert (status, ran["done"]) == (0, 1)
    status, audit, _ = await line("audit", *period())
    assert (status, audit["clean"], audit["events"]) == (0, True, 1)
    _, rebuilt, _ = await line("rebuild", "--from", ago(hours=3).isoformat())
    assert rebuilt["adopted"] == 1

    await a_call(world)
    status, audit, _ = await line("audit", *period())
    assert (status, audit["not_collected"]) == (1, 1)


async def test_a_binding_is_shown_and_removed_and_what_waits_for_that_customer_decided_anew(
    line: Line, world: World
) -> None:
    made = await world.seed_pipedrive(persons=[PERSON])
    await line.set_up()
    card = await world.happen("customer", name="Jan", surname="Próba", phone_number=[NUMBER])
    customer, number = str(card["id"]), "601999999"
    await world.happen("call", customer_id=customer, number=number, at=ago().isoformat(), talk=1)
    await line("sync")
    bound: dict[str, object] = {
        "customer": f"thulium:demo/{customer}", "person": str(made["persons"][0]), "state": "bound",
        "in_step_at": None, "problems": [],
    }  # fmt: skip
    assert (await line("bindings", "--customer", customer))[:2] == (0, [bound])
    assert (await line("bindings", "--customer", f"thulium:demo/{customer}"))[1] == [bound]
    assert (await line("bindings", "--customer", "thulium:other/1"))[1] == []

    status, _, said = await line("bindings", "remove", "--customer", "nobody")
    assert (status, said) == (2, "Customer 'nobody' has no binding.\n")
    status, removed, _ = await line("bindings", "remove", "--customer", customer)
    assert (status, removed) == (0, {"removed": [bound], "decided_anew": 0})
    assert (await line("bindings", "--customer", customer))[1] == []
    assert len(await world.activities()) == 1


async def test_a_backfill_brings_the_past_within_its_budget(line: Line, world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    await world.happen("call", number=NUMBER, at=ago(hours=2).isoformat())
    await line.set_up()
    assert (await line("sync"))[1].get("done") is None
    status, ran, _ = await line("backfill", *period(), "--budget", "500")
    assert (status, ran["done"], ran["tokens"]) == (0, 1, 85)
    assert "still_to_write" not in ran
    assert len(await world.activities()) == 1


async def test_a_backfill_whose_budget_is_spent_says_what_is_still_to_be_written(
    line: Line, world: World
) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    await world.happen("call", number=NUMBER, at=ago(hours=2).isoformat())
    await line.set_up()
    status, ran, _ = await line("backfill", *period(), "--budget", "40")
    assert (status, ran["still_to_write"]) == (0, 1)
    assert ran["tokens"] <= 40
    assert await world.activities() == []


async def test_one_installation_that_fails_is_told_and_the_next_still_runs(line: Line, world: World) -> None:
    users = [{"name": "B", "email": "b@example.com", "admin": True, "api_token": "second"}]
    await tell(world, "pipedrive", "seed", companies=[{"name": "Druga", "users": users}])
    ids = []
    for token in ("demo-api-token", "second"):
        ids.append((await line("installations", "add", given=token))[1]["installation"])
        await line(*CONNECT, "--installation", ids[-1], given="demo-password\n")
        await line("switch", "on", "--installation", ids[-1])
    await a_call(world)
    await tell(world, "pipedrive", "company", company=int(ids[0]), open=False)
    status, _, said = await line("sync")
    assert status == 2
    assert said.startswith(f"{ids[0]}: ")
    _, listed, _ = await line("installations")
    assert len(listed) == 2
    status, ran, _ = await line("sync", "--installation", ids[1])
    assert (status, ran["installation"]) == (0, ids[1])


async def test_a_new_installation_runs_once_it_is_switched_on_and_stops_when_it_is_switched_off(
    line: Line, world: World
) -> None:
    await line("installations", "add", given="demo-api-token\n")
    await line(*CONNECT, given="demo-password\n")
    await a_call(world)
    assert (await line("settings", "show"))[1]["switched_on"] is False
    status, _, said = await line("sync", "--installation", (await line("installations"))[1][0]["id"])
    assert status == 2
    assert "is switched off: connector switch on" in said
    assert (await line("sync"))[:2] == (0, None)  # of all that run there is none

    status, answer, _ = await line("switch", "on")
    assert (status, answer["switched_on"]) == (0, True)
    assert (await line("sync"))[1]["collected"] == 1
    status, answer, _ = await line("switch", "off")
    assert (status, answer["switched_on"]) == (0, False)
    assert (await line("sync"))[:2] == (0, None)


async def test_where_there_are_several_one_must_be_named(line: Line, world: World) -> None:
    status, _, said = await line("users")
    assert (status, said) == (
        2,
        "There is no installation yet: open /install, or run connector installations add.\n",
    )
    status, _, said = await line("users", "--installation", "7")
    assert (status, said) == (2, "There is no active installation '7'.\n")


async def test_a_period_that_ends_before_it_begins_is_refused(line: Line) -> None:
    await line.set_up()
    at = ago(hours=1).isoformat()
    status, _, said = await line("audit", "--from", at, "--to", at)
    assert (status, said) == (2, "--to must be later than --from.\n")


async def test_a_service_without_keys_says_what_to_set(line: Line) -> None:
    status, _, said = await line("installations", secret_keys=())
    assert status == 2
    assert said.startswith("CONNECTOR_SECRET_KEYS is not set.")


@pytest.mark.parametrize(
    "url",
    ["sqlite:////proc/nowhere/connector.db", "sqlite:///{text}", "sqlite:///{folder}", "nonsense", "x://y"],
)
async def test_a_database_that_cannot_be_opened_is_said_in_a_sentence(
    line: Line, tmp_path: Path, url: str
) -> None:
    text = tmp_path / "text.db"
    text.write_text("This is no database, only some words in a file." * 100)
    status, _, said = await line("installations", database_url=url.format(text=text, folder=tmp_path))
    assert status == 2
    assert said.startswith("The database of CONNECTOR_DATABASE_URL cannot be opened: ")
    assert said.count("\n") == 1


async def test_a_database_that_fails_on_the_way_is_said_in_a_sentence(line: Line, world: World) -> None:
    await line.set_up()
    with sqlite3.connect(world.database) as database:
        database.execute("DROP TABLE run")
    status, _, said = await line("installations")
    assert (status, said) == (2, "The database failed: no such table: run\n")


async def test_a_port_that_is_taken_is_said_in_a_sentence(line: Line, world: World) -> None:
    taken = world.pipedrive.removeprefix("http://")
    status, _, said = await line("serve", listen=taken)
    assert status == 2
    assert said.startswith(f"Nobody can be served at {taken} (CONNECTOR_LISTEN): ")
    assert "already in use" in said


async def test_what_waits_for_a_person_is_listed_and_tried_again_by_its_id(line: Line, world: World) -> None:
    await line.set_up()
    await world.seed_pipedrive(persons=[PERSON])
    await a_call(world)
    await line("settings", "set", given='{"calls": {"type": "nonsense"}}')
    await line("sync")
    _, listed, _ = await line("parked")
    assert ["'nonsense' is not active" in one["reason"] for one in listed] == [True]
    assert (await line("parked", "retry"))[0] == 2
    assert (await line("parked", "retry", str(listed[0]["id"])))[1] == {"tried_again": 1}
    assert (await line("parked"))[1] == []
