"""A package says where its weights come from, in records and in cards; foreign words stay words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from contracts.artifact import Provenance, is_document
from contracts.dataset import DatasetManifest, SplitFile
from contracts.evaluation import GateReport, Judged, MetricVerdict, Verdict
from tests.unit.training.package.conftest import Bench, write_adapter
from training.config import DataFiles
from training.errors import PackageError
from training.package.adapter import read_adapter
from training.package.build import write_cards, write_provenance
from training.package.identity import base_model_digest

MANIFEST_TIME = "2026-01-02T03:04:05Z"


def _describe(bench: Bench, base_licence: str = "") -> Provenance:
    write_provenance(
        bench.adapter,
        recipe_file=bench.recipe_file,
        recipe=bench.recipe,
        task=bench.task,
        base_licence=base_licence,
    )
    write_cards(bench.adapter, bench.task)
    return Provenance.model_validate_json((bench.adapter / "provenance.json").read_bytes())


def _card(bench: Bench) -> str:
    return (bench.adapter / "model-card.md").read_text("utf-8")


def _report(bench: Bench, value: float, folder: Path, **more: object) -> None:
    metric = MetricVerdict(
        metric="fields_exact",
        slice="messy",
        records=40,
        value=value,
        low=0.8,
        high=0.97,
        minimum=0.85,
        verdict=Verdict.PASS,
    )
    report = GateReport(
        task=bench.task.name,
        task_version=bench.task.version,
        output_hash=bench.task.output_hash,
        spec="colours@1",
        spec_sha256="a" * 64,
        candidate=Judged(
            model="colour-pick", base_model="tiny-base", adapter_digest=read_adapter(folder).digest
        ),
        constrained=True,
        records=40,
        created_at=MANIFEST_TIME,  # type: ignore[arg-type]  # pydantic reads it
        verdict=Verdict.PASS,
        metrics=(metric,),
    ).model_copy(update=more)
    (folder / "evaluation-report.json").write_text(report.model_dump_json())


def test_provenance_names_base_data_recipe_and_code_by_their_hashes(bench: Bench) -> None:
    provenance = _describe(bench, base_licence="apache-2.0")
    assert provenance.base_model_sha256 == base_model_digest(bench.base)
    assert provenance.dataset == "rows.jsonl"
    assert provenance.dataset_sha256 == hashlib.sha256((bench.root / "rows.jsonl").read_bytes()).hexdigest()
    assert provenance.recipe_sha256 == hashlib.sha256(bench.recipe_file.read_bytes()).hexdigest()
    assert (bench.adapter / "recipe.yaml").read_bytes() == bench.recipe_file.read_bytes()
    assert (provenance.task, provenance.task_version) == ("colour-pick", bench.task.version)
    assert (provenance.method, provenance.versions) == ("sft", {"torch": "2.13.0"})
    assert provenance.licences == {"base_model": "apache-2.0"}
    assert provenance.code_version


def test_the_licence_that_the_base_model_states_goes_before_the_one_given(bench: Bench) -> None:
    (bench.base / "README.md").write_text("---\nlicense: mit\n---\n")
    assert _describe(bench, base_licence="apache-2.0").licences["base_model"] == "mit"


def test_done_twice_the_bytes_are_the_same_and_each_file_belongs_to_a_package(bench: Bench) -> None:
    _describe(bench)
    first = {path.name: path.read_bytes() for path in bench.adapter.iterdir()}
    _describe(bench)
    assert {path.name: path.read_bytes() for path in bench.adapter.iterdir()} == first
    written = set(first) - {"adapter_config.json", "adapter_model.safetensors"}
    assert {"provenance.json", "model-card.md", "data-card.md", "release-notes.md", "recipe.yaml"} <= written
    assert all(is_document(name) for name in written)


def test_other_data_than_it_was_trained_on_is_refused_and_nothing_is_written(bench: Bench) -> None:
    before = sorted(path.name for path in bench.adapter.iterdir())
    (bench.root / "rows.jsonl").write_text('{"id": "9", "text": "the sky", "output": "blue"}\n')
    with pytest.raises(PackageError, match="was trained on rows of SHA-256"):
        _describe(bench)
    assert sorted(path.name for path in bench.adapter.iterdir()) == before


def test_a_built_dataset_gives_its_name_licences_manifest_and_card(bench: Bench) -> None:
    folder = bench.root / "data"
    folder.mkdir()
    train = (bench.root / "rows.jsonl").read_bytes()
    manifest = DatasetManifest(
        name="colours",
        digest="d" * 64,
        task=bench.task.name,
        task_version=bench.task.version,
        output_hash=bench.task.output_hash,
        created_at=MANIFEST_TIME,  # type: ignore[arg-type]  # pydantic reads it
        sources=(),
        splits={"train": SplitFile(sha256=hashlib.sha256(train).hexdigest(), rows=2)},
        licences=("CC-BY-4.0", "CC0-1.0"),
        passed=True,
    )
    (folder / "dataset.json").write_text(manifest.model_dump_json())
    card = "# Data\n<script>alert(1)</script> {{ 7 * 7 }}\n"
    (folder / "data-card.md").write_text(card)
    recipe = bench.recipe.model_copy(update={"data": DataFiles(dataset=folder)})
    write_provenance(bench.adapter, recipe_file=bench.recipe_file, recipe=recipe, task=bench.task)
    write_cards(bench.adapter, bench.task)
    provenance = Provenance.model_validate_json((bench.adapter / "provenance.json").read_bytes())
    assert (provenance.dataset, provenance.dataset_sha256) == ("colours@dddddddddddd", "d" * 64)
    assert provenance.licences == {"data": "CC-BY-4.0, CC0-1.0"}
    assert (bench.adapter / "data-card.md").read_text() == card
    assert (bench.adapter / "data-card.json").read_bytes() == (folder / "dataset.json").read_bytes()
    assert "script" not in _card(bench)


def test_a_data_card_that_is_a_link_is_refused(bench: Bench) -> None:
    (bench.adapter / "training-report.json").unlink()
    (bench.adapter / "training-report.json").symlink_to(bench.recipe_file)
    with pytest.raises(PackageError, match="is a link"):
        _describe(bench)


def test_the_head_of_the_model_card_is_yaml_and_claims_no_licence_that_nobody_gave(bench: Bench) -> None:
    _describe(bench, base_licence='apache-2.0"\nmalicious: true')
    head = yaml.safe_load(_card(bench).split("---\n")[1])
    assert head == {
        "base_model": "tiny-base",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": "other",
        "license_name": "see-the-section-licences",
        "tags": ["lora", "firstline", "colour-pick"],
    }


def test_the_model_card_says_what_was_trained_for_which_contract(bench: Bench) -> None:
    _describe(bench)
    card = _card(bench)
    assert f"# colour-pick@{read_adapter(bench.adapter).version}" in card
    assert "| choices | red, green, blue |" in card
    assert "| adapter | rsLoRA, rank 2, alpha 4, on down\\_proj, q\\_proj |" in card
    assert "| steps | 7 |" in card
    assert "at most 31 tokens" in card
    assert "Verdict: none (not evaluated yet)." in card


def test_the_evaluation_is_filled_in_once_there_is_a_report(bench: Bench) -> None:
    _describe(bench)
    _report(bench, 0.9125, bench.adapter, reasons=("a | b <img src=x>",))
    write_cards(bench.adapter, bench.task)
    card = _card(bench)
    assert "Verdict: **pass** on 40 records, under the grammar, in bfloat16." in card
    assert "| fields\\_exact | messy | 40 | 0.9125 (0.8 to 0.97) | ≥ 0.85 | – | pass |" in card
    assert "a \\| b \\<img src=x\\>" in card


@pytest.mark.parametrize(
    ("content", "reason"),
    [('{"schema_version": 1}', "is no report of the gate"), (None, "judges other weights")],
)
def test_a_report_that_does_not_count_is_said_so(bench: Bench, content: str | None, reason: str) -> None:
    _describe(bench)
    _report(bench, 0.9, bench.adapter)
    path = bench.adapter / "evaluation-report.json"
    if content is None:
        report = json.loads(path.read_text())
        report["candidate"]["adapter_digest"] = "0" * 64
        content = json.dumps(report)
    path.write_text(content)
    write_cards(bench.adapter, bench.task)
    assert f"evaluation-report.json {reason}" in _card(bench)
    assert "0.9" not in _card(bench).split("## Evaluation")[1]


def test_release_notes_tell_recipe_data_and_metrics_before_and_now(bench: Bench) -> None:
    _describe(bench)
    _report(bench, 0.95, bench.adapter)
    old = bench.root / "old"
    write_adapter(old, seed=1)
    recipe = bench.recipe_file.read_text().replace("rank: 2", "rank: 4")
    (old / "recipe.yaml").write_text(recipe)
    provenance = json.loads((bench.adapter / "provenance.json").read_text()) | {"dataset_sha256": "b" * 64}
    (old / "provenance.json").write_text(json.dumps(provenance))
    _report(bench, 0.875, old)
    write_cards(bench.adapter, bench.task, old)
    notes = (bench.adapter / "release-notes.md").read_text("utf-8")
    assert f"Changes against colour-pick@{read_adapter(old).version}." in notes
    assert "| lora.rank | 4 | 2 |" in notes
    assert "lora.targets" not in notes
    assert f"| SHA-256 | {'b' * 64} | {provenance['dataset_sha256']} |" not in notes
    assert f"| SHA-256 | {'b' * 64} |" in notes
    assert "| fields\\_exact | messy | 0.875 | 0.95 |" in notes


def test_new_cards_keep_release_notes_unless_a_version_is_named(bench: Bench) -> None:
    _describe(bench)
    notes = bench.adapter / "release-notes.md"
    assert "The first version" in notes.read_text()
    notes.write_text("kept")
    write_cards(bench.adapter, bench.task)
    assert notes.read_text() == "kept"
    write_cards(bench.adapter, bench.task, bench.adapter)
    assert "The same weights as" in notes.read_text()


def test_cards_need_a_package_of_the_same_task(bench: Bench) -> None:
    with pytest.raises(PackageError, match="make the package first"):
        write_cards(bench.adapter, bench.task)
    _describe(bench)
    with pytest.raises(PackageError, match="was trained for 'colour-pick'"):
        write_cards(bench.adapter, bench.task.model_copy(update={"name": "other"}))


def test_a_provenance_that_is_not_valid_is_refused_with_its_field(bench: Bench) -> None:
    _describe(bench)
    path = bench.adapter / "provenance.json"
    path.write_text(path.read_text().replace('"method": "sft"', '"method": 7'))
    with pytest.raises(PackageError, match=r"provenance\.json: method"):
        write_cards(bench.adapter, bench.task)
