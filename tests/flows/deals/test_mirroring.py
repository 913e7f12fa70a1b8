"""A customer's card shows his deals as they are, and nobody's own rows are touched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.flows.deals import mirroring
from connector.flows.deals.mirroring import mirror, mirror_due, note_all_changed
from connector.flows.following import follow_hook
from connector.flows.indexing import ensure
from connector.pipedrive import client
from connector.pipedrive.records import HookEvent
from connector.sandbox.thulium.state import FieldItem
from tests.flows.deals.counter import NUMBER, Counter, open_counter

GROUP = "Szanse w Pipedrive"
CAPTIONS = ["Title", "Pipeline", "Stage", "Value", "Status", "Link", "Notes"]
LISTS = "GET /api/v2/deals"


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(tmp_path, deals={"mirror_group": GROUP, "visible": "all"}) as counter:
        counter.day.seed(field_groups={GROUP: CAPTIONS, "Zamówienia": ["Numer"]})
        yield counter


def rows(counter: Counter) -> list[dict[str, Any]]:
    """The rows of the group on the customer's card, by their captions."""
    system = counter.day.system
    (group,) = [one for one in system.field_groups.values() if one.name == GROUP]
    return [
        {group.fields[ref]: value for ref, value in item.values.items() if value}
        for item in system.field_items.values()
        if (item.group_id, item.customer_id) == (group.id, 7)
    ]


def enter(counter: Counter, **values: object) -> FieldItem:
    """A row that an agent enters himself."""
    system = counter.day.system
    (group,) = [one for one in system.field_groups.values() if one.name == GROUP]
    refs = {name: ref for ref, name in group.fields.items()}
    named = {refs[name]: value for name, value in values.items()}
    item = FieldItem(next(system.numbers), group.id, 7, named)
    system.field_items[item.id] = item
    return item


async def hook(counter: Counter, deal_id: object, action: str = "change") -> None:
    """What Pipedrive's webhook tells of a deal, and what the keeper then does."""
    at = counter.day.clock.now()
    event = HookEvent("1", "1", "1", "1", "deal", action, str(deal_id), at, None, None, frozenset(), None)
    tenant = await counter.tenant()
    await follow_hook(tenant, event)
    await mirror_due(tenant)


async def opened(counter: Counter, **wanted: Any) -> str:
    """A deal that an agent opened, on the card."""
    deal_id = (await counter.press(**wanted)).deal_id
    assert deal_id is not None
    await hook(counter, deal_id, "create")
    return deal_id


async def test_a_deal_that_was_opened_stands_on_the_card(counter: Counter) -> None:
    deal_id = await opened(counter)
    (row,) = rows(counter)
    assert row["Title"] == "Nowy dach"
    assert row["Link"] == counter.page(deal_id)
    assert row["Status"] == "open"
    assert row["Pipeline"]
    assert row["Stage"]


async def test_it_stands_there_though_no_webhook_comes(counter: Counter) -> None:
    await counter.press()
    await mirror_due(await counter.tenant())
    assert rows(counter) == []
    await counter.day.move(60)
    await mirror_due(await counter.tenant())
    assert [row["Title"] for row in rows(counter)] == ["Nowy dach"]


async def test_what_changes_in_pipedrive_changes_on_the_card_without_a_list(counter: Counter) -> None:
    deal_id = await opened(counter)
    counter.forget_calls()
    values = {"title": "Stary dach", "status": "won", "value": 1234.5, "currency": "EUR"}
    counter.edit("deal", "change", id=int(deal_id), changes=values)
    await hook(counter, deal_id)
    (row,) = rows(counter)
    assert (row["Title"], row["Status"], row["Value"]) == ("Stary dach", "won", "€1,234.50")
    assert LISTS not in counter.calls()


async def test_an_amount_stands_apart_from_the_code_of_its_currency(counter: Counter) -> None:
    deal_id = await opened(counter)
    counter.edit("deal", "change", id=int(deal_id), changes={"value": 1200, "currency": "PLN"})
    await hook(counter, deal_id)
    (row,) = rows(counter)
    assert row["Value"] == "PLN\xa01,200.00"


async def test_what_is_equal_is_not_written(counter: Counter) -> None:
    deal_id = await opened(counter)
    counter.forget_calls()
    await hook(counter, deal_id)
    assert [call for call in counter.calls("thulium") if not call.startswith("GET")] == []


async def test_a_deleted_deal_leaves_the_card(counter: Counter) -> None:
    deal_id = await opened(counter)
    counter.edit("deal", "delete", id=int(deal_id))
    await hook(counter, deal_id, "delete")
    assert rows(counter) == []


async def test_a_deal_that_goes_to_somebody_else_leaves_the_card(counter: Counter) -> None:
    deal_id = await opened(counter)
    other = counter.edit("person", "create", changes={"name": "Ktoś Inny"})
    counter.edit("deal", "change", id=int(deal_id), changes={"person_id": other["id"]})
    await hook(counter, deal_id)
    assert rows(counter) == []


async def test_rows_of_agents_stay_as_they_are(counter: Counter) -> None:
    own = enter(counter, Title="Moja notatka", Notes=f"por. {counter.page(1)}")
    linked = enter(counter, Title="Inny system", Link="https://example.com/deal/1")
    before = (dict(own.values), dict(linked.values))
    deal_id = await opened(counter)
    counter.edit("deal", "delete", id=int(deal_id))
    await hook(counter, deal_id, "delete")
    await mirror(await counter.tenant(), counter.customer)
    items = counter.day.system.field_items
    assert (items[own.id].values, items[linked.id].values) == before


async def test_what_an_agent_adds_to_our_row_stays_with_it(counter: Counter) -> None:
    deal_id = await opened(counter)
    system = counter.day.system
    (item,) = [one for one in system.field_items.values() if one.customer_id == 7]
    (notes,) = [ref for ref, name in system.field_groups[item.group_id].fields.items() if name == "Notes"]
    item.values[notes] = "oddzwonić w piątek"
    counter.edit("deal", "change", id=int(deal_id), changes={"title": "Stary dach"})
    await hook(counter, deal_id)
    (row,) = rows(counter)
    assert (row["Title"], row["Notes"]) == ("Stary dach", "oddzwonić w piątek")


async def test_a_lost_answer_leaves_one_row(counter: Counter) -> None:
    counter.day.fault("thulium", kind="reset_after", method="POST", path="customer_field_group_items")
    await opened(counter)
    await counter.day.move(600)
    await mirror_due(await counter.tenant())
    assert [row["Title"] for row in rows(counter)] == ["Nowy dach"]
    assert await (await counter.tenant()).cards.next_due() is None


async def test_doubles_of_ours_become_one(counter: Counter) -> None:
    await opened(counter)
    enter(counter, **rows(counter)[0])
    await mirror(await counter.tenant(), counter.customer)
    assert len(rows(counter)) == 1


async def test_a_row_that_an_agent_entered_for_a_deal_of_somebody_else_stays(counter: Counter) -> None:
    other = counter.edit("person", "create", changes={"name": "Ktoś Inny"})
    deal = counter.edit("deal", "create", changes={"title": "Sprawa szwagra", "person_id": other["id"]})
    own = enter(counter, Title="zob. sprawa szwagra", Link=counter.page(deal["id"]), Notes="ważne")
    before = dict(own.values)
    await opened(counter)
    await mirror(await counter.tenant(), counter.customer)
    await hook(counter, deal["id"])
    assert counter.day.system.field_items[own.id].values == before
    assert len(rows(counter)) == 2


async def test_a_row_that_an_agent_entered_for_a_deal_of_the_customer_stays(counter: Counter) -> None:
    person = counter.persons()[0]["id"]
    deal = counter.edit("deal", "create", changes={"title": "Nowy dach", "person_id": person})
    own = enter(counter, Title="ten dach z 2019", Link=counter.page(deal["id"]))
    await hook(counter, deal["id"], "create")
    await mirror(await counter.tenant(), counter.customer)
    assert [row["Title"] for row in rows(counter)] == ["ten dach z 2019"]
    counter.edit("deal", "delete", id=deal["id"])
    await hook(counter, deal["id"], "delete")
    assert own.id in counter.day.system.field_items


async def test_a_row_that_an_agent_adds_beside_ours_stays(counter: Counter) -> None:
    deal_id = await opened(counter)
    own = enter(counter, Title="por. wyżej", Link=counter.page(deal_id))
    counter.edit("deal", "change", id=int(deal_id), changes={"title": "Stary dach"})
    await hook(counter, deal_id)
    assert [row["Title"] for row in rows(counter)] == ["Stary dach", "por. wyżej"]
    counter.edit("deal", "delete", id=int(deal_id))
    await hook(counter, deal_id, "delete")
    assert [row["Title"] for row in rows(counter)] == ["por. wyżej"]
    assert own.id in counter.day.system.field_items


async def in_step_with(counter: Counter, numbers: Sequence[int]) -> list[str]:
    """More customers who are persons, by their keys."""
    keys = [f"thulium:demo/{n}" for n in numbers]
    for n, key in zip(numbers, keys, strict=True):
        phone = f"+48 601 000 0{n}"
        counter.day.seed(
            customers=[{"customer_id": n, "name": "Jan", "surname": f"Próba {n}", "phone_number": [phone]}]
        )
        await replace(counter, customer=key).put_in_step()
    counter.forget_calls()
    return keys


async def test_a_contact_centre_that_is_down_costs_no_tokens_and_is_asked_three_times(
    counter: Counter,
) -> None:
    tenant = await counter.tenant()
    keys = await in_step_with(counter, range(20, 30))
    counter.day.fault("thulium", kind="status_before", status=500, times=None)
    await tenant.cards.mirror_again(keys)
    await mirror_due(tenant)
    once = len(counter.calls("thulium"))
    assert await tenant.cards.due_mirrors(20) == []
    assert await tenant.cards.next_due() is not None
    await counter.day.move(301)
    await mirror_due(tenant)
    assert counter.calls() == []
    assert len(counter.calls("thulium")) == 2 * once
    counter.day.mend()
    await counter.day.move(301)
    await mirror_due(tenant)
    assert await tenant.cards.next_due() is None
    assert counter.calls().count(LISTS) == len(keys)


async def test_what_a_webhook_told_is_not_asked_again_when_the_contact_centre_is_back(
    counter: Counter,
) -> None:
    deal_id = await opened(counter)
    counter.edit("deal", "change", id=int(deal_id), changes={"title": "Stary dach"})
    counter.day.fault("thulium", kind="status_before", status=500, times=None)
    await hook(counter, deal_id)
    counter.day.mend()
    counter.forget_calls()
    await counter.day.move(301)
    await mirror_due(await counter.tenant())
    assert [row["Title"] for row in rows(counter)] == ["Stary dach"]
    assert LISTS not in counter.calls()


async def test_a_contact_centre_that_is_down_is_tried_again(counter: Counter) -> None:
    counter.day.fault("thulium", kind="burst_429", path="customer_field_group", times=None)
    deal_id = await opened(counter)
    counter.day.mend()
    assert rows(counter) == []
    await counter.day.move(600)
    await mirror_due(await counter.tenant())
    assert [row["Link"] for row in rows(counter)] == [counter.page(deal_id)]


async def test_the_night_finds_what_no_webhook_told_with_one_list(counter: Counter) -> None:
    tenant = await counter.tenant()
    first, second = await opened(counter), await opened(counter, ordinal=2, title="Drugi dach")
    await note_all_changed(tenant, no_older_than=counter.day.clock.now())
    await counter.day.move(86_400)
    counter.edit("deal", "change", id=int(first), changes={"status": "lost"})
    counter.edit("deal", "delete", id=int(second))
    counter.forget_calls()
    await note_all_changed(tenant, no_older_than=counter.day.clock.now())
    await mirror_due(tenant)
    assert [(row["Link"], row["Status"]) for row in rows(counter)] == [(counter.page(first), "lost")]
    assert counter.calls().count(LISTS) == 1


async def test_the_first_night_brings_the_deals_that_were_there_before(tmp_path: Path) -> None:
    async with open_counter(tmp_path, deals={"visible": "all"}) as counter:
        await counter.press()
        counter.day.seed(field_groups={GROUP: CAPTIONS})
        tenant = await counter.tenant()
        await counter.day.set_up(counter.service, tenant, deals={"mirror_group": GROUP, "visible": "all"})
        tenant = await counter.tenant()
        await note_all_changed(tenant, no_older_than=counter.day.clock.now())
        await mirror_due(tenant)
        assert [row["Title"] for row in rows(counter)] == ["Nowy dach"]


@pytest.mark.parametrize("few", [20, 0])
async def test_a_customer_who_becomes_a_person_shows_old_deals_the_next_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(mirroring, "_FEW", few)
    async with open_counter(
        tmp_path, in_step=False, deals={"mirror_group": GROUP, "visible": "all"}
    ) as counter:
        counter.day.seed(field_groups={GROUP: CAPTIONS})
        person = counter.edit(
            "person", "create", changes={"name": "Jan Próba", "phones": [{"value": NUMBER}]}
        )
        counter.edit("deal", "create", changes={"title": "Dawna szansa", "person_id": person["id"]})
        tenant = await counter.tenant()
        await counter.day.move(3600)
        await note_all_changed(tenant, no_older_than=counter.day.clock.now())
        await mirror_due(tenant)
        assert rows(counter) == []
        await ensure(tenant, no_older_than=timedelta())
        await counter.put_in_step()
        await counter.day.move(86_400)
        await note_all_changed(tenant, no_older_than=counter.day.clock.now())
        await mirror_due(tenant)
        assert len(counter.persons()) == 1
        assert [row["Title"] for row in rows(counter)] == ["Dawna szansa"]


async def test_a_long_list_is_read_on_when_its_cards_are_written(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    monkeypatch.setattr(mirroring, "_AT_ONCE", 2)
    await in_step_with(counter, range(20, 25))
    for person in counter.persons():
        counter.edit("deal", "create", changes={"title": "Dach", "person_id": person["id"]})
    tenant = await counter.tenant()
    night = tenant.clock.now() - timedelta(hours=1)
    for waiting in (2, 2, 2, 0):
        await note_all_changed(tenant, no_older_than=night)
        await note_all_changed(tenant, no_older_than=night)
        assert len(tenant.deals_at_hand.changed) == waiting
        await mirror_due(tenant)
    assert len(counter.day.system.field_items) == 6
    counter.forget_calls()
    await note_all_changed(tenant, no_older_than=night)
    assert counter.calls() == []


async def test_a_list_that_was_left_is_read_on_from_its_next_page(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_a_list_of_three_pages(counter, monkeypatch)
    tenant = await counter.tenant()
    night = tenant.clock.now() - timedelta(hours=1)
    for waiting in (2, 2, 2, 0):
        await note_all_changed(tenant, no_older_than=night)
        assert len(tenant.deals_at_hand.changed) == waiting
        await mirror_due(tenant)
    assert counter.calls().count(LISTS) == 3
    assert len(counter.day.system.field_items) == 6


async def test_a_list_whose_place_pipedrive_no_longer_knows_begins_anew(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_a_list_of_three_pages(counter, monkeypatch)
    tenant = await counter.tenant()
    night = tenant.clock.now() - timedelta(hours=1)
    await note_all_changed(tenant, no_older_than=night)
    await mirror_due(tenant)
    counter.day.fault("pipedrive", kind="status_before", status=400, method="GET", path="deals.*cursor=")
    for _ in range(3):
        await note_all_changed(tenant, no_older_than=night)
        await mirror_due(tenant)
    assert counter.calls().count(LISTS) == 5  # the first, the refused one, and all three from the beginning
    assert len(counter.day.system.field_items) == 6


async def with_a_list_of_three_pages(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six customers with a deal each, two a page, of which no more than one page is noted at once."""
    monkeypatch.setattr(client, "PAGE", 2)
    monkeypatch.setattr(mirroring, "_AT_ONCE", 2)
    await in_step_with(counter, range(20, 25))
    for person in counter.persons():
        counter.edit("deal", "create", changes={"title": "Dach", "person_id": person["id"]})


async def test_what_changes_while_a_long_list_is_read_is_found_by_the_next(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    await in_step_with(counter, range(20, 23))
    deals = [
        counter.edit("deal", "create", changes={"title": "Dach", "person_id": person["id"]})
        for person in counter.persons()
    ]
    tenant = await counter.tenant()
    night = tenant.clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(mirroring, "_AT_ONCE", 2)
        await note_all_changed(tenant, no_older_than=night)
    await mirror_due(tenant)
    counter.edit("deal", "change", id=deals[0]["id"], changes={"title": "Komin"})
    await counter.day.move(3600)
    await note_all_changed(tenant, no_older_than=night)
    await note_all_changed(tenant, no_older_than=tenant.clock.now())
    await mirror_due(tenant)
    assert [row["Title"] for row in rows(counter)] == ["Komin"]
    assert len(counter.day.system.field_items) == 4


async def test_of_too_many_customers_the_cards_are_compared_as_a_whole(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_AT_MOST", 2)
    await in_step_with(counter, range(20, 23))
    for person in counter.persons():
        counter.edit("deal", "create", changes={"title": "Dach", "person_id": person["id"]})
    tenant = await counter.tenant()
    await note_all_changed(tenant, no_older_than=tenant.clock.now())
    assert len(tenant.deals_at_hand.changed) == 2
    await mirror_due(tenant)
    assert len(counter.day.system.field_items) == 4


async def test_a_card_shows_only_what_everybody_may_see(tmp_path: Path) -> None:
    async with open_counter(tmp_path, deals={"mirror_group": GROUP}) as counter:
        counter.day.seed(field_groups={GROUP: CAPTIONS})
        deal_id = (await counter.press()).deal_id
        assert deal_id is not None
        whole = next(iter(counter.day.company.deals.records.values()))
        whole["visible_to"] = 1
        await hook(counter, deal_id)
        assert rows(counter) == []
        whole["visible_to"] = 3
        await hook(counter, deal_id)
        assert len(rows(counter)) == 1


async def test_without_a_group_nothing_is_asked_and_nothing_written(tmp_path: Path) -> None:
    async with open_counter(tmp_path) as counter:
        deal_id = (await counter.press()).deal_id
        counter.forget_calls()
        await hook(counter, deal_id)
        await note_all_changed(await counter.tenant(), no_older_than=counter.day.clock.now())
        assert counter.calls("thulium") == []
        assert LISTS not in counter.calls()


async def test_the_captions_are_those_of_the_language(tmp_path: Path) -> None:
    async with open_counter(
        tmp_path, language="pl", deals={"mirror_group": GROUP, "visible": "all"}
    ) as counter:
        captions = ["Tytuł", "Lejek", "Etap", "Wartość", "Status", "Link"]
        counter.day.seed(field_groups={GROUP: captions})
        deal_id = (await counter.press()).deal_id
        await hook(counter, deal_id)
        (row,) = rows(counter)
        assert (row["Tytuł"], row["Status"]) == ("Nowy dach", "otwarta")


async def test_settings_that_are_saved_meanwhile_cost_no_list_a_card(counter: Counter) -> None:
    deal_id = await opened(counter)
    counter.edit("deal", "change", id=int(deal_id), changes={"title": "Inny dach"})
    tenant, at = await counter.tenant(), counter.day.clock.now()
    event = HookEvent("1", "1", "1", "1", "deal", "change", deal_id, at, None, None, frozenset(), None)
    assert await follow_hook(tenant, event), "the keeper has work"
    saved = tenant.settings.model_copy(update={"payload_days": 31})
    version = tenant.installed.settings_version
    assert await counter.service.installations.set_settings(tenant.id, saved, seen_version=version)
    counter.forget_calls()
    await mirror_due(await counter.tenant())
    assert [row["Title"] for row in rows(counter)] == ["Inny dach"]
    assert LISTS not in counter.calls()
