"""Fixes that cannot change what an answer says, tried before anything is asked again."""

from __future__ import annotations

import re

from contracts.output import ChoiceOutput, JsonObjectOutput, JsonSchemaOutput, OutputContract

_FENCE = re.compile(r"\s*```[A-Za-z0-9_+-]*[ \t]*\r?\n(?P<inside>.*?)\r?\n?[ \t]*```\s*", re.DOTALL)
_MARK = "\ufeff"


def fixed(text: str, contract: OutputContract) -> str | None:
    """Take off what only surrounds the answer; None where nothing does.

    That is a byte order mark, a Markdown fence around the whole, and white space around a label. No value
    is changed, added or guessed.
    """
    bare = text.removeprefix(_MARK)
    if isinstance(contract, JsonSchemaOutput | JsonObjectOutput):
        fence = _FENCE.fullmatch(bare)
        bare = fence["inside"] if fence else bare
    elif isinstance(contract, ChoiceOutput):
        bare = bare.strip()
    return None if bare == text else bare
