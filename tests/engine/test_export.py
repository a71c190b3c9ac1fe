"""Packages and exports with the real libraries: a tiny random Llama, then the shipped adapter."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from launcher.exporters import gguf_adapter
from launcher.layout import checkout_root, layout_from

ROOT = checkout_root()
LAYOUT = layout_from(os.environ)
PYTHON = Path(os.environ.get("FIRSTLINE_TEST_ENGINE_PYTHON", LAYOUT.engine_venv / "bin" / "python"))
DEMO = ROOT / "examples" / "adapters" / "invoice-extract"
TASK = ROOT / "examples" / "tasks" / "invoice-extract.yaml"
INVOICE = "Invoice 2024-00817\nVendor:  Blue Harbour Ltd\nDate: 14 March 2024\nTotal due:   60.00 EUR\n"


@dataclass(frozen=True)
class Run:
    folder: Path
    figures: dict[str, Any]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """One process of the engine's Python does it all: its libraries take ten seconds to import."""
    folder = tmp_path_factory.mktemp("export")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    arguments = (str(DEMO), str(LAYOUT.model), str(TASK), INVOICE)
    done = subprocess.run(
        [str(PYTHON), "-m", "tests.engine.export_figures", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    return {name: Run(folder, one) for name, one in figures.items()}


@pytest.fixture
def tiny(both: dict[str, Run]) -> Run:
    return both["tiny"]


@pytest.fixture
def real(both: dict[str, Run]) -> Run:
    return both["real"]


def test_a_package_made_twice_has_the_same_bytes_and_a_probe(tiny: Run) -> None:
    assert tiny.figures["same"]
    probe = json.loads((tiny.folder / "adapter" / "probe.json").read_text("utf-8"))
    assert probe["prompt"].endswith("<|im_start|>assistant\n")
    assert probe["completion"] != probe["base_completion"]
    provenance = json.loads((tiny.folder / "adapter" / "provenance.json").read_text("utf-8"))
    assert provenance["licences"] == {"base_model": "mit"}


def test_the_merged_model_answers_as_base_model_and_adapter_do(tiny: Run) -> None:
    assert tiny.figures["changes"]
    assert tiny.figures["alike"]["merged"]
    assert tiny.figures["apart"]["merged"] < 1e-4
    manifest = json.loads((tiny.folder / "merged" / "export.json").read_text("utf-8"))
    assert manifest["dtype"] == "float32"
    assert set(manifest["files"]) == {
        *("config.json", "generation_config.json", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"),
    }
    assert (tiny.folder / "merged" / "tokenizer.json").read_bytes() == (
        tiny.folder / "base" / "tokenizer.json"
    ).read_bytes()


def test_the_gguf_model_answers_as_base_model_and_adapter_do(tiny: Run) -> None:
    assert tiny.figures["alike"]["f16"]
    assert tiny.figures["apart"]["f16"] < 0.02
    assert tiny.figures["apart"]["q8_0"] < 0.2


def test_the_gguf_file_names_the_tokenizer_the_shape_and_the_sources(tiny: Run) -> None:
    known = tiny.figures["known"]
    expected = {
        "general.architecture": "llama",
        "general.type": "model",
        "general.license": "mit",
        "general.file_type": 1,
        "general.quantization_version": 2,
        "llama.block_count": 2,
        "llama.context_length": 512,
        "llama.embedding_length": 64,
        "llama.feed_forward_length": 128,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.rope.dimension_count": 16,
        "llama.vocab_size": 512,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": 512,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.padding_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
        "firstline.task": "invoice-extract",
    }
    assert {key: known[key] for key in expected} == expected
    assert tiny.figures["rule_of_bytes_alone"] == "gpt-2"
    assert len(known["firstline.adapter_digest"]) == 64
    control, normal, unused = 3, 1, 5
    types = tiny.figures["types"]
    assert (types[:4], types[-1]) == ([control, control, control, normal], unused)
    assert tiny.figures["tokens"]
    assert tiny.figures["template"]


def test_the_adapter_alone_as_gguf_adds_what_the_merge_adds(tiny: Run) -> None:
    assert tiny.figures["lora_gap"] < 5e-3


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(tiny: Run) -> None:
    assert "is there already" in tiny.figures["again"]
    assert "architecture 'qwen2' is not converted to GGUF here" in tiny.figures["architecture"]
    assert "qwen.gguf" not in tiny.figures["left"]
    assert not [name for name in tiny.figures["left"] if "partial" in name]


def test_the_shipped_adapter_merged_answers_as_it_is_served(real: Run) -> None:
    facts = {
        "invoice_id": "2024-00817",
        "date": "2024-03-14",
        "vendor": "Blue Harbour Ltd",
        "total_amount": 60.0,
    }
    assert json.loads(real.figures["adapted"]) == facts
    assert real.figures["merged"] == real.figures["adapted"]
    assert {"export.json", "model.safetensors", "tokenizer.json"} <= set(real.figures["files"])


async def test_the_engine_answers_the_probe_with_the_adapter_alone(real: Run, engine_url: str) -> None:
    probe = real.figures["probe"]
    body = {"prompt": probe["prompt"], "max_tokens": probe["max_tokens"], "temperature": 0}
    async with httpx.AsyncClient(base_url=engine_url, timeout=180) as http:
        served = (await http.get("/v1/models")).json()["data"][0]["id"]
        bare = await http.post("/v1/completions", json={**body, "model": served})
        loaded = await http.post(
            "/v1/load_lora_adapter", json={"lora_name": "export-probe", "lora_path": str(DEMO)}
        )
        assert loaded.status_code == 200, loaded.text
        adapted = await http.post("/v1/completions", json={**body, "model": "export-probe"})
        await http.post("/v1/unload_lora_adapter", json={"lora_name": "export-probe"})
    # The engine computes in bfloat16, the probe was made in float32: the registry asks for half of it.
    half = probe["completion"][: len(probe["completion"]) // 2]
    assert adapted.json()["choices"][0]["text"].startswith(half)
    assert not bare.json()["choices"][0]["text"].startswith(half)


def test_the_formats_of_adapter_export_are_written_from_the_light_environment(tmp_path: Path) -> None:
    gguf_adapter(DEMO, LAYOUT.model, tmp_path / "adapter.gguf")
    assert (tmp_path / "adapter.gguf").read_bytes()[:4] == b"GGUF"
