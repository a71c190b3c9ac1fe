"""How many tokens prompts and completions have, counted as the model will read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer

from contracts.prompt import PromptError, TaskPrompt, render_prompt
from contracts.task import Task
from training.data.pipeline.rows import Row
from training.errors import DatasetError
from training.recipes.encode import messages_of, target_text

BUCKETS: Final = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
"""Upper bounds of the histogram's bars; the last bar is what is longer."""


class LengthFigures(BaseModel):
    """Figures of one part of the rows, in tokens; `histogram` is by the bounds in `BUCKETS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    p50: int
    p95: int
    longest: int
    histogram: tuple[int, ...]

    @classmethod
    def of(cls, lengths: Sequence[int]) -> LengthFigures:
        """Percentiles by nearest rank."""
        ordered = sorted(lengths) or [0]
        bars = [sum(1 for one in lengths if one <= bound) for bound in BUCKETS] + [len(lengths)]
        counts = [bar - below for bar, below in zip(bars, [0, *bars], strict=False)]
        at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95)]
        return cls(p50=at[0], p95=at[1], longest=ordered[-1], histogram=tuple(counts))


@dataclass(frozen=True, slots=True)
class Length:
    """Tokens of one row."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total(self) -> int:
        """What a limit bounds."""
        return self.prompt_tokens + self.completion_tokens


class LengthCounter:
    """Counts with a tokenizer folder; with its chat template too, where it has one that renders here."""

    def __init__(self, task: Task, folder: Path) -> None:
        self._task = task
        try:
            self._tokenizer = Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
            self._tokenizer.no_truncation()
            self._template, self._marks = _chat_template(folder)
        except (OSError, ValueError, TemplateError) as error:
            raise DatasetError(f"tokenizer {folder}: cannot be read: {error}") from error
        self.has_template = self._template is not None

    def count(self, rows: Sequence[Row], *, is_replay: bool = False) -> list[Length]:
        """The lengths of rows, in order.

        Raises:
            DatasetError: the task's prompt does not render, or the chat template fails.
        """
        lengths: list[Length] = []
        for start in range(0, len(rows), 512):
            pairs = [self._texts(row, is_replay=is_replay) for row in rows[start : start + 512]]
            prompts, targets = (self._tokens(part) for part in zip(*pairs, strict=True))
            lengths += [Length(prompt, target) for prompt, target in zip(prompts, targets, strict=True)]
        return lengths

    def _tokens(self, texts: Iterable[str]) -> list[int]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    def _texts(self, row: Row, *, is_replay: bool) -> tuple[str, str]:
        try:
            prompt = TaskPrompt("", row.text) if is_replay else render_prompt(self._task, row.text)
            messages = messages_of(prompt)
            target = str(row.output) if is_replay else target_text(self._task, row.output)
            if self._template is None:
                return "\n".join(turn["content"] for turn in messages), target
            before = self._rendered(messages, ends=False)
            whole = self._rendered([*messages, {"role": "assistant", "content": target}], ends=True)
        except (PromptError, TemplateError, TypeError, ValueError) as error:
            raise DatasetError(f"row {row.id!r}: its prompt cannot be written: {error}") from error
        return before, whole.removeprefix(before)

    def _rendered(self, messages: list[dict[str, str]], *, ends: bool) -> str:
        assert self._template is not None  # noqa: S101 - the caller has looked
        return self._template.render(messages=messages, add_generation_prompt=not ends, **self._marks)


def _chat_template(folder: Path) -> tuple[Template | None, dict[str, Any]]:
    file, config_file = folder / "chat_template.jinja", folder / "tokenizer_config.json"
    config: Mapping[str, Any] = json.loads(config_file.read_bytes()) if config_file.is_file() else {}
    source = file.read_text("utf-8") if file.is_file() else config.get("chat_template")
    marks = {name: _mark(config.get(name)) for name in ("bos_token", "eos_token")}
    if not isinstance(source, str):
        return None, marks
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    return environment.from_string(source), marks


def _refuse(message: str) -> None:
    """What chat templates call where they cannot write a conversation."""
    raise TemplateError(message)


def _mark(value: object) -> str:
    content = value.get("content") if isinstance(value, Mapping) else value
    return content if isinstance(content, str) else ""
