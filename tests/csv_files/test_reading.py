"""CSV files as people have them."""

import io
from collections.abc import Iterator

import pytest

from connector.csv_files.reading import Row, UnusableFile, open_table

TEXT = "Name;Phone\nŁucja Żółć;601000001\nGęśla Jaźń;601000002\n"


def rows(source: bytes | str, *, encoding: str = "", delimiter: str = "") -> list[list[str]]:
    table = open_table(
        io.BytesIO(source if isinstance(source, bytes) else source.encode()),
        encoding=encoding,
        delimiter=delimiter,
    )
    return [table.header, *(row.cells for row in table.rows)]


EXPECTED = [["Name", "Phone"], ["Łucja Żółć", "601000001"], ["Gęśla Jaźń", "601000002"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1250", "utf-16"])
def test_the_encoding_is_found(encoding: str) -> None:
    source = TEXT.encode(encoding)
    assert rows(source) == EXPECTED
    assert open_table(io.BytesIO(source)).encoding == encoding


def test_letters_that_come_late_are_read_as_well() -> None:
    plain = "Name,Phone\n" + "Jan Nowak,601000001\n" * 60_000
    assert rows((plain + "Żółć,1\n").encode())[-1] == ["Żółć", "1"]
    assert rows((plain + "Żółć,1\n").encode("windows-1250"))[-1] == ["Żółć", "1"]


def test_lines_of_another_program_at_the_end_are_read_as_well() -> None:
    assert rows(TEXT.encode() + "Świt;1\n".encode("windows-1250"))[-1] == ["Świt", "1"]


def test_an_encoding_that_is_said_is_kept_to() -> None:
    assert rows("Name\nJosé\n".encode("windows-1252"), encoding="windows-1252") == [["Name"], ["José"]]
    with pytest.raises(UnusableFile, match="not in utf-8"):
        rows(TEXT.encode("windows-1250"), encoding="utf-8")


@pytest.mark.parametrize(
    "encoding",
    ["klingon", "hex", "rot13", "base64", "undefined", "idna", "punycode", "../utf-8", "ż", "x" * 5000],
)
def test_what_is_no_encoding_of_texts_is_refused_in_a_sentence(encoding: str) -> None:
    with pytest.raises(UnusableFile, match=r"There is no encoding .*Try utf-8 or windows-1250"):
        rows(TEXT, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "UTF16", "utf-32"])
def test_a_file_without_the_mark_that_its_encoding_asks_for_is_refused_in_a_sentence(encoding: str) -> None:
    name = encoding.lower().replace("utf16", "utf-16")
    with pytest.raises(UnusableFile, match=f"no byte-order mark.*--encoding {name}-le or {name}-be"):
        rows(TEXT.encode(f"{name}-le"), encoding=encoding)
    assert rows(TEXT.encode(f"{name}-le"), encoding=f"{name}-le") == EXPECTED


@pytest.mark.parametrize(
    "begins", [b"PK\x03\x04\x14\x00\x06\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"]
)
@pytest.mark.parametrize("encoding", ["", "utf-8"])
def test_a_workbook_is_refused_with_what_to_do(begins: bytes, encoding: str) -> None:
    with pytest.raises(UnusableFile, match=r"Save it as CSV \(UTF-8\)"):
        rows(begins + b"\x08" * 2000, encoding=encoding)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_and_the_line_end_are_found(mark: str, end: str) -> None:
    lines = [
        f'"Person - Name, in full"{mark}Phone{mark}Note',
        f'"Nowak, Jan"{mark}601000001{mark}"a{end}b;c,d\te"',
        "",
    ]
    assert rows(end.join(lines), delimiter="") == [
        ["Person - Name, in full", "Phone", "Note"],
        ["Nowak, Jan", "601000001", "a\nb;c,d\te"],
    ]


def test_the_delimiter_that_makes_columns_known_wins() -> None:
    assert rows("Name;Phone;Email;Note, of the day, of the week, of the month\n1;2;3\n")[1] == ["1", "2", "3"]
    assert rows("sep=|\nName|Phone\nJan|1\n") == [["Name", "Phone"], ["Jan", "1"]]
    assert rows("Name|Phone\nJan|1\n", delimiter="|") == [["Name", "Phone"], ["Jan", "1"]]


def test_a_row_knows_the_line_it_begins_in() -> None:
    table = open_table(io.BytesIO(b'\n"Na\nme",Phone\n"a\nb\nc",1\n\n , \nd,2'))
    assert [(row.line, row.cells[0]) for row in table.rows] == [(4, "a\nb\nc"), (9, "d")]


def test_a_row_with_too_many_cells_is_a_fault_and_one_with_too_few_is_none() -> None:
    table = open_table(io.BytesIO(b"Name,Phone\nJan\nEwa,1,,\nAda,1,x\n"))
    assert [row.fault for row in table.rows] == ["", "", "it has 3 cells, the header has 2"]


def test_a_quotation_mark_that_is_never_closed_is_a_fault() -> None:
    table = open_table(io.BytesIO(b'Name,Phone\nJan,1\n"Ewa,2\nAda,3\n'))
    assert list(table.rows) == [
        Row(2, ["Jan", "1"]),
        Row(3, ["Ewa,2\nAda,3\n"], "a quotation mark is never closed, all that follows is in one cell"),
    ]
    endless = b'Name,Phone\n"Ewa,2\n' + b"Ada,3\n" * 30_000
    with pytest.raises(UnusableFile, match="Line 2 cannot be read"):
        list(open_table(io.BytesIO(endless)).rows)


def test_nul_bytes_are_dropped() -> None:
    assert rows(b"Na\0me,Phone\nJa\0n,\x001\n") == [["Name", "Phone"], ["Jan", "1"]]


@pytest.mark.parametrize("nothing", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n", b"\0\0"])
def test_an_empty_file_is_said_to_be_empty(nothing: bytes) -> None:
    with pytest.raises(UnusableFile, match=r"empty|no header"):
        open_table(io.BytesIO(nothing))


def test_what_is_no_csv_file_is_given_up_before_it_fills_the_memory() -> None:
    with pytest.raises(UnusableFile, match="more than a million characters"):
        rows(b"x" * 3_000_000)


class Pipe(io.RawIOBase):
    """A source that gives a few bytes at a time and cannot go back."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = next(self._pieces, b"")
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_pipe_may_cut_anywhere() -> None:
    for encoding in ("utf-8", "windows-1250", "utf-16"):
        source = TEXT.replace("\n", "\r\n").encode(encoding)
        pipe = io.BufferedReader(Pipe(source[i : i + 1] for i in range(len(source))))
        table = open_table(pipe)
        assert [table.header, *(row.cells for row in table.rows)] == EXPECTED
