"""Structured logs: ids and counts, never names, numbers, texts or tokens."""

from __future__ import annotations

import asyncio
import logging
import sys
from traceback import format_tb
from typing import Literal

import structlog


def set_up(log_format: Literal["json", "text"], level: str) -> None:
    """Write one line an event to standard error, as JSON or as text."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _say_where,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log little, and never what they carry.
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("apscheduler.executors.default").addFilter(_is_no_end)


def _is_no_end(record: logging.LogRecord) -> bool:
    """Whether a line of the scheduler is more than that a job was broken off: all that are under way are when we stop."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _say_where(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Where an exception was raised and of which class, and those that led to it: their words may name a person."""
    info = line.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    places: list[str] = []
    while isinstance(error, BaseException):
        places.insert(0, "".join([*format_tb(error.__traceback__), type(error).__name__]))
        error = error.__cause__ or error.__context__
    if places:
        line["exception"] = "\n".join(places)
    return line
