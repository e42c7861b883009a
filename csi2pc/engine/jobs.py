"""Commands in processes of their own, a few at a time: one that dies takes nothing with it, and says why in its log.

A job's log is locked for as long as a process of it lives: the lock belongs to the open file, which the process
inherits as its standard output, so that it outlives whoever started it and goes with the last that holds it.
"""

from __future__ import annotations

import fcntl
import os
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
#: Characters of a log's last line that a reason quotes.
QUOTED = 300


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
        ConfigError: a process is still working on one of them.
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
        # In a session of its own: an interrupt from the keyboard reaches it once, from here.
        self.process = subprocess.Popen(
            self.commands.pop(0), stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment}, start_new_session=True,
        )  # fmt: skip

    def look(self) -> Outcome | None:
        """How it ended, once it has; starts the next command where one is left."""
        code = self.process.poll()
        if code is None:
            return None
        if code == 0 and self.commands:
            self._start()
            return None
        self.log.close()
        reason = "" if code == 0 else _reason(code, self.job.log)
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
        self.log.close()


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


def _reason(code: int, log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    last = lines[-1][:QUOTED] if lines else "nothing was printed"
    how = f"ended by signal {-code}" if code < 0 else f"exit status {code}"
    return f"{how}; its last words in {log}: {last}"


def _locked_log(job: Job) -> BinaryIO:
    """Two processes must not write one run folder; a process outlives a comparison that was killed outright."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    log = open(job.log, "ab")
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.close()
        raise ConfigError(
            f"a process is still working on {job.name}: wait until it has ended, or end it (fuser {job.log} names it)"
        ) from None
    except OSError as error:
        log.close()
        raise ConfigError(
            f"{job.log} cannot be locked, so two processes could write one run: {error}; "
            "put the comparison on a file system that locks files"
        ) from error
    return log
