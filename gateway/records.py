"""The values that travel from stage to stage of one request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from contracts.canonical import JsonForm, JsonValue
from contracts.outcome import Attempt, Outcome, Usage
from contracts.output import OutputContract
from contracts.route import RouteDecision
from contracts.task import Task

JsonObject = Mapping[str, JsonValue]

PORTABLE_SAMPLING = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stop",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
    }
)
"""Sampling fields of OpenAI's API: every pool takes them; the others are vLLM's."""


class Endpoint(StrEnum):
    """The wire format of a request and its reply."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"


class StreamMode(StrEnum):
    """`passthrough` sends tokens as they come; `verified` sends them once the whole is proven."""

    PASSTHROUGH = "passthrough"
    VERIFIED = "verified"


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete, or takes its reply no more."""


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """A request before anything of it is trusted; the body is read only when asked for.

    `read_body` raises 400, 413 and ClientGoneError.
    """

    request_id: str
    endpoint: Endpoint
    headers: Mapping[str, str]
    read_body: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    tenant: str
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the caller offers; `parameters` is its JSON Schema, `strict` as OpenAI defines it."""

    name: str
    description: str
    parameters: JsonObject
    strict: bool = False


class ToolUse(StrEnum):
    """`tool_choice`: `named` comes with the only tool that is allowed."""

    NONE = "none"
    AUTO = "auto"
    REQUIRED = "required"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class Chat:
    """A parsed request, whatever endpoint it came by.

    `messages` are chat messages as the client wrote them, with string content or text parts; for
    `completions` there are none and `prompt` holds the text. `sampling` are the fields that are
    forwarded under their own names, `ignored` the names of fields that were accepted without effect.
    `text` is what the router reads: the last user turn. `echo` is what a Responses reply repeats.
    `allow_partial_grammar` says whether a grammar may force a part of `output` alone; None: unless strict.
    """

    endpoint: Endpoint
    model: str
    messages: Sequence[JsonObject]
    text: str
    prompt: str | None = None
    stream: bool = False
    include_usage: bool = False
    choices: int = 1
    max_tokens: int | None = None
    output: OutputContract | None = None
    stream_mode: StreamMode | None = None
    tools: tuple[Tool, ...] = ()
    tool_use: ToolUse = ToolUse.AUTO
    parallel_tool_calls: bool = True
    sampling: JsonObject = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    echo: JsonObject = field(default_factory=dict)
    allow_partial_grammar: bool | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: the decision, and the names it resolved to.

    `pool` and `model` name what generates; `adapter` is the version name, None for the bare base
    model. `degraded` says why the request is not served as decided (`no-escalation-pool`).
    `refusal` is set where the task's policy refuses instead.
    """

    decision: RouteDecision
    pool: str
    model: str
    task: Task | None = None
    adapter: str | None = None
    json_form: JsonForm = JsonForm.COMPACT
    degraded: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved piece of a document; offsets count characters of the document."""

    document: str
    title: str
    text: str
    start: int
    end: int
    score: float


class AttemptKind(StrEnum):
    """The rungs of the ladder, and the question to a second model about an answer."""

    FIRST = "first"
    COMPACT_RETRY = "compact_retry"
    REASK = "reask"
    ESCALATION = "escalation"
    VERIFIER = "verifier"


@dataclass(frozen=True, slots=True)
class Job:
    """One generation to be made.

    Either `messages` or `prompt` is what the engine is asked; `output` is the contract that is both
    forced by the grammar and verified after. `tools` are those that may be called here: with
    `tool_use` auto the engine decides (native upstreams only), else the job must end in a call;
    `call` is what a call, as `{"name", "arguments"}`, must match. `is_max_tokens_fixed` says that the
    client set the limit, so no retry may exceed it. `forced` is the part of `output` that a grammar can
    force, where that is not all of it.
    """

    kind: AttemptKind
    route: Route
    messages: Sequence[JsonObject]
    prompt: str | None
    output: OutputContract | None
    call: OutputContract | None
    tools: tuple[Tool, ...]
    tool_use: ToolUse
    sampling: JsonObject
    max_tokens: int | None
    is_max_tokens_fixed: bool
    choices: int
    stream: bool
    deadline: float
    parallel_tool_calls: bool = True
    forced: OutputContract | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call; `arguments` is JSON text that validates against the tool's schema."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Delta:
    """What an engine said next; unproven."""

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    logprobs: JsonValue = None
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """Precedes the first delta; known before the first byte leaves.

    `attempts` gives those made so far, which a reply that fails tells too.
    """

    chat: Chat
    route: Route
    citations: tuple[Passage, ...] = ()
    attempts: Callable[[], tuple[Attempt, ...]] = tuple


@dataclass(frozen=True, slots=True)
class ReplyDelta:
    """A delta that may leave. Only the conform stage builds one."""

    delta: Delta


@dataclass(frozen=True, slots=True)
class ReplySummary:
    """Closes a reply that succeeded, a refusal included."""

    outcome: Outcome


ReplyItem = ReplyHead | ReplyDelta | ReplySummary
