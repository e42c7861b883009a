"""A person who moves now and then, as CSI and as clouds: enough physics for two curves of motion that agree."""

from __future__ import annotations

import numpy as np

from csi2pc.types import Capture

#: Metres.
WAVELENGTH = 0.12


def path(rng: np.random.Generator, *, duration: float, step: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Times ``(K,)`` and positions ``(K, 3)`` of somebody who walks to and fro, with pauses, at up to 1.5 m/s."""
    times = np.arange(0.0, duration + step, step)
    velocity = np.zeros((len(times), 2))
    time = 0.0
    while time < duration:
        length = rng.uniform(0.5, 3.0)
        inside = (times >= time) & (times < time + length)
        if rng.random() < 0.65:
            shape = np.sin(np.pi * (times[inside] - time) / length)
            angle = rng.uniform(0, 2 * np.pi)
            velocity[inside] = shape[:, None] * rng.uniform(0.3, 1.5) * np.array([np.cos(angle), np.sin(angle)])
        time += length
    place = np.cumsum(velocity, axis=0) * step
    return times, np.stack([place[:, 0], np.zeros(len(times)), 3.0 + place[:, 1]], axis=1)


def clouds_at(
    times: np.ndarray, walked: tuple[np.ndarray, np.ndarray], rng: np.random.Generator, *, points: int = 120
) -> list[np.ndarray]:
    """A cloud ``(points, 3)`` at each time: a body of 0.4 x 1.7 x 0.3 m where the person is, 1 cm of noise."""
    clock, place = walked
    centre = np.stack([np.interp(times, clock, place[:, axis]) for axis in range(3)], axis=1)
    body = rng.uniform(-0.5, 0.5, (len(times), points, 3)) * [0.4, 1.7, 0.3]
    return list((centre[:, None] + body + rng.normal(0, 0.01, body.shape)).astype(np.float32))


def capture_at(times: np.ndarray, walked: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> Capture:
    """CSI of 52 tones at packet times: six fixed paths and three by way of the person, 25 dB SNR, AGC, random phase."""
    clock, place = walked
    tones = np.r_[-26:0, 1:27]
    centre = np.stack([np.interp(times, clock, place[:, axis]) for axis in range(3)], axis=1)  # (T, 3)
    csi = np.zeros((len(times), len(tones)), dtype=complex)
    for _ in range(6):
        delay = rng.uniform(0, 60e-9)
        csi += rng.normal() * np.exp(2j * np.pi * (rng.random() - tones * 312.5e3 * delay))
    for _ in range(3):
        ends = rng.uniform([-3, -1, 0], [3, 1, 6], (2, 3))
        length = sum(np.linalg.norm(centre - end, axis=1) for end in ends)  # (T,)
        csi += 0.4 * np.exp(-2j * np.pi * (length[:, None] / WAVELENGTH + tones * 312.5e3 * length[:, None] / 3e8))
    csi += 10 ** (-25 / 20) * np.abs(csi).mean() * (rng.normal(size=csi.shape) + 1j * rng.normal(size=csi.shape))
    csi *= (10 ** (rng.normal(0, 1.2, len(times)) / 20) * np.exp(2j * np.pi * rng.random(len(times))))[:, None]
    values = (csi * 30).astype(np.complex64)[:, None]
    return Capture(csi=values, valid=np.ones(values.shape, bool), timestamps=times, subcarriers=tones.astype(np.int64))
