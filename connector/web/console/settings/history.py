"""Settings, History: who did what, versions of the settings compared and restored, and settings as a file."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from connector.flows.comparing_settings import Refused, compare, export, take_in
from connector.i18n import Translate
from connector.installation_settings import InstallationSettings
from connector.store.audit import DIAL, Noted
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.settings import history_words as words
from connector.web.console.words import done, not_done
from connector.web.notes import Said

PLACE = "settings/history"
_A_PAGE = 50
_LONGEST = 500_000


def routes(console: Console) -> web.RouteTableDef:
    """All pages of the history."""
    pages = _History(console)
    table = web.RouteTableDef()
    table.get(f"{PATH}/{PLACE}")(console.serve(pages.show))
    table.get(f"{PATH}/{PLACE}/compare")(console.serve(pages.compare))
    table.post(f"{PATH}/{PLACE}/restore")(console.serve(pages.restore))
    table.get(f"{PATH}/{PLACE}/export")(console.serve(pages.export))
    table.get(f"{PATH}/{PLACE}/import")(console.serve(pages.ask_for_file))
    table.post(f"{PATH}/{PLACE}/import")(console.serve(pages.take_in))
    return table


class _History:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, visit: Visit) -> web.StreamResponse:
        before, audit = visit.request.query.get("before", ""), visit.tenant.audit
        older = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None
        with_dials = visit.request.query.get("with") == DIAL
        entries = await audit.entries(before=older, limit=_A_PAGE + 1, without=None if with_dials else DIAL)
        actions, _ = words.action_words(visit.translate), visit.translate
        return self._console.page(
            visit, "console/settings/history.html", PLACE, entries=entries[:_A_PAGE],
            next=entries[_A_PAGE - 1].id if len(entries) > _A_PAGE else None, first=older is None,
            versions=_choices(await audit.versions(), visit), now_version=visit.tenant.installed.settings_version,
            action=lambda entry: actions.get(entry.action, entry.action), who=lambda entry: words.who(entry, _),
            details=_details, dials=DIAL, with_dials=with_dials,
        )  # fmt: skip

    async def compare(self, visit: Visit) -> web.StreamResponse:
        """Two versions, the older first; what is shown against the version of now can be restored."""
        _, query = visit.translate, visit.request.query
        now = visit.tenant.installed.settings_version
        first, second = _number(query.get("from"), now), _number(query.get("to"), now)
        before, after = await self._version(visit, first), await self._version(visit, second)
        if not isinstance(before, InstallationSettings):
            return self._console.tell(_gone(first, before, _), visit.at(PLACE))
        if not isinstance(after, InstallationSettings):
            return self._console.tell(_gone(second, after, _), visit.at(PLACE))
        return self._compared(
            visit, before, after, names=(_version_name(first, now, _), _version_name(second, now, _)),
            restore=second if first == now != second else None,
            other=visit.at(f"{PLACE}/compare", **{"from": now, "to": first}) if first != now else "",
        )  # fmt: skip

    async def restore(self, visit: Visit) -> web.StreamResponse:
        """Save an older version as a new one."""
        _, number = visit.translate, _number(visit.text("restore"), 0)
        found = await self._version(visit, number)
        if not isinstance(found, InstallationSettings):
            return self._console.tell(_gone(number, found, _), visit.at(PLACE))
        return await self._save(visit, found, "restore", restored=number)

    async def export(self, visit: Visit) -> web.StreamResponse:
        """The settings as a file."""
        number = visit.tenant.installed.settings_version
        name = f"connector-settings-{visit.tenant.id}-{number}.json"
        return web.Response(
            body=export(visit.tenant.settings), content_type="application/json", charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )  # fmt: skip

    async def ask_for_file(self, visit: Visit) -> web.StreamResponse:
        """Where a file's text goes."""
        return self._console.page(
            visit,
            "console/settings/import.html",
            PLACE,
            document="",
            refused=(),
            place=_place_of(visit.translate),
        )

    async def take_in(self, visit: Visit) -> web.StreamResponse:
        """Show what a file would change; then save it."""
        document = visit.text("document")[:_LONGEST]
        found = take_in(document, visit.tenant.settings)
        if not isinstance(found, InstallationSettings):
            return self._console.page(
                visit, "console/settings/import.html", PLACE, status=422, document=document, refused=found,
                place=_place_of(visit.translate),
            )  # fmt: skip
        if visit.text("do") == "save":
            return await self._save(visit, found, "import")
        _ = visit.translate
        return self._compared(
            visit, visit.tenant.settings, found, names=(_("now"), _("in the file")), document=document
        )

    def _compared(
        self, visit: Visit, before: InstallationSettings, after: InstallationSettings, *, names: tuple[str, str],
        restore: int | None = None, other: str = "", document: str = "",
    ) -> web.StreamResponse:  # fmt: skip
        return self._console.page(
            visit, "console/settings/compare.html", PLACE, names=names, restore=restore, other=other,
            changes=words.changes(compare(before, after), visit.translate), document=document,
            follows=before.contacts != after.contacts,
        )  # fmt: skip

    async def _save(
        self, visit: Visit, settings: InstallationSettings, action: str, **detail: object
    ) -> web.StreamResponse:
        _ = visit.translate
        saved = await self._console.save(visit, settings)
        version = saved.tenant.installed.settings_version
        await visit.tenant.audit.note(visit.who, action, version=version, **detail)
        title = _("The settings are saved as version %(version)s.") % {"version": version}
        return self._console.tell(done(title, _, found=saved.warnings), visit.at(PLACE))

    async def _version(self, visit: Visit, number: int) -> InstallationSettings | list[Refused]:
        if number == visit.tenant.installed.settings_version:
            return visit.tenant.settings
        document = await visit.tenant.audit.document(number)
        return [] if document is None else take_in(document, visit.tenant.settings)


def _choices(versions: list[Noted], visit: Visit) -> list[tuple[int, str]]:
    """Versions as one chooses among them."""
    _ = visit.translate
    return [
        (
            one.settings_version or 0,
            f"{one.settings_version} · {visit.show.time(one.at)} · {words.who(one, _)}",
        )
        for one in versions
    ]


def _details(entry: Noted) -> str:
    """Ids and counts that are kept of an entry."""
    plain: Mapping[str, object] = entry.detail
    told = (
        (name, ", ".join(map(str, one)) if isinstance(one, list) else str(one)) for name, one in plain.items()
    )
    return " · ".join(f"{name}: {text}" for name, text in told if text)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _version_name(number: int, current: int, _: Translate) -> str:
    name = _("version %(number)s") % {"number": number}
    return _("%(name)s, as it is now") % {"name": name} if number == current else name


def _gone(number: int, refused: list[Refused], _: Translate) -> Said:
    if not refused:
        return not_done(_("Version %(number)s is not kept any more. Choose another.") % {"number": number}, _)
    title = _("Version %(number)s does not fit the connector of today. Choose a newer one.") % {
        "number": number
    }
    return not_done(title, _)


def _place_of(_: Translate) -> object:
    return lambda path: words.place(path, _)
