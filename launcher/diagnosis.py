"""Owns the findings of `firstline doctor`: one small check for each thing that can be wrong."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from launcher import checks, environments, model
from launcher.engine import EngineKind
from launcher.layout import Layout

_RUN_MEMORY_BYTES = 4 * checks.GIB
_RUN_DISK_BYTES = checks.GIB
TOP_LEVEL_VARIABLES = frozenset(
    {
        "FIRSTLINE_ADMIN_KEY",
        "FIRSTLINE_API_KEY",
        "FIRSTLINE_ENGINE_ARGS",
        "FIRSTLINE_ENGINE_PORT",
        "FIRSTLINE_HOME",
        "FIRSTLINE_PORT",
        "FIRSTLINE_TEST_ENGINE_URL",
        "FIRSTLINE_WHEELS",
    }
)

# Gives the HTTP status of a GET on a loopback port, or none when nobody answers.
Probe = Callable[[int, str], int | None]


class State(StrEnum):
    """How a check ended; a note needs no mending."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` says what to do about a problem."""

    name: str
    state: State
    detail: str
    mend: str = ""


@dataclass(frozen=True)
class Machine:
    """What the checks look at."""

    layout: Layout
    kind: EngineKind
    environ: Mapping[str, str]
    settings: Path
    probe: Probe


def diagnose(machine: Machine) -> list[Finding]:
    """Every check, in the order in which a person would mend them."""
    findings = [check(machine) for check in (_python, _system, _variables, _disk, _memory, _accelerator)]
    findings += _environments(machine)
    findings += [check(machine) for check in (_model, _settings, _engine, _gateway)]
    return findings


def _python(_machine: Machine) -> Finding:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", State.OK, version)
    return Finding("python", State.PROBLEM, version, "Use Python 3.11, 3.12 or 3.13.")


def _system(_machine: Machine) -> Finding:
    name = f"{platform.system()} {platform.machine()}"
    if platform.system() == "Linux" and platform.machine() in {"x86_64", "aarch64"}:
        return Finding("system", State.OK, name)
    mend = "The embedded engine needs Linux; elsewhere use `firstline serve` with engines on other machines."
    return Finding("system", State.PROBLEM, name, mend)


def _variables(machine: Machine) -> Finding:
    ours = sorted(name for name in machine.environ if name.startswith("FIRSTLINE_"))
    # A section's key has two underscores (FIRSTLINE_LIMITS__...); the gateway checks those.
    unknown = [name for name in ours if name not in TOP_LEVEL_VARIABLES and "__" not in name]
    if unknown:
        mend = f"Unset them, or correct the names; known are {', '.join(sorted(TOP_LEVEL_VARIABLES))}."
        return Finding("variables", State.PROBLEM, f"unknown: {', '.join(unknown)}", mend)
    return Finding("variables", State.OK, ", ".join(ours) or "none set")


def _disk(machine: Machine) -> Finding:
    free = checks.free_bytes(machine.layout.home)
    detail = f"{free / checks.GIB:.1f} GiB free for {machine.layout.home}"
    if free >= _RUN_DISK_BYTES:
        return Finding("disk", State.OK, detail)
    return Finding("disk", State.PROBLEM, detail, "Make room, or set FIRSTLINE_HOME to another disk.")


def _memory(machine: Machine) -> Finding:
    available = checks.available_memory_bytes()
    detail = f"{available / checks.GIB:.1f} GiB available"
    if available >= _RUN_MEMORY_BYTES:
        return Finding("memory", State.OK, detail)
    if machine.probe(machine.layout.engine_port, "/health") is not None:
        return Finding("memory", State.NOTE, f"{detail}, with the engine running")
    return Finding(
        "memory", State.PROBLEM, detail, "The engine and the gateway need 4 GiB; end other programs."
    )


def _accelerator(machine: Machine) -> Finding:
    match machine.kind:
        case EngineKind.CUDA:
            return Finding("accelerator", State.OK, "an NVIDIA GPU; the engine uses it")
        case EngineKind.CPU:
            return Finding(
                "accelerator", State.NOTE, "no NVIDIA GPU (nvidia-smi lists none); the engine uses the CPU"
            )


def _environments(machine: Machine) -> list[Finding]:
    findings = []
    for spec in environments.specs(machine.layout, machine.kind):
        name = f"{spec.name} environment"
        problem = environments.problem(machine.layout, spec)
        if problem is None:
            findings.append(Finding(name, State.OK, f"{spec.folder} matches its lock files"))
        else:
            findings.append(Finding(name, State.PROBLEM, problem, "Run `make setup`."))
    return findings


def _model(machine: Machine) -> Finding:
    if model.is_ready(machine.layout):
        return Finding("model", State.OK, str(machine.layout.model))
    return Finding(
        "model", State.PROBLEM, f"{machine.layout.model} is missing or incomplete", "Run `make setup`."
    )


def _settings(machine: Machine) -> Finding:
    if machine.settings.is_file():
        return Finding("settings", State.OK, f"{machine.settings}; `firstline check` reads it in full")
    return Finding(
        "settings", State.PROBLEM, f"{machine.settings} does not exist", "Name one with --config FILE."
    )


def _engine(machine: Machine) -> Finding:
    return _server(machine, "engine", machine.layout.engine_port, "FIRSTLINE_ENGINE_PORT", "/health")


def _gateway(machine: Machine) -> Finding:
    return _server(machine, "gateway", machine.layout.port, "FIRSTLINE_PORT", "/readyz")


def _server(machine: Machine, name: str, port: int, variable: str, path: str) -> Finding:
    status = machine.probe(port, path)
    if status == 200:
        return Finding(name, State.OK, f"answers on 127.0.0.1:{port}")
    if status is not None:
        mend = f"Is that another program? Then set {variable}. If not, see {machine.layout.logs}."
        return Finding(name, State.PROBLEM, f"127.0.0.1:{port}{path} answers with status {status}", mend)
    if checks.is_port_free(port):
        return Finding(name, State.NOTE, f"not running; port {port} is free. `make run` starts it")
    mend = f"Stop that program, or choose another port: {variable}=NUMBER."
    return Finding(name, State.PROBLEM, f"port {port} is taken by a program that does not answer", mend)
