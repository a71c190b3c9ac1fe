"""What a package's documents say: provenance, the form of JSON, the probe and the signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.artifact import PACKAGE_PURPOSE, Probe, Provenance, package_digest
from contracts.canonical import JsonForm
from contracts.signature import make_key_pair, sign
from contracts.task import Task
from gateway.adapters._package import PackageFacts, Trust, read_package
from gateway.errors import AdapterRefusedError
from tests.support.peft_folder import write_peft_folder

TASK = Task(name="invoice", description="Reads.", base_model="small-model")
NO_TRUST = Trust()


def provenance(**changes: Any) -> Provenance:
    values: dict[str, Any] = {
        "task": "invoice",
        "task_version": TASK.version,
        "output_hash": TASK.output_hash,
        "base_model": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "dataset": "invoices@0123456789ab",
        "dataset_sha256": "d" * 64,
        "recipe_sha256": "e" * 64,
        "method": "sft-rslora",
        "code_version": "0.2.0",
        "licences": {"base_model": "Apache-2.0", "dataset": "CC-BY-4.0"},
    }
    return Provenance(**(values | changes))


def package(folder: Path, **changes: Any) -> Path:
    write_peft_folder(folder)
    (folder / "provenance.json").write_text(provenance(**changes).model_dump_json())
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    make_key_pair(tmp_path / "release.key", tmp_path / "release.pub")
    return tmp_path / "release.key", tmp_path / "release.pub"


def signed(folder: Path, private_key: Path, purpose: str = PACKAGE_PURPOSE) -> Path:
    signature = sign(purpose, package_digest(folder), private_key)
    (folder / "signature.json").write_text(signature.model_dump_json())
    return folder


def test_a_plain_folder_is_compact_and_says_nothing_else(tmp_path: Path) -> None:
    facts = read_package(write_peft_folder(tmp_path / "a"), TASK, asked=None, trust=NO_TRUST)
    assert facts == PackageFacts(JsonForm.COMPACT, provenance=None, signer=None, notes=())


def test_a_plain_folder_takes_the_form_that_is_asked_for(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    assert read_package(folder, TASK, asked=JsonForm.SPACED, trust=NO_TRUST).json_form is JsonForm.SPACED


@pytest.mark.parametrize("asked", [None, JsonForm.SPACED])
def test_provenance_says_the_form_of_its_json(tmp_path: Path, asked: JsonForm | None) -> None:
    folder = package(tmp_path / "a", json_form=JsonForm.SPACED)
    facts = read_package(folder, TASK, asked=asked, trust=NO_TRUST)
    assert facts.json_form is JsonForm.SPACED
    assert facts.provenance == provenance(json_form=JsonForm.SPACED)


def test_asking_for_another_form_than_provenance_says_is_refused(tmp_path: Path) -> None:
    folder = package(tmp_path / "a", json_form=JsonForm.SPACED)
    with pytest.raises(AdapterRefusedError, match="trained on spaced JSON, and compact was asked for"):
        read_package(folder, TASK, asked=JsonForm.COMPACT, trust=NO_TRUST)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"task": "receipt"}, "it was trained for task 'receipt'"),
        ({"output_hash": "0" * 12}, "it was trained for output contract 000000000000, not"),
    ],
)
def test_another_origin_is_noted(tmp_path: Path, changes: dict[str, str], note: str) -> None:
    [said] = read_package(package(tmp_path / "a", **changes), TASK, asked=None, trust=NO_TRUST).notes
    assert note in said


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("provenance.json", b"{}", "provenance.json: task: Field required"),
        ("provenance.json", b"\xff", "provenance.json: the file: Invalid JSON"),
        ("probe.json", b'{"prompt": ""}', "probe.json: prompt"),
        ("signature.json", b"[]", "signature.json: the file"),
        ("signature.json", b" " * 20_000, "signature.json: is over 16384 bytes"),
    ],
)
def test_a_document_that_cannot_be_read_is_named(
    tmp_path: Path, file: str, content: bytes, says: str
) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / file).write_bytes(content)
    with pytest.raises(AdapterRefusedError, match=says):
        read_package(folder, TASK, asked=None, trust=NO_TRUST)


def test_a_good_probe_is_accepted(tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "probe.json").write_text(Probe(prompt="1, 2,", completion=" 3, 4").model_dump_json())
    assert read_package(folder, TASK, asked=None, trust=NO_TRUST).notes == ()


def test_a_trusted_signature_names_its_signer(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    folder = signed(package(tmp_path / "a"), keys[0])
    trust = Trust((keys[1],), require_signature=True)
    assert read_package(folder, TASK, asked=None, trust=trust).signer == "release"


def test_an_unsigned_package_is_refused_only_where_a_signature_is_required(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    folder = package(tmp_path / "a")
    assert read_package(folder, TASK, asked=None, trust=Trust((keys[1],))).signer is None
    with pytest.raises(AdapterRefusedError, match=r"is missing, and adapters\.require_signature is set"):
        read_package(folder, TASK, asked=None, trust=Trust((keys[1],), require_signature=True))


@pytest.mark.parametrize("file", ["adapter_config.json", "provenance.json", "README.md"])
def test_a_file_changed_after_signing_is_refused(tmp_path: Path, keys: tuple[Path, Path], file: str) -> None:
    folder = package(tmp_path / "a")
    (folder / "README.md").write_text("An adapter.")
    signed(folder, keys[0])
    (folder / file).write_text((folder / file).read_text() + " ")
    with pytest.raises(AdapterRefusedError, match="the signature by key release belongs to other content"):
        read_package(folder, TASK, asked=None, trust=Trust((keys[1],)))


def test_a_file_added_after_signing_is_refused(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    folder = signed(package(tmp_path / "a"), keys[0])
    (folder / "evaluation-report.json").write_text("{}")
    with pytest.raises(AdapterRefusedError, match="belongs to other content"):
        read_package(folder, TASK, asked=None, trust=Trust((keys[1],)))


def test_a_key_that_nobody_trusts_is_refused(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    make_key_pair(tmp_path / "other.key", tmp_path / "other.pub")
    folder = signed(package(tmp_path / "a"), tmp_path / "other.key")
    with pytest.raises(AdapterRefusedError, match="no trusted key has the id"):
        read_package(folder, TASK, asked=None, trust=Trust((keys[1],)))


def test_a_signature_for_another_purpose_is_refused(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    folder = signed(package(tmp_path / "a"), keys[0], purpose="evaluation-spec")
    with pytest.raises(AdapterRefusedError, match="signature"):
        read_package(folder, TASK, asked=None, trust=Trust((keys[1],)))


def test_without_trusted_keys_a_signature_is_kept_and_not_believed(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    facts = read_package(signed(package(tmp_path / "a"), keys[0]), TASK, asked=None, trust=NO_TRUST)
    assert facts.signer is None
    assert facts.notes == ("its signature was not checked: adapters.trusted_keys names no key",)
