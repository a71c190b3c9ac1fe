"""Owns what `firstline up` prints when the system is ready."""

from __future__ import annotations

from launcher.listening import Listening

_INVOICE = (
    "Thank you for your business. Invoice A-1029 issued on Jan 14, 2026. Payment terms: Net 30. "
    "Total amount due USD 1,248.50. Vendor: Acme Supplies"
)

_TEMPLATE = """\
Firstline is ready: {url}

  With curl:

curl -s {url}/chat/completions{header} -H 'content-type: application/json' -d '{{
  "model": "auto",
  "messages": [{{"role": "user", "content": "{invoice}"}}]
}}'

  With the openai package (it is in .venv/bin/python):

{imports}from openai import OpenAI

client = OpenAI(base_url="{url}", api_key={key})
reply = client.chat.completions.create(
    model="auto",
    messages=[{{"role": "user", "content": "{invoice}"}}],
)
print(reply.choices[0].message.content)
"""


def greeting(listening: Listening, port: int) -> str:
    """The ready line and two examples that work when pasted, with the key from `FIRSTLINE_API_KEY`."""
    has_keys = listening.has_keys
    return _TEMPLATE.format(
        url=f"{listening.url(port)}/v1",
        invoice=_INVOICE,
        header=' -H "Authorization: Bearer $FIRSTLINE_API_KEY"' if has_keys else "",
        imports="import os\n\n" if has_keys else "",
        key='os.environ["FIRSTLINE_API_KEY"]' if has_keys else '"unused"',
    )
