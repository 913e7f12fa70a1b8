"""The mirror: a customer's deals as rows of a repeating group on his card, where agents read them without our page.

What agents may see on the card, all of them may: deals that are open to the whole company, unless the admin widens it.
A row is ours when we wrote it down before we made it, and its link is that deal's; no other row is touched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from connector.errors import ConnectorError, Rejected
from connector.flows.contacts.kinds import COMPANIES, CUSTOMERS, asking, centre_of
from connector.flows.deals.catalogue import YOUNG, Catalogue, catalogue
from connector.flows.deals.patience import Patience
from connector.flows.deals.viewing import ShownDeal, Viewer, customer_deals, may_see, shown
from connector.flows.tenant import Tenant
from connector.i18n import money
from connector.pipedrive.budget import Lane
from connector.pipedrive.records import Deal
from connector.records import FieldItem
from connector.store.bindings import Bond

log = structlog.get_logger()

#: So many cards a turn: others wait for the contact centre too.
_CARDS = 20
_PAUSE = timedelta(minutes=5)
#: A webhook brings a new deal within moments, for a tenth of what a list costs.
_FOR_THE_WEBHOOK = timedelta(seconds=30)
#: Names of stages and pipelines change seldom, and a mirror is looked at later.
_NAMES_KEPT = timedelta(days=1)
_OVERLAP = timedelta(minutes=2)
_OF_PIPEDRIVE = "pipedrive"
#: So many new pairs are asked about one by one; of more, all deals are listed once.
_FEW = 20
#: While the deals of so many customers wait for their cards, the nightly list is not read on.
_AT_ONCE = 1000
#: Of no more customers are deals kept in memory: the cards of others are compared as a whole.
_AT_MOST = 5000
_EVERYBODY = Viewer(user_id=None, sees_all=False)


def captions(tenant: Tenant) -> tuple[str, str, str, str, str, str]:
    """The fields that the group must have, in the installation's language: title to link."""
    _ = tenant.translate
    return (_("Title"), _("Pipeline"), _("Stage"), _("Value"), _("Status"), _("Link"))


# what changed


async def note_changed(tenant: Tenant, deals: Sequence[Deal]) -> bool:
    """Have the cards that show, or shall show, these deals brought up to date, as a list or webhook just read them.

    Answers whether there are any.
    """
    if tenant.settings.deals.mirror_group is None or not deals:
        return False
    shown_on = await tenant.cards.showing([deal.id for deal in deals])
    homes = await _homes(tenant, deals)
    changed = tenant.deals_at_hand.changed
    keys = set[str]()
    for deal in deals:
        home = homes[deal.id] if not deal.is_deleted and not deal.is_archived else set()
        for key in home | shown_on.get(deal.id, set()):
            if key in changed or len(changed) < _AT_MOST:
                changed.setdefault(key, {})[deal.id] = deal if key in home else None
            keys.add(key)
    await tenant.cards.mirror_again(keys)
    return bool(keys)


async def note_gone(tenant: Tenant, deal_id: str) -> bool:
    """The same for a deal that is no longer there, or not ours to see."""
    keys = (await tenant.cards.showing([deal_id])).get(deal_id, set())
    for key in keys:
        tenant.deals_at_hand.changed.setdefault(key, {})[deal_id] = None
    await tenant.cards.mirror_again(keys)
    return bool(keys)


async def _homes(tenant: Tenant, deals: Sequence[Deal]) -> dict[str, set[str]]:
    """The cards of each deal's person, and of its organization where that has a card of its own."""
    persons = await tenant.bindings.of_crm(
        CUSTOMERS.entity, {deal.person_id for deal in deals if deal.person_id}
    )
    companies = await tenant.bindings.of_crm(COMPANIES.entity, {deal.org_id for deal in deals if deal.org_id})
    return {
        deal.id: {one.centre_id for one in persons.get(deal.person_id or "", ()) if one.state is not Bond.GONE}
        | {one.card_id for one in companies.get(deal.org_id or "", ()) if one.card_id and one.state is not Bond.GONE}
        for deal in deals
    }  # fmt: skip


async def note_all_changed(tenant: Tenant, *, no_older_than: datetime) -> None:
    """Once a night: all deals that changed since the last pass, in one list (10 tokens a 500); at first all there are.

    Customers who got their person since then have deals that did not change.
    Nothing is done where a pass has begun since `no_older_than` for the same group. Where too much waits for its cards,
    the pass stops and goes on from there at the next call.
    """
    group = tenant.settings.deals.mirror_group
    if group is None or len(tenant.deals_at_hand.changed) >= _AT_ONCE:
        return
    channel = f"mirror {hashlib.sha256(group.encode()).hexdigest()[:12]}"
    last = await tenant.ledger.cursor(_OF_PIPEDRIVE, channel)
    if last is not None and last >= no_older_than:
        return
    api, begun = tenant.pipedrive.on(Lane.CONTACTS), await _begun(tenant, channel)
    since = last - _OVERLAP if last is not None else None
    # What was deleted before the first pass is on no card.
    statuses = "open,won,lost" if since is None else "open,won,lost,deleted"
    of_pairs = f"{channel} pairs"
    if not await _note_pages(tenant, channel, api.deals(since, status=statuses)):
        return
    if last is not None and not await _note_new_pairs(tenant, of_pairs, last):
        return
    for part in (channel, of_pairs):
        await tenant.index.note(part, census_no=0)
    await tenant.ledger.collect(_OF_PIPEDRIVE, [], cursor_to=(channel, begun))


async def _begun(tenant: Tenant, channel: str) -> datetime:
    """When the pass began, be it now: what changes from then on is the next one's."""
    progress = await tenant.index.progress(channel)
    if progress.census_no and progress.swept_until is not None:
        return progress.swept_until
    now = tenant.clock.now()
    begun = min(now, await tenant.pipedrive.on(Lane.CONTACTS).server_time())
    await tenant.index.note(channel, swept_until=begun)
    return begun


async def _note_pages(
    tenant: Tenant,
    part: str,
    pages: AsyncIterator[Sequence[Deal]],
    is_meant: Callable[[Deal], bool] = lambda _: True,
) -> bool:
    """Note deals, listed by their ids, from where it was left; answers whether it came to the end.

    A list that was left by this process is read on; else it begins anew, and what was noted is passed over.
    """
    at_hand, reached = tenant.deals_at_hand, (await tenant.index.progress(part)).census_no
    left_at, left = at_hand.lists_left.pop(part, (reached, pages))
    listing = left if left_at == reached else pages
    try:
        async for deals in listing:
            fresh = [deal for deal in deals if int(deal.id) > reached]
            await note_changed(tenant, [deal for deal in fresh if is_meant(deal)])
            if fresh:
                reached = int(fresh[-1].id)
                await tenant.index.note(part, census_no=reached)
            if len(at_hand.changed) >= _AT_ONCE:
                at_hand.lists_left[part] = reached, listing
                return False
    except Rejected:
        if listing is pages:
            raise
        # Pipedrive no longer knows the place where it was left.
        return await _note_pages(tenant, part, pages, is_meant)
    return True


async def _note_new_pairs(tenant: Tenant, part: str, since: datetime) -> bool:
    pairs = await tenant.bindings.bound_since(since - _OVERLAP)
    if len(pairs) <= _FEW:
        cards = (one.card_id if one.entity == COMPANIES.entity else one.centre_id for one in pairs)
        await tenant.cards.mirror_again({card for card in cards if card is not None})
        return True
    persons = {one.crm_id for one in pairs if one.entity == CUSTOMERS.entity}
    organizations = {one.crm_id for one in pairs if one.entity == COMPANIES.entity}
    return await _note_pages(
        tenant,
        part,
        tenant.pipedrive.on(Lane.CONTACTS).deals(status="open,won,lost"),
        lambda deal: deal.person_id in persons or deal.org_id in organizations,
    )


async def mirror_soon(tenant: Tenant, key: str) -> None:
    """Have a customer's card show a deal that was just opened: by its webhook, or else by comparing the card."""
    if tenant.settings.deals.mirror_group is not None:
        await tenant.cards.mirror_again([key], tenant.clock.now() + _FOR_THE_WEBHOOK)


# what is written


async def mirror_due(tenant: Tenant) -> None:
    """Bring cards up to date, a few at a time; what fails for a passing reason is put off."""
    at_hand, patience = tenant.deals_at_hand.changed, Patience()
    for key in await tenant.cards.due_mirrors(_CARDS):
        as_of, connection = tenant.clock.now(), key.rpartition("/")[0]
        if patience.is_out(connection):
            continue
        changed = at_hand.pop(key, None)
        try:
            await (mirror(tenant, key) if changed is None else _mirror_changed(tenant, key, changed))
        except ConnectorError as error:
            log.warning("deals not mirrored", installation=tenant.id, customer=key, error=str(error))
            if not isinstance(error, Rejected):
                if changed is not None:
                    # What was read meanwhile is newer.
                    at_hand[key] = {**changed, **at_hand.get(key, {})}
                await tenant.cards.mirror_again([key], as_of + _PAUSE)
                patience.failed(connection)
                if patience.is_out(connection):
                    await tenant.cards.put_off(connection, as_of + _PAUSE)
                continue
        patience.answered(connection)
        await tenant.cards.mirrored(key, as_of)


async def mirror(tenant: Tenant, key: str) -> None:
    """Have a customer's card show the deals that Pipedrive holds, and no others (10 tokens)."""
    if tenant.settings.deals.mirror_group is None:
        return
    # First, for a contact centre that is down shall cost no tokens.
    there = await _rows_there(tenant, key)
    found = await customer_deals(tenant, key, _EVERYBODY, lane=Lane.CONTACTS)
    await _put(tenant, key, there, {deal.id: _row(tenant, deal) for deal in found.deals}, whole=True)


async def _mirror_changed(tenant: Tenant, key: str, changed: Mapping[str, Deal | None]) -> None:
    """Bring only these rows up to date; a deal without a record is taken off the card."""
    there = await _rows_there(tenant, key)
    known = await _names(tenant, [deal for deal in changed.values() if deal is not None])
    rows = {
        deal_id: _row(tenant, shown(tenant, known, _EVERYBODY, deal))
        if deal is not None and may_see(tenant, known, _EVERYBODY, deal)
        else None
        for deal_id, deal in changed.items()
    }
    await _put(tenant, key, there, rows, whole=False)


async def _names(tenant: Tenant, deals: Sequence[Deal]) -> Catalogue:
    kept = tenant.deals_at_hand.catalogue
    if kept is None or tenant.clock.now() - kept[0] > _NAMES_KEPT:
        return await catalogue(tenant)
    if any(kept[1].stage(deal.stage_id) is None for deal in deals if deal.stage_id is not None):
        return await catalogue(tenant, no_older_than=YOUNG)
    return kept[1]


def _row(tenant: Tenant, deal: ShownDeal) -> dict[str, str]:
    _ = tenant.translate
    value = ""
    if deal.value is not None and deal.currency:
        value = money(deal.value, deal.currency, tenant.settings.language)
    status = {"open": _("open"), "won": _("won"), "lost": _("lost")}.get(deal.status, deal.status)
    said = (deal.title, deal.pipeline, deal.stage, value, status, deal.link)
    return dict(zip(captions(tenant), said, strict=True))


async def _rows_there(tenant: Tenant, key: str) -> dict[str, list[FieldItem]]:
    """The rows on a card whose link is a deal's, ours or an agent's, the oldest first."""
    centre, customer_id = centre_of(tenant, key)
    async with asking(centre, key) as there:
        items = await there.api.field_items(tenant.settings.deals.mirror_group or "", customer_id)
    found: dict[str, list[FieldItem]] = {}
    for item in sorted(items, key=lambda one: (len(one.id), one.id)):
        if (deal_id := _deal_of(tenant, item)) is not None:
            found.setdefault(deal_id, []).append(item)
    return found


async def _put(
    tenant: Tenant,
    key: str,
    there: Mapping[str, Sequence[FieldItem]],
    wanted: Mapping[str, Mapping[str, str] | None],
    *,
    whole: bool,
) -> None:
    """Add, change and take away rows of ours; as a `whole`, those that are not wanted go too.

    A deal that an agent has entered himself gets no row of ours beside his.
    """
    showing = await tenant.cards.showing({*wanted, *there})
    ours = {deal_id for deal_id, keys in showing.items() if key in keys}
    unwanted = (ours & there.keys()) - wanted.keys() if whole else set[str]()
    rows = {deal_id: values for deal_id, values in wanted.items() if deal_id in ours or deal_id not in there}
    # Before they are made: an answer that is lost leaves a row that is known as ours.
    added = [deal_id for deal_id, values in rows.items() if values is not None and deal_id not in ours]
    await tenant.cards.shows(key, added=added)
    for deal_id in {**rows, **dict.fromkeys(unwanted)}:
        await _put_deal(tenant, key, there.get(deal_id, []), rows.get(deal_id))
    gone = [deal_id for deal_id, values in rows.items() if values is None]
    await tenant.cards.shows(key, removed=[*gone, *unwanted])


async def _put_deal(
    tenant: Tenant, key: str, rows: Sequence[FieldItem], values: Mapping[str, str] | None
) -> None:
    """Have exactly one row of ours for a deal, or none: the oldest with its link, and doubles that say the same."""
    group = tenant.settings.deals.mirror_group or ""
    centre, customer_id = centre_of(tenant, key)
    said = [[row.values.get(name, "") for name in captions(tenant)] for row in rows]
    ours = [row for row, says in zip(rows, said, strict=True) if says == said[0]]
    async with asking(centre, key) as there:
        for row in ours if values is None else ours[1:]:
            await there.api.remove_field_item(row.id)
        if values is None:
            return
        if not ours:
            await there.api.add_field_item(group, customer_id, values)
        elif any(ours[0].values.get(name, "") != value for name, value in values.items()):
            # What a change does not name may be emptied: fields that agents added beside ours go along.
            await there.api.change_field_item(group, ours[0].id, {**ours[0].values, **values})


def _deal_of(tenant: Tenant, item: FieldItem) -> str | None:
    """The deal that a row is about: its link is a deal's of this company, and nothing else."""
    host = re.escape(tenant.record_page("deal", ""))
    found = re.fullmatch(host + r"(\d+)/?", item.values.get(captions(tenant)[-1], "").strip())
    return found[1] if found else None
