"""Who is told what and when: once when a trouble begins, once when it is over, and again until it has arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from connector.app import Service
from connector.clock import Clock
from connector.flows.alert_words import kinds, notice_of
from connector.flows.alerting import Facts, troubles
from connector.flows.tenant import Tenant
from connector.i18n import translator
from connector.installation_settings import AlertKind
from connector.store.alerts import Queue, Standing
from connector.store.index import OF_PIPEDRIVE
from tests.mailbox import Mailbox, Receiver, mailbox, receiver
from tests.world import install, open_world

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WELL = Facts(
    has_access=True, centres_down=(), hooks=frozenset(OF_PIPEDRIVE), failed=frozenset(),
    queue=Queue(None, retry_is_late=False, finished_at=NOW), tokens={}, allowance=10_000,
)  # fmt: skip


def _on(kind: AlertKind, reason: str = "") -> dict[str, Standing]:
    return {kind: Standing(kind, is_on=True, reason=reason, since=NOW)}


# what is wrong


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (WELL, set()),
        (replace(WELL, has_access=False), {"access"}),
        (replace(WELL, centres_down=("thulium:acme",)), {"centre"}),
        (replace(WELL, hooks=frozenset({"person"})), {"hooks"}),
        (replace(WELL, hooks=None), set()),
        (replace(WELL, failed=frozenset({"hooks"})), {"hooks"}),
        (replace(WELL, failed=frozenset({"rights"})), {"rights"}),
        (replace(WELL, failed=frozenset({"rights"}), centres_down=("thulium:acme",)), {"centre"}),
        (replace(WELL, failed=frozenset({"types", "clock"})), {"self_test"}),
        (replace(WELL, queue=Queue(None, retry_is_late=True, finished_at=NOW)), {"queue"}),
        (replace(WELL, tokens={date(2026, 11, 22): 10_001}), {"budget"}),
        (replace(WELL, tokens={date(2026, 11, 22): 10_001}, allowance=None), set()),
    ],
)
def test_each_trouble_is_told_by_its_own_facts(facts: Facts, found: set[str]) -> None:
    assert set(troubles(facts, {}, NOW, 120)) == found


def test_what_follows_from_a_dead_token_is_not_told_beside_it() -> None:
    facts = replace(
        WELL, has_access=False, hooks=frozenset(), queue=Queue(NOW - timedelta(days=1), True, None),
        tokens={NOW.date(): 99_999},
    )  # fmt: skip
    assert set(troubles(facts, {}, NOW, 120)) == {AlertKind.ACCESS}


@pytest.mark.parametrize(
    ("oldest", "finished", "waits"),
    [(119, None, False), (121, None, True), (121, 5, False), (121, 130, True)],
)
def test_an_event_waits_too_long_only_while_no_run_goes_through(
    oldest: int, finished: int | None, waits: bool
) -> None:
    ended = None if finished is None else NOW - timedelta(minutes=finished)
    queue = Queue(NOW - timedelta(minutes=oldest), retry_is_late=False, finished_at=ended)
    assert (AlertKind.QUEUE in troubles(replace(WELL, queue=queue), {}, NOW, 120)) is waits


def test_a_forecast_that_swings_about_the_share_is_one_trouble() -> None:
    near = replace(WELL, tokens={date(2026, 11, 22): 4_800})
    assert troubles(near, {}, NOW, 120) == {}
    assert AlertKind.BUDGET in troubles(near, _on(AlertKind.BUDGET), NOW, 120)
    unknown = replace(near, allowance=None)
    assert troubles(unknown, _on(AlertKind.BUDGET, "12000 10000"), NOW, 120) == {
        AlertKind.BUDGET: "12000 10000"
    }


# who is told


@dataclass
class Office:
    """An installation, its people and a clock."""

    service: Service
    tenant: Tenant
    box: Mailbox
    there: Receiver

    async def fail(self, reason: str = "no answer") -> None:
        (centre,) = self.tenant.centres
        await self.service.installations.set_centre_state(
            self.tenant.id, centre, "failing" if reason else "active", reason
        )

    async def after(self, minutes: float) -> None:
        clock = self.service.clock
        clock.move_to(clock.offset + timedelta(minutes=minutes))
        await self.service.watch(await self.service.tenant(self.tenant.id))

    @property
    def told(self) -> tuple[int, int]:
        """How many mails and posts have arrived."""
        return len(self.box.mails), len(self.there.posts)


@asynccontextmanager
async def _office(folder: Path, **alerts: object) -> AsyncIterator[Office]:
    async with mailbox() as box, receiver() as there, open_world(folder) as world:
        smtp = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none"}
        hosts = world.settings().trusted_hosts
        async with world.connector(
            Clock(), smtp_from="connector@example.com", trusted_hosts=(*hosts, there.host), **smtp
        ) as service:
            wanted = {"emails": ["ada@example.com"], "webhook": there.url} | alerts
            tenant = await install(service, alerts=wanted)
            yield Office(service, tenant, box, there)


async def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_is_over(tmp_path: Path) -> None:
    async with _office(tmp_path) as office:
        await office.after(0)
        assert office.told == (0, 0), "what was never wrong is not told"
        await office.fail()
        await office.after(1)
        assert office.told == (0, 0), "it may pass"
        await office.after(6)
        assert office.told == (1, 1)
        for _ in range(3):
            await office.after(60)
        assert office.told == (1, 1)
        await office.fail("")
        await office.after(1)
        await office.after(6)
        assert office.told == (2, 2)
        on, over = (orjson.loads(body) for _, body in office.there.posts)
        assert (on["kind"], on["state"], on["reason"]) == ("centre", "on", "thulium:demo")
        assert (over["kind"], over["state"]) == ("centre", "over")
        assert on["link"].endswith(f"/console/{office.tenant.id}/settings")
        assert "The contact centre cannot be read." in office.box.mails[0]["Subject"]
        assert "Open Settings, Connections" in office.box.mails[0].get_content()


async def test_what_comes_and_goes_within_minutes_is_told_to_nobody(tmp_path: Path) -> None:
    async with _office(tmp_path) as office:
        for _ in range(5):
            await office.fail()
            await office.after(2)
            await office.fail("")
            await office.after(2)
        await office.after(30)
        assert office.told == (0, 0)


async def test_who_was_not_reached_is_told_again_later_and_nobody_else(tmp_path: Path) -> None:
    async with _office(tmp_path) as office:
        await office.fail()
        await office.after(0)
        office.there.status = 500
        await office.after(6)
        (one,) = (await office.service.alerts.standing(office.tenant.id)).values()
        assert (one.told, one.failure) == (frozenset({"email"}), "webhook: refused 500")
        await office.after(0.5)
        assert office.told == (1, 1), "not before the wait is over"
        await office.after(1)
        assert office.told == (1, 2)
        office.there.status = 204
        await office.after(2)
        assert office.told == (1, 2), "each wait is longer than the one before"
        await office.after(5)
        assert office.told == (1, 3)
        (one,) = (await office.service.alerts.standing(office.tenant.id)).values()
        assert (one.told, one.failure, one.not_before) == (frozenset({"email", "webhook"}), "", None)


async def test_nobody_is_told_that_it_is_over_who_was_not_told_that_it_began(tmp_path: Path) -> None:
    async with _office(tmp_path) as office:
        office.there.status = 500
        await office.fail()
        await office.after(0)
        await office.after(6)
        await office.fail("")
        await office.after(0)
        office.there.status = 204
        before = office.told
        await office.after(10)
        assert office.told == (before[0] + 1, before[1])


async def test_two_processes_tell_once(tmp_path: Path) -> None:
    async with _office(tmp_path) as office:
        await office.fail()
        await office.after(0)
        office.service.clock.move_to(timedelta(minutes=6))
        (one,) = (await office.service.alerts.standing(office.tenant.id)).values()
        until = office.service.clock.now() + timedelta(minutes=3)
        assert await office.service.alerts.take(office.tenant.id, one, until=until)
        assert not await office.service.alerts.take(office.tenant.id, one, until=until)


async def test_nobody_is_told_of_kinds_that_are_not_wanted_nor_while_it_is_switched_off(
    tmp_path: Path,
) -> None:
    async with _office(tmp_path, kinds=["access"]) as office:
        await office.fail()
        await office.after(0)
        await office.after(10)
        assert office.told == (0, 0)


# in words


@pytest.mark.parametrize("language", ["en", "pl"])
@pytest.mark.parametrize("kind", AlertKind)
async def test_a_message_says_what_happened_what_it_means_and_what_to_do(
    tmp_path: Path, kind: AlertKind, language: str
) -> None:
    async with open_world(tmp_path) as world, world.connector() as service:
        tenant = await install(service, language=language)
        reason = {"centre": "thulium:demo", "self_test": "types clock", "budget": "12000 10000"}.get(kind, "")
        words = kinds(translator(language))[kind]
        notice = notice_of(tenant, kind, reason, NOW, is_on=True)
        for said in (words.happened, words.meaning, words.to_do, "22", f"/console/{tenant.id}/"):
            assert said in notice.text, said
        assert words.over in notice_of(tenant, kind, reason, NOW, is_on=False).text
        assert (words.happened == kinds(translator("en"))[kind].happened) is (language == "en")
