"""ROUGE-L of free text, by the library that papers use."""

from __future__ import annotations

from typing import Any

from training.errors import MissingLibraryError


class RougeL:
    """The longest common subsequence of words against the gold, as an F-measure; words of any script."""

    def __init__(self) -> None:
        try:
            from rouge_score import rouge_scorer  # noqa: PLC0415 - only where free text is evaluated
        except ModuleNotFoundError as error:
            raise MissingLibraryError("rouge-score") from error
        self._scorer: Any = rouge_scorer.RougeScorer(["rougeL"])

    def score(self, gold: str, answer: str | None) -> float:
        """From 0 to 1; no answer has 0."""
        if not answer:
            return 0.0
        # The library drops all but ASCII letters and digits, so a number stands for each word.
        numbers: dict[str, str] = {}
        wanted, given = (
            " ".join(numbers.setdefault(word, f"w{len(numbers)}") for word in _words(text))
            for text in (gold, answer)
        )
        return float(self._scorer.score(wanted, given)["rougeL"].fmeasure)


def _words(text: str) -> list[str]:
    """Runs of letters and digits, without their case."""
    return "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split()
