"""The request bodies of the API, as far as we read them ourselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, StringConstraints

MAX_MESSAGES = 4096
MAX_TOOLS = 128
MAX_CHOICES = 16

Number = Annotated[float, Field(strict=True)]
ToolName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]
Count = Annotated[StrictInt, Field(ge=1, le=MAX_CHOICES)]
TokenCount = Annotated[StrictInt, Field(ge=1, le=1_000_000)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class TextPart(_Wire):
    """Text within a message."""

    type: Literal["text", "input_text", "output_text"]
    text: StrictStr


class OtherPart(_Wire):
    """An image, audio or file part: forwarded as it is."""

    type: Literal["image_url", "input_audio", "audio_url", "video_url", "file", "refusal"]


class FunctionCall(_Wire):
    """What an assistant message called."""

    name: StrictStr
    arguments: StrictStr = ""


class MessageToolCall(_Wire):
    """One call of an assistant message."""

    id: StrictStr
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(_Wire):
    """A chat message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: StrictStr | list[TextPart | OtherPart] | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: StrictStr | None = None


class JsonSchemaFormat(_Wire):
    """`response_format.json_schema`."""

    name: StrictStr | None = None
    description: StrictStr | None = None
    json_schema: dict[str, Any] | StrictBool = Field(alias="schema")
    strict: StrictBool | None = None


class ResponseFormat(_Wire):
    """`response_format`."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None


class StructuredOutputs(BaseModel):
    """vLLM's `structured_outputs`: exactly one constraint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    json_schema: dict[str, Any] | StrictStr | StrictBool | None = Field(default=None, alias="json")
    json_object: StrictBool | None = None
    choice: list[StrictStr] | None = None
    regex: StrictStr | None = None
    grammar: StrictStr | None = None


class FunctionTool(_Wire):
    """The function of a tool."""

    name: ToolName
    description: StrictStr | None = None
    parameters: dict[str, Any] | None = None
    strict: StrictBool | None = None


class ToolParam(_Wire):
    """One entry of `tools`."""

    type: Literal["function"]
    function: FunctionTool


class NamedFunction(_Wire):
    """The function that `tool_choice` names."""

    name: StrictStr


class NamedToolChoice(_Wire):
    """`tool_choice` as an object."""

    type: Literal["function"]
    function: NamedFunction


class StreamOptions(_Wire):
    """`stream_options`."""

    include_usage: StrictBool | None = None
    include_obfuscation: StrictBool | None = None
    continuous_usage_stats: Literal[False] | None = None


class FirstlineOptions(BaseModel):
    """Our own request options, under `firstline`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variables: dict[StrictStr, StrictStr] = Field(default_factory=dict)
    stream: Literal["passthrough", "verified"] | None = None
    allow_partial_grammar: StrictBool | None = None


class Sampled(_Wire):
    """Sampling fields whose types and ranges OpenAI fixes; checked here, forwarded as they came."""

    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = None
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    stop: StrictStr | list[StrictStr] | None = None
    seed: StrictInt | None = None
    user: StrictStr | None = None


class ChatBody(Sampled):
    """`POST /v1/chat/completions`."""

    model: StrictStr = Field(min_length=1, max_length=256)
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    n: Count | None = None
    max_tokens: TokenCount | None = None
    max_completion_tokens: TokenCount | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    tools: list[ToolParam] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None = None
    parallel_tool_calls: StrictBool | None = None
    firstline: FirstlineOptions | None = None


class CompletionBody(Sampled):
    """`POST /v1/completions`."""

    model: StrictStr = Field(min_length=1, max_length=256)
    prompt: StrictStr | list[StrictStr]
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    n: Count | None = None
    max_tokens: TokenCount | None = None
    echo: Literal[False] | None = None
    logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    firstline: FirstlineOptions | None = None


class ResponsesText(_Wire):
    """`text` of a Responses request: its format is `response_format` with other nesting."""

    format: dict[str, Any] | None = None
    verbosity: StrictStr | None = None


class ResponsesTool(_Wire):
    """A tool of a Responses request (flat)."""

    type: Literal["function"]
    name: ToolName
    description: StrictStr | None = None
    parameters: dict[str, Any] | None = None
    strict: StrictBool | None = None


class ResponsesToolChoice(_Wire):
    """`tool_choice` of a Responses request as an object."""

    type: Literal["function"]
    name: StrictStr


class ResponsesBody(_Wire):
    """`POST /v1/responses`, not stored."""

    model: StrictStr = Field(min_length=1, max_length=256)
    input: StrictStr | list[dict[str, Any]]
    instructions: StrictStr | None = None
    stream: StrictBool | None = None
    max_output_tokens: TokenCount | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = None
    text: ResponsesText | None = None
    tools: list[ResponsesTool] | None = Field(default=None, max_length=MAX_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | ResponsesToolChoice | None = None
    parallel_tool_calls: StrictBool | None = None
    store: Literal[False] | None = None
    firstline: FirstlineOptions | None = None


class EmbeddingBody(_Wire):
    """`POST /v1/embeddings`. `input` is text or texts, or tokens of one text or of several."""

    model: StrictStr = Field(min_length=1, max_length=256)
    input: (
        StrictStr
        | Annotated[list[StrictStr], Field(fail_fast=True)]
        | Annotated[list[StrictInt], Field(fail_fast=True)]
        | Annotated[list[Annotated[list[StrictInt], Field(fail_fast=True)]], Field(fail_fast=True)]
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[StrictInt, Field(ge=1, le=4096)] | None = None
    user: StrictStr | None = None
