"""Owns calls of pip: visible progress, a full log, and a clear sentence when it fails."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher.errors import LauncherError
from launcher.progress import Say

_LARGE_MEGABYTES = 25.0
_PROGRESS_STEP = 20
_PIN = re.compile(r"^[A-Za-z0-9._-]+==", re.MULTILINE)
_SIZE = re.compile(r"Downloading (\S+) \(([\d.]+) MB\)")

_MISSING = "No matching distribution found"
# What pip prints, and what it means to the person who reads it; what comes first counts. pip ends with
# "No matching distribution found" too when it could not reach the index.
_REASONS = (
    ("No space left on device", "The disk is full. Make room and run it again."),
    (
        "THESE PACKAGES DO NOT MATCH THE HASHES",
        "A package differs from the one in the lock file; it was not installed.",
    ),
    (
        "NewConnectionError",
        "The package index cannot be reached. Check the network and pip's settings (`pip config list`).",
    ),
    ("Temporary failure in name resolution", "The package index cannot be reached. Check the network."),
    ("Read timed out", "The package index did not answer in time. Run it again; what was fetched is kept."),
    (_MISSING, "A package is missing from the package index (pip says which)."),
)


class PackageMissingError(LauncherError):
    """The index answers and does not have a package, or not this version of it."""


class Pip:
    """pip of one environment. `lock` is a descriptor that each call inherits (see `file_lock`)."""

    def __init__(
        self, venv: Path, environ: Mapping[str, str], name: str, *, log: Path, say: Say, lock: int
    ) -> None:
        self._venv = venv
        self._log = log
        self._environ = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._name = name
        self._say = say
        self._lock = lock
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

    def install_lock(self, lock: Path, fallback_index: str | None, *, is_compiled: bool) -> None:
        """Install exactly what the lock names; ask `fallback_index` when the configured index lacks it."""
        command = self._command("install", "--no-deps", "--only-binary=:all:", "-r", str(lock))
        if not is_compiled:
            command.append("--no-compile")
        purpose = f"installing {lock.name}"
        total = len(_PIN.findall(lock.read_text(encoding="utf-8")))
        self._say(f"{self._name}: {purpose}, up to {total} packages")
        if fallback_index is None:
            self.run(command, purpose, total)
            return
        try:
            self.run(command, purpose, total)
        except PackageMissingError:
            self._say(f"{self._name}: not on the configured index; asking {fallback_index}")
            self.run([*command, "--index-url", fallback_index], purpose, total)

    def install_project(self, root: Path) -> None:
        """Install the checkout itself, editable, with the build tool that the lock brought."""
        command = self._command("install", "--no-deps", "--no-build-isolation", "--editable", str(root))
        self.run(command, "installing the project")

    def download(self, lock: Path, folder: Path) -> None:
        """Fetch the wheels that the lock names."""
        command = self._command(
            "download", "--no-deps", "--only-binary=:all:", "-r", str(lock), "-d", str(folder)
        )
        self.run(command, f"fetching {lock.name}")

    def run(self, command: Sequence[str], purpose: str, total: int = 0) -> None:
        """Run a command to its end, its output in the log.

        Raises:
            PackageMissingError: the index does not have what the command asks for.
            LauncherError: it failed in another way; the sentence gives the reason.
        """
        lines: list[str] = []
        seen = 0
        with (
            self._log.open("a", encoding="utf-8") as log,
            subprocess.Popen(  # noqa: S603 - the command is built here
                list(command),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                env=self._environ | {"PYTHONUNBUFFERED": "1"},
                pass_fds=[self._lock],
            ) as process,
        ):
            for line in process.stdout or ():
                log.write(line)
                lines = [*lines[-200:], line]
                seen += line.startswith(("Collecting ", "Processing "))
                self._report(line, seen, total)
        if process.returncode != 0:
            mark, reason = _reason(lines)
            kind = PackageMissingError if mark == _MISSING else LauncherError
            raise kind(f"{purpose} failed. {reason} The whole output is in {self._log}")

    def _command(self, verb: str, *arguments: str) -> list[str]:
        command = [str(self._venv / "bin" / "python"), "-m", "pip", verb, "--disable-pip-version-check"]
        command += ["--no-input", "--progress-bar=off"]
        wheels = self._environ.get("FIRSTLINE_WHEELS")
        if wheels:
            command += ["--find-links", str(Path(wheels).expanduser().absolute())]
        return command + list(arguments)

    def _report(self, line: str, seen: int, total: int) -> None:
        size = _SIZE.search(line)
        if size is not None and float(size[2]) >= _LARGE_MEGABYTES:
            self._say(f"{self._name}: downloading {size[1].partition('-')[0]} ({float(size[2]):.0f} MB)")
        elif line.startswith(("Collecting ", "Processing ")) and seen % _PROGRESS_STEP == 0:
            self._say(f"{self._name}: {seen} of {max(seen, total)} packages found")
        elif line.startswith("Installing collected packages"):
            self._say(f"{self._name}: unpacking {line.count(',') + 1} packages")


def _reason(lines: Sequence[str]) -> tuple[str | None, str]:
    """The mark that was found, and the sentence for it."""
    text = "".join(lines)
    for mark, sentence in _REASONS:
        if mark in text:
            return mark, f"{sentence} {_last_error(lines)}"
    return None, _last_error(lines)


def _last_error(lines: Sequence[str]) -> str:
    errors = [line.strip() for line in lines if "ERROR" in line or "rror:" in line]
    candidates = errors or [line.strip() for line in lines if line.strip()]
    return f"It said: {candidates[-1]}" if candidates else "It said nothing."
