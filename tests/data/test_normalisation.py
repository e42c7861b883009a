import numpy as np
import pytest

from csi2pc.data.normalisation import fit_normalisation
from csi2pc.errors import DataError
from csi2pc.types import FrameId, Sample


def sample(rng, *, points=5, valid=None):
    features = rng.normal(2.0, 3.0, (2, 3, 2, 4)).astype(np.float32)
    valid = np.ones((2, 3, 4), bool) if valid is None else valid
    cloud = rng.normal((0, 0, 3), 0.4, (points, 3)).astype(np.float32)
    return Sample(features=features, valid=valid, points=cloud, frame=FrameId("E01/S01/A01", 1))


def test_agrees_with_statistics_over_everything_at_once(rng):
    samples = [sample(rng) for _ in range(20)]
    fitted = fit_normalisation(samples, points=4, seed=0)
    stacked = np.stack([s.features for s in samples]).astype(np.float64)
    np.testing.assert_allclose(fitted.feature_mean, stacked.mean(axis=(0, 4)), atol=1e-5)
    np.testing.assert_allclose(fitted.feature_std, stacked.std(axis=(0, 4)), atol=1e-5)
    points = np.concatenate([s.points for s in samples])
    np.testing.assert_allclose(fitted.centre, points.mean(axis=0), atol=1e-6)
    assert fitted.scale == pytest.approx(np.sqrt(points.var(axis=0).mean()), rel=1e-5)


def test_what_was_not_measured_does_not_count(rng):
    valid = np.ones((2, 3, 4), bool)
    valid[0, 1] = False
    samples = [sample(rng, valid=valid) for _ in range(3)]
    before = fit_normalisation(samples, points=4, seed=0)
    for s in samples:
        s.features[0, 1] = 1e6
    after = fit_normalisation(samples, points=4, seed=0)
    np.testing.assert_array_equal(before.feature_mean, after.feature_mean)
    assert (after.feature_mean[0, 1] == 0).all() and (after.feature_std[0, 1] == 1).all()


def test_every_frame_weighs_the_same_whatever_its_number_of_points(rng):
    few, many = sample(rng, points=2), sample(rng, points=200)
    fitted = fit_normalisation([few, many], points=4, seed=0)
    expected = (few.points.mean(axis=0) + many.points.mean(axis=0)) / 2
    np.testing.assert_allclose(fitted.centre, expected, atol=1e-6)


def test_anchors_are_training_points(rng):
    samples = [sample(rng) for _ in range(6)]
    anchors = fit_normalisation(samples, points=9, seed=0).anchors
    measured = {tuple(point) for s in samples for point in s.points}
    assert anchors.shape == (9, 3) and {tuple(point) for point in anchors} <= measured


def test_a_constant_entry_is_only_centred(rng):
    samples = [sample(rng) for _ in range(3)]
    for s in samples:
        s.features[1, 2, 0] = 7.0
    fitted = fit_normalisation(samples, points=4, seed=0)
    assert fitted.feature_mean[1, 2, 0] == 7.0 and fitted.feature_std[1, 2, 0] == 1.0


def test_nothing_to_fit_on_is_refused(rng):
    with pytest.raises(DataError, match="at least one training frame"):
        fit_normalisation([], points=4, seed=0)
    one = sample(rng, points=1)
    with pytest.raises(DataError, match="must spread"):
        fit_normalisation([one], points=4, seed=0)
