"""The hard limits of the style guide, each a test that names the offender."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "gateway", "router", "training", "launcher")
FORBIDDEN_NAMES = frozenset({"utils", "helpers", "common", "manager", "base", "misc"})

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 200
MAX_PARAMETERS = 6

MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]

Function = ast.FunctionDef | ast.AsyncFunctionDef
every_module = pytest.mark.parametrize("path", MODULES, ids=NAMES)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in nodes(path) if isinstance(node, Function))


def lines(node: Function | ast.ClassDef) -> int:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or node.lineno) - first + 1


def parameters(node: Function) -> list[str]:
    given = node.args
    names = [
        a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg) if a
    ]
    return [name for name in names if name not in ("self", "cls")]


def is_model(node: ast.ClassDef) -> bool:
    """Whether a class holds fields and validators alone: a table of keys may be long."""
    return all(
        isinstance(part, ast.AnnAssign | ast.Expr)
        or (isinstance(part, ast.Assign) and [ast.unparse(t) for t in part.targets] == ["model_config"])
        or (isinstance(part, Function) and any("validator" in ast.unparse(d) for d in part.decorator_list))
        for part in node.body
    )


def comments(path: Path) -> Iterator[tuple[int, str]]:
    readline = io.StringIO(path.read_text(encoding="utf-8")).readline
    for token in tokenize.generate_tokens(readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def calls_of(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and (isinstance(node.func, ast.Name | ast.Attribute))
        and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) == name
    )


def test_there_is_something_to_check() -> None:
    assert {name.split("/")[0] for name in NAMES} == set(PACKAGES)


@every_module
def test_a_module_keeps_to_its_size(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES


@every_module
def test_a_function_keeps_to_its_size(path: Path) -> None:
    long = {node.name: lines(node) for node in functions(path) if lines(node) > MAX_FUNCTION_LINES}
    assert not long


@every_module
def test_a_class_keeps_to_its_size(path: Path) -> None:
    classes = [node for node in nodes(path) if isinstance(node, ast.ClassDef)]
    long = {
        node.name: lines(node) for node in classes if lines(node) > MAX_CLASS_LINES and not is_model(node)
    }
    assert not long


@every_module
def test_a_function_takes_few_parameters(path: Path) -> None:
    many = {node.name: parameters(node) for node in functions(path) if len(parameters(node)) > MAX_PARAMETERS}
    assert not many


@every_module
def test_a_module_says_what_it_owns(path: Path) -> None:
    is_empty_package = path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip()
    assert is_empty_package or ast.get_docstring(tree(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_root_package_is_empty(package: str) -> None:
    assert (ROOT / package / "__init__.py").read_text(encoding="utf-8") == ""


@every_module
def test_a_name_says_what_is_inside(path: Path) -> None:
    parts = {part.strip("_") for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
    assert not parts & FORBIDDEN_NAMES


@every_module
def test_a_task_is_kept(path: Path) -> None:
    """A task that nothing refers to may be collected while it runs; a task group keeps its own."""
    dropped = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in nodes(path)
        if isinstance(node, ast.Expr)
        and (calls_of(node.value, "create_task") or calls_of(node.value, "ensure_future"))
        and not ast.unparse(node.value).startswith("group.")
    ]
    assert not dropped


@every_module
def test_a_postponement_names_its_issue(path: Path) -> None:
    loose = [
        f"line {number}: {text}"
        for number, text in comments(path)
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text) and not re.search(r"#\d+|issue \d+", text[1:])
    ]
    assert not loose


@every_module
def test_nothing_is_printed(path: Path) -> None:
    printed = [
        f"line {node.lineno}"
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printed
