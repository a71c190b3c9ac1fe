"""The demo adapter against the base model on held-out invoices, both served: `python -m benchmarks.invoice`.

Makes the held-out rows, runs `firstline eval` on them, and ends with one line of JSON. Exits 0 only when
every answer of the adapter keeps the schema and the adapter is better than the base model beyond chance.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TASK = ROOT / "examples" / "tasks" / "invoice-extract.yaml"
RECORDS = 200
SEED = 2026


def main() -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--model", default="invoice-extract")
    parser.add_argument("--base", default="invoice-extract@base")
    parser.add_argument("--through", default="gateway", choices=["gateway", "engine"])
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--out", type=Path, default=Path("invoice-report.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "heldout.jsonl"
        count = ("--count", str(given.records), "--seed", str(SEED), "--split", "heldout", "--out", str(rows))
        _run("training.commands.data", "invoices", *count)
        models = ("--model", given.model, "--compare-model", given.base, "--through", given.through)
        files = ("--task", str(TASK), "--data", str(rows), "--out", str(given.out))
        _run("training.commands.eval", *files, "--url", given.url, *models)
    report = json.loads(given.out.read_text("utf-8"))
    adapter, base = report["models"]
    gain = report["comparisons"][0]
    ok = adapter["schema_valid"]["rate"] == 1.0 and gain["low"] > 0
    line = {
        "check": "invoice",
        "ok": ok,
        "records": report["records"],
        "adapter_fields_exact": round(adapter["fields_exact"]["rate"], 4),
        "adapter_records_exact": round(adapter["records_exact"]["rate"], 4),
        "base_fields_exact": round(base["fields_exact"]["rate"], 4),
        "base_records_exact": round(base["records_exact"]["rate"], 4),
        "schema_valid": round(adapter["schema_valid"]["rate"], 4),
        "gain_low": round(gain["low"], 4),
        "latency_p50_seconds": adapter["latency_seconds"]["p50"],
    }
    print(json.dumps(line))
    return 0 if ok else 1


def _run(module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], check=True, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
