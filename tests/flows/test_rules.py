import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.flows.rules import LeftOut, People, activity_type, is_to_do, owner_of
from connector.installation_settings import CallRules, InstallationSettings
from connector.records import Agent, CallResult, Direction
from tests.flows.events import call, chat, message

DEFAULTS = InstallationSettings()


def settings(**values: object) -> InstallationSettings:
    return InstallationSettings.model_validate(values)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("result", CallResult)
def test_as_shipped_every_call_is_a_call(direction: Direction, result: CallResult) -> None:
    assert activity_type(call(direction=direction, result=result), DEFAULTS) == "call"


def test_as_shipped_chats_are_tasks_and_only_tickets_by_mail_are_told() -> None:
    assert activity_type(chat(), DEFAULTS) == "task"
    assert activity_type(message(), DEFAULTS) == "email"
    assert activity_type(message(ticket={"source": None}), DEFAULTS) == "email"
    for source in ("phone", "chat", "www", "sms"):
        assert activity_type(message(ticket={"source": source}), DEFAULTS) == LeftOut(
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
    assert activity_type(missed, chosen) == "missed"
    assert activity_type(failed, chosen) == LeftOut("outbound failed calls are not synchronised")
    assert activity_type(call(), chosen) == "call"


def test_an_empty_type_leaves_a_whole_kind_out() -> None:
    none = settings(calls={"type": None}, chats={"type": None}, messages={"types": {}})
    for event in (call(), chat(), message()):
        assert isinstance(activity_type(event, none), LeftOut)


def test_a_source_may_be_given_its_own_type_however_it_is_written() -> None:
    www = settings(messages={"types": {"email": "email", "WWW": "task"}})
    assert activity_type(message(ticket={"source": "www"}), www) == "task"
    assert activity_type(message(ticket={"source": "Www"}), www) == "task"


@given(st.integers(0, 600), st.integers(0, 600))
def test_answered_calls_shorter_than_the_minimum_are_left_out_and_unanswered_ones_never(
    talk_s: int, minimum: int
) -> None:
    rules = InstallationSettings(calls=CallRules(minimum_seconds=minimum))
    kind = activity_type(call(talk_s=talk_s), rules)
    assert (kind == "call") == (talk_s >= minimum)
    assert activity_type(call(talk_s=0, result=CallResult.ABANDONED), rules) == "call"


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
