"""The texts of a build, prepared once for every search of alike texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from training.data.pipeline.encoder import Vectors, load_encoder
from training.data.pipeline.near import Alike, Decide, Sketches, fold, sketches_of, sweep_near
from training.data.pipeline.rows import Progress
from training.data.pipeline.semantic import sweep_semantic
from training.data.pipeline.spec import Duplicates


class Likeness(StrEnum):
    """By what two texts are alike: equal once folded, by shingles, by meaning."""

    EXACT = "exact"
    NEAR = "near"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class TextSpace:
    """Texts by position, with their sketches and vectors where the settings ask for these searches."""

    texts: tuple[str, ...]
    settings: Duplicates
    sketches: Sketches | None
    vectors: Vectors | None

    @classmethod
    def of(cls, texts: Sequence[str], settings: Duplicates, progress: Progress) -> TextSpace:
        """Prepare the texts.

        Raises:
            DatasetError: the encoder cannot be read.
        """
        sketches = vectors = None
        if settings.near is not None:
            sketches = sketches_of(progress(texts, "shingles", len(texts)), len(texts))
        if settings.semantic is not None:
            vectors = load_encoder(settings.encoder).embed(texts)
        return cls(tuple(texts), settings, sketches, vectors)

    @property
    def likenesses(self) -> tuple[Likeness, ...]:
        """The searches that are on, the strictest first."""
        near = (Likeness.NEAR,) if self.sketches is not None else ()
        semantic = (Likeness.SEMANTIC,) if self.vectors is not None else ()
        return (Likeness.EXACT, *near, *semantic)

    def sweep(self, likeness: Likeness, positions: Sequence[int], decide: Decide) -> None:
        """Walk the positions in order; each is decided in the light of those kept before it."""
        if likeness is Likeness.NEAR and self.sketches is not None and self.settings.near is not None:
            sweep_near(self.texts, self.sketches, self.settings.near, positions, decide)
        elif (
            likeness is Likeness.SEMANTIC and self.vectors is not None and self.settings.semantic is not None
        ):
            sweep_semantic(self.vectors, self.settings.semantic, positions, decide)
        elif likeness is Likeness.EXACT:
            self._sweep_exact(positions, decide)

    def _sweep_exact(self, positions: Iterable[int], decide: Decide) -> None:
        kept: dict[str, list[int]] = {}
        for position in positions:
            same = kept.setdefault(fold(self.texts[position]), [])
            alike: Alike = [(other, 1.0) for other in same]
            if decide(position, alike):
                same.append(position)
