"""The only place that turns a failure into a response."""

from __future__ import annotations

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from gateway.errors import GatewayError, InternalError, InvalidRequestError, OutputInvalidError
from gateway.parsing.decode import first_fault

JSON = "application/json"


def error_object(error: GatewayError) -> dict[str, object]:
    """The OpenAI error object."""
    body: dict[str, object] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if error.details:
        body["errors"] = list(error.details)
    if isinstance(error, OutputInvalidError) and error.failure:
        body["failure"] = error.failure
    return {"error": body}


def error_headers(error: GatewayError) -> dict[str, str]:
    """Tell clients, which retry 429 and 5xx by themselves, whether that can help."""
    headers = {"x-should-retry": "true" if error.retryable else "false"}
    if error.retryable and error.retry_after_seconds is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after_seconds)))
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return headers


def error_response(error: GatewayError) -> Response:
    """A whole response; the request id is added by the middleware."""
    return Response(
        orjson.dumps(error_object(error)),
        status_code=error.status,
        headers=error_headers(error),
        media_type=JSON,
    )


def internal_error() -> GatewayError:
    """What a client sees of a defect."""
    return InternalError("The gateway failed to serve this request; the request id names it in the log")


class _HttpError(GatewayError):
    """A refusal of the HTTP layer: no such path, no such method."""

    type = "invalid_request_error"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status  # type: ignore[misc]  # the HTTP layer chooses it
        self.code = {404: "not_found", 405: "method_not_allowed"}.get(status, "invalid_request")  # type: ignore[misc]  # goes with it


def install_error_handlers(app: FastAPI) -> None:
    """Render every failure of a FastAPI route as an OpenAI error object."""

    async def gateway_error(_: Request, error: Exception) -> Response:
        return error_response(error if isinstance(error, GatewayError) else internal_error())

    async def validation_error(_: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            return error_response(first_fault(error.errors()))
        return error_response(InvalidRequestError("The request is not valid"))

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        response = error_response(
            _HttpError(status, f"{request.method} {request.url.path}: no such route here")
        )
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(GatewayError, gateway_error)
    # Without it the framework answers a defect in its own words; it raises the error again for the log.
    app.add_exception_handler(Exception, gateway_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)
