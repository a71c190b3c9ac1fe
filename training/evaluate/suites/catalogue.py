"""Every suite by its name."""

from __future__ import annotations

from training.errors import SpecificationError
from training.evaluate.ports import Suite
from training.evaluate.suites import injection, noise, sections, toxicity, wording

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (*noise.SUITES, sections.SUITE, *wording.SUITES, injection.SUITE, toxicity.SUITE)
}


def suite_named(name: str) -> Suite:
    """The suite of a name.

    Raises:
        SpecificationError: there is none.
    """
    try:
        return SUITES[name]
    except KeyError:
        raise SpecificationError(f"no suite {name!r}; there are {', '.join(sorted(SUITES))}") from None
