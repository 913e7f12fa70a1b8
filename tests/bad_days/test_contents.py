"""Events whose contents are large, broken, at the wrong hour or cut in the wrong place."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.bad_days.days import Day
from tests.flows.desk import NUMBER, Desk, open_desk

#: In Warsaw the clocks go back at 01:00 UTC of this day: 02:00 to 03:00 happens twice.
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
#: Here they go forward at 01:00 UTC: 02:00 to 03:00 does not happen.
FORWARD = datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened


def starts(day: Day) -> list[str]:
    return sorted(f"{row['due_date']}T{row['due_time'][:5]}" for row in day.written())


def ticket(desk: Desk, body: str, subject: str = "Zapytanie") -> None:
    desk.day.happen("ticket", **{"from": NUMBER, "body": body, "subject": subject})


async def parked_reasons(desk: Desk) -> list[str]:
    query = "SELECT reason FROM ledger WHERE state = 'parked'"
    return list(await desk.service.db.read(lambda db: db.exec_driver_sql(query).scalars().all()))


@pytest.mark.parametrize("change", [BACK, FORWARD])
async def test_calls_around_a_change_of_the_clocks_are_each_written_once(
    tmp_path: Path, change: datetime
) -> None:
    now = change - timedelta(hours=3)
    async with open_desk(tmp_path, now=now) as desk:
        times = [change + timedelta(minutes=15 * n) for n in range(-8, 9)]
        for at in times:
            while desk.day.system.now() < at + timedelta(minutes=2):
                await desk.day.move(600)
            desk.day.happen("call", number=NUMBER, at=at.isoformat())
            await desk.run()
        await desk.day.move(7200)
        await desk.settle()
        assert await desk.states() == {"done": len(times)}
        assert not desk.day.wrong()


async def test_a_call_in_the_hour_that_comes_twice_is_written_once_for_each_time(tmp_path: Path) -> None:
    async with open_desk(tmp_path, now=BACK - timedelta(hours=1)) as desk:
        await desk.day.move(3 * 3600)
        for at in (BACK - timedelta(minutes=30), BACK + timedelta(minutes=30)):
            desk.day.happen("call", number=NUMBER, at=at.isoformat())
        await desk.settle()
        # Both say 02:30; the contact centre does not tell which turn, so both are read as the first one.
        assert starts(desk.day) == ["2026-10-25T00:30"] * 2
        assert not desk.day.wrong()


async def test_a_ticket_of_two_megabytes_of_html_becomes_one_short_activity(desk: Desk) -> None:
    ticket(desk, "<p>Dzień dobry,</p>" + "<div><b>ala</b> ma <i>kota</i>&nbsp;</div>" * 50_000 + "<p>koniec")
    began = time.process_time()
    await desk.settle()
    assert time.process_time() - began < 5
    (row,) = desk.day.written()
    assert "Dzień dobry," in row["note"]
    assert len(row["note"]) < 1500


async def test_html_that_never_ends_does_not_hold_up_the_others(desk: Desk) -> None:
    ticket(desk, "<" * 1_000_000 + '<a href="' * 20_000)
    ticket(desk, "<p>zwykła wiadomość")
    began = time.process_time()
    await desk.settle()
    assert time.process_time() - began < 5
    assert await desk.states() == {"done": 2}


@pytest.mark.parametrize(
    "end",
    ["żółć", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "🇵🇱🇺🇦🇵🇱", "e\u0301\u0302\u0303e", "👍🏽👍🏽👍🏽"],
    ids=["polish", "family", "flags", "marks", "skin"],
)
async def test_emoji_and_polish_letters_at_the_cut_stay_whole(desk: Desk, end: str) -> None:
    texts = {length: f"{length}" + "ż" * (length - 3) + end * 4 for length in range(246, 260)}
    for text in texts.values():
        ticket(desk, text)
    await desk.settle()
    assert await desk.states() == {"done": len(texts)}
    for row in desk.day.written():
        end_of_excerpt = row["note"].index("<br><small>")
        shown = row["note"][:end_of_excerpt].rpartition("> ")[2].removesuffix("…")
        text = texts[int(shown[:3])]
        assert 240 <= len(shown) <= 255
        assert text.startswith(shown)
        assert text[len(shown)] not in "\u200d\u0301\u0302\u0303\U0001f3fd"
        flags = sum("\U0001f1e6" <= char <= "\U0001f1ff" for char in shown)
        assert flags % 2 == 0


async def test_a_subject_of_a_thousand_letters_is_cut_and_not_refused(desk: Desk) -> None:
    ticket(desk, "treść.", subject="Ś" * 1000)
    await desk.settle()
    (row,) = desk.day.written()
    assert len(row["subject"]) <= 255


async def test_what_a_stranger_writes_is_never_markup(desk: Desk) -> None:
    ticket(desk, "<p>&lt;script&gt;alert(1)&lt;/script&gt; <img src=x onerror=alert(1)>")
    desk.call(comment='<img src=x onerror="alert(1)">')
    await desk.settle()
    notes = "".join(row["note"] for row in desk.day.written())
    assert "<script" not in notes
    assert "<img" not in notes


async def test_a_payload_of_the_wrong_shape_is_parked_alone_with_its_reason(desk: Desk) -> None:
    broken = desk.call()
    desk.day.happen("broken", id=broken)
    for _ in range(5):
        desk.call()
    desk.day.happen("chat", email="obcy@example.com", messages=[{"text": "Halo"}], close=True)
    ticket(desk, "list.")
    await desk.settle()
    assert await desk.states() == {"parked": 1, "done": 6, "waiting": 1}
    (reason,) = await parked_reasons(desk)
    assert reason


async def test_every_kind_of_event_of_the_wrong_shape_is_parked_alone(desk: Desk) -> None:
    call = desk.call()
    chat = desk.day.happen("chat", email="jan@example.com", messages=[{"text": "Halo"}], close=True)["id"]
    mail = desk.day.happen("ticket", **{"from": NUMBER, "body": "zły list."})["message_ids"]
    assert isinstance(mail, list)
    for ref in (call, str(chat), str(mail[0])):
        desk.day.happen("broken", id=ref)
    desk.call()
    ticket(desk, "dobry list.")
    await desk.settle()
    assert await desk.states() == {"parked": 3, "done": 2}
    assert all(await parked_reasons(desk))
