"""An installation's settings are saved: what hangs on them follows, and what means nothing is said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from connector.errors import ConnectorError
from connector.flows.collecting import follow_settings
from connector.flows.contacts.linking import keep_special_fields
from connector.flows.contacts.marking import in_step
from connector.flows.contacts.standing import mapping_problems
from connector.flows.installing import keep_subscriptions
from connector.flows.rules import nobodies
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings
from connector.store.audit import Doer
from connector.store.installations import Installations

#: Answers an installation as it is set up now.
Find = Callable[[str], Awaitable[Tenant]]

_READ_ANEW = ("phone_region", "dial_out_prefix")


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of it: the installation as it is now, entries that are tried again or decided anew, and warnings."""

    tenant: Tenant
    tried_again: int
    decided_anew: int
    warnings: list[str] = field(default_factory=list)


async def save_settings(
    tenant: Tenant, settings: InstallationSettings, *, doer: Doer, find: Find, installations: Installations
) -> Saved | None:
    """Replace the settings that `tenant` was read with; None when somebody else changed them meanwhile.

    What failed or was left out is decided anew as they say; a change of what numbers are read by reads the index anew.
    """
    seen = tenant.installed.settings_version
    if not await installations.set_settings(tenant.id, settings, seen_version=seen, doer=doer):
        return None
    if any(getattr(settings, name) != getattr(tenant.settings, name) for name in _READ_ANEW):
        await tenant.index.begin_anew()
    now = await find(tenant.id)
    await keep_subscriptions(now, installations)
    warnings = await _switched_on(now, find, installations) if in_step(now) else []
    now = await find(tenant.id)
    again = await now.ledger.retry_parked()
    anew = await follow_settings(now, tenant.settings)
    warnings += await _without_effect(now)
    return Saved(now, again, anew, warnings)


async def _switched_on(tenant: Tenant, find: Find, installations: Installations) -> list[str]:
    """See to the special fields of an installation that keeps contacts the same; answers what of its mapping is amiss."""
    try:
        problems = await keep_special_fields(tenant, installations)
    except ConnectorError as error:
        problems = [f"the special fields could not be made, which is tried again by night: {error}"]
    return [*problems, *await mapping_problems(await find(tenant.id))]


async def _without_effect(tenant: Tenant) -> list[str]:
    try:
        directory = await tenant.people()
    except ConnectorError as error:
        return [f"agents and users could not be compared with those that there are: {error}"]
    return nobodies(tenant.settings, directory.people)
