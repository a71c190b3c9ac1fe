"""Owns the one error of the launcher: a sentence for a person."""

from __future__ import annotations


class LauncherError(Exception):
    """Something a person can mend. The message says what is wrong and how to mend it."""
