"""Agents: which user of Pipedrive each of them is, and who owns what is nobody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from connector.flows.agents import agent_names
from connector.flows.deals.catalogue import catalogue
from connector.flows.rules import user_of
from connector.store.devices import Devices
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.set_up.steps import led_back, step_of
from connector.web.console.words import done
from connector.web.notes import Said

PAGE = "settings/agents"
_MOST = 2000


@dataclass(frozen=True, slots=True)
class Row:
    """One agent: the user that was chosen (empty: by e-mail) and the one of the same e-mail address."""

    login: str
    name: str
    email: str
    centres: str
    is_active: bool
    is_known: bool
    chosen: str
    by_email: str
    has_user: bool


@dataclass(frozen=True, slots=True)
class Table:
    """All agents with what can be chosen for them; `names` also of users who have left."""

    rows: Sequence[Row]
    users: Mapping[str, str]
    names: Mapping[str, str]
    fallback: str
    owner: str
    unread: Sequence[str]

    @property
    def without(self) -> int:
        """How many active agents have no user."""
        return sum(row.is_active and not row.has_user for row in self.rows)

    def options(self, chosen: str, empty: str, gone: str) -> list[tuple[str, str]]:
        """The users who can be chosen, and the one who is although he has left."""
        found = [("", empty), *sorted(self.users.items(), key=lambda one: one[1].casefold())]
        if chosen and chosen not in self.users:
            found.append((chosen, gone % {"name": self.names.get(chosen, chosen)}))
        return found


class Agents:
    """The page, and what the guided set-up shows of it."""

    def __init__(self, console: Console, devices: Devices) -> None:
        """Saved through the console; `devices` are what agents dial with."""
        self._console, self._devices = console, devices

    def routes(self) -> web.RouteTableDef:
        """The page and its forms."""
        table, serve = web.RouteTableDef(), self._console.serve
        table.get(f"{PATH}/{PAGE}")(serve(self._show))
        table.post(f"{PATH}/{PAGE}")(serve(self._save))
        table.post(f"{PATH}/{PAGE}/read")(serve(self._read))
        return table

    async def table(self, visit: Visit) -> Table:
        """Agents and users as they were read this day (users anew every ten minutes, 40 tokens)."""
        tenant = visit.tenant
        directory, book = await tenant.people(), await catalogue(tenant, no_older_than=timedelta(days=1))
        people, settings = directory.people, tenant.settings
        agents: dict[str, Row] = {}
        for (connection, login), agent in sorted(people.agents.items()):
            email = agent.email or ""
            known = agents.get(login)
            agents[login] = Row(
                login, agent.name, email, ", ".join([known.centres, connection] if known else [connection]), agent.active,
                True, settings.agent_users.get(login, ""), people.users_by_email.get(email.casefold(), ""),
                user_of(connection, login, settings, people) is not None,
            )  # fmt: skip
        for login, user in settings.agent_users.items():
            if login not in agents:
                agents[login] = Row(login, login, "", "", False, False, user, "", user in people.active_users)
        rows = sorted(agents.values(), key=lambda row: (not row.is_active, row.has_user, row.name.casefold()))
        return Table(
            rows, book.users, book.names, settings.fallback_owner or "",
            book.names.get(people.owner_user_id, people.owner_user_id), sorted(directory.unread),
        )  # fmt: skip

    async def _show(self, visit: Visit) -> web.StreamResponse:
        return self._console.page(
            visit, "console/settings/agents.html", PAGE, agents=await self.table(visit), step=step_of(visit),
            devices=await self._devices.all(visit.tenant.id), names=agent_names(visit.tenant),
        )  # fmt: skip

    async def _save(self, visit: Visit) -> web.StreamResponse:
        _, tenant = visit.translate, visit.tenant
        users = (await catalogue(tenant, no_older_than=timedelta(days=1))).names
        chosen = dict(tenant.settings.agent_users)
        for n in range(_MOST):
            if not (login := visit.text(f"agent_{n}")):
                break
            user = visit.text(f"user_{n}")
            if user in users:
                chosen[login] = user
            elif not user:
                chosen.pop(login, None)
        fallback = visit.text("fallback")
        changes = {"agent_users": chosen, "fallback_owner": fallback if fallback in users else None}
        saved = await self._console.save(visit, tenant.settings.model_copy(update=changes))
        return self._console.tell(
            done(_("Agents and their users are saved."), _, found=saved.warnings), led_back(visit, PAGE)
        )

    async def _read(self, visit: Visit) -> web.StreamResponse:
        _, tenant = visit.translate, visit.tenant
        directory = await tenant.people(older_than=timedelta())
        await catalogue(tenant, no_older_than=timedelta())
        if directory.unread:
            said = Said(
                "attention", _("Not done"), _("Agents could not be read of: %(centres)s.") % {"centres": ", ".join(sorted(directory.unread))},
                _("Open Settings, Connections and press “Check now”."),
            )  # fmt: skip
        else:
            said = done(_("Agents and users were read anew."), _)
        return self._console.tell(said, led_back(visit, PAGE))
