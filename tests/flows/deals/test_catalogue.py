"""What deals are named by is read seldom, and as much of it as may be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connector.errors import ConnectorError
from connector.flows.deals.catalogue import catalogue, keep_catalogue
from connector.pipedrive.records import Field
from tests.flows.deals.counter import open_counter


async def test_a_catalogue_that_cannot_be_read_is_asked_for_again_after_ten_minutes(tmp_path: Path) -> None:
    async with open_counter(tmp_path, special_fields={"customer_deals_page": "Deals"}) as counter:
        counter.day.fault("pipedrive", path="/v1/users$", kind="status_before", status=403, times=None)
        tenant = await counter.tenant()
        with pytest.raises(ConnectorError):
            await keep_catalogue(tenant)
        counter.forget_calls()
        for _ in range(20):
            await keep_catalogue(tenant)
            await counter.day.move(15)
        assert counter.calls() == []
        counter.day.mend()
        await counter.day.move(400)
        await keep_catalogue(tenant)
        assert tenant.deals_at_hand.catalogue is not None


async def test_without_the_right_to_read_deal_fields_deals_are_shown_as_on_large_plans(
    tmp_path: Path,
) -> None:
    async with open_counter(tmp_path) as counter:
        counter.day.fault("pipedrive", path="dealFields", kind="status_before", status=403, times=None)
        known = await catalogue(await counter.tenant())
        assert known.whole_company == "7"
        assert known.pipelines


@pytest.mark.parametrize(
    ("options", "whole"),
    [
        ({}, "7"),
        ({"1": "Owner", "3": "Everybody"}, "3"),
        ({"1": "Owner", "3": "Group", "7": "Everybody"}, "7"),
    ],
)
async def test_where_it_is_not_said_who_may_see_deals_only_the_widest_is_the_whole_company(
    tmp_path: Path, options: dict[str, str], whole: str
) -> None:
    async with open_counter(tmp_path) as counter:
        tenant = await counter.tenant()
        listed = await tenant.pipedrive.fields("deal")

        class Listing(type(tenant.pipedrive)):  # type: ignore[misc]
            async def fields(self, _entity: object) -> list[Field]:
                return [replace(one, options=options) if one.code == "visible_to" else one for one in listed]

        tenant.pipedrive.__class__ = Listing
        assert (await catalogue(tenant)).whole_company == whole
