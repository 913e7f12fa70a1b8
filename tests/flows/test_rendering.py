import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.flows.rendering import SUBJECT_LIMIT, Names, Text, marker_in, render, topic_names
from connector.i18n import translator
from connector.installation_settings import Links
from connector.records import CallResult, CallTopic, Chat, Direction, Event, Message
from tests.flows.events import AT, call, chat, message

MARKER = "ABCDEFGHIJKLMNOPQRST"
LINKS = Links(
    call="https://centre.example.com/calls/{id}?a=1&b=2",
    chat="https://centre.example.com/chats/{id}",
    ticket="https://centre.example.com/tickets/{id}",
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        if tag == "br":
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data


def read(note: str) -> _Reader:
    reader = _Reader()
    reader.feed(note)
    reader.close()
    return reader


def shown(event: Event, names: Names | None = None, links: Links | None = None, language: str = "en") -> Text:
    return render(event, names or Names(), links or Links(), MARKER, translator(language))


def lines(text: Text) -> list[str]:
    return read(text.note).text.split("\n")


def test_a_call_tells_all_that_is_asked_of_a_call() -> None:
    names = Names("Anna Nowak", "Sprzedaż", "Reklamacja", "Oddzwonić w piątek")
    text = shown(call(), names, LINKS)
    assert text.subject == "Inbound call: answered – Reklamacja"
    assert lines(text) == [
        "Direction: inbound",
        "Result: answered",
        "Agent: Anna Nowak",
        "Queue or campaign: Sprzedaż",
        "Talk time: 1:05 (connection 1:15)",
        "Number: +48601000001",
        "Topic: Reklamacja",
        "Note: Oddzwonić w piątek",
        "Open in the contact centre",
        f"ref:{MARKER}",
    ]
    assert read(text.note).links == ["https://centre.example.com/calls/c1?a=1&b=2"]


def test_a_chat_tells_all_that_is_asked_of_a_chat() -> None:
    text = shown(chat(), Names("Anna Nowak", "Sklep"), LINKS)
    assert text.subject == "Chat: Wycena"
    assert lines(text) == [
        "Topic: Wycena",
        "Source: www",
        "Duration: 4:05",
        "Agent: Anna Nowak",
        "Queue: Sklep",
        "Customer: Ewa",
        "Text: CLIENT: Dzień dobry",
        "Open in the contact centre",
        f"ref:{MARKER}",
    ]
    assert read(text.note).links == ["https://centre.example.com/chats/h1"]


def test_an_e_mail_tells_all_that_is_asked_of_an_e_mail() -> None:
    text = shown(message(), Names("Anna Nowak", "Biuro"), LINKS)
    assert text.subject == "Inbound e-mail: Zapytanie"
    assert lines(text) == [
        "Direction: inbound",
        "Agent: Anna Nowak",
        "Sender: ewa@example.com",
        "Subject: Zapytanie",
        "Queue: Biuro",
        "Excerpt: Proszę o wycenę.",
        "Open in the contact centre",
        f"ref:{MARKER}",
    ]
    assert read(text.note).links == ["https://centre.example.com/tickets/t1"]


def test_an_answer_is_sent_by_the_agent() -> None:
    text = shown(message(direction=Direction.OUTBOUND, sender=None), Names(agent="Anna Nowak"))
    assert text.subject == "Outbound e-mail: Zapytanie"
    assert "Sender: Anna Nowak" in lines(text)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (CallResult.ANSWERED, "odebrane"),
        (CallResult.FAILED, "nieudane"),
        (CallResult.ABANDONED, "porzucone"),
    ],
)
def test_a_polish_installation_reads_polish(result: CallResult, said: str) -> None:
    text = shown(call(result=result, direction=Direction.OUTBOUND), language="pl")
    assert said in text.subject
    for english in ("Direction", "Result", "Agent:", "Talk", "Number", "Outbound", "outbound"):
        assert english not in text.note.replace("Agent:", "") or english == "Agent:"
    assert all(letter not in text.subject for letter in ("Inbound", "Outbound"))


def test_every_label_of_every_kind_has_its_polish_word() -> None:
    names = Names("A", "Q", "T", "N")
    for event in (call(), chat(), message()):
        for english, polish in zip(
            lines(shown(event, names, LINKS)), lines(shown(event, names, LINKS, "pl")), strict=True
        ):
            label = english.partition(":")[0]
            if label not in ("Agent", "ref"):
                assert polish.partition(":")[0] != label


def test_what_is_missing_leaves_no_empty_line() -> None:
    bare = call(agent_id=None, queue_id=None, src="", talk_s=0, connection_s=0)
    assert lines(shown(bare)) == [
        "Direction: inbound",
        "Result: answered",
        "Talk time: 0:00 (connection 0:00)",
        f"ref:{MARKER}",
    ]
    assert lines(shown(Chat("x", AT, None))) == [f"ref:{MARKER}"]


def test_without_a_template_there_is_no_link() -> None:
    for event in (call(), chat(), message()):
        assert "<a" not in shown(event).note


def test_agents_and_queues_without_a_name_are_told_by_their_id() -> None:
    assert "Agent: anna.nowak" in lines(shown(call()))
    assert "Agent: Anna N." in lines(shown(call(agent_name="Anna N.")))
    assert "Queue or campaign: Odnowienia" in lines(shown(call(campaign="Odnowienia")))


def test_a_topic_written_down_later_takes_the_place_of_the_listed_one() -> None:
    names = topic_names(Names("A", "Q"), CallTopic("Nowe zamówienie", "Oferta"))
    text = shown(call(topic="Reklamacja"), names)
    assert text.subject == "Inbound call: answered – Nowe zamówienie"
    assert "Note: Oferta" in lines(text)
    assert shown(call(topic="Reklamacja")).subject.endswith("– Reklamacja")


@pytest.mark.parametrize("length", [255, 256, 257, 5000])
def test_contents_are_cut_at_256_code_points_of_plain_text(length: int) -> None:
    text = "ż<&😀"[: length % 4] + "ż<&😀" * (length // 4)
    assert len(text) == length
    for note, label in (
        (shown(message(text=text)).note, "Excerpt"),
        (shown(chat(text=text)).note, "Text"),
        (shown(call(note=text)).note, "Note"),
        (shown(call(topic=text)).note, "Topic"),
        (shown(message(ticket={"subject": text})).note, "Subject"),
    ):
        line = next(line for line in read(note).text.split("\n") if line.startswith(label + ": "))
        said = line.removeprefix(label + ": ")
        assert len(said) == min(length, 256)
        assert said == text if length <= 256 else said == text[:255] + "…"


def test_contents_keep_their_line_breaks_and_nothing_else_has_any() -> None:
    said = "CLIENT: Dzień dobry\r\nAGENT: <b>Witam</b>\nCLIENT: Do widzenia"
    for note, label in (
        (shown(message(text=said)).note, "Excerpt"),
        (shown(chat(text=said)).note, "Text"),
        (shown(call(note=said)).note, "Note"),
    ):
        assert (
            f"<b>{label}:</b> CLIENT: Dzień dobry<br>AGENT: &lt;b&gt;Witam&lt;/b&gt;<br>CLIENT: Do wid"
            in note
        )
        assert note.endswith(f"<br><small>ref:{MARKER}</small>")
    bare = shown(message(ticket={"subject": "One"})).note.count("<br>")
    assert shown(message(ticket={"subject": "One\nNumber: two"})).note.count("<br>") == bare


def test_line_breaks_count_as_one_character_of_the_cut() -> None:
    text = "ab\n" * 200
    said = shown(message(text=text)).note.partition("Excerpt:</b> ")[2].partition("<br><small>")[0]
    assert said.replace("<br>", "\n") == text[:255] + "…"


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
markup = st.text(st.sampled_from("<>&\"' /=abr:éż😀\u200d\n"), max_size=300)
wild = anything | markup | st.just(f"</small><script>alert(1)</script>ref:{'Z' * 20}")


@given(wild, wild, wild, wild)
def test_whatever_strangers_write_is_only_ever_text(a: str, b: str, c: str, d: str) -> None:
    for event in (
        call(src=a, agent_name=b, campaign=c, topic=d, queue_id=None),
        chat(client_name=a, source=b, topic=c, text=d),
        message(sender=a, agent_id=b, text=c, ticket={"subject": d, "queue_name": a}),
    ):
        text = shown(event, Names(note=d))
        reader = read(text.note)
        assert set(reader.tags) <= {"b", "br", "small"}
        assert reader.tags.count("small") == 1
        assert len(text.subject) <= SUBJECT_LIMIT
        assert text.note.endswith(f"<small>ref:{MARKER}</small>")
        assert marker_in(text.note) == MARKER


@given(wild)
def test_an_id_cannot_break_out_of_its_link(ref: str) -> None:
    links = Links(call="https://centre.example.com/{id}")
    reader = read(shown(call(id=ref), links=links).note)
    assert reader.tags.count("a") == 1
    assert len(reader.links) == 1


def test_a_marker_a_customer_typed_is_not_taken_for_ours() -> None:
    forged = f"ref:{'Q' * 20}"
    text = shown(chat(text=f"Hello {forged} </small><small>{forged}</small>", topic=forged))
    assert forged in text.note
    assert marker_in(text.note) == MARKER


def test_a_note_without_a_marker_of_ours_has_none() -> None:
    for note in (None, "", "ref:", "ref:short", f"ref:{'A' * 21}", f"ref:{'a' * 20}", f"ref:{'1' * 20}"):
        assert marker_in(note) is None


def test_a_subject_never_holds_a_line_break() -> None:
    text = shown(message(ticket={"subject": "Zapytanie\r\nBcc: x"}))
    assert not re.search(r"[\r\n]", text.subject)


def test_durations_are_whole_minutes_and_seconds_and_never_negative() -> None:
    assert "Duration: 0:00" in lines(shown(chat(ended_at=AT - timedelta(seconds=5))))
    assert "Duration: 120:07" in lines(shown(chat(ended_at=AT + timedelta(seconds=7207))))


def test_a_message_of_nothing_but_blanks_still_has_its_marker() -> None:
    empty: Message = message(text="", sender=None, agent_id=None, ticket={"subject": "", "agent_id": None})
    assert marker_in(shown(empty).note) == MARKER
