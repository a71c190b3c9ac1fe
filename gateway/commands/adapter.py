"""`firstline adapter`: register adapter versions with a running gateway, and look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from contracts.canonical import JsonForm
from gateway.adapters.store import bound_of
from gateway.commands._admin_client import archived, call, fail, gateway_url, out

app = typer.Typer(help="Register, list and roll back adapter versions.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option("--url", help="The gateway; by default the one on this machine.")]
Config = Annotated[Path | None, typer.Option("--config", help="Settings that say where the gateway listens.")]
_CONFIG_FILE: Final = "adapter_config.json"
_WEIGHTS_FILE: Final = "adapter_model.safetensors"


@app.command()
def register(
    path: Annotated[Path, typer.Argument(help="A PEFT LoRA folder, or TASK@VERSION of a stored version.")],
    task: Annotated[str, typer.Option("--task", help="The task that it answers for.")] = "",
    *,
    json_form: Annotated[
        JsonForm, typer.Option(help="How the JSON of its training targets was laid out.")
    ] = JsonForm.COMPACT,
    url: Url = None,
    config: Config = None,
) -> None:
    """Check an adapter, load it on every engine, prove it, and let the task use it."""
    where = gateway_url(url, config)
    if not path.exists() and "@" in path.name:
        body = json.dumps({"name": path.name}).encode()
        adapter = call(where, "POST", "/admin/v1/adapters", content=body)
    elif not task:
        fail("name the task that the adapter is for: --task NAME (see `firstline task list`).")
    else:
        adapter = _upload(where, path, task, json_form)
    engines = [engine["engine"] for engine in adapter["engines"] if engine["state"] == "ready"]
    out.print(f"[green]{adapter['name']}[/green] is stable, proven on {', '.join(engines)}.")


@app.command("list")
def list_adapters(*, url: Url = None, config: Config = None) -> None:
    """List the versions in the gateway's store, and how they stand on the engines."""
    table = Table("adapter", "stable", "base model", "rank", "size", "engines")
    for adapter in call(gateway_url(url, config), "GET", "/admin/v1/adapters")["adapters"]:
        table.add_row(
            adapter["name"],
            "yes" if adapter["is_stable"] else "",
            adapter["base_model"],
            str(adapter["rank"]),
            f"{adapter['bytes'] / 1e6:.1f} MB",
            "; ".join(_engine_words(engine) for engine in adapter["engines"]) or "not loaded",
        )
    out.print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="TASK@VERSION.")], *, url: Url = None, config: Config = None
) -> None:
    """Show one version as JSON."""
    out.print_json(data=call(gateway_url(url, config), "GET", f"/admin/v1/adapters/{name}"))


@app.command()
def rollback(
    task: Annotated[str, typer.Argument(help="The task.")], *, url: Url = None, config: Config = None
) -> None:
    """Point a task's stable channel back to where it pointed before."""
    change = call(gateway_url(url, config), "POST", f"/admin/v1/adapters/{task}/rollback")
    out.print(f"{change['task']}: stable is [green]{change['stable']}[/green], before {change['previous']}.")


def _engine_words(engine: dict[str, Any]) -> str:
    words = f"{engine['engine']} {engine['state']}"
    return f"{words} ({escape(engine['reason'])})" if engine["reason"] else words


def _upload(where: str, folder: Path, task: str, json_form: JsonForm) -> Any:
    """Send the files that belong to an adapter; the gateway judges them."""
    names = _adapter_files(folder)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with (
        archived(folder, names) as (pieces, size),
        Progress(*columns, console=out, transient=True) as progress,
    ):
        sent = progress.add_task("sending", total=size)

        def counted() -> Iterator[bytes]:
            for piece in pieces:
                yield piece
                progress.update(sent, advance=len(piece))
            progress.update(sent, description="loading and proving on every engine")

        return call(
            where,
            "POST",
            "/admin/v1/adapters",
            params={"task": task, "json_form": json_form.value},
            content=counted(),
            content_type="application/x-tar",
        )


def _adapter_files(folder: Path) -> list[str]:
    if not folder.is_dir():
        fail(
            f"{folder} is not a folder; expected a PEFT LoRA folder with {_CONFIG_FILE} and {_WEIGHTS_FILE}."
        )
    names = sorted(path.name for path in folder.iterdir() if bound_of(path.name) is not None)
    if _WEIGHTS_FILE not in names and (folder / "adapter_model.bin").exists():
        fail(
            f"{folder} holds pickled weights (adapter_model.bin), which can run code and are never loaded; "
            "save the adapter with safe_serialization=True."
        )
    for required in (_CONFIG_FILE, _WEIGHTS_FILE):
        if required not in names:
            fail(f"{folder} has no {required}; expected a PEFT LoRA folder.")
    links = [name for name in names if (folder / name).is_symlink()]
    if links:
        fail(f"{folder / links[0]} is a link; adapters are plain files. Copy the folder with `cp -rL` first.")
    return names
