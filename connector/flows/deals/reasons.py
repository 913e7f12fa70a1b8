"""Why a deal is not opened, in sentences that an agent understands and that say what to do next."""

from __future__ import annotations

from connector.errors import (
    AccountClosed,
    Blocked,
    BudgetSpent,
    ConnectorError,
    Forbidden,
    Misconfigured,
    PlanLimit,
    Retryable,
    Unauthorised,
)


def _(sentence: str) -> str:
    """Mark a sentence for the catalogues; it is translated where it is shown."""
    return sentence


NO_TITLE = _("Write a title for the deal.")
LONG_TITLE = _("The title is too long. Shorten it to 255 characters.")
BAD_VALUE = _("Pipedrive cannot keep this value. Write an amount such as 1250 or 99.90.")
BAD_CURRENCY = _("Write the currency in three letters, such as PLN.")
NO_PIPELINE = _("This pipeline is no longer in Pipedrive. Choose another one.")
NO_STAGE = _("This stage is no longer in Pipedrive. Choose another one.")
OTHER_STAGE = _("This stage belongs to another pipeline. Choose one of the pipeline's own.")
NO_OWNER = _("This owner is no longer active in Pipedrive. Choose somebody else.")
BEFORE_FIRST = _("The deal before this one has not been made. Make that one first.")

NO_CUSTOMER = _("The ticket has no customer. Choose one in the contact centre, then make the deal.")
CUSTOMER_GONE = _("The contact centre has no such customer any more. Choose another one on the ticket.")
CUSTOMER_REFUSED = _(
    "The customer could not be put into Pipedrive. Correct what is said of it, then make the deal."
)
CUSTOMER_WAITS = _("The customer is not in Pipedrive yet. The deal is made by itself as soon as it is.")
LEFT_ALONE = _("Somebody decided that this customer stays out of Pipedrive. Ask your administrator.")
SEVERAL = _("Several in Pipedrive could be this customer. Choose which one it is.")
PERSON_GONE = _(
    "The customer's person in Pipedrive was deleted or merged a moment ago. Make the deal once more."
)
SAME_TITLE = _(
    "The customer has an open deal of this title that was made a few minutes ago. Make another one only if you mean to."
)
SAME_UNDER_WAY = _(
    "A deal of this title is under way for the customer already. Wait for it, or make another one only if you mean to."
)
NO_LONGER_THERE = _(
    "The deal that was made here was deleted in Pipedrive, or merged into another. "
    "Look at the customer's deals, and press again to make a new one."
)

LOOKING = _(
    "Pipedrive has not said whether the deal was made. It is looked for; there is no need to press again."
)
UNDER_WAY = _("The deal is being made at this moment.")
WAITING = _("Pipedrive does not answer at the moment. The deal is made by itself as soon as it does.")
GAVE_UP = _("The deal could not be made within an hour, and nothing was written. Make it once more.")
OUT_OF_SIGHT = _(
    "Pipedrive has not said whether the deal was made, and the connector may not see this owner's deals. "
    "Look in Pipedrive before you make it once more."
)
UNKNOWN = _(
    "Pipedrive has not said within an hour whether the deal was made, and it was not found. "
    "Look in Pipedrive before you make it once more."
)
USED_KEY = _(
    "This request was sent before, for another deal or one that is deleted by now. Send it with a key of its own."
)

MANY_DEALS = _(
    "Your Pipedrive plan allows no more open deals. Close some, or ask your administrator for a larger plan."
)
PLAN = _("Your Pipedrive plan does not allow this. Ask your administrator.")
NO_RIGHT = _(
    "The connector is not allowed to make this deal. Ask your administrator for the right in Pipedrive."
)
NO_REQUESTS = _(
    "Today's requests to Pipedrive are used up. Make the deal in Pipedrive itself, or here tomorrow."
)
BLOCKED = _("Pipedrive turns the connector away at the moment. Make the deal in half an hour.")
CLOSED = _("The Pipedrive account is closed, perhaps because it is not paid. Ask your administrator.")
NO_ACCESS = _("Pipedrive no longer accepts the connector. Ask your administrator to connect it anew.")
SET_UP_WRONGLY = _("The connector is not set up rightly. Ask your administrator.")
NOT_ACCEPTED = _("Pipedrive did not accept the deal. Look at what it is said to be, then make it once more.")
MISTAKE = _("Something in the connector went wrong, and nothing was written. Tell your administrator.")

_DEALS_LIMIT = "feature_capping_deals_limit"
#: The first that fits.
_OF_ERRORS: tuple[tuple[type[ConnectorError], str], ...] = (
    (BudgetSpent, NO_REQUESTS),
    (Blocked, BLOCKED),
    (AccountClosed, CLOSED),
    (Unauthorised, NO_ACCESS),
    (Forbidden, NO_RIGHT),
    (Misconfigured, SET_UP_WRONGLY),
)


def reason_of(error: ConnectorError) -> str:
    """Why nothing was made, where Pipedrive or the connection to it is the reason."""
    if isinstance(error, PlanLimit):
        return MANY_DEALS if error.code == _DEALS_LIMIT else PLAN
    return next((reason for kind, reason in _OF_ERRORS if isinstance(error, kind)), NOT_ACCEPTED)


def passes(error: ConnectorError) -> bool:
    """Whether the trouble is over soon, so that the deal can wait for it."""
    return isinstance(error, Retryable) and not isinstance(error, BudgetSpent | Blocked | AccountClosed)
