"""The rules for Prometheus, checked and evaluated by its own tool."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support.settings_files import REPOSITORY

RULES = REPOSITORY / "deploy" / "prometheus" / "rules"
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "validity.yml"), ("test", "rules", "validity.test.yml")]
)
def test_promtool_accepts_the_rules(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(PROMTOOL), *arguments], cwd=RULES, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_the_rules_read_metrics_that_there_are() -> None:
    text = (RULES / "validity.yml").read_text(encoding="utf-8")
    assert "firstline_structured_requests_total{" in text
    documented = (REPOSITORY / "gateway" / "telemetry" / "README.md").read_text(encoding="utf-8")
    for name in ("firstline_structured_requests_total", "firstline_structured_failures_total"):
        assert name in text
        assert name in documented
