"""Every failure that a client can see.

GatewayError
    InvalidRequestError         400 invalid_request
        UnknownFieldError       400 unknown_parameter
        UnsupportedFieldError   400 unsupported_parameter
        ContextLengthError      400 context_length_exceeded
        SchemaUnsupportedError  400 schema_unsupported
        BodyTooLargeError       413 request_too_large
        AdapterRefusedError     400 adapter_refused
    AuthenticationError         401 invalid_api_key
    PermissionDeniedError       403 permission_denied
    ModelNotFoundError          404 model_not_found
        ModelRetiredError       404 model_retired
    ConflictError               409 conflict
        PromotionRefusedError   409 promotion_refused
    RateLimitError              429 rate_limit_exceeded
    OverloadedError             503 overloaded
        EngineUnavailableError  503 engine_unavailable
        AdapterNotReadyError    503 adapter_not_ready
        RemoteStoreError        503 adapter_store_unavailable
    EngineError                 502 engine_error
        OutputInvalidError      502 output_invalid
    EngineTimeoutError          504 engine_timeout
    InternalError               500 internal_error
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar


class GatewayError(Exception):
    """A failure with a fixed place on the wire; subclasses fix the class variables.

    `details` are the single faults, each with a JSON pointer; they go to the client and into no log.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_seconds: float | None = None,
        details: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_seconds = retry_after_seconds
        self.details = details


class InternalError(GatewayError):
    """A defect of ours."""


class InvalidRequestError(GatewayError):
    """The request cannot be served as it stands; `param` names the field at fault."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class UnknownFieldError(InvalidRequestError):
    """A field that neither we nor the engine would act on."""

    code = "unknown_parameter"


class UnsupportedFieldError(InvalidRequestError):
    """A field that is known and refused; the message names what to use in its place."""

    code = "unsupported_parameter"


class ContextLengthError(InvalidRequestError):
    """Prompt and completion together do not fit the model's context."""

    code = "context_length_exceeded"


class SchemaUnsupportedError(InvalidRequestError):
    """A schema, pattern or grammar that cannot be compiled or constrained."""

    code = "schema_unsupported"


class BodyTooLargeError(InvalidRequestError):
    """The body is over `server.max_body_bytes`."""

    status = 413
    code = "request_too_large"


class AdapterRefusedError(InvalidRequestError):
    """An adapter folder that the engines cannot serve, or that is damaged."""

    code = "adapter_refused"


class AuthenticationError(GatewayError):
    """No key, or one that is not known."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class PermissionDeniedError(GatewayError):
    """A known key that may not do this."""

    status = 403
    type = "invalid_request_error"
    code = "permission_denied"


class ModelNotFoundError(GatewayError):
    """No task, adapter version, base model or upstream model has this name."""

    status = 404
    type = "invalid_request_error"
    code = "model_not_found"

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        listed = ", ".join(sorted(known)[:20])
        hint = f" Available: {listed}." if listed else ""
        super().__init__(f"The model {name[:200]!r} does not exist.{hint}", param="model")


class ModelRetiredError(ModelNotFoundError):
    """An adapter version that was taken out of service."""

    code = "model_retired"

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(name)
        task, said = name.partition("@")[0], f" ({reason})" if reason else ""
        self.message = f"The model {name[:200]!r} was retired{said}; ask for {task!r}, its task"
        self.args = (self.message,)


class ConflictError(GatewayError):
    """An administrative act that does not fit the present state."""

    status = 409
    type = "invalid_request_error"
    code = "conflict"


class PromotionRefusedError(ConflictError):
    """An adapter version that the gate does not let into a channel."""

    code = "promotion_refused"


class RateLimitError(GatewayError):
    """A limit that time restores."""

    status = 429
    type = "requests"
    code = "rate_limit_exceeded"
    retryable = True


class OverloadedError(GatewayError):
    """No room now; the client should come back."""

    status = 503
    code = "overloaded"
    retryable = True


class EngineUnavailableError(OverloadedError):
    """No engine of the pool answers its health check."""

    code = "engine_unavailable"


class AdapterNotReadyError(OverloadedError):
    """No engine has proven the adapter version yet."""

    code = "adapter_not_ready"


class RemoteStoreError(OverloadedError):
    """The remote adapter store does not answer; what is on this machine goes on serving."""

    code = "adapter_store_unavailable"


class EngineError(GatewayError):
    """An engine failed and our own retries are spent."""

    status = 502
    code = "engine_error"


class OutputInvalidError(EngineError):
    """Every attempt was made and none gave an answer that keeps the contract.

    The code says at which rung it ended: `output_invalid` after the first attempt, else `RUNG_failed`.
    `failure` is the check that failed: `truncated`, `schema`, `rule`, `grounding` and so on.
    """

    code = "output_invalid"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_seconds: float | None = None,
        details: Sequence[Mapping[str, str]] = (),
        rung: str = "first",
        failure: str = "",
    ) -> None:
        super().__init__(message, param=param, retry_after_seconds=retry_after_seconds, details=details)
        self.failure = failure
        if rung != "first":
            self.code = f"{rung}_failed"  # type: ignore[misc]  # the rung chooses it


class EngineTimeoutError(GatewayError):
    """The request's deadline, or the engine's, has passed."""

    status = 504
    code = "engine_timeout"
