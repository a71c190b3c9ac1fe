"""A defect is logged by type and place, never by its message."""

from __future__ import annotations

from gateway.telemetry.faults import MAX_FRAMES, fault_fields


def _fail(depth: int) -> None:
    if depth:
        _fail(depth - 1)
    raise ValueError("the prompt itself")


def _caught(depth: int) -> ValueError:
    try:
        _fail(depth)
    except ValueError as error:
        return error
    raise AssertionError


def test_the_type_and_the_place_are_named_and_the_message_is_not() -> None:
    fields = fault_fields(_caught(1))
    assert fields["error"] == "ValueError"
    assert str(fields["where"]).count("test_faults.py") == 3
    assert "_fail" in str(fields["where"])
    assert "prompt" not in str(fields)


def test_a_deep_trace_is_cut_at_its_far_end() -> None:
    where = fault_fields(_caught(50))["where"]
    assert isinstance(where, list)
    assert len(where) == MAX_FRAMES
    assert where[-1].endswith("_fail")
