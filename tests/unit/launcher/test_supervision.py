"""How long the supervisor waits, and what it sees of the process table."""

from launcher.linux import ProcessRow, descendants
from launcher.supervisor import Backoff


def test_the_wait_doubles_to_a_cap() -> None:
    backoff = Backoff(first_seconds=1, cap_seconds=10, long_life_seconds=100)
    assert [backoff.after(5) for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_a_long_life_starts_the_waits_again() -> None:
    backoff = Backoff(first_seconds=1, cap_seconds=10, long_life_seconds=100)
    waits = [backoff.after(lived) for lived in (1, 1, 1, 200, 1)]
    assert waits == [1, 2, 4, 1, 2]


def test_no_number_of_failures_overflows_the_wait() -> None:
    backoff = Backoff(cap_seconds=60)
    assert {backoff.after(0) for _ in range(5000)} == {1, 2, 4, 8, 16, 32, 60}


def test_descendants_are_found_below_zombies_and_zombies_are_left_out() -> None:
    table = [
        ProcessRow(pid=2, parent=1, session=1, state="S"),
        ProcessRow(pid=3, parent=2, session=1, state="Z"),
        ProcessRow(pid=4, parent=3, session=1, state="R"),
        ProcessRow(pid=9, parent=8, session=8, state="R"),
    ]
    assert descendants(1, table) == {2, 4}
