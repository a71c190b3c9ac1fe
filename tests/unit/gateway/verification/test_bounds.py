"""The cost of an expression, read off its text."""

from __future__ import annotations

import pytest

from gateway.verification._bounds import Size, TooLargeError, is_affordable, shape_of, size_of


@pytest.mark.parametrize(
    ("expression", "depth", "matches_depth", "growth"),
    [
        ("output.a == 1", 0, -1, 1),
        ("output.a.all(x, x > 1)", 1, -1, 1),
        ("output.a.all(x, x > 1) && output.b.all(x, x > 1)", 1, -1, 1),
        ("output.a.filter(x, x > 1).map(y, y + y + y)", 1, -1, 3),
        ("output.a.map(x, x.map(y, x + y + y))", 2, -1, 4),
        ("output.a.map(x, x + x).map(x, x + x).map(x, x + x)", 1, -1, 8),
        ("output . a .\n exists_one ( x , x.matches('a'))", 1, 1, 1),
        ("output.a.matches('b') && output.b.all(x, x)", 1, 0, 1),
        ("output.a.all(x, (x.b) && [x].all(y, y))", 2, -1, 1),
        ("'.all(x, .all(x, ' == output.a // .all(x, (", 0, -1, 1),
        (r"'\'.all(x, ' == r'\' + '''.all(x, ''' + \"\"\"'\"\"\"", 0, -1, 1),
        ("output.all == 1 && output.map(x, x).size() == 1", 1, -1, 1),
    ],
)
def test_loops_patterns_and_growth_are_counted(
    expression: str, depth: int, matches_depth: int, growth: int
) -> None:
    shape = shape_of(expression)
    assert (shape.depth, shape.matches_depth, shape.growth) == (depth, matches_depth, growth)


def test_what_an_expression_reads_is_seen() -> None:
    shape = shape_of("input.contains(output.a.filter(x, x != 'input')[0])")
    assert (shape.reads_input, shape.builds_lists, shape.bound) == (True, True, frozenset({"x"}))
    assert not shape_of("output.a.all(x, x == 'input')").reads_input


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (1, Size(1, 0)),
        ([1, 2, [3]], Size(5, 3)),
        ({"a": "x" * 640, "b": {}}, Size(13, 2)),
    ],
)
def test_an_answer_is_measured(value: object, size: Size) -> None:
    assert size_of(value) == size  # type: ignore[arg-type]  # parametrised JSON


@pytest.mark.parametrize(
    ("expression", "lines"),
    [
        ("sum(output.a.map(i, i.x)) == output.b", 640),
        ("output.a.all(i, i.x > 1)", 1290),
        ("output.a.all(i, output.a.filter(j, j.x == i.x).size() == 1)", 70),
        ("output.a.all(i, output.a.exists(j, j.x == i.x))", 118),
    ],
)
def test_a_loop_takes_so_many_lines_of_five_fields(expression: str, lines: int) -> None:
    shape = shape_of(expression)
    assert is_affordable(shape, Size(6 * lines + 2, lines), 0)
    assert not is_affordable(shape, Size(7 * lines, lines + lines // 10), 0)


def test_reading_a_long_input_in_a_loop_counts() -> None:
    shape = shape_of("output.all(x, input.contains(x))")
    assert is_affordable(shape, Size(1000, 1000), 200_000)
    assert not is_affordable(shape, Size(3000, 3000), 200_000)


def test_a_long_list_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLargeError):
        size_of([0] * 10_000)
