"""The admin routes and the commands that use them, against a gateway in front of scripted engines."""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner, Result

from gateway.commands import adapter as adapter_command
from gateway.commands import task as task_command
from tests.support.calls import assert_error
from tests.support.gateway_fixtures import StartGateway
from tests.support.gateway_process import GatewayThread
from tests.support.peft_folder import write_peft_folder
from tests.support.stub_engine import Reply, StubEngine

TASK = "invoice-extract"
TAR = {"Content-Type": "application/x-tar"}


@pytest.fixture
def gateway(start_gateway: StartGateway, engine: StubEngine) -> GatewayThread:
    return start_gateway(engine, changes={"adapters": {"promotion": "open"}, "tasks": {"reload": True}})


@pytest.fixture
def admin(gateway: GatewayThread) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{gateway.url}/admin/v1", timeout=30) as client:
        yield client


def tar_of(
    folder: Path, change: Callable[[tarfile.TarInfo], tarfile.TarInfo] = lambda member: member
) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(folder, arcname=".", filter=change)
    return file.getvalue()


def tar_with(*members: tuple[str, bytes, bytes]) -> bytes:
    """An archive of members as (name, type, content)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def register(admin: httpx.Client, folder: Path, task: str = TASK) -> httpx.Response:
    return admin.post("/adapters", params={"task": task}, content=tar_of(folder), headers=TAR)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example", "Content-Type": "text/plain"}, {"Host": "evil.example:8080"}],
    ids=["a page elsewhere posts here", "a name elsewhere leads here"],
)
def test_without_keys_a_web_page_cannot_administer(admin: httpx.Client, headers: dict[str, str]) -> None:
    for call in (("POST", f"/adapters/{TASK}/rollback"), ("GET", "/tasks")):
        assert_error(admin.request(*call, headers=headers), 403, "permission_denied", says="auth.keys_file")


def test_an_uploaded_folder_is_registered_and_serves(
    admin: httpx.Client, gateway: GatewayThread, engine: StubEngine, tmp_path: Path
) -> None:
    reply = register(admin, write_peft_folder(tmp_path / "a"))
    assert reply.status_code == 200, reply.text
    adapter = reply.json()
    assert adapter["name"].startswith(f"{TASK}@")
    assert adapter["is_stable"] is True
    assert [(each["state"], each["reason"]) for each in adapter["engines"]] == [("ready", None)]
    engine.script(Reply(text='{"invoice_id":"A-1","date":null,"vendor":null,"total_amount":1}'))
    answer = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": TASK, "messages": [{"role": "user", "content": "Invoice A-1, total 1"}]},
    )
    assert answer.status_code == 200
    assert engine.generations[-1].body["model"] == adapter["name"]


def test_tasks_adapters_and_engines_are_shown(admin: httpx.Client, tmp_path: Path) -> None:
    adapter = register(admin, write_peft_folder(tmp_path / "a")).json()
    tasks = {task["name"]: task for task in admin.get("/tasks").json()["tasks"]}
    assert tasks[TASK]["channels"]["stable"] == adapter["version"]
    assert tasks["ticket-triage"]["channels"]["stable"] is None
    assert tasks[TASK]["output"] == "json_schema"
    assert admin.get("/adapters").json() == {"adapters": [adapter], "store_problem": None}
    shown = admin.get(f"/adapters/{adapter['name']}").json()
    assert adapter.items() <= shown.items()
    assert set(shown["files"]) == {"adapter_config.json", "adapter_model.safetensors"}
    assert [act["act"] for act in shown["history"]] == ["register"]
    [engine] = [each for each in admin.get("/engines").json()["engines"] if each["kind"] == "vllm"]
    assert engine["is_healthy"] is True
    assert engine["ready_adapters"] == [adapter["name"]]


def test_rollback_and_return_by_name(admin: httpx.Client, tmp_path: Path) -> None:
    first = register(admin, write_peft_folder(tmp_path / "a")).json()
    second = register(admin, write_peft_folder(tmp_path / "b", seed=1)).json()
    back = admin.post(f"/adapters/{TASK}/rollback").json()
    assert back == {"task": TASK, "stable": first["version"], "previous": second["version"]}
    again = admin.post(f"/adapters/{second['name']}/promote").json()
    assert (again["name"], again["is_stable"]) == (second["name"], True)


def test_a_rollback_of_nothing_is_a_conflict(admin: httpx.Client) -> None:
    reply = admin.post(f"/adapters/{TASK}/rollback")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "conflict")


def refused(reply: httpx.Response) -> tuple[int, str, str]:
    error = reply.json()["error"]
    return reply.status_code, error["code"], error["message"]


def test_a_refusal_names_what_is_wrong_and_leaves_nothing(
    admin: httpx.Client, gateway: GatewayThread, tmp_path: Path
) -> None:
    status, code, message = refused(register(admin, write_peft_folder(tmp_path / "a", use_dora=True)))
    assert (status, code) == (400, "adapter_refused")
    assert "DoRA is not served" in message
    assert admin.get("/adapters").json()["adapters"] == []
    assert list(gateway.settings.adapter_store.iterdir()) == []


def test_unknown_names_are_not_found(admin: httpx.Client, tmp_path: Path) -> None:
    assert refused(register(admin, write_peft_folder(tmp_path / "a"), task="none"))[0] == 404
    assert refused(admin.post("/adapters/invoice-extract@000000000000/promote"))[0] == 404
    assert refused(admin.get("/adapters/invoice-extract@000000000000"))[0] == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "adapter_config.json: is missing"),
        (b"x" * 2000, "no tar archive"),
        (tar_with(("../../adapter_config.json", tarfile.REGTYPE, b"{}")), "leads out of it"),
        (tar_with(("/adapter_config.json", tarfile.REGTYPE, b"{}")), "leads out of it"),
        (tar_with(("adapter_config.json", tarfile.SYMTYPE, b"")), "adapter_config.json: is not a plain file"),
        (tar_with(("adapter_config.json", tarfile.LNKTYPE, b"")), "adapter_config.json: is not a plain file"),
        (tar_with(*[("adapter_config.json", tarfile.REGTYPE, b"{}")] * 2), "occurs twice"),
        (
            tar_with(("adapter_config.json", tarfile.REGTYPE, b"x" * (1024 * 1024 + 1))),
            "is over 1048576 bytes",
        ),
        (tar_with(("adapter_config.json", tarfile.REGTYPE, b"x" * 900))[:1000], "ends inside this file"),
        (tar_with(*[(f"f{number}", tarfile.REGTYPE, b"") for number in range(1001)]), "over 1000 members"),
        (tar_with(("sub/adapter_config.json", tarfile.REGTYPE, b"{}")), "adapter_config.json: is missing"),
    ],
)
def test_archives_that_are_wrong_are_refused(
    admin: httpx.Client, gateway: GatewayThread, body: bytes, message: str
) -> None:
    status, code, said = refused(admin.post("/adapters", params={"task": TASK}, content=body, headers=TAR))
    assert (status, code) == (400, "adapter_refused")
    assert message in said
    assert list(gateway.settings.adapter_store.iterdir()) == []


@pytest.mark.parametrize("body", [b"[]", b'{"override": 1}', b'{"overide": "x"}', b"\xff"])
def test_json_that_is_wrong_is_refused(admin: httpx.Client, body: bytes) -> None:
    reply = admin.post("/adapters/invoice-extract@000000000000/promote", content=body)
    assert refused(reply)[:2] == (400, "invalid_request")


def test_an_upload_without_a_task_is_refused(admin: httpx.Client) -> None:
    reply = admin.post("/adapters", content=b"", headers=TAR)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "task")


def test_a_file_that_breaks_shows_in_the_list(
    admin: httpx.Client, gateway: GatewayThread, tmp_path: Path
) -> None:
    file = tmp_path / "tasks" / f"{TASK}.yaml"
    data = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(data | {"base_model": "other"}))
    problems = wait_for_problems(admin)
    assert "no pool serves 'other'" in problems[f"{TASK}.yaml"]
    assert TASK in {task["name"] for task in admin.get("/tasks").json()["tasks"]}


def wait_for_problems(admin: httpx.Client, seconds: float = 20) -> dict[str, str]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found: dict[str, str] = admin.get("/tasks").json()["problems"]
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError("the broken file was not noticed")


@pytest.fixture
def cli(gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command of an application against the gateway."""
    monkeypatch.setenv("COLUMNS", "240")

    def run(app: Any, *arguments: str, url: str = gateway.url) -> Result:
        return CliRunner().invoke(app, [*arguments, "--url", url])

    return run


def test_the_commands_register_list_show_and_roll_back(cli: Callable[..., Result], tmp_path: Path) -> None:
    folder = write_peft_folder(tmp_path / "a")
    (folder / "optimizer.pt").write_bytes(b"never sent")
    registered = cli(adapter_command.app, "register", str(folder), "--task", TASK)
    assert registered.exit_code == 0, registered.output
    assert "is stable, proven on small/0" in registered.stdout
    # The gateway runs in this process, so its log lines stand in the same output.
    [name] = re.findall(rf"({TASK}@[0-9a-f]{{12}}) is stable", registered.stdout)
    listed = cli(adapter_command.app, "list")
    assert name in listed.stdout
    assert "small/0 ready" in listed.stdout
    assert f'"name": "{name}"' in cli(adapter_command.app, "show", name).stdout
    rolled = cli(adapter_command.app, "rollback", TASK)
    assert f"{TASK}: stable is base, before {name.partition('@')[2]}." in rolled.stdout
    again = cli(adapter_command.app, "promote", name)
    assert "is stable" in again.stdout
    assert name.partition("@")[2] in cli(task_command.app, "list").stdout
    assert f'"name": "{TASK}"' in cli(task_command.app, "show", TASK).stdout


@pytest.mark.parametrize(
    ("changes", "task", "sentence"),
    [
        ({"r": 512}, TASK, "above the pool's max_lora_rank"),
        ({}, "none", "does not exist"),
        ({}, "", "name the task that the adapter is for"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_1(
    cli: Callable[..., Result], tmp_path: Path, changes: dict[str, Any], task: str, sentence: str
) -> None:
    folder = write_peft_folder(tmp_path / "a", **changes)
    result = cli(adapter_command.app, "register", str(folder), "--task", task)
    assert result.exit_code == 1
    assert sentence in " ".join(result.stderr.split())


def test_folders_that_are_no_adapters_are_refused_before_anything_is_sent(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "adapter_model.bin").write_bytes(b"pickle")
    result = cli(adapter_command.app, "register", str(tmp_path / "a"), "--task", TASK)
    assert result.exit_code == 1
    assert "never loaded" in " ".join(result.stderr.split())
    missing = cli(adapter_command.app, "register", str(tmp_path / "nowhere"), "--task", TASK)
    assert "is not a folder" in " ".join(missing.stderr.split())


def test_without_a_gateway_the_commands_say_how_to_start_one(cli: Callable[..., Result]) -> None:
    result = cli(adapter_command.app, "list", url="http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "no gateway answers at http://127.0.0.1:9. Start it with `make run`" in " ".join(
        result.stderr.split()
    )


def test_a_task_file_is_checked_without_a_gateway(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(yaml.safe_dump({"name": "t", "description": "Reads.", "base_model": "m"}))
    good = CliRunner().invoke(task_command.app, ["check", str(file)])
    assert (good.exit_code, good.stdout.startswith("t@")) == (0, True)
    file.write_text("name: t\nbase_model: m\n")
    bad = CliRunner().invoke(task_command.app, ["check", str(file)])
    assert bad.exit_code == 1
    assert "t.yaml: description: Field required" in " ".join(bad.stderr.split())


@pytest.mark.parametrize("name", ["[/x]", "a[b]c"])
def test_brackets_in_what_is_said_are_no_markup(
    cli: Callable[..., Result], tmp_path: Path, name: str
) -> None:
    result = cli(adapter_command.app, "register", str(tmp_path / name), "--task", TASK)
    assert result.exit_code == 1
    assert f"{name} is not a folder" in " ".join(result.stderr.split())


def test_brackets_in_a_tasks_problem_are_listed_as_they_are(
    cli: Callable[..., Result], gateway: GatewayThread, admin: httpx.Client
) -> None:
    assert gateway.settings.tasks is not None
    file = gateway.settings.tasks.folder / "bad.yaml"
    file.write_text("name: b\ndescription: d\n'[/y]': 1\nbase_model: x\n")
    deadline = time.monotonic() + 30
    while "[/y]" not in str(admin.get("/tasks").json()["problems"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    result = cli(task_command.app, "list")
    assert result.exit_code == 0
    assert "[/y]" in result.stdout
