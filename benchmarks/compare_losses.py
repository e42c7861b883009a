"""Losses compared on the standard benchmark, from nothing to docs/comparison.md; two and a half hours on two cores.

    python benchmarks/compare_losses.py [--workers 2]

simulates the benchmark and prepares it (found again the next time), runs ``csi2pc compare`` with
``configs/compare_losses.yaml``, and keeps what was measured under ``docs/results/compare_losses``: per-frame rows,
rates that were tried, states of the runs, versions and machine. Then it writes ``docs/comparison.md`` from these files
alone, as ``python docs/make_comparison.py`` does. Stopped at any time, it goes on where it was.
"""

from __future__ import annotations

import argparse
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

from csi2pc.config import load_config
from csi2pc.engine.compare import compare
from csi2pc.engine.compare_config import CompareConfig, planned_runs
from csi2pc.engine.comparison_folder import ComparisonFolder, compared_run, read_rows_of, write_rows_of
from csi2pc.engine.prepare_data import prepare_data
from csi2pc.engine.report import report
from csi2pc.evaluation.results import write_results
from csi2pc.sim import SimConfig, simulate

ROOT = Path(__file__).resolve().parents[1]
CONFIGS, RESULTS = ROOT / "configs", ROOT / "docs" / "results" / "compare_losses"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="processes at once")
    given = parser.parse_args()
    config = load_config(CONFIGS / "compare_losses.yaml", CompareConfig)
    base = load_config(CONFIGS / config.base)
    simulate(load_config(CONFIGS / "sim_default.yaml", SimConfig), base.data.root, workers=given.workers)
    (changes,) = config.datasets.values()
    prepare_data(base, changes["data.cache_file"], workers=given.workers)
    compare(replace(config, workers=given.workers), CONFIGS)
    report(config.out)
    keep(ComparisonFolder(Path(config.out)), config, RESULTS)
    runpy.run_path(str(ROOT / "docs" / "make_comparison.py"), run_name="__main__")


def keep(out: ComparisonFolder, config: CompareConfig, results: Path) -> None:
    """Copy what a comparison measured, without checkpoints and clouds; an older copy is replaced."""
    shutil.rmtree(results, ignore_errors=True)
    chosen = {row["path"]: row for row in read_rows_of(out.runs)}
    done = [run for run in planned_runs(config, CONFIGS) if chosen[path_of(out, run)]["state"] == "done"]
    write_results(results, [compared_run(out, run) for run in done])
    write_rows_of(results / out.runs.name, list(chosen.values()))
    for path in (out.config, out.base, out.learning_rates):
        shutil.copyfile(path, results / path.name)
    shutil.copyfile(out.run(done[0]).environment, results / "environment.json")


def path_of(out: ComparisonFolder, run) -> str:
    return out.run(run).path.relative_to(out.path).as_posix()


if __name__ == "__main__":
    main()
