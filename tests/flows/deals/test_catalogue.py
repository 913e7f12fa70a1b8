"""What deals are named by is read seldom, and as much of it as may be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConnectorError
from connector.flows.deals.catalogue import catalogue, keep_catalogue
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
