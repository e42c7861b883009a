"""Commands in processes of their own, a few at a time: one that dies takes nothing with it, and says why in its log.

A job's log is locked for as long as a process of it lives: the lock belongs to the open file, which the process
inherits as its standard output, so that it outlives whoever started it and goes with the last that holds it. What a
job's process leaves behind when it ends, such as the second rank of a training whose first was killed, is ended too.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..errors import ConfigError, Interrupted
from ..progress import console
from .cost import in_time
from .interrupt import StopRequest

#: Seconds between two looks at the processes, and between two lines that say how far they are.
LOOK, SAY = 0.2, 60.0
#: Seconds that an interrupted process has to save what it has.
PATIENCE = 60.0
#: Seconds that processes have to go which a job's own left behind: once when asked, and once more when killed.
GRACE = 5.0
#: Bytes at a log's end in which its last line is looked for, and characters of it that a reason quotes.
TAIL, QUOTED = 65536, 300


@dataclass(frozen=True)
class Job:
    """Commands to be run one after the other, up to the first that fails.

    Attributes:
        name: for people.
        commands: argument lists.
        log: file for what they print.
        weight: how long it takes, compared with the other jobs.
        progress: a few words on how far it is, or nothing.
    """

    name: str
    commands: Sequence[Sequence[str]]
    log: Path
    weight: float = 1.0
    progress: Callable[[], str] = field(default=lambda: "")


@dataclass(frozen=True)
class Outcome:
    """How a job ended: ``reason`` is empty where all its commands ended well; ``code`` is the last exit status."""

    job: Job
    seconds: float
    reason: str
    code: int = 0


def run_jobs(
    jobs: Sequence[Job], *, workers: int, environments: Sequence[dict[str, str]], description: str
) -> Iterator[Outcome]:
    """Run jobs, at most ``workers`` at once, and yield each as it ends, with the time left.

    Args:
        jobs: in the order in which they start.
        workers: how many at once.
        environments: one a worker: environment variables of its processes, besides this process's own.
        description: a few words for the progress lines.

    Raises:
        ConfigError: a process is still working on one of them, its log cannot be written, or its program not started.
        Interrupted: asked to stop; the processes were asked too, and given time to save what they have.
    """
    for job in jobs:
        if job.log.exists():
            _locked_log(job).close()
    waiting, running = list(jobs), {}
    clock = _Clock(jobs, workers, description)
    with StopRequest() as stop:
        try:
            while waiting or running:
                for slot in range(workers):
                    if slot not in running and waiting:
                        running[slot] = _Running(waiting.pop(0), environments[slot])
                time.sleep(LOOK)
                if stop.asked:
                    raise Interrupted(f"interrupted while {description}; the same command goes on from here")
                for slot, process in list(running.items()):
                    outcome = process.look()
                    if outcome is not None:
                        del running[slot]
                        clock.ended(outcome)
                        yield outcome
                clock.say([process.job for process in running.values()])
        finally:
            for process in running.values():
                process.ask_to_stop()
            for process in running.values():
                process.stop()


class _Running:
    """A job whose commands are being run."""

    def __init__(self, job: Job, environment: dict[str, str]) -> None:
        self.job, self.environment, self.started = job, environment, time.monotonic()
        self.commands = list(job.commands)
        self.log = _locked_log(job)
        try:
            self._start()
        except BaseException:
            self.log.close()
            raise

    def _start(self) -> None:
        command = self.commands.pop(0)
        self.begin = _size(self.log)  # what earlier attempts and commands printed ends here
        try:
            # In a session of its own: an interrupt from the keyboard reaches it once, from here.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ConfigError(
                f"{self.job.name} needs a program that can be started; got {command[0]}: {error}; install it, or "
                "correct the command"
            ) from error
        self.group: int | None = self.process.pid

    def look(self) -> Outcome | None:
        """How it ended, once it has; starts the next command where one is left."""
        code = self.process.poll()
        if code is None:
            return None
        printed = _tail(self.log, self.begin)  # before those that are ended now have their say
        self._end_group()
        if code == 0 and self.commands:
            self._start()
            return None
        reason = "" if code == 0 else _reason(code, self.job.log, printed)
        self.log.close()
        return Outcome(self.job, time.monotonic() - self.started, reason, code)

    def ask_to_stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._end_group()
        self.log.close()

    def _end_group(self) -> None:
        """End what the process left behind: it would hold the log's lock, a rank of a training for as long as it waits.

        Only once the process itself has ended: one that was asked to stop passes that on, and saves with their help.
        """
        group, self.group = self.group, None  # once: later its number may be that of somebody else's processes
        if group is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):  # first asked: what was shared in memory is to be cleaned up
            until = time.monotonic() + GRACE
            left = _signal(group, number)
            while left and time.monotonic() < until:
                time.sleep(0.02)
                left = _signal(group, 0)
            if not left:
                return


class _Clock:
    """Says how many jobs are done and about how long is left, judging by the weight of those that have ended."""

    def __init__(self, jobs: Sequence[Job], workers: int, description: str) -> None:
        self.jobs, self.description = len(jobs), description
        self.workers = workers
        self.left = sum(job.weight for job in jobs)
        self.done, self.weight, self.seconds = 0, 0.0, 0.0
        self.said = time.monotonic()

    def ended(self, outcome: Outcome) -> None:
        self.done += 1
        self.left -= outcome.job.weight
        if not outcome.reason:
            self.weight += outcome.job.weight
            self.seconds += outcome.seconds
        how = f"FAILED after {outcome.seconds:.0f} s" if outcome.reason else f"done in {outcome.seconds:.0f} s"
        why = f": {outcome.reason}" if outcome.reason else ""
        line = f"{self.description}: {self.done}/{self.jobs}, {outcome.job.name} {how}{self.time_left()}{why}"
        console.print(line, markup=False)

    def say(self, running: Sequence[Job]) -> None:
        if time.monotonic() - self.said >= SAY and running:
            self.said = time.monotonic()
            each = "; ".join(f"{job.name} {job.progress()}".strip() for job in running)
            console.print(
                f"{self.description}: {self.done}/{self.jobs}, at work: {each}{self.time_left()}", markup=False
            )

    def time_left(self) -> str:
        if not self.weight or self.done == self.jobs:
            return ""
        seconds = self.left * self.seconds / self.weight / self.workers
        return f"; about {in_time(seconds)} left"


def _signal(group: int, number: int) -> bool:
    """Send a signal to a process group, 0 for none; whether anybody was there that may be sent one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _size(log: BinaryIO) -> int:
    return os.fstat(log.fileno()).st_size


def _tail(log: BinaryIO, begin: int) -> str:
    """The end of what was printed since the log was ``begin`` bytes long."""
    return os.pread(log.fileno(), TAIL, max(begin, _size(log) - TAIL)).decode("utf-8", errors="replace")


def _reason(code: int, log: Path, printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    last = lines[-1][:QUOTED] if lines else "nothing was printed"
    how = f"ended by signal {-code}" if code < 0 else f"exit status {code}"
    return f"{how}; its last words in {log}: {last}"


def _locked_log(job: Job) -> BinaryIO:
    """Two processes must not write one run folder; a process outlives a comparison that was killed outright."""
    return locked(job.log, f"a process is still working on {job.name}")


def locked(path: Path, at_work: str) -> BinaryIO:
    """Open a file to append to, and lock it until it is closed here and by all processes that were started with it.

    Args:
        path: the file; it and its folder are made where they are not there.
        at_work: says of whoever has locked it already what that means, for the message.

    Raises:
        ConfigError: it is locked, or cannot be written or locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+b")
    except OSError as error:
        raise ConfigError(
            f"{path} must be a file that can be written: {error}; remove what is in its way, or choose another folder"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigError(f"{at_work}: wait until it has ended, or end it (fuser {path} names it)") from None
    except OSError as error:
        file.close()
        raise ConfigError(
            f"{path} cannot be locked, so two processes could write the same files: {error}; "
            "put the comparison on a file system that locks files"
        ) from error
    return file
