"""What is wrong with an installation as a whole, and who is told: once when it begins, once when it is over.

What comes and goes within a few minutes is told to nobody. What could not be told is tried again with back-off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from connector.flows.alert_words import Notice, notice_of
from connector.flows.checking import Area, check
from connector.flows.forecasting import forecast
from connector.flows.installing import can_receive_hooks
from connector.flows.tenant import Tenant
from connector.installation_settings import AlertKind
from connector.notices import Failure, Undelivered
from connector.notices.mail import send_mail
from connector.notices.webhook import post
from connector.store.alerts import Alerts, Queue, Standing
from connector.store.figures import Figures
from connector.store.index import OF_PIPEDRIVE
from connector.store.installations import Installations

log = structlog.get_logger()

EMAIL, WEBHOOK = "email", "webhook"

#: Trouble and recovery have to last for this long before anybody is told.
PATIENCE = timedelta(minutes=5)
#: Waits before each further try to tell; the last one repeats.
_AGAIN = (60, 300, 1800, 7200)
_LEASE = timedelta(minutes=3)
#: A forecast swings: it is enough again only when it is this much below the share.
_ENOUGH = 0.9
_DAYS = 7
#: Areas of the self-test that are told as troubles of their own.
_OF_THEIR_OWN = (Area.ACCESS, Area.RIGHTS, Area.HOOKS)


@dataclass(frozen=True, slots=True)
class Facts:
    """What troubles are told by; `hooks` are the entities whose webhooks are there, None where none can be.

    `failed` are the areas in which the last self-test found something amiss, `tokens` spent by day in UTC, `allowance`
    the share of today's, None while it is unknown.
    """

    has_access: bool
    centres_down: tuple[str, ...]
    hooks: frozenset[str] | None
    failed: frozenset[str]
    queue: Queue
    tokens: Mapping[date, int]
    allowance: int | None


# what is wrong


def troubles(
    facts: Facts, was: Mapping[str, Standing], now: datetime, queue_minutes: int
) -> dict[AlertKind, str]:
    """What is wrong now, each with its reason in ids and numbers; what follows from another trouble is not told beside it."""
    found: dict[AlertKind, str] = {}
    if facts.centres_down:
        found[AlertKind.CENTRE] = " ".join(facts.centres_down)
    if Area.RIGHTS in facts.failed and not facts.centres_down:
        found[AlertKind.RIGHTS] = ""
    if areas := facts.failed - set(_OF_THEIR_OWN):
        found[AlertKind.SELF_TEST] = " ".join(sorted(areas))
    if not facts.has_access:
        return {AlertKind.ACCESS: "", **found}
    if facts.hooks is not None:
        missing = sorted(set(OF_PIPEDRIVE) - facts.hooks)
        if missing or Area.HOOKS in facts.failed:
            found[AlertKind.HOOKS] = " ".join(missing)
    short = _short(facts, now, was_on=_is_on(was, AlertKind.BUDGET))
    if short is None and facts.allowance is None and _is_on(was, AlertKind.BUDGET):
        short = was[AlertKind.BUDGET].reason
    if short is not None:
        found[AlertKind.BUDGET] = short
    if _waits(facts.queue, now - timedelta(minutes=queue_minutes)):
        found[AlertKind.QUEUE] = "" if facts.queue.oldest is None else facts.queue.oldest.isoformat(timespec="minutes")  # fmt: skip
    return found


def _is_on(was: Mapping[str, Standing], kind: AlertKind) -> bool:
    return kind in was and was[kind].is_on


def _short(facts: Facts, now: datetime, *, was_on: bool) -> str | None:
    """By what the day's tokens are foreseen to run short; None while they suffice, or while that is unknown."""
    if facts.allowance is None:
        return None
    foreseen = forecast(facts.tokens.get(now.date(), 0), now, facts.tokens)
    if foreseen <= facts.allowance * (_ENOUGH if was_on else 1):
        return None
    # In thousands, so that not every minute tells another number.
    return f"{round(foreseen, -3)} {facts.allowance}"


def _waits(queue: Queue, before: datetime) -> bool:
    """Whether something has been due since before then.

    An event that was woken is older than its turn, so that an old one counts only where no run went through since.
    """
    is_old = queue.oldest is not None and queue.oldest < before
    return queue.retry_is_late or (is_old and (queue.finished_at is None or queue.finished_at < before))


# keeping watch


async def watch(tenant: Tenant, alerts: Alerts, installations: Installations, figures: Figures) -> None:
    """See what is wrong now and tell whoever is to know and does not; nothing while the installation is switched off."""
    if not tenant.settings.switched_on:
        return
    was, wanted = await alerts.standing(tenant.id), tenant.settings.alerts
    now = tenant.clock.now()
    found = troubles(await _look(tenant, alerts, installations, figures), was, now, wanted.queue_minutes)
    await alerts.set_standing(tenant.id, {str(kind): reason for kind, reason in found.items()})
    for one in (await alerts.standing(tenant.id)).values():
        if one.kind in wanted.kinds:
            await _tell(tenant, alerts, one, now)


async def _look(tenant: Tenant, alerts: Alerts, installations: Installations, figures: Figures) -> Facts:
    installed, now = tenant.installed, tenant.clock.now()
    tested = await alerts.self_test(tenant.id)
    centres = await installations.centres(tenant.id)
    can_hear = can_receive_hooks(tenant)
    return Facts(
        has_access=installed.state == "active" and not installed.reason,
        centres_down=tuple(one.id for one in centres if one.state == "failing"),
        hooks=frozenset(await installations.hooks(tenant.id)) if can_hear else None,
        # Without a public address there is nothing to be told each day.
        failed=frozenset(tested.failed if tested else ()) - (set() if can_hear else {Area.HOOKS}),
        queue=await alerts.queue(tenant.id, now - timedelta(minutes=tenant.settings.alerts.queue_minutes)),
        tokens=await figures.tokens(tenant.id, (now - timedelta(days=_DAYS)).date()),
        allowance=tenant.pipedrive.allowance,
    )


async def _tell(tenant: Tenant, alerts: Alerts, one: Standing, now: datetime) -> None:
    ways = one.untold(ways_of(tenant))
    is_due = now - one.since >= PATIENCE and (one.not_before is None or one.not_before <= now)
    if not ways or not is_due or not await alerts.take(tenant.id, one, until=now + _LEASE):
        return
    reached, failures = set[str](), list[str]()
    notice = notice_of(tenant, AlertKind(one.kind), one.reason, one.since, is_on=one.is_on)
    for way in sorted(ways):
        try:
            await send(tenant, way, notice)
            reached.add(way)
        except Undelivered as error:
            failures.append(f"{way}: {error}")
            if error.failure is Failure.SOME_RECIPIENTS:
                reached.add(way)
    if failures:
        log.warning("alert not told", installation=tenant.id, kind=one.kind, failures=failures)
    wait = _AGAIN[min(one.attempts, len(_AGAIN) - 1)]
    again = None if ways <= reached else tenant.clock.now() + timedelta(seconds=wait)
    await alerts.told(tenant.id, one, reached, failure="; ".join(failures), again_at=again)


def ways_of(tenant: Tenant) -> list[str]:
    """The ways by which people of this installation are told."""
    wanted = tenant.settings.alerts
    return [way for way, is_set in ((EMAIL, wanted.emails), (WEBHOOK, wanted.webhook)) if is_set]


async def send(tenant: Tenant, way: str, notice: Notice) -> None:
    """Send a notice one way; Undelivered with the reason."""
    wanted = tenant.settings.alerts
    if way == EMAIL:
        await send_mail(tenant.service, wanted.emails, notice.subject, notice.text)
    elif wanted.webhook is not None:
        await post(
            wanted.webhook, notice.as_json(), secret=tenant.installed.alert_secret,
            at=int(tenant.clock.now().timestamp()), trusted=tenant.service.trusted_hosts,
        )  # fmt: skip


# the self-test


async def self_test(
    tenant: Tenant, alerts: Alerts, installations: Installations, scopes: Iterable[str]
) -> list[str]:
    """Call both vendors, keep what was found and answer what is amiss; `scopes` as `check` wants them."""
    result = await check(tenant, await installations.hooks(tenant.id), scopes)
    await alerts.keep_self_test(tenant.id, failed=result.failed, problems=result.problems)
    log.info("self-test", installation=tenant.id, failed=[str(one) for one in result.failed])
    return result.problems
