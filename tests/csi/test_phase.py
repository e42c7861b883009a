"""Laws of the phase line: known lines come back, added lines change nothing, the gap at DC does no harm."""

import numpy as np
import pytest

from csi2pc.csi.layouts import HT20, HT40, INTEL5300_HT40, LEGACY20, VHT80
from csi2pc.csi.mmfi import read_mmfi_frame
from csi2pc.csi.phase import phase_line, sanitise
from csi2pc.csi.read import read_capture


def channel(rng, shape, indices, *, paths=4, spread=0.02):
    """A smooth channel: a strong path and weaker ones at delays up to ``spread`` turns an index."""
    delays = rng.uniform(0, spread, (*shape, paths))
    gains = (rng.normal(size=delays.shape) + 1j * rng.normal(size=delays.shape)) * 0.1
    gains[..., 0] = 1
    return (gains[..., None] * np.exp(-2j * np.pi * delays[..., None] * indices)).sum(-2)


def wrapped(angle):
    return np.angle(np.exp(1j * angle))


def slow_line(csi, indices, valid):
    """One packet and link: the definition, with loops."""
    steps = np.diff(indices).tolist()
    step = min(set(steps), key=lambda s: (-steps.count(s), s))
    pairs = [k for k in range(len(steps)) if steps[k] == step and valid[k] and valid[k + 1]]
    slope = np.angle(sum(csi[k + 1] * np.conj(csi[k]) for k in pairs)) / step
    measured = np.flatnonzero(valid)
    rest = [np.angle(csi[k] * np.exp(-1j * slope * indices[k])) for k in measured]
    for i in range(1, len(rest)):
        rest[i] = rest[i - 1] + wrapped(rest[i] - rest[i - 1])
    fitted = np.polyfit(indices[measured], rest, 1)
    return slope + fitted[0], fitted[1]


@pytest.mark.parametrize("indices", [LEGACY20, HT20, HT40, VHT80, INTEL5300_HT40])
def test_a_known_line_is_found(indices):
    slopes, offsets = np.array([-0.7, 0.0, 0.31]), np.array([3.0, -1.0, 0.2])
    csi = np.exp(1j * (slopes[:, None] * indices + offsets[:, None]))
    slope, offset = phase_line(csi, indices)
    assert np.allclose(slope, slopes, atol=1e-12)
    assert np.allclose(wrapped(offset - offsets), 0, atol=1e-10)
    assert np.allclose(sanitise(csi, indices), 1, atol=1e-10)


def test_the_gap_at_dc_is_crossed_where_unwrap_alone_fails():
    slope = 1.2  # times the gap of 4 indices: 4.8 rad, more than pi
    csi = np.exp(1j * slope * HT40)[None]
    naive = np.polyfit(HT40, np.unwrap(np.angle(csi[0])), 1)[0]
    assert abs(naive - slope) > 0.05
    assert abs(phase_line(csi, HT40)[0][0] - slope) < 1e-12


@pytest.mark.parametrize(("indices", "steepest"), [(HT40, 3.0), (LEGACY20, 3.0), (INTEL5300_HT40, 0.7)])
def test_added_sto_and_cfo_change_nothing(rng, indices, steepest):
    csi = channel(rng, (20, 3), indices).astype(np.complex64)
    sto, cfo = rng.uniform(-steepest, steepest, (20, 3, 1)), rng.uniform(-np.pi, np.pi, (20, 3, 1))
    moved = (csi * np.exp(1j * (sto * indices + cfo))).astype(np.complex64)
    difference = np.angle(sanitise(moved, indices) * sanitise(csi, indices).conj())
    assert np.abs(difference).max() < 1e-5


def test_equals_the_slow_loop_with_holes(rng):
    csi = channel(rng, (6, 2), HT40) * np.exp(1j * rng.uniform(-2, 2, (6, 2, 1)) * HT40)
    valid = rng.random(csi.shape) > 0.2
    slope, offset = phase_line(csi, HT40, valid)
    for t, a in np.ndindex(6, 2):
        expected = slow_line(csi[t, a], HT40, valid[t, a])
        assert abs(slope[t, a] - expected[0]) < 1e-10
        assert abs(wrapped(offset[t, a] - expected[1])) < 1e-9


def test_what_stands_at_unmeasured_tones_does_not_matter(rng):
    csi = channel(rng, (4, 1), HT40)
    valid = rng.random(csi.shape) > 0.3
    spoiled = np.where(valid, csi, 1e6)
    assert np.allclose(phase_line(csi, HT40, valid), phase_line(spoiled, HT40, valid))


def test_nothing_measured_stays_as_it_is():
    csi = np.zeros((2, 1, 114), dtype=np.complex64)
    assert np.array_equal(sanitise(csi, HT40, np.zeros(csi.shape, dtype=bool)), csi)


def test_amplitude_and_dtype_are_kept(rng):
    csi = channel(rng, (3, 2), HT40).astype(np.complex64)
    out = sanitise(csi, HT40)
    assert out.dtype == np.complex64
    assert np.allclose(np.abs(out), np.abs(csi), rtol=1e-6)


def spread_over_time(csi):
    """Circular standard deviation over packets, radians, one a link and tone."""
    length = np.abs(np.exp(1j * np.angle(csi)).mean(0))
    return np.sqrt(-2 * np.log(length))


def test_phase_of_a_real_mmfi_frame_repeats_from_packet_to_packet(real_data):
    capture = read_mmfi_frame(real_data / "mmfi" / "frame001.mat")
    assert spread_over_time(capture.csi).mean() > 1.5
    spread = spread_over_time(sanitise(capture.csi, capture.subcarriers, capture.valid))
    assert spread.mean() < 0.03
    assert np.median(spread) < 0.03
    # Every link stays below the bound; only tones in a fade reach 0.1 rad.
    assert spread.mean(-1).max() < 0.05 and spread.max() < 0.12


@pytest.mark.parametrize("name", ["esp32_ht40/csi.csv", "rooms/csi/room3/v18/3-mt-experiment-1-v18.csv"])
def test_phase_of_real_esp32_captures_repeats_from_packet_to_packet(real_data, name):
    capture = read_capture(real_data / name)
    spread = spread_over_time(sanitise(capture.csi, capture.subcarriers, capture.valid))
    assert spread.mean() < 0.1
