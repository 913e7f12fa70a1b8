"""What a person can look at: the service's pages and both simulators' after a little work was done."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

from playwright.async_api import Browser, Frame, Page

from connector.app import Service
from connector.flows.deals.addresses import keep_pages
from connector.flows.tenant import Tenant
from connector.serving import serving
from connector.store.access import Who
from tests.flows.looking import HastyClock, tell
from tests.web.conftest import free_port
from tests.world import SYSTEM, World, ago, install, open_world, settle_down

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast"]
JUDGE = """async rules => {
    const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})
    const told = violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.target.join(" ")).join(", ")}`)
    const {scrollWidth, clientWidth} = document.documentElement
    if (scrollWidth > clientWidth) told.push(`${scrollWidth} px wide in ${clientWidth}`)
    return told
}"""
COMPANY = "Przykład i Wspólnicy Spółka z ograniczoną odpowiedzialnością sp. k."
#: A scheme, a width, and the rules that are asked.
AxeLook: TypeAlias = tuple[Literal["light", "dark"], int, list[str]]
#: Each page is judged in all of them; what is dark is laid out like what is light, and only its colours differ.
LOOKS: tuple[AxeLook, ...] = (
    ("light", 320, RULES), ("dark", 320, COLOURS), ("dark", 1120, COLOURS), ("light", 1120, RULES),
)  # fmt: skip

#: Colours are the same in every language: in Polish each width and each scheme is looked at once.
IN_POLISH: tuple[AxeLook, ...] = (LOOKS[0], ("dark", 1120, RULES))

#: Numbers that two persons have.
TWINS = ("601000101", "601000102", "601000103", "601000104")

#: Where the contact centre shows our pages, and the deal of a ticket.
FIELDS = {
    "customer_deals_page": "Szanse sprzedaży",
    "ticket_deals_page": "Szanse sprzedaży",
    "ticket_deal_link": "Pipedrive",
}

#: Nothing here is in a hurry.
CALM: dict[str, Any] = {
    "pipedrive_timeout": 10.0,
    "thulium_timeout": 10.0,
    "look_gap": 60.0,
    "first_look": 180.0,
    "lease": 120.0,
}


@dataclass(frozen=True)
class Stage:
    """The service, one that has no Pipedrive app, and both simulators; the contact centre is a site of its own."""

    connector: str
    appless: str
    world: World
    service: Service

    @property
    def centre(self) -> str:
        return f"{elsewhere(self.world.thulium)}/{SYSTEM}/panel/"

    async def tenant(self) -> Tenant:
        (tenant,) = await self.service.tenants()
        return tenant

    async def later(self, seconds: float) -> None:
        """Let time pass everywhere at once."""
        offset = self.service.clock.offset + timedelta(seconds=seconds)
        for side in ("pipedrive", "thulium"):
            await tell(self.world, side, "clock", offset_seconds=offset.total_seconds())
        self.service.clock.move_to(offset)

    async def write_pages(self) -> None:
        """Have the addresses of our pages on all cards and tickets."""
        tenant = await self.tenant()
        for centre in tenant.centres.values():
            await keep_pages(tenant, centre, no_older_than=datetime.now(UTC))


@asynccontextmanager
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Set the stage: customers on both sides, one event of each kind, and the activities made of them."""
    async with (
        open_world(tmp_path, **CALM) as world,
        serving_on(world) as (origin, service),
        serving_on(replace(world, database=tmp_path / "appless.db"), pipedrive_client_id="") as (appless, _),
    ):
        await fill(world)
        tenant = await install(service, since=ago(days=2), special_fields=FIELDS)
        await settle_down(service, tenant)
        await world.fault("pipedrive", "delay", path="/nowhere", seconds=1)
        there = Stage(origin, appless, world, service)
        await there.write_pages()
        yield there


def elsewhere(origin: str) -> str:
    """The same origin by a name that makes another site of it."""
    return origin.replace("127.0.0.1", "localhost")


async def fill(world: World) -> None:
    """People on both sides, and one day's events between them."""
    people = [("Łucja", "Żak"), ("Zażółć", "Gęślą-Jaźń-Brzęczyszczykiewicz"), ("Jan", "Źrebak")]
    await world.seed_pipedrive(
        organizations=[{"name": COMPANY}],
        persons=[
            {
                "name": " ".join(name),
                "org": COMPANY,
                "phones": [f"+4860100000{n}"],
                "emails": [f"person{n}@example.com"],
            }
            for n, name in enumerate(people, 1)
        ]
        + [
            {"name": f"{name} Bliźniak", "phones": [f"+48{number}"]}
            for number in TWINS
            for name in ("Adam", "Ewa")
        ],
        deals=[{"title": "Abonament roczny", "person": "Łucja Żak", "value": 1200, "currency": "PLN"}],
    )
    await world.seed_centre(
        customers=[
            {
                "name": first,
                "surname": last,
                "phone_number": f"60100000{n}",
                "email": f"person{n}@example.com",
            }
            for n, (first, last) in enumerate(people, 1)
        ],
        calls=[
            {"number": f"60100000{n}", "comment": "Oddzwonić w sprawie faktury <FV/11/2026>"}
            for n in (1, 2, 3)
        ],
        chats=[{"email": "person1@example.com", "messages": [{"text": "Dzień dobry, gdzie jest paczka?"}]}],
        tickets=[
            {
                "from": "person1@example.com",
                "subject": "Reklamacja",
                "body": "<p>Dzień dobry</p><p>" + "ą" * 400,
            }
        ],
    )


@asynccontextmanager
async def serving_on(world: World, **changes: object) -> AsyncIterator[tuple[str, Service]]:
    """The whole service on a port of its own, where Pipedrive's webhooks may reach it; gives its origin."""
    with free_port() as port:
        host = f"127.0.0.1:{port.getsockname()[1]}"
    centre = elsewhere(world.thulium)
    trusted = (*world.settings().trusted_hosts, host, centre.removeprefix("http://"))
    settings: dict[str, Any] = {
        "listen": host,
        "public_url": f"http://{host}",
        "trusted_hosts": trusted,
        "thulium_url": centre + "/{system}",
        **changes,
    }
    async with world.connector(HastyClock(), **settings) as service, serving(service):
        yield f"http://{host}", service


@asynccontextmanager
async def looking(browser: Browser, language: str = "en") -> AsyncIterator[Look]:
    """A fresh browser window."""
    context = await browser.new_context(locale=language, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    await context.add_init_script(path=AXE)
    try:
        yield Look(await context.new_page(), IN_POLISH if language == "pl" else LOOKS)
    finally:
        await context.close()


@asynccontextmanager
async def signed_in(browser: Browser, there: Stage, language: str = "en") -> AsyncIterator[Look]:
    """A window of an agent who has signed in, for tabs of their own."""
    tenant = await there.tenant()
    who = Who(tenant.id, tenant.installed.owner_user_id, None, "Łucja Żak")
    token = await there.service.access.begin(who)
    async with looking(browser, language) as look:
        await look.page.context.add_cookies([{"name": "session", "value": token, "url": there.connector}])
        yield look


class Look:
    """One window, and everything found wrong with what it showed."""

    def __init__(self, page: Page, looks: Sequence[AxeLook] = LOOKS) -> None:
        self.page, self.looks = page, looks
        self.found: list[str] = []
        page.on("console", lambda said: self.found.append(f"{page.url}: console: {said.text}"))
        page.on("pageerror", lambda error: self.found.append(f"{page.url}: {error}"))

    async def open(self, address: str, *, status: int = 200) -> None:
        """Go to an address and judge the page there."""
        quiet = len(self.found)
        answer = await self.page.goto(address)
        assert answer is not None
        if status >= 400:
            # The browser itself notes a page that is an error.
            del self.found[quiet:]
        if answer.status != status:
            self.found.append(f"{address}: answered {answer.status}")
        await self.judge()

    async def judge(self, what: str = "", frame: Frame | None = None) -> None:
        """Ask axe about the page as it stands, or a frame in it, in every look, and whether it scrolls sideways."""
        for scheme, width, rules in self.looks:
            await self.page.emulate_media(color_scheme=scheme)
            await self.page.set_viewport_size({"width": width, "height": 800})
            told: list[str] = await (frame or self.page).evaluate(JUDGE, rules)
            self.found += [f"{what or self.page.url}: {scheme}, {width} px: {one}" for one in told]

    async def walk(self, start: str) -> set[str]:
        """Judge every page that can be reached from `start`, one of each shape; answers the shapes."""
        shapes: dict[str, str] = {}
        origin = re.match(r"https?://[^/]+", start)
        assert origin
        queue = [start]
        while queue:
            address = queue.pop(0)
            path = address.partition("?")[0].removeprefix(origin[0])
            shape = re.sub(r"/[^/]*\d[^/]*(?=/|$)", "/:id", path)
            if shape in shapes:
                continue
            shapes[shape] = address
            await self.open(address)
            links = await self.page.eval_on_selector_all(
                "main a[href]:not([download]), nav a[href]", "all => all.map(a => a.href)"
            )
            queue += [link.partition("#")[0] for link in links if link.startswith(origin[0] + "/")]
        return set(shapes)
