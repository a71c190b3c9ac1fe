"""The way into set-up, which runs on whatever Python a machine has."""

import ast
import sys
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parents[3] / "launcher"
STAGE_ZERO = (
    "setup",
    "preparation",
    "environments",
    "model",
    "pip",
    "progress",
    "locking",
    "layout",
    "checks",
    "errors",
    "engine",
)


def imported(name: str) -> set[str]:
    tree = ast.parse((LAUNCHER / f"{name}.py").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_what_runs_before_the_environments_exist_needs_the_standard_library_alone() -> None:
    for name in STAGE_ZERO:
        for module in imported(name):
            top = module.partition(".")[0]
            assert top == "launcher" or top in sys.stdlib_module_names, (name, module)
            if top == "launcher" and "." in module:
                assert module.split(".")[1] in STAGE_ZERO, (name, module)


def test_the_way_in_is_written_so_that_an_old_python_can_say_that_it_is_old() -> None:
    ast.parse((LAUNCHER / "setup.py").read_text(), feature_version=(3, 7))
