"""A scripted day: two companies, hundreds of events, every hard case, every fault; judged by the vendor's own files."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from connector import demo
from connector.demo_contacts import Evening
from connector.sandbox import faults, scenario_cases
from connector.sandbox.scenario import ZONE
from connector.sandbox.scenario_cases import FAMILY, NEWCOMER
from connector.sandbox.scenario_cast import BRANCHES, OGRODY, ROWERY, Branch, Someone
from tests.contract.checker import Checker
from tests.contract.findings import Violation

Row = dict[str, Any]


def local(moment: str) -> str:
    """The local time of day."""
    return f"{datetime.fromisoformat(moment).astimezone(ZONE):%H:%M}"


@dataclass
class Diary:
    """What the day left behind."""

    played: demo.Played
    violations: list[Violation]
    faults_met: Counter[str]
    activities: dict[str, list[Row]]
    events: dict[str, dict[str, Row]]
    names: dict[str, dict[str, Row]]
    users: dict[str, int]
    kept: Mapping[str, str]
    lines: list[str]
    evening: Evening

    def of(self, branch: Branch, event: Row) -> Row:
        """The one activity of an event."""
        return self.all_of(branch, event)[0]

    def all_of(self, branch: Branch, event: Row) -> list[Row]:
        if event["kind"] == "call":
            shown = f"</b> {event['number']}<br>"
            at = (event["start"][:10], event["start"][11:16])
            rows = [row for row in self.activities[branch.letter] if shown in row["note"]]
            return [row for row in rows if (row["due_date"], row["due_time"][:5]) == at]
        token = re.findall(r"\b[A-Z]-\d{4}\b", event["text"])[0]
        return [row for row in self.activities[branch.letter] if token in row["note"]]

    def calls_of(self, branch: Branch, someone: Someone) -> list[Row]:
        """Calls of a number, in order."""
        return [event for event in self.events[branch.letter].values() if event["number"] == someone.line]

    def kept_call(self, name: str) -> Row:
        """The activity of a call that a case keeps an eye on."""
        return self.of(OGRODY, self.events[OGRODY.letter][self.kept[name]])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def diary(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Diary]:
    checker, found = Checker(), list[Violation]()

    @web.middleware
    async def judge(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not request.path.startswith(("/api/", "/v1/", "/oauth/token")):
            return await handler(request)
        sent, asked = await request.read(), (request.method, request.path)
        found.extend(checker.check_request(*asked, request.rel_url.raw_query_string, request.headers, sent))
        answer = await handler(request)
        assert isinstance(answer, web.Response)
        # Web pages and 5xx are faults on request; nobody says what they look like.
        if answer.status < 500 and answer.content_type == "application/json":
            body = answer.body
            assert isinstance(body, bytes)
            headers = {**answer.headers, "content-type": "application/json"}
            found.extend(checker.check_response(*asked, answer.status, headers, body, sent=sent))
        return answer

    lines: list[str] = []
    folder = tmp_path_factory.mktemp("day")
    async with demo.open_demo(folder, say=lines.append, middlewares=[judge]) as running:
        await demo.play(running)
        stage = running.day.stage
        yield Diary(
            await running.result(),
            found,
            await stage.faults_met(),
            {branch.letter: await stage.activities(branch) for branch in BRANCHES},
            {
                branch.letter: {event["id"]: event for event in await stage.events(branch)}
                for branch in BRANCHES
            },
            {
                branch.letter: {
                    name: row
                    for entity in ("organization", "deal", "person")
                    for name, row in (await stage.records(branch, entity)).items()
                }
                for branch in BRANCHES
            },
            stage.users,
            running.day.kept,
            lines,
            await running.keep_in_step(),
        )


def test_nothing_is_lost_and_nothing_is_written_twice(diary: Diary) -> None:
    assert diary.played.differences == []
    assert diary.played.summary["lost"] == 0
    assert diary.played.summary["duplicates"] == 0


def test_the_summary_adds_up(diary: Diary) -> None:
    summary = diary.played.summary
    assert list(summary) == [
        "events", "activities", "skipped", "waiting", "undecided", "retry", "parked", "duplicates", "lost", "tokens",
        "tokens_per_activity", "seconds",
    ]  # fmt: skip
    assert summary["events"] == sum(list(summary.values())[1:7]) == diary.played.proof.events
    assert summary["events"] >= 300
    assert summary["retry"] == 0


def test_the_connectors_own_audit_finds_no_difference(diary: Diary) -> None:
    audits = diary.played.audits
    assert all(one.clean for one in audits.values())
    assert sum(one.events for one in audits.values()) == diary.played.summary["events"]
    assert [len(one.deleted_by_person) for one in audits.values()] == [1, 0]


def test_pipedrives_own_files_find_no_fault_with_any_request_or_answer(diary: Diary) -> None:
    assert [str(violation) for violation in diary.violations] == []


def test_every_kind_of_fault_was_met(diary: Diary) -> None:
    assert set(faults.KINDS) == {kind for kind, hits in diary.faults_met.items() if hits}


def test_what_waited_is_written_when_the_person_appears(diary: Diary) -> None:
    person = diary.names["O"][NEWCOMER.name]
    rows = [row for row in diary.activities["O"] if row["person_id"] == person["id"]]
    assert len(rows) == 9
    early = [row for row in rows if row["due_time"] < person["add_time"][11:19]]
    assert len(early) == 6
    assert all(row["add_time"] >= person["add_time"] for row in early)


def test_a_number_of_one_organization_is_the_organizations(diary: Diary) -> None:
    (organization,) = {someone.organization for someone in OGRODY.office}
    assert organization is not None
    office = diary.names["O"][organization]["id"]
    rows = [row for row in diary.activities["O"] if "225550120" in row["note"]]
    assert [(row["person_id"], row["org_id"]) for row in rows] == [(None, office)] * 4


def test_the_deal_is_chosen_without_guessing(diary: Diary) -> None:
    deals = {title: diary.names["O"][title]["id"] for title in ("Trawnik przy hotelu", "Żywopłot")}
    (one, *_), (annas, zofias, *_) = (
        diary.calls_of(OGRODY, who) for who in (scenario_cases.ONE_DEAL, scenario_cases.TWO_DEALS)
    )
    assert diary.of(OGRODY, one)["deal_id"] == deals["Trawnik przy hotelu"]
    assert diary.of(OGRODY, annas)["deal_id"] == deals["Żywopłot"]
    assert diary.of(OGRODY, zofias)["deal_id"] is None


def test_the_owner_is_the_agents_user_or_else_the_owner_of_the_sync(diary: Diary) -> None:
    owners = {"anna.nowak": "anna.ges@example.com", "jan.kowalski": "michal.cwik@example.com"}
    seen = set()
    for event in diary.events["O"].values():
        for row in diary.all_of(OGRODY, event) if event["kind"] == "call" else ():
            assert row["owner_id"] == diary.users[owners.get(event["agent"], OGRODY.admin)]
            seen.add(event["agent"])
    assert {"nowy.agent", "stary.agent", "zofia.zolc", *owners} <= seen


def test_long_texts_are_cut_at_256_characters_and_never_inside_one(diary: Diary) -> None:
    cut = [
        value
        for row in diary.activities["O"]
        for value in re.findall(r"</b> (.*?)<br>", row["note"], re.DOTALL)
        if value.endswith("…")
    ]
    assert len(cut) >= 4  # a chat, a mail, a call's note and a late one
    for value in cut:
        assert 240 <= len(value) <= 256
        assert "\U0001f468" not in value.replace(FAMILY, "")


def test_two_megabytes_of_markup_become_one_line(diary: Diary) -> None:
    (row,) = [row for row in diary.activities["O"] if "gazetka" in row["note"]]
    assert len(row["note"]) < 1000
    assert "background" not in row["note"]


def test_a_late_topic_is_added(diary: Diary) -> None:
    late, later = diary.kept_call("late"), diary.kept_call("later")
    assert "Zamówił 20 sadzonek" in late["note"]
    assert late["subject"].endswith("Nowe zamówienie")
    assert "Zażółć gęślą jaźń" in later["note"]
    assert later["subject"].endswith("Umówienie wizyty")


def test_what_a_salesperson_edited_or_deleted_is_left_alone(diary: Diary) -> None:
    edited, deleted = diary.kept_call("edited"), diary.kept_call("deleted")
    assert edited["note"].endswith("Klient prosi o rabat")
    assert "sadzonek" not in edited["note"]
    assert deleted["is_deleted"]
    assert "sadzonek" not in deleted["note"]


def test_a_typed_marker_is_not_taken_for_ours(diary: Diary) -> None:
    rows = [row for row in diary.activities["O"] if row["note"].count("ref:") > 1]
    assert len(rows) == 2
    markers = [re.findall(r"ref:\w{20}", row["note"]) for row in diary.activities["O"]]
    ours = [found[-1] for found in markers]
    assert len(set(ours)) == len(ours)
    assert scenario_cases.FORGED not in ours


def test_what_happens_while_tokens_are_dead_is_written_after_the_reconnection(diary: Diary) -> None:
    dead, alive = (
        next(line for line in diary.lines if case in line)[4:9] for case in ("tokens die", "reconnected")
    )
    asked = [line[4:9] for line in diary.lines if line.endswith("2 to reconnect")]
    assert asked[0] == dead
    assert len(asked) == 4
    for branch in BRANCHES:
        meanwhile = [
            event
            for event in diary.events[branch.letter].values()
            if dead <= local(event["start"]) < alive and diary.all_of(branch, event)
        ]
        assert len(meanwhile) > 5
        assert all(local(diary.of(branch, event)["add_time"]) >= alive for event in meanwhile)


def test_in_the_evening_customers_are_the_same_on_both_sides(diary: Diary) -> None:
    assert diary.evening.differences == []
    assert diary.evening.pairs >= 4
    assert max(diary.evening.seconds) < 10


def test_rules_of_a_company_are_its_own(diary: Diary) -> None:
    rowery = diary.activities["R"]
    open_ones = [row for row in rowery if not row["done"]]
    assert open_ones
    assert all("abandoned" in row["subject"] for row in open_ones)
    assert all(row["done"] for row in diary.activities["O"])
    assert {row["type"] for row in rowery} == {"call", "email", "czat", "task"}
    assert all(row["subject"].startswith(("Inbound", "Outbound", "Chat")) for row in rowery)
    assert any("Połączenie" in row["subject"] for row in diary.activities["O"])


def test_a_merged_person_keeps_its_calls_with_the_survivor(diary: Diary) -> None:
    survivor = diary.names["O"][scenario_cases.SURVIVOR.name]["id"]
    for who in (scenario_cases.MERGED, scenario_cases.SURVIVOR):
        calls = diary.calls_of(OGRODY, who)
        assert [diary.of(OGRODY, call)["person_id"] for call in calls] == [survivor] * 3


def test_calls_and_chats_carry_their_time_and_duration(diary: Diary) -> None:
    for branch in (OGRODY, ROWERY):
        for event in diary.events[branch.letter].values():
            for row in diary.all_of(branch, event):
                assert f"{row['due_date']}T{row['due_time'][:5]}" == event["start"][:16]
                if event["kind"] == "call":
                    assert bool(row["duration"]) == (event["result"] == "ANSWERED")
