"""How fast the console's pages are with a million events on SQLite, and how much the first page sends.

`p95_ms` is the slowest page's, from the request to the last byte on loopback; `pages` says each page's own. The
simulators are asked nothing: the pages that are measured call no vendor.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import ClientSession

from connector.app import Service, open_service
from connector.flows.tenant import Tenant
from connector.records import Call, CallResult, Chat, Direction, Event, Message, Ticket
from connector.store.access import Who
from connector.store.events import reason_id
from connector.store.payloads import pack
from tests.bench.deals import pages_of
from tests.bench.peers import client, install_app, p95, post, settings, simulator, tell
from tests.world import PASSWORD, SYSTEM, USER

ROUNDS = 40
DAYS = 365
#: Contents are kept so long.
KEPT_DAYS = 30
CENTRE = f"thulium:{SYSTEM}"
#: Everything that an administrator opens; `{…}` are ids that the bench knows. A new page is measured once it stands here.
PAGES = (
    "", "events", "events?state=done", "events?state=parked", "events?state=waiting&kind=call", "events?kind=chat",
    "events?from=2026-02-01&to=2026-02-03", "events?state=skipped&kind=message", "events?after={after}",
    "events?state=parked&why={why}", "events?number={number}", "events?customer=77", "events/{done}", "events/{parked}",
    "events/{waiting}", "events/{old}", "undecided", "customers", "deals", "runs", "runs/backfill", "me", "settings",
    "settings/special-fields", "settings/agents", "settings/fields", "settings/activities", "settings/deals", "settings/calls",
    "settings/privacy", "settings/alerts", "settings/keys", "settings/history", "settings/set-up",
)  # fmt: skip
#: In a thousand events so many stand so; the others are done.
SPREAD = {"skipped": 140, "waiting": 25, "undecided": 6, "parked": 8, "retry": 1}
REASONS = {
    "skipped": ("shorter than 5 seconds", "chats are not synchronised", "expired"),
    "waiting": ("waiting for the customer to appear in Pipedrive",),
    "undecided": ("2 persons in Pipedrive could be meant",),
    "parked": (
        "the activity type 'fax' is not active in Pipedrive; choose another in the settings",
        "400: this user may not add activities", "422: unreadable answer", "404: the person does not exist",
    ),
    "retry": ("Pipedrive did not answer",),
}  # fmt: skip


async def bench(rows: int) -> dict[str, object]:
    """Fill a ledger, serve it, and open every page."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            simulator("pipedrive", "--no-limits", "--plan", "ultimate") as pipedrive,
            simulator("thulium") as thulium,
            client() as http,
        ):
            seeded = await post(http, f"{pipedrive}/_sandbox/seed", {})
            admin = next(user["id"] for user in seeded["companies"][0]["users"] if user["admin"])
            chosen = settings(Path(folder), pipedrive, thulium)
            async with open_service(chosen) as service:
                installation, _ = await install_app(http, service, pipedrive, admin)
                await service.connect_centre(
                    installation, vendor="thulium", system=SYSTEM, user=USER, password=PASSWORD
                )
                tenant = await service.tenant(installation)
                await tenant.people()  # as any run does
                await asyncio.to_thread(_fill, Path(folder) / "bench.db", tenant, rows)
                async with pages_of(service) as origin:
                    return {"ledger_rows": rows} | await _measure(http, service, tenant, origin)


async def _measure(http: ClientSession, service: Service, tenant: Tenant, origin: str) -> dict[str, object]:
    who = Who(tenant.id, tenant.installed.owner_user_id, None, "Adam Admin", is_admin=True)
    headers = {"Cookie": f"session={await service.access.begin(who)}", "Accept-Encoding": "gzip"}
    ids = await _ids(tenant)
    pages: dict[str, float] = {}
    missing: list[str] = []
    first_kb = 0.0
    for page in PAGES:
        address = f"{origin}/console/{tenant.id}" + (f"/{page.format(**ids)}" if page else "")
        times: list[float] = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            async with http.get(address, headers=headers, allow_redirects=False) as answer:
                body = await answer.read()
            times.append((time.perf_counter() - begun) * 1000)
            if answer.status == 404:
                missing.append(page)
                break
            assert answer.status in (200, 303), (page, answer.status, body[:500])
        else:
            pages[page or "overview"] = p95(times)
            if page == "":
                first_kb = await _wire_kb(http, origin, address, headers)
    return {
        "p95_ms": max(pages.values()), "first_page_kb": first_kb, "pages": pages, "not_there": missing,
    }  # fmt: skip


async def _wire_kb(http: ClientSession, origin: str, address: str, headers: dict[str, str]) -> float:
    """The first page with its style sheets, scripts and pictures, as a browser without any of them is sent them."""
    total = 0
    async with http.get(address, headers=headers) as answer:
        page = await answer.text()
        total += len(page.encode())
    linked = {part.partition('"')[0] for part in page.split('="')[1:] if part.startswith("/static/")}
    for one in sorted(linked):
        async with http.get(origin + one, headers=headers) as answer:
            total += len(await answer.read())
    return round(total / 1024, 1)


async def _ids(tenant: Tenant) -> dict[str, str]:
    """Ids of rows in the states that the addresses name."""
    path = tenant.ledger.db.url.removeprefix("sqlite:///")
    states = {"done": "DESC", "parked": "DESC", "waiting": "DESC", "old": "ASC"}
    found = {}
    with closing(sqlite3.connect(path)) as db:
        for name, order in states.items():
            query = f"SELECT id FROM ledger WHERE kind = 'call' AND state = ? ORDER BY occurred_at {order} LIMIT 1"  # noqa: S608
            found[name] = str(db.execute(query, [name.replace("old", "done")]).fetchone()[0])
        (number,) = db.execute(
            "SELECT number_key FROM ledger WHERE number_key IS NOT NULL LIMIT 1"
        ).fetchone()
    middle = datetime.now(UTC) - timedelta(days=DAYS / 2)
    return found | {
        "number": str(number).replace("+", "%2B"), "after": f"{int(middle.timestamp() * 1_000_000)}-1",
        "why": reason_id(REASONS["parked"][0]),
    }  # fmt: skip


# the ledger


def _fill(path: Path, tenant: Tenant, rows: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("BEGIN")
        indexes = db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'ledger' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        names = (
            "installation_id", "connection", "kind", "external_id", "occurred_at", "payload_sealed", "customer_id",
            "number_key", "email_key", "marker", "state", "reason", "claim_no", "first_sent_at", "last_sent_at", "looks",
            "sends", "attempts", "crm_id", "topic_no", "heal_no", "trace", "lane", "seen_at", "settled_at",
        )  # fmt: skip
        marks = ", ".join("?" * len(names))
        db.executemany(f"INSERT INTO ledger ({', '.join(names)}) VALUES ({marks})", _entries(tenant, rows))  # noqa: S608
        db.executemany(
            "INSERT INTO run (installation_id, cause, started_at, ended_at, counts, outcome) VALUES (?, ?, ?, ?, ?, ?)",
            _runs(tenant),
        )
        db.executemany(
            "INSERT INTO spent (installation_id, day, operation, tokens) VALUES (?, ?, ?, ?)", _spent(tenant)
        )
        db.executemany(
            "INSERT INTO question (installation_id, kind, subject, candidates, detail, asked_at)"
            " VALUES (?, 'subject', ?, ?, '{}', ?)",
            (
                (
                    tenant.id,
                    tenant.ledger.keys.key(f"+48605{n:06}"),
                    json.dumps([str(n), str(n + 1)]),
                    _text(_now()),
                )
                for n in range(500)
            ),
        )
        for _, sql in indexes:
            db.execute(sql)
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _entries(tenant: Tenant, rows: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(7)
    now, keys, key = _now(), tenant.ledger.keys, tenant.ledger.keys.key
    numbers = [(f"60{n:07}", key(f"+4860{n:07}")) for n in range(20_000)]
    emails = [(f"person{n}@example.com", key(f"person{n}@example.com")) for n in range(5_000)]
    sealed = {
        kind: [tenant.ledger.vault.seal(pack(_event(kind, n, now))) for n in range(50)] for kind in _KINDS
    }
    states = [state for state, share in SPREAD.items() for _ in range(share)]
    states += ["done"] * (1000 - len(states))
    for n in range(rows):
        kind = chance.choices(_KINDS, (70, 10, 20))[0]
        at = now - timedelta(days=DAYS) * ((rows - n) / rows)
        state = chance.choice(states)
        if state in ("waiting", "undecided", "retry") and now - at > timedelta(days=KEPT_DAYS):
            state = "skipped"
        done, when = state == "done", _text(at + timedelta(minutes=2))
        reason = chance.choice(REASONS[state]) if state in REASONS else ""
        number = chance.choice(numbers)[1] if kind == "call" else None
        email = chance.choice(emails)[1] if kind != "call" else None
        kept = chance.choice(sealed[kind]) if now - at < timedelta(days=KEPT_DAYS) else None
        trace = _TRACE if done else None
        yield (
            tenant.id, CENTRE, kind, f"b{n}", _text(at), kept, str(n % 30_000), number, email,
            keys.marker(CENTRE, kind, f"b{n}"), state, reason, int(done), when if done else None, when if done else None,
            0, int(done), int(state == "parked"), str(n) if done else None, 0, 0, trace, "live", when,
            when if done else None,
        )  # fmt: skip


_KINDS = ("call", "chat", "message")
_TRACE = json.dumps(
    {
        "matched": "number", "person": "1", "organization": None, "type": "call", "rule": "type", "owner": "1",
        "owner_by": "agent table", "deal": None, "deals_open": 0, "deal_rule": "one_open", "settings": 1,
    }
)  # fmt: skip


def _event(kind: str, n: int, at: datetime) -> Event:
    text = "Dzień dobry, proszę o kontakt w sprawie zamówienia. " * 6
    if kind == "call":
        number = f"60{n:07}"
        return Call(
            f"b{n}", Direction.INBOUND, CallResult.ANSWERED, at, number, "221234567", 95, 80, "anna.nowak"
        )
    if kind == "chat":
        return Chat(f"b{n}", at, at, None, "Jan Próba", f"person{n}@example.com", "anna.nowak", text=text)
    ticket = Ticket(f"t{n}", "Zamówienie", at, at, f"person{n}@example.com", "anna.nowak", source="email")
    return Message(f"b{n}", ticket, Direction.INBOUND, at, None, None, text)


def _runs(tenant: Tenant) -> Iterator[tuple[object, ...]]:
    now = _now()
    for n in range(20_000):
        at = now - timedelta(minutes=26 * (20_000 - n))
        counts = json.dumps({"collected": 50, "done": 41, "skipped": 7, "waiting": 2})
        yield tenant.id, "schedule", _text(at), _text(at + timedelta(seconds=9)), counts, "finished"


def _spent(tenant: Tenant) -> Iterator[tuple[object, ...]]:
    for back in range(DAYS):
        day = (_now() - timedelta(days=back + 1)).date().isoformat()
        yield tenant.id, day, "POST /api/v2/activities", 13_000
        yield tenant.id, day, "GET /api/v2/persons", 900


def _now() -> datetime:
    return datetime.now(UTC)


def _text(at: datetime) -> str:
    """A time as SQLite keeps it."""
    return at.replace(tzinfo=None).isoformat(" ", "microseconds")


if __name__ == "__main__":
    tell(__doc__, bench, rows=1_000_000)
