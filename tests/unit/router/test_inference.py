"""Decisions of the shipped router: its labels, its rules, and odd input."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contracts.route import Action
from router.augment import CHANGES
from router.inference import Router
from router.rows import read_rows

WEATHER = "What is the weather in Lisbon right now?"
PROOF = "Prove that the square root of 2 is irrational."
INVOICE = (
    "Thank you for your business. Invoice A-1029 issued on Jan 14, 2026. Payment terms: Net 30. "
    "Total amount due USD 1,248.50. Vendor: Acme Supplies"
)
NEW_TEXTS = {
    "our invoice: Invoice 5530, Willow Crafts, 3 June 2025, total amount due 75.20 USD": "invoice-extract",
    "where is my parcel, it has not arrived": "ticket-triage",
    "I cannot log in to my account any more": "ticket-triage",
    "please rewrite this politely: you broke it, fix it": "rewrite-standard",
    "How long is the warranty on a phone?": "docs-answer",
}


@pytest.mark.parametrize(("text", "task"), NEW_TEXTS.items())
def test_texts_it_was_not_fitted_on_get_their_task(router: Router, text: str, task: str) -> None:
    decision = router.decide(text)
    assert (decision.task, decision.reason, decision.abstained) == (task, f"task:{task}", False)


@pytest.mark.parametrize("kind", ["politeness", "question_mark", "upper_case"])
def test_a_harmless_change_keeps_the_tasks(router: Router, kind: str) -> None:
    chance = random.Random(1)
    for text, task in {**NEW_TEXTS, INVOICE: "invoice-extract"}.items():
        assert router.decide(CHANGES[kind](text, chance)).task == task


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("wher is my parcle, it has not arived", "ticket-triage"),
        ("I canot log in to my acount any more", "ticket-triage"),
        ("please rewrit this politley: you broke it, fix it", "rewrite-standard"),
        ("How many dyas do I have to retrun a device?", "docs-answer"),
        (INVOICE.replace("Invoice", "Invocie").replace("Total", "Totla"), "invoice-extract"),
    ],
)
def test_misspelt_texts_keep_their_task(router: Router, text: str, task: str) -> None:
    assert router.decide(text).task == task


def test_misspelling_never_turns_one_task_into_another(router: Router, examples: Path) -> None:
    chance = random.Random(2)
    for row in read_rows(examples / "router" / "heldout.jsonl"):
        before, after = router.decide(row.text).task, router.decide(CHANGES["typos"](row.text, chance)).task
        assert before is None or after in (before, None)


def test_the_action_of_a_task_is_the_one_recorded_at_fit(router: Router) -> None:
    assert router.decide("How long is the warranty on a phone?").action is Action.RETRIEVE
    assert router.decide(INVOICE).action is Action.ANSWER


def test_hard_requests_escalate_and_small_talk_is_answered(router: Router) -> None:
    hard, light = router.decide(PROOF), router.decide("Hello, how are you?")
    assert (hard.action, hard.task, hard.abstained) == (Action.ESCALATE, None, False)
    assert (light.action, light.task, light.abstained) == (Action.ANSWER, None, False)


def test_tool_is_chosen_only_where_the_request_brings_tools(router: Router) -> None:
    assert router.decide(WEATHER, has_tools=True).reason == "action:tool"
    without = router.decide(WEATHER)
    assert (without.action is Action.TOOL, without.abstained, without.reason) == (
        False,
        True,
        "abstain:no-tools",
    )


def test_a_task_outside_the_allowed_ones_is_not_replaced_by_another(router: Router) -> None:
    decision = router.decide(INVOICE, tasks={"ticket-triage", "unheard-of"})
    assert (decision.task, decision.abstained, decision.reason) == (None, True, "abstain:no-task")
    assert router.decide(INVOICE, tasks={"invoice-extract"}).task == "invoice-extract"
    assert router.decide(INVOICE, tasks=()).task is None


@pytest.mark.parametrize("text", ["", "   \n\t", "?!...", "\u200b\ufeff"])
def test_text_without_content_gets_the_configured_action(router: Router, text: str) -> None:
    decision = router.decide(text)
    assert (decision.action, decision.probability) == (router.bundle.manifest.abstain_action, 0.0)
    assert (decision.reason, decision.abstained) == ("abstain:empty", True)
    assert sum(router.action_probabilities(text).values()) == 1.0


@pytest.mark.parametrize(
    "text",
    ["QUJDREVG" * 400, "4f2a" * 300, "x" * 500, "asdkj qwoeiu zmxnc qpwoe", "\ud800\udfff \ud83d"],
    ids=["base64", "hex", "one letter", "keys", "lone surrogates"],
)
def test_what_is_no_language_is_not_routed(router: Router, text: str) -> None:
    decision = router.decide(text, has_tools=True)
    assert decision.abstained
    assert decision.task is None


def test_only_the_start_and_the_end_of_a_long_text_are_read(router: Router) -> None:
    start, end = INVOICE + " item" * 600, " item" * 200
    short = router.logits(start + end)
    assert router.logits(start + " item" * 100_000 + end).tolist() == short.tolist()


def test_probabilities_of_the_actions_sum_to_one(router: Router) -> None:
    for text in (INVOICE, WEATHER, PROOF, "zzz qqq"):
        probabilities = router.action_probabilities(text)
        assert set(probabilities) == set(Action)
        assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-5)
    assert router.action_probabilities(WEATHER)[Action.TOOL] > 0.5


def test_decisions_are_the_same_every_time_and_in_every_thread(router: Router, examples: Path) -> None:
    texts = [row.text for row in read_rows(examples / "router" / "heldout.jsonl")]
    once = [router.decide(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(router.decide, texts)) == once


def test_the_version_goes_with_every_decision(router: Router) -> None:
    assert len(router.version) == 12
    assert {router.decide(text).router_version for text in (INVOICE, "", PROOF)} == {router.version}
