"""What people read in an alert: what happened, what it means, what to do; ids and numbers only, nobody's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from babel.dates import format_datetime
from babel.numbers import format_decimal

from connector.flows.checking import Area
from connector.flows.tenant import Tenant
from connector.i18n import Translate, locale_of
from connector.installation_settings import AlertKind


@dataclass(frozen=True, slots=True)
class Words:
    """One kind of trouble in words: what it is called, what happened, what it means, what to do, and that it is over."""

    name: str
    happened: str
    meaning: str
    to_do: str
    over: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A message: `text` is what an e-mail says; the same can be given as JSON."""

    subject: str
    text: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The form of docs/operations.md."""
        return {"version": 1, **self.facts, "title": self.subject, "text": self.text}


def kinds(_: Translate) -> dict[AlertKind, Words]:
    """All kinds."""
    return {
        AlertKind.ACCESS: Words(
            _("Pipedrive does not let the connector in"),
            _("Pipedrive no longer lets the connector in."),
            _("Nothing is written to Pipedrive. Events are kept, and written once it is connected again: nothing is lost."),
            _("Open Settings, Connections, and connect Pipedrive again."),
            _("Pipedrive lets the connector in again."),
        ),
        AlertKind.RIGHTS: Words(
            _("A right is lost"),
            _("A right of the connector’s user in the contact centre does not work."),
            _("What needs this right is not carried over. The self-test names the right and what it is for."),
            _("Give the user the right in the contact centre, then press “Test now”."),
            _("All rights in the contact centre work again."),
        ),
        AlertKind.HOOKS: Words(
            _("Pipedrive’s webhooks are gone"),
            _("Pipedrive’s webhooks are missing, or there twice."),
            _("Changes in Pipedrive are noticed later, by looking every half an hour."),
            _("They are made anew each night. If this goes on, see whether the user of the sync may make webhooks."),
            _("Pipedrive’s webhooks are there again."),
        ),
        AlertKind.CENTRE: Words(
            _("The contact centre is down"),
            _("The contact centre cannot be read."),
            _("Its events are read from where the connector stopped, as soon as it answers: nothing is lost."),
            _("Open Settings, Connections, and press “Check now”: the password may have changed."),
            _("The contact centre can be read again."),
        ),
        AlertKind.QUEUE: Words(
            _("Events wait too long"),
            _("Events have been due for too long and are not in Pipedrive."),
            _("They are kept and written later. Until then people in Pipedrive do not see them."),
            _("Open Runs and look how the last ones ended."),
            _("No event waits too long any more."),
        ),
        AlertKind.BUDGET: Words(
            _("Pipedrive’s tokens run short"),
            _("The day’s Pipedrive tokens will probably not suffice."),
            _("When they are used up, what is left is written tomorrow. Other apps are not touched."),
            _("Stop or put off a backfill or load. If this goes on, have the operator raise the connector’s share."),
            _("The day’s Pipedrive tokens suffice again."),
        ),
        AlertKind.SELF_TEST: Words(
            _("The self-test found something"),
            _("The self-test found something that is not as it should be."),
            _("Some of the work may not be done, or not as you want it."),
            _("Open Settings, Alerts: it says what, and how to mend it."),
            _("The self-test finds nothing any more."),
        ),
    }  # fmt: skip


def areas(_: Translate) -> dict[Area, tuple[str, str]]:
    """What the self-test looks at: its name, and the section of the settings where it is mended."""
    return {
        Area.ACCESS: (_("Pipedrive’s token"), "settings"),
        Area.SCOPES: (_("Scopes of the Pipedrive app"), "settings"),
        Area.HOOKS: (_("Pipedrive’s webhooks, each exactly once"), "settings"),
        Area.TYPES: (_("Activity types"), "settings/activities"),
        Area.RIGHTS: (_("Rights in the contact centre"), "settings"),
        Area.SPECIAL_FIELDS: (_("Special fields"), "settings/special-fields"),
        Area.CONTACTS: (_("Customers and companies"), "customers"),
        Area.AGENTS: (_("Agents and their Pipedrive users"), "settings/agents"),
        Area.CLOCK: (_("Clock"), "settings/alerts"),
    }


_PAGES = {
    AlertKind.ACCESS: "settings", AlertKind.CENTRE: "settings", AlertKind.RIGHTS: "settings/alerts",
    AlertKind.HOOKS: "settings/alerts", AlertKind.SELF_TEST: "settings/alerts", AlertKind.QUEUE: "runs",
    AlertKind.BUDGET: "runs",
}  # fmt: skip


def notice_of(tenant: Tenant, kind: AlertKind, reason: str, since: datetime, *, is_on: bool) -> Notice:
    """What is said of a trouble that has begun or is over, in the installation's language."""
    _, link = tenant.translate, _link(tenant, _PAGES[kind])
    words = kinds(_)[kind]
    at = _time(tenant, since)
    lines = [words.over, _("Since: %(time)s") % {"time": at}]
    if is_on:
        lines = [words.happened, *reasons(tenant.settings.language, _, kind, reason)]
        lines += [_("Since: %(time)s") % {"time": at}, "", words.meaning, words.to_do]
    said = words.happened if is_on else words.over
    facts = {
        "installation": tenant.id, "company": tenant.installed.name, "kind": str(kind), "state": "on" if is_on else "over",
        "reason": reason, "since": since.isoformat(timespec="seconds"), "link": link,
    }  # fmt: skip
    return _notice(tenant, said, lines, link, facts)


def trial_notice(tenant: Tenant, at: datetime) -> Notice:
    """What is sent to try whether it arrives."""
    _, link = tenant.translate, _link(tenant, "settings/alerts")
    said = _("This is a test of the alerts.")
    lines = [said, _("It has arrived: nothing needs to be done.")]
    facts = {
        "installation": tenant.id, "company": tenant.installed.name, "kind": "test", "state": "test", "reason": "",
        "since": at.isoformat(timespec="seconds"), "link": link,
    }  # fmt: skip
    return _notice(tenant, said, lines, link, facts)


def reasons(language: str, _: Translate, kind: AlertKind, reason: str) -> list[str]:
    """What is known of a trouble beside its kind, in sentences."""
    if not reason:
        return []
    if kind is AlertKind.CENTRE:
        return [_("Contact centre: %(ids)s") % {"ids": ", ".join(reason.split())}]
    if kind is AlertKind.SELF_TEST:
        known = areas(_)
        return ["– " + known[Area(one)][0] for one in reason.split() if one in known]
    if kind is AlertKind.BUDGET:
        foreseen, allowance = (format_decimal(int(one), locale=locale_of(language)) for one in reason.split())
        return [_("Foreseen: %(tokens)s of %(share)s tokens") % {"tokens": foreseen, "share": allowance}]
    return []


def _notice(tenant: Tenant, said: str, lines: list[str], link: str, facts: Mapping[str, object]) -> Notice:
    _ = tenant.translate
    why = _("You are told because you are named in the connector’s alerts (%(company)s).")
    text = "\n".join([*lines, "", link, "", "-- ", why % {"company": tenant.installed.name}]) + "\n"
    return Notice(f"{tenant.installed.name}: {said}", text, facts)


def _link(tenant: Tenant, page: str) -> str:
    return f"{tenant.service.public_url}/console/{tenant.id}/{page}"


def _time(tenant: Tenant, at: datetime) -> str:
    language = locale_of(tenant.settings.language)
    zone = tenant.settings.tz
    return f"{format_datetime(at, 'd MMM y, HH:mm', tzinfo=zone, locale=language)} ({zone.key})"
