import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from csi2pc.engine import jobs as module
from csi2pc.engine.jobs import Job, run_jobs
from csi2pc.errors import ConfigError, Interrupted


def python(code, *arguments):
    return [sys.executable, "-c", code, *arguments]


def run(jobs, workers=2):
    return list(
        run_jobs(jobs, workers=workers, environments=[{"SLOT": str(i)} for i in range(workers)], description="testing")
    )


def test_commands_follow_one_another_and_print_into_the_log(tmp_path):
    job = Job("both", [python("print('one')"), python("print('two')")], tmp_path / "a" / "job.log")
    (outcome,) = run([job])
    assert (outcome.job, outcome.reason) == (job, "")
    assert job.log.read_text() == "one\ntwo\n"


def test_a_job_that_dies_says_why_and_takes_nothing_with_it(tmp_path):
    jobs = [
        Job("exits", [python("print('why'); raise SystemExit(3)"), python("print('never')")], tmp_path / "exits.log"),
        Job("killed", [python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")], tmp_path / "killed.log"),
        Job("good", [python("print('fine')")], tmp_path / "good.log"),
    ]
    outcomes = run(jobs)
    reasons = {outcome.job.name: outcome.reason for outcome in outcomes}
    codes = {outcome.job.name: outcome.code for outcome in outcomes}
    assert codes == {"exits": 3, "killed": -9, "good": 0}
    assert "exit status 3" in reasons["exits"] and reasons["exits"].endswith("why")
    assert "ended by signal 9" in reasons["killed"]
    assert reasons["good"] == ""
    assert "never" not in jobs[0].log.read_text()


def leaves_a_child(end, *, deaf=False):
    """A command whose child goes on when it ends, and does not heed a termination signal where it is ``deaf``."""
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if deaf else ""
    return python(f"import os, signal, subprocess, time; {ignore}subprocess.Popen(['sleep', '60']); {end}")


def is_free(log):
    with open(log) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.mark.parametrize(
    ("end", "code", "deaf"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, False),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9, True),
        ("raise SystemExit(3)", 3, True),
        ("pass", 0, True),
    ],
)
def test_what_a_job_leaves_behind_ends_with_it(tmp_path, monkeypatch, end, code, deaf):
    monkeypatch.setattr(module, "GRACE", 0.5)
    job = Job("parent", [leaves_a_child(end, deaf=deaf)], tmp_path / "log")
    assert run([job])[0].code == code
    assert is_free(job.log)  # so that the next run of it is not refused


def test_the_last_words_are_not_those_of_a_child_that_is_ended(tmp_path):
    child = ["sh", "-c", "trap 'echo asked to stop; exit' TERM; echo ready >&2; sleep 60 & wait"]
    code = (
        "import subprocess\n"
        f"subprocess.Popen({child!r}, stderr=subprocess.PIPE).stderr.readline()\n"
        "print('why', flush=True); raise SystemExit(3)"
    )
    job = Job("parent", [python(code)], tmp_path / "log")
    assert run([job])[0].reason.endswith(f"{job.log}: why")
    assert "asked to stop" in job.log.read_text()


def test_no_more_than_so_many_at_once_and_each_slot_has_its_environment(tmp_path):
    begin = "import os, sys, time; print(os.environ['SLOT'], time.time()); sys.stdout.flush()"
    code = f"{begin}; time.sleep(0.3); print(0, time.time())"
    jobs = [Job(str(i), [python(code)], tmp_path / f"{i}.log") for i in range(5)]
    run(jobs)
    times = [[line.split() for line in job.log.read_text().splitlines()] for job in jobs]
    moments = sorted((float(moment), +1 if i == 0 else -1) for of in times for i, (_, moment) in enumerate(of))
    running = [sum(step for _, step in moments[: i + 1]) for i in range(len(moments))]
    assert max(running) <= 2
    assert {of[0][0] for of in times} <= {"0", "1"}


def interrupted(job):
    """Run a job until it printed "begun", and then ask to stop."""

    def interrupt():
        while not job.log.exists() or "begun" not in job.log.read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted, match="the same command goes on from here"):
        run([job])


def test_an_interrupt_reaches_the_processes_and_lets_them_save(tmp_path):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(130)))\n"
        "print('begun'); sys.stdout.flush(); time.sleep(60)"
    )
    job = Job("long", [python(code)], tmp_path / "long.log")
    interrupted(job)
    assert "saved" in job.log.read_text()


def test_an_interrupt_leaves_a_process_its_children_until_it_has_ended(tmp_path):
    code = (
        "import signal, subprocess, sys, time\n"
        "helper = ['sh', '-c', 'read word; echo child $word; echo done >&2; sleep 60']\n"
        "child = subprocess.Popen(helper, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)\n"
        "def save(*_):\n"
        "    time.sleep(0.3)\n"
        "    child.stdin.write(b'saved\\n')\n"
        "    child.stderr.readline()\n"
        "    sys.exit(130)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "print('begun'); sys.stdout.flush(); time.sleep(60)"
    )
    job = Job("helped", [python(code)], tmp_path / "helped.log")
    interrupted(job)
    assert "child saved" in job.log.read_text()
    assert is_free(job.log)


def test_the_last_words_are_those_of_the_command_that_failed(tmp_path):
    log = tmp_path / "log"
    silent = python("raise SystemExit(3)")
    for commands, words in (
        ([python("print('out of memory'); raise SystemExit(1)")], "out of memory"),
        ([silent], "nothing was printed"),
        ([python("print('trained')"), silent], "nothing was printed"),
        ([python("print('x' * 1_000_000); print('why', end=''); raise SystemExit(3)")], "why"),
    ):
        assert run([Job("again", commands, log)])[0].reason.endswith(f"{log}: {words}")


def test_a_log_that_cannot_be_and_a_program_that_is_not_there_are_explained(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for log in (tmp_path / "folder", tmp_path / "file" / "log", tmp_path / "file" / "deeper" / "log"):
        with pytest.raises(ConfigError, match="must be a file that can be written: .*remove what is in its way"):
            run([Job("a", [python("pass")], log)])
    for program in ("no-such-program", str(tmp_path / "file")):
        for commands in ([[program]], [python("pass"), [program]]):
            with pytest.raises(ConfigError, match=f"a needs a program that can be started; got {program}: .*install"):
                run([Job("a", commands, tmp_path / "log")])
            assert is_free(tmp_path / "log")


def test_a_process_that_outlived_its_comparison_is_not_joined_by_a_second(tmp_path):
    job = Job("busy", [python("import os, time; print(os.getpid(), flush=True); time.sleep(600)")], tmp_path / "log")
    comparison = (
        "from pathlib import Path; from csi2pc.engine.jobs import Job, run_jobs\n"
        f"job = Job('busy', {job.commands!r}, Path({str(job.log)!r}))\n"
        "list(run_jobs([job], workers=1, environments=[{}], description='testing'))"
    )
    first = subprocess.Popen(python(comparison))
    while not job.log.exists() or not job.log.read_text().endswith("\n"):
        assert first.poll() is None
        time.sleep(0.05)
    first.kill()
    first.wait()
    try:
        with pytest.raises(ConfigError, match="a process is still working on busy: wait until it has ended"):
            run([job])
    finally:
        os.kill(int(job.log.read_text()), signal.SIGKILL)
    with open(job.log) as log:
        fcntl.flock(log, fcntl.LOCK_EX)  # given once the process has gone
    assert run([Job("freed", [python("pass")], job.log)])[0].reason == ""


def test_time_left_is_judged_by_weight(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(module.console, "print", lambda text, **_: said.append(text))
    jobs = [Job(name, [python("pass")], tmp_path / f"{name}.log", weight) for name, weight in [("a", 1.0), ("b", 1.0)]]
    run(jobs, workers=1)
    assert "testing: 1/2, a done in" in said[0] and "left" in said[0]
    assert "testing: 2/2, b done in" in said[1] and "left" not in said[1]
