from dataclasses import replace

import pytest

from csi2pc.engine import learning_rates as module
from csi2pc.engine.compare_config import CompareConfig, PlannedRun, SearchConfig
from csi2pc.engine.comparison_folder import ComparisonFolder, read_rows_of
from csi2pc.engine.jobs import Outcome
from csi2pc.engine.learning_rates import search_learning_rates
from csi2pc.engine.run_folder import RunFolder, append_metrics
from csi2pc.errors import DIVERGED, ConfigError

#: What the search is told by runs that never ran: rate -> validation metric, or how it ended.
FOUND = {1e-4: 0.3, 1e-3: 0.1, 1e-2: "diverged", 1e-1: "killed"}


@pytest.fixture
def pretended(monkeypatch):
    """Processes that leave metrics behind and no more; lists what was run."""
    ran = []

    def run_jobs(jobs, **_):
        for job in jobs:
            run = RunFolder(job.log.parent / job.log.name.removesuffix(".log"))
            ran.append(float(run.path.name))
            value = FOUND[ran[-1]]
            if isinstance(value, float):
                run.path.mkdir(parents=True)
                append_metrics(run, {"epoch": 1, "step": 4, "seconds": 5.0, "validation/chamfer_l1": value})
            yield Outcome(
                job, 1.0, *{"diverged": ("not finite", DIVERGED), "killed": ("signal 9", -9)}.get(value, ("", 0))
            )

    monkeypatch.setattr(module, "run_jobs", run_jobs)
    monkeypatch.setattr(module, "is_trained", lambda run: run.metrics.exists())
    return ran


def search(settings, tmp_path, rates, **changes):
    config = CompareConfig(search=SearchConfig(rates, epochs=1), **changes)
    out = ComparisonFolder(tmp_path)
    runs = [PlannedRun("data", "a", seed, settings) for seed in (0, 1)]
    return search_learning_rates(out, config, runs, [{}]), out


def test_the_rate_with_the_lowest_validation_metric_is_taken_and_a_divergence_is_reported(
    pretended, settings, tmp_path
):
    for _ in range(2):  # the second time nothing is run again
        found, out = search(settings, tmp_path, [1e-4, 1e-3, 1e-2])
        assert found.rate == {("data", "a"): 1e-3} and found.failed == {}
        assert found.seconds_per_epoch == {("data", "a"): 5.0}
        rows = read_rows_of(out.learning_rates)
        assert [(row["validation"], row["chosen"], row["diverged"], row["reason"]) for row in rows] == [
            (0.3, False, False, ""), (0.1, True, False, ""), (None, False, True, "not finite"),
        ]  # fmt: skip
    assert pretended == [1e-4, 1e-3, 1e-2]


def test_nothing_is_chosen_before_every_rate_has_ended_by_itself(pretended, settings, tmp_path):
    found, _ = search(settings, tmp_path, [1e-3, 1e-1])
    assert found.rate == {} and "was lost, call again: signal 9" in found.failed["data", "a"]
    search(settings, tmp_path, [1e-3, 1e-1])
    assert pretended == [1e-3, 1e-1, 1e-1]


def test_a_variant_of_which_every_run_diverged_fails_with_the_reason(pretended, settings, tmp_path):
    found, _ = search(settings, tmp_path, [1e-2])
    assert found.rate == {} and "not finite" in found.failed["data", "a"]


def test_without_rates_every_variant_keeps_its_own(pretended, settings, tmp_path):
    found, out = search(settings, tmp_path, [])
    assert (found.rate, found.failed, read_rows_of(out.learning_rates)) == ({}, {}, [])


def test_nothing_is_chosen_on_test(pretended, settings, tmp_path):
    blind = replace(settings, data=replace(settings.data, validation_share=0.0))
    with pytest.raises(ConfigError, match="chosen on the validation part, never on test"):
        search(blind, tmp_path, [1e-3])
