import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.flows.rules import LeftOut, People, activity_type, is_to_do, owner_of, types_of
from connector.installation_settings import CallRules, InstallationSettings
from connector.records import Agent, CallResult, Direction
from tests.flows.events import call, chat, message

DEFAULTS = InstallationSettings()
HERE = "thulium:demo"


def settings(**values: object) -> InstallationSettings:
    return InstallationSettings.model_validate(values)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("result", CallResult)
def test_as_shipped_every_call_is_a_call(direction: Direction, result: CallResult) -> None:
    assert activity_type(HERE, call(direction=direction, result=result), DEFAULTS) == "call"


def test_as_shipped_chats_are_tasks_and_only_tickets_by_mail_are_told() -> None:
    assert activity_type(HERE, chat(), DEFAULTS) == "task"
    assert activity_type(HERE, message(), DEFAULTS) == "email"
    assert activity_type(HERE, message(ticket={"source": None}), DEFAULTS) == "email"
    for source in ("phone", "chat", "www", "sms"):
        assert activity_type(HERE, message(ticket={"source": source}), DEFAULTS) == LeftOut(
            f"tickets from {source} are not synchronised"
        )


def test_a_type_is_chosen_by_direction_and_result() -> None:
    chosen = settings(
        calls={
            "type": "call",
            "cases": [
                {"direction": "inbound", "result": "abandoned", "type": "missed"},
                {"direction": "outbound", "result": "failed", "type": None},
            ],
        }
    )
    missed = call(result=CallResult.ABANDONED)
    failed = call(direction=Direction.OUTBOUND, result=CallResult.FAILED)
    assert activity_type(HERE, missed, chosen) == "missed"
    assert activity_type(HERE, failed, chosen) == LeftOut("outbound failed calls are not synchronised")
    assert activity_type(HERE, call(), chosen) == "call"


def test_an_empty_type_leaves_a_whole_kind_out() -> None:
    none = settings(calls={"type": None}, chats={"type": None}, messages={"types": {}})
    for event in (call(), chat(), message()):
        assert isinstance(activity_type(HERE, event, none), LeftOut)


def test_a_source_may_be_given_its_own_type_however_it_is_written() -> None:
    www = settings(messages={"types": {"email": "email", "WWW": "task"}})
    assert activity_type(HERE, message(ticket={"source": "www"}), www) == "task"
    assert activity_type(HERE, message(ticket={"source": "Www"}), www) == "task"


@given(st.integers(0, 600), st.integers(0, 600))
def test_answered_calls_shorter_than_the_minimum_are_left_out_and_unanswered_ones_never(
    talk_s: int, minimum: int
) -> None:
    rules = InstallationSettings(calls=CallRules(minimum_seconds=minimum))
    kind = activity_type(HERE, call(talk_s=talk_s), rules)
    assert (kind == "call") == (talk_s >= minimum)
    assert activity_type(HERE, call(talk_s=0, result=CallResult.ABANDONED), rules) == "call"


def test_a_queue_has_a_type_of_its_own_before_direction_and_result() -> None:
    chosen = settings(
        calls={"cases": [{"direction": "inbound", "result": "answered", "type": None}], "minimum_seconds": 5},
        queues=[
            {"kind": "call", "queue": "1", "connection": HERE, "type": "meeting"},
            {"kind": "chat", "queue": "1", "type": None, "name": "Sales"},
            {"kind": "ticket", "queue": "1", "type": "task"},
            {"kind": "campaign", "queue": "7", "name": "Winter", "type": "lunch"},
        ],
    )
    assert activity_type(HERE, call(), chosen) == "meeting"
    assert activity_type("thulium:other", call(), chosen) == LeftOut(
        "inbound answered calls are not synchronised"
    )
    assert activity_type(HERE, call(talk_s=1), chosen) == LeftOut("shorter than 5 seconds")
    assert activity_type(HERE, chat(), chosen) == LeftOut("the queue Sales is not synchronised")
    assert activity_type(HERE, message(), chosen) == "task"
    for campaign in ("7", "Winter"):
        assert activity_type(HERE, call(queue_id=None, campaign=campaign), chosen) == "lunch"
    assert types_of(chosen) == {"call", "task", "email", "meeting", "lunch"}


def test_a_queue_does_not_bring_a_ticket_of_a_source_that_is_left_out() -> None:
    chosen = settings(queues=[{"kind": "ticket", "queue": "1", "type": "task"}])
    assert isinstance(activity_type(HERE, message(ticket={"source": "chat"}), chosen), LeftOut)


@pytest.mark.parametrize("number", ["201", "12345"])
def test_internal_calls_are_left_out_only_when_that_is_said(number: str) -> None:
    internal = call(src=number)
    assert activity_type(HERE, internal, DEFAULTS) == "call"
    left_out = settings(calls={"leave_out_internal": True})
    assert activity_type(HERE, internal, left_out) == LeftOut("internal calls are not synchronised")
    assert activity_type(HERE, call(), left_out) == "call"
    assert activity_type(HERE, call(src="anonymous"), left_out) == "call"


def test_only_an_abandoned_inbound_call_can_be_a_to_do_and_only_when_asked_for() -> None:
    wanted = settings(calls={"abandoned_as_to_do": True})
    for direction in Direction:
        for result in CallResult:
            event = call(direction=direction, result=result)
            expected = (direction, result) == (Direction.INBOUND, CallResult.ABANDONED)
            assert is_to_do(event, wanted) is expected
            assert not is_to_do(event, DEFAULTS)
    assert not is_to_do(chat(), wanted)


PEOPLE = People(
    agents={
        ("thulium:demo", "anna.nowak"): Agent("anna.nowak", "Anna Nowak", "Anna.Nowak@Example.com"),
        ("thulium:demo", "jan"): Agent("jan", "Jan", None),
        ("thulium:demo", "gone"): Agent("gone", "Gone", "gone@example.com"),
    },
    users_by_email={"anna.nowak@example.com": "11", "gone@example.com": "99"},
    active_users=frozenset({"1", "11", "12"}),
    owner_user_id="1",
)


def owner(agent_id: str | None, rules: InstallationSettings = DEFAULTS) -> tuple[str, str]:
    return owner_of("thulium:demo", call(agent_id=agent_id), rules, PEOPLE)


def test_the_table_of_agents_comes_before_their_addresses() -> None:
    assert owner("anna.nowak", settings(agent_users={"anna.nowak": "12"})) == ("12", "agent table")


def test_an_agent_is_known_by_the_address_in_whatever_case() -> None:
    assert owner("anna.nowak") == ("11", "e-mail of the agent")


def test_without_a_user_the_fallback_owner_has_it_and_else_the_owner_of_the_sync() -> None:
    for agent in ("jan", "nobody", None):
        assert owner(agent, settings(fallback_owner="12")) == ("12", "fallback owner")
        assert owner(agent) == ("1", "owner of the sync")


def test_an_agent_of_another_contact_centre_with_the_same_login_is_somebody_else() -> None:
    assert owner_of("thulium:other", call(), DEFAULTS, PEOPLE) == ("1", "owner of the sync")


def test_a_ticket_without_an_agent_of_the_message_is_its_agents() -> None:
    event = message(agent_id=None)
    assert owner_of("thulium:demo", event, DEFAULTS, PEOPLE) == ("11", "e-mail of the agent")


users = st.sampled_from(["11", "12", "77", "99"])


@given(
    st.sampled_from(["anna.nowak", "jan", "gone", "nobody", None]),
    st.dictionaries(st.sampled_from(["anna.nowak", "jan", "gone"]), users),
    st.none() | users,
)
def test_an_inactive_user_never_owns_an_activity(
    agent: str | None, table: dict[str, str], fallback: str | None
) -> None:
    chosen, _ = owner(agent, settings(agent_users=table, fallback_owner=fallback))
    assert chosen in PEOPLE.active_users
