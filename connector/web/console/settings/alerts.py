"""Alerts and the self-test: who is told of what, whether it arrives, how each trouble stands, and what was tested last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web
from pydantic import ValidationError
from yarl import URL

from connector.flows.alert_words import Words, areas, kinds, reasons, trial_notice
from connector.flows.alerting import EMAIL, WEBHOOK, send, ways_of
from connector.flows.checking import Area, special_lists
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.installation_settings import AlertKind, InstallationSettings
from connector.notices import Failure, Undelivered
from connector.notices.mail import can_mail
from connector.notices.webhook import SIGNATURE
from connector.pipedrive.budget import Lane
from connector.pipedrive.operations import price
from connector.store.alerts import Alerts, SelfTested, Standing
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.finding_words import finding
from connector.web.console.words import done
from connector.web.notes import Said
from connector.web.throttle import ThrottleEach

PAGE = "settings/alerts"


@dataclass(slots=True)
class Form:
    """What stands in the form, and what is wrong with it."""

    emails: str
    webhook: str
    queue_minutes: str
    kinds: frozenset[str]
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: InstallationSettings) -> Form:
        """As it is saved."""
        wanted = settings.alerts
        return cls(
            "\n".join(wanted.emails), wanted.webhook or "", str(wanted.queue_minutes), frozenset(wanted.kinds)
        )

    @classmethod
    def typed(cls, visit: Visit) -> Form:
        """As it was sent."""
        return cls(
            visit.text("emails"), visit.text("webhook"), visit.text("queue_minutes"),
            frozenset(str(kind) for kind in AlertKind if visit.text(f"kind_{kind}")),
        )  # fmt: skip

    def read(self, visit: Visit) -> InstallationSettings | None:
        """The settings with what was entered; None with `errors` where that cannot be saved."""
        _ = visit.translate
        part = {
            "emails": [one for line in self.emails.splitlines() if (one := line.strip(" ,;"))],
            "webhook": self.webhook or None, "queue_minutes": self.queue_minutes, "kinds": sorted(self.kinds),
        }  # fmt: skip
        try:
            settings = InstallationSettings.model_validate(
                visit.tenant.settings.model_dump() | {"alerts": part}
            )
        except ValidationError as error:
            words = {
                "emails": _("Write up to ten e‑mail addresses, one a line."),
                "webhook": _("Write a web address such as https://example.com/alerts."),
                "queue_minutes": _("Write whole minutes, from 10 to 10080."),
            }
            for wrong in error.errors():
                place = str(wrong["loc"][1]) if len(wrong["loc"]) > 1 else ""
                if place in words:
                    self.errors[place] = words[place]
            return None
        url = URL(self.webhook)
        is_trusted = f"{url.host}:{url.port}" in visit.tenant.service.trusted_hosts
        if self.webhook and url.scheme != "https" and not is_trusted:
            self.errors["webhook"] = _("The address has to begin with https://.")
            return None
        return settings


class AlertPages:
    """The page, and what is done on it."""

    def __init__(
        self, console: Console, alerts: Alerts, self_test: Callable[[Tenant], Awaitable[list[str]]]
    ) -> None:
        """`self_test` tries both vendors and keeps what it found in `alerts`."""
        self._console, self._alerts, self._self_test = console, alerts, self_test
        # Those who are named have not asked for it, and the mail server is everybody's.
        self._tries = ThrottleEach(console.clock, burst=6, per_minute=2)

    def routes(self) -> web.RouteTableDef:
        """All of them."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{PAGE}")(serve(self._show))
        table.post(f"{PATH}/{PAGE}")(serve(self._save))
        table.post(f"{PATH}/{PAGE}/self-test")(serve(self._test_now))
        table.post(f"{PATH}/{PAGE}/try")(serve(self._try))
        table.post(f"{PATH}/{PAGE}/secret")(serve(self._show_secret))
        return table

    async def _show(self, visit: Visit) -> web.Response:
        return await self._page(visit, Form.of(visit.tenant.settings))

    async def _save(self, visit: Visit) -> web.Response:
        _, form = visit.translate, Form.typed(visit)
        settings = form.read(visit)
        if settings is None:
            return await self._page(visit, form, status=422)
        await self._console.save(visit, settings)
        return self._console.tell(done(_("The alerts are saved."), _), visit.at(PAGE))

    async def _test_now(self, visit: Visit) -> web.Response:
        _ = visit.translate
        tenant = replace(visit.tenant, pipedrive=visit.tenant.pipedrive.on(Lane.POP))
        problems = await self._self_test(tenant)
        await visit.tenant.audit.note(visit.who, "self-test", problems=len(problems))
        if problems:
            said = Said(
                "attention", _("Look at this"), _("The self-test found something."), _("It stands below.")
            )
            return self._console.tell(said, visit.at(PAGE))
        return self._console.tell(done(_("The self-test found nothing amiss."), _), visit.at(PAGE))

    async def _try(self, visit: Visit) -> web.Response:
        _, way = visit.translate, visit.text("way")
        if way not in ways_of(visit.tenant):
            return self._console.tell(
                Said("attention", _("Not done"), _("Nobody is named there. Save the alerts first.")),
                visit.at(PAGE),
            )
        self._tries.count(visit.tenant.id)
        await visit.tenant.audit.note(visit.who, "test alert", way=way)
        try:
            await send(visit.tenant, way, trial_notice(visit.tenant, self._console.clock.now()))
        except Undelivered as error:
            said = Said("broken", _("Not done"), _("The test did not arrive."), say_failure(str(error), _))
            return self._console.tell(said, visit.at(PAGE))
        return self._console.tell(
            done(_("The test was accepted: see whether it has arrived."), _), visit.at(PAGE)
        )

    async def _show_secret(self, visit: Visit) -> web.Response:
        await visit.tenant.audit.note(visit.who, "reveal", what="secret of alerts")
        answer = await self._page(
            visit, Form.of(visit.tenant.settings), secret=visit.tenant.installed.alert_secret
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _page(self, visit: Visit, form: Form, *, status: int = 200, secret: str = "") -> web.Response:
        _, tenant = visit.translate, visit.tenant
        standing = await self._alerts.standing(tenant.id)
        tested = await self._alerts.self_test(tenant.id)
        words = kinds(_)
        rows = [_row(visit, kind, words[kind], standing.get(kind)) for kind in AlertKind]
        return self._console.page(
            visit, "console/settings/alerts.html", PAGE, status=status, form=form, rows=rows, tested=tested,
            problems=[(finding(one, _), one) for one in (tested.problems if tested else ())],
            areas=_areas(tested, _), ways=ways_of(tenant), can_mail=can_mail(tenant.service), tokens=_tokens(visit),
            secret=secret, signature=SIGNATURE, email=EMAIL, webhook=WEBHOOK, words=words,
            saved=tenant.settings.alerts, any_on=any(one.is_on for one in standing.values()),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """How one kind of trouble stands, in words."""

    words: Words
    standing: Standing | None
    why: list[str]
    failure: str
    is_wanted: bool
    waits: bool


def _row(visit: Visit, kind: AlertKind, words: Words, one: Standing | None) -> Row:
    _, wanted = visit.translate, visit.tenant.settings.alerts
    is_wanted = kind in wanted.kinds and bool(ways_of(visit.tenant))
    if one is None:
        return Row(words, None, [], "", is_wanted, waits=False)
    why = reasons(visit.show.language, _, kind, one.reason) if one.is_on else []
    if kind is AlertKind.ACCESS and one.is_on and visit.tenant.installed.reason:
        why = [visit.tenant.installed.reason]
    failures = [say_failure(part.partition(": ")[2], _) for part in one.failure.split("; ") if part]
    waits = is_wanted and bool(one.untold(ways_of(visit.tenant)))
    return Row(words, one, why, " ".join(failures), is_wanted, waits)


def _tokens(visit: Visit) -> int:
    """What a self-test costs at least; users are asked for once a day."""
    lists = [f"v2/{entity}Fields" for entity in special_lists(visit.tenant.settings.special_fields)]
    return sum(
        price("GET", f"/api/{path}") for path in ("v1/users/me", "v1/activityTypes", "v1/webhooks", *lists)
    )


def _areas(tested: SelfTested | None, _: Translate) -> list[tuple[str, str, bool]]:
    """What was tested: its name, where it is mended, and whether it is well."""
    if tested is None:
        return []
    named: Mapping[Area, tuple[str, str]] = areas(_)
    return [(name, page, area not in tested.failed) for area, (name, page) in named.items()]


def say_failure(failure: str, _: Translate) -> str:
    """Why a message did not arrive, and what to do."""
    words = {
        Failure.NO_SERVER: _("The connector has no mail server: its operator has to set CONNECTOR_SMTP_HOST and CONNECTOR_SMTP_FROM."),
        Failure.LOGIN: _("The mail server refused the connector’s login: its operator has to look at CONNECTOR_SMTP_USER."),
        Failure.NO_TLS: _("The mail server offers no safe connection: its operator has to look at CONNECTOR_SMTP_SECURITY."),
        Failure.RECIPIENTS: _("The mail server refused the addresses. Look whether they are right."),
        Failure.SOME_RECIPIENTS: _("The mail server refused some of the addresses. Look whether they are right."),
        Failure.UNREACHABLE: _("Nobody answered there. Look whether the address is right and the other side is up."),
        Failure.PRIVATE: _("That address is inside a private network. Only its operator may allow it, by CONNECTOR_TRUSTED_HOSTS."),
        Failure.NOT_HTTPS: _("The address has to begin with https://."),
    }  # fmt: skip
    known = next((said for code, said in words.items() if failure == code), None)
    if known is not None:
        return known
    if failure.startswith(Failure.REDIRECT):
        return _("It answered with a redirect, which is not followed. Write the address that it leads to.")
    status = failure.removeprefix(Failure.REFUSED).strip()
    return _("The other side refused it, with status %(status)s.") % {"status": status}
