"""What a visitor reads when an installation or a sign-in does not come about: what happened, and the next step."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from connector.errors import (
    AccountClosed,
    ConnectorError,
    Forbidden,
    Forged,
    Misconfigured,
    PlanLimit,
    Rejected,
    Retryable,
    Unauthorised,
    UnknownOutcome,
    Unreachable,
)
from connector.i18n import Translate
from connector.web.pages import page


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an installation or a sign-in did not come about, and what to do."""

    status: int
    title: str
    text: str
    may_start_again: bool = True


def explain(error: ConnectorError, _: Translate) -> Trouble:
    """The sentence, the next step and the status for each way an installation can fail."""
    # The first class that fits: a special case stands before its family.
    known: tuple[tuple[type[ConnectorError], Trouble], ...] = (
        (Forged, Trouble(
            400,
            _("This installation was not started in this browser"),
            _("Perhaps more than ten minutes have passed, or the page was only reloaded: then what is connected stays so. Otherwise start again."),
        )),
        (Unauthorised, Trouble(
            400,
            _("Pipedrive’s permission has expired or was used already"),
            _("If you only reloaded this page, the connection stands. Otherwise start again."),
        )),
        (Forbidden, _no_right(_)),
        (PlanLimit, _no_right(_)),
        (Rejected, Trouble(
            400,
            _("Pipedrive did not accept the installation"),
            _("Nothing was connected. Start again from the beginning."),
        )),
        (Misconfigured, Trouble(
            500,
            _("This service is not set up correctly"),
            _("The operator must compare client id, client secret and callback address with Pipedrive’s Developer Hub. The service’s log says which one is wrong."),
            may_start_again=False,
        )),
        (AccountClosed, Trouble(
            503,
            _("The Pipedrive account is not open"),
            _("Its trial is over or it is unpaid. Start again when Pipedrive has opened it."),
        )),
        (Unreachable, _no_answer(_)),
        (UnknownOutcome, _no_answer(_)),
        (Retryable, Trouble(
            503,
            _("Pipedrive asks us to wait"),
            _("It takes no more requests of this account just now. Wait a few minutes, then start again."),
        )),
        (ConnectorError, Trouble(
            500,
            _("The installation could not be finished"),
            _("The reason is in the service’s log. Start again; if it fails again, ask the operator."),
        )),
    )  # fmt: skip
    return next(trouble for family, trouble in known if isinstance(error, family))


def refused(_: Translate) -> Trouble:
    """The visitor pressed cancel at Pipedrive."""
    return Trouble(
        400,
        _("You did not allow access"),
        _("Nothing was connected and nothing was stored. You can start again at any time."),
    )


def no_app(_: Translate) -> Trouble:
    """There is no client id to install with."""
    return Trouble(
        503,
        _("This service has no Pipedrive app of its own"),
        _("The start page says how to connect with a personal API token instead."),
        may_start_again=False,
    )


def explain_sign_in(error: ConnectorError, _: Translate) -> Trouble:
    """The same for a sign-in."""
    not_in = _("You are not signed in. Wait a minute, then start again.")
    known: tuple[tuple[type[ConnectorError], Trouble], ...] = (
        (Forged, Trouble(
            400,
            _("This sign-in was not started in this browser"),
            _("Perhaps more than ten minutes have passed, or the page was only reloaded: then you stay signed in. Otherwise start again."),
        )),
        (Unauthorised, Trouble(
            400,
            _("Pipedrive’s permission has expired or was used already"),
            _("If you only reloaded this page, you are signed in. Otherwise start again."),
        )),
        (Rejected, Trouble(
            400, _("Pipedrive did not accept the sign-in"), _("You are not signed in. Start again from the beginning."),
        )),
        (Misconfigured, explain(error, _)),
        (AccountClosed, explain(error, _)),
        (Unreachable, Trouble(502, _("Pipedrive did not answer"), not_in)),
        (UnknownOutcome, Trouble(502, _("Pipedrive did not answer"), not_in)),
        (Retryable, Trouble(503, _("Pipedrive asks us to wait"), not_in)),
        (ConnectorError, Trouble(500, _("The sign-in could not be finished"), not_in)),
    )  # fmt: skip
    return next(trouble for family, trouble in known if isinstance(error, family))


def sign_in_refused(_: Translate) -> Trouble:
    """The visitor pressed cancel at Pipedrive when he was to sign in."""
    return Trouble(
        400,
        _("You did not allow access"),
        _("You are not signed in, and nothing was stored. You can start again at any time."),
    )


def not_connected(_: Translate) -> Trouble:
    """Who has signed in is a user of no company that is connected."""
    return Trouble(
        403,
        _("Your Pipedrive company is not connected"),
        _("This service does not work for the company that you chose, or no longer does. Choose another one at Pipedrive, or have an administrator connect it from the start page."),
        may_start_again=False,
    )  # fmt: skip


def sorry(request: web.Request, trouble: Trouble, *, again: str = "/install") -> web.Response:
    """The page that says so; `again` is where to start again."""
    return page(
        request,
        "problem.html",
        status=trouble.status,
        headers={"Retry-After": "60"} if trouble.status in (502, 503) else None,
        title=trouble.title,
        text=trouble.text,
        reference=None,
        again=again if trouble.may_start_again else None,
    )


def _no_right(_: Translate) -> Trouble:
    return Trouble(
        403,
        _("Your Pipedrive user lacks a right"),
        _("Ask a Pipedrive administrator to install the app, or to give you the right to use apps."),
    )


def _no_answer(_: Translate) -> Trouble:
    return Trouble(
        502,
        _("Pipedrive did not answer"),
        _("Nothing was connected. Wait a minute, then start again."),
    )
