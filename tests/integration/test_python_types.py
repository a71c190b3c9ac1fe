"""A task that names a Python type serves the contract it stands for, and follows its module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from outlines.types import isbn
from typer.testing import CliRunner

from contracts.output import ChoiceOutput, JsonSchemaOutput, RegexOutput
from contracts.task import Task
from gateway.commands import task as task_command
from gateway.errors import SchemaUnsupportedError
from gateway.tasks import PythonTypes, TaskCatalog, TaskFileError
from tests.support.calls import chat_body
from tests.support.gateway_fixtures import StartGateway
from tests.support.settings_files import MODEL, REPOSITORY, write_settings
from tests.support.stub_engine import Reply, StubEngine

SHAPES = """
from typing import Literal
from outlines.types import isbn
from pydantic import BaseModel
from shop.money import Amount

print("an operator's module may print")

class Invoice(BaseModel):
    number: str
    total: Amount

class Outer:
    Mood = Literal["good", "bad"]

not_a_type = object()
"""
MONEY = """
from pydantic import BaseModel

class Amount(BaseModel):
    euros: float
"""


class CountedTypes(PythonTypes):
    """Counts the processes that were started."""

    asked = 0

    def _ask(self, name: str) -> Any:
        self.asked += 1
        return super()._ask(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a package of types, and `tasks/` beside it."""
    package = tmp_path / "types" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "shapes.py").write_text(SHAPES)
    (package / "money.py").write_text(MONEY)
    (tmp_path / "tasks").mkdir()
    return tmp_path


@pytest.fixture
def types(folder: Path) -> CountedTypes:
    return CountedTypes(["shop"], folder / "types")


def write_task(folder: Path, kind: str = "shop.shapes:Invoice", name: str = "typed") -> Path:
    path = folder / "tasks" / f"{name}.yaml"
    output = {"kind": "python_type", "type": kind}
    task = {"name": name, "description": "Reads.", "base_model": "small", "output": output}
    path.write_text(yaml.safe_dump(task))
    return path


def refuse_isbn(task: Task) -> None:
    """Stand in for the compiler, to which what came of the type is given."""
    if isinstance(task.output, RegexOutput):
        assert task.output.pattern == isbn.pattern
        raise SchemaUnsupportedError("look-around is not supported")


def make_catalog(folder: Path, types: PythonTypes) -> TaskCatalog:
    return TaskCatalog(folder / "tasks", base_models=("small",), check_task=refuse_isbn, python_types=types)


def properties(catalog: TaskCatalog, name: str = "typed") -> dict[str, Any]:
    task = catalog.get(name)
    assert task is not None
    assert isinstance(task.output, JsonSchemaOutput)
    assert isinstance(task.output.json_schema, dict)
    return dict(task.output.json_schema["properties"])


def rewrite(path: Path, old: str, new: str) -> None:
    """Change a file in a way that its time shows, however coarse the file system's clock is."""
    before = path.stat().st_mtime_ns
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(before + 1_000_000_000, before + 1_000_000_000))


def test_the_task_that_serves_has_the_contract(folder: Path, types: CountedTypes) -> None:
    write_task(folder)
    write_task(folder, "shop.shapes:Outer.Mood", "mood")
    catalog = make_catalog(folder, types)
    catalog.load()
    assert list(properties(catalog)) == ["number", "total"]
    mood = catalog.get("mood")
    assert mood is not None
    assert mood.output == ChoiceOutput(kind="choice", choices=("good", "bad"))
    assert "python_type" in (folder / "tasks" / "typed.yaml").read_text()
    assert "outlines" not in json.dumps(mood.model_dump(mode="json"))


async def test_what_has_not_changed_is_not_asked_again(folder: Path, types: CountedTypes) -> None:
    path = write_task(folder)
    catalog = make_catalog(folder, types)
    catalog.load()
    before = catalog.get("typed")
    for _ in range(3):
        await catalog.reload()
    assert catalog.get("typed") is before
    rewrite(path, "Reads.", "Reads better.")
    await catalog.reload()
    after = catalog.get("typed")
    assert after is not None
    assert after.description == "Reads better."
    assert types.asked == 1


@pytest.mark.parametrize("file", ["shapes", "money"])
async def test_a_changed_module_is_another_version_of_the_task(
    folder: Path, types: CountedTypes, file: str
) -> None:
    write_task(folder)
    catalog = make_catalog(folder, types)
    catalog.load()
    before = catalog.get("typed")
    changes = {"shapes": ("number: str", "number: int"), "money": ("euros: float", "cents: int")}
    rewrite(folder / "types" / "shop" / f"{file}.py", *changes[file])
    await catalog.reload()
    after = catalog.get("typed")
    assert before is not None
    assert after is not None
    assert after.version != before.version
    assert types.asked == 2
    await catalog.reload()
    assert catalog.get("typed") is after


async def test_a_module_that_breaks_keeps_the_task_and_is_mended_by_itself(
    folder: Path, types: CountedTypes
) -> None:
    write_task(folder)
    catalog = make_catalog(folder, types)
    catalog.load()
    before = catalog.get("typed")
    module = folder / "types" / "shop" / "shapes.py"
    rewrite(module, "number: str", "number: strr")
    await catalog.reload()
    assert catalog.get("typed") is before
    expected = "output.type: 'shop.shapes:Invoice' cannot be used: NameError: name 'strr' is not defined"
    assert catalog.problems() == {"typed.yaml": expected}
    await catalog.reload()
    assert types.asked == 2
    rewrite(module, "number: strr", "number: bool")
    await catalog.reload()
    assert catalog.problems() == {}
    assert properties(catalog)["number"]["type"] == "boolean"


async def test_a_module_that_comes_later_is_found(folder: Path, types: CountedTypes) -> None:
    write_task(folder, "shop.later:Label")
    catalog = make_catalog(folder, types)
    await catalog.reload()
    missing = (
        "output.type: there is no module 'shop.later' in tasks.python_path or among the installed packages"
    )
    assert catalog.problems() == {"typed.yaml": missing}
    (folder / "types" / "shop" / "later.py").write_text(
        "import enum\nLabel = enum.Enum('Label', {'A': 'a'})\n"
    )
    await catalog.reload()
    found = catalog.get("typed")
    assert found is not None
    assert found.output == ChoiceOutput(kind="choice", choices=("a",))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("shop.shapes:Missing", "the module 'shop.shapes' has no 'Missing'"),
        ("shop.shapes:Outer.Missing", "the module 'shop.shapes' has no 'Outer.Missing'"),
        (
            "shop.shapes:not_a_type",
            "'shop.shapes:not_a_type' cannot be used: TypeError: Type .* not supported",
        ),
        ("shop.shapes:isbn", "output: look-around is not supported"),
        ("os.path:join", r"'os.path' is of no package that .* tasks.python_types allows \(allowed: shop\)"),
        ("shops.shapes:Invoice", "'shops.shapes' is of no package"),
        ("shop.exits:X", "'shop.exits:X' ended its process with status 3"),
        ("shop.long:X", "choices: Tuple should have at most 1000 items"),
        ("shop", "output.type: String should match pattern"),
        ("shop.shapes:Invoice[int]", "output.type: String should match pattern"),
    ],
)
def test_a_type_that_cannot_be_used_is_a_sentence(
    folder: Path, types: CountedTypes, kind: str, sentence: str
) -> None:
    package = folder / "types" / "shop"
    (package / "exits.py").write_text("import sys\nsys.exit(3)\n")
    (package / "long.py").write_text(
        "from outlines.types import Choice\nX = Choice([f'{i}' for i in range(1001)])\n"
    )
    write_task(folder, kind)
    with pytest.raises(TaskFileError, match=sentence) as caught:
        make_catalog(folder, types).load()
    assert caught.value.file == "typed.yaml"


def test_without_the_setting_nothing_is_run(folder: Path) -> None:
    write_task(folder)
    types = CountedTypes()
    with pytest.raises(TaskFileError, match=r"tasks.python_types allows \(allowed: none\)"):
        make_catalog(folder, types).load()
    assert types.asked == 0


def test_a_module_that_hangs_is_given_up(folder: Path) -> None:
    (folder / "types" / "shop" / "slow.py").write_text("import time\ntime.sleep(60)\n")
    types = PythonTypes(["shop"], folder / "types", timeout_seconds=1.0)
    write_task(folder, "shop.slow:X")
    with pytest.raises(TaskFileError, match="took over 1 s to import and convert"):
        make_catalog(folder, types).load()


def test_the_module_sees_nothing_of_our_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LARGE_API_KEY", "a secret")
    text = "import os\nfrom outlines.types import Choice\nX = Choice(['none', *os.environ])\n"
    (folder / "types" / "shop" / "curious.py").write_text(text)
    contract = PythonTypes(["shop"], folder / "types").resolve("shop.curious:X")
    assert isinstance(contract, ChoiceOutput)
    assert "none" in contract.choices
    assert "LARGE_API_KEY" not in contract.choices


def test_without_the_extra_the_sentence_says_what_to_install() -> None:
    code = "import sys; sys.modules['outlines'] = None; from gateway.intake import python_types as types; "
    command = [sys.executable, "-c", code + "types.main(['a:B'])"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    problem = json.loads(done.stdout)["problem"]
    assert problem == "Python types need the package 'outlines': pip install 'firstline[outlines]'"


def test_the_command_checks_such_a_file_with_the_settings(folder: Path) -> None:
    file = write_task(folder, "shop.shapes:Outer.Mood")
    file.write_text(file.read_text().replace("base_model: small", "base_model: smollm2-135m"))
    changes = {"tasks": {"python_types": ["shop"], "python_path": "types"}}
    config = write_settings(folder, ["http://127.0.0.1:1"], changes=changes)
    good = CliRunner().invoke(task_command.app, ["check", str(file), "--config", str(config)])
    assert good.exit_code == 0, good.output
    assert "can be served (choice output)" in good.output
    bad = CliRunner().invoke(task_command.app, ["check", str(file)])
    assert bad.exit_code == 1
    assert "tasks.python_types" in bad.output


async def test_a_task_with_a_type_is_served(
    folder: Path, engine: StubEngine, start_gateway: StartGateway
) -> None:
    path = write_task(folder, "shop.money:Amount")
    path.write_text(path.read_text().replace("base_model: small", f"base_model: {MODEL}"))
    allowed = {"python_types": ["shop"], "python_path": str(folder / "types")}
    gateway = start_gateway(engine, changes={"tasks": allowed})
    engine.script(Reply(text='{"euros":"many"}'), Reply(text='{"euros":5.5}'))
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        response = await client.post("/v1/chat/completions", json=chat_body("5.50 EUR", model="typed"))
    assert response.json()["choices"][0]["message"]["content"] == '{"euros":5.5}'
    assert response.headers["x-firstline-outcome"] == "repaired"
    sent = engine.generations[0].body["response_format"]["json_schema"]["schema"]
    assert sent["properties"]["euros"]["type"] == "number"
