"""A data set in MM-Fi's layout over time: the person, as each of its sensors saw her."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..csi.mmfi import SIMULATION_RECORD
from ..csi.prepare_config import PrepareConfig
from ..data.mmfi import SCENES, index_mmfi
from ..data.mmfi_frames import MMFiFrames
from ..data.targets import SENSORS, TargetConfig
from ..errors import DataError
from ..evaluation.cloud_sequence import CloudSequence


def data_clouds(root: Path) -> tuple[tuple[str, ...], tuple[str, ...], Callable[[str], CloudSequence]]:
    """Names of a data set's sequences, notes on all of them, and what opens one by its name.

    Clouds are cut out and thinned as targets are by default (:class:`~csi2pc.data.targets.TargetConfig`), one a sensor.

    Raises:
        DataError: no sensor's files, or no usable sequence.
    """
    sensors = [s for s in SENSORS if any(next(root.glob(f"{scene}/S*/A*/{s}"), None) for scene in SCENES)]
    if not sensors:
        raise DataError(f"{root} must hold files of a sensor to show, one of {', '.join(SENSORS)}; it has CSI alone")
    index = index_mmfi(root, sensors=sensors)
    sources = {s: MMFiFrames(index.sequences, TargetConfig(sensors=[s]), PrepareConfig()) for s in sensors}
    synthetic = (root / SIMULATION_RECORD).exists()
    notes = (f"left out: {index.report.summary()}",) if index.report.skipped else ()
    return tuple(s.name for s in index.sequences), notes, lambda name: _sequence(name, sources, synthetic=synthetic)


def _sequence(name: str, sources: dict[str, MMFiFrames], *, synthetic: bool) -> CloudSequence:
    frames = next(iter(sources.values())).frames_of(name)
    clouds = {sensor: lambda i, source=source: source.points(frames[i]) for sensor, source in sources.items()}
    times = np.array([frame.time for frame in frames], dtype=np.float64)
    return CloudSequence(name, tuple(str(frame) for frame in frames), times, clouds, synthetic=synthetic)
