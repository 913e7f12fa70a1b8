"""The verbs about customers and companies: each, in this process, on real sockets."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.__main__ import parser
from connector.store.dirty import Mark, Side, Urgency
from tests.flows.looking import PERSON
from tests.line import Line, a_call
from tests.world import World


@pytest.fixture
async def line(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    line = Line(world, monkeypatch, capsys)
    await line.set_up()
    return line


async def persons(world: World) -> list[dict[str, Any]]:
    return [one for one in await world.records("person") if not one["is_deleted"]]


async def a_customer(world: World, **details: object) -> str:
    made = await world.happen(
        "customer", **{"name": "Jan", "surname": "Próba", "phone_number": "601000001", **details}
    )
    return str(made["id"])


async def set_contacts(line: Line, **contacts: object) -> dict[str, Any]:
    _, shown, _ = await line("settings", "show")
    document = shown | {"contacts": shown["contacts"] | contacts}
    status, saved, said = await line("settings", "set", given=orjson.dumps(document).decode())
    assert status == 0, said
    answer: dict[str, Any] = saved
    return answer


# push


async def test_a_customer_is_pushed_although_nothing_is_kept_the_same_by_itself(
    line: Line, world: World
) -> None:
    customer = await a_customer(world)
    status, answer, _ = await line("push", "--customer", customer)
    [person] = await persons(world)
    assert (status, answer["outcome"]) == (0, "made")
    assert answer["pairs"] == [
        {
            "customer": f"thulium:demo/{customer}",
            "person": str(person["id"]),
            "state": "bound",
            "problems": [],
        }
    ]
    assert answer["links"][0].endswith(f"/person/{person['id']}")
    assert "Próba" not in str(answer)

    status, answer, _ = await line("push", "--person", str(person["id"]))
    assert (status, answer["outcome"], answer["wrote"]) == (0, "in step already", {})
    await world.happen("customer", customer_id=int(customer), surname="Nowak")
    status, answer, _ = await line("push", "--customer", f"thulium:demo/{customer}")
    assert (status, answer["outcome"], answer["wrote"]) == (0, "updated", {"pipedrive": 1})
    [person] = await persons(world)
    assert person["name"] == "Jan Nowak"


async def test_an_organization_and_a_company_are_pushed_and_a_companys_own_record_means_the_company(
    line: Line, world: World
) -> None:
    made = await world.edit(entity="organization", action="create", changes={"name": "Firma"})
    status, answer, _ = await line("push", "--organization", str(made["id"]))
    assert (status, answer["outcome"]) == (0, "made")
    (pair,) = answer["pairs"]
    assert pair["organization"] == str(made["id"])
    assert (await line("push", "--company", pair["company"]))[1]["outcome"] == "in step already"
    (card,) = [one for one in await world.cards() if one["company_flag"]]
    status, answer, _ = await line("push", "--customer", str(card["customer_id"]))
    assert (status, answer["pairs"][0]["company"]) == (0, pair["company"])


async def test_who_was_there_before_is_linked(line: Line, world: World) -> None:
    await world.seed_pipedrive(persons=[{"name": "Jan Próba", "phones": ["+48601000001"]}])
    status, answer, _ = await line("push", "--customer", await a_customer(world))
    assert (status, answer["outcome"]) == (0, "linked")


async def test_what_is_out_of_scope_is_pushed_all_the_same_but_not_where_nothing_may_be_written(
    line: Line, world: World
) -> None:
    unreachable = await a_customer(world, phone_number=[])
    assert (await line("push", "--customer", unreachable))[1]["outcome"] == "made"
    await set_contacts(line, customers={"to_pipedrive": None})
    status, answer, _ = await line("push", "--customer", await a_customer(world, phone_number="601000002"))
    assert (status, answer["outcome"]) == (1, "left out")
    assert answer["reason"] == "nothing is made in this direction; the settings leave it off"


async def test_who_was_deleted_in_pipedrive_is_made_anew_when_pushed(line: Line, world: World) -> None:
    customer = await a_customer(world)
    await line("push", "--customer", customer)
    [person] = await persons(world)
    await world.edit(entity="person", action="delete", id=person["id"])
    status, answer, _ = await line("push", "--customer", customer)
    assert (status, answer["outcome"]) == (0, "made")
    [again] = await persons(world)
    assert again["id"] != person["id"]
    status, answer, _ = await line("push", "--person", str(person["id"]))
    assert (status, answer["outcome"]) == (1, "left out")
    assert answer["reason"].startswith("Pipedrive has no such record")


async def test_what_nobody_can_tell_is_asked_and_what_is_refused_says_why(line: Line, world: World) -> None:
    twins = [{"name": "Jan", "phones": ["+48601000001"]}, {"name": "Ewa", "phones": ["+48601000001"]}]
    await world.seed_pipedrive(persons=twins)
    status, answer, _ = await line("push", "--customer", await a_customer(world))
    assert (status, answer["outcome"], answer["reason"]) == (1, "asked", "2 have this number")
    assert answer["question"] == 1

    await world.fault("pipedrive", "status_before", status=400, method="POST", path="/v2/persons$")
    other = await a_customer(world, phone_number="601000009")
    status, answer, _ = await line("push", "--customer", other)
    assert (status, answer["outcome"]) == (1, "refused")
    assert answer["reason"]
    assert (await line("push", "--customer", other))[1]["outcome"] == "made"

    status, answer, _ = await line("push", "--customer", "999")
    assert (status, answer["outcome"]) == (1, "left out")
    assert answer["reason"] == "the contact centre has no such record"


async def test_a_push_of_what_cannot_be_named_is_refused_in_a_sentence(line: Line, world: World) -> None:
    status, _, said = await line("push", "--person", "Jan")
    assert (status, said.partition(";")[0]) == (2, "'Jan' is no id of Pipedrive")
    status, _, said = await line("push", "--customer", "thulium:other/7")
    assert status == 2
    assert said.endswith("there are: thulium:demo.\n")
    await world.fault("pipedrive", "status_before", status=401, path="/v", times=None)
    status, _, said = await line("push", "--customer", await a_customer(world))
    assert status == 2
    assert "Traceback" not in said


# undecided


TWINS = [{"name": "Jan", "phones": ["+48601000001"]}, {"name": "Ewa", "phones": ["+48601000001"]}]


async def test_what_nobody_can_tell_is_listed_and_decided(line: Line, world: World) -> None:
    made = await world.seed_pipedrive(persons=TWINS)
    jan, ewa = map(str, made["persons"])
    customer = await a_customer(world)
    _, pushed, _ = await line("push", "--customer", customer)
    status, listed, _ = await line("undecided")
    assert (status, listed["open"]) == (0, {"customer": 1})
    (one,) = listed["questions"]
    assert (one["id"], one["choices"]) == (pushed["question"], [jan, ewa, "new", "ignore"])
    assert [candidate["name"] for candidate in one["candidates"]] == ["Jan", "Ewa"]

    question = str(one["id"])
    status, answer, _ = await line("undecided", "decide", question, "--choose", ewa)
    assert (status, answer["decided"], answer["outcome"]) == (0, True, "linked")
    assert answer["pairs"][0]["person"] == ewa
    assert (await line("undecided", "list"))[1]["questions"] == []


async def test_a_decision_that_cannot_be_is_refused_in_a_sentence(line: Line, world: World) -> None:
    status, _, said = await line("undecided", "decide")
    assert (status, said.partition(":")[0]) == (2, "Say which question and what you choose")
    status, _, said = await line("undecided", "decide", "7", "--choose", "new")
    assert (status, said) == (2, "There is no question 7; connector undecided shows those that are open.\n")


async def test_a_number_is_decided_for_good_and_what_waited_is_written(line: Line, world: World) -> None:
    made = await world.seed_pipedrive(persons=TWINS)
    _, ewa = map(str, made["persons"])
    await a_call(world)
    await line("sync")
    _, listed, _ = await line("undecided")
    (one,) = listed["questions"]
    status, answer, _ = await line("undecided", "decide", str(one["id"]), "--choose", f"person:{ewa}")
    assert (status, answer["events_decided_anew"]) == (0, 1)
    _, ran, _ = await line("sync")
    assert ran["done"] == 1


# brake


async def test_a_paused_cause_is_shown_and_let_go(line: Line, world: World) -> None:
    assert (await line("brake"))[:2] == (
        0,
        {"brakes": [], "installation": (await line("check"))[1]["installation"]},
    )
    status, _, said = await line("brake", "release")
    assert (status, said) == (2, "Say which cause; connector brake shows those that are paused.\n")
    status, _, said = await line("brake", "release", "scan")
    assert (status, said) == (2, "'scan' is not paused. Paused are: none.\n")

    customer = await a_customer(world)
    async with world.connector() as service:
        (tenant,) = await service.tenants()
        await tenant.dirty.mark(
            [Mark("customer", Side.CENTRE, f"thulium:demo/{customer}")], urgency=Urgency.SWEEP, cause="scan"
        )
        await tenant.changes.pull_brake("scan", 200)
    status, shown, _ = await line("brake", "show")
    (one,) = shown["brakes"]
    assert (status, one["state"], one["writes_before"], one["waiting"]) == (1, "paused", 200, 1)
    assert [row["would"] for row in one["preview"]] == ["make"]
    status, released, _ = await line("brake", "release", "scan")
    assert (status, released["writes_allowed"]) == (0, 2)
    assert (await line("brake"))[0] == 0


# undo


async def test_a_run_is_listed_and_taken_back(line: Line, world: World) -> None:
    customer = await a_customer(world)
    await line("push", "--customer", customer)
    await world.happen("customer", customer_id=int(customer), surname="Nowak")
    await line("push", "--customer", customer)
    _, listed, _ = await line("undo")
    newest, first = listed["runs"]
    assert (newest["cause"], newest["writes"]) == ("button", 1)
    status, undone, _ = await line("undo", str(newest["run"]))
    assert (status, undone["records_written_back"], undone["left_as_they_are"]) == (0, 1, [])
    [person] = await persons(world)
    assert person["name"] == "Jan Próba"

    status, undone, _ = await line("undo", str(first["run"]))
    assert (status, [one["person"] for one in undone["made_by_the_run_and_kept"]]) == (0, [str(person["id"])])
    assert len(await persons(world)) == 1
    status, _, said = await line("undo", str(newest["run"]))
    assert (status, said.partition(";")[0]) == (
        2,
        f"Run {newest['run']} wrote nothing that can be taken back",
    )


async def test_the_activities_of_a_run_go_only_where_that_is_said(line: Line, world: World) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    await a_call(world)
    await line("sync")
    (written,) = await world.activities()
    _, listed, _ = await line("undo")
    (run,) = listed["runs_of_activities"]
    assert (run["cause"], run["activities"]) == ("command line", 1)
    status, _, said = await line("undo", str(run["run"]))
    assert (status, f"connector undo {run['run']} --activities" in said) == (2, True)
    assert await world.activities() == [written]

    status, undone, _ = await line("undo", str(run["run"]), "--activities")
    assert (status, undone["taken_back"], undone["left_as_they_are"]) == (0, 1, {})
    assert await world.activities() == []
    status, again, _ = await line("undo", str(run["run"]), "--again")
    assert (status, again["decided_anew"]) == (0, 1)
    await line("sync")
    assert len(await world.activities()) == 1


# how they stand


async def test_it_is_said_how_customers_and_companies_stand(line: Line, world: World) -> None:
    _, answer, _ = await line("contacts")
    assert (answer["sync"], answer["pairs"], answer["questions"], answer["failing"]) == ("off", {}, {}, [])
    assert "special_fields" not in str((await line("check"))[1]["problems"])
    fields = [
        {"centre": "name", "pipedrive": "name"},
        {"centre": "phones", "pipedrive": "phones", "conflict": "union"},
        {"centre": "group", "pipedrive": "custom:Gone", "way": "to_pipedrive"},
    ]
    saved = await set_contacts(line, sync="on", customers={"fields": fields})
    (warning,) = saved["warnings"]
    assert warning.startswith(
        "contacts.customers.fields, group=custom:Gone: Pipedrive has no custom field 'Gone'"
    )
    _, shown, _ = await line("settings", "show")
    assert shown["special_fields"]["person_centre_id"]
    assert shown["special_fields"]["organization_centre_link"]

    customer = await a_customer(world)
    await line("push", "--customer", customer)
    _, answer, _ = await line("contacts")
    assert (answer["sync"], answer["pairs"]) == ("on", {"customer": {"bound": 1}})
    assert answer["mapping"] == [warning]
    (problem,) = answer["problems"]
    assert (problem["customer"], problem["field"]) == (f"thulium:demo/{customer}", "group=custom:Gone")
    (bound,) = (await line("bindings", "--customer", customer))[1]
    assert (bound["state"], bound["problems"][0]["field"]) == ("bound", "group=custom:Gone")
    assert bound["in_step_at"]

    async with world.connector() as service:
        (tenant,) = await service.tenants()
        await tenant.changes.pull_brake("scan", 200)
    status, checked, _ = await line("check")
    assert status == 1
    assert warning in checked["problems"]
    assert "'scan' wrote more than is usual and waits: connector brake show" in checked["problems"]
    assert "customers and companies: 1 fields are not carried over: connector contacts" in checked["problems"]


async def test_a_record_that_fails_is_shown_with_its_reason(line: Line, world: World) -> None:
    await set_contacts(line, sync="on")
    await world.fault("pipedrive", "status_before", status=400, method="POST", path="/v2/persons$")
    customer = await a_customer(world)
    assert (await line("push", "--customer", customer))[1]["outcome"] == "refused"
    _, answer, _ = await line("contacts")
    (failing,) = answer["failing"]
    assert (failing["customer"], failing["cause"]) == (f"thulium:demo/{customer}", "button")
    assert failing["reason"]


async def test_settings_are_saved_although_pipedrive_does_not_answer(line: Line, world: World) -> None:
    await world.fault("pipedrive", "status_before", status=503, path="Fields", times=None)
    saved = await set_contacts(line, sync="on")
    assert saved["saved"] is True
    assert saved["warnings"][0].startswith(
        "the special fields could not be made, which is tried again by night"
    )


@pytest.mark.parametrize(
    "words", [("undo", "-1"), ("undo", "9" * 30), ("undecided", "--limit", "0"), ("undecided", "decide", "x")]
)
def test_a_number_that_is_none_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
