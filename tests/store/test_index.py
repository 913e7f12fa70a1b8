from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connector.store.index import Candidate, Entity, Index, Indexable, OpenDeal, Pass
from tests.store.stock import Stock

NUMBER, EMAIL = "+48601000001", "jan@example.com"


def person(crm_id: str, *subjects: str, organization: str | None = None, gone: bool = False) -> Indexable:
    return Indexable(Entity.PERSON, crm_id, subjects, organization_id=organization, gone=gone)


def deal(crm_id: str, person_id: str, owner: str = "1", *, gone: bool = False) -> Indexable:
    return Indexable(Entity.DEAL, crm_id, person_id=person_id, owner_id=owner, gone=gone)


async def who(stock: Stock, index: Index, subject: str, company: str = "1") -> list[Candidate]:
    key = (await stock.installed(company)).keys.key(subject)
    return (await index.candidates([key])).get(key, [])


async def test_a_person_is_found_by_each_number_and_address(stock: Stock) -> None:
    index = await stock.index("1")
    await index.put([person("7", NUMBER, EMAIL, organization="3")])
    for subject in (NUMBER, EMAIL):
        assert await who(stock, index, subject) == [Candidate("7", "3")]
    assert await index.people(["7", "8"]) == {"7": Candidate("7", "3")}


async def test_all_who_share_a_number_are_told(stock: Stock) -> None:
    index = await stock.index("1")
    await index.put([person(str(n), NUMBER) for n in range(5)])
    assert {one.person_id for one in await who(stock, index, NUMBER)} == {"0", "1", "2", "3", "4"}


async def test_keys_that_a_person_gains_or_loses_are_told_and_others_not(stock: Stock) -> None:
    index, keys = await stock.index("1"), (await stock.installed("1")).keys
    assert set(await index.put([person("7", NUMBER, EMAIL)])) == {keys.key(NUMBER), keys.key(EMAIL)}
    assert await index.put([person("7", NUMBER, EMAIL)]) == []
    assert await index.put([person("7", EMAIL)]) == [keys.key(NUMBER)]
    assert await index.put([person("7", gone=True)]) == [keys.key(EMAIL)]
    assert await who(stock, index, EMAIL) == []


async def test_one_who_is_named_twice_in_a_batch_is_stored_as_last_named(stock: Stock) -> None:
    index = await stock.index("1")
    await index.put([person("7", NUMBER), person("7", NUMBER, organization="3")])
    assert await who(stock, index, NUMBER) == [Candidate("7", "3")]


async def test_a_page_that_was_read_earlier_does_not_bring_an_old_number_back(stock: Stock) -> None:
    index, noon = await stock.index("1"), datetime(2026, 11, 2, 12, tzinfo=UTC)
    old = replace(person("7", NUMBER, organization="3"), update_time=noon)
    new = replace(person("7", EMAIL), update_time=noon + timedelta(seconds=1))
    other = replace(person("8", NUMBER), update_time=noon)
    await index.put([old, new])
    await index.put([old, other])
    assert await who(stock, index, NUMBER) == [Candidate("8", None)]
    assert await who(stock, index, EMAIL) == [Candidate("7", None)]
    await index.put([replace(old, gone=True)])
    assert await who(stock, index, EMAIL) == [Candidate("7", None)]
    await index.put([person("7", gone=True)])
    assert await who(stock, index, EMAIL) == [], "what is not there any more has no time"


async def test_open_deals_are_found_by_their_person_until_they_are_over(stock: Stock) -> None:
    index = await stock.index("1")
    await index.put([deal("1", "7"), deal("2", "7", "9"), deal("3", "8")])
    assert await index.open_deals(["7"]) == {"7": [OpenDeal("1", "1"), OpenDeal("2", "9")]}
    await index.put([deal("1", "7", gone=True)])
    assert await index.open_deals(["7", "8", "9"]) == {
        "7": [OpenDeal("2", "9")],
        "8": [OpenDeal("3", "1")],
    }


async def test_ids_of_persons_organizations_and_deals_are_three_worlds(stock: Stock) -> None:
    index = await stock.index("1")
    await index.put([person("7", NUMBER), Indexable(Entity.ORGANIZATION, "7"), deal("7", "7")])
    await index.put([Indexable(Entity.ORGANIZATION, "7", gone=True), deal("7", "7", gone=True)])
    assert await index.size() == {"person": 1}
    assert await who(stock, index, NUMBER) == [Candidate("7", None)]


async def test_a_deleted_organization_has_no_persons_any_more(stock: Stock) -> None:
    index = await stock.index("1")
    await index.put([person("7", NUMBER, organization="3"), person("8", EMAIL, organization="4")])
    await index.put([Indexable(Entity.ORGANIZATION, "3", gone=True)])
    assert await who(stock, index, NUMBER) == [Candidate("7", None)]
    assert await who(stock, index, EMAIL) == [Candidate("8", "4")]


async def test_a_census_tells_whom_it_did_not_meet(stock: Stock) -> None:
    index = await stock.index("1")
    await index.put([person("1"), person("2"), person("3")])
    await index.met(Entity.PERSON, ["1", "3"], 1)
    assert await index.unseen(Entity.PERSON, 1) == ["2"]
    # What a webhook stores meanwhile does not undo it.
    await index.put([person("1", NUMBER)])
    assert await index.unseen(Entity.PERSON, 1) == ["2"]


async def test_progress_is_kept_for_each_kind(stock: Stock) -> None:
    index, at = await stock.index("1"), datetime(2026, 11, 16, 9, tzinfo=UTC)
    assert await index.progress(Entity.PERSON) == Pass()
    await index.note(Entity.PERSON, filled_at=at, swept_until=at)
    await index.note(Entity.PERSON, census_no=4)
    assert await index.progress(Entity.PERSON) == Pass(at, at, None, 4)
    assert await index.progress(Entity.DEAL) == Pass()
    await index.begin_anew()
    assert (await index.progress(Entity.PERSON)).filled_at is None


async def test_one_installation_sees_and_changes_nothing_of_another(stock: Stock) -> None:
    one, other = await stock.index("1"), await stock.index("2")
    await one.put([person("7", NUMBER, organization="3"), deal("1", "7")])
    await other.put([person("7", NUMBER), deal("2", "7")])
    assert await who(stock, one, NUMBER) == [Candidate("7", "3")]
    assert await who(stock, other, NUMBER, "2") == [Candidate("7", None)]
    assert (await stock.installed("1")).keys.key(NUMBER) != (await stock.installed("2")).keys.key(NUMBER)
    assert await other.open_deals(["7"]) == {"7": [OpenDeal("2", "1")]}

    await other.put([person("7", gone=True), Indexable(Entity.ORGANIZATION, "3", gone=True)])
    await other.note(Entity.PERSON, census_no=9)
    await other.begin_anew()
    assert await who(stock, one, NUMBER) == [Candidate("7", "3")]
    assert await one.progress(Entity.PERSON) == Pass()
    assert await one.size() == {"person": 1, "deal": 1}


async def test_thousands_are_stored_and_asked_for_at_once(stock: Stock) -> None:
    index, keys = await stock.index("1"), (await stock.installed("1")).keys
    numbers = [f"+4860{n:07}" for n in range(40_000)]
    for first in range(0, 2000, 500):
        await index.put([person(str(n), numbers[n]) for n in range(first, first + 500)])
    assert len(await index.candidates([keys.key(number) for number in numbers])) == 2000


async def test_empty_questions_have_empty_answers(stock: Stock) -> None:
    index = await stock.index("1")
    assert await index.put([]) == []
    assert await index.candidates([]) == {}
    assert await index.people([]) == {}
    assert await index.open_deals([]) == {}
