"""What the real recognisers find, without a network."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from training.data.pipeline.personal import PersonalDataFinder
from training.data.pipeline.spec import DEFAULT_ENTITIES, Handling, PersonalData
from training.errors import DatasetError


@pytest.fixture(scope="module")
def finder() -> PersonalDataFinder:
    return PersonalDataFinder(PersonalData())


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError(f"a connection to {args[1:]} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _found(finder: PersonalDataFinder, text: str) -> list[tuple[str, str]]:
    return [(span.entity, text[span.start : span.end]) for span in finder.find(text)]


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("write to rosa.lindt@example.com today", "EMAIL_ADDRESS", "rosa.lindt@example.com"),
        ("call +44 20 7946 0958 after six", "PHONE_NUMBER", "+44 20 7946 0958"),
        ("call (212) 555-0187 after six", "PHONE_NUMBER", "(212) 555-0187"),
        ("card 4111 1111 1111 1111 was used", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("card 4000000000000000006 was used", "CREDIT_CARD", "4000000000000000006"),
        ("card 213100000000001 was used", "CREDIT_CARD", "213100000000001"),
        ("pay to GB82 WEST 1234 5698 7654 32", "IBAN_CODE", "GB82 WEST 1234 5698 7654 32"),
        ("from 192.168.17.4 at noon", "IP_ADDRESS", "192.168.17.4"),
        ("her number is 536-22-8126", "US_SSN", "536-22-8126"),
    ],
)
def test_a_value_is_found_whole(finder: PersonalDataFinder, text: str, entity: str, value: str) -> None:
    assert _found(finder, text) == [(entity, value)]


@pytest.mark.parametrize(
    "text",
    [
        "Invoice A-1029, 14.01.2026, total 1,248.50",
        "version 3.12.4 of 2026-01-14 10:22:31",
        "card 4111 1111 1111 1112 has a wrong check digit",
        "GB82 WEST 1234 5698 7654 33 has a wrong check sum",
        "mention me @home, ratio 3:2",
        "<EMAIL_1> and <PHONE_2>",
    ],
)
def test_what_is_nobodys_is_left(finder: PersonalDataFinder, text: str) -> None:
    assert _found(finder, text) == []


def test_overlapping_finds_become_one(finder: PersonalDataFinder) -> None:
    settings = PersonalData(entities={"URL": Handling.REDACT})
    found = _found(PersonalDataFinder(settings), "see rosa@example.com now")
    assert [value for _, value in found] == ["rosa@example.com"]


def test_further_types_are_looked_for_when_named() -> None:
    settings = PersonalData(entities={"ES_NIF": Handling.REJECT})
    assert settings.handling.keys() == {*DEFAULT_ENTITIES, "ES_NIF"}
    assert ("ES_NIF", "12345678Z") in _found(PersonalDataFinder(settings), "mi NIF es 12345678Z")


def test_a_type_that_nothing_finds_is_refused_with_those_that_exist() -> None:
    with pytest.raises(
        DatasetError, match=r"nothing finds 'PERSON' \(names need spacy_model\); there are .*UK_NHS"
    ):
        PersonalDataFinder(PersonalData(entities={"PERSON": Handling.REDACT}))


def test_a_model_that_is_not_installed_is_refused_and_not_fetched() -> None:
    with pytest.raises(DatasetError, match="'xx_missing_model' is not installed"):
        PersonalDataFinder(PersonalData(spacy_model="xx_missing_model"))


def test_a_long_text_is_searched_to_its_end(finder: PersonalDataFinder) -> None:
    text = "".join(f"{'filler words ' * 97}person{n}@example.com " for n in range(12))
    assert [value for _, value in _found(finder, text)] == [f"person{n}@example.com" for n in range(12)]


def test_a_text_made_to_be_slow_is_searched_in_bounded_time(finder: PersonalDataFinder) -> None:
    assert _found(finder, "a." * 10_000 + "@ " + "1 " * 2_000) == []
