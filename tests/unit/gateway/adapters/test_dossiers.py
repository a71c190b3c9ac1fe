"""Evaluations and retirements beside the immutable versions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.evaluation import Verdict
from contracts.task import Task
from gateway.adapters import AdapterStore
from gateway.adapters.dossiers import MAX_EVALUATIONS, MAX_REPORT_BYTES, Retirement
from gateway.errors import ConflictError, InternalError, InvalidRequestError
from tests.support.gate_reports import report_bytes
from tests.unit.gateway.adapters.stored import put_version

TASK = Task(name="invoice", description="Reads.", base_model="small-model")
RETIRED = Retirement(at=datetime(2026, 1, 14, tzinfo=UTC), by="operations", reason="wrong totals")


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "store")


def test_a_report_is_kept_by_its_content_and_once(tmp_path: Path, store: AdapterStore) -> None:
    manifest = put_version(store, tmp_path)
    content = report_bytes(manifest, TASK)
    first = store.dossiers.attach(manifest.name, content)
    assert store.dossiers.attach(manifest.name, content) == first
    assert store.dossiers.attached(manifest.name) == (first.sha256,)
    assert store.dossiers.report_bytes(manifest.name, first.sha256) == content
    assert store.all() == (manifest,)


def test_evaluations_stand_newest_first_and_name_their_source(tmp_path: Path, store: AdapterStore) -> None:
    manifest = put_version(store, tmp_path)
    package = store.path(manifest)
    package.chmod(0o755)
    old = report_bytes(manifest, TASK, created_at=datetime(2025, 12, 1, tzinfo=UTC))
    (package / "evaluation-report.json").write_bytes(old)
    store.dossiers.attach(manifest.name, report_bytes(manifest, TASK, Verdict.FAIL))
    found = store.dossiers.evaluations(manifest.name, package)
    assert [(each.source, each.report.verdict) for each in found] == [
        ("attached", Verdict.FAIL),
        ("package", Verdict.PASS),
    ]


def test_a_report_of_another_format_in_a_package_is_no_evaluation(
    tmp_path: Path, store: AdapterStore
) -> None:
    manifest = put_version(store, tmp_path)
    (store.path(manifest) / "evaluation-report.json").write_text('{"schema_version": 1, "models": []}')
    assert store.dossiers.evaluations(manifest.name, store.path(manifest)) == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}", "no evaluation report of `firstline eval`: task: Field required"),
        (b"nothing", "no evaluation report of `firstline eval`: the file: Invalid JSON"),
        (b" " * (MAX_REPORT_BYTES + 1), "is at most 4194304 bytes"),
    ],
)
def test_what_is_no_report_is_refused(store: AdapterStore, content: bytes, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        store.dossiers.attach("invoice@aaaaaaaaaaaa", content)
    assert store.dossiers.attached("invoice@aaaaaaaaaaaa") == ()


def test_the_number_of_reports_is_bounded(tmp_path: Path, store: AdapterStore) -> None:
    manifest = put_version(store, tmp_path)
    for number in range(MAX_EVALUATIONS):
        store.dossiers.attach(manifest.name, report_bytes(manifest, TASK, records=number))
    with pytest.raises(ConflictError, match="which is the most there are"):
        store.dossiers.attach(manifest.name, report_bytes(manifest, TASK, records=999))
    assert len(store.dossiers.attached(manifest.name)) == MAX_EVALUATIONS


def test_a_retirement_is_kept_until_it_is_taken_back(store: AdapterStore) -> None:
    name = "invoice@aaaaaaaaaaaa"
    assert store.dossiers.retired({}) == {}
    store.dossiers.retire(name, RETIRED)
    assert store.dossiers.retired({}) == {name: RETIRED}
    assert store.dossiers.retirement(name) == RETIRED
    assert store.dossiers.revive(name) is True
    assert store.dossiers.revive(name) is False
    assert store.dossiers.retired({name: RETIRED}) == {}


def test_what_is_left_of_an_interrupted_write_is_nothing(tmp_path: Path, store: AdapterStore) -> None:
    name = "invoice@aaaaaaaaaaaa"
    store.dossiers.retire(name, RETIRED)
    (tmp_path / "store" / ".retired" / f".{name}.json.0123").write_text("{")
    (tmp_path / "store" / ".evaluations" / name).mkdir(parents=True)
    (tmp_path / "store" / ".evaluations" / name / ".0123.json.4567").write_text("{")
    assert store.dossiers.retired({}) == {name: RETIRED}
    assert store.dossiers.attached(name) == ()


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(InternalError, match="the adapter store cannot be written"):
        AdapterStore(tmp_path / "store").dossiers.retire("invoice@aaaaaaaaaaaa", RETIRED)
