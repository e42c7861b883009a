"""Captures whose channel and disturbances are known: explicit paths, and STO, CFO and gain new for each packet."""

import numpy as np

from csi2pc.csi.layouts import HT40
from csi2pc.types import Capture


def paths(times, indices, links, *, seed=3):
    """A steady room and one echo that moves: complex ``(T, A, S)``, smooth in time, amplitude about 1."""
    rng = np.random.default_rng(seed)
    delays = np.array([0.0, 0.004, 0.009])  # turns an index
    gains = np.array([1.0, 0.3, 0.2]) * np.exp(2j * np.pi * rng.random((links, 3)))
    room = (gains[:, :, None] * np.exp(-2j * np.pi * delays[:, None] * indices)).sum(1)  # (A, S)
    moving = 0.15 * np.exp(2j * np.pi * (3.0 * times[:, None, None] - 0.006 * indices + rng.random((links, 1))))
    return room + moving


def made(*, packets=60, rx=3, tx=1, indices=HT40, rate=100.0, noise=0.0, holes=0.0, seed=0, disturbed=True, **fields):
    """A capture of :func:`paths`; ``disturbed=False`` is the same one as an ideal receiver sees it.

    RSSI, noise floor and AGC are recorded without error: power in units of the true amplitude, gain of the receiver.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(packets) / rate + 0.5 / rate
    csi = paths(times, indices, rx * tx)
    power = 10 * np.log10(np.square(np.abs(csi)).mean(-1).sum(-1))
    line = rng.uniform(-0.6, 0.6, (packets, 1, 1)) * indices + rng.uniform(-np.pi, np.pi, (packets, 1, 1))
    gain = rng.uniform(20, 45, packets)
    csi = csi + noise * (rng.normal(size=csi.shape) + 1j * rng.normal(size=csi.shape)) / np.sqrt(2)
    if disturbed:
        csi = csi * np.exp(1j * line) * 10 ** (gain / 20)[:, None, None]
    valid = rng.random(csi.shape) >= holes
    recorded = {
        "rssi": (power - 50).astype(np.float32),
        "noise_floor": np.full(packets, -90, np.float32),
        "agc": (gain if disturbed else 0 * gain).astype(np.float32),
        "rssi_antennas": np.tile(np.arange(rx, dtype=np.float32), (packets, 1)),
        "fields": {"sequence": np.arange(packets)},
    }
    return Capture(
        csi=np.where(valid, csi, 0).astype(np.complex64), valid=valid, timestamps=times, subcarriers=np.array(indices),
        rx=rx, tx=tx, source="made", device="test", **{**recorded, **fields},
    )  # fmt: skip
