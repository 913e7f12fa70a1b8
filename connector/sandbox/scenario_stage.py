"""The stage of the scripted day: acts through the simulators' control endpoints and remembers what should come of it.

Each event shows what tells it from all others: a call its number and minute, a chat or message a token such as O-0042.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO

import orjson
from aiohttp import ClientSession

from connector.sandbox.scenario_cast import BRANCHES, Branch, Someone
from connector.sandbox.wire import Object

INBOUND, OUTBOUND = "INBOUND", "OUTBOUND"


@dataclass(frozen=True)
class Fate:
    """What should become of an event by the end: a `state`, and for `written` whose it is, by name in Pipedrive."""

    state: str
    person: str | None = None
    organization: str | None = None


WAITING, SKIPPED, UNDECIDED, PARKED = Fate("waiting"), Fate("skipped"), Fate("undecided"), Fate("parked")


def of(someone: Someone) -> Fate:
    """Written for this person."""
    return Fate("written", person=someone.name)


class Stage:
    """Both simulators, the time, and the fate of every event."""

    def __init__(self, http: ClientSession, pipedrive: str, thulium: str) -> None:
        """`pipedrive` and `thulium` are the simulators' addresses."""
        self.http, self.pipedrive, self.thulium = http, pipedrive, thulium
        self.fates: dict[tuple[str, str, str], Fate] = {}
        self.companies: dict[str, int] = {}
        self.users: dict[str, int] = {}
        self.deleted_by_people: set[tuple[str, int]] = set()
        self._tokens = 0
        self._met: Counter[str] = Counter()

    async def prepare(self) -> None:
        """Load the cast."""
        for branch in BRANCHES:
            made = await self.post(self.pipedrive, "seed", {"companies": [branch.company_seed()]})
            company = made["companies"][0]
            self.companies[branch.letter] = company["id"]
            self.users |= {user["email"]: user["id"] for user in company["users"]}
            types = [{"name": name} for name in branch.extra_types]
            await self.post(self.pipedrive, "seed", {"company": company["id"], "activity_types": types})
            await self.post(self.thulium, "seed", branch.centre_seed())

    async def move(self, at: datetime) -> timedelta:
        """Set the simulators' time; answers how far it is ahead of real time."""
        offset = at - datetime.now(UTC)
        for origin in (self.pipedrive, self.thulium):
            await self.post(origin, "clock", {"offset_seconds": offset.total_seconds()})
        return offset

    def token(self, branch: Branch) -> str:
        """A word that occurs in one event alone."""
        self._tokens += 1
        return f"{branch.letter}-{self._tokens:04}"

    # the contact centre

    async def call(
        self, branch: Branch, number: str, at: datetime, fate: Fate, *, kind: str = INBOUND, **more: object
    ) -> str:
        """A call of `number` that began at `at`; answers its id."""
        spec = {"what": "call", "type": kind, "number": number, "at": at.isoformat(), **more}
        made = await self._happen(branch, spec)
        self.fates[branch.system, "call", made["id"]] = fate
        return str(made["id"])

    async def chat(
        self,
        branch: Branch,
        someone: Someone,
        at: datetime,
        fate: Fate | None,
        *,
        text: str = "",
        answer: str = "Dzień dobry, już sprawdzam.",
        closed_at: datetime | None = None,
        **more: object,
    ) -> str:
        """A chat; without a fate it stays open. Answers its id."""
        asked = f"Dzień dobry, sprawa {self.token(branch)}. {text}".strip()
        spec: Object = {
            "what": "chat",
            "name": someone.name,
            "email": someone.email,
            "at": at.isoformat(),
            "agent": branch.agents[0][0],
            "messages": [{"sent_by": "CLIENT", "text": asked}, {"sent_by": "AGENT", "text": answer}],
            **more,
        }
        if fate is not None:
            spec["closed_at"] = (closed_at or at + timedelta(minutes=3)).isoformat()
        made = await self._happen(branch, spec)
        if fate is not None:
            self.fates[branch.system, "chat", made["id"]] = fate
        return str(made["id"])

    async def close_chat(self, branch: Branch, chat_id: str, fate: Fate) -> None:
        """End an open chat."""
        await self._happen(branch, {"what": "chat_close", "conversation_id": chat_id})
        self.fates[branch.system, "chat", chat_id] = fate

    async def ticket(
        self,
        branch: Branch,
        sender: str,
        at: datetime,
        fate: Fate,
        *,
        kinds: Sequence[str] = ("MAIL",),
        body: str = "<p>{}: proszę o wycenę.</p>",
        **more: object,
    ) -> int:
        """A ticket with one message of each of `kinds`, a token in each body; comments stay inside. Answers its id."""
        lines = [
            {
                "type": kind,
                "body": body.format(self.token(branch)),
                "at": (at + timedelta(minutes=2 * n)).isoformat(),
                "agent": "" if kind == "MAIL" else branch.agents[0][0],
            }
            for n, kind in enumerate(kinds)
        ]
        spec = {"what": "ticket", "from": sender, "at": at.isoformat(), "messages": lines, **more}
        made = await self._happen(branch, spec)
        for kind, message_id in zip(kinds, made["message_ids"], strict=True):
            if kind != "COMMENT":
                self.fates[branch.system, "message", str(message_id)] = fate
        return int(made["id"])

    async def message(self, branch: Branch, ticket_id: int, kind: str, fate: Fate, text: str) -> None:
        """One more message of a ticket, now."""
        body = f"<p>{self.token(branch)}: {text}</p>"
        spec = {"what": "ticket_message", "ticket_id": ticket_id, "type": kind, "body": body}
        made = await self._happen(branch, spec)
        if kind != "COMMENT":
            self.fates[branch.system, "message", str(made["id"])] = fate

    async def happen(self, branch: Branch, what: str, **details: object) -> Object:
        """Anything else that can happen in a contact centre."""
        return await self._happen(branch, {"what": what, **details})

    async def switch(self, branch: Branch, **switches: object) -> None:
        """Give a contact centre good or bad habits."""
        await self.post(self.thulium, "switches", {"system": branch.system, **switches})

    async def events(self, branch: Branch) -> list[Object]:
        """What truly happened in the contact centre, comments inside left out."""
        rows = await self._get(self.thulium, f"events?system={branch.system}")
        return [row for row in rows if row["type"] != "COMMENT"]

    # Pipedrive

    async def edit(self, branch: Branch, **body: object) -> Object:
        """Act as a person in Pipedrive."""
        return await self.post(self.pipedrive, "edit", {"company": self.companies[branch.letter], **body})

    async def records(self, branch: Branch, entity: str) -> dict[str, Object]:
        """Persons or organizations by name, deals by title; of several with one the one that is not deleted."""
        query = f"records?company={self.companies[branch.letter]}&entity={entity}"
        rows = await self._get(self.pipedrive, query)
        return {
            row.get("name") or row["title"]: row
            for row in sorted(rows, key=lambda row: not row["is_deleted"])
        }

    async def activities(self, branch: Branch) -> list[Object]:
        """All activities of a company, deleted ones included."""
        return await self._get(self.pipedrive, f"activities?company={self.companies[branch.letter]}")

    async def spent(self) -> dict[tuple[str, str], int]:
        """Tokens that each company spent on the day it is now."""
        found: dict[tuple[str, str], int] = {}
        for letter, company in self.companies.items():
            (row,) = await self._get(self.pipedrive, f"tokens?company={company}")
            found[letter, row["day"]] = row["spent"]
        return found

    # both

    async def fault(self, side: str, kind: str, **details: object) -> None:
        """Break `side` ("pipedrive" or "thulium") on request."""
        await self.post(getattr(self, side), "faults", {"kind": kind, **details})

    async def mend(self, side: str) -> None:
        """Take all faults of a side away."""
        origin = getattr(self, side)
        self._met += await self._hits(origin)
        async with self.http.delete(f"{origin}/_sandbox/faults") as answer:
            answer.raise_for_status()

    async def faults_met(self) -> Counter[str]:
        """How many calls each kind of fault has hit, on both sides."""
        return self._met + await self._hits(self.pipedrive) + await self._hits(self.thulium)

    async def _hits(self, origin: str) -> Counter[str]:
        met: Counter[str] = Counter()
        for rule in await self._get(origin, "faults"):
            met[rule["kind"]] += rule["hits"]
        return met

    async def post(self, origin: str, order: str, body: Object) -> Object:
        """Give an order to a simulator."""
        # A file, for aiohttp does not like bodies of megabytes to be sent in one go.
        data, kind = BytesIO(orjson.dumps(body)), {"Content-Type": "application/json"}
        async with self.http.post(f"{origin}/_sandbox/{order}", data=data, headers=kind) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{order} {body!r:.300}: {answer.status} {await answer.text()}")
            made: Object = await answer.json()
            return made

    async def people(self, branch: Branch) -> tuple[list[Object], list[Object]]:
        """Persons of a branch in Pipedrive, deleted ones too, and all cards of its contact centre."""
        company = self.companies[branch.letter]
        persons = await self._get(self.pipedrive, f"records?entity=person&company={company}")
        return persons, await self._get(self.thulium, f"cards?system={branch.system}")

    async def _get(self, origin: str, order: str) -> list[Object]:
        async with self.http.get(f"{origin}/_sandbox/{order}") as answer:
            answer.raise_for_status()
            found = await answer.json()
            return found if isinstance(found, list) else [found]

    async def _happen(self, branch: Branch, spec: Object) -> Object:
        return await self.post(self.thulium, "happen", {"system": branch.system, **spec})
