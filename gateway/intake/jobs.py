"""What a worker process does: it vets contracts and proves answers."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from pydantic import TypeAdapter

from contracts.output import OutputContract
from gateway.intake.frames import Frame
from gateway.intake.limits import Limits
from gateway.intake.proof import Verify, verifier_of
from gateway.intake.verdict import Unsupported, Verdict, VerdictKind
from gateway.intake.vet import vet

KEPT = 64
_CONTRACT: TypeAdapter[OutputContract] = TypeAdapter(OutputContract)
_kept: OrderedDict[str, Verify] = OrderedDict()


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
