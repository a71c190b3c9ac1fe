"""`firstline serve`: the gateway alone, against engines that run elsewhere."""

from __future__ import annotations

import gc
import ipaddress
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.app import build_app
from gateway.commands.sentences import fail
from gateway.errors import GatewayError
from gateway.settings import Settings
from gateway.settings_load import SettingsError, load_settings
from gateway.telemetry.logs import configure_logs
from router.inference import EncoderError, RouterBundleError

_log = structlog.get_logger(__name__)
GC_THRESHOLDS = (20_000, 50, 100)
"""Objects before a collection, and collections before one of the next older generation."""
app = typer.Typer(add_completion=False, help="Serve the API against the engines that the settings name.")


@app.command()
def serve(
    config: Annotated[Path, typer.Option(help="The settings file.")] = Path("firstline.yaml"),
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in flight are finished first."""
    settings = _settings(config, host, port)
    configure_logs(settings.log)
    _log.info("starting", settings=settings.model_dump(mode="json"))
    try:
        application = build_app(settings)
    except (ValueError, OSError, EncoderError, RouterBundleError) as error:
        fail(f"The gateway cannot start: {error}")
    listener = _listen(settings)
    # What is loaded stays: without this every full collection walks all of it while requests wait.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    # uvicorn raises the signal again once it has drained; a clean stop ends with status 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        is_clean = serve_until_stopped(application, listener, drain_seconds=settings.server.drain_seconds)
    except StartError as error:
        _log.debug("start_failed", exc_info=error.__cause__)
        fail(f"The gateway cannot start: {error}. What it writes lies in {settings.home}.")
    if not is_clean:
        fail("A part of the gateway failed while it served, so it has ended; its log says which.")


class StartError(Exception):
    """The application's lifespan did not start; the cause is what it raised."""

    def __init__(self, fault: Exception) -> None:
        # A task group of the lifespan wraps what is raised inside it.
        while isinstance(fault, ExceptionGroup):
            fault = fault.exceptions[0]
        is_told = isinstance(fault, GatewayError | OSError)
        super().__init__(str(fault) if is_told else f"{type(fault).__name__}: {fault}")


def serve_until_stopped(application: ASGIApp, listener: socket.socket, *, drain_seconds: float) -> bool:
    """Serve until a signal comes; false where the application's lifespan failed, which ends the server too.

    By itself uvicorn goes on serving without the loops and the clients that the lifespan holds.

    Raises:
        StartError: the lifespan failed before it had started.
    """
    watched = _Watched(application)
    config = uvicorn.Config(
        watched,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
    )
    watched.server = server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    except SystemExit:  # how uvicorn says that the lifespan did not start
        if watched.fault is None:
            raise
    if watched.fault is not None and not watched.has_started:
        raise StartError(watched.fault) from watched.fault
    return watched.fault is None


class _Watched:
    """The application, with what becomes of its lifespan; a fault there ends the server."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self.server: uvicorn.Server | None = None
        self.has_started = False
        self.fault: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._application(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            self.has_started = self.has_started or message["type"] == "lifespan.startup.complete"
            if message["type"] == "lifespan.startup.failed":
                # uvicorn would print the traceback that comes with it.
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            await send(message)

        try:
            await self._application(scope, receive, tell)
        except Exception as error:
            self.fault = error
            if self.server is not None:
                self.server.should_exit = True
            raise


def _settings(config: Path, host: str | None, port: int | None) -> Settings:
    try:
        settings = load_settings(config, os.environ)
    except SettingsError as error:
        fail(f"The settings cannot be used: {error}")
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    server = settings.server.model_copy(update=given)
    if settings.auth.keys_file is None and not _is_loopback(server.host):
        fail(
            f"{server.host} can be reached from other machines and no keys are configured: "
            "set auth.keys_file, or listen on 127.0.0.1"
        )
    return settings.model_copy(update={"server": server})


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(settings: Settings) -> socket.socket:
    """Bind here, so that a taken port is a sentence and not a traceback."""
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        fail(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with FIRSTLINE_PORT or --port."
        )
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener
