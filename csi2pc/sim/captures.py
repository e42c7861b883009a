"""CSI of other layouts than MM-Fi's: a capture file of the project's own for each receiver, and a manifest for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .. import __version__
from ..csi.container_hdf5 import write_capture_hdf5
from ..data.atomic import replacing
from ..types import Capture, Report
from .config import SimConfig

MANIFEST = "manifest.yaml"
#: The sensors that give targets, in the order of a manifest's streams: the first gives the frames.
SENSORS = ("lidar", "depth", "mmwave")
#: Shares of the sequences that a manifest puts into test and validation, at least one each of three or more.
_SHARES = {"test": 0.15, "validation": 0.15}


def capture_path(root: Path, sequence: str, receiver: str) -> Path:
    """Where a receiver's capture of a sequence lies."""
    return root / sequence / "wifi-csi" / f"{receiver}.h5"


def write_capture(
    path: Path, csi: np.ndarray, times: np.ndarray, *, antennas: int, config: SimConfig, source: str
) -> None:
    """Write what one receiver measured.

    Args:
        path: of the file.
        csi: complex ``(T, A, S)`` as the hardware gives it, integer I and Q, no rotation. I = Q = 0 is kept as not
            measured, as MM-Fi's reader takes it.
        times: float ``(T,)`` seconds.
        antennas: of the receiver.
        config: the simulation.
        source: what the capture calls its origin.

    Raises:
        DataError: it cannot be written.
    """
    capture = Capture(
        csi=csi.astype(np.complex64),
        valid=csi != 0,
        timestamps=times,
        subcarriers=config.radio.subcarriers,
        rx=antennas,
        tx=len(config.radio.transmitters),
        device=config.radio.device,
        source=source,
        center_frequency=config.radio.frequency,
        bandwidth=config.radio.bandwidth,
        synthetic=True,
        report=Report(read=len(csi)),
    )
    made_by = {"made_by": "csi2pc simulate", "version": __version__, "seed": config.seed}
    write_capture_hdf5(path, [capture], provenance=made_by)


def write_manifest(config: SimConfig, root: Path, sequences: list[str], *, rate: float) -> None:
    """Write the manifest of a simulated data set, in the format of own recordings.

    Every sequence is a session; the clouds of all sensors, fused, are its target. Sequences are put into test,
    validation and training at random by the simulation's seed.

    Args:
        config: the simulation, with at least one of :data:`SENSORS`.
        root: the data set's folder.
        sequences: names, "E01/S03/A12".
        rate: frames a second.

    Raises:
        DataError: it cannot be written.
    """
    parts = _parts(config.seed, len(sequences))
    content = {
        "name": "simulated",
        "source": f"synthetic: csi2pc simulate, version {__version__}, seed {config.seed}; see .csi2pc/simulation.json",
        "sessions": [_session(config, name, part, rate) for name, part in zip(sequences, parts, strict=True)],
    }
    with replacing(root / MANIFEST) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _parts(seed: int, count: int) -> list[str]:
    parts, order = ["train"] * count, np.random.default_rng(np.random.SeedSequence([seed, 4])).permutation(count)
    taken = 0
    for part, share in _SHARES.items():
        for place in order[taken : taken + max(1, round(share * count))] if count > 2 else order[:0]:
            parts[place] = part
            taken += 1
    return parts


def _session(config: SimConfig, name: str, part: str, rate: float) -> dict[str, Any]:
    scene, subject, action = name.split("/")
    session = {"id": name, "split": part, "scene": scene, "subject": subject, "action": action}
    files = {receiver: capture_path(Path(), name, receiver).as_posix() for receiver in config.radio.antennas}
    if len(files) == 1:
        session["captures"] = list(files.values())
    else:
        session["receivers"] = {receiver: {"capture": file} for receiver, file in files.items()}
    streams = {
        sensor: _stream(config, name, sensor, rate) for sensor in SENSORS if sensor in config.modalities
    }
    return {**session, "target": {"streams": streams}}


def _stream(config: SimConfig, name: str, sensor: str, rate: float) -> dict[str, Any]:
    ending = "png" if sensor == "depth" else "bin"
    # Frames count from 1 and are taken in the middle of their time.
    stream: dict[str, Any] = {"files": f"{name}/{sensor}/frame{{index}}.{ending}", "rate": rate, "start": -0.5 / rate}
    if sensor == "depth":
        camera = config.depth
        intrinsics = {"fx": camera.focal, "fy": camera.focal, "cx": camera.center[0], "cy": camera.center[1]}
        stream |= {"format": "depth", "unit": "millimetres"}
        stream["intrinsics"] = {**intrinsics, "width": camera.width, "height": camera.height}
        return stream
    columns = {"lidar": 3, "mmwave": 5}[sensor]
    from ..data.targets import TargetConfig  # needs torch, which would make every worker start a second later

    stands = getattr(TargetConfig(), f"{sensor}_extrinsics")  # where MM-Fi's stands, and so the simulated one
    stream |= {"format": "bin", "dtype": "float64", "columns": columns, "unit": "metres"}
    stream["extrinsics"] = {"rotation": stands.rotation, "translation": stands.translation}
    return stream
