"""The worker process: vets contracts and proves answers within limits of its own.

`python -m gateway.intake.worker MEMORY_BYTES CPU_SECONDS` reads frames from standard input and answers each
on standard output. A hostile contract can make it run out of time or memory; then it dies, and nobody else.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from collections import OrderedDict
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from contracts.output import OutputContract
from gateway.intake.frames import Frame, packed, read_frame
from gateway.intake.limits import Limits
from gateway.intake.proof import Verify, verifier_of
from gateway.intake.verdict import Unsupported, Verdict, VerdictKind
from gateway.intake.vet import vet

KEPT = 64
_LOWEST_PRIORITY = 19
_CONTRACT: TypeAdapter[OutputContract] = TypeAdapter(OutputContract)
_kept: OrderedDict[str, Verify] = OrderedDict()


def main(memory_bytes: int, cpu_seconds: float) -> None:
    """Serve frames until the pipe closes, which is how the gateway ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _own_output()
    with contextlib.suppress(OSError):
        os.nice(_LOWEST_PRIORITY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        _limit_cpu(cpu_seconds)
        answers.write(packed(answer(frame)))
        answers.flush()


def _own_output() -> BinaryIO:
    """Keep the pipe for frames alone: libraries that print would break them."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def _limit_cpu(seconds: float) -> None:
    """The kernel kills the process when this job has used its time, whatever holds the interpreter."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def answer(frame: Frame) -> dict[str, Any]:
    """Do one job: `vet` gives a verdict, `prove` the violations, or `unknown` where it needs the contract."""
    header, contract, text = frame
    if header["job"] == "vet":
        return _vetted(_read(contract), Limits(**header["limits"])).to_json()
    verify = _kept.get(header["key"])
    if verify is None:
        if not contract:
            return {"unknown": True}
        verify = _kept[header["key"]] = verifier_of(_read(contract))
        if len(_kept) > KEPT:
            _kept.popitem(last=False)
    found = verify(text.decode("utf-8", "surrogatepass"))
    return {"violations": [[v.pointer, v.message, str(v.kind), v.keyword] for v in found]}


def _vetted(contract: OutputContract, limits: Limits) -> Verdict:
    try:
        return vet(contract, limits)
    except Exception as error:  # noqa: BLE001  # whatever a library does with it, the contract gets an answer
        reason = f"it cannot be read: {type(error).__name__}"
        return Verdict(VerdictKind.REFUSED, "schema_unreadable", (Unsupported("", "", reason),))


def _read(contract: bytes) -> OutputContract:
    return _CONTRACT.validate_python(json.loads(contract))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
