"""Lengths are counted as the model reads a prompt, with its chat template where it has one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from contracts.output import ChoiceOutput
from contracts.task import Task
from tests.unit.training.data.conftest import Workspace, reasons, tickets
from training.data.pipeline.lengths import LengthCounter, LengthFigures
from training.data.pipeline.rows import Row
from training.errors import DatasetError

TEMPLATE = (
    "{% for m in messages %}<s> {{ m['role'] }} {{ m['content'] }} </s> {% endfor %}"
    "{% if add_generation_prompt %}<s> assistant {% endif %}"
)
TASK = Task(
    name="made-up",
    description="-",
    base_model="small",
    instructions="Sort it.",
    prompt="Ticket: {{ input }}",
    output=ChoiceOutput(kind="choice", choices=("a b", "c")),
)
ROW = Row(id="1", text="one two three", output="a b")


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """Counts words: each is one token."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    words = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    words.pre_tokenizer = WhitespaceSplit()
    words.save(str(folder / "tokenizer.json"))
    return folder


def test_without_a_template_the_turns_alone_are_counted(tokenizer: Path) -> None:
    counter = LengthCounter(TASK, tokenizer)
    assert not counter.has_template
    length = counter.count([ROW])[0]
    assert (length.prompt_tokens, length.completion_tokens, length.total) == (6, 2, 8)


@pytest.mark.parametrize("place", ["chat_template.jinja", "tokenizer_config.json"])
def test_with_a_template_its_marks_are_counted(tokenizer: Path, place: str) -> None:
    content = TEMPLATE if place.endswith("jinja") else json.dumps({"chat_template": TEMPLATE})
    (tokenizer / place).write_text(content)
    counter = LengthCounter(TASK, tokenizer)
    assert counter.has_template
    length = counter.count([ROW])[0]
    assert (length.prompt_tokens, length.completion_tokens) == (3 + 2 + 3 + 4 + 2, 3)


def test_a_general_example_is_counted_without_the_tasks_prompt(tokenizer: Path) -> None:
    length = LengthCounter(TASK, tokenizer).count([ROW], is_replay=True)[0]
    assert length.prompt_tokens == 3


def test_a_template_that_refuses_the_conversation_is_an_error(tokenizer: Path) -> None:
    (tokenizer / "chat_template.jinja").write_text("{{ raise_exception('no system turn') }}")
    with pytest.raises(DatasetError, match="row '1': its prompt cannot be written: no system turn"):
        LengthCounter(TASK, tokenizer).count([ROW])


def test_a_folder_without_a_tokenizer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        LengthCounter(TASK, tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DatasetError, match="cannot be read"):
        LengthCounter(TASK, tmp_path)


def test_figures_are_percentiles_and_bars() -> None:
    figures = LengthFigures.of([*range(1, 101), 9000])
    assert (figures.p50, figures.p95, figures.longest) == (51, 96, 9000)
    assert figures.histogram == (32, 32, 36, 0, 0, 0, 0, 0, 0, 1)
    assert LengthFigures.of([]).longest == 0


def test_a_row_that_is_too_long_is_rejected(workspace: Workspace, tokenizer: Path) -> None:
    rows = [*tickets(40), {"id": "long", "text": "word " * 50, "output": "other"}]
    built = workspace.build(rows, tokenizer=str(tokenizer), max_tokens=30)
    assert reasons(built) == {"long": "too_long"}
    assert built.report.prompt_tokens["train"].longest == 6
    assert "p95" in (built.folder / "data-card.md").read_text()
