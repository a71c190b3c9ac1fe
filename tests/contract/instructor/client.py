"""Instructor, unmodified, against a gateway: reads what to ask as JSON, prints what each mode gave."""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

import instructor
from openai import APIStatusError, OpenAI
from pydantic import BaseModel


class Answer(BaseModel):
    """What is asked for."""

    answer: Literal["yes", "no"]


def asked(given: dict[str, Any], mode: str) -> dict[str, Any]:
    """Ask in one mode; a failure is told by the error that instructor keeps as its cause."""
    plain = OpenAI(base_url=given["baseURL"], api_key="none", max_retries=0)
    client = instructor.from_openai(plain, mode=instructor.Mode[mode])
    try:
        found = client.chat.completions.create(
            model=given["model"],
            response_model=Answer,
            max_retries=0,
            messages=[{"role": "user", "content": "Is water wet?"}],
        )
    except Exception as error:  # noqa: BLE001  # what it raises is what is looked at
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, APIStatusError):
            cause = cause.__cause__ or cause.__context__
        code = cause.code if isinstance(cause, APIStatusError) else None
        return {"error": type(error).__name__, "code": code}
    return found.model_dump()


def main() -> None:
    """Run the modes that standard input names."""
    given = json.load(sys.stdin)
    print(json.dumps({mode: asked(given, mode) for mode in given["modes"]}))


if __name__ == "__main__":
    main()
