"""`firstline eval SPEC`: run a frozen specification against a candidate and its baseline."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from contracts.canonical import JsonForm
from contracts.evaluation import REPORT_FILE, Verdict
from training.commands.eval_table import tables
from training.errors import EvaluationError, SpecificationError, TrainingError
from training.evaluate.asking import Through
from training.evaluate.frozen import Frozen, thaw
from training.evaluate.judge import JudgeClient, JudgeTarget
from training.evaluate.parties import Asked, PartyMaker
from training.evaluate.quantised import Form
from training.evaluate.questions import questions_of
from training.evaluate.records import EvaluationReport
from training.evaluate.registered import GatewayAdmin
from training.evaluate.run import Parties, run_evaluation
from training.evaluate.suites.screening import ClassifierScorer, LexiconScorer, ToxicityScorer

_PIPED_COLUMNS: Final = 160
"""A pipe has no edge: reasons must not be cut into pieces in a log."""

EXIT_STATUS: Final = {Verdict.PASS: 0, Verdict.FAIL: 3, Verdict.INCONCLUSIVE: 4}
"""1 is an error and 2 a wrong use, as everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `run`, one field each."""

    spec: Annotated[
        Path,
        typer.Argument(
            help="a frozen specification: SPEC.yaml with its SPEC.lock.json, or the lock file",
            exists=True,
            dir_okay=False,
        ),
    ]
    candidate: Annotated[
        str | None,
        typer.Option(
            help="TASK@VERSION, a name of the engine, or an adapter's folder (asked in this process, with "
            "--base); by default what serves now, against its base model"
        ),
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option(help="the same, or stable, base or none; by default what the specification says"),
    ] = None
    url: Annotated[str, typer.Option(help="the OpenAI-compatible URL, up to /v1")] = (
        "http://127.0.0.1:8080/v1"
    )
    through: Annotated[
        Through, typer.Option(help="a gateway knows the task; an engine is sent prompt and grammar")
    ] = Through.GATEWAY
    adapter: Annotated[
        Path | None, typer.Option(help="the served candidate's own folder, for its hash in the report")
    ] = None
    base: Annotated[
        Path | None, typer.Option(help="the base model's folder, to run models in this process")
    ] = None
    form: Annotated[Form, typer.Option(help="the number format of the candidate's weights")] = Form.AUTO
    baseline_form: Annotated[
        Form | None, typer.Option(help="that of the baseline, where it is another one")
    ] = None
    json_form: Annotated[
        JsonForm | None,
        typer.Option(help="the layout of JSON that the model was trained on, where nobody knows it"),
    ] = None
    device: Annotated[str, typer.Option(help="auto, cpu or cuda, for models in this process")] = "auto"
    trusted_keys: Annotated[
        list[Path] | None,
        typer.Option(help="a public key that may have signed the specification; may be repeated"),
    ] = None
    judge_url: Annotated[str | None, typer.Option(help="where the specification's judge answers")] = None
    toxicity_classifier: Annotated[
        Path | None, typer.Option(help="the folder of the text classifier that screens answers for abuse")
    ] = None
    out: Annotated[
        Path | None, typer.Option(help=f"the report: a JSON file, or a folder for its {REPORT_FILE}")
    ] = None
    html: Annotated[Path | None, typer.Option(help="the report as a page with plots")] = None
    api_key: Annotated[str, typer.Option(help="the key to send", envvar="FIRSTLINE_API_KEY")] = ""
    admin_key: Annotated[
        str, typer.Option(help="the key of the gateway's admin API", envvar="FIRSTLINE_ADMIN_KEY")
    ] = ""
    judge_key: Annotated[str, typer.Option(help="the judge's key", envvar="FIRSTLINE_JUDGE_KEY")] = ""


@dataclass(frozen=True, slots=True)
class Helpers:
    """The models that score answers beside the rules."""

    judge: JudgeClient | None
    screen: ToxicityScorer | None


def run(**given: Any) -> None:
    """Evaluate a candidate. Status: 0 pass, 1 error, 2 wrong use, 3 fail, 4 inconclusive; ends with JSON."""
    options = RunOptions(**given)
    console = Console(stderr=True, width=None if sys.stderr.isatty() else _PIPED_COLUMNS)
    try:
        report = _evaluated(options, console)
        _write(report, options)
    except TrainingError as error:
        console.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    for table in tables(report):
        console.print(table)
    sys.stdout.write(json.dumps(_line(report)) + "\n")
    raise typer.Exit(EXIT_STATUS[report.verdict])


def _evaluated(options: RunOptions, console: Console) -> EvaluationReport:
    frozen = thaw(options.spec, options.trusted_keys or ())
    models = Helpers(_judge(frozen, options), _screen(frozen, options))
    parties = PartyMaker(frozen, _asked(options), GatewayAdmin(options.url, options.admin_key)).parties()
    return _run(frozen, parties, models, console)


def _run(frozen: Frozen, parties: Parties, models: Helpers, console: Console) -> EvaluationReport:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        total = len(questions_of(frozen).all())
        bars = {
            role: progress.add_task(f"{role} {party.judged.model}", total=total)
            for role, party in parties.all()
        }
        return asyncio.run(
            run_evaluation(
                frozen,
                parties,
                judge=models.judge,
                screen=models.screen,
                on_answer=lambda role: progress.advance(bars[role]),
            )
        )


def _asked(options: RunOptions) -> Asked:
    return Asked(
        candidate=options.candidate,
        baseline=options.baseline,
        through=options.through,
        url=options.url,
        api_key=options.api_key,
        adapter=options.adapter,
        base_folder=options.base,
        form=options.form,
        baseline_form=options.baseline_form,
        device=options.device,
        json_form=options.json_form,
    )


def _judge(frozen: Frozen, options: RunOptions) -> JudgeClient | None:
    if frozen.spec.judge is None:
        return None
    if options.judge_url is None:
        raise SpecificationError("the specification has a judge: say where it answers with --judge-url")
    return JudgeClient(frozen.spec.judge, JudgeTarget(options.judge_url, options.judge_key))


def _screen(frozen: Frozen, options: RunOptions) -> ToxicityScorer | None:
    toxicity = frozen.spec.toxicity
    if toxicity is None:
        return None
    if toxicity.scorer == "lexicon":
        return LexiconScorer()
    if options.toxicity_classifier is None:
        raise SpecificationError(
            "the specification screens with a classifier: name its folder with --toxicity-classifier"
        )
    return ClassifierScorer(options.toxicity_classifier)


def _write(report: EvaluationReport, options: RunOptions) -> None:
    try:
        if options.out is not None:
            is_file = options.out.suffix == ".json" and not options.out.is_dir()
            file = options.out if is_file else options.out / REPORT_FILE
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
        if options.html is not None:
            from training.evaluate.html import render  # noqa: PLC0415 - plots are loaded only where one is asked for

            options.html.parent.mkdir(parents=True, exist_ok=True)
            options.html.write_text(render(report), "utf-8")
    except OSError as error:
        raise EvaluationError(f"{error.filename}: the report cannot be written: {error.strerror}") from error


def _line(report: EvaluationReport) -> dict[str, Any]:
    return {
        "check": "eval",
        "ok": report.verdict is Verdict.PASS,
        "verdict": report.verdict.value,
        "spec": report.spec,
        "spec_sha256": report.spec_sha256,
        "candidate": report.candidate.model,
        "baseline": report.baseline.model if report.baseline else None,
        "records": report.records,
        "metrics": {
            f"{one.metric}{f'/{one.slice}' if one.slice else ''}": one.value for one in report.metrics
        },
    }
