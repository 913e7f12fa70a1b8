"""The steps of the guided set-up: their order, how each stands now, and the way of a form back to the step it stood on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.flows.rules import types_of, user_of
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.store.connections import Connected
from connector.web.console.desk import Visit

SET_UP = "settings/set-up"
STEPS = ("pipedrive", "contact-centre", "special-fields", "agents", "activities", "records", "test")


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it stands: `is_fine`, or `why` not, in a sentence."""

    key: str
    name: str
    is_fine: bool
    why: str


def page_of(step: str) -> str:
    """The place of a step in the map."""
    return f"{SET_UP}/{step}"


def step_of(visit: Visit) -> str:
    """The step of the set-up that a form stood on, an empty text where it stood on its own page."""
    step = visit.text("step")
    return step if step in STEPS else ""


def led_back(visit: Visit, page: str) -> str:
    """Where a form leads: to the step of the set-up it stood on, or else to its own page."""
    step = step_of(visit)
    return visit.at(page_of(step) if step else page)


def steps_of(tenant: Tenant, centres: Sequence[Connected], _: Translate) -> list[Step]:
    """All steps as they stand now, as far as that is known without asking anybody."""
    installed, settings, directory = tenant.installed, tenant.settings, tenant.directory
    not_well = next((one for one in centres if one.state != "active"), None)
    agents_known = bool(centres) and directory.read_at is not None
    owners = agents_known and (settings.fallback_owner or not without_user(tenant))
    types = {kind.key for kind in directory.types if kind.active}
    links = any(settings.links.model_dump().values())
    fields = settings.special_fields
    stands = (
        (_("Pipedrive"), installed.state == "active", _("Pipedrive is not connected.")),
        (_("Contact centre"), bool(centres) and not_well is None, _("No contact centre is connected that answers.")),
        (_("Special fields"), fields.person_centre_id is not None, _("The fields that join the records are not made yet.")),
        (_("Agents"), bool(owners), _("Not every agent has a user, and there is no fallback owner.")),
        (_("Activities"), bool(types) and types_of(settings) <= types, _("Not every activity type is one of Pipedrive’s.")),
        (_("Existing records"), links or settings.contacts.sync == "on", _("No link is learnt, and records stay apart.")),
        (_("Test and switch on"), settings.switched_on, _("It is not switched on.")),
    )  # fmt: skip
    return [
        Step(key, name, is_fine, "" if is_fine else why)
        for key, (name, is_fine, why) in zip(STEPS, stands, strict=True)
    ]


def without_user(tenant: Tenant) -> list[str]:
    """The active agents whose activities are nobody's in Pipedrive yet, by login."""
    people = tenant.directory.people
    return sorted(
        login
        for (connection, login), agent in people.agents.items()
        if agent.active and user_of(connection, login, tenant.settings, people) is None
    )
