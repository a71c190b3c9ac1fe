"""The static encoder and the features over it."""

from __future__ import annotations

import numpy as np
import pytest

from router.features import HEAD_CHARACTERS, TAIL_CHARACTERS, extract, normalise
from router.inference import DEFAULT_ENCODER, Encoder

LIMIT_BYTES = 6 * 1024 * 1024


def test_vectors_are_unit_vectors_and_nothing_is_zeros(encoder: Encoder) -> None:
    vectors = encoder.embed(["one sentence", "ein anderer Satz", "保証", ""])
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, encoder.dims)
    assert np.linalg.norm(vectors, axis=1).tolist() == pytest.approx([1, 1, 1, 0], abs=1e-5)
    assert encoder.embed([]).shape == (0, encoder.dims)


def test_related_sentences_are_nearer_than_unrelated_ones(encoder: Encoder) -> None:
    cat, kitten, tax = encoder.embed(
        ["a cat sleeps on the sofa", "the kitten naps", "quarterly tax declaration"]
    )
    assert cat @ kitten > cat @ tax + 0.2


def test_a_batch_gives_what_single_calls_give(encoder: Encoder) -> None:
    texts = ["alpha beta", "a much longer sentence with several more words", "x"]
    assert np.array_equal(encoder.embed(texts), np.concatenate([encoder.embed([text]) for text in texts]))


def test_tokens_are_counted_without_special_tokens_and_bounded(encoder: Encoder) -> None:
    assert encoder.count_tokens("hello world") == 2
    assert encoder.count_tokens("[SEP]") == 3
    assert encoder.count_tokens("") == 0
    assert encoder.count_tokens("a " * 1_000_000) <= 16_384


def test_the_shipped_encoder_stays_small() -> None:
    assert sum(file.stat().st_size for file in DEFAULT_ENCODER.iterdir()) <= LIMIT_BYTES


@pytest.mark.parametrize(
    "other",
    ["WHERE IS MY PARCEL", "where is my parcel?", "  Where\nis my  parcel!! ", "ｗｈｅｒｅ is my parcel"],
)
def test_case_punctuation_and_spacing_are_folded(other: str) -> None:
    assert normalise(other) == "where is my parcel"


def test_apostrophes_and_accents_survive_folding_as_words() -> None:
    assert normalise("Don’t!") == normalise("DON'T") == "dont"
    assert normalise("Fälligkeit: 5 €") == "fälligkeit 5 €"


def test_the_normalised_text_is_bounded_even_where_characters_expand() -> None:
    assert len(normalise("\ufdfa" * 100_000)) <= 2 * (HEAD_CHARACTERS + TAIL_CHARACTERS)
    assert extract_count("\ufdfa" * 100_000) > 0


def extract_count(text: str) -> int:
    return len(extract(Encoder.load(DEFAULT_ENCODER), text, 14).buckets)


def test_all_digits_count_as_one_digit_in_the_hashed_view(encoder: Encoder) -> None:
    one, other = extract(encoder, "order 1234", 14), extract(encoder, "order 9876", 14)
    assert one.buckets.tolist() == other.buckets.tolist()


def test_word_order_shows_in_the_hashed_view_alone(encoder: Encoder) -> None:
    one, other = extract(encoder, "dog bites man", 14), extract(encoder, "man bites dog", 14)
    assert np.allclose(one.dense, other.dense, atol=1e-6)
    assert one.buckets.tolist() != other.buckets.tolist()
