"""Tickets as this vendor takes them, against its simulator: read, special fields filled, commented once."""

from __future__ import annotations

import pytest

from connector.centres import ContactCentre
from connector.centres.thulium import mapping
from connector.centres.thulium.wallclock import WallClock
from connector.errors import NotFound, Rejected, Throttled, UnknownOutcome
from connector.records import Ticket
from connector.sandbox.thulium.control import SYSTEMS
from tests.centres.simulated import WARSAW, Simulated
from tests.centres.thulium.reading import START, every, moment

LINK = "https://acme.pipedrive.com/deal/7"
FIELD = "Pipedrive"


async def opened(simulated: Simulated, **values: object) -> str:
    """A ticket of an agent's, with the read-only special field of a new system."""
    made = await simulated.happen(
        "ticket", **{"from": "k@example.com", "subject": "Wycena", "agent": "anna.nowak", **values}
    )
    return str(made["id"])


async def held(thulium: ContactCentre, ticket_id: str, field: str = FIELD) -> object:
    ticket = await thulium.ticket(ticket_id)
    assert ticket is not None
    return ticket.custom.get(field)


def sent(simulated: Simulated, method: str) -> int:
    return sum(call.method == method for call in simulated.requests())


async def comments(simulated: Simulated, ticket_id: str) -> list[str]:
    """The comments that the system keeps, oldest first."""
    [system] = simulated.server.app[SYSTEMS].values()
    return [message.comment for message in system.tickets[int(ticket_id)].messages if message.comment]


async def test_a_ticket_shows_its_subject_agent_customer_and_special_fields(simulated: Simulated) -> None:
    await simulated.seed(customers=[{"surname": "Żak", "email": "k@example.com"}])
    one = await opened(simulated, customer_id=1)
    ticket = await simulated.centre().ticket(one)
    assert ticket is not None
    assert (ticket.id, ticket.subject, ticket.customer_id, ticket.agent_id) == (
        one,
        "Wycena",
        "1",
        "anna.nowak",
    )
    assert FIELD in ticket.custom


async def test_a_ticket_without_a_readable_time_is_not_taken_for_one_that_is_not_there() -> None:
    assert mapping.read_ticket({"ticket_id": 7}, WallClock(WARSAW)) is None
    assert mapping.read_ticket("7", WallClock(WARSAW)) is None


@pytest.mark.parametrize("listed", [True, False])
async def test_tickets_modified_since_come_with_their_special_fields_however_they_are_listed(
    simulated: Simulated, thulium: ContactCentre, listed: bool
) -> None:
    tickets: list[dict[str, object]] = [
        {
            "from": "k@example.com",
            "subject": name,
            "at": moment(at),
            "custom_fields": {"Numer zamówienia": name},
        }
        for name, at in (("before", -60), ("first", 1), ("second", 2))
    ]
    await simulated.seed(tickets=tickets)
    await simulated.switch(list_ticket_fields=listed)
    found: list[Ticket] = await every(thulium.tickets_since(START))
    assert sorted((one.subject, one.custom["Numer zamówienia"]) for one in found) == [
        ("first", "first"),
        ("second", "second"),
    ]


async def test_every_ticket_comes_although_the_list_moves(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    tickets = [{"from": "k@example.com", "subject": f"{n}", "at": moment(n / 10)} for n in range(230)]
    await simulated.seed(tickets=tickets)
    await simulated.switch(moving_tickets=2)
    found = await every(thulium.tickets_since(START))
    assert {one.subject for one in found} == {f"{n}" for n in range(230)}


@pytest.mark.parametrize(
    ("flag", "plain", "holds", "writes"),
    [
        ("accept", "refuse", True, 1),
        ("ignore", "ignore", False, 1),
        ("refuse", "accept", True, 2),
        ("refuse", "ignore", False, 2),
    ],
)
async def test_a_read_only_field_is_filled_or_told_as_not_filled(
    simulated: Simulated, thulium: ContactCentre, flag: str, plain: str, holds: bool, writes: int
) -> None:
    await simulated.switch(fill_ticket_fields=flag, read_only_ticket_fields=plain)
    one = await opened(simulated)
    assert await thulium.set_ticket_field(one, FIELD, LINK) is holds
    assert await held(thulium, one) == (LINK if holds else None)
    assert sent(simulated, "PUT") == writes
    await thulium.set_ticket_field(one, FIELD, LINK)
    assert sent(simulated, "PUT") == writes + 1, "what was refused once is not tried again"


async def test_a_field_that_is_refused_is_told_in_the_vendors_words(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    one = await opened(simulated)
    with pytest.raises(Rejected, match="Field is read only"):
        await thulium.set_ticket_field(one, FIELD, LINK)
    with pytest.raises(Rejected, match="Unknown parameter"):
        await thulium.set_ticket_field(one, "Nie ma takiego", LINK)
    assert await thulium.set_ticket_field(one, "Numer zamówienia", " Z/1 ")
    assert await thulium.set_ticket_field(one, "Numer zamówienia", "")


async def test_other_fields_of_the_ticket_stay_as_they_are(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    one = await opened(simulated)
    await thulium.set_ticket_field(one, "Numer zamówienia", "Z/1")
    await simulated.switch(read_only_ticket_fields="accept")
    await thulium.set_ticket_field(one, FIELD, LINK)
    assert await held(thulium, one, "Numer zamówienia") == "Z/1"
    ticket = await thulium.ticket(one)
    assert ticket is not None
    assert (ticket.agent_id, ticket.subject) == ("anna.nowak", "Wycena")


@pytest.mark.parametrize(
    ("shown", "says"), [({"url": LINK}, LINK), ({"other": 1}, ""), (7, "7"), (None, ""), ([], "")]
)
def test_a_link_field_is_read_as_text_or_as_a_small_object(shown: object, says: str) -> None:
    assert mapping.special_text({"custom_fields": {FIELD: shown}}, FIELD) == says
    assert mapping.special_text({"custom_fields": [{"name": FIELD, "value": shown}]}, FIELD) == says


async def test_a_ticket_that_is_not_there_is_told_as_such(thulium: ContactCentre) -> None:
    assert await thulium.ticket("987654321") is None
    with pytest.raises(NotFound):
        await thulium.set_ticket_field("987654321", FIELD, LINK)
    with pytest.raises(NotFound):
        await thulium.comment_ticket("987654321", LINK, once=LINK)
    with pytest.raises(NotFound):
        await thulium.set_ticket_field("7/../../agents", FIELD, LINK)


@pytest.mark.parametrize("keys", ["comment", "body", "body,user_login"])
async def test_a_comment_is_added_once_whatever_its_keys(
    simulated: Simulated, thulium: ContactCentre, keys: str
) -> None:
    await simulated.switch(comment_keys=keys)
    one = await opened(simulated)
    for _ in range(3):
        await thulium.comment_ticket(one, f"Szansa <b>: {LINK}", once=LINK)
    assert await comments(simulated, one) == [f"Szansa ‹b›: {LINK}"]
    await thulium.comment_ticket(one, "Szansa 8", once="/deal/8")
    tried = sent(simulated, "POST")
    assert tried == {"comment": 2, "body": 3, "body,user_login": 5}[keys], "the keys that work are remembered"


async def test_a_customers_own_words_are_no_comment_of_ours() -> None:
    row = {
        "messages": [
            {"type": "MAIL", "body": LINK, "comment": ""},
            {"type": "COMMENT", "body": "", "comment": None, "system_comment": LINK},
            "odd",
        ]
    }
    assert not mapping.has_comment(row, LINK)
    for written in ({"type": "COMMENT", "body": f'<a href="{LINK}">x</a>'}, {"comment": "a?b=1&amp;c=2"}):
        words = LINK if "body" in written else "a?b=1&c=2"
        assert mapping.has_comment({"messages": [*row["messages"], written]}, words)


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "status_after"])
async def test_a_lost_answer_leaves_open_what_a_look_then_tells(
    simulated: Simulated, thulium: ContactCentre, kind: str
) -> None:
    await simulated.switch(fill_ticket_fields="accept")
    one = await opened(simulated)
    # The HTTP library itself repeats a PUT once whose kept-alive connection ends without an answer.
    for method, times in (("PUT", 2), ("POST", 1)):
        await simulated.fault(kind=kind, method=method, times=times, status=502)
    await thulium.ticket(one)
    with pytest.raises(UnknownOutcome):
        await thulium.set_ticket_field(one, "Numer zamówienia", LINK)
    with pytest.raises(UnknownOutcome):
        await thulium.comment_ticket(one, LINK, once=LINK)
    assert await held(thulium, one, "Numer zamówienia") == LINK
    await thulium.comment_ticket(one, LINK, once=LINK)
    assert await comments(simulated, one) == [LINK]


async def test_too_many_requests_are_no_refusal_of_the_flag(
    simulated: Simulated, thulium: ContactCentre
) -> None:
    await simulated.switch(fill_ticket_fields="accept")
    one = await opened(simulated)
    await simulated.fault(kind="burst_429", method="PUT", times=1)
    with pytest.raises(Throttled):
        await thulium.set_ticket_field(one, FIELD, LINK)
    assert await thulium.set_ticket_field(one, FIELD, LINK)
