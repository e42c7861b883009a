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


def test_an_interrupt_reaches_the_processes_and_lets_them_save(tmp_path):
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(130)))\n"
        "print('begun'); sys.stdout.flush(); time.sleep(60)"
    )
    job = Job("long", [python(code)], tmp_path / "long.log")

    def interrupt():
        while not job.log.exists() or "begun" not in job.log.read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted, match="the same command goes on from here"):
        run([job])
    assert "saved" in job.log.read_text()


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
