"""Python types that tasks name as their output, each resolved in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from contracts.output import OutputContract
from gateway.settings import TaskSettings

TIMEOUT_SECONDS = 20.0
MAX_KEPT = 1000

_CODE = Path(__file__).resolve().parents[2]
"""Where this package lies: the process must find it, and is given no environment of ours."""
_CONTRACT: TypeAdapter[OutputContract] = TypeAdapter(OutputContract)

Stamp = tuple[int, int] | None
"""When a file was written, and its size; None where there is none."""


class PythonTypeError(ValueError):
    """A type that cannot be an output; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the process says: the contract, or what is wrong, and the files on which it depends."""

    contract: OutputContract | None = None
    problem: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kept:
    """What came of a type, and its files as they were; without a contract it failed."""

    contract: OutputContract | None
    stamps: Mapping[str, Stamp]


class PythonTypes:
    """Resolves types of the packages that `allowed` names, and keeps a contract while its files stay.

    Modules are looked for in `folder` first. At `MAX_KEPT` types the one that came first goes.
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        folder: Path | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._allowed = tuple(allowed)
        self._folder = folder
        self._timeout_seconds = timeout_seconds
        self._kept: dict[str, _Kept] = {}

    @classmethod
    def of_settings(cls, section: TaskSettings | None) -> Self:
        """Those that the settings allow; without the section none."""
        return cls(section.python_types, section.python_path) if section is not None else cls()

    def resolve(self, name: str) -> OutputContract:
        """The contract that `module:Name` stands for; blocks while the process runs.

        Raises:
            PythonTypeError: its package is not allowed, or it cannot be found, imported or converted.
        """
        module = name.partition(":")[0]
        if not any(f"{module}.".startswith(f"{package}.") for package in self._allowed):
            listed = ", ".join(self._allowed) or "none"
            raise PythonTypeError(
                f"{module!r} is of no package that the setting tasks.python_types allows (allowed: {listed})"
            )
        kept = self._kept.get(name)
        if kept is not None and kept.contract is not None and _are_current(kept.stamps):
            return kept.contract
        stamps = _stamps(self._places(module))
        answer = self._ask(name)
        # The module's own stamps are from before it was read: what was written since shows as a change.
        self._keep(name, _Kept(answer.contract, {**_stamps(answer.files), **stamps}))
        if answer.contract is None:
            raise PythonTypeError(answer.problem)
        return answer.contract

    def refresh(self) -> int:
        """Forget every type of which a file has changed; the number is another one when anything has."""
        self._kept = {name: kept for name, kept in self._kept.items() if _are_current(kept.stamps)}
        return hash(tuple((name, *sorted(kept.stamps.items())) for name, kept in self._kept.items()))

    def _keep(self, name: str, kept: _Kept) -> None:
        self._kept[name] = kept
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def _places(self, module: str) -> Iterator[str]:
        """Where the module may lie in the folder, whether it does or not."""
        if self._folder is None:
            return
        place = self._folder
        yield str(place)
        for part in module.split("."):
            place = place / part
            yield from (str(place), str(place / "__init__.py"), f"{place}.py")

    def _ask(self, name: str) -> _Answer:
        command = [sys.executable, "-P", "-m", "gateway.intake.python_types", name]
        if self._folder is not None:
            command.append(str(self._folder))
        try:
            done = subprocess.run(  # noqa: S603 - our own module, under our own interpreter
                command,
                env={"PYTHONPATH": str(_CODE), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout_seconds,
                check=False,
            )
            said = json.loads(done.stdout)
            files = tuple(said["files"])
            if "problem" in said:
                return _Answer(problem=said["problem"], files=files)
            return _Answer(_CONTRACT.validate_python(said["contract"]), files=files)
        except subprocess.TimeoutExpired:
            return _Answer(problem=f"{name!r} took over {self._timeout_seconds:g} s to import and convert")
        except (ValueError, TypeError, KeyError):
            return _Answer(problem=f"{name!r} ended its process with status {done.returncode}")
        except OSError as error:
            return _Answer(problem=f"{name!r}: no process could be started: {error.strerror}")


def _stamps(files: Iterable[str]) -> dict[str, Stamp]:
    return {file: _stamp(file) for file in files}


def _are_current(stamps: Mapping[str, Stamp]) -> bool:
    return all(_stamp(file) == stamp for file, stamp in stamps.items())


def _stamp(file: str) -> Stamp:
    try:
        status = Path(file).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
