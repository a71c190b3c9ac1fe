"""Owns the words of a model card and of a data card for adapters whose dataset has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from contracts.artifact import Provenance
from contracts.evaluation import GateReport, MetricVerdict
from contracts.output import ChoiceOutput, JsonSchemaOutput
from contracts.task import Task
from training.package._markdown import number, plain, table
from training.package.adapter import Adapter

_FIGURES = {
    "method": "method",
    "examples": "training examples",
    "supervised_tokens": "tokens with a loss",
    "longest_example_tokens": "longest example, tokens",
    "steps": "steps",
    "epochs": "epochs",
    "tokens": "tokens seen",
    "seconds": "seconds",
    "device": "device",
    "seed": "seed",
    "final_loss": "training loss at the end",
    "validation_loss": "validation loss",
}
"""Figures of the training report that the card shows, with the card's words for them."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Everything that a model card says; `report` is a sentence where there is no report that counts."""

    task: Task
    adapter: Adapter
    provenance: Provenance
    training: Mapping[str, Any]
    report: GateReport | str

    @property
    def name(self) -> str:
        """Name of the version, as it is served."""
        return f"{self.task.name}@{self.adapter.version}"


def model_card(facts: CardFacts) -> str:
    """A Hugging Face model card: its YAML head, then sections."""
    parts = (
        [_head(facts), f"# {plain(facts.name)}", "", plain(facts.task.description)],
        ["## Use", "", *_use(facts)],
        ["## Contract", "", *_contract(facts.task, facts.provenance)],
        ["## Data", "", *_data(facts.provenance)],
        ["## Training", "", *_training(facts)],
        ["## Evaluation", "", *_evaluation(facts.report)],
        ["## Limits", "", *_limits(facts)],
        ["## Licences", "", *_licences(facts.provenance)],
    )
    return "\n".join(line for part in parts for line in (*part, "")).rstrip() + "\n"


def plain_data_card(provenance: Provenance, training: Mapping[str, Any]) -> str:
    """The card of training data that is a plain file: what is known of it, and that more is not."""
    rows = [("file", provenance.dataset), ("SHA-256", provenance.dataset_sha256), ("task", provenance.task)]
    if "examples" in training:
        rows.append(("training examples", str(training["examples"])))
    rows.append(("licence", provenance.licences.get("data", "not stated")))
    return "\n".join(
        [
            "# Data",
            "",
            *table(("", ""), rows),
            "",
            "The adapter was trained on a plain file, not on a built dataset: duplicates, leakage and",
            "personal data were not searched for, and where the rows come from is not recorded here.",
            "",
        ]
    )


def _head(facts: CardFacts) -> str:
    stated = facts.provenance.licences
    licence = stated.get("base_model", "")
    head: dict[str, object] = {
        "base_model": facts.provenance.base_model,
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        # Under one licence for base model and data the adapter can have it too; else its owner decides.
        "license": licence if licence and stated.get("data") == licence else "other",
        "tags": ["lora", "firstline", facts.task.name],
    }
    if head["license"] == "other":
        head |= {"license_name": "see-the-section-licences"}
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n"


def _use(facts: CardFacts) -> list[str]:
    return [
        "```",
        f"firstline adapter register FOLDER --task {facts.task.name}",
        "```",
        "",
        f"Requests name the model `{facts.task.name}`, or `{facts.name}` for this version alone.",
        "It is meant to be served with the task's own prompt and under its grammar.",
    ]


def _contract(task: Task, provenance: Provenance) -> list[str]:
    rows: list[tuple[object, object]] = [("output", task.output.kind)]
    if isinstance(task.output, JsonSchemaOutput) and isinstance(task.output.json_schema, dict):
        fields = task.output.json_schema.get("properties")
        rows.append(("fields", ", ".join(fields) if isinstance(fields, dict) else "see the task's schema"))
        rows.append(("form of JSON", provenance.json_form.value))
    if isinstance(task.output, ChoiceOutput):
        rows.append(("choices", ", ".join(task.output.choices)))
    rows += [("task version", provenance.task_version), ("output contract", provenance.output_hash)]
    return table(("", ""), rows)


def _data(provenance: Provenance) -> list[str]:
    return [
        *table(("", ""), [("dataset", provenance.dataset), ("SHA-256", provenance.dataset_sha256)]),
        "",
        "See `data-card.md`.",
    ]


def _training(facts: CardFacts) -> list[str]:
    adapter, provenance = facts.adapter, facts.provenance
    targets = sorted({module.rsplit(".", 1)[-1] for module in adapter.modules})
    kind = "rsLoRA" if adapter.is_rslora else "LoRA"
    figures = [
        (words, facts.training[key]) for key, words in _FIGURES.items() if facts.training.get(key) is not None
    ]
    return table(
        ("", ""),
        [
            (
                "adapter",
                f"{kind}, rank {adapter.rank}, alpha {number(adapter.alpha)}, on {', '.join(targets)}",
            ),
            ("weights SHA-256", adapter.digest),
            ("base model", provenance.base_model),
            ("base model's weights SHA-256", provenance.base_model_sha256 or "not recorded"),
            ("recipe SHA-256", provenance.recipe_sha256),
            *figures,
            ("code", f"firstline {provenance.code_version}"),
            (
                "libraries",
                ", ".join(f"{name} {one}" for name, one in sorted(provenance.versions.items()))
                or "not recorded",
            ),
        ],
    )


def _evaluation(report: GateReport | str) -> list[str]:
    if isinstance(report, str):
        return [f"Verdict: none ({plain(report)})."]
    against = f" against {plain(report.baseline.model)}" if report.baseline else ""
    grammar = "under the grammar" if report.constrained else "without a grammar"
    form, signer = plain(report.candidate.form), plain(report.spec_signer or "nobody")
    return [
        f"Verdict: **{report.verdict.value}** on {report.records} records{against}, {grammar}, in {form}.",
        *(f"- {plain(reason)}" for reason in report.reasons),
        "",
        *table(
            ("metric", "slice", "records", "value (95 % interval)", "bound", "baseline", "verdict"),
            map(_metric_row, report.metrics),
        ),
        "",
        f"Specification {plain(report.spec)}, SHA-256 `{report.spec_sha256}`, signed by {signer}.",
    ]


def _metric_row(one: MetricVerdict) -> tuple[str, ...]:
    interval = f" ({number(one.low)} to {number(one.high)})" if one.low is not None else ""
    bounds = [f"≥ {number(one.minimum)}"] if one.minimum is not None else []
    bounds += [f"≤ {number(one.maximum)}"] if one.maximum is not None else []
    return (
        one.metric,
        one.slice or "all",
        str(one.records),
        f"{number(one.value)}{interval}",
        ", ".join(bounds) or "–",
        number(one.baseline_value),
        one.verdict.value,
    )


def _limits(facts: CardFacts) -> list[str]:
    longest = facts.training.get("longest_example_tokens")
    length = [f"- Trained on prompts and answers of at most {longest} tokens together."] if longest else []
    return [
        *length,
        "- Learned for this task and its prompt alone; other prompts get the answers of a small model.",
        "- The gateway proves the form of an answer and the task's rules, not that it is true.",
    ]


def _licences(provenance: Provenance) -> list[str]:
    stated = {"base_model": "not stated", "data": "not stated", **provenance.licences}
    return table(("of", "licence"), sorted(stated.items()))
