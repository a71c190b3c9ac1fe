"""Tones: how much stands around a request, and in which mood."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from training.data.invoices import Split
from training.data.tickets import frames
from training.data.tickets.phrasing import Phrases, write

_SUBJECT_SHARE = 0.15


def dress(request: str, rng: random.Random, split: Split) -> str:
    """Put a request into a ticket of some tone."""
    tone = rng.choices(list(_TONES), list(_TONES.values()))[0]
    text = tone(request, rng, split)
    if tone is not _terse and rng.random() < _SUBJECT_SHARE:
        text = f"Subject: {_piece(frames.SUBJECTS, rng, split)}\n\n{text}"
    return text


def _terse(request: str, rng: random.Random, _split: Split) -> str:
    if rng.random() < 0.5:
        return request
    return request.rstrip(".").lower() if rng.random() < 0.6 else request.rstrip(".!?")


def _neutral(request: str, rng: random.Random, split: Split) -> str:
    parts = [_piece(frames.GREETINGS, rng, split)] if rng.random() < 0.6 else []
    parts.append(request)
    return _joined(parts, rng) + (_ending(rng, split) if rng.random() < 0.6 else "")


def _polite(request: str, rng: random.Random, split: Split) -> str:
    parts = [request, _piece(frames.POLITE, rng, split)]
    if rng.random() < 0.4:
        parts.reverse()
    return _joined([_piece(frames.GREETINGS, rng, split), *parts], rng) + _ending(rng, split)


def _angry(request: str, rng: random.Random, split: Split) -> str:
    parts = [request, _piece(frames.ANGRY, rng, split)]
    rng.shuffle(parts)
    text = " ".join(parts)
    return f"{text} {_piece(frames.ANGRY, rng, split)}" if rng.random() < 0.3 else text


def _rambling(request: str, rng: random.Random, split: Split) -> str:
    stories = rng.sample(frames.BACKGROUND.of(split), rng.choice((1, 2, 2, 3)))
    parts = [write(story, rng) for story in stories]
    parts.insert(rng.randint(0, len(parts)), request)
    if rng.random() < 0.4:
        parts.append(_piece(frames.POLITE, rng, split))
    return _joined([_piece(frames.GREETINGS, rng, split), " ".join(parts)], rng) + _ending(rng, split)


def _ending(rng: random.Random, split: Split) -> str:
    closing = _piece(frames.CLOSINGS, rng, split) if rng.random() < 0.7 else ""
    signature = _piece(frames.SIGNATURES, rng, split) if rng.random() < 0.6 else ""
    lines = [line for line in (closing, signature) if line]
    return "\n\n" + "\n".join(lines) if lines else ""


def _joined(parts: list[str], rng: random.Random) -> str:
    return rng.choice((" ", "\n", "\n\n")).join(parts)


def _piece(phrases: Phrases, rng: random.Random, split: Split) -> str:
    return write(rng.choice(phrases.of(split)), rng)


_TONES: Final[dict[Callable[[str, random.Random, Split], str], int]] = {
    _terse: 28,
    _neutral: 26,
    _polite: 16,
    _angry: 14,
    _rambling: 16,
}
