"""Reference antennas: the definitions, what cancels, and what cannot be related."""

import numpy as np
import pytest

from csi2pc.csi.references import antenna_ratio, conjugate_product
from csi2pc.errors import DataError

RELATE = {"product": conjugate_product, "ratio": antenna_ratio}


@pytest.fixture
def csi(rng):
    return 3 + rng.normal(size=(4, 6, 5)) + 1j * rng.normal(size=(4, 6, 5))


@pytest.mark.parametrize("name", RELATE)
@pytest.mark.parametrize("reference", [0, 1, 2])
def test_equals_the_loop_over_antennas(csi, name, reference):
    everything = np.ones(csi.shape, bool)
    got, valid = RELATE[name](csi, everything, rx=3, reference=reference)
    assert got.shape == (4, 4, 5) and valid.all()
    others = [a for a in range(3) if a != reference]
    for tx in range(2):
        for i, a in enumerate(others):
            one, ref = csi[:, tx * 3 + a], csi[:, tx * 3 + reference]
            assert np.allclose(got[:, tx * 2 + i], one * ref.conj() if name == "product" else one / ref)
    alone, _ = RELATE[name](csi[1], everything[1], rx=3, reference=reference)
    assert np.array_equal(alone, got[1])


@pytest.mark.parametrize("name", RELATE)
def test_a_common_line_cancels_and_a_common_gain_in_the_ratio(csi, rng, name):
    everything = np.ones(csi.shape, bool)
    turned = csi * np.exp(1j * (rng.uniform(-3, 3, (4, 1, 1)) * np.arange(5) + rng.uniform(-3, 3, (4, 1, 1))))
    gain = rng.uniform(1, 9, (4, 1, 1))
    got, _ = RELATE[name](turned * gain, everything, rx=3)
    expected, _ = RELATE[name](csi, everything, rx=3)
    assert np.allclose(got, expected * (gain**2 if name == "product" else 1))


@pytest.mark.parametrize("name", RELATE)
def test_valid_where_both_are(csi, rng, name):
    valid = rng.random(csi.shape) > 0.3
    _, got = RELATE[name](csi, valid, rx=2, reference=1)
    assert np.array_equal(got, valid[:, 0::2] & valid[:, 1::2])


def test_a_faded_reference_gives_no_ratio(csi):
    csi[0, 0, 2], csi[1, 0, 3], csi[2, 0] = 0, 1e-3 * csi[1, 0, 3], 0
    got, valid = antenna_ratio(csi.astype(np.complex64), np.ones(csi.shape, bool), rx=6)
    assert not valid[0, :, 2].any() and not valid[1, :, 3].any() and not valid[2].any()
    assert not got[~valid].any() and np.isfinite(got).all() and got.dtype == np.complex64
    assert valid.sum() == 5 * (5 + 5 + 5 + 5 - 1 - 1 - 5)


@pytest.mark.parametrize("relate", RELATE.values())
def test_antennas_that_are_not_there_are_refused(csi, relate):
    everything = np.ones(csi.shape, bool)
    with pytest.raises(DataError, match="needs at least 2 receive antennas; this capture has 1"):
        relate(csi, everything, rx=1)
    for reference in (-1, 3):
        with pytest.raises(DataError, match=f"must be 0 to 2, one of the 3 receive antennas; got {reference}"):
            relate(csi, everything, rx=3, reference=reference)
