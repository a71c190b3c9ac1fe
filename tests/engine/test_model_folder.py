from __future__ import annotations

import os

from tokenizers import Tokenizer

from launcher.layout import layout_from


def test_each_digit_is_a_token_of_its_own_as_the_model_was_trained() -> None:
    tokenizer = Tokenizer.from_file(str(layout_from(os.environ).model / "tokenizer.json"))
    encoded = tokenizer.encode("NO  4740 RM12.50", add_special_tokens=False).tokens
    assert encoded == ["NO", "ĠĠ", "4", "7", "4", "0", "ĠRM", "1", "2", ".", "5", "0"]
