"""From one side's export to the other side's import."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.csv_files.converting import intake, write_file
from connector.csv_files.reading import UnusableFile, open_table
from connector.csv_files.writing import CENTRE_HEADER, PIPEDRIVE_HEADER, Sheet, as_dialled
from connector.phone import Phones
from connector.text import clean
from tests.csv_files.files import convert
from tests.csv_files.test_headers import BARE, EXPORTS


@pytest.mark.parametrize("header", [*EXPORTS.values(), *BARE.values()])
def test_an_export_in_any_language_becomes_an_import_file(header: str, tmp_path: Path) -> None:
    row = "Łucja Żółć-Nowak,+48 601 000 001,602-000-002,Lucja@Example.com,ACME sp. z o.o."
    outcome = convert(f"{header}\n{row}\n", tmp_path)
    assert outcome.header == list(CENTRE_HEADER)
    assert outcome.rows == [
        ["Żółć-Nowak", "Łucja", "601000001,602000002", "lucja@example.com", "ACME sp. z o.o."]
    ]
    assert outcome.left == []


def test_a_contact_centres_export_becomes_pipedrives_import(tmp_path: Path) -> None:
    source = (
        "surname;name;phone_number;email;company\n"
        "Żółć;Łucja;601000001,602000002;a@example.com,b@example.com;ACME\n"
        "ACME sp. z o.o.;;221000001;;\n"
    )
    outcome = convert(source, tmp_path, to_pipedrive=True)
    assert outcome.header == list(PIPEDRIVE_HEADER)
    assert outcome.rows == [
        ["Łucja Żółć", "+48601000001", "+48602000002", "", "", "a@example.com", "b@example.com", "", "ACME"],
        ["ACME sp. z o.o.", "+48221000001", "", "", "", "", "", "", ""],
    ]


def test_more_numbers_than_columns_stand_together_in_the_last(tmp_path: Path) -> None:
    numbers = " / ".join(f"60100000{i}" for i in range(6))
    outcome = convert(f"Name,Phone\nJan Nowak,{numbers}\n", tmp_path, to_pipedrive=True)
    assert outcome.rows[0][1:5] == [
        "+48601000000",
        "+48601000001",
        "+48601000002",
        "+48601000003,+48601000004,+48601000005",
    ]


def test_there_and_back_nobody_is_changed(tmp_path: Path) -> None:
    source = (
        "Name,Phone,Email,Company\n"
        "Jan Maria Kowalski-Nowak,601000001,jan@example.com,=ACME\n"
        "=1+1 Formula,+49 171 1234567,+x@example.com,'-quoted\n"
        "dr hab. Ewa von Mises,602000002 w. 5,,@home\n"
    )
    there = convert(source, tmp_path)
    back = convert(there.raw, tmp_path, to_pipedrive=True)
    again = convert(back.raw, tmp_path)
    assert again.raw == there.raw
    assert [row[0] for row in back.rows] == [
        "Jan Maria Kowalski-Nowak",
        "'=1+1 Formula",
        "dr hab. Ewa von Mises",
    ]


@pytest.mark.parametrize(
    ("header", "row", "surname", "name"),
    [
        ("Name,Phone", "Kowalski; Jan,601000001", "Jan", "Kowalski;"),
        ("Name,Phone", '"Kowalski, Jan",601000001', "Kowalski", "Jan"),
        ("Name,Phone", "Kowalski,601000001", "Kowalski", ""),
        ("Name,Phone", "Nowak i Synowie s.c.,601000001", "Nowak i Synowie s.c.", ""),
        (
            "Name,First name,Last name,Phone",
            "Jan Maria Nowak,Jan Maria,Nowak,601000001",
            "Nowak",
            "Jan Maria",
        ),
        ("Name,Last name,Phone", "Jan Nowak,Nowak,601000001", "Nowak", "Jan"),
        ("name,surname,Phone", "Jan,Nowak,601000001", "Nowak", "Jan"),
        ("Vorname,Name,Telefon", "Jan,Nowak,601000001", "Nowak", "Jan"),
        ("First name,Phone", "Jan,601000001", "Jan", ""),
        ("Name,Phone", '"Jan\n Nowak",601000001', "Nowak", "Jan"),
    ],
)
def test_a_name_is_taken_in_parts_or_split(
    header: str, row: str, surname: str, name: str, tmp_path: Path
) -> None:
    (written,) = convert(f"{header}\n{row}\n", tmp_path, delimiter=",").rows
    assert written[:2] == [surname, name]


def test_a_person_comes_once_by_number_and_by_address(tmp_path: Path) -> None:
    source = (
        "Name,Phone,Phone 2,Email\n"
        "Jan Nowak,601 000 001,,jan@example.com\n"
        "Jan N.,,+48601000001,other@example.com\n"
        "J. Nowak,602000002,,JAN@EXAMPLE.COM\n"
        "Ewa Nowak,602000002,602 000 002,other@example.com\n"
    )
    outcome = convert(source, tmp_path)
    assert [row[0:4:2] for row in outcome.rows] == [["Nowak", "601000001"], ["Nowak", "602000002"]]
    assert [row[:3] for row in outcome.left] == [
        ["3", "no", "'+48601000001 stands in line 2 already"],
        ["4", "no", "jan@example.com stands in line 2 already"],
    ]
    assert outcome.left[0][3:] == ["Jan N.", "", "+48601000001", "other@example.com"]
    assert (outcome.summary.taken, outcome.summary.duplicates) == (2, 2)


def test_who_stands_in_an_earlier_row_is_a_duplicate_though_that_row_was_not_taken(tmp_path: Path) -> None:
    source = "Name;Phone\nNguyễn An;601000001\nJan Nowak;601000001\n"
    outcome = convert(source, tmp_path, output_encoding="windows-1250")
    assert outcome.rows == []
    assert "cannot be written in windows-1250" in outcome.left[0][2]
    assert outcome.left[1][2] == "'+48601000001 stands in line 2 already"


def test_nothing_is_lost_without_a_reason(tmp_path: Path) -> None:
    source = (
        "Name,Phone,Email\n"
        ",601000001,\n"
        "Jan Nowak,,\n"
        "Ewa Nowak,601-ABC-001,ewa\n"
        "Ada Nowak,call me,ada@example.com; nonsense\n"
        "Iga Nowak,601000002,,unasked\n"
    )
    outcome = convert(source, tmp_path)
    assert outcome.rows == [["Nowak", "Ada", "", "ada@example.com", ""]]
    assert [row[:3] for row in outcome.left] == [
        ["2", "no", "it has no name"],
        ["3", "no", "it has neither a number nor an e-mail address"],
        ["4", "no", "''601-ABC-001' is no telephone number, 'ewa' is no e-mail address"[1:]],
        ["5", "yes", "'call me' is no telephone number, 'nonsense' is no e-mail address"],
        ["6", "no", "it has 4 cells, the header has 3"],
    ]
    assert outcome.left[4][3:] == ["Iga Nowak", "601000002", "", "unasked"]
    summary = outcome.summary
    assert (summary.rows, summary.taken, summary.incomplete, summary.unusable) == (5, 1, 1, 4)


def test_what_was_not_taken_can_be_mended_and_read_again(tmp_path: Path) -> None:
    convert("Name,Phone\nJan Nowak,601\n=Ewa,602\n", tmp_path)
    mended = (tmp_path / "duplicates.csv").read_text(encoding="utf-8").replace(",60", ",60100000")
    assert convert(mended, tmp_path).rows == [
        ["Nowak", "Jan", "601000001", "", ""],
        ["'=Ewa", "", "601000002", "", ""],
    ]


def test_numbers_are_written_as_they_are_dialled_at_home(tmp_path: Path) -> None:
    source = "Name,Phone\nA B,0171 1234567\nC D,+48601000001\n"
    assert [row[2] for row in convert(source, tmp_path, region="DE").rows] == ["01711234567", "+48601000001"]
    with pytest.raises(UnusableFile, match="no region 'XX'"):
        convert(source, tmp_path, region="XX")


@given(st.integers(0, 99_999_999), st.sampled_from(["PL", "DE", "FI", "SE", "VN", "GB", "US", "IT"]))
def test_a_number_as_dialled_is_read_as_the_same_number(tail: int, region: str) -> None:
    for key in Phones("PL").keys(f"6{tail:08}") + Phones(region).keys(f"0{tail:08}"):
        assert Phones(region).keys(as_dialled(key, region)) == (key,)


@pytest.mark.parametrize(
    "cell", ["=1+1", "+A1", "-2+3", "@SUM(A1)", "\tx", "\rx", " =1", "＝1", "'=1", "''+x", "+48-x"]
)
def test_a_formula_is_neutralised_and_comes_back(cell: str) -> None:
    written = sheet_of([cell])
    assert written.startswith(("'", "\"'"))
    assert next(open_table(io.BytesIO(b"Name,x\n" + written.encode() + b",\n")).rows).cells[0] in {
        cell,
        cell.replace("\r", "\n"),
    }


@pytest.mark.parametrize(
    "cell", ["+48601000001", "+48601000001,+48602000002", "+48 601 000 001", "Jan", "", "'tis", "a=b"]
)
def test_numbers_and_plain_cells_stay_as_they_are(cell: str) -> None:
    assert next(csv.reader([sheet_of([cell])])) == [cell]


@given(st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=20).map(clean))
def test_every_cell_comes_back_as_it_was(cell: str) -> None:
    rows = open_table(io.BytesIO(("Name,Phone\n1," + sheet_of([cell])).encode())).rows
    assert next(rows).cells[1] == cell


def sheet_of(cells: list[str]) -> str:
    target = io.BytesIO()
    Sheet(target, encoding="utf-8", delimiter=",").write(cells)
    return target.getvalue().decode().removesuffix("\r\n")


def test_the_output_is_written_as_the_input_or_as_told(tmp_path: Path) -> None:
    source = "Name;Phone\nŁucja Żółć;601000001\nNguyễn An;601000002\n"
    assert convert(source, tmp_path).raw.startswith(b"\xef\xbb\xbfsurname;name;")
    outcome = convert(source, tmp_path, output_encoding="windows-1250")
    assert outcome.rows == [["Żółć", "Łucja", "601000001", "", ""]]
    assert "cannot be written in windows-1250" in outcome.left[0][2]


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "undefined", "idna", "punycode"])
def test_the_output_is_written_in_an_encoding_of_texts_only(encoding: str) -> None:
    with pytest.raises(UnusableFile, match=r"There is no encoding .*Try utf-8 or windows-1250"):
        Sheet(io.BytesIO(), encoding=encoding, delimiter=",")


def test_a_delimiter_that_the_output_cannot_hold_is_said_to_be_one() -> None:
    with pytest.raises(UnusableFile, match="'→' cannot be written in windows-1250"):
        Sheet(io.BytesIO(), encoding="windows-1250", delimiter="→")


def test_a_header_alone_gives_a_header_alone(tmp_path: Path) -> None:
    outcome = convert("Name,Phone\n", tmp_path)
    assert (outcome.rows, outcome.left, outcome.summary.rows) == ([], [], 0)


@pytest.mark.parametrize("header", ["Phone,Email", "Name,Address", "a,b"])
def test_a_file_without_the_columns_needed_is_refused_before_anything_is_written(
    header: str, tmp_path: Path
) -> None:
    kept = tmp_path / "duplicates.csv"
    kept.write_text("of yesterday")
    with pytest.raises(UnusableFile, match="No column with"):
        convert(f"{header}\n1,2\n", tmp_path)
    assert kept.read_text() == "of yesterday"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    table = open_table(io.BytesIO(b"Name,Phone\n"))
    with pytest.raises(UnusableFile, match="cannot be written"), intake(table, Phones("PL"), str(tmp_path)):
        pass


class Endless(io.RawIOBase):
    """A file of many rows that is made while it is read."""

    def __init__(self, rows: int) -> None:
        self._pieces = self._made(rows)
        self._rest = b""

    def _made(self, rows: int) -> Iterator[bytes]:
        yield b"Name,Email,Note\n"
        for i in range(0, rows, 1000):
            yield b"".join(b"Jan Nowak,p%d@example.com,%s\n" % (j, b"n" * 800) for j in range(i, i + 1000))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._rest or next(self._pieces, b"")
        part, self._rest = piece[: len(buffer)], piece[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class Nowhere(io.RawIOBase):
    """A target that keeps nothing."""

    size = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.size += len(data)
        return len(data)


def test_a_large_file_streams_through_little_memory(tmp_path: Path) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    target = Nowhere()
    table = open_table(io.BufferedReader(Endless(50_000)))
    sheet = Sheet(target, encoding="utf-8", delimiter=",")  # type: ignore[arg-type]
    with intake(table, Phones("PL"), str(tmp_path / "left.csv")) as taken:
        write_file(taken, sheet, to_pipedrive=False, region="PL")
    assert taken.summary.taken == 50_000
    assert target.size > 1_000_000
    # The file has 42 MB; what may stay is a hash and a line number an address.
    assert process.memory_info().rss - before < 20_000_000
