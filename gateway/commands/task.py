"""`firstline task`: the tasks of a running gateway, and checking a task file before it is served."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from contracts.output import OutputContract
from gateway.commands._admin_client import call, fail, gateway_url, out
from gateway.conformance.task_guard import TaskGuard
from gateway.intake.verdict import Verdict
from gateway.intake.vet import check_contract
from gateway.settings_load import SettingsError, load_settings
from gateway.tasks import PythonTypes, TaskFileError, TaskRules, check_task_file

app = typer.Typer(help="List tasks and check task files.", no_args_is_help=True)

Url = Annotated[str | None, typer.Option("--url", help="The gateway; by default the one on this machine.")]
Config = Annotated[Path | None, typer.Option("--config", help="The gateway's settings.")]


@app.command("list")
def list_tasks(*, url: Url = None, config: Config = None) -> None:
    """List the tasks that a gateway serves, and the files that it cannot use."""
    found = call(gateway_url(url, config), "GET", "/admin/v1/tasks")
    table = Table("task", "version", "action", "output", "base model", "adapter")
    for task in found["tasks"]:
        adapter = task["channels"]["stable"] or "none"
        table.add_row(
            task["name"], task["version"], task["action"], task["output"], task["base_model"], adapter
        )
    out.print(table)
    for file, problem in found["problems"].items():
        out.print(f"[red]{escape(file)}[/red]: {escape(problem)}", highlight=False)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The task.")], *, url: Url = None, config: Config = None
) -> None:
    """Show one task of a gateway as JSON."""
    tasks = call(gateway_url(url, config), "GET", "/admin/v1/tasks")["tasks"]
    for task in tasks:
        if task["name"] == name:
            out.print_json(data=task)
            return
    fail(f"no task is named {name!r}; the gateway serves {', '.join(task['name'] for task in tasks)}.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The task's YAML file.")], *, config: Config = None
) -> None:
    """Check a file as the gateway would at its start; with --config also the names that it refers to."""
    try:
        task = check_task_file(file, _rules(config))
    except TaskFileError as error:
        fail(str(error))
    out.print(f"[green]{task.name}@{task.version}[/green] can be served ({task.output.kind} output).")


def _rules(config: Path | None) -> TaskRules:
    if config is None:
        return TaskRules(base_models=None, collections=None, check_task=TaskGuard(_Vetting(), None))
    try:
        settings = load_settings(config, os.environ)
    except SettingsError as error:
        fail(str(error))
    models = [model for pool in settings.pools.values() for model in pool.models]
    types = PythonTypes.of_settings(settings.tasks)
    return TaskRules(models, list(settings.collections), TaskGuard(_Vetting(), models), types)


class _Vetting:
    """Vets without keeping anything."""

    def admit(self, contract: OutputContract) -> Verdict:
        """Vet a contract. Raises SchemaUnsupportedError where it is refused."""
        return check_contract(contract)
