"""Runs programs and keeps them running, in one thread, with the standard library.

A program that falls is started again after a delay that grows; its output is passed on line by line with its name in front. Nothing
survives the supervisor: children receive SIGTERM when it dies, however it dies, and `stop` ends whatever is left.

    with Supervisor([web, worker]) as supervisor:
        supervisor.wait_ready()
        supervisor.add(serving)
        for step in story:          # anything in the foreground: call turn() now and then
            supervisor.turn(0)
        supervisor.run()            # until Ctrl-C or SIGTERM
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

from apps.config import database

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
FIRST_DELAY, LONGEST_DELAY, STEADY_AFTER = 0.5, 10.0, 20.0
LAST_LINES = 20


class Interrupted(Exception):
    """Somebody asked the supervisor to stop while it was waiting for something else."""


class NotReady(Exception):
    """A program did not become ready; the message names it and holds its last lines."""


@dataclass(eq=False)
class Program:
    """One program: what to run, when it counts as ready, and how long it may take to stop."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    descriptors: tuple[int, ...] = ()
    grace: float = 15.0
    once: bool = False  # ends by itself and is not started again
    process: "subprocess.Popen[bytes] | None" = None
    returncode: int | None = None
    starts: int = 0
    started_at: float = 0.0
    due: float | None = 0.0
    delay: float = FIRST_DELAY
    lines: "deque[str]" = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    rest: bytes = b""

    def is_running(self) -> bool:
        """True between its start and its end."""
        return self.process is not None


class Supervisor:
    """Starts programs, turns while they run, stops them in reverse order."""

    def __init__(
        self,
        programs: Iterable[Program] = (),
        *,
        descriptors: Callable[[], list[int]] = list,
        tend: Callable[[], None] | None = None,
        output: TextIO | None = None,
    ) -> None:
        self.programs: list[Program] = list(programs)
        self.descriptors = descriptors  # asked at every start; every child inherits them (the database's lease)
        self.tend = tend  # called every few seconds (keeping the embedded database alive)
        self.output = output or sys.stdout
        self.asked = 0  # how often a signal asked to stop
        self.stopping = False
        self._tended_at = 0.0
        self._events = selectors.DefaultSelector()
        self._handlers: dict[int, Any] = {}
        self._sessions: set[int] = set()
        self._strangers: set[int] = set()

    # --- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of a killed child come to us
        self._strangers = set(_children())
        self._wake, self._waker = os.pipe()
        for descriptor in (self._wake, self._waker):
            os.set_blocking(descriptor, False)
        self._events.register(self._wake, selectors.EVENT_READ)
        self._previous_wakeup = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                self._handlers[number] = signal.signal(number, self._ask)
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            self.stop()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._previous_wakeup)
            self._events.close()
            os.close(self._wake)
            os.close(self._waker)
            LIBC.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        return kind is Interrupted

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1

    def add(self, program: Program) -> Program:
        """Run one more program from the next turn on."""
        self.programs.append(program)
        return program

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Turn until a signal asks to stop or `until()` holds; stopping is left to the end of the `with` block."""
        with contextlib.suppress(Interrupted):
            while not until():
                self.turn()

    def wait_ready(self, *programs: Program, patience: float = 60.0) -> None:
        """Turn until every program (or every one given) is ready."""
        waiting = [program for program in programs or self.programs if program.is_ready]
        end = time.monotonic() + patience
        while waiting:
            self.turn(0.1)
            waiting = [
                program for program in waiting if not (program.is_running() and program.is_ready and program.is_ready())
            ]
            if waiting and time.monotonic() > end:
                names = ", ".join(program.name for program in waiting)
                said = "\n".join(f"  {line}" for program in waiting for line in program.lines)
                raise NotReady(f"Not ready after {patience:.0f} s: {names}. Last lines:\n{said or '  (none)'}")

    def wait_for(self, program: Program) -> int:
        """Turn until a program that runs once has ended; answers with its exit code."""
        if program not in self.programs:
            self.add(program)
        while program.returncode is None:
            self.turn()
        return program.returncode

    # --- one turn -----------------------------------------------------------------------------------------------------

    def turn(self, wait: float = 0.5) -> None:
        """Start what is due, pass lines on, notice the fallen. Raises Interrupted once a signal has asked to stop."""
        if self.asked and not self.stopping:
            raise Interrupted
        now = time.monotonic()
        if self.tend and not self.stopping and now - self._tended_at > 2:
            self._tended_at = now
            self.tend()
        for program in self.programs:
            if program.due is not None and program.due <= now and not self.stopping:
                self._start(program)
        for key, _ in self._events.select(wait):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
            else:
                self._pass_on(key.data)
        for program in self.programs:
            if program.process and _has_ended(program.process.pid):
                self._fallen(program)
        self._reap_orphans()

    def _start(self, program: Program) -> None:
        parent = os.getpid()

        def before_exec() -> None:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:  # we died between fork and prctl
                os._exit(1)

        program.due, program.returncode, program.rest = None, None, b""
        program.started_at = time.monotonic()
        program.starts += 1
        try:
            program.process = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C does not reach it a second time
                pass_fds=[*program.descriptors, *self.descriptors()],
                preexec_fn=before_exec,
                cwd=program.folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
            )
        except OSError as error:
            self._say(program, f"cannot start: {error}")
            self._again(program)
            return
        self._sessions.add(program.process.pid)
        stream = program.process.stdout
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
            self._events.register(stream, selectors.EVENT_READ, program)

    def _pass_on(self, program: Program) -> None:
        stream = program.process.stdout if program.process else None
        if stream is None or stream.closed:
            return
        while True:
            try:
                chunk = os.read(stream.fileno(), 65536)
            except BlockingIOError:
                return
            if not chunk:
                with contextlib.suppress(KeyError):
                    self._events.unregister(stream)
                return
            *lines, program.rest = (program.rest + chunk).split(b"\n")
            for line in lines:
                self._say(program, line.decode(errors="replace"))

    def _say(self, program: Program, line: str) -> None:
        program.lines.append(line)
        with contextlib.suppress(BrokenPipeError):
            self.output.write(f"{program.name:>9} | {line}\n")
            self.output.flush()

    def _fallen(self, program: Program) -> None:
        process = program.process
        if process is None:
            return
        _kill_group(process.pid)  # what it left behind, while its number cannot have been given to anybody else
        process.wait()
        self._pass_on(program)
        if program.rest:
            self._say(program, program.rest.decode(errors="replace"))
            program.rest = b""
        if process.stdout is not None:
            with contextlib.suppress(KeyError):
                self._events.unregister(process.stdout)
            process.stdout.close()
        program.process, program.returncode = None, process.returncode
        if not self.stopping and not program.once:
            self._say(program, f"ended ({_ending(process.returncode)}); starting it again")
            self._again(program)

    def _again(self, program: Program) -> None:
        lived = time.monotonic() - program.started_at
        wait = FIRST_DELAY if lived > STEADY_AFTER else program.delay
        program.due = time.monotonic() + wait
        program.delay = min(wait * 2, LONGEST_DELAY)

    def _reap_orphans(self) -> None:
        """Bury what a killed program left in its session; other children belong to whoever started them."""
        ours = {program.process.pid for program in self.programs if program.process}
        for pid in _children():
            state, session = _state(pid)
            if state == "Z" and session in self._sessions and pid not in ours:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    # --- the end --------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End every program, the last started first; a second signal, or a program's grace running out, kills."""
        self.stopping = True
        for program in reversed(self.programs):
            self._end(program)
        while any(program.process for program in self.programs):
            now = time.monotonic()
            for program in self.programs:
                if program.process and (self.asked > 1 or (program.due is not None and now > program.due)):
                    _kill_group(program.process.pid)
            self.turn(0.1)
        for orphan in _children():  # what left its session and lost its parent
            if orphan not in self._strangers and not database.runs_keeper(orphan):
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(orphan, signal.SIGKILL)
                    os.waitpid(orphan, 0)

    def _end(self, program: Program) -> None:
        """Ask one program to end; while stopping, `due` is the moment at which it is killed."""
        program.due = time.monotonic() + program.grace
        if program.process:
            with contextlib.suppress(ProcessLookupError):
                program.process.send_signal(signal.SIGTERM)

    def remove(self, program: Program) -> None:
        """End one program and forget it; the others go on."""
        self.programs.remove(program)
        process, end = program.process, time.monotonic() + program.grace
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        while not _has_ended(process.pid):
            if time.monotonic() > end:
                _kill_group(process.pid)
            self._pass_on(program)
            time.sleep(0.02)
        program.once = True
        self._fallen(program)


def _has_ended(pid: int) -> bool:
    """True when the child has ended and waits to be reaped."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except FileNotFoundError:  # a kernel that does not list them
        return []


def _state(pid: int) -> tuple[str, int]:
    """One letter and the session of a process; Z is a dead one that nobody has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return "", 0
    return fields[0], int(fields[3])


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ending(returncode: int) -> str:
    if returncode < 0:
        return f"signal {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"
