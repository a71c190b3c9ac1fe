"""Whatever bytes an adapter folder holds, it is judged; and what was judged is what is stored."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import JsonForm
from gateway.adapters import AdapterStore
from gateway.adapters._package import PackageFacts
from gateway.adapters.bases import BaseModel
from gateway.adapters.inspect import Inspection, inspect_adapter
from gateway.errors import AdapterRefusedError
from tests.support.peft_folder import lora_config, lora_tensors, safetensors_bytes, write_peft_folder

BASE = BaseModel("smollm2-135m", frozenset({"smollm2-135m"}))
WEIGHTS = safetensors_bytes(lora_tensors(hidden=16, outward=8))
HEADER_BYTES = 8 + int.from_bytes(WEIGHTS[:8], "little")
KEYS = sorted(lora_config())
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def judge(weights: bytes, config: bytes) -> Inspection | None:
    """The inspection, or None where it was refused; any other exception fails the test."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "adapter_config.json").write_bytes(config)
        (folder / "adapter_model.safetensors").write_bytes(weights)
        try:
            return inspect_adapter(folder, base=BASE, max_rank=16)
        except AdapterRefusedError:
            return None


@given(
    places=st.lists(st.tuples(st.integers(0, HEADER_BYTES - 1), st.integers(1, 255)), min_size=1, max_size=8)
)
def test_a_corrupt_header_is_refused_or_still_says_the_same(places: list[tuple[int, int]]) -> None:
    corrupt = bytearray(WEIGHTS)
    for place, change in places:
        corrupt[place] ^= change
    found = judge(bytes(corrupt), json.dumps(lora_config()).encode())
    # A changed layer number or a changed space keeps the file a good one; its rank cannot have changed.
    assert found is None or found.rank == 4


@given(cut=st.integers(0, len(WEIGHTS) - 1))
def test_a_file_cut_anywhere_is_refused(cut: int) -> None:
    assert judge(WEIGHTS[:cut], json.dumps(lora_config()).encode()) is None


@given(weights=st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(weights: bytes) -> None:
    assert judge(weights, json.dumps(lora_config()).encode()) is None


@given(config=st.binary(max_size=200) | st.builds(json.dumps, anything).map(str.encode))
def test_an_arbitrary_config_is_refused(config: bytes) -> None:
    assert judge(WEIGHTS, config) is None


@given(changes=st.dictionaries(st.sampled_from(KEYS), anything, max_size=4))
def test_arbitrary_values_in_a_config_are_judged(changes: dict[str, Any]) -> None:
    found = judge(WEIGHTS, json.dumps(lora_config(**changes)).encode())
    assert found is None or found.rank == 4


@given(place=st.integers(0, len(WEIGHTS) - 1), change=st.integers(1, 255))
def test_a_stored_version_with_any_byte_changed_is_never_served(place: int, change: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        store = AdapterStore(Path(name) / "store")
        source = write_peft_folder(Path(name) / "a", tensors=lora_tensors(hidden=16, outward=8))
        with store.staging() as staged:
            store.stage(source, staged)
            facts, found = PackageFacts(JsonForm.COMPACT), Inspection(4, ("v_proj",))
            manifest, _ = store.commit(staged, found, facts, task="invoice", base_model="m")
        weights = store.path(manifest) / "adapter_model.safetensors"
        content = bytearray(weights.read_bytes())
        content[place] ^= change
        weights.chmod(0o644)
        weights.write_bytes(content)
        assert AdapterStore(Path(name) / "store").all() == ()
