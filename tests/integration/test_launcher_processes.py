"""No orphans: real process trees behind real keepers, ended in every way a process can end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher import linux
from launcher.errors import LauncherError
from launcher.supervisor import Backoff, ChildPlan, Supervisor

# A tree of three levels as vLLM's: each level ignores nothing, and `stubborn` ignores SIGTERM.
TREE = """
import os, signal, subprocess, sys, time
depth, folder, mode = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(os.path.join(folder, str(os.getpid())), "w").close()
print("level", depth, "runs", flush=True)
if depth:
    subprocess.Popen([sys.executable, "-c", open(sys.argv[4]).read(), str(depth - 1), *sys.argv[2:]])
if mode == "exits" and depth == 2:
    while len(os.listdir(folder)) < 3:
        time.sleep(0.02)
    sys.exit(7)
time.sleep(600)
"""
PATIENCE_SECONDS = 60.0


class Tree:
    """A process tree that notes its process ids."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pids_folder = folder / "pids"
        self.pids_folder.mkdir(parents=True)
        self.script = folder / "tree.py"
        self.script.write_text(TREE)

    def command(self, mode: str = "plain") -> list[str]:
        return [sys.executable, "-c", TREE, "2", str(self.pids_folder), mode, str(self.script)]

    def pids(self) -> list[int]:
        return [int(path.name) for path in self.pids_folder.iterdir()]

    def running(self) -> set[int]:
        table = {row.pid for row in linux.process_table() if row.state != "Z"}
        return {pid for pid in self.pids() if pid in table}

    def wait_for_start(self) -> None:
        wait_until(lambda: len(self.pids()) == 3)

    def wait_for_end(self) -> None:
        wait_until(lambda: not self.running())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    grown = Tree(tmp_path / "tree")
    yield grown
    linux.send(grown.running(), signal.SIGKILL)


def keep(command: list[str], *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "launcher.keeper", *options, "--", *command],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def test_the_tree_ends_when_the_supervisor_s_end_of_the_pipe_closes(tree: Tree) -> None:
    with keep(tree.command()) as keeper:
        tree.wait_for_start()
        assert keeper.stdin is not None
        keeper.stdin.close()
        tree.wait_for_end()


def test_a_stubborn_tree_is_killed_after_the_grace(tree: Tree) -> None:
    with keep(tree.command("stubborn"), "--grace", "0.2") as keeper:
        tree.wait_for_start()
        keeper.terminate()
        assert keeper.wait(PATIENCE_SECONDS) == 128 + signal.SIGKILL
    assert not tree.running()


def test_when_the_top_ends_by_itself_the_rest_ends_and_its_status_is_passed_on(tree: Tree) -> None:
    with keep(tree.command("exits")) as keeper:
        assert keeper.wait(PATIENCE_SECONDS) == 7
    assert not tree.running()


def test_a_signal_s_death_is_reported_as_the_shell_does(tmp_path: Path) -> None:
    with keep([sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]) as keeper:
        assert keeper.wait(PATIENCE_SECONDS) == 128 + signal.SIGSEGV


def test_a_command_that_does_not_exist_is_a_line_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "engine.log"
    with keep(["/nowhere/program"], "--log", str(log)) as keeper:
        assert keeper.wait(PATIENCE_SECONDS) == 127
    assert "cannot start /nowhere/program" in log.read_text()


def test_the_log_is_bounded_and_keeps_the_end(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    talk = "for n in range(2000): print('line', n, flush=True)"
    with keep([sys.executable, "-c", talk], "--log", str(log), "--log-bytes", "4000") as keeper:
        assert keeper.wait(PATIENCE_SECONDS) == 0
    older = log.with_name("engine.log.1")
    assert log.stat().st_size <= 4000
    assert older.stat().st_size <= 4000
    assert log.read_text().endswith("line 1999\n")


class Stage:
    """A supervisor over an engine and a gateway that are given as commands."""

    def __init__(self, engine: list[str], gateway: list[str], folder: Path) -> None:
        self.said: list[str] = []
        self.greetings = 0
        self.ready = True
        environment = dict(os.environ)
        self.engine_log = folder / "engine.log"
        self.supervisor = Supervisor(
            ChildPlan("engine", engine, environment, grace_seconds=2, log=self.engine_log),
            ChildPlan("gateway", gateway, environment, grace_seconds=2),
            is_ready=self._is_ready,
            on_ready=self._greet,
            say=self.said.append,
            backoff=Backoff(first_seconds=0.01, cap_seconds=0.02),
        )

    async def _is_ready(self) -> bool:
        return self.ready

    def _greet(self) -> None:
        self.greetings += 1


IDLE = [sys.executable, "-c", "import time; time.sleep(600)"]


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


async def test_a_stop_ends_both_trees_and_greets_once(tmp_path: Path) -> None:
    engine, gateway = Tree(tmp_path / "engine"), Tree(tmp_path / "gateway")
    stage = Stage(engine.command(), gateway.command(), tmp_path)
    stop = asyncio.Event()
    run = asyncio.create_task(stage.supervisor.run(stop))
    await until(lambda: len(engine.pids()) == 3 and len(gateway.pids()) == 3)
    stop.set()
    await run
    assert stage.greetings == 1
    assert not engine.running() | gateway.running()


async def test_the_gateway_s_end_stops_the_engine_and_is_an_error(tmp_path: Path) -> None:
    engine, gateway = Tree(tmp_path / "engine"), Tree(tmp_path / "gateway")
    stage = Stage(engine.command(), gateway.command("exits"), tmp_path)
    with pytest.raises(LauncherError, match="exit status 7"):
        await stage.supervisor.run(asyncio.Event())
    assert not engine.running() | gateway.running()


async def test_an_engine_that_dies_is_started_again_and_each_time_said(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    note = f"open({str(starts)!r}, 'a').write('x'); raise RuntimeError('out of cheese')"
    stage = Stage([sys.executable, "-c", note], IDLE, tmp_path)
    stop = asyncio.Event()
    run = asyncio.create_task(stage.supervisor.run(stop))
    await until(lambda: len(stage.said) >= 5)
    stop.set()
    await run
    assert len(starts.read_text()) >= 5
    assert all("RuntimeError: out of cheese" in sentence for sentence in stage.said)


async def test_an_engine_that_never_was_ready_is_given_up_aloud(tmp_path: Path) -> None:
    stage = Stage([sys.executable, "-c", "raise ValueError('no such model')"], IDLE, tmp_path)
    stage.ready = False
    with pytest.raises(LauncherError, match=r"3 times before it was ready.*no such model"):
        await stage.supervisor.run(asyncio.Event())


SUPERVISE = """
import asyncio, os, sys
from launcher import linux
from launcher.supervisor import ChildPlan, Supervisor
linux.adopt_orphans()
async def ready(): return True
named = zip(("engine", "gateway"), sys.argv[1:])
plans = [ChildPlan(n, c.split("\\x1f"), dict(os.environ), 2.0) for n, c in named]
asyncio.run(Supervisor(*plans, is_ready=ready, on_ready=lambda: None, say=print).run(asyncio.Event()))
"""


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Tree, Tree]]:
    """A supervisor in a process of its own, over two trees."""
    engine, gateway = Tree(tmp_path / "engine"), Tree(tmp_path / "gateway")
    commands = ["\x1f".join(tree.command()) for tree in (engine, gateway)]
    with subprocess.Popen([sys.executable, "-c", SUPERVISE, *commands], stderr=subprocess.DEVNULL) as process:
        engine.wait_for_start()
        gateway.wait_for_start()
        yield process, engine, gateway
        process.kill()
        linux.send(engine.running() | gateway.running(), signal.SIGKILL)


def test_nothing_is_left_when_the_supervisor_is_killed(
    supervised: tuple[subprocess.Popen[bytes], Tree, Tree],
) -> None:
    process, engine, gateway = supervised
    process.kill()
    engine.wait_for_end()
    gateway.wait_for_end()


def test_nothing_is_left_when_the_gateway_s_keeper_is_killed(
    supervised: tuple[subprocess.Popen[bytes], Tree, Tree],
) -> None:
    process, engine, gateway = supervised
    table = {row.pid: row for row in linux.process_table()}
    keepers = {table[pid].session for pid in gateway.pids()}
    assert len(keepers) == 1
    linux.send(keepers, signal.SIGKILL)
    assert process.wait(PATIENCE_SECONDS) != 0
    assert not engine.running() | gateway.running()
