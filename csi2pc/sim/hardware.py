"""The radio's hardware: what a receiver makes of the channel before it writes integers.

Defaults were set against the one genuine MM-Fi frame that is at hand (``benchmarks/sim_vs_recording.py`` compares):
mean amplitude 129, most gains within 0.35 dB of it and a tenth more than 3 dB off, noise 28.4 dB below the signal as
estimated from it, raw phase uniform between packets, the upper half of the band a quarter turn ahead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError


@dataclass(frozen=True)
class HardwareConfig:
    """Imperfections; each is off where its value is 0 or false.

    Attributes:
        phase: a random phase for every packet, common to the antennas (carrier offset and oscillator phase).
        timing_jitter: seconds, standard deviation of the sampling time offset, common to the antennas.
        gain_jitter: decibels, standard deviation of the gain around the level that automatic gain control holds,
            for every antenna and packet.
        outlier_share: share of antennas and packets whose gain is far off.
        outlier_gain: decibels, standard deviation of those.
        snr: decibels, power of the signal over that of the noise, mean over subcarriers; null for no noise.
        rotation: the upper half of the band stands a quarter turn ahead (802.11n at 40 MHz).
        level: mean amplitude of an antenna and packet that gain control aims at, in steps of the converter.
        bits: of the converter; I and Q are rounded and clipped to them. 0 leaves them unrounded.
        zero_share: share of entries that come out as I = Q = 0.
    """

    phase: bool = True
    timing_jitter: float = 6e-9
    gain_jitter: float = 0.35
    outlier_share: float = 0.2
    outlier_gain: float = 4.0
    snr: float | None = 29.5
    rotation: bool = True
    level: float = 128.0
    bits: int = 10
    zero_share: float = 1e-4

    def __post_init__(self) -> None:
        for name, high in (
            ("timing_jitter", 1e-6),
            ("gain_jitter", 20.0),
            ("outlier_share", 1.0),
            ("outlier_gain", 20.0),
            ("zero_share", 1.0),
        ):
            if not 0.0 <= getattr(self, name) <= high:
                raise ConfigError(f"hardware.{name} must lie within 0..{high}; got {getattr(self, name)}")
        if self.bits != 0 and not 2 <= self.bits <= 16:
            raise ConfigError(f"hardware.bits must be 0 or lie within 2..16; got {self.bits}")
        if not self.level > 0:
            raise ConfigError(f"hardware.level must be above 0; got {self.level}")


def measured(
    response: np.ndarray,
    subcarriers: np.ndarray,
    *,
    spacing: float,
    config: HardwareConfig,
    rng: np.random.Generator,
) -> np.ndarray:
    """CSI as the receiver reports it.

    Args:
        response: complex ``(P, R, S)``, the channel at each packet.
        subcarriers: int ``(S,)``, true indices.
        spacing: hertz between neighbouring indices.
        config: imperfections.
        rng: everything random comes from here.

    Returns:
        complex128 ``(P, R, S)`` with integer real and imaginary parts (unless ``bits`` is 0), rotation left in.
    """
    packets, antennas, tones = response.shape
    csi = response / np.abs(response).mean(axis=-1, keepdims=True)  # gain control, packet by packet
    if config.phase:
        csi = csi * np.exp(2j * np.pi * rng.uniform(size=(packets, 1, 1)))
    late = config.timing_jitter * rng.normal(size=(packets, 1, 1))
    csi = csi * np.exp(-2j * np.pi * spacing * subcarriers * late)
    if config.snr is not None:
        power = np.mean(np.abs(csi) ** 2, axis=-1, keepdims=True)
        noise = rng.normal(size=(packets, antennas, tones, 2)) @ (1, 1j) / np.sqrt(2)
        csi = csi + noise * np.sqrt(power * 10 ** (-config.snr / 10))
    if config.rotation:
        csi = np.where(subcarriers > 0, 1j * csi, csi)
    gain = config.gain_jitter * rng.normal(size=(packets, antennas, 1))
    outlier = rng.uniform(size=gain.shape) < config.outlier_share
    gain = np.where(outlier, config.outlier_gain * rng.normal(size=gain.shape), gain)
    csi = csi * config.level * 10 ** (gain / 20)
    if config.bits:
        largest = 2 ** (config.bits - 1) - 1
        csi = np.clip(np.rint(csi.real), -largest, largest) + 1j * np.clip(np.rint(csi.imag), -largest, largest)
    return np.where(rng.uniform(size=csi.shape) < config.zero_share, 0.0, csi)
