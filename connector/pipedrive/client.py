"""Pipedrive's API for one grant: each method is one operation of the vendor's, priced, paced and deciphered.

Reads are repeated on trouble; writes never, unless Pipedrive said that they were not done. What an answer means is in
`wire.py`, when a call may go in `budget.py`, how rows become records in `mapping.py`.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

import structlog
from aiohttp import ClientSession

from connector.clock import Clock
from connector.errors import Rejected, Unauthorised, UnknownOutcome
from connector.pipedrive import mapping, wire
from connector.pipedrive.budget import Budget, Governor, Lane
from connector.pipedrive.credentials import Credentials
from connector.pipedrive.mapping import JsonObject
from connector.pipedrive.operations import Operation
from connector.pipedrive.records import (
    Activity,
    ActivityType,
    Deal,
    Field,
    Me,
    Organization,
    Person,
    Pipeline,
    Stage,
    User,
    Webhook,
    WrittenActivity,
)
from connector.pipedrive.transport import Transport
from connector.records import ActivityDraft
from connector.settings import Settings

log = structlog.get_logger()

PAGE = 500

T = TypeVar("T")

_CREATE_ACTIVITY = Operation.of("POST", "/api/v2/activities")
_ACTIVITY = Operation.of("GET", "/api/v2/activities/{id}")
_ACTIVITIES = Operation.of("GET", "/api/v2/activities")
_UPDATE_ACTIVITY = Operation.of("PATCH", "/api/v2/activities/{id}")
_DELETE_ACTIVITY = Operation.of("DELETE", "/api/v2/activities/{id}")
_PERSON = Operation.of("GET", "/api/v2/persons/{id}")
_PERSONS = Operation.of("GET", "/api/v2/persons")
_CREATE_PERSON = Operation.of("POST", "/api/v2/persons")
_UPDATE_PERSON = Operation.of("PATCH", "/api/v2/persons/{id}")
_ORGANIZATION = Operation.of("GET", "/api/v2/organizations/{id}")
_ORGANIZATIONS = Operation.of("GET", "/api/v2/organizations")
_CREATE_ORGANIZATION = Operation.of("POST", "/api/v2/organizations")
_UPDATE_ORGANIZATION = Operation.of("PATCH", "/api/v2/organizations/{id}")
_DEAL = Operation.of("GET", "/api/v2/deals/{id}")
_DEALS = Operation.of("GET", "/api/v2/deals")
_CREATE_DEAL = Operation.of("POST", "/api/v2/deals")
_DELETE_DEAL = Operation.of("DELETE", "/api/v2/deals/{id}")
_PIPELINES = Operation.of("GET", "/api/v2/pipelines")
_STAGES = Operation.of("GET", "/api/v2/stages")
_ME = Operation.of("GET", "/api/v1/users/me")
_USERS = Operation.of("GET", "/api/v1/users")
_ACTIVITY_TYPES = Operation.of("GET", "/api/v1/activityTypes")
_WEBHOOKS = Operation.of("GET", "/api/v1/webhooks")
_CREATE_WEBHOOK = Operation.of("POST", "/api/v1/webhooks")
_DELETE_WEBHOOK = Operation.of("DELETE", "/api/v1/webhooks/{id}")
_ENTITIES = ("person", "organization", "deal")
_FIELDS = {name: Operation.of("GET", f"/api/v2/{name}Fields") for name in _ENTITIES}
_CREATE_FIELD = {name: Operation.of("POST", f"/api/v2/{name}Fields") for name in _ENTITIES}


class Pipedrive:
    """One grant's view of Pipedrive; the session, the credentials and the governor belong to the caller."""

    def __init__(
        self,
        session: ClientSession,
        credentials: Credentials,
        governor: Governor,
        clock: Clock,
        settings: Settings,
    ) -> None:
        """Calls go in the lane of activities until `on` says otherwise."""
        self._credentials = credentials
        self._governor = governor
        self._clock = clock
        self._transport = Transport(session, credentials, governor, clock, settings)
        self._lane = Lane.ACTIVITIES
        self._budget: Budget | None = None

    def on(self, lane: Lane, budget: Budget | None = None) -> Pipedrive:
        """The same client in another lane, paying from `budget`, or else from the one it pays from already."""
        other = copy.copy(self)
        other._lane, other._budget = lane, self._budget if budget is None else budget
        return other

    @property
    def pace(self) -> float | None:
        """Requests a second that Pipedrive lets pass, as far as its answers tell; None where there is no limit."""
        return self._governor.pace

    @property
    def allowance(self) -> int | None:
        """Tokens a day that are ours; None while the plan or the seats are unknown."""
        return self._governor.allowance

    def server_now(self) -> datetime | None:
        """Pipedrive's own time as of its latest answer, so never later than its clock; None before the first."""
        return wire.http_date(self._governor.latest_date)

    async def server_time(self) -> datetime:
        """Pipedrive's own time, asked for (2 tokens) if no answer has told it yet."""
        if (known := self.server_now()) is not None:
            return known
        await self.me()
        return self.server_now() or self._clock.now()

    async def create_activity(self, draft: ActivityDraft) -> WrittenActivity:
        """https://developers.pipedrive.com/docs/api/v1/Activities#addActivity"""
        reply = await self._call(_CREATE_ACTIVITY, body=mapping.activity_body(draft))
        record_id, subject, note = _written(mapping.written, reply.data)
        return WrittenActivity(record_id, subject, note, wire.http_date(reply.date))

    async def activity(self, activity_id: str) -> Activity:
        """https://developers.pipedrive.com/docs/api/v1/Activities#getActivity"""
        return _read(mapping.activity, (await self._call(_ACTIVITY, activity_id)).data)

    def activities(
        self, updated_since: datetime, updated_until: datetime | None = None
    ) -> AsyncIterator[list[Activity]]:
        """Pages by id, so that an edit while we read moves no row and none can be skipped.

        Only `updated_until` can still drop a row, one that is edited past it meanwhile: leave it out when verifying.
        https://developers.pipedrive.com/docs/api/v1/Activities#getActivities
        """
        # One that was left out could be the very one that is looked for.
        query = _listed(updated_since, updated_until)
        return self._pages(_ACTIVITIES, mapping.activity, query, leave_out=False)

    async def update_activity(self, activity_id: str, changes: Mapping[str, object]) -> Activity:
        """https://developers.pipedrive.com/docs/api/v1/Activities#updateActivity"""
        reply = await self._call(_UPDATE_ACTIVITY, activity_id, body=changes)
        return _written(mapping.activity, reply.data)

    async def delete_activity(self, activity_id: str) -> None:
        """https://developers.pipedrive.com/docs/api/v1/Activities#deleteActivity"""
        await self._call(_DELETE_ACTIVITY, activity_id)

    async def person(self, person_id: str) -> Person:
        """https://developers.pipedrive.com/docs/api/v1/Persons#getPerson"""
        return _read(mapping.person, (await self._call(_PERSON, person_id)).data)

    def persons(
        self,
        updated_since: datetime | None = None,
        *,
        custom_fields: Iterable[str] = (),
        ids: Iterable[str] = (),
    ) -> AsyncIterator[list[Person]]:
        """Pages by id, of all or of these (100 at most), with the given custom fields, 15 at most, or all of them.

        https://developers.pipedrive.com/docs/api/v1/Persons#getPersons
        """
        return self._pages(_PERSONS, mapping.person, _listed(updated_since, fields=custom_fields, ids=ids))

    async def create_person(self, body: Mapping[str, object]) -> Person:
        """Make a person of Pipedrive's own keys: `name`, `phones` and `emails` (see `entries_body`), `org_id`, ….

        https://developers.pipedrive.com/docs/api/v1/Persons#addPerson
        """
        return _written(mapping.person, (await self._call(_CREATE_PERSON, body=body)).data)

    async def update_person(self, person_id: str, changes: Mapping[str, object]) -> Person:
        """Write the named keys; lists of phones and e-mails replace what was there. Answers what Pipedrive kept.

        https://developers.pipedrive.com/docs/api/v1/Persons#updatePerson
        """
        return _written(mapping.person, (await self._call(_UPDATE_PERSON, person_id, body=changes)).data)

    async def organization(self, organization_id: str) -> Organization:
        """https://developers.pipedrive.com/docs/api/v1/Organizations#getOrganization"""
        return _read(mapping.organization, (await self._call(_ORGANIZATION, organization_id)).data)

    def organizations(
        self,
        updated_since: datetime | None = None,
        *,
        custom_fields: Iterable[str] = (),
        ids: Iterable[str] = (),
    ) -> AsyncIterator[list[Organization]]:
        """https://developers.pipedrive.com/docs/api/v1/Organizations#getOrganizations"""
        query = _listed(updated_since, fields=custom_fields, ids=ids)
        return self._pages(_ORGANIZATIONS, mapping.organization, query)

    async def create_organization(self, body: Mapping[str, object]) -> Organization:
        """https://developers.pipedrive.com/docs/api/v1/Organizations#addOrganization"""
        return _written(mapping.organization, (await self._call(_CREATE_ORGANIZATION, body=body)).data)

    async def update_organization(self, organization_id: str, changes: Mapping[str, object]) -> Organization:
        """https://developers.pipedrive.com/docs/api/v1/Organizations#updateOrganization"""
        reply = await self._call(_UPDATE_ORGANIZATION, organization_id, body=changes)
        return _written(mapping.organization, reply.data)

    async def deal(self, deal_id: str) -> Deal:
        """https://developers.pipedrive.com/docs/api/v1/Deals#getDeal"""
        return _read(mapping.deal, (await self._call(_DEAL, deal_id)).data)

    def deals(
        self,
        updated_since: datetime | None = None,
        *,
        status: str | None = None,
        custom_fields: Iterable[str] = (),
    ) -> AsyncIterator[list[Deal]]:
        """Pages by id of deals that are not archived; `status` is a comma list of open, won, lost and deleted.

        https://developers.pipedrive.com/docs/api/v1/Deals#getDeals
        """
        query = _listed(updated_since, status=status, fields=custom_fields)
        return self._pages(_DEALS, mapping.deal, query)

    async def deals_of(
        self,
        *,
        person_id: str | None = None,
        org_id: str | None = None,
        status: str | None = None,
        custom_fields: Iterable[str] = (),
    ) -> list[Deal]:
        """All deals of a person, of an organization, or of both at once, by id; `status` and fields as in `deals`.

        Without `status` those that are not deleted. Raises Rejected when one cannot be read: it could be the very one
        that is looked for.
        """
        query = _listed(None, status=status, fields=custom_fields)
        whose = {"person_id": person_id, "org_id": org_id}
        query |= {key: str(mapping.number(value)) for key, value in whose.items() if value is not None}
        pages = self._pages(_DEALS, mapping.deal, query, leave_out=False)
        return [deal async for page in pages for deal in page]

    async def create_deal(self, body: Mapping[str, object]) -> Deal:
        """Make a deal of Pipedrive's own keys: `title`, `person_id`, `org_id`, `owner_id`, `stage_id`, `value`
        (a number, see `mapping.amount`), ….

        PlanLimit when the plan allows no more open deals. https://developers.pipedrive.com/docs/api/v1/Deals#addDeal
        """
        return _written(mapping.deal, (await self._call(_CREATE_DEAL, body=body)).data)

    async def delete_deal(self, deal_id: str) -> None:
        """https://developers.pipedrive.com/docs/api/v1/Deals#deleteDeal"""
        await self._call(_DELETE_DEAL, deal_id)

    async def pipelines(self) -> list[Pipeline]:
        """https://developers.pipedrive.com/docs/api/v1/Pipelines#getPipelines"""
        return [row async for page in self._pages(_PIPELINES, mapping.pipeline, {}) for row in page]

    async def stages(self) -> list[Stage]:
        """https://developers.pipedrive.com/docs/api/v1/Stages#getStages"""
        return [row async for page in self._pages(_STAGES, mapping.stage, {}) for row in page]

    async def fields(self, entity: str) -> list[Field]:
        """The fields of `person`, `organization` or `deal`.

        https://developers.pipedrive.com/docs/api/v1/PersonFields#getPersonFields
        """
        return [row async for page in self._pages(_FIELDS[entity], mapping.field, {}) for row in page]

    async def create_field(self, entity: str, name: str, field_type: str) -> Field:
        """https://developers.pipedrive.com/docs/api/v1/PersonFields#addPersonField"""
        reply = await self._call(_CREATE_FIELD[entity], body={"field_name": name, "field_type": field_type})
        return _written(mapping.field, reply.data)

    async def me(self) -> Me:
        """https://developers.pipedrive.com/docs/api/v1/Users#getCurrentUser"""
        return _read(mapping.me, (await self._call(_ME)).data)

    async def users(self) -> list[User]:
        """All users, which also tells the governor the company's seats.

        https://developers.pipedrive.com/docs/api/v1/Users#getUsers
        """
        users = _read_all(mapping.user, (await self._call(_USERS)).data)
        self._governor.seats = sum(user.active for user in users)
        return users

    async def activity_types(self) -> list[ActivityType]:
        """https://developers.pipedrive.com/docs/api/v1/ActivityTypes#getActivityTypes"""
        return _read_all(mapping.activity_type, (await self._call(_ACTIVITY_TYPES)).data)

    async def webhooks(self) -> list[Webhook]:
        """https://developers.pipedrive.com/docs/api/v1/Webhooks#getWebhooks"""
        return _read_all(mapping.webhook, (await self._call(_WEBHOOKS)).data)

    async def create_webhook(self, *, url: str, entity: str, name: str, user: str, password: str) -> Webhook:
        """Have every event of `entity` sent to `url`, which Pipedrive probes at once.

        https://developers.pipedrive.com/docs/api/v1/Webhooks#addWebhook
        """
        body = {
            "subscription_url": url,
            "event_action": "*",
            "event_object": entity,
            "name": name,
            "http_auth_user": user,
            "http_auth_password": password,
            "version": "2.0",
        }
        return _written(mapping.webhook, (await self._call(_CREATE_WEBHOOK, body=body)).data)

    async def delete_webhook(self, webhook_id: str) -> None:
        """https://developers.pipedrive.com/docs/api/v1/Webhooks#deleteWebhook"""
        await self._call(_DELETE_WEBHOOK, webhook_id)

    async def _pages(
        self,
        operation: Operation,
        read: Callable[[JsonObject], T],
        query: dict[str, str],
        *,
        leave_out: bool = True,
    ) -> AsyncIterator[list[T]]:
        query = {**query, "limit": str(PAGE)}
        while True:
            reply = await self._call(operation, query=query)
            yield _read_all(read, reply.data, leave_out=leave_out)
            if (cursor := reply.next_cursor) is None:
                return
            query["cursor"] = cursor

    async def _call(
        self,
        operation: Operation,
        record_id: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> wire.Reply:
        try:
            reply = await self._transport.call(
                operation, record_id, query=query, body=body, lane=self._lane, budget=self._budget
            )
        except Unauthorised:
            await self._credentials.refused()
            raise
        await self._credentials.accepted()
        return reply


def _listed(
    since: datetime | None,
    until: datetime | None = None,
    *,
    status: str | None = None,
    fields: Iterable[str] = (),
    ids: Iterable[str] = (),
) -> dict[str, str]:
    query = {
        "sort_by": "id",
        "updated_since": mapping.stamp(since) if since else "",
        "updated_until": mapping.stamp(until) if until else "",
        "status": status or "",
        "custom_fields": ",".join(fields),
        "ids": ",".join(ids),
    }
    return {key: value for key, value in query.items() if value}


def _read(read: Callable[[JsonObject], T], row: JsonObject) -> T:
    return _read_all(read, [row], leave_out=False)[0]


def _read_all(
    read: Callable[[JsonObject], T], rows: list[JsonObject] | None, *, leave_out: bool = True
) -> list[T]:
    """The rows of a list; v1 writes an empty one as null. An unreadable row is left out, unless it must not be."""
    if rows is not None and not isinstance(rows, list):
        raise Rejected("Pipedrive's answer has an unexpected shape")
    found: list[T] = []
    for row in rows or ():
        try:
            found.append(read(row))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if not leave_out:
                raise Rejected("Pipedrive's answer has an unexpected shape") from error
            row_id = row.get("id") if isinstance(row, dict) else None
            log.warning("row not read", record=read.__name__, id=row_id, error=type(error).__name__)
    return found


def _written(read: Callable[[JsonObject], T], row: JsonObject) -> T:
    """What an answer to a write tells; unreadable, it leaves open what was written."""
    try:
        return _read(read, row)
    except Rejected as error:
        raise UnknownOutcome("Pipedrive's answer to a write is unreadable") from error
