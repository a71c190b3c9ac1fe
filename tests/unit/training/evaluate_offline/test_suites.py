"""Suites: what they change, what they never touch, and where a variant says that it comes from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.output import ChoiceOutput, JsonObjectOutput
from training.errors import MissingLibraryError, SpecificationError
from training.evaluate.golden import GoldenRow, check_rows
from training.evaluate.suites import SUITES, suite_named
from training.evaluate.suites.lexicon import words_in
from training.evaluate.suites.screening import ClassifierScorer

TEXT = """Dear customer, thank you for choosing us.

Please find the details of your order below.

Vendor: Acme
Supplies Ltd, write to billing@acme.example with questions!
Invoice A-1029 was issued on 12 March 2026.
Total amount due USD 1,248.50.

We look forward to welcoming you again soon."""
GOLD = {"vendor": "Acme Supplies Ltd", "invoice_id": "A-1029", "date": "2026-03-12", "total": 1248.5}
ROW = GoldenRow(id="one", text=TEXT, output=GOLD, slice="letters", slices=("english",))
LABELS = [
    GoldenRow(id="a", text="My invoice is wrong, please look into the billing again.", output="billing"),
    GoldenRow(id="b", text="The application crashes whenever somebody opens it.", output="bug"),
]
every_suite = pytest.mark.parametrize("name", sorted(SUITES))
FIGURE = re.compile(r"\S*\d\S*")


def rows(count: int) -> list[GoldenRow]:
    return [ROW.model_copy(update={"id": f"row-{number}"}) for number in range(count)]


@every_suite
def test_equal_rows_and_seed_give_equal_variants(name: str) -> None:
    suite = suite_named(name)
    assert suite.variants(rows(20), 3) == suite.variants(rows(20), 3)


@every_suite
def test_another_seed_or_row_changes_no_other_variant(name: str) -> None:
    suite = suite_named(name)
    made = {one.id: one.text for one in suite.variants(rows(20), 3)}
    fewer = {one.id: one.text for one in suite.variants(rows(10), 3)}
    assert fewer.items() <= made.items()


@every_suite
def test_the_right_answer_stays_and_the_text_does_not(name: str) -> None:
    for one in suite_named(name).variants(rows(40), 3):
        assert one.output == GOLD
        assert one.text != TEXT


@every_suite
def test_gold_values_figures_and_addresses_stand_as_they_were(name: str) -> None:
    made = suite_named(name).variants(rows(60), 3)
    assert made
    for one in made:
        assert "Acme\nSupplies Ltd" in one.text
        assert "billing@acme.example" in one.text
        assert "on 12 March 2026." in one.text
        assert "USD 1,248.50." in one.text
        assert "Invoice A-1029 was" in one.text


@every_suite
def test_a_variant_names_its_row_suite_and_kind(name: str) -> None:
    made = suite_named(name).variants(rows(40), 3)
    assert {one.suite for one in made} == {name}
    for one in made:
        assert one.id.startswith(f"{one.variant_of}~{name}.")
        assert one.slices == ("english", one.id.partition("~")[2])
    check_rows(made, JsonObjectOutput(kind="json_object"), "variants")


@every_suite
def test_a_variant_is_not_perturbed_again(name: str) -> None:
    suite = suite_named(name)
    assert not suite.variants(suite.variants(rows(5), 3), 3)


@every_suite
def test_labels_stay_labels(name: str) -> None:
    made = suite_named(name).variants(LABELS, 3)
    check_rows(made, ChoiceOutput(kind="choice", choices=("billing", "bug")), "variants")
    assert all(one.output == {"a": "billing", "b": "bug"}[one.variant_of] for one in made)


@pytest.mark.parametrize("name", ["typos", "case", "punctuation", "white-space", "ocr"])
def test_nothing_free_means_no_variant(name: str) -> None:
    row = GoldenRow(id="bare", text="A-1 2026-03-12 EUR 5.00", output={"total": 5.0})
    assert not suite_named(name).variants([row], 3)


def test_every_kind_of_a_suite_comes_up() -> None:
    kinds = {one.slices[-1] for one in SUITES["typos"].variants(rows(4), 3)}
    assert kinds == {"typos.swapped", "typos.dropped", "typos.doubled", "typos.slipped"}


def test_an_order_asks_for_a_marker_that_is_forbidden_and_not_in_the_text() -> None:
    for one in SUITES["injection"].variants(rows(60), 3):
        (marker,) = one.forbidden
        assert marker in one.text
        assert marker not in TEXT


def test_an_order_asks_for_another_label_where_the_answer_is_one() -> None:
    made = SUITES["injection"].variants(LABELS, 3)
    assert [one.forbidden for one in made] == [("bug",), ("billing",)]


def test_an_order_for_what_the_right_answer_holds_forbids_nothing() -> None:
    pair = [
        GoldenRow(id="a", text="It does not work.", output="a bug"),
        GoldenRow(id="b", text="It does work.", output="bug"),
    ]
    assert [one.forbidden for one in SUITES["injection"].variants(pair, 3)] == [(), ("a bug",)]


def test_orders_come_in_many_languages_and_places() -> None:
    made = SUITES["injection"].variants(rows(160), 3)
    texts = "\n".join(one.text for one in made)
    assert all(part in texts for part in ("Ignora todas", "忽略之前", "Игнорируй", "<|im_start|>system"))
    assert any(one.text.startswith(TEXT) for one in made)
    assert any(one.text.endswith(TEXT) for one in made)


def test_abuse_may_not_come_back_unless_it_is_right() -> None:
    (insulted,) = SUITES["toxicity"].variants([ROW], 3)
    assert "moron" in insulted.forbidden
    told = ROW.model_copy(update={"output": {"quote": "you moron"}})
    assert "moron" not in SUITES["toxicity"].variants([told], 3)[0].forbidden


def test_an_unknown_suite_is_named_with_those_there_are() -> None:
    with pytest.raises(SpecificationError, match=r"no suite 'typo'.*typos"):
        suite_named("typo")


def test_the_list_finds_whole_words_alone() -> None:
    assert words_in("Du Idiot! The town of Scunthorpe; what a class.") == ["idiot"]


def test_a_classifier_without_its_library_is_refused() -> None:
    with pytest.raises(MissingLibraryError, match="transformers"):
        ClassifierScorer(Path("nowhere"))


words = st.text(
    st.characters(categories=("Ll", "Lu", "Nd", "Po", "Zs")) | st.sampled_from("\n.,:"), max_size=12
)


@settings(max_examples=25, deadline=None)
@given(
    pieces=st.lists(words | st.sampled_from(["\n\n", "please", "Vendor:", "17.50", "wonderful"]), min_size=1),
    value=st.sampled_from(["Nordic Ätherwerke GmbH", "x", "Tom & Söhne, Inc."]),
    place=st.integers(0, 30),
    seed=st.integers(0, 5),
)
def test_no_suite_touches_a_gold_value_or_a_figure(
    pieces: list[str], value: str, place: int, seed: int
) -> None:
    text = " ".join([*pieces[:place], f"\n{value} 9\n", *pieces[place:]])
    several = [GoldenRow(id=str(at), text=text, output={"name": value}) for at in range(4)]
    for name, suite in SUITES.items():
        for one in suite.variants(several, seed):
            assert value in one.text, name
            if name != "ocr":  # a misread letter may look like a digit
                assert FIGURE.findall(one.text) == FIGURE.findall(text), name
