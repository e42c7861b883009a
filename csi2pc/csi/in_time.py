"""The steps of preparing that look at several packets: outliers, resampling, smoothing, run by gapless run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..types import Capture, Report
from .hampel import hampel
from .prepare_config import PrepareConfig
from .resample import gapless_runs, resample, uniform_instants
from .smoothing import butterworth, savitzky_golay

#: Entries (packets x series x window) worked on at a time: double precision is never needed for a whole capture.
BLOCK = 2**22

Step = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def filter_in_time(capture: Capture, config: PrepareConfig) -> Capture:
    """Hampel on the amplitude, resampling, then smoothing, as far as ``config`` asks for them.

    Args:
        capture: with repair, phase, level and subcarriers done.
        config: of the steps.

    Returns:
        A capture of the same packets, or, with ``config.rate``, of the uniform instants within gapless runs, to
        which the recorded fields of packets (RSSI and so on) no longer apply. Outliers have the median amplitude and
        are not valid. An instant's entry is valid where it lies between measured ones at most ``max_gap`` apart;
        the others are interpolated between repaired ones, and 0 where there are none.
    """
    if config.hampel:
        width = 2 * config.hampel + 1
        capture = _by_run(capture, config.max_gap, width, lambda csi, valid: _hampel(csi, valid, config))
    if config.rate is not None:
        capture = _resampled(capture, config.rate, config.max_gap)
    if config.smoothing != "none":
        width = config.smoothing_window if config.smoothing == "savitzky_golay" else 1
        step = config.max_gap if config.rate is None else 1 / config.rate
        capture = _by_run(capture, step, width, lambda csi, valid: _smoothed(csi, valid, config))
    return capture


def has_value(capture: Capture) -> np.ndarray:
    """bool ``(T, A, S)``: what was measured or repaired, all but the entries left open, which are 0."""
    return capture.valid | (capture.csi != 0)


def _by_run(capture: Capture, max_gap: float, width: int, step: Step) -> Capture:
    """Apply a step on ``(T, N)`` to each gapless run, some series at a time; it looks at ``width`` packets."""
    shape = capture.csi.shape
    series = shape[1] * shape[2]
    csi, valid = (array.reshape(shape[0], series).copy() for array in (capture.csi, capture.valid))
    for run in gapless_runs(capture.timestamps, max_gap=max_gap):
        together = max(1, BLOCK // (width * (run.stop - run.start)))
        for start in range(0, series, together):
            part = (run, slice(start, start + together))
            csi[part], valid[part] = step(csi[part], valid[part])
    return replace(capture, csi=csi.reshape(shape), valid=valid.reshape(shape))


def _hampel(csi: np.ndarray, valid: np.ndarray, config: PrepareConfig) -> tuple[np.ndarray, np.ndarray]:
    amplitude = np.abs(csi)
    changed, valid = hampel(amplitude, valid, half=config.hampel, threshold=config.hampel_threshold)
    return _with_amplitude(csi, amplitude, changed), valid


def _smoothed(csi: np.ndarray, valid: np.ndarray, config: PrepareConfig) -> tuple[np.ndarray, np.ndarray]:
    if config.smoothed == "complex":
        return _smooth(csi, valid, config), valid
    amplitude = np.abs(csi)
    # A filter that overshoots beside a deep fade must not turn the phase by pi.
    return _with_amplitude(csi, amplitude, np.maximum(_smooth(amplitude, valid, config), 0)), valid


def _smooth(values: np.ndarray, valid: np.ndarray, config: PrepareConfig) -> np.ndarray:
    if config.smoothing == "savitzky_golay":
        return savitzky_golay(values, valid, window=config.smoothing_window, order=config.smoothing_order)
    return butterworth(values, valid, rate=config.rate, cutoff=config.cutoff, order=config.smoothing_order)


def _with_amplitude(csi: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """``csi``, of amplitude ``old``, with amplitude ``new`` where that differs; phase 0 where it had none."""
    scale = new / np.where(old > 0, old, 1)
    return np.where(new == old, csi, np.where(old > 0, csi * scale, new)).astype(csi.dtype)


def _resampled(capture: Capture, rate: float, max_gap: float) -> Capture:
    instants = uniform_instants(capture.timestamps, rate=rate, max_gap=max_gap)
    packets, links, tones = capture.csi.shape
    csi = np.empty((len(instants), links, tones), dtype=np.complex64)
    valid = np.empty(csi.shape, dtype=bool)
    together = max(1, BLOCK // (max(packets, len(instants), 1) * tones))
    for start in range(0, links, together):
        part = (slice(None), slice(start, start + together))
        at = (capture.timestamps, instants)
        csi[part], valid[part] = resample(capture.csi[part], capture.valid[part], *at, max_gap=max_gap)
        if not valid[part].all():
            repaired, _ = resample(capture.csi[part], has_value(capture)[part], *at, max_gap=max_gap)
            csi[part] = np.where(valid[part], csi[part], repaired)
    report = Report(capture.report.read, list(capture.report.skipped), list(capture.report.notes))
    gaps = max(0, len(gapless_runs(capture.timestamps, max_gap=max_gap)) - 1)
    report.notes.append(f"resampled to {rate:g} Hz: {len(instants)} of {packets} packets, {gaps} gaps left open")
    return replace(
        capture, csi=csi, valid=valid, timestamps=instants, rssi=None, noise_floor=None, agc=None,
        rssi_antennas=None, fields={}, report=report,
    )  # fmt: skip
