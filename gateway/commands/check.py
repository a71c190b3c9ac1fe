"""`firstline check`: everything that a start would check, without starting."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import build_app
from gateway.commands.sentences import console, fail
from gateway.settings_load import SettingsError, load_settings
from router.inference import EncoderError, RouterBundleError

app = typer.Typer(add_completion=False, help="Check the settings and the tasks without starting anything.")


@app.command()
def check(
    config: Annotated[Path, typer.Option(help="The settings file.")] = Path("firstline.yaml"),
) -> None:
    """Print the effective settings, secrets masked, or the sentence that says what is wrong."""
    try:
        settings = load_settings(config, os.environ)
        build_app(settings)
    except SettingsError as error:
        fail(f"The settings cannot be used: {error}")
    except (ValueError, OSError, EncoderError, RouterBundleError) as error:
        fail(f"The gateway could not start: {error}")
    console.print_json(settings.model_dump_json())
    console.print("The settings and the tasks are sound.", style="green")
