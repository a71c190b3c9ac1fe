"""The ticket generator: reproducible, true to the task's choices, no phrasing on both sides of the split."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.output import ChoiceOutput
from contracts.task import Task
from training.data.examples import Conformity
from training.data.invoices import Split
from training.data.tickets import TicketRow, frames, tickets
from training.data.tickets.corpus import ASIDES, LANGUAGES, PLAIN, TRICKY
from training.data.tickets.generator import RESERVED, Slice
from training.data.tickets.phrasing import Intent, Phrases, Queue

TASK = Task.model_validate(
    yaml.safe_load((Path(__file__).parents[2] / "examples" / "tasks" / "ticket-triage.yaml").read_text())
)
SAMPLE = 1500
seeds = st.integers(min_value=0, max_value=2**31)
splits = st.sampled_from(list(Split))

KEYWORDS = {
    "billing": r"charge|invoice|bill|refund|pay|card|price|subscription|money|receipt|debit|€|\$|£",
    "shipping": r"parcel|package|deliver|ship|tracking|arriv|courier|return|box|carrier|address",
    "technical": r"app\b|error|crash|update|not work|connect|install|slow|screen|sync|load|version",
    "account": r"account|password|log ?in|sign|email|profile|user|locked|code",
}


@cache
def _rows(split: Split) -> tuple[TicketRow, ...]:
    return tuple(islice(tickets(23, split), SAMPLE))


def _intents() -> Iterator[tuple[Queue, Intent]]:
    for table in (PLAIN, TRICKY):
        for queue, intents in table.items():
            yield from ((queue, intent) for intent in intents)
    for by_queue in LANGUAGES.values():
        yield from by_queue.items()


def _sides(split: Split) -> set[str]:
    return {" ".join(one.split()).casefold() for _, intent in _intents() for one in intent.templates(split)}


@given(seed=seeds, split=splits)
def test_the_same_seed_gives_the_same_bytes(seed: int, split: Split) -> None:
    first, second = (json.dumps([asdict(row) for row in islice(tickets(seed, split), 3)]) for _ in range(2))
    assert first == second


@given(seed=seeds, split=splits)
def test_a_row_does_not_depend_on_how_many_are_made(seed: int, split: Split) -> None:
    assert list(islice(tickets(seed, split), 2)) == list(islice(tickets(seed, split), 5))[:2]


@given(seed=seeds, split=splits)
def test_every_output_is_a_choice_of_the_task(seed: int, split: Split) -> None:
    check = Conformity(TASK.output)
    for row in islice(tickets(seed, split), 5):
        assert check.violation(row.output) == ""


@given(seed=seeds, split=splits)
def test_no_place_of_a_template_is_left_in_a_text(seed: int, split: Split) -> None:
    for row in islice(tickets(seed, split), 5):
        assert not re.search(r"[\[\]|]|\{[a-z]+\}", row.text)
        assert row.text == row.text.strip() != ""


def test_the_queues_are_the_tasks_choices() -> None:
    assert isinstance(TASK.output, ChoiceOutput)
    assert tuple(queue.value for queue in Queue) == TASK.output.choices


def test_no_group_is_on_both_sides() -> None:
    groups = {split: {row.group for row in _rows(split)} for split in Split}
    assert not groups[Split.TRAIN] & groups[Split.HELDOUT]
    assert all(row.group.startswith(f"{row.output}/") for split in Split for row in _rows(split))


def test_no_template_is_on_both_sides() -> None:
    assert not _sides(Split.TRAIN) & _sides(Split.HELDOUT)
    for phrases in (*(one for one in vars(frames).values() if isinstance(one, Phrases)), *ASIDES.values()):
        assert not set(phrases.train) & set(phrases.heldout)


def test_no_template_is_written_twice() -> None:
    templates = [one for _, intent in _intents() for split in Split for one in intent.templates(split)]
    assert [one for one, count in Counter(templates).items() if count > 1] == []


def test_some_intents_are_in_the_held_out_part_alone() -> None:
    alone = {intent.name for _, intent in _intents() if intent.heldout and not intent.train}
    assert len(alone) >= 5


@pytest.mark.parametrize("split", list(Split))
def test_every_slice_has_every_queue(split: Split) -> None:
    counts = Counter((row.slice, row.output) for row in _rows(split))
    assert min(counts[part.value, queue.value] for part in Slice for queue in Queue) >= 10


@pytest.mark.parametrize("split", list(Split))
def test_hardly_any_text_comes_twice(split: Split) -> None:
    assert len({row.text for row in _rows(split)}) > 0.93 * SAMPLE


def test_an_injected_ticket_is_told_to_be_another_queue() -> None:
    """The order itself may carry a typing error, so nearly all rows have to name another queue in full."""
    for split in Split:
        injected = [row for row in _rows(split) if row.slice == Slice.INJECTED]
        told = [row for row in injected if _named(row.text) - {row.output}]
        assert len(told) > 0.93 * len(injected)


def _named(text: str) -> set[str]:
    return {queue.value for queue in Queue if queue.value in text.casefold()}


def test_the_tasks_own_examples_are_not_in_the_data() -> None:
    for split in Split:
        for row in _rows(split):
            assert not any(sentence in row.text.lower() for sentence in RESERVED)


def test_rules_over_keywords_do_not_solve_it() -> None:
    for split in Split:
        right = sum(_by_keywords(row.text) == row.output for row in _rows(split))
        assert right < 0.8 * SAMPLE


def _by_keywords(text: str) -> str:
    counts = {queue: len(re.findall(words, text.lower())) for queue, words in KEYWORDS.items()}
    best = max(counts, key=lambda queue: counts[queue])
    return best if counts[best] else "other"
