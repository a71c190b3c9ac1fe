"""What belongs to an adapter package, and what its signature covers."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.artifact import ADAPTER_FILES, digest_of, package_digest, package_files
from contracts.canonical import content_hash
from tests.support.peft_folder import write_peft_folder

DOCUMENTS = (
    "README.md",
    "data-card.md",
    "evaluation-report.html",
    "evaluation-report.json",
    "model-card.md",
    "probe.json",
    "provenance.json",
    "recipe.yaml",
    "release-notes.md",
    "training-report.json",
)


def test_a_digest_is_the_content_hash_of_names_and_bytes(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    parts = [part for name in ADAPTER_FILES for part in (name.encode(), (folder / name).read_bytes())]
    assert digest_of(folder, ADAPTER_FILES) == content_hash(*parts)


def test_a_package_is_the_adapter_and_its_documents_alone(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    for name in (*DOCUMENTS, "signature.json", "manifest.json", "optimizer.pt", "tokenizer.json"):
        (folder / name).write_text(name, encoding="utf-8")
    assert package_files(folder) == tuple(sorted((*ADAPTER_FILES, *DOCUMENTS)))


def test_the_signature_is_not_part_of_what_it_signs(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    before = package_digest(folder)
    (folder / "signature.json").write_text("{}", encoding="utf-8")
    assert package_digest(folder) == before


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_changes_what_is_signed(tmp_path: Path, name: str) -> None:
    folder = write_peft_folder(tmp_path / "a")
    before = package_digest(folder)
    (folder / name).write_text("1", encoding="utf-8")
    first = package_digest(folder)
    (folder / name).write_text("2", encoding="utf-8")
    assert len({before, first, package_digest(folder)}) == 3
