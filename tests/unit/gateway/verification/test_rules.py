"""Rules in CEL: what they prove, what they refuse, and that none of them raises or runs on."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.verification import Rule
from gateway.intake.violation import Violation, ViolationKind
from gateway.verification import CompiledRules, RuleError, compile_rules
from gateway.verification._bounds import shape_of
from gateway.verification.rules import _CompiledRule

ADDS_UP = "sum(output.line_items.map(i, i.amount)) == output.total"
NULL_SAFE = (
    "output.total == null || "
    "sum(output.line_items.filter(i, i.amount != null).map(i, i.amount)) == output.total"
)
IN_ORDER = "output.issued == null || output.due == null || date(output.issued) <= date(output.due)"


def check(expression: str, output: Any, text: str = "") -> list[str]:
    """The messages of one rule on one answer."""
    rule = Rule(name="the-rule", expression=expression, message="broken")
    return [violation.message for violation in compile_rules([rule]).check(output, text)]


def items(*amounts: float | None) -> list[dict[str, Any]]:
    return [{"amount": amount} for amount in amounts]


def test_a_broken_rule_is_a_violation_with_its_name_place_and_message() -> None:
    rule = Rule(name="adds-up", expression=ADDS_UP, message="the lines do not add up", pointer="/total")
    found = compile_rules([rule]).check({"line_items": items(1), "total": 2}, "")
    assert found == (Violation("/total", "the lines do not add up", ViolationKind.RULE, "adds-up"),)


def test_every_broken_rule_is_named_in_order() -> None:
    rules = [Rule(name=name, expression=expression, message=name) for name, expression in RULES]
    assert [v.keyword for v in compile_rules(rules).check({"a": 1}, "")] == ["second", "third"]


RULES = (("first", "output.a == 1.0"), ("second", "output.a == 2.0"), ("third", "output.b == 1.0"))


def test_no_rules_break_nothing() -> None:
    assert compile_rules([]).check([[]] * 20_000, "") == ()


@pytest.mark.parametrize(
    ("expression", "output"),
    [
        (ADDS_UP, {"line_items": items(0.1, 0.2), "total": 0.3}),
        (ADDS_UP, {"line_items": items(310, 62.5), "total": 372.5}),
        (ADDS_UP, {"line_items": items(1e16, 1, -1e16), "total": 1}),
        (ADDS_UP, {"line_items": [], "total": 0}),
        (NULL_SAFE, {"line_items": items(1, None), "total": 1}),
        (NULL_SAFE, {"line_items": items(1), "total": None}),
        ("sum([output.net, output.tax]) == output.total", {"net": 310, "tax": 62.1, "total": 372.1}),
        ("close(output.net * 1.2, output.total, 0.005)", {"net": 10.01, "total": 12.01}),
        (IN_ORDER, {"issued": "2026-01-31", "due": "2026-02-01"}),
        (IN_ORDER, {"issued": "2026-01-31", "due": None}),
        ("days_between(output.issued, output.due) == 1", {"issued": "2024-02-29", "due": "2024-03-01"}),
        ("luhn(output.card)", {"card": "4539 1488 0343 6467"}),
        ("mod97(output.iban)", {"iban": "DE89 3704 0044 0532 0130 00"}),
        ("output.id.matches('^[A-Z]{2}[0-9]+$')", {"id": "AB12"}),
        ("input.contains(output.id)", {"id": "AB12"}),
        ("has(output.id) && !has(output.other)", {"id": "AB12"}),
        ("output.n == 2 && int(output.n) % 2 == 0", {"n": 2}),
        ("output.ok", {"ok": True}),
    ],
)
def test_an_answer_that_keeps_its_rule_is_proven(expression: str, output: Any) -> None:
    assert check(expression, output, "about AB12.") == []


@pytest.mark.parametrize(
    ("expression", "output"),
    [
        (ADDS_UP, {"line_items": items(0.1, 0.2), "total": 0.31}),
        (NULL_SAFE, {"line_items": items(1, None), "total": 2}),
        ("close(output.net * 1.2, output.total, 0.005)", {"net": 10.01, "total": 12.02}),
        (IN_ORDER, {"issued": "2026-02-01", "due": "2026-01-31"}),
        ("luhn(output.card)", {"card": "4539 1488 0343 6468"}),
        ("mod97(output.iban)", {"iban": "DE89 3704 0044 0532 0130 01"}),
        ("input.contains(output.id)", {"id": "AB13"}),
    ],
)
def test_an_answer_that_breaks_its_rule_is_a_violation(expression: str, output: Any) -> None:
    assert check(expression, output, "about AB12.") == ["broken"]


@pytest.mark.parametrize(
    ("expression", "output", "reason"),
    [
        ("output.a == 1", {}, "no key 'a'"),
        ("output.a", {"a": 1}, "it gives neither true nor false"),
        ("output.a < 1", {"a": None}, "No such overload"),
        ("1 / 0 == 1", {}, "division by zero in CEL expression"),
        ("sum(output.a) == 1", {"a": [1, None]}, "a number is missing"),
        ("date(output.a) == date(output.a)", {"a": "2026-02-30"}, "date: no such day"),
        ("date(output.a) == date(output.a)", {"a": None}, "date takes a text YYYY-MM-DD"),
        ("output.a.matches('(')", {"a": ""}, "Function 'matches' error"),
        ("output.a[3] == 1", {"a": [1]}, "index out of bounds: 3"),
        ("output.a == 1", {"a": 10**400}, "int too large to convert to float"),
        ("output.a == 'x'", {"a": "\ud800"}, "Failed to convert variable 'output'"),
        ("sum([output.a, output.a]) > 1", {"a": 1.7e308}, "the sum is too large"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_is_a_violation(expression: str, output: Any, reason: str) -> None:
    (message,) = check(expression, output)
    assert reason in message


def test_an_answer_that_is_not_an_object_can_be_checked() -> None:
    assert check("output.all(x, x > 0)", [1, 2]) == []
    assert check("output == 'yes'", "no") == ["broken"]


def test_half_of_a_surrogate_pair_in_the_input_does_not_stop_a_rule() -> None:
    assert check("input.startsWith('a')", {}, "a\ud800") == []


@pytest.mark.parametrize(
    ("expression", "place", "reason"),
    [
        ("1 +", (1, 4), "mismatched input"),
        ("true &&\n  output.a ==", (2, 14), "mismatched input"),
        ("output.a == 1)", (1, 14), "extraneous input"),
        ("outptu.total == 1", (1, 1), "no variable is named 'outptu'"),
        ("true &&\n size(i) == 1", (2, 7), "no variable is named 'i'"),
        ("total(output.items) == 1", (1, 1), "no function is named 'total'"),
        ("[1].all(1, true)", (1, 9), "argument must be a simple name"),
        ("(" * 500, (1, 97), "Recursion limit of 96 exceeded"),
        ("\x00", (1, 1), "token recognition error"),
    ],
)
def test_a_rule_that_cannot_be_compiled_is_named_with_its_place(
    expression: str, place: tuple[int, int], reason: str
) -> None:
    with pytest.raises(RuleError, match="rule 'the-rule' at line") as caught:
        check(expression, {})
    assert (caught.value.rule, caught.value.line, caught.value.column) == ("the-rule", *place)
    assert reason in str(caught.value)


def test_the_variable_of_a_macro_is_known_inside_it() -> None:
    assert check("output.a.all(x, output.b.exists(y, y == x))", {"a": [1], "b": [1, 2]}) == []


@pytest.mark.parametrize(
    ("expression", "output"),
    [
        ("output.all(a, output.all(b, output.all(c, a + b > c)))", [1] * 1000),
        ("output.map(a, output.map(b, b)).size() > 0", [1] * 1000),
        ("[1, 2, 3, 4, 5].all(a, " * 20 + "true" + ")" * 20, []),
        ("['ab']" + ".map(x, x + x)" * 60 + ".size() == 1", []),
        (r"output.all(x, x.matches('\\w{50}'))", ["a"] * 2000),
        ("output.all(x, x in output)", list(range(9000))),
    ],
)
def test_a_loop_that_would_run_on_is_not_begun(expression: str, output: Any) -> None:
    message = "the rule could not be evaluated: the answer is too large for its loops"
    assert check(expression, output) == [message]


@pytest.mark.parametrize("output", [[0] * 10_001, {"a": [[0] * 200] * 51}, [[[]] * 5001] * 2])
def test_an_answer_of_too_many_values_is_a_violation_of_every_rule(output: Any) -> None:
    assert check("true", output) == [
        "the rule could not be evaluated: the answer has over 10000 values or is nested too deeply"
    ]


def test_an_answer_that_is_nested_too_deeply_is_a_violation() -> None:
    output: list[Any] = []
    for _ in range(5000):
        output = [output]
    (message,) = check("output.size() == 1", output)
    assert message.endswith("nested too deeply")


def test_an_invoice_of_many_lines_is_checked() -> None:
    lines = [{"text": "x" * 30, "quantity": 2, "price": 1.5, "amount": 3} for _ in range(400)]
    assert check(ADDS_UP, {"line_items": lines, "total": 1200}) == []
    assert check("output.all(i, close(i.quantity * i.price, i.amount, 0.005))", lines) == []


class PanicException(BaseException):
    """What the library raises for a defect of its own."""


class Program:
    """A compiled expression that fails as a test says."""

    def __init__(self, fault: BaseException) -> None:
        self._fault = fault

    def execute(self, context: object) -> bool:
        raise self._fault


def failing(fault: BaseException) -> CompiledRules:
    rule = Rule(name="the-rule", expression="true", message="broken")
    return CompiledRules((_CompiledRule(rule, Program(fault), shape_of("true")),))  # type: ignore[arg-type]


def test_a_panic_of_the_library_is_a_violation() -> None:
    (violation,) = failing(PanicException("index out of range")).check({}, "")
    assert violation.message == "the rule could not be evaluated: index out of range"


def test_an_interrupt_is_passed_on() -> None:
    with pytest.raises(KeyboardInterrupt):
        failing(KeyboardInterrupt()).check({}, "")


def test_what_a_function_refuses_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    check("date(output.a) == date(output.a)", {"a": "secret"})
    assert caplog.records == []
