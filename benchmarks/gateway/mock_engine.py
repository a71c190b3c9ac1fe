"""An engine that answers at once with fixed bytes: what is left is the gateway's own cost."""

from __future__ import annotations

import json
import sys

import uvicorn

ANSWER = json.dumps(
    {"invoice_id": "A-1029", "date": "2026-01-14", "vendor": "Acme Supplies", "total_amount": 1248.5}
)
BODY = json.dumps(
    {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": "smollm2-135m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 110, "completion_tokens": 42, "total_tokens": 152},
    }
).encode()
MODELS = b'{"object":"list","data":[{"id":"smollm2-135m","object":"model","root":"smollm2-135m"}]}'


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
    body = BODY if scope["path"].startswith("/v1/chat") else MODELS
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), loop="uvloop", access_log=False, log_level="warning"
    )
