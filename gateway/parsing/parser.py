"""The parse stage: reads the body once and decodes it by endpoint."""

from __future__ import annotations

from typing import Any

from contracts.output import JsonSchemaOutput, OutputContract
from gateway.errors import InvalidRequestError
from gateway.parsing.decode import decode_object, is_deeper_than, validated
from gateway.parsing.fields import check_fields, ignored_of, sampling_of
from gateway.parsing.outputs import output_of, tools_of
from gateway.parsing.responses import parse_responses
from gateway.parsing.wire import ChatBody, CompletionBody, FirstlineOptions, Message, TextPart
from gateway.records import Chat, Endpoint, InboundRequest, StreamMode

_CHAT_FIELDS = frozenset(ChatBody.model_fields)
_COMPLETION_FIELDS = frozenset(CompletionBody.model_fields)


class RequestParser:
    """Turns bytes into a `Chat`. Its output contract is read here and vetted by the conform stage."""

    def __init__(self, *, max_nesting: int) -> None:
        self._max_nesting = max_nesting

    async def parse(self, request: InboundRequest) -> Chat:
        """Read, decode, validate.

        Raises:
            InvalidRequestError: with the field at fault.
        """
        body = decode_object(await request.read_body(), self._max_nesting)
        match request.endpoint:
            case Endpoint.CHAT:
                chat = parse_chat(body)
            case Endpoint.COMPLETIONS:
                chat = parse_completion(body)
            case Endpoint.RESPONSES:
                chat = parse_responses(body)
            case Endpoint.EMBEDDINGS:
                raise InvalidRequestError("Embeddings are no chat")
        self._check_nesting(chat.output, body)
        return chat

    def _check_nesting(self, output: OutputContract | None, body: dict[str, Any]) -> None:
        """A schema that came as text has not met the body's bound."""
        structured = body.get("structured_outputs")
        is_text = isinstance(structured, dict) and isinstance(structured.get("json"), str)
        if not is_text or not isinstance(output, JsonSchemaOutput):
            return
        if is_deeper_than([output.json_schema], self._max_nesting):
            raise InvalidRequestError(
                f"structured_outputs.json is nested deeper than {self._max_nesting} levels",
                param="structured_outputs.json",
            )


def parse_chat(body: dict[str, Any]) -> Chat:
    """Read a chat request; messages are kept as the client wrote them."""
    check_fields(body, _CHAT_FIELDS)
    parsed = validated(ChatBody, body)
    _check_content(parsed.messages)
    tools, use = tools_of(parsed.tools, parsed.tool_choice)
    options = parsed.firstline or FirstlineOptions()
    return Chat(
        endpoint=Endpoint.CHAT,
        model=parsed.model,
        messages=tuple(body["messages"]),
        text=last_user_text(parsed.messages),
        stream=bool(parsed.stream),
        include_usage=bool(parsed.stream_options and parsed.stream_options.include_usage),
        choices=parsed.n or 1,
        max_tokens=parsed.max_completion_tokens or parsed.max_tokens,
        output=output_of(parsed.response_format, parsed.structured_outputs),
        stream_mode=StreamMode(options.stream) if options.stream else None,
        allow_partial_grammar=options.allow_partial_grammar,
        tools=tools,
        tool_use=use,
        parallel_tool_calls=parsed.parallel_tool_calls is not False,
        sampling=sampling_of(body),
        variables=options.variables,
        ignored=ignored_of(body),
    )


def parse_completion(body: dict[str, Any]) -> Chat:
    """Read a completion request. One prompt a request: several would be several requests."""
    check_fields(body, _COMPLETION_FIELDS)
    parsed = validated(CompletionBody, body)
    prompts = [parsed.prompt] if isinstance(parsed.prompt, str) else parsed.prompt
    if len(prompts) != 1:
        raise InvalidRequestError("prompt: send one string a request", param="prompt")
    options = parsed.firstline or FirstlineOptions()
    return Chat(
        endpoint=Endpoint.COMPLETIONS,
        model=parsed.model,
        messages=(),
        text=prompts[0],
        prompt=prompts[0],
        stream=bool(parsed.stream),
        include_usage=bool(parsed.stream_options and parsed.stream_options.include_usage),
        choices=parsed.n or 1,
        max_tokens=parsed.max_tokens,
        output=output_of(parsed.response_format, parsed.structured_outputs),
        stream_mode=StreamMode(options.stream) if options.stream else None,
        allow_partial_grammar=options.allow_partial_grammar,
        sampling=sampling_of(body),
        variables=options.variables,
        ignored=ignored_of(body),
    )


def _check_content(messages: list[Message]) -> None:
    """Only an assistant's turn may be without content: it may hold calls in its place."""
    for index, message in enumerate(messages):
        if message.role != "assistant" and (message.content is None or message.content == []):
            at = f"messages.{index}.content"
            raise InvalidRequestError(f"{at}: a {message.role} message needs content", param=at)


def last_user_text(messages: list[Message]) -> str:
    """What the router reads: the text of the last user turn, or nothing."""
    last = next((message for message in reversed(messages) if message.role == "user"), None)
    if last is None or last.content is None:
        return ""
    if isinstance(last.content, str):
        return last.content
    return "\n".join(part.text for part in last.content if isinstance(part, TextPart))
