"""The gateway in front of scripted engines."""

from tests.support.gateway_fixtures import (
    client,
    engine,
    escalating,
    escalating_client,
    fresh,
    fresh_client,
    gateway,
    session_engine,
    session_escalating,
    session_gateway,
    session_upstream,
    start_gateway,
    upstream,
)

__all__ = [
    "client",
    "engine",
    "escalating",
    "escalating_client",
    "fresh",
    "fresh_client",
    "gateway",
    "session_engine",
    "session_escalating",
    "session_gateway",
    "session_upstream",
    "start_gateway",
    "upstream",
]
