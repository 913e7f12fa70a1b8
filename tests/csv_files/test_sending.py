"""An export goes straight into the contact centre: nobody twice, whatever happens on the way."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector import commands
from connector.__main__ import parser
from connector.csv_files.command import convert
from connector.csv_files.converting import Summary, intake
from connector.csv_files.reading import open_table
from connector.csv_files.sending import Sending
from connector.errors import ConnectorError
from connector.phone import Phones
from connector.records import Customer
from tests.flows.looking import HastyClock
from tests.world import World, install

HEADER = "Name,Phone,Email,Company\n"
CREATING = {"method": "POST", "path": "/customers"}


class Sender:
    """An installation whose contact centre is sent files."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._left = folder / "left.csv"

    async def __call__(self, source: str) -> tuple[Summary, list[Customer], list[list[str]]]:
        """Send a file; gives the summary, who is in the contact centre then, and what was left."""
        async with self._world.connector(HastyClock()) as service:
            tenant = await self._tenant(service)
            (centre,) = tenant.centres.values()
            with intake(open_table(io.BytesIO(source.encode())), Phones("PL"), str(self._left)) as taken:
                await Sending(centre.api, taken, "PL", tenant.clock, 0.05).run()
            customers = [customer async for page in centre.api.customers() for customer in page]
        return taken.summary, [one for one in customers if not one.is_company], self.left()

    async def _tenant(self, service: Any) -> Any:
        known = await service.installations.all()
        return await service.tenant(known[0].id) if known else await install(service)

    def left(self) -> list[list[str]]:
        _, *rows = csv.reader(io.StringIO(self._left.read_text(encoding="utf-8-sig")))
        return [row[:3] for row in rows]


@pytest.fixture
def send(world: World, tmp_path: Path) -> Sender:
    return Sender(world, tmp_path)


async def test_people_and_their_companies_are_made_once(send: Sender) -> None:
    source = (
        HEADER
        + "Łucja Żółć,601000001,a@example.com,Próba sp. z o.o.\nJan Nowak,,b@example.com,PRÓBA SP. Z O.O.\n"
    )
    summary, customers, left = await send(source)
    assert (summary.taken, left) == (2, [])
    assert {(one.last_name, one.first_name, one.phones, one.emails) for one in customers} == {
        ("Żółć", "Łucja", ("601000001",), ("a@example.com",)),
        ("Nowak", "Jan", (), ("b@example.com",)),
    }
    assert len({one.company_id for one in customers}) == 1
    assert all(one.company_id for one in customers)

    summary, customers, left = await send(source)
    assert (summary.taken, summary.duplicates, len(customers)) == (0, 2, 2)
    assert "of the contact centre has +48601000001" in left[0][2]


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "timeout_before"])
async def test_a_lost_answer_does_not_make_a_second_customer(kind: str, send: Sender, world: World) -> None:
    await send(HEADER)
    await world.fault("thulium", kind, **CREATING)
    summary, customers, left = await send(HEADER + "Jan Nowak,601000001,,\nEwa Nowak,602000002,,\n")
    assert (summary.taken, left) == (2, [])
    assert sorted(one.first_name for one in customers) == ["Ewa", "Jan"]


async def test_who_was_sent_twice_without_an_answer_is_left_to_a_person(send: Sender, world: World) -> None:
    await send(HEADER)
    await world.fault("thulium", "timeout_before", times=2, **CREATING)
    summary, customers, left = await send(HEADER + "Jan Nowak,601000001,,\n")
    assert (summary.taken, summary.unusable, customers) == (0, 1, [])
    assert "sent twice without an answer" in left[0][2]


async def test_a_company_is_looked_for_each_time_before_it_is_sent_again(send: Sender, world: World) -> None:
    await send(HEADER)
    creating = {"method": "POST", "path": "/companies"}
    await world.fault("thulium", "timeout_before", **creating)
    await world.fault("thulium", "reset_after", nth=2, **creating)
    people = "".join(f"Jan Nowak{n},60100000{n},,Próba\n" for n in range(3))
    summary, customers, left = await send(HEADER + people)
    made = [card for card in await world.cards() if card["company_flag"]]
    assert [card["surname"] for card in made] == ["Próba"]
    assert (summary.taken, left) == (3, [])
    assert {one.company_id for one in customers} == {str(made[0]["company_id"])}


async def test_a_company_that_was_sent_twice_without_an_answer_is_left_to_a_person(
    send: Sender, world: World
) -> None:
    await send(HEADER)
    await world.fault("thulium", "timeout_before", times=2, method="POST", path="/companies")
    summary, customers, left = await send(HEADER + "Jan Nowak,601000001,,Próba\nEwa Nowak,602000002,,\n")
    assert (summary.taken, [one.first_name for one in customers]) == (1, ["Ewa"])
    assert "its company was sent twice without an answer" in left[0][2]


async def test_a_refused_row_is_left_with_the_vendors_reason_and_nothing_else_stops(
    send: Sender, world: World
) -> None:
    await send(HEADER)
    await world.fault("thulium", "status_before", status=422, **CREATING)
    summary, customers, left = await send(HEADER + "Jan Nowak,601000001,,\nEwa Nowak,602000002,,\n")
    assert (summary.taken, summary.unusable) == (1, 1)
    assert [one.first_name for one in customers] == ["Ewa"]
    assert left[0][:2] == ["2", "no"]


async def test_a_failed_look_up_is_never_taken_for_nobody(send: Sender, world: World) -> None:
    await send(HEADER)
    await world.fault("thulium", "unauthorised", method="GET", path="/customers", times=None)
    with pytest.raises(ConnectorError):
        await send(HEADER + "Jan Nowak,601000001,,\n")
    assert send.left()[0][2].startswith("sending stopped at this row: ")
    await world.mend("thulium")
    assert (await send(HEADER))[1] == []


def give(monkeypatch: pytest.MonkeyPatch, source: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source)))


async def test_the_verb_sends_into_the_installations_contact_centre(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async with world.connector() as service:
        await install(service)
    give(monkeypatch, HEADER.encode() + b"Jan Nowak,601000001,,\n")
    monkeypatch.chdir(tmp_path)
    args = parser().parse_args(["csv", "to-centre", "--send"])
    assert await commands.run("csv to-centre", args, world.settings()) == 0
    assert orjson.loads(capsys.readouterr().err)["taken"] == 1

    args = parser().parse_args(["csv", "to-pipedrive", "--send"])
    assert await commands.run("csv to-pipedrive", args, world.settings()) == 2
    assert "Only to-centre can be sent" in capsys.readouterr().err


def run(*words: str, source: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """The program as it is called, without any setting."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "connector", "csv", *words],
        input=source, capture_output=True, cwd=folder, env=environment, check=False,
    )  # fmt: skip


def test_a_file_needs_neither_database_nor_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CONNECTOR_PORT=nonsense\n")
    source = "Osoba - Nazwa;Osoba - Telefon;Właściciel\nŁucja Żółć;601 000 001;Ewa\n".encode("windows-1250")
    done = run("to-centre", source=source, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.decode("utf-8-sig")
        == "surname;name;phone_number;email;company\r\nŻółć;Łucja;601000001;;\r\n"
    )
    notice, summary = done.stderr.decode().splitlines()
    assert notice == 'Columns left out: "Właściciel".'
    assert orjson.loads(summary)["encoding"] == "windows-1250"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "duplicates.csv"]


@pytest.mark.parametrize(
    ("words", "source", "sentence"),
    [
        ("to-centre", b"", "The file is empty."),
        ("to-centre --region xx", b"Name,Phone\n", "There is no region 'XX'."),
        (
            "to-centre --encoding hex",
            b"Name,Phone\n",
            "There is no encoding 'hex' for text. Try utf-8",
        ),
        ("to-centre --encoding utf-16", b"Name,Phone\n", "say --encoding utf-16-le or utf-16-be"),
        ("to-centre --output-encoding rot13", b"Name,Phone\n", "There is no encoding 'rot13' for text."),
        (
            "to-centre --output-encoding ascii --delimiter →",
            "Name→Phone\n".encode(),
            "cannot be written in ascii",
        ),
        ("to-centre", b"PK\x03\x04" + b"\0" * 100, "Save it as CSV (UTF-8)"),
        ("to-pipedrive", b"a,b\n", "No column with names was found"),
        (
            "to-centre --duplicates nowhere/x.csv",
            b"Name,Phone\n",
            "cannot be written: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    words: str,
    source: bytes,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    give(monkeypatch, source)
    monkeypatch.chdir(tmp_path)
    assert convert(parser().parse_args(["csv", *words.split()])) == 2
    said = capsys.readouterr()
    assert (said.out, sentence in said.err) == ("", True)
    assert list(tmp_path.iterdir()) == [], "nothing is made of what cannot be done"


def test_a_delimiter_is_one_character(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["csv", "to-centre", "--delimiter", "spaces"])
    assert "is neither comma, semicolon, tab nor one character" in capsys.readouterr().err


def test_the_input_is_not_overwritten_by_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "duplicates.csv"
    path.write_text("Name,Phone\nJan Nowak,601000001\n")
    with path.open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-m", "connector", "csv", "to-centre"],
            stdin=source, capture_output=True, cwd=tmp_path, check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
    assert done.returncode == 2
    assert "is the input or the output" in done.stderr.decode()
    assert "Jan Nowak" in path.read_text()
