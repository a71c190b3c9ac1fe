"""Owns what `firstline up` prints when the system is ready."""

from __future__ import annotations

_INVOICE = (
    "Thank you for your business. Invoice A-1029 issued on Jan 14, 2026. Payment terms: Net 30. "
    "Total amount due USD 1,248.50. Vendor: Acme Supplies"
)

_TEMPLATE = """\
Firstline is ready: {url}

  With curl:

curl -s {url}/chat/completions -H 'content-type: application/json' -d '{{
  "model": "auto",
  "messages": [{{"role": "user", "content": "{invoice}"}}]
}}'

  With the openai package (it is in .venv/bin/python):

from openai import OpenAI

client = OpenAI(base_url="{url}", api_key="unused")
reply = client.chat.completions.create(
    model="auto",
    messages=[{{"role": "user", "content": "{invoice}"}}],
)
print(reply.choices[0].message.content)
"""


def greeting(port: int) -> str:
    """The ready line and two examples that work when pasted."""
    return _TEMPLATE.format(url=f"http://127.0.0.1:{port}/v1", invoice=_INVOICE)
