"""The generation that proves an adapter."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.artifact import PROBE_FILE, Probe
from gateway.adapters import LoadState
from gateway.adapters.probe import MAX_PROBE_BYTES, judge_probe, read_probe
from gateway.errors import AdapterRefusedError
from tests.unit.gateway.adapters.test_engine_adapters import Bench

PROBE = Probe(prompt="Total: 12", completion="twelve euros", base_completion="I can help with that")


def write_probe(folder: Path, probe: Probe | dict[str, Any] | str) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    text = (
        probe
        if isinstance(probe, str)
        else json.dumps(probe if isinstance(probe, dict) else probe.model_dump())
    )
    (folder / PROBE_FILE).write_text(text, encoding="utf-8")
    return folder


def test_a_folder_without_a_probe_has_none(tmp_path: Path) -> None:
    assert read_probe(tmp_path) is None


def test_a_probe_is_read(tmp_path: Path) -> None:
    assert read_probe(write_probe(tmp_path, PROBE)) == PROBE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"prompt": "a"}', "completion: Field required"),
        ('{"prompt": "a", "completion": "b", "max_tokens": 9999}', "max_tokens: Input should be less"),
        ('{"prompt": "a", "completion": "b", "more": 1}', "more: Extra inputs"),
        (" " * (MAX_PROBE_BYTES + 1), "is over 262144 bytes"),
    ],
    ids=["cut", "list", "incomplete", "too many tokens", "unknown key", "too large"],
)
def test_a_broken_probe_is_refused_with_its_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AdapterRefusedError, match=said) as refused:
        read_probe(write_probe(tmp_path, text))
    assert refused.value.message.startswith(f"{PROBE_FILE}: ")


def test_a_link_a_pipe_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(PROBE.model_dump_json())
    makers: tuple[Callable[[Path], None], ...] = (
        lambda path: path.symlink_to(tmp_path / "elsewhere"),
        os.mkfifo,
        Path.mkdir,
    )
    for number, make in enumerate(makers):
        folder = tmp_path / str(number)
        folder.mkdir()
        make(folder / PROBE_FILE)
        with pytest.raises(AdapterRefusedError, match=r"probe\.json"):
            read_probe(folder)


def test_an_answer_that_drifts_late_is_the_same_adapter() -> None:
    judge_probe(PROBE, "twelve dollars")


@pytest.mark.parametrize("answer", ["", "I think twelve", "twelv"], ids=["empty", "another", "too short"])
def test_an_answer_that_shares_too_little_is_refused(answer: str) -> None:
    with pytest.raises(AdapterRefusedError, match="otherwise than where the adapter was trained"):
        judge_probe(PROBE, answer)


def test_the_base_models_answer_is_told_apart() -> None:
    with pytest.raises(AdapterRefusedError, match="has not applied the adapter"):
        judge_probe(PROBE, "I can help with that")
    same = PROBE.model_copy(update={"base_completion": PROBE.completion})
    judge_probe(same, PROBE.completion)


async def test_an_engine_that_answers_the_probe_wrongly_is_relieved_of_the_adapter_alone(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    await bench.turn()
    good, bad = bench.stored(0), bench.stored(1)
    for manifest in (good, bad):
        folder = bench.store.path(manifest)
        folder.chmod(0o755)
        write_probe(folder, PROBE)
    client = bench.engine.client
    client.said = {good.name: "twelve euros", bad.name: "I can help with that"}
    await bench.turn(good, bad)
    assert bench.engine.ready_adapters == client.loaded == {good.name}
    status = bench.status(bad)
    assert status.state is LoadState.QUARANTINED
    assert "has not applied the adapter" in (status.reason or "")
