"""From an example to token ids: the prompt exactly as it is served, and a loss on the completion alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.canonical import JsonValue, canonical_json
from contracts.output import JsonObjectOutput, JsonSchemaOutput
from contracts.prompt import TaskPrompt, render_prompt
from contracts.task import Task
from training.data.examples import Example
from training.errors import ChatTemplateError

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


def target_text(task: Task, output: JsonValue) -> str:
    """The completion to learn: canonical JSON for JSON contracts, the text itself for the others."""
    if isinstance(task.output, JsonSchemaOutput):
        return canonical_json(output, task.output.json_schema)
    if isinstance(task.output, JsonObjectOutput):
        return canonical_json(output)
    return str(output)


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
    """
    return [_encode(task, example, tokenizer) for example in examples]


def _encode(task: Task, example: Example, tokenizer: ChatTokenizer) -> EncodedExample:
    messages = messages_of(render_prompt(task, example.text))
    target = target_text(task, example.output)
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
