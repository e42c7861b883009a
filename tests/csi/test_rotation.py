"""Undoing the rotations of 40 and 80 MHz, and telling from a capture whether one is still in it."""

import numpy as np
import pytest
from made_captures import made

from csi2pc.csi.layouts import HT40, INTEL5300_HT40, LEGACY20, VHT80
from csi2pc.csi.mmfi import read_mmfi_frame
from csi2pc.csi.read import read_capture
from csi2pc.csi.rotation import phase_jump, undo_ht40_rotation, undo_vht80_rotation


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_undoes_the_transmitters_rotation_exactly(rng, dtype):
    csi = (rng.normal(size=(5, 3, 114)) + 1j * rng.normal(size=(5, 3, 114))).astype(dtype)
    rotated = np.where(HT40 > 0, csi.real * 1j - csi.imag, csi).astype(dtype)
    back = undo_ht40_rotation(rotated, HT40)
    assert back.dtype == dtype
    assert np.array_equal(back, csi)


def test_leaves_its_input_alone(rng):
    csi = rng.normal(size=(2, 114)) + 1j
    before = csi.copy()
    undo_ht40_rotation(csi, HT40)
    assert np.array_equal(csi, before)


def test_at_80_mhz_the_lowest_quarter_alone_was_not_turned(rng):
    csi = (rng.normal(size=(4, 2, 242)) + 1j * rng.normal(size=(4, 2, 242))).astype(np.complex64)
    rotation = np.array([1 if k < -64 else -1 for k in VHT80])
    before = csi.copy()
    assert np.array_equal(undo_vht80_rotation((csi * rotation).astype(np.complex64), VHT80), csi)
    assert np.array_equal(undo_vht80_rotation(undo_vht80_rotation(csi, VHT80), VHT80), csi)
    assert np.array_equal(csi, before)


@pytest.mark.parametrize("indices", [HT40, INTEL5300_HT40])
@pytest.mark.parametrize("angle", [-np.pi / 2, 0.0, np.pi / 2])
def test_a_jump_at_the_centre_is_found_under_sto_cfo_and_multipath(indices, angle):
    capture = made(indices=indices, noise=0.02)
    turned = capture.csi * np.where(capture.subcarriers > 0, np.exp(1j * angle), 1)
    assert np.abs(phase_jump(turned, indices) - angle).max() < 0.35


def test_a_jump_at_a_quarter_is_found_there_alone():
    turned = undo_vht80_rotation(made(indices=VHT80).csi, VHT80)
    assert np.abs(phase_jump(turned, VHT80, border=-64)).min() > np.pi - 0.3
    for border in (0, 64):
        assert np.abs(phase_jump(turned, VHT80, border=border)).max() < 0.3


def test_equals_one_packet_at_a_time_and_says_nan_where_a_side_is_missing(rng):
    capture = made(packets=6, holes=0.2)
    valid = capture.valid.copy()
    valid[2, 1, HT40 < 0] = False
    spoiled = np.where(valid, capture.csi, 1e6)
    jump = phase_jump(spoiled, HT40, valid)
    assert np.isnan(jump[2, 1]) and np.isnan(jump).sum() == 1
    for t, a in np.ndindex(6, 3):
        assert np.isclose(phase_jump(capture.csi[t, a], HT40, valid[t, a]), jump[t, a], equal_nan=True)
    assert np.isnan(phase_jump(capture.csi[..., :20], HT40[:20])).all()


def test_real_recordings_whose_rotation_is_undone_have_no_jump(real_data):
    frame = read_mmfi_frame(real_data / "mmfi" / "frame001.mat")
    assert np.abs(phase_jump(frame.csi, frame.subcarriers, frame.valid)).max() < 0.25
    as_stored = frame.csi * np.where(frame.subcarriers > 0, 1j, 1)
    assert np.abs(phase_jump(as_stored, frame.subcarriers) - np.pi / 2).max() < 0.25
    walking = read_capture(real_data / "esp32_ht40" / "csi.csv")
    assert np.abs(np.median(phase_jump(walking.csi, walking.subcarriers))) < 0.5
    legacy = read_capture(real_data / "rooms" / "csi" / "room3" / "v18" / "3-mt-experiment-1-v18.csv")
    assert len(legacy.subcarriers) == len(LEGACY20)
    assert np.abs(np.median(phase_jump(legacy.csi, legacy.subcarriers))) < 0.2
