"""`connector csv`: standard input to standard output, without a database and without settings."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import orjson

from connector.csv_files.converting import Summary, intake, write_file
from connector.csv_files.reading import DELIMITERS, Table, UnusableFile, open_table
from connector.csv_files.writing import Sheet
from connector.errors import ConnectorError
from connector.phone import Phones


def add_options(verb: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    verb.add_argument("action", choices=["to-centre", "to-pipedrive"], help="CSV on standard input")
    verb.add_argument(
        "--region", type=str.upper, metavar="PL", help="where numbers without a country are from"
    )
    verb.add_argument("--delimiter", type=_delimiter, help="comma, semicolon, tab or the character")
    verb.add_argument("--encoding", default="", help="of the input, where it is guessed wrong")
    verb.add_argument(
        "--output-encoding", default="utf-8-sig", metavar="ENCODING", help="utf-8-sig unless told otherwise"
    )
    verb.add_argument(
        "--duplicates", default="duplicates.csv", metavar="FILE", help="what was not taken, and why"
    )
    verb.add_argument("--send", action="store_true", help="write into the contact centre, not into a file")


def _delimiter(text: str) -> str:
    mark = DELIMITERS.get(text, text)
    if len(mark) != 1 or mark in '"\r\n':
        raise argparse.ArgumentTypeError(f"{text!r} is neither comma, semicolon, tab nor one character")
    return mark


def convert(args: argparse.Namespace) -> int:
    """Convert standard input; the summary, as one JSON object, and what went wrong go to standard error."""
    region = args.region or "PL"
    try:
        table = opened(args)
        # Before the second file is made anew: what cannot be written leaves nothing behind.
        sheet = Sheet(sys.stdout.buffer, encoding=args.output_encoding, delimiter=table.delimiter)
        with intake(table, Phones(region), args.duplicates) as taken:
            try:
                write_file(taken, sheet, to_pipedrive=args.action == "to-pipedrive", region=region)
            finally:
                say(taken.summary)
    except ConnectorError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(f"The file could not be written to its end: {error.strerror}.\n")
    else:
        return 0
    return 2


def opened(args: argparse.Namespace) -> Table:
    """The table on standard input; raises UnusableFile, also when it would be overwritten while it is read."""
    if any(_is_file(stream, args.duplicates) for stream in (sys.stdin, sys.stdout)):
        raise UnusableFile(
            f"{args.duplicates} is the input or the output. Name another file with --duplicates."
        )
    return open_table(sys.stdin.buffer, encoding=args.encoding, delimiter=args.delimiter or "")


def _is_file(stream: TextIO, path: str) -> bool:
    try:
        status = os.fstat(stream.fileno())
        return stat.S_ISREG(status.st_mode) and os.path.samestat(status, Path(path).stat())
    except OSError:
        return False


def say(summary: Summary) -> None:
    """Tell on standard error what became of the rows."""
    if summary.left_out_columns:
        named = ", ".join(f'"{heading}"' for heading in summary.left_out_columns)
        sys.stderr.write(f"Columns left out: {named}.\n")
    sys.stderr.write(orjson.dumps(asdict(summary)).decode() + "\n")
