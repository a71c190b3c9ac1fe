"""Encoding: the served prompt is masked to the token, the completion is canonical."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.config import load_task
from training.data.examples import Example
from training.errors import ChatTemplateError, DatasetError
from training.recipes.encode import IGNORED_LABEL, encode_examples, encode_pairs, target_text

TASK = load_task(Path(__file__).parents[3] / "examples" / "tasks" / "invoice-extract.yaml")
OUTPUT = {"total_amount": 1248.5, "vendor": "Café", "invoice_id": "A-1", "date": None}
EXAMPLE = Example(id="one", text="Invoice A-1", output=OUTPUT)
TARGET = '{"invoice_id":"A-1","date":null,"vendor":"Café","total_amount":1248.5}'


class CharacterTokenizer:
    """One token a character, and a template in the manner of ChatML."""

    def __init__(self, answer_mark: str = "<assistant>", end: str = "</end>\n") -> None:
        self._answer_mark = answer_mark
        self._end = end

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        assert not tokenize
        marks = {"system": "<system>", "user": "<user>", "assistant": "<assistant>"}
        turns = "".join(f"{marks[turn['role']]}{turn['content']}{self._end}" for turn in conversation)
        return turns + (self._answer_mark if add_generation_prompt else "")

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [ord(character) for character in text]


def _text(ids: tuple[int, ...]) -> str:
    return "".join(map(chr, ids))


def test_the_target_is_compact_and_in_the_schemas_order() -> None:
    assert target_text(TASK, OUTPUT) == TARGET


def test_labels_are_the_completion_with_its_end_mark_and_nothing_of_the_prompt() -> None:
    (encoded,) = encode_examples(TASK, [EXAMPLE], CharacterTokenizer())
    supervised = tuple(label for label in encoded.labels if label != IGNORED_LABEL)
    assert _text(supervised) == TARGET + "</end>"
    prompt = encoded.input_ids[: len(encoded.labels) - len(supervised)]
    assert set(encoded.labels[: len(prompt)]) == {IGNORED_LABEL}
    assert _text(prompt) == f"<system>{TASK.instructions.strip()}</end>\n<user>Invoice A-1</end>\n<assistant>"
    assert encoded.input_ids[len(prompt) :] == supervised


@pytest.mark.parametrize(
    "tokenizer", [CharacterTokenizer(answer_mark="<bot>"), CharacterTokenizer(end="")], ids=["prefix", "end"]
)
def test_a_template_that_does_not_mark_the_completion_is_refused(tokenizer: CharacterTokenizer) -> None:
    with pytest.raises(ChatTemplateError):
        encode_examples(TASK, [EXAMPLE], tokenizer)


def test_both_answers_of_a_pair_follow_the_same_prompt() -> None:
    worse = {**OUTPUT, "vendor": "Bar"}
    (pair,) = encode_pairs(
        TASK, [EXAMPLE.model_copy(update={"rejected_output": worse})], CharacterTokenizer()
    )
    prompt = pair.chosen.prompt_tokens
    assert pair.chosen.input_ids[:prompt] == pair.rejected.input_ids[: pair.rejected.prompt_tokens]
    assert _text(pair.chosen.input_ids[prompt:]) == TARGET + "</end>"
    assert _text(pair.rejected.input_ids[prompt:]) == TARGET.replace("Café", "Bar") + "</end>"
    assert pair.longest_tokens == len(pair.chosen.input_ids)


def test_a_worse_answer_may_be_any_text() -> None:
    row = EXAMPLE.model_copy(update={"rejected_output": '{"invoice_id": '})
    (pair,) = encode_pairs(TASK, [row], CharacterTokenizer())
    assert _text(pair.rejected.input_ids[pair.rejected.prompt_tokens :]) == '{"invoice_id": </end>'


def test_a_prompt_that_cannot_be_rendered_names_the_row() -> None:
    task = TASK.model_copy(update={"prompt": "{{ passages[3].text }}"})
    with pytest.raises(DatasetError, match="row 'one'"):
        encode_examples(task, [EXAMPLE], CharacterTokenizer())


def test_a_general_example_is_a_plain_turn_without_the_task_s_prompt() -> None:
    example = Example(id="general", text="What is a noun?", output="A name.", source="replay")
    (encoded,) = encode_examples(TASK, [example], CharacterTokenizer())
    assert _text(encoded.input_ids) == "<user>What is a noun?</end>\n<assistant>A name.</end>"
