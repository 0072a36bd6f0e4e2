"""The supervisor: what falls is started again, what was said is passed on, and nothing is left. Real processes throughout."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apps.config.database import ROOT
from apps.config.supervisor import FIRST_DELAY, LONGEST_DELAY, STEADY_AFTER, NotReady, Program, Supervisor


def python(text: str, **more: object) -> Program:
    return Program("child", [sys.executable, "-u", "-c", text], grace=5, **more)  # type: ignore[arg-type]


SLEEPS = "import time\nprint('up')\ntime.sleep(60)"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_a_killed_program_is_started_again() -> None:
    said = io.StringIO()
    program = python(SLEEPS)
    with Supervisor([program], output=said) as supervisor:
        supervisor.run(until=lambda: said.getvalue().count("| up") == 1)
        assert program.process
        os.kill(program.process.pid, signal.SIGKILL)
        supervisor.run(until=lambda: said.getvalue().count("| up") == 2)
        assert program.starts == 2
        second = program.process.pid if program.process else 0
    assert "child | ended (signal SIGKILL); starting it again" in said.getvalue()
    assert not alive(second)


def test_the_delay_before_another_start_grows() -> None:
    program = python("raise SystemExit(3)")
    with Supervisor([program], output=io.StringIO()) as supervisor:
        supervisor.run(until=lambda: program.starts == 2 and program.process is None and program.returncode == 3)
        assert program.delay == 2.0


def test_a_program_that_falls_again_and_again_is_away_ten_seconds_at_most_and_soon_forgiven() -> None:
    program = python("raise SystemExit(3)", delay=LONGEST_DELAY)
    with Supervisor([program], output=io.StringIO()) as supervisor:
        supervisor.run(until=lambda: program.starts == 1 and not program.is_running())
        assert program.due is not None and program.due - time.monotonic() <= 10
        assert program.delay == LONGEST_DELAY
        program.started_at = time.monotonic() - STEADY_AFTER - 1
        supervisor._again(program)
        assert program.due - time.monotonic() <= FIRST_DELAY
        program.due = None


def test_the_last_words_of_a_program_are_passed_on_even_without_a_line_end() -> None:
    said = io.StringIO()
    program = python("import sys\nsys.stdout.write('one\\ntwo')", once=True)
    with Supervisor(output=said) as supervisor:
        assert supervisor.wait_for(program) == 0
    assert said.getvalue() == "    child | one\n    child | two\n"


def test_a_program_that_runs_once_answers_with_its_exit_code_and_is_not_started_again() -> None:
    program = python("raise SystemExit(7)", once=True)
    with Supervisor(output=io.StringIO()) as supervisor:
        assert supervisor.wait_for(program) == 7
        supervisor.turn(0.7)
        assert program.starts == 1


def test_waiting_names_the_program_that_is_not_ready_and_shows_its_last_lines() -> None:
    program = python("import time\nprint('still reading the model')\ntime.sleep(60)", is_ready=lambda: False)
    with Supervisor([program], output=io.StringIO()) as supervisor:
        with pytest.raises(NotReady, match=r"(?s)child.*still reading the model"):
            supervisor.wait_ready(patience=1)


def test_a_program_that_ignores_the_signal_is_killed_when_its_grace_is_over() -> None:
    said = io.StringIO()
    stubborn = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\ntime.sleep(60)"
    program = Program("child", [sys.executable, "-u", "-c", stubborn], grace=0.5)
    begun = time.monotonic()
    with Supervisor([program], output=said) as supervisor:
        supervisor.run(until=lambda: "| up" in said.getvalue())
        pid = program.process.pid if program.process else 0
    assert not alive(pid) and time.monotonic() - begun < 5


def test_children_of_a_program_end_with_it_even_from_a_session_of_their_own() -> None:
    said = io.StringIO()
    text = (
        "import subprocess, sys, time\n"
        "near = subprocess.Popen(['sleep', '60'])\n"
        "far = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "print('pids', near.pid, far.pid)\ntime.sleep(60)"
    )
    with Supervisor([python(text)], output=said) as supervisor:
        supervisor.run(until=lambda: "pids" in said.getvalue())
    for pid in said.getvalue().split()[-2:]:
        assert not alive(int(pid))


def test_one_program_may_leave_while_the_others_go_on() -> None:
    stays, goes = python(SLEEPS), python(SLEEPS)
    with Supervisor([stays, goes], output=io.StringIO()) as supervisor:
        supervisor.run(until=lambda: stays.is_running() and goes.is_running())
        left = goes.process.pid if goes.process else 0
        supervisor.remove(goes)
        supervisor.turn(0.1)
        assert not alive(left) and stays.is_running() and stays.starts == 1


OUTER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background inherits that it is ignored
sys.path.insert(0, {root!r})
from apps.config.supervisor import Program, Supervisor
programs = [Program(str(n), [sys.executable, "-u", "-c", "import os, time; print('pid', os.getpid()); time.sleep(60)"]) for n in range(3)]
with Supervisor(programs) as supervisor:
    supervisor.run()
print("stopped", flush=True)
"""


def outer() -> "tuple[subprocess.Popen[str], list[int]]":
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", OUTER.format(root=str(ROOT))],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    return process, [int(process.stdout.readline().split()[-1]) for _ in range(3)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_and_ends_well(number: signal.Signals) -> None:
    process, pids = outer()
    try:
        process.send_signal(number)
        said, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0 and said.endswith("stopped\n")
    assert not any(alive(pid) for pid in pids)


def test_nothing_survives_a_supervisor_that_was_killed() -> None:
    process, pids = outer()
    process.kill()
    process.communicate()
    wait_until(lambda: not any(alive(pid) for pid in pids))
