"""Who takes part in the scripted day: two companies in Pipedrive and the contact centres they work with.

Everybody is invented. A person in step is in Pipedrive; only some have a card in the contact centre as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from connector.sandbox.wire import Object

FIRST_NAMES = ("Łucja", "Paweł", "Żaneta", "Michał", "Grażyna", "Stanisław", "Świętosława", "Jędrzej")
LAST_NAMES = ("Wójcik", "Dąbrowska", "Źrebiec", "Głąb", "Mróz", "Śliwa", "Bąk", "Łoś", "Kot", "Żuk")
# Numbers are written in Pipedrive as people write them, and come from the contact centre as lines send them.
WRITTEN = ("+48 {0} {1} {2}", "{0}-{1}-{2}", "0048{0}{1}{2}", "(+48) {0} {1} {2}", "{0} {1} {2} (biuro)")
LINES = ("{}", "+48{}", "0048{}")


@dataclass(frozen=True)
class Someone:
    """A customer: nine digits, an address, and the organization in Pipedrive, if any."""

    name: str
    digits: str
    email: str
    organization: str | None = None

    @property
    def written(self) -> str:
        """The number as it stands in Pipedrive."""
        parts = (self.digits[:3], self.digits[3:6], self.digits[6:])
        return WRITTEN[int(self.digits) % len(WRITTEN)].format(*parts)

    @property
    def line(self) -> str:
        """The number as the contact centre tells it."""
        return LINES[int(self.digits) % len(LINES)].format(self.digits)


@dataclass(frozen=True)
class Branch:
    """One company in Pipedrive with its contact centre; agents are (login, first name, last name, e-mail of a user)."""

    letter: str
    company: str
    domain: str
    system: str
    language: str
    chat_type: str
    users: tuple[tuple[str, str], ...]
    agents: tuple[tuple[str, str, str, str], ...]
    people: tuple[Someone, ...]
    organizations: tuple[str, ...]
    shared: tuple[Someone, ...] = ()
    office: tuple[Someone, ...] = ()
    extra_types: tuple[str, ...] = ()
    deals: tuple[Object, ...] = field(default=())

    @property
    def admin(self) -> str:
        """The e-mail of the user who installs the connector."""
        return self.users[0][1]

    def company_seed(self) -> Object:
        """The company as the simulated Pipedrive loads it."""
        people = (*self.people, *self.shared, *self.office)
        return {
            "name": self.company,
            "domain": self.domain,
            "currency": "PLN",
            "users": [
                {"name": name, "email": email, "admin": email == self.admin} for name, email in self.users
            ],
            "organizations": [{"name": name} for name in self.organizations],
            "persons": [_person(someone) for someone in people],
            "deals": list(self.deals),
        }

    def centre_seed(self) -> Object:
        """Agents and cards as the simulated contact centre loads them: every other person has a card there."""
        agents = [
            {"login": login, "name": first, "surname": last, "email": email, "number": str(390 + n)}
            for n, (login, first, last, email) in enumerate(self.agents, 1)
        ]
        cards = [_card(someone) for someone in self.people[::2]]
        return {"system": self.system, "agents": agents, "customers": cards}


def _person(someone: Someone) -> Object:
    person: Object = {"name": someone.name, "phones": [someone.written], "emails": [someone.email]}
    return person if someone.organization is None else person | {"org": someone.organization}


def _card(someone: Someone) -> Object:
    first, _, last = someone.name.partition(" ")
    return {"name": first, "surname": last, "phone_number": [someone.line], "email": [someone.email]}


def _people(
    domain: str, first_number: int, count: int, organizations: tuple[str, ...]
) -> tuple[Someone, ...]:
    return tuple(
        Someone(
            f"{FIRST_NAMES[n % len(FIRST_NAMES)]} {LAST_NAMES[n % len(LAST_NAMES)]} {n + 1}",
            str(first_number + n),
            f"klient{n + 1}@{domain}.example.com",
            organizations[n % len(organizations)] if n % 3 == 0 else None,
        )
        for n in range(count)
    )


def _sharing(
    count: int, digits: str, word: str, organizations: tuple[str | None, ...]
) -> tuple[Someone, ...]:
    return tuple(
        Someone(f"{FIRST_NAMES[n]} {word} {n + 1}", digits, f"{word.lower()}{n + 1}@example.com", where)
        for n, where in zip(range(count), organizations, strict=True)
    )


GARDENS = (
    "Zieleń Miejska",
    "Szkółka Dąb",
    "Hotel Pod Sosną",
    "Osiedle Nad Strugą",
    "Zakład Ogrodniczy Bratek",
)
BICYCLES = ("Klub Szprycha", "Sklep Łańcuch", "Wypożyczalnia Nadmorska")

OGRODY = Branch(
    letter="O",
    company="Ogrody Słoneczne sp. z o.o.",
    domain="ogrody",
    system="ogrody",
    language="pl",
    chat_type="task",
    users=(
        ("Łucja Żak", "lucja.zak@example.com"),
        ("Michał Ćwik", "michal.cwik@example.com"),
        ("Anna Gęś", "anna.ges@example.com"),
    ),
    agents=(
        ("anna.nowak", "Anna", "Nowak", "anna.ges@example.com"),
        ("jan.kowalski", "Jan", "Kowalski", "michal.cwik@example.com"),
        ("zofia.zolc", "Zofia", "Żółć", "zofia.zolc@example.com"),
    ),
    people=_people("ogrody", 601000001, 36, GARDENS),
    organizations=GARDENS,
    shared=_sharing(
        5, "225550110", "Portier", ("Zieleń Miejska", "Szkółka Dąb", None, None, "Hotel Pod Sosną")
    ),
    office=_sharing(3, "225550120", "Bratek", ("Zakład Ogrodniczy Bratek",) * 3),
)
OGRODY = replace(
    OGRODY,
    deals=(
        {"title": "Trawnik przy hotelu", "person": OGRODY.people[6].name, "owner": "anna.ges@example.com"},
        {"title": "Żywopłot", "person": OGRODY.people[7].name, "owner": "anna.ges@example.com"},
        {"title": "Oczko wodne", "person": OGRODY.people[7].name, "owner": "michal.cwik@example.com"},
    ),
)

ROWERY = Branch(
    letter="R",
    company="Rowery Nizinne s.c.",
    domain="rowery",
    system="rowery",
    language="en",
    chat_type="czat",
    users=(("Stefan Kłos", "stefan.klos@example.com"), ("Ewa Śliwa", "ewa.sliwa@example.com")),
    agents=(
        ("anna.nowak", "Ewa", "Śliwa", "ewa.sliwa@example.com"),
        ("jan.kowalski", "Stefan", "Kłos", "stefan.klos@example.com"),
        ("zofia.zolc", "Zofia", "Żółć", ""),
    ),
    people=_people("rowery", 602000001, 24, BICYCLES),
    organizations=BICYCLES,
    extra_types=("Czat",),
)

BRANCHES = (OGRODY, ROWERY)
