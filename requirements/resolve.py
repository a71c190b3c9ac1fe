"""Resolve the lock files anew: `make lock`. A missing uv is taken from the package index."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = [
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-annotate",
    "--only-binary=:all:",
    "--system-certs",
    "--custom-compile-command=make lock",
]
# Each row: the lock, then what it is resolved from. torch-cpu.lock is written by hand:
# no resolver finds that build on the package index.
LOCKS = (
    ("gateway.lock", ["pyproject.toml", "requirements/build.in", "--extra=fit", "--extra=examples"]),
    (
        "dev.lock",
        [
            *("pyproject.toml", "requirements/build.in", "--extra=fit", "--extra=examples"),
            *("--extra=outlines", "--extra=data", "--group=dev", "--constraints=requirements/gateway.lock"),
        ],
    ),
    ("engine-cpu.lock", ["requirements/engine-cpu.in", "--excludes=requirements/engine-cpu.excludes"]),
    ("engine-cuda.lock", ["requirements/engine-cuda.in"]),
    ("model.lock", ["requirements/model.in", "--no-deps"]),
    # A client that is tested: it wants other versions than ours, so it has an environment of its own.
    ("instructor.lock", ["requirements/instructor.in"]),
)


def find_uv(folder: Path) -> str:
    """Give the uv on the path, or one installed into `folder`."""
    found = shutil.which("uv")
    if found:
        return found
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603
    subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", "uv"], check=True)  # noqa: S603
    return str(folder / "bin" / "uv")


def main() -> None:
    """Write every lock; versions that still fit stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        uv = find_uv(Path(folder))
        for name, sources in LOCKS:
            output = f"--output-file=requirements/{name}"
            command = [uv, "pip", "compile", *OPTIONS, *sources, output]
            subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603


if __name__ == "__main__":
    main()
