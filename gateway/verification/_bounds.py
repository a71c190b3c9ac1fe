"""How much work a rule may be on an answer: known before it runs, since CEL cannot be interrupted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contracts.canonical import JsonValue

MAX_NODES = 10_000
MAX_NESTING = 200
MAX_WORK = 10_000_000
"""Values that a rule may touch, at 10 to 250 ns each."""

# Measured on the library: a list is copied for every item that `map` and `filter` add to it, and a
# pattern is compiled at each use.
_BUILDING_COST = 4
_PATTERN_COST = 20_000
_CHARS_PER_NODE = 64

_LITERAL = re.compile(
    r"""//[^\n]*
    | (?:[bB]?[rR]|[rR][bB])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
    | [bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    """,
    re.DOTALL | re.VERBOSE,
)
_MACRO = r"\.\s*(?P<macro>all|exists|exists_one|map|filter)\s*\(\s*(?P<bound>[A-Za-z_]\w*)\s*,"
_PIECE = re.compile(rf"{_MACRO}|(?P<matches>\bmatches\s*\()|(?P<name>[A-Za-z_]\w*)|(?P<open>[(\[{{])|[)\]}}]")


@dataclass(frozen=True, slots=True)
class Shape:
    """What an expression's text says of its cost.

    `bound` are the variables of its macros, `depth` how deeply macros are nested, `matches_depth` the
    same for calls of `matches` (-1: none), `growth` by how much a chain of `map` may multiply a value.
    """

    bound: frozenset[str]
    depth: int
    matches_depth: int
    growth: int
    commas: int
    builds_lists: bool
    reads_input: bool


@dataclass(frozen=True, slots=True)
class Size:
    """How much a rule may find: all values, and the items of the longest list or object."""

    nodes: int
    longest: int


class TooLargeError(ValueError):
    """An answer that no rule is evaluated on."""


@dataclass(slots=True)
class _Bracket:
    """An open bracket; `bound` is the variable of the macro that opened it, `uses` how often it is read."""

    bound: str = ""
    is_map: bool = False
    uses: int = 0


def shape_of(expression: str) -> Shape:
    """Read the cost off an expression that is known to parse."""
    text = _LITERAL.sub(lambda match: " " if match[0].startswith("//") else "0", expression)
    pieces = list(_PIECE.finditer(text))
    open_brackets: list[_Bracket] = []
    growth, depth, matches_depth = 1, 0, -1
    for piece in pieces:
        match piece.lastgroup:
            case "bound":
                open_brackets.append(_Bracket(piece["bound"], is_map=piece["macro"] == "map"))
                depth = max(depth, _loops(open_brackets))
            case "matches":
                matches_depth = max(matches_depth, _loops(open_brackets))
                open_brackets.append(_Bracket())
            case "open":
                open_brackets.append(_Bracket())
            case "name":
                _count_use(piece["name"], open_brackets)
            case _ if open_brackets:
                growth *= _growth(open_brackets.pop())
    return Shape(
        bound=frozenset(piece["bound"] for piece in pieces if piece["bound"]),
        depth=depth,
        matches_depth=matches_depth,
        growth=growth,
        commas=text.count(","),
        builds_lists=any(piece["macro"] in ("map", "filter") for piece in pieces),
        reads_input=any(piece["name"] == "input" for piece in pieces),
    )


def _loops(brackets: list[_Bracket]) -> int:
    return sum(1 for bracket in brackets if bracket.bound)


def _count_use(name: str, brackets: list[_Bracket]) -> None:
    for bracket in reversed(brackets):
        if bracket.bound == name:
            bracket.uses += 1
            return


def _growth(closed: _Bracket) -> int:
    return max(1, closed.uses) if closed.is_map else 1


def size_of(value: JsonValue) -> Size:
    """Measure an answer.

    Raises:
        TooLargeError: more than `MAX_NODES` values, or nested deeper than `MAX_NESTING`.
    """
    nodes = chars = longest = 0
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if isinstance(node, str):
            chars += len(node)
        elif isinstance(node, dict | list):
            longest = max(longest, len(node))
            if nodes + len(waiting) + len(node) > MAX_NODES or depth == MAX_NESTING:
                raise TooLargeError(f"the answer has over {MAX_NODES} values or is nested too deeply")
            waiting += [(item, depth + 1) for item in (node.values() if isinstance(node, dict) else node)]
    return Size(nodes + chars // _CHARS_PER_NODE, longest)


def is_affordable(shape: Shape, size: Size, input_chars: int) -> bool:
    """Whether an expression stays within `MAX_WORK` on an answer of this size.

    Every turn of a loop is counted as if it touched the whole answer (and the input, if it reads it):
    that bounds `in`, `==`, `sum` and `contains` inside of loops.
    """
    longest = max(size.longest, shape.commas + 1)
    touched = size.nodes + (input_chars // _CHARS_PER_NODE if shape.reads_input else 0)
    work: int = shape.growth * touched * longest**shape.depth * (_BUILDING_COST if shape.builds_lists else 1)
    if shape.matches_depth >= 0:
        work += _PATTERN_COST * longest**shape.matches_depth
    return work <= MAX_WORK
