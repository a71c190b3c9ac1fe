"""`firstline adapter`: the versions that a running gateway holds, and the acts on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from contracts.canonical import JsonForm
from gateway.adapters.dossiers import MAX_REPORT_BYTES
from gateway.commands._adapter_export import (
    check_files,
    check_signature,
    exporter,
    fetched,
    read_manifest,
    write_with,
)
from gateway.commands._adapter_upload import upload
from gateway.commands._adapter_words import adapters_table, history_table, registered_sentence
from gateway.commands._admin_client import call, fail, gateway_url, out

app = typer.Typer(
    help="Register adapter versions, promote them through their gate, roll back, retire and export.",
    no_args_is_help=True,
)

Url = Annotated[str | None, typer.Option("--url", help="The gateway; by default the one on this machine.")]
Config = Annotated[Path | None, typer.Option("--config", help="Settings that say where the gateway listens.")]
Name = Annotated[str, typer.Argument(help="TASK@VERSION.", metavar="TASK@VERSION")]
_PAGE = 1000


@app.command()
def register(
    path: Annotated[Path, typer.Argument(help="A PEFT LoRA folder, as any trainer writes it.")],
    task: Annotated[str, typer.Option("--task", help="The task that it answers for.")] = "",
    *,
    json_form: Annotated[
        JsonForm | None,
        typer.Option(help="How the JSON of its training targets was laid out, if its package does not say."),
    ] = None,
    promote: Annotated[bool, typer.Option(help="Let the task use it at once, if its gate is open.")] = True,
    url: Url = None,
    config: Config = None,
) -> None:
    """Check an adapter, load it on every engine, prove it, and let the task use it if its gate is open."""
    where = gateway_url(url, config)
    if not path.exists() and "@" in path.name:
        fail(f"{path.name} is a version, not a folder: `firstline adapter promote {path.name}`.")
    if not task:
        fail("name the task that the adapter is for: --task NAME (see `firstline task list`).")
    params = {"task": task, "promote": str(promote).lower()}
    adapter = upload(where, path, params | ({"json_form": json_form.value} if json_form else {}))
    out.print(registered_sentence(adapter))


@app.command("list")
def list_adapters(
    *,
    retired: Annotated[bool, typer.Option("--retired", help="Retired versions too.")] = False,
    url: Url = None,
    config: Config = None,
) -> None:
    """List the versions in the gateway's store: channels, gate, and how they stand on the engines."""
    found = call(
        gateway_url(url, config), "GET", "/admin/v1/adapters", params={"retired": str(retired).lower()}
    )
    out.print(adapters_table(found["adapters"]))
    if found["store_problem"]:
        out.print(f"[yellow]{found['store_problem']}; shown is what is on the gateway's machine.[/yellow]")


@app.command()
def show(name: Name, *, url: Url = None, config: Config = None) -> None:
    """Show one version as JSON: files, provenance, evaluations, channels, engines and every act on it."""
    out.print_json(data=call(gateway_url(url, config), "GET", f"/admin/v1/adapters/{name}"))


@app.command()
def promote(
    name: Name,
    *,
    override: Annotated[
        str | None,
        typer.Option(help="Promote without a passing evaluation, for this reason; it goes on record."),
    ] = None,
    url: Url = None,
    config: Config = None,
) -> None:
    """Let the task use a version: it needs a passing evaluation under the task's present contract."""
    body = json.dumps({"override": override}).encode()
    adapter = call(gateway_url(url, config), "POST", f"/admin/v1/adapters/{name}/promote", content=body)
    out.print(registered_sentence(adapter))


@app.command()
def attach(
    name: Name,
    report: Annotated[Path, typer.Argument(help="The JSON report that `firstline eval` wrote.")],
    *,
    url: Url = None,
    config: Config = None,
) -> None:
    """Add an evaluation report to a version that is registered."""
    try:
        with report.open("rb") as file:
            content = file.read(MAX_REPORT_BYTES + 1)
    except OSError as error:
        fail(f"{report}: {error.strerror}.")
    adapter = call(
        gateway_url(url, config), "POST", f"/admin/v1/adapters/{name}/evaluations", content=content
    )
    gate = adapter["gate"]
    words = "open" if gate["is_open"] else "closed"
    out.print(f"{name} has {len(adapter['evaluations'])} evaluations; its gate is {words}: {gate['reason']}.")


@app.command()
def rollback(
    task: Annotated[str, typer.Argument(help="The task.")], *, url: Url = None, config: Config = None
) -> None:
    """Point a task's stable channel back to where it pointed before."""
    change = call(gateway_url(url, config), "POST", f"/admin/v1/adapters/{task}/rollback")
    out.print(f"{change['task']}: stable is [green]{change['stable']}[/green], before {change['previous']}.")


@app.command()
def retire(
    name: Name,
    *,
    reason: Annotated[str, typer.Option(help="Why; requests that pin the version are told.")] = "",
    purge: Annotated[bool, typer.Option("--purge", help="Remove its files too.")] = False,
    url: Url = None,
    config: Config = None,
) -> None:
    """Take a version out of service that no channel names; registering it again brings it back."""
    body = json.dumps({"reason": reason, "purge": purge}).encode()
    call(gateway_url(url, config), "POST", f"/admin/v1/adapters/{name}/retire", content=body)
    out.print(f"{name} is retired; its files are {'removed' if purge else 'kept'}.")


@app.command()
def history(
    subject: Annotated[str, typer.Argument(help="A task, or TASK@VERSION.", metavar="TASK")],
    *,
    url: Url = None,
    config: Config = None,
) -> None:
    """List every act on a task's adapters: who, when, what, how it ended and why."""
    where, after, records = gateway_url(url, config), 0, []
    while True:
        params = {"subject": subject, "after": str(after), "limit": str(_PAGE)}
        page = call(where, "GET", "/admin/v1/audit", params=params)["records"]
        records += page
        if len(page) < _PAGE:
            break
        after = page[-1]["id"]
    out.print(history_table(records))


@app.command()
def verify(
    what: Annotated[str, typer.Argument(help="TASK@VERSION in the gateway, or an exported folder.")],
    *,
    key: Annotated[
        list[Path] | None, typer.Option(help="For a folder: a public key that must have signed it.")
    ] = None,
    url: Url = None,
    config: Config = None,
) -> None:
    """Read every file of a version again and compare it with what was registered."""
    folder = Path(what)
    if folder.is_dir():
        manifest = read_manifest(folder)
        check_files(folder, manifest)
        signer = check_signature(folder, key or [])
        name, files = manifest.name, len(manifest.files)
    else:
        found = call(gateway_url(url, config), "POST", f"/admin/v1/adapters/{what}/verify")
        name, files, signer = found["name"], found["files"], found["signer"]
    signed = f"signed with {signer}" if signer else "no signature was checked"
    out.print(f"[green]{name}[/green] is whole: {files} files, {signed}.")


@app.command()
def export(
    name: Name,
    out_path: Annotated[Path, typer.Option("--out", help="The folder or file to write; it must not exist.")],
    *,
    form: Annotated[
        str, typer.Option("--format", help="peft: the whole package; others as installed: merged, gguf ...")
    ] = "peft",
    base: Annotated[
        Path | None, typer.Option(help="The base model's folder, for all formats but peft.")
    ] = None,
    url: Url = None,
    config: Config = None,
) -> None:
    """Fetch a version, compare every file with its manifest, and write it in a format for elsewhere."""
    if out_path.exists():
        fail(f"{out_path} exists; nothing is written over it.")
    write = None if form == "peft" else exporter(form)
    if write is not None and base is None:
        fail(f"format {form!r} needs the base model: --base FOLDER.")
    if base is not None and not base.is_dir():
        fail(f"{base} is not a folder; expected a Hugging Face model.")
    with fetched(gateway_url(url, config), name, out_path) as package:
        if write is None or base is None:
            package.rename(out_path)
        else:
            write_with(write, package, base, out_path)
    out.print(f"[green]{name}[/green] is in {out_path}.")
