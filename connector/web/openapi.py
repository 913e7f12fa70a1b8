"""The OpenAPI 3.1 description of the HTTP API. https://spec.openapis.org/oas/v3.1.0"""

from __future__ import annotations

from functools import cache

from pydantic.json_schema import models_json_schema

from connector import __version__
from connector.web import api_models as models

PATH = "/api/v1"
_SCHEMAS = "#/components/schemas/"


@cache
def description() -> dict[str, object]:
    """The whole document."""
    _, schemas = models_json_schema(
        [
            (models.NewDealRequest, "validation"),
            (models.Opened, "serialization"),
            (models.DealsOfCustomer, "serialization"),
            (models.Problem, "serialization"),
        ],
        ref_template=_SCHEMAS + "{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Connector",
            "version": __version__,
            "description": "Deals of a contact centre's customers and tickets.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": {
            f"{PATH}/customers/{{id}}/deals": {"get": _list_deals()},
            f"{PATH}/tickets/{{id}}/deals": {"post": _open_deal()},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _list_deals() -> dict[str, object]:
    return {
        "operationId": "listDeals",
        "summary": "A customer's deals, open ones first.",
        "parameters": _record("Number of the customer in the contact centre."),
        "responses": {
            "200": _body("The deals.", "DealsOfCustomer"),
            **_problems("401", "404", "429", "503"),
        },
    }


def _open_deal() -> dict[str, object]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Made anew for each deal; a request that is sent again carries the same.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,100}$"},
    }
    return {
        "operationId": "openDeal",
        "summary": "Open a deal from a ticket, once.",
        "parameters": [*_record("Number of the ticket in the contact centre."), key],
        "requestBody": {"required": True, **_content("NewDealRequest")},
        "responses": {
            "200": _body("It was there already.", "Opened"),
            "201": _body("It was made.", "Opened"),
            "202": _body(
                "It was sent and no answer came yet, or it is made by itself as soon as it can be.", "Opened"
            ),
            **_problems("400", "401", "404", "409", "422", "429", "503"),
        },
    }


def _record(what: str) -> list[dict[str, object]]:
    return [
        {
            "name": "id",
            "in": "path",
            "required": True,
            "description": what,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"},
        },
        {
            "name": "connection",
            "in": "query",
            "required": False,
            "description": "The contact centre, such as thulium:acme; needed where there are several.",
            "schema": {"type": "string", "maxLength": 200},
        },
    ]


_TITLES = {
    "400": "The request cannot be understood.",
    "401": "No key, or one that does not work.",
    "404": "There is no such record.",
    "409": "Something stands in the way, and a person or another request has to decide.",
    "422": "The request is not valid, or Pipedrive refused it.",
    "429": "Too many requests.",
    "503": "Not just now; nothing is lost.",
}


def _problems(*statuses: str) -> dict[str, object]:
    return {
        status: {
            "description": _TITLES[status],
            "content": {"application/problem+json": {"schema": {"$ref": _SCHEMAS + "Problem"}}},
        }
        for status in statuses
    }


def _body(said: str, model: str) -> dict[str, object]:
    return {"description": said, **_content(model)}


def _content(model: str) -> dict[str, object]:
    return {"content": {"application/json": {"schema": {"$ref": _SCHEMAS + model}}}}
