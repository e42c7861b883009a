import numpy as np
import pytest

from csi2pc.engine.scoring import not_finite, score_clouds
from csi2pc.evaluation.metrics import frame_metrics
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.types import FrameId

FRAMES = [FrameId("a", index) for index in range(3)]
CONFIG = EvaluationConfig(metrics=["chamfer_l1", "coverage"])


@pytest.fixture
def clouds(rng):
    targets = [rng.random((count, 3)) for count in (9, 5, 7)]
    broken = rng.random((6, 3))
    broken[2, 1] = np.nan
    return targets, {
        "model": [rng.random((6, 3)), broken, rng.random((6, 3))],
        "nearest": [None, targets[0], targets[1]],
    }


def test_every_cell_is_the_metric_of_its_cloud_and_nothing_is_made_up(clouds):
    targets, given = clouds
    rows = score_clouds(FRAMES, targets, given, CONFIG)
    assert rows.methods == ("model", "nearest") and rows.points.tolist() == [9, 5, 7]
    for method, of in given.items():
        for i, cloud in enumerate(of):
            found = rows.column(method, "chamfer_l1")[i]
            if cloud is None or not np.isfinite(cloud).all():
                assert np.isnan(found)
            else:
                assert found == frame_metrics(cloud, targets[i], metrics=["chamfer_l1"])["chamfer_l1"]
    assert rows.distance == pytest.approx([np.linalg.norm(target.mean(axis=0)) for target in targets])


def test_processes_change_nothing(clouds):
    targets, given = clouds
    alone = score_clouds(FRAMES, targets, given, CONFIG)
    shared = score_clouds(FRAMES, targets, given, EvaluationConfig(metrics=CONFIG.metrics, workers=2))
    assert all(np.array_equal(values, shared.values[name], equal_nan=True) for name, values in alone.values.items())


def test_clouds_that_are_not_finite_are_counted_and_said(clouds, capsys):
    assert not_finite(clouds[1]) == {"model": 1}
    assert "model: 1 of 3 clouds are not finite" in capsys.readouterr().err
