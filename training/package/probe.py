"""Owns the choice of a package's probe: the short greedy completion that proves the adapter on an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contracts.artifact import Probe
from contracts.prompt import PromptError, render_prompt
from contracts.task import Task
from training.package._model import load_adapted, load_tokenizer
from training.package.adapter import Adapter
from training.recipes.encode import messages_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CANDIDATES: Final = 4
"""How many of the shortest prompts are tried."""

_MAX_ROWS: Final = 512
_MAX_TOKENS: Final = 24
_MIN_SHARED_RATIO: Final = 0.5
_MAX_PROMPT_CHARACTERS: Final = 20_000
_MAX_COMPLETION_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Completion:
    """What a model writes; `margin` is the least distance of a chosen token's logit to the next best."""

    text: str
    margin: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    prompt: str
    adapted: _Completion


def make_probe(adapter: Adapter, base: Path, task: Task, texts: Sequence[str]) -> Probe | None:
    """The probe among the shortest prompts that is surest to come out alike on an engine.

    Float32, greedy, one at a time: the same files give the same probe. An engine computes in another
    number format, so of the completions that the base model does not begin alike, the one is taken whose
    closest call between two tokens is the widest. None where the adapter answers every prompt tried as
    the base model does.

    Raises:
        TrainingError: adapter and base model do not fit, or this environment has no torch.
    """
    tokenizer = load_tokenizer(base)
    prompts = _prompts(task, texts, tokenizer)
    if not prompts:
        return None
    model = load_adapted(adapter, base)
    tried = [_Candidate(prompt, _completed(model, tokenizer, prompt)) for prompt in prompts]
    for one in sorted(tried, key=lambda one: one.adapted.margin, reverse=True):
        with model.disable_adapter():
            bare = _completed(model, tokenizer, one.prompt)
        if _is_telling(one.adapted.text, bare.text):
            return Probe(
                prompt=one.prompt,
                max_tokens=_MAX_TOKENS,
                completion=one.adapted.text,
                base_completion=bare.text[:_MAX_COMPLETION_CHARACTERS],
                min_shared_ratio=_MIN_SHARED_RATIO,
            )
    return None


def _prompts(task: Task, texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The shortest prompts, as the chat template writes them for the engine."""
    written = set()
    for text in texts[:_MAX_ROWS]:
        try:
            messages = messages_of(render_prompt(task, text))
        except PromptError:
            continue  # a template may want passages, which a row does not have
        written.add(str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)))
    fitting = [one for one in written if len(one) <= _MAX_PROMPT_CHARACTERS]
    return sorted(fitting, key=lambda one: (len(one), one))[:CANDIDATES]


def _completed(model: Any, tokenizer: PreTrainedTokenizerBase, prompt: str) -> _Completion:
    import torch  # noqa: PLC0415 - only in the training environment

    ids = tokenizer.encode(prompt, add_special_tokens=False, return_tensors="pt").to(model.device)
    with torch.inference_mode():
        written = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=_MAX_TOKENS,
            do_sample=False,
            pad_token_id=tokenizer.eos_token_id,
            output_logits=True,
            return_dict_in_generate=True,
        )
    best = torch.stack(written.logits).topk(2).values
    text = tokenizer.decode(written.sequences[0, ids.shape[1] :], skip_special_tokens=True)
    return _Completion(text, float((best[..., 0] - best[..., 1]).min()))


def _is_telling(adapted: str, bare: str) -> bool:
    """Whether an engine without the adapter would fail the probe, and the registry can hold it."""
    pairs = enumerate(zip(adapted, bare, strict=False))
    shared = next((at for at, (one, two) in pairs if one != two), min(len(adapted), len(bare)))
    return 0 < len(adapted) <= _MAX_COMPLETION_CHARACTERS and shared < _MIN_SHARED_RATIO * len(adapted)
