from dataclasses import replace

import numpy as np
import pytest
from compared import comparison

from csi2pc.errors import DataError
from csi2pc.evaluation.compared_runs import compare_runs
from csi2pc.evaluation.results import read_results, write_results


def other_blind(run):
    values = {**run.rows.values, "mean_cloud/chamfer_l1": run.rows.column("mean_cloud", "chamfer_l1") + 0.1}
    return replace(run, rows=replace(run.rows, values=values))


def test_the_same_conclusions_from_the_files(tmp_path):
    runs = comparison(b=0.02)
    write_results(tmp_path, runs)
    files = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert files == [
        "a.seed0.csv.gz",
        "a.seed1.csv.gz",
        "a.seed2.csv.gz",
        *(f"b.seed{k}.csv.gz" for k in range(3)),
        "blind.csv.gz",
    ]
    first, again = (compare_runs(given, reference="a", resamples=1000) for given in (runs, read_results(tmp_path)))
    for one, other in zip(first.scores, again.scores, strict=True):
        assert (one.variant, one.metric, one.blind) == (other.variant, other.metric, other.blind)
        assert (one.mean, one.skill, one.skill_low) == pytest.approx(
            (other.mean, other.skill, other.skill_low), abs=1e-5
        )
    assert [d.standing for d in first.differences] == [d.standing for d in again.differences]


def test_bytes_are_the_same_every_time(tmp_path):
    for name in ("one", "two"):
        write_results(tmp_path / name, comparison())
    for path in (tmp_path / "one" / "made").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / "made" / path.name).read_bytes()


def test_a_variant_with_other_blind_baselines_keeps_its_own(tmp_path):
    runs = [other_blind(run) if run.variant == "b" else run for run in comparison(b=0.02)]
    write_results(tmp_path, runs)
    assert (tmp_path / "made" / "b.blind.csv.gz").exists()
    found = {run.variant: run.rows.column("mean_cloud", "chamfer_l1") for run in read_results(tmp_path)}
    assert np.mean(found["b"] - found["a"]) == pytest.approx(0.1, abs=1e-6)


def test_seeds_with_different_blind_baselines_are_refused(tmp_path):
    runs = comparison()
    with pytest.raises(DataError, match="those of made/a/seed2 are others"):
        write_results(tmp_path, [*runs[:2], other_blind(runs[2])])


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds none"):
        read_results(tmp_path)
