"""What a contact centre must be able to do; one folder beside this file is one contact centre.

Reading yields pages as the vendor gives them, so that a caller can store one while the next is fetched. An event of
the wrong shape comes as `Unreadable` among its neighbours. Errors are those of `connector.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from connector.errors import ConnectorError
from connector.records import (
    Agent,
    Call,
    CallTopic,
    Chat,
    Company,
    Customer,
    FieldItem,
    Hint,
    LiveEvent,
    Message,
    Queue,
    Right,
    Ticket,
    Unreadable,
    Values,
    Window,
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a contact centre: the system's name there, the API user, and the zone its times are in."""

    system: str
    user: str
    password: str = field(repr=False)
    zone: ZoneInfo


class ContactCentre(Protocol):
    """One account of a contact centre, as the flows see it."""

    @property
    def pace(self) -> float | None:
        """Requests a second that we ask at most; None where there is no limit."""
        ...

    @property
    def origin(self) -> str:
        """The origin of the pages that agents work in, such as https://acme.thulium.com; it alone may frame ours."""
        ...

    async def check(self) -> Sequence[Right]:
        """Try every right the product uses and say which work; raises only when the account itself fails."""
        ...

    async def agents(self) -> Sequence[Agent]:
        """All agents, inactive ones included."""
        ...

    async def queues(self) -> Sequence[Queue]:
        """Queues of calls, chats and tickets, and campaigns."""
        ...

    async def topics(self) -> Mapping[str, str]:
        """Names of call topics by id."""
        ...

    def customers(self) -> AsyncIterator[Sequence[Customer]]:
        """All customers, a page at a time."""
        ...

    async def customer(self, customer_id: str) -> Customer | None:
        """One customer, or None when there is none."""
        ...

    async def find_customers(
        self,
        *,
        number: str = "",
        email: str = "",
        external_id: str = "",
        custom: tuple[str, str] | None = None,
    ) -> Sequence[Customer]:
        """Customers with this number (E.164, compared however the vendor keeps it), address, outside id or special field.

        All that is given must fit. NotSupported when the vendor cannot say who does.
        """
        ...

    async def create_customer(self, values: Values) -> str:
        """Make a customer, answer its id; UnknownOutcome when it may have been made, Rejected with the vendor's reason."""
        ...

    async def update_customer(self, customer_id: str, values: Values) -> None:
        """Write the named fields; NotFound when there is no such customer."""
        ...

    async def create_customers(self, batch: Sequence[Values]) -> Sequence[str | ConnectorError]:
        """Make many, at most a hundred; answers for each, in their order, its id or what `create_customer` would raise."""
        ...

    async def update_customers(self, batch: Sequence[tuple[str, Values]]) -> Sequence[ConnectorError | None]:
        """Write named fields of many, at most a hundred; answers for each what `update_customer` would raise, or None."""
        ...

    def companies(self) -> AsyncIterator[Sequence[Company]]:
        """All companies, a page at a time."""
        ...

    async def company(self, company_id: str) -> Company | None:
        """One company, or None when there is none."""
        ...

    async def find_companies(self, *, custom: tuple[str, str]) -> Sequence[Company]:
        """Companies whose special field of this name has this value."""
        ...

    async def create_company(self, values: Values) -> str:
        """Make a company, answer its id; errors as for customers."""
        ...

    async def update_company(self, company_id: str, values: Values) -> None:
        """Write the named fields; NotFound when there is no such company."""
        ...

    def calls(self, window: Window) -> AsyncIterator[Sequence[Call | Unreadable]]:
        """Calls begun in the window (with their topic's name where the list has it, never their note)."""
        ...

    async def call_topic(self, call_id: str) -> CallTopic | None:
        """Topic and note of one call; None while the agent has written nothing."""
        ...

    def chats(self, window: Window) -> AsyncIterator[Sequence[Chat | Unreadable]]:
        """Chats begun in the window, open ones included."""
        ...

    def messages(self, since: datetime) -> AsyncIterator[Sequence[Message | Unreadable]]:
        """All messages to and from customers of every ticket modified since then, whatever their own time."""
        ...

    async def ticket(self, ticket_id: str) -> Ticket | None:
        """One ticket with its special fields, or None when there is none."""
        ...

    def tickets_since(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
        """Tickets modified since then with their special fields, a page at a time; unreadable ones are left out."""
        ...

    async def set_ticket_field(self, ticket_id: str, field: str, value: str) -> bool:
        """Fill a special field, a read-only one too; whether it holds the value now, read back.

        NotFound when there is no such ticket, Rejected with the vendor's reason when it refuses.
        """
        ...

    async def comment_ticket(self, ticket_id: str, text: str, *, once: str) -> None:
        """Add a comment of plain text unless one that contains `once` is there; NotFound when there is no such ticket."""
        ...

    async def field_groups(self) -> Mapping[str, Sequence[str]]:
        """Repeating groups of special fields that customers have: the names of their fields by the group's name."""
        ...

    async def field_items(self, group: str, customer_id: str) -> Sequence[FieldItem]:
        """A customer's rows of the group of this name, whoever made them; NotFound when there is no such group."""
        ...

    async def add_field_item(self, group: str, customer_id: str, values: Mapping[str, str]) -> str:
        """Add a row, answer its id; Rejected names a field that the group lacks, UnknownOutcome: read the rows again."""
        ...

    async def change_field_item(self, group: str, item_id: str, values: Mapping[str, str]) -> None:
        """Write a row that is ours, all its fields: those not named may be emptied. NotFound when it is gone."""
        ...

    async def remove_field_item(self, item_id: str) -> None:
        """Take away a row that is ours, never one that a person made; one that is gone already is fine."""
        ...

    async def dial(self, agent_id: str, number: str, *, tag: str = "") -> None:
        """Ring the agent, then the number (E.164, or an internal one's digits), ahead of all that is asked otherwise.

        `tag` comes back in the vendor's events where it can. DialRefused says why it does not ring, NotFound that there is
        no such agent; Forbidden when the account may not; UnknownOutcome when it may ring all the same.
        """
        ...

    async def subscribe(self, url: str, *, user: str, password: str) -> str:
        """Have events sent to `url`; answers the subscription's id."""
        ...

    async def subscriptions(self) -> Sequence[tuple[str, str]]:
        """Pairs of subscription id and address, of all there are."""
        ...

    async def unsubscribe(self, subscription_id: str) -> None:
        """End a subscription; one that is gone already is fine."""
        ...

    def read_hook(self, content_type: str, body: bytes) -> Sequence[Hint]:
        """Read what the vendor's webhook sent; an unknown event gives an empty list, never an error."""
        ...

    def read_live(self, content_type: str, body: bytes) -> Sequence[LiveEvent]:
        """News of calls as they go on in what the vendor's webhook sent; empty where there are none, never an error.

        They are shown to the agent and written nowhere else: what became of a call is read again by `calls`.
        """
        ...

    async def close(self) -> None:
        """Give back connections for good; what is asked afterwards raises Unreachable."""
        ...
