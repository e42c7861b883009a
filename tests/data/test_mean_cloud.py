import numpy as np
import pytest

from csi2pc.data.mean_cloud import mean_cloud
from csi2pc.errors import DataError, ShapeError


def test_mean_cloud_is_drawn_from_training_points_evenly_over_frames(rng):
    clouds = [rng.normal(size=(size, 3)) for size in (5, 500, 50)]
    cloud = mean_cloud(clouds, 12, seed=3)
    assert cloud.shape == (12, 3) and cloud.dtype == np.float32
    per_frame = [sum(np.isclose(point, frame).all(axis=1).any() for point in cloud) for frame in clouds]
    assert per_frame == [4, 4, 4]
    assert len(np.unique(cloud, axis=0)) == 12  # no point twice while there are enough
    np.testing.assert_array_equal(cloud, mean_cloud(clouds, 12, seed=3))
    assert not np.array_equal(cloud, mean_cloud(clouds, 12, seed=4))


def test_mean_cloud_of_fewer_points_than_asked_for():
    assert mean_cloud([np.zeros((2, 3)), np.zeros((0, 3))], 5, seed=0).shape == (5, 3)


def test_bad_clouds_are_refused():
    with pytest.raises(DataError, match="the 2 clouds hold none"):
        mean_cloud([np.zeros((0, 3))] * 2, 4, seed=0)
    with pytest.raises(DataError, match="must be finite"):
        mean_cloud([np.full((2, 3), np.nan)], 4, seed=0)
    with pytest.raises(ShapeError, match=r"\(points, 3\); got \(4,\)"):
        mean_cloud([np.zeros(4)], 4, seed=0)
    with pytest.raises(ShapeError, match="at least one point"):
        mean_cloud([np.zeros((2, 3))], 0, seed=0)
