"""The stub engine says what vLLM says: same statuses, same headers, same keys in the same order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.stub_engine import StubEngine

MODEL = "smollm2-135m"
SAY_HI = [{"role": "user", "content": "Say hi"}]
CHOICE = {"structured_outputs": {"choice": ["yes", "no"]}}

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("chat/completions", {"messages": SAY_HI, "max_tokens": 2}),
    "chat with log probabilities": (
        "chat/completions",
        {"messages": SAY_HI, "max_tokens": 2, "temperature": 1, "logprobs": True, "top_logprobs": 1, "n": 2},
    ),
    "two choices of greedy sampling": ("chat/completions", {"messages": SAY_HI, "max_tokens": 2, "n": 2}),
    "chat that stops by itself": ("chat/completions", {"messages": SAY_HI, "max_tokens": 16, **CHOICE}),
    "completion": ("completions", {"prompt": "Say hi", "max_tokens": 2, "logprobs": 1}),
    "empty messages": ("chat/completions", {"messages": [], "max_tokens": 2}),
    "messages of a wrong type": ("chat/completions", {"messages": "x", "max_tokens": 2}),
    "negative max_tokens": ("chat/completions", {"messages": SAY_HI, "max_tokens": -2}),
    "huge max_tokens": ("chat/completions", {"messages": SAY_HI, "max_tokens": 200_000}),
    "a prompt that is too long": (
        "chat/completions",
        {"messages": [{"role": "user", "content": "word " * 9000}], "max_tokens": 2},
    ),
    "unknown model": ("chat/completions", {"model": "nope", "messages": SAY_HI, "max_tokens": 2}),
    "required tool": (
        "chat/completions",
        {
            "messages": SAY_HI,
            "max_tokens": 2,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "tool_choice": "required",
        },
    ),
    "an adapter that is not there": ("load_lora_adapter", {"lora_name": "x", "lora_path": "/nonexistent"}),
    "an adapter without a path": ("load_lora_adapter", {"lora_name": "x"}),
    "unloading what is not loaded": ("unload_lora_adapter", {"lora_name": "x"}),
    "no such route": ("nothing", {}),
}


@pytest.fixture(scope="module")
def stub() -> Iterator[StubEngine]:
    with StubEngine(MODEL) as engine:
        yield engine


def shape(value: Any) -> Any:
    """Keys in order and the kinds of the values; lists by their first item."""
    if isinstance(value, dict):
        # A token as a key is not part of the shape.
        return [(key, None if key == "top_logprobs" else shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def ask(root: str, name: str, *, is_stream: bool = False) -> httpx.Response:
    path, body = REQUESTS[name]
    if path.endswith("completions"):
        body = {"model": MODEL, "temperature": 0, **body}
    if is_stream:
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
    return httpx.post(f"{root}/v1/{path}", json=body, timeout=120)


def error_of(response: httpx.Response) -> Any:
    body = response.json() if response.content else None
    error = body.get("error") if isinstance(body, dict) else None
    return (error["type"], error["param"], error["code"]) if error else None


@pytest.mark.parametrize("name", REQUESTS)
def test_a_whole_reply_has_the_shape_of_the_engines(engine_url: str, stub: StubEngine, name: str) -> None:
    real, scripted = ask(engine_url, name), ask(stub.url, name)
    assert scripted.status_code == real.status_code
    assert scripted.headers["content-type"] == real.headers["content-type"]
    assert error_of(scripted) == error_of(real)
    if real.status_code == 200:
        assert shape(scripted.json()) == shape(real.json())


@pytest.mark.parametrize("name", ["chat", "chat that stops by itself", "completion"])
def test_a_stream_has_the_shape_of_the_engines(engine_url: str, stub: StubEngine, name: str) -> None:
    real, scripted = ask(engine_url, name, is_stream=True), ask(stub.url, name, is_stream=True)
    assert scripted.headers["content-type"] == real.headers["content-type"]
    assert _distinct_shapes(scripted.text) == _distinct_shapes(real.text)


@pytest.mark.parametrize("path", ["/health", "/version", "/v1/models"])
def test_the_other_routes_have_the_shape_of_the_engines(engine_url: str, stub: StubEngine, path: str) -> None:
    real, scripted = httpx.get(engine_url + path), httpx.get(stub.url + path)
    assert scripted.status_code == real.status_code == 200
    if real.content:
        first = [response.json() for response in (real, scripted)]
        for body in first:
            body["data"] = body.get("data", [None])[:1]
        assert shape(first[1]) == shape(first[0])


def _distinct_shapes(stream: str) -> list[Any]:
    """Shapes of the events in order, each run of equal shapes once; the end as it is written."""
    shapes: list[Any] = []
    for event in stream.split("\n\n"):
        data = event.removeprefix("data: ")
        seen = shape(json.loads(data)) if data.startswith("{") else data
        if not shapes or shapes[-1] != seen:
            shapes.append(seen)
    return shapes
