"""Owns the refusal to go on where a library of the training environment is not installed."""

from __future__ import annotations

import importlib

from training.errors import MissingLibraryError


def require(*libraries: str) -> None:
    """Import each by name.

    Raises:
        MissingLibraryError: naming the first that is absent.
    """
    for library in libraries:
        try:
            importlib.import_module(library)
        except ModuleNotFoundError as error:
            raise MissingLibraryError(library) from error
