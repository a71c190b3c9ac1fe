"""The adapter acts over HTTP and through the commands, against a gateway in front of a scripted engine."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from typer.testing import CliRunner, Result

from contracts.adapter import AdapterManifest
from contracts.artifact import PACKAGE_PURPOSE, package_digest
from contracts.evaluation import Verdict
from contracts.signature import make_key_pair, sign
from contracts.task import Task
from gateway.commands.adapter import app
from tests.support.calls import assert_error
from tests.support.gate_reports import report_bytes
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread
from tests.support.peft_folder import write_peft_folder
from tests.support.stub_engine import StubEngine

TASK = "invoice-extract"
Run = Callable[..., Result]


@pytest.fixture
def gateway(start_gateway: StartGateway, engine: StubEngine) -> GatewayThread:
    return start_gateway(engine)


@pytest.fixture
def admin(gateway: GatewayThread) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{gateway.url}/admin/v1", timeout=30) as client:
        yield client


@pytest.fixture
def run(gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `firstline adapter ...` against the gateway."""
    monkeypatch.setenv("COLUMNS", "400")
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments), "--url", gateway.url])


def words(result: Result) -> str:
    return " ".join(result.stderr.split())


def registered(run: Run, folder: Path) -> str:
    result = run("register", folder, "--task", TASK)
    assert result.exit_code == 0, result.stderr
    [name] = re.findall(rf"({TASK}@[0-9a-f]{{12}}) is a candidate", result.stdout)
    return str(name)


def report_of(gateway: GatewayThread, name: str, verdict: Verdict) -> bytes:
    stored = gateway.settings.adapter_store / name / "manifest.json"
    manifest = AdapterManifest.model_validate_json(stored.read_bytes())
    return report_bytes(manifest, gateway_task(gateway), verdict)


def gateway_task(gateway: GatewayThread) -> Task:
    assert gateway.settings.tasks is not None
    file = gateway.settings.tasks.folder / f"{TASK}.yaml"
    return Task.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def test_from_candidate_to_stable_and_back(run: Run, gateway: GatewayThread, tmp_path: Path) -> None:
    name = registered(run, write_peft_folder(tmp_path / "a"))
    refused = run("promote", name)
    assert refused.exit_code == 1
    assert f"{name} is not promoted: it has no evaluation report" in words(refused)
    report = tmp_path / "report.json"
    report.write_bytes(report_of(gateway, name, Verdict.FAIL))
    assert "its gate is closed" in run("attach", name, report).stdout
    assert "failed: field_f1 is 0.71" in words(run("promote", name))
    overridden = run("promote", name, "--override", "customer waits")
    assert f"{name} is stable, proven on small/0." in overridden.stdout
    assert f"{TASK}: stable is base, before" in run("rollback", TASK).stdout
    told = run("history", TASK).stdout
    for part in ("register", "promote", "attach", "rollback", "refused", "override: customer waits"):
        assert part in told
    assert "fail" in run("list").stdout


def test_a_passing_report_opens_the_gate(run: Run, gateway: GatewayThread, tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    name = registered(run, folder)
    report = tmp_path / "report.json"
    report.write_bytes(report_of(gateway, name, Verdict.PASS))
    said = run("attach", name, report).stdout
    assert "its gate is open: it passed 'invoice-v1' on 120 records." in said
    held = run("register", folder, "--task", TASK, "--no-promote").stdout
    assert f"Its gate is open: `firstline adapter promote {name}`" in held
    assert "is stable" in run("register", folder, "--task", TASK).stdout


def test_show_tells_everything_of_a_version(run: Run, admin: httpx.Client, tmp_path: Path) -> None:
    name = registered(run, write_peft_folder(tmp_path / "a"))
    shown = json.loads(run("show", name).stdout[run("show", name).stdout.index("{") :])
    assert shown["digest"].startswith(name.partition("@")[2])
    assert shown["gate"] == {"is_open": False, "reason": "it has no evaluation report"}
    assert (shown["channels"], shown["retired"], shown["evaluations"]) == ([], None, [])
    assert [act["act"] for act in shown["history"]] == ["register"]
    assert shown["history"][0]["actor"] == "default"


def test_the_audit_trail_is_given_in_pages(run: Run, admin: httpx.Client, tmp_path: Path) -> None:
    registered(run, write_peft_folder(tmp_path / "a"))
    run("rollback", TASK)
    first = admin.get("/audit", params={"limit": 1}).json()["records"]
    rest = admin.get("/audit", params={"after": first[0]["id"]}).json()["records"]
    assert [each["act"] for each in (*first, *rest)] == ["register", "rollback"]
    assert rest[0]["previous_hash"] == first[0]["hash"]
    assert rest[0]["outcome"] == "refused"
    assert_error(admin.get("/audit", params={"limit": 5000}), 400, "invalid_request", param="query.limit")


def test_a_retired_version_is_gone_for_requests(run: Run, gateway: GatewayThread, tmp_path: Path) -> None:
    name = registered(run, write_peft_folder(tmp_path / "a"))
    assert "its files are kept" in run("retire", name, "--reason", "wrong totals").stdout
    asked = {"model": name, "messages": [{"role": "user", "content": "Invoice A-1"}]}
    reply = httpx.post(f"{gateway.url}/v1/chat/completions", json=asked)
    assert_error(reply, 404, "model_retired", param="model", says="was retired (wrong totals)")
    served = [model["id"] for model in httpx.get(f"{gateway.url}/v1/models").json()["data"]]
    assert name not in served
    assert name not in run("list").stdout
    assert "retired" in run("list", "--retired").stdout
    assert "its files are removed" in run("retire", name, "--purge").stdout
    assert "was retired" in words(run("show", name))


def test_an_export_is_the_whole_package_and_registers_again(
    run: Run, gateway: GatewayThread, tmp_path: Path
) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "model-card.md").write_text("# Reads invoices")
    name = registered(run, folder)
    out = tmp_path / "exported" / "adapter"
    assert run("export", name, "--out", out).exit_code == 0
    written = {path.name: path.read_bytes() for path in out.iterdir()}
    stored = gateway.settings.adapter_store / name
    assert written == {path.name: path.read_bytes() for path in stored.iterdir()}
    assert [path.name for path in out.parent.iterdir()] == ["adapter"]
    assert f"{name} is whole: 3 files, no signature was checked." in run("verify", out).stdout
    assert name == registered(run, out)
    assert "exists; nothing is written over it" in words(run("export", name, "--out", out))


def test_an_exported_folder_that_was_altered_is_found(run: Run, tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "model-card.md").write_text("# Reads invoices")
    name = registered(run, folder)
    run("export", name, "--out", tmp_path / "out")
    for file in ("model-card.md", "adapter_model.safetensors", "adapter_config.json"):
        path = tmp_path / "out" / file
        content = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(content[:-1] + b"\7")
        result = run("verify", tmp_path / "out")
        assert result.exit_code == 1
        assert f"{file} is not what {name} was registered with" in words(result)
        path.write_bytes(content)
    assert run("verify", tmp_path / "out").exit_code == 0


def test_a_signature_is_checked_where_the_folder_is(run: Run, tmp_path: Path) -> None:
    make_key_pair(tmp_path / "release.key", tmp_path / "release.pub")
    folder = write_peft_folder(tmp_path / "a")
    signature = sign(PACKAGE_PURPOSE, package_digest(folder), tmp_path / "release.key")
    (folder / "signature.json").write_text(signature.model_dump_json())
    name = registered(run, folder)
    run("export", name, "--out", tmp_path / "out")
    key = ("--key", tmp_path / "release.pub")
    assert "signed with release" in run("verify", tmp_path / "out", *key).stdout
    path = tmp_path / "out" / "signature.json"
    path.chmod(0o644)
    path.unlink()
    assert "signature.json" in words(run("verify", tmp_path / "out", *key))


def test_verifying_in_the_gateway(run: Run, gateway: GatewayThread, tmp_path: Path) -> None:
    name = registered(run, write_peft_folder(tmp_path / "a"))
    assert f"{name} is whole: 2 files" in run("verify", name).stdout
    weights = gateway.settings.adapter_store / name / "adapter_model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\7")
    assert "files were altered" in words(run("verify", name))
    assert "files were altered" in words(run("export", name, "--out", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_archive_is_a_plain_tar_of_known_length(run: Run, admin: httpx.Client, tmp_path: Path) -> None:
    name = registered(run, write_peft_folder(tmp_path / "a"))
    reply = admin.get(f"/adapters/{name}/archive")
    assert int(reply.headers["content-length"]) == len(reply.content)
    with tarfile.open(fileobj=io.BytesIO(reply.content)) as archive:
        names = [member.name for member in archive]
    assert names == ["adapter_config.json", "adapter_model.safetensors", "manifest.json"]


def test_what_cannot_be_done_is_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    none = f"{TASK}@000000000000"
    for arguments, says in (
        (("export", none, "--out", "x"), "does not exist"),
        (("export", none, "--out", "x", "--format", "onnx"), "there is no format 'onnx'; there are: peft"),
        (("retire", none), "does not exist"),
        (("attach", none, "/nowhere.json"), "No such file"),
        (("verify", none), "does not exist"),
        (("register", none, "--task", TASK), "is a version, not a folder"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert says in words(result)
    assert list(tmp_path.glob("x*")) == []


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution with exporters of every temper."""
    site = tmp_path / "site"
    (site / "acme-1.0.dist-info").mkdir(parents=True)
    (site / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (site / "acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[firstline.exporters]\n"
        "names = acme_export:names\nbroken = acme_export:broken\nheavy = acme_heavy:write\n"
    )
    (site / "acme_export.py").write_text(
        "def names(package, base, out):\n"
        "    out.write_text(' '.join(sorted(p.name for p in package.iterdir())) + f' on {base.name}')\n"
        "def broken(package, base, out):\n"
        "    raise RuntimeError('this base model is no Llama')\n"
    )
    (site / "acme_heavy.py").write_text("import acme_torch\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("plugins")
def test_other_formats_are_written_by_what_is_installed(run: Run, tmp_path: Path) -> None:
    name = registered(run, write_peft_folder(tmp_path / "a"))
    base = tmp_path / "base-model"
    base.mkdir()

    def export(form: str, *more: object) -> Result:
        return run("export", name, "--out", tmp_path / form, "--format", form, *more)

    assert export("names", "--base", base).exit_code == 0
    written = (tmp_path / "names").read_text()
    assert written == "adapter_config.json adapter_model.safetensors manifest.json on base-model"
    without = run("export", name, "--out", tmp_path / "n", "--format", "names")
    assert "needs the base model: --base FOLDER" in words(without)
    assert "this base model is no Llama" in words(export("broken", "--base", base))
    assert "needs acme_torch, which is not installed here" in words(export("heavy", "--base", base))
    assert not any((tmp_path / name).exists() for name in ("broken", "heavy", "n"))
    assert not list(tmp_path.glob(".firstline-export-*"))
