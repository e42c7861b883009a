"""Complex CSI as the real channels a network reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Added to the amplitude before its logarithm: 1 % (-40 dB) of the level that level.py sets to 1, about one step
#: of the I/Q quantisation of the chips this project reads (amplitudes of some 20 to 200 steps). A deeper fade is
#: quantisation noise, and its logarithm would only amplify that.
LOG_FLOOR = 0.01


def amplitude_phase(csi: np.ndarray) -> np.ndarray:
    """Linear amplitude and phase in radians (-pi, pi], the published CSI2PC input.

    Args:
        csi: complex64 ``(...)``.

    Returns:
        float32 ``(2, ...)``; 0 where ``csi`` is 0.
    """
    return np.stack([np.abs(csi), np.angle(csi)]).astype(np.float32, copy=False)


def log_amplitude_sin_cos(csi: np.ndarray) -> np.ndarray:
    """``ln(|H| + LOG_FLOOR)``, sine and cosine of the phase: no jump at +-pi, fades and peaks on one scale.

    Args:
        csi: complex64 ``(...)``, of level about 1.

    Returns:
        float32 ``(3, ...)``, always finite; where ``csi`` is 0 it has no phase: sine and cosine are 0.
    """
    amplitude = np.abs(csi)
    scale = 1 / np.where(amplitude > 0, amplitude, 1)
    channels = [np.log(amplitude + LOG_FLOOR), csi.imag * scale, csi.real * scale]
    return np.stack(channels).astype(np.float32, copy=False)


_COMPUTE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "amplitude_phase": amplitude_phase,
    "log_amplitude_sin_cos": log_amplitude_sin_cos,
}

#: Number of channels of each choice of ``PrepareConfig.channels``.
CHANNELS: dict[str, int] = {"amplitude_phase": 2, "log_amplitude_sin_cos": 3}


def channels(csi: np.ndarray, kind: str) -> np.ndarray:
    """The channels named ``kind`` (a key of :data:`CHANNELS`), float32 ``(C, ...)``."""
    return _COMPUTE[kind](csi)
