"""The invoice generator: reproducible, true to its own gold, and no name on both sides of the split."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.output import JsonSchemaOutput
from contracts.task import Task
from training.data.examples import Conformity
from training.data.invoices import InvoiceRow, Split, invoices
from training.data.invoices.languages.words import LABELS, SENTENCES
from training.data.invoices.locales import LOCALES
from training.data.invoices.names import split_of
from training.data.invoices.notation import CurrencyPlace, MoneyStyle, write_date

TASK = Task.model_validate(
    yaml.safe_load((Path(__file__).parents[2] / "examples" / "tasks" / "invoice-extract.yaml").read_text())
)
SAMPLE = 400
seeds = st.integers(min_value=0, max_value=2**31)
splits = st.sampled_from(list(Split))


@cache
def _rows(split: Split) -> tuple[InvoiceRow, ...]:
    return tuple(islice(invoices(23, split), SAMPLE))


def _locale(row: InvoiceRow):
    name = row.group.rsplit("/", 1)[1]
    return next(locale for locale in LOCALES if locale.name == name)


def _vendor(row: InvoiceRow) -> str:
    return row.group.split("/", 1)[0]


@given(seed=seeds, split=splits)
def test_the_same_seed_gives_the_same_bytes(seed: int, split: Split) -> None:
    first, second = (json.dumps([asdict(row) for row in islice(invoices(seed, split), 3)]) for _ in range(2))
    assert first == second


@given(seed=seeds, split=splits)
def test_a_row_does_not_depend_on_how_many_are_made(seed: int, split: Split) -> None:
    assert list(islice(invoices(seed, split), 2)) == list(islice(invoices(seed, split), 4))[:2]


@given(seed=seeds, split=splits)
def test_every_output_keeps_the_tasks_schema(seed: int, split: Split) -> None:
    assert isinstance(TASK.output, JsonSchemaOutput)
    check = Conformity(TASK.output)
    for row in islice(invoices(seed, split), 5):
        assert check.violation(row.output) == ""


@given(seed=seeds, split=splits)
def test_no_mark_of_the_generator_reaches_a_row(seed: int, split: Split) -> None:
    for row in islice(invoices(seed, split), 5):
        assert not re.search("[\ue000-\uf8ff]", row.text)
        assert row.text == row.text.strip() != ""


@pytest.mark.parametrize("split", list(Split))
def test_number_and_vendor_stand_in_the_text_as_they_are(split: Split) -> None:
    for row in _rows(split):
        for name in ("invoice_id", "vendor"):
            value = row.output[name]
            assert value is None or str(value) in row.text, row


@pytest.mark.parametrize("split", list(Split))
def test_the_total_stands_in_the_text_in_a_notation_of_its_place(split: Split) -> None:
    for row in _rows(split):
        amount = row.output["total_amount"]
        if amount is None:
            continue
        locale = _locale(row)
        currencies = {currency.decimals: currency for currency in locale.currencies}
        written = {
            MoneyStyle(form, currency, "", CurrencyPlace.NOWHERE).number(Decimal(repr(amount)))
            for form in locale.numbers
            for currency in currencies.values()
        }
        assert any(number in row.text for number in written), row


@pytest.mark.parametrize("split", list(Split))
def test_the_date_stands_in_the_text_in_a_notation_of_its_place(split: Split) -> None:
    for row in _rows(split):
        if row.output["date"] is None:
            continue
        locale = _locale(row)
        day = date.fromisoformat(str(row.output["date"]))
        patterns = [
            *locale.numeric_dates,
            *locale.words.long_dates,
            "{year}-{mm}-{dd}",
            "{dd}-{short}-{year}",
        ]
        written = [write_date(day, pattern, locale.words).casefold() for pattern in patterns]
        text = row.text.casefold()
        assert any(one in text for one in written), row


def test_an_ambiguous_english_date_comes_with_the_currency_that_settles_it() -> None:
    numeric = re.compile(r"\b(0?[1-9]|1[0-2])[/-](0?[1-9]|1[0-2])[/-](\d{4}|\d\d)\b")
    for split in Split:
        for row in _rows(split):
            locale = _locale(row)
            if (
                locale.words.code != "en"
                or row.group.split("/")[-2] == "chatter"
                or not numeric.search(row.text)
            ):
                continue
            marks = [mark for currency in locale.currencies for mark in (currency.code, *currency.signs)]
            assert any(mark.casefold() in row.text.casefold() for mark in marks), row


def test_no_vendor_is_on_both_sides() -> None:
    vendors = {split: {_vendor(row).casefold() for row in _rows(split)} for split in Split}
    assert not vendors[Split.TRAIN] & vendors[Split.HELDOUT]


def test_a_name_has_one_side_whatever_its_case_or_accents() -> None:
    assert split_of("Müller Metallbau") is split_of("MU\u0308LLER METALLBAU")


def test_training_has_none_of_the_held_out_layouts() -> None:
    layouts = {split: {row.group.split("/")[-2] for row in _rows(split)} for split in Split}
    unseen = {row.group.split("/")[-2] for row in _rows(Split.HELDOUT) if row.slice == "new-layout"}
    assert unseen
    assert not unseen & layouts[Split.TRAIN]
    assert {row.slice for row in _rows(Split.TRAIN)} == {"known-layout"}


def test_the_documentations_examples_are_not_in_the_data() -> None:
    for split in Split:
        for row in _rows(split):
            assert "Acme Supplies" not in row.text
            assert row.output["invoice_id"] not in ("A-1029", "7731")


def test_fields_are_missing_sometimes_and_each_in_turn() -> None:
    for name in ("invoice_id", "date", "vendor", "total_amount"):
        share = sum(row.output[name] is None for row in _rows(Split.TRAIN)) / SAMPLE
        assert 0.02 < share < 0.2


@pytest.mark.parametrize("locale", LOCALES, ids=lambda locale: locale.name)
def test_every_language_has_every_word(locale) -> None:
    assert set(locale.words.labels) == set(LABELS)
    assert set(locale.words.sentences) == set(SENTENCES)
    assert len(locale.words.months) == len(locale.words.short_months) == 12


@pytest.mark.parametrize(
    ("form", "amount", "written"),
    [
        ("1,248.50", "1248.50", "1,248.50"),
        ("1.248,50", "-1234567.8", "-1.234.567,80"),
        ("1 248,50", "12.00", "12,00"),
        ("1'248.50", "1248.5", "1'248.50"),
        ("12,34,248.50", "1234248.5", "12,34,248.50"),
        ("1248,50", "1248.5", "1248,50"),
    ],
)
def test_amounts_are_written_in_each_form(form: str, amount: str, written: str) -> None:
    euro = LOCALES[1].currencies[-1]
    assert MoneyStyle(form, euro, "€", CurrencyPlace.NOWHERE).number(Decimal(amount)) == written
