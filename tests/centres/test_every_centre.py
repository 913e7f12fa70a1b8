"""What every registered contact centre must do, whichever vendor it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import connector.centres
from connector.centres import CENTRES, Account, ContactCentre
from connector.errors import Misconfigured, NotFound, Unauthorised, UnknownOutcome, Unreachable
from connector.records import Call, FieldItem, Unreadable, Window
from connector.settings import Settings
from tests.centres.simulated import WARSAW, ImpatientClock, Simulated

SIMULATORS: dict[str, Callable[[], Awaitable[Simulated]]] = {"thulium": Simulated.start}
NAMES = sorted(CENTRES)
RULES = {
    "rights-documented",
    "fixtures-documented",
    "hooks-authenticated",
    "hooks-as-hints",
    "own-rate-limit",
    "time-zone-and-dst",
    "list-envelopes",
    "moving-lists",
    "unreadable-rows-alone",
    "replay",
    "health",
    "dial",
    "live-calls",
    "searches-not-believed",
    "writes-named-fields-only",
    "comments-once",
    "rows-of-others-untouched",
    "unknown-outcomes",
    "unknowns-documented",
    "no-personal-data-in-logs",
}
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(params=NAMES)
async def simulator(request: pytest.FixtureRequest) -> AsyncIterator[Simulated]:
    simulator = await SIMULATORS[request.param]()
    yield simulator
    await simulator.stop()


@pytest.fixture
def centre(simulator: Simulated) -> ContactCentre:
    return simulator.centre()


@pytest.mark.parametrize("name", NAMES)
def test_a_centre_has_its_papers(name: str) -> None:
    folder = Path(connector.centres.__file__).parent / name
    readme = (folder / "README.md").read_text()
    for heading in ("## Rights", "## Webhooks", "## Known", "## Unknown"):
        assert heading in readme
    quality = yaml.safe_load((folder / "quality.yaml").read_text())
    assert set(quality["rules"]) >= RULES
    for rule, state in quality["rules"].items():
        exempt = isinstance(state, dict) and state.get("status") == "exempt" and state.get("reason")
        assert state == "done" or exempt, rule
    assert list((Path(__file__).parent.parent / "fixtures" / name).iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_an_address_nobody_trusts_is_refused_before_anything_is_sent(name: str) -> None:
    settings = Settings.model_validate({f"{name}_url": "https://attacker.example.com/{system}"})
    with pytest.raises(Misconfigured):
        CENTRES[name](Account("demo", "u", "p", WARSAW), settings, ImpatientClock())


@pytest.mark.parametrize("name", NAMES)
@given(
    content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
    body=st.binary(),
)
def test_a_webhook_of_any_kind_is_read_without_error(name: str, content_type: str, body: bytes) -> None:
    centre = CENTRES[name](Account("demo", "u", "p", WARSAW), Settings(), ImpatientClock())
    for hint in centre.read_hook(content_type, body):
        assert hint.kind
        assert hint.ref
        assert hint.dedup_key
    for event in centre.read_live(content_type, body):
        assert event.call_id


async def test_rights_are_named_with_what_they_are_for(centre: ContactCentre) -> None:
    rights = await centre.check()
    assert rights
    assert all(right.works and right.name and right.needed_for for right in rights)


async def test_wrong_credentials_are_told_as_such(simulator: Simulated) -> None:
    centre = simulator.centre(password="wrong")
    with pytest.raises(Unauthorised):
        await centre.check()
    with pytest.raises(Unauthorised):
        await centre.agents()


async def test_the_directory_has_agents_and_queues_with_names(centre: ContactCentre) -> None:
    assert all(agent.id and agent.name for agent in await centre.agents())
    assert all(queue.id and queue.name for queue in await centre.queues())
    assert await centre.agents()


async def test_a_call_is_listed_in_the_window_of_its_start_and_in_no_other(simulator: Simulated) -> None:
    await simulator.seed(calls=[{"number": "+48601000001", "customer_id": None, "at": NOW.isoformat()}])
    centre = simulator.centre()

    async def listed(since: datetime, until: datetime) -> list[Call | Unreadable]:
        return [call async for page in centre.calls(Window(since, until)) for call in page]

    (call,) = await listed(NOW, NOW + timedelta(seconds=1))
    assert isinstance(call, Call)
    assert call.started_at == NOW
    assert await listed(NOW - timedelta(hours=2), NOW) == []
    assert await listed(NOW + timedelta(seconds=1), NOW + timedelta(hours=2)) == []


async def test_reading_again_gives_the_same(simulator: Simulated) -> None:
    await simulator.seed(
        generate={
            "events": 120,
            "persons": 5,
            "from": NOW.isoformat(),
            "to": (NOW + timedelta(hours=1)).isoformat(),
            "mix": {"call": 0.5, "message": 0.3, "chat": 0.2},
        }
    )
    centre, window = simulator.centre(), Window(NOW, NOW + timedelta(hours=1))

    async def read() -> list[object]:
        calls = [event async for page in centre.calls(window) for event in page]
        chats = [event async for page in centre.chats(window) for event in page]
        messages = [event async for page in centre.messages(NOW) for event in page]
        return [*calls, *chats, *messages]

    first = await read()
    assert len(first) == 120
    assert await read() == first


async def test_what_does_not_exist_is_none(centre: ContactCentre) -> None:
    assert await centre.customer("987654321") is None
    assert await centre.company("987654321") is None
    assert await centre.call_topic("987654321.1") is None
    assert await centre.ticket("987654321") is None


async def test_a_record_has_one_id_alone(centre: ContactCentre) -> None:
    """Who reads 012 as 12 would let one ticket have two first deals."""
    customer_id = await centre.create_customer({"last_name": "Próba"})
    assert await centre.customer(customer_id) is not None
    assert await centre.customer(f"0{customer_id}") is None
    company_id = await centre.create_company({"name": "Próba"})
    assert await centre.company(company_id) is not None
    assert await centre.company(f"0{company_id}") is None


async def test_a_customer_is_made_found_changed_and_emptied(centre: ContactCentre) -> None:
    made = await centre.create_customer(
        {
            "first_name": "Ewa", "last_name": "Żak", "phones": ("+48601000001", "+48601000002"),
            "emails": ("Ewa@example.com",), "external_id": "p-7", "type": "VIP", "group": "Detal",
        }
    )  # fmt: skip
    other = await centre.create_customer({"last_name": "Ćwik"})
    card = await centre.customer(made)
    assert card is not None
    assert (card.first_name, card.last_name, card.type, card.group) == ("Ewa", "Żak", "VIP", "Detal")
    assert {number[-9:] for number in card.phones} == {"601000001", "601000002"}
    assert await centre.find_customers(number="+48601000002") == [card]
    assert await centre.find_customers(external_id="p-7") == [card]
    assert await centre.find_customers(number="+48601000003") == []
    await centre.update_customer(made, {"last_name": "Ćwik-Żak", "phones": ()})
    changed = await centre.customer(made)
    assert changed is not None
    assert (changed.first_name, changed.last_name, changed.phones) == ("Ewa", "Ćwik-Żak", ())
    untouched = await centre.customer(other)
    assert untouched is not None
    assert untouched.last_name == "Ćwik"


async def test_a_company_is_made_found_and_changed_and_its_people_hang_on_it(centre: ContactCentre) -> None:
    made = await centre.create_company({"name": "Zakład Śrub", "custom:Pipedrive ID": "31"})
    company = await centre.company(made)
    assert company is not None
    assert company.name == "Zakład Śrub"
    assert await centre.find_companies(custom=("Pipedrive ID", "31")) == [company]
    assert await centre.find_companies(custom=("Pipedrive ID", "3")) == []
    person = await centre.create_customer({"last_name": "Żak", "company_id": made})
    await centre.update_company(made, {"name": "Śruby"})
    renamed, employee = await centre.company(made), await centre.customer(person)
    assert renamed is not None
    assert renamed.name == "Śruby"
    assert employee is not None
    assert employee.company_id == made
    await centre.update_customer(person, {"company_id": ""})
    assert (await centre.customer(person)).company_id is None  # type: ignore[union-attr]


async def test_changing_what_does_not_exist_is_told_as_such(centre: ContactCentre) -> None:
    with pytest.raises(NotFound):
        await centre.update_customer("987654321", {"last_name": "Nikt"})
    with pytest.raises(NotFound):
        await centre.update_company("987654321", {"name": "Nic"})
    with pytest.raises(NotFound):
        await centre.set_ticket_field("987654321", "Numer zamówienia", "7")
    with pytest.raises(NotFound):
        await centre.comment_ticket("987654321", "7", once="7")


async def test_a_ticket_is_read_and_listed_and_keeps_what_its_special_field_is_given(
    simulator: Simulated,
) -> None:
    made = str((await simulator.happen("ticket", **{"from": "k@example.com", "subject": "Wycena"}))["id"])
    centre, link = simulator.centre(), "https://acme.pipedrive.com/deal/7"
    assert await centre.set_ticket_field(made, "Numer zamówienia", link)
    ticket = await centre.ticket(made)
    assert ticket is not None
    assert (ticket.subject, ticket.custom["Numer zamówienia"]) == ("Wycena", link)
    [listed] = [one async for page in centre.tickets_since(NOW) for one in page]
    assert listed == ticket


async def test_a_comment_is_there_once_however_often_it_is_added(simulator: Simulated) -> None:
    made = str((await simulator.happen("ticket", **{"from": "k@example.com"}))["id"])
    centre, before = simulator.centre(), await simulator.state()
    for words in ("/deal/7", "/deal/7", "/deal/8"):
        await centre.comment_ticket(made, f"Szansa: {words}", once=words)
    after = await simulator.state()
    assert after["messages"] == before["messages"] + 2  # type: ignore[operator]


async def test_rows_of_a_repeating_group_are_added_changed_and_taken_away(centre: ContactCentre) -> None:
    card = await centre.create_customer({"last_name": "Żak"})
    [(group, fields)] = (await centre.field_groups()).items()
    kept, gone = [await centre.add_field_item(group, card, {fields[0]: name}) for name in "ab"]
    await centre.change_field_item(group, kept, {fields[0]: "c", fields[1]: "7"})
    await centre.remove_field_item(gone)
    await centre.remove_field_item(gone)
    assert await centre.field_items(group, card) == [FieldItem(kept, {fields[0]: "c", fields[1]: "7"})]
    with pytest.raises(NotFound):
        await centre.field_items("no such group", card)


def test_the_pages_of_agents_have_an_origin(simulator: Simulated, centre: ContactCentre) -> None:
    assert centre.origin == f"http://{simulator.server.host}:{simulator.server.port}"


async def test_a_write_without_answer_is_not_taken_as_done_or_undone(simulator: Simulated) -> None:
    centre = simulator.centre()
    await simulator.fault(kind="reset_after", method="POST", times=2)
    with pytest.raises(UnknownOutcome):
        await centre.create_customer({"last_name": "Żak"})
    with pytest.raises(UnknownOutcome):
        await centre.create_company({"name": "Zakład Śrub"})


async def test_an_unknown_agent_cannot_be_rung(centre: ContactCentre) -> None:
    with pytest.raises(NotFound):
        await centre.dial("nobody", "+48601000001")


async def test_a_subscription_can_be_made_found_and_ended_twice(centre: ContactCentre) -> None:
    made = await centre.subscribe("https://connector.example.com/h/1", user="u", password="p")
    assert (made, "https://connector.example.com/h/1") in await centre.subscriptions()
    await centre.unsubscribe(made)
    await centre.unsubscribe(made)


async def test_closing_twice_and_without_use_is_fine_and_a_closed_one_stays_closed(
    simulator: Simulated,
) -> None:
    unused, used = simulator.centre(), simulator.centre()
    await unused.close()
    await used.agents()
    await used.close()
    await used.close()
    with pytest.raises(Unreachable):
        await used.agents()
