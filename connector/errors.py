"""One tree of errors, grouped by what to do next; `flows/worker.py` turns each into a decision.

A class's docstring is its default message, so no message is ever missing. `docs/troubleshooting.md` lists them all.
"""

from __future__ import annotations

from enum import StrEnum


class DialRefusal(StrEnum):
    """Why a contact centre does not dial."""

    AGENT_OFFLINE = "agent_offline"
    NO_CAMPAIGN = "no_campaign"
    NUMBER = "number_refused"
    OTHER = "centre_refused"


class ConnectorError(Exception):
    """Something the connector cannot finish by itself."""

    def __init__(self, message: str | None = None) -> None:
        """Take `message`, or the class's own docstring."""
        super().__init__(message or (self.__doc__ or "").strip())


class Retryable(ConnectorError):
    """The other side did nothing and may accept it later."""

    def __init__(self, message: str | None = None, *, after: float | None = None) -> None:
        """`after` is the wait in seconds that the other side asked for, if any."""
        super().__init__(message)
        self.after = after


class Throttled(Retryable):
    """Too many requests in a moment: the whole connection waits."""


class BudgetSpent(Retryable):
    """The day's Pipedrive tokens are used up: everything but the cheapest waits for the next day."""


class Blocked(Retryable):
    """Pipedrive's edge refuses us with a web page: the whole company pauses for half an hour or more."""


class AccountClosed(Retryable):
    """The Pipedrive account is not open (trial over or unpaid): the whole company pauses until it is."""


class UnknownOutcome(ConnectorError):
    """A write was sent and no readable answer came: it is looked for before it is ever sent again."""


class Rejected(ConnectorError):
    """The other side understood and refused: a person must look."""

    def __init__(
        self, message: str | None = None, *, status: int | None = None, code: str | None = None
    ) -> None:
        """`status` and `code` are the other side's own, for the trace."""
        super().__init__(message)
        self.status = status
        self.code = code


class NotFound(Rejected):
    """The record does not exist, or this user may not see it."""


class DialRefused(Rejected):
    """The contact centre does not dial: `reason` says whether that is for the agent, the number or something else."""

    def __init__(self, message: str | None = None, *, reason: DialRefusal, status: int | None = None) -> None:
        """`status` is the other side's own, for the trace."""
        super().__init__(message, status=status)
        self.reason = reason


class UnknownField(Rejected):
    """Pipedrive no longer has a custom field that was written: it is left out, and the mapping is to be mended."""

    def __init__(self, message: str | None = None, *, field: str, code: str | None = None) -> None:
        """`field` is the field's 40-character code."""
        super().__init__(message, status=400, code=code)
        self.field = field


class Forbidden(Rejected):
    """A right is missing: ask an administrator of the other system to grant it."""


class PlanLimit(Rejected):
    """The Pipedrive plan does not allow it."""


class Unauthorised(ConnectorError):
    """The credentials no longer work: reconnect."""


class Misconfigured(ConnectorError):
    """The service itself is set up wrongly; the operator must mend a setting."""


class Forged(ConnectorError):
    """What reached us is not from who it claims to be from."""


class NotSupported(ConnectorError):
    """This contact centre cannot do that."""


class Unreachable(Retryable):
    """No connection could be made, or a read got no answer."""
