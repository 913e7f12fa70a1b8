"""The way in: an authorization code or a personal token becomes an installation; webhooks are made and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import structlog

from connector.errors import ConnectorError, Forbidden, Misconfigured, NotFound, Rejected
from connector.flows.tenant import Tenant
from connector.installation_settings import InstallationSettings, known_zones
from connector.pipedrive.budget import Lane
from connector.pipedrive.client import Pipedrive
from connector.pipedrive.records import Me
from connector.store.connections import Connected
from connector.store.index import OF_PIPEDRIVE
from connector.store.installations import Installations, Outcome

log = structlog.get_logger()

HOOK_USER = "connector"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who has just installed, and what came of it."""

    installation_id: str
    company: str
    user_id: str
    outcome: Outcome
    name: str
    is_admin: bool


async def install(
    pipedrive: Pipedrive,
    installations: Installations,
    *,
    kind: str,
    tokens: bytes,
    admins_only: bool = False,
    company: str | None = None,
) -> Arrival:
    """Find out whose `tokens` these are and store them; a new company starts with its user's language and zone, switched off.

    Forbidden where `admins_only` and the user is none; Misconfigured where they are not of `company`, if that is given.
    """
    me = await pipedrive.on(Lane.DIAL).me()
    if admins_only and not me.is_admin:
        raise Forbidden("The token is of a user who is no administrator of Pipedrive.")
    if company is not None and me.company_id != company:
        raise Misconfigured("The token is of another company.")
    outcome = await installations.install(
        me.company_id, name=me.company_name, domain=me.company_domain, user_id=me.user_id, is_admin=me.is_admin,
        kind=kind, tokens=tokens,
    )  # fmt: skip
    if outcome is Outcome.NEW:
        await installations.set_settings(me.company_id, first_settings(me), seen_version=0)
    log.info("installed", installation=me.company_id, user=me.user_id, outcome=outcome)
    return Arrival(me.company_id, me.company_name, me.user_id, outcome, me.name, me.is_admin)


def first_settings(me: Me) -> InstallationSettings:
    """The shipped settings in the language and zone of `me`, as far as we speak the one and know the other.

    Nothing runs by itself until an administrator switches it on.
    """
    language: Literal["en", "pl"] = "pl" if me.language.startswith("pl") else "en"
    settings = InstallationSettings(language=language, switched_on=False)
    if me.timezone in known_zones():
        settings = settings.model_copy(update={"zone": me.timezone})
    return settings


def can_receive_hooks(tenant: Tenant) -> bool:
    """Whether the service has an address that Pipedrive will send webhooks to: public https, or a trusted host."""
    url = tenant.service.public
    return url.scheme == "https" or f"{url.host}:{url.port}" in tenant.service.trusted_hosts


async def keep_hooks(tenant: Tenant, installations: Installations) -> bool:
    """See that one webhook each for persons, organizations and deals exists; answers whether they all do."""
    if not can_receive_hooks(tenant):
        return False
    address = f"{tenant.service.public_url}/hooks/pipedrive/{tenant.installed.hook_path}"
    missing = set(OF_PIPEDRIVE)
    try:
        there = {hook.id: hook for hook in await tenant.pipedrive.webhooks()}
        known = await installations.hooks(tenant.id)
        for entity in OF_PIPEDRIVE:
            hook = there.get(known.get(entity, ""))
            stands = hook is not None and hook.url == address and hook.active
            for old in there.values():
                ours = old.object == entity and (old.url == address or old is hook)
                if ours and not (stands and old is hook):
                    await tenant.pipedrive.delete_webhook(old.id)
            if stands:
                missing.discard(entity)
                continue
            made = await tenant.pipedrive.create_webhook(
                url=address, entity=entity, name=f"connector {entity}", user=HOOK_USER,
                password=tenant.installed.hook_password,
            )  # fmt: skip
            await installations.set_hook(tenant.id, entity, made.id)
            missing.discard(entity)
    except (Forbidden, Rejected) as error:
        log.warning("webhooks not made, the index lives on sweeps", installation=tenant.id, error=str(error))
        for entity in missing:
            await installations.set_hook(tenant.id, entity, None)
    return not missing


async def sweep_gap(tenant: Tenant, installations: Installations) -> timedelta:
    """How old a sweep may grow: as without a public address where Pipedrive does not let us have our webhooks."""
    if (await installations.hooks(tenant.id)).keys() >= set(OF_PIPEDRIVE):
        return tenant.sweep_every
    return timedelta(seconds=tenant.service.sweep_interval_without_hooks)


async def keep_subscriptions(
    tenant: Tenant, installations: Installations, *, look: bool = False, never: bool = False
) -> None:
    """Have contact centres tell us of events at once where that is asked for, and no longer where it is not, or `never`.

    The settings ask for it, and agents who see their calls. `look` asks the contact centres even where our own notes say
    that all is well: a subscription may have been taken away there.
    """
    settings, fields = tenant.settings, tenant.settings.special_fields
    told = settings.live or settings.contacts.sync == "on"
    # Who appears in the contact centre shall hold the address of our page.
    told = told or bool(fields.customer_deals_page or fields.ticket_deals_page)
    told = told or await tenant.live_calls.has_listeners()
    wanted = told and not never and can_receive_hooks(tenant)
    for connected in await installations.centres(tenant.id):
        centre = tenant.centres.get(connected.id)
        if centre is None or (not look and wanted == (connected.subscription_id is not None)):
            continue
        address = f"{tenant.service.public_url}/hooks/centre/{connected.hook_path}"
        try:
            ours = [one for one, url in await centre.api.subscriptions() if url == address]
            for extra in ours[1:] if wanted else ours:
                await centre.api.unsubscribe(extra)
            kept = ours[0] if ours and wanted else None
            if wanted and kept is None:
                kept = await centre.api.subscribe(address, user=HOOK_USER, password=connected.hook_password)
            if kept != connected.subscription_id:
                await installations.set_subscription(tenant.id, connected.id, kept)
        except ConnectorError as error:
            log.warning(
                "no events at once", installation=tenant.id, connection=connected.id, error=str(error)
            )


async def remove_hooks(tenant: Tenant, hooks: Mapping[str, str], centres: Sequence[Connected]) -> list[str]:
    """Take our webhooks away: those of `centres`, and `hooks` (entity to id) at Pipedrive.

    Reads and writes nothing of ours. Answers which of them could not be removed.
    """
    left = []
    for connected in centres:
        centre = tenant.centres.get(connected.id)
        if centre is None or connected.subscription_id is None:
            continue
        try:
            await centre.api.unsubscribe(connected.subscription_id)
        except ConnectorError as error:
            log.warning(
                "subscription not ended", installation=tenant.id, connection=centre.id, error=str(error)
            )
            left.append(f"{centre.id}: subscription {connected.subscription_id}")
    for entity, webhook_id in sorted(hooks.items()):
        try:
            await tenant.pipedrive.delete_webhook(webhook_id)
        except NotFound:
            pass
        except ConnectorError as error:
            log.warning("webhook not removed", installation=tenant.id, entity=entity, error=str(error))
            left.append(f"Pipedrive: {entity} webhook {webhook_id}")
    return left
