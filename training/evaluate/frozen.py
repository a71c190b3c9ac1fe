"""Freezing a specification: the hashes of everything it depends on in one lock file, which may be signed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.canonical import Sha256, content_hash, stable_bytes
from contracts.signature import Signature, SignatureError, sign, verify
from contracts.task import Task, TaskName
from training.config import load_task
from training.data.strict_json import parse_json
from training.errors import SpecificationError
from training.evaluate.asking import Answer
from training.evaluate.gate import Gate
from training.evaluate.golden import GoldenRow, GoldenSet, read_golden
from training.evaluate.metric_names import METRICS_VERSION, RUN_NEEDS
from training.evaluate.metrics import metric_named
from training.evaluate.observe import Observer
from training.evaluate.records import GoldenFile
from training.evaluate.slices import SUITE_PREFIX
from training.evaluate.spec import ALL, Specification, read_specification
from training.evaluate.suites import suite_named

PURPOSE: Final = "evaluation-spec"
LOCK_SUFFIX: Final = ".lock.json"
MAX_LOCK_BYTES: Final = 4 * 1024 * 1024


class FrozenTask(BaseModel):
    """The task as it was when the specification was frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: TaskName
    version: str
    output_hash: str


class Lock(BaseModel):
    """The lock file. `sha256` is the content hash over everything but itself and the signature."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    spec: Specification
    task: FrozenTask
    golden: tuple[GoldenFile, ...]
    metrics_version: int = Field(ge=1)
    sha256: Sha256
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """A specification that has been compared with its lock, with its task and rows read."""

    spec: Specification
    task: Task
    rows: tuple[GoldenRow, ...]
    golden: tuple[GoldenFile, ...]
    sha256: str
    signer: str | None
    where: Path


def lock_path(spec_file: Path) -> Path:
    """The lock file beside a specification file."""
    return spec_file.with_suffix(LOCK_SUFFIX)


def freeze(spec_file: Path, private_key: Path | None = None) -> Path:
    """Write the lock file of a specification beside it, replacing an older one; returns its path.

    Raises:
        SpecificationError: the specification, its task or a metric cannot be evaluated; or the lock cannot
            be written or signed.
        DatasetError: a golden set is wrong.
    """
    spec = read_specification(spec_file)
    task, sets = _read(spec, spec_file.parent)
    _check_rules(spec, task, [row for one in sets for row in one.rows])
    frozen_task = FrozenTask(name=task.name, version=task.version, output_hash=task.output_hash)
    golden = tuple(
        GoldenFile(name=source.file.as_posix(), sha256=one.sha256, rows=len(one.rows), licence=source.licence)
        for source, one in zip(spec.golden, sets, strict=True)
    )
    content: dict[str, Any] = {
        "schema_version": 1,
        "spec": spec.model_dump(mode="json", exclude_none=True),
        "task": frozen_task.model_dump(),
        "golden": [one.model_dump() for one in golden],
        "metrics_version": METRICS_VERSION,
    }
    content["sha256"] = _digest(content)
    signature = _signed(content["sha256"], private_key)
    if signature is not None:
        content["signature"] = signature.model_dump()
    path = lock_path(spec_file)
    _write(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def thaw(path: Path, trusted_keys: Sequence[Path] = ()) -> Frozen:
    """Read a lock file, or that of a specification file, and compare it with what is there now.

    With trusted keys, one of them must have signed it; without, a signature says nothing.

    Raises:
        SpecificationError: there is no lock, anything differs from what was frozen, or the signature does
            not hold.
        DatasetError: a golden set is wrong.
    """
    is_lock = path.name.endswith(LOCK_SUFFIX)
    lock_file = path if is_lock else lock_path(path)
    if not is_lock and not lock_file.exists():
        raise SpecificationError(f"{path}: is not frozen yet: run `firstline eval freeze {path}`")
    lock = _read_lock(lock_file)
    again = f"`firstline eval freeze {_spec_file(lock_file)}` if that is meant"
    signer = _signer(lock, lock_file, trusted_keys)
    if lock.metrics_version != METRICS_VERSION:
        raise SpecificationError(
            f"{lock_file}: was frozen with metrics version {lock.metrics_version}, and this is "
            f"{METRICS_VERSION}: {again}"
        )
    spec_file = path if not is_lock else _spec_file(lock_file)
    if spec_file.exists() and read_specification(spec_file) != lock.spec:
        raise SpecificationError(f"{spec_file}: was changed after freezing: {again}")
    task, sets = _read(lock.spec, lock_file.parent)
    _compare(lock, task, sets, again)
    rows = tuple(row for one in sets for row in one.rows)
    return Frozen(lock.spec, task, rows, lock.golden, lock.sha256, signer, lock_file)


def _read(spec: Specification, folder: Path) -> tuple[Task, list[GoldenSet]]:
    task = load_task(folder / spec.task)
    sets = [read_golden(folder / source.file, task.output) for source in spec.golden]
    seen: set[str] = set()
    for source, one in zip(spec.golden, sets, strict=True):
        repeated = next((row.id for row in one.rows if row.id in seen), None)
        if repeated is not None:
            raise SpecificationError(f"{source.file}: id {repeated!r} stands in another golden set too")
        seen.update(row.id for row in one.rows)
    return task, sets


def _compare(lock: Lock, task: Task, sets: Sequence[GoldenSet], again: str) -> None:
    if (task.name, task.version) != (lock.task.name, lock.task.version):
        raise SpecificationError(
            f"{lock.spec.task}: task {task.name}, version {task.version}, is not the frozen one "
            f"({lock.task.name}, {lock.task.version}): {again}"
        )
    for file, one in zip(lock.golden, sets, strict=True):
        if file.sha256 != one.sha256:
            raise SpecificationError(f"{file.name}: was changed after freezing ({one.sha256[:12]}): {again}")


def _check_rules(spec: Specification, task: Task, rows: Sequence[GoldenRow]) -> None:
    """Refuse a rule that could never pass because too few rows can be measured; suites come with the run."""
    for name in spec.suites.names:
        suite_named(name)
    observer, gate = Observer(spec, task), Gate(spec)
    unanswered = [observer.observe(row, Answer(row.id, None, 0.0)) for row in rows]
    for rule in spec.metrics:
        metric = metric_named(rule.metric)
        if metric.kind.needs & RUN_NEEDS or rule.slice.startswith(SUITE_PREFIX):
            continue
        if rule.metric == "safe" and rule.slice == ALL and spec.suites.names:
            continue
        found, needed = (
            len(gate.selected(metric, rule.slice, unanswered)),
            rule.min_records or spec.min_records,
        )
        if found < needed:
            where = f"slice {rule.slice!r}" if rule.slice else "the golden sets"
            raise SpecificationError(
                f"metrics: {rule.metric} can be measured on {found} rows of {where}, and min_records is "
                f"{needed}: it could never pass"
            )


def _digest(content: Mapping[str, Any]) -> str:
    """Over the file's own content, so that keys with a default that come later change no older hash."""
    return content_hash(
        stable_bytes({name: part for name, part in content.items() if name not in ("sha256", "signature")})
    )


def _signed(digest: str, private_key: Path | None) -> Signature | None:
    if private_key is None:
        return None
    try:
        return sign(PURPOSE, digest, private_key)
    except SignatureError as error:
        raise SpecificationError(str(error)) from error


def _signer(lock: Lock, lock_file: Path, trusted_keys: Sequence[Path]) -> str | None:
    if not trusted_keys:
        return None
    if lock.signature is None:
        raise SpecificationError(f"{lock_file}: is not signed, and a signature is asked for")
    try:
        return verify(PURPOSE, lock.sha256, lock.signature, trusted_keys)
    except SignatureError as error:
        raise SpecificationError(f"{lock_file}: {error}") from error


def _read_lock(path: Path) -> Lock:
    try:
        if path.stat().st_size > MAX_LOCK_BYTES:
            raise SpecificationError(f"{path}: larger than {MAX_LOCK_BYTES} bytes")
        content = parse_json(path.read_text("utf-8"))
        lock = Lock.model_validate(content)
    except OSError as error:
        raise SpecificationError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"])) or "file"
        raise SpecificationError(f"{path}: no lock file: {place}: {wrong['msg']}") from error
    except ValueError as error:
        raise SpecificationError(f"{path}: no valid JSON: {error}") from error
    if _digest(content) != lock.sha256:
        raise SpecificationError(f"{path}: was changed after freezing: its hash does not fit its content")
    return lock


def _spec_file(lock_file: Path) -> Path:
    return lock_file.with_name(lock_file.name.removesuffix(LOCK_SUFFIX) + ".yaml")


def _write(path: Path, text: str) -> None:
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).chmod(0o644)  # a temporary file is its owner's alone, a lock is for everyone
        Path(file.name).replace(path)
    except OSError as error:
        raise SpecificationError(f"{path}: cannot be written: {error}") from error
