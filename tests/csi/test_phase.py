"""Laws of the phase line: known lines come back, added lines change nothing, the gap at DC does no harm."""

import numpy as np
import pytest

from csi2pc.csi.intel5300 import read_intel5300
from csi2pc.csi.layouts import HT20, HT40, INTEL5300_HT40, LEGACY20, VHT80
from csi2pc.csi.mmfi import read_mmfi_frame
from csi2pc.csi.phase import (
    joint_line,
    phase_line,
    remove_line,
    sanitise,
    sanitise_joint,
    sanitise_two_point,
    two_point_line,
)
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


def test_a_line_that_is_removed_and_put_back_changes_nothing(rng):
    csi = channel(rng, (3, 2), HT40)
    slope, offset = rng.uniform(-1, 1, (3, 1)), rng.uniform(-3, 3, (3, 1))
    assert np.allclose(remove_line(remove_line(csi, HT40, slope, offset), HT40, -slope, -offset), csi)


@pytest.mark.parametrize("indices", [LEGACY20, HT40, INTEL5300_HT40])
def test_two_points_give_the_published_line(rng, indices):
    csi = channel(rng, (8, 2), indices)
    slope, offset = two_point_line(csi, indices)
    for t, a in np.ndindex(8, 2):
        first = phase_line(csi[t, a], indices)[0]
        phase = first * indices + np.unwrap(np.angle(csi[t, a] * np.exp(-1j * first * indices)))
        assert np.isclose(slope[t, a], (phase[-1] - phase[0]) / (indices[-1] - indices[0]))
        assert np.isclose(wrapped(offset[t, a] - phase.mean()), 0, atol=1e-9)  # symmetric indices
        alone = two_point_line(csi[t, a], indices)
        assert np.allclose(alone, (slope[t, a], offset[t, a]))


def test_two_points_are_the_outermost_that_are_measured(rng):
    csi, valid = channel(rng, (4, 1), HT40), np.ones((4, 1, 114), bool)
    valid[..., :7] = valid[..., -5:] = valid[..., 50] = False
    inner = np.delete(np.arange(7, 109), 43)
    spoiled = np.where(valid, csi, 1e6)
    got, expected = two_point_line(spoiled, HT40, valid), two_point_line(csi[..., inner], HT40[inner])
    assert np.allclose(got[0], expected[0]) and np.allclose(wrapped(got[1] - expected[1]), 0)


def spotfi(csi, indices):
    """Algorithm 1 of SpotFi as printed: one slope and one offset for the unwrapped phases of all antennas."""
    phase = np.unwrap(np.angle(csi), axis=-1)
    k = np.broadcast_to(indices, phase.shape).ravel()
    return np.linalg.lstsq(np.stack([k, np.ones(k.size)], 1).astype(float), phase.ravel(), rcond=None)[0][0]


def test_the_joint_slope_is_spotfis(rng):
    csi = channel(rng, (6, 3), HT20) * np.exp(1j * rng.uniform(-0.4, 0.4, (6, 1, 1)) * HT20)
    slope, _ = joint_line(csi, HT20)
    assert np.allclose(slope, [spotfi(packet, HT20) for packet in csi])
    assert np.allclose(joint_line(csi[2], HT20)[0], slope[2])


def test_a_joint_line_keeps_what_differs_between_antennas(rng):
    csi = channel(rng, (10, 3), HT40)
    line = rng.uniform(-2, 2, (10, 1, 1)) * HT40 + rng.uniform(-3, 3, (10, 1, 1))
    everything = np.ones(csi.shape, bool)
    for keep_offset in (False, True):
        got, _ = sanitise_joint(csi * np.exp(1j * line), HT40, everything, reference=1, keep_offset=keep_offset)
        assert np.allclose(got[:, 1:] * got[:, :1].conj(), csi[:, 1:] * csi[:, :1].conj())
        plain, _ = sanitise_joint(csi, HT40, everything, reference=1, keep_offset=keep_offset)
        assert np.allclose(got, plain) != keep_offset
        assert np.allclose(np.abs(got), np.abs(csi))
    assert np.allclose(phase_line(sanitise_joint(csi, HT40, everything, reference=2)[0], HT40)[1][:, 2], 0, atol=0.2)


def test_a_packet_without_its_reference_link_cannot_be_aligned(rng):
    csi, valid = channel(rng, (5, 3), HT40), np.ones((5, 3, 114), bool)
    valid[3, 0] = False
    got, still = sanitise_joint(csi, HT40, valid)
    assert not got[3].any() and not still[3].any() and still[[0, 1, 2, 4]].all()
    assert np.isfinite(sanitise_joint(csi, HT40, np.zeros_like(valid))[0]).all()


@pytest.mark.parametrize("fit", [phase_line, two_point_line, joint_line])
def test_one_tone_or_none_gives_a_line_without_slope(fit):
    assert not np.any(fit(np.zeros((2, 3, 114), complex), HT40, np.zeros((2, 3, 114), bool)))
    slope, offset = fit(np.full((2, 3, 1), 1j), np.array([5]))
    assert not slope.any() and np.allclose(offset, np.pi / 2)


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


def test_every_way_to_take_the_line_out_of_a_real_mmfi_frame_leaves_a_tenth_of_the_spread(real_data):
    capture = read_mmfi_frame(real_data / "mmfi" / "frame001.mat")
    raw = spread_over_time(capture.csi).mean()
    lines = {
        "per_antenna": sanitise(capture.csi, capture.subcarriers, capture.valid),
        "two_point": sanitise_two_point(capture.csi, capture.subcarriers, capture.valid),
        "joint": sanitise_joint(capture.csi, capture.subcarriers, capture.valid)[0],
    }
    for name, csi in lines.items():
        assert spread_over_time(csi).mean() < raw / 10, name


@pytest.mark.parametrize("name", ["esp32_ht40/csi.csv", "rooms/csi/room3/v18/3-mt-experiment-1-v18.csv"])
def test_phase_of_real_esp32_captures_repeats_from_packet_to_packet(real_data, name):
    capture = read_capture(real_data / name)
    spread = spread_over_time(sanitise(capture.csi, capture.subcarriers, capture.valid))
    assert spread.mean() < 0.1


def spread_of_windows(csi, packets):
    whole = csi[: len(csi) // packets * packets].reshape(-1, packets, *csi.shape[1:])
    return np.median([spread_over_time(window) for window in whole])


@pytest.mark.parametrize(
    "name", ["esp32_ht40/csi.csv", "intel5300/log.all_csi.6.7.6.dat", "intel5300/sample_0x1_ap.dat"]
)
def test_over_ten_packets_of_real_captures_a_tenth_of_the_raw_spread_is_left(real_data, name):
    if name.startswith("intel"):
        capture = read_intel5300(real_data / "captures" / name)[0]
    else:
        capture = read_capture(real_data / name)
    sane = sanitise(capture.csi, capture.subcarriers, capture.valid)
    assert 0 < spread_of_windows(sane, 10) < spread_of_windows(capture.csi, 10) / 10


def test_the_phase_between_antennas_of_an_intel_5300_is_known_up_to_quarter_turns(real_data):
    """So joint lines, products and ratios do not repeat on it, whatever this project does."""
    capture = read_intel5300(real_data / "captures" / "intel5300" / "sample_0x1_ap.dat")[0]
    between = np.angle((capture.csi[:, 1] * capture.csi[:, 0].conj()).sum(-1))
    assert np.abs(np.exp(4j * between).mean()) > 0.98
    assert np.abs(np.exp(1j * between).mean()) < 0.5 and np.abs(np.exp(2j * between).mean()) < 0.5
