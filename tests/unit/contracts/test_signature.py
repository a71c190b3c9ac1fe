from __future__ import annotations

from pathlib import Path

import pytest

from contracts.signature import SignatureError, make_key_pair, sign, verify

DIGEST = "ab" * 32


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    make_key_pair(tmp_path / "legal.key", tmp_path / "legal.pub")
    return tmp_path / "legal.key", tmp_path / "legal.pub"


def test_a_signature_names_the_key_that_made_it(keys: tuple[Path, Path]) -> None:
    assert verify("package", DIGEST, sign("package", DIGEST, keys[0]), [keys[1]]) == "legal"


def test_a_signature_does_not_fit_other_content(keys: tuple[Path, Path]) -> None:
    with pytest.raises(SignatureError, match="other content"):
        verify("package", "cd" * 32, sign("package", DIGEST, keys[0]), [keys[1]])


def test_a_signature_does_not_fit_another_purpose(keys: tuple[Path, Path]) -> None:
    signature = sign("package", DIGEST, keys[0])
    with pytest.raises(SignatureError):
        verify("specification", DIGEST, signature, [keys[1]])
    with pytest.raises(SignatureError, match="made for a specification"):
        verify("package", DIGEST, signature.model_copy(update={"purpose": "specification"}), [keys[1]])


def test_a_stranger_s_signature_is_refused(keys: tuple[Path, Path], tmp_path: Path) -> None:
    make_key_pair(tmp_path / "other.key", tmp_path / "other.pub")
    with pytest.raises(SignatureError, match="no trusted key"):
        verify("package", DIGEST, sign("package", DIGEST, tmp_path / "other.key"), [keys[1]])


def test_the_private_key_is_its_owner_s_alone_and_never_overwritten(keys: tuple[Path, Path]) -> None:
    assert keys[0].stat().st_mode & 0o777 == 0o600
    before = keys[0].read_bytes()
    with pytest.raises(SignatureError, match="cannot be written"):
        make_key_pair(keys[0], keys[1])
    assert keys[0].read_bytes() == before


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.key").write_text("nothing")
    with pytest.raises(SignatureError, match="cannot be read"):
        sign("package", DIGEST, tmp_path / "bad.key")
