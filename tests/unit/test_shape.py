"""The hard limits of the style guide, each a test that names the offender."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
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

MODULES = {package: sorted((ROOT / package).rglob("*.py")) for package in PACKAGES}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Offences = Callable[[Path], Iterator[str]]
each_package = pytest.mark.parametrize("package", PACKAGES)


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


def is_command(node: Function) -> bool:
    """A typer command: its parameters are the options of the command line, not an interface of ours."""
    return any(ast.unparse(decorator).endswith(".command()") for decorator in node.decorator_list)


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


def offenders(package: str, offences: Offences) -> list[str]:
    """What breaks a rule in a package: the module, and what it is there."""
    return [f"{path.relative_to(ROOT)}: {what}" for path in MODULES[package] for what in offences(path)]


@each_package
def test_there_is_something_to_check(package: str) -> None:
    assert len(MODULES[package]) > 5


@each_package
def test_a_module_keeps_to_its_size(package: str) -> None:
    def long(path: Path) -> Iterator[str]:
        size = len(path.read_text(encoding="utf-8").splitlines())
        if size > MAX_MODULE_LINES:
            yield f"{size} lines"

    assert not offenders(package, long)


@each_package
def test_a_function_keeps_to_its_size(package: str) -> None:
    def long(path: Path) -> Iterator[str]:
        return (f"{n.name}: {lines(n)} lines" for n in functions(path) if lines(n) > MAX_FUNCTION_LINES)

    assert not offenders(package, long)


@each_package
def test_a_class_keeps_to_its_size(package: str) -> None:
    def long(path: Path) -> Iterator[str]:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef) and lines(node) > MAX_CLASS_LINES and not is_model(node):
                yield f"{node.name}: {lines(node)} lines"

    assert not offenders(package, long)


@each_package
def test_a_function_takes_few_parameters(package: str) -> None:
    def many(path: Path) -> Iterator[str]:
        return (
            f"{node.name}: {', '.join(parameters(node))}"
            for node in functions(path)
            if len(parameters(node)) > MAX_PARAMETERS and not is_command(node)
        )

    assert not offenders(package, many)


@each_package
def test_a_module_says_what_it_owns(package: str) -> None:
    def silent(path: Path) -> Iterator[str]:
        is_empty_package = path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip()
        if not is_empty_package and not ast.get_docstring(tree(path)):
            yield "no docstring"

    assert not offenders(package, silent)


@each_package
def test_a_root_package_is_empty(package: str) -> None:
    assert (ROOT / package / "__init__.py").read_text(encoding="utf-8") == ""


@each_package
def test_a_name_says_what_is_inside(package: str) -> None:
    def vague(path: Path) -> Iterator[str]:
        parts = {part.strip("_") for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
        yield from parts & FORBIDDEN_NAMES

    assert not offenders(package, vague)


@each_package
def test_a_task_is_kept(package: str) -> None:
    """A task that nothing refers to may be collected while it runs; a task group keeps its own."""

    def dropped(path: Path) -> Iterator[str]:
        for node in nodes(path):
            if isinstance(node, ast.Expr) and (
                calls_of(node.value, "create_task") or calls_of(node.value, "ensure_future")
            ):
                call = ast.unparse(node.value)
                if not call.startswith("group."):
                    yield f"line {node.lineno}: {call}"

    assert not offenders(package, dropped)


@each_package
def test_a_postponement_names_its_issue(package: str) -> None:
    def loose(path: Path) -> Iterator[str]:
        for number, text in comments(path):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text) and not re.search(r"#\d+|issue \d+", text[1:]):
                yield f"line {number}: {text}"

    assert not offenders(package, loose)


@each_package
def test_nothing_is_printed(package: str) -> None:
    def printed(path: Path) -> Iterator[str]:
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                yield f"line {node.lineno}"

    assert not offenders(package, printed)
