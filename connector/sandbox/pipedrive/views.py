"""Small pages to look at what is in the simulator, and to change a person as somebody in Pipedrive would.

Addresses are the vendor's own (`/person/7`, `/deal/3`, `/activities/9`); `?company=` names the company when there are
several.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias
from urllib.parse import quote

from aiohttp import web
from yarl import URL

from connector.sandbox import switchboard
from connector.sandbox.faults import Faults
from connector.sandbox.pages import Pages
from connector.sandbox.pipedrive.contacts import ORGANIZATION, PERSON
from connector.sandbox.pipedrive.errors import Refused
from connector.sandbox.pipedrive.notes import clean
from connector.sandbox.pipedrive.records import Actor, remove, update
from connector.sandbox.pipedrive.sender import Sender
from connector.sandbox.pipedrive.state import Company, World
from connector.sandbox.wire import Object

NAV = (("/", "Companies"), (switchboard.PATH, "Faults"))
PAGE = 50
View: TypeAlias = Callable[[web.Request, Company], Awaitable[web.Response]]


def routes(world: World, faults: Faults, sender: Sender, pages: Pages) -> list[web.RouteDef]:
    """Give the pages."""
    views = _Views(world, sender, pages)

    async def companies(_request: web.Request) -> web.Response:
        return pages.answer("companies.html", companies=list(world.companies.values()))

    shown: list[tuple[str, str, View]] = [
        ("GET", "/contacts", views.contacts),
        ("GET", r"/person/{id:\d+}", views.person),
        ("POST", r"/person/{id:\d+}", views.edit_person),
        ("GET", r"/organization/{id:\d+}", views.organization),
        ("POST", r"/organization/{id:\d+}", views.edit_organization),
        ("GET", "/deals", views.deals),
        ("GET", r"/deal/{id:\d+}", views.deal),
        ("GET", r"/activities/{id:\d+}", views.activity),
        ("GET", "/webhooks", views.webhooks),
        ("GET", "/tokens", views.tokens),
    ]
    return [
        web.get("/", companies),
        web.get(r"/of/{domain:[\w-]+}/{path:.*}", views.at_home),
        *(web.route(method, path, partial(views.of_company, view)) for method, path, view in shown),
        *switchboard.routes(faults, world.clock, pages),
    ]


class _Views:
    """The pages of a company."""

    def __init__(self, world: World, sender: Sender, pages: Pages) -> None:
        self._world = world
        self._sender = sender
        self._pages = pages

    async def of_company(self, view: View, request: web.Request) -> web.Response:
        """Find the company that the address names, and show a page when it or the record is not there."""
        try:
            number = request.query.get("company")
            company = (
                next(iter(self._world.companies.values()))
                if number is None
                else self._world.companies[int(number)]
            )
            return await view(request, company)
        except (KeyError, ValueError, StopIteration):
            return self._pages.answer("missing.html", 404)

    async def at_home(self, request: web.Request) -> web.Response:
        """Lead an address on a company's own host, which a simulator hasn't, to its page: `/of/rowery/person/7`."""
        domain, path = request.match_info["domain"], request.match_info["path"]
        number = next((one.id for one in self._world.companies.values() if one.domain == domain), None)
        if number is None:
            return self._pages.answer("missing.html", 404)
        if path == "persons/list":
            path = "contacts"
        raise web.HTTPSeeOther(str(URL.build(path=f"/{path}", query={"company": str(number)})))

    def _answer(self, template: str, company: Company, status: int = 200, **context: object) -> web.Response:
        tail = f"?company={company.id}"
        tabs = (
            ("/contacts", "Contacts"),
            ("/deals", "Deals"),
            ("/webhooks", "Webhooks"),
            ("/tokens", "Tokens"),
        )
        nav = [*((address + tail, text) for address, text in tabs), *NAV]
        return self._pages.answer(
            template,
            status,
            company=company,
            tail=tail,
            nav=nav,
            clean=clean,
            call_link=_call_link,
            **context,
        )

    async def contacts(self, request: web.Request, company: Company) -> web.Response:
        """The contacts list, fifty at a time."""
        query, start = request.query.get("q", "").strip(), int(request.query.get("from", "0"))
        wanted = query.casefold()
        rows: list[Object] = []
        for record in company.persons.after(start):
            if not record["is_deleted"] and wanted in _text(record):
                rows.append(record)
            if len(rows) > PAGE:
                break
        following = rows[PAGE - 1]["id"] if len(rows) > PAGE else None
        alive = sum(not record["is_deleted"] for record in company.persons.records.values())
        return self._answer(
            "contacts.html", company, rows=rows[:PAGE], following=following, query=query, alive=alive
        )

    async def person(self, request: web.Request, company: Company) -> web.Response:
        """A person with the timeline of activities."""
        return self._person(company, int(request.match_info["id"]))

    def _person(self, company: Company, number: int, problem: str = "", status: int = 200) -> web.Response:
        record = company.persons.records[number]
        activities = [
            activity
            for activity in company.activities.records.values()
            if not activity["is_deleted"] and any(p["person_id"] == number for p in activity["participants"])
        ]
        return self._answer(
            "person.html",
            company,
            status,
            person=record,
            timeline=_newest_first(activities),
            deals=[deal for deal in company.deals.records.values() if deal["person_id"] == number],
            fields=_custom_values(company, "person", record),
            survivor=company.merged.get("person", {}).get(number),
            problem=problem,
        )

    async def edit_person(self, request: web.Request, company: Company) -> web.Response:
        """Save the form as an administrator, or delete the person."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        number = int(request.match_info["id"])
        record = company.persons.records[number]
        actor = Actor(self._world, company, company.admins()[0], "app")
        try:
            if form.get("order") == "delete":
                remove(actor, "person", record)
            else:
                body: Object = {"name": form["name"]}
                if "org_id" in form:
                    body["org_id"] = int(form["org_id"] or 0) or None
                body |= {key: _ways(form[key], record[key]) for key in ("phones", "emails")}
                update(actor, PERSON, record, body)
        except Refused as refused:
            return self._person(company, number, str(refused.body["error"]), 400)
        raise web.HTTPSeeOther(f"/person/{number}?company={company.id}")

    async def organization(self, request: web.Request, company: Company) -> web.Response:
        """An organization with its people and activities."""
        return self._organization(company, int(request.match_info["id"]))

    async def edit_organization(self, request: web.Request, company: Company) -> web.Response:
        """Save the form as an administrator, or delete the organization."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        number = int(request.match_info["id"])
        record = company.organizations.records[number]
        actor = Actor(self._world, company, company.admins()[0], "app")
        try:
            if form.get("order") == "delete":
                remove(actor, "organization", record)
            else:
                address = form["address"].strip()
                update(actor, ORGANIZATION, record, {
                    "name": form["name"], "website": form["website"].strip() or None,
                    "address": {"value": address} if address else None,
                })  # fmt: skip
        except Refused as refused:
            return self._organization(company, number, str(refused.body["error"]), 400)
        raise web.HTTPSeeOther(f"/organization/{number}?company={company.id}")

    def _organization(
        self, company: Company, number: int, problem: str = "", status: int = 200
    ) -> web.Response:
        record = company.organizations.records[number]
        activities = [
            a for a in company.activities.records.values() if not a["is_deleted"] and a["org_id"] == number
        ]
        people = [
            p for p in company.persons.records.values() if not p["is_deleted"] and p["org_id"] == number
        ]
        return self._answer(
            "organization.html",
            company,
            status,
            problem=problem,
            organization=record,
            people=people,
            timeline=_newest_first(activities),
            fields=_custom_values(company, "organization", record),
        )

    async def deals(self, _request: web.Request, company: Company) -> web.Response:
        """Deals by stage."""
        rows = [deal for deal in company.deals.records.values() if not deal["is_deleted"]]
        return self._answer("deals.html", company, rows=rows[-500:][::-1], total=len(rows))

    async def deal(self, request: web.Request, company: Company) -> web.Response:
        """A deal with its activities."""
        number = int(request.match_info["id"])
        record = company.deals.records[number]
        activities = [
            a for a in company.activities.records.values() if not a["is_deleted"] and a["deal_id"] == number
        ]
        return self._answer(
            "deal.html",
            company,
            deal=record,
            timeline=_newest_first(activities),
            fields=_custom_values(company, "deal", record),
        )

    async def activity(self, request: web.Request, company: Company) -> web.Response:
        """One activity."""
        return self._answer(
            "activity.html", company, activity=company.activities.records[int(request.match_info["id"])]
        )

    async def webhooks(self, _request: web.Request, company: Company) -> web.Response:
        """Webhooks and their latest deliveries."""
        deliveries = [delivery for delivery in self._sender.log if delivery.company_id == company.id]
        return self._answer(
            "webhooks.html",
            company,
            hooks=list(company.hooks.values()),
            deliveries=deliveries[: -PAGE - 1 : -1],
            now=self._world.clock.now(),
        )

    async def tokens(self, _request: web.Request, company: Company) -> web.Response:
        """The token meter of today."""
        meter = company.meter
        meter.turn(self._world.clock.now().date())
        return self._answer("tokens.html", company, meter=meter, rows=meter.by_operation.most_common())


def _text(record: Object) -> str:
    ways = (way["value"] for way in (*record["phones"], *record["emails"]))
    return " ".join((record["name"], *ways)).casefold()


def _newest_first(activities: list[Object]) -> list[Object]:
    return sorted(
        activities, key=lambda a: (a["due_date"] or "", a["due_time"] or "", a["id"]), reverse=True
    )[:200]


def _custom_values(company: Company, entity: str, record: Object) -> list[tuple[str, object]]:
    fields = company.fields[entity]
    return [(fields[code]["field_name"], value) for code, value in record["custom_fields"].items()]


def _ways(text: str, old: list[Object]) -> list[Object]:
    """One value a line, the first being the primary one; labels stay with their values."""
    labels = {way["value"]: way["label"] for way in old}
    values = [line.strip() for line in text.splitlines() if line.strip()]
    return [{"value": v, "primary": n == 0, "label": labels.get(v, "work")} for n, v in enumerate(values)]


def _call_link(company: Company, number: str) -> str:
    """The link of a phone number, by the company's own syntax."""
    return company.callto.replace("[number]", quote("".join(number.split()), safe="+"))
