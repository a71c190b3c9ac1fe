"""The four actions through `model="auto"`, with the official client: `python examples/clients/actions.py`.

Needs `pip install openai` and a running gateway (`make run`). Without an escalation pool the last one is
answered by the small model, and says so.
"""

from __future__ import annotations

import os

from openai import OpenAI
from openai.types.chat import ChatCompletionToolUnionParam

INVOICE = (
    "Thank you for your business. Invoice A-1029 issued on Jan 14, 2026. Payment terms: Net 30. "
    "Total amount due USD 1,248.50. Vendor: Acme Supplies."
)
WEATHER: ChatCompletionToolUnionParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 40}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
REQUESTS: dict[str, tuple[str, list[ChatCompletionToolUnionParam]]] = {
    "answer": (INVOICE, []),
    "retrieve": ("How many days do I have to return a device?", []),
    "tool": ("What is the weather in Lisbon right now?", [WEATHER]),
    "escalate": ("Prove that there are infinitely many primes congruent to 3 modulo 4, step by step.", []),
}


def main() -> None:
    """Send one request for each action and print what the gateway did."""
    client = OpenAI(
        base_url=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1"), api_key="none", timeout=300
    )
    for expected, (text, tools) in REQUESTS.items():
        extra = {"tools": tools} if tools else {}
        reply = client.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": text}], max_tokens=160, **extra
        )
        message = reply.choices[0].message
        calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
        print(f"{expected}: {reply.model_extra['firstline'] if reply.model_extra else ''}")
        print(f"  {calls or message.content}")


if __name__ == "__main__":
    main()
