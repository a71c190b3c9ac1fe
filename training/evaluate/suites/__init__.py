"""Suites: golden rows perturbed so that the right answer stays the same."""

from training.evaluate.suites.catalogue import SUITES, suite_named

__all__ = ["SUITES", "suite_named"]
