"""Amounts, times, counts and states as the reader's language writes them, and in the reader's zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from aiohttp import web
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal

from connector.i18n import Translate, locale_of, money
from connector.web.pages import language_of, translate_for


@dataclass(frozen=True, slots=True)
class Show:
    """Writes values for one language and time zone."""

    language: str
    zone: ZoneInfo
    translate: Translate

    @classmethod
    def of(cls, request: web.BaseRequest, zone: ZoneInfo) -> Show:
        """As the visitor reads it."""
        return cls(language_of(request), zone, translate_for(request))

    @property
    def _locale(self) -> str:
        return locale_of(self.language)

    def money(self, value: Decimal | None, currency: str | None) -> str:
        """An amount; nothing where there is none."""
        if not value:
            return "–"
        if not currency:
            return format_decimal(value, locale=self._locale)
        return money(value, currency, self.language)

    def percent(self, probability: Decimal | None) -> str:
        """A probability of Pipedrive's, which counts to a hundred."""
        return "–" if probability is None else f"{format_decimal(probability, locale=self._locale)} %"

    def day(self, at: datetime | None) -> str:
        """The day of a moment."""
        return "–" if at is None else format_date(at.astimezone(self.zone).date(), locale=self._locale)

    def time(self, at: datetime | None) -> str:
        """A moment to the minute."""
        pattern = "d MMM y, HH:mm" if self._locale == "en_GB" else "d.MM.y, HH:mm"
        return "–" if at is None else format_datetime(at, pattern, tzinfo=self.zone, locale=self._locale)

    def date(self, day: date) -> str:
        """A calendar day, shortly."""
        return format_date(day, "d MMM", locale=self._locale)

    def ago(self, at: datetime | None, now: datetime) -> str:
        """How long ago a moment was, or how soon it comes."""
        if at is None:
            return "–"
        return format_timedelta(at - now, add_direction=True, locale=self._locale)

    def lasting(self, seconds: float) -> str:
        """A duration, in its largest unit."""
        return format_timedelta(timedelta(seconds=seconds), threshold=1.2, locale=self._locale)

    def number(self, count: float | Decimal) -> str:
        """A count."""
        return format_decimal(count, locale=self._locale)

    def status(self, status: str) -> tuple[str, str]:
        """The look and the word of a deal's status."""
        _ = self.translate
        known = {
            "open": ("busy", _("open")),
            "won": ("good", _("won")),
            "lost": ("broken", _("lost")),
            "deleted": ("plain", _("deleted")),
        }
        return known.get(status, ("plain", status))

    def totals(self, totals: Mapping[str, Decimal]) -> str:
        """Sums by currency."""
        return " · ".join(self.money(value, currency) for currency, value in sorted(totals.items()))

    def hidden(self, count: int) -> str:
        """How many deals this agent may not see."""
        _ = self.translate
        return _("Not shown: %(count)s, of others and not open to the whole company.") % {"count": count}
