"""Read a CSV file as people have them: any usual encoding, delimiter and line end, a row at a time.

Nothing here asks the source to be read twice, so that it may be a pipe.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, NamedTuple

from connector.csv_files.headers import known_columns
from connector.errors import ConnectorError
from connector.text import clean

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}

_SAMPLE = 1 << 20
_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 20
_SEPARATOR_LINE = re.compile(r"sep=(.)\n?")
_PROTECTED = re.compile(r"'+(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")
_OF_WINDOWS = "connector.windows-1250"
#: How .xlsx (and .ods) files begin, and .xls files.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
#: What every encoding of texts has to bring there and back, a piece at a time.
_PROBE = ("Name;", "Jan\r\n")


class UnusableFile(ConnectorError):
    """The file cannot be read as CSV."""


class Row(NamedTuple):
    """One record: the line of the file it begins in, counted from 1, and its cells.

    `fault` says in words why it cannot be trusted; empty for a good one.
    """

    line: int
    cells: list[str]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """An open CSV file: how it is written, the cells of its header, and its rows, to be read once."""

    encoding: str
    delimiter: str
    header: list[str]
    rows: Iterator[Row]


def open_table(source: BinaryIO, *, encoding: str = "", delimiter: str = "") -> Table:
    """Read the header and find out how the file is written, where that is not said.

    A byte-order mark says it; else bytes that are no UTF-8 show that it is Windows-1250. The delimiter is the one by
    which most columns are known. Raises UnusableFile, and so does reading the rows.
    """
    sample = _read(source, _SAMPLE)
    if not sample.strip(b"\0\r\n\t "):
        raise UnusableFile("The file is empty.")
    if sample.startswith(_WORKBOOKS):
        raise UnusableFile(
            "This is a workbook (.xlsx, .xls or .ods), no CSV file. Save it as CSV (UTF-8) and give that file."
        )
    guessed = "" if encoding else _encoding_of(sample)
    chunks = chain([sample], iter(lambda: source.read(_CHUNK), b""))
    lines = _Lines(_texts(chunks, encoding or guessed, errors="strict" if encoding else _OF_WINDOWS))
    head = lines.head()
    if not head:
        raise UnusableFile("The file is empty.")
    if said := _SEPARATOR_LINE.fullmatch(head[0]):
        delimiter = delimiter or said[1]
        head[0] = "\n"
    delimiter = delimiter or max(DELIMITERS.values(), key=lambda mark: _known(head, mark))
    rows = _records(chain(head, lines), delimiter, lines)
    header = next((row for row in rows if any(row.cells)), None)
    if header is None:
        raise UnusableFile("The file has no header.")
    if header.fault:
        raise UnusableFile(f"The header cannot be read: {header.fault}")
    return Table(encoding or guessed, delimiter, header.cells, _checked(rows, len(header.cells)))


def _read(source: BinaryIO, size: int) -> bytes:
    """Exactly `size` bytes, or all there are: a pipe gives fewer at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _encoding_of(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "windows-1250"
    return "utf-8"


def _by_windows(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that are no UTF-8 as Windows-1250: somebody appended lines to the file with another program."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("windows-1250", "replace"), error.end


codecs.register_error(_OF_WINDOWS, _by_windows)


def check_encoding(encoding: str) -> None:
    """Raise UnusableFile unless an encoding of this name turns text into bytes and back, piece by piece."""
    try:
        encoder, decoder = codecs.getincrementalencoder(encoding)(), codecs.getincrementaldecoder(encoding)()
        written = b"".join(encoder.encode(piece) for piece in _PROBE)
        fits = decoder.decode(written, True) == "".join(_PROBE)
    except (LookupError, TypeError, ValueError):
        # What Python calls a codec may also turn bytes into bytes (hex), or text into text (rot13).
        fits = False
    if not fits:
        raise UnusableFile(f"There is no encoding {encoding[:40]!r} for text. Try utf-8 or windows-1250.")


def _texts(chunks: Iterator[bytes], encoding: str, *, errors: str) -> Iterator[str]:
    """Decoded text, every line end as a line feed, without what `clean` drops: NUL and other controls."""
    check_encoding(encoding)
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    try:
        for chunk in chunks:
            yield clean(newlines.decode(decoder.decode(chunk)))
        yield clean(newlines.decode(decoder.decode(b"", True), True))
    except UnicodeDecodeError as error:
        raise UnusableFile(
            f"The file is not in {encoding}: {error.reason}. Say its encoding with --encoding, or leave that out."
        ) from error
    except UnicodeError as error:
        # Only those that begin with a mark raise it as such.
        name = codecs.lookup(encoding).name
        raise UnusableFile(
            f"The file is in {name}, but has no byte-order mark: say --encoding {name}-le or {name}-be."
        ) from error


class _Lines(Iterator[str]):
    """The lines of a text that comes in pieces. `ended` once somebody asked for more than there was."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._lines: Iterator[str] = iter(())
        self._rest: str | None = ""
        self.ended = False

    def __next__(self) -> str:
        while (line := next(self._lines, None)) is None:
            self._refill()
        return line

    def _refill(self) -> None:
        if self._rest is None:
            self.ended = True
            raise StopIteration
        text = next(self._texts, None)
        if text is None:
            self._lines, self._rest = iter([self._rest] if self._rest else []), None
            return
        *lines, self._rest = (self._rest + text).split("\n")
        if len(self._rest) > _LONGEST_LINE:
            raise UnusableFile("The file has a line of more than a million characters: it is no CSV file.")
        self._lines = iter([line + "\n" for line in lines])

    def head(self) -> list[str]:
        """The first lines of the file, as many as came with the first."""
        first = next(self, None)
        return [] if first is None else [first, *self._lines]


def _known(head: list[str], delimiter: str) -> tuple[int, int]:
    """How many columns a delimiter makes known, and how many it makes."""
    try:
        header = next((row for row in csv.reader(head, delimiter=delimiter) if any(row)), [])
    except csv.Error:
        return 0, 0
    return known_columns(header), len(header)


def _records(lines: Iterator[str], delimiter: str, source: _Lines) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnusableFile(
                f"Line {line} cannot be read ({error}). Is a quotation mark opened there and never closed?"
            ) from error
        cells = [cell[1:] if cell.startswith("'") and _PROTECTED.match(cell) else cell for cell in cells]
        open_ended = (
            "a quotation mark is never closed, all that follows is in one cell" if source.ended else ""
        )
        yield Row(line, cells, open_ended)


def _checked(rows: Iterator[Row], width: int) -> Iterator[Row]:
    """Rows that are not empty; one with more filled cells than the header has columns cannot be trusted."""
    for row in rows:
        if not any(map(str.strip, row.cells)):
            continue
        if len(row.cells) > width and not row.fault and any(map(str.strip, row.cells[width:])):
            yield Row(row.line, row.cells, f"it has {len(row.cells)} cells, the header has {width}")
        else:
            yield row
