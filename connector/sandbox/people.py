"""Who lives in generated data: person and company number n have the same name in every simulator."""

from __future__ import annotations

FIRST_NAMES = (
    "Anna",
    "Łucja",
    "Zofia",
    "Maja",
    "Świętosława",
    "Jan",
    "Michał",
    "Paweł",
    "Żaneta",
    "Grażyna",
    "Jędrzej",
    "Stanisław",
    "Ewa",
    "Piotr",
)
LAST_NAMES = (
    "Nowak",
    "Wiśniewska",
    "Wójcik",
    "Kowalczyk",
    "Zając",
    "Dąbrowska",
    "Źrebiec",
    "Ćwikła",
    "Głąb",
    "Mróz",
    "Śliwa",
    "Bąk",
    "Gęś",
    "Łoś",
)


def name(number: int) -> tuple[str, str]:
    """First and last name of a person, numbered from 0."""
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    return first, f"{LAST_NAMES[number // len(FIRST_NAMES) % len(LAST_NAMES)]} {number + 1}"


def company(number: int) -> str:
    """The name of a company, numbered from 0."""
    return f"Firma Próba {number + 1} sp. z o.o."
