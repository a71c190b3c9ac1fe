"""The worker processes: one that has loaded the libraries, and those that it forks, each for one connection.

`python -m gateway.intake.worker CONTROL_FD MEMORY_BYTES CPU_SECONDS`. Every message on the control socket
brings the socket of a new worker. A worker reads frames and answers each; a hostile contract can make it
run out of time or memory, and then it dies, and nobody else. All of them end when the gateway does.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys

from gateway.intake.frames import packed, read_frame

_NICENESS = 19
"""The lowest priority: whoever serves requests goes first."""


def main(control: socket.socket, memory_bytes: int, cpu_seconds: float) -> None:
    """Fork a worker for every socket that comes, until the gateway closes the control socket."""
    # First of all: even loading the libraries must not take time from who serves requests.
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import gateway.intake.jobs  # noqa: F401, PLC0415  # once, before any fork

    while True:
        message, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        for number in sockets:
            if os.fork() == 0:
                control.close()
                _serve(socket.socket(fileno=number), memory_bytes, cpu_seconds)
                os._exit(0)
            os.close(number)


def _serve(connection: socket.socket, memory_bytes: int, cpu_seconds: float) -> None:
    from gateway.intake.jobs import answer  # noqa: PLC0415  # loaded before the fork

    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with connection, connection.makefile("rb") as frames:
        connection.sendall(packed({"pid": os.getpid()}))
        while (frame := read_frame(frames)) is not None:
            _limit_cpu(cpu_seconds)
            connection.sendall(packed(answer(frame)))


def _limit_cpu(seconds: float) -> None:
    """The kernel kills the process when this job has used its time, whatever holds the interpreter."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]))
