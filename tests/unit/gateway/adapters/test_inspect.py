"""What an adapter folder is refused for, and what is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.adapters.bases import BaseModel, read_base_model, read_shapes
from gateway.adapters.inspect import inspect_adapter
from gateway.errors import AdapterRefusedError
from tests.support.peft_folder import (
    HIDDEN,
    KEY_VALUE,
    lora_tensors,
    safetensors_bytes,
    write_peft_folder,
)

NAMED = BaseModel("smollm2-135m", frozenset({"smollm2-135m"}))
SHAPED = BaseModel(
    "smollm2-135m",
    frozenset({"smollm2-135m"}),
    {"model.layers.0.self_attn.v_proj": (KEY_VALUE, HIDDEN), "model.embed_tokens": (49152, HIDDEN)},
)


def test_a_plain_folder_passes_with_its_rank_and_modules(tmp_path: Path) -> None:
    found = inspect_adapter(write_peft_folder(tmp_path / "a"), base=SHAPED, max_rank=4)
    assert (found.rank, found.target_modules, found.notes) == (4, ("v_proj",), "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_dora": True}, "use_dora is 'True': DoRA is not served"),
        ({"modules_to_save": ["lm_head"]}, "whole modules are not served"),
        ({"bias": "all"}, "trained biases"),
        ({"lora_bias": True}, "lora_bias=false"),
        ({"init_lora_weights": "pissa_niter_16"}, "changes the base weights"),
        ({"init_lora_weights": "olora"}, "changes the base weights"),
        ({"init_lora_weights": "corda"}, "changes the base weights"),
        ({"init_lora_weights": "loftq"}, "changes the base weights"),
        ({"alora_invocation_tokens": [1]}, "activated LoRA"),
        ({"layer_replication": [[0, 1]]}, "layer replication"),
        ({"trainable_token_indices": [5]}, "trained token embeddings"),
        ({"task_type": "SEQ_CLS"}, "causal language models"),
        ({"peft_type": "PREFIX_TUNING"}, "peft_type is 'PREFIX_TUNING'"),
        ({"r": 64}, "rank 64 is above the pool's max_lora_rank 16"),
        ({"rank_pattern": {"q_proj": 32}}, "rank 32 is above"),
        ({"r": 0}, "r: expected a whole number from 1, got 0"),
        ({"r": True}, "r: expected a whole number"),
        ({"r": "16"}, "r: expected a whole number"),
        ({"lora_alpha": float("nan")}, "lora_alpha: expected a finite number"),
        ({"lora_alpha": 10**400}, "lora_alpha: expected a finite number"),
        ({"target_modules": []}, "target_modules: expected a list"),
        ({"rank_pattern": [1]}, "rank_pattern: expected an object"),
        ({"base_model_name_or_path": 1}, "base_model_name_or_path: expected"),
        ({"r": 8}, r"has rank 4; adapter_config.json states \[8\]"),
    ],
)
def test_what_the_engine_would_refuse_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    folder = write_peft_folder(tmp_path / "a", **changes)
    with pytest.raises(AdapterRefusedError, match=message):
        inspect_adapter(folder, base=SHAPED, max_rank=16)


@pytest.mark.parametrize("init", [True, False, "gaussian", "eva"])
def test_starts_that_leave_the_base_alone_pass(tmp_path: Path, init: object) -> None:
    folder = write_peft_folder(tmp_path / "a", init_lora_weights=init, use_rslora=False)
    assert inspect_adapter(folder, base=NAMED, max_rank=16).rank == 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, bad: float, kind: str) -> None:
    tensors = {name: tensor.astype(kind) for name, tensor in lora_tensors().items()}
    name = next(iter(tensors))
    tensors[name][-1, -1] = bad
    folder = write_peft_folder(tmp_path / "a", tensors=tensors)
    with pytest.raises(AdapterRefusedError, match=rf"{name}.* holds NaN or infinite"):
        inspect_adapter(folder, base=NAMED, max_rank=16)


@pytest.mark.parametrize(("bits", "is_finite"), [(0x7F80, False), (0xFFC1, False), (0x7F7F, True), (0, True)])
def test_bfloat16_is_judged_by_its_bits(tmp_path: Path, bits: int, is_finite: bool) -> None:
    name = "base_model.model.model.layers.0.self_attn.v_proj"
    tensors = {
        f"{name}.lora_A.weight": np.full((4, HIDDEN), 0x3F80, dtype=np.uint16),
        f"{name}.lora_B.weight": np.full((KEY_VALUE, 4), bits, dtype=np.uint16),
    }
    folder = write_peft_folder(tmp_path / "a", tensors=tensors)
    if is_finite:
        assert inspect_adapter(folder, base=SHAPED, max_rank=16).rank == 4
    else:
        with pytest.raises(AdapterRefusedError, match="NaN or infinite"):
            inspect_adapter(folder, base=SHAPED, max_rank=16)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "base_model.model.model.layers.0.self_attn.v_proj.lora_magnitude_vector",
            (4, 4),
            "not part of a plain",
        ),
        ("base_model.model.lm_head.weight", (4, 4), "not part of a plain"),
        ("model.layers.0.self_attn.q_proj.lora_A.weight", (4, HIDDEN), "not part of a plain"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", (4, HIDDEN), "only one of"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", (4,), r"has shape \(4,\)"),
        ("base_model.model.../x.lora_A.weight", (4, 4), "not part of a plain"),
    ],
)
def test_tensors_that_an_engine_cannot_place_are_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...], message: str
) -> None:
    folder = write_peft_folder(tmp_path / "a", tensors=lora_tensors() | {name: np.zeros(shape, np.float32)})
    with pytest.raises(AdapterRefusedError, match=message):
        inspect_adapter(folder, base=NAMED, max_rank=16)


def test_a_type_that_is_not_served_is_refused(tmp_path: Path) -> None:
    tensors = {name: tensor.astype("float64") for name, tensor in lora_tensors().items()}
    folder = write_peft_folder(tmp_path / "a", tensors=tensors)
    with pytest.raises(AdapterRefusedError, match="has type F64"):
        inspect_adapter(folder, base=NAMED, max_rank=16)


def test_an_empty_file_of_weights_is_refused(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a", tensors={})
    with pytest.raises(AdapterRefusedError, match="holds no LoRA weights"):
        inspect_adapter(folder, base=NAMED, max_rank=16)


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_a_cut_file_is_refused(tmp_path: Path, kept: int) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes(lora_tensors())[:kept])
    with pytest.raises(AdapterRefusedError, match="cut or corrupt"):
        inspect_adapter(folder, base=NAMED, max_rank=16)


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "adapter_model.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}")
    with pytest.raises(AdapterRefusedError, match="the header is over"):
        inspect_adapter(folder, base=NAMED, max_rank=16)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, "\x00", '"text"'])
def test_a_config_that_is_no_object_is_refused(tmp_path: Path, content: str) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "adapter_config.json").write_text(content)
    with pytest.raises(AdapterRefusedError, match=r"adapter_config\.json"):
        inspect_adapter(folder, base=NAMED, max_rank=16)


@pytest.mark.parametrize(
    ("hidden", "outward", "layer"), [(HIDDEN * 2, KEY_VALUE, 1), (HIDDEN, HIDDEN, 1), (HIDDEN, KEY_VALUE, 2)]
)
def test_shapes_of_another_base_model_are_refused(
    tmp_path: Path, hidden: int, outward: int, layer: int
) -> None:
    tensors = lora_tensors(hidden=hidden, outward=outward, layers=layer)
    folder = write_peft_folder(tmp_path / "a", tensors=tensors)
    with pytest.raises(AdapterRefusedError, match=r"another base model|has no module"):
        inspect_adapter(folder, base=SHAPED, max_rank=16)


@pytest.mark.parametrize(
    "stated",
    [
        "smollm2-135m",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "unsloth/SmolLM2-135M-Instruct-bnb-4bit",
        "/srv/models/SmolLM2-135M-Instruct/",
        "C:\\models\\SmolLM2-135M",
        "/srv/.cache/huggingface/hub/models--HuggingFaceTB--SmolLM2-135M-Instruct/snapshots/" + "a" * 40,
    ],
)
def test_names_of_the_served_model_are_known(stated: str) -> None:
    assert NAMED.check_name(stated) is None


@pytest.mark.parametrize(
    "stated",
    [
        "meta-llama/Llama-3.2-1B",
        "HuggingFaceTB/SmolLM2-360M",
        "/srv/models/SmolLM-135M",
        "acme/legal",
        "./hf",
    ],
)
def test_names_of_other_models_are_refused(stated: str) -> None:
    with pytest.raises(AdapterRefusedError, match=r"trained on base model '.*', and the task is served by"):
        NAMED.check_name(stated)


def test_a_folder_that_names_no_model_is_accepted_by_its_shapes_and_noted() -> None:
    assert "accepted by the shapes" in (SHAPED.check_name("/home/someone/hf") or "")
    with pytest.raises(AdapterRefusedError):
        SHAPED.check_name("/srv/models/SmolLM-135M")


def test_shapes_come_from_the_weights_or_else_from_the_configuration(tmp_path: Path) -> None:
    config = '{"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, '
    config += '"num_key_value_heads": 1, "vocab_size": 32, "tie_word_embeddings": true}'
    (tmp_path / "config.json").write_text(config)
    assert read_shapes(tmp_path)["model.layers.0.self_attn.v_proj"] == (4, 8)
    assert read_shapes(tmp_path)["lm_head"] == (32, 8)
    weights = {"model.embed_tokens.weight": np.zeros((33, 8), np.float32)}
    (tmp_path / "model.safetensors").write_bytes(safetensors_bytes(weights))
    assert read_shapes(tmp_path) == {"model.embed_tokens": (33, 8), "lm_head": (33, 8)}


def test_what_the_engines_say_of_their_model_names_it(tmp_path: Path) -> None:
    base = read_base_model("triage", [str(tmp_path / "none" / "SmolLM2-135M-Instruct")])
    assert base.check_name("HuggingFaceTB/SmolLM2-135M-Instruct") is None
    assert base.shapes == {}
