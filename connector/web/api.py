"""The HTTP API of deals, for programs with a key of the installation; `/api/v1/openapi.json` describes it.

Errors are problem details, https://www.rfc-editor.org/rfc/rfc9457. A request that opens a deal carries an
`Idempotency-Key`: sent again with the same key it answers what became of the first, and never opens a second.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from connector.clock import Clock
from connector.errors import ConnectorError, Misconfigured, NotFound
from connector.flows.contacts.pushing import key_of
from connector.flows.deals.opening import (
    NewDeal,
    Opened,
    Order,
    Result,
    deals_of_ticket,
    next_place,
    open_deal,
    ticket_source,
)
from connector.flows.deals.viewing import Viewer, customer_deals
from connector.flows.tenant import Tenant
from connector.store.access import Access
from connector.store.operations import Operations
from connector.web import api_models as models
from connector.web.openapi import PATH, description
from connector.web.throttle import Throttle

PROBLEM = "application/problem+json"
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_RECORD = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
#: Every call may cost a list of Pipedrive's.
_BURST, _PER_MINUTE = 60, 120
_AGAIN_S = 15

TenantOf = Callable[[str], Awaitable[Tenant]]


def routes(access: Access, tenant_of: TenantOf, operations: Operations, clock: Clock) -> web.RouteTableDef:
    """The API and its description."""
    api = _Api(access, tenant_of, operations, clock)
    table = web.RouteTableDef()
    table.get(f"{PATH}/openapi.json", allow_head=False)(_describe)
    table.get(f"{PATH}/customers/{{id}}/deals", allow_head=False)(_telling_problems(api.list_deals))
    table.post(f"{PATH}/tickets/{{id}}/deals")(_telling_problems(api.open))
    return table


async def _describe(_request: web.Request) -> web.Response:
    return web.json_response(description(), headers={"Cache-Control": "no-cache"})


class _Trouble(Exception):
    """What is answered instead of what was asked for."""

    def __init__(
        self, status: int, title: str, detail: str | None = None, *, after: int = _AGAIN_S, **more: object
    ) -> None:
        super().__init__(title)
        self.after = after
        self.problem = models.Problem(status=status, title=title, detail=detail, **more)  # type: ignore[arg-type]


def _telling_problems(handler: Handler) -> Handler:
    async def told(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except _Trouble as trouble:
            return _answer(trouble.problem, trouble.problem.status, after=trouble.after)
        except Misconfigured as error:
            return _answer(models.Problem(status=404, title=str(error)), 404)
        except NotFound as error:
            return _answer(models.Problem(status=404, title=str(error)), 404)
        except ConnectorError as error:
            waits = models.Problem(
                status=503, title=str(error), detail="Nothing is lost. Send the same request again."
            )
            return _answer(waits, 503)

    return told


def _answer(body: BaseModel, status: int, *, after: int = _AGAIN_S) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if status in (202, 429, 503):
        headers["Retry-After"] = str(after)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="connector"'
    kind = PROBLEM if isinstance(body, models.Problem) else "application/json"
    text = body.model_dump_json(exclude_none=isinstance(body, models.Problem))
    return web.Response(text=text, status=status, content_type=kind, headers=headers)


class _Api:
    """The two requests, and how often each key may make them."""

    def __init__(self, access: Access, tenant_of: TenantOf, operations: Operations, clock: Clock) -> None:
        self._access, self._tenant_of, self._operations, self._clock = access, tenant_of, operations, clock
        self._strangers = Throttle(clock)
        self._throttles: dict[str, Throttle] = {}

    async def list_deals(self, request: web.Request) -> web.Response:
        """A customer's deals."""
        tenant = await self._admit(request)
        key = _key(tenant, request)
        found = await customer_deals(tenant, key, Viewer(None, sees_all=True))
        deals = [
            models.CustomerDeal(**{name: getattr(one, name) for name in models.CustomerDeal.model_fields})
            for one in found.deals
        ]
        body = models.DealsOfCustomer(
            customer_id=request.match_info["id"], in_step=found.pair is not None,
            person_link=found.person_link, deals=tuple(deals), totals=dict(found.totals),
        )  # fmt: skip
        return _answer(body, 200)

    async def open(self, request: web.Request) -> web.Response:
        """Open a deal from a ticket, once for each idempotency key."""
        tenant = await self._admit(request)
        ticket_key = _key(tenant, request)
        request_key = request.headers.get("Idempotency-Key", "")
        if not _KEY.fullmatch(request_key):
            raise _Trouble(400, "Give an Idempotency-Key of 1 to 100 visible ASCII characters.")
        wanted = await _body(request)
        order = await self._order(tenant, ticket_key, request_key, wanted)
        return _told(order, await open_deal(tenant, self._operations, order))

    async def _order(
        self, tenant: Tenant, ticket_key: str, request_key: str, wanted: models.NewDealRequest
    ) -> Order:
        connection, _, ticket_id = ticket_key.rpartition("/")
        ticket = await tenant.centres[connection].api.ticket(ticket_id)
        if ticket is None:
            raise _Trouble(404, f"The contact centre has no ticket {ticket_id}.")
        rows = await deals_of_ticket(tenant, ticket_key)
        same = next((row for row in rows if row.request_key == request_key), None)
        standing = [row for row in rows if row.stands]
        if same is None and standing and not wanted.another:
            there = standing[-1].deal_id
            raise _Trouble(
                409, "The ticket has a deal.", "To open one more, send another: true.",
                link=tenant.record_page("deal", there) if there else None,
            )  # fmt: skip
        return Order(
            source=ticket_source(ticket_key),
            ordinal=same.ordinal if same is not None else next_place(rows),
            customer_key=f"{connection}/{ticket.customer_id}" if ticket.customer_id else None,
            ticket_key=ticket_key,
            wanted=NewDeal(
                wanted.title, wanted.pipeline_id, wanted.stage_id, wanted.owner_id, wanted.value, wanted.currency
            ),
            made_by=None,
            request_key=request_key,
            same_title_is_meant=wanted.same_title,
        )  # fmt: skip

    async def _admit(self, request: web.Request) -> Tenant:
        """The installation whose key the request carries."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        owner = await self._access.key_owner(key.strip()) if scheme.casefold() == "bearer" else None
        if owner is None:
            _count(self._strangers, request.remote)
            raise _Trouble(
                401, "Send an API key.", "Authorization: Bearer KEY; connector api-key add makes one."
            )
        installation_id, key_id = owner
        mine = self._throttles.setdefault(
            key_id, Throttle(self._clock, burst=_BURST, per_minute=_PER_MINUTE, all_burst=_BURST)
        )
        _count(mine, None)
        return await self._tenant_of(installation_id)


def _count(throttle: Throttle, address: str | None) -> None:
    if seconds := throttle.wait(address):
        raise _Trouble(429, "Too many requests.", f"Wait {seconds} s.", after=seconds)


def _key(tenant: Tenant, request: web.Request) -> str:
    """The key of the record that the address names, of the connection that the query names where there are several."""
    record, connection = request.match_info["id"], request.query.get("connection", "")
    if not _RECORD.fullmatch(record):
        raise _Trouble(404, "There is no such record.")
    return key_of(tenant, f"{connection}/{record}" if connection else record)


async def _body(request: web.Request) -> models.NewDealRequest:
    try:
        return models.NewDealRequest.model_validate_json(await request.read())
    except ValidationError as error:
        wrong = tuple(
            models.FieldProblem(field=".".join(map(str, one["loc"])), message=one["msg"])
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise _Trouble(422, "The request is not valid.", "Correct what errors names.", errors=wrong) from None


#: What is no refusal: the status of the answer.
_STATUS = {Result.MADE: 201, Result.THERE: 200, Result.IN_DOUBT: 202, Result.WAITS: 202}


def _told(order: Order, opened: Opened) -> web.Response:
    if opened.result not in _STATUS:
        raise _refusal(order, opened)
    body = models.Opened(
        outcome=opened.result, deal_id=opened.deal_id, link=opened.link, back_link=opened.back_link
    )
    return _answer(body, _STATUS[opened.result])


def _refusal(order: Order, opened: Opened) -> _Trouble:
    match opened.result:
        case Result.SEVERAL:
            return _Trouble(
                409, "Several in Pipedrive could be the customer.", "Decide who it is, then send it again."
            )
        case Result.SAME_TITLE:
            made = "has a new deal" if opened.deal_id else "is just getting a deal"
            return _Trouble(
                409, f"The customer {made} called {order.wanted.title!r}.",
                "To open one more, send same_title: true.", link=opened.link,
            )  # fmt: skip
        case Result.NO_CUSTOMER:
            return _Trouble(
                422, "The ticket has no customer.", "Assign one in the contact centre, then send it again."
            )
        case _:
            return _Trouble(
                422, "The deal was refused.", " ".join(filter(None, (opened.reason, opened.detail)))
            )
