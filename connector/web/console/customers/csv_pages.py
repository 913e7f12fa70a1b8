"""CSV files: the export of one system becomes the import file of the other, with nothing written and nothing kept."""

from __future__ import annotations

import asyncio
import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

from aiohttp import web

from connector.csv_files.converting import Summary, intake, write_file
from connector.csv_files.reading import UnusableFile, open_table
from connector.csv_files.writing import Sheet
from connector.phone import Phones
from connector.web.console.customers.overview import CUSTOMERS
from connector.web.console.desk import PATH, Console, Visit
from connector.web.forms import LARGEST_UPLOAD
from connector.web.middleware import headers_of
from connector.web.notes import Said

_CSV = CUSTOMERS + "/csv"
_TO_CENTRE, _TO_PIPEDRIVE = "to-centre", "to-pipedrive"
_CHUNK = 1 << 16


class CsvPages:
    """The page that converts files, one at a time for the service."""

    def __init__(self, console: Console) -> None:
        """Convert nothing yet."""
        self._console, self._turn = console, asyncio.Lock()

    def routes(self) -> web.RouteTableDef:
        """The page and its form."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(PATH + _CSV)(serve(self.show))
        table.post(PATH + _CSV)(serve(self.convert, uploads=True))
        return table

    async def show(self, visit: Visit) -> web.StreamResponse:
        """Which file, and which way."""
        return self._page(visit)

    async def convert(self, visit: Visit) -> web.StreamResponse:
        """Answer a ZIP of the import file and of the rows that were left out."""
        _, way = visit.translate, visit.text("way")
        file = visit.form.get("file")
        if file is None or isinstance(file, str):
            return self._page(
                visit, way=way, said=Said("attention", _("Not done"), _("Choose a file first."))
            )
        source = cast("BinaryIO", file)
        if self._turn.locked():
            busy = _("Another file is being converted. Try again in a minute.")
            return self._page(visit, way=way, said=Said("attention", _("Not done"), busy))
        with tempfile.TemporaryDirectory() as folder:
            try:
                async with self._turn:
                    packed, summary = await asyncio.to_thread(
                        pack,
                        source,
                        Path(folder),
                        to_pipedrive=way == _TO_PIPEDRIVE,
                        phones=visit.tenant.phones,
                    )
            except UnusableFile as error:
                said = Said(
                    "broken", _("Not done"), _("The file could not be converted."),
                    _("Mend the file, then try again."), detail=str(error),
                )  # fmt: skip
                return self._page(visit, way=way, said=said)
            await visit.tenant.audit.note(visit.who, "csv", way=way, rows=summary.rows, taken=summary.taken)
            # The next file's turn has come: whoever fetches this one slowly keeps nobody waiting.
            return await _send(visit.request, packed)

    def _page(self, visit: Visit, *, way: str = _TO_CENTRE, said: Said | None = None) -> web.StreamResponse:
        _ = visit.translate
        ways = (
            (_TO_CENTRE, _("From a Pipedrive export to the contact centre’s import file")),
            (_TO_PIPEDRIVE, _("From the contact centre’s export to Pipedrive’s import file")),
        )
        return self._console.page(
            visit, "console/customers/csv.html", "customers/csv", status=200 if said is None else 422, said=said, ways=ways, way=way,
            megabytes=LARGEST_UPLOAD >> 20,
        )  # fmt: skip


def pack(source: BinaryIO, folder: Path, *, to_pipedrive: bool, phones: Phones) -> tuple[Path, Summary]:
    """Convert a file into a ZIP in `folder`: the import file, and the rows that were not wholly taken."""
    packed, left_out = folder / "converted.zip", folder / "left-out.csv"
    table = open_table(source)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as into:
        with intake(table, phones, str(left_out)) as taken:
            name = "pipedrive-import.csv" if to_pipedrive else "contact-centre-import.csv"
            with into.open(name, "w", force_zip64=True) as target:
                sheet = Sheet(cast("BinaryIO", target), encoding="utf-8-sig", delimiter=table.delimiter)
                write_file(taken, sheet, to_pipedrive=to_pipedrive, region=phones.region)
        into.write(left_out, left_out.name)
    return packed, taken.summary


async def _send(request: web.Request, packed: Path) -> web.StreamResponse:
    answer = web.StreamResponse(
        headers=headers_of(request) | {
            "Content-Type": "application/zip", "Content-Disposition": 'attachment; filename="converted.zip"',
            "Cache-Control": "no-store",
        }
    )  # fmt: skip
    await answer.prepare(request)
    with packed.open("rb") as file:
        while chunk := file.read(_CHUNK):
            await answer.write(chunk)
    await answer.write_eof()
    return answer
