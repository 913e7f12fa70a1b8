"""A preview says what a run then does, in every field, and does nothing itself."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.app import Service
from connector.flows.collecting import collect
from connector.flows.indexing import ensure
from connector.flows.previewing import (
    UNTOLD,
    Foreseen,
    listed_events,
    next_events,
    preview_events,
    what_changes,
)
from connector.flows.rendering import marker_in
from connector.flows.rules import Rule
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings
from connector.pipedrive.mapping import activity_body
from connector.records import Window
from connector.store.entries import Entry, State
from tests.flows.looking import PERSON, spent
from tests.world import World, ago, install, settle_down

EVENTS = 1_000
SETTINGS: dict[str, Any] = {
    "language": "pl",
    "calls": {
        "cases": [
            {"direction": "outbound", "result": "failed", "type": None},
            {"direction": "inbound", "result": "abandoned", "type": "task"},
        ],
        "minimum_seconds": 20,
        "abandoned_as_to_do": True,
        "leave_out_internal": True,
    },
    "messages": {"types": {"email": "email", "www": "task"}},
    "queues": [
        {"kind": "call", "queue": "2", "type": "meeting"},
        {"kind": "chat", "queue": "2", "type": None},
    ],
    "ignored_numbers": ["+48 601 000 030"],
    "links": {"call": "https://demo.example.com/calls/{id}"},
}
NAMES = ("Żaneta Świątek", "Łukasz Gżegżółka", "Jan Próba", "Ewa Ćwik", "Ździsław Ńjako")


def number_of(i: int) -> str:
    return f"+48601000{i:03d}"


async def _people(world: World) -> None:
    """Forty persons: some share a number within an organization, some across, some have several deals."""
    persons: list[dict[str, Any]] = []
    for i in range(1, 41):
        # 10 and 11 share one within Firma 1, 12 and 13 across organizations.
        number = number_of({11: 10, 13: 12}.get(i, i))
        firm = "Firma Żółta" if i in (10, 11) or i % 3 == 0 else None
        firm = "Bąk i syn" if i == 13 else firm
        name = f"{NAMES[i % len(NAMES)]} {i}"
        persons.append({"name": name, "phones": [number], "emails": [f"osoba{i}@example.com"]}
                       | ({"org": firm} if firm else {}))  # fmt: skip
    deals = [{"title": f"Szansa {i}", "person": persons[i - 1]["name"]} for i in (1, 2, 2, 3, 5, 7, 21)]
    await world.seed_pipedrive(
        organizations=[{"name": "Firma Żółta"}, {"name": "Bąk i syn"}], persons=persons, deals=deals
    )


async def _events(world: World) -> None:
    chance = random.Random(7)
    await world.seed_centre(
        queues={"1": "Sprzedaż", "2": "Reklamacje"}, chat_queues={"1": "WWW", "2": "Inne"}
    )
    at = ago(hours=1.9)
    calls: list[dict[str, Any]] = []
    chats: list[dict[str, Any]] = []
    tickets: list[dict[str, Any]] = []
    for n in range(EVENTS):
        moment = (at + timedelta(seconds=6 * n)).isoformat()
        i, agent = chance.randrange(1, 81), chance.choice(["anna.nowak", "jan.kowalski", ""])
        if n % 5 < 3:
            number = chance.choice([number_of(i), number_of(i)[3:], "201", "anonymous", "+48 22 123 45 67"]) \
                if n % 4 == 0 else number_of(i)  # fmt: skip
            call = {
                "number": number, "type": chance.choice(["INBOUND", "OUTBOUND"]), "at": moment, "agent": agent,
                "disposition": chance.choice(["ANSWERED", "ANSWERED", "NO ANSWER", "BUSY"]),
                "talk": chance.randrange(5, 400), "queue_id": chance.choice([1, 2]),
            }  # fmt: skip
            if n % 3 == 0:
                call |= {"topic_id": 95, "comment": f"Zażółć gęślą jaźń <{n}> & co"}
            calls.append(call)
        elif n % 5 == 3:
            chats.append(
                {"name": chance.choice(NAMES), "email": f"osoba{i}@example.com", "agent": "anna.nowak", "at": moment,
                 "queue_id": chance.choice([1, 2]), "topic": "Wycena łóżka" if n % 2 else "",
                 "messages": [{"sent_by": "CLIENT", "text": "Dzień dobry, źle działa\ndruga linia"}],
                 "closed_at": (at + timedelta(seconds=6 * n + 60)).isoformat()}
            )  # fmt: skip
        else:
            tickets.append(
                {"from": f"osoba{i}@example.com", "subject": f"Żółta kartka nr {n}", "agent": agent, "at": moment,
                 "source": chance.choice(["email", "email", "www", "chat"]),
                 "messages": [{"type": chance.choice(["MAIL", "REPLY"]), "body": "<p>Proszę o wycenę &amp; śrubę</p>",
                               "agent": "anna.nowak", "at": moment}]}
            )  # fmt: skip
    await world.seed_centre(calls=calls, chats=chats, tickets=tickets)


async def _collected(service: Service, tenant: Tenant) -> Tenant:
    """Everything is in the ledger, and the index is read; nothing is decided yet."""
    tenant = await service.tenant(tenant.id)
    await ensure(tenant, no_older_than=timedelta(hours=1))
    for centre in tenant.centres.values():
        await collect(tenant, centre)
    return tenant


def _as_sent(foreseen: Foreseen) -> dict[str, Any]:
    assert foreseen.draft is not None
    body = dict(activity_body(foreseen.draft))
    (one,) = body.pop("participants", [{"person_id": None}])
    return {"org_id": None, "deal_id": None, "duration": ""} | body | {"person_id": one["person_id"]}


def _kept(activity: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """What Pipedrive holds in these fields; it writes seconds that it was not sent."""
    kept = {name: activity[name] for name in names}
    return kept | {name: (kept[name] or "")[:5] for name in ("due_time", "duration")}


async def test_a_preview_of_a_thousand_events_agrees_with_the_run_in_every_field(
    world: World, service: Service
) -> None:
    await _people(world)
    await _events(world)
    tenant = await install(service, since=ago(hours=3), **SETTINGS)
    tenant = await _collected(service, tenant)
    await tenant.people()
    entries = await tenant.ledger.new(2 * EVENTS)
    assert len(entries) == EVENTS
    before = await spent(world)
    foreseen = await preview_events(tenant, tenant.settings, entries, patience_s=60)
    assert await spent(world) == before, "a preview costs nothing"
    assert await world.activities() == []
    assert (await tenant.ledger.counts())[State.NEW] == EVENTS
    assert await tenant.questions.counts() == {}

    await settle_down(service, tenant)
    written = {marker_in(one["note"]): one for one in await world.activities()}
    planned = {one.entry.marker: one for one in foreseen if one.draft is not None}
    assert written.keys() == planned.keys()
    for marker, one in planned.items():
        body = _as_sent(one)
        assert _kept(written[marker], body) == body
    states = {e.marker: e.state for e in await tenant.ledger.within(Window(ago(hours=3), datetime.now(UTC)))}
    assert states == {one.entry.marker: one.state for one in foreseen}
    seen = {(one.rule, one.state) for one in foreseen}
    assert {rule for rule, _ in seen} == set(Rule), "every rule had its say"
    assert {state for _, state in seen} == {State.DONE, State.SKIPPED, State.WAITING, State.UNDECIDED}
    assert sum(one.tokens for one in foreseen) == 5 * len(written)
    assert {one.draft.done for one in planned.values() if one.draft} == {True, False}
    assert len(planned) > EVENTS / 3


async def _one_call(world: World, service: Service, **settings: object) -> tuple[Tenant, list[Entry]]:
    await world.seed_pipedrive(persons=[PERSON])
    await world.happen("call", number="601000001", at=ago(minutes=5).isoformat(), talk=60)
    tenant = await _collected(service, await install(service, since=ago(hours=3), **settings))
    return tenant, await next_events(tenant, 50)


async def test_settings_that_are_not_saved_are_tried(world: World, service: Service) -> None:
    tenant, entries = await _one_call(world, service)
    tried = InstallationSettings.model_validate(
        {"calls": {"type": "meeting"}, "language": "pl", "deal_rule": "none"}
    )
    (one,) = await preview_events(tenant, tried, entries)
    assert one.draft is not None
    assert (one.draft.type, one.draft.subject.partition(":")[0]) == ("meeting", "Połączenie przychodzące")
    (one,) = await preview_events(
        tenant, InstallationSettings.model_validate({"ignored_numbers": ["601000001"]}), entries
    )
    assert one.state is State.SKIPPED
    assert tenant.settings == (await service.tenant(tenant.id)).settings


async def test_a_type_that_does_not_exist_is_foreseen_as_parked(world: World, service: Service) -> None:
    tenant, entries = await _one_call(world, service)
    (one,) = await preview_events(
        tenant, InstallationSettings.model_validate({"calls": {"type": "golf"}}), entries
    )
    assert (one.state, one.draft, one.tokens) == (State.PARKED, None, 0)
    assert "golf" in one.reason


async def test_a_contact_centre_that_hangs_holds_up_no_preview(world: World, service: Service) -> None:
    tenant, entries = await _one_call(world, service)
    await tenant.people()
    await world.fault("thulium", "delay", seconds=5, path="/demo/api/connections/*", times=10)
    (one,) = await preview_events(tenant, tenant.settings, entries, patience_s=0.05)
    assert one.draft is not None
    assert not one.topic_known


async def test_what_is_written_already_is_shown_where_nothing_waits(world: World, service: Service) -> None:
    tenant, _ = await _one_call(world, service)
    await settle_down(service, tenant)
    (entry,) = await next_events(tenant, 50)
    assert entry.state is State.DONE
    (one,) = await preview_events(tenant, tenant.settings, [entry])
    assert one.draft is not None


async def test_a_fresh_installation_has_the_contact_centres_list(world: World, service: Service) -> None:
    await world.seed_pipedrive(persons=[PERSON])
    await world.happen("call", number="601000001", at=ago(hours=1).isoformat())
    await world.happen(
        "chat", email="jan@example.com", agent="anna.nowak", close=True, at=ago(minutes=9).isoformat()
    )
    await world.happen("ticket", **{"from": "jan@example.com"}, at=ago(hours=2).isoformat())
    tenant = await install(service)
    await ensure(tenant, no_older_than=timedelta(hours=1))
    entries = await next_events(tenant, 50)
    assert [entry.kind for entry in entries] == ["chat", "call", "message"]
    assert [entry.kind for entry in await listed_events(tenant, 2)] == ["chat", "call"]
    foreseen = await preview_events(tenant, tenant.settings, entries)
    assert all(one.draft is not None for one in foreseen)
    assert sum((await tenant.ledger.counts()).values()) == 0


async def test_a_list_that_fails_is_an_empty_preview(world: World, service: Service) -> None:
    tenant = await install(service)
    await world.fault("thulium", "unauthorised")
    assert await listed_events(tenant, 5) == []


async def test_agents_who_cannot_be_read_leave_it_open_whose_an_event_is(
    world: World, service: Service
) -> None:
    tenant, entries = await _one_call(world, service)
    tenant.directory.read_at = None
    tenant.directory.people = type(tenant.directory.people)()
    await world.fault("thulium", "status_before", status=503, path="/demo/api/agents*")
    (one,) = await preview_events(tenant, tenant.settings, entries)
    assert (one.state, one.reason) == (State.NEW, UNTOLD)


@pytest.mark.parametrize("written", [False, True])
async def test_what_a_change_touches_is_counted(world: World, service: Service, *, written: bool) -> None:
    tenant, _ = await _one_call(world, service)
    if written:
        await settle_down(service, tenant)
    other = InstallationSettings.model_validate({"calls": {"type": None}})
    touched = await what_changes(tenant, other)
    assert (touched.looked_at, touched.changes, touched.again) == (1, {("call", ""): 1}, 0 if written else 1)
    same = await what_changes(tenant, tenant.settings)
    assert (same.changes, same.again) == ({}, 0)
