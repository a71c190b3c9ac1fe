"""The tree of failures: what the docstring says is what the classes are."""

from __future__ import annotations

import inspect
import re

import pytest

from gateway import errors
from gateway.errors import GatewayError, ModelNotFoundError

LINE = re.compile(r"^( *)(\w+Error)(?: +(\d{3}) (\w+))?$", re.MULTILINE)
CLASSES = [
    found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, GatewayError)
]


def told() -> dict[str, tuple[str | None, str | None, str | None]]:
    """Name to parent, status and code, as the docstring draws them."""
    tree: dict[str, tuple[str | None, str | None, str | None]] = {}
    path: list[str] = []
    for indent, name, status, code in LINE.findall(errors.__doc__ or ""):
        depth = len(indent) // 4
        path = [*path[:depth], name]
        tree[name] = (path[depth - 1] if depth else None, status or None, code or None)
    return tree


def test_the_docstring_draws_every_class_and_no_other() -> None:
    assert told().keys() == {found.__name__ for found in CLASSES}
    assert len(CLASSES) > 15


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_the_docstring_tells_parent_status_and_code(found: type[GatewayError]) -> None:
    parent, status, code = told()[found.__name__]
    if found is GatewayError:
        assert (parent, status, code) == (None, None, None)
    else:
        assert (parent, status, code) == (found.__bases__[0].__name__, str(found.status), found.code)


def test_no_two_failures_share_a_code() -> None:
    codes = [found.code for found in CLASSES if found is not GatewayError]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_only_what_time_mends_is_retryable(found: type[GatewayError]) -> None:
    assert found.retryable is (found.status in (429, 503))


def test_an_unknown_model_is_shown_those_that_exist() -> None:
    error = ModelNotFoundError("x" * 500, known=[f"m{number:02}" for number in range(30)])
    assert error.param == "model"
    assert repr("x" * 200) in error.message
    assert "m19." in error.message
    assert "m20" not in error.message
