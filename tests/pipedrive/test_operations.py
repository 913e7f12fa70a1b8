import pytest

from connector.pipedrive import client
from connector.pipedrive.operations import Operation, price


def test_every_call_of_the_client_has_its_price() -> None:
    used = [value for value in vars(client).values() if isinstance(value, Operation)]
    used += [*client._FIELDS.values(), *client._CREATE_FIELD.values()]
    assert len(used) > 20
    assert all(operation.price > 0 for operation in used)


@pytest.mark.parametrize(
    ("method", "path", "tokens"),
    [
        ("POST", "/api/v2/activities", 5),
        ("GET", "/api/v2/activities", 10),
        ("GET", "/api/v2/activities/{id}", 1),
        ("DELETE", "/api/v2/activities/{id}", 3),
        ("GET", "/api/v2/persons/search", 20),
        ("GET", "/api/v2/pipelines", 5),
        ("GET", "/api/v1/users", 20),
        ("GET", "/api/v1/users/me", 2),
        ("POST", "/api/v1/webhooks", 10),
        ("PUT", "/api/v1/persons/{id}/merge", 40),
    ],
)
def test_prices_are_the_vendors(method: str, path: str, tokens: int) -> None:
    assert price(method, path) == tokens


def test_an_operation_that_nobody_listed_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        Operation.of("GET", "/api/v2/unheardOf")


def test_version_one_is_served_where_both_hosts_have_it() -> None:
    assert Operation.of("GET", "/api/v1/users").path == "/v1/users"
    assert Operation.of("GET", "/api/v2/persons/search").searches
