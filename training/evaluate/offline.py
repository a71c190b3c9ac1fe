"""A model in this process that answers as the served one would: same prompt, same grammar, no server."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from contracts.artifact import ADAPTER_FILES, PROVENANCE_FILE, Provenance, digest_of
from contracts.canonical import JsonForm
from contracts.evaluation import Judged
from contracts.prompt import PromptError, render_prompt
from contracts.task import Task
from training.data.examples import Example
from training.errors import MissingLibraryError, OfflineModelError
from training.evaluate.asking import Answer
from training.evaluate.offline_constraint import constraint_of, processor_of
from training.evaluate.quantised import Form, LoadedModel, load_model
from training.recipes.encode import messages_of

if TYPE_CHECKING:
    import torch

THROUGH = "offline"
"""What a report says instead of `gateway` or `engine`."""


@dataclass(frozen=True, slots=True)
class OfflineOptions:
    """How a model is loaded and asked.

    `json_form` is the layout that the adapter was trained on; without it, what the folder's provenance
    names, or compact. `max_model_tokens` bounds prompt and answer as the engine's `--max-model-len` does;
    `batch_tokens` bounds what one batch holds, answers included.
    """

    form: Form = Form.AUTO
    device: str = "auto"
    constrained: bool = True
    json_form: JsonForm | None = None
    batch_size: int = 8
    batch_tokens: int = 16_384
    max_model_tokens: int = 4096
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Prompt:
    at: int
    id: str
    token_ids: tuple[int, ...]


class OfflineModel:
    """One base model, with or without an adapter, under one task's contract; an `Asker`.

    Batches are made of prompts of about one length, the same every time. A row's latency is the time from
    the start of its batch to its own last token: it compares forms on one machine, no servers.
    """

    def __init__(self, task: Task, loaded: LoadedModel, judged: Judged, options: OfflineOptions) -> None:
        try:
            import outlines  # noqa: PLC0415 - only in the training environment
        except ModuleNotFoundError as error:
            raise MissingLibraryError("outlines") from error
        self.judged = judged
        self.json_form = options.json_form or JsonForm.COMPACT
        self._task = task
        self._options = options
        self._model, self._tokenizer, self._device = loaded.model, loaded.tokenizer, loaded.device
        constraint = constraint_of(task.output, self.json_form) if options.constrained else None
        self.left_out = constraint.left_out if constraint else ()
        self._processor = (
            processor_of(constraint, outlines.from_transformers(loaded.model, loaded.tokenizer))
            if constraint
            else None
        )
        self._generation = _generation(loaded, task)
        self._warm_up()

    async def ask(self, examples: Sequence[Example], on_answer: Callable[[], None]) -> list[Answer]:
        """Answers in the order of the examples; one that cannot be asked is an answer with an error."""
        answers: dict[int, Answer] = {}
        prompts: list[_Prompt] = []
        for at, example in enumerate(examples):
            prompt = self._prompt(at, example)
            if isinstance(prompt, Answer):
                answers[at] = prompt
                on_answer()
            else:
                prompts.append(prompt)
        self._seed()
        for batch in self._batches(prompts):
            for prompt, answer in zip(batch, await asyncio.to_thread(self._answer, batch), strict=True):
                answers[prompt.at] = answer
                on_answer()
        return [answers[at] for at in range(len(examples))]

    def _prompt(self, at: int, example: Example) -> _Prompt | Answer:
        """The prompt as it is served; an error where it cannot be written or is too long."""
        try:
            messages = messages_of(render_prompt(self._task, example.text))
        except PromptError as error:
            return Answer(example.id, None, 0.0, error=f"PromptError: {error}"[:200])
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        token_ids = tuple(self._tokenizer.encode(text, add_special_tokens=False))
        if len(token_ids) + self._task.sampling.max_tokens > self._options.max_model_tokens:
            return Answer(
                example.id, None, 0.0, prompt_tokens=len(token_ids), error="400 context_length_exceeded"
            )
        return _Prompt(at, example.id, token_ids)

    def _batches(self, prompts: Sequence[_Prompt]) -> Iterator[list[_Prompt]]:
        longest_first = sorted(prompts, key=lambda one: (-len(one.token_ids), one.at))
        batch: list[_Prompt] = []
        for prompt in longest_first:
            width = len((batch or [prompt])[0].token_ids) + self._task.sampling.max_tokens
            full = (
                len(batch) == self._options.batch_size
                or (len(batch) + 1) * width > self._options.batch_tokens
            )
            if batch and full:
                yield batch
                batch = []
            batch.append(prompt)
        if batch:
            yield batch

    def _answer(self, batch: list[_Prompt]) -> list[Answer]:
        """Answers of one batch; one that the device's memory does not hold is halved."""
        import torch  # noqa: PLC0415

        try:
            return self._generate(batch)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return [Answer(batch[0].id, None, 0.0, error="OutOfMemoryError")]
        middle = len(batch) // 2
        return [*self._answer(batch[:middle]), *self._answer(batch[middle:])]

    def _generate(self, batch: list[_Prompt]) -> list[Answer]:
        import torch  # noqa: PLC0415

        inputs = self._padded(batch)
        ticks: list[float] = []
        if self._processor is not None:
            self._processor.reset()
        started = time.perf_counter()
        # The grammar's mask is compiled for every new shape otherwise, which takes longer than the batch.
        with torch.inference_mode(), torch.compiler.set_stance("force_eager"):
            output = self._model.generate(
                **inputs,
                generation_config=self._generation,
                logits_processor=[self._processor] if self._processor is not None else [],
                stopping_criteria=[_clock(ticks)],
            )
        written = output[:, inputs["input_ids"].shape[1] :].tolist()
        return [self._read(prompt, ids, started, ticks) for prompt, ids in zip(batch, written, strict=True)]

    def _read(self, prompt: _Prompt, token_ids: list[int], started: float, ticks: list[float]) -> Answer:
        """One row of a batch: what stands before its first end mark."""
        ends = [at for at, token in enumerate(token_ids) if token in self._generation.eos_token_id]
        length = ends[0] if ends else len(token_ids)
        spent = min(length + 1, len(ticks))
        return Answer(
            id=prompt.id,
            text=self._tokenizer.decode(token_ids[:length], skip_special_tokens=True),
            latency_seconds=ticks[spent - 1] - started,
            prompt_tokens=len(prompt.token_ids),
            completion_tokens=length + bool(ends),
            finish_reason="stop" if ends else "length",
        )

    def _padded(self, batch: list[_Prompt]) -> dict[str, torch.Tensor]:
        import torch  # noqa: PLC0415

        width = max(len(prompt.token_ids) for prompt in batch)
        gaps = [width - len(prompt.token_ids) for prompt in batch]
        filler = self._generation.pad_token_id
        ids = [[filler] * gap + list(prompt.token_ids) for gap, prompt in zip(gaps, batch, strict=True)]
        mask = [[0] * gap + [1] * (width - gap) for gap in gaps]
        return {
            "input_ids": torch.tensor(ids, device=self._device),
            "attention_mask": torch.tensor(mask, device=self._device),
        }

    def _warm_up(self) -> None:
        """One token: a form that cannot be computed is refused now; what is done once delays no row."""
        whole = self._generation
        self._generation = copy.copy(whole)
        self._generation.max_new_tokens = 1
        try:
            self._generate([_Prompt(0, "", (whole.pad_token_id,))])
        except (RuntimeError, ValueError) as error:
            raise OfflineModelError(
                f"{self.judged.model} cannot generate in {self.judged.form}: {str(error)[:200]}"
            ) from error
        self._generation = whole

    def _seed(self) -> None:
        import torch  # noqa: PLC0415

        torch.manual_seed(self._options.seed)


def load_offline(
    task: Task, base: Path, adapter: Path | None = None, options: OfflineOptions | None = None
) -> OfflineModel:
    """Load a model for one task.

    Raises:
        TrainingError: a library is missing, or folder, adapter, form or contract do not fit.
    """
    options = options or OfflineOptions()
    json_form = options.json_form or _trained_form(adapter)
    options = replace(options, json_form=json_form)
    if options.constrained:
        constraint_of(task.output, json_form)  # a contract that cannot be forced costs no loading
    loaded = load_model(base, adapter, options.form, options.device)
    digest = digest_of(adapter, ADAPTER_FILES) if adapter else None
    judged = Judged(
        model=f"{task.name}@{digest[:12]}" if digest else task.base_model,
        base_model=task.base_model,
        adapter_digest=digest,
        form=loaded.form,
    )
    return OfflineModel(task, loaded, judged, options)


def _trained_form(adapter: Path | None) -> JsonForm:
    """The layout that an adapter's provenance names; compact where it has none."""
    path = adapter / PROVENANCE_FILE if adapter else None
    if path is None or not path.is_file():
        return JsonForm.COMPACT
    try:
        return Provenance.model_validate_json(path.read_bytes()).json_form
    except (OSError, ValidationError) as error:
        raise OfflineModelError(f"{path}: cannot be read: {str(error)[:200]}") from error


def _generation(loaded: LoadedModel, task: Task) -> Any:
    """The model's own generation defaults, as the engine takes them, under the task's sampling."""
    config = copy.deepcopy(loaded.model.generation_config)
    ends = config.eos_token_id if config.eos_token_id is not None else loaded.tokenizer.eos_token_id
    if ends is None or ends == []:
        raise OfflineModelError("neither model nor tokenizer names a token that ends an answer")
    ends = list(ends) if isinstance(ends, list | tuple) else [ends]
    is_sampled = task.sampling.temperature > 0
    config.max_length = None
    config.max_new_tokens = task.sampling.max_tokens
    config.num_beams = 1
    config.do_sample = is_sampled
    config.temperature = task.sampling.temperature if is_sampled else None
    if not is_sampled:
        config.top_p = config.top_k = config.min_p = None
    config.eos_token_id = ends
    # A row that has ended is filled with its own end mark, which its finished grammar still takes.
    own = loaded.tokenizer.eos_token_id
    config.pad_token_id = ends[0] if own is None else own
    return config


def _clock(ticks: list[float]) -> Any:
    """A stopping criterion that stops nothing: it notes when each token was there."""
    import torch  # noqa: PLC0415
    from transformers import StoppingCriteria  # noqa: PLC0415

    class Clock(StoppingCriteria):  # type: ignore[misc]  # the library is absent from the light environment
        def __call__(self, input_ids: torch.Tensor, _scores: object, **_more: object) -> torch.Tensor:
            ticks.append(time.perf_counter())
            return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)

    return Clock()
