"""Receivers of one session: captures brought to the session's clock, and windows of several as links of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..csi.features import CHANNELS, channels
from ..csi.layouts import describe_indices
from ..csi.prepare import prepare
from ..csi.prepare_config import PrepareConfig
from ..csi.read import read_capture
from ..csi.windows import Windows, windows_at
from ..errors import ConfigError, DataError
from ..types import Capture, Report
from .clocks import Clock
from .frames import Layout


@dataclass(frozen=True)
class Receiver:
    """One of several receivers that recorded a session at the same time.

    Attributes:
        capture: its file or folder, relative to the data root.
        clock: how its clock meets the session's.
        reader: options for the capture format's reader.
    """

    capture: str
    clock: Clock = field(default_factory=Clock)
    reader: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.capture:
            raise ConfigError("capture must name the receiver's file; got an empty text")


@dataclass(frozen=True, eq=False)
class Received:
    """What one receiver gave.

    Attributes:
        capture: its packets, prepared and on the session's clock.
        captured: true indices before the preparation chose among them.
        rx: receive antennas before the preparation used one up.
    """

    capture: Capture
    captured: tuple[int, ...]
    rx: int


def receive(path: Path, clock: Clock, reader: Mapping[str, Any], config: PrepareConfig) -> Received:
    """Read and prepare a capture; its timestamps become the session's.

    Raises:
        DataError: it cannot be read or prepared.
        ConfigError: its reader has no such option.
    """
    recorded = read_capture(path, **reader)
    capture = prepare(recorded, config)
    capture = replace(capture, timestamps=clock.to_session(capture.timestamps))
    return Received(capture, tuple(recorded.subcarriers.tolist()), recorded.rx)


def common_layout(received: Mapping[str, Received], *, together: bool) -> Layout:
    """The layout of a sample: of one receiver, or of all ``together``, whose receive antennas are then counted on.

    Raises:
        DataError: receivers differ in transmit antennas or subcarriers, or, unless together, in receive antennas.
    """
    compared = {
        "transmit antennas": lambda entry: entry.capture.tx,
        "receive antennas": lambda entry: 0 if together else entry.rx,
        "subcarriers": lambda entry: describe_indices(entry.capture.subcarriers),
    }
    (first, one), *others = received.items()
    for name, other in others:
        for what, of in compared.items():
            if of(one) != of(other):
                raise DataError(
                    f"receivers of one session must have the same {what}; {first} has {of(one)}, {name} has "
                    f"{of(other)}: choose common subcarriers with prepare.subcarriers or an option of their reader, or "
                    f"make a session of each"
                )
    entries = list(received.values())
    devices = [entry.capture.device for entry in entries]
    return Layout(
        subcarriers=tuple(one.capture.subcarriers.tolist()),
        captured=one.captured if len({entry.captured for entry in entries}) == 1 else (),
        rx=sum(entry.rx for entry in entries) if together else one.rx,
        tx=one.capture.tx,
        device=" + ".join(devices if together else sorted(set(devices))),
    )


def joint_windows(captures: Sequence[Capture], times: np.ndarray, config: PrepareConfig) -> Windows:
    """Windows of several receivers as links of one sample, each cut as :func:`~csi2pc.csi.windows.windows_at` does.

    The receivers' receive antennas follow one another in the order given, still rx fastest, within each transmit
    antenna. Where a receiver has no packet in a window, its links are not valid; the window is rejected where more
    than ``max_unmeasured`` of all links together is unmeasured.

    Args:
        captures: prepared under the same ``config``, on one clock, of the same subcarriers and transmit antennas.
        times: ``(F,)`` seconds, centres of the windows.
        config: of the windows.
    """
    if len(captures) == 1:
        return windows_at(captures[0], times, config)
    lenient = replace(config, max_unmeasured=1.0)
    parts = [_whole_set(capture, times, lenient) for capture in captures]
    features = _by_antenna([part.features for part in parts], captures)  # (F, A, S, C, T)
    valid = _by_antenna([part.valid for part in parts], captures)  # (F, A, S, T)
    share = valid.mean((1, 2, 3)) if len(times) else np.zeros(0)
    good = share >= max(1 - config.max_unmeasured - 1e-9, np.finfo(float).tiny)
    report = Report(read=int(good.sum()))
    where = " + ".join(capture.source or "capture" for capture in captures)
    reason = f"more than {config.max_unmeasured:.0%} of the window unmeasured"
    for time in times[~good]:
        report.skip(f"{where} window at {time:.3f} s", reason)
    return Windows(features[good], valid[good], np.flatnonzero(good), report)


def _whole_set(capture: Capture, times: np.ndarray, config: PrepareConfig) -> Windows:
    """A window for every time: those without any packet have the channels of no signal, and nothing of them valid."""
    cut = windows_at(capture, times, config)
    _, links, tones = capture.csi.shape
    nothing = channels(np.zeros(1, dtype=np.complex64), config.channels)[:, 0]  # (C,)
    features = np.empty((len(times), links, tones, CHANNELS[config.channels], config.window), dtype=np.float32)
    features[...] = nothing[:, None]
    valid = np.zeros((len(times), links, tones, config.window), dtype=bool)
    features[cut.kept], valid[cut.kept] = cut.features, cut.valid
    return Windows(features, valid, np.arange(len(times)), cut.report)


def _by_antenna(parts: Sequence[np.ndarray], captures: Sequence[Capture]) -> np.ndarray:
    """Join arrays ``(F, A, ...)`` along the receive antennas."""
    split = [
        part.reshape(len(part), capture.tx, capture.rx, *part.shape[2:])
        for part, capture in zip(parts, captures, strict=True)
    ]
    joined = np.concatenate(split, axis=2)  # (F, tx, sum of rx, ...)
    return joined.reshape(len(joined), joined.shape[1] * joined.shape[2], *joined.shape[3:])
