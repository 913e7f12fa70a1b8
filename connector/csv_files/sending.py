"""Put the people of a file straight into the contact centre: nobody twice, whatever answers are lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from connector.clock import Clock
from connector.csv_files.contacts import Contact
from connector.csv_files.converting import Intake
from connector.csv_files.writing import as_dialled
from connector.errors import ConnectorError, Forbidden, Rejected, UnknownOutcome
from connector.names import company_key
from connector.records import Company, Customer, Values

_MOST_UNANSWERED = 100


class Centre(Protocol):
    """What of a contact centre is needed to fill it; `connector/centres/port.py` says what each does."""

    async def find_customers(self, *, number: str = "", email: str = "") -> Sequence[Customer]:
        """Customers with this number or address."""
        ...

    async def create_customer(self, values: Values) -> str:
        """Make a customer."""
        ...

    def companies(self) -> AsyncIterator[Sequence[Company]]:
        """All companies."""
        ...

    async def create_company(self, values: Values) -> str:
        """Make a company."""
        ...


@dataclass(slots=True)
class Sending:
    """One file on its way into one contact centre.

    A customer without an answer is looked for `patience_s` later, when a late one has arrived; who is not there then
    is sent once more. So is a company.
    """

    centre: Centre
    taken: Intake
    region: str
    clock: Clock
    patience_s: float
    _companies: dict[str, str] | None = None
    _companies_sent: dict[str, datetime] = field(default_factory=dict)
    _unanswered: list[tuple[Contact, datetime]] = field(default_factory=list)

    async def run(self) -> None:
        """Send everybody. A row that is refused is written down; any other failure stops the whole.

        Run again, it finds whom it has sent already.
        """
        try:
            for contact in self.taken.people:
                await self._send_once(contact)
                if len(self._unanswered) >= _MOST_UNANSWERED:
                    await self._look_for_unanswered()
            await self._look_for_unanswered()
        finally:
            for contact, _ in self._unanswered:
                self.taken.refuse(contact, "it was sent, no answer came, and it could not be looked for")

    async def _send_once(self, contact: Contact) -> None:
        try:
            if not await self._is_there(contact) and not await self._send(contact):
                self._unanswered.append((contact, self.clock.now()))
        except ConnectorError as error:
            self.taken.refuse(contact, f"sending stopped at this row: {error}")
            raise

    async def _is_there(self, contact: Contact) -> bool:
        found = await self._found(contact)
        if found:
            key, customer = found
            self.taken.refuse(contact, f"customer {customer} of the contact centre has {key}", duplicate=True)
        return found is not None

    async def _found(self, contact: Contact) -> tuple[str, str] | None:
        """The first number or address of a person that a customer has, and that customer's id."""
        for phone in contact.phones:
            for customer in await self.centre.find_customers(number=phone):
                return phone, customer.id
        for email in contact.emails:
            for customer in await self.centre.find_customers(email=email):
                return email, customer.id
        return None

    async def _send(self, contact: Contact) -> bool:
        """Whether an answer came, be it a refusal."""
        try:
            await self.centre.create_customer(await self._values(contact))
        except UnknownOutcome:
            return False
        except Forbidden:
            raise
        except Rejected as refused:
            self.taken.refuse(contact, f"{refused}")
        else:
            self.taken.take(contact)
        return True

    async def _look_for_unanswered(self) -> None:
        while self._unanswered:
            contact, sent_at = self._unanswered[0]
            await self._wait(sent_at)
            if await self._found(contact):
                self.taken.take(contact)
            elif not await self._send(contact):
                whose = "its company" if company_key(contact.company) in self._companies_sent else "it"
                reason = f"{whose} was sent twice without an answer; look for it in the contact centre before it is sent again"
                self.taken.refuse(contact, reason)
            del self._unanswered[0]

    async def _wait(self, sent_at: datetime) -> None:
        """Wait until what was sent without an answer can be looked for."""
        await self.clock.sleep(self.patience_s - (self.clock.now() - sent_at).total_seconds())

    async def _values(self, contact: Contact) -> Values:
        values: dict[str, str | tuple[str, ...]] = {
            "first_name": contact.name.first,
            "last_name": contact.name.last,
            "phones": tuple(as_dialled(phone, self.region) for phone in contact.phones),
            "emails": contact.emails,
        }
        if contact.company:
            values["company_id"] = await self._company(contact.company)
        return {name: value for name, value in values.items() if value}

    async def _company(self, name: str) -> str:
        """The id of the company of this name, made if there is none; empty where several have it.

        Raises UnknownOutcome when it was sent without an answer: it is looked for before it is sent again.
        """
        key = company_key(name)
        if key in self._companies_sent:
            await self._wait(self._companies_sent[key])
            self._companies = await self._known_companies()
            del self._companies_sent[key]
        elif self._companies is None:
            self._companies = await self._known_companies()
        if key not in self._companies:
            try:
                self._companies[key] = await self.centre.create_company({"name": name})
            except UnknownOutcome:
                self._companies_sent[key] = self.clock.now()
                raise
        return self._companies[key]

    async def _known_companies(self) -> dict[str, str]:
        known: dict[str, str] = {}
        async for page in self.centre.companies():
            for company in page:
                key = company_key(company.name)
                known[key] = "" if key in known else company.id
        return known
