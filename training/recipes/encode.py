"""From an example to token ids: the prompt exactly as it is served, and a loss on the completion alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.canonical import JsonValue, canonical_json
from contracts.output import JsonObjectOutput, JsonSchemaOutput
from contracts.prompt import PromptError, TaskPrompt, render_prompt
from contracts.task import Task
from training.data.examples import Example
from training.errors import ChatTemplateError, DatasetError

IGNORED_LABEL = -100
"""The label that the loss passes over."""


class ChatTokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used here."""

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        """Write the conversation as the model reads it."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Token ids of a text."""


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """Token ids, and as labels the same ids with every prompt position set to `IGNORED_LABEL`."""

    id: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def prompt_tokens(self) -> int:
        """How many positions come before the completion."""
        return self.labels.count(IGNORED_LABEL)


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """Two answers to the same prompt, of which `chosen` is the better one."""

    chosen: EncodedExample
    rejected: EncodedExample

    @property
    def id(self) -> str:
        """The id of the row that both come from."""
        return self.chosen.id

    @property
    def longest_tokens(self) -> int:
        """Length of the longer one, prompt and completion together."""
        return max(len(self.chosen.input_ids), len(self.rejected.input_ids))


def target_text(task: Task, output: JsonValue) -> str:
    """The completion to learn: canonical JSON for JSON contracts, the text itself for the others."""
    if isinstance(task.output, JsonSchemaOutput):
        return canonical_json(output, task.output.json_schema)
    if isinstance(task.output, JsonObjectOutput):
        return canonical_json(output)
    return str(output)


def rejected_text(task: Task, rejected: JsonValue) -> str:
    """The worse completion: text stands for itself, since a model's mistake need not be JSON."""
    return rejected if isinstance(rejected, str) else target_text(task, rejected)


def messages_of(prompt: TaskPrompt) -> list[dict[str, str]]:
    """The turns that the gateway sends; an empty system turn is left out."""
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, {"role": "user", "content": prompt.user}]


def encode_examples(
    task: Task, examples: Sequence[Example], tokenizer: ChatTokenizer
) -> list[EncodedExample]:
    """Encode every example.

    Raises:
        ChatTemplateError: the template does not continue its own generation prompt with the answer.
        DatasetError: the task's prompt cannot be rendered for a row.
    """
    return [_encode(task, example, _target(task, example), tokenizer) for example in examples]


def encode_pairs(task: Task, examples: Sequence[Example], tokenizer: ChatTokenizer) -> list[EncodedPair]:
    """Encode the rows that have a worse answer, and it is another one; the others are left out.

    Raises:
        ChatTemplateError: as `encode_examples`.
        DatasetError: as `encode_examples`.
    """
    pairs = []
    for example in examples:
        if example.rejected_output is None:
            continue
        chosen, rejected = target_text(task, example.output), rejected_text(task, example.rejected_output)
        if chosen != rejected:
            both = (_encode(task, example, text, tokenizer) for text in (chosen, rejected))
            pairs.append(EncodedPair(*both))
    return pairs


def _encode(task: Task, example: Example, target: str, tokenizer: ChatTokenizer) -> EncodedExample:
    messages = _turns(task, example)
    prefix = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(
        [*messages, {"role": "assistant", "content": target}], tokenize=False, add_generation_prompt=False
    )
    # Prompt and completion are tokenised apart, as the engine does: no token may span the border.
    completion = whole.removeprefix(prefix).rstrip()
    if not whole.startswith(prefix) or not completion.startswith(target) or completion == target:
        raise ChatTemplateError(
            "the chat template must write the generation prompt, then the answer, then a mark that ends "
            "the turn; otherwise the loss cannot be put on the completion alone"
        )
    prompt_ids = tokenizer.encode(prefix, add_special_tokens=False)
    completion_ids = tokenizer.encode(completion, add_special_tokens=False)
    labels = [IGNORED_LABEL] * len(prompt_ids) + completion_ids
    return EncodedExample(example.id, (*prompt_ids, *completion_ids), tuple(labels))


def _turns(task: Task, example: Example) -> list[dict[str, str]]:
    """What the model is asked: the task's prompt, or the bare text of a general example."""
    if example.is_replay:
        return [{"role": "user", "content": example.text}]
    try:
        return messages_of(render_prompt(task, example.text))
    except PromptError as error:
        raise DatasetError(f"row {example.id!r}: {error}") from error


def _target(task: Task, example: Example) -> str:
    return str(example.output) if example.is_replay else target_text(task, example.output)
