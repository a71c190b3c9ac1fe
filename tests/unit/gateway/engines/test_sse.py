"""Server-sent events as engines write them."""

from __future__ import annotations

import pytest

from gateway.engines import _sse
from gateway.engines._sse import EventParser, EventTooLargeError


def parse(*chunks: bytes) -> list[bytes]:
    parser = EventParser()
    return [data for chunk in chunks for data in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\r\n\r\n", [b"a"]),
        (b"data:  a \n\n", [b" a "]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data:\n\n", [b""]),
        (b": ping\n\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"\n\n\n", []),
        (b"database: a\n\n", []),
        (b"data: a\n", []),
        ("data: ä😀\n\n".encode(), ["ä😀".encode()]),
    ],
)
def test_only_the_data_of_complete_events_is_given(stream: bytes, events: list[bytes]) -> None:
    assert parse(stream) == events
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == events


def test_an_event_over_the_bound_is_refused_while_it_arrives() -> None:
    line = b"data: " + b"x" * (1024 * 1024) + b"\n"
    with pytest.raises(EventTooLargeError, match=str(_sse.MAX_EVENT_BYTES)):
        parse(*[line] * 9)
    assert parse(*[line] * 7) == []


def test_an_endless_line_is_refused_too() -> None:
    with pytest.raises(EventTooLargeError):
        parse(*[b"x" * (1024 * 1024)] * 9)


def test_the_bound_is_for_one_event_and_not_for_the_stream() -> None:
    event = b"data: " + b"x" * (1024 * 1024) + b"\n\n"
    parser = EventParser()
    assert sum(len(list(parser.feed(event))) for _ in range(20)) == 20
