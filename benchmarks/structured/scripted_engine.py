"""An engine that waits a fixed time and then answers with fixed bytes: `python -m ... PORT SECONDS`."""

from __future__ import annotations

import asyncio
import json
import sys

import uvicorn

MODEL = "smollm2-135m"
ANSWER = {"invoice_id": "A-1029", "date": "2026-01-14", "vendor": "Acme Supplies", "total_amount": 1248.5}
MODELS = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model", "root": MODEL}]}).encode()
BODY = json.dumps(
    {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": json.dumps(ANSWER, separators=(",", ":"))},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 110, "completion_tokens": 42, "total_tokens": 152},
    }
).encode()


async def app(scope, receive, send):
    """Serve one request."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    has_more = True
    while has_more:
        has_more = (await receive()).get("more_body", False)
    is_generation = scope["path"].startswith("/v1/chat")
    if is_generation:
        await asyncio.sleep(float(sys.argv[2]))
    body = BODY if is_generation else MODELS
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", access_log=False, log_level="warning"
    )
