"""The composition: order of the steps, what is kept, and configurations that cannot work."""

import importlib

import jsonargparse
import numpy as np
import pytest

from csi2pc.csi.layouts import HT40
from csi2pc.csi.level import level_packets
from csi2pc.csi.phase import sanitise
from csi2pc.csi.prepare import PrepareConfig, prepare
from csi2pc.csi.repair import repair
from csi2pc.errors import ConfigError, DataError
from csi2pc.types import Capture


@pytest.fixture
def capture(rng):
    """A steady two-path channel under random STO, CFO and gain, with holes."""
    path = 1 + 0.4 * np.exp(-1j * (0.04 * HT40 + np.arange(3)[:, None]))
    line = rng.uniform(-1, 1, (30, 3, 1)) * HT40 + rng.uniform(-3, 3, (30, 3, 1))
    csi = path * np.exp(1j * line) * rng.uniform(20, 200, (30, 3, 1))
    valid = rng.random(csi.shape) > 0.05
    return Capture(
        csi=np.where(valid, csi, 0).astype(np.complex64), valid=valid, timestamps=np.arange(30) * 0.01,
        subcarriers=HT40, rx=3, source="test",
    )  # fmt: skip


def test_sto_cfo_and_gain_are_gone(capture):
    prepared = prepare(capture, PrepareConfig())
    spread = np.abs(prepared.csi - prepared.csi.mean(0))
    assert spread.max() < 0.05 and spread.mean() < 0.01
    assert np.array_equal(prepared.valid, capture.valid)


def test_is_the_composition_of_its_steps(capture):
    wanted = [-58, -3, 2, 40]
    at = np.searchsorted(HT40, wanted)
    csi = repair(capture.csi, capture.valid, HT40)
    csi = level_packets(sanitise(csi, HT40, capture.valid), capture.valid)
    prepared = prepare(capture, PrepareConfig(subcarriers=wanted))
    assert np.array_equal(prepared.csi, csi[..., at])
    assert np.array_equal(prepared.valid, capture.valid[..., at])
    assert prepared.subcarriers.tolist() == wanted and prepared.source == "test"


def test_steps_can_be_left_out(capture):
    prepared = prepare(capture, PrepareConfig(phase="none", level="none"))
    assert np.array_equal(prepared.csi, repair(capture.csi, capture.valid, HT40))


def test_blocks_equal_one_pass(capture, monkeypatch):
    whole = prepare(capture, PrepareConfig())
    monkeypatch.setattr(importlib.import_module("csi2pc.csi.prepare"), "BLOCK", 7)
    assert np.array_equal(prepare(capture, PrepareConfig()).csi, whole.csi)


def test_the_input_is_left_alone(capture):
    before = capture.csi.copy()
    prepare(capture, PrepareConfig())
    assert np.array_equal(capture.csi, before)


def test_missing_subcarriers_are_named(capture):
    with pytest.raises(DataError, match=r"test does not measure the subcarriers -1, 1 .* it has -58\.\.-2, 2\.\.58"):
        prepare(capture, PrepareConfig(subcarriers=[-2, -1, 1, 2]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window": 0}, "window must be at least 1 packet; got 0"),
        ({"duration": 0.0}, "duration must be more than 0 seconds; got 0"),
        ({"duration": float("nan")}, "duration must be more than 0 seconds; got nan"),
        ({"subcarriers": [1, 3, 2]}, r"strictly increasing indices; got \[1, 3, 2\]"),
        ({"subcarriers": []}, r"strictly increasing indices; got \[\]"),
        ({"max_unmeasured": 1.1}, "max_unmeasured is a share, 0 to 1; got 1.1"),
        ({"tolerance": 0.0}, "tolerance must be above 0 and at most 1 slot; got 0"),
        ({"phase": "joint"}, "phase must be one of none, per_antenna; got 'joint'"),
        ({"level": "rssi"}, "level must be one of none, packet_antenna; got 'rssi'"),
        ({"channels": "iq"}, "channels must be one of amplitude_phase, log_amplitude_sin_cos; got 'iq'"),
    ],
)
def test_impossible_configurations_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        PrepareConfig(**values)


def test_the_command_line_can_set_every_field():
    arguments = ["--subcarriers=[-2, 2]", "--phase=none", "--window=20"]
    config = jsonargparse.auto_cli(PrepareConfig, args=arguments)
    assert config == PrepareConfig(subcarriers=[-2, 2], phase="none", window=20)
    with pytest.raises(SystemExit):
        jsonargparse.auto_cli(PrepareConfig, args=["--phase=joint"])
