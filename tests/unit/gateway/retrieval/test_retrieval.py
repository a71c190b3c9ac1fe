"""Passages: cut with exact offsets, ranked by words and by meaning, rebuilt when documents change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from contracts.route import Action, RouteDecision
from contracts.task import Retrieval, Task
from gateway.records import Chat, Endpoint, Passage, Route
from gateway.retrieval import FolderRetriever
from gateway.retrieval._passages import cut_document
from gateway.retrieval.folder_index import FolderIndex
from gateway.settings import CollectionSettings
from router.inference import DEFAULT_ENCODER, Encoder

HANDBOOK = Path(__file__).parents[4] / "examples" / "docs"
SHORT = 120


def no_meaning(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    return np.zeros((len(texts), 4), dtype=np.float32)


@pytest.fixture(scope="module")
def handbook() -> FolderIndex:
    encoder = Encoder.load(DEFAULT_ENCODER)
    return FolderIndex.build(HANDBOOK, passage_chars=700, embed=encoder.embed)


@pytest.mark.parametrize(
    ("question", "document", "words"),
    [
        ("How many days do I have to return a device?", "returns.md", "within 30 days"),
        ("Does the warranty cover the battery?", "warranty.md", "one year"),
        ("when is phone support open on saturday", "support-hours.md", "9:00 to 13:00"),
        ("how do I cancel my Plus plan", "subscriptions.md", "cancel Plus at any time"),
        ("what does express delivery cost", "delivery.md", "12.50 euros"),
        ("which data about me do you store", "data-protection.md", "serial numbers"),
        ("what does the repair of a broken display cost", "repairs.md", "89 euros"),
    ],
)
def test_the_handbook_answers(handbook: FolderIndex, question: str, document: str, words: str) -> None:
    found = handbook.search(question, 3)
    assert document in [passage.document for passage in found]
    assert any(words in passage.text for passage in found)
    assert [passage.score for passage in found] == sorted((passage.score for passage in found), reverse=True)
    assert all(0 < passage.score <= 1 for passage in found)


def test_offsets_give_the_text_and_titles_the_headings(handbook: FolderIndex) -> None:
    for passage in handbook.passages:
        text = (HANDBOOK / passage.document).read_text(encoding="utf-8")
        assert text[passage.start : passage.end] == passage.text
    titles = {passage.title for passage in handbook.passages}
    assert "Returns > How long you have" in titles


def test_meaning_finds_what_shares_no_word(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# Pets\n\nDogs and cats are welcome.\n\n# Cars\n\nPark behind the building.\n"
    )
    encoder = Encoder.load(DEFAULT_ENCODER)
    index = FolderIndex.build(tmp_path, passage_chars=SHORT, embed=encoder.embed)
    assert index.search("where may vehicles stand", 1)[0].title == "Cars"


def test_without_a_match_there_are_no_passages(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Dogs and cats.")
    index = FolderIndex.build(tmp_path, passage_chars=SHORT, embed=no_meaning)
    assert index.search("xylophone", 3) == ()
    assert index.search("  ", 3) == ()
    assert [passage.text for passage in index.search("cats", 3)] == ["Dogs and cats."]


def test_a_folder_without_documents_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"x")
    (tmp_path / "empty.md").write_text("\n\n")
    assert FolderIndex.build(tmp_path, passage_chars=SHORT, embed=no_meaning).search("x", 3) == ()


def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert FolderIndex.build(tmp_path / "docs", passage_chars=SHORT, embed=no_meaning).passages == ()


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"cats \xff\xfe and dogs")
    index = FolderIndex.build(tmp_path, passage_chars=SHORT, embed=no_meaning)
    assert [passage.document for passage in index.search("dogs", 1)] == ["a.txt"]


TEXT = """Before any heading.

# Top

First paragraph. It has two sentences.

Second paragraph.

## Below

Third.

```
# not a heading
```

# Next

Fourth.
"""


def test_passages_end_where_a_section_ends() -> None:
    cuts = list(cut_document(TEXT, "file", 1000))
    assert [(cut.title, TEXT[cut.start : cut.end].split("\n", maxsplit=1)[0]) for cut in cuts] == [
        ("file", "Before any heading."),
        ("Top", "First paragraph. It has two sentences."),
        ("Top > Below", "Third."),
        ("Next", "Fourth."),
    ]
    assert "# not a heading" in TEXT[cuts[2].start : cuts[2].end]


@pytest.mark.parametrize("size", [100, 150, 333])
def test_no_passage_is_too_long_and_no_word_is_lost(size: int) -> None:
    long = " ".join(f"Sentence number {number} is here." for number in range(80)) + "\n\n" + "x" * 500
    cuts = list(cut_document(long, "file", size))
    assert all(0 < cut.end - cut.start <= size for cut in cuts)
    assert "".join("".join(long[cut.start : cut.end] for cut in cuts).split()) == "".join(long.split())


def chat(text: str) -> Chat:
    return Chat(endpoint=Endpoint.CHAT, model="auto", messages=(), text=text)


def route(action: Action = Action.RETRIEVE, collection: str = "docs") -> Route:
    task = Task(
        name="docs-answer",
        description="Answers.",
        base_model="small",
        action=Action.RETRIEVE,
        retrieval=Retrieval(collection=collection, passages=2),
    )
    return Route(RouteDecision(action, task.name, 1.0, "test"), pool="small", model="small", task=task)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "a.md").write_text("# Animals\n\nCats sleep.\n")
    return tmp_path


async def until(look: Callable[[], Awaitable[tuple[Passage, ...]]]) -> tuple[Passage, ...]:
    async with asyncio.timeout(20):
        while not (found := await look()):  # noqa: ASYNC110 - the retriever tells nobody
            await asyncio.sleep(0.01)
    return found


def retriever(folder: Path) -> FolderRetriever:
    return FolderRetriever({"docs": CollectionSettings(folder=folder)}, no_meaning)


async def test_a_task_that_retrieves_reads_passages_whatever_was_decided(docs: Path) -> None:
    stage = retriever(docs)
    await stage.load()
    [passage] = await stage.retrieve(chat("do cats sleep"), route())
    assert (passage.document, passage.title, passage.text) == ("a.md", "Animals", "Cats sleep.")
    assert await stage.retrieve(chat("do cats sleep"), route(Action.ESCALATE)) == (passage,)
    assert await stage.retrieve(chat("do cats sleep"), route(collection="other")) == ()
    assert await stage.retrieve(chat("quark"), route()) == ()


async def test_a_task_that_answers_reads_no_passages(docs: Path) -> None:
    stage = retriever(docs)
    await stage.load()
    found = route(Action.ANSWER)
    assert found.task is not None
    answering = replace(found, task=found.task.model_copy(update={"action": Action.ANSWER}))
    assert await stage.retrieve(chat("do cats sleep"), answering) == ()


async def test_a_missing_folder_is_no_failure_of_a_request(tmp_path: Path) -> None:
    stage = retriever(tmp_path / "none")
    await stage.load()
    assert await stage.retrieve(chat("anything"), route()) == ()


async def test_a_changed_document_is_found_by_the_watch(docs: Path) -> None:
    stage = retriever(docs)
    running = asyncio.create_task(stage.run())
    try:
        await until(lambda: stage.retrieve(chat("cats"), route()))
        (docs / "b.md").write_text("# More\n\nZebras run.\n")
        found = await until(lambda: stage.retrieve(chat("zebras"), route()))
        assert [passage.text for passage in found] == ["Zebras run."]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
