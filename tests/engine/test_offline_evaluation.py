"""Offline answers in the engine's environment: forced, refused, and the same as the engine's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from launcher.layout import checkout_root, layout_from
from training.config import load_task
from training.data.examples import Example
from training.evaluate.asking import Target, Through, ask_all

ROOT = checkout_root()
LAYOUT = layout_from(os.environ)
PYTHON = Path(os.environ.get("FIRSTLINE_TEST_ENGINE_PYTHON", LAYOUT.engine_venv / "bin" / "python"))
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
ADAPTER = ROOT / "examples" / "adapters" / "invoice-extract"
TASK = ROOT / "examples" / "tasks" / "invoice-extract.yaml"
SERVED = "offline-comparison"
SECONDS = 280

SCRIPT = """
import asyncio, dataclasses, json, sys
from pathlib import Path
import torch, transformers
from peft import LoraConfig, get_peft_model
from contracts.output import ChoiceOutput, JsonSchemaOutput
from contracts.task import Sampling, Task
from training.config import load_task
from training.data.examples import Example
from training.errors import TrainingError
from training.evaluate.offline import OfflineOptions, load_offline
from training.evaluate.quantised import Form

base, model, adapter, task_file = map(Path, sys.argv[1:])
torch.manual_seed(0)
def tiny(hidden):
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=49152, hidden_size=hidden, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True, eos_token_id=2))
tiny(32).save_pretrained(base)
for hidden, name in ((32, "fits"), (48, "too-wide")):
    made = get_peft_model(tiny(hidden), LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    made.save_pretrained(base.parent / name)

schema = {"type": "object", "properties": {"ok": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}},
          "required": ["ok", "kind"], "additionalProperties": False}
facts = dict(name="t", description="d", base_model="tiny")
sampling = Sampling(max_tokens=40)
structured = Task(**facts, output=JsonSchemaOutput(kind="json_schema", schema=schema), sampling=sampling)
choice = Task(**facts, output=ChoiceOutput(kind="choice", choices=("bug", "question")), sampling=sampling)
rows = [Example(id=str(n), text="word " * (1 + 7 * n), output=None) for n in range(5)]
rows.append(Example(id="long", text="word " * 4100, output=None))

def ask(task, examples, options, base=base, adapter=base.parent / "fits"):
    model = load_offline(task, base, adapter, options)
    counted = []
    answers = asyncio.run(model.ask(examples, lambda: counted.append(1)))
    assert len(counted) == len(examples)
    return [dataclasses.asdict(answer) for answer in answers], model.judged.model_dump()

def refusal(*arguments):
    try:
        load_offline(*arguments)
    except TrainingError as error:
        return type(error).__name__ + ": " + str(error)

found = {}
found["structured"], found["judged"] = ask(structured, rows, OfflineOptions(batch_size=2))
found["one by one"], _ = ask(structured, rows, OfflineOptions(batch_size=1))
found["choice"], _ = ask(choice, rows[:2], OfflineOptions(form=Form.BFLOAT16))
found["free"], _ = ask(structured, rows[:1], OfflineOptions(constrained=False))
found["too wide"] = refusal(structured, base, base.parent / "too-wide")
found["no model"] = refusal(structured, base.parent / "fits")
found["fp8"] = refusal(structured, base, None, OfflineOptions(form=Form.FP8))
task = load_task(task_file)
examples = [Example(id=str(n), text=text, output=None) for n, text in enumerate(task.examples)]
found["served task"], _ = ask(task, examples, OfflineOptions(), model, adapter)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process of the engine's environment answered and refused."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "base").mkdir()
    for name in TOKENIZER_FILES:
        shutil.copyfile(LAYOUT.model / name, folder / "base" / name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [str(PYTHON), "-c", SCRIPT, *map(str, (folder / "base", LAYOUT.model, ADAPTER, TASK))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_every_answer_keeps_the_schema_in_the_compact_form(found: dict[str, Any]) -> None:
    texts = {answer["text"] for answer in found["structured"][:5]}
    assert texts <= {f'{{"ok":{ok},"kind":"{kind}"}}' for ok in ("true", "false") for kind in "ab"}
    assert [answer["id"] for answer in found["structured"]] == ["0", "1", "2", "3", "4", "long"]
    for answer in found["structured"][:5]:
        assert answer["finish_reason"] == "stop"
        assert 5 < answer["completion_tokens"] < 40
        assert answer["latency_seconds"] > 0


def test_a_batch_changes_no_answer(found: dict[str, Any]) -> None:
    together, alone = (
        [(answer["text"], answer["prompt_tokens"], answer["completion_tokens"]) for answer in found[name]]
        for name in ("structured", "one by one")
    )
    assert together == alone


def test_a_prompt_that_the_engine_would_refuse_is_an_answer_with_an_error(found: dict[str, Any]) -> None:
    answer = found["structured"][5]
    assert (answer["text"], answer["error"]) == (None, "400 context_length_exceeded")
    assert answer["prompt_tokens"] > 4096


def test_a_choice_is_one_of_the_labels(found: dict[str, Any]) -> None:
    assert {answer["text"] for answer in found["choice"]} <= {"bug", "question"}


def test_without_the_grammar_an_answer_may_end_at_its_length(found: dict[str, Any]) -> None:
    (answer,) = found["free"]
    assert (answer["finish_reason"], answer["completion_tokens"]) == ("length", 40)


def test_what_was_judged_is_named_by_its_content(found: dict[str, Any]) -> None:
    judged = found["judged"]
    assert judged["model"] == f"t@{judged['adapter_digest'][:12]}"
    assert (judged["base_model"], judged["form"]) == ("tiny", "float32")


def test_what_does_not_fit_is_refused(found: dict[str, Any]) -> None:
    assert "q_proj is 32 wide here, 48 there" in found["too wide"]
    assert found["no model"].startswith("OfflineModelError")
    assert found["fp8"].startswith(("QuantisationError", "MissingLibraryError"))


async def test_the_engine_says_the_same(engine_url: str, found: dict[str, Any]) -> None:
    task = load_task(TASK)
    examples = [Example(id=str(n), text=text, output=None) for n, text in enumerate(task.examples)]
    load = {"lora_name": SERVED, "lora_path": str(ADAPTER)}
    async with httpx.AsyncClient(base_url=engine_url, timeout=SECONDS) as engine:
        (await engine.post("/v1/load_lora_adapter", json=load)).raise_for_status()
        try:
            target = Target(f"{engine_url}/v1", SERVED, Through.ENGINE)
            served = await ask_all(task, examples, target, lambda: None)
        finally:
            await engine.post("/v1/unload_lora_adapter", json={"lora_name": SERVED})
    compared = ("text", "prompt_tokens", "completion_tokens", "finish_reason")
    assert [[getattr(answer, name) for name in compared] for answer in served] == [
        [answer[name] for name in compared] for answer in found["served task"]
    ]
