"""Messages to the people who look after an installation: by e-mail, and to a web address of theirs."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """Why a message did not arrive."""

    NO_SERVER = "no mail server"
    LOGIN = "login refused"
    NO_TLS = "no encryption"
    RECIPIENTS = "recipients refused"
    SOME_RECIPIENTS = "some recipients refused"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    PRIVATE = "private address"
    NOT_HTTPS = "not https"
    REDIRECT = "redirect"


class Undelivered(Exception):  # named after what happened
    """A message did not arrive; `detail` is the other side's status, if it said one."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        """For this reason."""
        super().__init__(f"{failure} {detail}".strip())
        self.failure, self.detail = failure, detail
