"""Structured logs on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import orjson
import structlog

from gateway.settings import LogSettings


def _json(value: object, default: Callable[[object], object]) -> str:
    return orjson.dumps(value, default=default).decode()


def configure_logs(settings: LogSettings) -> None:
    """Set structlog up for the process: JSON lines, or text for a person."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(_json) if settings.json_lines else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
