"""Owns where everything lies: the checkout, its environments, the home folder and the ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError

DEFAULT_PORT = 8080
DEFAULT_ENGINE_PORT = 8100
MODEL_NAME = "smollm2-135m"


@dataclass(frozen=True)
class Layout:
    """The places and ports of one checkout; `home` holds all that is made while running."""

    root: Path
    home: Path
    port: int = DEFAULT_PORT
    engine_port: int = DEFAULT_ENGINE_PORT

    @property
    def gateway_venv(self) -> Path:
        """Holds the gateway and the router, without torch."""
        return self.root / ".venv"

    @property
    def engine_venv(self) -> Path:
        """Holds vLLM and torch."""
        return self.root / ".venv-engine"

    @property
    def requirements(self) -> Path:
        """Holds the lock files."""
        return self.root / "requirements"

    @property
    def model(self) -> Path:
        """Holds the embedded model in the Hugging Face format."""
        return self.home / "models" / MODEL_NAME

    @property
    def logs(self) -> Path:
        """Holds the logs of the engine and of set-up."""
        return self.home / "logs"


def checkout_root() -> Path:
    """Where the source lies: the project is installed editable, so this file is inside the checkout."""
    return Path(__file__).resolve().parents[1]


def layout_from(environ: Mapping[str, str], root: Path | None = None) -> Layout:
    """Read the places and ports from `FIRSTLINE_HOME`, `FIRSTLINE_PORT` and `FIRSTLINE_ENGINE_PORT`."""
    root = checkout_root() if root is None else root
    home = Path(environ.get("FIRSTLINE_HOME") or root / ".firstline").expanduser()
    layout = Layout(
        root=root,
        home=home.absolute(),
        port=_port(environ, "FIRSTLINE_PORT", DEFAULT_PORT),
        engine_port=_port(environ, "FIRSTLINE_ENGINE_PORT", DEFAULT_ENGINE_PORT),
    )
    if layout.port == layout.engine_port:
        raise LauncherError(
            f"FIRSTLINE_PORT and FIRSTLINE_ENGINE_PORT are both {layout.port}; give them different values."
        )
    return layout


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise LauncherError(f"{name}={text!r} is not a port; give a number from 1 to 65535.")
    return int(text)
