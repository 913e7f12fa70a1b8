"""HTML to text, the cut, escaping."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.text import cut, escape, html_to_text, without_words_of


def test_blocks_become_lines_and_scripts_and_styles_vanish() -> None:
    html = (
        "<html><head><title>Oferta</title><style>p { color: red }</style></head><body><p>Dzień&nbsp;dobry,</p>"
        "<div>proszę   o\n<b>wycenę</b> &amp; termin.<br>Ewa</div><script>alert('<p>x</p>')</script><!-- a > b --></body>"
    )
    assert html_to_text(html) == "Dzień dobry,\nproszę o wycenę & termin.\nEwa"


def test_plain_text_keeps_its_own_lines() -> None:
    assert html_to_text("Dzień dobry,\r\n\r\n 2 < 3 &amp; tak \t Ewa\n") == "Dzień dobry,\n2 < 3 & tak Ewa"


def test_a_bracket_inside_quotes_does_not_end_a_tag() -> None:
    assert html_to_text("<a title=\"a > b\" href='x'>tekst</a> <3 <td>1</td><td>2</td>") == "tekst <3 1 2"


def test_characters_no_database_takes_are_dropped() -> None:
    assert html_to_text("<p>a\x00b&#0;\u200bc\ud800</p>") == "ab�c"
    assert escape("<b>\x00\"'</b>") == "&lt;b&gt;&quot;&#x27;&lt;/b&gt;"


@pytest.mark.parametrize(
    "html",
    [
        "<p>abc</p>" * 200_000,
        "<b>" * 700_000,
        "<!--" * 500_000,
        '<a ">"' * 300_000,
        "<a '" * 500_000,
        "<" * 2_000_000,
        "&amp;" * 400_000,
        '<img src="data:' + "A" * 2_000_000 + '">',
        "<style>" * 300_000,
        "<p>" + " \n" * 1_000_000,
        "\n<" * 1_000_000,
    ],
    ids=lambda html: html[:8].strip() or "spaces",
)
def test_two_megabytes_of_any_html_are_read_quickly(html: str) -> None:
    started = time.process_time()
    assert len(html_to_text(html)) <= 4_000
    assert time.process_time() - started < 0.5


@given(st.text(alphabet=st.sampled_from("<>/!-ab\"'= &;\n p"), max_size=200))
def test_any_markup_gives_some_text(html: str) -> None:
    text = html_to_text(html)
    assert text == text.strip()
    assert "\n\n" not in text


def test_a_cut_text_has_256_characters_with_its_ellipsis() -> None:
    assert cut("x" * 256) == "x" * 256
    assert cut("ż" * 257) == "ż" * 255 + "…"


@pytest.mark.parametrize(
    "cluster",
    ["👩\u200d👩\u200d👧", "e\u0301", "👍🏽", "🇵🇱", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e007f"],
    ids=["family", "accent", "skin tone", "flag", "variation", "tag flag"],
)
def test_a_visible_character_at_the_cut_is_kept_or_dropped_whole(cluster: str) -> None:
    for before in range(8):
        shortened = cut("x" * before + cluster * 10, 10)
        assert len(shortened) <= 10
        assert shortened.removesuffix("…").removeprefix("x" * before) in {cluster * n for n in range(10)}


def test_a_text_of_combining_marks_alone_is_cut_all_the_same() -> None:
    assert len(cut("\u0301" * 300)) == 256


@given(st.text(max_size=80), st.integers(min_value=1, max_value=60))
def test_a_cut_text_is_never_longer_than_its_limit_and_begins_alike(text: str, limit: int) -> None:
    shortened = cut(text, limit)
    assert len(shortened) <= limit
    assert shortened == text or text.startswith(shortened.removesuffix("…"))


def test_words_that_were_sent_are_left_out_wherever_they_stood() -> None:
    sent = {"name": "Ewa Żak", "phones": [{"value": "+48 601 000 001"}], "org_id": 7}
    told = "Ewa ŻAK (7) has +48 601 000 001 already"
    assert without_words_of(sent, told) == "… … (7) has +… … … … already"
    assert without_words_of(None, told) == told
