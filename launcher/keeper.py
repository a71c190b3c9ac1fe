"""Owns one supervised child: its output, its signals and the end of everything it started.

`python -m launcher.keeper [--log FILE] [--grace SECONDS] -- COMMAND...`

The keeper's standard input is a pipe that only the supervisor holds. When it closes, by whatever death of
the supervisor, the keeper stops the child and all that the child started. The other way round, the child
gets SIGTERM from the kernel when the keeper dies.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from launcher import linux

_READ_BYTES = 65536
_LEFTOVER_GRACE_SECONDS = 3.0
_KILL_PATIENCE_SECONDS = 10.0
_TICK_SECONDS = 0.1


class RotatingLog:
    """A log of at most twice `limit_bytes`: the file and the one before it (`.1`)."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._limit_bytes = limit_bytes
        self._file: BinaryIO = path.open("ab")

    def write(self, data: bytes) -> None:
        """Append; a full disk loses log lines and never the child."""
        try:
            for start in range(0, len(data), self._limit_bytes):
                self._append(data[start : start + self._limit_bytes])
        except OSError:
            return

    def _append(self, data: bytes) -> None:
        if self._file.tell() + len(data) > self._limit_bytes:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._path.open("ab")
        self._file.write(data)
        self._file.flush()


@dataclass
class _Wishes:
    """What signals have asked for."""

    stop: bool = False


class Keeper:
    """Runs one command until it ends or the lifeline closes, and leaves no process behind."""

    def __init__(self, command: list[str], log: RotatingLog | None, grace_seconds: float) -> None:
        self._command = command
        self._log = log
        self._grace_seconds = grace_seconds
        self._wishes = _Wishes()
        self._status: int | None = None
        self._output: int | None = None
        self._wakeup, self._wakeup_write = os.pipe()
        self._child = 0

    def run(self) -> int:
        """Return the child's exit status, 128 + n when signal n ended it."""
        linux.adopt_orphans()
        self._listen()
        self._start()
        deadline: float | None = None
        while self._status is None:
            self._wait_for_news(lifeline=deadline is None)
            self._reap()
            if self._wishes.stop and deadline is None:
                deadline = time.monotonic() + self._grace_seconds
                linux.send([self._child], signal.SIGTERM)
            if deadline is not None and time.monotonic() > deadline:
                break
        self._end_leftovers(patience=0.0 if self._status is None else _LEFTOVER_GRACE_SECONDS)
        return 128 + signal.SIGKILL if self._status is None else self._status

    def _listen(self) -> None:
        os.set_blocking(self._wakeup_write, False)
        os.set_blocking(self._wakeup, False)
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._wishes.stop = True

    def _start(self) -> None:
        if self._log is None:
            read, write = None, None
        else:
            read, write = os.pipe()
        # The fork happens in a process of one thread, so that code may run before exec.
        self._child = os.fork()
        if self._child == 0:
            self._become_child(write)
        if write is not None:
            os.close(write)
        self._output = read

    def _become_child(self, output: int | None) -> None:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.setpgid(0, 0)
            linux.die_with_parent(signal.SIGTERM)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            if output is not None:
                os.dup2(output, 1)
                os.dup2(output, 2)
            os.execvp(self._command[0], self._command)  # noqa: S606 - running it is our purpose
        except OSError as error:
            os.write(2, f"cannot start {self._command[0]}: {error.strerror}\n".encode())
        finally:
            # Only reached when exec failed: the copy of the keeper must not run on.
            os._exit(127)

    def _wait_for_news(self, *, lifeline: bool) -> None:
        watched = [self._wakeup]
        if lifeline:
            watched.append(0)
        if self._output is not None:
            watched.append(self._output)
        ready, _, _ = select.select(watched, [], [], _TICK_SECONDS if not lifeline else None)
        if self._wakeup in ready:
            os.read(self._wakeup, _READ_BYTES)
        if 0 in ready and os.read(0, _READ_BYTES) == b"":
            self._wishes.stop = True
        if self._output is not None and self._output in ready:
            self._copy_output()

    def _copy_output(self) -> None:
        if self._output is None or self._log is None:
            return
        data = os.read(self._output, _READ_BYTES)
        if data:
            self._log.write(data)
        else:
            os.close(self._output)
            self._output = None

    def _reap(self) -> bool:
        """Collect every child that has ended; false when there are no children any more."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._child:
                code = os.waitstatus_to_exitcode(status)
                self._status = code if code >= 0 else 128 - code

    def _end_leftovers(self, patience: float) -> None:
        """Ask what is left below to end, then make it."""
        started = time.monotonic()
        linux.send(linux.descendants(os.getpid()), signal.SIGTERM)
        while self._reap() and time.monotonic() - started < _KILL_PATIENCE_SECONDS:
            if time.monotonic() - started >= patience:
                linux.send(linux.descendants(os.getpid()), signal.SIGKILL)
            self._wait_for_news(lifeline=False)
        while self._output is not None and select.select([self._output], [], [], 0)[0]:
            self._copy_output()


def main(arguments: list[str] | None = None) -> int:
    """Keep the command after `--`."""
    parser = argparse.ArgumentParser(prog="launcher.keeper")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--log-bytes", type=int, default=10_000_000)
    parser.add_argument("--grace", type=float, default=20.0)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    log = None if options.log is None else RotatingLog(options.log, options.log_bytes)
    return Keeper(options.command, log, options.grace).run()


if __name__ == "__main__":
    sys.exit(main())
