"""Runs of a comparison, made up for tests: rows of several variants and seeds on the same frames."""

import numpy as np

from csi2pc.evaluation.compared_runs import ComparedRun
from csi2pc.evaluation.rows import FrameRows
from csi2pc.types import FrameId

SEQUENCES, FRAMES = 12, 4


def frames(sequences=SEQUENCES, count=FRAMES):
    return tuple(
        FrameId(
            f"E01/S{s % 3 + 1:02d}/A{s:02d}",
            i + 1,
            0.1 * i,
            scene="E01",
            subject=f"S{s % 3 + 1:02d}",
            action=f"A{s:02d}",
        )
        for s in range(sequences)
        for i in range(count)
    )


def compared_run(variant, seed, *, better=0.0, dataset="made", ids=None, metrics=("chamfer_l1", "f_score_5cm")):
    """A run whose errors are lower by ``better`` metres than the others'; what is hard is hard for all."""
    ids = frames() if ids is None else ids
    hard = np.random.default_rng(0).random(len(ids))
    own = np.random.default_rng([1, seed, sum(variant.encode())]).random(len(ids))
    error = 0.2 + 0.1 * hard + 0.01 * own - better  # (F,) metres
    errors = {
        "model": error,
        "shuffled_csi": error + 0.05,
        "mean_cloud": 0.3 + 0.1 * hard,
        "constant_cloud": 0.25 + 0.1 * hard,
    }
    values = {
        f"{method}/{metric}": 1 - value if metric.startswith("f_score") else value
        for method, value in errors.items()
        for metric in metrics
    }
    return ComparedRun(dataset, variant, seed, FrameRows(ids, np.full(len(ids), 9), values))


def comparison(seeds=(0, 1, 2), **better):
    """Runs of ``a``, the reference, and of variants that are better by so many metres."""
    return [compared_run(name, seed, better=gain) for name, gain in {"a": 0.0, **better}.items() for seed in seeds]
