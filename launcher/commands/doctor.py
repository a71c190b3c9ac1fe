"""Owns `firstline doctor`: say what is wrong with this machine, and how to mend it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from launcher.diagnosis import Finding, Machine, State, diagnose
from launcher.engine import detect_kind
from launcher.errors import LauncherError
from launcher.layout import layout_from
from launcher.supervisor import http_status

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option(help="The settings file of the gateway.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check this machine. The exit status is 1 when something must be mended."""
    try:
        layout = layout_from(os.environ)
    except LauncherError as error:
        findings = [Finding("variables", State.PROBLEM, str(error), "Correct the variable.")]
    else:
        settings = config or layout.root / "examples" / "firstline.yaml"
        findings = diagnose(Machine(layout, detect_kind(), os.environ, settings, _probe))
    typer.echo(_as_json(findings) if as_json else _as_text(findings))
    if any(finding.state is State.PROBLEM for finding in findings):
        raise typer.Exit(1)


def _probe(port: int, path: str) -> int | None:
    return asyncio.run(http_status(port, path))


def _as_json(findings: Sequence[Finding]) -> str:
    is_healthy = all(finding.state is not State.PROBLEM for finding in findings)
    return json.dumps({"ok": is_healthy, "findings": [asdict(finding) for finding in findings]}, indent=2)


def _as_text(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:8} {finding.name:20} {finding.detail}")
        if finding.mend:
            lines.append(f"{'':29} {finding.mend}")
    return "\n".join(lines)
