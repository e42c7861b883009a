"""The composition: known disturbances go, the order of the steps, what is kept, and what cannot be prepared."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from made_captures import made

from csi2pc.csi.in_time import filter_in_time
from csi2pc.csi.layouts import HT20, HT40, INTEL5300_HT40
from csi2pc.csi.level import level_packets
from csi2pc.csi.phase import sanitise
from csi2pc.csi.prepare import prepare, prepare_packets
from csi2pc.csi.prepare_config import LevelKind, PhaseKind, PrepareConfig
from csi2pc.csi.repair import repair
from csi2pc.errors import DataError

SANE = [kind for kind in PhaseKind.__args__ if kind not in ("none", "joint_slope")]
LEVELS = [kind for kind in LevelKind.__args__ if kind != "none"]


@pytest.fixture
def capture():
    return made(packets=30, holes=0.05)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("phase", SANE)
def test_sto_cfo_and_gain_are_gone(phase, level):
    config = PrepareConfig(phase=phase, level=level)
    got, ideal = prepare(made(tx=2), config), prepare(made(tx=2, disturbed=False), config)
    assert np.abs(got.csi - ideal.csi).max() < 1e-4 * np.abs(ideal.csi).max()


@pytest.mark.parametrize("phase", SANE)
def test_what_comes_back_is_the_channel_within_the_noise(phase):
    config = PrepareConfig(phase=phase)
    got = prepare(made(noise=0.02, holes=0.02), config)
    ideal = prepare(made(disturbed=False), config)
    error = np.abs(got.csi - ideal.csi)[got.valid]
    # Product and ratio carry the noise of two antennas; a line by two tones that of these two on all others.
    assert np.sqrt(np.square(error).mean()) < {"two_point": 5, "antenna_ratio": 4}.get(phase, 2.5) * 0.02


def test_joint_keeps_the_phase_between_antennas():
    channel, got = made(disturbed=False).csi, prepare(made(), PrepareConfig(phase="joint", level="none")).csi
    between, true = (np.angle(csi[:, 1] * csi[:, 0].conj()) for csi in (got, channel))
    assert np.allclose(between, true, atol=1e-4)


def test_recorded_levels_keep_the_power_that_a_person_changes():
    power = np.square(np.abs(made(disturbed=False).csi)).mean(-1).sum(-1)  # (T,)
    assert np.ptp(power) > 0.1
    for level, unit in (("rssi", 1.0), ("snr", 1e4), ("agc", 1.0)):
        csi = prepare(made(), PrepareConfig(level=level)).csi
        assert np.allclose(np.square(np.abs(csi)).mean(-1).sum(-1), unit * power, rtol=1e-4)


def test_a_reference_antenna_is_used_up():
    prepared = prepare(made(tx=2), PrepareConfig(phase="antenna_ratio", reference_antenna=1))
    assert (prepared.rx, prepared.tx, prepared.csi.shape[1]) == (2, 2, 4)
    assert prepared.rssi_antennas[0].tolist() == [0, 2]
    assert PrepareConfig(phase="antenna_ratio").receivers(3) == 2 and PrepareConfig().receivers(3) == 3


def test_is_the_composition_of_its_steps(capture):
    wanted = [-58, -3, 2, 40]
    at = np.searchsorted(HT40, wanted)
    csi = repair(capture.csi, capture.valid, HT40)
    csi = level_packets(sanitise(csi, HT40, capture.valid), capture.valid)
    prepared = prepare(capture, PrepareConfig(subcarriers=wanted))
    assert np.array_equal(prepared.csi, csi[..., at])
    assert np.array_equal(prepared.valid, capture.valid[..., at])
    assert prepared.subcarriers.tolist() == wanted and prepared.source == "made"


def test_filters_in_time_come_last(capture):
    config = PrepareConfig(hampel=3, smoothing="savitzky_golay", subcarriers=[-58, 2, 40])
    prepared, expected = prepare(capture, config), filter_in_time(prepare_packets(capture, config), config)
    assert np.array_equal(prepared.csi, expected.csi) and np.array_equal(prepared.valid, expected.valid)
    assert not np.array_equal(prepared.csi, prepare(capture, PrepareConfig(subcarriers=[-58, 2, 40])).csi)


def test_steps_can_be_left_out(capture):
    prepared = prepare(capture, PrepareConfig(phase="none", level="none"))
    assert np.array_equal(prepared.csi, repair(capture.csi, capture.valid, HT40))


@pytest.mark.parametrize("phase", PhaseKind.__args__)
@pytest.mark.parametrize("level", ["packet", "rssi"])
def test_blocks_equal_one_pass(capture, monkeypatch, phase, level):
    config = PrepareConfig(phase=phase, level=level)
    whole = prepare(capture, config)
    monkeypatch.setattr(importlib.import_module("csi2pc.csi.prepare"), "BLOCK", 7 * 342)
    assert np.array_equal(prepare(capture, config).csi, whole.csi)


def test_the_input_is_left_alone(capture):
    before = capture.csi.copy()
    prepare(capture, PrepareConfig(level="rssi", hampel=2, rate=100.0, smoothing="butterworth"))
    assert np.array_equal(capture.csi, before) and not capture.report.notes


def test_other_layouts_are_interpolated_to_the_wanted_subcarriers():
    wanted = [-56, -30, -1, 0, 1, 17, 55]
    config = PrepareConfig(subcarriers=wanted, interpolate=True, level="none")
    fine = prepare(made(indices=np.arange(-58, 59), disturbed=False), PrepareConfig(subcarriers=wanted, level="none"))
    for indices in (HT40, INTEL5300_HT40):
        got = prepare(made(indices=indices), replace(config, level="agc"))
        assert got.subcarriers.tolist() == wanted and got.valid.all()
        # The line is fitted over other tones, so constant and slope may differ between layouts, link by link.
        rest = np.angle(sanitise(got.csi, got.subcarriers) * sanitise(fine.csi, fine.subcarriers).conj())
        assert np.abs(rest).max() < 0.05
        assert np.allclose(np.abs(got.csi), np.abs(fine.csi), atol=0.04)


def test_a_hole_that_interpolation_meets_is_repaired_and_stays_marked():
    capture = made(holes=0.1)
    got = prepare(capture, PrepareConfig(subcarriers=[-30, 0, 30], interpolate=True))
    at = np.searchsorted(HT40, [-30, 30])
    assert np.array_equal(got.valid[..., [0, 2]], capture.valid[..., at])
    assert (got.csi != 0).all()


def test_missing_subcarriers_are_named(capture):
    with pytest.raises(DataError, match=r"made does not measure the subcarriers -1, 1 .* it has -58\.\.-2, 2\.\.58"):
        prepare(capture, PrepareConfig(subcarriers=[-2, -1, 1, 2]))
    with pytest.raises(DataError, match=r"measures the subcarriers -28\.\.-1, 1\.\.28; those asked for, -30, 2, go"):
        prepare(made(indices=HT20), PrepareConfig(subcarriers=[-30, 2], interpolate=True))


@pytest.mark.parametrize(("level", "lacks"), [("rssi", "rssi"), ("snr", "noise_floor"), ("agc", "agc")])
def test_a_level_that_was_not_recorded_is_refused(capture, level, lacks):
    with pytest.raises(DataError, match=rf"made \(test\) has no recorded {lacks}, which level: {level} needs: use"):
        prepare(replace(capture, **{lacks: None}), PrepareConfig(level=level))


def test_packets_without_a_finite_level_count_as_unmeasured(capture):
    rssi = capture.rssi.copy()
    rssi[[3, 7]] = np.nan
    prepared = prepare(replace(capture, rssi=rssi), PrepareConfig(level="rssi"))
    assert not prepared.valid[[3, 7]].any() and not prepared.csi[[3, 7]].any()
    assert np.array_equal(np.delete(prepared.valid, [3, 7], 0), np.delete(capture.valid, [3, 7], 0))
    assert prepared.report.notes == ["2 packets without a finite rssi count as unmeasured"] and not capture.report.notes


@pytest.mark.parametrize("phase", ["conjugate_product", "antenna_ratio", "joint"])
def test_a_reference_antenna_that_is_not_there_is_refused(capture, phase):
    with pytest.raises(DataError, match=rf"made has 3 receive antennas; phase: {phase} needs .*got 3: choose"):
        prepare(capture, PrepareConfig(phase=phase, reference_antenna=3))


def test_one_antenna_has_no_reference():
    with pytest.raises(DataError, match="made has 1 receive antennas; phase: antenna_ratio needs at least 2"):
        prepare(made(rx=1), PrepareConfig(phase="antenna_ratio"))
    assert np.isfinite(prepare(made(rx=1), PrepareConfig(phase="joint")).csi).all()


@pytest.mark.parametrize("phase", PhaseKind.__args__)
@pytest.mark.parametrize("level", LevelKind.__args__)
def test_links_without_anything_measured_stay_empty(phase, level):
    capture = made(packets=12)
    valid = capture.valid.copy()
    valid[:, 0], valid[4] = False, False
    capture = replace(capture, csi=np.where(valid, capture.csi, 0), valid=valid)
    config = PrepareConfig(phase=phase, level=level, hampel=2, smoothing="savitzky_golay", smoothing_window=5)
    prepared = prepare(capture, config)
    assert np.isfinite(prepared.csi).all()
    assert not prepared.valid[4].any() and not prepared.csi[4].any()
    if phase in ("conjugate_product", "antenna_ratio", "joint"):
        assert not prepared.valid.any() and not prepared.csi.any()
    else:
        assert not prepared.csi[:, 0].any() and prepared.valid[5, 1:].all()


def test_packets_too_far_apart_to_resample_are_refused():
    with pytest.raises(DataError, match=r"no instant at 100 Hz lies between packets at most 0\.1 s apart; .* 0\.3 s"):
        prepare(made(packets=5, rate=1 / 0.3), PrepareConfig(rate=100.0))


@pytest.mark.parametrize("config", [PrepareConfig(), PrepareConfig(hampel=3, rate=100.0, smoothing="butterworth")])
def test_no_packets_give_no_packets(config):
    assert len(prepare(made(packets=0), config)) == 0
