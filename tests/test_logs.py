"""What a log line carries."""

import orjson
import pytest
import structlog

from connector.errors import Rejected
from connector.logs import set_up

WHO = "Jan Kowalski, +48 601 000 001"


def test_a_mistake_is_logged_with_its_place_and_without_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = structlog.get_config()
    set_up("json", "INFO")
    try:
        try:
            try:
                float(WHO)
            except ValueError as error:
                raise Rejected(WHO) from error
        except Rejected:
            structlog.get_logger().exception("broke", entry=7)
    finally:
        structlog.configure(**before)
    said = capsys.readouterr().err
    assert "Kowalski" not in said
    line = orjson.loads(said)
    assert (line["event"], line["entry"]) == ("broke", 7)
    assert "float(WHO)" in line["exception"]
    first, second = (place for place in line["exception"].splitlines() if not place.startswith(" "))
    assert (first, second) == ("ValueError", "Rejected")
