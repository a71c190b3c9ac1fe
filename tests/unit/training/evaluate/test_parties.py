"""From names to models: what a gateway, an engine and this process are asked, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.artifact import ADAPTER_FILES, digest_of
from contracts.canonical import JsonForm
from tests.support.evaluations import QUEUES, specification
from training.errors import EvaluationError
from training.evaluate.asking import Through
from training.evaluate.frozen import Frozen
from training.evaluate.parties import Asked, PartyMaker
from training.evaluate.quantised import Form
from training.evaluate.registered import GatewayAdmin, Registered
from training.evaluate.run import Parties

DIGEST = "0123456789ab" + "c" * 52
PINNED = "queues@0123456789ab"


def answered(request: httpx.Request) -> httpx.Response:
    """An admin API with one task and one version."""
    if request.headers.get("authorization") != "Bearer admin":
        return httpx.Response(401, json={"error": {"message": "no"}})
    if request.url.path == "/admin/v1/tasks":
        return httpx.Response(
            200, json={"tasks": [{"name": "queues", "channels": {"stable": "0123456789ab"}}]}
        )
    if request.url.path == f"/admin/v1/adapters/{PINNED}":
        return httpx.Response(
            200, json={"base_model": "small", "digest": DIGEST, "json_form": "spaced", "rank": 8}
        )
    return httpx.Response(404, json={"error": {"message": "not found"}})


def admin(key: str = "admin", handler: Any = answered) -> GatewayAdmin:
    return GatewayAdmin("http://gateway/v1", key, httpx.MockTransport(handler))


def parties(
    candidate: str | None,
    baseline: str | None = None,
    *,
    key: str = "admin",
    spec: Any = None,
    **changes: Any,
) -> Parties:
    frozen = Frozen(specification(**(spec or {})), QUEUES, (), (), "0" * 64, None, Path("gate.lock.json"))
    asked = Asked(candidate, baseline, Through.GATEWAY, "http://gateway/v1")
    return PartyMaker(frozen, replace(asked, **changes), admin(key)).parties()


def test_a_pinned_version_is_described_by_the_gateway_and_compared_with_the_stable_one() -> None:
    found = parties(PINNED)
    assert found.candidate.judged.model == PINNED
    assert found.candidate.judged.adapter_digest == DIGEST
    assert found.candidate.json_form is JsonForm.SPACED
    assert found.baseline is not None
    assert found.baseline.judged.model == PINNED


def test_without_an_admin_key_the_stable_channel_is_asked_by_the_tasks_name() -> None:
    found = parties(PINNED, key="")
    assert found.candidate.judged.adapter_digest is None
    assert found.baseline is not None
    assert found.baseline.judged.model == "queues"


def test_without_a_candidate_the_stable_version_is_compared_with_its_base_model() -> None:
    found = parties(None)
    assert found.candidate.judged.model == PINNED
    assert found.baseline is not None
    assert found.baseline.judged.model == "queues@base"


@pytest.mark.parametrize(("spec", "given"), [({"baseline": "none"}, None), ({}, "none")])
def test_nothing_to_compare_with_can_be_asked_for(spec: dict[str, Any], given: str | None) -> None:
    assert parties(PINNED, given, spec=spec).baseline is None


def test_a_version_that_the_gateway_does_not_have_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no version 'queues@ffffffffffff'"):
        parties("queues@ffffffffffff")


def test_a_version_of_another_task_is_refused() -> None:
    with pytest.raises(EvaluationError, match="is no version of task 'queues'"):
        parties("invoices@0123456789ab")


def folder_of(path: Path) -> Path:
    path.mkdir()
    for name in ADAPTER_FILES:
        (path / name).write_bytes(name.encode())
    return path


def test_a_served_candidates_folder_gives_its_hash_and_must_be_that_version(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "adapter")
    digest = digest_of(folder, ADAPTER_FILES)
    found = parties("queues", adapter=folder)
    assert found.candidate.judged.adapter_digest == digest
    with pytest.raises(EvaluationError, match=f"is not {PINNED}"):
        parties(PINNED, adapter=folder)
    with pytest.raises(EvaluationError, match="no adapter's folder"):
        parties("queues", adapter=tmp_path)


def test_an_engine_is_asked_by_its_own_names_and_knows_no_stable_version() -> None:
    found = parties("lora-7", "base", through=Through.ENGINE, form=Form.INT8)
    assert (found.candidate.judged.model, found.candidate.judged.form) == ("lora-7", "int8")
    assert found.baseline is not None
    assert found.baseline.judged.model == "small"
    assert parties("lora-7", through=Through.ENGINE).baseline is None
    with pytest.raises(EvaluationError, match="knows no stable version"):
        parties(None, through=Through.ENGINE)


def test_the_free_run_of_an_engine_sends_no_grammar_and_a_gateway_refuses_it() -> None:
    ((role, free),) = parties("lora-7", through=Through.ENGINE, spec={"free_run": True}).others
    assert (role, free.is_constrained) == ("candidate free", False)
    with pytest.raises(EvaluationError, match="a gateway always forces it"):
        parties(PINNED, spec={"free_run": True})


def test_a_folder_needs_the_base_models_folder(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="--base FOLDER"):
        parties(str(folder_of(tmp_path / "adapter")))


def test_a_name_is_no_folder_where_models_run_in_this_process(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no such folder"):
        parties("adapters/missing", base_folder=tmp_path)


def test_an_admin_api_that_cannot_be_asked_knows_nothing() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    for handler in (away, lambda _: httpx.Response(200, content=b"<html>"), lambda _: httpx.Response(500)):
        assert admin(handler=handler).stable_version("queues") is None
        assert admin(handler=handler).version(PINNED) is None


def test_a_task_that_the_gateway_does_not_serve_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no task 'other'"):
        admin().stable_version("other")


def test_a_version_is_read_as_it_stands() -> None:
    assert admin().version(PINNED) == Registered(PINNED, "small", DIGEST, JsonForm.SPACED)
