"""The engine's command line and environment."""

from pathlib import Path

from gateway.settings import PoolSettings
from launcher.commands.up import plans
from launcher.engine import EngineKind, cpu_dtype, engine_command, engine_environment
from launcher.layout import Layout


def make_layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path, home=tmp_path / "home", port=9001, engine_port=9002)


def value_of(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def test_the_engine_listens_on_loopback_alone(tmp_path: Path) -> None:
    for kind in EngineKind:
        command = engine_command(make_layout(tmp_path), kind, {})
        assert value_of(command, "--host") == "127.0.0.1"
        assert value_of(command, "--port") == "9002"


def test_the_grammar_backend_is_explicit_and_forbids_free_white_space(tmp_path: Path) -> None:
    command = engine_command(make_layout(tmp_path), EngineKind.CPU, {})
    expected = '{"backend":"guidance","disable_any_whitespace":true}'
    assert value_of(command, "--structured-outputs-config") == expected


def test_a_person_can_append_options(tmp_path: Path) -> None:
    environ = {"FIRSTLINE_ENGINE_ARGS": "--dtype bfloat16 --chat-template 'a b'"}
    command = engine_command(make_layout(tmp_path), EngineKind.CPU, environ)
    assert command[-4:] == ["--dtype", "bfloat16", "--chat-template", "a b"]


def test_the_engine_never_asks_the_hub_and_sees_none_of_our_variables(tmp_path: Path) -> None:
    environment = engine_environment(make_layout(tmp_path), {"FIRSTLINE_KEY": "secret", "PATH": "/bin"})
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert environment["PATH"] == "/bin"
    assert not [name for name in environment if name.startswith("FIRSTLINE_")]


def test_the_gateway_learns_the_ports_and_not_the_launcher_s_own_variables(tmp_path: Path) -> None:
    environ = {
        "FIRSTLINE_WHEELS": "/wheels",
        "FIRSTLINE_ENGINE_ARGS": "",
        "FIRSTLINE_SERVER__MAX_NESTING": "9",
    }
    _, gateway = plans(make_layout(tmp_path), tmp_path / "firstline.yaml", EngineKind.CPU, environ)
    ours = {name: value for name, value in gateway.environment.items() if name.startswith("FIRSTLINE_")}
    assert ours == {
        "FIRSTLINE_HOME": str(tmp_path / "home"),
        "FIRSTLINE_PORT": "9001",
        "FIRSTLINE_ENGINE_PORT": "9002",
        "FIRSTLINE_SERVER__MAX_NESTING": "9",
    }


def test_bfloat16_is_taken_where_the_processor_multiplies_it(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    for flags, dtype in {
        "avx2 fma": "float32",
        "avx512f avx512_bf16": "bfloat16",
        "amx_bf16": "bfloat16",
    }.items():
        cpuinfo.write_text(f"processor : 0\nflags\t\t: {flags}\n", encoding="ascii")
        assert cpu_dtype(cpuinfo) == dtype
    assert cpu_dtype(tmp_path / "missing") == "float32"


def test_the_engine_keeps_more_adapters_than_the_gateway_loads_on_it(tmp_path: Path) -> None:
    command = engine_command(make_layout(tmp_path), EngineKind.CPU, {})
    loaded = PoolSettings.model_fields["max_resident_adapters"].default
    assert loaded < int(value_of(command, "--max-cpu-loras"))
    assert int(value_of(command, "--max-loras")) <= loaded
