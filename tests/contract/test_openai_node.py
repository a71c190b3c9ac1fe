"""The official `openai` client for Node, unmodified."""

from __future__ import annotations

from tests.contract.conftest import RunNode
from tests.support.calls import INVOICE, INVOICE_JSON
from tests.support.settings_files import MODEL
from tests.support.stub_engine import Reply, StubEngine


def test_chat_and_its_stream(run_node: RunNode, engine: StubEngine) -> None:
    engine.always(Reply(text="Hello there."))
    seen = run_node("chat", "stream", "streamHelper")
    assert seen["chat"] == {
        "content": "Hello there.",
        "finish": "stop",
        "tokens": 3,
        "outcome": "valid",
        "header": "valid",
        "sameRequest": True,
    }
    expected = {"content": "Hello there.", "finish": "stop", "tokens": 3, "outcome": "valid"}
    assert seen["stream"] == expected
    assert seen["streamHelper"] == {"content": "Hello there."}


def test_structured_answers_tasks_and_tools(run_node: RunNode, engine: StubEngine) -> None:
    engine.script(
        Reply(text='{"answer":"yes"}'),
        Reply(text=INVOICE_JSON),
        Reply(text='{"name":"get_weather","arguments":{"city":"Rome"}}'),
    )
    seen = run_node("structured", "task", "tool")
    assert seen["structured"] == {"answer": "yes"}
    assert seen["task"] == INVOICE
    assert seen["tool"] == {"name": "get_weather", "arguments": {"city": "Rome"}}


def test_completions_embeddings_and_models(run_node: RunNode, engine: StubEngine) -> None:
    engine.always(Reply(text=" a time."))
    seen = run_node("completion", "embeddings", "models")
    assert seen["completion"] == {"text": " a time."}
    assert seen["embeddings"]["count"] == 2
    assert seen["embeddings"]["length"] > 32
    assert isinstance(seen["embeddings"]["first"], float)
    assert {"auto", "invoice-extract", MODEL} <= set(seen["models"]["names"])
    assert seen["models"]["one"] == "invoice-extract"


def test_responses_and_their_stream(run_node: RunNode, engine: StubEngine) -> None:
    engine.always(Reply(text="Hello there."))
    seen = run_node("response", "responseStream")
    assert seen["response"] == {"text": "Hello there.", "status": "completed", "tokens": 3}
    last = {"text": "Hello there.", "first": "response.created", "last": "response.completed"}
    assert seen["responseStream"] == last


def test_errors_become_the_clients_own_classes(run_node: RunNode) -> None:
    seen = run_node("unknownModel", "badRequest")
    unknown, bad = seen["unknownModel"], seen["badRequest"]
    assert (unknown["name"], unknown["status"], unknown["code"]) == ("NotFoundError", 404, "model_not_found")
    assert (bad["name"], bad["status"], bad["code"]) == ("BadRequestError", 400, "unsupported_parameter")
    assert bad["param"] == "guided_json"
    assert "response_format" in bad["message"]
    assert bad["requestID"]


def test_a_final_failure_is_seen_once(run_node: RunNode, engine: StubEngine) -> None:
    engine.always(Reply(status=500))
    failure = run_node("finalFailure")["finalFailure"]
    assert (failure["name"], failure["status"], failure["code"]) == (
        "InternalServerError",
        502,
        "engine_error",
    )
    assert len(engine.generations) == 1


def test_an_error_inside_a_stream_is_raised(run_node: RunNode, engine: StubEngine) -> None:
    engine.script(Reply(tokens=("a", "b", "c"), cut_after=2))
    failure = run_node("brokenStream")["brokenStream"]
    assert failure["name"] == "APIError"
    assert failure["code"] == "engine_error"
