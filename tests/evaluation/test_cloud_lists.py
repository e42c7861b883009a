import numpy as np
import pytest

from csi2pc.errors import DataError
from csi2pc.evaluation.cloud_lists import read_clouds, write_clouds


@pytest.fixture
def clouds(rng):
    constant, first, second = (rng.random((count, 3), dtype=np.float32) for count in (5, 7, 2))
    return {"mean_cloud": [constant] * 100, "nearest": [first, None, second, first] * 25, "nothing": [None] * 100}


def test_round_trip_with_ragged_and_missing_clouds(clouds, tmp_path):
    write_clouds(tmp_path / "clouds.npz", clouds)
    found = read_clouds(tmp_path / "clouds.npz")
    assert list(found) == list(clouds)
    for method, of in clouds.items():
        for one, other in zip(of, found[method], strict=True):
            assert (one is None and other is None) or np.array_equal(one, other)


def test_a_cloud_is_held_once(clouds, tmp_path):
    write_clouds(tmp_path / "clouds.npz", clouds)
    with np.load(tmp_path / "clouds.npz") as saved:
        assert saved["points"].shape == (14, 3)


def test_what_is_no_such_file_is_refused(tmp_path):
    (tmp_path / "clouds.npz").write_bytes(b"not a zip")
    with pytest.raises(DataError, match="clouds must be readable"):
        read_clouds(tmp_path / "clouds.npz")
    with pytest.raises(DataError, match="clouds must be readable"):
        read_clouds(tmp_path / "absent.npz")
