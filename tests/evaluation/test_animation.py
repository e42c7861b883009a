"""Pictures of one size and one scale; what moves in the data moves in the picture."""

import numpy as np
import pytest
from cloud_case import person

from csi2pc.errors import ConfigError, DataError
from csi2pc.evaluation.animation import REACH, FilmPage, limits
from csi2pc.evaluation.cloud_sequence import CloudSequence, FrameMetric


def sequence(clouds, *, count=4, name="E01/S01/A01", metrics=(), synthetic=False):
    labels = tuple(map(str, range(count)))
    return CloudSequence(name, labels, np.arange(count) / 10, clouds, metrics, synthetic)


def broken(frame):
    raise DataError("damaged")


def blue(pixels):
    """Where a picture has the colour of predictions, columns of those pixels."""
    red, green, strong = (pixels[..., channel].astype(int) for channel in range(3))
    return np.nonzero((strong - red > 60) & (strong - green > 20))[1]


def test_pictures_have_one_even_size_and_show_motion():
    page = FilmPage(sequence({"target": person, "prediction": person}), size=501)
    first, last, again = page.draw(0), page.draw(3), page.draw(0)
    assert first.dtype == np.uint8 and first.shape == last.shape
    assert first.shape[0] % 2 == first.shape[1] % 2 == 0 and 300 < first.shape[1] <= 500
    np.testing.assert_array_equal(first, again)
    assert blue(last).mean() > blue(first).mean() + 5  # 0.3 m to the right


def test_limits_hold_the_target_and_what_is_near_it():
    far = np.float32([[0, 0, 50], [0.2, 0, 3.9]])
    low, high = limits(sequence({"target": person, "prediction": lambda frame: far}))
    every = np.concatenate([person(frame) for frame in range(4)])
    assert np.all(low <= every.min(axis=0)) and np.all(high >= every.max(axis=0))
    assert 3.9 < high[2] < every[:, 2].max() + REACH + 0.1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_clouds_without_any_width_can_be_drawn(axis):
    line = np.zeros((2, 3), np.float32)
    line[1, axis] = 1e6
    assert FilmPage(sequence({"prediction": lambda frame: line}), size=400).draw(0).ndim == 3


def test_a_cloud_that_cannot_be_read_leaves_its_panel_empty():
    page = FilmPage(sequence({"target": person, "prediction": broken}), size=400)
    picture = page.draw(1)
    page.draw(2)
    assert page.unread == {"target": 0, "prediction": 2}
    assert picture.min() < 100
    with pytest.raises(DataError, match="none of E01/S01/A01 can be read"):
        FilmPage(sequence({"prediction": broken}), size=400)


def test_text_from_folders_is_text(rng):
    values = np.array([0.1, np.nan, 0.2, 0.3])
    metric = FrameMetric("chamfer_l1", "m", "lower", values, "$\\blind", values)
    page = FilmPage(sequence({"$\\frac{": person}, name="$\\frac{" * 30, metrics=(metric,), synthetic=True), size=400)
    assert not np.array_equal(page.draw(0), page.draw(1))


def test_other_sizes_are_refused():
    with pytest.raises(ConfigError, match="size must be 320 to 3840"):
        FilmPage(sequence({"prediction": person}), size=100)
