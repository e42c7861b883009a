"""Means over seeds keep what is missing."""

from __future__ import annotations

import numpy as np
from report_case import rows_of

from csi2pc.evaluation.compared_dataset import ComparedDataset


def test_rows_of_a_variant_are_means_over_seeds_and_keep_what_is_missing(rng):
    rows = rows_of(rng, missing=0)
    values = rng.uniform(size=(3, len(rows)))
    values[1, 4] = np.nan
    blind = type(rows)(rows.frames, rows.points, {"mean_cloud/emd": rows.column("mean_cloud", "emd")}, rows.distance)
    compared = ComparedDataset("sim", {"apml": {"emd": values}}, blind, [], None)
    found = compared.rows("apml").column("model", "emd")
    assert np.isnan(found[4]) and compared.rows("apml").methods == ("model", "mean_cloud")
    for frame in set(range(len(rows))) - {4}:
        assert found[frame] == np.mean([values[seed, frame] for seed in range(3)])
