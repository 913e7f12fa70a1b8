"""Customers and companies of one account: read, found, made and changed. https://api.thulium.com/docs/api/crm"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from connector.centres.thulium import directory, wire, writing
from connector.centres.thulium.client import Client, segment
from connector.centres.thulium.reader import RECORDS_A_PAGE, WITH_FIELDS, Reader, exactly
from connector.centres.thulium.wallclock import WallClock
from connector.errors import ConnectorError, NotFound, NotSupported, Rejected
from connector.records import Company, Customer, Values

_FOUND_A_PAGE = 100
_PAGES_OF_A_SEARCH = 2

Rec = TypeVar("Rec")
Card = TypeVar("Card", Customer, Company)


class Cards(Reader):
    """The CRM's part of `ContactCentre`."""

    def __init__(self, client: Client, wall: WallClock) -> None:
        """Ask through `client`, whose times are those of `wall`."""
        super().__init__(client, wall)
        self._one_by_one = True
        self._one_at_a_time: set[str] = set()

    def customers(self) -> AsyncIterator[Sequence[Customer]]:
        """https://api.thulium.com/docs/api/crm/get_customers"""
        read = partial(directory.read_customer, wall=self._wall)
        return self._records("customers", read, RECORDS_A_PAGE, WITH_FIELDS)

    async def customer(self, customer_id: str) -> Customer | None:
        """https://api.thulium.com/docs/api/crm/get_customers_id"""
        row = await self._record(f"customers/{segment(customer_id)}", params=WITH_FIELDS)
        return exactly(directory.read_customer(row, self._wall) if row else None, customer_id)

    async def find_customers(
        self,
        *,
        number: str = "",
        email: str = "",
        external_id: str = "",
        custom: tuple[str, str] | None = None,
    ) -> Sequence[Customer]:
        """Customers that fit all that is given, each row compared here; NotSupported when the list ignores the filter."""
        wanted = writing.Wanted(number, email, external_id, custom)
        read = partial(directory.read_customer, wall=self._wall)
        return await self._found("customers", wanted, read)

    async def create_customer(self, values: Values) -> str:
        """https://api.thulium.com/docs/api/crm/post_customers"""
        answer = await self._client.write("POST", "customers", writing.customer_body(values))
        return writing.written_id("POST customers", answer, "customer_id")

    async def update_customer(self, customer_id: str, values: Values) -> None:
        """`PUT customers/:id`; a system that does not know it is asked by `PUT batch/customers`."""
        body = writing.customer_body(values)
        if self._one_by_one and await self._updated_alone(customer_id, body):
            return
        answer = await self._write_series("PUT", [{"customer_id": customer_id, **body}])
        self._one_by_one = False
        if told := wire.read_refused_row(answer, body):
            if await self.customer(customer_id) is None:
                raise NotFound(f"Thulium: PUT batch/customers: {told}", status=404)
            raise Rejected(f"Thulium: PUT batch/customers: {told}")

    async def create_customers(self, batch: Sequence[Values]) -> list[str | ConnectorError]:
        """`POST batch/customers`; a system that does not know it is asked one by one."""
        bodies: list[Mapping[str, object]] = [writing.customer_body(values) for values in batch]
        done = await self._series("POST", bodies, writing.written_each)
        if done is not None:
            return done
        return [await _outcome(self.create_customer(values)) for values in batch]

    async def update_customers(self, batch: Sequence[tuple[str, Values]]) -> list[ConnectorError | None]:
        """`PUT batch/customers`; as above."""
        bodies = [{"customer_id": one, **writing.customer_body(values)} for one, values in batch]
        done = await self._series("PUT", bodies, writing.changed_each)
        if done is not None:
            return done
        return [await _outcome(self.update_customer(one, values)) for one, values in batch]

    async def _series(
        self,
        method: str,
        bodies: Sequence[Mapping[str, object]],
        read: Callable[[str, bytes, Sequence[object]], list[Rec]],
    ) -> list[Rec | ConnectorError] | None:
        """What became of each row; one that has the whole refused is found by halves. None: there are no series."""
        if method in self._one_at_a_time:
            return None
        try:
            answer = await self._write_series(method, bodies)
        except Rejected as refused:
            if refused.status in (404, 405):
                self._one_at_a_time.add(method)
                return None
            if refused.status not in (400, 422) or len(bodies) == 1:
                return [refused for _ in bodies]
            half = len(bodies) // 2
            parts = (bodies[:half], bodies[half:])
            done = [await self._series(method, part, read) or [refused for _ in part] for part in parts]
            return [*done[0], *done[1]]
        except ConnectorError as error:
            return [error for _ in bodies]
        return [*read(f"{method} batch/customers", answer, bodies)]

    async def _write_series(self, method: str, rows: Sequence[Mapping[str, object]]) -> bytes:
        """https://api.thulium.com/docs/api/crm_batch/put_batch_customers"""
        return await self._write_in_form("series", method, "batch/customers", ({"customers": rows}, rows))

    async def _updated_alone(self, customer_id: str, body: Mapping[str, object]) -> bool:
        """Whether the system took it; not so when it knows the customer, but not this way to change him."""
        try:
            await self._client.write("PUT", f"customers/{segment(customer_id)}", body)
        except NotFound:
            if await self.customer(customer_id) is None:
                raise
            return False
        except Rejected as refused:
            if refused.status != 405:
                raise
            return False
        return True

    def companies(self) -> AsyncIterator[Sequence[Company]]:
        """https://api.thulium.com/docs/api/crm/get_companies"""
        read = partial(directory.read_company, wall=self._wall)
        return self._records("companies", read, RECORDS_A_PAGE, WITH_FIELDS)

    async def company(self, company_id: str) -> Company | None:
        """https://api.thulium.com/docs/api/crm/get_companies_id"""
        row = await self._record(f"companies/{segment(company_id)}", params=WITH_FIELDS)
        return exactly(directory.read_company(row, self._wall) if row else None, company_id)

    async def find_companies(self, *, custom: tuple[str, str]) -> Sequence[Company]:
        """Companies whose special field of this name has this value; errors as for customers."""
        read = partial(directory.read_company, wall=self._wall)
        return await self._found("companies", writing.Wanted(custom=custom), read)

    async def create_company(self, values: Values) -> str:
        """`POST companies`"""
        answer = await self._client.write("POST", "companies", writing.company_body(values))
        return writing.written_id("POST companies", answer, "company_id")

    async def update_company(self, company_id: str, values: Values) -> None:
        """`PUT companies/:id`"""
        await self._client.write("PUT", f"companies/{segment(company_id)}", writing.company_body(values))

    async def _found(
        self, path: str, wanted: writing.Wanted, read: Callable[[wire.Row], Card | None]
    ) -> list[Card]:
        """Rows of filtered lists that really fit, each once; a form of a number that is refused is no form they have."""
        found: dict[str, Card] = {}
        refused: list[Rejected] = []
        asked = wanted.filters()
        for filters in asked:
            try:
                rows = await self._filtered(path, filters)
            except Rejected as error:
                if error.status not in (400, 422):
                    raise
                refused.append(error)
                continue
            if len(rows) >= _FOUND_A_PAGE * _PAGES_OF_A_SEARCH:
                # Others may fit among those not read: neither "nobody" nor "only this one" is known.
                raise NotSupported(f"Thulium does not filter {path} by {', '.join(filters)}")
            cards = (read(row) for row in rows if isinstance(row, dict))
            found |= {card.id: card for card in cards if card is not None and wanted.fits(card)}
        if refused and len(refused) == len(asked):
            raise refused[0]
        return list(found.values())

    async def _filtered(self, path: str, filters: Mapping[str, str]) -> list[object]:
        """The first rows of a list: one that was filtered has no more."""
        query = {**filters, **WITH_FIELDS, "limit": _FOUND_A_PAGE}
        rows: list[object] = []
        for page in range(_PAGES_OF_A_SEARCH):
            answer = await self._client.get(path, wire.read_page, {**query, "offset": page * _FOUND_A_PAGE})
            rows += answer.rows
            if len(answer.rows) < _FOUND_A_PAGE:
                break
        return rows


async def _outcome(work: Awaitable[Rec]) -> Rec | ConnectorError:
    try:
        return await work
    except ConnectorError as error:
        return error
