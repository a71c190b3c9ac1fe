"""The tasks that are served now, kept in step with a folder of YAML files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import structlog
from watchfiles import awatch

from contracts.task import Task
from gateway.tasks._python_types import PythonTypes
from gateway.tasks._reading import TaskFileError, TaskRules, parse_task, read_bytes

_log = structlog.get_logger(__name__)

MAX_FILES = 1000
_SUFFIXES = frozenset({".yaml", ".yml"})
_RESCAN_MILLISECONDS = 5000
_GONE_GRACE_SECONDS = 0.3
"""An editor that renames over a file leaves a moment without it."""
_RETRY_SECONDS = 2.0

Fingerprint = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of one file: the task that serves (None if it never loaded), and what is wrong now.

    `types` is the state of the Python types' files, where the task's file speaks of one.
    """

    fingerprint: Fingerprint
    task: Task | None
    problem: str | None = None
    types: int | None = None


@dataclass(frozen=True, slots=True)
class _Snapshot:
    entries: Mapping[str, _Entry] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    folder_problem: str | None = None


class TaskCatalog:
    """Serves tasks by name; bounded to `MAX_FILES` files of 1 MiB.

    A reload swaps the whole snapshot. A file that breaks keeps its last good task serving, and a file
    that is deleted takes its task with it. A change of a Python type's module counts as one of the file.
    """

    def __init__(
        self,
        folder: Path,
        *,
        base_models: Collection[str],
        collections: Collection[str] = (),
        check_task: Callable[[Task], None],
        python_types: PythonTypes | None = None,
    ) -> None:
        self._folder = folder
        self._types = python_types or PythonTypes()
        self._rules = TaskRules(frozenset(base_models), frozenset(collections), check_task, self._types)
        self._snapshot = _Snapshot()

    def load(self) -> None:
        """Read the folder for the start; blocks.

        Raises:
            TaskFileError: the folder cannot be read, or any file of it cannot be used.
        """
        snapshot = self._scan(_Snapshot())
        if snapshot.folder_problem is not None:
            raise TaskFileError(self._folder.name, snapshot.folder_problem)
        for file, entry in snapshot.entries.items():
            if entry.problem is not None:
                raise TaskFileError(file, entry.problem)
        self._snapshot = snapshot

    def get(self, name: str) -> Task | None:
        """The task that serves under this name now."""
        return self._snapshot.tasks.get(name)

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._snapshot.tasks))

    def all(self) -> tuple[Task, ...]:
        """All tasks, by name."""
        return tuple(self._snapshot.tasks[name] for name in self.names())

    def problems(self) -> Mapping[str, str]:
        """What is wrong with which file; its last good task, if there was one, still serves."""
        found = {file: entry.problem for file, entry in self._snapshot.entries.items() if entry.problem}
        if self._snapshot.folder_problem is not None:
            found[self._folder.name] = self._snapshot.folder_problem
        return MappingProxyType(found)

    async def watch(self) -> None:
        """Reload whenever the folder changes, until cancelled; also every few seconds.

        Some network file systems report no changes, hence the second.
        """
        while True:
            try:
                async for _ in awatch(
                    self._folder,
                    watch_filter=None,
                    recursive=False,
                    debounce=300,
                    rust_timeout=_RESCAN_MILLISECONDS,
                    yield_on_timeout=True,
                ):
                    await self.reload()
            except Exception as error:  # noqa: BLE001 - supervised: the watch outlives any one failure
                _log.error("task_watch_failed", folder=self._folder.name, error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
            await self.reload()

    async def reload(self) -> None:
        """Read what has changed and swap it in; never raises for the content of a file."""
        fresh = await asyncio.to_thread(self._scan, self._snapshot)
        if self._snapshot.entries.keys() - fresh.entries.keys():
            await asyncio.sleep(_GONE_GRACE_SECONDS)
            fresh = await asyncio.to_thread(self._scan, self._snapshot)
        before, self._snapshot = self._snapshot, fresh
        _report(before, fresh)

    def _scan(self, before: _Snapshot) -> _Snapshot:
        try:
            paths = sorted(
                path
                for path in self._folder.iterdir()
                if path.suffix in _SUFFIXES and not path.name.startswith(".")
            )
        except OSError as error:
            return _Snapshot(before.entries, before.tasks, f"cannot be read: {error.strerror}")
        if len(paths) > MAX_FILES:
            problem = f"holds {len(paths)} task files; at most {MAX_FILES} are read"
            return _Snapshot(before.entries, before.tasks, problem)
        entries: dict[str, _Entry] = {}
        types = self._types.refresh()
        for path in paths:
            entry = self._read(path, before.entries.get(path.name), types)
            if entry is not None:
                entries[path.name] = entry
        return _without_duplicates(entries, before)

    def _read(self, path: Path, old: _Entry | None, types: int) -> _Entry | None:
        """Read one file if it has changed, or its Python type; None where it is gone."""
        kept = old.task if old is not None else None
        is_typed = False
        try:
            status = path.stat()
            fingerprint = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            if old is not None and old.fingerprint == fingerprint and _is_current(old, types):
                return old
            content = read_bytes(path)
            is_typed = b"python_type" in content
            task = parse_task(path.name, content, self._rules)
            return _Entry(fingerprint, task, types=self._types.refresh() if is_typed else None)
        except FileNotFoundError:
            return None
        except TaskFileError as error:
            return _Entry(fingerprint, kept, error.message, self._types.refresh() if is_typed else None)
        except OSError as error:
            return _Entry((0, 0, 0, 0), kept, f"cannot be read: {error.strerror}")


_DUPLICATE = "name: "


def _is_current(entry: _Entry, types: int) -> bool:
    """A name that was taken may have become free, so such a file is read again each time."""
    is_duplicate = entry.problem is not None and entry.problem.startswith(_DUPLICATE)
    return not is_duplicate and entry.types in (None, types)


def _without_duplicates(entries: Mapping[str, _Entry], before: _Snapshot) -> _Snapshot:
    """Give each name to one file: to the one that has it already, else to the first by file name."""
    owners = {entry.task.name: file for file, entry in before.entries.items() if entry.task is not None}
    # Files that own their name come first; the sort is stable, so file names decide among the others.
    order = sorted(entries, key=lambda file: _owner_of(entries[file], owners) != file)
    tasks: dict[str, Task] = {}
    holders: dict[str, str] = {}
    settled: dict[str, _Entry] = {}
    for file in order:
        entry = entries[file]
        name = entry.task.name if entry.task is not None else None
        if name is not None and name in holders:
            old = before.entries.get(file)
            kept = old.task if old is not None and old.task is not None else None
            free = kept if kept is not None and kept.name not in tasks else None
            problem = f"{_DUPLICATE}{name!r} is already the task of {holders[name]}; choose another name"
            entry = replace(entry, task=free, problem=problem)
        if entry.task is not None:
            tasks[entry.task.name] = entry.task
            holders[entry.task.name] = file
        settled[file] = entry
    return _Snapshot(dict(sorted(settled.items())), tasks)


def _owner_of(entry: _Entry, owners: Mapping[str, str]) -> str | None:
    return owners.get(entry.task.name) if entry.task is not None else None


def _report(before: _Snapshot, after: _Snapshot) -> None:
    if after.folder_problem is not None and after.folder_problem != before.folder_problem:
        _log.error("task_folder_unreadable", error=after.folder_problem)
    for file, entry in after.entries.items():
        old = before.entries.get(file)
        if entry.problem is not None and (old is None or old.problem != entry.problem):
            serving = entry.task.version if entry.task is not None else None
            _log.error("task_file_broken", file=file, error=entry.problem, still_serving=serving)
    for name, task in after.tasks.items():
        known = before.tasks.get(name)
        if known is None or known.version != task.version:
            _log.info("task_loaded", task=name, version=task.version, replaces=known and known.version)
    for name in before.tasks.keys() - after.tasks.keys():
        _log.warning("task_removed", task=name)
