"""One customer is erased: everything of theirs is found, nothing of others is touched, and they stay away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from connector.app import Service
from connector.errors import Misconfigured
from connector.flows.contacts.kinds import CUSTOMERS
from connector.flows.contacts.pushing import Outcome, push
from connector.flows.erasing import erase, let_back, look_up
from connector.flows.tenant import Tenant
from connector.store.audit import COMMAND_LINE
from connector.store.dirty import Side
from connector.store.index import Entity
from connector.store.live_calls import State
from tests.world import World, ago, install, open_world, settle_down

ADA, BO = "+48601000001", "+48601000002"
WORDS = ("Ada Example", "ada@example.com", "601000001")


@dataclass
class Office:
    """Two customers, Ada and Bo, in step on both sides, with a call each."""

    world: World
    service: Service
    tenant: Tenant
    ada: str
    bo: str

    async def sync(self) -> None:
        await settle_down(self.service, await self.service.tenant(self.tenant.id))

    async def rows(self, query: str) -> list[tuple[object, ...]]:
        return await self.service.db.read(lambda db: [tuple(row) for row in db.execute(text(query))])

    async def call(self, number: str, customer: str) -> None:
        await self.world.happen("call", number=number, talk=60, customer_id=int(customer))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_world(tmp_path) as world, world.connector() as service:
        tenant = await install(service, since=ago(hours=1), contacts={"sync": "on"})
        (centre,) = tenant.centres.values()
        ids = [
            await centre.api.create_customer(
                {"first_name": first, "last_name": "Example", "phones": (number,), "emails": (email,)}
            )
            for first, number, email in (("Ada", ADA, "ada@example.com"), ("Bo", BO, "bo@example.com"))
        ]
        made = Office(world, service, tenant, *ids)
        for one in ids:
            key = f"{centre.id}/{one}"
            assert (
                await push(tenant, service.operations, CUSTOMERS, Side.CENTRE, key)
            ).outcome is Outcome.MADE
        await made.call(ADA, made.ada)
        await made.call(BO, made.bo)
        await made.sync()
        assert len(await world.activities()) == 2
        yield made


async def test_looking_changes_nothing(office: Office) -> None:
    before = (office.world.database).read_bytes()
    person, kept = await look_up(office.tenant, ADA)
    assert not person.shared
    assert kept.counts["events"] == kept.counts["contents of events"] == kept.counts["pairs"] == 1
    assert kept.counts["overwritten values"] == 1
    assert len(kept.activities) == len(kept.persons) == 1
    assert kept.customers == [f"thulium:demo/{office.ada}"]
    assert office.world.database.read_bytes() == before


@pytest.mark.parametrize("subject", [ADA, "601 000 001", "ADA@example.com"])
async def test_all_of_one_customer_goes_and_nothing_of_another(office: Office, subject: str) -> None:
    report = await erase(office.tenant, subject, doer=COMMAND_LINE)
    assert report.kept.counts["events"] == 1
    assert len(report.kept.activities) == 1
    ledger = await office.rows(
        "SELECT state, payload_sealed IS NULL, number_key IS NULL, customer_id FROM ledger ORDER BY customer_id"
    )
    assert ledger == [("done", 1, 1, None), ("done", 0, 0, office.bo)]
    assert await office.rows(
        "SELECT centre_id, state, base IS NULL FROM binding ORDER BY centre_id"
    ) == sorted([(f"thulium:demo/{office.ada}", "gone", 1), (f"thulium:demo/{office.bo}", "bound", 0)])
    assert await office.rows("SELECT count(*) FROM change") == [(1,)]
    keys = [office.tenant.ledger.keys.key(subject) for subject in (ADA, "ada@example.com")]
    assert await office.tenant.index.candidates(keys) == {}
    assert await office.tenant.index.candidates(keys, Entity.CUSTOMER) == {}
    kept = (await look_up(office.tenant, BO))[1]
    assert (kept.counts["events"], kept.counts["pairs"], kept.counts["overwritten values"]) == (1, 1, 1)
    assert len(await office.world.activities()) == 2, "nothing is deleted in Pipedrive"


async def test_what_comes_in_afterwards_is_kept_by_nobody(office: Office) -> None:
    await erase(office.tenant, ADA, doer=COMMAND_LINE)
    await office.call(ADA, office.ada)
    await office.call(BO, office.bo)
    await office.sync()
    assert len(await office.world.activities()) == 3
    rows = await office.rows(
        "SELECT state, reason, payload_sealed IS NULL, number_key IS NULL, customer_id IS NULL FROM ledger ORDER BY state, id"
    )
    assert [row[0] for row in rows] == ["done", "done", "done", "skipped"]
    assert rows[3] == ("skipped", "erased on request", 1, 1, 1)
    await office.sync()
    assert len(await office.world.activities()) == 3


async def test_a_push_does_not_bring_anybody_back_nor_does_a_record_made_anew(office: Office) -> None:
    tenant, operations = office.tenant, office.service.operations
    await erase(tenant, ADA, doer=COMMAND_LINE)
    (centre,) = tenant.centres.values()
    pushed = await push(tenant, operations, CUSTOMERS, Side.CENTRE, f"{centre.id}/{office.ada}")
    assert pushed.outcome is Outcome.LEFT_OUT
    assert "erased on request" in pushed.reason
    again = await centre.api.create_customer({"first_name": "Ada", "last_name": "Example", "phones": (ADA,)})
    pushed = await push(tenant, operations, CUSTOMERS, Side.CENTRE, f"{centre.id}/{again}")
    assert pushed.outcome is Outcome.LEFT_OUT
    assert len([one for one in await office.world.records("person") if "Ada" in str(one["name"])]) == 1


async def test_the_index_does_not_learn_an_erased_number_again(office: Office) -> None:
    _, kept = await look_up(office.tenant, ADA)
    await erase(office.tenant, ADA, doer=COMMAND_LINE)
    (person,) = kept.persons
    await office.world.edit(entity="person", action="change", id=int(person), changes={"name": "Ada Changed"})
    await office.tenant.index.begin_anew()
    await office.sync()
    key = office.tenant.ledger.keys.key(ADA)
    assert await office.tenant.index.candidates([key]) == {}


async def test_who_is_let_back_comes_back_whole(office: Office) -> None:
    tenant = office.tenant
    await erase(tenant, ADA, doer=COMMAND_LINE)
    assert await let_back(tenant, BO, doer=COMMAND_LINE) == 0
    assert await let_back(tenant, "ada@example.com", doer=COMMAND_LINE) >= 4
    assert await tenant.suppressed.erasures() == []
    await office.call(ADA, office.ada)
    await office.sync()
    assert len(await office.world.activities()) == 3


async def test_who_was_erased_twice_comes_back_whole_too(office: Office) -> None:
    tenant = office.tenant
    await erase(tenant, ADA, doer=COMMAND_LINE)
    await erase(tenant, ADA, doer=COMMAND_LINE)
    assert len(await tenant.suppressed.erasures()) == 1
    await let_back(tenant, ADA, doer=COMMAND_LINE)
    assert await tenant.suppressed.erasures() == []


async def test_of_a_number_that_several_have_only_what_carries_it_goes(office: Office) -> None:
    (centre,) = office.tenant.centres.values()
    cid = await centre.api.create_customer({"first_name": "Cy", "last_name": "Example", "phones": (ADA,)})
    key = f"{centre.id}/{cid}"
    await push(office.tenant, office.service.operations, CUSTOMERS, Side.CENTRE, key)
    person, _ = await look_up(office.tenant, ADA)
    assert person.shared
    assert (person.customers, person.persons) == (frozenset(), frozenset())
    await erase(office.tenant, ADA, doer=COMMAND_LINE)
    states = await office.rows("SELECT state FROM binding WHERE state = 'gone'")
    assert states == []


@pytest.mark.parametrize("subject", ["", "nobody", "12", "+48601000001, +48601000002", "a@b"])
async def test_what_is_no_number_and_no_address_erases_nobody(office: Office, subject: str) -> None:
    with pytest.raises(Misconfigured):
        await erase(office.tenant, subject, doer=COMMAND_LINE)
    assert await office.tenant.suppressed.erasures() == []


async def test_no_step_reads_the_whole_ledger(office: Office) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _connection: object, _cursor: object, statement: str, given: tuple[object, ...], *_more: object
    ) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and "ledger" in statement:
            asked.append((statement, given))

    db = office.service.db
    for engine in (db._reading, db._writing):
        event.listen(engine, "before_cursor_execute", note)
    await erase(office.tenant, ADA, doer=COMMAND_LINE)

    def plans(connection: Connection) -> list[str]:
        told = []
        for statement, given in [*asked]:
            rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement, given)
            told += [row.detail for row in rows if "ledger" in row.detail]
        return told

    steps = await db.read(plans)
    assert len(steps) >= 6
    by_index = ("number_key", "email_key", "customer_id", "INTEGER PRIMARY KEY")
    assert [step for step in steps if not any(f"{key}=?" in step or key in step for key in by_index)] == []


async def test_the_trail_and_the_report_name_nobody(office: Office) -> None:
    report = await erase(office.tenant, ADA, doer=COMMAND_LINE)
    (noted,) = await office.tenant.audit.entries(limit=1)
    assert noted.action == "erase"
    said = f"{noted.detail} {report.as_json(office.tenant.record_page)}"
    assert all(word not in said for word in (*WORDS, ADA))
    assert noted.detail["events"] == 1
    assert office.tenant.page("activities/") in said


async def test_calls_that_agents_saw_go_with_the_customer(office: Office) -> None:
    calls = office.tenant.live_calls
    for number, number_of in ((ADA, "1.1"), (BO, "2.2")):
        await calls.take_in(
            "thulium:demo", "anna.nowak", "in", number=number, key=calls.keys.key(number), external_id=number_of,
            at=ago(minutes=1), state=State.RINGING_YOU,
        )  # fmt: skip
    _, kept = await look_up(office.tenant, ADA)
    assert kept.counts["calls that agents saw"] == 1
    await erase(office.tenant, ADA, doer=COMMAND_LINE)
    (left,) = await calls.going()
    assert left.number == BO
    # Who rings afterwards is hidden.
    call = await calls.take_in(
        "thulium:demo", "anna.nowak", "in", number=ADA, key=calls.keys.key(ADA), external_id="3.3", at=ago(minutes=1),
        state=State.RINGING_YOU,
    )  # fmt: skip
    assert call.number == ""
