"""What `firstline doctor` finds."""

from pathlib import Path

from gateway.settings_load import LAUNCHER_VARIABLES
from launcher.diagnosis import TOP_LEVEL_VARIABLES, Finding, Machine, Probe, State, diagnose
from launcher.engine import EngineKind
from launcher.layout import Layout


def nobody(_port: int, _path: str) -> int | None:
    return None


def find(
    tmp_path: Path, name: str, *, environ: dict[str, str] | None = None, probe: Probe = nobody
) -> Finding:
    (tmp_path / "requirements").mkdir(exist_ok=True)
    for lock in ("gateway", "engine-cpu", "torch-cpu", "model"):
        (tmp_path / "requirements" / f"{lock}.lock").touch()
    layout = Layout(root=tmp_path, home=tmp_path / "home")
    machine = Machine(layout, EngineKind.CPU, environ or {}, tmp_path / "firstline.yaml", probe)
    return next(finding for finding in diagnose(machine) if finding.name == name)


def test_every_problem_says_how_to_mend_it(tmp_path: Path) -> None:
    for name in ("gateway environment", "engine environment", "model", "settings"):
        finding = find(tmp_path, name)
        assert finding.state is State.PROBLEM
        assert finding.mend


def test_a_misspelt_variable_is_a_problem(tmp_path: Path) -> None:
    finding = find(tmp_path, "variables", environ={"FIRSTLINE_PROT": "1"})
    assert finding.state is State.PROBLEM
    assert "FIRSTLINE_PROT" in finding.detail


def test_a_section_s_key_is_left_to_the_gateway(tmp_path: Path) -> None:
    finding = find(tmp_path, "variables", environ={"FIRSTLINE_LIMITS__REQUESTS": "1"})
    assert finding.state is State.OK


def test_a_server_that_is_not_ready_is_a_problem_and_a_ready_one_is_not(tmp_path: Path) -> None:
    assert find(tmp_path, "gateway", probe=lambda _port, _path: 503).state is State.PROBLEM
    assert find(tmp_path, "gateway", probe=lambda _port, _path: 200).state is State.OK


def test_the_doctor_knows_the_variables_that_the_gateway_knows() -> None:
    assert {f"FIRSTLINE_{name}" for name in LAUNCHER_VARIABLES} == TOP_LEVEL_VARIABLES


def test_the_variables_of_commands_are_no_problem(tmp_path: Path) -> None:
    environ = {"FIRSTLINE_ADMIN_KEY": "k", "FIRSTLINE_API_KEY": "k"}
    assert find(tmp_path, "variables", environ=environ).state is State.OK
