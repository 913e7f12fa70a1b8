"""What is hidden of personal data until somebody asks for it."""

from __future__ import annotations

import pytest

from connector.web.console.happening.event import body_lines
from connector.web.console.masking import masked


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("+48601000001", "+48 601 *** 001"),
        ("+48 601 000 001", "+48 601 *** 001"),
        ("601000001", "60 *** 001"),
        ("601 000 001", "60 *** 001"),
        ("44051401359", "44 *** 359"),
        ("221234", "*** 34"),
        ("Jan Nowak", "J*** N***"),
        ("jan@example.com", "j***@***"),
        ("to:jan.k@example.com.", "t***:j***@***"),
        # By the square of its length this would take minutes.
        ("a" * 500_000, "a***"),
    ],
)
def test_of_a_number_so_much_is_hidden_that_nobody_can_dial_it(text: str, hidden: str) -> None:
    assert masked(text) == hidden


def test_of_an_activity_only_our_own_labels_are_read_without_asking() -> None:
    note = (
        "<b>Number:</b> 601000001<br><b>Text:</b> Nowak Jan: call me<br>Kowalska – Anna – 5<br>ref: Zielna 7"
        '<br><a href="https://example.com/7">Open in the contact centre</a><br><small>ref:ABCDEFGHIJKLMNOPQRST</small>'
    )
    assert body_lines(note, reveal=False) == [
        "Number: 60 *** 001", "Text: N*** J***: c*** m***", "K*** – A*** – 5", "r***: Z*** 7",
        "Open in the contact centre", "ref:ABCDEFGHIJKLMNOPQRST",
    ]  # fmt: skip
    assert "Nowak Jan: call me" in body_lines(note, reveal=True)[1]
