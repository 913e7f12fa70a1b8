"""Connections: Pipedrive and the contact centres, what they let us do, and how times and numbers are read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from connector.centres import ASKS_WHO_CALLS, CENTRES
from connector.errors import Forbidden, Misconfigured, Rejected, Unauthorised
from connector.flows.alert_words import areas
from connector.flows.checking import Area, Check, check
from connector.flows.installing import HOOK_USER, Arrival, can_receive_hooks
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.installation_settings import InstallationSettings, known_zones
from connector.pipedrive.budget import Lane
from connector.records import Right
from connector.store.connections import Connected
from connector.store.index import OF_PIPEDRIVE
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.finding_words import finding
from connector.web.console.set_up.steps import led_back, step_of
from connector.web.console.settings.filled import Filled, changed
from connector.web.console.settings.right_words import needed_for
from connector.web.console.words import done
from connector.web.lookup import PATH as LOOKUP_PATH
from connector.web.notes import Said
from connector.web.throttle import ThrottleEach

PAGE = "settings"
_LONGEST = 200
_CHECKS_KEPT = 100

#: Tries an account and keeps it when it works: installation, then vendor, system, user and password by name.
ConnectCentre = Callable[..., Awaitable[list[Right]]]
#: Renews the personal token of an installation: its id and the token.
RenewToken = Callable[[str, str], Awaitable[Arrival]]
#: Scopes that an installation's owner granted.
Scopes = Callable[[Tenant], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Found:
    """What the last check came to, and when."""

    at: datetime
    amiss: Sequence[tuple[Area, str]]
    rights: Mapping[str, Sequence[Right]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How both sides are connected, as the pages show it."""

    kind: str
    scopes: Sequence[str]
    hooks: int
    all_hooks: int
    can_receive: bool
    centres: Sequence[Connected]
    found: Found | None
    asks: Sequence[str]
    vendors: Sequence[str]
    zones: Sequence[str]

    def amiss(self, _: Translate) -> list[tuple[str, str, str]]:
        """What the last check found amiss: of what, in words, and the sentence."""
        names, amiss = areas(_), self.found.amiss if self.found else ()
        return [(names[area][0], finding(sentence, _), sentence) for area, sentence in amiss]

    def rights(self, centre: str, _: Translate) -> list[tuple[str, bool, str]]:
        """The rights of a contact centre as they were last tried: name, whether it works, and what it is for."""
        tried = self.found.rights.get(centre, ()) if self.found else ()
        return [(right.name, right.works, needed_for(right.needed_for, _)) for right in tried]


class Connections:
    """The page, and what the guided set-up shows of it."""

    def __init__(
        self, console: Console, *, connect_centre: ConnectCentre, renew_token: RenewToken, scopes: Scopes
    ) -> None:
        """What changes a connection is the service's."""
        self._console = console
        self._connect, self._renew, self._scopes = connect_centre, renew_token, scopes
        self._found: OrderedDict[str, Found] = OrderedDict()
        # A system is named by whoever asks: nobody shall guess another company's password through us.
        self._tries = ThrottleEach(console.clock, burst=10, per_minute=2)

    def routes(self) -> web.RouteTableDef:
        """The page and its forms."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{PAGE}")(serve(self._show))
        table.post(f"{PATH}/{PAGE}/check")(serve(self._check))
        table.post(f"{PATH}/{PAGE}/centre")(serve(self._connect_centre))
        table.post(f"{PATH}/{PAGE}/token")(serve(self._renew_token))
        table.post(f"{PATH}/{PAGE}/lookup")(serve(self._show_lookup))
        table.post(f"{PATH}/{PAGE}/times")(serve(self._save_times))
        return table

    async def standing(self, visit: Visit) -> Standing:
        """How it stands, without asking anybody."""
        tenant, installations = visit.tenant, self._console.installations
        grant = await installations.grant(tenant.id, tenant.installed.owner_user_id)
        centres = await installations.centres(tenant.id)
        return Standing(
            kind=grant.kind if grant is not None else "", scopes=await self._scopes(tenant),
            hooks=len(await installations.hooks(tenant.id)), all_hooks=len(OF_PIPEDRIVE),
            can_receive=can_receive_hooks(tenant), centres=centres, found=self._found.get(tenant.id),
            asks=[one.id for one in centres if one.vendor in ASKS_WHO_CALLS], vendors=sorted(CENTRES),
            zones=_zones(),
        )  # fmt: skip

    async def _show(self, visit: Visit) -> web.StreamResponse:
        return await self._page(visit)

    async def _page(
        self, visit: Visit, *, status: int = 200, said: Said | None = None, **shown: object
    ) -> web.Response:
        given = {
            "account": account_of(visit), "times": times_of(visit.tenant.settings), "lookups": None,
        } | shown  # fmt: skip
        return self._console.page(
            visit, "console/settings/connections.html", PAGE, status=status, said=said,
            standing=await self.standing(visit), step=step_of(visit), **given,
        )  # fmt: skip

    async def _check(self, visit: Visit) -> web.StreamResponse:
        _, tenant = visit.translate, visit.tenant
        asked = replace(tenant, pipedrive=tenant.pipedrive.on(Lane.POP))
        hooks = await self._console.installations.hooks(tenant.id)
        result = await check(asked, hooks, await self._scopes(tenant))
        self._keep(tenant, result)
        if result.problems:
            said = Said(
                "attention", _("Checked"), _("Something does not work."), _("It is listed under “The last check”.")
            )  # fmt: skip
        else:
            said = done(_("Both sides were asked, and all works."), _)
        return self._console.tell(said, led_back(visit, PAGE))

    def _keep(self, tenant: Tenant, result: Check) -> None:
        while len(self._found) >= _CHECKS_KEPT:
            self._found.popitem(last=False)
        centres = result.found.get("centres")
        rights = {
            str(centre): [Right(**one) for one in found]
            for centre, found in (centres.items() if isinstance(centres, dict) else ())
        }
        self._found[tenant.id] = Found(tenant.clock.now(), result.amiss, rights)

    async def _connect_centre(self, visit: Visit) -> web.StreamResponse:
        _, tenant = visit.translate, visit.tenant
        vendor, system, user = (visit.text(name)[:_LONGEST] for name in ("vendor", "system", "user"))
        password, errors = str(visit.form.get("password", "")), {}
        if vendor not in CENTRES:
            errors["vendor"] = _("Choose one of them.")
        if not system.replace("-", "").replace("_", "").isalnum():
            errors["system"] = _("Write the first part of its address: letters and digits.")
        if not user:
            errors["user"] = _("Write the name of the API user.")
        if not 0 < len(password) <= _LONGEST:
            errors["password"] = _("Write the password of the API user.")
        if not errors:
            self._tries.count(tenant.id)
            try:
                rights = await self._connect(
                    tenant.id, vendor=vendor, system=system, user=user, password=password
                )
            except Unauthorised:
                errors["password"] = _("The contact centre does not know this user with this password.")
            except (Rejected, Misconfigured) as error:
                errors["system"] = str(error)
        if errors:
            values = {"vendor": vendor, "system": system, "user": user}
            return await self._page(visit, status=422, account=Filled(values, errors), said=_not_saved(_))
        connection = f"{vendor}:{system}"
        await tenant.audit.note(visit.who, "connect", connection=connection)
        before = self._found.get(tenant.id)
        tried = {**(before.rights if before else {}), connection: rights}
        self._found[tenant.id] = Found(tenant.clock.now(), before.amiss if before else (), tried)
        missing = sum(not right.works for right in rights)
        text = (
            _("Rights that are missing: %(count)s. They are listed below.") % {"count": missing}
            if missing
            else _("All its rights work.")
        )
        return self._console.tell(done(_("The contact centre is connected."), _, text), led_back(visit, PAGE))

    async def _renew_token(self, visit: Visit) -> web.StreamResponse:
        _, token = visit.translate, visit.text("token")[:_LONGEST]
        errors = {}
        try:
            if not token:
                raise Unauthorised
            await self._renew(visit.tenant.id, token)
        except (Unauthorised, Rejected) as error:
            errors["token"] = (
                _("This token is of a user who is no administrator. Take one of an administrator, who sees all records.")
                if isinstance(error, Forbidden)
                else _("Pipedrive does not know this token. Copy it anew, whole.")
            )  # fmt: skip
        except Misconfigured:
            errors["token"] = _("This token is of another company.")
        if errors:
            return await self._page(
                visit, status=422, account=Filled(account_of(visit).values, errors), said=_not_saved(_)
            )
        await visit.tenant.audit.note(visit.who, "reconnect")
        return self._console.tell(done(_("Pipedrive is connected again."), _), led_back(visit, PAGE))

    async def _show_lookup(self, visit: Visit) -> web.StreamResponse:
        """What to enter in the contact centre, shown once it is asked for."""
        public = visit.tenant.service.public_url
        lookups = [
            {
                "centre": one.id, "address": public + LOOKUP_PATH + one.hook_path, "user": HOOK_USER,
                "password": one.lookup_password, "where": ASKS_WHO_CALLS[one.vendor],
            }
            for one in await self._console.installations.centres(visit.tenant.id)
            if one.vendor in ASKS_WHO_CALLS
        ]  # fmt: skip
        await visit.tenant.audit.note(visit.who, "reveal", lookups=len(lookups))
        return await self._page(visit, lookups=lookups)

    async def _save_times(self, visit: Visit) -> web.StreamResponse:
        _ = visit.translate
        values = {name: visit.text(name) for name in ("zone", "phone_region", "dial_out_prefix")}
        values["phone_region"] = values["phone_region"].upper()
        settings, errors = changed(visit.tenant.settings, values, {
            "zone": _("There is no such time zone. Choose one such as Europe/Warsaw."),
            "phone_region": _("There is no such country. Write two letters such as PL."),
            "dial_out_prefix": _("Write up to six of the digits, * and #, or nothing."),
        })  # fmt: skip
        if settings is None:
            return await self._page(visit, status=422, times=Filled(values, errors), said=_not_saved(_))
        await self._console.save(visit, settings)
        return self._console.tell(done(_("Time zone and numbers are saved."), _), led_back(visit, PAGE))


def account_of(visit: Visit) -> Filled:
    """The form of a contact centre's account: of the first one, or empty."""
    first = next(iter(visit.tenant.centres), "")
    vendor, _, system = first.partition(":")
    return Filled({"vendor": vendor or next(iter(sorted(CENTRES))), "system": system, "user": ""})


def times_of(settings: InstallationSettings) -> Filled:
    """The form of time zone and numbers."""
    return Filled(
        {
            "zone": settings.zone,
            "phone_region": settings.phone_region,
            "dial_out_prefix": settings.dial_out_prefix,
        }
    )


def _zones() -> list[str]:
    """Time zones that are offered: those of places; any other that is known can be typed."""
    return [*sorted(name for name in known_zones() if name.startswith("Europe/")), "UTC"]


def _not_saved(_: Translate) -> Said:
    return Said("broken", _("Not saved"), _("Something has to be corrected: it is marked below."))
