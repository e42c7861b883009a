"""Captures made for tests, with every optional part, and what it means that two are the same."""

import numpy as np

from csi2pc.csi.layouts import HT20, HT40
from csi2pc.types import Capture, Report, Skipped


def full_capture(rng, packets=50, *, tones=HT40, rx=3, tx=2):
    """Everything that a capture can hold, timing nominal, simulated."""
    shape = (packets, rx * tx, len(tones))
    valid = rng.random(shape) > 0.05
    csi = (rng.integers(-99, 99, shape) + 1j * rng.integers(-99, 99, shape)).astype(np.complex64)
    rssi_antennas = rng.normal(-50, 3, (packets, rx)).astype(np.float32)
    rssi_antennas[0] = np.nan
    return Capture(
        csi=np.where(valid, csi, 0), valid=valid, timestamps=1.7e9 + np.sort(rng.uniform(0, 1, packets)),
        subcarriers=tones.copy(), rx=rx, tx=tx, device="made", source="monday/walk.dat", center_frequency=5.18e9,
        bandwidth=40e6, rssi=rng.normal(-40, 2, packets).astype(np.float32),
        noise_floor=np.full(packets, -92, dtype=np.float32), agc=np.arange(packets, dtype=np.float32),
        rssi_antennas=rssi_antennas,
        fields={
            "sequence": np.arange(packets, dtype=np.uint16), "first/word .": rng.random(packets) > 0.5,
            "mac": np.array(["aa:bb", "ä"] * (packets // 2) + ["cc"] * (packets % 2)),
            "raw": np.array([b"x", b"yz"] * (packets // 2) + [b""] * (packets % 2)),
            "permutation": rng.integers(0, 3, (packets, 3)), "empty": np.empty((packets, 0)),
        },
        timing="nominal", synthetic=True,
        report=Report(packets, [Skipped("monday/walk.dat packet 7", "cut off")], ["a note, with ümlaut"]),
    )  # fmt: skip


def plain_capture(rng, packets=20):
    """Nothing but what must be there."""
    csi = (rng.normal(size=(packets, 1, 56)) + 1j).astype(np.complex64)
    return Capture(csi=csi, valid=np.ones(csi.shape, bool), timestamps=np.arange(packets) / 10, subcarriers=HT20.copy())


def assert_same(one, other):
    """Two captures agree in every field, in values and types."""
    for name in ("csi", "valid", "timestamps", "subcarriers", "rssi", "noise_floor", "agc", "rssi_antennas"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"), name
    for name in ("rx", "tx", "device", "source", "center_frequency", "bandwidth", "timing", "synthetic", "report"):
        assert getattr(one, name) == getattr(other, name), name
        assert type(getattr(one, name)) is type(getattr(other, name)), name
    assert sorted(one.fields) == sorted(other.fields)
    for name, values in one.fields.items():
        assert values.dtype == other.fields[name].dtype and np.array_equal(values, other.fields[name]), name
