"""Owns `firstline up`: check the machine, start the engine and the gateway, stop both."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from launcher import checks, engine, environments, linux, model
from launcher.errors import LauncherError
from launcher.greeting import greeting
from launcher.layout import Layout, layout_from
from launcher.listening import listening_from
from launcher.supervisor import ChildPlan, Supervisor, http_status

app = typer.Typer(add_completion=False)

_HTTP_OK = 200
_RUN_DISK_BYTES = checks.GIB // 4
# Variables that only the launcher reads; the gateway refuses names that it does not know.
_LAUNCHER_VARIABLES = {"FIRSTLINE_ENGINE_ARGS", "FIRSTLINE_WHEELS"}


@app.command()
def up(
    config: Annotated[Path | None, typer.Option(help="The settings file of the gateway.")] = None,
) -> None:
    """Run the embedded engine and the gateway until Ctrl-C."""
    try:
        layout = layout_from(os.environ)
        settings = config or layout.root / "examples" / "firstline.yaml"
        check_before_start(layout, settings)
        asyncio.run(_run(layout, settings.absolute()))
    except LauncherError as error:
        typer.echo(f"firstline: {error}", err=True)
        raise typer.Exit(1) from error


def check_before_start(layout: Layout, settings: Path) -> None:
    """Refuse to start what cannot work, with a sentence that says how to mend it."""
    if not settings.is_file():
        raise LauncherError(f"The settings file {settings} does not exist; name another with --config FILE.")
    for spec in environments.specs(layout, engine.detect_kind()):
        problem = environments.problem(layout, spec)
        if problem is not None:
            raise LauncherError(f"{problem} Run `make setup`.")
    if not model.is_ready(layout):
        raise LauncherError(f"The model in {layout.model} is missing or incomplete. Run `make setup`.")
    checks.require_disk(layout.home, _RUN_DISK_BYTES, "running")
    checks.require_port(layout.port, "FIRSTLINE_PORT")
    checks.require_port(layout.engine_port, "FIRSTLINE_ENGINE_PORT")


def plans(
    layout: Layout, settings: Path, kind: engine.EngineKind, environ: Mapping[str, str]
) -> tuple[ChildPlan, ChildPlan]:
    """How the engine and the gateway are started."""
    kept = {name: value for name, value in environ.items() if name not in _LAUNCHER_VARIABLES}
    engine_plan = ChildPlan(
        name="engine",
        command=engine.engine_command(layout, kind, environ),
        environment=engine.engine_environment(layout, environ),
        grace_seconds=10.0,
        log=layout.logs / "engine.log",
    )
    gateway_plan = ChildPlan(
        name="gateway",
        command=[sys.executable, "-m", "gateway", "--config", str(settings)],
        environment=kept
        | {
            "FIRSTLINE_HOME": str(layout.home),
            "FIRSTLINE_PORT": str(layout.port),
            "FIRSTLINE_ENGINE_PORT": str(layout.engine_port),
        },
        grace_seconds=35.0,
    )
    return engine_plan, gateway_plan


async def _run(layout: Layout, settings: Path) -> None:
    linux.adopt_orphans()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    kind = engine.detect_kind()
    engine_plan, gateway_plan = plans(layout, settings, kind, os.environ)
    listening = listening_from(settings, os.environ)

    async def is_ready() -> bool:
        return await http_status(layout.port, "/readyz", host=listening.host) == _HTTP_OK

    say(f"Starting the engine ({kind}); its log is {engine_plan.log}")
    supervisor = Supervisor(
        engine_plan,
        gateway_plan,
        is_ready=is_ready,
        on_ready=lambda: typer.echo(greeting(listening, layout.port)),
        say=say,
    )
    await supervisor.run(stop)
    say("Stopped.")


def say(sentence: str) -> None:
    """Tell the person at the terminal, beside the gateway's own log."""
    typer.echo(f"firstline: {sentence}", err=True)
