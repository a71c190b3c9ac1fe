"""Owns the way into set-up, `python3 -m launcher.setup [--dev] [--run]`, with nothing installed yet."""

from __future__ import annotations

import os
import shutil
import sys

_OLDEST = (3, 11)
_NEWEST = (3, 13)


def _other_python() -> str | None:
    """A suitable Python on the path, when this one is not."""
    for minor in (12, 11, 13):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    return None


def main() -> int:
    """Check this Python before anything that needs a newer one is imported."""
    if not _OLDEST <= sys.version_info[:2] <= _NEWEST:
        other = _other_python()
        if other is not None:
            os.execv(other, [other, "-m", "launcher.setup", *sys.argv[1:]])  # noqa: S606
        this = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.stderr.write(
            f"firstline: Firstline needs Python 3.11, 3.12 or 3.13, and this is {this}. Install one and name "
            "it: make run PYTHON=/path/to/python3.12\n"
        )
        return 1
    from launcher.preparation import prepare_all  # noqa: PLC0415 - needs the Python that was just checked

    return prepare_all(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
