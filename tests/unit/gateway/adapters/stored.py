"""Adapter versions in a real store."""

from __future__ import annotations

from pathlib import Path

from contracts.adapter import AdapterManifest
from contracts.canonical import JsonForm
from gateway.adapters import AdapterStore
from gateway.adapters._package import PackageFacts
from gateway.adapters.inspect import Inspection
from tests.support.peft_folder import write_peft_folder

INSPECTION = Inspection(rank=4, target_modules=("v_proj",))
PLAIN = PackageFacts(JsonForm.COMPACT)


def put_version(store: AdapterStore, folder: Path, seed: int = 0) -> AdapterManifest:
    """Store a version of task `invoice` on `small-model`; each seed has other weights."""
    source = write_peft_folder(folder / f"v{seed}", seed=seed)
    with store.staging() as staged:
        store.stage(source, staged)
        manifest, _ = store.commit(staged, INSPECTION, PLAIN, task="invoice", base_model="small-model")
    return manifest
