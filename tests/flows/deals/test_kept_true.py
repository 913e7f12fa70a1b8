"""What becomes of a deal in Pipedrive shows on the ticket: deleted, restored, merged, told by webhooks or noticed."""

from __future__ import annotations

from pathlib import Path

from connector.flows.deals import reasons
from connector.flows.deals.opening import Result, deals_of_ticket
from connector.flows.following import Readings, follow_hook
from connector.pipedrive.records import HookEvent
from connector.store.opened import OpenedRow, State
from tests.flows.deals.counter import Counter, open_counter


async def tell(
    counter: Counter, action: str, deal_id: int, *, read: Readings | None = None, **more: object
) -> None:
    """As if Pipedrive's webhook had come, with others of one batch where they share what was `read`."""
    values: dict[str, object] = dict.fromkeys(HookEvent.__slots__) | {
        "entity": "deal", "action": action, "entity_id": str(deal_id), "previous_keys": frozenset(), **more
    }  # fmt: skip
    await follow_hook(await counter.tenant(), HookEvent(**values), read)  # type: ignore[arg-type]


async def row_of(counter: Counter) -> OpenedRow:
    return (await deals_of_ticket(await counter.tenant(), counter.ticket))[0]


async def test_a_deleted_deal_frees_the_ticket_for_a_new_one(counter: Counter) -> None:
    first = await counter.press()
    counter.edit("deal", "delete", id=1)
    await tell(counter, "delete", 1)
    assert (await row_of(counter)).state is State.GONE
    opened = await counter.press()
    assert (opened.result, opened.deal_id) == (Result.MADE, "2")
    assert counter.link() == opened.link != first.link


async def test_a_deleted_deal_is_noticed_without_a_webhook(counter: Counter) -> None:
    await counter.press()
    assert (await row_of(counter)).state is State.MADE
    counter.edit("deal", "delete", id=1)
    await counter.day.move(61)
    assert (await row_of(counter)).state is State.GONE


async def test_pressing_where_a_deal_was_deleted_unheard_says_so_and_then_makes_a_new_one(
    counter: Counter,
) -> None:
    await counter.press()
    counter.edit("deal", "delete", id=1)
    assert (await counter.press()).result is Result.THERE  # a moment ago it was there
    await counter.day.move(61)
    told = await counter.press()
    assert (told.result, told.reason) == (Result.REFUSED, reasons.NO_LONGER_THERE)
    assert (await counter.press()).deal_id == "2"


async def test_pressing_before_a_merge_is_heard_of_makes_no_second_deal(counter: Counter) -> None:
    await counter.press()
    other = counter.edit("deal", "create", changes={"title": "Inny", "person_id": 1})
    counter.edit("deal", "merge", id=1, into=other["id"])
    await counter.day.move(700)
    assert (await counter.press()).reason == reasons.NO_LONGER_THERE
    await tell(counter, "change", other["id"], merged_from="1")
    again = await counter.press()
    assert (again.result, again.deal_id) == (Result.THERE, str(other["id"]))


async def test_a_deal_that_was_just_listed_is_not_asked_for(counter: Counter) -> None:
    await counter.press()
    await counter.tab()
    counter.forget_calls()
    assert (await row_of(counter)).state is State.MADE
    assert counter.calls() == []


async def test_a_lost_answer_to_a_new_deal_after_a_deleted_one_is_not_taken_for_the_old(
    counter: Counter,
) -> None:
    await counter.press()
    counter.edit("deal", "delete", id=1)
    await tell(counter, "delete", 1)
    counter.day.fault("pipedrive", method="POST", path="^/api/v2/deals$", kind="reset_before")
    assert (await counter.press()).result is Result.IN_DOUBT
    counter.edit("deal", "restore", id=1)
    await counter.settle()
    assert {row["id"] for row in counter.deals()} == {1, 2}
    assert (await row_of(counter)).deal_id == "2"


async def test_a_restored_deal_has_its_place_again_unless_it_is_taken(counter: Counter) -> None:
    opened = await counter.press()
    counter.edit("deal", "delete", id=1)
    await tell(counter, "delete", 1)
    counter.edit("deal", "restore", id=1)
    await tell(counter, "change", 1)
    again = await counter.press()
    assert (again.result, again.link) == (Result.THERE, opened.link)


async def test_a_merged_deal_is_the_survivor_and_the_ticket_is_linked_anew(counter: Counter) -> None:
    await counter.press()
    other = counter.edit("deal", "create", changes={"title": "Inny", "person_id": 1})
    counter.edit("deal", "merge", id=1, into=other["id"])
    await tell(counter, "delete", 1, merged_to=str(other["id"]))
    await tell(counter, "change", other["id"], merged_from="1")
    row = await row_of(counter)
    assert (row.state, row.deal_id) == (State.MADE, str(other["id"]))
    await counter.look()
    assert counter.link() == counter.page(other["id"])


async def test_a_merge_that_is_heard_of_after_the_deal_was_found_gone_still_counts(counter: Counter) -> None:
    await counter.press()
    other = counter.edit("deal", "create", changes={"title": "Inny", "person_id": 1})
    counter.edit("deal", "merge", id=1, into=other["id"])
    await counter.day.move(61)
    assert (await row_of(counter)).state is State.GONE
    await tell(counter, "change", other["id"], merged_from="1")
    assert (await row_of(counter)).deal_id == str(other["id"])


async def test_a_webhook_has_the_next_tab_read_anew(counter: Counter) -> None:
    await counter.press()
    await counter.tab()
    counter.edit("deal", "change", id=1, changes={"title": "Zmieniony"})
    await tell(counter, "change", 1)
    assert (await counter.tab(fresh=False)).deals[0].title == "Zmieniony"


async def test_a_deal_that_our_user_may_not_see_is_not_called_deleted(tmp_path: Path) -> None:
    async with open_counter(tmp_path, admin=False) as counter:
        admin = next(user.id for user in counter.day.company.users.values() if user.admin)
        first = await counter.press(owner_id=str(admin))
        counter.deals()[0]["visible_to"] = 1
        await counter.day.move(61)
        assert (await row_of(counter)).state is State.MADE
        await tell(counter, "change", 1)
        assert (await row_of(counter)).state is State.MADE
        again = await counter.press(owner_id=str(admin))
        assert (again.result, again.deal_id) == (Result.THERE, first.deal_id)
        assert len(counter.deals()) == 1


async def test_a_deal_that_is_purged_is_gone_where_our_user_sees_all(counter: Counter) -> None:
    await counter.press()
    del counter.day.company.deals.records[1]
    await counter.day.move(61)
    assert (await row_of(counter)).state is State.GONE


async def test_a_deal_restored_in_the_batch_that_deleted_it_stands(counter: Counter) -> None:
    await counter.press()
    counter.edit("deal", "delete", id=1)
    counter.edit("deal", "restore", id=1)
    read: Readings = {}
    await tell(counter, "delete", 1, read=read)
    await tell(counter, "change", 1, read=read)
    assert (await row_of(counter)).state is State.MADE


async def test_news_of_a_deletion_that_comes_after_the_restoring_is_not_believed_unread(
    counter: Counter,
) -> None:
    await counter.press()
    counter.edit("deal", "delete", id=1)
    counter.edit("deal", "restore", id=1)
    await tell(counter, "change", 1)
    await tell(counter, "delete", 1)
    assert (await row_of(counter)).state is State.MADE


async def test_a_merge_is_heard_beside_another_change_of_the_survivor(counter: Counter) -> None:
    await counter.press()
    other = counter.edit("deal", "create", changes={"title": "Inny", "person_id": 1})
    counter.edit("deal", "merge", id=1, into=other["id"])
    read: Readings = {}
    await tell(counter, "change", other["id"], read=read)
    await tell(counter, "change", other["id"], merged_from="1", read=read)
    assert (await row_of(counter)).deal_id == str(other["id"])


async def test_the_ticket_shows_the_next_deal_when_its_first_is_deleted(counter: Counter) -> None:
    await counter.press()
    second = await counter.press(2, title="Okna")
    counter.edit("deal", "delete", id=1)
    await tell(counter, "delete", 1)
    await counter.look()
    assert counter.link() == second.link
    counter.edit("deal", "restore", id=1)
    await tell(counter, "change", 1)
    await counter.look()
    assert counter.link() == counter.page(1)
