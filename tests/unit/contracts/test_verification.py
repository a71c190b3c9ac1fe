"""Verification: what a task file may say of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.verification import Verification

RULE = {"name": "adds-up", "expression": "true", "message": "no"}


def test_nothing_is_verified_by_default() -> None:
    assert Verification() == Verification(rules=(), grounding=None, verifier=None)


def test_a_whole_verification_is_read() -> None:
    read = Verification.model_validate(
        {
            "rules": [RULE | {"pointer": "/total"}],
            "grounding": {"pointers": ["/total", "/lines/*/amount", "", "/a~1b"], "dates": "day_first"},
            "verifier": {"model": "large", "question": "{{ input }} {{ answer }}?"},
        }
    )
    assert read.rules[0].pointer == "/total"
    assert read.grounding is not None
    assert read.grounding.pointers == ("/total", "/lines/*/amount", "", "/a~1b")
    assert read.verifier is not None
    assert read.verifier.message == "the second model does not confirm the answer"


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"rules": [RULE | {"name": "Adds Up"}]}, ("rules", 0, "name")),
        ({"rules": [RULE | {"name": "a\n"}]}, ("rules", 0, "name")),
        ({"rules": [RULE | {"expression": ""}]}, ("rules", 0, "expression")),
        ({"rules": [RULE | {"expression": "1" * 2001}]}, ("rules", 0, "expression")),
        ({"rules": [RULE | {"message": ""}]}, ("rules", 0, "message")),
        ({"rules": [RULE | {"pointer": "total"}]}, ("rules", 0, "pointer")),
        ({"rules": [RULE | {"severity": "low"}]}, ("rules", 0, "severity")),
        ({"rules": [RULE, RULE]}, ()),
        ({"grounding": {"pointers": []}}, ("grounding", "pointers")),
        ({"grounding": {"pointers": ["total"]}}, ("grounding", "pointers", 0)),
        ({"grounding": {"pointers": ["/a", "/b~2"]}}, ("grounding", "pointers", 1)),
        ({"grounding": {"pointers": ["/a"], "dates": "us"}}, ("grounding", "dates")),
        ({"verifier": {"model": "", "question": "?"}}, ("verifier", "model")),
        ({"verifier": {"model": "m"}}, ("verifier", "question")),
        ({"checks": []}, ("checks",)),
    ],
)
def test_what_cannot_be_verified_is_refused(given: dict[str, Any], place: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        Verification.model_validate(given)
    assert caught.value.errors()[0]["loc"] == place
