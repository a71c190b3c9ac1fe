"""Every suite by its name."""

from __future__ import annotations

from training.errors import SpecificationError
from training.evaluate.ports import Suite
from training.evaluate.suites.injection import SUITE as INJECTION
from training.evaluate.suites.noise import SUITES as NOISE
from training.evaluate.suites.sections import SUITE as SECTIONS
from training.evaluate.suites.toxicity import SUITE as TOXICITY
from training.evaluate.suites.wording import SUITES as WORDING

SUITES: dict[str, Suite] = {suite.name: suite for suite in (*NOISE, SECTIONS, *WORDING, INJECTION, TOXICITY)}


def suite_named(name: str) -> Suite:
    """The suite of a name.

    Raises:
        SpecificationError: there is none.
    """
    try:
        return SUITES[name]
    except KeyError:
        raise SpecificationError(f"no suite {name!r}; there are {', '.join(sorted(SUITES))}") from None
