"""A CSV file to be converted, and what became of it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from connector.csv_files.converting import Summary, intake, write_file
from connector.csv_files.reading import open_table
from connector.csv_files.writing import Sheet
from connector.phone import Phones


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written, as rows below their header, and what was not taken."""

    raw: bytes
    header: list[str]
    rows: list[list[str]]
    left: list[list[str]]
    summary: Summary


def convert(
    source: str | bytes,
    folder: Path,
    *,
    to_pipedrive: bool = False,
    region: str = "PL",
    encoding: str = "",
    delimiter: str = "",
    output_encoding: str = "utf-8-sig",
) -> Outcome:
    """Convert a file in memory; what is not taken goes to a file in `folder`."""
    given = io.BytesIO(source if isinstance(source, bytes) else source.encode())
    target = io.BytesIO()
    duplicates = folder / "duplicates.csv"
    table = open_table(given, encoding=encoding, delimiter=delimiter)
    sheet = Sheet(target, encoding=output_encoding, delimiter=table.delimiter)
    with intake(table, Phones(region), str(duplicates)) as taken:
        write_file(taken, sheet, to_pipedrive=to_pipedrive, region=region)
    text = target.getvalue().decode(output_encoding)
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=taken.summary.delimiter)
    left = duplicates.read_text(encoding="utf-8-sig")
    _, *left_rows = csv.reader(io.StringIO(left, newline=""), delimiter=taken.summary.delimiter)
    return Outcome(target.getvalue(), header, rows, left_rows, taken.summary)
