"""The overview: the state of everything in one sentence, then numbers, then what they were over the last two weeks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from aiohttp import web

from connector.flows.contacts.marking import in_step
from connector.flows.forecasting import forecast
from connector.flows.installing import can_receive_hooks
from connector.flows.running import Running
from connector.flows.tenant import Tenant
from connector.i18n import Translate
from connector.records import Window
from connector.store.figures import MOST, Day, Figures
from connector.store.operations import RUNNING
from connector.web.console.desk import PATH, Console, Visit
from connector.web.console.finding_words import finding
from connector.web.console.happening.backfill import TokensToday
from connector.web.console.happening.head import Facts, customers_page, headline, pairs_lacking
from connector.web.console.happening.run_words import ShownRun, shown
from connector.web.showing import Show

_DAYS = 14
#: What is over changes little: it is counted once a minute.
_KEPT_FOR = timedelta(minutes=1)


@dataclass(slots=True)
class Chart:
    """Bars of the last days: what they show, each with its label, its height and what is said of it."""

    label: str
    name: str
    bars: list[tuple[str, int, str]]

    @property
    def top(self) -> int:
        """The highest bar."""
        return max((value for _, value, _ in self.bars), default=0)


class OverviewPage:
    """The first page of the console."""

    def __init__(
        self,
        console: Console,
        figures: Figures,
        *,
        tokens_today: TokensToday,
        next_run: Callable[[str], datetime | None],
        running: Callable[[str], list[Running]],
    ) -> None:
        """`next_run` says when an installation's events are read next, `running` which runs are under way."""
        self._console, self._figures = console, figures
        self._tokens_today, self._next_run, self._running = tokens_today, next_run, running
        self._past: dict[tuple[str, str], tuple[datetime, list[Day]]] = {}

    def routes(self) -> web.RouteTableDef:
        """The page."""
        table = web.RouteTableDef()
        table.get(PATH)(self._console.serve(self.show))
        return table

    async def show(self, visit: Visit) -> web.StreamResponse:
        """Everything at one look; asks neither vendor anything."""
        tenant, now, figures = visit.tenant, self._console.clock.now(), self._figures
        days = await self._days(visit, now)
        tokens = await figures.tokens(tenant.id, now.date() - timedelta(days=_DAYS))
        facts = await self._facts(visit, now, days[-1], tokens.get(now.date(), 0))
        delays = await figures.delays(tenant.id)
        _, show = visit.translate, visit.show
        head = headline(facts, visit)
        return self._console.page(
            visit, "console/happening/overview.html", "", head=head, reason=finding(head.reason, _), facts=facts,
            health=await self._health(visit, facts), latency=_latency(delays),
            forecast=forecast(facts.spent, now, tokens), counts={str(k): _count(v, show) for k, v in facts.open.items()},
            done={str(kind): number for kind, number in days[-1].done.items()},
            runs=self._runs(visit, facts, now), next_run=self._next(tenant, now),
            charts=[*_charts(days, visit), _tokens_chart({**tokens, now.date(): facts.spent}, now.date(), visit)],
            test=facts.test, problems=[(finding(one, _), one) for one in (facts.test.problems if facts.test else ())[:5]], waits=_count(facts.waits, show),
        )  # fmt: skip

    async def _days(self, visit: Visit, now: datetime) -> list[Day]:
        """The last days with today, each as long as it is in the viewer's zone."""
        windows = last_days(now, visit)
        key = (visit.tenant.id, visit.zone.key)
        kept = self._past.get(key)
        if kept is None or now - kept[0] >= _KEPT_FOR or kept[1][-1].window != windows[-2]:
            if len(self._past) > 1000:
                self._past.clear()
            kept = self._past[key] = (now, await self._figures.days(visit.tenant.id, windows[:-1]))
        return [*kept[1], *await self._figures.days(visit.tenant.id, windows[-1:])]

    async def _facts(self, visit: Visit, now: datetime, today: Day, written: int) -> Facts:
        tenant, figures = visit.tenant, self._figures
        spent, allowance = self._tokens_today(tenant.id)
        return Facts(
            now=now,
            installed=tenant.installed,
            by_app=bool(tenant.service.pipedrive_client_id),
            centres=await self._console.installations.centres(tenant.id),
            open=await figures.open_entries(tenant.id),
            questions=await tenant.questions.counts(),
            today=today.done,
            spent=max(spent, written),
            allowance=allowance,
            runs=await figures.runs(tenant.id, limit=20),
            is_paused=any(one.released_at is None for one in await tenant.changes.braked()),
            test=await figures.self_test(tenant.id),
            failing=(await tenant.dirty.sizes())[1],
            lacking=await figures.lacking(tenant.id),
        )  # fmt: skip

    def _runs(self, visit: Visit, facts: Facts, now: datetime) -> list[ShownRun]:
        running = {one.id: one for one in self._running(visit.tenant.id)}
        last = facts.last_ended
        rows = [row for row in facts.runs if row.outcome == RUNNING][:2] + ([last] if last else [])
        return [shown(row, running.get(row.id), visit.show, now) for row in rows]

    def _next(self, tenant: Tenant, now: datetime) -> datetime | None:
        """When the next run begins, by the connector's clock: schedules go by real time."""
        at = self._next_run(tenant.id) if tenant.installed.runs and tenant.centres else None
        return None if at is None else now + (at - datetime.now(UTC))

    async def _health(self, visit: Visit, facts: Facts) -> list[tuple[str, str, str, str, str]]:
        """The parts that everything hangs on: name, look, word, what to say of it, and where it is mended."""
        _, tenant = visit.translate, visit.tenant
        found = [_pipedrive(facts, _)]
        found += [
            (one.system, "good", _("works"), one.user)
            if one.state == "active"
            else (one.system, "broken", _("cannot be read"), one.reason)
            for one in facts.centres
        ]
        hooks = len(await self._console.installations.hooks(tenant.id))
        if hooks:
            found.append(
                (_("Pipedrive’s webhooks"), "good", _("on"), _("Webhooks: %(count)s") % {"count": hooks})
            )
        elif can_receive_hooks(tenant):
            text = _("They are made again each night. Until then changes are looked for every half hour.")
            found.append((_("Pipedrive’s webhooks"), "attention", _("missing"), text))
        else:
            text = _("The connector has no public address. Changes are looked for every half hour instead.")
            found.append((_("Pipedrive’s webhooks"), "plain", _("off"), text))
        links = [(*one, "") for one in found]
        return [*links, _customers(visit, facts)] if in_step(tenant) else links


def last_days(now: datetime, visit: Visit) -> list[Window]:
    """The last days up to today by the viewer's calendar."""
    today = now.astimezone(visit.zone).date()
    begins = [
        datetime.combine(today - timedelta(days=n), time(), visit.zone).astimezone(UTC)
        for n in range(_DAYS - 1, -2, -1)
    ]
    return [Window(since, until) for since, until in pairwise(begins)]


def _pipedrive(facts: Facts, _: Translate) -> tuple[str, str, str, str]:
    installed = facts.installed
    if installed.state != "active" or installed.reason:
        return ("Pipedrive", "broken", _("does not let us in"), installed.reason)
    return ("Pipedrive", "good", _("works"), installed.name)


def _customers(visit: Visit, facts: Facts) -> tuple[str, str, str, str, str]:
    """How keeping customers and companies in step goes."""
    _ = visit.translate
    name = _("Customers and companies")
    if not facts.failing and not facts.lacking:
        return (name, "good", _("in step"), "", "")
    failing = _("Records that cannot be kept in step: %(count)s.") % {
        "count": visit.show.number(facts.failing)
    }
    text = " ".join(filter(None, (failing if facts.failing else "", pairs_lacking(facts, visit))))
    return (name, "attention", _("need you"), text, customers_page(facts, visit))


def _latency(delays: Sequence[float]) -> tuple[float, float] | None:
    """The median and what 95 of 100 do not exceed, in seconds."""
    if not delays:
        return None
    return delays[len(delays) // 2], delays[min(int(len(delays) * 0.95), len(delays) - 1)]


def _count(number: int, show: Show) -> str:
    return show.number(number) + ("+" if number >= MOST else "")


def _charts(days: Sequence[Day], visit: Visit) -> list[Chart]:
    _, show = visit.translate, visit.show
    done_bars, failed_bars = [], []
    for day in days:
        name = show.date(day.window.since.astimezone(visit.zone).date())
        number = sum(day.done.values())
        done_bars.append((name, number, show.number(number)))
        failed_bars.append((name, day.failed, show.number(day.failed)))
    return [
        Chart(_("Events in Pipedrive, by the day they happened"), _("Events"), done_bars),
        Chart(_("Failed events, by the day they happened"), _("Failed"), failed_bars),
    ]


def _tokens_chart(tokens: Mapping[date, int], today: date, visit: Visit) -> Chart:
    _, show = visit.translate, visit.show
    days = [today - timedelta(days=n) for n in range(_DAYS - 1, -1, -1)]
    bars = [(show.date(day), tokens.get(day, 0), show.number(tokens.get(day, 0))) for day in days]
    return Chart(_("Pipedrive tokens by day (UTC)"), _("Tokens"), bars)
