"""Run as a process: stores one adapter again and again, killed or out of disk one step later each time.

Prints one line of JSON: for every step how the attempt ended, and what the store held after it.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts.canonical import JsonForm
from gateway.adapters import AdapterStore
from gateway.adapters._package import PackageFacts
from gateway.adapters.inspect import Inspection
from gateway.errors import InternalError
from tests.support.peft_folder import write_peft_folder

_STEPS = ("open", "os.mkdir", "os.rename", "os.chmod", "os.remove", "os.rmdir")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_BYTES = (0, 1, 100, 300, 1000, 2000, 4000, 8000, 16_000)
_REFUSED = 3


def main(folder: Path, how: str) -> None:
    """`how` is kill, full (no new file or folder) or short (no file longer than so many bytes)."""
    source = write_peft_folder(folder / "adapter")
    (source / "README.md").write_text("# Reads invoices", encoding="utf-8")
    put(AdapterStore(folder / "first"), source)  # imports what it needs, once
    limits = _BYTES if how == "short" else itertools.count(1)
    found: list[dict[str, Any]] = []
    for limit in limits:
        root = folder / f"store-{limit}"
        ended = in_child(lambda root=root, limit=limit: attempt(root, source, how, limit))  # type: ignore[misc]
        found.append({"ended": ended, **held(root, source)})
        if ended == 0:
            break
    print(json.dumps(found))


def in_child(work: Callable[[], None]) -> int:
    """Its exit status; below zero the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except InternalError:
            os._exit(_REFUSED)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def attempt(root: Path, source: Path, how: str, limit: int) -> None:
    if how == "short":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    else:
        interrupt_at(root, how, limit)
    put(AdapterStore(root), source)


def interrupt_at(root: Path, how: str, limit: int) -> None:
    steps = itertools.count(1)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _STEPS or not str(arguments[0]).startswith(str(root)):
            return
        if event == "open" and not int(arguments[2] or 0) & _WRITES:
            return
        if next(steps) < limit:
            return
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if event in ("open", "os.mkdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sys.addaudithook(hook)


def put(store: AdapterStore, source: Path) -> str:
    with store.staging() as staged:
        store.stage(source, staged)
        facts, found = PackageFacts(JsonForm.COMPACT), Inspection(4, ("v_proj",))
        return store.commit(staged, found, facts, task="invoice", base_model="m")[0].name


def held(root: Path, source: Path) -> dict[str, Any]:
    """What a fresh process finds, and whether the same registration then succeeds."""
    store = AdapterStore(root)
    before = [manifest.name for manifest in store.all()]
    left = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    name = put(store, source)
    whole = store.get(name)
    if whole is not None:
        store.verify_all(whole)
    return {"versions": before, "left": left, "again": whole is not None}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
