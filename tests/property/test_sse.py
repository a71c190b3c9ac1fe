"""Events do not depend on where the network splits their bytes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.engines._sse import EventParser

LINES = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"data: ",
        b"data",
        b": ping",
        b"event: x",
        b"",
        b"",
        b"data: \xc3\xa4\xf0\x9f",
        b"\r",
    ]
) | st.binary(max_size=8)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\n\n"])
STREAMS = st.lists(st.tuples(LINES, ENDS).map(b"".join), max_size=20).map(b"".join)


def parse(chunks: list[bytes]) -> list[bytes]:
    parser = EventParser()
    return [data for chunk in chunks for data in parser.feed(chunk)]


def split(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=12))
def test_the_events_are_the_same_however_the_bytes_are_split(stream: bytes, cuts: list[int]) -> None:
    assert parse(split(stream, cuts)) == parse([stream])


@given(STREAMS)
def test_the_events_are_the_same_byte_by_byte(stream: bytes) -> None:
    assert parse([stream[i : i + 1] for i in range(len(stream))]) == parse([stream])


TEXTS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.lists(TEXTS, max_size=8))
def test_what_was_written_is_read(texts: list[str]) -> None:
    stream = b"".join(b"data: " + text.encode() + b"\n\n" for text in texts)
    assert parse([stream]) == [text.encode() for text in texts]
