"""Canonical JSON changes the order of keys and nothing else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.canonical import JsonForm, canonical_json, stable_bytes
from tests.property.strategies import JSON, SCHEMAS

FORMS = st.sampled_from(list(JsonForm))


@given(JSON, JSON | SCHEMAS, FORMS)
def test_the_value_is_kept_whatever_the_schema(value: Any, schema: Any, form: JsonForm) -> None:
    assert json.loads(canonical_json(value, schema, form)) == value


@given(JSON, SCHEMAS, FORMS)
def test_writing_it_again_changes_nothing(value: Any, schema: Any, form: JsonForm) -> None:
    written = canonical_json(value, schema, form)
    assert canonical_json(json.loads(written), schema, form) == written


@given(JSON)
def test_without_a_schema_it_is_what_the_library_writes(value: Any) -> None:
    assert canonical_json(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert canonical_json(value, form=JsonForm.SPACED) == json.dumps(value, ensure_ascii=False)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4), st.randoms(use_true_random=False))
def test_stable_bytes_do_not_depend_on_the_order_of_keys(value: dict[str, Any], random: Any) -> None:
    names = list(value)
    random.shuffle(names)
    assert stable_bytes({name: value[name] for name in names}) == stable_bytes(value)
