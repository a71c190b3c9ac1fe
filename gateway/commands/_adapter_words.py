"""How adapter versions and the acts on them are put to a person."""

from __future__ import annotations

from typing import Any, Final

from rich.markup import escape
from rich.table import Table

_VERDICTS: Final = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
_SHOWN_DETAILS: Final = ("override", "gate", "promoted_over", "reason", "verdict", "from", "to", "revived")


def adapters_table(adapters: list[dict[str, Any]]) -> Table:
    """One line for each version."""
    table = Table("adapter", "channels", "gate", "base model", "rank", "size", "engines")
    for adapter in adapters:
        engines = "; ".join(engine_words(engine) for engine in adapter["engines"])
        table.add_row(
            adapter["name"],
            "retired" if adapter["retired"] else ", ".join(adapter["channels"]) or "candidate",
            _gate_words(adapter),
            adapter["base_model"],
            str(adapter["rank"]),
            f"{adapter['bytes'] / 1e6:.1f} MB",
            engines or "not loaded",
        )
    return table


def history_table(records: list[dict[str, Any]]) -> Table:
    """One line for each act."""
    table = Table("id", "at", "who", "act", "on", "outcome", "details")
    for record in records:
        table.add_row(
            str(record["id"]),
            str(record["at"])[:19],
            escape(record["actor"]),
            record["act"],
            escape(record["subject"]),
            record["outcome"],
            escape(_details(record)),
        )
    return table


def registered_sentence(adapter: dict[str, Any]) -> str:
    """What a registration came to, and what to do next."""
    proven = [engine["engine"] for engine in adapter["engines"] if engine["state"] == "ready"]
    on = f"proven on {', '.join(proven)}" if proven else "and no engine has it now"
    name = f"[green]{adapter['name']}[/green]"
    if adapter["is_stable"]:
        return f"{name} is stable, {on}."
    sentence = f"{name} is a candidate, {on}; requests reach it as model {adapter['name']!r}."
    if adapter["gate"]["is_open"]:
        return f"{sentence}\nIts gate is open: `firstline adapter promote {adapter['name']}`."
    return (
        f"{sentence}\nIt is not stable: {escape(adapter['gate']['reason'])}. Attach a passing report with "
        f"`firstline adapter attach {adapter['name']} REPORT.json`, then promote it; or promote it with "
        "--override REASON, which is recorded."
    )


def engine_words(engine: dict[str, Any]) -> str:
    """One adapter on one engine."""
    words = f"{engine['engine']} {engine['state']}"
    return f"{words} ({escape(engine['reason'])})" if engine["reason"] else words


def _gate_words(adapter: dict[str, Any]) -> str:
    if adapter["gate"]["is_open"]:
        return "[green]open[/green]"
    verdict = adapter["evaluations"][0]["verdict"] if adapter["evaluations"] else "no report"
    color = _VERDICTS.get(verdict, "yellow")
    return f"[{color}]{verdict}[/{color}]"


def _details(record: dict[str, Any]) -> str:
    details = record["details"]
    if record["outcome"] != "done":
        return str(details.get("message") or details.get("code", ""))
    return "; ".join(f"{key}: {details[key]}" for key in _SHOWN_DETAILS if details.get(key))
